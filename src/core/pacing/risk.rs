//! The marginal risk: the probability that one more visitor, allowed within the horizon, abandons.
//! Computes how many may enter at a price: by an exact sum over small numbers ([`exact`]), or by a
//! normal approximation of constant cost ([`normal`]). Results are finite and within `0..=limit`.

use libm::{erfc, exp, log1p, sqrt};

/// The seats from now until the horizon.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Seats {
    /// Interactions that can begin at once.
    pub(super) free: f64,
    /// Interactions in progress.
    pub(super) busy: f64,
    pub(super) queued: f64,
    /// Probability, 0..=1, that an interaction in progress ends before the horizon.
    pub(super) ending: f64,
    /// θ ÷ Nμ, > 0.
    pub(super) impatience: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Room {
    /// The mean number that may enter, 0..=limit.
    pub(super) mean: f64,
    /// The marginal risk, 0..=1, if `limit` enter.
    pub(super) risk_of_all: f64,
}

/// The most terms of a sum: for means up to [`MEAN_EXACT`] and six deviations more.
const TERMS: usize = 64;
/// The largest mean for exact sums; above it the normal form is close to exact.
const MEAN_EXACT: f64 = 24.0;
/// Probability that may be left out at the end of a sum.
const TAIL: f64 = 1e-9;
/// The most steps to a root. Newton's method needs four to seven, bisection twenty.
const STEPS: usize = 24;
/// The step, in visitors, at which a root is good enough.
const CLOSE_ENOUGH: f64 = 1e-5;
/// The largest probability of an end, so that the recurrence of the binomial does not divide by 0.
const ENDING_AT_MOST: f64 = 1.0 - 1e-9;

impl Seats {
    /// Risk of the visitor at `place` in line: `kθ/(Nμ + kθ)` for exponential times (Garnett,
    /// Mandelbaum & Reiman 2002, section 2, to first order).
    fn risk_at(&self, place: f64) -> f64 {
        let pressure = place.max(0.0) * self.impatience;
        pressure / (1.0 + pressure)
    }
}

/// The form for small groups: exact sums over entries (Poisson) and seats that come free
/// (binomial). Falls back to the normal form where the numbers are too large.
pub(super) fn exact(seats: &Seats, price: f64, limit: f64) -> Room {
    let ending = seats.ending.min(ENDING_AT_MOST);
    if seats.busy * ending > MEAN_EXACT {
        return normal(seats, price, limit);
    }
    // Probabilities of the seats that come free, by recurrence from none.
    let mut freed = [0.0; TERMS];
    let (mut probability, odds) = (exp(seats.busy * log1p(-ending)), ending / (1.0 - ending));
    let (mut sum, mut support, mut number) = (0.0, 0, 0.0);
    for term in &mut freed {
        *term = probability;
        sum += probability;
        support += 1;
        if number >= seats.busy || sum >= 1.0 - TAIL {
            break;
        }
        probability *= odds * (seats.busy - number) / (number + 1.0);
        number += 1.0;
    }
    // The risk of one more after each number of entries, as the mean over the seats that come free.
    let summed = limit.min(MEAN_EXACT);
    let terms = (summed + 6.0 * sqrt(summed) + 6.0).min(TERMS as f64) as usize;
    let (mut risk, mut place) = ([0.0; TERMS], 1.0 + seats.queued - seats.free);
    for value in risk.iter_mut().take(terms) {
        let mut of_freed = place;
        for probability in freed.iter().take(support) {
            *value += probability * seats.risk_at(of_freed);
            of_freed -= 1.0;
        }
        place += 1.0;
    }
    let risk = risk.get(..terms).unwrap_or(&risk);
    let room = largest_mean(price, summed, |mean| poisson_mean(risk, mean));
    if limit > MEAN_EXACT && room.mean >= MEAN_EXACT { normal(seats, price, limit) } else { room }
}

/// The form for large groups: entries and seats as normal numbers, and the risk at the mean place
/// in line, `E[(·)⁺] = σφ(z/σ) + zΦ(z/σ)`. The risk is concave, so its value at the mean is too
/// large rather than too small.
pub(super) fn normal(seats: &Seats, price: f64, limit: f64) -> Room {
    let mean_seats = seats.free - seats.queued + seats.busy * seats.ending;
    let variance_seats = seats.busy * seats.ending * (1.0 - seats.ending);
    largest_mean(price, limit, |mean| {
        let (z, deviation) = (mean + 1.0 - mean_seats, sqrt((mean + variance_seats).max(TAIL)));
        let density = exp(-0.5 * (z / deviation) * (z / deviation)) * 0.398_942_280_401_432_7; // 1/√(2π)
        let below = 0.5 * erfc(-z / deviation * core::f64::consts::FRAC_1_SQRT_2);
        let place = (deviation * density + z * below).max(0.0);
        let slope = below + 0.5 * density / deviation;
        let pressure = 1.0 + place * seats.impatience;
        (seats.risk_at(place), slope * seats.impatience / (pressure * pressure))
    })
}

/// The mean of `values[K]`, `K ~ Poisson(mean)`, and its derivative.
fn poisson_mean(values: &[f64], mean: f64) -> (f64, f64) {
    let (mut probability, mut rest) = (exp(-mean), 1.0);
    let (mut value, mut slope, mut number) = (0.0, 0.0, 0.0);
    for pair in values.windows(2) {
        value += probability * pair[0];
        slope += probability * (pair[1] - pair[0]);
        rest -= probability;
        number += 1.0;
        probability *= mean / number;
    }
    // The values beyond are at least the last one.
    (value + rest.max(0.0) * values.last().copied().unwrap_or(0.0), slope)
}

/// The largest mean in `0..=limit` with risk ≤ price. `risk` returns value and slope.
fn largest_mean(price: f64, limit: f64, risk: impl Fn(f64) -> (f64, f64)) -> Room {
    let (risk_of_all, mut slope) = risk(limit);
    if risk_of_all <= price {
        return Room { mean: limit, risk_of_all };
    }
    let (risk_of_none, _) = risk(0.0);
    if risk_of_none >= price {
        return Room { mean: 0.0, risk_of_all };
    }
    let (mut low, mut high, mut mean, mut value) = (0.0, limit, limit, risk_of_all);
    for _ in 0..STEPS {
        // Newton's step if it stays between the bounds, else bisection.
        let step = mean - (value - price) / slope;
        let next = if step > low && step < high { step } else { 0.5 * (low + high) };
        let moved = next - mean;
        mean = next;
        if moved.abs() < CLOSE_ENOUGH {
            break;
        }
        (value, slope) = risk(mean);
        if value > price {
            high = mean;
        } else {
            low = mean;
        }
    }
    Room { mean, risk_of_all }
}

#[cfg(test)]
#[path = "risk_tests.rs"]
mod tests;
