//! Steady state of one group: Erlang B (no waiting room), Erlang C (endless patience), Erlang A
//! (abandonment).
//!
//! Nothing here overflows: the weights of the birth–death chain are taken relative to its most
//! likely state, so that ten thousand servers cost a few thousand additions. Rates are per second,
//! times are in seconds.

/// Share of the total weight that a cut tail may hold: well under the rounding of a double.
const CUT: f64 = 1e-18;

/// Halvings of the bracket in [`erlang_a_rate`]: more than a double has bits, so the last ones
/// change nothing.
const HALVINGS: u32 = 64;

/// What Erlang A says of a group in steady state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ErlangA {
    /// Probability that an arrival has to wait.
    pub wait_probability: f64,
    /// Share of the arrivals that gave up while waiting.
    pub abandonment: f64,
    /// Mean wait in seconds of all arrivals: those served at once, those served later, those who
    /// gave up.
    pub mean_wait: f64,
    /// Share of the servers in use.
    pub busy_factor: f64,
}

/// How many are in an Erlang A system, busy and waiting: the distribution in steady state.
#[derive(Clone, Debug, PartialEq)]
pub struct Population {
    /// The least number that has a weight worth keeping.
    pub first: usize,
    /// Probability of `first`, `first + 1`, …; reaches at least to the number of servers, sums to
    /// 1.
    pub probabilities: Vec<f64>,
}

/// Erlang B: share of the arrivals lost when nobody can wait. `load` is arrival rate × handle time.
pub fn erlang_b(load: f64, servers: u32) -> f64 {
    // The recursion of Jagerman 1974: all its terms are in 0..=1, so it may underflow but never
    // overflow.
    (1..=servers).fold(1.0, |lost, server| load * lost / (f64::from(server) + load * lost))
}

/// Erlang C: probability of waiting when nobody gives up. 1 where the load is more than the servers
/// can carry.
pub fn erlang_c(load: f64, servers: u32) -> f64 {
    let servers_all = f64::from(servers);
    if load >= servers_all {
        return 1.0;
    }
    let lost = erlang_b(load, servers);
    servers_all * lost / (servers_all - load * (1.0 - lost))
}

/// The distribution of the number in an Erlang A system (Garnett, Mandelbaum & Reiman 2002, section
/// 2).
///
/// All arguments are finite and > 0. An endless `patience` is allowed where the servers can carry
/// the load.
pub fn population(arrival_rate: f64, handle_time: f64, patience: f64, servers: u32) -> Population {
    let all = f64::from(servers);
    let departure_rate = |number: usize| {
        let number = number as f64;
        number.min(all) / handle_time + (number - all).max(0.0) / patience
    };
    // Departures grow with the number, so the likeliest state is the last one that arrivals still
    // outrun.
    let load = arrival_rate * handle_time;
    let mode = if load <= all { load } else { all + (arrival_rate - all / handle_time) * patience } as usize;

    let mut total = 1.0;
    let mut above = Vec::new();
    let (mut weight, mut number) = (1.0, mode);
    loop {
        let ratio = arrival_rate / departure_rate(number + 1);
        weight *= ratio;
        number += 1;
        above.push(weight);
        total += weight;
        // The ratios only fall from here on, so a geometric series bounds what is left out. The cut
        // is measured against the last part of the sum that anyone asks for: P{wait>0} may itself
        // be far under 1.
        let waiting_from = (servers as usize).saturating_sub(mode + 1);
        let scale = above.get(waiting_from).copied();
        if weight == 0.0 || scale.is_some_and(|scale| weight * ratio <= CUT * scale.min(1.0) * (1.0 - ratio)) {
            break;
        }
    }
    let mut below = Vec::new();
    let (mut weight, mut number) = (1.0, mode);
    while number > 0 {
        let ratio = departure_rate(number) / arrival_rate;
        weight *= ratio;
        number -= 1;
        below.push(weight);
        total += weight;
        if weight * ratio <= CUT * total * (1.0 - ratio) {
            break;
        }
    }

    let weights = below.iter().rev().chain([&1.0]).chain(&above);
    let mut probabilities: Vec<f64> = weights.map(|weight| weight / total).collect();
    // After an underflow the states up to the last server are still there, with nothing in them.
    let least = (servers as usize + 1).saturating_sub(number);
    probabilities.resize(probabilities.len().max(least), 0.0);
    Population { first: number, probabilities }
}

/// Erlang A in steady state: Poisson arrivals, exponential handle times and patience.
///
/// All arguments are finite and > 0. An endless `patience` is allowed where the servers can carry
/// the load. Source: Garnett, Mandelbaum & Reiman 2002.
pub fn erlang_a(arrival_rate: f64, handle_time: f64, patience: f64, servers: u32) -> ErlangA {
    let all = f64::from(servers);
    let population = population(arrival_rate, handle_time, patience, servers);
    let (mut waiting_share, mut busy, mut queued) = (0.0, 0.0, 0.0);
    for (offset, probability) in population.probabilities.iter().enumerate() {
        let number = (population.first + offset) as f64;
        busy += probability * number.min(all);
        queued += probability * (number - all).max(0.0);
        if number >= all {
            waiting_share += probability;
        }
    }
    // Poisson arrivals see time averages; Little's law turns the mean queue into the mean wait.
    let mean_wait = queued / arrival_rate;
    ErlangA { wait_probability: waiting_share, abandonment: mean_wait / patience, mean_wait, busy_factor: busy / all }
}

/// The largest arrival rate per second at which Erlang A's abandonment is at most `goal` (a share,
/// 0 < goal < 1).
pub fn erlang_a_rate(goal: f64, handle_time: f64, patience: f64, servers: u32) -> f64 {
    // Abandonment grows with the rate. The servers carry at most servers / handle_time, so at this
    // upper end at least the goal's share must give up, whatever the patience.
    let (mut low, mut high) = (0.0, f64::from(servers) / handle_time / (1.0 - goal));
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if erlang_a(middle, handle_time, patience, servers).abandonment <= goal {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn close(got: f64, expected: f64, relative: f64) {
        assert!((got - expected).abs() <= relative * expected.abs(), "{got} is not {expected} within {relative}");
    }

    #[test]
    fn erlang_b_and_c_give_the_published_values() {
        for (load, servers, lost, waits) in [
            (2.0, 3, 0.210_526_315_8, 0.444_444_444_4),
            (8.0, 10, 0.121_661_064_3, 0.409_180_150_8),
            (10.0, 15, 0.036_496_945_47, 0.102_042_367),
            (25.0, 30, 0.052_603_172_23, 0.249_893_166_9),
            (48.0, 50, 0.083_337_353_49, 0.694_455_611_2),
        ] {
            close(erlang_b(load, servers), lost, 1e-9);
            close(erlang_c(load, servers), waits, 1e-9);
        }
        close(erlang_b(20.0, 10), 0.537_963_168_632_072_9, 1e-14);
        close(erlang_b(200.0, 190), 0.088_696_843_869_235_61, 1e-13);
        close(erlang_b(5.0, 200), 5.31667e-238, 1e-5);
    }

    #[test]
    fn erlang_a_gives_the_published_values() {
        // Arrivals per minute, handle time and patience in minutes, servers; P{wait>0}, P{abandon},
        // wait in seconds.
        for (rate, handle, patience, servers, waits, abandons, wait) in [
            (48.0, 1.0, 2.0, 50, 0.46777407, 0.03091225, 3.70947),
            (10.0, 1.0, 1.0, 10, 0.54207029, 0.12511004, 7.50660),
            (2.0, 5.0, 2.0, 10, 0.44204389, 0.15243804, 18.29257),
            (1.0, 5.0, 1.0, 5, 0.40633982, 0.23648031, 14.18882),
            (0.5, 6.0, 1.5, 3, 0.45438612, 0.28885441, 25.99690),
            (100.0, 1.0, 2.0, 100, 0.59670314, 0.03303015, 3.96362),
        ] {
            let steady = erlang_a(rate / 60.0, handle * 60.0, patience * 60.0, servers);
            close(steady.wait_probability, waits, 1e-6);
            close(steady.abandonment, abandons, 1e-6);
            close(steady.mean_wait, wait, 1e-6);
        }
        close(erlang_a(0.8, 60.0, 120.0, 50).busy_factor, 0.930324, 1e-6);
    }

    #[test]
    fn what_enters_is_served_or_gives_up() {
        for (rate, handle, patience, servers) in
            [(0.01, 300.0, 60.0, 1), (0.2, 300.0, 60.0, 40), (1.0, 300.0, 600.0, 20), (33.0, 300.0, 60.0, 10_000)]
        {
            let steady = erlang_a(rate, handle, patience, servers);
            let served = steady.busy_factor * f64::from(servers) / handle;
            close(served + steady.abandonment * rate, rate, 1e-12);
        }
    }

    #[test]
    fn no_patience_is_erlang_b() {
        let steady = erlang_a(10.0, 1.0, 1e-9, 12);
        close(steady.abandonment, erlang_b(10.0, 12), 1e-6);
    }

    #[test]
    fn endless_patience_is_erlang_c() {
        for patience in [1e12, f64::INFINITY] {
            let steady = erlang_a(48.0, 1.0, patience, 50);
            close(steady.wait_probability, erlang_c(48.0, 50), 1e-9);
            close(steady.mean_wait, erlang_c(48.0, 50) / (50.0 - 48.0), 1e-9);
        }
    }

    #[test]
    fn patience_as_long_as_the_handle_time_is_a_poisson_population() {
        let below: f64 = (0..10).map(|k| (1..=k).fold((-10.0_f64).exp(), |term, i| term * 10.0 / f64::from(i))).sum();
        close(erlang_a(10.0, 1.0, 1.0, 10).wait_probability, 1.0 - below, 1e-12);
    }

    #[test]
    fn ten_thousand_servers_neither_overflow_nor_vanish() {
        for load in [1.0, 100.0, 9_000.0, 10_000.0, 15_000.0, 1e6] {
            for patience in [1e-3, 1.0, 1e3] {
                let steady = erlang_a(load, 1.0, patience, 10_000);
                for share in [steady.wait_probability, steady.abandonment, steady.busy_factor] {
                    assert!((0.0..=1.0 + 1e-12).contains(&share), "{load}: {steady:?}");
                }
                let carried = (load / 10_000.0).min(1.0);
                assert!((steady.busy_factor - carried).abs() < 0.02, "{steady:?}");
            }
        }
    }

    #[test]
    fn a_wait_too_rare_to_round_to_is_still_right() {
        // Patience 1/θ = handle time again: P(Poisson(5) ≥ 60) is its own first terms, about 5e-43.
        let first = (1..=60).fold((-5.0_f64).exp(), |term, i| term * 5.0 / f64::from(i));
        let tail = (61..90).fold((first, first), |(term, sum), i| {
            let term = term * 5.0 / f64::from(i);
            (term, sum + term)
        });
        close(erlang_a(5.0, 1.0, 1.0, 60).wait_probability, tail.1, 1e-12);
    }

    #[test]
    fn the_rate_allowed_is_the_one_that_meets_the_goal() {
        for (goal, servers) in [(0.03, 1), (0.03, 30), (0.01, 300), (0.5, 10), (0.03, 10_000)] {
            let rate = erlang_a_rate(goal, 300.0, 60.0, servers);
            close(erlang_a(rate, 300.0, 60.0, servers).abandonment, goal, 1e-9);
        }
    }
}
