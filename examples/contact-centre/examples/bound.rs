//! Prints the bound for groups of 1 to 40 slots at refresh periods of 1, 2 and 5 seconds, beside
//! the best fixed rate.
//!
//! `cargo run --release -p contact-centre --example bound`

use std::time::Instant;

use contact_centre::bound::{Model, bound};
use contact_centre::erlang::{erlang_a, erlang_a_rate};

/// Handle time and patience in seconds, as the daemon assumes them until statistics say better.
const HANDLE_TIME: f64 = 300.0;
const PATIENCE: f64 = 60.0;

/// Demand, in units of what the slots can serve.
const DEMAND: f64 = 1.5;

/// The share of those who entered that may abandon.
const GOAL: f64 = 0.03;

fn main() {
    println!("slots  refresh  busy factor  abandonment  admitted  fixed rate  computed in");
    for slots in [1, 2, 5, 10, 20, 30, 40] {
        for refresh_period in [1.0, 2.0, 5.0] {
            let model = Model {
                slots,
                reactive_rate: DEMAND * f64::from(slots) / HANDLE_TIME,
                proactive_rate: 0.0,
                handle_time: HANDLE_TIME,
                patience: PATIENCE,
                refresh_period,
                goal: GOAL,
            };
            let rate = erlang_a_rate(GOAL, HANDLE_TIME, PATIENCE, slots).min(model.reactive_rate);
            let fixed = erlang_a(rate, HANDLE_TIME, PATIENCE, slots).busy_factor;
            let start = Instant::now();
            let Some(best) = bound(&model) else {
                println!("{slots:>5}  {refresh_period:>5} s  out of reach");
                continue;
            };
            println!(
                "{slots:>5}  {refresh_period:>5} s  {:>9.3} %  {:>9.3} %  {:>6.2} %  {:>8.2} %  {:>8} ms",
                100.0 * best.busy_factor,
                100.0 * best.abandonment,
                100.0 * best.admitted,
                100.0 * fixed,
                start.elapsed().as_millis(),
            );
        }
    }
}
