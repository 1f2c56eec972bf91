//! The two prices: the marginal risk at which the door closes is the lower of them.
//!
//! *Goal*. The goal is a constraint (abandoned ≤ goal × entered), and this price its multiplier. Dual ascent moves the price
//! by what the constraint has to spare, so that the goal is kept whatever the model of the risk has wrong.
//!
//! *Worth*. The goal is a limit, not a target. A visitor let in now holds a slot for a handle time, and so takes it from the
//! next who asks. One more is served only where the slot would have stayed empty, which is as likely as that those who ask
//! find a slot idle (in Erlang's loss system the marginal gain is the idle share of the slots, to first order). Letting one
//! more in gains `(1 − risk) · idle` visitors served and loses `risk · cost`: worth it up to `idle / (cost + idle)`.

use libm::{exp, log};

use super::Options;

/// By how much one abandonment moves the logarithm of the price of the goal. In large groups, where they are many, it is less,
/// so that the abandonment allowed within one handle time moves the price by a factor e: the number in progress responds no
/// faster, and a price that runs ahead of it swings.
const STEP: f64 = 0.25;
/// Where the goal is a target it is more in groups of a few slots, this many times more in those of one: they are to be there
/// within days.
const STEP_OF_ONE: f64 = 2.0;
/// It starts at e^this = twice the goal: a marginal risk of that is, in the mean over all who enter, about the goal.
const START: f64 = core::f64::consts::LN_2;
/// The logarithm of the lowest price, a thirtieth of the goal: a model that is wrong by more is not worth following.
const LEAST: f64 = -3.4;
/// … and of the highest, five goals: what a quiet night leaves unused must not let the morning's rush in (anti-windup).
const MOST: f64 = 1.6;
/// Where the goal is a target the price goes on rising by this beyond 1, so that what it is missed by is made up for.
const SAVED: f64 = 2.0;
/// One report moves the logarithm by this at most, from the lowest price nearly to the start: totals come in lumps.
const MOVE_AT_MOST: f64 = 3.0;
/// The price fades to its start by this part of each move that the goal allows, so that daemons that receive the same
/// statistics agree, whenever each was started.
const FADING: f64 = 0.015;
/// Idle slots are averaged over this many visitors who ask …
const ASKS_REMEMBERED: f64 = 150.0;
/// … and at least over those who ask within this many seconds.
const IDLE_REMEMBERED: f64 = 300.0;
/// Share of the slots that is taken to be idle before anything is known.
const IDLE_ASSUMED: f64 = 0.1;

/// The prices of a group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Price {
    /// Logarithm of the price of the goal in goals, so that a new goal finds a price that suits it.
    logarithm: f64,
    /// What the reports since the last abandonment will add to it, if as many abandon meanwhile as are to be expected.
    provisional: f32,
    /// Share of the slots that is idle, averaged over those who ask.
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

    /// How far, in e-folds, the price of the goal had to fall below its start.
    pub(super) fn shortfall(&self) -> f64 {
        (START - self.logarithm - f64::from(self.provisional)).max(0.0)
    }

    /// The price of worth, a probability; `cost` is how many served visitors one abandonment is worth.
    pub(super) fn of_worth(&self, cost: f64) -> f64 {
        if cost > 0.0 { self.idle / (cost + self.idle) } else { 1.0 }
    }

    /// Learns from reports: `entered` and `abandoned` since it last learned, in a group of `slots`.
    pub(super) fn learn(&mut self, options: &Options, slots: f64, entered: f64, abandoned: f64) {
        let fading = (FADING * step(options, slots) * options.goal() * entered).min(1.0);
        let logarithm = self.logarithm + moved(options, slots, entered, abandoned) + fading * (START - self.logarithm);
        // A target that was missed is made up for; a limit that was not reached is not.
        let most = if options.abandonment_cost > 0.0 { MOST } else { SAVED - log(options.goal()) };
        self.logarithm = logarithm.clamp(LEAST, most);
        self.provisional = 0.0;
    }

    /// What was learned on the way to a state that the price has no influence on is no knowledge.
    pub(super) fn restart(&mut self) {
        self.logarithm = self.logarithm.max(START);
        self.provisional = 0.0;
    }

    /// The same provisionally, while the total of those who abandoned has not moved and `expected` are to be expected.
    pub(super) fn expect(&mut self, options: &Options, slots: f64, entered: f64, expected: f64) {
        self.provisional = moved(options, slots, entered, expected) as f32;
    }

    /// Learns from a refresh: `idle` is the share of the slots that is idle, and `asked` ask within the `period`.
    pub(super) fn observe_idle(&mut self, idle: f64, asked: f64, period: f64) {
        let weight = asked / (ASKS_REMEMBERED + asked * (IDLE_REMEMBERED / period).max(1.0));
        self.idle += (idle - self.idle) * weight;
    }
}

/// By how much one abandonment moves the logarithm of the price of the goal.
fn step(options: &Options, slots: f64) -> f64 {
    let few = if options.abandonment_cost > 0.0 { 0.0 } else { STEP_OF_ONE / slots.max(1.0) };
    (STEP * (1.0 + few)).min(1.0 / (options.goal() * slots.max(1.0)))
}

/// By how much reports move it.
fn moved(options: &Options, slots: f64, entered: f64, abandoned: f64) -> f64 {
    (step(options, slots) * (options.goal() * entered - abandoned)).clamp(-MOVE_AT_MOST, MOVE_AT_MOST)
}

#[cfg(test)]
#[path = "price_tests.rs"]
mod tests;
