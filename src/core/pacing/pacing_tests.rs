//! The engine as a whole: nonsense, restarts, cold starts and each algorithm, without a simulated
//! centre.

use core::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::groups::totals::Totals;
use crate::wire::line::Statistics;

/// A pacer with the totals that feed it.
#[derive(Clone, Debug)]
struct Fed {
    pacer: Pacer,
    totals: Totals,
}

impl Fed {
    fn new() -> Self {
        Self { pacer: Pacer::new(), totals: Totals::NEW }
    }

    fn report(&mut self, now: Duration, statistics: &Statistics, options: &Options) {
        let growth = self.totals.count(now, None, Duration::from_secs(30), &mut statistics.clone());
        self.pacer.report(now, statistics, &growth, options);
    }

    fn refresh(&mut self, now: Duration, statistics: &Statistics, options: &Options) -> Prediction {
        self.pacer.refresh(now, statistics, options)
    }

    fn reason(&self) -> Reason {
        self.pacer.reason()
    }
}

/// A group with every field reported: 10 agents, `busy` of them in use, `queued` visitors waiting.
fn group(busy: u32, queued: u32) -> Statistics {
    Statistics {
        ready: 10 - busy,
        logged_in: Some(10),
        reactive: Some(busy),
        proactive: Some(0),
        queued: Some(queued),
        handle_time: Some(300.0),
        reactive_entered: Some(0),
        proactive_entered: Some(0),
        abandoned: Some(0),
        ..Statistics::default()
    }
}

fn with(algorithm: Algorithm) -> Options {
    Options { algorithm, ..Options::default() }
}

fn at(seconds: u32) -> Duration {
    Duration::from_secs(seconds.into())
}

/// The reason right after the first report.
fn first(statistics: &Statistics, options: &Options) -> (Prediction, Reason) {
    let mut pacer = Fed::new();
    pacer.report(at(1), statistics, options);
    (pacer.refresh(at(1), statistics, options), pacer.reason())
}

/// A pacer that saw `entered` per second with everyone let in, for `seconds`.
fn used_to(entered: u64, seconds: u32, options: &Options) -> Fed {
    let mut pacer = Fed::new();
    for second in 0..seconds {
        let total = Some(u64::from(second) * entered);
        let statistics = Statistics { reactive_entered: total, ..group(0, 0) };
        pacer.report(at(second), &statistics, options);
        pacer.refresh(at(second), &statistics, options);
    }
    pacer
}

const ALGORITHMS: [Algorithm; 5] = [
    Algorithm::SuperProgressive,
    Algorithm::SuperProgressiveDual,
    Algorithm::PredictiveB,
    Algorithm::PredictiveBDual,
    Algorithm::External,
];
const DUAL: [Algorithm; 2] = [Algorithm::SuperProgressiveDual, Algorithm::PredictiveBDual];

#[test]
fn nobody_at_work_means_nobody_is_let_in() {
    for algorithm in DUAL {
        let statistics = Statistics { ready: 0, logged_in: Some(0), reactive: Some(0), ..group(10, 0) };
        let (prediction, reason) = first(&statistics, &with(algorithm));
        assert_eq!(prediction.reactive_state, Some(0.0));
        assert_eq!(prediction.proactive_allowance, Some(0.0));
        assert_eq!(reason, Reason::NoAgents);
    }
}

#[test]
fn with_ready_alone_the_door_is_open_while_someone_is_ready() {
    for algorithm in DUAL {
        let state = |ready, queued| {
            let statistics = Statistics { ready, queued, ..Statistics::default() };
            first(&statistics, &with(algorithm)).0.reactive_state
        };
        assert_eq!(state(1, None), Some(1.0));
        assert_eq!(state(0, None), Some(0.0));
        assert_eq!(state(1, Some(1)), Some(0.0));
    }
}

#[test]
fn only_the_dual_algorithms_say_anything_of_reactive_visitors() {
    for algorithm in ALGORITHMS {
        let (prediction, _) = first(&group(5, 0), &with(algorithm));
        assert_eq!(prediction.reactive_state.is_some(), DUAL.contains(&algorithm), "{algorithm:?}");
        assert_eq!(prediction.proactive_allowance.is_some(), algorithm != Algorithm::External, "{algorithm:?}");
    }
}

#[test]
fn a_value_computed_elsewhere_is_served_as_it_is() {
    for value in [None, Some(0.0), Some(0.375), Some(1.0)] {
        let statistics = Statistics { reactive_state: value, ..group(10, 5) };
        assert_eq!(first(&statistics, &with(Algorithm::External)).0.reactive_state, value);
    }
    let nonsense = Statistics { reactive_state: Some(f64::NAN), ..group(10, 5) };
    assert_eq!(first(&nonsense, &with(Algorithm::External)).0.reactive_state, None);
}

#[test]
fn all_slots_kept_for_the_proactive_side_leave_none_to_the_reactive_one() {
    let options = Options { proactive_ratio: 100, ..Options::default() };
    let (prediction, reason) = first(&group(0, 0), &options);
    assert_eq!((prediction.reactive_state, reason), (Some(0.0), Reason::ProactiveShare));
    assert!(prediction.proactive_allowance.unwrap() > 1.0);
}

#[test]
fn a_new_group_with_free_agents_opens_and_a_full_one_stays_closed() {
    for algorithm in DUAL {
        assert_eq!(first(&group(2, 0), &with(algorithm)).0.reactive_state, Some(1.0));
        let (prediction, reason) = first(&group(10, 3), &with(algorithm));
        assert_eq!((prediction.reactive_state, reason), (Some(0.0), Reason::Abandonment));
    }
}

#[test]
fn a_cold_start_opens_the_door_by_a_crack_only() {
    // One seat free, nothing known of the demand: it could be anything.
    let open = first(&group(9, 0), &Options::default()).0.reactive_state.unwrap();
    assert!(open > 0.0 && open < 1.0, "{open}");
}

#[test]
fn what_was_let_in_since_the_last_report_is_not_let_in_again() {
    let options = Options::default();
    let mut pacer = used_to(1, 600, &options);
    // What went on before in an empty house is nothing to measure handle times by.
    pacer.pacer.handle_time = mean_time::MeanTime::default();
    let statistics = Statistics { reactive_entered: Some(599), ..group(8, 0) };
    pacer.report(at(600), &statistics, &options);
    let fresh = pacer.refresh(at(600), &statistics, &options).reactive_state.unwrap();
    // The next reports are lost.
    let later = pacer.refresh(at(604), &statistics, &options).reactive_state.unwrap();
    assert!(fresh > 0.2 && later < 0.5 * fresh, "{fresh}, then {later}");
}

#[test]
fn a_restarted_collector_teaches_nothing_wrong() {
    let options = Options::default();
    let mut pacer = used_to(1, 600, &options);
    let before = pacer.clone();
    let restarted = Statistics { reactive_entered: Some(3), ..group(0, 0) };
    pacer.report(at(600), &restarted, &options);
    let demand = |pacer: &mut Fed| pacer.refresh(at(600), &restarted, &options).reactive_demand.unwrap();
    assert!((demand(&mut pacer) - demand(&mut before.clone())).abs() < 1e-12);
    // … and counting goes on from the new base line.
    let next = Statistics { reactive_entered: Some(4), ..group(0, 0) };
    pacer.report(at(601), &next, &options);
    assert!((demand(&mut pacer) - 1.0).abs() < 0.05);
}

#[test]
fn pending_invitations_count() {
    let options = with(Algorithm::SuperProgressive);
    let allowed = |pending| {
        let statistics = Statistics {
            invitations_sent: Some(0),
            invitations_accepted: Some(0),
            invitations_pending: Some(pending),
            ..group(5, 0)
        };
        // Nobody asks by himself.
        let mut pacer = used_to(0, 600, &options);
        pacer.report(at(600), &statistics, &options);
        pacer.refresh(at(600), &statistics, &options).proactive_allowance.unwrap()
    };
    let (none, some, many) = (allowed(0), allowed(2), allowed(30));
    assert!(none > 2.0 && (none - some - 2.0).abs() < 0.01, "{none} and {some}");
    assert!(many.abs() < 1e-12);
}

#[test]
fn what_was_allowed_is_pending_until_a_report_says_otherwise() {
    let options = with(Algorithm::SuperProgressive);
    let mut pacer = used_to(0, 600, &options);
    let statistics = Statistics { invitations_pending: Some(0), ..group(5, 0) };
    pacer.report(at(600), &statistics, &options);
    let first = pacer.refresh(at(600), &statistics, &options).proactive_allowance.unwrap();
    let second = pacer.refresh(at(600), &statistics, &options).proactive_allowance.unwrap();
    assert!(first > 1.0 && second < 0.1 * first, "{first}, then {second}");
}

#[test]
fn reactive_visitors_of_whom_nothing_is_known_yet_come_before_invitations() {
    let (prediction, _) = first(&group(5, 0), &with(Algorithm::SuperProgressive));
    assert!(prediction.proactive_allowance.unwrap().abs() < 1e-12);
}

prop_compose! {
    /// Statistics that no contact centre would send.
    fn any_statistics()(
        ready in count(),
        counts in proptest::array::uniform7(proptest::option::of(count())),
        handle_time in proptest::option::of(prop_oneof![Just(1e-9), Just(1e9), Just(f64::MIN_POSITIVE), 0.1..1e4_f64]),
        totals in proptest::array::uniform5(proptest::option::of(total())),
        reactive_state in proptest::option::of(0.0..=1.0_f64),
    ) -> Statistics {
        let [logged_in, slots, free_slots, reactive, proactive, queued, invitations_pending] = counts;
        let [reactive_entered, proactive_entered, abandoned, invitations_sent, invitations_accepted] = totals;
        Statistics {
            ready, logged_in, slots, free_slots, reactive, proactive, queued, handle_time, reactive_entered,
            proactive_entered, abandoned, invitations_sent, invitations_accepted, invitations_pending, reactive_state,
            time: None,
        }
    }
}

fn count() -> impl Strategy<Value = u32> {
    prop_oneof![Just(0), Just(1), Just(u32::MAX), 0..50_u32, any::<u32>()]
}

fn total() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(u64::MAX), 0..1_000_u64, any::<u64>()]
}

prop_compose! {
    fn any_options()(
        algorithm in proptest::sample::select(ALGORITHMS.to_vec()),
        busy_factor: bool,
        optimization_goal in 0.1..=99.0_f64,
        proactive_ratio in 0..=100_u8,
        refresh in prop_oneof![Just(0.05), Just(2.0), 0.05..3600.0_f64],
        abandonment_cost in prop_oneof![Just(0.0), Just(1.0), 0.0..=100.0_f64],
        entry_delay in prop_oneof![Just(0.0), 0.0..=600.0_f64],
        times in proptest::array::uniform2(prop_oneof![Just(1e-9), Just(1e9), 1.0..1_000.0_f64]),
    ) -> Options {
        Options {
            algorithm,
            optimization_target:
                if busy_factor { OptimizationTarget::BusyFactor } else { OptimizationTarget::AbandonmentRate },
            optimization_goal,
            abandonment_cost,
            entry_delay: Duration::from_secs_f64(entry_delay),
            proactive_ratio,
            refresh_period: Duration::from_secs_f64(refresh),
            handle_time: Duration::from_secs_f64(times[0]),
            patience: Duration::from_secs_f64(times[1]),
        }
    }
}

proptest! {
    #[test]
    fn whatever_the_statistics_say_the_prediction_is_in_range(
        options in proptest::collection::vec(any_options(), 1..3),
        reports in proptest::collection::vec((any_statistics(), 0..3_u8, prop_oneof![Just(0.0), 0.0..10.0_f64, Just(1e9)]), 1..40),
    ) {
        let (mut pacer, mut now) = (Fed::new(), Duration::ZERO);
        for (number, (statistics, refreshes, passed)) in reports.iter().enumerate() {
            // The options change under way, as by SIGHUP.
            let options = &options[number * options.len() / reports.len()];
            now = now.saturating_add(Duration::from_secs_f64(*passed));
            pacer.report(now, statistics, options);
            for _ in 0..=*refreshes {
                let prediction = pacer.refresh(now, statistics, options);
                if let Some(state) = prediction.reactive_state {
                    prop_assert!((0.0..=1.0).contains(&state), "{state}");
                }
                if let Some(allowance) = prediction.proactive_allowance {
                    prop_assert!(allowance.is_finite() && allowance >= 0.0, "{allowance}");
                }
                if let Some(demand) = prediction.reactive_demand {
                    prop_assert!(demand.is_finite() && demand >= 0.0, "{demand}");
                }
                now = now.saturating_add(Duration::from_secs_f64(0.5 * passed));
            }
        }
    }
}

proptest! {
    // Each case is an hour long.
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn nonsense_is_got_over(reports in proptest::collection::vec(any_statistics(), 1..20)) {
        let options = Options::default();
        let (mut pacer, mut second) = (Fed::new(), 0);
        for statistics in &reports {
            second += 1;
            pacer.report(at(second), statistics, &options);
            pacer.refresh(at(second), statistics, &options);
        }
        // An hour later in an empty house, three asking a minute of whom each is let in with the
        // probability said.
        let (mut entered, mut owed, mut open) = (0, 0.0, 0.0);
        for _ in 0..3_600 {
            second += 1;
            let statistics = Statistics { reactive_entered: Some(entered), ..group(0, 0) };
            pacer.report(at(second), &statistics, &options);
            open = pacer.refresh(at(second), &statistics, &options).reactive_state.unwrap();
            owed += 0.05 * open;
            if owed >= 1.0 {
                owed -= 1.0;
                entered += 1;
            }
        }
        prop_assert!(open > 0.99, "{open}: {pacer:?}");
    }
}
