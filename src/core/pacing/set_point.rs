//! Holds the mean number of interactions in progress at a target, by integral control of the set
//! point that each refresh fills up to. Filling up to the target itself would settle below it,
//! because slots come free between refreshes.

use super::occupancy::Occupancy;

/// The integral time is one handle time, and at least this many refresh periods.
const PERIODS: f64 = 30.0;
/// The recent mean of `p` above which demand is too low for any set point to matter.
const OPEN: f64 = 0.97;
/// The offset fades within this many handle times, divided by the slots, so that daemons with the
/// same statistics agree, whenever each was started. It costs a third of a percent of the slots
/// where the offset is one slot.
const FADES: f64 = 200.0;
/// Bounds of that quotient.
const FADES_WITHIN: (f64, f64) = (2.0, 30.0);

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SetPoint {
    /// Set point − target, slots.
    offset: f64,
    /// The recent mean of `p`.
    open: f64,
}

impl SetPoint {
    pub(super) fn fill_to(&self, target: f64) -> f64 {
        target + self.offset
    }

    /// Learns from a refresh: `error` slots are missing to the target, and `probability` is in
    /// force for `period` seconds.
    pub(super) fn learn(&mut self, error: f64, probability: f64, period: f64, occupancy: &Occupancy) {
        let share = (period / occupancy.handle_time.max(PERIODS * period)).min(1.0);
        self.open += share * (probability - self.open);
        if self.open < OPEN || error < 0.0 {
            // Within the random variation of the number in progress, and two more for small groups.
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
