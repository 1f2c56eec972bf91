//! Answers for visitors: the reactive state and the channel capacity.

use core::fmt;
use core::time::Duration;

use crate::answer::{Answer, Status};
use crate::groups::Groups;
use crate::groups::consolidation::Consolidation;
use crate::limits::GROUPS;
use crate::pacing::Algorithm;
use crate::state::State;
use crate::wire::channel::Channel;
use crate::wire::group_name::GroupName;
use crate::wire::query::{Query, QueryError};

#[derive(Clone, Copy)]
enum Resource {
    ReactiveState,
    ChannelCapacity,
}

impl Resource {
    fn at(path: &str) -> Option<Self> {
        match path {
            "/backend/data/pacing/reactiveState" | "/server/data/pacing/reactiveState" => Some(Self::ReactiveState),
            "/backend/data/pacing/channelCapacity" | "/server/data/pacing/channelCapacity" => {
                Some(Self::ChannelCapacity)
            }
            _ => None,
        }
    }
}

/// Answers a visitor's request; `path` and `query` are still encoded.
pub fn answer(state: &State, now: Duration, method: &str, path: &str, query: &str) -> Answer {
    let Some(resource) = Resource::at(path) else {
        // For the server as a whole (RFC 9110, section 9.3.7).
        if (method, path) == ("OPTIONS", "*") {
            return Answer::options();
        }
        let detail = "no such path; try /backend/data/pacing/reactiveState or /backend/data/pacing/channelCapacity";
        return Answer::problem(Status::NotFound, format_args!("{detail}"));
    };
    match method {
        "GET" | "HEAD" => {}
        "OPTIONS" => return Answer::options(),
        other => return Answer::method_not_allowed(other),
    }
    let Selection { channel, chosen, unknown } = match Selection::of(query, state.groups()) {
        Ok(selection) => selection,
        Err(error) => return Answer::problem(Status::BadRequest, format_args!("{error}")),
    };
    let algorithm = state.settings().pacing.algorithm;
    // Before unknown groups: it holds for every group.
    if matches!(resource, Resource::ReactiveState) && !algorithm.has_reactive_state() {
        return not_dual(algorithm);
    }
    if let Some(name) = unknown {
        return unknown_group(channel, name.as_str());
    }
    let groups = state.groups().all().iter().zip(chosen).filter_map(|(group, is_chosen)| is_chosen.then_some(group));
    let consolidation = Consolidation::of(groups, now, state.settings().time_to_live);
    match resource {
        _ if consolidation.fresh_groups == 0 => no_fresh_statistics(state, channel),
        Resource::ChannelCapacity => {
            Answer::of(consolidation.oldest, format_args!(r#"{{"capacity":{}}}"#, consolidation.capacity))
        }
        Resource::ReactiveState => reactive_state(algorithm, channel, &consolidation),
    }
}

struct Selection {
    channel: Channel,
    /// Whether each group of the table is requested.
    chosen: [bool; GROUPS],
    /// The first unknown name.
    unknown: Option<GroupName>,
}

impl Selection {
    fn of(query: &str, groups: &Groups) -> Result<Self, QueryError> {
        let query = Query::parse(query)?;
        let mut selection = Self { channel: query.channel, chosen: [false; GROUPS], unknown: None };
        let mut is_all = true;
        selection.unknown = query.groups(|name| {
            is_all = false;
            let known = groups.find(query.channel, name).and_then(|index| selection.chosen.get_mut(index));
            known.map(|is_chosen| *is_chosen = true).is_some()
        })?;
        if is_all {
            let of_channel = groups.all().iter().map(|group| group.channel == query.channel);
            selection.chosen.iter_mut().zip(of_channel).for_each(|(is_chosen, of_channel)| *is_chosen = of_channel);
        }
        Ok(selection)
    }
}

fn reactive_state(algorithm: Algorithm, channel: Channel, consolidation: &Consolidation) -> Answer {
    let received = consolidation.oldest_predicted;
    match consolidation.reactive_state() {
        Some(state) if algorithm == Algorithm::External => {
            Answer::of(received, format_args!(r#"{{"reactiveState":{state}}}"#))
        }
        Some(state) => {
            let state = Millionths(libm::round(state * 1e6) as u32);
            Answer::of(received, format_args!(r#"{{"reactiveState":{state}}}"#))
        }
        None if algorithm == Algorithm::External => Answer::unavailable(format_args!(
            "no fresh statistics of {channel} have a reactiveState, which pacing.algorithm EXTERNAL serves"
        )),
        // Shortly after a reload that changed the algorithm.
        None => Answer::unavailable(format_args!("no prediction has been made yet for {channel}")),
    }
}

/// A share from 0 to 1 in millionths; finer differences are noise. Written in 320 instructions less
/// than an `f64`.
struct Millionths(u32);

impl fmt::Display for Millionths {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut text, mut rest) = (*b"0.000000", self.0);
        for digit in text.iter_mut().rev().filter(|digit| **digit == b'0') {
            *digit += (rest % 10) as u8;
            rest /= 10;
        }
        let text = core::str::from_utf8(&text).unwrap_or_default();
        formatter.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

fn not_dual(algorithm: Algorithm) -> Answer {
    Answer::problem(
        Status::NotImplemented,
        format_args!(
            "pacing.algorithm is {algorithm}, which does not predict the reactive state; set it to \
             SUPER_PROGRESSIVE_DUAL or PREDICTIVE_B_DUAL"
        ),
    )
}

fn unknown_group(channel: Channel, name: &str) -> Answer {
    let is_in_brackets = name.starts_with('[') && name.ends_with(']');
    let hint = if is_in_brackets { "; send it without the brackets" } else { "" };
    Answer::problem(
        Status::NotFound,
        format_args!(
            "groups has {name:?}, which is not a known group of {channel}{hint}; a group that is declared in \
             statistics.groups is known from the start, others once statistics name them"
        ),
    )
}

fn no_fresh_statistics(state: &State, channel: Channel) -> Answer {
    let seconds = state.settings().time_to_live.as_secs_f64();
    Answer::unavailable(format_args!(
        "no statistics of the requested groups of {channel} were accepted in the last {seconds} s"
    ))
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::format;
    use std::net::{IpAddr, Ipv4Addr};
    use std::string::String;

    use serde_json::Value;

    use super::*;
    use crate::answer::{METHODS, RETRY_AFTER_SECONDS};
    use crate::groups::{Group, Report};
    use crate::limits::EXCERPT_BYTES;
    use crate::pacing::{Options, Prediction};
    use crate::settings::Settings;
    use crate::wire::line::Statistics;

    const CAPACITY: &str = "/backend/data/pacing/channelCapacity";
    const STATE: &str = "/backend/data/pacing/reactiveState";

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn state(algorithm: Algorithm) -> State {
        State::new(Settings { pacing: Options { algorithm, ..Options::default() }, ..Settings::default() })
    }

    fn receive(state: &mut State, seconds: u64, group: &str, ready: u32, more: &str) {
        let line = format!(r#"{{"channel":"chat","group":"{group}","ready":{ready}{more}}}"#);
        let sender = IpAddr::V4(Ipv4Addr::LOCALHOST);
        state.receive(at(seconds), Duration::ZERO, sender, line.as_bytes(), |_, fault| panic!("{fault}"));
    }

    #[test]
    fn a_share_is_written_as_a_float_is() {
        for millionths in (0..=1_000_000).step_by(37).chain([1, 10, 730_000, 999_999, 1_000_000]) {
            let float = f64::from(millionths) / 1e6;
            assert_eq!(std::format!("{}", Millionths(millionths)), std::format!("{float}"));
        }
    }

    #[test]
    fn a_reactive_state_is_rounded_to_millionths_and_written_as_the_shortest_decimal_fraction() {
        for parts in (0..=1_000_000_u32).step_by(7).chain([1, 10, 500_000, 999_999, 1_000_000]) {
            let exact = (f64::from(parts) + 0.3) / 1e6;
            let prediction =
                Prediction { reactive_state: Some(exact), proactive_allowance: None, reactive_demand: None };
            let group = Group::made_of(Report { received: at(0), statistics: Statistics::default() }, prediction);
            let one = Consolidation::of([group].iter(), at(0), at(30));
            let answer = reactive_state(Algorithm::SuperProgressiveDual, Channel::Chat, &one);
            assert_eq!(answer.body, format!("{{\"reactiveState\":{}}}", f64::from(parts) / 1e6).as_str());
        }
    }

    fn get(state: &mut State, seconds: u64, path: &str, query: &str) -> Answer {
        answer(state, at(seconds), "GET", path, query)
    }

    /// The detail of a problem, which must be whole.
    fn detail(answer: &Answer) -> String {
        assert!(answer.is_problem, "{answer:?}");
        let json: Value = serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {}", answer.body));
        assert_eq!(json["status"], answer.status.code());
        assert_eq!(json["title"], answer.status.name());
        json["detail"].as_str().unwrap().into()
    }

    #[test]
    fn stale_statistics_alone_answer_nothing_and_say_when_to_ask_again() {
        let mut state = state(Algorithm::External);
        receive(&mut state, 0, "A", 1, r#","reactiveState":0.5"#);
        let asked = [CAPACITY, STATE].map(|path| ["channel=chat", "channel=chat&groups=A"].map(|query| (path, query)));
        for (path, query) in asked.into_iter().flatten() {
            assert_eq!(get(&mut state, 30, path, query).status, Status::Ok);
        }
        for (path, query) in asked.into_iter().flatten() {
            let stale = get(&mut state, 31, path, query);
            assert_eq!((stale.status, stale.retry_after), (Status::ServiceUnavailable, Some(5)));
            assert_eq!(stale.received, None);
            assert!(detail(&stale).contains("in the last 30 s"));
        }
    }

    #[test]
    fn stale_groups_are_left_out_and_the_oldest_used_is_the_last_modification() {
        let mut state = state(Algorithm::External);
        receive(&mut state, 0, "A", 1, "");
        receive(&mut state, 20, "B", 2, "");
        receive(&mut state, 25, "C", 4, "");
        for (seconds, query, body, received) in [
            (30, "channel=chat", r#"{"capacity":7}"#, 0),
            (31, "channel=chat", r#"{"capacity":6}"#, 20),
            (31, "channel=chat&groups=A&groups=C", r#"{"capacity":4}"#, 25),
            (51, "channel=chat", r#"{"capacity":4}"#, 25),
        ] {
            let answer = get(&mut state, seconds, CAPACITY, query);
            assert_eq!((answer.body.as_str(), answer.received), (body, Some(at(received))), "{query} at {seconds}");
        }
    }

    #[test]
    fn a_dormant_group_is_left_out_beside_a_fresh_one_and_unavailable_alone() {
        let mut state = state(Algorithm::External);
        receive(&mut state, 0, "Night", 1, "");
        receive(&mut state, 3660, "Sales", 2, "");
        while state.refresh(at(3660), 9) {}
        let mut status = |query| get(&mut state, 3660, CAPACITY, query);
        assert_eq!(status("channel=chat&groups=Sales&groups=Night").body, r#"{"capacity":2}"#);
        assert_eq!(status("channel=chat&groups=Night").status, Status::ServiceUnavailable);
        assert_eq!(status("channel=chat").body, r#"{"capacity":2}"#);
        assert_eq!(status("channel=chat&groups=Sales&groups=Nobody").status, Status::NotFound);
    }

    #[test]
    fn an_unknown_group_is_named_with_what_makes_it_known() {
        let mut state = state(Algorithm::External);
        receive(&mut state, 0, "Sales", 1, "");
        let unknown = get(&mut state, 0, CAPACITY, "channel=chat&groups=X");
        assert_eq!(unknown.status, Status::NotFound);
        assert_eq!(
            detail(&unknown),
            "groups has \"X\", which is not a known group of chat; a group that is declared in statistics.groups is known \
             from the start, others once statistics name them"
        );
        let bracketed = detail(&get(&mut state, 0, CAPACITY, "channel=chat&groups=[Sales]"));
        assert!(bracketed.contains("group of chat; send it without the brackets; "), "{bracketed}");
        receive(&mut state, 0, "[Sales]", 5, "");
        assert_eq!(get(&mut state, 0, CAPACITY, "channel=chat&groups=[Sales]").body, r#"{"capacity":5}"#);
    }

    #[test]
    fn algorithms_that_are_not_dual_predict_no_reactive_state() {
        for algorithm in Algorithm::ALL {
            let mut state = state(algorithm);
            receive(&mut state, 0, "A", 1, r#","reactiveState":0.5"#);
            let is_dual = !matches!(algorithm, Algorithm::SuperProgressive | Algorithm::PredictiveB);
            for query in ["channel=chat", "channel=chat&groups=A", "channel=chat&groups=X", "channel=webcallback"] {
                let answer = get(&mut state, 0, STATE, query);
                assert_eq!(answer.status == Status::NotImplemented, !is_dual, "{algorithm} {query}");
                if !is_dual {
                    let detail = detail(&answer);
                    assert!(detail.contains("pacing.algorithm") && detail.contains("_DUAL"), "{detail}");
                }
            }
            assert_eq!(get(&mut state, 0, STATE, "channel=voice").status, Status::BadRequest);
            assert_eq!(get(&mut state, 0, CAPACITY, "channel=chat").status, Status::Ok);
        }
    }

    #[test]
    fn an_external_state_is_not_rounded() {
        let mut state = state(Algorithm::External);
        receive(&mut state, 0, "A", 1, r#","reactiveState":0.1234567891"#);
        assert_eq!(get(&mut state, 0, STATE, "channel=chat").body, r#"{"reactiveState":0.1234567891}"#);
    }

    #[test]
    fn whatever_stands_in_a_request_a_problem_is_whole_json() {
        let mut state = state(Algorithm::SuperProgressiveDual);
        let all: String = (0..128_u8).map(char::from).chain(['\u{7f}', '\u{85}', '\u{2028}', 'ü', '😀']).collect();
        for character in all.chars() {
            let mut bytes = [0; 4];
            let encoded: String =
                character.encode_utf8(&mut bytes).bytes().map(|byte| format!("%{byte:02X}")).collect();
            for count in [1, 12, 16, 48, 64, 65] {
                let text = encoded.repeat(count);
                for query in [format!("channel={text}"), format!("channel=chat&groups={text}")] {
                    for path in [CAPACITY, STATE] {
                        detail(&get(&mut state, 0, path, &query));
                    }
                }
            }
            detail(&answer(&state, at(0), &String::from(character).repeat(99), CAPACITY, ""));
        }
        assert!(detail(&get(&mut state, 0, CAPACITY, "channel=a%22%5C%0Ab")).contains(r#""a\"\\\nb""#));
    }

    #[test]
    fn the_longest_bodies_fit() {
        let mut state = state(Algorithm::External);
        // Characters that are shown by their numbers or behind a backslash, so that a name gets
        // several times as long.
        let worst = ["%C2%AD", "%E2%80%8B", "%F3%A0%80%81", "%22", "%5C"];
        for encoded in worst {
            let bytes = encoded.len() / 3;
            let name = encoded.repeat(crate::limits::GROUP_NAME_BYTES / bytes);
            let bracketed = encoded.repeat((crate::limits::GROUP_NAME_BYTES - 2) / bytes);
            let longest = get(&mut state, 0, CAPACITY, &format!("channel=webcallback&groups=[{bracketed}]"));
            assert!(detail(&longest).ends_with("others once statistics name them"), "{encoded}");
            let unknown = get(&mut state, 0, CAPACITY, &format!("channel=webcallback&groups={name}"));
            assert_eq!(unknown.status, Status::NotFound);
            assert!(detail(&unknown).ends_with("others once statistics name them"), "{encoded}");
            let excerpt = encoded.repeat(EXCERPT_BYTES / bytes + 1);
            let bad = get(&mut state, 0, CAPACITY, &format!("channel={excerpt}"));
            assert!(detail(&bad).ends_with("want \"chat\" or \"webcallback\""), "{encoded}");
        }
        let method = "\u{1}".repeat(99);
        assert!(detail(&answer(&state, at(0), &method, CAPACITY, "")).ends_with(METHODS));
    }

    #[test]
    fn before_the_first_prediction_under_another_algorithm_there_is_no_state() {
        let mut state = state(Algorithm::PredictiveB);
        receive(&mut state, 0, "A", 1, "");
        let pacing = Options { algorithm: Algorithm::PredictiveBDual, ..Options::default() };
        let settings = Settings { pacing, ..state.settings().clone() };
        state.configure(settings, core::iter::empty());
        let answer = get(&mut state, 0, STATE, "channel=chat");
        assert_eq!((answer.status, answer.retry_after), (Status::ServiceUnavailable, Some(RETRY_AFTER_SECONDS)));
        assert_eq!(detail(&answer), "no prediction has been made yet for chat");
        while state.refresh(at(0), 16) {}
        assert_eq!(get(&mut state, 0, STATE, "channel=chat").status, Status::Ok);
    }

    #[test]
    fn options_and_unknown_methods_are_answered_with_what_is_allowed() {
        let mut state = state(Algorithm::External);
        for path in [CAPACITY, STATE, "*"] {
            let options = answer(&state, at(0), "OPTIONS", path, "channel=voice");
            assert_eq!((options.status, options.allow, options.body.as_str()), (Status::NoContent, true, ""));
        }
        let other = answer(&state, at(0), "get", CAPACITY, "channel=chat");
        assert_eq!((other.status, other.allow), (Status::MethodNotAllowed, true));
        assert_eq!(detail(&other), "method is \"get\"; want one of GET, HEAD, OPTIONS");
        assert_eq!(answer(&state, at(0), "OPTIONS", "/x", "").status, Status::NotFound);
        assert_eq!(get(&mut state, 0, "*", "channel=chat").status, Status::NotFound);
    }

    #[test]
    fn a_group_named_twice_counts_once_and_a_bad_name_comes_before_an_unknown_one() {
        let mut state = state(Algorithm::External);
        for (group, ready) in [("A", 1), ("B", 2), ("C", 4)] {
            receive(&mut state, 0, group, ready, "");
        }
        let mut ask = |query| get(&mut state, 0, CAPACITY, query);
        assert_eq!(ask("channel=chat&groups=A&groups=C&groups=A").body, r#"{"capacity":5}"#);
        assert!(detail(&ask("channel=chat&groups=A&groups=X&groups=Y")).starts_with("groups has \"X\","));
        assert_eq!(ask("channel=chat&groups=X&groups=").status, Status::BadRequest);
    }
}
