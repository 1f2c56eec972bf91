//! Answers: a pure function of method, target and what is known.
//!
//! Paths, bodies and errors are those of the Pacing REST API; errors are problem details (RFC 9457).

pub mod explanation;
mod json_text;
pub mod metrics;
pub mod prometheus;
pub mod status;

use core::fmt::{self, Write as _};
use core::time::Duration;

use crate::answer::json_text::JsonText;
use crate::counters::Outcome;
use crate::groups::consolidation::Consolidation;
use crate::limits::BODY_BYTES;
use crate::pacing::Algorithm;
use crate::state::{SelectionError, State};
use crate::wire::channel::Channel;
use crate::wire::query::{Query, QueryError};

/// Seconds after which a client may ask again while there are no fresh statistics: collectors push every few seconds.
const RETRY_AFTER_SECONDS: u32 = 5;

/// A reactive state is told to so many parts of one; finer differences are noise, and long numbers are hard to read.
const STATE_PARTS: u32 = 1_000_000;

/// A status code of HTTP (RFC 9110, section 15), as far as pacingd uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // The names are the standard's reason phrases.
pub enum Status {
    Ok = 200,
    NoContent = 204,
    BadRequest = 400,
    NotFound = 404,
    MethodNotAllowed = 405,
    RequestTimeout = 408,
    UriTooLong = 414,
    RequestHeaderFieldsTooLarge = 431,
    NotImplemented = 501,
    ServiceUnavailable = 503,
}

impl Status {
    /// The number.
    pub const fn code(self) -> u16 {
        self as u16
    }

    /// The reason phrase.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::NoContent => "No Content",
            Self::BadRequest => "Bad Request",
            Self::NotFound => "Not Found",
            Self::MethodNotAllowed => "Method Not Allowed",
            Self::RequestTimeout => "Request Timeout",
            Self::UriTooLong => "URI Too Long",
            Self::RequestHeaderFieldsTooLarge => "Request Header Fields Too Large",
            Self::NotImplemented => "Not Implemented",
            Self::ServiceUnavailable => "Service Unavailable",
        }
    }
}

/// The body of an answer.
pub type Body = heapless::String<BODY_BYTES>;

/// What to answer; the headers of HTTP are made of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The status code.
    pub status: Status,
    /// JSON; empty for [`Status::NoContent`].
    pub body: Body,
    /// Whether the body is a problem (RFC 9457).
    pub is_problem: bool,
    /// When the oldest statistics used were received; for `last-modified`.
    pub received: Option<Duration>,
    /// Seconds for `retry-after`.
    pub retry_after: Option<u32>,
    /// Whether to say which methods are allowed.
    pub allow: bool,
}

/// The methods of every path, for `allow`.
pub const METHODS: &str = "GET, HEAD, OPTIONS";

impl Answer {
    const fn empty(status: Status) -> Self {
        Self { status, body: Body::new(), is_problem: false, received: None, retry_after: None, allow: false }
    }

    fn json(status: Status, body: fmt::Arguments<'_>) -> Self {
        let mut answer = Self::empty(status);
        // Every body fits: the tests make the longest ones.
        let _ = answer.body.write_fmt(body);
        answer
    }

    /// An error, as problem details.
    pub fn problem(status: Status, detail: fmt::Arguments<'_>) -> Self {
        let mut answer = Self::empty(status);
        answer.is_problem = true;
        let _ = write!(answer.body, r#"{{"title":"{}","status":{},"detail":""#, status.reason(), status.code());
        let _ = JsonText(&mut answer.body).write_fmt(detail);
        let _ = answer.body.push_str("\"}");
        answer
    }

    fn unavailable(detail: fmt::Arguments<'_>) -> Self {
        Self { retry_after: Some(RETRY_AFTER_SECONDS), ..Self::problem(Status::ServiceUnavailable, detail) }
    }
}

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

/// Answers a visitor's request: `method` as in the request line, `path` and `query` still encoded.
pub fn answer(state: &mut State, now: Duration, method: &str, path: &str, query: &str) -> Answer {
    let Some(resource) = Resource::at(path) else {
        // `OPTIONS *` asks about the server as a whole (RFC 9110, section 9.3.7).
        return if (method, path) == ("OPTIONS", "*") { options() } else { not_found() };
    };
    match method {
        "GET" | "HEAD" => {}
        "OPTIONS" => return options(),
        other => return method_not_allowed(other),
    }
    let query = match Query::parse(query) {
        Ok(query) => query,
        Err(error) => return bad_request(&error),
    };
    let channel = query.channel;
    let consolidation = match state.consolidate_named(now, channel, query.groups()) {
        // What was asked cannot be had at all, so it is said before what is amiss with the groups.
        Ok(_) | Err(SelectionError::Unknown(_)) if !serves(resource, state) => return not_dual(),
        Ok(Some(consolidation)) => consolidation,
        Ok(None) => state.consolidate(now, channel),
        Err(SelectionError::Query(error)) => return bad_request(&error),
        Err(SelectionError::Unknown(name)) => {
            let name = name.as_str();
            // As the reference's syntax line could be read.
            let is_in_brackets = name.starts_with('[') && name.ends_with(']');
            let hint = if is_in_brackets { "; try it without the brackets" } else { "" };
            let detail = format_args!(
                "groups has {name:?}, which is neither declared nor known from statistics of {channel}{hint}"
            );
            return Answer::problem(Status::NotFound, detail);
        }
    };
    match resource {
        _ if !consolidation.is_fresh() => no_fresh_statistics(state, channel),
        Resource::ChannelCapacity => capacity(&consolidation),
        Resource::ReactiveState => reactive_state(state, channel, &consolidation),
    }
}

fn serves(resource: Resource, state: &State) -> bool {
    match (resource, state.settings().pacing.algorithm) {
        (Resource::ReactiveState, Algorithm::SuperProgressive | Algorithm::PredictiveB) => false,
        (Resource::ReactiveState | Resource::ChannelCapacity, _) => true,
    }
}

fn capacity(consolidation: &Consolidation) -> Answer {
    let mut answer = Answer::json(Status::Ok, format_args!(r#"{{"capacity":{}}}"#, consolidation.capacity()));
    answer.received = consolidation.oldest();
    answer
}

fn reactive_state(state: &State, channel: Channel, consolidation: &Consolidation) -> Answer {
    let algorithm = state.settings().pacing.algorithm;
    let Some(probability) = consolidation.reactive_state() else {
        return match algorithm {
            Algorithm::External => Answer::unavailable(format_args!(
                "no fresh statistics of {channel} have a reactiveState, which pacing.algorithm EXTERNAL serves"
            )),
            // For a moment after a reload that changed the algorithm.
            _ => Answer::unavailable(format_args!("no prediction was made yet for {channel}")),
        };
    };
    let mut answer = Answer::empty(Status::Ok);
    answer.received = consolidation.oldest();
    let body = &mut answer.body;
    let _ = body.push_str(r#"{"reactiveState":"#);
    match algorithm {
        Algorithm::External => drop(write!(body, "{probability}")),
        _ => push_parts(body, libm::round(probability * f64::from(STATE_PARTS)) as u32),
    }
    let _ = body.push('}');
    answer
}

/// Writes a number of [`STATE_PARTS`] as the shortest decimal fraction, a tenth of what a floating-point number costs.
fn push_parts(body: &mut Body, parts: u32) {
    if parts >= STATE_PARTS {
        let _ = body.push('1');
        return;
    }
    let _ = body.push('0');
    let (mut rest, mut place) = (parts, STATE_PARTS / 10);
    if rest > 0 {
        let _ = body.push('.');
    }
    while rest > 0 {
        let _ = body.push(char::from(b'0' + (rest / place) as u8));
        rest %= place;
        place /= 10;
    }
}

fn options() -> Answer {
    Answer { allow: true, ..Answer::empty(Status::NoContent) }
}

fn not_found() -> Answer {
    Answer::problem(
        Status::NotFound,
        format_args!("want /backend/data/pacing/reactiveState or /backend/data/pacing/channelCapacity"),
    )
}

fn method_not_allowed(method: &str) -> Answer {
    let got = crate::wire::excerpt::Excerpt::new(method);
    let detail = format_args!("method is {got}; want one of {METHODS}");
    Answer { allow: true, ..Answer::problem(Status::MethodNotAllowed, detail) }
}

fn bad_request(error: &QueryError) -> Answer {
    Answer::problem(Status::BadRequest, format_args!("{error}"))
}

fn not_dual() -> Answer {
    Answer::problem(
        Status::NotImplemented,
        format_args!(
            "pacing.algorithm predicts no reactive traffic; want SUPER_PROGRESSIVE_DUAL or PREDICTIVE_B_DUAL in the configuration"
        ),
    )
}

fn no_fresh_statistics(state: &State, channel: Channel) -> Answer {
    let seconds = state.settings().time_to_live.as_secs_f64();
    Answer::unavailable(format_args!(
        "no statistics of the groups asked for on {channel} were received in the last {seconds} s"
    ))
}

/// What an operator may read at length. The edge writes it: [`status`](crate::answer::status), [`metrics`](crate::answer::metrics), and the
/// page for people, which it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Document {
    /// `/`: the status page.
    Page,
    /// `/status`: the same for programs, as JSON.
    Status,
    /// `/metrics`: for Prometheus.
    Metrics,
}

impl Document {
    fn at(path: &str) -> Option<Self> {
        match path {
            "/" => Some(Self::Page),
            "/status" => Some(Self::Status),
            "/metrics" => Some(Self::Metrics),
            _ => None,
        }
    }

    /// The document that an operator asks for. `None`: [`operators_answer`] has the answer.
    pub fn asked_for(method: &str, path: &str) -> Option<Self> {
        Self::at(path).filter(|_| matches!(method, "GET" | "HEAD"))
    }
}

/// Answers an operator's request for anything but a [`Document`].
pub fn operators_answer(state: &mut State, now: Duration, method: &str, path: &str) -> Answer {
    let is_document = Document::at(path).is_some();
    match (method, path) {
        ("GET" | "HEAD", "/health") => health(state, now),
        ("OPTIONS", "/health" | "*") => options(),
        ("OPTIONS", _) if is_document => options(),
        (other, _) if is_document || path == "/health" => method_not_allowed(other),
        _ => Answer::problem(Status::NotFound, format_args!("want /, /health, /metrics or /status")),
    }
}

/// Healthy: statistics are fresh for at least one group.
fn health(state: &mut State, now: Duration) -> Answer {
    let fresh: u32 = Channel::ALL.into_iter().map(|channel| state.consolidate(now, channel).fresh_groups()).sum();
    let (status, word) =
        if fresh > 0 { (Status::Ok, "ok") } else { (Status::ServiceUnavailable, "no fresh statistics") };
    let newest = state.groups().all().iter().filter_map(|group| group.report()).map(|report| report.received).max();
    let mut answer = Answer::json(status, format_args!(r#"{{"status":"{word}","#));
    let body = &mut answer.body;
    let _ = write!(body, r#""groups":{{"known":{},"fresh":{fresh}}},"#, state.groups().all().len());
    let _ = match newest {
        Some(received) => write!(body, r#""newestStatisticsAge":{:.3},"#, now.saturating_sub(received).as_secs_f64()),
        None => body.write_str(r#""newestStatisticsAge":null,"#),
    };
    let counters = state.counters();
    let _ = write!(body, r#""lines":{{"received":{}"#, counters.received());
    for outcome in Outcome::ALL {
        let _ = write!(body, r#","{}":{}"#, outcome.name(), counters.lines(outcome));
    }
    let _ = body.write_str("}}");
    if fresh == 0 {
        answer.retry_after = Some(RETRY_AFTER_SECONDS);
    }
    answer
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::format;
    use std::net::{IpAddr, Ipv4Addr};
    use std::string::String;

    use serde_json::Value;

    use super::*;
    use crate::limits::EXCERPT_BYTES;
    use crate::pacing::Options;
    use crate::state::Settings;
    use crate::wire::jws::Keys;

    const CAPACITY: &str = "/backend/data/pacing/channelCapacity";
    const STATE: &str = "/backend/data/pacing/reactiveState";

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn state(algorithm: Algorithm) -> State {
        State::new(Settings {
            pacing: Options { algorithm, ..Options::default() },
            time_to_live: at(30),
            sources: ["0.0.0.0/0".parse().unwrap()].into_iter().collect(),
            keys: Keys::default(),
        })
    }

    fn receive(state: &mut State, seconds: u64, group: &str, ready: u32, more: &str) {
        let line = format!(r#"{{"channel":"chat","group":"{group}","ready":{ready}{more}}}"#);
        let sender = IpAddr::V4(Ipv4Addr::LOCALHOST);
        state.receive(at(seconds), Duration::ZERO, sender, line.as_bytes(), |_, fault| panic!("{fault}"));
    }

    #[test]
    fn a_reactive_state_is_written_as_the_shortest_decimal_fraction() {
        for parts in (0..=STATE_PARTS).step_by(7).chain([1, 10, 500_000, 999_999, STATE_PARTS]) {
            let mut body = Body::new();
            push_parts(&mut body, parts);
            assert_eq!(body.as_str(), format!("{}", f64::from(parts) / f64::from(STATE_PARTS)));
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
        assert_eq!(json["title"], answer.status.reason());
        json["detail"].as_str().unwrap().into()
    }

    #[test]
    fn statistics_that_all_are_stale_answer_nothing_and_say_when_to_come_back() {
        let mut state = state(Algorithm::External);
        receive(&mut state, 0, "A", 1, r#","reactiveState":0.5"#);
        let asked = [CAPACITY, STATE].map(|path| ["channel=chat", "channel=chat&groups=A"].map(|query| (path, query)));
        for (path, query) in asked.into_iter().flatten() {
            assert_eq!(get(&mut state, 30, path, query).status, Status::Ok);
        }
        assert_eq!(operators_answer(&mut state, at(30), "GET", "/health").status, Status::Ok);
        for (path, query) in asked.into_iter().flatten() {
            let stale = get(&mut state, 31, path, query);
            assert_eq!((stale.status, stale.retry_after), (Status::ServiceUnavailable, Some(5)));
            assert_eq!(stale.received, None);
            assert!(detail(&stale).contains("in the last 30 s"));
        }
        let health = operators_answer(&mut state, at(31), "GET", "/health");
        assert_eq!((health.status, health.retry_after), (Status::ServiceUnavailable, Some(5)));
    }

    #[test]
    fn stale_groups_are_left_out_and_the_oldest_used_is_told() {
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
    fn a_group_is_known_for_an_hour_and_then_not_found() {
        let mut state = state(Algorithm::External);
        receive(&mut state, 0, "A", 1, "");
        let query = "channel=chat&groups=A";
        assert_eq!(get(&mut state, 3599, CAPACITY, query).status, Status::ServiceUnavailable);
        let forgotten = get(&mut state, 3600, CAPACITY, query);
        assert_eq!(forgotten.status, Status::NotFound);
        assert_eq!(detail(&forgotten), "groups has \"A\", which is neither declared nor known from statistics of chat");
    }

    #[test]
    fn algorithms_that_are_not_dual_predict_no_reactive_traffic() {
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
            detail(&answer(&mut state, at(0), &String::from(character).repeat(99), CAPACITY, ""));
        }
        assert!(detail(&get(&mut state, 0, CAPACITY, "channel=a%22%5C%0Ab")).contains(r#""a\"\\\nb""#));
    }

    #[test]
    fn the_longest_bodies_fit() {
        let mut state = state(Algorithm::External);
        // Characters that are shown by their numbers or behind a backslash, so that a name gets several times as long.
        let worst = ["%C2%AD", "%E2%80%8B", "%F3%A0%80%81", "%22", "%5C"];
        for encoded in worst {
            let bytes = encoded.len() / 3;
            let name = encoded.repeat(crate::limits::GROUP_NAME_BYTES / bytes);
            let unknown = get(&mut state, 0, CAPACITY, &format!("channel=webcallback&groups={name}"));
            assert_eq!(unknown.status, Status::NotFound);
            assert!(detail(&unknown).ends_with("known from statistics of webcallback"), "{encoded}");
            let excerpt = encoded.repeat(EXCERPT_BYTES / bytes + 1);
            let bad = get(&mut state, 0, CAPACITY, &format!("channel={excerpt}"));
            assert!(detail(&bad).ends_with("want \"chat\" or \"webcallback\""), "{encoded}");
        }
        let method = "\u{1}".repeat(99);
        assert!(detail(&answer(&mut state, at(0), &method, CAPACITY, "")).ends_with(METHODS));
    }

    #[test]
    fn before_the_first_prediction_under_another_algorithm_none_is_told() {
        let mut state = state(Algorithm::PredictiveB);
        receive(&mut state, 0, "A", 1, "");
        let pacing = Options { algorithm: Algorithm::PredictiveBDual, ..Options::default() };
        let settings = Settings { pacing, ..state.settings().clone() };
        state.configure(at(0), settings, core::iter::empty()).unwrap();
        let answer = get(&mut state, 0, STATE, "channel=chat");
        assert_eq!((answer.status, answer.retry_after), (Status::ServiceUnavailable, Some(RETRY_AFTER_SECONDS)));
        assert_eq!(detail(&answer), "no prediction was made yet for chat");
        while state.refresh(at(0), 16) {}
        assert_eq!(get(&mut state, 0, STATE, "channel=chat").status, Status::Ok);
    }

    #[test]
    fn health_tells_groups_age_and_every_outcome() {
        let mut state = state(Algorithm::External);
        let empty = operators_answer(&mut state, at(5), "GET", "/health");
        let json: Value = serde_json::from_str(&empty.body).unwrap();
        assert_eq!((json["groups"]["known"].as_u64(), &json["newestStatisticsAge"]), (Some(0), &Value::Null));
        receive(&mut state, 0, "A", 1, "");
        receive(&mut state, 40, "B", 1, "");
        let health = operators_answer(&mut state, Duration::from_millis(41_250), "GET", "/health");
        assert_eq!(
            health.body,
            r#"{"status":"ok","groups":{"known":2,"fresh":1},"newestStatisticsAge":1.250,"lines":{"received":2,"accepted":2,"malformed":0,"outOfRange":0,"late":0,"tableFull":0,"unsigned":0,"badSignature":0,"replayed":0,"notAllowed":0}}"#
        );
        // Every count at its widest still fits.
        assert!(health.body.len() + 20 * (3 + Outcome::ALL.len()) < BODY_BYTES);
    }

    #[test]
    fn options_and_unknown_methods_are_told_what_is_allowed() {
        let mut state = state(Algorithm::External);
        for path in [CAPACITY, STATE, "*"] {
            let options = answer(&mut state, at(0), "OPTIONS", path, "channel=voice");
            assert_eq!((options.status, options.allow, options.body.as_str()), (Status::NoContent, true, ""));
        }
        let other = answer(&mut state, at(0), "get", CAPACITY, "channel=chat");
        assert_eq!((other.status, other.allow), (Status::MethodNotAllowed, true));
        assert_eq!(detail(&other), "method is \"get\"; want one of GET, HEAD, OPTIONS");
        assert_eq!(answer(&mut state, at(0), "OPTIONS", "/x", "").status, Status::NotFound);
        assert_eq!(get(&mut state, 0, "*", "channel=chat").status, Status::NotFound);
    }
}
