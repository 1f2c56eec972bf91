//! The pacing engine against a simulated contact centre, in virtual time: the grid of scenarios, and its bars.
//!
//! The table is checked in, so that a change of the engine shows as a changed table. To write it anew:
//! `PACING_GRID=write cargo test --release --test pacing_grid`. Any other value runs the cases whose name contains it.

mod drive;
mod scenarios;
mod table;

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

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
        if !matches!(only.as_str(), "" | "write") {
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
#[cfg_attr(debug_assertions, ignore = "thousands of simulated hours: run with --release")]
fn every_bar_holds_on_the_grid_and_the_table_is_the_one_checked_in() {
    let (text, misses) = grid();
    println!("{text}\n{}", misses.join("\n"));
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots/pacing-grid.txt");
    match std::env::var("PACING_GRID").as_deref() {
        Ok("write") => std::fs::write(path, &text).unwrap(),
        Ok(_) => {}
        Err(_) => assert_eq!(text, std::fs::read_to_string(path).unwrap(), "the engine's results have changed"),
    }
    assert!(misses.is_empty(), "{}", misses.join("\n"));
}
