//! The plot in docs/pacing.md: a day with a spike, with pacing and without.

use core::fmt::Write as _;

use contact_centre::{Books, Curve, Scenario, Steps};
use pacingd::pacing::Options;

use crate::drive::{Rule, run};

const HOUR: f64 = 3_600.0;
/// Seconds that each point of a line stands for.
const BIN: f64 = 600.0;
const HOURS: f64 = 14.0;
/// The picture's measures, pixels.
const WIDTH: f64 = 860.0;
const PANEL: f64 = 120.0;
const GAP: f64 = 46.0;
const LEFT: f64 = 64.0;
const TOP: f64 = 58.0;
const WITH: &str = "#1664b0";
const WITHOUT: &str = "#d1602a";
const GREY: &str = "#888888";

/// From eight in the morning on: thirty agents, enough for all but at half past three.
fn scenario() -> Scenario {
    let capacity = 30.0 / 300.0;
    let day = [(0.0, 0.3), (2.0, 0.75), (4.0, 0.6), (7.5, 0.75), (7.5, 2.6), (8.25, 2.6), (8.25, 0.75), (14.0, 0.2)];
    Scenario {
        visitors: Curve::lines(day.map(|(hour, load)| (hour * HOUR, load * capacity))),
        staff: Steps::constant(30),
        ..Scenario::default()
    }
}

/// One bin of the day.
#[derive(Clone, Copy, Debug, Default)]
struct Bin {
    books: Books,
    probability: f64,
}

fn bins(rule: Rule) -> Vec<Bin> {
    let mut bins = Vec::new();
    let mut before = Books::default();
    let (mut sum, mut count) = (0.0, 0.0);
    run(&scenario(), 20, HOURS, rule, 2.0, |centre, probability| {
        sum += probability;
        count += 1.0;
        if centre.now() >= (bins.len() + 1) as f64 * BIN {
            let all = centre.books();
            let books = Books {
                offered: all.offered - before.offered,
                reactive_entered: all.reactive_entered - before.reactive_entered,
                reactive_abandoned: all.reactive_abandoned - before.reactive_abandoned,
                answered: all.answered - before.answered,
                waited: all.waited - before.waited,
                ..Books::default()
            };
            bins.push(Bin { books, probability: sum / count });
            (before, sum, count) = (all, 0.0, 0.0);
        }
    });
    bins
}

/// A line over the day; `top` is the value at the panel's upper edge.
fn line(svg: &mut String, panel: usize, colour: &str, top: f64, values: impl Iterator<Item = f64>) {
    let _ = write!(svg, r#"<polyline fill="none" stroke="{colour}" stroke-width="1.8" points=""#);
    for (index, value) in values.enumerate() {
        let x = LEFT + (index as f64 + 0.5) * BIN / (HOURS * HOUR) * (WIDTH - LEFT - 20.0);
        let y = floor_of(panel) - (value / top).min(1.0) * PANEL;
        let _ = write!(svg, "{x:.1},{y:.1} ");
    }
    svg.push_str("\"/>\n");
}

fn floor_of(panel: usize) -> f64 {
    TOP + panel as f64 * (PANEL + GAP) + PANEL
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, colour: &str, words: &str) {
    let _ = writeln!(svg, r#"<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{colour}">{words}</text>"#);
}

/// A panel's frame, title, and its lowest and highest value.
fn frame(svg: &mut String, panel: usize, title: &str, top: &str) {
    let (floor, right) = (floor_of(panel), WIDTH - 20.0);
    for y in [floor, floor - PANEL] {
        let _ = writeln!(svg, r##"<line x1="{LEFT}" y1="{y}" x2="{right}" y2="{y}" stroke="#cccccc"/>"##);
    }
    text(svg, LEFT, floor - PANEL - 8.0, "start", "#222222", title);
    text(svg, LEFT - 8.0, floor - PANEL + 4.0, "end", GREY, top);
    text(svg, LEFT - 8.0, floor + 4.0, "end", GREY, "0");
    for hour in (8..=22).step_by(2) {
        let x = LEFT + f64::from(hour - 8) / HOURS * (right - LEFT);
        text(svg, x, floor + 16.0, "middle", GREY, &format!("{hour}:00"));
    }
}

/// The whole picture.
pub(crate) fn day() -> String {
    let (with, without) = (bins(Rule::Engine(Options::default())), bins(Rule::Everyone));
    let height = floor_of(3) + 30.0;
    let mut svg = String::new();
    let _ = writeln!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">
<rect width="{WIDTH}" height="{height}" fill="white"/>"#
    );
    text(&mut svg, LEFT, 22.0, "start", WITH, "— with pacing (goal: 3 % abandoned)");
    text(&mut svg, LEFT + 270.0, 22.0, "start", WITHOUT, "— without: everyone may enter");
    frame(&mut svg, 0, "Demand: visitors a minute who ask (grey); who are let in", "20");
    line(&mut svg, 0, GREY, 20.0, with.iter().map(|bin| bin.books.offered as f64 * 60.0 / BIN));
    line(&mut svg, 0, WITH, 20.0, with.iter().map(|bin| bin.books.entered() as f64 * 60.0 / BIN));
    frame(&mut svg, 1, "Reactive state: the probability that a visitor is let in", "1");
    line(&mut svg, 1, WITH, 1.0, with.iter().map(|bin| bin.probability));
    frame(&mut svg, 2, "Waiting: mean of those who entered, seconds", "60 s");
    frame(&mut svg, 3, "Abandonment: share of those who entered that gave up", "70 %");
    for (colour, bins) in [(WITHOUT, &without), (WITH, &with)] {
        line(&mut svg, 2, colour, 60.0, bins.iter().map(|bin| bin.books.mean_wait()));
        line(&mut svg, 3, colour, 0.7, bins.iter().map(|bin| bin.books.abandonment()));
    }
    svg.push_str("</svg>\n");
    svg
}
