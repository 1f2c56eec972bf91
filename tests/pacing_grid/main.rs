//! The pacing engine against a simulated contact centre, in virtual time: the grid of scenarios,
//! and its bars.
//!
//! The table is checked in, so that a change of the engine shows as a changed table. To write it
//! anew: `PACING_GRID=write cargo test --test pacing_grid`. Any other value runs the cases whose
//! name contains it. The same command draws the plots in `docs` anew.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails, in its helpers too")]

mod drive;
mod fleet;
mod plot;
mod scenarios;
mod table;

use core::time::Duration;
use std::io::Write as _;
use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

use contact_centre::{Centre, Curve, Fields, Happening, Scenario, Snapshot, Steps, Times};
use drive::{Core, Rule, run};
use pacingd::pacing::{Algorithm, Options};
use scenarios::{Case, nobody_asks};
use table::{Figures, HEADER, Reached, Row};

/// Runs the cases on two threads; the rows come in the order of the cases.
fn run_all(title: &str, cases: &[Case]) -> Vec<Row> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(case) = cases.get(index) else { break };
                    let rows = table::rows(title, case);
                    done.lock().unwrap().push((index, rows));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().flat_map(|(_, rows)| rows).collect()
}

fn grid() -> String {
    let only = std::env::var("PACING_GRID").unwrap_or_default();
    let mut text = String::new();
    let mut misses = Vec::new();
    for (title, mut cases) in [("tuned on", scenarios::tuned()), ("held out", scenarios::held_out())] {
        if !matches!(only.as_str(), "" | "write") {
            cases.retain(|case| only.split('|').any(|only| format!("{title} {}", case.name).contains(only)));
        }
        text.push_str(&format!("{title}\n{HEADER}\n"));
        let rows = run_all(title, &cases);
        for row in &rows {
            text.push_str(row.text.trim_end());
            text.push('\n');
            misses.extend(row.misses.iter().map(|miss| format!("{title}, {miss}")));
        }
        text.push_str(&summary(&rows));
        text.push('\n');
    }
    // A bar that is missed stands in the table, so that a new one shows as a changed table.
    text.push_str("bars missed\n");
    misses.iter().for_each(|miss| text.push_str(&format!("{miss}\n")));
    text
}

/// Policies side by side over the rows whose goal is about abandonment: the mean abandonment, the
/// median, the worst hour with enough entries, and the mean net.
fn summary(rows: &[Row]) -> String {
    let mut text = String::from("policy      abandoned  median  worst hour    net\n");
    let figures: Vec<_> = rows.iter().map(|row| row.figures).filter(|figures| figures.is_comparable).collect();
    let of = |policy: fn(&Figures) -> Reached| figures.iter().map(policy).collect();
    let policies: [(&str, Vec<Reached>); 4] = [
        ("pacingd", of(|figures| figures.engine)),
        ("gate", of(|figures| figures.gate)),
        ("everyone in", of(|figures| figures.everyone)),
        ("Erlang A", of(|figures| figures.erlang_a)),
    ];
    for (name, reached) in policies {
        let count = reached.len().max(1) as f64;
        let mean = |of: fn(&Reached) -> f64| 100.0 * reached.iter().map(of).sum::<f64>() / count;
        let mut sorted: Vec<f64> = reached.iter().map(|reached| reached.abandonment).collect();
        sorted.sort_by(f64::total_cmp);
        let median = 100.0 * sorted.get(sorted.len() / 2).copied().unwrap_or_default();
        let worst = 100.0 * reached.iter().filter_map(|reached| reached.worst_hour).fold(0.0, f64::max);
        let (abandoned, net) = (mean(|reached| reached.abandonment), mean(|reached| reached.net));
        text.push_str(&format!("{name:<11} {abandoned:>9.2} {median:>7.2} {worst:>11.2} {net:>6.2}\n"));
    }
    text
}

#[test]
fn the_table_of_the_grid_and_of_the_bars_missed_is_the_one_checked_in() {
    let text = grid();
    // Past the capture of output that cargo test does, so that the table is seen where the tests
    // are run.
    std::io::stdout().write_all(format!("\n{text}").as_bytes()).unwrap();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots/pacing-grid.txt");
    match std::env::var("PACING_GRID").as_deref() {
        Ok("write") => std::fs::write(path, &text).unwrap(),
        Ok(_) => {}
        Err(_) => assert!(text == std::fs::read_to_string(path).unwrap(), "the engine's results have changed"),
    }
}

#[test]
fn the_plots_show_what_the_engine_does() {
    for (name, svg) in [("pacing-day.svg", plot::day()), ("pacing-cost.svg", plot::cost())] {
        let path = format!("{}/docs/{name}", env!("CARGO_MANIFEST_DIR"));
        match std::env::var("PACING_GRID").as_deref() {
            Ok("write") => std::fs::write(path, &svg).unwrap(),
            Ok(_) => {}
            Err(_) => assert!(svg == std::fs::read_to_string(path).unwrap(), "{name} has changed: write it anew"),
        }
    }
}

/// A group of `agents` with everything else as usual; `load` gives the demand for what they can do.
fn centre(agents: u32, load: impl FnOnce(f64) -> Curve) -> Scenario {
    Scenario { visitors: load(f64::from(agents) / 300.0), staff: Steps::constant(agents), ..Scenario::default() }
}

fn paced(algorithm: Algorithm) -> Rule {
    Rule::Engine(Options { algorithm, ..Options::default() })
}

#[test]
fn a_spike_after_a_calm_day_does_not_cash_in_unused_abandonment() {
    for (agents, algorithm) in [(30, Algorithm::SuperProgressiveDual), (60, Algorithm::PredictiveBDual)] {
        // A first spike teaches the price; then ten hours with next to no abandonment, then the
        // spike again.
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

/// Statistics lines that say what cannot be: `number` chooses the kind and the figures.
fn nonsense(number: u64, centre: &Centre) -> String {
    let mut line = Snapshot { time: None, ..centre.snapshot() };
    let large = 1 << (20 + number % 44);
    match number % 6 {
        0 => line.reactive_entered = Some(large),
        1 => line.abandoned = line.abandoned.map(|total| total + 50 + number),
        2 => (line.ready, line.free_slots, line.reactive) = (0, Some(0), Some(u32::MAX)),
        3 => line.queued = Some(number as u32 * 1_000),
        4 => line.handle_time = Some(1e6),
        _ => (line.reactive_entered, line.abandoned) = (Some(1 << 63), Some(1 << 63)),
    }
    centre.line(&line)
}

#[test]
fn a_minute_after_invalid_lines_the_answer_is_that_of_an_engine_that_received_none() {
    let options = Options { algorithm: Algorithm::PredictiveBDual, ..Options::default() };
    let clock = |second: u32| Duration::from_secs(3_600 + u64::from(second));
    for seed in 0..12 {
        let mut centre = Centre::new(&centre(40, |load| Curve::constant(1.3 * load)), seed);
        let (mut good, mut bad) = (Core::new(options), Core::new(options));
        let (mut probability, mut sums) = (1.0, [0.0; 2]);
        for second in 0..7_500_u32 {
            while let Some(happening) = centre.advance(second.into()) {
                match happening {
                    Happening::Visitor(visitor) => {
                        let _ = centre.admit(visitor, probability);
                    }
                    Happening::Statistics(snapshot) => {
                        let line = centre.line(&Snapshot { time: None, ..snapshot });
                        good.receive(clock(second), &line);
                        bad.receive(clock(second), &line);
                    }
                }
            }
            if (6_840..7_140).contains(&second) && second % 7 == 0 {
                bad.receive(clock(second), &nonsense(seed * 1_000 + u64::from(second), &centre));
            }
            if second % 2 == 0 {
                let state = |core: &mut Core| core.refresh(clock(second)).unwrap().reactive_state.unwrap();
                let states = [state(&mut good), state(&mut bad)];
                probability = states[0];
                if second >= 7_200 {
                    sums.iter_mut().zip(states).for_each(|(sum, state)| *sum += state / 150.0);
                }
            }
        }
        assert!((sums[0] - sums[1]).abs() <= 0.1, "seed {seed}: {sums:?}");
    }
}

#[test]
fn hours_in_which_everyone_enters_unasked_leave_no_trace_in_the_answer() {
    let mean = |until: f64, seed: u64| {
        let mut scenario = centre(40, |load| Curve::constant(1.3 * load));
        scenario.habits.unasked = Curve::steps(&[(0.0, 0.0), (3_600.0, 1.0), (until, 0.0)]);
        let (mut sum, mut count) = (0.0, 0.0);
        run(&scenario, seed, until / 3_600.0 + 0.2, paced(Algorithm::PredictiveBDual), 2.0, |centre, probability| {
            if (until + 60.0..until + 360.0).contains(&centre.now()) {
                (sum, count) = (sum + probability, count + 1.0);
            }
        });
        sum / count
    };
    let mut apart = 0.0;
    for seed in 0..8 {
        // Two hours of it, and none.
        apart += (mean(10_800.0, seed) - mean(3_600.0, seed)) / 8.0;
    }
    assert!(apart.abs() <= 0.1, "{apart}");
}

#[test]
fn late_entries_are_seen_and_nothing_else_is_taken_for_them() {
    let seen = |change: fn(&mut Scenario), entry_delay: u64| {
        let entry_delay = Duration::from_secs(entry_delay);
        let options = Options { algorithm: Algorithm::PredictiveBDual, entry_delay, ..Options::default() };
        let mut scenario = centre(40, |load| Curve::constant(1.5 * load));
        change(&mut scenario);
        let (mut centre, mut core, mut probability) = (Centre::new(&scenario, 9), Core::new(options), 1.0);
        for second in 0..36_000_u32 {
            let now = Duration::from_secs(3_600 + u64::from(second));
            while let Some(happening) = centre.advance(second.into()) {
                match happening {
                    Happening::Visitor(visitor) => {
                        let _ = centre.admit(visitor, probability);
                    }
                    Happening::Statistics(snapshot) => core.receive(now, &centre.line(&snapshot)),
                }
            }
            if second % 2 == 0 {
                probability = core.refresh(now).and_then(|prediction| prediction.reactive_state).unwrap_or(0.0);
            }
        }
        core.enters_late()
    };
    let late: fn(&mut Scenario) =
        |scenario| scenario.habits.entry_delay = Times::Lognormal { mean: 30.0, variation: 0.3 };
    assert!(seen(late, 0));
    assert!(!seen(late, 30), "the option is set");
    assert!(!seen(|_| {}, 0));
    assert!(!seen(|scenario| scenario.habits.unasked = Curve::constant(0.3), 0));
    assert!(!seen(|scenario| scenario.habits.unasked = nobody_asks(), 0));
    assert!(!seen(|scenario| scenario.collector.totals_every = 60.0, 0));
}
