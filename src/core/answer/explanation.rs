//! Explains a group's reactive state, for operators who are asked "why are no chats offered?"

use alloc::format;
use alloc::string::String;
use core::time::Duration;

use crate::fault::Fault;
use crate::groups::last_hour::Entries;
use crate::groups::{Group, Refusal};
use crate::pacing::{Reason, Stakes};
use crate::settings::Settings;
use crate::state::State;
use crate::wire::line::Statistics;

/// From this reactive state on, the group counts as letting everyone in.
const AS_GOOD_AS_ALL: f64 = 0.999;

#[derive(Clone, Debug)]
pub struct Explanation {
    /// One word, for programs.
    pub name: &'static str,
    /// For people.
    pub text: String,
}

struct Figures<'a> {
    /// The reactive state, if one is served.
    state: Option<f64>,
    statistics: Statistics,
    entries: Entries,
    is_over_goal: bool,
    busy_factor: Option<f64>,
    stakes: Stakes,
    enters_late: bool,
    settings: &'a Settings,
}

impl Explanation {
    pub fn of(state: &State, group: &Group, now: Duration) -> Self {
        let settings = state.settings();
        let report = match group.report() {
            None => return Self::missing("noStatistics", "no statistics yet".into(), dropped(state, group, now)),
            Some(report) if !report.is_fresh(now, settings.time_to_live) => {
                let text = format!("no statistics for {}", age(now.saturating_sub(report.received)));
                return Self::missing("silent", text, dropped(state, group, now));
            }
            Some(report) => report,
        };
        let figures = Figures {
            state: group.prediction().and_then(|prediction| prediction.reactive_state),
            statistics: report.statistics,
            entries: group.last_hour.entries(now),
            is_over_goal: group.is_over_goal(now, settings),
            busy_factor: group.busy_factor(&settings.pacing),
            stakes: group.stakes(&settings.pacing),
            enters_late: group.enters_late(),
            settings,
        };
        figures.explain(group.reason())
    }

    fn missing(name: &'static str, text: String, dropped: Option<String>) -> Self {
        match dropped {
            None => Self { name, text },
            Some(why) => Self { name: "dropped", text: format!("{text}; lines are received but dropped{why}") },
        }
    }

    /// Whether lines are received, but all dropped.
    pub fn lines_are_dropped(&self) -> bool {
        self.name == "dropped"
    }
}

/// Why lines that may be of the group were dropped recently. `None`: none were received.
fn dropped(state: &State, group: &Group, now: Duration) -> Option<String> {
    let time_to_live = state.settings().time_to_live;
    let is_recent = |received: Duration| now.saturating_sub(received) <= time_to_live;
    if let Some(untimely) = group.untimely.filter(|untimely| is_recent(untimely.received)) {
        // A duplicate made by the network says nothing about the collector.
        let after = group.report().map(|report| untimely.received.saturating_sub(report.received));
        if after.is_none_or(|after| after > time_to_live / 2) {
            return Some(untimely_text(untimely.refusal));
        }
    }
    // A line with a readable group was noted at that group; another one may be of any group.
    let is_of_any = |fault: &Fault| !matches!(fault, Fault::Refused(..) | Fault::Line(_, Some(_)));
    let is_own = group.invalid.is_some_and(is_recent);
    let last = state.dropped.as_ref().filter(|last| is_recent(last.received) && (is_own || is_of_any(&last.fault)))?;
    Some(format!(", the last one from {}: {}", last.sender, last.fault))
}

fn untimely_text(refusal: Refusal) -> String {
    let why = match refusal {
        Refusal::Late | Refusal::TableFull => "before that of the last accepted line",
        Refusal::Replayed => {
            "not later than that of the last accepted line (signed lines are accepted once it is: was a clock set back?)"
        }
        Refusal::Stale { .. } => "too far behind the clock here (is a clock wrong?)",
        Refusal::Early { .. } => "too far ahead of the clock here (is a clock wrong?)",
    };
    format!(": their time is {why}")
}

impl Figures<'_> {
    fn explain(&self, reason: Reason) -> Explanation {
        let lets_all_in = self.state.is_some_and(|state| state >= AS_GOOD_AS_ALL);
        let reason = match reason {
            Reason::Worth | Reason::Abandonment | Reason::BusyFactor | Reason::ProactiveShare if lets_all_in => {
                Reason::DemandFits
            }
            reason => reason,
        };
        let goal = self.settings.pacing.optimization_goal;
        let abandonment = self.entries.abandonment().map(|share| 100.0 * share);
        let mut name = reason.name();
        let text = match reason {
            Reason::NotYet => "no prediction yet".into(),
            Reason::DemandFits if self.is_over_goal => {
                name = "demandFitsAgain";
                let percent = abandonment.unwrap_or(0.0);
                format!("letting all in: demand fits now (abandonment in the last hour {percent:.1} %, goal {goal} %)")
            }
            Reason::DemandFits => "all demand fits".into(),
            Reason::Worth => format!(
                "holding back: one more visitor would cost more than it brings (with everyone let in, one more would abandon with \
                 a probability of {:.1} %, worth it up to {:.1} %)",
                100.0 * self.stakes.risk,
                100.0 * self.stakes.worth
            ),
            Reason::Abandonment => match abandonment {
                Some(percent) if percent > goal => {
                    format!("holding back: abandonment {percent:.1} % over goal {goal} %")
                }
                Some(percent) => format!("holding back: more would miss goal {goal} % (abandonment {percent:.1} %)"),
                None => format!("holding back: more would miss goal {goal} %"),
            },
            Reason::BusyFactor => {
                let busy = self.busy_factor.map(|share| format!(" (busy factor {:.0} %)", 100.0 * share));
                format!("holding back: more would exceed goal {goal} %{}", busy.unwrap_or_default())
            }
            Reason::ProactiveShare => {
                let ratio = self.settings.pacing.proactive_ratio;
                format!("holding back: {ratio} % of the slots are reserved for proactive interactions")
            }
            Reason::NoAgents => self.no_agents().into(),
            Reason::FewStatistics => self.few_statistics(),
            Reason::External if self.state.is_some() => "computed elsewhere (EXTERNAL)".into(),
            Reason::External => "statistics have no reactiveState, which pacing.algorithm EXTERNAL serves".into(),
            Reason::ProactiveOnly => "the algorithm does not predict the reactive state".into(),
        };
        let hint =
            if self.enters_late { "; visitors enter long after they were let in: set pacing.entry-delay" } else { "" };
        Explanation { name, text: text + hint }
    }

    fn no_agents(&self) -> &'static str {
        let Statistics { ready, logged_in, slots, reactive, proactive, .. } = self.statistics;
        let knows_interactions = reactive.is_some() || proactive.is_some();
        match (logged_in, slots) {
            (Some(0), _) => "no agents are logged in",
            (_, Some(0)) => "agents can take no interactions: slots is 0",
            // Although agents are ready: freeSlots is 0.
            _ if ready > 0 && knows_interactions => "no slot is free or in use",
            _ if ready > 0 => "no slot is free; how many are in use is not known",
            (Some(_), _) => "no agent is ready or in an interaction: all are on a break",
            (None, _) if knows_interactions => "no agent is ready or in an interaction",
            (None, _) => "no agent is ready; how many are logged in is not known",
        }
    }

    fn few_statistics(&self) -> String {
        let Statistics { ready, logged_in, slots, free_slots, queued, .. } = self.statistics;
        // As in the engine: of contradicting figures the smaller one counts.
        let free = free_slots.unwrap_or(ready).min(slots.or(logged_in).unwrap_or(u32::MAX));
        let word = if free_slots.is_none() && free == ready { "ready" } else { "free" };
        let (queued, door) =
            (queued.unwrap_or(0), if self.state.is_some_and(|state| state > 0.0) { "open" } else { "closed" });
        format!("{door}: {free} {word}, {queued} queued; statistics have no reactiveEntered to predict from")
    }
}

fn age(age: Duration) -> String {
    match age.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::net::{IpAddr, Ipv4Addr};

    use proptest::prelude::*;

    use super::*;
    use crate::pacing::{Algorithm, OptimizationTarget, Options};
    use crate::wire::channel::Channel;
    use crate::wire::group_name::GroupName;
    use crate::wire::jws::{Key, Keys};

    const SENDER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn text(reason: Reason, state: Option<f64>) -> String {
        text_with(reason, state, Entries { entered: 1000, abandoned: 41 }, false)
    }

    fn text_with(reason: Reason, state: Option<f64>, entries: Entries, is_over_goal: bool) -> String {
        let pacing = Options { proactive_ratio: 20, ..Options::default() };
        let settings = &Settings { pacing, ..Settings::default() };
        let statistics = Statistics::default();
        let (stakes, busy_factor) = (Stakes { risk: 0.083, worth: 0.021 }, Some(0.814));
        Figures { state, statistics, entries, is_over_goal, busy_factor, stakes, enters_late: false, settings }
            .explain(reason)
            .text
    }

    #[test]
    fn each_reason_has_its_figures() {
        for (reason, want) in [
            (Reason::NotYet, "no prediction yet"),
            (Reason::DemandFits, "all demand fits"),
            (
                Reason::Worth,
                "holding back: one more visitor would cost more than it brings (with everyone let in, one more would abandon \
                 with a probability of 8.3 %, worth it up to 2.1 %)",
            ),
            (Reason::Abandonment, "holding back: abandonment 4.1 % over goal 3 %"),
            (Reason::BusyFactor, "holding back: more would exceed goal 3 % (busy factor 81 %)"),
            (Reason::ProactiveShare, "holding back: 20 % of the slots are reserved for proactive interactions"),
            (Reason::External, "computed elsewhere (EXTERNAL)"),
            (Reason::ProactiveOnly, "the algorithm does not predict the reactive state"),
        ] {
            assert_eq!(text(reason, Some(0.5)), want);
        }
        assert_eq!(
            text(Reason::External, None),
            "statistics have no reactiveState, which pacing.algorithm EXTERNAL serves"
        );
        let again = "letting all in: demand fits now (abandonment in the last hour 4.1 %, goal 3 %)";
        for reason in [Reason::DemandFits, Reason::Abandonment] {
            assert_eq!(text_with(reason, Some(1.0), Entries { entered: 1000, abandoned: 41 }, true), again);
        }
    }

    #[test]
    fn missing_statistics_are_said_with_why_lines_are_dropped() {
        let mut state = state(Algorithm::SuperProgressiveDual);
        let name = GroupName::new("A").unwrap();
        state.configure(state.settings().clone(), [(Channel::Chat, &name)].into_iter());
        assert_eq!(why(&state, 0), ("no statistics yet".into(), "noStatistics"));
        state.receive(Duration::ZERO, Duration::ZERO, "10.9.8.7".parse().unwrap(), b"", |_, _| ());
        let not_allowed = "no statistics yet; lines are received but dropped, the last one from 10.9.8.7: its sender is in none \
                           of the networks in statistics.sources; if it is a collector, add it there";
        assert_eq!(why(&state, 0), (not_allowed.into(), "dropped"));
        receive(&mut state, 100, r#"{"channel":"chat","group":"A","ready":4,"time":1000}"#);
        assert_eq!(why(&state, 142), ("no statistics for 42 s".into(), "silent"));
        receive(&mut state, 290, r#"{"channel":"chat","group":"A","ready":4,"time":999}"#);
        let late = "no statistics for 3 min; lines are received but dropped: their time is before that of the last accepted line";
        assert_eq!(why(&state, 300), (late.into(), "dropped"));
    }

    #[test]
    fn a_goal_that_is_met_is_not_said_to_be_missed() {
        let of = |entries| text_with(Reason::Abandonment, Some(0.5), entries, false);
        let met = Entries { entered: 1000, abandoned: 28 };
        assert_eq!(of(met), "holding back: more would miss goal 3 % (abandonment 2.8 %)");
        assert_eq!(of(Entries::default()), "holding back: more would miss goal 3 %");
    }

    #[test]
    fn ages_are_rounded() {
        for (seconds, want) in [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h")] {
            assert_eq!(age(Duration::from_secs(seconds)), want);
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
        (explanation.text, explanation.name)
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
            (r#""ready":0,"slots":0"#, "agents can take no interactions: slots is 0"),
            (r#""ready":0,"loggedIn":9,"slots":0"#, "agents can take no interactions: slots is 0"),
            (r#""ready":0,"slots":9,"reactive":0"#, "no agent is ready or in an interaction"),
            (r#""ready":4,"freeSlots":0,"reactive":0"#, "no slot is free or in use"),
            (r#""ready":4,"freeSlots":0"#, "no slot is free; how many are in use is not known"),
        ] {
            assert_eq!(why_of(fields), (Some(0.0), want.into()), "{fields}");
        }
    }

    #[test]
    fn without_totals_the_text_follows_the_state() {
        for (fields, want) in [
            (r#""ready":4"#, "open: 4 ready, 0 queued; "),
            (r#""ready":4,"queued":1"#, "open: 4 ready, 1 queued; "),
            (r#""ready":1,"queued":1"#, "closed: 1 ready, 1 queued; "),
            (r#""ready":1,"queued":9"#, "closed: 1 ready, 9 queued; "),
            (r#""ready":1,"freeSlots":3,"queued":2"#, "open: 3 free, 2 queued; "),
            (r#""ready":30,"loggedIn":2,"queued":5"#, "closed: 2 free, 5 queued; "),
            (r#""ready":3,"freeSlots":3,"slots":2,"queued":2"#, "closed: 2 free, 2 queued; "),
        ] {
            let (state, text) = why_of(fields);
            assert!(text.starts_with(want), "{fields}: {state:?}, {text}");
            assert_eq!(state == Some(1.0), want.starts_with("open"), "{fields}: {state:?}, {text}");
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
        // Of another group, whose collector says nothing of this one.
        for line in [r#"{"channel":"chat","group":"B","ready":-4}"#, r#"{"channel":"webcallback","group":"A","ready":"#]
        {
            receive(&mut state, 60, line);
            assert_eq!(why(&state, 60), ("no statistics for 60 s".into(), "silent"), "{line}");
        }
        receive(&mut state, 60, r#"{"ready":4}"#);
        assert_eq!(why(&state, 60).1, "dropped", "it may be of this group");
        // Of both, in one datagram: the last one is an example for each.
        receive(
            &mut state,
            200,
            "{\"channel\":\"chat\",\"group\":\"A\",\"ready\":-4}\n{\"channel\":\"chat\",\"group\":\"B\",\"ready\":-5}",
        );
        let (text, name) = why(&state, 201);
        assert!(name == "dropped" && text.contains("ready is -5"), "{text}");
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
                 (proptest::option::of(0..6_u32), proptest::option::of(0..6_u32)),
                 proptest::option::of(0..4_u64), proptest::option::of(0..3_u64), any::<bool>()),
                1..40,
            ),
        ) {
            let target = if is_busy_factor { OptimizationTarget::BusyFactor } else { OptimizationTarget::AbandonmentRate };
            let pacing =
                Options { algorithm, proactive_ratio: ratio, optimization_target: target, ..Options::default() };
            let mut state = State::new(Settings { pacing, ..Settings::default() });
            let (mut entered, mut abandoned) = (0, 0);
            for (second, line) in lines.into_iter().enumerate() {
                let (ready, logged_in, reactive, queued, (slots, free_slots), more, lost, has_state) = line;
                let mut line = std::format!(r#"{{"channel":"chat","group":"A","ready":{ready}"#);
                let mut field = |name, value: Option<u64>| {
                    line.push_str(&value.map_or(String::new(), |value| std::format!(r#","{name}":{value}"#)));
                };
                (entered, abandoned) = (entered + more.unwrap_or(0), abandoned + lost.unwrap_or(0));
                field("loggedIn", logged_in.map(Into::into));
                field("reactive", reactive.map(Into::into));
                field("queued", queued.map(Into::into));
                field("slots", slots.map(Into::into));
                field("freeSlots", free_slots.map(Into::into));
                field("reactiveEntered", more.map(|_| entered));
                field("abandoned", lost.map(|_| abandoned));
                field("reactiveState", has_state.then_some(1));
                line.push('}');
                receive(&mut state, 2 * second as u64, &line);
                let now = Duration::from_secs(2 * second as u64);
                state.refresh(now, 9);
                let group = &state.groups().all()[0];
                let probability = group.prediction().unwrap().reactive_state;
                let text = Explanation::of(&state, group, now).text;
                let starts = |words: &[&str]| words.iter().any(|word| text.starts_with(word));
                match probability {
                    Some(state) if starts(&["all demand fits", "letting all in"]) => prop_assert!(state >= AS_GOOD_AS_ALL, "{text}"),
                    Some(state) if starts(&["holding back"]) => prop_assert!(state < AS_GOOD_AS_ALL, "{text}"),
                    Some(state) if starts(&["closed", "no agent", "no slot", "agents can take"]) => {
                        prop_assert!(state.abs() < 1e-12, "{text}");
                    }
                    Some(state) if starts(&["open"]) => prop_assert!(state > 0.0, "{text}"),
                    Some(_) => prop_assert!(text == "computed elsewhere (EXTERNAL)", "{text}"),
                    None => prop_assert!(starts(&["statistics have no reactiveState", "the algorithm does not predict"]), "{text}"),
                }
                // The figures in the text are those that were sent.
                prop_assert!(!text.contains("no agents are logged in") || logged_in == Some(0), "{text}");
                prop_assert!(!text.contains("no agent is ready") || ready == 0, "{text}");
                prop_assert!(!text.contains("no slot is free") || free_slots == Some(0), "{text}");
                prop_assert!(!text.contains("slots is 0") || slots == Some(0), "{text}");
                prop_assert!(!text.contains("on a break") || logged_in > Some(0), "{text}");
                prop_assert!(!text.contains("is not known") || reactive.is_none(), "{text}");
                if let Some((door, figures)) = text.split_once(": ").filter(|(door, _)| ["open", "closed"].contains(door)) {
                    let words: std::vec::Vec<_> = figures.split_whitespace().collect();
                    let (free, waiting): (u32, u32) = (words[0].parse().unwrap(), words[2].parse().unwrap());
                    prop_assert_eq!(free > waiting, door == "open", "{}", &text);
                    prop_assert_eq!(waiting, queued.unwrap_or(0), "{}", &text);
                    prop_assert!(words[1] != "ready," || free == ready, "{text}");
                    // With too few statistics only: `entered` is known from a total that was ever
                    // reported.
                    prop_assert!(more.is_none(), "{text}");
                }
                let entries = group.last_hour.entries(now);
                prop_assert!(!(text.contains("all demand fits") && group.is_over_goal(now, state.settings())), "{text}");
                if text.contains("over goal") {
                    prop_assert!(entries.abandonment().unwrap() > 0.03, "{text}");
                }
            }
        }
    }
}
