//! The core at its real size: 256 groups, requests that name many of them, time as an argument.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // clippy.toml allows them in test functions only.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use pacingd::answer::{Answer, Status, answer};
use pacingd::counters::Outcome;
use pacingd::limits::{GROUPS, STATE_BYTES};
use pacingd::pacing::{Algorithm, Options};
use pacingd::settings::Settings;
use pacingd::state::State;

const CAPACITY: &str = "/backend/data/pacing/channelCapacity";

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn state() -> Box<State> {
    let pacing = Options { algorithm: Algorithm::External, ..Options::default() };
    Box::new(State::new(Settings { pacing, ..Settings::default() }))
}

fn receive(state: &mut State, now: Duration, group: &str, ready: u64) -> usize {
    let line = format!(r#"{{"channel":"chat","group":"{group}","ready":{ready}}}"#);
    let mut faults = 0;
    state.receive(now, Duration::ZERO, IpAddr::V4(Ipv4Addr::LOCALHOST), line.as_bytes(), |_, _| faults += 1);
    faults
}

/// As many groups as there are places; each has another number of ready agents, so that sums show
/// which are in them.
fn full() -> Box<State> {
    let mut state = state();
    for number in 0..GROUPS as u64 {
        assert_eq!(receive(&mut state, at(number / 100), &format!("g{number:03}"), number), 0);
    }
    state
}

fn capacity_of(state: &mut State, seconds: u64, numbers: &[u64]) -> Answer {
    let names: String = numbers.iter().map(|number| format!("&groups=g{number:03}")).collect();
    answer(state, at(seconds), "GET", CAPACITY, &format!("channel=chat{names}"))
}

#[test]
fn the_tables_have_their_real_size_and_keep_their_budget() {
    assert_eq!(GROUPS, 256);
    assert_eq!(STATE_BYTES, 272 * 1024);
    assert!(size_of::<State>() <= STATE_BYTES);
}

#[test]
fn groups_of_every_part_of_the_table_are_found_alone_and_together() {
    let mut state = full();
    for number in 0..GROUPS as u64 {
        assert_eq!(capacity_of(&mut state, 3, &[number]).body.as_str(), format!("{{\"capacity\":{number}}}"));
    }
    for numbers in [&[0, 63, 64, 65, 127, 128, 191, 192, 255][..], &[255, 0], &[64, 64, 64], &[1, 100, 200]] {
        let mut once = numbers.to_vec();
        once.sort_unstable();
        once.dedup();
        let want = format!("{{\"capacity\":{}}}", once.iter().sum::<u64>());
        assert_eq!(capacity_of(&mut state, 3, numbers).body.as_str(), want, "{numbers:?}");
    }
    let all: Vec<u64> = (0..256).rev().collect();
    assert_eq!(capacity_of(&mut state, 3, &all).body, "{\"capacity\":32640}");
    assert_eq!(capacity_of(&mut state, 3, &[]).body, "{\"capacity\":32640}", "no groups are all groups");
}

#[test]
fn a_new_group_takes_the_place_of_the_one_stale_longest_and_no_other_is_lost() {
    let mut state = full();
    for number in 100..GROUPS as u64 {
        assert_eq!(receive(&mut state, at(20), &format!("g{number:03}"), number), 0);
    }
    assert_eq!(receive(&mut state, at(30), "new", 1), 1);
    assert_eq!(state.counters.lines(Outcome::TableFull), 1);
    assert_eq!(receive(&mut state, at(31), "new", 1), 0);
    assert_eq!(state.groups().all().len(), GROUPS);
    assert_eq!(capacity_of(&mut state, 31, &[0]).status, Status::NotFound);
    assert!((1..100).all(|number| capacity_of(&mut state, 31, &[number]).status == Status::ServiceUnavailable));
    assert!((100..256).all(|number| capacity_of(&mut state, 31, &[number]).status == Status::Ok));
}

#[test]
fn refreshes_are_made_in_turns_of_sixteen_groups_and_end() {
    let mut state = full();
    let mut turns = 1;
    while state.refresh(at(20), 16) {
        turns += 1;
        assert!(turns <= GROUPS / 16 + 1);
    }
    assert_eq!(turns, GROUPS / 16 + 1);
    assert!(state.next_wakeup(at(20)).is_some_and(|wakeup| wakeup > at(20)), "nothing is left due");
    assert!(!state.refresh(at(20), 16));
}
