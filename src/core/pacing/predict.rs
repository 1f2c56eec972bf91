//! A refresh: the reactive state and the allowance, made anew from the statistics and what was learned.
//!
//! First the prediction, which changes nothing; then the pacer learns from what it predicted.

use core::time::Duration;

use libm::{exp, expm1, log, sqrt};

use super::{
    Algorithm, OptimizationTarget, Options, Pacer, Prediction, Reason,
    learn::PATIENCE_WRONG,
    occupancy::Occupancy,
    risk::{self, Room, Seats},
};
use crate::wire::line::Statistics;

/// No invitation is sent for a place in line beyond this: the next refresh decides on what is beyond.
const LARGEST_QUEUE: f64 = 16.0;
/// The measured handle time is believed within this factor of the reported one: a collector that reports milliseconds is wrong by a thousand.
const HANDLE_TIME_WRONG: f64 = 2_000.0;
/// To fill up to a set point the demand counts as what keeps the target: a daemon whose door is less open than those of others
/// learns a higher demand for it, and would stay apart for ever. The set point makes up for the error, as long as no more
/// than twice the spare slots are filled.
const FILLED_AT_MOST: f64 = 2.0;
/// Totals that were not reported for this long, in seconds, say nothing of the demand any more.
const TOTALS_STALE: f64 = 3_600.0;

/// What a prediction is made from.
struct View<'a> {
    options: &'a Options,
    occupancy: Occupancy,
    /// The refresh period, seconds.
    period: f64,
    /// Seconds from the moment of the statistics until those who are let in now will have entered.
    horizon: f64,
    /// Age of the statistics, seconds.
    age: f64,
    /// Reactive interactions asked for, per second; `None`: not known.
    reactive_rate: Option<f64>,
    /// Reactive interactions let in that the statistics do not have yet.
    reactive_coming: f64,
    /// Interactions per second that nothing here can refuse: proactive ones that no invitation counted here leads to, and
    /// reactive ones whose visitors never ask.
    uncontrolled_rate: f64,
    /// Invitations on the way that will be accepted.
    accepting: f64,
    /// Mean time from an invitation to its answer, seconds.
    answer_time: f64,
    acceptance: f64,
}

impl View<'_> {
    /// Proactive interactions that enter within `horizon` seconds of the statistics.
    fn proactive_until(&self, horizon: f64) -> f64 {
        self.uncontrolled_rate * horizon - self.accepting * expm1(-horizon / self.answer_time)
    }

    /// How many may enter within `horizon` seconds of the statistics at this price, of `limit` at most, with `reserved` slots kept free.
    fn room(&self, horizon: f64, price: f64, limit: f64, reserved: f64) -> Room {
        let occupancy = &self.occupancy;
        let seats = Seats {
            free: occupancy.free - reserved,
            busy: occupancy.busy,
            queued: occupancy.queued,
            ending: -expm1(-horizon / occupancy.handle_time),
            impatience: 1.0 / (occupancy.patience * occupancy.capacity()),
        };
        if self.options.algorithm.is_for_large_groups() {
            risk::normal(&seats, price, limit)
        } else {
            risk::exact(&seats, price, limit)
        }
    }

    /// Slots to keep free for those who cannot be refused, where the goal is missed by `shortfall` e-folds: with their load ρ
    /// the next `k` slots are taken by them alone with the probability ρ^k. At most half of the slots: an idle group is open.
    fn reserved(&self, shortfall: f64) -> f64 {
        let occupancy = &self.occupancy;
        let load = (self.uncontrolled_rate + self.accepting / self.answer_time) / occupancy.capacity();
        if load > 0.0 && load < 1.0 { (-shortfall / log(load)).min(0.5 * occupancy.at_work()) } else { 0.0 }
    }

    /// More than can enter at this price, roughly: the seats there will be, those who may wait at the price, and what chance
    /// makes of both. It keeps the sums short.
    fn most(&self, horizon: f64, price: f64) -> f64 {
        let occupancy = &self.occupancy;
        let freed = occupancy.busy - self.still(occupancy.busy, horizon);
        let seats = (occupancy.free - occupancy.queued + freed).max(0.0);
        let waiting = price / (1.0 - price.min(0.9)) * occupancy.patience * occupancy.capacity();
        seats + waiting.min(LARGEST_QUEUE) + 2.0 * sqrt(seats + 1.0)
    }

    /// Of `in_progress` interactions, those that still are `horizon` seconds after the statistics.
    fn still(&self, in_progress: f64, horizon: f64) -> f64 {
        in_progress * exp(-horizon / self.occupancy.handle_time)
    }

    /// The most slots that reactive interactions may take in the mean.
    fn reactive_slots(&self) -> f64 {
        self.occupancy.at_work() * (1.0 - self.options.kept())
    }

    /// The slots that are to be busy in the mean.
    fn busy_slots(&self) -> f64 {
        self.occupancy.at_work() * self.options.goal()
    }
}

/// A reactive state, and what it was made of.
#[derive(Clone, Copy, Debug)]
struct ReactiveState {
    probability: f64,
    reason: Reason,
    /// What the set points alone would answer, where they are asked.
    by_busy: f64,
    by_share: f64,
    /// Visitors who ask within the period.
    asked: f64,
    /// The marginal risk, if all of them were let in.
    risk_of_all: f64,
}

impl ReactiveState {
    /// An answer that nothing can be learned from.
    const fn plain(probability: f64, reason: Reason) -> Self {
        Self { probability, reason, by_busy: 1.0, by_share: 1.0, asked: 0.0, risk_of_all: 0.0 }
    }
}

impl Pacer {
    /// Makes the prediction anew. Called once per refresh period, and at once when a group's first report came.
    pub fn refresh(&mut self, now: Duration, statistics: &Statistics, options: &Options) -> Prediction {
        self.pass_time(now, options);
        let view = self.view(statistics, options);
        // An assumption about one group must not outweigh what is known of others.
        let reactive_demand = view.reactive_rate.filter(|_| self.knows_demand);
        if options.algorithm == Algorithm::External {
            let reactive_state = statistics.reactive_state.filter(|state| (0.0..=1.0).contains(state));
            self.reason = Reason::External;
            self.probability = reactive_state.unwrap_or(0.0);
            return Prediction { reactive_state, proactive_allowance: None, reactive_demand };
        }
        let is_dual = options.algorithm.is_dual();
        let reactive =
            if is_dual { self.reactive_state(&view) } else { ReactiveState::plain(1.0, Reason::ProactiveOnly) };
        let allowance = self.proactive_allowance(&view);
        self.learn_from_prediction(&view, &reactive, allowance, statistics.invitations_pending.is_some());
        (self.probability, self.reason) = (reactive.probability, reactive.reason);
        self.risk_of_all = reactive.risk_of_all as f32;
        let reactive_state = is_dual.then_some(reactive.probability);
        Prediction { reactive_state, proactive_allowance: Some(allowance), reactive_demand }
    }

    fn view<'a>(&self, statistics: &Statistics, options: &'a Options) -> View<'a> {
        let unasked = if self.has_reactive_total { self.unasked.per_second() } else { 0.0 };
        let is_current = self.has_reactive_total && !self.totals_older_than(TOTALS_STALE);
        let reactive_rate = is_current.then(|| self.reactive.per_second());
        let pending = f64::from(statistics.invitations_pending.unwrap_or(0));
        let open = if self.has_invitations { self.invitations.open(pending) } else { 0.0 };
        let mut occupancy = Occupancy::of(statistics, options);
        occupancy.patience *= self.patience.factor(PATIENCE_WRONG);
        occupancy.handle_time *= self.handle_time.factor(HANDLE_TIME_WRONG);
        let delay = options.entry_delay.as_secs_f64();
        let period = options.refresh_period.as_secs_f64().clamp(0.05, 3600.0);
        View {
            options,
            occupancy,
            period,
            horizon: self.age + delay + period,
            age: self.age,
            reactive_rate,
            reactive_coming: reactive_rate.unwrap_or(0.0) * (self.exposure + self.entry_delay.under_way(delay)),
            uncontrolled_rate: self.uninvited.per_second() + unasked,
            accepting: open * self.invitations.acceptance(),
            answer_time: self.invitations.answer_time(),
            acceptance: self.invitations.acceptance(),
        }
    }

    /// The reactive state of a dual algorithm, and what stands in the way of more.
    fn reactive_state(&self, view: &View<'_>) -> ReactiveState {
        let (occupancy, options) = (&view.occupancy, view.options);
        if occupancy.at_work() < 1.0 {
            return ReactiveState::plain(0.0, Reason::NoAgents);
        }
        if options.proactive_ratio >= 100 {
            return ReactiveState::plain(0.0, Reason::ProactiveShare);
        }
        let Some(rate) = view.reactive_rate else {
            let is_open = occupancy.free > occupancy.queued;
            return ReactiveState::plain(f64::from(u8::from(is_open)), Reason::FewStatistics);
        };
        let asked = rate * view.period;
        let coming = view.reactive_coming + view.proactive_until(view.horizon);
        let probability = |spare: f64| if asked > 0.0 { (spare / asked).clamp(0.0, 1.0) } else { 1.0 };
        let (worth, of_goal) = (self.price.of_worth(options.cost()), self.price.of_goal(options.goal()));
        let (mut price, mut reason) = (worth, Reason::Worth);
        let by_abandonment = options.optimization_target == OptimizationTarget::AbandonmentRate;
        if by_abandonment && of_goal < worth {
            (price, reason) = (of_goal, Reason::Abandonment);
        }
        let room = view.room(view.horizon, price, coming + asked, view.reserved(self.price.shortfall()));
        let risk_of_all = room.risk_of_all;
        let mut answer =
            ReactiveState { asked, risk_of_all, ..ReactiveState::plain(probability(room.mean - coming), reason) };
        if !by_abandonment {
            let expected = view.still(occupancy.busy, view.horizon) + occupancy.queued + coming;
            let spare = self.busy.fill_to(view.busy_slots()) - expected;
            let overload = rate / view.busy_slots() * occupancy.handle_time;
            answer.by_busy = probability(spare * overload.min(FILLED_AT_MOST));
            if answer.by_busy < answer.probability {
                (answer.probability, answer.reason) = (answer.by_busy, Reason::BusyFactor);
            }
        }
        if options.proactive_ratio > 0 {
            let expected = view.still(occupancy.reactive, view.horizon) + occupancy.queued + view.reactive_coming;
            answer.by_share = probability(self.reactive_share.fill_to(view.reactive_slots()) - expected);
            if answer.by_share < answer.probability {
                (answer.probability, answer.reason) = (answer.by_share, Reason::ProactiveShare);
            }
        }
        if answer.probability >= 1.0 {
            answer.reason = Reason::DemandFits;
        }
        answer
    }

    /// Invitations that may be sent in the next period. They are answered later than it ends: the horizon is the answer.
    fn proactive_allowance(&self, view: &View<'_>) -> f64 {
        let (occupancy, options) = (&view.occupancy, view.options);
        if occupancy.at_work() < 1.0 {
            return 0.0;
        }
        let ahead = view.answer_time.max(view.period);
        let horizon = view.age + ahead;
        // Reactive visitors have the first right to what is not kept for the proactive side.
        let asking = view.reactive_rate.unwrap_or(0.0) * ahead;
        let reactive = if options.algorithm.is_dual() {
            asking.min((view.reactive_slots() - view.still(occupancy.reactive, horizon)).max(0.0))
        } else {
            asking
        };
        let coming = view.reactive_coming + reactive + view.uncontrolled_rate * horizon + view.accepting;
        let spare = match options.optimization_target {
            OptimizationTarget::AbandonmentRate => {
                let price = self.price.of_goal(options.goal()).min(self.price.of_worth(options.cost()));
                view.room(horizon, price, view.most(horizon, price), 0.0).mean - coming
            }
            OptimizationTarget::BusyFactor => {
                let expected = view.still(occupancy.busy, horizon) + occupancy.queued + coming;
                self.busy.fill_to(view.busy_slots()) - expected
            }
        };
        spare.max(0.0) / view.acceptance
    }

    /// Learns from a prediction just made.
    fn learn_from_prediction(
        &mut self,
        view: &View<'_>,
        reactive: &ReactiveState,
        allowance: f64,
        is_pending_reported: bool,
    ) {
        let (occupancy, options) = (&view.occupancy, view.options);
        self.invitations.allow(allowance, view.period, is_pending_reported);
        if occupancy.at_work() < 1.0 || (options.algorithm.is_dual() && view.reactive_rate.is_none()) {
            return;
        }
        let entering = reactive.asked + view.proactive_until(view.horizon) * view.period / view.horizon;
        self.price.observe_door(reactive.reason == Reason::Abandonment, view.period);
        self.price.observe_idle(occupancy.idle(), entering, view.period);
        // A set point learns unless something else held the door tighter than it.
        let holds = |by: f64, error: f64| by <= reactive.probability || error < 0.0;
        if options.optimization_target == OptimizationTarget::BusyFactor {
            let error = view.busy_slots() - occupancy.busy;
            if !options.algorithm.is_dual() {
                let open = if allowance > 0.0 { 0.5 } else { 0.0 };
                self.busy.learn(error, open, view.period, occupancy);
            } else if holds(reactive.by_busy, error) {
                self.busy.learn(error, reactive.by_busy, view.period, occupancy);
            }
        }
        if options.algorithm.is_dual() && (1..100).contains(&options.proactive_ratio) {
            let error = view.reactive_slots() - occupancy.reactive;
            if holds(reactive.by_share, error) {
                self.reactive_share.learn(error, reactive.by_share, view.period, occupancy);
            }
        }
    }
}
