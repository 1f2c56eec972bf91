//! Why a group's reactive state is what it is, in words for the one who is asked "why are no chats offered?"

use core::fmt;
use core::time::Duration;

use crate::fault::Dropped;
use crate::groups::last_hour::Entries;
use crate::groups::{Group, Refusal};
use crate::pacing::{Reason, Stakes};
use crate::settings::Settings;
use crate::state::State;
use crate::wire::line::Statistics;

/// Where this share of the visitors is let in, nobody is held back whom anyone would miss.
const AS_GOOD_AS_ALL: f64 = 0.999;

/// The reason, with the figures that the words need.
#[derive(Clone, Debug)]
pub struct Explanation<'a> {
    cause: Cause<'a>,
    /// The reactive state; `None`: none is served.
    state: Option<f64>,
    statistics: Statistics,
    /// The last hour.
    entries: Entries,
    /// Share of the slots in use.
    busy_factor: Option<f64>,
    stakes: Stakes,
    /// Whether visitors enter later than they were let in.
    enters_late: bool,
    settings: &'a Settings,
}

#[derive(Clone, Copy, Debug)]
enum Cause<'a> {
    /// Declared, and no statistics were accepted.
    NoStatistics(Lines<'a>),
    /// No statistics were accepted for that long.
    Silent(Duration, Lines<'a>),
    /// The reason that the engine gives.
    Engine(Reason),
    /// All who ask are let in, although more than the goal allows have abandoned in the last hour.
    DemandFitsAgain,
}

/// The lines received while statistics are missing.
#[derive(Clone, Copy, Debug)]
enum Lines<'a> {
    /// None that could be of the group.
    None,
    /// Lines of the group, refused for their `time`.
    Untimely(Refusal),
    /// Lines that do not say, or cannot be trusted to say, which group they are of.
    Dropped(&'a Dropped),
}

impl<'a> Lines<'a> {
    fn of(state: &'a State, group: &Group, now: Duration) -> Self {
        let time_to_live = state.settings().time_to_live;
        let is_recent = |received: Duration| now.saturating_sub(received) <= time_to_live;
        let last_accepted = group.report().map(|report| report.received);
        if let Some(untimely) = group.untimely().filter(|untimely| is_recent(untimely.received)) {
            // A datagram that the network doubled is received sooner, and says nothing of the collector.
            let after = last_accepted.map(|accepted| untimely.received.saturating_sub(accepted));
            if after.is_none_or(|after| after > time_to_live / 2) {
                return Self::Untimely(untimely.refusal);
            }
        }
        let dropped = state.dropped().filter(|dropped| is_recent(dropped.received) && !dropped.fault.names_group());
        dropped.map_or(Self::None, Self::Dropped)
    }
}

impl<'a> Explanation<'a> {
    /// The explanation of a group's reactive state at `now`.
    pub fn of(state: &'a State, group: &Group, now: Duration) -> Self {
        let settings = state.settings();
        let probability = group.prediction().and_then(|prediction| prediction.reactive_state);
        let entries = group.last_hour().entries(now);
        let cause = match group.report() {
            None => Cause::NoStatistics(Lines::of(state, group, now)),
            Some(report) if !report.is_fresh(now, settings.time_to_live) => {
                Cause::Silent(now.saturating_sub(report.received), Lines::of(state, group, now))
            }
            Some(_) => Cause::of_engine(group.reason(), probability, group.is_over_goal(now, settings)),
        };
        Self {
            cause,
            state: probability,
            statistics: group.report().map(|report| report.statistics).unwrap_or_default(),
            entries,
            busy_factor: group.busy_factor(&settings.pacing),
            stakes: group.stakes(&settings.pacing),
            enters_late: group.enters_late(),
            settings,
        }
    }

    /// The reason in one word, for programs.
    pub const fn name(&self) -> &'static str {
        match self.cause {
            Cause::NoStatistics(Lines::None) => "noStatistics",
            Cause::Silent(_, Lines::None) => "silent",
            Cause::NoStatistics(_) | Cause::Silent(..) => "dropped",
            Cause::DemandFitsAgain => "demandFitsAgain",
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

    /// Whether lines are received that are all dropped.
    pub const fn lines_are_dropped(&self) -> bool {
        match self.cause {
            Cause::NoStatistics(lines) | Cause::Silent(_, lines) => !matches!(lines, Lines::None),
            Cause::Engine(_) | Cause::DemandFitsAgain => false,
        }
    }

    fn abandonment(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let goal = self.settings.pacing.optimization_goal;
        match self.entries.abandonment().map(|share| 100.0 * share) {
            Some(percent) if percent > 100.0 * self.settings.goal() => {
                write!(formatter, "holding back: abandonment {percent:.1} % over goal {goal} %")
            }
            Some(percent) => {
                write!(formatter, "holding back: more would miss goal {goal} % (abandonment {percent:.1} %)")
            }
            None => write!(formatter, "holding back: more would miss goal {goal} %"),
        }
    }

    fn no_agents(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let knows_interactions = self.statistics.reactive.is_some() || self.statistics.proactive.is_some();
        match (self.statistics.logged_in.or(self.statistics.slots), knows_interactions) {
            (Some(0), _) => formatter.write_str("no agents are logged in"),
            (Some(_), true) => formatter.write_str("no agent is ready or in an interaction: all are on a break"),
            (None, true) => formatter.write_str("no agent is ready or in an interaction"),
            (Some(_), false) => formatter.write_str("no agent is at work"),
            (None, false) => formatter.write_str("no agent is ready; how many are logged in is not known"),
        }
    }

    fn few_statistics(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let free = self.statistics.free_slots.unwrap_or(self.statistics.ready);
        let queued = self.statistics.queued.unwrap_or(0);
        let door = if self.state.is_some_and(|state| state > 0.0) { "open" } else { "closed" };
        write!(formatter, "{door}: {free} ready, {queued} queued; statistics have no reactiveEntered to predict from")
    }
}

impl Cause<'_> {
    fn of_engine(reason: Reason, state: Option<f64>, is_over_goal: bool) -> Self {
        let lets_all_in = state.is_some_and(|state| state >= AS_GOOD_AS_ALL);
        let reason = match reason {
            Reason::Worth | Reason::Abandonment | Reason::BusyFactor | Reason::ProactiveShare if lets_all_in => {
                Reason::DemandFits
            }
            reason => reason,
        };
        if reason == Reason::DemandFits && is_over_goal {
            return Self::DemandFitsAgain;
        }
        Self::Engine(reason)
    }
}

impl fmt::Display for Explanation<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason(formatter)?;
        if self.enters_late {
            formatter.write_str("; visitors enter long after they were let in: set pacing.entry-delay")?;
        }
        Ok(())
    }
}

impl Explanation<'_> {
    fn reason(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let goal = self.settings.pacing.optimization_goal;
        let reason = match self.cause {
            Cause::NoStatistics(lines) => return write!(formatter, "no statistics yet{lines}"),
            Cause::Silent(age, lines) => return write!(formatter, "no statistics for {}{lines}", Age(age)),
            Cause::DemandFitsAgain => {
                let percent = 100.0 * self.entries.abandonment().unwrap_or(0.0);
                return write!(
                    formatter,
                    "letting all in: demand fits now (abandonment in the last hour {percent:.1} %, goal {goal} %)"
                );
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
            Reason::ProactiveShare => write!(
                formatter,
                "holding back: {} % of the slots are reserved for proactive chats",
                self.settings.pacing.proactive_ratio
            ),
            Reason::NoAgents => self.no_agents(formatter),
            Reason::FewStatistics => self.few_statistics(formatter),
            Reason::External if self.state.is_some() => formatter.write_str("computed elsewhere (EXTERNAL)"),
            Reason::External => {
                formatter.write_str("statistics have no reactiveState, which pacing.algorithm EXTERNAL serves")
            }
            Reason::ProactiveOnly => formatter.write_str("the algorithm does not predict the reactive state"),
        }
    }
}

/// What to add to "no statistics".
impl fmt::Display for Lines<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Untimely(refusal) => {
                formatter.write_str("; lines are received but dropped: their time is ")?;
                formatter.write_str(match refusal {
                    Refusal::Late => "before that of the last accepted line",
                    Refusal::Replayed => {
                        "not later than that of the last accepted line (signed lines are accepted once it is: was a \
                         clock set back?)"
                    }
                    Refusal::Stale => "too far behind the clock here (is a clock wrong?)",
                    Refusal::Early => "too far ahead of the clock here (is a clock wrong?)",
                })
            }
            Self::Dropped(dropped) => write!(
                formatter,
                "; lines are received but dropped, the last one from {}: {}",
                dropped.sender, dropped.fault
            ),
        }
    }
}

/// A length of time, rounded as people would.
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
    use std::net::{IpAddr, Ipv4Addr};
    use std::string::{String, ToString};

    use proptest::prelude::*;

    use super::*;
    use crate::fault::Fault;
    use crate::pacing::{Algorithm, OptimizationTarget, Options};
    use crate::wire::jws::{Key, Keys};

    const SENDER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn text(cause: Cause<'_>, state: Option<f64>) -> String {
        let entries = Entries { entered: 1000, abandoned: 41 };
        text_with(cause, state, entries, Statistics::default())
    }

    fn text_with(cause: Cause<'_>, state: Option<f64>, entries: Entries, statistics: Statistics) -> String {
        let pacing = Options { proactive_ratio: 20, ..Options::default() };
        let settings = &Settings { pacing, ..Settings::default() };
        let stakes = Stakes { risk: 0.083, worth: 0.021 };
        Explanation {
            cause,
            state,
            statistics,
            entries,
            busy_factor: Some(0.814),
            stakes,
            enters_late: false,
            settings,
        }
        .to_string()
    }

    #[test]
    fn each_reason_has_its_figures() {
        let dropped = Dropped { received: Duration::ZERO, sender: SENDER, fault: Fault::NotAllowed };
        let age = Duration::from_millis(42_900);
        for (cause, want) in [
            (Cause::NoStatistics(Lines::None), "no statistics yet"),
            (Cause::Silent(age, Lines::None), "no statistics for 42 s"),
            (
                Cause::Silent(Duration::from_secs(200), Lines::Untimely(Refusal::Late)),
                "no statistics for 3 min; lines are received but dropped: their time is before that of the last accepted line",
            ),
            (
                Cause::NoStatistics(Lines::Dropped(&dropped)),
                "no statistics yet; lines are received but dropped, the last one from 127.0.0.1: its sender is in none of \
                 the networks in statistics.sources; if it is a collector, add it there",
            ),
            (Cause::DemandFitsAgain, "letting all in: demand fits now (abandonment in the last hour 4.1 %, goal 3 %)"),
            (Cause::Engine(Reason::NotYet), "no prediction yet"),
            (Cause::Engine(Reason::DemandFits), "all demand fits"),
            (
                Cause::Engine(Reason::Worth),
                "holding back: one more visitor would cost more than it brings (with everyone let in 8.3 % would abandon, worth \
                 it up to 2.1 %)",
            ),
            (Cause::Engine(Reason::Abandonment), "holding back: abandonment 4.1 % over goal 3 %"),
            (Cause::Engine(Reason::BusyFactor), "holding back: more would exceed goal 3 % (busy factor 81 %)"),
            (Cause::Engine(Reason::ProactiveShare), "holding back: 20 % of the slots are reserved for proactive chats"),
            (Cause::Engine(Reason::External), "computed elsewhere (EXTERNAL)"),
            (Cause::Engine(Reason::ProactiveOnly), "the algorithm does not predict the reactive state"),
        ] {
            assert_eq!(text(cause, Some(0.5)), want);
        }
        assert_eq!(
            text(Cause::Engine(Reason::External), None),
            "statistics have no reactiveState, which pacing.algorithm EXTERNAL serves"
        );
    }

    #[test]
    fn a_goal_that_is_met_is_not_said_to_be_missed() {
        let of = |entries| text_with(Cause::Engine(Reason::Abandonment), Some(0.5), entries, Statistics::default());
        let met = Entries { entered: 1000, abandoned: 28 };
        assert_eq!(of(met), "holding back: more would miss goal 3 % (abandonment 2.8 %)");
        assert_eq!(of(Entries::default()), "holding back: more would miss goal 3 %");
    }

    #[test]
    fn ages_are_rounded() {
        for (seconds, want) in [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h")] {
            assert_eq!(Age(Duration::from_secs(seconds)).to_string(), want);
        }
    }

    fn state(algorithm: Algorithm) -> State {
        State::new(Settings { pacing: Options { algorithm, ..Options::default() }, ..Settings::default() })
    }

    fn receive(state: &mut State, seconds: u64, line: &str) {
        let (now, wall) = (Duration::from_secs(seconds), Duration::from_secs(1_790_000_000 + seconds));
        state.receive(now, wall, SENDER, line.as_bytes(), |_, _| ());
    }

    /// The explanation of the only group.
    fn why(state: &State, seconds: u64) -> (String, &'static str) {
        let now = Duration::from_secs(seconds);
        let explanation = Explanation::of(state, state.groups().all().first().unwrap(), now);
        (explanation.to_string(), explanation.name())
    }

    fn why_of(fields: &str) -> (Option<f64>, String) {
        let mut state = state(Algorithm::SuperProgressiveDual);
        receive(&mut state, 0, &std::format!(r#"{{"channel":"chat","group":"A",{fields}}}"#));
        let prediction = state.groups().all()[0].prediction().unwrap().reactive_state;
        (prediction, why(&state, 0).0)
    }

    #[test]
    fn agents_are_said_to_be_away_only_as_far_as_that_is_known() {
        for (fields, want) in [
            (r#""ready":0"#, "no agent is ready; how many are logged in is not known"),
            (r#""ready":0,"loggedIn":0"#, "no agents are logged in"),
            (r#""ready":0,"reactive":0"#, "no agent is ready or in an interaction"),
            (r#""ready":0,"loggedIn":9,"reactive":0"#, "no agent is ready or in an interaction: all are on a break"),
        ] {
            assert_eq!(why_of(fields), (Some(0.0), want.into()), "{fields}");
        }
    }

    #[test]
    fn without_totals_the_text_follows_the_state() {
        for fields in [r#""ready":4"#, r#""ready":4,"queued":1"#, r#""ready":1,"queued":1"#, r#""ready":1,"queued":9"#]
        {
            let (state, text) = why_of(fields);
            let door = if state == Some(0.0) { "closed: " } else { "open: " };
            assert!(text.starts_with(door), "{fields}: {state:?}, {text}");
        }
    }

    #[test]
    fn lines_that_are_all_malformed_are_the_reason_and_not_a_silent_collector() {
        let mut state = state(Algorithm::SuperProgressiveDual);
        receive(&mut state, 0, r#"{"channel":"chat","group":"A","ready":4}"#);
        receive(&mut state, 20, r#"{"channel":"chat","group":"A","ready":-4}"#);
        let (text, name) = why(&state, 40);
        assert_eq!(name, "dropped");
        assert!(
            text.starts_with(
                "no statistics for 40 s; lines are received but dropped, the last one from 127.0.0.1: ready is -4"
            ),
            "{text}"
        );
        assert_eq!(why(&state, 51), ("no statistics for 51 s".into(), "silent"), "they have ended, too");
    }

    #[test]
    fn lines_that_are_too_early_too_late_or_replayed_are_the_reason_for_their_group() {
        let key = Key::new(&[7; 32]).unwrap();
        let mut keys = Keys::default();
        assert!(keys.push(key.clone()));
        for (offset, part) in
            [(-60_i64, "too far behind the clock here"), (60, "too far ahead"), (-20, "not later than")]
        {
            let mut state = State::new(Settings { keys: keys.clone(), ..Settings::default() });
            let send = |state: &mut State, seconds: u64, offset: i64| {
                let time = (1_790_000_000 + seconds).checked_add_signed(offset).unwrap() * 1000;
                let line = std::format!(r#"{{"channel":"chat","group":"A","ready":4,"time":{time}}}"#);
                receive(state, seconds, key.sign(line.as_bytes()).unwrap().as_str());
            };
            send(&mut state, 0, 20);
            send(&mut state, 1, offset);
            assert_eq!(why(&state, 31).1, "silent", "one just after the last may be the network's");
            (16..=39).for_each(|second| send(&mut state, second, if offset == -20 { -20 } else { offset }));
            let (text, name) = why(&state, 39);
            assert!(name == "dropped" && text.contains(part), "{offset}: {text}");
        }
    }

    proptest! {
        /// Through the whole engine, whatever the statistics are.
        #[test]
        fn the_text_never_contradicts_the_state(
            algorithm in proptest::sample::select(Algorithm::ALL.to_vec()),
            ratio in prop_oneof![Just(0_u8), Just(20), Just(100)],
            is_busy_factor: bool,
            lines in proptest::collection::vec(
                (0..6_u32, proptest::option::of(0..6_u32), proptest::option::of(0..6_u32), proptest::option::of(0..3_u32),
                 proptest::option::of(0..4_u64), proptest::option::of(0..3_u64), any::<bool>()),
                1..40,
            ),
        ) {
            let target = if is_busy_factor { OptimizationTarget::BusyFactor } else { OptimizationTarget::AbandonmentRate };
            let pacing =
                Options { algorithm, proactive_ratio: ratio, optimization_target: target, ..Options::default() };
            let mut state = State::new(Settings { pacing, ..Settings::default() });
            let (mut entered, mut abandoned) = (0, 0);
            for (second, (ready, logged_in, reactive, queued, more, lost, has_state)) in lines.into_iter().enumerate() {
                let mut line = std::format!(r#"{{"channel":"chat","group":"A","ready":{ready}"#);
                let mut field = |name, value: Option<u64>| {
                    line.push_str(&value.map_or(String::new(), |value| std::format!(r#","{name}":{value}"#)));
                };
                (entered, abandoned) = (entered + more.unwrap_or(0), abandoned + lost.unwrap_or(0));
                field("loggedIn", logged_in.map(Into::into));
                field("reactive", reactive.map(Into::into));
                field("queued", queued.map(Into::into));
                field("reactiveEntered", more.map(|_| entered));
                field("abandoned", lost.map(|_| abandoned));
                field("reactiveState", has_state.then_some(1));
                line.push('}');
                receive(&mut state, 2 * second as u64, &line);
                let now = Duration::from_secs(2 * second as u64);
                state.refresh(now, 9);
                let group = &state.groups().all()[0];
                let probability = group.prediction().unwrap().reactive_state;
                let explanation = Explanation::of(&state, group, now);
                let text = explanation.to_string();
                let starts = |words: &[&str]| words.iter().any(|word| text.starts_with(word));
                match probability {
                    Some(state) if starts(&["all demand fits", "letting all in"]) => prop_assert!(state >= AS_GOOD_AS_ALL, "{text}"),
                    Some(state) if starts(&["holding back"]) => prop_assert!(state < AS_GOOD_AS_ALL, "{text}"),
                    Some(state) if starts(&["closed", "no agent"]) => prop_assert!(state.abs() < 1e-12, "{text}"),
                    Some(state) if starts(&["open"]) => prop_assert!(state > 0.0, "{text}"),
                    Some(_) => prop_assert!(text == "computed elsewhere (EXTERNAL)", "{text}"),
                    None => prop_assert!(starts(&["statistics have no reactiveState", "the algorithm does not predict"]), "{text}"),
                }
                let entries = group.last_hour().entries(now);
                prop_assert!(!(text.contains("all demand fits") && group.is_over_goal(now, state.settings())), "{text}");
                if text.contains("over goal") {
                    prop_assert!(entries.abandonment().unwrap() > 0.03, "{text}");
                }
            }
        }
    }
}
