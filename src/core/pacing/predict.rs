//! A refresh: predicts the reactive state and the allowance, then learns from the prediction.

use core::time::Duration;

use libm::{exp, expm1, log, sqrt};

use super::{
    Algorithm, Options, Pacer, Prediction, Reason,
    learn::PATIENCE_WRONG,
    occupancy::Occupancy,
    risk::{self, Room, Seats},
};
use crate::wire::line::Statistics;

/// The last place in line for which invitations are sent; the next refresh decides on more.
const LARGEST_QUEUE: f64 = 16.0;
/// Limits the measured handle time to this factor of the reported one, which may be in ms.
const HANDLE_TIME_WRONG: f64 = 2_000.0;
/// To fill up to a set point, the demand counts as the one that keeps the target, because a daemon
/// whose door is less open than others' learns a higher demand and would stay apart. The set point
/// corrects the error if at most this multiple of the spare slots is filled.
const FILLED_AT_MOST: f64 = 2.0;
/// Seconds without totals after which the demand is unknown.
const TOTALS_STALE: f32 = 3_600.0;

struct View<'a> {
    options: &'a Options,
    occupancy: Occupancy,
    /// The refresh period, seconds.
    period: f64,
    /// Age of the statistics, seconds.
    age: f64,
    /// Seconds from the time of the statistics until visitors allowed now have entered.
    horizon: f64,
    /// Reactive interactions asked for per second, if known.
    reactive_rate: Option<f64>,
    /// Allowed reactive interactions that are not in the statistics yet.
    reactive_coming: f64,
    /// Interactions per second that cannot be refused: proactive ones without a counted invitation,
    /// and reactive ones whose visitors never ask.
    uncontrolled_rate: f64,
    /// Open invitations that will be accepted.
    accepting: f64,
    /// Mean time from an invitation to its answer, seconds.
    answer_time: f64,
}

impl View<'_> {
    /// Interactions that enter before the horizon without having been allowed.
    fn uncontrolled(&self) -> f64 {
        self.uncontrolled_rate * self.horizon - self.accepting * expm1(-self.horizon / self.answer_time)
    }

    /// How many may enter within `horizon` seconds of the statistics at this price, at most
    /// `limit`, with `reserved` free slots.
    fn room(&self, horizon: f64, price: f64, limit: f64, reserved: f64) -> Room {
        let occupancy = &self.occupancy;
        let seats = Seats {
            free: occupancy.free - reserved,
            busy: occupancy.busy,
            queued: occupancy.queued,
            ending: -expm1(-horizon / occupancy.handle_time),
            impatience: 1.0 / (occupancy.patience * occupancy.capacity()),
        };
        let is_large = self.options.algorithm.is_for_large_groups();
        if is_large { risk::normal(&seats, price, limit) } else { risk::exact(&seats, price, limit) }
    }

    /// Slots reserved for interactions that cannot be refused, where the goal is missed by
    /// `shortfall` e-folds: with load ρ they take the next `k` slots with probability ρ^k. At most
    /// half of the slots, so that an idle group is open.
    fn reserved(&self, shortfall: f64) -> f64 {
        let occupancy = &self.occupancy;
        let load = (self.uncontrolled_rate + self.accepting / self.answer_time) / occupancy.capacity();
        if load > 0.0 && load < 1.0 { (-shortfall / log(load)).min(0.5 * occupancy.at_work()) } else { 0.0 }
    }

    /// A rough upper bound of those who can enter at this price, which keeps the sums short: free
    /// seats, those who may wait at the price, and two deviations.
    fn most(&self, horizon: f64, price: f64) -> f64 {
        let occupancy = &self.occupancy;
        let freed = occupancy.busy - self.still(occupancy.busy, horizon);
        let seats = (occupancy.free - occupancy.queued + freed).max(0.0);
        let waiting = price / (1.0 - price.min(0.9)) * occupancy.patience * occupancy.capacity();
        seats + waiting.min(LARGEST_QUEUE) + 2.0 * sqrt(seats + 1.0)
    }

    /// Of `in_progress` interactions, those still in progress after `horizon` seconds.
    fn still(&self, in_progress: f64, horizon: f64) -> f64 {
        in_progress * exp(-horizon / self.occupancy.handle_time)
    }

    /// The state of an algorithm that is not dual.
    fn proactive_only(&self) -> ReactiveState {
        let asked = (self.occupancy.at_work() >= 1.0).then_some(0.0);
        ReactiveState { asked, ..ReactiveState::plain(1.0, Reason::ProactiveOnly) }
    }

    /// The most slots for reactive interactions in the mean.
    fn reactive_slots(&self) -> f64 {
        self.occupancy.at_work() * (1.0 - f64::from(self.options.proactive_ratio) / 100.0)
    }

    /// The busy slots in the mean, where the goal is a busy factor.
    fn busy_slots(&self) -> f64 {
        self.occupancy.at_work() * self.options.goal()
    }
}

struct ReactiveState {
    probability: f64,
    reason: Reason,
    /// The probabilities by the set points alone, where they apply.
    by_busy: f64,
    by_share: f64,
    /// Visitors who ask within the period. `None`: nothing is learned from this state.
    asked: Option<f64>,
    /// The marginal risk if all of them are allowed.
    risk_of_all: f64,
}

impl ReactiveState {
    /// A state without a computed risk.
    const fn plain(probability: f64, reason: Reason) -> Self {
        Self { probability, reason, by_busy: 1.0, by_share: 1.0, asked: None, risk_of_all: 0.0 }
    }
}

impl Pacer {
    /// Makes a prediction: once per refresh period, and at a group's first report.
    pub fn refresh(&mut self, now: Duration, statistics: &Statistics, options: &Options) -> Prediction {
        self.pass_time(now, options);
        let view = self.view(statistics, options);
        // An assumption about one group must not outweigh the known demand of others.
        let reactive_demand = view.reactive_rate.filter(|_| self.knows_demand);
        if options.algorithm == Algorithm::External {
            let reactive_state = statistics.reactive_state.filter(|state| (0.0..=1.0).contains(state));
            self.learn_from_reactive(&view, &ReactiveState::plain(reactive_state.unwrap_or(0.0), Reason::External));
            return Prediction { reactive_state, proactive_allowance: None, reactive_demand };
        }
        let is_dual = options.algorithm.is_dual();
        let reactive = if is_dual { self.reactive_state(&view) } else { view.proactive_only() };
        self.learn_from_reactive(&view, &reactive);
        let allowance = if view.occupancy.at_work() < 1.0 { 0.0 } else { self.proactive_allowance(&view) };
        if !is_dual && options.holds_busy_factor() && view.occupancy.at_work() >= 1.0 {
            let open = if allowance > 0.0 { 0.5 } else { 0.0 };
            self.busy.learn(view.busy_slots() - view.occupancy.busy, open, view.period, &view.occupancy);
        }
        self.invitations.allow(allowance, view.period, statistics.invitations_pending.is_some());
        let reactive_state = is_dual.then_some(reactive.probability);
        Prediction { reactive_state, proactive_allowance: Some(allowance), reactive_demand }
    }

    fn view<'a>(&self, statistics: &Statistics, options: &'a Options) -> View<'a> {
        let is_current = self.has_reactive_total && !self.totals_older_than(TOTALS_STALE);
        let reactive_rate = is_current.then(|| self.reactive.per_second());
        let pending = f64::from(statistics.invitations_pending.unwrap_or(0));
        // Without statistics of invitations, and of interactions that follow them, none is open.
        let known = [statistics.invitations_sent, statistics.invitations_accepted].iter().any(Option::is_some)
            || statistics.invitations_pending.is_some()
            || statistics.proactive_entered.is_some_and(|entered| entered > 0);
        let open = if known { self.invitations.open(pending) } else { 0.0 };
        let mut occupancy = Occupancy::of(statistics, options);
        occupancy.patience *= self.patience.factor(PATIENCE_WRONG);
        occupancy.handle_time *= self.handle_time.factor(HANDLE_TIME_WRONG);
        let delay = options.entry_delay.as_secs_f64();
        let period = options.refresh_period.as_secs_f64().clamp(0.05, 3600.0);
        View {
            options,
            occupancy,
            period,
            age: self.age,
            horizon: self.age + delay + period,
            reactive_rate,
            reactive_coming: reactive_rate.unwrap_or(0.0) * (self.exposure + self.entry_delay.under_way(delay)),
            uncontrolled_rate: self.uninvited.per_second() + self.unasked.per_second(),
            accepting: open * self.invitations.acceptance(),
            answer_time: self.invitations.answer_time(),
        }
    }

    /// The reactive state of a dual algorithm, and what limits it.
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
        let coming = view.reactive_coming + view.uncontrolled();
        let share = |spare: f64| if asked > 0.0 { (spare / asked).clamp(0.0, 1.0) } else { 1.0 };
        let (worth, of_goal) = (self.price.of_worth(options.abandonment_cost), self.price.of_goal(options.goal()));
        let (mut price, mut reason) = (worth, Reason::Worth);
        if !options.holds_busy_factor() && of_goal < worth {
            (price, reason) = (of_goal, Reason::Abandonment);
        }
        let room = view.room(view.horizon, price, coming + asked, view.reserved(self.price.shortfall()));
        let mut probability = share(room.mean - coming);
        let (mut by_busy, mut by_share) = (1.0, 1.0);
        if options.holds_busy_factor() {
            let expected = view.still(occupancy.busy, view.horizon) + occupancy.queued + coming;
            let overload = rate / view.busy_slots() * occupancy.handle_time;
            by_busy = share((self.busy.fill_to(view.busy_slots()) - expected) * overload.min(FILLED_AT_MOST));
        }
        if options.proactive_ratio > 0 {
            let expected = view.still(occupancy.reactive, view.horizon) + occupancy.queued + view.reactive_coming;
            by_share = share(self.reactive_share.fill_to(view.reactive_slots()) - expected);
        }
        for (by, why) in [(by_busy, Reason::BusyFactor), (by_share, Reason::ProactiveShare)] {
            if by < probability {
                (probability, reason) = (by, why);
            }
        }
        let reason = if probability < 1.0 { reason } else { Reason::DemandFits };
        ReactiveState { probability, reason, by_busy, by_share, asked: Some(asked), risk_of_all: room.risk_of_all }
    }

    fn learn_from_reactive(&mut self, view: &View<'_>, state: &ReactiveState) {
        let (occupancy, options) = (&view.occupancy, view.options);
        (self.probability, self.reason, self.risk_of_all) = (state.probability, state.reason, state.risk_of_all as f32);
        let Some(asked) = state.asked else { return };
        let entering = asked + view.uncontrolled() * view.period / view.horizon;
        self.price.observe_idle(occupancy.idle(), entering, view.period);
        if !options.algorithm.is_dual() {
            return;
        }
        // A set point learns unless something else limited the probability more.
        let missing = view.busy_slots() - occupancy.busy;
        if options.holds_busy_factor() && (state.by_busy <= state.probability || missing < 0.0) {
            self.busy.learn(missing, state.by_busy, view.period, occupancy);
        }
        let missing = view.reactive_slots() - occupancy.reactive;
        if options.proactive_ratio > 0 && (state.by_share <= state.probability || missing < 0.0) {
            self.reactive_share.learn(missing, state.by_share, view.period, occupancy);
        }
    }

    /// Invitations that may be sent in the next period. The horizon is the time of their answers.
    fn proactive_allowance(&self, view: &View<'_>) -> f64 {
        let (occupancy, options) = (&view.occupancy, view.options);
        let ahead = view.answer_time.max(view.period);
        let horizon = view.age + ahead;
        // Reactive visitors come first for the slots that are not kept for proactive interactions.
        let mut asking = view.reactive_rate.unwrap_or(0.0) * ahead;
        if options.algorithm.is_dual() {
            asking = asking.min((view.reactive_slots() - view.still(occupancy.reactive, horizon)).max(0.0));
        }
        let coming = view.reactive_coming + asking + view.uncontrolled_rate * horizon + view.accepting;
        let spare = if options.holds_busy_factor() {
            self.busy.fill_to(view.busy_slots()) - view.still(occupancy.busy, horizon) - occupancy.queued - coming
        } else {
            let price = self.price.of_goal(options.goal()).min(self.price.of_worth(options.abandonment_cost));
            view.room(horizon, price, view.most(horizon, price), 0.0).mean - coming
        };
        spare.max(0.0) / self.invitations.acceptance()
    }
}
