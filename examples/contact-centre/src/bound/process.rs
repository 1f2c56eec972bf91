//! The decision process behind the bound: what one admission probability does over one refresh
//! period, what a policy brings in the long run, and which policy is the best at a price.
//!
//! Time counts in refresh periods, the slots in use as a share, and visitors in units of what the
//! slots can serve in a period: all gains are then of the order of one.

use super::Model;

/// Transition probabilities under this are left out, and the rest scaled to sum to 1.
const NEGLIGIBLE: f64 = 1e-15;

/// Poisson weights under this, relative to the likeliest, are left out: under the rounding of a
/// double.
const LIGHT: f64 = 1e-18;

/// Gain per period under which a change of policy is taken for rounding.
pub(super) const IMPROVEMENT: f64 = 1e-11;

/// Rounds of policy iteration; it ends by itself after about ten.
const ROUNDS: u32 = 60;

/// What a period, or a policy in the long run per period, brings: of each a share of what the slots
/// can do.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Gains {
    pub(super) busy: f64,
    pub(super) abandoned: f64,
    pub(super) entered: f64,
}

impl Gains {
    pub(super) fn excess(&self, goal: f64) -> f64 {
        self.abandoned - goal * self.entered
    }
}

/// One admission probability held for a period from one state on.
#[derive(Clone, Debug)]
pub(super) struct Action {
    pub(super) share: f64,
    pub(super) gains: Gains,
    /// Where the period ends: the probability of state `first`, `first + 1`, …
    pub(super) first: usize,
    pub(super) probabilities: Vec<f64>,
}

/// A choice of action in every state, with its long-run gains and its relative values (biases) by
/// state.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    pub(super) choices: Vec<usize>,
    pub(super) gains: Gains,
    values: Vec<Gains>,
}

/// What is maximised: busy factor − `price` × excess.
#[derive(Clone, Copy, Debug)]
pub(super) struct Objective {
    pub(super) price: f64,
    pub(super) goal: f64,
}

impl Objective {
    pub(super) fn of(&self, gains: &Gains) -> f64 {
        gains.busy - self.price * gains.excess(self.goal)
    }
}

/// The decision process: the states 0..=top, and what each action does over one period.
pub(super) struct Process<'a> {
    pub(super) model: &'a Model,
    pub(super) top: usize,
    pub(super) actions: Vec<Vec<Action>>,
    /// Rate of the Poisson clock that uniformises the chain (Jensen 1953): no state is left faster.
    clock: f64,
    /// Probability of k ticks of that clock within a period.
    ticks: Vec<f64>,
}

impl<'a> Process<'a> {
    pub(super) fn new(model: &'a Model, top: usize, shares: impl IntoIterator<Item = f64>) -> Self {
        let clock = model.reactive_rate + model.proactive_rate + departure_rate(model, top);
        let mut process = Self {
            model,
            top,
            actions: vec![Vec::new(); top + 1],
            clock,
            ticks: poisson(clock * model.refresh_period),
        };
        for share in shares {
            for number in 0..=top {
                let action = process.hold(number, share);
                process.actions[number].push(action);
            }
        }
        process
    }

    /// One period from `start` on, with reactive demand admitted with probability `share`.
    pub(super) fn hold(&self, start: usize, share: f64) -> Action {
        let model = self.model;
        let arrival = (model.proactive_rate + share * model.reactive_rate) / self.clock;
        // The chain moves by one at a tick, so it stays in this window.
        let lowest = start.saturating_sub(self.ticks.len());
        let highest = (start + self.ticks.len()).min(self.top);
        let steps: Vec<(f64, f64)> = (lowest..=highest)
            .map(|number| {
                let up = if number < self.top { arrival } else { 0.0 };
                (up, departure_rate(model, number) / self.clock)
            })
            .collect();
        let width = steps.len();
        let (mut now, mut next) = (vec![0.0; width], vec![0.0; width]);
        let (mut end, mut sojourn) = (vec![0.0; width], vec![0.0; width]);
        now[start - lowest] = 1.0;
        let mut later = 1.0;
        for &tick in &self.ticks {
            // ∫P{N(t)=k}dt over the period = P{N(period)>k} / clock: the mean time spent between
            // ticks k and k+1.
            later = f64::max(later - tick, 0.0);
            for at in 0..width {
                end[at] += tick * now[at];
                sojourn[at] += later * now[at];
                let (up, down) = steps[at];
                let mut mass = now[at] * (1.0 - up - down);
                if at > 0 {
                    mass += now[at - 1] * steps[at - 1].0;
                }
                if at + 1 < width {
                    mass += now[at + 1] * steps[at + 1].1;
                }
                next[at] = mass;
            }
            std::mem::swap(&mut now, &mut next);
        }

        let slots = f64::from(model.slots);
        let mut gains = Gains::default();
        // Seconds in a state → share of the period; then → visitors, in units of what the slots
        // serve in a period.
        let visitors = model.handle_time / slots;
        for (offset, ticks) in sojourn.iter().enumerate() {
            let number = lowest + offset;
            let share_of_time = ticks / (self.clock * model.refresh_period);
            let (busy, queued) = occupancy(model, number);
            gains.busy += share_of_time * busy / slots;
            gains.abandoned += share_of_time * visitors * queued / model.patience;
            gains.entered += share_of_time * visitors * steps[offset].0 * self.clock;
        }
        let kept = |probability: &f64| *probability > NEGLIGIBLE;
        let from = end.iter().position(kept).unwrap_or(0);
        let to = end.iter().rposition(kept).map_or(width, |last| last + 1);
        let total: f64 = end[from..to].iter().sum();
        Action {
            share,
            gains,
            first: lowest + from,
            probabilities: end[from..to].iter().map(|mass| mass / total).collect(),
        }
    }

    /// Policy iteration (Howard 1960) from `choices` on.
    pub(super) fn improve(&self, choices: &[usize], objective: Objective) -> Policy {
        let mut policy = self.evaluate(choices);
        for _ in 0..ROUNDS {
            let values: Vec<f64> = policy.values.iter().map(|gains| objective.of(gains)).collect();
            let worth = |action: &Action| {
                let ahead = values[action.first..].iter().zip(&action.probabilities);
                objective.of(&action.gains) + ahead.map(|(value, probability)| value * probability).sum::<f64>()
            };
            let mut choices = policy.choices.clone();
            for (choice, actions) in choices.iter_mut().zip(&self.actions) {
                let mut best = worth(&actions[*choice]) + IMPROVEMENT;
                for (index, action) in actions.iter().enumerate() {
                    let worth = worth(action);
                    if worth > best {
                        (*choice, best) = (index, worth);
                    }
                }
            }
            if choices == policy.choices {
                break;
            }
            policy = self.evaluate(&choices);
        }
        policy
    }

    /// Solves gain + value(n) = gains(n) + Σ P(n, j)·value(j), value(0) = 0, for all three gains at
    /// once.
    pub(super) fn evaluate(&self, choices: &[usize]) -> Policy {
        let size = self.top + 1;
        // Unknowns: value(1), …, value(top), gain. State 0 is reached from everywhere, so there is
        // one solution.
        let mut rows: Vec<Vec<f64>> = Vec::with_capacity(size);
        for (number, (actions, &choice)) in self.actions.iter().zip(choices).enumerate() {
            let action = &actions[choice];
            let mut row = vec![0.0; size + 3];
            for (offset, probability) in action.probabilities.iter().enumerate() {
                if let Some(column) = (action.first + offset).checked_sub(1) {
                    row[column] -= probability;
                }
            }
            if let Some(column) = number.checked_sub(1) {
                row[column] += 1.0;
            }
            row[size - 1] = 1.0;
            let Gains { busy, abandoned, entered } = action.gains;
            row[size..].copy_from_slice(&[busy, abandoned, entered]);
            rows.push(row);
        }
        let solved = solve(rows);
        let gains = solved[size - 1];
        let mut values = vec![Gains::default()];
        values.extend_from_slice(&solved[..size - 1]);
        Policy { choices: choices.to_vec(), gains, values }
    }
}

/// Gaussian elimination with partial pivoting; each row ends with its three right-hand sides.
fn solve(mut rows: Vec<Vec<f64>>) -> Vec<Gains> {
    let size = rows.len();
    for column in 0..size {
        let steepest =
            (column..size).max_by(|&one, &other| rows[one][column].abs().total_cmp(&rows[other][column].abs()));
        rows.swap(column, steepest.unwrap_or(column));
        let (done, left) = rows.split_at_mut(column + 1);
        let pivot = &done[column];
        for row in left {
            let factor = row[column] / pivot[column];
            // Most of the matrix is empty: a period changes the number by a few only.
            if factor != 0.0 {
                for (entry, above) in row[column..].iter_mut().zip(&pivot[column..]) {
                    *entry -= factor * above;
                }
            }
        }
    }
    let mut solved = vec![Gains::default(); size];
    for column in (0..size).rev() {
        let row = &rows[column];
        let mut sum = Gains { busy: row[size], abandoned: row[size + 1], entered: row[size + 2] };
        for (entry, known) in row[column + 1..size].iter().zip(&solved[column + 1..]) {
            sum.busy -= entry * known.busy;
            sum.abandoned -= entry * known.abandoned;
            sum.entered -= entry * known.entered;
        }
        solved[column] = Gains {
            busy: sum.busy / row[column],
            abandoned: sum.abandoned / row[column],
            entered: sum.entered / row[column],
        };
    }
    solved
}

/// Busy and queued when `number` are in the system.
fn occupancy(model: &Model, number: usize) -> (f64, f64) {
    let slots = f64::from(model.slots);
    let number = number as f64;
    (number.min(slots), (number - slots).max(0.0))
}

fn departure_rate(model: &Model, number: usize) -> f64 {
    let (busy, queued) = occupancy(model, number);
    busy / model.handle_time + queued / model.patience
}

/// The probabilities of 0, 1, … of a Poisson number, up to a tail of no weight (Fox & Glynn 1988:
/// outwards from the likeliest number, so that nothing underflows that matters).
fn poisson(mean: f64) -> Vec<f64> {
    let mode = mean as usize;
    let mut weights = vec![0.0; mode + 1];
    weights[mode] = 1.0;
    for number in (0..mode).rev() {
        weights[number] = weights[number + 1] * (number + 1) as f64 / mean;
    }
    let mut weight = 1.0;
    let mut number = mode;
    while weight > LIGHT {
        number += 1;
        weight *= mean / number as f64;
        weights.push(weight);
    }
    let total: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / total).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn close(got: f64, expected: f64, within: f64) {
        assert!((got - expected).abs() <= within, "{got} is not {expected} within {within}");
    }

    #[test]
    fn one_period_is_binomial_plus_poisson_when_patience_equals_the_handle_time() {
        // Then everyone leaves at the same rate, waiting or not: M/M/∞, whose transient law is
        // known.
        let model = Model {
            slots: 2,
            reactive_rate: 0.02,
            proactive_rate: 0.003,
            handle_time: 300.0,
            patience: 300.0,
            refresh_period: 40.0,
            goal: 0.03,
        };
        let process = Process::new(&model, 30, []);
        let stay = (-40.0_f64 / 300.0).exp();
        for (start, share) in [(0, 1.0), (3, 0.4), (7, 0.0)] {
            let rate = model.proactive_rate + share * model.reactive_rate;
            let mean = rate * 300.0 * (1.0 - stay);
            let mut law = vec![0.0; 31];
            law[0] = (-mean).exp();
            for number in 1..=30 {
                law[number] = law[number - 1] * mean / number as f64;
            }
            for _ in 0..start {
                for number in (1..=30).rev() {
                    law[number] = (1.0 - stay) * law[number] + stay * law[number - 1];
                }
                law[0] *= 1.0 - stay;
            }
            let action = process.hold(start, share);
            for (number, expected) in law.iter().enumerate() {
                let offset = number.checked_sub(action.first);
                let got = offset.and_then(|offset| action.probabilities.get(offset));
                close(got.copied().unwrap_or(0.0), *expected, 1e-12);
            }
            // The mean number falls exponentially towards rate × 300, so its time average is known
            // too.
            let limit = rate * 300.0;
            let average = limit + (start as f64 - limit) * (1.0 - stay) * 300.0 / 40.0;
            let queued = action.gains.abandoned * 2.0;
            close(action.gains.busy * 2.0 + queued, average, 1e-9);
            close(action.gains.entered, rate * 150.0, 1e-9);
        }
    }
}
