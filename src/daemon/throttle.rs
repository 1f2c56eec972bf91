//! Limits an event to once per interval, and counts the suppressed ones. Time is an argument.

use std::cell::Cell;
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Throttle {
    interval: Duration,
    last: Cell<Option<Duration>>,
    suppressed: Cell<u64>,
}

impl Throttle {
    pub(crate) const fn new(interval: Duration) -> Self {
        Self { interval, last: Cell::new(None), suppressed: Cell::new(0) }
    }

    /// When the current interval ends. `None`: none was started.
    pub(crate) fn due(&self) -> Option<Duration> {
        self.last.get().map(|last| last + self.interval)
    }

    pub(crate) fn is_due(&self, now: Duration) -> bool {
        self.due().is_none_or(|due| now >= due)
    }

    /// Starts an interval at `now`. Returns the number of suppressed events since the last start,
    /// and the time since then.
    pub(crate) fn start(&self, now: Duration) -> (u64, Duration) {
        let last = self.last.replace(Some(now)).unwrap_or(now);
        (self.suppressed.take(), now.saturating_sub(last))
    }

    /// Starts an interval if one is due; otherwise counts a suppressed event.
    pub(crate) fn start_if_due(&self, now: Duration) -> Option<(u64, Duration)> {
        if self.is_due(now) {
            return Some(self.start(now));
        }
        self.suppressed.set(self.suppressed.get() + 1);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn something_happens_once_per_interval_and_the_rest_is_counted() {
        let at = Duration::from_secs;
        let throttle = Throttle::new(at(60));
        assert_eq!((throttle.due(), throttle.is_due(at(5))), (None, true));
        assert_eq!(throttle.start_if_due(at(5)), Some((0, at(0))));
        assert_eq!(throttle.start_if_due(at(6)), None);
        assert_eq!(throttle.start_if_due(at(64)), None);
        assert_eq!(throttle.due(), Some(at(65)));
        assert_eq!(throttle.start_if_due(at(65)), Some((2, at(60))));
        assert!(!throttle.is_due(at(124)));
    }
}
