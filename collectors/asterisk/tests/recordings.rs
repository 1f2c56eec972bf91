//! Recordings of a real Asterisk, replayed, with what really happened beside them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use common::{Chunks, Poll, events, recording, replay, unpacked};
use pacingd_asterisk::queues::Report;
use proptest::prelude::*;
use serde_json::Value;

#[test]
fn bytes_and_reads_give_the_same_statistics() {
    for name in ["plain", "restart"] {
        let polls = replay(name, &Chunks::AsRead, 0.0);
        assert!(polls.len() > 280, "{} answers in {name}", polls.len());
        assert_eq!(replay(name, &Chunks::Bytes, 0.0), polls, "{name}");
    }
}

/// What the recordings give in chunks as large as can be.
static WHOLE: [OnceLock<Vec<Poll>>; 2] = [const { OnceLock::new() }; 2];

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn chunks_of_any_size_give_the_same_statistics(sizes in prop::collection::vec(1_usize..3000, 1..50)) {
        for name in ["plain", "restart"] {
            let want = &WHOLE[usize::from(name == "restart")];
            let want = want.get_or_init(|| replay(name, &Chunks::Sizes(&[usize::MAX]), 0.0));
            prop_assert_eq!(&replay(name, &Chunks::Sizes(&sizes), 0.0), want);
        }
    }
}

#[test]
fn entered_and_abandoned_are_what_asterisks_events_say() {
    for name in ["plain", "restart"] {
        let polls = replay(name, &Chunks::AsRead, 0.0);
        let events = events(recording(name));
        let mut joined_at_all = 0;
        for queue in ["sales", "support", "empty"] {
            let mut waiting: BTreeSet<String> = BTreeSet::new();
            for pair in polls.windows(2) {
                let [before, after] = pair else { unreachable!() };
                let (mut joined, mut abandoned) = (0, 0);
                let waiting_before = waiting.len();
                for event in &events {
                    if event.get("Queue") != queue || event.time <= before.asked || event.time > after.asked {
                        continue;
                    }
                    match event.get("Event") {
                        "QueueCallerJoin" => {
                            joined += 1;
                            waiting.insert(event.get("Uniqueid").into());
                        }
                        "QueueCallerLeave" => drop(waiting.remove(event.get("Uniqueid"))),
                        "QueueCallerAbandon" => abandoned += 1,
                        _ => {}
                    }
                }
                joined_at_all += joined;
                let grown = |of: fn(&Report) -> u64| of(after.of(queue)) - of(before.of(queue));
                let counted = (grown(|report| report.entered), grown(|report| report.abandoned));
                let context = format!("{name}, {queue}, before {}", after.asked);
                if before.connection == after.connection {
                    // Also where a caller leaves by key, and where the counters are reset.
                    assert_eq!(counted, (joined, abandoned), "{context}");
                    assert_eq!(after.notes, [] as [String; 0], "{context}");
                } else {
                    // Asterisk went away. It may still have said of some that they abandoned; its
                    // counters did not.
                    assert_eq!((counted, joined), ((0, 0), 0), "{context}");
                    assert!(abandoned == 0 || abandoned == waiting_before as u64, "{context}");
                    waiting.clear();
                    let note = format!("{waiting_before} who waited in \"{queue}\" when the connection ended");
                    let is_noted = after.notes.iter().any(|line| line.starts_with(&note) && line.ends_with("unknown"));
                    assert_eq!(is_noted, waiting_before > 0, "{context}: {:?}", after.notes);
                }
            }
        }
        assert!(joined_at_all > 90, "{joined_at_all} callers in {name}");
    }
}

/// An agent as the driver of the phones knows it.
#[derive(Default)]
struct Agent {
    is_on_phone: bool,
    is_absent: bool,
    paused_in: BTreeSet<String>,
    /// Until which second of Asterisk's clock, by queue.
    wrap_up_until: BTreeMap<String, f64>,
}

/// The number of free agents by the driver, who has never seen AMI: at each poll until it stopped,
/// by queue.
fn truly_free(name: &str, polls: &[Poll]) -> Vec<[u64; 2]> {
    const MEMBERS: [(&str, &[&str]); 2] = [("sales", &["a1", "a2", "a3", "ab"]), ("support", &["ab", "b1", "b2"])];
    let text = String::from_utf8(unpacked(&format!("{name}.truth.jsonl.gz"))).unwrap();
    let mut lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).peekable();
    let mut agents: BTreeMap<String, Agent> = BTreeMap::new();
    let mut free = Vec::new();
    for poll in polls {
        while lines.peek().is_some_and(|line| line["t"].as_f64().unwrap() <= poll.asked) {
            let line = lines.next().unwrap();
            let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
            let (time, queue) = (line["t"].as_f64().unwrap(), text("q"));
            match (&*text("kind"), &*text("Value")) {
                ("stop", _) => return free,
                ("TruthRing", _) => agents.entry(text("Agent")).or_default().is_on_phone = true,
                ("TruthAgentEnd", _) => {
                    let agent = agents.entry(text("Agent")).or_default();
                    agent.is_on_phone = false;
                    agent.is_absent = false;
                    let seconds = match (&*queue, &*text("Agent")) {
                        ("sales", _) => 6.0,
                        ("support", "b1") => 4.0,
                        _ => 0.0,
                    };
                    if text("Talked") == "1" {
                        agent.wrap_up_until.insert(queue, time.floor() + seconds);
                    }
                }
                ("do", "UNAVAILABLE") => agents.entry("a3".into()).or_default().is_absent = true,
                // Otherwise six in a row, for phones that no call has set yet.
                ("do", "NOT_INUSE") => agents.entry("a3".into()).or_default().is_absent = false,
                // Hangs up in order. `kill -9` does not: Asterisk keeps the phones' states in its
                // database.
                ("asterisk restart", _) => agents.values_mut().for_each(|agent| agent.is_on_phone = false),
                ("do", _) if text("action") == "QueuePause" => {
                    let interface = text("Interface");
                    let agent = interface.trim_start_matches("Local/").trim_end_matches("@agents/n");
                    let paused_in = &mut agents.entry(agent.into()).or_default().paused_in;
                    if text("Paused") == "true" {
                        paused_in.insert(text("Queue"));
                    } else {
                        paused_in.remove(&text("Queue"));
                    }
                }
                // A new Asterisk knows no last calls; and of b2's phone, no state that would be
                // kept.
                ("driver-lost", _) => {
                    agents.values_mut().for_each(|agent| agent.wrap_up_until.clear());
                    agents.entry("b2".into()).or_default().is_on_phone = false;
                }
                _ => {}
            }
        }
        free.push(MEMBERS.map(|(queue, members)| {
            let is_free = |name: &&&str| {
                agents.get(**name).is_none_or(|agent| {
                    let is_wrapping = agent.wrap_up_until.get(queue).is_some_and(|until| poll.asked.floor() < *until);
                    !agent.is_on_phone && !agent.is_absent && !agent.paused_in.contains(queue) && !is_wrapping
                })
            };
            members.iter().filter(is_free).count() as u64
        }));
    }
    free
}

#[test]
fn the_capacity_of_each_queue_is_what_it_truly_was_in_97_percent_of_the_seconds() {
    for name in ["plain", "restart"] {
        for skew in [0.0, 5400.0, -5400.0] {
            let polls = replay(name, &Chunks::AsRead, skew);
            let free = truly_free(name, &polls);
            // Whether a call that ended before the start still has its wrap-up, nobody can say
            // whose clock is another.
            let unknown = if skew == 0.0 { 0 } else { 6 };
            for (place, queue) in ["sales", "support"].into_iter().enumerate() {
                let seconds = || polls.iter().zip(&free).skip(unknown);
                let total = seconds().count();
                let equal = seconds().filter(|(poll, free)| poll.of(queue).ready == free[place]).count();
                let share = 100.0 * equal as f64 / total as f64;
                println!("{name}, {queue}, clocks {skew} s apart: equal in {equal} of {total} s, {share:.2} %");
                assert!(share >= 97.0 && total > 250);
            }
        }
    }
}
