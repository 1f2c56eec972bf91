//! Does what time alone makes due, and sleeps in between: with no group known it does not wake at all.

use std::time::Duration;

use crate::clock;
use crate::context::Shared;
use crate::systemd::status;

/// Groups refreshed in one turn of the event loop; requests and datagrams wait no longer than for so many.
const GROUPS_A_TURN: usize = 16;

pub(crate) async fn run(shared: &'static Shared) {
    loop {
        while shared.state().refresh(clock::now(), GROUPS_A_TURN) {
            tokio::task::yield_now().await;
        }
        let now = clock::now();
        shared.log.tell_suppressed(now);
        status::tell(shared, now);
        let changes = shared.group_changes.log(&mut shared.state(), &shared.log, now);
        let certificate = shared.tls.as_ref().and_then(|tls| tls.warn_of_expiry(&shared.log, now));
        let wakeups = [shared.state().next_wakeup(now), shared.log.next_wakeup(), changes, certificate];
        let wakeup = wakeups.into_iter().flatten().min();
        shared.wakeup.set(wakeup);
        let sleep = async {
            match wakeup {
                Some(at) => tokio::time::sleep(at.saturating_sub(now)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = sleep => {}
            () = shared.wake_ticker.notified() => {}
        }
    }
}

/// Wakes the ticker if it would sleep past `until`, because something new made work for it.
pub(crate) fn wake_before(shared: &Shared, until: Duration) {
    if shared.wakeup.get().is_none_or(|wakeup| wakeup > until) {
        shared.wakeup.set(Some(until));
        shared.wake_ticker.notify_one();
    }
}
