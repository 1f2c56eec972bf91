//! Totals of several collectors against what really happened: interleaved, lost, late, restarted,
//! failed over.

extern crate std;

use std::vec::Vec;

use proptest::prelude::*;

use super::*;

const PATIENCE: Duration = Duration::from_secs(30);

/// Counts a line with these totals, received through a broker. Returns what was counted, and
/// whether a row starts.
fn count(totals: &mut Totals, second: u64, entered: u64, abandoned: u64) -> ((u64, u64), bool) {
    count_of(None, totals, second, entered, abandoned)
}

fn count_of(
    collector: Option<Collector>,
    totals: &mut Totals,
    second: u64,
    entered: u64,
    abandoned: u64,
) -> ((u64, u64), bool) {
    let mut statistics =
        Statistics { reactive_entered: Some(entered), abandoned: Some(abandoned), ..Statistics::default() };
    let growth = totals.count(Duration::from_secs(second), collector, PATIENCE, &mut statistics);
    ((statistics.reactive_entered.unwrap(), statistics.abandoned.unwrap()), growth.starts_row)
}

#[test]
fn one_collector_is_counted_as_it_reports_and_a_restart_is_a_base_line() {
    let mut totals = Totals::NEW;
    assert_eq!(count(&mut totals, 0, 1000, 10), ((1000, 10), true));
    assert_eq!(count(&mut totals, 1, 1005, 10), ((1005, 10), false));
    assert_eq!(count(&mut totals, 2, 3, 0), ((1005, 10), true), "restarted");
    assert_eq!(count(&mut totals, 3, 5, 1), ((1007, 11), false));
    assert_eq!(count(&mut totals, 3_000, 105, 9), ((1107, 19), false), "a long silence loses nothing");
}

#[test]
fn a_stand_by_collector_counts_nothing_twice_and_goes_on_when_the_first_one_dies() {
    let mut totals = Totals::NEW;
    count(&mut totals, 0, 1000, 10);
    assert_eq!(count(&mut totals, 0, 40, 1), ((1000, 10), true));
    for second in 1..=10 {
        assert_eq!(count(&mut totals, second, 1000 + second, 10).0, (1000 + second, 10));
        assert_eq!(count(&mut totals, second, 40 + second, 1).0, (1000 + second, 10));
    }
    for second in 11..=100 {
        assert_eq!(count(&mut totals, second, 40 + second, 1).0, (1000 + second, 10));
    }
    // The first one is back from a restart: it may lead or follow, and counts nothing for what it
    // missed.
    assert_eq!(count(&mut totals, 101, 2, 0), ((1100, 10), true));
    assert_eq!(count(&mut totals, 101, 141, 1), ((1101, 10), false));
    assert_eq!(count(&mut totals, 102, 3, 0), ((1101, 10), false));
}

#[test]
fn totals_that_climb_past_those_of_a_collector_long_dead_go_on_by_themselves() {
    let mut totals = Totals::NEW;
    count(&mut totals, 0, 1000, 0);
    count(&mut totals, 1, 0, 0);
    for entered in 1..=2_000 {
        assert_eq!(count(&mut totals, 1 + entered, entered, 0).0, (1000 + entered, 0));
    }
}

#[test]
fn a_cold_stand_by_of_another_address_counts_from_its_first_line_on_however_high_its_totals_are() {
    let mut totals = Totals::NEW;
    let at = |octet| Some(Collector::at([10, 0, 0, octet].into()));
    count_of(at(1), &mut totals, 0, 7, 0);
    assert_eq!(count_of(at(2), &mut totals, 500, 90_000, 800), ((7, 0), true));
    assert_eq!(count_of(at(2), &mut totals, 501, 90_002, 801), ((9, 1), false));
}

#[test]
fn a_growth_that_no_site_sees_is_another_collector_behind_the_same_broker() {
    let mut totals = Totals::NEW;
    count(&mut totals, 0, 40, 1);
    assert_eq!(count(&mut totals, 1, 100_000, 3_000), ((40, 1), true));
    assert_eq!(count(&mut totals, 2, 41, 1).0, (41, 1));
    assert_eq!(count(&mut totals, 2, 100_002, 3_001).0, (42, 2));
}

#[test]
fn a_third_collector_waits_until_there_is_a_place() {
    let mut totals = Totals::NEW;
    for second in 0..40 {
        count(&mut totals, second, 1000 + second, 0);
        count(&mut totals, second, 500 + second, 0);
        assert_eq!(count(&mut totals, second, second, 0).0, (1000 + second, 0));
    }
    // Both die; once they are forgotten it counts, from then on.
    for second in 40..100 {
        count(&mut totals, second, second, 0);
    }
    let before = count(&mut totals, 100, 100, 0).0.0;
    assert_eq!(count(&mut totals, 101, 101, 0).0.0, before + 1);
    assert!(before < 1101);
}

#[test]
fn a_total_that_is_first_reported_later_is_counted_from_what_it_is() {
    let mut totals = Totals::NEW;
    let mut one = Statistics { reactive_entered: Some(7), ..Statistics::default() };
    totals.count(Duration::ZERO, None, PATIENCE, &mut one);
    assert_eq!((one.reactive_entered, one.abandoned), (Some(7), None));
    assert_eq!(count(&mut totals, 1, 8, 100), ((8, 100), false));
    assert_eq!(count(&mut totals, 2, 9, 101), ((9, 101), false));
}

#[test]
fn the_growth_of_each_total_is_given_once_and_only_where_both_ends_are_known() {
    let mut totals = Totals::NEW;
    let mut growth = |second, entered, abandoned| {
        let mut statistics = Statistics { reactive_entered: entered, abandoned, ..Statistics::default() };
        let growth = totals.count(Duration::from_secs(second), None, PATIENCE, &mut statistics);
        (growth.reactive_entered, growth.abandoned, growth.starts_row)
    };
    assert_eq!(growth(0, Some(1000), None), (None, None, true));
    assert_eq!(growth(1, Some(1003), Some(7)), (Some(3), None, false));
    assert_eq!(growth(2, None, Some(8)), (None, Some(1), false));
    assert_eq!(growth(3, None, None), (None, None, false));
    assert_eq!(growth(4, Some(1005), Some(8)), (Some(2), Some(0), false));
    assert_eq!(growth(5, Some(4), Some(0)), (None, None, true), "restarted");
    assert_eq!(growth(6, Some(5), Some(0)), (Some(1), Some(0), false));
}

#[test]
fn totals_once_a_minute_beside_state_every_second_lose_nothing() {
    let mut totals = Totals::NEW;
    let senders = [1, 2].map(|octet| Some(Collector::at([10, 0, 0, octet].into())));
    let mut counted = 0;
    for second in 0..600_u64 {
        for sender in senders {
            // 40 a second: more at once than a collector that reports every second ever has.
            let total = (second % 60 == 0).then_some(40 * second);
            let mut statistics = Statistics { reactive_entered: total, ..Statistics::default() };
            counted += totals
                .count(Duration::from_secs(second), sender, PATIENCE, &mut statistics)
                .reactive_entered
                .unwrap_or(0);
        }
    }
    assert_eq!(counted, 40 * 540);
}

#[test]
fn a_line_without_totals_has_the_last_ones_for_ten_minutes() {
    let mut totals = Totals::NEW;
    count(&mut totals, 0, 1000, 10);
    let mut entered = |second| {
        let mut statistics = Statistics::default();
        assert_eq!(totals.count(Duration::from_secs(second), None, PATIENCE, &mut statistics), Growth::default());
        (statistics.reactive_entered, statistics.proactive_entered)
    };
    assert_eq!(entered(1), (Some(1000), None));
    assert_eq!(entered(600), (Some(1000), None));
    assert_eq!(entered(601), (None, None));
    assert_eq!(count(&mut totals, 700, 1005, 10), ((1005, 10), false));
}

/// What goes on at a collector from one second to the next.
#[derive(Clone, Copy, Debug)]
struct Step {
    /// Interactions that entered.
    entered: u64,
    /// Whether the line of each collector arrives.
    arrives: [bool; 2],
    /// Whether a collector starts anew.
    restarts: [bool; 2],
}

fn step() -> impl Strategy<Value = Step> {
    let often = || prop::bool::weighted(0.8);
    let seldom = || prop::bool::weighted(0.01);
    let entered = prop_oneof![3 => Just(0_u64), 3 => 0..3_u64, 1 => 0..40_u64];
    (entered, [often(), often()], [seldom(), seldom()]).prop_map(|(entered, arrives, restarts)| Step {
        entered,
        arrives,
        restarts,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// Two collectors report the same interactions, the second `lag` seconds late, each from its
    /// own start on; lines are lost, collectors restart, and from `failure` on the first one is
    /// dead.
    #[test]
    fn what_is_counted_is_what_happened_except_before_a_row_starts(
        steps in proptest::collection::vec(step(), 50..400),
        start in [0..5_000_u64, 0..5_000_u64],
        lag in 0..3_usize,
        failure in 0..400_usize,
    ) {
        let senders = [1, 2].map(|octet| Some(Collector::at([10, 0, 0, octet].into())));
        let mut totals = Totals::NEW;
        let mut happened = Vec::new();
        let mut base = start.map(u64::cast_signed);
        let (mut truth, mut counted, mut first, mut last) = (0_u64, None, None, 0_u64);
        let mut slack = 0_u64;
        for (second, step) in steps.iter().enumerate() {
            truth += step.entered;
            happened.push(truth);
            for collector in 0..2 {
                if step.restarts[collector] {
                    base[collector] = -truth.cast_signed();
                }
                let dead = collector == 0 && second >= failure;
                if !step.arrives[collector] || dead {
                    continue;
                }
                let seen = if collector == 0 { truth } else { happened[second.saturating_sub(lag)] };
                let reported = u64::try_from(base[collector] + seen.cast_signed()).unwrap_or(0);
                let ((now, _), starts) = count_of(senders[collector], &mut totals, second as u64, reported, 0);
                let before = counted.unwrap_or(now);
                prop_assert!(now >= before, "counted down: {before} to {now}");
                prop_assert!(now - before <= truth - last + slack, "a jump from {before} to {now}");
                if starts {
                    // What happened since the last line of anyone, and what the one that starts is
                    // late by.
                    slack += 40 * (2 + lag as u64);
                }
                (counted, last) = (Some(now), truth.min(last.max(seen)));
                let (first_truth, first_counted) = *first.get_or_insert((seen, now));
                let (grown, really) = (now - first_counted, truth - first_truth);
                prop_assert!(grown <= really + slack, "{grown} counted of {really}");
            }
        }
    }
}
