//! How much likelier proactive interactions are to be abandoned than all together.
//!
//! Reactive visitors are let in at moments of low risk. Proactive ones come when they come, and so abandon more often than
//! the mean that statistics tell. Where slots are kept for them they shall not bear the abandonment of both: what they
//! run into is reckoned from the risk at each refresh, and the goal held for them.

use libm::exp;

/// Interactions remembered; the ratio changes with the traffic's mixture only.
const REMEMBERED: f64 = 500.0;
/// The risk at the end of a period stands for that of all who enter in it: the ratio is known to about a tenth, and the
/// goal is an upper limit.
const CAREFULLY: f64 = 1.1;

/// Expected interactions, and how many of them are expected to be abandoned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unevenness {
    proactive: f64,
    proactive_risk: f64,
    all: f64,
    all_risk: f64,
}

impl Unevenness {
    pub(super) const NEW: Self = Self { proactive: 0.0, proactive_risk: 0.0, all: 0.0, all_risk: 0.0 };

    /// So many enter at this risk.
    pub(super) fn learn(&mut self, proactive: f64, reactive: f64, risk: f64) {
        let all = proactive + reactive;
        let keep = exp(-all / REMEMBERED);
        self.proactive = keep * self.proactive + proactive;
        self.proactive_risk = keep * self.proactive_risk + proactive * risk;
        self.all = keep * self.all + all;
        self.all_risk = keep * self.all_risk + all * risk;
    }

    /// Risk of the proactive ones ÷ risk of all, ≥ 1.
    pub(super) fn ratio(&self) -> f64 {
        let (here, there) = (self.proactive_risk * self.all, self.all_risk * self.proactive);
        if there > 0.0 { (CAREFULLY * here / there).clamp(1.0, 10.0) } else { 1.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_come_at_bad_moments_are_likelier_to_give_up() {
        let mut unevenness = Unevenness::NEW;
        assert!((unevenness.ratio() - 1.0).abs() < 1e-12, "nothing known");
        for _ in 0..1_000 {
            // Reactive visitors enter at good moments only, proactive ones at good and bad ones.
            unevenness.learn(0.5, 1.5, 0.01);
            unevenness.learn(0.5, 0.0, 0.09);
        }
        // 5 % of the proactive ones, 2.6 % of all.
        let ratio = unevenness.ratio() / CAREFULLY;
        assert!((ratio - 0.05 / 0.026).abs() < 0.03, "{ratio}");
    }
}
