//! A fleet: several daemons that hear the same statistics, each losing some of them on its own,
//! with the visitors spread over them. Nothing else connects them.
//!
//! `FLEET=long cargo test --release --test pacing_grid fleet -- --nocapture` runs it for longer,
//! and over more scenarios; that table is in `docs/fleet.md`.

use core::time::Duration;

use contact_centre::{Centre, Happening, Network};
use pacingd::pacing::{OptimizationTarget, Options};

use crate::{
    drive::{Core, Outcome},
    scenarios::{self, Case},
};

/// A number of 0..1 from a seed that goes on: splitmix64 (Steele, Lea, Flood 2014).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn draw(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

struct Member {
    core: Core,
    /// Its clock is its own: refreshes are due at its own moments.
    phase: f64,
    chance: Chance,
    probability: f64,
    /// Sum over the samples of this hour.
    hour: f64,
    /// Sum of the means of the hours from the second on.
    hours: f64,
}

/// How far the members' reactive states lie apart.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spread {
    /// Of each hour: the highest and the lowest of the members' means over the hour.
    pub(crate) hours: Vec<(f64, f64)>,
    /// Of the members' means from the second hour on: the highest less the lowest, and the mean
    /// distance of two.
    pub(crate) farthest: f64,
    pub(crate) pair: f64,
    /// The mean over time of |p − q| of two members that refresh one after the other.
    pub(crate) momentary: f64,
    /// The member that was started anew, and the mean of the others, by hour.
    pub(crate) restarted: Vec<(f64, f64)>,
}

impl Spread {
    /// The mean distance of the farthest two, hour by hour, from the hour `after` on.
    pub(crate) fn mean(&self, after: usize) -> f64 {
        let hours = self.hours.get(after..).unwrap_or_default();
        assert!(!hours.is_empty(), "a run of whole hours is judged");
        hours.iter().map(|(low, high)| high - low).sum::<f64>() / hours.len() as f64
    }
}

/// Runs `members` daemons, each losing a share of the lines. Member 0 is started anew at an hour.
pub(crate) fn run(case: &Case, members: usize, hours: usize, loss: f64, restart: Option<usize>) -> (Outcome, Spread) {
    let mut scenario = case.scenario.clone();
    // What is lost is lost on the last stretch, to each member alone.
    scenario.network = Network { loss: 0.0, ..scenario.network };
    let options = case.options_of();
    let period = case.period();
    let mut centre = Centre::new(&scenario, case.seed);
    let mut chance = Chance(case.seed ^ 0xF1EE7);
    let mut fleet: Vec<Member> = (0..members)
        .map(|index| Member {
            core: Core::new(options),
            phase: chance.draw() * period,
            chance: Chance(case.seed.wrapping_mul(1_000).wrapping_add(index as u64)),
            probability: 1.0,
            hour: 0.0,
            hours: 0.0,
        })
        .collect();
    fleet.sort_by(|a, b| a.phase.total_cmp(&b.phase));
    let clock = |now: f64, phase: f64| Duration::from_secs_f64(3_600.0 + period - phase + now);
    let mut spread = Spread::default();
    let (mut samples, mut distance, mut distances) = (0.0, 0.0, 0.0);
    for tick in 0_u32.. {
        let begin = f64::from(tick) * period;
        if begin >= hours as f64 * 3_600.0 {
            break;
        }
        for index in 0..members {
            let at = begin + fleet[index].phase;
            while let Some(happening) = centre.advance(at) {
                match happening {
                    Happening::Visitor(visitor) => {
                        let asked = (chance.draw() * members as f64) as usize;
                        let _ = centre.admit(visitor, fleet[asked.min(members - 1)].probability);
                    }
                    Happening::Statistics(snapshot) => {
                        let line = centre.line(&snapshot);
                        for member in &mut fleet {
                            if member.chance.draw() >= loss {
                                member.core.receive(clock(centre.now(), member.phase), &line);
                            }
                        }
                    }
                }
            }
            let member = &mut fleet[index];
            let prediction = member.core.refresh(clock(at, member.phase));
            member.probability = prediction.and_then(|prediction| prediction.reactive_state).unwrap_or(0.0);
        }
        // One look at all of them, as a balancer's visitors would have it.
        samples += 1.0;
        for member in &mut fleet {
            member.hour += member.probability;
        }
        for pair in fleet.windows(2) {
            distance += (pair[0].probability - pair[1].probability).abs();
            distances += 1.0;
        }
        if f64::from(tick + 1) * period >= (spread.hours.len() + 1) as f64 * 3_600.0 {
            let means: Vec<f64> = fleet.iter().map(|member| member.hour / samples).collect();
            let low = means.iter().copied().fold(f64::INFINITY, f64::min);
            let high = means.iter().copied().fold(0.0, f64::max);
            let hour = (low, high);
            let others = means.iter().skip(1).sum::<f64>() / (members - 1).max(1) as f64;
            spread.restarted.push((means[0], others));
            for member in &mut fleet {
                if !spread.hours.is_empty() {
                    member.hours += member.hour / samples;
                }
                member.hour = 0.0;
            }
            samples = 0.0;
            spread.hours.push(hour);
            if restart == Some(spread.hours.len()) {
                fleet[0].core = Core::new(options);
                fleet[0].probability = 0.0;
            }
        }
    }
    spread.momentary = distance / f64::max(distances, 1.0);
    let mut means: Vec<f64> = fleet.iter().map(|member| member.hours / (spread.hours.len() - 1) as f64).collect();
    means.sort_by(f64::total_cmp);
    spread.farthest = means.last().unwrap() - means.first().unwrap();
    // Of a sorted row, the sum of all distances is that of the gaps, each times the pairs that it
    // lies between.
    let gaps = means
        .windows(2)
        .zip(1..)
        .map(|(gap, before)| (gap[1] - gap[0]) * f64::from(before * (members as u32 - before)));
    spread.pair = gaps.sum::<f64>() / (members * (members - 1) / 2).max(1) as f64;
    (Outcome { all: centre.books(), hours: centre.hours().to_vec() }, spread)
}

impl Case {
    fn options_of(&self) -> Options {
        Options { algorithm: self.algorithms[0], ..self.options }
    }
}

fn case(name: &str) -> Case {
    let mut cases = scenarios::tuned().into_iter().chain(scenarios::held_out());
    cases.find(|case| case.name == name).unwrap()
}

/// A line of the table.
fn told(case: &Case, members: usize, outcome: &Outcome, spread: &Spread, hours: usize) -> String {
    format!(
        "{:<32} {members:>4} {hours:>6} | {:>9.2} {:>6.2} | {:>6.3} {:>8.3} {:>7.3} {:>9.3}",
        case.name,
        100.0 * outcome.all.abandonment(),
        100.0 * outcome.all.busy_factor(),
        spread.pair,
        spread.farthest,
        spread.mean(1),
        spread.momentary
    )
}

const HEADER: &str =
    "scenario                         boxes  hours | abandoned busy % |  apart farthest in an h momentary";

/// Runs a fleet, a tenth of the datagrams lost to each on its own, and returns which bars it misses
/// together.
fn judge(case: &Case, members: usize, hours: usize) -> (String, Vec<String>) {
    let (outcome, spread) = run(case, members, hours, 0.1, None);
    let mut misses = Vec::new();
    if case.options.optimization_target == OptimizationTarget::AbandonmentRate {
        if outcome.all.abandonment() > case.goal() + 0.002 {
            misses.push(format!("{}, {members} boxes: abandonment over the goal", case.name));
        }
    } else if (outcome.all.busy_at_work() - case.goal()).abs() > 0.01 {
        misses.push(format!("{}, {members} boxes: busy factor off the goal", case.name));
    }
    // Of a hundred boxes the farthest two are one pair of five thousand; and where a busy factor is
    // held the door is nearly always partly open, so that it is the mean distance of two that is
    // judged.
    let holds_busy = case.options.optimization_target == OptimizationTarget::BusyFactor;
    let apart = if members > 10 || holds_busy { spread.pair } else { spread.farthest };
    if apart > 0.02 {
        misses.push(format!("{}, {members} boxes: {apart:.3} apart", case.name));
    }
    (told(case, members, &outcome, &spread, hours), misses)
}

#[test]
fn two_ten_and_a_hundred_boxes_give_the_same_answers_and_meet_the_bars_together() {
    let long = std::env::var("FLEET").is_ok_and(|text| text == "long");
    let runs: Vec<(Case, usize, usize)> = if long {
        // Invitations are left out: each box allows them for itself, so who sends them asks one of
        // them.
        let names = ["30 agents", "30 agents, spikes", "100 agents", "100 agents, all at once", "300 agents"];
        let fleets = [(2, 96), (10, 48), (100, 16)];
        names.iter().flat_map(|name| fleets.map(|(members, hours)| (case(name), members, hours))).collect()
    } else {
        let runs = [
            ("100 agents", 2, 24),
            ("30 agents, all at once", 10, 24),
            ("100 agents", 10, 12),
            ("300 agents", 100, 4),
            ("100 agents, busy 90 %", 10, 24),
        ];
        runs.map(|(name, members, hours)| (case(name), members, hours)).to_vec()
    };
    println!("{HEADER}");
    let mut missed = Vec::new();
    for (case, members, hours) in &runs {
        let (line, misses) = judge(case, *members, *hours);
        println!("{line}");
        missed.extend(misses);
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn a_box_that_is_started_anew_comes_to_agree_with_the_others_from_what_they_all_hear() {
    for name in ["30 agents, just too much", "100 agents", "300 agents", "100 agents, busy 90 %"] {
        let (_, spread) = run(&case(name), 3, 24, 0.1, Some(8));
        let apart: Vec<String> = spread.restarted.iter().map(|(one, others)| format!("{:+.2}", one - others)).collect();
        println!("{name}: {}", apart.join(" "));
        // Eight hours later, over eight hours.
        let late = spread.restarted.get(16..).unwrap_or_default();
        let apart = late.iter().map(|(one, others)| one - others).sum::<f64>() / late.len() as f64;
        assert!(apart.abs() <= 0.02, "{name}: {apart}");
    }
}

#[test]
fn two_collectors_count_once_and_a_failover_between_them_loses_nothing() {
    let case = case("30 agents");
    let mut centre = Centre::new(&case.scenario, 3);
    let mut core = Core::new(case.options_of());
    let mut probability = 1.0;
    let clock = |now: f64| Duration::from_secs_f64(3_600.0 + now);
    let (mut first, mut chance) = (None, Chance(3));
    for tick in 0..5_400_u32 {
        let at = f64::from(tick) * 2.0;
        while let Some(happening) = centre.advance(at) {
            match happening {
                Happening::Visitor(visitor) => {
                    let _ = centre.admit(visitor, probability);
                }
                Happening::Statistics(snapshot) => {
                    // The stand-by was started before, so its totals are others; its clock is a
                    // little ahead. The first one dies after an hour, and is back, counting from 0,
                    // after two. A tenth of both's lines is lost.
                    let hour = (centre.now() / 3_600.0) as u32;
                    let arrives = |chance: &mut Chance| chance.draw() >= 0.1 || centre.now() < 10.0;
                    if hour != 1 && arrives(&mut chance) {
                        let mut line = snapshot;
                        if hour >= 2 {
                            let base = *first.get_or_insert(snapshot.reactive_entered.unwrap_or(0));
                            line.reactive_entered = line.reactive_entered.map(|total| total - base);
                        }
                        core.receive_from(1, clock(centre.now()), &centre.line(&line));
                    }
                    if arrives(&mut chance) {
                        let mut stand_by = snapshot;
                        stand_by.reactive_entered = stand_by.reactive_entered.map(|total| total + 12_345);
                        stand_by.abandoned = stand_by.abandoned.map(|total| total + 678);
                        stand_by.time = stand_by.time.map(|time| time + 40);
                        core.receive_from(2, clock(centre.now() + 0.04), &centre.line(&stand_by));
                    }
                }
            }
        }
        probability = core.refresh(clock(at + 0.04)).and_then(|prediction| prediction.reactive_state).unwrap_or(0.0);
    }
    let books = centre.books();
    let counted = core.totals();
    // The first line's totals are the base line of what is counted.
    assert!(counted.0.abs_diff(books.reactive_entered) <= 3, "{counted:?} of {books:?}");
    assert!(counted.1.abs_diff(books.abandoned()) <= 1, "{counted:?} of {books:?}");
    assert!(books.abandonment() < 0.045, "{books:?}");
}
