//! Any datagram, to a daemon that paces and to one that serves what collectors send: every line
//! ends in the outcome, and every field in the value, that a naive reading gives it, and whatever
//! was accepted is answered within its range.
#![no_main]

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use pacingd::answer::{Status, answer, operators_answer};
use pacingd::answer::{metrics, status};
use pacingd::counters::Outcome;
use pacingd::pacing::{Algorithm, Options};
use pacingd::settings::Settings;
use pacingd::state::State;
use pacingd::wire::collector::Collector;
use pacingd::wire::group_name::GroupName;
use pacingd::wire::line::{Line, Statistics};
use pacingd::wire::line_error::LineError;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

const SENDER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const PATHS: [&str; 2] = ["/backend/data/pacing/reactiveState", "/backend/data/pacing/channelCapacity"];

fuzz_target!(|bytes: &[u8]| {
    for algorithm in [Algorithm::External, Algorithm::SuperProgressiveDual, Algorithm::PredictiveBDual] {
        let mut state = Box::new(State::new(Settings {
            pacing: Options { algorithm, ..Options::default() },
            ..Settings::default()
        }));
        // Twice, for running totals and the order of times are about the line before.
        for second in [1, 2] {
            receive(&mut state, second, bytes);
            while state.refresh(Duration::from_secs(second), 16) {}
        }
        look(&mut state, Duration::from_secs(2));
    }
});

fn receive(state: &mut State, second: u64, datagram: &[u8]) {
    let before = state.counters.clone();
    let mut faults = 0;
    state.receive(Duration::from_secs(second), Duration::ZERO, SENDER, datagram, |line, fault| {
        assert!(line >= 1);
        let text = fault.to_string();
        assert!(!text.is_empty() && text.len() < 600 && !text.contains(char::is_control), "{text:?}");
        faults += 1;
    });
    let lines = naive_lines(datagram);
    let counters = &state.counters;
    assert_eq!(counters.received() - before.received(), lines.len().max(1) as u64);
    let accepted = counters.lines(Outcome::Accepted) - before.lines(Outcome::Accepted);
    assert_eq!(counters.received() - before.received(), accepted + faults);
    for line in lines {
        compare(line);
    }
}

/// The lines of a datagram that are not empty.
fn naive_lines(datagram: &[u8]) -> Vec<&[u8]> {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | 0);
    let datagram = if datagram.starts_with("\u{feff}".as_bytes()) { &datagram[3..] } else { datagram };
    let lines = datagram.split(|byte| *byte == b'\n').filter_map(|line| {
        let from = line.iter().position(|byte| !is_blank(byte))?;
        let to = line.iter().rposition(|byte| !is_blank(byte))?;
        Some(&line[from..=to])
    });
    lines.collect()
}

/// The members of an object, with those that stand twice.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

/// Holds what is read of a line against a naive reading of it.
fn compare(line: &[u8]) {
    let read = Line::parse(line);
    let outcome = match &read {
        Ok(_) => Outcome::Accepted,
        Err(LineError::OutOfRange { .. }) => Outcome::OutOfRange,
        Err(_) => Outcome::Malformed,
    };
    let Ok(Members(members)) = serde_json::from_slice(line) else {
        // By its syntax, it must be JSON all the same: with a number beyond all range, half a
        // surrogate pair or deep nesting in what is ignored.
        let is_object = core::str::from_utf8(line).is_ok() && serde_json::from_slice::<IgnoredAny>(line).is_ok();
        assert!(outcome == Outcome::Malformed || is_object);
        return;
    };
    let get = |name: &str| members.iter().find(|(key, _)| key == name).map(|(_, value)| value);
    let faults = members.iter().enumerate().filter_map(|(index, (name, value))| {
        let is_duplicate = members[..index].iter().any(|(other, _)| other == name);
        let is_known = check(name, &Value::Array(Vec::new())) == Some(Outcome::Malformed);
        if is_duplicate && is_known { Some(Outcome::Malformed) } else { check(name, value) }
    });
    let is_complete = ["channel", "group", "ready"].iter().all(|name| get(name).is_some());
    let want = faults.into_iter().next().unwrap_or(if is_complete { Outcome::Accepted } else { Outcome::Malformed });
    assert_eq!(outcome, want, "{read:?}");
    let Ok(Line { channel, group, collector, statistics }) = read else { return };
    assert_eq!(get("channel").unwrap(), channel.name());
    assert_eq!(get("group").unwrap(), group.as_str());
    let named = get("collector").and_then(Value::as_str);
    assert_eq!(collector, named.map(|name| Collector::named(&GroupName::new(name).unwrap())));
    let whole = |name: &str| get(name).filter(|value| !value.is_null()).map(|value| whole(value).unwrap());
    let count = |name: &str| whole(name).map(|count| u32::try_from(count).unwrap());
    let real = |name: &str| get(name).and_then(Value::as_f64);
    let want = Statistics {
        ready: count("ready").unwrap(),
        logged_in: count("loggedIn"),
        slots: count("slots"),
        free_slots: count("freeSlots"),
        reactive: count("reactive"),
        proactive: count("proactive"),
        queued: count("queued"),
        handle_time: near(statistics.handle_time, real("handleTime").filter(|seconds| *seconds != 0.0)),
        reactive_entered: whole("reactiveEntered"),
        proactive_entered: whole("proactiveEntered"),
        abandoned: whole("abandoned"),
        invitations_sent: whole("invitationsSent"),
        invitations_accepted: whole("invitationsAccepted"),
        invitations_pending: count("invitationsPending"),
        reactive_state: near(statistics.reactive_state, real("reactiveState")),
        time: whole("time"),
    };
    assert_eq!(statistics, want);
    for wall in [Duration::ZERO, Duration::from_millis(1_790_000_000_000), Duration::MAX] {
        assert!(statistics.contradiction(wall).is_none_or(|contradiction| !contradiction.is_empty()));
    }
}

/// `read` if it is what is wanted but for its last bits, which serde_json rounds in its own way.
fn near(read: Option<f64>, want: Option<f64>) -> Option<f64> {
    let is_near = read.zip(want).is_some_and(|(read, want)| (read - want).abs() <= 1e-12 * want.abs());
    if is_near { read } else { want }
}

/// How a line ends because of that member; `None`: as without it.
fn check(name: &str, value: &Value) -> Option<Outcome> {
    let is_required = matches!(name, "channel" | "group" | "ready");
    let is_in_range = match (name, value) {
        (_, Value::Null) => return is_required.then_some(Outcome::Malformed),
        ("channel", Value::String(text)) => text == "chat" || text == "webcallback",
        ("group" | "collector", Value::String(text)) => {
            (1..=64).contains(&text.len()) && !text.contains(char::is_control)
        }
        (
            "ready" | "loggedIn" | "slots" | "freeSlots" | "reactive" | "proactive" | "queued" | "invitationsPending",
            Value::Number(number),
        ) if number.as_f64().unwrap().fract() == 0.0 => whole(value).is_some_and(|count| count <= u32::MAX.into()),
        (
            "reactiveEntered" | "proactiveEntered" | "abandoned" | "invitationsSent" | "invitationsAccepted" | "time",
            Value::Number(number),
        ) if number.as_f64().unwrap().fract() == 0.0 => whole(value).is_some(),
        ("handleTime", Value::Number(number)) => number.as_f64().unwrap() >= 0.0,
        ("reactiveState", Value::Number(number)) => (0.0..=1.0).contains(&number.as_f64().unwrap()),
        (
            "channel"
            | "group"
            | "collector"
            | "ready"
            | "loggedIn"
            | "slots"
            | "freeSlots"
            | "reactive"
            | "proactive"
            | "queued"
            | "invitationsPending"
            | "reactiveEntered"
            | "proactiveEntered"
            | "abandoned"
            | "invitationsSent"
            | "invitationsAccepted"
            | "time"
            | "handleTime"
            | "reactiveState",
            _,
        ) => return Some(Outcome::Malformed),
        _ => return None,
    };
    (!is_in_range).then_some(Outcome::OutOfRange)
}

/// A whole number from 0 on that a `u64` holds.
fn whole(value: &Value) -> Option<u64> {
    let real = value.as_f64()?;
    value
        .as_u64()
        .or((real.fract() == 0.0 && (0.0..18_446_744_073_709_551_616.0).contains(&real)).then_some(real as u64))
}

/// Reads every answer and document.
fn look(state: &mut State, now: Duration) {
    for path in PATHS {
        for channel in ["chat", "webcallback"] {
            let answer = answer(state, now, "GET", path, &format!("channel={channel}"));
            let json: Value = serde_json::from_str(&answer.body).unwrap();
            match answer.status {
                Status::Ok => {
                    let value = json.get("reactiveState").or(json.get("capacity")).unwrap();
                    assert!(path != PATHS[0] || (0.0..=1.0).contains(&value.as_f64().unwrap()), "{json}");
                }
                other => assert_eq!(other, Status::ServiceUnavailable),
            }
        }
    }
    assert!(serde_json::from_str::<Value>(&operators_answer(state, now, "GET", "/health").body).is_ok());
    let mut text = String::new();
    status::write(
        &mut text,
        state,
        now,
        status::About { version: "", uptime: now, started: Duration::ZERO, certificate_expires: None },
    )
    .unwrap();
    assert!(serde_json::from_str::<Value>(&text).is_ok(), "{text}");
    text.clear();
    metrics::write(&mut text, state, now).unwrap();
    assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
}
