//! A fleet: several daemons that hear the same statistics, each losing some of them on its own, with the visitors spread
//! over them. Nothing else connects them.
//!
//! `FLEET=long cargo test --release --test pacing_grid fleet -- --nocapture` runs it for longer and over more scenarios.

use core::time::Duration;

use contact_centre::{Centre, Happening, Network, Snapshot, Times};
use pacingd::pacing::Options;

use crate::{
    drive::{Core, Outcome},
    scenarios::Case,
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
}

/// How far the members' reactive states lie apart.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spread {
    /// Of each hour: the highest and the lowest of the members' means over the hour.
    pub(crate) hours: Vec<(f64, f64)>,
    /// The mean over time of |p − q| of two members.
    pub(crate) momentary: f64,
    /// The member that was started anew, and the mean of the others, by hour.
    pub(crate) restarted: Vec<(f64, f64)>,
}

impl Spread {
    /// The mean distance of the farthest two, hour by hour, after so many hours.
    pub(crate) fn mean(&self, after: usize) -> f64 {
        let hours = self.hours.get(after..).unwrap_or_default();
        hours.iter().map(|(low, high)| high - low).sum::<f64>() / hours.len() as f64
    }
}

/// Runs so many daemons, each losing a share of the lines. Member 0 is started anew at an hour.
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
            spread.hours.push((low, high));
            let others = means.iter().skip(1).sum::<f64>() / (members - 1).max(1) as f64;
            spread.restarted.push((means[0], others));
            samples = 0.0;
            for member in &mut fleet {
                member.hour = 0.0;
            }
            if restart == Some(spread.hours.len()) {
                fleet[0].core = Core::new(options);
                fleet[0].probability = 0.0;
            }
        }
    }
    spread.momentary = distance / f64::max(distances, 1.0);
    (Outcome { all: centre.books(), hours: centre.hours().to_vec() }, spread)
}

impl Case {
    fn options_of(&self) -> Options {
        Options { algorithm: self.algorithms[0], ..self.options }
    }
}

#[test]
fn fleet_explore() {
    let only = std::env::var("FLEET").unwrap_or_default();
    let members: Vec<usize> =
        std::env::var("MEMBERS").map_or(vec![1, 2, 10], |text| text.split(',').map(|n| n.parse().unwrap()).collect());
    let hours: usize = std::env::var("HOURS").map_or(12, |n| n.parse().unwrap());
    for case in crate::scenarios::tuned().iter().chain(&crate::scenarios::held_out()) {
        if !only.split('|').any(|only| case.name == only) {
            continue;
        }
        for &members in &members {
            let (outcome, spread) = run(case, members, hours, 0.1, Some(hours / 2));
            println!(
                "{:<32} {members:>3}: abandoned {:.2} % busy {:.2} % spread {:.3} momentary {:.3}",
                case.name,
                100.0 * outcome.all.abandonment(),
                100.0 * outcome.all.busy_factor(),
                spread.mean(0),
                spread.momentary
            );
            let hours: Vec<String> = spread.hours.iter().map(|(low, high)| format!("{low:.2}-{high:.2}")).collect();
            println!("    {}", hours.join(" "));
            let hours: Vec<String> = spread.restarted.iter().map(|(a, b)| format!("{a:.2}/{b:.2}")).collect();
            println!("    {}", hours.join(" "));
        }
    }
}

#[allow(dead_code)]
fn unused(_: Snapshot, _: Times) {}
