//! Visitors who enter some time after they were allowed: a form before the chat, an answer cached
//! by a proxy. A chain of exponential filters delays the probability: its output applies to those
//! who enter now, its content to those still to enter.

use libm::exp;

/// Filters in the chain: four give the delay a coefficient of variation of one half.
const STAGES: usize = 4;

/// The probability that applied to those in each stage.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct EntryDelay {
    stages: [f32; STAGES],
}

impl EntryDelay {
    /// Passes `seconds` with `probability` in force. Returns the exposure of those who entered
    /// meanwhile, `delay` seconds after they were allowed in the mean.
    pub(super) fn pass(&mut self, probability: f64, seconds: f64, delay: f64) -> f64 {
        let mut open = probability;
        let stage_time = delay / STAGES as f64;
        if stage_time > 0.0 && seconds > 0.0 {
            for stage in &mut self.stages {
                let (before, gone) = (f64::from(*stage), 1.0 - exp(-seconds / stage_time));
                *stage = (before + (open - before) * gone) as f32;
                // The mean output of this stage is the input of the next.
                open += (before - open) * gone * stage_time / seconds;
            }
        }
        open * seconds
    }

    /// Exposure of those still to enter, seconds.
    pub(super) fn under_way(&self, delay: f64) -> f64 {
        let open: f32 = self.stages.iter().sum();
        f64::from(open) * delay / STAGES as f64
    }
}

/// Seconds after the door shut within which late visitors enter.
const SOON: f64 = 60.0;
/// Seconds of a shut door after which half is forgotten.
const SHUT_REMEMBERED: f32 = 36_000.0;
/// Entries, or expected ones, that make a pattern; and the ratio of early to later ones in it.
const ENOUGH: f32 = 10.0;
const PATTERN: f32 = 3.0;

/// Entries while the door is shut, and seconds of it: soon after it shut, and later. Late visitors
/// enter soon; those who never ask go on entering.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct EntriesWhileShut {
    entered: [f32; 2],
    seconds: [f32; 2],
}

impl EntriesWhileShut {
    /// Learns from `entered` within `seconds`, `shut` seconds after the door shut.
    pub(super) fn learn(&mut self, entered: f64, seconds: f64, shut: f64) {
        let when = usize::from(shut >= SOON);
        let keep = if self.seconds[when] > SHUT_REMEMBERED { 0.5 } else { 1.0 };
        self.entered[when] = keep * self.entered[when] + entered as f32;
        self.seconds[when] = keep * self.seconds[when] + seconds as f32;
    }

    pub(super) fn are_late(&self) -> bool {
        let ([soon, later], [seconds_soon, seconds_later]) = (self.entered, self.seconds);
        let expected_later = soon / seconds_soon.max(1.0) * seconds_later;
        soon >= ENOUGH && expected_later >= ENOUGH.max(PATTERN * later)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_was_let_in_enters_sooner_or_later() {
        let mut delay = EntryDelay::default();
        let (mut let_in, mut entered) = (0.0, 0.0);
        for second in 0..600 {
            let open = if second % 60 < 20 { 1.0 } else { 0.0 };
            let_in += open;
            entered += delay.pass(open, 1.0, 30.0);
            assert!((let_in - entered - delay.under_way(30.0)).abs() < 1e-3);
        }
        assert!(delay.under_way(30.0) > 1.0);
        (0..600).for_each(|_| entered += delay.pass(0.0, 1.0, 30.0));
        assert!((let_in - entered).abs() < 1e-3);
    }

    #[test]
    fn without_a_delay_the_door_is_that_of_now() {
        let mut delay = EntryDelay::default();
        assert!((delay.pass(0.25, 2.0, 0.0) - 0.5).abs() < 1e-12);
        assert!(delay.under_way(0.0).abs() < 1e-12);
    }
}
