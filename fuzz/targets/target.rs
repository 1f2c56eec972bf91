//! Any method and request target, on either side: an answer that is JSON, and the names of groups as the standard's web form
//! has them.
#![no_main]

use std::net::Ipv4Addr;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use pacingd::answer::{Status, answer, operators_answer};
use pacingd::pacing::{Algorithm, Options};
use pacingd::state::{Settings, State};
use pacingd::wire::channel::Channel;
use pacingd::wire::jws::Keys;
use pacingd::wire::query::Query;

const NOW: Duration = Duration::from_secs(1);

fuzz_target!(|input: (u8, &str, &str)| {
    let (kind, path, query) = input;
    let algorithm = Algorithm::ALL[usize::from(kind) % Algorithm::ALL.len()];
    let mut state = Box::new(State::new(Settings {
        pacing: Options { algorithm, ..Options::default() },
        time_to_live: Duration::from_secs(30),
        sources: ["127.0.0.0/8".parse().unwrap()].into_iter().collect(),
        keys: Keys::default(),
    }));
    for group in ["Sales", "a b", "Überweisung", "+", "%"] {
        let line = format!(r#"{{"channel":"chat","group":"{group}","ready":3,"reactiveState":0.5}}"#);
        state.receive(NOW, NOW, Ipv4Addr::LOCALHOST.into(), line.as_bytes(), |_, fault| panic!("{fault}"));
    }
    let path = match kind >> 4 {
        0 => path,
        1..8 => "/backend/data/pacing/channelCapacity",
        _ => "/server/data/pacing/reactiveState",
    };
    let method = ["GET", "HEAD", "OPTIONS", "PUT"][usize::from(kind) % 4];
    for told in [answer(&mut state, NOW, method, path, query), operators_answer(&mut state, NOW, method, path)] {
        assert_eq!(told.body.is_empty(), told.status == Status::NoContent, "{}", told.body);
        assert!(told.body.is_empty() || serde_json::from_str::<serde_json::Value>(&told.body).is_ok(), "{}", told.body);
        assert_eq!(told.is_problem, told.status.code() >= 400 && !told.body.starts_with("{\"status\":"));
    }
    compare(query);
});

/// What is understood is understood as by others.
fn compare(query: &str) {
    let Ok(parsed) = Query::parse(query) else { return };
    let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
    let channels: Vec<_> = pairs.iter().filter(|(name, _)| name == "channel").collect();
    assert_eq!(channels.len(), 1);
    assert_eq!(Channel::named(&channels[0].1), Some(parsed.channel));
    let Ok(names) = parsed.groups().collect::<Result<Vec<_>, _>>() else { return };
    let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    let theirs: Vec<_> = pairs.iter().filter(|(name, _)| name == "groups" || name == "groups[]").collect();
    assert_eq!(names, theirs.iter().map(|(_, value)| &**value).collect::<Vec<_>>());
}
