//! How long to wait before the next attempt to connect.

use std::time::Duration;

use crate::limits::Timing;

/// The pause after the last failure.
#[derive(Debug, Default)]
pub struct BackOff {
    last: Option<Duration>,
}

impl BackOff {
    /// Returns the pause after a failure: doubled from one to the next up to the longest, or, for a
    /// refused login, a long one at once.
    pub fn after_failure(&mut self, was_refused: bool, timing: &Timing) -> Duration {
        if was_refused {
            return timing.refused_pause;
        }
        let pause = self.last.map_or(timing.first_pause, |last| (last * 2).min(timing.longest_pause));
        self.last = Some(pause);
        pause
    }

    /// Starts again: a connection lasts.
    pub fn reset(&mut self) {
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_stay_well_below_the_time_to_live_and_start_again_after_statistics() {
        let (mut back_off, timing) = (BackOff::default(), Timing::default());
        let seconds: Vec<u64> = (0..5).map(|_| back_off.after_failure(false, &timing).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 5, 5]);
        assert!(timing.answer + timing.connect + timing.longest_pause < Duration::from_secs(15));
        back_off.reset();
        assert_eq!(back_off.after_failure(false, &timing).as_secs(), 1);
    }

    #[test]
    fn a_refused_login_is_tried_again_less_than_five_times_in_ten_minutes() {
        let (mut back_off, timing) = (BackOff::default(), Timing::default());
        assert!(back_off.after_failure(true, &timing) * 4 > Duration::from_secs(600));
    }
}
