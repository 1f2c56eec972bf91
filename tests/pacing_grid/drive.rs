//! Drives the simulated contact centre by a rule, in virtual time.

use core::time::Duration;

use contact_centre::{Books, Centre, Happening, Scenario, Snapshot, erlang::erlang_a_rate};
use pacingd::{
    pacing::{Algorithm, Options, Pacer, Prediction},
    statistics::Statistics,
};

/// Who decides how many may enter.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rule {
    /// The engine.
    Engine(Options),
    /// Base line: everyone may enter.
    Everyone,
    /// Base line: everyone may enter while the last statistics say that someone is ready and nobody waits.
    WhileReady,
    /// Base line: the share of the demand that the steady state of Erlang A allows, the demand known exactly.
    ErlangA,
}

/// One group's pacing as the daemon does it: statistics in, the prediction of the last refresh out.
///
/// This is the one place where the simulator's statistics become the core's.
#[derive(Debug)]
struct Group {
    pacer: Pacer,
    statistics: Option<Statistics>,
    prediction: Prediction,
}

impl Group {
    fn receive(&mut self, now: Duration, snapshot: &Snapshot, options: &Options) {
        if self.statistics.is_some_and(|last| snapshot.time <= last.time && last.time.is_some()) {
            return;
        }
        let statistics = Statistics {
            ready: snapshot.ready,
            logged_in: snapshot.logged_in,
            slots: snapshot.slots,
            free_slots: snapshot.free_slots,
            reactive: snapshot.reactive,
            proactive: snapshot.proactive,
            queued: snapshot.queued,
            handle_time: snapshot.handle_time,
            reactive_entered: snapshot.reactive_entered,
            proactive_entered: snapshot.proactive_entered,
            abandoned: snapshot.abandoned,
            invitations_sent: snapshot.invitations_sent,
            invitations_accepted: snapshot.invitations_accepted,
            invitations_pending: snapshot.invitations_pending,
            reactive_state: None,
            time: snapshot.time,
        };
        self.pacer.report(now, &statistics, options);
        if self.statistics.replace(statistics).is_none() {
            self.refresh(now, options);
        }
    }

    fn refresh(&mut self, now: Duration, options: &Options) {
        if let Some(statistics) = &self.statistics {
            self.prediction = self.pacer.refresh(now, statistics, options);
        }
    }
}

/// What came of a run.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) all: Books,
    pub(crate) hours: Vec<Books>,
}

/// Runs for so many hours. `see` is called after each refresh with the time and the probability in force.
pub(crate) fn run(
    scenario: &Scenario,
    seed: u64,
    hours: f64,
    rule: Rule,
    period: f64,
    mut see: impl FnMut(&Centre, f64),
) -> Outcome {
    let mut centre = Centre::new(scenario, seed);
    let nothing = Prediction { reactive_state: None, proactive_allowance: None, reactive_demand: None };
    let mut group = Group { pacer: Pacer::new(), statistics: None, prediction: nothing };
    let mut last = Snapshot::default();
    let mut refreshes = 0_u32;
    let mut probability = if matches!(rule, Rule::WhileReady) { 0.0 } else { 1.0 };
    // The daemon's clock is not the simulation's: no moment of it may matter.
    let clock = |now: f64| Duration::from_secs_f64(1_000.0 + now);
    while centre.now() < hours * 3600.0 {
        let at = f64::from(refreshes) * period;
        while let Some(happening) = centre.advance(at) {
            match happening {
                Happening::Visitor(visitor) => drop(centre.admit(visitor, probability)),
                Happening::Statistics(snapshot) => {
                    last = snapshot;
                    if let Rule::Engine(options) = rule {
                        group.receive(clock(centre.now()), &snapshot, &options);
                    }
                }
            }
        }
        refreshes += 1;
        match rule {
            Rule::Engine(options) => {
                group.refresh(clock(at), &options);
                let allowed =
                    if matches!(options.algorithm, Algorithm::SuperProgressiveDual | Algorithm::PredictiveBDual) {
                        0.0
                    } else {
                        1.0
                    };
                probability = group.prediction.reactive_state.unwrap_or(allowed);
                centre.allow_invitations(group.prediction.proactive_allowance.unwrap_or(0.0));
            }
            Rule::Everyone => {}
            Rule::WhileReady => {
                probability = f64::from(u8::from(last.ready > 0 && last.queued.unwrap_or(0) == 0));
            }
            Rule::ErlangA => probability = erlang_a_share(scenario, at, probability),
        }
        see(&centre, probability);
    }
    let hours = centre.hours().to_vec();
    Outcome { all: centre.books(), hours }
}

/// The share of the demand that Erlang A allows at the goal of 3 %; reckoned anew when demand or staff have changed.
fn erlang_a_share(scenario: &Scenario, now: f64, before: f64) -> f64 {
    let (demand, slots) = (scenario.visitors.at(now), scenario.staff.at(now) * scenario.slots_per_agent);
    let a_minute_ago = (now - 60.0).max(0.0);
    let unchanged = (scenario.visitors.at(a_minute_ago) - demand).abs() < 1e-12
        && scenario.staff.at(a_minute_ago) * scenario.slots_per_agent == slots;
    if unchanged && now > 60.0 || now % 60.0 >= 5.0 && now > 0.0 {
        return before;
    }
    let proactive = match &scenario.proactive {
        contact_centre::Proactive::Uncontrolled(curve) => curve.at(now),
        contact_centre::Proactive::Invitations { .. } => 0.0,
    };
    if demand <= 0.0 || slots == 0 {
        return 0.0;
    }
    ((erlang_a_rate(0.03, scenario.handle_time.mean(), scenario.patience.mean(), slots) - proactive) / demand)
        .clamp(0.0, 1.0)
}
