//! Answers for operators: health, and which document a request is for.

use core::fmt::Write as _;
use core::time::Duration;

use crate::answer::{Answer, RETRY_AFTER_SECONDS, Status};
use crate::counters::Outcome;
use crate::pacing::Algorithm;
use crate::state::State;
use crate::wire::channel::Channel;

crate::named! {
    /// A document, with its path. The daemon writes it, by [`status`](crate::answer::status) and
    /// [`metrics`](crate::answer::metrics).
    pub enum Document {
        Page => "/",
        Status => "/status",
        Metrics => "/metrics",
    }
}

impl Document {
    /// The document that a request is for. `None`: call [`operators_answer`].
    pub fn asked_for(method: &str, path: &str) -> Option<Self> {
        Self::named(path).filter(|_| matches!(method, "GET" | "HEAD"))
    }
}

/// Answers an operator's request for anything but a [`Document`].
pub fn operators_answer(state: &State, now: Duration, method: &str, path: &str) -> Answer {
    let is_known = path == "/health" || Document::named(path).is_some();
    match (method, path) {
        ("GET" | "HEAD", "/health") => health(state, now),
        ("OPTIONS", _) if is_known || path == "*" => Answer::options(),
        (other, _) if is_known => Answer::method_not_allowed(other),
        _ => Answer::problem(
            Status::NotFound,
            format_args!("no such path; try / (the status page), /health, /metrics or /status"),
        ),
    }
}

/// Healthy if a group is fresh, and no fault makes every reactive state fail.
fn health(state: &State, now: Duration) -> Answer {
    let channels = Channel::ALL.map(|channel| state.consolidate(now, channel));
    let fresh: u32 = channels.iter().map(|channel| channel.fresh_groups).sum();
    let has_state = channels.iter().any(|channel| channel.reactive_state().is_some());
    let lacks_state = state.settings().pacing.algorithm == Algorithm::External && !has_state;
    let (status, word) = match fresh {
        0 => (Status::ServiceUnavailable, "no fresh statistics"),
        _ if lacks_state => (Status::ServiceUnavailable, "no reactiveState in the statistics, which EXTERNAL serves"),
        _ => (Status::Ok, "ok"),
    };
    let newest = state.groups().all().iter().filter_map(|group| group.report()).map(|report| report.received).max();
    let known = state.groups().all().len();
    let mut answer =
        Answer::json(status, format_args!(r#"{{"status":"{word}","groups":{{"known":{known},"fresh":{fresh}}},"#));
    let body = &mut answer.body;
    let _ = match newest {
        Some(received) => write!(body, r#""newestStatisticsAge":{:.3},"#, now.saturating_sub(received).as_secs_f64()),
        None => body.write_str(r#""newestStatisticsAge":null,"#),
    };
    let counters = &state.counters;
    let (by_kernel, received) = (counters.dropped_by_kernel, counters.received());
    let _ = write!(body, r#""droppedByKernel":{by_kernel},"lines":{{"received":{received}"#);
    for outcome in Outcome::ALL {
        let _ = write!(body, r#","{}":{}"#, outcome.name(), counters.lines(outcome));
    }
    let _ = body.write_str("}}");
    if status == Status::ServiceUnavailable {
        answer.retry_after = Some(RETRY_AFTER_SECONDS);
    }
    answer
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::format;
    use std::net::{IpAddr, Ipv4Addr};

    use serde_json::Value;

    use super::*;
    use crate::limits::BODY_BYTES;
    use crate::pacing::Options;
    use crate::settings::Settings;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn state(algorithm: Algorithm) -> State {
        State::new(Settings { pacing: Options { algorithm, ..Options::default() }, ..Settings::default() })
    }

    fn receive(state: &mut State, seconds: u64, group: &str, more: &str) {
        let line = format!(r#"{{"channel":"chat","group":"{group}","ready":1{more}}}"#);
        let sender = IpAddr::V4(Ipv4Addr::LOCALHOST);
        state.receive(at(seconds), Duration::ZERO, sender, line.as_bytes(), |_, fault| panic!("{fault}"));
    }

    #[test]
    fn health_has_groups_age_and_every_outcome() {
        let mut state = state(Algorithm::External);
        let empty = operators_answer(&state, at(5), "GET", "/health");
        let json: Value = serde_json::from_str(&empty.body).unwrap();
        assert_eq!((json["groups"]["known"].as_u64(), &json["newestStatisticsAge"]), (Some(0), &Value::Null));
        receive(&mut state, 0, "A", "");
        receive(&mut state, 40, "B", r#","reactiveState":1"#);
        state.counters.dropped_by_kernel = 7;
        let health = operators_answer(&state, Duration::from_millis(41_250), "GET", "/health");
        assert_eq!(
            health.body,
            r#"{"status":"ok","groups":{"known":2,"fresh":1},"newestStatisticsAge":1.250,"droppedByKernel":7,"lines":{"received":2,"accepted":2,"malformed":0,"outOfRange":0,"late":0,"tableFull":0,"unsigned":0,"badSignature":0,"replayed":0,"notAllowed":0}}"#
        );
        // Every count at its widest still fits.
        let widest = operators_answer(&state, at(100), "GET", "/health").body.len() + 19 * (4 + Outcome::ALL.len());
        assert!(widest < BODY_BYTES, "{widest}");
    }

    #[test]
    fn health_needs_fresh_statistics() {
        let mut state = state(Algorithm::SuperProgressiveDual);
        receive(&mut state, 0, "A", "");
        assert_eq!(operators_answer(&state, at(30), "GET", "/health").status, Status::Ok);
        let health = operators_answer(&state, at(31), "GET", "/health");
        assert_eq!((health.status, health.retry_after), (Status::ServiceUnavailable, Some(RETRY_AFTER_SECONDS)));
    }

    #[test]
    fn health_fails_where_external_has_no_values_but_not_where_the_algorithm_predicts_none() {
        for algorithm in Algorithm::ALL {
            let mut state = state(algorithm);
            receive(&mut state, 0, "A", "");
            let health = operators_answer(&state, at(0), "GET", "/health");
            let want = if algorithm == Algorithm::External { Status::ServiceUnavailable } else { Status::Ok };
            assert_eq!(health.status, want, "{algorithm}");
            assert_eq!(health.body.contains("reactiveState"), algorithm == Algorithm::External);
            receive(&mut state, 0, "B", r#","reactiveState":0"#);
            assert_eq!(operators_answer(&state, at(0), "GET", "/health").status, Status::Ok, "one has a value");
        }
    }
}
