//! The core allocates nothing: neither for an accepted datagram, nor for a refresh, nor for an
//! answer. Only strings with escapes are copied while they are read, and for arrays and objects
//! within one another `serde_json` keeps a byte for each.
//!
//! Counted by thread, so that tests may run side by side.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // clippy.toml allows them in test functions only.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use allocation_counter::measure;
use pacingd::answer::{answer, operators_answer};
use pacingd::counters::Outcome;
use pacingd::limits::GROUPS;
use pacingd::pacing::{Algorithm, Options};
use pacingd::settings::Settings;
use pacingd::state::State;
use pacingd::wire::channel::Channel;
use pacingd::wire::group_name::GroupName;
use pacingd::wire::jws::{Key, Keys};

const CAPACITY: &str = "/backend/data/pacing/channelCapacity";
const STATE: &str = "/backend/data/pacing/reactiveState";
const SENDER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const WALL: Duration = Duration::from_millis(1_790_000_000_000);

fn settings(algorithm: Algorithm) -> Settings {
    Settings { pacing: Options { algorithm, ..Options::default() }, ..Settings::default() }
}

fn full(group: &str, turn: u64) -> String {
    format!(
        r#"{{"channel":"chat","group":"{group}","ready":{ready},"loggedIn":12,"slots":24,"freeSlots":{ready},"reactive":5,"proactive":2,"queued":{queued},"handleTime":312.5,"reactiveEntered":{turn},"proactiveEntered":{turn},"abandoned":{abandoned},"invitationsSent":{turn},"invitationsAccepted":{turn},"invitationsPending":3,"reactiveState":0.25,"time":{time}}}"#,
        ready = turn % 12,
        queued = turn % 3,
        abandoned = turn / 10,
        time = 1_790_000_000_000 + turn
    )
}

/// Lines with escapes, in names and in keys, as Python and as PHP write them.
const ESCAPED: [&str; 6] = [
    r#"{"channel":"webcallback","group":"\u00dcberweisung \ud83d\ude00","ready":3}"#,
    r#"{"channel":"ch\u0061t","group":"a\/b","ready":3,"time":1790000000000}"#,
    r#"{"channel":"chat","group":"a\/b","re\u0061dy":3}"#,
    r#"{"channel":"chat","group":"\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc","ready":1}"#,
    r#"{"collector":"one \u0026 only","channel":"chat","group":"Sales \u0026 Service","ready":1,"loggedIn":2}"#,
    r#"{"channel":"chat","group":"A","ready":1,"an unknown key that is longer than any other, with an escape at its end\/":1}"#,
];

/// Datagrams of every kind that is accepted, of as many groups as there are places, without
/// escapes.
fn datagrams(turn: u64) -> Vec<String> {
    let mut datagrams = vec![
        r#"{"channel":"chat","group":"minimal","ready":1}"#.into(),
        "\u{feff}{\"channel\":\"webcallback\",\"group\":\"Überweisung 😀\",\"ready\":3}\r\n\0\0".into(),
        r#"{"channel":"chat","group":"nothing yet","ready":3,"queued":null,"handleTime":0}"#.into(),
        r#"{"channel":"chat","group":"grown","ready":3,"new":1e999,"newer":"t\u0065xt \ud800","newest":[null],"flag":true,"place":{"x":2}}"#.into(),
        (0..20).map(|number| full(&format!("group {number}"), turn)).collect::<Vec<_>>().join("\n"),
    ];
    datagrams.extend((20..GROUPS - 4).map(|number| full(&format!("group {number}"), turn)));
    datagrams
}

#[test]
fn a_hundred_thousand_datagrams_and_their_refreshes_allocate_nothing() {
    for algorithm in Algorithm::ALL {
        let mut state = Box::new(State::new(settings(algorithm)));
        let (mut now, mut sent, mut turn) = (Duration::from_secs(1000), 0, 0);
        while sent < 100_000 / Algorithm::ALL.len() as u64 {
            turn += 1;
            let datagrams = datagrams(turn);
            sent += datagrams.len() as u64;
            let allocated = measure(|| {
                for datagram in &datagrams {
                    now += Duration::from_millis(7);
                    state.receive(now, WALL, SENDER, datagram.as_bytes(), |line, fault| panic!("{line}: {fault}"));
                }
                while state.refresh(now, 16) {}
                black_box(state.next_wakeup(now));
            });
            assert_eq!(allocated.count_total, 0, "turn {turn} of {algorithm}");
        }
        assert_eq!(state.groups().all().len(), GROUPS);
        assert_eq!(state.counters.received(), state.counters.lines(Outcome::Accepted));
    }
}

#[test]
fn a_line_with_escapes_or_nesting_allocates_little_and_frees_it() {
    let mut state = Box::new(State::new(settings(Algorithm::External)));
    let nested = r#"{"channel":"chat","group":"nested","ready":1,"x":[[[[[[[[[[[[{"y":[{}]}]]]]]]]]]]]]}"#;
    let long = format!(r#"{{"channel":"chat","group":"long","ready":1,"{0}":"{0}"}}"#, r"\u00fc".repeat(5_000));
    for line in ESCAPED.into_iter().chain([nested, &long]) {
        let allocated = measure(|| {
            state.receive(WALL, WALL, SENDER, line.as_bytes(), |number, fault| panic!("{number}: {fault}"));
        });
        assert!(allocated.bytes_max <= 2 * line.len() as u64, "{allocated:?}");
        assert_eq!(allocated.bytes_current, 0);
    }
}

#[test]
fn a_line_that_is_dropped_allocates_little_and_frees_it() {
    let mut state = Box::new(State::new(settings(Algorithm::External)));
    let deep = "[".repeat(60_000);
    for line in [&r#"{"channel":"chat","group":"A","ready":-1}"#.repeat(2), "garbage", "", &deep, "\u{1f}\u{8b}"] {
        let allocated = measure(|| state.receive(WALL, WALL, SENDER, line.as_bytes(), |_, _| ()));
        assert!(allocated.bytes_max <= 1024 + 4 * line.len() as u64, "{allocated:?}");
        assert_eq!(allocated.bytes_current, 0);
    }
}

#[test]
fn signed_lines_allocate_nothing_whether_they_are_trusted_or_not() {
    let [ours, other] = [[1; 32], [2; 32]].map(|secret| Key::new(&secret).unwrap());
    let mut keys = Keys::default();
    assert!(keys.push(other) && keys.push(ours.clone()));
    let mut state = Box::new(State::new(Settings { keys, ..settings(Algorithm::SuperProgressiveDual) }));
    let stranger = Key::new(&[3; 32]).unwrap();
    for turn in 1..=200 {
        let payloads: Vec<String> = (0..GROUPS).map(|number| full(&format!("group {number}"), turn)).collect();
        let line = |key: &Key, payload: &String| key.sign(payload.as_bytes()).unwrap().as_str().to_owned();
        let good: Vec<String> = payloads.iter().map(|payload| line(&ours, payload)).collect();
        let forged = line(&stranger, &payloads[0]);
        let allocated = measure(|| {
            for bad in [&payloads[0], &forged, "a.b.", "x", "", forged.get(1..).unwrap()] {
                state.receive(WALL, WALL, SENDER, bad.as_bytes(), |_, _| ());
            }
            for line in &good {
                state.receive(WALL, WALL, SENDER, line.as_bytes(), |line, fault| panic!("{line}: {fault}"));
            }
            state.receive(WALL, WALL, SENDER, good[0].as_bytes(), |_, _| ());
        });
        assert_eq!(allocated.count_total, 0, "turn {turn}");
    }
    let counted = [Outcome::Accepted, Outcome::Unsigned, Outcome::BadSignature, Outcome::Replayed];
    assert_eq!(counted.map(|outcome| state.counters.lines(outcome)), [200 * GROUPS as u64, 800, 400, 200]);
}

#[test]
fn ten_thousand_answers_of_every_kind_allocate_nothing() {
    let name = GroupName::new("declared").unwrap();
    for algorithm in Algorithm::ALL {
        let mut state = Box::new(State::new(settings(algorithm)));
        let mut now = Duration::from_secs(1000);
        let fresh = datagrams(1);
        let many: String = (0..300).map(|number| format!("&groups=group+{}", number % 200)).collect();
        let queries = [
            "channel=chat".into(),
            "channel=webcallback".into(),
            "channel=chat&groups=group+3&groups%5B%5D=group+4".into(),
            format!("channel=chat{many}"),
            "channel=webcallback&groups=%C3%9Cberweisung+%F0%9F%98%80".into(),
            "channel=chat&groups=declared".into(),
            "channel=chat&groups=%F0%9F%98%80%22".into(),
            "channel=chat&groups=%ff".into(),
            "channel=chat&groups=%".into(),
            format!("channel={}", "%41".repeat(2000)),
            String::new(),
        ];
        let mut answers = 0;
        let mut kinds = std::collections::BTreeSet::new();
        for is_fresh in [false, true] {
            for _ in 0..40 {
                if is_fresh {
                    for datagram in &fresh {
                        state.receive(now, WALL, SENDER, datagram.as_bytes(), |_, _| ());
                    }
                }
                for query in &queries {
                    let mut codes = [0; 10];
                    let allocated = measure(|| {
                        now += Duration::from_millis(3);
                        codes = [
                            answer(&state, now, "GET", STATE, query),
                            answer(&state, now, "GET", CAPACITY, query),
                            answer(&state, now, "GET", CAPACITY, query),
                            answer(&state, now, "HEAD", "/server/data/pacing/reactiveState", query),
                            answer(&state, now, "OPTIONS", CAPACITY, query),
                            answer(&state, now, "A VERY LONG METHOD THAT NOBODY KNOWS BUT SOMEBODY SENDS", STATE, ""),
                            answer(&state, now, "GET", "/nowhere", query),
                            operators_answer(&state, now, "GET", "/health"),
                            operators_answer(&state, now, "GET", "/"),
                            operators_answer(&state, now, "PUT", "/health"),
                        ]
                        .map(|answer| answer.status.code());
                    });
                    assert_eq!(allocated.count_total, 0, "{query}");
                    answers += codes.len();
                    kinds.extend(codes);
                }
            }
            state.configure(settings(algorithm), [(Channel::Chat, &name)].into_iter());
        }
        assert!(answers * Algorithm::ALL.len() >= 10_000, "{answers}");
        assert!([200, 204, 400, 404, 405, 503].iter().all(|code| kinds.contains(code)), "{kinds:?}");
    }
}

#[test]
fn a_reload_s_settings_and_declarations_allocate_nothing_in_the_core() {
    let names: Vec<GroupName> = (0..GROUPS).map(|number| GroupName::new(&format!("g{number}")).unwrap()).collect();
    let mut state = Box::new(State::new(settings(Algorithm::External)));
    let mut next = Some(settings(Algorithm::SuperProgressiveDual));
    let allocated = measure(|| {
        let declared = names.iter().map(|name| (Channel::Chat, name));
        state.configure(next.take().unwrap(), declared);
    });
    assert_eq!(allocated.count_total, 0);
    assert_eq!(state.groups().all().len(), GROUPS);
}

#[test]
fn the_counter_counts() {
    assert_eq!(measure(|| drop(black_box(Box::new(7)))).count_total, 1);
}
