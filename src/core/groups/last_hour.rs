//! Counts entered and abandoned interactions of the last hour, in six parts of ten minutes: the
//! figures cover 50 to 60 minutes. In less time, a goal of a few percent is missed by chance.

use core::time::Duration;

use crate::pacing::Growth;

const PARTS: u32 = 6;
const PART_SECONDS: u64 = 600;

#[derive(Clone, Copy, Debug, Default)]
pub struct LastHour {
    /// Part `n` is at `n % PARTS`.
    parts: [Entries; PARTS as usize],
    /// The number of the part that is being filled.
    number: u32,
    /// The number of the first part in which statistics were received.
    first: Option<u32>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entries {
    /// Reactive and proactive.
    pub entered: u32,
    pub abandoned: u32,
}

impl Entries {
    /// Abandoned ÷ entered, 0..=1. `None`: nobody entered.
    pub fn abandonment(self) -> Option<f64> {
        (self.entered > 0).then(|| (f64::from(self.abandoned) / f64::from(self.entered)).min(1.0))
    }

    /// Whether more abandoned than the goal (0..1) allows, by three standard deviations of a
    /// Poisson number: by chance once in a thousand hours.
    pub fn misses(self, goal: f64) -> bool {
        let allowed = goal * f64::from(self.entered);
        f64::from(self.abandoned) > allowed + 3.0 * libm::sqrt(allowed) + 1.0
    }

    /// Whether the goal (0..1) is met.
    pub fn meets(self, goal: f64) -> bool {
        f64::from(self.abandoned) <= goal * f64::from(self.entered)
    }

    fn add(&mut self, entered: u64, abandoned: u64) {
        let sum = |old: u32, more: u64| u32::try_from(more.saturating_add(old.into())).unwrap_or(u32::MAX);
        (self.entered, self.abandoned) = (sum(self.entered, entered), sum(self.abandoned, abandoned));
    }
}

fn number(now: Duration) -> u32 {
    u32::try_from(now.as_secs() / PART_SECONDS).unwrap_or(u32::MAX)
}

impl LastHour {
    pub fn count(&mut self, now: Duration, growth: &Growth) {
        self.turn(number(now));
        let entered = growth.reactive_entered.unwrap_or(0).saturating_add(growth.proactive_entered.unwrap_or(0));
        self.parts[(self.number % PARTS) as usize].add(entered, growth.abandoned.unwrap_or(0));
    }

    fn turn(&mut self, to: u32) {
        self.first.get_or_insert(to);
        // No part needs to be emptied twice.
        for number in self.number.max(to.saturating_sub(PARTS))..to {
            self.parts[((number + 1) % PARTS) as usize] = Entries::default();
        }
        self.number = self.number.max(to);
    }

    pub fn entries(&self, now: Duration) -> Entries {
        let (mut seen, mut sum) = (*self, Entries::default());
        seen.turn(number(now));
        seen.parts.iter().for_each(|part| sum.add(part.entered.into(), part.abandoned.into()));
        sum
    }

    /// Whether statistics have been received for an hour.
    pub fn is_whole(&self, now: Duration) -> bool {
        self.first.is_some_and(|first| number(now) >= first.saturating_add(PARTS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(hour: &mut LastHour, minute: u64, entered: u64, abandoned: u64) {
        let growth = Growth { reactive_entered: Some(entered), abandoned: Some(abandoned), ..Growth::default() };
        hour.count(Duration::from_secs(60 * minute), &growth);
    }

    fn at(hour: &LastHour, minute: u64) -> (u32, u32) {
        let entries = hour.entries(Duration::from_secs(60 * minute));
        (entries.entered, entries.abandoned)
    }

    #[test]
    fn what_is_older_than_an_hour_is_forgotten_bit_by_bit() {
        let mut hour = LastHour::default();
        count(&mut hour, 3, 10, 1);
        count(&mut hour, 33, 20, 3);
        assert_eq!(at(&hour, 33), (30, 4));
        assert_eq!(at(&hour, 59), (30, 4));
        assert_eq!(at(&hour, 60), (20, 3), "also while nothing comes");
        assert_eq!(at(&hour, 90), (0, 0));
        assert_eq!(at(&hour, 100_000), (0, 0));
        count(&mut hour, 100_000, 1, 0);
        assert_eq!(at(&hour, 100_000), (1, 0));
    }

    #[test]
    fn a_growth_that_is_not_known_counts_nothing() {
        let mut hour = LastHour::default();
        hour.count(Duration::ZERO, &Growth { proactive_entered: Some(2), ..Growth::default() });
        hour.count(Duration::ZERO, &Growth { starts_row: true, ..Growth::default() });
        assert_eq!(at(&hour, 1), (2, 0));
    }

    #[test]
    fn a_goal_is_missed_by_more_than_chance_or_not_at_all() {
        let entries = |entered, abandoned| Entries { entered, abandoned };
        assert!(!entries(1000, 31).misses(0.03), "every other hour is a little over it");
        assert!(entries(1000, 50).misses(0.03));
        assert!(!entries(1, 1).misses(0.03), "one visitor is no hour");
        assert!(entries(1000, 30).meets(0.03) && !entries(1000, 31).meets(0.03));
        assert_eq!(entries(0, 0).abandonment(), None);
        assert_eq!(entries(2, 3).abandonment(), Some(1.0));
    }

    #[test]
    fn an_hour_is_whole_after_an_hour_of_statistics() {
        let mut hour = LastHour::default();
        assert!(!hour.is_whole(Duration::from_secs(99_999)));
        count(&mut hour, 15, 0, 0);
        assert!(!hour.is_whole(Duration::from_secs(60 * 69)));
        assert!(hour.is_whole(Duration::from_secs(60 * 75)));
    }
}
