//! One answer for several groups: agents summed, reactive states weighed by the demand that each group sees.

use core::time::Duration;

use crate::groups::Group;

/// What the fresh ones of some groups come to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Consolidation {
    /// Groups with fresh statistics.
    fresh: u32,
    ready: u64,
    /// When the oldest statistics used were received.
    oldest: Option<Duration>,
    /// Groups with a reactive state.
    predicted: u32,
    least_state: f64,
    /// Of the groups whose demand is known: reactive interactions per second that would be allowed, and offered.
    allowed: f64,
    offered: f64,
    offered_to_agents: f64,
    /// Of the groups whose demand is not known: agents, and agents × reactive state.
    agents: f64,
    agents_allowed: f64,
}

impl Consolidation {
    /// Adds up those of the groups that have fresh statistics.
    pub fn of<'a>(groups: impl Iterator<Item = &'a Group>, now: Duration, time_to_live: Duration) -> Self {
        let mut sum = Self::default();
        for group in groups {
            sum.add(group, now, time_to_live);
        }
        sum
    }

    fn add(&mut self, group: &Group, now: Duration, time_to_live: Duration) {
        let Some(report) = group.fresh_report(now, time_to_live) else { return };
        self.fresh += 1;
        self.ready += u64::from(report.statistics.ready);
        self.oldest = Some(self.oldest.map_or(report.received, |oldest| oldest.min(report.received)));
        let Some(prediction) = group.prediction() else { return };
        let Some(state) = prediction.reactive_state else { return };
        self.least_state = if self.predicted == 0 { state } else { self.least_state.min(state) };
        self.predicted += 1;
        let agents = f64::from(report.statistics.logged_in.unwrap_or(report.statistics.ready));
        match prediction.reactive_demand {
            Some(demand) => {
                self.allowed += demand * state;
                self.offered += demand;
                self.offered_to_agents += agents;
            }
            None => {
                self.agents += agents;
                self.agents_allowed += agents * state;
            }
        }
    }

    /// Whether any statistics are fresh.
    pub fn is_fresh(&self) -> bool {
        self.fresh > 0
    }

    /// Groups with fresh statistics.
    pub fn fresh_groups(&self) -> u32 {
        self.fresh
    }

    /// Ready agents of all groups.
    pub fn capacity(&self) -> u64 {
        self.ready
    }

    /// When the oldest statistics used were received.
    pub fn oldest(&self) -> Option<Duration> {
        self.oldest
    }

    /// Reactive engagements that the groups would allow ÷ those offered to them, 0..=1.
    ///
    /// A group whose demand is not known is taken to see as much for each agent as the others do.
    /// `None`: no group has a reactive state.
    pub fn reactive_state(&self) -> Option<f64> {
        if self.predicted <= 1 {
            // As it is, without a rounding error of ours.
            return (self.predicted == 1).then_some(self.least_state);
        }
        let demand_per_agent = if self.offered > 0.0 && self.offered_to_agents > 0.0 {
            self.offered / self.offered_to_agents
        } else {
            1.0
        };
        let offered = self.offered + self.agents * demand_per_agent;
        let allowed = self.allowed + self.agents_allowed * demand_per_agent;
        // Nobody asks and nobody works: there is nothing to weigh by, and the least keeps visitors from waiting in vain.
        Some(if offered > 0.0 { (allowed / offered).clamp(0.0, 1.0) } else { self.least_state })
    }
}
