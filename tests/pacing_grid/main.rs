//! The pacing engine against a simulated contact centre, in virtual time: the grid of scenarios, and its bars.
//!
//! The table is checked in, so that a change of the engine shows as a changed table. To write it anew:
//! `PACING_GRID=write cargo test --release --test pacing_grid`. Any other value runs the cases whose name contains it.
//! The same command draws the plot in `docs` anew.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails, in its helpers too")]

mod drive;
mod fleet;
mod plot;
mod scenarios;
mod table;

use std::io::Write as _;
use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

use contact_centre::{Curve, Fields, Scenario, Steps};
use drive::{Rule, run};
use pacingd::pacing::{Algorithm, Options};
use scenarios::Case;
use table::{HEADER, Row};

/// Runs the cases on two threads; the rows come in the order of the cases.
fn run_all(cases: &[Case]) -> Vec<Row> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(case) = cases.get(index) else { break };
                    let rows = table::rows(case);
                    done.lock().unwrap().push((index, rows));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().flat_map(|(_, rows)| rows).collect()
}

fn grid() -> (String, Vec<String>) {
    let only = std::env::var("PACING_GRID").unwrap_or_default();
    let mut text = String::new();
    let mut misses = Vec::new();
    for (title, mut cases) in [("tuned on", scenarios::tuned()), ("held out", scenarios::held_out())] {
        if !matches!(only.as_str(), "" | "write" | "november") {
            cases.retain(|case| format!("{title} {}", case.name).contains(&only));
        }
        text.push_str(&format!("{title}\n{HEADER}\n"));
        for row in run_all(&cases) {
            text.push_str(row.text.trim_end());
            text.push('\n');
            misses.extend(row.misses.into_iter().map(|miss| format!("{title}, {miss}")));
        }
    }
    (text, misses)
}

#[test]
fn every_bar_holds_on_the_grid_and_the_table_is_the_one_checked_in() {
    let (text, misses) = grid();
    // Past the capture of output that cargo test does, so that the table is seen where the tests are run.
    std::io::stdout().write_all(format!("\n{text}{}\n", misses.join("\n")).as_bytes()).unwrap();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots/pacing-grid.txt");
    match std::env::var("PACING_GRID").as_deref() {
        Ok("write") => std::fs::write(path, &text).unwrap(),
        Ok(_) => {}
        Err(_) => assert_eq!(text, std::fs::read_to_string(path).unwrap(), "the engine's results have changed"),
    }
    assert!(misses.is_empty(), "{}", misses.join("\n"));
}

#[test]
fn the_plot_shows_what_the_engine_does() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pacing-day.svg");
    let svg = plot::day();
    match std::env::var("PACING_GRID").as_deref() {
        Ok("write") => std::fs::write(path, &svg).unwrap(),
        Ok(_) => {}
        Err(_) => assert!(svg == std::fs::read_to_string(path).unwrap(), "the plot has changed: write it anew"),
    }
}

/// So many agents with everything else as usual, and the demand as a multiple of what they can do.
fn centre(agents: u32, load: impl FnOnce(f64) -> Curve) -> Scenario {
    Scenario { visitors: load(f64::from(agents) / 300.0), staff: Steps::constant(agents), ..Scenario::default() }
}

fn paced(algorithm: Algorithm) -> Rule {
    Rule::Engine(Options { algorithm, ..Options::default() })
}

#[test]
fn a_spike_after_a_calm_day_does_not_cash_in_unused_abandonment() {
    for (agents, algorithm) in [(30, Algorithm::SuperProgressiveDual), (60, Algorithm::PredictiveBDual)] {
        // A first spike teaches the price; then ten hours with next to no abandonment, then the spike again.
        let spike = |from: f64, load: f64| [(from, 3.0 * load), (from + 1800.0, 0.3 * load)];
        let day = |load: f64| {
            let [a, b] = spike(3_600.0, load);
            let [c, d] = spike(39_600.0, load);
            Curve::steps(&[(0.0, 0.3 * load), a, b, c, d])
        };
        let outcome = run(&centre(agents, day), 5, 12.0, paced(algorithm), 2.0, |_, _| {});
        let spike = outcome.hours[11];
        assert!(spike.entered() > 250, "{agents} agents: {} entered", spike.entered());
        assert!(spike.abandonment() < 0.06, "{agents} agents: {} of {}", spike.abandoned(), spike.entered());
    }
}

#[test]
fn a_cold_start_under_tenfold_demand_is_careful() {
    for (agents, algorithm) in [(5, Algorithm::SuperProgressiveDual), (100, Algorithm::PredictiveBDual)] {
        let scenario = centre(agents, |load| Curve::constant(10.0 * load));
        let first = run(&scenario, 6, 1.0, paced(algorithm), 2.0, |_, _| {}).hours[0];
        assert!(first.abandonment() < 0.06, "{agents} agents: {} of {}", first.abandoned(), first.entered());
        assert!(first.busy_factor() > 0.85, "{agents} agents: {}", first.busy_factor());
    }
}

#[test]
fn statistics_that_say_ready_alone_still_pace() {
    let mut scenario = centre(20, |load| Curve::constant(1.5 * load));
    scenario.collector.fields = Fields::NONE;
    let all = run(&scenario, 7, 10.0, paced(Algorithm::SuperProgressiveDual), 2.0, |_, _| {}).all;
    assert!(all.abandonment() < 0.05 && all.busy_factor() > 0.85, "{all:?}");
}

#[test]
fn a_jump_in_demand_closes_the_door_before_a_queue_has_built_up() {
    let scenario = centre(50, |load| Curve::steps(&[(0.0, 0.5 * load), (3_600.0, 4.0 * load)]));
    let (mut opened, mut soon) = (1.0, 1.0);
    run(&scenario, 8, 1.5, paced(Algorithm::PredictiveBDual), 2.0, |centre, probability| {
        if centre.now() <= 3_600.0 {
            opened = probability;
        } else if centre.now() <= 3_720.0 {
            soon = probability.min(soon);
        }
    });
    assert!(opened > 0.99 && soon < 0.5, "{opened}, then {soon}");
}
