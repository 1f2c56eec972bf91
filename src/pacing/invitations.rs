//! What invitations lead to: how many are accepted, how long the answer takes, how many are still open.

use libm::exp;

/// Answers remembered: acceptance is then known to about five points.
const ANSWERS_REMEMBERED: f64 = 100.0;
/// Before answers are known, this many are supposed: all of them accepted, the most careful supposition.
const ANSWERS_SUPPOSED: f64 = 2.0;
/// … after so many seconds.
const ANSWER_TIME_SUPPOSED: f64 = 20.0;
/// The lowest acceptance that is believed; it bounds the allowance at a hundred invitations for a seat.
const ACCEPTANCE_AT_LEAST: f64 = 0.01;

/// What was learned of invitations.
#[derive(Clone, Copy, Debug)]
pub(super) struct Invitations {
    answered: f64,
    accepted: f64,
    /// Seconds that invitations were open, in all.
    open: f64,
    /// Allowed since the last report and perhaps sent: no report can tell yet.
    unreported: f64,
}

impl Invitations {
    pub(super) const NEW: Self = Self {
        answered: ANSWERS_SUPPOSED,
        accepted: ANSWERS_SUPPOSED,
        open: ANSWERS_SUPPOSED * ANSWER_TIME_SUPPOSED,
        unreported: 0.0,
    };

    /// A report came: so many were answered and accepted since the last one, and so many are pending now.
    pub(super) fn learn(&mut self, answered: f64, accepted: f64, pending: f64, passed: f64) {
        let keep = exp(-answered / ANSWERS_REMEMBERED);
        self.answered = self.answered * keep + answered;
        self.accepted = self.accepted * keep + accepted.min(answered);
        self.open = self.open * keep + pending * passed;
        self.unreported = 0.0;
    }

    /// So many may be sent from now on, for `period` seconds. Where no report tells of pending ones they are supposed to
    /// be answered after the mean time.
    pub(super) fn allow(&mut self, allowance: f64, period: f64, reported: bool) {
        let keep = if reported { 1.0 } else { exp(-period / self.answer_time()) };
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
