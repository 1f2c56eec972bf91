//! The price: where it settles, and what it does not save up.

use super::*;

const GOAL: f64 = 0.03;

/// A price after so many reports of ten entries each, with risks as high as any price.
fn after(reports: u32, abandoned: f64) -> Price {
    let mut price = Price::NEW;
    for _ in 0..reports {
        price.see(GOAL, 0.9, 2.0);
        price.learn(GOAL, 10.0, 10.0, abandoned);
    }
    price
}

#[test]
fn the_price_rises_while_fewer_abandon_than_allowed_and_falls_while_more_do() {
    let start = Price::NEW.now(GOAL);
    assert!((start - 0.06).abs() < 1e-12);
    assert!(after(10, 0.0).now(GOAL) > start);
    assert!((after(10, 0.3).now(GOAL) - start).abs() < 1e-9);
    assert!(after(10, 1.0).now(GOAL) < start);
}

#[test]
fn many_abandoned_at_once_count_in_full_but_over_several_reports() {
    let mut at_once = Price::NEW;
    at_once.see(GOAL, 0.9, 2.0);
    at_once.learn(GOAL, 10.0, 0.0, 5.0);
    let first = at_once.now(GOAL);
    assert!((first / 0.06 - exp(-STEP_AT_MOST)).abs() < 1e-9);
    for _ in 0..5 {
        at_once.learn(GOAL, 10.0, 0.0, 0.0);
    }
    assert!((at_once.now(GOAL) / 0.06 - exp(-5.0 * STEP)).abs() < 1e-9);
}

#[test]
fn the_price_stays_within_its_bounds() {
    assert!(after(10_000, 0.0).now(GOAL) <= 1.0);
    assert!((after(10_000, 10.0).now(GOAL) - GOAL * LEAST).abs() < 1e-9);
}

#[test]
fn a_calm_day_does_not_raise_the_price() {
    let mut price = Price::NEW;
    for _ in 0..40_000 {
        price.see(GOAL, 1e-9, 2.0);
        price.learn(GOAL, 10.0, 1.0, 0.0);
    }
    assert!(price.now(GOAL) <= 0.06 * exp(MARGIN) + 1e-9, "{}", price.now(GOAL));
}

#[test]
fn what_a_spike_needed_is_forgotten_on_a_calm_day_but_not_in_a_busy_one() {
    let needed = after(1_000, 0.0);
    let later = |risk: f64| {
        let mut price = needed;
        for _ in 0..36_000 {
            price.see(GOAL, risk, 2.0);
        }
        price.now(GOAL)
    };
    assert!(later(1e-9) < 0.2, "{}", later(1e-9));
    assert!(later(0.02) > 0.8 * needed.now(GOAL), "{} of {}", later(0.02), needed.now(GOAL));
}

#[test]
fn one_abandonment_moves_a_large_group_by_less() {
    let mut price = Price::NEW;
    price.learn(GOAL, 1_000.0, 0.0, 1.0);
    assert!((price.now(GOAL) / 0.06 - exp(-1.0 / 30.0)).abs() < 1e-9);
}

#[test]
fn two_prices_meet_as_each_is_told_what_its_demand_has_wrong() {
    // The lower one has learned a tenth too high a demand, the higher one a tenth too low a one: 2 a second at a door wide open.
    let mut prices = [after(1_000, 0.3), after(10, 0.0)];
    let apart = |[low, high]: [Price; 2]| log(high.now(GOAL) / low.now(GOAL));
    let before = apart(prices);
    for _ in 0..60 {
        for (price, missing) in prices.iter_mut().zip([0.2, -0.2]) {
            price.follow(GOAL, 30.0, missing);
            price.learn(GOAL, 30.0, 0.0, 0.0);
        }
    }
    assert!(before > 0.1 && apart(prices) < before - 0.15, "{before}, then {}", apart(prices));
}
