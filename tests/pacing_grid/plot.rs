//! The plots in docs/pacing.md: a day with a spike, with pacing, with the plain gate and without;
//! and what the cost of an abandonment trades.

use core::fmt::Write as _;

use contact_centre::{Books, Curve, Scenario, Steps};
use pacingd::pacing::{Algorithm, Options};

use crate::drive::{GATE, Rule, run};

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
const GATED: &str = "#2e8b57";
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
    let (with, gated, without) = (bins(Rule::Engine(Options::default())), bins(GATE), bins(Rule::Everyone));
    let height = floor_of(3) + 30.0;
    let mut svg = String::new();
    let _ = writeln!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">
<rect width="{WIDTH}" height="{height}" fill="white"/>"#
    );
    text(&mut svg, LEFT, 22.0, "start", WITH, "— with pacing (goal: 3 % abandoned)");
    text(&mut svg, LEFT + 250.0, 22.0, "start", GATED, "— the gate: ready &gt; queued");
    text(&mut svg, LEFT + 470.0, 22.0, "start", WITHOUT, "— without: everyone may enter");
    frame(&mut svg, 0, "Demand: visitors a minute who ask (grey); who are let in", "20");
    line(&mut svg, 0, GREY, 20.0, with.iter().map(|bin| bin.books.offered as f64 * 60.0 / BIN));
    line(&mut svg, 0, WITH, 20.0, with.iter().map(|bin| bin.books.entered() as f64 * 60.0 / BIN));
    frame(&mut svg, 1, "Reactive state: the probability that a visitor is let in", "1");
    line(&mut svg, 1, WITH, 1.0, with.iter().map(|bin| bin.probability));
    frame(&mut svg, 2, "Waiting: mean of those who entered, seconds", "60 s");
    frame(&mut svg, 3, "Abandonment: share of those who entered that abandoned", "70 %");
    for (colour, bins) in [(WITHOUT, &without), (GATED, &gated), (WITH, &with)] {
        line(&mut svg, 2, colour, 60.0, bins.iter().map(|bin| bin.books.mean_wait()));
        line(&mut svg, 3, colour, 0.7, bins.iter().map(|bin| bin.books.abandonment()));
    }
    svg.push_str("</svg>\n");
    svg
}

/// Costs of an abandonment that the second plot shows, in served visitors.
const COSTS: [f64; 8] = [0.0, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0];
/// Group sizes that it shows: agents, hours, algorithm and colour.
const SIZES: [(u32, f64, Algorithm, &str); 3] = [
    (10, 120.0, Algorithm::SuperProgressiveDual, WITHOUT),
    (30, 60.0, Algorithm::SuperProgressiveDual, GATED),
    (100, 24.0, Algorithm::PredictiveBDual, WITH),
];

/// Abandonment and net over the cost of an abandonment, with half as many more visitors as the
/// agents can serve. Net counts an abandonment as one served visitor lost, whatever the option
/// says.
pub(crate) fn cost() -> String {
    let height = floor_of(1) + 44.0;
    let mut svg = String::new();
    let _ = writeln!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">
<rect width="{WIDTH}" height="{height}" fill="white"/>"#
    );
    let (left, right) = (LEFT, WIDTH - 20.0);
    let titles = [
        ("Abandonment (goal: 3 %)", "0 %", "4 %"),
        ("Net: served less abandoned, of what the agents can serve", "82 %", "100 %"),
    ];
    for (panel, (title, low, high)) in titles.into_iter().enumerate() {
        let floor = floor_of(panel);
        for y in [floor, floor - PANEL] {
            let _ = writeln!(svg, r##"<line x1="{left}" y1="{y}" x2="{right}" y2="{y}" stroke="#cccccc"/>"##);
        }
        text(&mut svg, left, floor - PANEL - 8.0, "start", "#222222", title);
        text(&mut svg, left - 8.0, floor - PANEL + 4.0, "end", GREY, high);
        text(&mut svg, left - 8.0, floor + 4.0, "end", GREY, low);
        for (index, cost) in COSTS.iter().enumerate() {
            let x = left + (index as f64 + 0.5) / COSTS.len() as f64 * (right - left);
            text(&mut svg, x, floor + 16.0, "middle", GREY, &format!("{cost}"));
        }
    }
    text(&mut svg, (left + right) / 2.0, floor_of(1) + 34.0, "middle", GREY, "abandonment-cost");
    for (place, (agents, hours, algorithm, colour)) in SIZES.into_iter().enumerate() {
        text(&mut svg, left + 160.0 * place as f64, 22.0, "start", colour, &format!("— {agents} agents"));
        let scenario = Scenario {
            visitors: Curve::constant(1.5 * f64::from(agents) / 300.0),
            staff: Steps::constant(agents),
            ..Scenario::default()
        };
        let books = COSTS.map(|abandonment_cost| {
            let options = Options { algorithm, abandonment_cost, ..Options::default() };
            run(&scenario, 30, hours, Rule::Engine(options), 2.0, |_, _| {}).all
        });
        for (panel, low, high) in [(0, 0.0, 0.04), (1, 0.82, 1.0)] {
            let _ = write!(svg, r#"<polyline fill="none" stroke="{colour}" stroke-width="1.8" points=""#);
            for (index, books) in books.iter().enumerate() {
                let value = if panel == 0 { books.abandonment() } else { books.net(300.0) };
                let x = left + (index as f64 + 0.5) / COSTS.len() as f64 * (right - left);
                let y = floor_of(panel) - ((value - low) / (high - low)).clamp(0.0, 1.0) * PANEL;
                let _ = write!(svg, "{x:.1},{y:.1} ");
            }
            svg.push_str("\"/>\n");
        }
    }
    svg.push_str("</svg>\n");
    svg
}
