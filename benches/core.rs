//! Times of the core's rooms, for whoever changes one: `cargo bench --bench core`. What is promised
//! is counted in instructions instead (benches/instructions.py, benches/refresh.rs), for they are
//! the same on each run.

#![allow(clippy::unwrap_used, clippy::panic)] // clippy.toml allows them in test functions only.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use divan::{Bencher, black_box};
use pacingd::answer::{Answer, answer};
use pacingd::pacing::{Algorithm, Options};
use pacingd::settings::Settings;
use pacingd::state::State;
use pacingd::wire::line::Line;

const SENDER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Groups known, from one to a full table.
const KNOWN: [usize; 3] = [1, 16, 256];

fn main() {
    divan::main();
}

/// The contract's example.
fn line(group: usize, time: u64) -> String {
    format!(
        r#"{{"channel":"chat","group":"group {group:03}","ready":4,"loggedIn":12,"reactive":5,"proactive":2,"queued":1,"handleTime":312.5,"reactiveEntered":10234,"proactiveEntered":871,"abandoned":97,"time":{time}}}"#
    )
}

fn state(algorithm: Algorithm, known: usize) -> Box<State> {
    let settings = Settings {
        pacing: Options { algorithm, ..Options::default() },
        time_to_live: Duration::from_secs(3600),
        ..Settings::default()
    };
    let mut state = Box::new(State::new(settings));
    for group in 0..known {
        receive(&mut state, 0, &line(group, 1_790_000_000_000));
    }
    state
}

fn receive(state: &mut State, milliseconds: u64, datagram: &str) {
    let now = Duration::from_millis(1_000_000 + milliseconds);
    state.receive(now, Duration::ZERO, SENDER, datagram.as_bytes(), |_, fault| panic!("{fault}"));
}

#[divan::bench]
fn wire(bencher: Bencher<'_, '_>) {
    let line = line(7, 1_790_000_000_000);
    bencher.bench(|| Line::parse(black_box(line.as_bytes())));
}

#[divan::bench(args = KNOWN)]
fn table(bencher: Bencher<'_, '_>, known: usize) {
    let mut state = state(Algorithm::External, known);
    let mut turn = 0;
    bencher
        .with_inputs(|| {
            turn += 1;
            (turn, line(turn as usize % known, 1_790_000_000_000 + turn))
        })
        .bench_local_refs(|(turn, line)| receive(&mut state, *turn, line));
}

#[divan::bench(args = [Algorithm::SuperProgressiveDual, Algorithm::PredictiveBDual])]
fn refresh(bencher: Bencher<'_, '_>, algorithm: Algorithm) {
    let mut state = state(algorithm, 1);
    let mut now = Duration::from_secs(1000);
    bencher.bench_local(|| {
        now += Duration::from_secs(4);
        state.refresh(now, 16)
    });
}

#[divan::bench(args = KNOWN)]
fn answer_for_two(bencher: Bencher<'_, '_>, known: usize) {
    ask(bencher, known, "channel=chat&groups=group+000&groups=group+001");
}

#[divan::bench(args = KNOWN)]
fn answer_for_all(bencher: Bencher<'_, '_>, known: usize) {
    ask(bencher, known, "channel=chat");
}

fn ask(bencher: Bencher<'_, '_>, known: usize, query: &str) {
    let state = state(Algorithm::SuperProgressiveDual, known.max(2));
    let path = "/backend/data/pacing/reactiveState";
    bencher.bench_local(|| -> Answer { answer(&state, Duration::from_secs(1001), "GET", path, black_box(query)) });
}
