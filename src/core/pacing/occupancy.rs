//! Normalizes statistics to figures that do not contradict each other.

use super::options::Options;
use crate::wire::line::Statistics;

/// The limits of times, seconds: a tenth of a second, four months.
const TIME_BELIEVED: (f64, f64) = (0.1, 1e7);

/// All finite and ≥ 0; `free + busy ≤ slots`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Occupancy {
    /// Interactions that the agents logged in can hold, at work or on a break.
    pub(super) slots: f64,
    pub(super) free: f64,
    /// Interactions in progress.
    pub(super) busy: f64,
    /// Reactive interactions among those.
    pub(super) reactive: f64,
    pub(super) queued: f64,
    /// Mean handle time, seconds, > 0.
    pub(super) handle_time: f64,
    /// Mean patience, seconds, > 0.
    pub(super) patience: f64,
}

impl Occupancy {
    pub(super) fn of(statistics: &Statistics, options: &Options) -> Self {
        let free = f64::from(statistics.free_slots.unwrap_or(statistics.ready));
        let in_progress = match (statistics.reactive, statistics.proactive) {
            (None, None) => None,
            (reactive, proactive) => Some(f64::from(reactive.unwrap_or(0)) + f64::from(proactive.unwrap_or(0))),
        };
        let slots = statistics.slots.or(statistics.logged_in).map(f64::from);
        // Missing figures follow from the others; of contradicting ones the smaller counts.
        let slots = slots.unwrap_or(free + in_progress.unwrap_or(0.0));
        let free = free.min(slots);
        let busy = in_progress.map_or(slots - free, |in_progress| in_progress.min(slots - free));
        let reactive = statistics.reactive.map_or(busy, |reactive| f64::from(reactive).min(busy));
        let (least, most) = TIME_BELIEVED;
        let handle_time = statistics.handle_time.unwrap_or(options.handle_time.as_secs_f64()).clamp(least, most);
        let patience = options.patience.as_secs_f64().clamp(least, most);
        let queued = f64::from(statistics.queued.unwrap_or(0));
        Self { slots, free, busy, reactive, queued, handle_time, patience }
    }

    /// Slots at work. Agents who are logged in but neither free nor busy are on a break.
    pub(super) fn at_work(&self) -> f64 {
        self.free + self.busy
    }

    /// Share of the slots at work that are free with nobody queued, 0..=1.
    pub(super) fn idle(&self) -> f64 {
        (self.free - self.queued).max(0.0) / self.at_work()
    }

    /// Interactions that end per second while all slots at work are busy.
    pub(super) fn capacity(&self) -> f64 {
        self.at_work() / self.handle_time
    }
}

/// Share of the slots at work in use, 0..=1. `None`: no slot is at work.
pub fn busy_factor(statistics: &Statistics, options: &Options) -> Option<f64> {
    let occupancy = Occupancy::of(statistics, options);
    (occupancy.at_work() > 0.0).then(|| occupancy.busy / occupancy.at_work())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(statistics: Statistics) -> Occupancy {
        Occupancy::of(&statistics, &Options::default())
    }

    #[test]
    fn what_is_not_reported_follows_from_the_rest() {
        let alone = of(Statistics { ready: 3, ..Statistics::default() });
        assert_eq!((alone.slots, alone.free, alone.busy), (3.0, 3.0, 0.0));
        let logged_in = of(Statistics { ready: 3, logged_in: Some(10), ..Statistics::default() });
        assert_eq!((logged_in.slots, logged_in.free, logged_in.busy), (10.0, 3.0, 7.0));
        let in_hand = of(Statistics { ready: 3, reactive: Some(4), proactive: Some(1), ..Statistics::default() });
        assert_eq!((in_hand.slots, in_hand.busy, in_hand.reactive), (8.0, 5.0, 4.0));
    }

    #[test]
    fn agents_on_a_break_are_not_at_work() {
        let group = of(Statistics { ready: 3, logged_in: Some(10), reactive: Some(4), ..Statistics::default() });
        assert!((group.at_work() - 7.0).abs() < 1e-12);
        assert!((group.capacity() - 7.0 / 300.0).abs() < 1e-12);
    }

    #[test]
    fn contradictions_are_settled_for_the_smaller_room() {
        let group = of(Statistics { ready: 30, logged_in: Some(10), reactive: Some(90), ..Statistics::default() });
        assert_eq!((group.slots, group.free, group.busy, group.reactive), (10.0, 10.0, 0.0, 0.0));
    }

    #[test]
    fn slots_count_where_agents_take_several_interactions() {
        let statistics =
            Statistics { ready: 2, logged_in: Some(4), slots: Some(12), free_slots: Some(5), ..Statistics::default() };
        let group = of(statistics);
        assert_eq!((group.slots, group.free, group.busy), (12.0, 5.0, 7.0));
    }
}
