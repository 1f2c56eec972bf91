//! Drives the simulated contact centre by a rule, in virtual time.

use core::{net::Ipv4Addr, time::Duration};
use std::collections::BTreeMap;

use contact_centre::{Books, Centre, Happening, Proactive, Scenario, Snapshot, erlang::erlang_a_rate};
use pacingd::{
    limits::GROUPS,
    pacing::{Algorithm, Options, Prediction},
    settings::Settings,
    state::State,
};

/// The plain gate: "ready > queued".
pub(crate) const GATE: Rule = Rule::Threshold(1);

/// Who decides how many may enter.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rule {
    /// The engine.
    Engine(Options),
    /// Base line: everyone may enter.
    Everyone,
    /// Base line: nobody may enter.
    Nobody,
    /// Base line: everyone may enter while the last statistics say that at least as many more are
    /// ready than wait. With 1 it is the gate "ready > queued", with other numbers a fixed
    /// threshold.
    Threshold(i64),
    /// Base line: the share of the demand that the steady state of Erlang A allows, the demand
    /// known exactly.
    ErlangA,
}

/// The daemon's core: bytes in, the prediction of the last refresh out.
///
/// Boxed: the tables of 256 groups are no burden for a daemon, but for a test's stack.
pub(crate) struct Core(Box<State>);

impl Core {
    pub(crate) fn new(options: Options) -> Self {
        let settings = Settings { pacing: options, ..Settings::default() };
        Self(Box::new(State::new(settings)))
    }

    pub(crate) fn configure(&mut self, options: Options) {
        let settings = Settings { pacing: options, ..self.0.settings().clone() };
        self.0.configure(settings, core::iter::empty());
    }

    pub(crate) fn receive(&mut self, now: Duration, datagram: &str) {
        self.receive_from(1, now, datagram);
    }

    /// From the collector at 127.0.0.`collector`.
    pub(crate) fn receive_from(&mut self, collector: u8, now: Duration, datagram: &str) {
        // What is late is dropped: that is the core's business.
        let source = Ipv4Addr::new(127, 0, 0, collector).into();
        self.0.receive(now, Duration::ZERO, source, datagram.as_bytes(), |_, _| {});
    }

    /// How many have entered and how many were abandoned, as it was counted.
    pub(crate) fn totals(&self) -> (u64, u64) {
        let report = self.0.groups().all().first().and_then(|group| group.report().copied());
        let statistics = report.map(|report| report.statistics).unwrap_or_default();
        (statistics.reactive_entered.unwrap_or(0), statistics.abandoned.unwrap_or(0))
    }

    /// Whether the group's visitors are seen to enter late.
    pub(crate) fn enters_late(&self) -> bool {
        self.0.groups().all().first().is_some_and(pacingd::groups::Group::enters_late)
    }

    pub(crate) fn refresh(&mut self, now: Duration) -> Option<Prediction> {
        self.0.refresh(now, GROUPS);
        self.prediction(0)
    }

    /// The prediction of a group, by the order of the names.
    fn prediction(&self, group: usize) -> Option<Prediction> {
        self.0.groups().all().get(group).and_then(|group| group.prediction().copied())
    }
}

/// What came of a run.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) all: Books,
    pub(crate) hours: Vec<Books>,
}

/// What changes during a run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Changes {
    /// After this many hours the goal is another one, percent.
    pub(crate) goal: Option<(f64, f64)>,
    /// The daemon is started anew after each of this many hours.
    pub(crate) restart_every: Option<f64>,
}

/// Runs for `hours`. `see` is called after each refresh with the time and the probability in force.
pub(crate) fn run(
    scenario: &Scenario,
    seed: u64,
    hours: f64,
    rule: Rule,
    period: f64,
    see: impl FnMut(&Centre, f64),
) -> Outcome {
    run_with(scenario, seed, hours, rule, period, Changes::default(), see)
}

pub(crate) fn run_with(
    scenario: &Scenario,
    seed: u64,
    hours: f64,
    rule: Rule,
    period: f64,
    changes: Changes,
    mut see: impl FnMut(&Centre, f64),
) -> Outcome {
    let mut scenario = scenario.clone();
    let mut period = period;
    if matches!(rule, Rule::Everyone | Rule::Nobody | Rule::ErlangA) {
        // These ask neither for statistics nor for refreshes, and the grid is run through sooner.
        scenario.collector.interval = 3_600.0;
        period = 60.0;
    }
    let mut centre = Centre::new(&scenario, seed);
    let mut options = if let Rule::Engine(options) = rule { options } else { Options::default() };
    let mut core = if let Rule::Engine(options) = rule { Some(Core::new(options)) } else { None };
    let mut last = [Snapshot::default(); 2];
    let mut rates = BTreeMap::new();
    let mut refreshes = 0_u32;
    let mut probability = [if matches!(rule, Rule::Threshold(_) | Rule::Nobody) { 0.0 } else { 1.0 }; 2];
    let mut restarts = 1.0;
    // The daemon's clock is not the simulation's, but refreshes are due at multiples of the period
    // by both.
    let clock = |now: f64| Duration::from_secs_f64(3_600.0 + now);
    while centre.now() < hours * 3600.0 {
        let at = f64::from(refreshes) * period;
        if let Some(core) = &mut core {
            if let Some((after, goal)) = changes.goal
                && at >= after * 3_600.0
                && (options.optimization_goal - goal).abs() > 0.0
            {
                options.optimization_goal = goal;
                core.configure(options);
            }
            if changes.restart_every.is_some_and(|every| at >= restarts * every * 3_600.0) {
                restarts += 1.0;
                *core = Core::new(options);
                probability = [0.0; 2];
            }
        }
        while let Some(happening) = centre.advance(at) {
            match happening {
                Happening::Visitor(visitor) => {
                    let probability = probability[usize::from(visitor.is_for_second_group())];
                    let _ = centre.admit(visitor, probability);
                }
                Happening::Statistics(snapshot) => {
                    last[usize::from(snapshot.second_group)] = snapshot;
                    if let Some(core) = &mut core {
                        core.receive(clock(centre.now()), &centre.line(&snapshot));
                    }
                }
            }
        }
        refreshes += 1;
        match rule {
            Rule::Engine(Options { algorithm, .. }) => {
                if let Some(core) = &mut core {
                    core.refresh(clock(at));
                }
                let dual = matches!(algorithm, Algorithm::SuperProgressiveDual | Algorithm::PredictiveBDual);
                // An algorithm that is not dual says nothing of reactive visitors: all of them
                // enter.
                let unsaid = if dual { 0.0 } else { 1.0 };
                for (group, probability) in probability.iter_mut().enumerate() {
                    let prediction = core.as_ref().and_then(|core| core.prediction(group));
                    *probability = prediction.and_then(|prediction| prediction.reactive_state).unwrap_or(unsaid);
                    if group == 0 {
                        let allowance = prediction.and_then(|prediction| prediction.proactive_allowance);
                        centre.allow_invitations(allowance.unwrap_or(0.0));
                    }
                }
            }
            Rule::Everyone | Rule::Nobody => {}
            Rule::Threshold(least) => {
                for (probability, last) in probability.iter_mut().zip(&last) {
                    let spare = i64::from(last.free_slots.unwrap_or(last.ready)) - i64::from(last.queued.unwrap_or(0));
                    *probability = f64::from(u8::from(spare >= least));
                }
            }
            Rule::ErlangA => probability = [erlang_a_share(&scenario, at, &mut rates); 2],
        }
        see(&centre, probability[0]);
    }
    let hours = centre.hours().to_vec();
    Outcome { all: centre.books(), hours }
}

/// The share of the demand that Erlang A allows at the goal of 3 %. `rates` keeps what it allows by
/// the number of slots.
fn erlang_a_share(scenario: &Scenario, now: f64, rates: &mut BTreeMap<u32, f64>) -> f64 {
    let (demand, slots) = (scenario.visitors.at(now), scenario.staff.at(now) * scenario.slots_per_agent);
    let proactive = match &scenario.proactive {
        Proactive::Uncontrolled(curve) => curve.at(now),
        Proactive::Invitations { .. } => 0.0,
    };
    if demand <= 0.0 || slots == 0 {
        return 0.0;
    }
    let (handle_time, patience) = (scenario.handle_time.mean(), scenario.patience.mean());
    let rate = *rates.entry(slots).or_insert_with(|| erlang_a_rate(0.03, handle_time, patience, slots));
    ((rate - proactive) / demand).clamp(0.0, 1.0)
}
