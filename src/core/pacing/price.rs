//! The price: the marginal risk at which the door closes. Measured abandonment sets it.
//!
//! The goal is a constraint (abandoned ≤ goal × entered), and the price its multiplier. Dual ascent moves the price by what
//! the constraint has to spare, so that it settles where the goal is met, whatever the model of the risk has wrong.

use libm::{exp, log};

/// By how much one abandonment moves the logarithm of the price. In large groups, where they are many, it is so much less
/// that the abandonment allowed within one handle time moves the price by a factor e: the number in progress answers no
/// faster, and a price that runs ahead of it swings.
const STEP: f64 = 0.25;
/// The most that one report can move the logarithm of the price; what is more waits for the next report.
const STEP_AT_MOST: f64 = 0.5;
/// The price begins at e^this = twice the goal: a marginal risk of that is, in the mean over all who enter, about the goal.
const START: f64 = core::f64::consts::LN_2;
/// The lowest price, in goals. The marginal risk exceeds the mean one; a model wrong by 30 is not worth following.
const LEAST: f64 = 1.0 / 30.0;
/// The highest price worth having fades by the square of its distance, in e-folds, to what is needed now; so many seconds
/// for a distance of one. Where demand nearly needs it, some three e-folds away, a factor e takes a week; where there is room
/// for all by far, at twenty and more, four hours.
const REACH_FADES: f64 = 7_000_000.0;
/// … and the price may exceed it by this factor e^…: it has to find out what is needed.
const MARGIN: f64 = 1.0;
/// At a risk of this many goals with everyone let in, the door stands wide open: the price of any daemon in a fleet is higher.
const WIDE_OPEN: f64 = 0.25;
/// So much of an abandonment does each visitor weigh who was expected at a door wide open and did not come. Twice as much
/// makes two daemons agree in half the time, and costs some hundredths of a point of abandonment more, for what is expected
/// of such moments is a little too low in the mean.
const FOLLOW: f64 = 0.03;
/// … and in groups of fewer slots than so many, by as much less: they have few such moments, and days to learn by.
const FOLLOW_SLOTS: f64 = 5.0;
/// Smaller risks are as good as none.
const LEAST_RISK: f64 = 1e-12;

/// The price of a group. Logarithms are of the price in goals, so that a new goal finds a price that suits it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Price {
    logarithm: f64,
    /// What the last reports could not move yet.
    owed: f64,
    /// Above this the price has lately changed nothing.
    reach: f64,
}

impl Price {
    pub(super) const NEW: Self = Self { logarithm: START, owed: 0.0, reach: START };

    /// The price, a probability.
    pub(super) fn now(&self, goal: f64) -> f64 {
        (goal * exp(self.logarithm)).min(1.0)
    }

    /// So many entered and so many abandoned since the last report, in a group of so many slots.
    pub(super) fn learn(&mut self, goal: f64, slots: f64, entered: f64, abandoned: f64) {
        self.owe(goal, slots, goal * entered - abandoned);
        let moved = self.owed.clamp(-STEP_AT_MOST, STEP_AT_MOST);
        self.owed -= moved;
        let most = (self.reach + MARGIN).max(START).min(-log(goal));
        self.logarithm = (self.logarithm + moved).clamp(log(LEAST), most.max(self.logarithm));
    }

    /// Whether at this risk, with everyone let in, every daemon in a fleet lets everyone in.
    pub(super) fn is_wide_open(goal: f64, risk_of_all: f64) -> bool {
        risk_of_all <= WIDE_OPEN * goal
    }

    /// While the door stood wide open so many visitors more were expected than came.
    ///
    /// Where several daemons hear the same statistics, each of them sees all who enter, but only how far its own door stood
    /// open. One whose price is lower than the others' finds more entering than its own door explains, and so learns too
    /// high a demand, which shows in the moments when all doors are wide open: fewer come than it expects. Its price was too
    /// low, then; or too high, where more come. A daemon alone expects right in the mean, and is moved by chance only.
    pub(super) fn follow(&mut self, goal: f64, slots: f64, missing: f64) {
        self.owe(goal, slots, FOLLOW * (slots / FOLLOW_SLOTS).min(1.0) * missing);
    }

    /// The price is to rise as if so many abandonments had been allowed and did not happen.
    fn owe(&mut self, goal: f64, slots: f64, unused: f64) {
        let step = STEP.min(1.0 / (goal * slots.max(1.0)));
        // Owed within what a long silence can bring; more would be nonsense in the totals.
        self.owed = (self.owed + step * unused).clamp(-10.0, 10.0);
    }

    /// Letting everyone in would have been such a risk. A price above the highest risk there was lately changes nothing
    /// today, and would let a spike in tomorrow: hours of abandonment not used up must not be cashed in (anti-windup).
    pub(super) fn see(&mut self, goal: f64, risk_of_all: f64, passed: f64) {
        let needed = log(risk_of_all.max(LEAST_RISK) / goal);
        let gap = (self.reach - needed).max(0.0);
        let faded = self.reach - gap * gap * (passed / REACH_FADES).min(1.0);
        self.reach = faded.max(needed).max(START);
        self.logarithm = self.logarithm.min(self.reach + MARGIN);
    }
}

#[cfg(test)]
#[path = "price_tests.rs"]
mod tests;
