//! Figures of one line that cannot all be true.
//!
//! They are used all the same: which of them is wrong cannot be known, and the engine takes the more careful one. Whoever
//! runs the collector should see them.

use core::fmt;
use core::time::Duration;

use crate::wire::line::Statistics;

/// How far an unsigned `time` may be from the clock here. Clocks without NTP drift by minutes, a wrong time zone is at
/// most 14 hours off; a day is a wrong date or another unit. (Signed lines are held to the time to live.)
pub(super) const CLOCK_TOLERANCE: Duration = Duration::from_secs(24 * 3600);

/// Two or more figures of a line that contradict each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contradiction {
    /// More agents are ready than are logged in.
    ReadyAboveLoggedIn {
        /// `ready`.
        ready: u32,
        /// `loggedIn`.
        logged_in: u32,
    },
    /// More slots are free than there are.
    FreeSlotsAboveSlots {
        /// `freeSlots`.
        free_slots: u32,
        /// `slots`.
        slots: u32,
    },
    /// What is free and what is in use are together more than there is.
    FreeAndBusy {
        /// `ready`, or `freeSlots` if `has_slots` and the line has it.
        free: u32,
        /// `reactive` + `proactive`.
        in_progress: u64,
        /// `loggedIn`, or `slots` if `has_slots`.
        capacity: u32,
        /// The name of the field that `free` is from.
        free_field: &'static str,
        /// The name of the field that `capacity` is from.
        capacity_field: &'static str,
    },
    /// More visitors abandoned than entered.
    AbandonedAboveEntered {
        /// `abandoned`.
        abandoned: u64,
        /// `reactiveEntered` + `proactiveEntered`.
        entered: u64,
    },
    /// `time` is a day or more from the clock here.
    Clock {
        /// `time`, Unix milliseconds if it is what it should be.
        time: u64,
        /// The clock here, Unix milliseconds.
        wall: u64,
    },
}

impl Statistics {
    /// The first contradiction among the figures of a line, as it was sent. `wall` is the time since 1970.
    pub fn contradiction(&self, wall: Duration) -> Option<Contradiction> {
        self.agents().or_else(|| self.totals()).or_else(|| self.clock(wall))
    }

    fn agents(&self) -> Option<Contradiction> {
        let ready = self.ready;
        if let Some(logged_in) = self.logged_in.filter(|logged_in| ready > *logged_in) {
            return Some(Contradiction::ReadyAboveLoggedIn { ready, logged_in });
        }
        // What is free is counted in the same unit as the capacity. An agent who is ready has a slot free at least, so that
        // `ready` does beside `slots`, but `freeSlots` says nothing beside `loggedIn`.
        let (free, free_field, capacity, capacity_field) = match (self.slots, self.free_slots) {
            (Some(slots), Some(free_slots)) if free_slots > slots => {
                return Some(Contradiction::FreeSlotsAboveSlots { free_slots, slots });
            }
            (Some(slots), Some(free_slots)) => (free_slots, "freeSlots", slots, "slots"),
            (Some(slots), None) => (ready, "ready", slots, "slots"),
            (None, None) => (ready, "ready", self.logged_in?, "loggedIn"),
            (None, Some(_)) => return None,
        };
        let in_progress = u64::from(self.reactive.unwrap_or(0)) + u64::from(self.proactive.unwrap_or(0));
        let is_too_much = u64::from(free) + in_progress > capacity.into();
        is_too_much.then_some(Contradiction::FreeAndBusy { free, in_progress, capacity, free_field, capacity_field })
    }

    fn totals(&self) -> Option<Contradiction> {
        let abandoned = self.abandoned?;
        // Without `reactiveEntered` most of those who entered are not known.
        let entered = self.reactive_entered?.saturating_add(self.proactive_entered.unwrap_or(0));
        (abandoned > entered).then_some(Contradiction::AbandonedAboveEntered { abandoned, entered })
    }

    fn clock(&self, wall: Duration) -> Option<Contradiction> {
        let time = self.time?;
        let is_far = Duration::from_millis(time).abs_diff(wall) >= CLOCK_TOLERANCE;
        is_far.then_some(Contradiction::Clock { time, wall: u64::try_from(wall.as_millis()).unwrap_or(u64::MAX) })
    }
}

/// The unit in which `time` would be near the clock, if there is one.
fn other_unit(time: u64, wall: u64) -> Option<&'static str> {
    let units =
        [("seconds", time.saturating_mul(1000)), ("microseconds", time / 1000), ("nanoseconds", time / 1_000_000)];
    let is_near = |milliseconds: u64| Duration::from_millis(milliseconds.abs_diff(wall)) < CLOCK_TOLERANCE;
    units.into_iter().find(|(_, milliseconds)| is_near(*milliseconds)).map(|(unit, _)| unit)
}

impl fmt::Display for Contradiction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ReadyAboveLoggedIn { ready, logged_in } => {
                write!(formatter, "ready is {ready}, but loggedIn is only {logged_in}")
            }
            Self::FreeSlotsAboveSlots { free_slots, slots } => {
                write!(formatter, "freeSlots is {free_slots}, but slots is only {slots}")
            }
            Self::FreeAndBusy { free, in_progress, capacity, free_field, capacity_field } => {
                write!(
                    formatter,
                    "{free_field} is {free} and reactive + proactive is {in_progress}, together more than {capacity_field}, \
                     which is {capacity}"
                )?;
                if capacity_field == "loggedIn" {
                    formatter.write_str("; if agents take several interactions at once, send slots and freeSlots")?;
                }
                Ok(())
            }
            Self::AbandonedAboveEntered { abandoned, entered } => {
                write!(formatter, "abandoned is {abandoned}, but reactiveEntered + proactiveEntered is only {entered}")
            }
            Self::Clock { time, wall } => {
                write!(
                    formatter,
                    "time is {time}, a day or more from the clock here ({wall}); want Unix milliseconds"
                )?;
                match other_unit(time, wall) {
                    Some(unit) => write!(formatter, ", and these are {unit}"),
                    None => formatter.write_str(": is a clock wrong?"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::string::ToString;

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

    fn text_of(change: impl FnOnce(&mut Statistics)) -> Option<std::string::String> {
        with(change).contradiction(WALL).map(|contradiction| contradiction.to_string())
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
            assert!(!most.contradiction(wall).unwrap().to_string().is_empty());
        }
        assert!(most.totals().is_none() && most.clock(Duration::MAX).is_some());
    }
}
