//! Why a group's reactive state is what it is, in words for the one who is asked "why are no chats offered?"

use core::fmt;
use core::time::Duration;

use crate::groups::Group;
use crate::groups::last_hour::Entries;
use crate::pacing::{Reason, Stakes};
use crate::state::Settings;

/// With so much let in nobody is held back whom anyone would miss.
const AS_GOOD_AS_ALL: f64 = 0.999;

/// Why, with the numbers that the words need.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Why {
    cause: Cause,
    /// The last hour.
    entries: Entries,
    /// Share of the slots in use.
    busy_factor: Option<f64>,
    /// Whether a reactive state is served.
    is_served: bool,
    stakes: Stakes,
    enters_late: bool,
    /// Percent.
    goal: f64,
    /// Percent.
    proactive_ratio: u8,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Cause {
    /// Declared, and never heard of.
    NoStatistics,
    /// Nothing that counts was heard of it for so long.
    Silent {
        age: Duration,
        /// Lines came, and were late.
        is_late: bool,
    },
    /// What the engine says.
    Engine(Reason),
}

impl Why {
    /// Of a group, now.
    pub fn of(group: &Group, now: Duration, settings: &Settings) -> Self {
        let state = group.prediction().and_then(|prediction| prediction.reactive_state);
        let lets_all_in = state.is_some_and(|state| state >= AS_GOOD_AS_ALL);
        let cause = match group.report() {
            None => Cause::NoStatistics,
            Some(report) if !report.is_fresh(now, settings.time_to_live) => {
                Cause::Silent { age: now.saturating_sub(report.received), is_late: group.is_late() }
            }
            Some(_) => Cause::Engine(match group.reason() {
                Reason::Worth | Reason::Abandonment | Reason::BusyFactor | Reason::ProactiveShare if lets_all_in => {
                    Reason::DemandFits
                }
                reason => reason,
            }),
        };
        Self {
            cause,
            entries: group.last_hour().entries(now),
            busy_factor: group.busy_factor(&settings.pacing),
            is_served: state.is_some(),
            stakes: group.stakes(&settings.pacing),
            enters_late: group.enters_late(),
            goal: settings.pacing.optimization_goal,
            proactive_ratio: settings.pacing.proactive_ratio,
        }
    }

    /// In one word, for programs.
    pub const fn name(&self) -> &'static str {
        match self.cause {
            Cause::NoStatistics => "noStatistics",
            Cause::Silent { .. } => "silent",
            Cause::Engine(Reason::NotYet) => "notYet",
            Cause::Engine(Reason::DemandFits) => "demandFits",
            Cause::Engine(Reason::Worth) => "worth",
            Cause::Engine(Reason::Abandonment) => "abandonment",
            Cause::Engine(Reason::BusyFactor) => "busyFactor",
            Cause::Engine(Reason::ProactiveShare) => "proactiveShare",
            Cause::Engine(Reason::NoAgents) => "noAgents",
            Cause::Engine(Reason::FewStatistics) => "fewStatistics",
            Cause::Engine(Reason::External) => "external",
            Cause::Engine(Reason::ProactiveOnly) => "proactiveOnly",
        }
    }

    fn abandonment(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let goal = self.goal;
        match self.entries.abandonment().map(|share| 100.0 * share) {
            Some(percent) if percent > goal => {
                write!(formatter, "holding back: abandonment {percent:.1} % over goal {goal} %")
            }
            Some(percent) => {
                write!(formatter, "holding back: more would miss goal {goal} % (abandonment {percent:.1} %)")
            }
            None => write!(formatter, "holding back: more would miss goal {goal} %"),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason(formatter)?;
        if self.enters_late {
            formatter.write_str("; visitors enter long after they were let in: set pacing.entry-delay")?;
        }
        Ok(())
    }
}

impl Why {
    fn reason(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let goal = self.goal;
        let reason = match self.cause {
            Cause::NoStatistics => return formatter.write_str("no statistics yet"),
            Cause::Silent { age, is_late: false } => return write!(formatter, "no statistics for {}", Age(age)),
            Cause::Silent { age, is_late: true } => {
                return write!(formatter, "for {} only lines whose time is no later than that of one before", Age(age));
            }
            Cause::Engine(reason) => reason,
        };
        match reason {
            Reason::NotYet => formatter.write_str("no prediction yet"),
            Reason::DemandFits => formatter.write_str("all demand fits"),
            Reason::Worth => write!(
                formatter,
                "holding back: one more visitor would cost more than it brings (with everyone let in {:.1} % would abandon, worth it \
                 up to {:.1} %)",
                100.0 * self.stakes.risk,
                100.0 * self.stakes.worth
            ),
            Reason::Abandonment => self.abandonment(formatter),
            Reason::BusyFactor => match self.busy_factor {
                Some(share) => write!(
                    formatter,
                    "holding back: more would exceed goal {goal} % (busy factor {:.0} %)",
                    100.0 * share
                ),
                None => write!(formatter, "holding back: more would exceed goal {goal} %"),
            },
            Reason::ProactiveShare => {
                write!(formatter, "reserved for proactive: {} % of the slots", self.proactive_ratio)
            }
            Reason::NoAgents => formatter.write_str("nobody is at work"),
            Reason::FewStatistics => {
                formatter.write_str("open while someone is ready: statistics have no reactiveEntered")
            }
            Reason::External if self.is_served => formatter.write_str("as the collector says"),
            Reason::External => formatter.write_str("the collector sends no reactiveState"),
            Reason::ProactiveOnly => formatter.write_str("the algorithm predicts no reactive traffic"),
        }
    }
}

/// A length of time as people say it.
pub struct Age(pub Duration);

impl fmt::Display for Age {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_secs() {
            seconds @ 0..120 => write!(formatter, "{seconds} s"),
            seconds @ 120..7200 => write!(formatter, "{} min", seconds / 60),
            seconds => write!(formatter, "{} h", seconds / 3600),
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::string::ToString;

    use super::*;

    fn why(cause: Cause) -> Why {
        let entries = Entries { entered: 1000, abandoned: 41 };
        let stakes = Stakes { risk: 0.083, worth: 0.021 };
        Why {
            cause,
            entries,
            stakes,
            enters_late: false,
            busy_factor: Some(0.814),
            is_served: true,
            goal: 3.0,
            proactive_ratio: 20,
        }
    }

    #[test]
    fn each_reason_is_told_with_its_numbers() {
        for (cause, want) in [
            (Cause::NoStatistics, "no statistics yet"),
            (Cause::Silent { age: Duration::from_millis(42_900), is_late: false }, "no statistics for 42 s"),
            (
                Cause::Silent { age: Duration::from_secs(200), is_late: true },
                "for 3 min only lines whose time is no later than that of one before",
            ),
            (Cause::Engine(Reason::NotYet), "no prediction yet"),
            (Cause::Engine(Reason::DemandFits), "all demand fits"),
            (
                Cause::Engine(Reason::Worth),
                "holding back: one more visitor would cost more than it brings (with everyone let in 8.3 % would abandon, worth \
                 it up to 2.1 %)",
            ),
            (Cause::Engine(Reason::Abandonment), "holding back: abandonment 4.1 % over goal 3 %"),
            (Cause::Engine(Reason::BusyFactor), "holding back: more would exceed goal 3 % (busy factor 81 %)"),
            (Cause::Engine(Reason::ProactiveShare), "reserved for proactive: 20 % of the slots"),
            (Cause::Engine(Reason::NoAgents), "nobody is at work"),
            (Cause::Engine(Reason::FewStatistics), "open while someone is ready: statistics have no reactiveEntered"),
            (Cause::Engine(Reason::External), "as the collector says"),
            (Cause::Engine(Reason::ProactiveOnly), "the algorithm predicts no reactive traffic"),
        ] {
            assert_eq!(why(cause).to_string(), want);
        }
    }

    #[test]
    fn the_option_for_late_entries_is_recommended_where_they_are_seen() {
        let late = Why { enters_late: true, ..why(Cause::Engine(Reason::DemandFits)) };
        assert_eq!(
            late.to_string(),
            "all demand fits; visitors enter long after they were let in: set pacing.entry-delay"
        );
    }

    #[test]
    fn a_goal_that_is_kept_is_not_said_to_be_missed() {
        let engine = why(Cause::Engine(Reason::Abandonment));
        let kept = Why { entries: Entries { entered: 1000, abandoned: 28 }, ..engine };
        assert_eq!(kept.to_string(), "holding back: more would miss goal 3 % (abandonment 2.8 %)");
        let nobody = Why { entries: Entries::default(), ..engine };
        assert_eq!(nobody.to_string(), "holding back: more would miss goal 3 %");
        let unsent = Why { is_served: false, ..why(Cause::Engine(Reason::External)) };
        assert_eq!(unsent.to_string(), "the collector sends no reactiveState");
    }

    #[test]
    fn ages_are_told_as_people_say_them() {
        for (seconds, want) in [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h")] {
            assert_eq!(Age(Duration::from_secs(seconds)).to_string(), want);
        }
    }
}
