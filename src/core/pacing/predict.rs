//! A refresh: the reactive state and the allowance, made anew from the statistics and what was learned.

use core::time::Duration;

use libm::{exp, expm1, sqrt};

use super::{
    Algorithm, OptimizationTarget, Options, Pacer, Prediction, Reason,
    occupancy::Situation,
    price::Price,
    risk::{self, Room, Seats},
};
use crate::wire::line::Statistics;

/// What a refresh has to go by.
struct View {
    situation: Situation,
    /// The goal, 0..1.
    goal: f64,
    /// The refresh period, seconds.
    period: f64,
    /// Age of the statistics, seconds.
    age: f64,
    /// Reactive interactions asked for, per second.
    reactive_rate: f64,
    /// Reactive interactions expected to have entered since the statistics were made.
    reactive_since: f64,
    /// Proactive interactions expected until the period's end that no invitation counted here leads to.
    uninvited_rate: f64,
    /// Invitations out there that will be accepted.
    accepting: f64,
    /// Mean time from an invitation to its answer, seconds.
    answer_time: f64,
    /// The large groups' form of the risk, or the small ones'.
    normal: bool,
}

impl View {
    /// Proactive interactions that enter from the moment of the statistics until `ahead` seconds from now.
    fn proactive_until(&self, ahead: f64) -> f64 {
        let horizon = self.age + ahead;
        self.uninvited_rate * horizon - self.accepting * expm1(-horizon / self.answer_time)
    }

    /// How many may enter from the moment of the statistics until `ahead` seconds from now.
    fn room(&self, ahead: f64, price: f64, limit: f64) -> Room {
        let situation = &self.situation;
        let seats = Seats {
            free: situation.free,
            busy: situation.busy,
            queued: situation.queued,
            ending: -expm1(-(self.age + ahead) / situation.handle_time),
            impatience: 1.0 / (situation.patience * situation.capacity()),
        };
        if self.normal { risk::normal(&seats, price, limit) } else { risk::exact(&seats, price, limit) }
    }

    /// More than can enter at this price, roughly: the seats there will be, those who may wait at the price, and what chance
    /// makes of both. It keeps the sums short.
    fn most(&self, ahead: f64, price: f64) -> f64 {
        let situation = &self.situation;
        let freed = situation.busy - self.still(situation.busy, ahead);
        let seats = (situation.free - situation.queued + freed).max(0.0);
        let waiting = price / (1.0 - price.min(0.9)) * situation.patience * situation.capacity();
        seats + waiting.min(LARGEST_QUEUE) + 2.0 * sqrt(seats + 1.0)
    }

    /// Of so many in progress, those who still are `ahead` seconds from now.
    fn still(&self, in_progress: f64, ahead: f64) -> f64 {
        in_progress * exp(-(self.age + ahead) / self.situation.handle_time)
    }
}

const fn is_dual(algorithm: Algorithm) -> bool {
    matches!(algorithm, Algorithm::SuperProgressiveDual | Algorithm::PredictiveBDual)
}

/// The most slots that reactive interactions may take in the mean.
fn reactive_slots(view: &View, options: &Options) -> f64 {
    view.situation.slots * (1.0 - options.kept())
}

impl Pacer {
    /// Makes the prediction anew. Called once per refresh period, and at once when a group's first report came.
    pub fn refresh(&mut self, now: Duration, statistics: &Statistics, options: &Options) -> Prediction {
        self.count_exposure(now);
        // A supposition about one group must not outweigh what is known of others.
        let is_known = self.knows_demand && self.has_reactive_total;
        let reactive_demand = is_known.then(|| self.reactive.per_second());
        if options.algorithm == Algorithm::External {
            let reactive_state = statistics.reactive_state.filter(|state| (0.0..=1.0).contains(state));
            self.reason = Reason::External;
            self.probability = reactive_state.unwrap_or(0.0);
            return Prediction { reactive_state, proactive_allowance: None, reactive_demand };
        }
        let view = self.view(statistics, options);
        let dual = is_dual(options.algorithm);
        (self.probability, self.reason) =
            if dual { self.reactive_state(&view, statistics, options) } else { (1.0, Reason::ProactiveOnly) };
        let allowance = self.proactive_allowance(&view, options);
        self.invitations.allow(allowance, view.period, statistics.invitations_pending.is_some());
        let reactive_state = dual.then_some(self.probability);
        Prediction { reactive_state, proactive_allowance: Some(allowance), reactive_demand }
    }

    fn view(&self, statistics: &Statistics, options: &Options) -> View {
        let reactive_rate = if self.has_reactive_total { self.reactive.per_second() } else { 0.0 };
        let pending = f64::from(statistics.invitations_pending.unwrap_or(0));
        View {
            situation: Situation::of(statistics, options),
            goal: options.goal(),
            period: options.refresh_period.as_secs_f64().clamp(0.05, 3600.0),
            age: self.age,
            reactive_rate,
            reactive_since: reactive_rate * self.exposure,
            uninvited_rate: self.uninvited.per_second(),
            accepting: self.invitations.open(pending) * self.invitations.acceptance(),
            answer_time: self.invitations.answer_time(),
            normal: matches!(options.algorithm, Algorithm::PredictiveB | Algorithm::PredictiveBDual),
        }
    }

    /// The reactive state of a dual algorithm, and what stands in the way of more.
    fn reactive_state(&mut self, view: &View, statistics: &Statistics, options: &Options) -> (f64, Reason) {
        let situation = &view.situation;
        if situation.working() < 1.0 {
            return (0.0, Reason::NoAgents);
        }
        if options.proactive_ratio >= 100 {
            return (0.0, Reason::ProactiveShare);
        }
        if statistics.reactive_entered.is_none() {
            let open = situation.free >= 1.0 && situation.queued < 1.0;
            return (f64::from(u8::from(open)), Reason::FewStatistics);
        }
        let asked = view.reactive_rate * view.period;
        let coming = view.reactive_since + view.proactive_until(view.period);
        let probability = |spare: f64| if asked > 0.0 { (spare / asked).clamp(0.0, 1.0) } else { 1.0 };
        let (mut open, mut reason) = match options.optimization_target {
            OptimizationTarget::AbandonmentRate => {
                let room = view.room(view.period, self.price.now(view.goal), coming + asked);
                self.price.see(view.goal, room.risk_of_all, view.period);
                self.wide_open.see(Price::is_wide_open(view.goal, room.risk_of_all));
                (probability(room.mean - coming), Reason::Abandonment)
            }
            OptimizationTarget::BusyFactor => {
                let target = view.goal * situation.slots;
                let expected = view.still(situation.busy, view.period) + situation.queued + coming;
                let spare = self.busy.set_point(target) - expected;
                let open = probability(spare);
                self.wide_open.see(spare >= WIDE_OPEN * asked);
                self.busy.learn(target - situation.busy, open, view.period, situation);
                (open, Reason::BusyFactor)
            }
        };
        if options.proactive_ratio > 0 {
            let target = reactive_slots(view, options);
            let expected = view.still(situation.reactive, view.period) + situation.queued + view.reactive_since;
            let share = probability(self.reactive_share.set_point(target) - expected);
            let error = target - situation.reactive;
            if share <= open || error < 0.0 {
                self.reactive_share.learn(error, share, view.period, situation);
            }
            if share < open {
                (open, reason) = (share, Reason::ProactiveShare);
            }
            let risk = view.room(view.period, 1.0, 0.5 * (coming + open * asked)).risk_of_all;
            let proactive = view.proactive_until(view.period) * view.period / (view.age + view.period);
            self.unevenness.learn(proactive, open * asked, risk);
        }
        (open, if open < 1.0 { reason } else { Reason::DemandFits })
    }

    /// Invitations that may be sent in the next period. They are answered later than it ends: the horizon is the answer.
    fn proactive_allowance(&mut self, view: &View, options: &Options) -> f64 {
        let situation = &view.situation;
        if situation.working() < 1.0 {
            return 0.0;
        }
        let ahead = view.answer_time.max(view.period);
        // Reactive visitors have the first right to what is not kept for the proactive side.
        let asking = view.reactive_rate * ahead;
        let reactive = if is_dual(options.algorithm) {
            asking.min((reactive_slots(view, options) - view.still(situation.reactive, ahead)).max(0.0))
        } else {
            asking
        };
        let coming = view.reactive_since + reactive + view.uninvited_rate * (view.age + ahead) + view.accepting;
        let spare = match options.optimization_target {
            OptimizationTarget::AbandonmentRate => {
                if !is_dual(options.algorithm) {
                    let risk = view.room(ahead, 1.0, coming).risk_of_all;
                    self.price.see(view.goal, risk * PRICE_MARGIN, view.period);
                }
                let price = self.price.now(view.goal);
                view.room(ahead, price, view.most(ahead, price)).mean - coming
            }
            OptimizationTarget::BusyFactor => {
                let target = view.goal * situation.slots;
                let expected = view.still(situation.busy, ahead) + situation.queued + coming;
                let spare = self.busy.set_point(target) - expected;
                if !is_dual(options.algorithm) {
                    let open = f64::from(u8::from(spare > 0.0)) / 2.0;
                    self.busy.learn(target - situation.busy, open, view.period, situation);
                }
                spare
            }
        };
        spare.max(0.0) / self.invitations.acceptance()
    }
}

/// With room for so many times those who ask, the door stands wide open, whatever the set point of other daemons is.
const WIDE_OPEN: f64 = 2.0;
/// No invitation is sent for a place in line beyond this: what is beyond is for the next refresh to say.
const LARGEST_QUEUE: f64 = 16.0;
/// Where only invitations can be steered, the price may exceed the risk there is by so much: it has room to grow when the
/// invitations allowed are sent, and does not grow when they are not.
const PRICE_MARGIN: f64 = 1.3;
