//! Changes of a group that someone should be told of: statistics that went silent or came back, a goal missed or met.
//!
//! What was told is kept with the group, so that each change is told once, however long the telling was put off.

use core::fmt;
use core::time::Duration;

use crate::groups::Group;
use crate::pacing::OptimizationTarget;
use crate::state::Settings;

/// A change worth a line in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Its statistics are older than the time to live.
    Silent,
    /// It was silent, and is heard of again.
    Back,
    /// For an hour more abandoned than the goal allows, by more than chance. Told of the target `ABANDONMENT_RATE` only:
    /// a busy factor can be missed for want of demand, which nobody can mend.
    GoalMissed,
    /// It missed the goal, and meets it again.
    GoalMet,
}

/// What was told of a group.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Told {
    silent: bool,
    goal_missed: bool,
}

impl Change {
    /// Every change, in the order of their discriminants.
    pub const ALL: [Self; 4] = [Self::Silent, Self::Back, Self::GoalMissed, Self::GoalMet];

    /// Whether it happened to the group since it was told the last time.
    pub(crate) fn happened(self, group: &Group, now: Duration, settings: &Settings) -> bool {
        let told = group.told();
        let is_fresh = group.fresh_report(now, settings.time_to_live).is_some();
        let entries = group.last_hour().entries(now);
        let goal = settings.pacing.optimization_goal / 100.0;
        let has_goal = settings.pacing.optimization_target == OptimizationTarget::AbandonmentRate;
        match self {
            Self::Silent => !told.silent && !is_fresh && group.report().is_some(),
            Self::Back => told.silent && is_fresh,
            Self::GoalMissed => {
                has_goal && !told.goal_missed && group.last_hour().is_whole(now) && entries.misses(goal)
            }
            Self::GoalMet => told.goal_missed && (!has_goal || entries.meets(goal)),
        }
    }
}

impl Told {
    pub(crate) fn tell(&mut self, change: Change) {
        match change {
            Change::Silent => self.silent = true,
            Change::Back => self.silent = false,
            Change::GoalMissed => self.goal_missed = true,
            Change::GoalMet => self.goal_missed = false,
        }
    }
}

/// A group as a line of the log names it: with what the change is about.
pub struct Changed<'a> {
    /// What happened.
    pub change: Change,
    /// To whom.
    pub group: &'a Group,
    /// When it is told.
    pub now: Duration,
}

impl fmt::Display for Changed<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { change, group, now } = self;
        write!(formatter, "{} {:?}", group.channel(), group.name().as_str())?;
        let entries = group.last_hour().entries(*now);
        match (change, entries.abandonment()) {
            (Change::GoalMissed | Change::GoalMet, Some(share)) => {
                write!(formatter, " ({:.1} % of {})", 100.0 * share, entries.entered)
            }
            (Change::Silent, _) if group.is_late() => {
                formatter.write_str(" (lines come, but their time is no later than that of one before)")
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::string::{String, ToString};
    use std::vec::Vec;

    use super::*;
    use crate::pacing::Options;
    use crate::state::State;
    use crate::wire::jws::Keys;

    fn state() -> State {
        let sources = ["127.0.0.0/8".parse().unwrap()].into_iter().collect();
        State::new(Settings {
            pacing: Options::default(),
            time_to_live: Duration::from_secs(30),
            sources,
            keys: Keys::default(),
        })
    }

    fn receive(state: &mut State, seconds: u64, group: &str, (entered, abandoned): (u64, u64)) {
        let line = std::format!(
            r#"{{"channel":"chat","group":"{group}","ready":1,"reactiveEntered":{entered},"abandoned":{abandoned}}}"#
        );
        let now = Duration::from_secs(seconds);
        state.receive(now, Duration::ZERO, "127.0.0.1".parse().unwrap(), line.as_bytes(), |_, fault| panic!("{fault}"));
    }

    /// What is to be told, which is told by that.
    fn told(state: &mut State, seconds: u64) -> Vec<(Change, String)> {
        let now = Duration::from_secs(seconds);
        let name =
            |change| state.changed(now, change).map(move |group| (change, Changed { change, group, now }.to_string()));
        let told = Change::ALL.into_iter().flat_map(name).collect();
        Change::ALL.into_iter().for_each(|change| state.tell(now, change));
        told
    }

    #[test]
    fn silence_and_its_end_are_told_once_each() {
        let mut state = state();
        receive(&mut state, 0, "A", (0, 0));
        receive(&mut state, 20, "B", (0, 0));
        assert_eq!(told(&mut state, 30), []);
        assert_eq!(told(&mut state, 31), [(Change::Silent, r#"chat "A""#.into())]);
        assert_eq!(told(&mut state, 32), []);
        receive(&mut state, 33, "A", (0, 0));
        assert_eq!(told(&mut state, 33), [(Change::Back, r#"chat "A""#.into())]);
        assert_eq!(told(&mut state, 34), []);
    }

    #[test]
    fn a_collector_whose_clock_stands_is_not_taken_for_one_that_does_not_run() {
        let mut state = state();
        let late = |state: &mut State, millis| {
            let line = br#"{"channel":"chat","group":"A","ready":1,"time":5000}"#;
            state.receive(Duration::from_millis(millis), Duration::ZERO, "127.0.0.1".parse().unwrap(), line, |_, _| {});
        };
        // Doubled by the network, and then gone.
        late(&mut state, 0);
        late(&mut state, 10);
        assert_eq!(told(&mut state, 31), [(Change::Silent, r#"chat "A""#.into())]);
        receive(&mut state, 32, "A", (0, 0));
        told(&mut state, 32);
        (40..=70).for_each(|second| late(&mut state, 1000 * second));
        assert_eq!(
            told(&mut state, 70),
            [(Change::Silent, r#"chat "A" (lines come, but their time is no later than that of one before)"#.into())]
        );
    }

    #[test]
    fn the_end_of_a_group_s_time_to_live_wakes_the_daemon_whatever_the_refresh_period() {
        let mut state = state();
        let pacing = Options { refresh_period: Duration::from_secs(3000), ..Options::default() };
        let settings = Settings { pacing, ..state.settings().clone() };
        state.configure(Duration::ZERO, settings, core::iter::empty()).unwrap();
        receive(&mut state, 1, "A", (0, 0));
        assert_eq!(state.next_wakeup(Duration::from_secs(1)), Some(Duration::from_millis(31_001)));
    }

    #[test]
    fn a_goal_missed_for_an_hour_is_told_once_and_so_is_its_end() {
        let mut state = state();
        let minutes = |from: u64, to: u64, state: &mut State, each: u64, base: (u64, u64)| -> Vec<(Change, String)> {
            let totals = |minute: u64| (base.0 + 10 * (minute - from), base.1 + each * (minute - from));
            (from..to)
                .flat_map(|minute| {
                    receive(state, 60 * minute, "A", totals(minute));
                    told(state, 60 * minute)
                })
                .filter(|(change, _)| !matches!(change, Change::Silent | Change::Back))
                .collect()
        };
        assert_eq!(
            minutes(0, 180, &mut state, 1, (0, 0)),
            [(Change::GoalMissed, r#"chat "A" (10.0 % of 510)"#.into())]
        );
        let met = minutes(180, 360, &mut state, 0, (1800, 180));
        assert_eq!(met.len(), 1, "{met:?}");
        assert_eq!(met[0].0, Change::GoalMet);
    }
}
