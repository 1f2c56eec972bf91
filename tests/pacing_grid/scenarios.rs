//! What the grid runs through: the scenarios that the engine was tuned on, and a second set that it
//! was not.

use core::time::Duration;

use contact_centre::{Agents, Bursts, Collector, Curve, Fields, Habits, Network, Proactive, Scenario, Steps, Times};
use pacingd::pacing::{Algorithm, OptimizationTarget, Options};

use crate::drive::Changes;

/// One row of the grid for each algorithm.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) scenario: Scenario,
    pub(crate) options: Options,
    pub(crate) algorithms: &'static [Algorithm],
    pub(crate) hours: f64,
    pub(crate) seed: u64,
    pub(crate) changes: Changes,
}

const SMALL: &[Algorithm] = &[Algorithm::SuperProgressiveDual];
const LARGE: &[Algorithm] = &[Algorithm::PredictiveBDual];
const BOTH: &[Algorithm] = &[Algorithm::SuperProgressiveDual, Algorithm::PredictiveBDual];
const SMALL_PROACTIVE: &[Algorithm] = &[Algorithm::SuperProgressive];
const LARGE_PROACTIVE: &[Algorithm] = &[Algorithm::PredictiveB];
/// The longest runs, for groups in which little happens; in larger ones the same entries come in
/// less time.
const HOURS: f64 = 120.0;
const DAY: f64 = 86_400.0;
const HOUR: f64 = 3_600.0;

impl Case {
    /// A plain group: `load` times what its slots can do is asked for, evenly, at 300 s and 60 s in
    /// the mean.
    fn new(name: &'static str, agents: u32, load: f64, algorithms: &'static [Algorithm]) -> Self {
        let scenario = Scenario {
            visitors: Curve::constant(load * f64::from(agents) / 300.0),
            staff: Steps::constant(agents),
            ..Scenario::default()
        };
        let hours = HOURS.min(600.0 / f64::from(agents).sqrt()).clamp(36.0, HOURS);
        let hours = if agents >= 300 { 16.0 } else { hours };
        Self { name, scenario, options: Options::default(), algorithms, hours, seed: 1, changes: Changes::default() }
    }

    /// Handle times and patience, seconds in the mean, with the demand scaled to the same load.
    fn times(mut self, handle_time: Times, patience: Times) -> Self {
        self.scenario.visitors = self.scenario.visitors.scaled(self.scenario.handle_time.mean() / handle_time.mean());
        self.scenario.handle_time = handle_time;
        self.scenario.patience = patience;
        self.options.handle_time = Duration::from_secs_f64(handle_time.mean());
        self.options.patience = Duration::from_secs_f64(patience.mean());
        self
    }

    fn long_tailed(self) -> Self {
        self.times(Times::Lognormal { mean: 300.0, variation: 1.6 }, Times::Lognormal { mean: 60.0, variation: 1.6 })
    }

    fn refreshed(mut self, seconds: f64) -> Self {
        self.options.refresh_period = Duration::from_secs_f64(seconds);
        self
    }

    /// 10 % of the lines lost, a second's delay, some overtaken by others.
    fn bad_network(mut self) -> Self {
        self.scenario.network = Network { loss: 0.1, delay: Times::Exponential { mean: 1.0 } };
        self
    }

    fn collector(mut self, change: impl FnOnce(&mut Collector)) -> Self {
        change(&mut self.scenario.collector);
        self
    }

    /// The demand times what this curve says.
    fn demand(mut self, curve: impl FnOnce(f64) -> Curve) -> Self {
        self.scenario.visitors = curve(self.scenario.visitors.peak());
        self
    }

    fn staff(mut self, staff: Steps) -> Self {
        self.scenario.staff = staff;
        self
    }

    /// Proactive interactions enter unasked, at `load` times what the slots can do.
    fn proactive(mut self, load: f64) -> Self {
        let rate = load * f64::from(self.scenario.staff.peak()) / self.scenario.handle_time.mean();
        self.scenario.proactive = Proactive::Uncontrolled(Curve::constant(rate));
        self
    }

    /// More visitors than needed can be invited; 30 % accept, after 15 s in the mean.
    fn invitations(mut self) -> Self {
        let capacity = f64::from(self.scenario.staff.peak()) / self.scenario.handle_time.mean();
        self.scenario.proactive = Proactive::Invitations {
            candidates: Curve::constant(20.0 * capacity),
            acceptance: 0.3,
            answer: Times::Exponential { mean: 15.0 },
        };
        self
    }

    fn ratio(mut self, percent: u8) -> Self {
        self.options.proactive_ratio = percent;
        self
    }

    fn busy_factor(mut self, percent: u8) -> Self {
        self.options.optimization_target = OptimizationTarget::BusyFactor;
        self.options.optimization_goal = percent.into();
        self
    }

    fn at_most(mut self, percent: u8) -> Self {
        self.options.optimization_goal = percent.into();
        self
    }

    /// Demand in bursts: `share` of the time, each burst lasting `last` seconds in the mean, with
    /// no demand in between where the rate's coefficient of variation is to be √((1 − share) /
    /// share).
    fn bursts(mut self, last: f64, share: f64, low: f64) -> Self {
        let high = (1.0 - (1.0 - share) * low) / share;
        self.scenario.bursts = Some(Bursts { last, pause: last * (1.0 - share) / share, high, low });
        self
    }

    fn habits(mut self, change: impl FnOnce(&mut Habits)) -> Self {
        change(&mut self.scenario.habits);
        self
    }

    fn retries(self, after: f64, attempts: u32) -> Self {
        self.habits(|habits| (habits.retry_after, habits.attempts) = (after, attempts))
    }

    /// A form before the chat, which takes 20 to 60 s or so.
    fn late_entry(self, mean: f64) -> Self {
        let mut case = self.habits(|habits| habits.entry_delay = Times::Lognormal { mean, variation: 0.3 });
        case.options.entry_delay = Duration::from_secs_f64(mean);
        case
    }

    /// A proxy answers from its cache, for half as long in the mean.
    fn cached(self, seconds: f64) -> Self {
        let mut case = self.habits(|habits| habits.cached = seconds);
        case.options.entry_delay = Duration::from_secs_f64(0.5 * seconds);
        case
    }

    fn agents(mut self, change: impl FnOnce(&mut Agents)) -> Self {
        change(&mut self.scenario.agents);
        self
    }

    /// An eighth of the agents or so are on a break at any time, in full use.
    fn breaks(self) -> Self {
        self.agents(|agents| (agents.break_share, agents.break_time) = (0.06, exponential(720.0)))
    }

    fn scenario(mut self, change: impl FnOnce(&mut Scenario)) -> Self {
        change(&mut self.scenario);
        self
    }

    fn fields(self, change: impl FnOnce(&mut Fields)) -> Self {
        self.collector(|collector| change(&mut collector.fields))
    }

    /// Patience of this kind, as the configuration says.
    fn patience(mut self, patience: Times) -> Self {
        self.scenario.patience = patience;
        self.options.patience = Duration::from_secs_f64(patience.mean());
        self
    }

    fn changes(mut self, changes: Changes) -> Self {
        self.changes = changes;
        self
    }

    fn hours(mut self, hours: f64) -> Self {
        self.hours = hours;
        self
    }
}

fn exponential(mean: f64) -> Times {
    Times::Exponential { mean }
}

/// A quiet day with four times the demand for twenty minutes, every three hours.
fn spikes(load: f64) -> Curve {
    Curve::steps(&[(0.0, load), (2.0 * HOUR, 4.0 * load), (2.0 * HOUR + 1200.0, load)]).repeated(3.0 * HOUR)
}

/// Hours on end with room for all, and then ten times the demand for half an hour.
fn rare_spikes(load: f64) -> Curve {
    Curve::steps(&[(0.0, load), (11.5 * HOUR, 10.0 * load), (12.0 * HOUR, load)]).repeated(12.0 * HOUR)
}

/// Nothing at night, up to the peak at ten, a dip at noon, a second peak at three.
fn day(peak: f64) -> Curve {
    let points = [(0.0, 0.05), (6.0, 0.05), (10.0, 1.0), (12.5, 0.6), (15.0, 0.9), (20.0, 0.3), (24.0, 0.05)];
    Curve::lines(points.map(|(hour, share)| (hour * HOUR, share * peak))).repeated(DAY)
}

/// Nobody at work from ten in the evening until seven, a few at the edges of the day.
fn day_and_night(agents: u32) -> Steps {
    let hours = [(0.0, 0), (7.0, agents / 3), (9.0, agents), (18.0, agents / 2), (22.0, 0)];
    Steps::new(hours.map(|(hour, agents)| (hour * HOUR, agents))).repeated(DAY)
}

/// Three shifts of eight hours.
fn shifts(agents: u32) -> Steps {
    Steps::new([(0.0, agents), (8.0 * HOUR, agents / 2), (16.0 * HOUR, agents / 3)]).repeated(DAY)
}

/// Nobody asks from the hundredth to the hundred and tenth minute of every two hours: everyone
/// enters.
pub(crate) fn nobody_asks() -> Curve {
    Curve::steps(&[(0.0, 0.0), (6_000.0, 1.0), (6_600.0, 0.0)]).repeated(7_200.0)
}

/// The scenarios that the engine's constants were chosen on.
pub(crate) fn tuned() -> Vec<Case> {
    let case = Case::new;
    vec![
        case("1 agent", 1, 2.0, SMALL).hours(900.0),
        case("2 agents", 2, 1.5, SMALL).hours(400.0),
        case("5 agents", 5, 1.5, SMALL),
        case("5 agents, demand fivefold", 5, 5.0, SMALL),
        case("5 agents, quick", 5, 1.5, SMALL).times(exponential(60.0), exponential(60.0)),
        case("10 agents", 10, 1.4, SMALL),
        case("10 agents, 1 s", 10, 1.4, SMALL).refreshed(1.0),
        case("10 agents, 5 s", 10, 1.4, SMALL).refreshed(5.0),
        case("10 agents, goal 10 %", 10, 2.0, SMALL).at_most(10),
        case("10 agents of 3 slots", 10, 1.4, SMALL).demand(|rate| Curve::constant(3.0 * rate)).slots(3),
        case("10 agents, light", 10, 0.45, SMALL),
        case("20 agents, long-tailed", 20, 1.4, SMALL).long_tailed(),
        case("20 agents, bad network", 20, 1.4, SMALL).bad_network(),
        case("20 agents, wrong times", 20, 1.4, SMALL)
            .collector(|collector| collector.handle_time_bias = 1.6)
            .believed_patience(180),
        case("20 agents, restarts", 20, 1.4, SMALL).collector(|collector| collector.restart_every = 1_800.0),
        case("30 agents", 30, 1.3, BOTH),
        case("30 agents, just too much", 30, 0.93, BOTH).hours(150.0),
        case("30 agents, spikes", 30, 0.7, BOTH).demand(spikes),
        case("30 agents, proactive 30 %", 30, 1.2, BOTH).proactive(0.3),
        case("30 agents, all at once", 30, 1.4, BOTH).long_tailed().bad_network().halved_staff(),
        case("50 agents, a day", 50, 1.4, LARGE).demand(day).hours(72.0),
        case("100 agents", 100, 1.2, LARGE),
        case("100 agents, 5 s", 100, 1.2, LARGE).refreshed(5.0),
        case("100 agents, light", 100, 0.8, LARGE),
        case("100 agents, spikes", 100, 0.8, LARGE).demand(spikes),
        case("100 agents, all at once", 100, 1.4, LARGE).long_tailed().bad_network().halved_staff(),
        case("300 agents", 300, 1.2, LARGE),
        case("300 agents, quick", 300, 1.2, LARGE).times(exponential(60.0), exponential(30.0)),
        case("1,000 agents", 1_000, 1.1, LARGE),
        case("5 agents, busy 75 %", 5, 1.6, SMALL).busy_factor(75),
        case("30 agents, busy 75 %", 30, 1.6, BOTH).busy_factor(75),
        case("100 agents, busy 90 %", 100, 1.4, LARGE).busy_factor(90),
        case("300 agents, busy 75 %, cv 1.5", 300, 1.4, LARGE)
            .times(Times::Lognormal { mean: 300.0, variation: 1.5 }, exponential(60.0))
            .busy_factor(75),
        case("20 agents, ratio 30 %, unasked", 20, 1.5, SMALL).proactive(0.2).ratio(30),
        case("20 agents, ratio 40 %, invited", 20, 1.5, SMALL).invitations().ratio(40),
        case("100 agents, ratio 40 %, invited", 100, 1.5, LARGE).invitations().ratio(40),
        case("20 agents, invited only", 20, 0.4, SMALL_PROACTIVE).invitations(),
        case("100 agents, invited only", 100, 0.4, LARGE_PROACTIVE).invitations(),
        case("10 agents, rare spikes", 10, 0.3, SMALL).demand(rare_spikes).hours(96.0),
        case("30 agents, rare spikes", 30, 0.3, BOTH).demand(rare_spikes).hours(96.0),
        case("100 agents, rare spikes", 100, 0.3, LARGE).demand(rare_spikes).hours(96.0),
        case("12 agents, 1.5 x demand", 12, 1.5, SMALL),
        case("30 agents, 5 x, 5 s", 30, 5.0, BOTH).refreshed(5.0).hours(60.0),
        case("100 agents, 5 x", 100, 5.0, LARGE).hours(40.0),
        case("12 agents, bursts 5 of 20 min", 12, 0.7, SMALL).bursts(300.0, 0.2, 0.0),
        case("40 agents, bursts 1 of 5 min", 40, 0.8, LARGE).bursts(60.0, 0.2, 0.25),
        case("100 agents, bursts 20 of 80 min", 100, 0.8, LARGE).bursts(1_200.0, 0.25, 0.2),
        case("12 agents, asking again in 2 s", 12, 1.5, SMALL).retries(2.0, 20),
        case("40 agents, asking again in 10 s", 40, 1.3, LARGE).retries(10.0, 20),
        case("12 agents, entering 30 s late", 12, 1.5, SMALL).late_entry(30.0),
        case("40 agents, entering 30 s late", 40, 1.3, LARGE).late_entry(30.0),
        case("100 agents, entering 45 s late", 100, 1.3, LARGE).late_entry(45.0),
        case("40 agents, cached for 30 s", 40, 1.3, LARGE).cached(30.0),
        case("12 agents, a third never asks", 12, 1.5, SMALL).habits(|habits| habits.unasked = Curve::constant(0.333)),
        case("40 agents, a third never asks", 40, 1.5, LARGE).habits(|habits| habits.unasked = Curve::constant(0.333)),
        case("40 agents, nobody asks for 10 min", 40, 1.3, LARGE).habits(|habits| habits.unasked = nobody_asks()),
        case("20 agents, wrap-up", 20, 1.4, SMALL).agents(|agents| agents.wrap_up = exponential(90.0)),
        case("40 agents, wrap-up, busy 60 %", 40, 1.4, LARGE)
            .busy_factor(60)
            .agents(|agents| agents.wrap_up = exponential(180.0)),
        case("40 agents, breaks, busy 80 %", 40, 1.4, LARGE).busy_factor(80).breaks(),
        case("20 agents, breaks, uneven", 20, 1.4, SMALL).breaks().agents(|agents| agents.uneven = 0.4),
        case("10 agents of 3 slots, slower", 10, 1.4, SMALL)
            .demand(|rate| Curve::constant(2.0 * rate))
            .slots(3)
            .agents(|agents| agents.slowdown = 0.3),
        case("40 agents, shifts", 40, 0.9, LARGE).staff(shifts(40)).hours(96.0),
        case("60 agents, day and night", 60, 1.2, LARGE).staff(day_and_night(60)).demand(day).hours(96.0),
        case("20 agents, patience 10 s", 20, 1.4, SMALL).patience(exponential(10.0)),
        case("20 agents, patience 600 s", 20, 1.4, SMALL).patience(exponential(600.0)),
        case("40 agents, patience fixed", 40, 1.3, LARGE).patience(Times::Fixed(60.0)),
        case("100 agents, patience 180 s fixed", 100, 1.2, LARGE).patience(Times::Fixed(180.0)),
        case("20 agents, balking", 20, 1.4, SMALL).scenario(|scenario| scenario.balking = 0.3),
        case("20 agents, no abandoned", 20, 1.4, SMALL).fields(|fields| fields.abandoned = false),
        case("20 agents, no queued", 20, 1.4, SMALL).fields(|fields| fields.queued = false),
        case("40 agents, in progress not told", 40, 1.3, LARGE).fields(|fields| fields.in_progress = false),
        case("20 agents, handle time in ms", 20, 1.4, SMALL)
            .collector(|collector| collector.handle_time_bias = 1_000.0),
        case("20 agents, handle time 0 at first", 20, 1.4, SMALL)
            .times(exponential(150.0), exponential(60.0))
            .expected_handle_time(600)
            .collector(|collector| collector.handle_time_from = 2.0 * HOUR),
        case("20 agents, handle time drifts", 20, 1.3, SMALL).fields(|fields| fields.handle_time = false).scenario(
            |scenario| {
                scenario.handle_time_scale =
                    Curve::lines([(0.0, 0.7), (3.0 * HOUR, 1.6), (6.0 * HOUR, 0.7)]).repeated(6.0 * HOUR);
            },
        ),
        case("40 agents, totals each minute", 40, 1.3, LARGE).collector(|collector| collector.totals_every = 60.0),
        case("40 agents, totals each 15 min", 40, 1.3, LARGE).collector(|collector| collector.totals_every = 900.0),
        case("100 agents, abandoned each 15 min", 100, 1.3, LARGE)
            .collector(|collector| collector.abandoned_every = 900.0),
        case("20 agents, silent abandonment", 20, 1.4, SMALL).scenario(|scenario| scenario.silent = Some(20.0)),
        case("20 agents in two groups", 20, 0.7, SMALL)
            .scenario(|scenario| scenario.second_group = scenario.visitors.clone()),
        case("20 agents, daemon restarts", 20, 1.4, SMALL)
            .changes(Changes { restart_every: Some(1.0), ..Changes::default() }),
        case("20 agents, goal 1 %", 20, 1.4, SMALL).at_most(1),
        case("40 agents, goal 30 %", 40, 1.5, LARGE).at_most(30),
        case("40 agents, goal 10 %, then 2 %", 40, 1.4, LARGE)
            .at_most(10)
            .changes(Changes { goal: Some((24.0, 2.0)), ..Changes::default() }),
        // Outside the range that an algorithm is for it must still work.
        case("5 agents, normal form", 5, 1.5, LARGE),
        case("300 agents, exact form", 300, 1.2, SMALL),
    ]
}

/// Other seeds, sizes, loads and times: nothing was chosen by these.
pub(crate) fn held_out() -> Vec<Case> {
    let case = Case::new;
    let mut cases = vec![
        case("1 agent", 1, 4.0, SMALL).hours(500.0).times(exponential(180.0), exponential(40.0)),
        case("3 agents", 3, 1.3, SMALL).hours(400.0).times(exponential(420.0), exponential(90.0)),
        case("7 agents, 3 s", 7, 1.8, SMALL).refreshed(3.0),
        case("12 agents, goal 5 %", 12, 1.5, SMALL).at_most(5),
        case("16 agents, long-tailed", 16, 1.6, SMALL).long_tailed().bad_network(),
        case("24 agents, spikes", 24, 0.7, SMALL).demand(spikes),
        case("8 agents of 2 slots", 8, 1.5, SMALL).demand(|rate| Curve::constant(2.0 * rate)).slots(2),
        case("25 agents, light", 25, 0.6, SMALL),
        case("40 agents, 2.5 s", 40, 1.25, LARGE).refreshed(2.5),
        case("40 agents, proactive 25 %", 40, 1.3, LARGE).proactive(0.25),
        case("60 agents, a day", 60, 1.5, LARGE).demand(day).hours(72.0),
        case("80 agents, long-tailed, halved", 80, 1.3, LARGE).long_tailed().halved_staff(),
        case("150 agents, bad network", 150, 1.3, LARGE).times(exponential(240.0), exponential(45.0)).bad_network(),
        case("500 agents", 500, 1.15, LARGE).times(exponential(200.0), exponential(75.0)),
        case("9 agents, busy 80 %", 9, 1.5, SMALL).busy_factor(80),
        case("200 agents, busy 60 %", 200, 1.3, LARGE).long_tailed().busy_factor(60),
        case("25 agents, ratio 25 %, invited", 25, 1.4, SMALL).invitations().ratio(25),
        case("60 agents, ratio 50 %, unasked", 60, 1.4, LARGE).proactive(0.35).ratio(50),
        case("40 agents, invited only", 40, 0.3, LARGE_PROACTIVE).invitations(),
    ];
    cases.extend([
        case("15 agents, bursts 10 of 60 min", 15, 0.6, SMALL).bursts(600.0, 0.16, 0.2),
        case("70 agents, bursts 2 of 10 min", 70, 0.9, LARGE).bursts(120.0, 0.2, 0.1),
        case("25 agents, asking again in 5 s", 25, 1.4, SMALL).retries(5.0, 10),
        case("25 agents, entering 20 s late", 25, 1.4, SMALL).late_entry(20.0),
        case("60 agents, entering 60 s late", 60, 1.5, LARGE).late_entry(60.0),
        case("60 agents, cached for 15 s", 60, 1.4, LARGE).cached(15.0),
        case("25 agents, a quarter never asks", 25, 1.6, SMALL).habits(|habits| habits.unasked = Curve::constant(0.25)),
        case("18 agents, nobody asks for 10 min", 18, 1.4, SMALL).habits(|habits| habits.unasked = nobody_asks()),
        case("50 agents, wrap-up", 50, 1.3, LARGE)
            .agents(|agents| agents.wrap_up = Times::Lognormal { mean: 150.0, variation: 0.8 }),
        case("25 agents, breaks, uneven", 25, 1.5, SMALL).breaks().agents(|agents| agents.uneven = 0.3),
        case("15 agents of 2 slots, slower", 15, 1.4, SMALL)
            .demand(|rate| Curve::constant(1.6 * rate))
            .slots(2)
            .agents(|agents| agents.slowdown = 0.5),
        case("90 agents, shifts", 90, 0.9, LARGE).staff(shifts(90)).hours(72.0),
        case("24 agents, day and night", 24, 1.2, SMALL).staff(day_and_night(24)).demand(day).hours(120.0),
        case("50 agents, patience 15 s", 50, 1.3, LARGE).patience(exponential(15.0)),
        case("12 agents, patience 300 s fixed", 12, 1.4, SMALL).patience(Times::Fixed(300.0)),
        case("60 agents, balking", 60, 1.3, LARGE).scenario(|scenario| scenario.balking = 0.5),
        case("60 agents, no abandoned", 60, 1.3, LARGE).fields(|fields| fields.abandoned = false),
        case("25 agents, totals each 5 min", 25, 1.4, SMALL).collector(|collector| collector.totals_every = 300.0),
        case("60 agents, totals each 15 min", 60, 1.5, LARGE).collector(|collector| collector.totals_every = 900.0),
        case("30 agents, abandoned each 10 min", 30, 1.4, SMALL)
            .collector(|collector| collector.abandoned_every = 600.0),
        case("45 agents, silent abandonment", 45, 1.3, LARGE).scenario(|scenario| scenario.silent = Some(30.0)),
        case("50 agents in two groups", 50, 0.9, LARGE)
            .scenario(|scenario| scenario.second_group = scenario.visitors.clone().scaled(0.5)),
        case("30 agents, goal 1 %, 3 x", 30, 3.0, SMALL).at_most(1),
        case("22 agents, goal 10 %", 22, 1.8, SMALL).at_most(10),
        case("15 agents, busy 70 %, wrap-up", 15, 1.5, SMALL)
            .busy_factor(70)
            .agents(|agents| agents.wrap_up = exponential(120.0)),
        case("120 agents, breaks, busy 85 %", 120, 1.5, LARGE).busy_factor(85).breaks(),
        case("250 agents, 3 x, 10 s", 250, 3.0, LARGE)
            .refreshed(10.0)
            .collector(|collector| collector.interval = 5.0)
            .hours(24.0),
        case("8 agents, light, 10 s", 8, 0.3, SMALL).refreshed(10.0).collector(|collector| collector.interval = 10.0),
    ]);
    for (case, seed) in cases.iter_mut().zip(7_001..) {
        case.seed = seed;
    }
    cases
}

impl Case {
    /// Agents who can hold several interactions at once.
    fn slots(mut self, slots_per_agent: u32) -> Self {
        self.scenario.slots_per_agent = slots_per_agent;
        self
    }

    /// The patience in the daemon's options, which may be wrong.
    fn believed_patience(mut self, seconds: u64) -> Self {
        self.options.patience = Duration::from_secs(seconds);
        self
    }

    /// The handle time in the daemon's options, which may be wrong.
    fn expected_handle_time(mut self, seconds: u64) -> Self {
        self.options.handle_time = Duration::from_secs(seconds);
        self
    }

    /// Every four hours half of the agents leave, and come back four hours later.
    fn halved_staff(self) -> Self {
        let agents = self.scenario.staff.peak();
        self.staff(Steps::new([(0.0, agents), (4.0 * HOUR, agents / 2)]).repeated(8.0 * HOUR))
    }
}
