//! The prices: where they settle, what bounds them, and what is not saved up.

use core::time::Duration;

use super::*;
use crate::pacing::{Algorithm, OptimizationTarget};

const GOAL: f64 = 0.03;

const LIMIT: Options = Options {
    algorithm: Algorithm::SuperProgressiveDual,
    optimization_target: OptimizationTarget::AbandonmentRate,
    optimization_goal: 100.0 * GOAL,
    abandonment_cost: 1.0,
    proactive_ratio: 0,
    refresh_period: Duration::from_secs(2),
    handle_time: Duration::from_secs(300),
    patience: Duration::from_secs(60),
    entry_delay: Duration::ZERO,
};
const TARGET: Options = Options { abandonment_cost: 0.0, ..LIMIT };

/// A price after `reports` reports of ten entries each.
fn after(options: &Options, reports: u32, abandoned: f64) -> Price {
    let mut price = Price::default();
    for _ in 0..reports {
        price.learn(options, 10.0, 10.0, abandoned);
    }
    price
}

#[test]
fn the_price_rises_while_fewer_abandon_than_allowed_and_falls_while_more_do() {
    for options in [LIMIT, TARGET] {
        let start = after(&options, 0, 0.0).of_goal(GOAL);
        assert!((start - 0.06).abs() < 1e-12);
        assert!(after(&options, 10, 0.0).of_goal(GOAL) > start);
        assert!((after(&options, 10, 0.3).of_goal(GOAL) - start).abs() < 1e-9);
        assert!(after(&options, 10, 1.0).of_goal(GOAL) < start);
    }
}

#[test]
fn the_price_stays_within_its_bounds() {
    for options in [LIMIT, TARGET] {
        assert!((after(&options, 10_000, 10.0).of_goal(GOAL) - GOAL * exp(LEAST)).abs() < 1e-9);
    }
    assert!((after(&TARGET, 10_000, 0.0).of_goal(GOAL) - 1.0).abs() < 1e-9);
    assert!((after(&LIMIT, 10_000, 0.0).of_goal(0.99) - 1.0).abs() < 1e-9);
}

#[test]
fn what_a_calm_day_leaves_is_not_saved_up() {
    let limit = after(&LIMIT, 4_000, 0.0).of_goal(GOAL);
    assert!(limit < 5.0 * GOAL, "{limit}");
    // Where the goal is a target, no more than what two dozen who abandon bring down again.
    let mut target = after(&TARGET, 4_000, 0.0);
    (0..24).for_each(|_| target.learn(&TARGET, 10.0, 0.0, 1.0));
    assert!(target.of_goal(GOAL) < 0.06, "{}", target.of_goal(GOAL));
}

#[test]
fn a_stretch_that_the_price_has_no_influence_on_leaves_no_trace() {
    let mut price = after(&LIMIT, 10, 10.0);
    price.restart();
    assert!((price.of_goal(GOAL) - 0.06).abs() < 1e-12);
}

#[test]
fn no_more_is_risked_than_an_idle_slot_is_worth() {
    let mut price = Price::default();
    for _ in 0..40_000 {
        price.observe_idle(0.02, 1.0, 2.0);
    }
    assert!((price.of_worth(1.0) - 0.02 / 1.02).abs() < 1e-6, "{}", price.of_worth(1.0));
    assert!((price.of_worth(10.0) - 0.02 / 10.02).abs() < 1e-6, "{}", price.of_worth(10.0));
    assert!((price.of_worth(0.0) - 1.0).abs() < 1e-12, "at no cost every risk is worth it");
}

#[test]
fn idle_slots_count_as_those_who_ask_find_them() {
    let mut price = Price::default();
    // A burst in a calm day: few ask all day long, and find every slot idle.
    for refresh in 0..40_000 {
        let burst = refresh % 10 == 0;
        price.observe_idle(if burst { 0.0 } else { 1.0 }, if burst { 1.0 } else { 0.001 }, 2.0);
    }
    assert!(price.of_worth(1.0) < 0.05, "{}", price.of_worth(1.0));
}

#[test]
fn one_abandonment_moves_a_large_group_by_less() {
    let mut price = after(&LIMIT, 0, 0.0);
    price.learn(&LIMIT, 1_000.0, 0.0, 1.0);
    assert!((price.of_goal(GOAL) / 0.06 - exp(-1.0 / 30.0)).abs() < 1e-9);
}

#[test]
fn two_prices_with_different_pasts_meet_as_they_learn_the_same() {
    let mut prices = [after(&LIMIT, 100, 0.0), after(&LIMIT, 100, 0.6)];
    for _ in 0..15_000 {
        for price in &mut prices {
            price.learn(&LIMIT, 10.0, 10.0, 0.3);
        }
    }
    let [high, low] = prices.map(|price| price.of_goal(GOAL));
    assert!((high / low - 1.0).abs() < 0.01, "{high}, {low}");
}
