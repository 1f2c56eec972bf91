//! Estimates acceptance, time of the answer, and number of open invitations.

use libm::exp;

/// Answers remembered: acceptance is known to about five points.
const ANSWERS_REMEMBERED: f64 = 100.0;
/// Answers assumed at first, all of them accepting: the most careful assumption.
const ANSWERS_ASSUMED: f64 = 2.0;
/// … after this many seconds.
const ANSWER_TIME_ASSUMED: f64 = 20.0;
/// The lowest acceptance, which bounds the allowance to a hundred invitations for a seat.
const ACCEPTANCE_AT_LEAST: f64 = 0.01;

#[derive(Clone, Copy, Debug)]
pub(super) struct Invitations {
    answered: f64,
    accepted: f64,
    /// Seconds for which invitations were open, summed.
    open: f64,
    /// Invitations allowed since the last report, which does not include them.
    unreported: f64,
}

impl Default for Invitations {
    fn default() -> Self {
        let open = ANSWERS_ASSUMED * ANSWER_TIME_ASSUMED;
        Self { answered: ANSWERS_ASSUMED, accepted: ANSWERS_ASSUMED, open, unreported: 0.0 }
    }
}

impl Invitations {
    /// Learns from a report: invitations answered, accepted, and pending since the last one.
    pub(super) fn learn(&mut self, answered: f64, accepted: f64, pending: f64, passed: f64) {
        let keep = exp(-answered / ANSWERS_REMEMBERED);
        self.answered = self.answered * keep + answered;
        self.accepted = self.accepted * keep + accepted.min(answered);
        self.open = self.open * keep + pending * passed;
    }

    /// The report includes all pending invitations.
    pub(super) fn reported(&mut self) {
        self.unreported = 0.0;
    }

    /// Adds the `allowance` for the next `period` seconds. Where reports do not have pending
    /// invitations, they count as answered after the assumed time.
    pub(super) fn allow(&mut self, allowance: f64, period: f64, reported: bool) {
        let keep = if reported { 1.0 } else { exp(-period / ANSWER_TIME_ASSUMED) };
        self.unreported = (self.unreported * keep + allowance).min(1e9);
    }

    pub(super) fn acceptance(&self) -> f64 {
        (self.accepted / self.answered).clamp(ACCEPTANCE_AT_LEAST, 1.0)
    }

    /// Mean time to the answer, seconds, by Little's law.
    pub(super) fn answer_time(&self) -> f64 {
        (self.open / self.answered).clamp(0.1, 600.0)
    }

    /// Open invitations, with those that may have been sent since the last report.
    pub(super) fn open(&self, pending: f64) -> f64 {
        pending + self.unreported
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acceptance_and_the_time_to_the_answer_are_found() {
        let mut invitations = Invitations::default();
        // One sent and answered a second, three of ten accepted; fifteen pending: fifteen seconds
        // each.
        for second in 0..1_000 {
            let accepted = if second % 10 < 3 { 1.0 } else { 0.0 };
            invitations.learn(1.0, accepted, 15.0, 1.0);
        }
        assert!((invitations.acceptance() - 0.3).abs() < 0.03, "{}", invitations.acceptance());
        assert!((invitations.answer_time() - 15.0).abs() < 0.1, "{}", invitations.answer_time());
    }

    #[test]
    fn before_anything_is_known_every_invitation_counts_as_accepted() {
        assert!((Invitations::default().acceptance() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn what_was_allowed_counts_until_a_report_came_or_an_answer_is_due() {
        let mut invitations = Invitations::default();
        invitations.allow(4.0, 2.0, true);
        invitations.allow(1.0, 2.0, true);
        assert!((invitations.open(2.0) - 7.0).abs() < 1e-12);
        invitations.reported();
        assert!((invitations.open(7.0) - 7.0).abs() < 1e-12);
        // Where no report includes them, they are assumed to be answered after a while.
        invitations.allow(4.0, 2.0, false);
        invitations.allow(0.0, 200.0, false);
        assert!(invitations.open(0.0) < 0.01);
    }
}
