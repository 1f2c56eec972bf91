//! What `/metrics` says of statistics and groups. What it says of HTTP, the edge adds.
//!
//! Every label's values are bounded: by the groups that the table holds, or by an enumeration. Of a group that is not fresh
//! only its age is told: gaps in a graph say "not known" better than a line that stands still.

use core::fmt::{self, Write};
use core::time::Duration;

use crate::answer::explanation::Why;
use crate::answer::prometheus::{Family, Kind};
use crate::counters::{Distrust, Outcome};
use crate::groups::{Group, Report};
use crate::limits::GROUPS;
use crate::pacing::{OptimizationTarget, Prediction};
use crate::state::State;

/// Writes all of it.
///
/// # Errors
///
/// `out` takes no more.
pub fn write(out: &mut impl Write, state: &State, now: Duration) -> fmt::Result {
    statistics(out, state)?;
    settings(out, state)?;
    let groups = PerGroup { state, now };
    groups.ages(out)?;
    groups.agents(out)?;
    groups.interactions(out)?;
    groups.predictions(out)
}

fn statistics(out: &mut impl Write, state: &State) -> fmt::Result {
    let counters = state.counters();
    let help = "Datagrams received on the statistics socket, from wherever.";
    Family::new(out, "pacingd_statistics_datagrams_total", Kind::Counter, help)?.value(counters.datagrams())?;
    let help = "Lines of statistics by what became of them.";
    let mut family = Family::new(out, "pacingd_statistics_lines_total", Kind::Counter, help)?;
    for outcome in Outcome::ALL {
        family.sample(&[("outcome", &snake(outcome.name()))], counters.lines(outcome))?;
    }
    let help = "Lines of statistics that were not trusted, by why; each has an outcome in pacingd_statistics_lines_total, too.";
    let mut family = Family::new(out, "pacingd_statistics_lines_distrusted_total", Kind::Counter, help)?;
    for distrust in Distrust::ALL {
        family.sample(&[("why", &snake(distrust.name()))], counters.distrusted(distrust))?;
    }
    let help = "Places for groups, over both channels.";
    Family::new(out, "pacingd_group_places", Kind::Gauge, help)?.value(GROUPS)?;
    let help = "Groups known: declared, or heard of within the hour.";
    Family::new(out, "pacingd_groups", Kind::Gauge, help)?.value(state.groups().all().len())
}

/// Prometheus writes words with underscores.
fn snake(name: &str) -> heapless::String<32> {
    let mut snake = heapless::String::new();
    for character in name.chars() {
        // Every name is shorter; the tests see them all.
        if character.is_ascii_uppercase() {
            let _ = snake.push('_');
        }
        let _ = snake.push(character.to_ascii_lowercase());
    }
    snake
}

fn settings(out: &mut impl Write, state: &State) -> fmt::Result {
    let settings = state.settings();
    let help = "The optimization goal, as a ratio, by what it is about.";
    let mut family = Family::new(out, "pacingd_optimization_goal_ratio", Kind::Gauge, help)?;
    let target = match settings.pacing.optimization_target {
        OptimizationTarget::AbandonmentRate => "abandonment_rate",
        OptimizationTarget::BusyFactor => "busy_factor",
    };
    family.sample(&[("target", target)], settings.pacing.optimization_goal / 100.0)?;
    let help = "How long statistics count after they were received.";
    let mut family = Family::new(out, "pacingd_statistics_time_to_live_seconds", Kind::Gauge, help)?;
    family.value(settings.time_to_live.as_secs_f64())
}

/// Prometheus keeps every number as a float.
fn total(total: u64) -> f64 {
    total as f64
}

struct PerGroup<'a> {
    state: &'a State,
    now: Duration,
}

impl PerGroup<'_> {
    /// One family with a sample for each group that has the value.
    fn each(
        &self,
        out: &mut impl Write,
        (name, kind, help): (&'static str, Kind, &str),
        value: &dyn Fn(&Group) -> Option<f64>,
    ) -> fmt::Result {
        let mut family = Family::new(out, name, kind, help)?;
        for group in self.state.groups().all() {
            if let Some(value) = value(group) {
                family.sample(&[("channel", group.channel().name()), ("group", group.name().as_str())], value)?;
            }
        }
        Ok(())
    }

    fn fresh<'a>(&self, group: &'a Group) -> Option<&'a Report> {
        group.fresh_report(self.now, self.state.settings().time_to_live)
    }

    fn prediction<'a>(&self, group: &'a Group) -> Option<&'a Prediction> {
        self.fresh(group).and(group.prediction())
    }

    fn ages(&self, out: &mut impl Write) -> fmt::Result {
        let help = "1 while the group's statistics are not older than the time to live, else 0.";
        self.each(out, ("pacingd_group_fresh", Kind::Gauge, help), &|group| {
            Some(f64::from(u8::from(self.fresh(group).is_some())))
        })?;
        let help = "Age of the group's last statistics. Absent: none were received.";
        self.each(out, ("pacingd_group_statistics_age_seconds", Kind::Gauge, help), &|group| {
            Some(self.now.saturating_sub(group.report()?.received).as_secs_f64())
        })?;
        let help = "1 for the reason why the reactive state is what it is.";
        let mut family = Family::new(out, "pacingd_group_reason", Kind::Gauge, help)?;
        for group in self.state.groups().all() {
            let why = Why::of(group, self.now, self.state.settings());
            let labels =
                [("channel", group.channel().name()), ("group", group.name().as_str()), ("reason", why.name())];
            family.sample(&labels, 1)?;
        }
        Ok(())
    }

    fn agents(&self, out: &mut impl Write) -> fmt::Result {
        let help = "Agents ready for an interaction.";
        self.each(out, ("pacingd_group_ready_agents", Kind::Gauge, help), &|group| {
            Some(f64::from(self.fresh(group)?.statistics.ready))
        })?;
        let help = "Agents logged in for the channel.";
        self.each(out, ("pacingd_group_logged_in_agents", Kind::Gauge, help), &|group| {
            self.fresh(group)?.statistics.logged_in.map(f64::from)
        })?;
        let help = "Busy factor: share of the slots in use.";
        self.each(out, ("pacingd_group_busy_ratio", Kind::Gauge, help), &|group| {
            self.fresh(group)?;
            group.busy_factor(&self.state.settings().pacing)
        })
    }

    fn interactions(&self, out: &mut impl Write) -> fmt::Result {
        let help = "Interactions waiting for an agent.";
        self.each(out, ("pacingd_group_queued_interactions", Kind::Gauge, help), &|group| {
            self.fresh(group)?.statistics.queued.map(f64::from)
        })?;
        let help = "Reactive interactions that entered, as the collector counts them.";
        self.each(out, ("pacingd_group_reactive_entered_total", Kind::Counter, help), &|group| {
            self.fresh(group)?.statistics.reactive_entered.map(total)
        })?;
        let help = "Proactive interactions that entered, as the collector counts them.";
        self.each(out, ("pacingd_group_proactive_entered_total", Kind::Counter, help), &|group| {
            self.fresh(group)?.statistics.proactive_entered.map(total)
        })?;
        let help = "Interactions abandoned while waiting, as the collector counts them.";
        self.each(out, ("pacingd_group_abandoned_total", Kind::Counter, help), &|group| {
            self.fresh(group)?.statistics.abandoned.map(total)
        })?;
        let help = "Abandoned of all who entered in the last hour. Absent: nobody entered.";
        self.each(out, ("pacingd_group_abandonment_ratio", Kind::Gauge, help), &|group| {
            self.fresh(group)?;
            group.last_hour().entries(self.now).abandonment()
        })
    }

    fn predictions(&self, out: &mut impl Write) -> fmt::Result {
        let help = "Probability with which a new reactive engagement should be allowed.";
        self.each(out, ("pacingd_group_reactive_state_ratio", Kind::Gauge, help), &|group| {
            self.prediction(group)?.reactive_state
        })?;
        let help = "Invitations that may be sent until the next refresh.";
        self.each(out, ("pacingd_group_proactive_allowance_invitations", Kind::Gauge, help), &|group| {
            self.prediction(group)?.proactive_allowance
        })?;
        let help = "Estimated demand: reactive interactions asked for per second, let in or not.";
        self.each(out, ("pacingd_group_offered_demand_hertz", Kind::Gauge, help), &|group| {
            self.prediction(group)?.reactive_demand
        })?;
        let help = "Of the estimated demand, what the reactive state lets in, per second.";
        self.each(out, ("pacingd_group_admitted_demand_hertz", Kind::Gauge, help), &|group| {
            let prediction = self.prediction(group)?;
            Some(prediction.reactive_demand? * prediction.reactive_state?)
        })
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::string::String;

    use super::*;
    use crate::pacing::Options;
    use crate::state::Settings;
    use crate::wire::jws::Keys;

    fn told(state: &State, seconds: u64) -> String {
        let mut text = String::new();
        write(&mut text, state, Duration::from_secs(seconds)).unwrap();
        text
    }

    #[test]
    fn a_stale_group_is_told_of_by_its_age_and_reason_alone() {
        let sources = ["127.0.0.0/8".parse().unwrap()].into_iter().collect();
        let settings = Settings {
            pacing: Options::default(),
            time_to_live: Duration::from_secs(30),
            sources,
            keys: Keys::default(),
        };
        let mut state = State::new(settings);
        let line = br#"{"channel":"chat","group":"A","ready":4,"loggedIn":8,"reactiveEntered":10}"#;
        state.receive(Duration::ZERO, Duration::ZERO, "127.0.0.1".parse().unwrap(), line, |_, fault| panic!("{fault}"));
        let fresh = told(&state, 0);
        for sample in [
            "pacingd_statistics_lines_total{outcome=\"accepted\"} 1\n",
            "pacingd_group_fresh{channel=\"chat\",group=\"A\"} 1\n",
            "pacingd_group_ready_agents{channel=\"chat\",group=\"A\"} 4\n",
            "pacingd_group_busy_ratio{channel=\"chat\",group=\"A\"} 0.5\n",
            "pacingd_group_reactive_state_ratio{channel=\"chat\",group=\"A\"} 1\n",
        ] {
            assert!(fresh.contains(sample), "{sample} in {fresh}");
        }
        let stale = told(&state, 42);
        let samples: std::vec::Vec<_> = stale.lines().filter(|line| line.contains("group=\"A\"")).collect();
        assert_eq!(
            samples,
            [
                "pacingd_group_fresh{channel=\"chat\",group=\"A\"} 0",
                "pacingd_group_statistics_age_seconds{channel=\"chat\",group=\"A\"} 42",
                "pacingd_group_reason{channel=\"chat\",group=\"A\",reason=\"silent\"} 1",
            ]
        );
    }
}
