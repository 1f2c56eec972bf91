//! Any method and request target, on either side: an answer that is JSON, and the names of groups
//! as the standard's web form has them.
#![no_main]

use std::net::Ipv4Addr;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use pacingd::answer::{Status, answer, operators_answer};
use pacingd::pacing::{Algorithm, Options};
use pacingd::settings::Settings;
use pacingd::state::State;
use pacingd::wire::channel::Channel;
use pacingd::wire::query::Query;

const NOW: Duration = Duration::from_secs(1);

fuzz_target!(|input: (u8, &str, &str)| {
    let (kind, path, query) = input;
    let algorithm = Algorithm::ALL[usize::from(kind) % Algorithm::ALL.len()];
    let mut state =
        Box::new(State::new(Settings { pacing: Options { algorithm, ..Options::default() }, ..Settings::default() }));
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
    for answer in [answer(&state, NOW, method, path, query), operators_answer(&state, NOW, method, path)] {
        assert_eq!(answer.body.is_empty(), answer.status == Status::NoContent, "{}", answer.body);
        assert!(
            answer.body.is_empty() || serde_json::from_str::<serde_json::Value>(&answer.body).is_ok(),
            "{}",
            answer.body
        );
        assert_eq!(answer.is_problem, answer.status.code() >= 400 && !answer.body.starts_with("{\"status\":"));
    }
    compare(query);
});

/// What is understood is understood as by others, and what is nearly a filter is not ignored.
fn compare(query: &str) {
    let parsed = Query::parse(query);
    let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
    let is_filter = |name: &str| naive_parameter(name) == Some("groups");
    let Ok(parsed) = parsed else { return };
    let channels: Vec<_> = pairs.iter().filter(|(name, _)| naive_parameter(name) == Some("channel")).collect();
    assert_eq!(channels.len(), 1);
    assert_eq!((&*channels[0].0, Channel::named(&channels[0].1)), ("channel", Some(parsed.channel)));
    let filters: Vec<_> = pairs.iter().filter(|(name, _)| is_filter(name)).collect();
    for (name, _) in &filters {
        let index = name.strip_prefix("groups").unwrap();
        let index = index.strip_prefix('[').map_or(index, |index| index.strip_suffix(']').unwrap());
        assert!(index.chars().all(|digit| digit.is_ascii_digit()), "{name}");
    }
    let mut names = Vec::new();
    let is_known = |name: &str| {
        names.push(name.to_owned());
        false
    };
    if parsed.groups(is_known).is_err() {
        return;
    }
    assert_eq!(names, filters.iter().map(|(_, value)| &**value).collect::<Vec<_>>());
}

/// The parameter that a decoded name is or nearly is.
fn naive_parameter(name: &str) -> Option<&'static str> {
    let is_kept = |character: &char| character.is_ascii_graphic() && *character != '?';
    let mut rest: String = name.to_ascii_lowercase().chars().filter(is_kept).collect();
    while let Some(open) = rest.find('[') {
        let close = rest[open..].find(']').map_or(rest.len(), |close| open + close + 1);
        // Brackets within brackets are opened once more.
        if rest[open + 1..close].contains('[') {
            return None;
        }
        rest.replace_range(open..close, "");
    }
    rest.retain(|character| character != ']');
    if let Some((before, number)) = rest.rsplit_once('.') {
        if number.bytes().all(|digit| digit.is_ascii_digit()) {
            rest.truncate(before.len());
        }
    }
    // What was encoded twice, or badly.
    if let Some(end) = rest.find(['%', '=']) {
        rest.truncate(end);
    }
    while let Some(behind) = rest.strip_prefix("amp;") {
        rest = behind.into();
    }
    match rest.strip_suffix('s').unwrap_or(&rest) {
        "channel" => Some("channel"),
        "group" => Some("groups"),
        _ => None,
    }
}
