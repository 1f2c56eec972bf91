//! Does what time alone makes due, and sleeps in between: with no group known it does not wake at all.

use crate::clock;
use crate::context::Shared;
use crate::group_changes::GroupChanges;
use crate::systemd::notify::Manager;
use crate::systemd::status::StatusLine;

/// Groups refreshed in one turn of the event loop: requests and datagrams wait for that many and no more.
const GROUPS_A_TURN: usize = 16;

/// Works until the daemon ends.
pub(crate) async fn run(shared: &'static Shared, manager: &'static Manager) {
    let (group_changes, mut status) = (GroupChanges::default(), StatusLine::new(manager));
    loop {
        while shared.state().refresh(clock::now(), GROUPS_A_TURN) {
            tokio::task::yield_now().await;
        }
        let now = clock::now();
        shared.log.log_suppressed(now);
        status.update(shared, now);
        shared.listeners.log_drops(&shared.log, now);
        let changes = group_changes.log(&mut shared.state(), &shared.log, now);
        let certificate = shared.tls.as_ref().and_then(|tls| tls.tell_expiry(&shared.log, now));
        let wakeups = [shared.state().next_wakeup(now), shared.log.next_wakeup(), changes, certificate];
        shared.alarm.sleep(now, wakeups.into_iter().flatten().min()).await;
    }
}
