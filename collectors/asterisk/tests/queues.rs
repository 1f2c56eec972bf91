//! The mapping, row by row, from the text of answers to figures.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::BTreeMap;
use std::time::Duration;

use common::{account, example, moment};
use pacingd_asterisk::clock::Moment;
use pacingd_asterisk::limits::Timing;
use pacingd_asterisk::queues::{Observation, Queues, Report};
use pacingd_asterisk::session::{Failure, Session, Status};
use pacingd_asterisk::settings::WrapUp;
use proptest::prelude::*;

/// When the tests begin, on Asterisk's clock.
const START: u64 = 1_795_650_000;

/// A member's fields.
#[derive(Clone, Copy)]
struct Member {
    name: &'static str,
    status: u32,
    paused: u32,
    in_call: u32,
    last_call: u64,
    wrap_up: u32,
}

const FREE: Member = Member { name: "a", status: 1, paused: 0, in_call: 0, last_call: 0, wrap_up: 0 };
const TALKING: Member = Member { status: 2, in_call: 1, ..FREE };

/// A queue's fields.
#[derive(Clone)]
struct Queue {
    name: &'static str,
    strategy: &'static str,
    callers: Vec<u32>,
    completed: u64,
    abandoned: u64,
    members: Vec<Member>,
}

fn queue(members: &[Member]) -> Queue {
    let members = members.to_vec();
    Queue { name: "sales", strategy: "rrmemory", callers: vec![], completed: 100, abandoned: 10, members }
}

fn text(queues: &[Queue]) -> String {
    let mut text = String::from("Response: Success\r\n\r\n");
    let mut items = 0;
    for Queue { name, strategy, callers, completed, abandoned, members } in queues {
        text += &format!(
            "Event: QueueParams\r\nQueue: {name}\r\nStrategy: {strategy}\r\nCalls: {}\r\nCompleted: {completed}\r\n\
             Abandoned: {abandoned}\r\n\r\n",
            callers.len()
        );
        for Member { name: member, status, paused, in_call, last_call, wrap_up } in members {
            text += &format!(
                "Event: QueueMember\r\nQueue: {name}\r\nLocation: PJSIP/{member}\r\nStatus: {status}\r\n\
                 Paused: {paused}\r\nInCall: {in_call}\r\nLastCall: {last_call}\r\nWrapuptime: {wrap_up}\r\n\r\n"
            );
        }
        for caller in callers {
            text += &format!("Event: QueueEntry\r\nQueue: {name}\r\nUniqueid: {caller}\r\n\r\n");
        }
        items += 1 + members.len() + callers.len();
    }
    text + &format!("Event: QueueStatusComplete\r\nListItems: {items}\r\n\r\n")
}

/// A session that has asked.
fn asked<T>(at: Moment, then: impl FnOnce(&mut Session<'_>) -> T) -> T {
    let (account, timing) = (account(), Timing::default());
    let mut session = Session::new(&account, &timing, at);
    session.receive(b"Asterisk Call Manager/11.0.0\r\nResponse: Success\r\nChallenge: 1\r\n\r\n", at).unwrap();
    session.receive(b"Response: Success\r\n\r\n", at).unwrap();
    session.output(at).unwrap();
    session.output(at).unwrap();
    then(&mut session)
}

fn status(text: &[u8], at: Moment) -> Result<Option<Status>, Failure> {
    asked(at, |session| session.receive(text, at))
}

/// Queues that are polled each second, on a machine whose clock is Asterisk's.
struct Model {
    queues: Queues,
    second: f64,
    is_first: bool,
}

impl Model {
    fn new() -> Self {
        let wrap_up = WrapUp { of_others: 0, queues: BTreeMap::from([("sales".to_owned(), 6)]) };
        Self { queues: Queues::new(wrap_up), second: START as f64 + 0.4, is_first: true }
    }

    fn observe(&mut self, queues: &[Queue]) -> Observation {
        let status = status(text(queues).as_bytes(), moment(self.second)).unwrap().unwrap();
        self.second += 1.0;
        self.queues.observe(&status, std::mem::take(&mut self.is_first))
    }

    fn poll(&mut self, queue: &Queue) -> Report {
        self.observe(std::slice::from_ref(queue)).reports.remove(0)
    }
}

/// ready, loggedIn, slots, reactive, queued
fn figures(queue: &Queue) -> [u64; 5] {
    let Report { ready, logged_in, slots, reactive, queued, .. } = Model::new().poll(queue);
    [ready, logged_in, slots, reactive, queued]
}

#[test]
fn each_state_of_a_member_counts_as_the_mapping_says() {
    let status = |status| Member { status, ..FREE };
    for (member, want) in [
        (status(0), [1, 1, 1, 0, 0]),
        (status(1), [1, 1, 1, 0, 0]),
        // In use, busy, on hold: a call of its own.
        (status(2), [0, 1, 0, 0, 0]),
        (status(3), [0, 1, 0, 0, 0]),
        (status(8), [0, 1, 0, 0, 0]),
        // Invalid, unavailable.
        (status(4), [0, 0, 0, 0, 0]),
        (status(5), [0, 0, 0, 0, 0]),
        // Ringing, but for no caller of this queue.
        (status(6), [0, 1, 1, 0, 0]),
        (Member { paused: 1, ..FREE }, [0, 1, 0, 0, 0]),
        (Member { paused: 1, ..status(6) }, [0, 1, 0, 0, 0]),
        (TALKING, [0, 1, 1, 1, 0]),
        (Member { paused: 1, ..TALKING }, [0, 1, 0, 1, 0]),
        // The phone is free, but the queue's call is not over, as after a transfer.
        (Member { status: 1, ..TALKING }, [0, 1, 1, 1, 0]),
    ] {
        assert_eq!(figures(&queue(&[member])), want, "status {}, paused {}", member.status, member.paused);
    }
}

#[test]
fn callers_whose_agents_phone_rings_do_not_wait() {
    let ringing = Member { status: 6, ..FREE };
    let mut queue = queue(&[ringing, FREE, TALKING]);
    queue.callers = vec![1, 2, 3];
    assert_eq!(figures(&queue), [1, 3, 3, 2, 2]);
    // More ring than callers wait: the others ring for other queues, …
    queue.callers = vec![1];
    queue.members = vec![ringing, ringing, ringing];
    assert_eq!(figures(&queue), [0, 3, 3, 1, 0]);
    // … or all for one caller: then the next one has an agent at once.
    queue.strategy = "ringall";
    assert_eq!(figures(&queue), [2, 3, 3, 1, 0]);
}

#[test]
fn a_wrap_up_lasts_for_the_members_own_time_or_the_queues() {
    for (wrap_up, seconds) in [(0, 6), (3, 3)] {
        let mut model = Model::new();
        model.poll(&queue(&[TALKING]));
        let after = queue(&[Member { last_call: START, wrap_up, ..FREE }]);
        let busy = (0..20).take_while(|_| {
            let report = model.poll(&after);
            assert_eq!((report.slots, report.reactive + report.ready), (1, 1));
            report.ready == 0
        });
        // Polled at 1.4 s and so on; free by Asterisk's whole seconds.
        assert_eq!(busy.count(), seconds - 1);
    }
    let mut model = Model::new();
    assert_eq!(
        model.poll(&queue(&[Member { last_call: START - 3, ..FREE }])).ready,
        0,
        "called before the first answer"
    );
    let elsewhere = Queue { name: "other", ..queue(&[Member { last_call: START - 3, ..FREE }]) };
    assert_eq!(Model::new().poll(&elsewhere).ready, 1, "a queue without wrap-up time");
    let mut model = Model::new();
    for last_call in [START + 100, START + 50] {
        // Whatever Asterisk's clock does.
        let elsewhere = Queue { name: "other", ..queue(&[Member { last_call, ..FREE }]) };
        assert_eq!(model.poll(&elsewhere).ready, 1, "a call that ends in the future");
    }
}

#[test]
fn a_wrap_up_time_of_a_queue_that_does_not_exist_is_noted_once() {
    let mut model = Model::new();
    let other = Queue { name: "other", ..queue(&[]) };
    let notes = model.observe(std::slice::from_ref(&other)).notes;
    assert_eq!(notes, ["wrapuptime has \"sales\", which is no queue that Asterisk lists"]);
    assert_eq!(model.observe(&[other]).notes, [] as [String; 0]);
}

#[test]
fn entered_counts_each_caller_once_whatever_becomes_of_it() {
    let mut model = Model::new();
    let mut now = queue(&[FREE, Member { name: "b", ..FREE }]);
    let start = model.poll(&now).entered;
    let mut entered = |now: &Queue| model.poll(now).entered - start;

    now.callers = vec![1, 2];
    assert_eq!(entered(&now), 2, "two wait");
    now.callers = vec![2];
    assert_eq!(entered(&now), 2, "an agent takes one; the dial plan runs before the call counts as one");
    assert_eq!(entered(&now), 2);
    now.members[0] = TALKING;
    assert_eq!(entered(&now), 2, "now it is");
    now.callers = vec![3];
    now.members[1] = Member { name: "b", ..TALKING };
    assert_eq!(entered(&now), 3, "one is taken while another comes");
    now.members[0] = FREE;
    now.completed += 1;
    assert_eq!(entered(&now), 3, "completed");
    now.callers = vec![];
    assert_eq!(entered(&now), 3, "left by a key");
    now.callers = vec![4];
    now.abandoned += 1;
    assert_eq!(entered(&now), 5, "one comes to stay, another came and abandoned between two answers");
    now.members.pop();
    assert_eq!(entered(&now), 5, "a member leaves the queue while it talks");
    now.completed += 1;
    assert_eq!(entered(&now), 5, "and its call is completed");
    now.completed += 2;
    assert_eq!(
        entered(&now),
        6,
        "two short calls between two answers, of which one stands for the caller who left by key"
    );
    (now.completed, now.abandoned) = (0, 0);
    now.callers = vec![4, 5];
    assert_eq!(entered(&now), 7, "the counters are reset while one comes");
}

#[test]
fn calls_that_end_with_asterisk_hide_no_later_ones() {
    let mut model = Model::new();
    let mut now = queue(&[TALKING, Member { name: "b", ..FREE }]);
    now.callers = vec![1, 2];
    let before = model.poll(&now).entered;
    model.is_first = true;
    let mut restarted = Queue { completed: 0, abandoned: 0, ..queue(&[FREE, Member { name: "b", ..FREE }]) };
    let observation = model.observe(std::slice::from_ref(&restarted));
    assert_eq!(observation.reports[0].entered, before);
    assert!(observation.notes[0].starts_with("2 who waited in \"sales\""), "{:?}", observation.notes);
    // Answered between two answers, so seen in no queue.
    restarted.members = vec![TALKING, Member { name: "b", ..TALKING }];
    assert_eq!(model.poll(&restarted).entered, before + 2);
}

#[test]
fn a_member_of_two_queues_with_shared_lastcall_is_counted_where_its_caller_was() {
    let mut model = Model::new();
    let other = |now: &Queue| Queue { name: "other", ..now.clone() };
    let free = queue(&[FREE]);
    let first = model.observe(&[free.clone(), other(&free)]).reports;
    let mut busy_for_sales = 0.0;
    for call in 0..20 {
        // It waits and rings, is answered, and talks for ten seconds. Asterisk shows InCall in both
        // queues.
        let waits =
            Queue { callers: vec![call], completed: 100 + u64::from(call), ..queue(&[Member { status: 6, ..FREE }]) };
        model.observe(&[waits.clone(), Queue { callers: vec![], completed: 100, ..other(&waits) }]);
        let talks = Queue { callers: vec![], members: vec![TALKING], ..waits.clone() };
        for _ in 0..10 {
            model.observe(&[talks.clone(), Queue { completed: 100, ..other(&talks) }]);
        }
        let last_call = model.second.floor() as u64;
        let over = Queue { completed: talks.completed + 1, ..queue(&[Member { last_call, ..FREE }]) };
        let reports = model.observe(&[over.clone(), Queue { completed: 100, ..other(&over) }]).reports;
        assert_eq!(reports[0].entered - first[0].entered, u64::from(call) + 1);
        assert_eq!(reports[1].entered, first[1].entered);
        assert_eq!(reports[1].handle_time, None);
        busy_for_sales = reports[0].handle_time.unwrap_or_default();
    }
    // Ten seconds of talk and six of wrap-up.
    assert!((busy_for_sales - 16.0).abs() < 0.5, "{busy_for_sales}");
}

#[test]
fn totals_never_fall_and_never_show_more_who_abandoned_than_entered() {
    let mut model = Model::new();
    let mut now = queue(&[]);
    now.callers = (0..5).collect();
    let before = model.poll(&now);
    now.callers.clear();
    now.abandoned += 5;
    let after = model.poll(&now);
    assert_eq!((after.entered, after.abandoned), (before.entered, 5));
    assert!(after.abandoned <= after.entered);
    (now.completed, now.abandoned) = (0, 0);
    let reset = model.poll(&now);
    assert_eq!((reset.entered, reset.abandoned), (after.entered, after.abandoned));
}

#[test]
fn the_handle_time_of_both_recordings_is_the_mean_of_their_calls() {
    // Calls that a restart ends take time, and are never completed.
    for (name, tolerance) in [("plain", 0.03), ("restart", 0.15)] {
        let polls = common::replay(name, &common::Chunks::AsRead, 0.0);
        let events = common::events(common::recording(name));
        for queue in ["sales", "support"] {
            let busy: Vec<f64> = events
                .iter()
                .filter(|event| event.get("Event") == "AgentComplete" && event.get("Queue") == queue)
                .map(|event| (event.get("TalkTime").parse::<f64>().unwrap(), event.get("MemberName")))
                // The call that was redirected ends only when its caller hangs up.
                .filter(|(seconds, _)| *seconds < 100.0)
                .map(|(seconds, member)| match (queue, member) {
                    ("sales", _) => seconds + 6.0,
                    (_, "Dora") => seconds + 4.0,
                    _ => seconds,
                })
                .collect();
            let mean = busy.iter().sum::<f64>() / busy.len() as f64;
            let found = polls.last().unwrap().of(queue).handle_time.unwrap();
            println!("{name} {queue}: {found:.1} s by Little's law, {mean:.1} s by the events");
            assert!((found - mean).abs() < tolerance * mean);
        }
    }
}

#[test]
fn the_clock_of_asterisk_is_learned_again_after_it_was_set() {
    let mut model = Model::new();
    let mut ago = 0;
    for hours in [0, 2, -3, 0] {
        // By Asterisk's clock, which is hours away from the collector's.
        for _ in 0..3 {
            model.poll(&queue(&[TALKING]));
            let seconds = model.second.floor() as i64 + hours * 3600;
            let last_call = u64::try_from(seconds).unwrap();
            let after = queue(&[Member { last_call, ..FREE }]);
            let busy = (0..20).take_while(|_| model.poll(&after).ready == 0).count();
            assert!((5..=7).contains(&busy), "{busy} s with the clock {hours} h away");
            ago += 1;
        }
    }
    assert_eq!(ago, 12);
}

#[test]
fn an_example_cut_at_any_byte_gives_nothing_before_its_end_and_then_the_same() {
    for name in ["QueueStatus-start.raw", "QueueStatus-busy.raw"] {
        let bytes = example(name);
        let at = moment(START as f64);
        let whole = Queues::new(WrapUp::default()).observe(&status(&bytes, at).unwrap().unwrap(), true).reports;
        assert_eq!(whole.len(), 3);
        for cut in 0..bytes.len() {
            asked(at, |session| {
                assert!(session.receive(&bytes[..cut], at).unwrap().is_none(), "{name} cut at {cut}");
                let status = session.receive(&bytes[cut..], at).unwrap().unwrap();
                let reports = Queues::new(WrapUp::default()).observe(&status, true).reports;
                assert_eq!(reports, whole, "{name} cut at {cut}");
            });
        }
    }
}

#[test]
fn other_messages_in_an_answer_change_nothing() {
    let at = moment(START as f64);
    let text = text(&[queue(&[FREE])]);
    for name in ["AgentComplete.raw", "QueueCallerJoin.raw", "QueueMemberStatus.raw", "QueueSummary-busy.raw"] {
        let mixed = text.replacen(
            "Event: QueueMember\r\n",
            &format!("{}Event: QueueMember\r\n", std::str::from_utf8(&example(name)).unwrap()),
            1,
        );
        assert!(mixed.len() > text.len());
        assert!(status(mixed.as_bytes(), at).unwrap().is_some(), "{name}");
    }
}

#[test]
fn an_answer_that_is_not_whole_or_too_long_is_refused() {
    let at = moment(START as f64);
    let text = text(&[queue(&[FREE; 3])]);
    let fewer = text.replacen("ListItems: 4", "ListItems: 5", 1);
    assert_eq!(status(fewer.as_bytes(), at).unwrap_err().to_string(), "an answer of 5 events had 4");
    // As Asterisk 11 ends it.
    assert!(status(text.replacen("ListItems: 4\r\n", "", 1).as_bytes(), at).unwrap().is_some());

    let endless = text.split_once("Event: QueueStatusComplete").unwrap().0.repeat(50_000);
    assert!(status(endless.as_bytes(), at).unwrap_err().to_string().contains("limits"));
}

#[test]
fn members_without_incall_are_in_a_call_when_their_phone_is() {
    let at = moment(START as f64);
    // As before Asterisk 13.
    let text = text(&[queue(&[Member { status: 2, ..FREE }, FREE])]).replace("InCall: 0\r\n", "");
    let reports = Queues::new(WrapUp::default()).observe(&status(text.as_bytes(), at).unwrap().unwrap(), true).reports;
    assert_eq!((reports[0].ready, reports[0].reactive, reports[0].slots), (1, 1, 2));
}

#[test]
fn queues_beyond_the_limit_and_queues_without_figures_are_skipped_and_said() {
    let mut model = Model::new();
    let names: Vec<&'static str> = (0..300).map(|n| &*format!("q{n}").leak()).collect();
    let many: Vec<Queue> = names.iter().map(|name| Queue { name, ..queue(&[FREE]) }).collect();
    let observation = model.observe(&many);
    // One of them says that "sales", which has a wrap-up time, is missing.
    assert_eq!((observation.reports.len(), observation.notes.len()), (256, 44 + 1));
    assert_eq!(model.observe(&many).notes.len(), 0);
    // Others in their place: what is known of those that are gone makes room.
    assert_eq!(model.observe(&many[100..]).reports.len(), 200);

    let status = status(text(&many[..2]).replacen("Calls: 0", "Calls: -1", 1).as_bytes(), moment(START as f64));
    let answer = status.unwrap().unwrap().answer;
    assert_eq!((answer.queues.len(), answer.skipped.len()), (1, 1));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes_is_survived(chunks in prop::collection::vec(piece(), 0..200)) {
        let mut queues = Queues::new(WrapUp { of_others: 6, queues: BTreeMap::new() });
        let mut at = moment(START as f64);
        let mut answers = 0;
        asked(at, |session| {
            for chunk in &chunks {
                at.monotonic += Duration::from_millis(20);
                let Ok(status) = session.receive(chunk.as_bytes(), at) else { return Ok(()) };
                if let Some(status) = status {
                    for report in queues.observe(&status, answers == 0).reports {
                        prop_assert!(report.ready <= report.slots.max(report.logged_in));
                        prop_assert!(report.handle_time.is_none_or(|seconds| seconds.is_finite() && seconds > 0.0));
                    }
                    answers += 1;
                    at.monotonic += Duration::from_secs(1);
                    session.output(at).unwrap();
                }
            }
            Ok(())
        })?;
    }
}

/// Pieces of answers, well-formed and not, with any numbers.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("Event: QueueParams\r\nQueue: a\r\n".to_owned()),
        Just("Event: QueueParams\r\nQueue: b\r\nStrategy: ringall\r\n".to_owned()),
        Just("Event: QueueMember\r\nQueue: a\r\nStatus: 1\r\nPaused: 0\r\n".to_owned()),
        Just("Event: QueueEntry\r\nQueue: a\r\n".to_owned()),
        Just("Event: QueueStatusComplete\r\n\r\n".to_owned()),
        ("(Calls|Completed|Abandoned|InCall|LastCall|Wrapuptime|Location|Uniqueid)", any::<u64>())
            .prop_map(|(name, number)| format!("{name}: {number}\r\n")),
        ("(Calls|Completed|Abandoned|InCall|LastCall|Wrapuptime|Location|Uniqueid)", 0_u64..5)
            .prop_map(|(name, number)| format!("{name}: {number}\r\n")),
        Just("\r\n".to_owned()),
        "\\PC{0,20}",
    ]
}
