//! Holds a mean number of interactions in progress at a target, by moving the set point that each refresh fills up to.
//!
//! Filling up to the target itself would settle below it: seats come free between one refresh and the next. The set point
//! therefore takes what was missed into account over time (integral control).

use super::occupancy::Situation;

/// The integral catches up within about one handle time, and not faster than within so many refresh periods.
const PERIODS: f64 = 30.0;
/// The door stood open for so much of the recent past: demand does not suffice, and no set point would change it.
const OPEN: f64 = 0.97;

/// … and fades within so many times that, so that daemons that hear the same statistics come to agree, whenever each was
/// started. It costs a thirtieth of the offset: a few hundredths of a slot.
const FADES: f64 = 30.0;

/// So many slots does the set point move for each visitor who was expected at a door wide open and did not come; see `price`.
const FOLLOW: f64 = 0.01;

/// One target held.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hold {
    /// Set point − target, slots.
    offset: f64,
    /// The mean of `p` over the recent past.
    open: f64,
}

impl Hold {
    pub(super) const NEW: Self = Self { offset: 0.0, open: 0.0 };

    /// The number to fill up to now.
    pub(super) fn set_point(&self, target: f64) -> f64 {
        target + self.offset
    }

    /// While the door stood wide open so many visitors more were expected than came: the set point was lower than that of
    /// other daemons, or higher where more came.
    pub(super) fn follow(&mut self, missing: f64) {
        // As far as chance goes within a minute of a large group; more is another demand.
        self.offset += (FOLLOW * missing).clamp(-0.1, 0.1);
    }

    /// After a refresh: `error` slots were missing to the target, and `probability` was answered for `period` seconds.
    pub(super) fn learn(&mut self, error: f64, probability: f64, period: f64, situation: &Situation) {
        let share = (period / situation.handle_time.max(PERIODS * period)).min(1.0);
        self.open += share * (probability - self.open);
        if self.open < OPEN || error < 0.0 {
            // As far as chance moves the number in progress, and two more for groups of a few agents.
            let most = 2.0 + 2.0 * libm::sqrt(situation.slots);
            self.offset = (self.offset + share * error).clamp(-most, most);
        }
        self.offset -= share / FADES * self.offset;
    }
}

#[cfg(test)]
#[path = "set_point_tests.rs"]
mod tests;
