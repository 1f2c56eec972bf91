//! Figures of one line that contradict each other.
//!
//! They are used nevertheless, the more careful one first, because it is not known which is wrong;
//! the maintainer of the collector should see them.

use alloc::format;
use alloc::string::String;
use core::time::Duration;

use crate::wire::line::Statistics;

/// Largest difference of an unsigned `time` from the local clock. Clocks without NTP drift by
/// minutes, and a wrong time zone is at most 14 hours off; a day is a wrong date or another unit.
/// (For signed lines the limit is the time to live.)
pub(crate) const CLOCK_TOLERANCE: Duration = Duration::from_secs(24 * 3600);

impl Statistics {
    /// Describes the first contradiction of a line as sent. `wall` is the time since 1970.
    pub fn contradiction(&self, wall: Duration) -> Option<String> {
        self.agents().or_else(|| self.totals()).or_else(|| self.clock(wall))
    }

    fn agents(&self) -> Option<String> {
        let ready = self.ready;
        if let Some(logged_in) = self.logged_in.filter(|logged_in| ready > *logged_in) {
            return Some(format!("ready is {ready}, but loggedIn is only {logged_in}"));
        }
        // A ready agent has at least one free slot, so `ready` can be compared with `slots`;
        // `freeSlots` cannot be compared with `loggedIn`.
        let ((free, free_name), (capacity, capacity_name), hint) = match (self.slots, self.free_slots) {
            (Some(slots), Some(free)) if free > slots => {
                return Some(format!("freeSlots is {free}, but slots is only {slots}"));
            }
            (Some(slots), Some(free)) => ((free, "freeSlots"), (slots, "slots"), ""),
            (Some(slots), None) => ((ready, "ready"), (slots, "slots"), ""),
            (None, None) => {
                let hint = "; if agents take several interactions at once, send slots and freeSlots";
                ((ready, "ready"), (self.logged_in?, "loggedIn"), hint)
            }
            (None, Some(_)) => return None,
        };
        let in_progress = u64::from(self.reactive.unwrap_or(0)) + u64::from(self.proactive.unwrap_or(0));
        (u64::from(free) + in_progress > capacity.into()).then(|| {
            format!(
                "{free_name} is {free} and reactive + proactive is {in_progress}, together more than {capacity_name}, which is \
                 {capacity}{hint}"
            )
        })
    }

    fn totals(&self) -> Option<String> {
        let abandoned = self.abandoned?;
        let entered = self.reactive_entered?.saturating_add(self.proactive_entered.unwrap_or(0));
        (abandoned > entered)
            .then(|| format!("abandoned is {abandoned}, but reactiveEntered + proactiveEntered is only {entered}"))
    }

    fn clock(&self, wall: Duration) -> Option<String> {
        let time = self.time?;
        let is_near = |milliseconds| Duration::from_millis(milliseconds).abs_diff(wall) < CLOCK_TOLERANCE;
        let other_unit = match time {
            _ if is_near(time) => return None,
            _ if is_near(time.saturating_mul(1000)) => ", and these are seconds",
            _ if is_near(time / 1000) => ", and these are microseconds",
            _ if is_near(time / 1_000_000) => ", and these are nanoseconds",
            _ => ": is a clock wrong?",
        };
        let wall = wall.as_millis();
        Some(format!("time is {time}, a day or more from the clock here ({wall}); want Unix milliseconds{other_unit}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALL: Duration = Duration::from_millis(1_790_000_000_000);

    fn with(change: impl FnOnce(&mut Statistics)) -> Statistics {
        let mut statistics = Statistics {
            ready: 4,
            logged_in: Some(12),
            reactive: Some(5),
            proactive: Some(2),
            reactive_entered: Some(90),
            proactive_entered: Some(10),
            abandoned: Some(100),
            time: Some(1_790_000_000_000),
            ..Statistics::default()
        };
        change(&mut statistics);
        statistics
    }

    fn text_of(change: impl FnOnce(&mut Statistics)) -> Option<String> {
        with(change).contradiction(WALL)
    }

    #[test]
    fn figures_at_their_limits_contradict_nothing() {
        for change in [
            (|_| ()) as fn(&mut Statistics),
            |s| *s = Statistics::default(),
            |s| (s.ready, s.reactive, s.proactive) = (12, None, None),
            |s| (s.ready, s.reactive, s.proactive) = (5, Some(7), Some(0)),
            |s| (s.slots, s.free_slots, s.reactive) = (Some(36), Some(29), Some(5)),
            |s| (s.slots, s.reactive) = (Some(36), Some(30)),
            // What agents can hold is not known.
            |s| (s.free_slots, s.reactive) = (Some(20), Some(20)),
            |s| (s.logged_in, s.reactive) = (None, Some(u32::MAX)),
            |s| (s.reactive_entered, s.abandoned) = (None, Some(1000)),
            |s| (s.proactive_entered, s.abandoned) = (None, Some(90)),
            |s| s.time = Some(1_790_000_000_000 + 86_399_999),
            |s| s.time = Some(1_790_000_000_000 - 86_399_999),
        ] {
            assert_eq!(text_of(change), None);
        }
    }

    #[test]
    fn each_contradiction_names_its_fields_and_values() {
        for (change, want) in [
            ((|s| s.ready = 13) as fn(&mut Statistics), "ready is 13, but loggedIn is only 12"),
            (
                |s| (s.ready, s.reactive) = (12, Some(12)),
                "ready is 12 and reactive + proactive is 14, together more than loggedIn, which is 12; if agents take several \
                 interactions at once, send slots and freeSlots",
            ),
            (|s| (s.slots, s.free_slots) = (Some(36), Some(37)), "freeSlots is 37, but slots is only 36"),
            (
                |s| (s.slots, s.free_slots, s.reactive) = (Some(36), Some(36), Some(34)),
                "freeSlots is 36 and reactive + proactive is 36, together more than slots, which is 36",
            ),
            (
                |s| (s.slots, s.reactive) = (Some(10), Some(10)),
                "ready is 4 and reactive + proactive is 12, together more than slots, which is 10",
            ),
            (|s| s.abandoned = Some(101), "abandoned is 101, but reactiveEntered + proactiveEntered is only 100"),
            (
                |s| s.time = Some(1_790_000_000),
                "time is 1790000000, a day or more from the clock here (1790000000000); want Unix milliseconds, and these are \
                 seconds",
            ),
            (
                |s| s.time = Some(1_790_000_000_000_000),
                "time is 1790000000000000, a day or more from the clock here (1790000000000); want Unix milliseconds, and \
                 these are microseconds",
            ),
            (
                |s| s.time = Some(1_790_000_000_000 - 86_400_000),
                "time is 1789913600000, a day or more from the clock here (1790000000000); want Unix milliseconds: is a clock \
                 wrong?",
            ),
        ] {
            assert_eq!(text_of(change).as_deref(), Some(want));
        }
    }

    #[test]
    fn no_figures_overflow() {
        let most = with(|s| {
            *s = Statistics {
                ready: u32::MAX,
                logged_in: Some(u32::MAX),
                reactive: Some(u32::MAX),
                proactive: Some(u32::MAX),
                reactive_entered: Some(u64::MAX),
                proactive_entered: Some(u64::MAX),
                abandoned: Some(u64::MAX),
                time: Some(u64::MAX),
                ..Statistics::default()
            }
        });
        for wall in [Duration::ZERO, WALL, Duration::MAX] {
            assert!(!most.contradiction(wall).unwrap().is_empty());
        }
        assert!(most.totals().is_none() && most.clock(Duration::MAX).is_some());
    }
}
