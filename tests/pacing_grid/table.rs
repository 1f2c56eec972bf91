//! The grid as a table: what came of each case, beside the rivals and the bound, and which bar is
//! missed.

use contact_centre::{
    Books, Proactive, Times,
    bound::{Model, bound},
};
use pacingd::pacing::{Algorithm, OptimizationTarget, Options};

use crate::{
    drive::{Changes, GATE, Outcome, Rule, run_with},
    scenarios::Case,
};

/// An hour with fewer entries says too little to be judged.
const ENTRIES_TO_JUDGE: u64 = 500;
/// Entries in the first hours after a start, over several starts, that are judged together.
const FIRST_ENTRIES: u64 = 3_000;
const STARTS: u64 = 40;
/// Slots up to which the bound is computed.
const BOUND_SLOTS: u32 = 40;
/// Slots that a fixed threshold keeps free (or lets wait) as it is tried for the busy factor.
const THRESHOLDS: [i64; 4] = [2, 1, 0, -1];
/// What the engine of November 2026 reached.
const NOVEMBER: &str = include_str!("../snapshots/november.txt");

pub(crate) const HEADER: &str = "\
                                                     | abandonment-cost 1                                                | cost 0              | gate          everyone      November     Erlang A
scenario                           algorithm         | abandoned     ± 99 % h 1st h proact.  busy    net reactive let in | aband.  busy  bound | aband.   net  aband.   net  aband.   net  aband.   net";

/// One line of the table, the bars that it misses, and its figures.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) text: String,
    pub(crate) misses: Vec<String>,
    pub(crate) figures: Figures,
}

/// Abandonment and net of a policy.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reached {
    pub(crate) abandonment: f64,
    pub(crate) net: f64,
    pub(crate) worst_hour: Option<f64>,
}

/// What the engine and its rivals reached.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) engine: Reached,
    pub(crate) gate: Reached,
    pub(crate) everyone: Reached,
    pub(crate) erlang_a: Reached,
    /// Whether the row is one of abandonment, where the policies can be compared.
    pub(crate) is_comparable: bool,
}

/// The outcomes of a case without the engine.
struct Rivals {
    gate: Outcome,
    everyone: Outcome,
    erlang_a: Outcome,
    /// Abandonment with nobody let in.
    nobody: f64,
    bound: Option<f64>,
    /// The busy factor of the fixed threshold with the best net; where a busy factor is the goal.
    threshold: Option<f64>,
}

fn simulate(case: &Case, rule: Rule) -> Outcome {
    run_with(&case.scenario, case.seed, case.hours, rule, case.period(), case.changes, |_, _| {})
}

/// Runs a case by all its algorithms and the rivals. `title` is that of its set.
pub(crate) fn rows(title: &str, case: &Case) -> Vec<Row> {
    let (gate, everyone) = (simulate(case, GATE), simulate(case, Rule::Everyone));
    let unasked = case.scenario.habits.unasked.peak() > 0.0 || case.has_proactive();
    let nobody = if unasked { case.judged(&simulate(case, Rule::Nobody)).abandonment() } else { 0.0 };
    let threshold = case.is_busy_factor().then(|| {
        let outcomes = THRESHOLDS.map(|threshold| simulate(case, Rule::Threshold(threshold)).all);
        let best = outcomes.iter().max_by(|a, b| case.net(a).total_cmp(&case.net(b)));
        best.map(Books::busy_at_work).unwrap_or_default()
    });
    let rivals =
        Rivals { gate, everyone, erlang_a: simulate(case, Rule::ErlangA), nobody, bound: best(case), threshold };
    case.algorithms.iter().map(|algorithm| row(title, case, *algorithm, &rivals)).collect()
}

fn row(title: &str, case: &Case, algorithm: Algorithm, rivals: &Rivals) -> Row {
    let options = Options { algorithm, ..case.options };
    let outcome = simulate(case, Rule::Engine(options));
    let first = first_hours(case, options);
    let at_no_cost = Options { abandonment_cost: 0.0, ..options };
    let spent = case.is_target(rivals).then(|| simulate(case, Rule::Engine(at_no_cost)));
    let november = november(title, case, algorithm);
    let reached = |outcome: &Outcome| {
        let judged = case.judged(outcome);
        Reached { abandonment: judged.abandonment(), net: case.net(&judged), worst_hour: worst_hour(outcome, 1.0) }
    };
    let figures = Figures {
        engine: reached(&outcome),
        gate: reached(&rivals.gate),
        everyone: reached(&rivals.everyone),
        erlang_a: reached(&rivals.erlang_a),
        is_comparable: !case.is_busy_factor() && case.options.proactive_ratio == 0 && !case.is_invited(),
    };
    let all = case.judged(&outcome);
    let proactive = (all.proactive_entered > 0).then(|| all.proactive_abandonment());
    let spent_all = spent.as_ref().map(|spent| case.judged(spent));
    let cells = [
        (10, percent(Some(all.abandonment()))),
        (6, percent(Some(standard_error(case, &outcome)))),
        (7, percent(worst_hour(&outcome, 0.99))),
        (6, percent(Some(first))),
        (8, percent(proactive)),
        (6, percent(Some(all.busy_at_work()))),
        (7, percent(Some(case.net(&all)))),
        (9, percent(Some(all.reactive_at_work()))),
        (7, percent((all.offered > 0).then(|| all.admission()))),
        (9, percent(spent_all.map(|all| all.abandonment()))),
        (6, percent(spent_all.map(|all| all.busy_at_work()))),
        (7, percent(rivals.bound)),
        (9, percent(Some(figures.gate.abandonment))),
        (6, percent(Some(figures.gate.net))),
        (8, percent(Some(figures.everyone.abandonment))),
        (6, percent(Some(figures.everyone.net))),
        (8, percent(november.map(|november| november.abandonment))),
        (6, percent(november.map(|november| november.net))),
        (8, percent(Some(figures.erlang_a.abandonment))),
        (6, percent(Some(figures.erlang_a.net))),
    ];
    let mut text = format!("{:<34} {:<17} ", case.name, name(algorithm));
    for (width, cell) in cells {
        text.push_str(&" ".repeat(width - cell.chars().count().min(width)));
        text.push_str(&cell);
    }
    let mut bars = Bars { case, algorithm, misses: Vec::new() };
    bars.limit(&outcome, first, rivals);
    bars.worth(&figures, november);
    if let (Some(spent), Some(all)) = (&spent, &spent_all) {
        bars.limit(spent, first_hours(case, at_no_cost), rivals);
        bars.target(all, rivals);
    }
    bars.open(&all, &figures);
    bars.busy_factor(&all, rivals);
    bars.ratio(&all, november);
    Row { text, misses: bars.misses, figures }
}

/// The bars that a run misses.
struct Bars<'a> {
    case: &'a Case,
    algorithm: Algorithm,
    misses: Vec<String>,
}

impl Bars<'_> {
    fn bar(&mut self, holds: bool, what: String) {
        if !holds {
            self.misses.push(format!("{} by {}: {what}", self.case.name, name(self.algorithm)));
        }
    }

    /// Whether the algorithm is for groups of this size; outside of it, it works, and keeps the
    /// limit.
    fn is_in_range(&self) -> bool {
        let slots = self.case.scenario.staff.peak() * self.case.scenario.slots_per_agent;
        match self.algorithm {
            Algorithm::SuperProgressive | Algorithm::SuperProgressiveDual => slots <= 30,
            Algorithm::PredictiveB | Algorithm::PredictiveBDual => slots >= 30,
            Algorithm::External => false,
        }
    }

    /// Abandonment within the goal, where "let nobody in" keeps it.
    fn limit(&mut self, outcome: &Outcome, first: f64, rivals: &Rivals) {
        let (goal, tolerance) = (self.case.goal(), self.case.tolerance());
        if self.case.is_busy_factor() || rivals.nobody > goal {
            return;
        }
        let abandonment = self.case.judged(outcome).abandonment();
        self.bar(abandonment <= goal + tolerance, format!("limit: {:.2} % abandoned", 100.0 * abandonment));
        let worst = worst_hour(outcome, 0.99).filter(|_| !self.case.skips_hours());
        self.bar(
            worst.is_none_or(|worst| worst <= 2.0 * goal),
            format!("an hour of {:.2} %", 100.0 * worst.unwrap_or(0.0)),
        );
        self.bar(first <= 2.0 * goal, format!("a first hour of {:.2} %", 100.0 * first));
    }

    /// Net as good as that of the best rival that keeps the goal; abandonment as low as the lowest
    /// where none does.
    fn worth(&mut self, figures: &Figures, november: Option<Reached>) {
        let is_invited_only = self.case.is_invited() && self.case.options.proactive_ratio == 0;
        if !figures.is_comparable && !is_invited_only {
            return;
        }
        if !self.is_in_range() {
            return;
        }
        let most = self.case.goal() + self.case.tolerance();
        let rivals = [Some(figures.gate), Some(figures.everyone), november];
        let keeps = |rival: &Reached| rival.abandonment <= most;
        match rivals.iter().flatten().filter(|rival| keeps(rival)).map(|rival| rival.net).reduce(f64::max) {
            Some(best) => self.bar(
                figures.engine.net >= best - 0.005,
                format!("net {:.2}, of a rival {:.2}", 100.0 * figures.engine.net, 100.0 * best),
            ),
            None => {
                let lowest = rivals.iter().flatten().map(|rival| rival.abandonment).fold(1.0, f64::min);
                self.bar(
                    figures.engine.abandonment <= lowest,
                    format!("abandonment over {:.2} %, of a rival", 100.0 * lowest),
                );
            }
        }
    }

    /// With an abandonment cost of 0 the goal is a target.
    fn target(&mut self, spent: &Books, rivals: &Rivals) {
        if !self.is_in_range() {
            return;
        }
        let off = spent.abandonment() - self.case.goal();
        self.bar(off.abs() <= self.case.tolerance(), format!("target: {:.2} % abandoned", 100.0 * spent.abandonment()));
        if let Some(bound) = rivals.bound {
            let busy = spent.busy_factor();
            self.bar(busy >= bound - 0.01, format!("target: {:.2} % busy, bound {:.2}", 100.0 * busy, 100.0 * bound));
        }
    }

    /// Nobody is turned away where everyone could be let in.
    fn open(&mut self, all: &Books, figures: &Figures) {
        let loses_nothing = figures.everyone.net >= figures.gate.net.max(figures.engine.net);
        if figures.is_comparable && figures.everyone.abandonment < 0.5 * self.case.goal() && loses_nothing {
            self.bar(all.admission() >= 0.99, format!("{:.2} % let in, all could be", 100.0 * all.admission()));
        }
    }

    fn busy_factor(&mut self, all: &Books, rivals: &Rivals) {
        let Some(threshold) = rivals.threshold else { return };
        let (goal, busy) = (self.case.goal(), all.busy_at_work());
        let suffices = rivals.everyone.all.busy_at_work() > goal;
        self.bar(busy <= goal + 0.01, format!("{:.2} % busy", 100.0 * busy));
        self.bar(
            !suffices || busy >= goal.min(threshold) - 0.01,
            format!("{:.2} % busy, a threshold {:.2}", 100.0 * busy, 100.0 * threshold),
        );
    }

    fn ratio(&mut self, all: &Books, november: Option<Reached>) {
        let ratio = f64::from(self.case.options.proactive_ratio) / 100.0;
        if ratio <= 0.0 {
            return;
        }
        let share = all.reactive_at_work();
        self.bar(share <= 1.0 - ratio + 0.01, format!("reactive share {:.2} %", 100.0 * share));
        let goal = self.case.goal();
        let is_small = self.case.scenario.staff.peak() * self.case.scenario.slots_per_agent < 30;
        let most = if is_small { 1.2 * goal } else { goal + self.case.tolerance() };
        let abandonment = all.proactive_abandonment();
        self.bar(abandonment <= most, format!("{:.2} % of the proactive ones abandoned", 100.0 * abandonment));
        if let Some(november) = november {
            let net = self.case.net(all);
            self.bar(
                net >= november.net - 0.06,
                format!("net {:.2}, November's {:.2}", 100.0 * net, 100.0 * november.net),
            );
        }
    }
}

/// Abandonment in the first hour after a start, over several starts.
fn first_hours(case: &Case, options: Options) -> f64 {
    let mut sum = Books::default();
    for start in 0..STARTS {
        if sum.entered() >= FIRST_ENTRIES {
            break;
        }
        let seed = case.seed + 1_000 * (start + 1);
        let rule = Rule::Engine(options);
        sum += run_with(&case.scenario, seed, 1.0, rule, case.period(), Changes::default(), |_, _| {}).all;
    }
    sum.abandonment()
}

/// What the engine of November reached in a row.
fn november(title: &str, case: &Case, algorithm: Algorithm) -> Option<Reached> {
    let section = NOVEMBER.split_once(&format!("\n{title}\n"))?.1;
    let start = format!("{:<36} {:<18}", case.name, name(algorithm));
    let row = section.lines().find_map(|line| line.strip_prefix(&start))?;
    let mut numbers = row.split_whitespace().map(|number| number.parse::<f64>().unwrap_or(0.0) / 100.0);
    let (abandonment, _, net) = (numbers.next()?, numbers.next()?, numbers.next()?);
    Some(Reached { abandonment, net, worst_hour: None })
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
    if slots > BOUND_SLOTS || !case.is_plain() || case.is_busy_factor() || case.options.proactive_ratio > 0 {
        return None;
    }
    let model = Model {
        slots,
        reactive_rate: scenario.visitors.peak(),
        proactive_rate: proactive.at(0.0),
        handle_time,
        patience,
        refresh_period: case.period(),
        goal: case.goal(),
    };
    bound(&model).map(|bound| bound.busy_factor)
}

const fn name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::SuperProgressive => "SUPER_PROG.",
        Algorithm::SuperProgressiveDual => "SUPER_PROG._DUAL",
        Algorithm::PredictiveB => "PREDICTIVE_B",
        Algorithm::PredictiveBDual => "PREDICTIVE_B_DUAL",
        Algorithm::External => "EXTERNAL",
    }
}

/// The given quantile of abandonment over the clock hours that can be judged.
pub(crate) fn worst_hour(outcome: &Outcome, quantile: f64) -> Option<f64> {
    let judged = outcome.hours.iter().filter(|hour| hour.entered() >= ENTRIES_TO_JUDGE);
    let mut hours: Vec<f64> = judged.map(Books::abandonment).collect();
    hours.sort_by(f64::total_cmp);
    let index = (quantile * hours.len() as f64).ceil() as usize;
    hours.get(index.saturating_sub(1)).copied()
}

/// The standard error of the abandonment, from hour to hour.
fn standard_error(case: &Case, outcome: &Outcome) -> f64 {
    let all = case.judged(outcome);
    let square = |hour: &Books| (hour.abandoned() as f64 - all.abandonment() * hour.entered() as f64).powi(2);
    let squares: f64 = case.judged_hours(outcome).map(square).sum();
    squares.sqrt() / (all.entered() as f64).max(1.0)
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "–".into(), |share| format!("{:.2}", 100.0 * share))
}

impl Case {
    /// The refresh period, seconds.
    pub(crate) fn period(&self) -> f64 {
        self.options.refresh_period.as_secs_f64()
    }

    /// The goal, 0..1: the last one, where it changes.
    pub(crate) fn goal(&self) -> f64 {
        self.changes.goal.map_or(self.options.optimization_goal, |(_, goal)| goal) / 100.0
    }

    /// By how much abandonment may be off the goal.
    fn tolerance(&self) -> f64 {
        f64::max(0.002, self.goal() / 15.0)
    }

    fn net(&self, books: &Books) -> f64 {
        books.net(self.scenario.handle_time.mean())
    }

    fn is_busy_factor(&self) -> bool {
        self.options.optimization_target == OptimizationTarget::BusyFactor
    }

    fn is_invited(&self) -> bool {
        matches!(self.scenario.proactive, Proactive::Invitations { .. })
    }

    fn has_proactive(&self) -> bool {
        matches!(&self.scenario.proactive, Proactive::Uncontrolled(curve) if curve.peak() > 0.0)
    }

    /// The hours that count: from an hour after the goal was changed on, and not those in which
    /// nobody asks.
    fn judged_hours<'a>(&self, outcome: &'a Outcome) -> impl Iterator<Item = &'a Books> {
        let from = self.changes.goal.map_or(0, |(hour, _)| hour as usize + 1);
        let step = if self.skips_hours() { 2 } else { 1 };
        outcome.hours.iter().skip(from).step_by(step)
    }

    /// Every other hour has a stretch in which everyone enters without asking: there is no limit
    /// then.
    fn skips_hours(&self) -> bool {
        let unasked = &self.scenario.habits.unasked;
        unasked.peak() >= 1.0
    }

    fn judged(&self, outcome: &Outcome) -> Books {
        self.judged_hours(outcome).fold(Books::default(), |mut sum, hour| {
            sum += *hour;
            sum
        })
    }

    /// Even demand on a group of which nothing changes, and statistics that say everything at once.
    fn is_plain(&self) -> bool {
        let scenario = &self.scenario;
        (scenario.visitors.at(0.0) - scenario.visitors.peak()).abs() < 1e-12
            && scenario.staff.next_change(0.0).is_infinite()
            && *scenario
                == contact_centre::Scenario {
                    visitors: scenario.visitors.clone(),
                    staff: scenario.staff.clone(),
                    proactive: scenario.proactive.clone(),
                    handle_time: scenario.handle_time,
                    patience: scenario.patience,
                    network: scenario.network,
                    collector: scenario.collector,
                    slots_per_agent: scenario.slots_per_agent,
                    ..contact_centre::Scenario::default()
                }
            && scenario.collector.fields == contact_centre::Fields::ALL
            && scenario.collector.totals_every <= 0.0
            && scenario.collector.abandoned_every <= 0.0
            && self.changes.goal.is_none()
            && self.changes.restart_every.is_none()
    }

    /// Whether the goal can be a target: demand suffices, evenly.
    fn is_target(&self, rivals: &Rivals) -> bool {
        self.is_plain()
            && !self.is_busy_factor()
            && self.options.proactive_ratio == 0
            && !self.is_invited()
            && rivals.everyone.all.abandonment() > self.goal() + self.tolerance()
    }
}
