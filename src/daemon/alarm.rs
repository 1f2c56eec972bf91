//! When a task means to wake up, and how others wake it before.

use std::cell::Cell;
use std::time::Duration;

use tokio::sync::Notify;

/// The alarm of one task that sleeps.
#[derive(Default)]
pub(crate) struct Alarm {
    at: Cell<Option<Duration>>,
    wake: Notify,
}

impl Alarm {
    /// Sleeps until `at`, for ever if there is no such time, or until it is woken.
    pub(crate) async fn sleep(&self, now: Duration, at: Option<Duration>) {
        self.at.set(at);
        let sleep = at.map_or(Duration::MAX, |at| at.saturating_sub(now));
        let _ = tokio::time::timeout(sleep, self.wake.notified()).await;
    }

    /// Wakes the task at once.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Wakes the task if it would sleep past `until`, because something new made work for it.
    pub(crate) fn wake_before(&self, until: Duration) {
        if self.at.get().is_none_or(|at| at > until) {
            self.at.set(Some(until));
            self.wake();
        }
    }
}
