//! Does what becomes due by time alone, and sleeps in between. With no group known it does not
//! wake.

use crate::clock;
use crate::context::Context;
use crate::group_changes::GroupChanges;
use crate::systemd::{Manager, StatusLine};

/// Groups refreshed in one turn of the event loop; requests and datagrams wait for no more.
const GROUPS_A_TURN: usize = 16;

pub(crate) async fn run(context: &'static Context, manager: &'static Manager) {
    let (group_changes, mut status) = (GroupChanges::default(), StatusLine::new(manager));
    loop {
        while context.state().refresh(clock::now(), GROUPS_A_TURN) {
            tokio::task::yield_now().await;
        }
        let now = clock::now();
        status.update(context, now);
        context.listeners.log_drops(context.log, now);
        let changes = group_changes.log(&mut context.state(), context.log, now);
        let certificate = context.tls.as_ref().and_then(|tls| tls.warn_of_expiry(context.log, now));
        let wakeups = [context.state().next_wakeup(now), changes, certificate];
        context.alarm.sleep(now, wakeups.into_iter().flatten().min()).await;
    }
}
