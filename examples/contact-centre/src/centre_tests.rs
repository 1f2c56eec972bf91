//! The centre as a whole: conservation, determinism, Erlang A, staff, invitations and the network.

use super::*;
use crate::{Fields, Network, Steps};

/// Runs with a fixed probability, ten invitations allowed each second, and hands each statistics
/// line to `see`.
fn run(scenario: &Scenario, seed: u64, hours: f64, probability: f64, mut see: impl FnMut(f64, &Snapshot)) -> Centre {
    let mut centre = Centre::new(scenario, seed);
    let mut second = 0.0;
    while second < hours * HOUR {
        centre.allow_invitations(10.0);
        second += 1.0;
        while let Some(happening) = centre.advance(second) {
            match happening {
                Happening::Visitor(visitor) => drop(centre.admit(visitor, probability)),
                Happening::Statistics(snapshot) => see(centre.now(), &snapshot),
            }
        }
    }
    centre
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_seed_another() {
    let scenario = Scenario::default();
    let books = |seed| run(&scenario, seed, 5.0, 1.0, |_, _| {}).books();
    assert_eq!(books(1), books(1));
    assert_ne!(books(1), books(2));
}

#[test]
fn letting_everyone_in_gives_what_erlang_a_says() {
    // 48 a minute, one minute each, two minutes' patience, 50 agents: 3.091 % abandon, 93.0 % busy,
    // 3.71 s wait (Garnett et al. 2002).
    let scenario = Scenario {
        visitors: Curve::constant(48.0 / 60.0),
        staff: Steps::constant(50),
        handle_time: Times::Exponential { mean: 60.0 },
        patience: Times::Exponential { mean: 120.0 },
        ..Scenario::default()
    };
    let books = run(&scenario, 3, 400.0, 1.0, |_, _| {}).books();
    assert!((books.abandonment() - 0.0309).abs() < 0.001, "{}", books.abandonment());
    assert!((books.busy_factor() - 0.9303).abs() < 0.003, "{}", books.busy_factor());
    assert!((books.mean_wait() - 3.709).abs() < 0.12, "{}", books.mean_wait());
}

#[test]
fn whoever_enters_is_answered_gives_up_or_still_waits() {
    let scenario = Scenario { visitors: Curve::constant(0.2), ..Scenario::default() };
    let mut waiting = 0;
    let centre = run(&scenario, 4, 10.0, 1.0, |_, snapshot| waiting = snapshot.queued.unwrap());
    let books = centre.books();
    let open = books.entered() - books.answered - books.abandoned();
    assert_eq!(open, centre.queue.len() as u64);
    assert!(waiting > 0 && books.abandoned() > 100);
    assert_eq!(books.offered, books.reactive_entered, "with probability 1 everyone is let in");
}

#[test]
fn a_share_of_the_visitors_is_let_in() {
    let books = run(&Scenario::default(), 5, 50.0, 0.3, |_, _| {}).books();
    assert!((books.admission() - 0.3).abs() < 0.02, "{}", books.admission());
    let none = run(&Scenario::default(), 5, 1.0, 0.0, |_, _| {}).books();
    assert_eq!(none.entered(), 0);
}

#[test]
fn invitations_are_pending_until_answered_and_some_are_accepted() {
    let scenario = Scenario {
        visitors: Curve::zero(),
        proactive: Proactive::Invitations {
            candidates: Curve::constant(0.5),
            acceptance: 0.25,
            answer: Times::Exponential { mean: 20.0 },
        },
        ..Scenario::default()
    };
    let mut last = Snapshot::default();
    let mut pending_sum = 0.0;
    let mut lines = 0.0;
    let centre = run(&scenario, 6, 20.0, 1.0, |_, snapshot| {
        last = *snapshot;
        pending_sum += f64::from(snapshot.invitations_pending.unwrap());
        lines += 1.0;
    });
    let sent = last.invitations_sent.unwrap() as f64;
    assert!((sent / (20.0 * HOUR) - 0.5).abs() < 0.02, "candidates are invited while the allowance lasts: {sent}");
    assert!((last.invitations_accepted.unwrap() as f64 / sent - 0.25).abs() < 0.02);
    // Little's law: 0.5 a second for 20 s each.
    assert!((pending_sum / lines - 10.0).abs() < 0.5, "{}", pending_sum / lines);
    assert_eq!(centre.books().proactive_entered, last.proactive_entered.unwrap());
}

#[test]
fn no_more_invitations_are_sent_than_allowed() {
    let scenario = Scenario {
        proactive: Proactive::Invitations {
            candidates: Curve::constant(100.0),
            acceptance: 1.0,
            answer: Times::Fixed(1.0),
        },
        ..Scenario::default()
    };
    let mut centre = Centre::new(&scenario, 7);
    for second in 1..=100 {
        centre.allow_invitations(0.25);
        while centre.advance(f64::from(second)).is_some() {}
    }
    assert_eq!(centre.books().invited, 25);
}

#[test]
fn the_network_loses_delays_and_reorders() {
    let network = Network { loss: 0.25, delay: Times::Exponential { mean: 2.0 } };
    let scenario = Scenario { network, ..Scenario::default() };
    let (mut arrived, mut late, mut last, mut delay) = (0_u32, 0_u32, 0, 0.0);
    run(&scenario, 8, 5.0, 1.0, |now, snapshot| {
        let time = snapshot.time.unwrap();
        arrived += 1;
        late += u32::from(time < last);
        delay += now - (time - CLOCK_AT_START) as f64 / 1000.0;
        last = last.max(time);
    });
    let share = f64::from(arrived) / (5.0 * HOUR);
    assert!((share - 0.75).abs() < 0.02, "{share}");
    assert!((delay / f64::from(arrived) - 2.0).abs() < 0.1);
    assert!(late > 1000, "{late} lines were overtaken");
}

#[test]
fn a_restarted_collector_counts_from_nothing_again() {
    let mut scenario = Scenario::default();
    scenario.collector.restart_every = 1000.0;
    let (mut falls, mut last) = (0, 0);
    run(&scenario, 9, 1.0, 1.0, |_, snapshot| {
        let entered = snapshot.reactive_entered.unwrap();
        falls += u32::from(entered < last);
        last = entered;
    });
    assert_eq!(falls, 3);
}

#[test]
fn halved_staff_still_finish_what_they_hold() {
    let scenario =
        Scenario { staff: Steps::new([(0.0, 10), (1800.0, 5)]), visitors: Curve::constant(1.0), ..Scenario::default() };
    let mut seen = Vec::new();
    run(&scenario, 10, 1.0, 1.0, |now, snapshot| {
        if now > 1795.0 {
            seen.push((snapshot.logged_in.unwrap(), snapshot.reactive.unwrap()));
        }
    });
    assert_eq!(seen.first(), Some(&(10, 10)));
    assert_eq!(seen.last(), Some(&(5, 5)));
    assert!(seen.iter().any(|(logged_in, _)| (6..10).contains(logged_in)), "they leave one by one");
}

#[test]
fn fields_that_the_collector_does_not_know_are_not_in_the_line() {
    let mut scenario = Scenario::default();
    scenario.collector.fields = Fields::NONE;
    let centre = Centre::new(&scenario, 11);
    assert_eq!(centre.line(&centre.snapshot()), r#"{"channel":"chat","group":"Sales","ready":0}"#);
}
