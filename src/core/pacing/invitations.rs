//! What invitations lead to: how many are accepted, how long the answer takes, how many are still open.

use libm::exp;

/// Answers remembered: acceptance is then known to about five points.
const ANSWERS_REMEMBERED: f64 = 100.0;
/// Before answers are known, this many are assumed: all of them accepted, the most careful assumption.
const ANSWERS_ASSUMED: f64 = 2.0;
/// … and answered after this many seconds.
const ANSWER_TIME_ASSUMED: f64 = 20.0;
/// The lowest acceptance that is believed; it bounds the allowance at a hundred invitations for a seat.
const ACCEPTANCE_AT_LEAST: f64 = 0.01;

/// What was learned of invitations.
#[derive(Clone, Copy, Debug)]
pub(super) struct Invitations {
    answered: f64,
    accepted: f64,
    /// Seconds that invitations were open, in all.
    open: f64,
    /// Allowed since the last report and perhaps sent: no report can include them yet.
    unreported: f64,
}

impl Default for Invitations {
    fn default() -> Self {
        let open = ANSWERS_ASSUMED * ANSWER_TIME_ASSUMED;
        Self { answered: ANSWERS_ASSUMED, accepted: ANSWERS_ASSUMED, open, unreported: 0.0 }
    }
}

impl Invitations {
    /// Learns from a report: how many were answered and accepted since the last one, and how many were pending meanwhile.
    pub(super) fn learn(&mut self, answered: f64, accepted: f64, pending: f64, passed: f64) {
        let keep = exp(-answered / ANSWERS_REMEMBERED);
        self.answered = self.answered * keep + answered;
        self.accepted = self.accepted * keep + accepted.min(answered);
        self.open = self.open * keep + pending * passed;
    }

    /// A report had all that are pending.
    pub(super) fn reported(&mut self) {
        self.unreported = 0.0;
    }

    /// `allowance` may be sent in the next `period` seconds. Where no report has those pending, they are answered after the
    /// time assumed.
    pub(super) fn allow(&mut self, allowance: f64, period: f64, reported: bool) {
        let keep = if reported { 1.0 } else { exp(-period / ANSWER_TIME_ASSUMED) };
        self.unreported = (self.unreported * keep + allowance).min(1e9);
    }

    /// Share of the invitations answered that is accepted.
    pub(super) fn acceptance(&self) -> f64 {
        (self.accepted / self.answered).clamp(ACCEPTANCE_AT_LEAST, 1.0)
    }

    /// Mean time from sending to the answer, seconds: Little's law.
    pub(super) fn answer_time(&self) -> f64 {
        (self.open / self.answered).clamp(0.1, 600.0)
    }

    /// Invitations out there, counting those that may have been sent since the last report.
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
        // One sent and answered a second, three of ten accepted; fifteen pending: fifteen seconds each.
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
