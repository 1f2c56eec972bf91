//! Wakes one sleeping task, at a set time or earlier.

use std::cell::Cell;
use std::time::Duration;

use tokio::sync::Notify;

#[derive(Default)]
pub(crate) struct Alarm {
    at: Cell<Option<Duration>>,
    wake: Notify,
}

impl Alarm {
    /// Sleeps until `at`, or until woken if that is earlier or `at` is `None`.
    pub(crate) async fn sleep(&self, now: Duration, at: Option<Duration>) {
        self.at.set(at);
        let sleep = at.map_or(Duration::MAX, |at| at.saturating_sub(now));
        let _ = tokio::time::timeout(sleep, self.wake.notified()).await;
    }

    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Wakes the task if it would sleep past `until`.
    pub(crate) fn wake_before(&self, until: Duration) {
        if self.at.get().is_none_or(|at| at > until) {
            self.at.set(Some(until));
            self.wake();
        }
    }
}
