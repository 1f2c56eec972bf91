//! Any datagram, to a daemon that paces and to one that serves what collectors say: every line ends in one outcome, as a
//! naive reading has it, and whatever was accepted is answered within its range.
#![no_main]

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use pacingd::answer::{Status, answer, operators_answer};
use pacingd::answer::{metrics, status};
use pacingd::counters::Outcome;
use pacingd::pacing::{Algorithm, Options};
use pacingd::state::{Settings, State};
use pacingd::wire::jws::Keys;
use pacingd::wire::line::Line;
use serde_json::Value;
use serde_json::value::RawValue;

const SENDER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const PATHS: [&str; 2] = ["/backend/data/pacing/reactiveState", "/backend/data/pacing/channelCapacity"];

fuzz_target!(|bytes: &[u8]| {
    for algorithm in [Algorithm::External, Algorithm::SuperProgressiveDual, Algorithm::PredictiveBDual] {
        let mut state = Box::new(State::new(Settings {
            pacing: Options { algorithm, ..Options::default() },
            time_to_live: Duration::from_secs(30),
            sources: ["127.0.0.0/8".parse().unwrap()].into_iter().collect(),
            keys: Keys::default(),
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
    let before = state.counters().clone();
    let mut faults = 0;
    state.receive(Duration::from_secs(second), Duration::ZERO, SENDER, datagram, |line, fault| {
        assert!(line >= 1);
        let told = fault.to_string();
        assert!(!told.is_empty() && told.len() < 600 && !told.contains(char::is_control), "{told:?}");
        faults += 1;
    });
    let lines: Vec<&[u8]> =
        datagram.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).collect();
    let counters = state.counters();
    assert_eq!(counters.received() - before.received(), lines.len().max(1) as u64);
    let accepted = counters.lines(Outcome::Accepted) - before.lines(Outcome::Accepted);
    assert_eq!(counters.received() - before.received(), accepted + faults);
    for line in lines {
        if let Ok(read) = Line::parse(line) {
            // It is JSON to others, too, and means the same.
            let Ok(json) = serde_json::from_slice::<Value>(line) else {
                // By its syntax, at least: half a surrogate pair or a number beyond all range in what is ignored.
                assert!(serde_json::from_slice::<&RawValue>(line).is_ok());
                continue;
            };
            assert_eq!(json["channel"], read.channel.name());
            assert_eq!(json["group"], read.group.as_str());
            assert_eq!(json["ready"].as_f64(), Some(f64::from(read.statistics.ready)));
            assert_eq!(json.get("handleTime").and_then(Value::as_f64), read.statistics.handle_time);
            assert!(read.statistics.handle_time.is_none_or(|seconds| seconds.is_finite() && seconds > 0.0));
        }
    }
}

/// Everything that is told of it.
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
    status::write(&mut text, state, now, status::About { version: "", uptime: now, certificate_expires: None })
        .unwrap();
    assert!(serde_json::from_str::<Value>(&text).is_ok(), "{text}");
    text.clear();
    metrics::write(&mut text, state, now).unwrap();
    assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
}
