//! Estimates the demand: interactions asked for per second, allowed or not.
//!
//! Refused visitors are in no statistics, so the demand is entered ÷ exposure `∫ p dt`: times with
//! `p` = 0 do not lower it.

use libm::{exp, sqrt};

/// Entries remembered in small groups: a relative deviation of about 1/√30 = 18 %.
const ENTRIES_REMEMBERED: f64 = 30.0;
/// … and at least this exposure, seconds: in large groups entries come within seconds.
const EXPOSURE_REMEMBERED: f64 = 60.0;
/// Exposure after which everything is forgotten, seconds: demand changes in half an hour.
const EXPOSURE_AT_MOST: f64 = 1800.0;
/// The recent past that is compared with the long memory, seconds of exposure.
const RECENT: f64 = 20.0;
/// … but not longer than this many expected entries: after a spike the door is nearly shut,
/// exposure hardly grows, and the end of the spike shows in expected entries that do not come.
const ENTRIES_RECENT: f64 = 60.0;
/// Standard deviations by which the recent past must differ for the long memory to be dropped. By
/// chance this is rare, and makes the estimate rougher for a while.
const SURPRISE: f64 = 3.0;
/// The assumed demand as a multiple of the capacity, before anything is known: a careful start.
const ASSUMED_OVERLOAD: f64 = 10.0;
/// … and at least one interaction an hour.
const LEAST_ASSUMED: f64 = 1.0 / 3600.0;
/// Entries, the assumed one included, or a minute of exposure outweigh the assumption.
const ENTRIES_KNOWN: f64 = 4.0;
/// Silence is evidence after this multiple of the usual growth was expected, because collectors may
/// update their totals every quarter of an hour.
const LUMPS: f64 = 4.0;
/// The share of the memory that remains after it; by chance it comes once in e^4 = 55 entries.
const KNOWN_AFTER_SILENCE: f64 = 0.5;
/// The largest plausible growth.
const LARGEST_LUMP: f64 = 1e5;
/// Weight of the last growth in the usual one.
const LUMP_WEIGHT: f32 = 0.3;

/// Entries and exposure, with fading past.
#[derive(Clone, Copy, Debug, Default)]
struct Memory {
    entered: f32,
    exposure: f32,
}

impl Memory {
    fn add(&mut self, keep: f64, entered: f64, exposure: f64) {
        self.entered = (keep * f64::from(self.entered) + entered) as f32;
        self.exposure = (keep * f64::from(self.exposure) + exposure) as f32;
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Demand {
    long: Memory,
    recent: Memory,
    /// Exposure since the total last moved.
    silent: f32,
    /// The usual growth of the total when it moves.
    lump: f32,
}

impl Demand {
    /// Before any report: assumes one entry at [`ASSUMED_OVERLOAD`] times `capacity` per second.
    pub(super) fn assume(&mut self, capacity: f64) {
        let assumed = (ASSUMED_OVERLOAD * capacity).max(LEAST_ASSUMED);
        self.long = Memory { entered: 1.0, exposure: (1.0 / assumed) as f32 };
    }

    /// Learns from a report: `entered` since the last one, during `exposure` seconds.
    pub(super) fn learn(&mut self, entered: f64, exposure: f64) {
        self.silent += exposure as f32;
        let entered = entered.min(LARGEST_LUMP);
        if entered > 0.0 {
            self.lump += LUMP_WEIGHT * (entered as f32 - self.lump);
        } else if self.per_second() * f64::from(self.silent) < LUMPS * f64::from(self.lump.max(1.0)) {
            return;
        }
        let exposure = f64::from(core::mem::take(&mut self.silent));
        let fade = (exposure / EXPOSURE_REMEMBERED).min(entered / ENTRIES_REMEMBERED).max(exposure / EXPOSURE_AT_MOST);
        let known = if entered > 0.0 { 1.0 } else { KNOWN_AFTER_SILENCE };
        self.long.add(known * exp(-fade), entered, exposure);
        let awaited = self.per_second() * exposure / ENTRIES_RECENT;
        self.recent.add(exp(-awaited.max(exposure / RECENT)), entered, exposure);
        // A spike or its end: the long memory is dropped at once (Page 1954, in its simplest form).
        let expected = self.per_second() * f64::from(self.recent.exposure);
        if (f64::from(self.recent.entered) - expected).abs() > SURPRISE * sqrt(expected) + 1.0 {
            self.long = Memory { entered: self.recent.entered + 1.0, exposure: self.recent.exposure };
            self.recent = Memory::default();
        }
    }

    /// Whether the estimate outweighs the assumption.
    pub(super) fn is_learned(&self) -> bool {
        f64::from(self.long.entered) >= ENTRIES_KNOWN
            || f64::from(self.long.exposure + self.silent) >= EXPOSURE_REMEMBERED
    }

    /// Interactions per second; finite, ≥ 0.
    pub(super) fn per_second(&self) -> f64 {
        let Memory { entered, exposure } = self.long;
        if exposure > 0.0 { f64::from(entered) / f64::from(exposure) } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Entries exactly at a rate, each second, with the door open by `p`.
    fn steady(demand: &mut Demand, rate: f64, p: f64, seconds: u32) {
        let mut owed = 0.0;
        for _ in 0..seconds {
            owed += rate * p;
            let entered = libm::floor(owed);
            owed -= entered;
            demand.learn(entered, p);
        }
    }

    fn at(rate: f64, p: f64, seconds: u32) -> Demand {
        let mut demand = Demand::default();
        demand.assume(0.1);
        steady(&mut demand, rate, p, seconds);
        demand
    }

    #[test]
    fn demand_is_found_however_far_the_door_is_open() {
        for (rate, p) in [(0.5, 1.0), (0.5, 0.1), (5.0, 0.3), (0.02, 0.5)] {
            let estimate = at(rate, p, 7200).per_second();
            assert!((estimate / rate - 1.0).abs() < 0.15, "{rate} with p {p}: {estimate}");
        }
    }

    #[test]
    fn before_anything_is_known_demand_is_assumed_to_be_high() {
        let mut demand = Demand::default();
        demand.assume(0.1);
        assert!((demand.per_second() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn an_assumption_is_not_reported_as_knowledge() {
        let mut demand = Demand::default();
        demand.assume(0.1);
        assert!(!demand.is_learned());
        steady(&mut demand, 0.0, 1.0, 59);
        assert!(!demand.is_learned());
        steady(&mut demand, 0.0, 1.0, 61);
        assert!(demand.is_learned(), "two minutes without anyone are knowledge too");
        assert!(at(2.0, 1.0, 2).is_learned());
    }

    #[test]
    fn a_closed_door_says_nothing_of_the_demand() {
        let mut demand = at(0.5, 0.5, 3600);
        let before = demand.per_second();
        steady(&mut demand, 0.5, 0.0, 36_000);
        assert!((demand.per_second() - before).abs() < 1e-9);
    }

    #[test]
    fn a_tenfold_spike_is_followed_within_a_minute_and_so_is_its_end() {
        for rate in [0.03, 0.3, 3.0] {
            let mut demand = at(rate, 1.0, 7200);
            steady(&mut demand, 10.0 * rate, 1.0, 60);
            assert!(demand.per_second() > 7.0 * rate, "spike of {rate}: {}", demand.per_second());
            steady(&mut demand, rate, 1.0, 180);
            assert!(demand.per_second() < 3.0 * rate, "end of spike of {rate}: {}", demand.per_second());
        }
    }
}
