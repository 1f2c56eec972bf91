//! Holds a mean number of interactions in progress at a target, by moving the set point that each refresh fills up to.
//!
//! Filling up to the target itself would settle below it: slots come free between one refresh and the next. The set point
//! therefore integrates what was missed (integral control).

use super::occupancy::Occupancy;

/// The integral catches up within about one handle time, and not faster than within this many refresh periods.
const PERIODS: f64 = 30.0;
/// With the door open by more than this in the recent past demand is too low, and no set point would change it.
const OPEN: f64 = 0.97;
/// The offset fades within this many handle times, divided by the slots, so that daemons that receive the same statistics
/// agree, whenever each was started. It costs a third of a percent of the slots where the offset is one slot.
const FADES: f64 = 200.0;
/// Bounds of the same: chance weighs little in large groups, and offsets much in small ones.
const FADES_WITHIN: (f64, f64) = (2.0, 30.0);

/// The set point for one target.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SetPoint {
    /// Set point − target, slots.
    offset: f64,
    /// The mean of `p` over the recent past.
    open: f64,
}

impl SetPoint {
    /// The number to fill up to now.
    pub(super) fn fill_to(&self, target: f64) -> f64 {
        target + self.offset
    }

    /// After a refresh: `error` slots were missing to the target, and the door is open by `probability` for `period` seconds.
    pub(super) fn learn(&mut self, error: f64, probability: f64, period: f64, occupancy: &Occupancy) {
        let share = (period / occupancy.handle_time.max(PERIODS * period)).min(1.0);
        self.open += share * (probability - self.open);
        if self.open < OPEN || error < 0.0 {
            // As far as chance moves the number in progress, and two more for groups of a few agents.
            let most = 2.0 + 2.0 * libm::sqrt(occupancy.slots);
            self.offset = (self.offset + share * error).clamp(-most, most);
        }
        let (least, most) = FADES_WITHIN;
        self.offset -= share / (FADES / occupancy.slots.max(1.0)).clamp(least, most) * self.offset;
    }
}

#[cfg(test)]
#[path = "set_point_tests.rs"]
mod tests;
