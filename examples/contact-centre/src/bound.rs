//! The best that any rule can reach: an exact bound, by dynamic programming, on the busy factor of
//! one group.
//!
//! The rule sees the number in the system (busy and queued) at each refresh, and holds its
//! admission probability until the next one. Demand is Poisson, handle times and patience are
//! exponential, so that number is all there is to know. Maximising the busy factor while abandoned
//! ≤ goal × entered is then a constrained Markov decision process. Both sides of the constraint are
//! linear in the occupation measure, so (Altman 1999, chapters 4 and 12):
//! - at the right *price* on the excess, abandoned − goal × entered, an unconstrained optimum meets
//!   the goal;
//! - where two policies tie at that price, a mixture of the two is the optimum, and its value is
//!   their mixture.
//!
//! Rates are per second, times in seconds.

mod process;

use crate::erlang;
use process::{Action, Gains, IMPROVEMENT, Objective, Policy, Process};

/// Admission probabilities tried in every state before refinement: 0, 1/50, …, 1.
const COARSE_STEPS: u32 = 50;

/// Halvings of the step around the probabilities in use. The loss falls with the square of the
/// step: 5e-4 of the busy factor on the coarse grid at thirty times the slots' service rate, under
/// 1e-8 after eight halvings.
const REFINEMENTS: u32 = 8;

/// Probability, with everyone let in, of more in the system than are modelled.
const UNMODELLED: f64 = 1e-12;

/// More in the system than this are not modelled: so long a queue keeps 40 slots busy whatever
/// comes, and a rule that lets it grow further only adds abandonment.
const LARGEST_POPULATION: usize = 400;

/// Rounds of the search for the price; it ends by itself after about ten.
const ROUNDS: u32 = 60;

/// One group and its traffic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Model {
    /// Interactions that can be in progress at once, 1..=40 (more is exact too: 300 take half a
    /// second).
    pub slots: u32,
    /// Demand that the rule may refuse, per second, ≥ 0; up to a hundred times what the slots can
    /// serve, beyond which the refined grid of admission probabilities is coarse.
    pub reactive_rate: f64,
    /// Traffic that always enters, per second, ≥ 0.
    pub proactive_rate: f64,
    /// Mean handle time in seconds, > 0.
    pub handle_time: f64,
    /// Mean patience in seconds, > 0.
    pub patience: f64,
    /// Seconds for which an admission probability is held, > 0.
    pub refresh_period: f64,
    /// The share of those who entered that may abandon, in 0..1.
    pub goal: f64,
}

/// What a rule reaches in the long run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    /// Share of the slots in use, averaged over time.
    pub busy_factor: f64,
    /// Share of those who entered that abandoned.
    pub abandonment: f64,
    /// Share of the reactive demand that was let in; 1 where there is no demand.
    pub admitted: f64,
}

/// The most that any rule reaches within the goal. `None`: the proactive traffic alone misses the
/// goal, so every rule does; or there is no traffic at all.
pub fn bound(model: &Model) -> Option<Bound> {
    let demand = model.reactive_rate + model.proactive_rate;
    if demand <= 0.0 {
        return None;
    }
    // p = 1 throughout needs no refresh: its steady state is Erlang A's. Nothing keeps the slots
    // busier.
    let open = erlang::erlang_a(demand, model.handle_time, model.patience, model.slots);
    if open.abandonment <= model.goal {
        return Some(Bound { busy_factor: open.busy_factor, abandonment: open.abandonment, admitted: 1.0 });
    }
    // In the empty state one visitor more adds, in the long run, the share of the proactive traffic
    // that abandons (the optimality equation there: gain = rate × the step in value), and more in
    // every other. So where that traffic alone misses the goal, reactive visitors cannot dilute it,
    // however quiet the moment.
    if model.proactive_rate > 0.0 {
        let rate = model.proactive_rate;
        let alone = erlang::erlang_a(rate, model.handle_time, model.patience, model.slots);
        if alone.abandonment > model.goal {
            return None;
        }
    }
    let shares = (0..=COARSE_STEPS).map(|step| f64::from(step) / f64::from(COARSE_STEPS));
    let mut process = Process::new(model, population(model), shares);
    let mut step = 1.0 / f64::from(COARSE_STEPS);
    let mut bracket = process.bracket();
    process.search(&mut bracket);
    for _ in 0..REFINEMENTS {
        step *= 0.5;
        process.refine(&bracket, step);
        process.search(&mut bracket);
    }
    Some(process.mixture(&bracket))
}

/// What the rule reaches that admits with probability `share(number)` when it sees `number` in the
/// system at a refresh, 0..=1: the measure of hand-written rules, by the same transitions as the
/// bound's.
pub fn value(model: &Model, share: impl Fn(usize) -> f64) -> Bound {
    let mut process = Process::new(model, population(model), []);
    for number in 0..=process.top {
        let action = process.hold(number, share(number));
        process.actions[number].push(action);
    }
    let gains = process.evaluate(&vec![0; process.top + 1]).gains;
    process.in_shares(&gains)
}

/// The largest number in the system that is modelled.
fn population(model: &Model) -> usize {
    let demand = model.reactive_rate + model.proactive_rate;
    // Births only grow with p, so under every rule the number is stochastically at most that of p =
    // 1.
    let all = erlang::population(demand, model.handle_time, model.patience, model.slots);
    let mut above = 0.0;
    let cut = all.probabilities.iter().rev().take_while(|probability| {
        above += *probability;
        above < UNMODELLED
    });
    let top = all.first + all.probabilities.len() - cut.count();
    top.clamp(model.slots as usize + 1, LARGEST_POPULATION.max(2 * model.slots as usize))
}

/// Two policies with the goal between them.
struct Bracket {
    /// Misses the goal.
    over: Policy,
    /// Meets the goal.
    within: Policy,
}

impl Process<'_> {
    /// Adds, around the probabilities that the two policies use, those one step away.
    fn refine(&mut self, bracket: &Bracket, step: f64) {
        for number in 0..=self.top {
            for policy in [&bracket.over, &bracket.within] {
                let share = self.actions[number][policy.choices[number]].share;
                for finer in [share - step, share + step] {
                    let close = |known: &Action| (known.share - finer).abs() < 0.5 * step;
                    if (0.0..=1.0).contains(&finer) && !self.actions[number].iter().any(close) {
                        let action = self.hold(number, finer);
                        self.actions[number].push(action);
                    }
                }
            }
        }
    }

    /// The policy that lets everyone in, and the one that lets nobody in.
    fn bracket(&self) -> Bracket {
        // The probabilities were given in rising order.
        let open = self.actions.iter().map(|actions| actions.len() - 1);
        Bracket { over: self.evaluate(&open.collect::<Vec<_>>()), within: self.evaluate(&vec![0; self.top + 1]) }
    }

    /// Moves the two policies to where they tie and no third does better: the vertices of the
    /// Lagrangian dual, reached by cutting planes (Kelley 1960) in finitely many rounds, where
    /// bisection would only come near.
    fn search(&self, bracket: &mut Bracket) {
        let goal = self.model.goal;
        for _ in 0..ROUNDS {
            let (over, within) = (&bracket.over.gains, &bracket.within.gains);
            let objective =
                Objective { price: (over.busy - within.busy) / (over.excess(goal) - within.excess(goal)), goal };
            let tie = objective.of(within);
            let third = self.improve(&bracket.within.choices, objective);
            if objective.of(&third.gains) - tie <= IMPROVEMENT {
                break;
            }
            if third.gains.excess(goal) > 0.0 {
                bracket.over = third;
            } else {
                bracket.within = third;
            }
        }
    }

    /// The mixture of the two policies that meets the goal exactly.
    fn mixture(&self, bracket: &Bracket) -> Bound {
        let (over, within) = (&bracket.over.gains, &bracket.within.gains);
        let (above, below) = (over.excess(self.model.goal), within.excess(self.model.goal));
        let weight = -below / (above - below);
        let mix = |over: f64, within: f64| weight * over + (1.0 - weight) * within;
        self.in_shares(&Gains {
            busy: mix(over.busy, within.busy),
            abandoned: mix(over.abandoned, within.abandoned),
            entered: mix(over.entered, within.entered),
        })
    }

    fn in_shares(&self, gains: &Gains) -> Bound {
        let model = self.model;
        let entered_rate = gains.entered * f64::from(model.slots) / model.handle_time;
        let reactive = entered_rate - model.proactive_rate;
        Bound {
            busy_factor: gains.busy,
            abandonment: if gains.entered > 0.0 { gains.abandoned / gains.entered } else { 0.0 },
            admitted: if model.reactive_rate > 0.0 { (reactive / model.reactive_rate).clamp(0.0, 1.0) } else { 1.0 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::erlang::{erlang_a, erlang_a_rate};

    fn model(slots: u32, demand: f64, proactive: f64, refresh_period: f64) -> Model {
        let capacity = f64::from(slots) / 300.0;
        Model {
            slots,
            reactive_rate: demand * capacity,
            proactive_rate: proactive * capacity,
            handle_time: 300.0,
            patience: 60.0,
            refresh_period,
            goal: 0.03,
        }
    }

    #[track_caller]
    fn close(got: f64, expected: f64, within: f64) {
        assert!((got - expected).abs() <= within, "{got} is not {expected} within {within}");
    }

    #[test]
    fn letting_everyone_in_is_erlang_a_at_any_refresh_period() {
        for (slots, demand, proactive) in [(1, 0.7, 0.0), (3, 1.5, 0.4), (5, 4.0, 0.0)] {
            for refresh_period in [0.2, 5.0, 100.0] {
                let model = model(slots, demand, proactive, refresh_period);
                let rate = model.reactive_rate + model.proactive_rate;
                let steady = erlang_a(rate, model.handle_time, model.patience, slots);
                let held = value(&model, |_| 1.0);
                close(held.busy_factor, steady.busy_factor, 1e-9);
                close(held.abandonment, steady.abandonment, 1e-9);
                close(held.admitted, 1.0, 1e-9);
            }
        }
    }

    /// The best that a rule reaches which watches all the time: let in below a threshold, and with
    /// some probability at it. A birth–death chain in closed form, without any of the code above.
    fn continuous_review(model: &Model) -> f64 {
        let slots = f64::from(model.slots);
        let at = |threshold: usize, fraction: f64| {
            let (mut weight, mut total, mut busy, mut abandoned) = (1.0, 0.0, 0.0, 0.0);
            for number in 0..=threshold + 60 {
                let count = number as f64;
                let queued = (count - slots).max(0.0);
                total += weight;
                busy += weight * count.min(slots) / slots;
                abandoned += weight * queued / model.patience;
                let share = match number.cmp(&threshold) {
                    std::cmp::Ordering::Less => 1.0,
                    std::cmp::Ordering::Equal => fraction,
                    std::cmp::Ordering::Greater => 0.0,
                };
                let up = model.proactive_rate + share * model.reactive_rate;
                let next = count + 1.0;
                let leaving = next.min(slots) / model.handle_time;
                weight *= up / (leaving + (next - slots).max(0.0) / model.patience);
            }
            // What enters is served or gives up.
            let served = slots * busy / model.handle_time;
            (busy / total, abandoned / (abandoned + served))
        };
        let threshold = (0..60).rev().find(|&threshold| at(threshold, 0.0).1 <= model.goal);
        let threshold = threshold.unwrap_or(0);
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if at(threshold, middle).1 <= model.goal {
                low = middle;
            } else {
                high = middle;
            }
        }
        at(threshold, low).0
    }

    #[test]
    fn short_periods_approach_the_rule_that_watches_all_the_time() {
        for (slots, demand, proactive) in [(1, 20.0, 0.0), (3, 10.0, 0.2), (5, 2.0, 0.0)] {
            let watching = continuous_review(&model(slots, demand, proactive, 1.0));
            let gap = |refresh_period: f64| {
                let best = bound(&model(slots, demand, proactive, refresh_period)).unwrap();
                watching - best.busy_factor
            };
            let (long, short) = (gap(0.1), gap(0.05));
            assert!(0.0 < short && short < 0.001, "{slots}: {short}");
            // The loss is of the first order in the period, so its extrapolation to none at all is
            // of the second.
            assert!((2.0 * short - long).abs() < 0.2 * short, "{long} {short}");
        }
    }

    /// A dense matrix exponential by Taylor series and squaring: slow, short and unlike
    /// uniformisation.
    fn exponential(mut matrix: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
        let size = matrix.len();
        matrix.iter_mut().flatten().for_each(|entry| *entry /= 1024.0);
        let unit = |row: usize| (0..size).map(move |column| f64::from(u8::from(row == column)));
        let mut sum: Vec<Vec<f64>> = (0..size).map(|row| unit(row).collect()).collect();
        let mut term = sum.clone();
        for order in 1..12 {
            term = product(&term, &matrix);
            term.iter_mut().flatten().for_each(|entry| *entry /= f64::from(order));
            for (entry, added) in sum.iter_mut().flatten().zip(term.iter().flatten()) {
                *entry += added;
            }
        }
        (0..10).fold(sum, |power, _| product(&power, &power))
    }

    fn product(left: &[Vec<f64>], right: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let entry =
            |row: &Vec<f64>, column: usize| row.iter().zip(right).map(|(factor, other)| factor * other[column]).sum();
        let columns = right[0].len();
        left.iter().map(|row| (0..columns).map(|column| entry(row, column)).collect()).collect()
    }

    #[test]
    fn a_tiny_case_equals_the_best_of_all_policies_and_their_mixtures() {
        const SHARES: [f64; 3] = [0.0, 0.5, 1.0];
        for (slots, demand, proactive, refresh_period, goal) in
            [(1, 2.0, 0.0, 60.0, 0.12), (2, 1.5, 0.1, 30.0, 0.06), (2, 3.0, 0.0, 100.0, 0.2)]
        {
            let model = Model { goal, ..model(slots, demand, proactive, refresh_period) };
            let top = 4;
            // Per share: the generator over a period, with three columns more that gather busy,
            // abandoned, entered.
            let held = SHARES.map(|share| {
                let mut generator = vec![vec![0.0; top + 4]; top + 4];
                for (number, row) in generator.iter_mut().enumerate().take(top + 1) {
                    let busy = number.min(slots as usize) as f64;
                    let giving_up = (number as f64 - busy) / model.patience;
                    let down = busy / model.handle_time + giving_up;
                    let up = if number < top { model.proactive_rate + share * model.reactive_rate } else { 0.0 };
                    row[number] = -(up + down);
                    if number > 0 {
                        row[number - 1] = down;
                    }
                    if number < top {
                        row[number + 1] = up;
                    }
                    row[top + 1..].copy_from_slice(&[busy, giving_up, up]);
                    row.iter_mut().for_each(|rate| *rate *= refresh_period);
                }
                exponential(generator)
            });
            let mut reached = Vec::new();
            for code in 0..SHARES.len().pow(top as u32 + 1) {
                let choices = (0..=top).map(|number| code / SHARES.len().pow(number as u32) % SHARES.len());
                let rows: Vec<&Vec<f64>> = choices.enumerate().map(|(number, choice)| &held[choice][number]).collect();
                let step: Vec<Vec<f64>> = rows.iter().map(|row| row[..=top].to_vec()).collect();
                let mut far = (0..12).fold(step, |power, _| product(&power, &power));
                let gathered: Vec<Vec<f64>> = rows.iter().map(|row| row[top + 1..].to_vec()).collect();
                far.truncate(1);
                let [busy, abandoned, entered] = product(&far, &gathered)[0][..] else {
                    panic!("three columns were gathered");
                };
                let busy = busy / f64::from(slots) / refresh_period;
                reached.push((busy, abandoned - goal * entered));
            }
            let mut best = 0.0;
            for (over, above) in reached.iter().filter(|reached| reached.1 > 0.0) {
                for (within, below) in reached.iter().filter(|reached| reached.1 <= 0.0) {
                    let weight = -below / (above - below);
                    best = f64::max(best, weight * over + (1.0 - weight) * within);
                }
            }
            let process = Process::new(&model, top, SHARES);
            let mut bracket = process.bracket();
            process.search(&mut bracket);
            let mixture = process.mixture(&bracket);
            assert!(best > 0.1, "nothing is let in");
            close(mixture.busy_factor, best, 1e-9);
            close(mixture.abandonment, goal, 1e-9);
        }
    }

    #[test]
    fn no_hand_written_rule_within_the_goal_does_better() {
        for model in [model(1, 1.5, 0.0, 2.0), model(3, 4.0, 0.2, 5.0), model(4, 2.0, 0.0, 20.0)] {
            let best = bound(&model).unwrap();
            close(best.abandonment, model.goal, 1e-9);
            let expected = model.reactive_rate * model.refresh_period;
            let rate = erlang_a_rate(model.goal, 300.0, 60.0, model.slots) - model.proactive_rate;
            let fixed = (rate / model.reactive_rate).max(0.0);
            let mut within = vec![value(&model, |_| fixed)];
            for step in 0..60 {
                // Up to a number, with a share in the state at it; and as many as fill up to a
                // number.
                let number = f64::from(step) / 5.0;
                within.push(value(&model, |seen| (number - seen as f64).clamp(0.0, 1.0)));
                within.push(value(&model, |seen| ((number - seen as f64) / expected).clamp(0.0, 1.0)));
            }
            let slack = 1e-9;
            within.retain(|rule| rule.abandonment <= model.goal + slack);
            assert!(within.len() > 10, "{} rules are no test", within.len());
            let closest = within.iter().map(|rule| rule.busy_factor).fold(0.0, f64::max);
            assert!(closest <= best.busy_factor + slack, "{closest} {best:?}");
            assert!(closest > 0.9 * best.busy_factor, "{closest} {best:?}");
        }
    }

    #[test]
    fn what_enters_is_served_or_gives_up() {
        for model in [model(1, 1.5, 0.0, 2.0), model(3, 4.0, 0.2, 5.0)] {
            let best = bound(&model).unwrap();
            let entered = model.proactive_rate + best.admitted * model.reactive_rate;
            let served = best.busy_factor * f64::from(model.slots) / model.handle_time;
            close(served / entered, 1.0 - best.abandonment, 1e-9);
        }
    }

    #[test]
    fn a_laxer_goal_and_a_shorter_period_never_do_worse() {
        let mut least = 0.0;
        for goal in [0.001, 0.01, 0.03, 0.1, 0.3] {
            let model = Model { goal, ..model(2, 2.0, 0.0, 5.0) };
            let busy = bound(&model).unwrap().busy_factor;
            assert!(busy > least, "goal {goal}");
            least = busy;
        }
        // Each period divides the one before, so its rules can do all that those can.
        let mut least = 0.0;
        for refresh_period in [80.0, 40.0, 20.0, 5.0, 1.0] {
            let busy = bound(&model(2, 2.0, 0.0, refresh_period)).unwrap().busy_factor;
            assert!(busy > least, "period {refresh_period}");
            least = busy;
        }
    }

    #[test]
    fn a_finer_grid_from_the_start_finds_no_more_than_refinement_does() {
        for model in [model(2, 30.0, 0.0, 5.0), model(3, 1.5, 0.2, 2.0)] {
            let shares = (0..=1600).map(|step| f64::from(step) / 1600.0);
            let process = Process::new(&model, 25, shares);
            let mut bracket = process.bracket();
            process.search(&mut bracket);
            let fine = process.mixture(&bracket).busy_factor;
            let gained = bound(&model).unwrap().busy_factor - fine;
            assert!((-1e-9..2e-6).contains(&gained), "{gained}");
        }
    }

    #[test]
    fn where_demand_keeps_the_goal_everyone_is_let_in() {
        let model = model(10, 0.3, 0.1, 2.0);
        let best = bound(&model).unwrap();
        close(best.admitted, 1.0, 0.0);
        close(best.busy_factor, value(&model, |_| 1.0).busy_factor, 1e-9);
        assert!(best.abandonment < model.goal);
    }

    #[test]
    fn no_reactive_visitor_dilutes_what_the_proactive_abandon() {
        // Just beyond what the proactive traffic may be alone, even to let in only at the emptiest
        // is to do worse.
        let rate = 1.001 * erlang_a_rate(0.03, 300.0, 60.0, 2);
        for admitted_below in 1..4 {
            let model = Model { proactive_rate: rate, ..model(2, 1.0, 0.0, 2.0) };
            assert_eq!(bound(&model), None);
            for share in [0.0, 0.01, 0.1, 1.0] {
                let rule = |seen| if seen < admitted_below { share } else { 0.0 };
                assert!(value(&model, rule).abandonment > model.goal);
            }
        }
    }

    #[test]
    fn the_goal_is_reached_with_as_much_proactive_traffic_as_keeps_it_alone() {
        let model = Model { proactive_rate: 0.999 * erlang_a_rate(0.03, 300.0, 60.0, 2), ..model(2, 1.0, 0.0, 2.0) };
        close(bound(&model).unwrap().abandonment, model.goal, 1e-9);
    }

    #[test]
    fn too_much_proactive_traffic_has_no_bound() {
        assert_eq!(bound(&model(2, 1.0, 1.5, 2.0)), None);
        assert_eq!(bound(&model(2, 0.0, 1.5, 2.0)), None);
        assert_eq!(bound(&model(2, 0.0, 0.0, 2.0)), None);
    }

    #[test]
    fn the_proactive_traffic_is_paid_for_by_the_reactive() {
        let alone = bound(&model(3, 2.0, 0.0, 2.0)).unwrap();
        let beside = bound(&model(3, 2.0, 0.1, 2.0)).unwrap();
        assert!(beside.busy_factor < alone.busy_factor);
        assert!(beside.admitted < alone.admitted - 0.05);
    }
}
