//! The part of `/metrics` about statistics and groups. The daemon adds the part about HTTP.
//!
//! A group that is not fresh has an age and a reason only: graphs show a gap instead of a constant.
//! A dormant group that is not declared has no samples, which ends alerts about it.

use alloc::string::String;
use core::fmt::{self, Write};
use core::time::Duration;

use crate::answer::explanation::Explanation;
use crate::answer::prometheus::Family;
use crate::counters::{Distrust, Outcome};
use crate::groups::Group;
use crate::limits::GROUPS;
use crate::pacing::Prediction;
use crate::state::State;
use crate::wire::line::Statistics;

pub fn write(out: &mut impl Write, state: &State, now: Duration) -> fmt::Result {
    statistics_and_settings(out, state)?;
    groups(out, state, now)
}

fn statistics_and_settings(out: &mut impl Write, state: &State) -> fmt::Result {
    let counters = &state.counters;
    let help = "Datagrams received on the statistics sockets, from any sender.";
    Family::new(out, "pacingd_statistics_datagrams_total", help)?.value(counters.datagrams)?;
    let mut family = Family::new(out, "pacingd_statistics_lines_total", "Lines of statistics by outcome.")?;
    for outcome in Outcome::ALL {
        family.sample(&[("outcome", &snake(outcome.name()))], counters.lines(outcome))?;
    }
    let help = "Lines of statistics that were not trusted, by reason; each is in pacingd_statistics_lines_total, too.";
    let mut family = Family::new(out, "pacingd_statistics_lines_distrusted_total", help)?;
    for distrust in Distrust::ALL {
        family.sample(&[("why", &snake(distrust.name()))], counters.distrusted(distrust))?;
    }
    Family::new(out, "pacingd_group_places", "Places for groups, over both channels.")?.value(GROUPS)?;
    let help = "Groups known: declared, or named by statistics since the start.";
    Family::new(out, "pacingd_groups", help)?.value(state.groups().all().len())?;
    let settings = state.settings();
    let help = "The optimization goal as a ratio, by optimization target.";
    let target = settings.pacing.optimization_target.name().to_ascii_lowercase();
    Family::new(out, "pacingd_optimization_goal_ratio", help)?.sample(&[("target", &target)], settings.goal())?;
    let help = "How long statistics are used after they were received.";
    let time_to_live = settings.time_to_live.as_secs_f64();
    Family::new(out, "pacingd_statistics_time_to_live_seconds", help)?.value(time_to_live)
}

/// Converts camel case to snake case.
fn snake(name: &str) -> String {
    let mark = |letter: &char| letter.is_ascii_uppercase().then_some('_');
    name.chars().flat_map(|letter| mark(&letter).into_iter().chain([letter.to_ascii_lowercase()])).collect()
}

/// What the values of a group are computed from.
struct Look<'a> {
    state: &'a State,
    now: Duration,
    group: &'a Group,
    /// Its statistics, if fresh.
    fresh: Option<&'a Statistics>,
}

impl Look<'_> {
    fn prediction(&self) -> Option<&Prediction> {
        self.fresh.and(self.group.prediction())
    }
}

/// Name and help of a family, and the value of each group that has one.
type PerGroup = (&'static str, &'static str, fn(&Look<'_>) -> Option<f64>);

const PER_GROUP: [PerGroup; 14] = [
    ("pacingd_group_fresh", "1 while the group's statistics are not older than the time to live, else 0.", |look| {
        Some(f64::from(u8::from(look.fresh.is_some())))
    }),
    (
        "pacingd_group_statistics_age_seconds",
        "Age of the group's last statistics. Absent: none were received.",
        |look| Some(look.now.saturating_sub(look.group.report()?.received).as_secs_f64()),
    ),
    ("pacingd_group_ready_agents", "Agents ready for an interaction.", |look| Some(f64::from(look.fresh?.ready))),
    ("pacingd_group_logged_in_agents", "Agents logged in for the channel.", |look| {
        look.fresh?.logged_in.map(f64::from)
    }),
    ("pacingd_group_busy_ratio", "Busy factor: share of the slots in use.", |look| {
        look.fresh.and(look.group.busy_factor(&look.state.settings().pacing))
    }),
    ("pacingd_group_queued_interactions", "Interactions waiting for an agent.", |look| {
        look.fresh?.queued.map(f64::from)
    }),
    (
        "pacingd_group_reactive_entered_total",
        "Reactive interactions that entered, counted over all collectors.",
        |look| look.fresh?.reactive_entered.map(|total| total as f64),
    ),
    (
        "pacingd_group_proactive_entered_total",
        "Proactive interactions that entered, counted over all collectors.",
        |look| look.fresh?.proactive_entered.map(|total| total as f64),
    ),
    ("pacingd_group_abandoned_total", "Interactions abandoned, counted over all collectors.", |look| {
        look.fresh?.abandoned.map(|total| total as f64)
    }),
    (
        "pacingd_group_abandonment_ratio",
        "Share of those who entered in the last hour that abandoned. Absent: nobody entered.",
        |look| look.fresh.and(look.group.last_hour.entries(look.now).abandonment()),
    ),
    (
        "pacingd_group_reactive_state_ratio",
        "Probability with which a new reactive engagement should be allowed.",
        |look| look.prediction()?.reactive_state,
    ),
    ("pacingd_group_proactive_allowance_invitations", "Invitations that may be sent until the next refresh.", |look| {
        look.prediction()?.proactive_allowance
    }),
    (
        "pacingd_group_offered_demand_hertz",
        "Estimated demand: reactive interactions asked for per second, allowed or not.",
        |look| look.prediction()?.reactive_demand,
    ),
    (
        "pacingd_group_admitted_demand_hertz",
        "The part of the estimated demand that the reactive state allows, per second.",
        |look| Some(look.prediction()?.reactive_demand? * look.prediction()?.reactive_state?),
    ),
];

fn labels(group: &Group) -> [(&str, &str); 2] {
    [("channel", group.channel.name()), ("group", group.name.as_str())]
}

fn groups(out: &mut impl Write, state: &State, now: Duration) -> fmt::Result {
    let is_shown = |group: &&Group| group.declared || !group.is_dormant(now);
    let shown = state.groups().all().iter().filter(is_shown);
    for (name, help, value) in PER_GROUP {
        let mut family = Family::new(out, name, help)?;
        for group in shown.clone() {
            let fresh = group.fresh_report(now, state.settings().time_to_live).map(|report| &report.statistics);
            if let Some(value) = value(&Look { state, now, group, fresh }) {
                family.sample(&labels(group), value)?;
            }
        }
    }
    let mut family = Family::new(out, "pacingd_group_reason", "1 for the reason for the reactive state.")?;
    for group in shown {
        let [channel, name] = labels(group);
        family.sample(&[channel, name, ("reason", Explanation::of(state, group, now).name)], 1)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use crate::settings::Settings;

    fn text(state: &State, seconds: u64) -> String {
        let mut text = String::new();
        write(&mut text, state, Duration::from_secs(seconds)).unwrap();
        text
    }

    #[test]
    fn a_stale_group_has_an_age_and_a_reason_only_and_a_dormant_one_nothing() {
        let mut state = State::new(Settings::default());
        let line = br#"{"channel":"chat","group":"A","ready":4,"loggedIn":8,"reactiveEntered":10}"#;
        state.receive(Duration::ZERO, Duration::ZERO, "127.0.0.1".parse().unwrap(), line, |_, fault| panic!("{fault}"));
        let fresh = text(&state, 0);
        for sample in [
            "pacingd_statistics_lines_total{outcome=\"accepted\"} 1\n",
            "pacingd_group_fresh{channel=\"chat\",group=\"A\"} 1\n",
            "pacingd_group_ready_agents{channel=\"chat\",group=\"A\"} 4\n",
            "pacingd_group_busy_ratio{channel=\"chat\",group=\"A\"} 0.5\n",
            "pacingd_group_reactive_state_ratio{channel=\"chat\",group=\"A\"} 1\n",
        ] {
            assert!(fresh.contains(sample), "{sample} in {fresh}");
        }
        let stale = text(&state, 42);
        let samples: std::vec::Vec<_> = stale.lines().filter(|line| line.contains("group=\"A\"")).collect();
        assert_eq!(
            samples,
            [
                "pacingd_group_fresh{channel=\"chat\",group=\"A\"} 0",
                "pacingd_group_statistics_age_seconds{channel=\"chat\",group=\"A\"} 42",
                "pacingd_group_reason{channel=\"chat\",group=\"A\",reason=\"silent\"} 1",
            ]
        );
        assert!(!text(&state, 3600).contains("group=\"A\""));
    }
}
