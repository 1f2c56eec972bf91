//! The two prices of risk, of which the lower one applies.
//!
//! *Goal*. The goal is a constraint (abandoned ≤ goal × entered), and this price its multiplier.
//! Dual ascent moves the price by the slack of the constraint, so that the goal is kept even if the
//! model of the risk is wrong.
//!
//! *Worth*. A visitor allowed now takes a slot from the next who asks, unless the slot would have
//! stayed idle: in Erlang's loss system the marginal gain is the idle share of the slots, to first
//! order. One more visitor gains `(1 − risk) · idle` served visitors and loses `risk · cost`, which
//! is worth it up to `idle / (cost + idle)`.

use libm::{exp, log};

use super::Options;

/// By how much one abandonment moves the logarithm of the price of the goal. Less in large groups:
/// the abandonments allowed in one handle time move it by a factor e, because the number in
/// progress responds no faster and the price would oscillate.
const STEP: f64 = 0.25;
/// Where the goal is a target, the factor of the step in groups of one slot, which must reach it
/// within days; less in larger ones.
const STEP_OF_ONE: f64 = 2.0;
/// The start, twice the goal: such a marginal risk is about the goal in the mean.
const START: f64 = core::f64::consts::LN_2;
/// The lowest logarithm, a thirtieth of the goal.
const LEAST: f64 = -3.4;
/// The highest logarithm, five goals: the slack of a night is not spent in the morning.
const MOST: f64 = 1.6;
/// Where the goal is a target, the logarithm may exceed that of price 1 by this.
const SAVED: f64 = 2.0;
/// The largest move of the logarithm by one report, because totals come in lumps.
const MOVE_AT_MOST: f64 = 3.0;
/// The price fades to its start by this share of each move, so that daemons with the same
/// statistics agree, whenever each was started.
const FADING: f64 = 0.015;
/// The idle share is averaged over this many visitors who ask …
const ASKS_REMEMBERED: f64 = 150.0;
/// … and at least over this many seconds.
const IDLE_REMEMBERED: f64 = 300.0;
/// The idle share before anything is known.
const IDLE_ASSUMED: f64 = 0.1;

#[derive(Clone, Copy, Debug)]
pub(super) struct Price {
    /// Logarithm of the price of the goal, in goals.
    logarithm: f64,
    /// What the reports since the last abandonment add, if as many abandon as expected.
    provisional: f32,
    /// Idle share of the slots, averaged over those who ask.
    idle: f64,
}

impl Default for Price {
    fn default() -> Self {
        Self { logarithm: START, provisional: 0.0, idle: IDLE_ASSUMED }
    }
}

impl Price {
    /// The price of the goal, a probability.
    pub(super) fn of_goal(&self, goal: f64) -> f64 {
        (goal * exp((self.logarithm + f64::from(self.provisional)).max(LEAST))).min(1.0)
    }

    /// How far the price of the goal is below its start, in e-folds.
    pub(super) fn shortfall(&self) -> f64 {
        (START - self.logarithm - f64::from(self.provisional)).max(0.0)
    }

    /// The price of worth, a probability.
    pub(super) fn of_worth(&self, cost: f64) -> f64 {
        if cost > 0.0 { self.idle / (cost + self.idle) } else { 1.0 }
    }

    /// Learns from `entered` and `abandoned` since the last call, in a group of `slots`.
    pub(super) fn learn(&mut self, options: &Options, slots: f64, entered: f64, abandoned: f64) {
        let fading = (FADING * step(options, slots) * options.goal() * entered).min(1.0);
        let logarithm = self.logarithm + moved(options, slots, entered, abandoned) + fading * (START - self.logarithm);
        // Only a target that was missed is made up for.
        let most = if options.abandonment_cost > 0.0 { MOST } else { SAVED - log(options.goal()) };
        self.logarithm = logarithm.clamp(LEAST, most);
        self.provisional = 0.0;
    }

    /// Drops what was learned while the price had no influence.
    pub(super) fn restart(&mut self) {
        self.logarithm = self.logarithm.max(START);
        self.provisional = 0.0;
    }

    /// Learns provisionally from `expected` abandonments, while their total has not moved.
    pub(super) fn expect(&mut self, options: &Options, slots: f64, entered: f64, expected: f64) {
        self.provisional = moved(options, slots, entered, expected) as f32;
    }

    /// Learns from a refresh: the `idle` share of the slots, while `asked` ask within the `period`.
    pub(super) fn observe_idle(&mut self, idle: f64, asked: f64, period: f64) {
        let weight = asked / (ASKS_REMEMBERED + asked * (IDLE_REMEMBERED / period).max(1.0));
        self.idle += (idle - self.idle) * weight;
    }
}

/// The move of the logarithm by one abandonment.
fn step(options: &Options, slots: f64) -> f64 {
    let few = if options.abandonment_cost > 0.0 { 0.0 } else { STEP_OF_ONE / slots.max(1.0) };
    (STEP * (1.0 + few)).min(1.0 / (options.goal() * slots.max(1.0)))
}

/// The move of the logarithm by reports.
fn moved(options: &Options, slots: f64, entered: f64, abandoned: f64) -> f64 {
    (step(options, slots) * (options.goal() * entered - abandoned)).clamp(-MOVE_AT_MOST, MOVE_AT_MOST)
}

#[cfg(test)]
#[path = "price_tests.rs"]
mod tests;
