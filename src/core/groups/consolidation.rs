//! Consolidates groups: sums of agents, and reactive states weighted by demand.

use core::time::Duration;

use crate::groups::Group;

/// Sums over fresh groups.
#[derive(Clone, Copy, Debug, Default)]
pub struct Consolidation {
    pub fresh_groups: u32,
    /// Ready agents.
    pub capacity: u64,
    /// When the oldest statistics were received.
    pub oldest: Option<Duration>,
    /// The same of groups with a reactive state.
    pub oldest_predicted: Option<Duration>,
    /// Groups with a reactive state.
    predicted: u32,
    least_state: f64,
    /// Of groups with known demand: reactive interactions per second, allowed and offered.
    allowed: f64,
    offered: f64,
    offered_to_agents: f64,
    /// Of groups with unknown demand: agents, and agents × reactive state.
    agents: f64,
    agents_allowed: f64,
}

impl Consolidation {
    pub fn of<'a>(groups: impl Iterator<Item = &'a Group>, now: Duration, time_to_live: Duration) -> Self {
        let mut sum = Self::default();
        for group in groups {
            sum.add(group, now, time_to_live);
        }
        sum
    }

    fn add(&mut self, group: &Group, now: Duration, time_to_live: Duration) {
        let Some(report) = group.fresh_report(now, time_to_live) else { return };
        self.fresh_groups += 1;
        self.capacity += u64::from(report.statistics.ready);
        let older =
            |oldest: Option<Duration>| Some(oldest.map_or(report.received, |oldest| oldest.min(report.received)));
        self.oldest = older(self.oldest);
        let Some(prediction) = group.prediction() else { return };
        let Some(state) = prediction.reactive_state else { return };
        self.least_state = if self.predicted == 0 { state } else { self.least_state.min(state) };
        self.predicted += 1;
        self.oldest_predicted = older(self.oldest_predicted);
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

    /// Allowed ÷ offered reactive engagements, 0..=1. A group with unknown demand is assumed to
    /// have as much per agent as the others. `None`: no group has a reactive state.
    pub fn reactive_state(&self) -> Option<f64> {
        if self.predicted <= 1 {
            // Without a rounding error.
            return (self.predicted == 1).then_some(self.least_state);
        }
        let demand_per_agent = if self.offered > 0.0 && self.offered_to_agents > 0.0 {
            self.offered / self.offered_to_agents
        } else {
            1.0
        };
        let offered = self.offered + self.agents * demand_per_agent;
        let allowed = self.allowed + self.agents_allowed * demand_per_agent;
        // Without demand and agents there are no weights; the smallest state is the careful choice.
        Some(if offered > 0.0 { (allowed / offered).clamp(0.0, 1.0) } else { self.least_state })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::groups::Report;
    use crate::pacing::Prediction;
    use crate::wire::line::Statistics;

    const TIME_TO_LIVE: Duration = Duration::from_secs(30);

    /// A group received at `second` with `agents`, of whom one is ready.
    fn group(received: u64, agents: u32, state: Option<f64>, demand: Option<f64>) -> Group {
        let statistics = Statistics { ready: 1, logged_in: Some(agents), ..Statistics::default() };
        let prediction = Prediction { reactive_state: state, proactive_allowance: None, reactive_demand: demand };
        Group::made_of(Report { received: Duration::from_secs(received), statistics }, prediction)
    }

    fn of(groups: &[Group]) -> Consolidation {
        Consolidation::of(groups.iter(), Duration::from_secs(40), TIME_TO_LIVE)
    }

    fn assert_state(groups: &[Group], want: f64) {
        let state = of(groups).reactive_state().unwrap();
        assert!((state - want).abs() < 1e-12, "{state}, want {want}");
    }

    #[test]
    fn groups_weigh_by_the_demand_they_see() {
        // 3 of 4 visitors a second ask a group that lets a tenth of them in; its agents do not
        // matter.
        let groups = [group(40, 1, Some(0.1), Some(3.0)), group(40, 99, Some(0.9), Some(1.0))];
        assert_state(&groups, (3.0 * 0.1 + 0.9) / 4.0);
    }

    #[test]
    fn groups_without_known_demand_weigh_by_their_agents() {
        assert_state(&[group(40, 30, Some(1.0), None), group(40, 10, Some(0.2), None)], 0.8);
    }

    #[test]
    fn a_group_without_known_demand_sees_as_much_for_each_agent_as_the_others() {
        // 0.5 a second for each agent, so the third is taken to see 10 × 0.5.
        let groups =
            [group(40, 2, Some(0.5), Some(3.0)), group(40, 6, Some(1.0), Some(1.0)), group(40, 10, Some(0.2), None)];
        assert_state(&groups, (1.5 + 1.0 + 5.0 * 0.2) / 9.0);
    }

    #[test]
    fn one_state_is_served_exactly() {
        let third = 1.0 / 3.0;
        let one = of(&[group(40, 7, Some(third), Some(0.1)), group(40, 7, None, None)]);
        assert_eq!(one.reactive_state().map(f64::to_bits), Some(third.to_bits()));
        assert_eq!(of(&[group(40, 7, None, Some(1.0))]).reactive_state(), None);
        assert_eq!(of(&[]).reactive_state(), None);
    }

    #[test]
    fn with_nothing_to_weigh_by_the_least_holds() {
        assert_state(&[group(40, 0, Some(0.6), None), group(40, 0, Some(0.2), Some(0.0))], 0.2);
        assert_state(&[group(40, 9, Some(0.6), Some(0.0)), group(40, 9, Some(0.2), Some(0.0))], 0.2);
    }

    #[test]
    fn stale_groups_are_left_out_and_the_oldest_used_is_given() {
        let groups =
            [group(9, 5, Some(0.0), Some(1.0)), group(10, 5, Some(0.5), Some(1.0)), group(30, 5, Some(1.0), Some(1.0))];
        let some = of(&groups);
        assert_eq!((some.fresh_groups, some.capacity), (2, 2));
        assert_eq!(
            (some.oldest, some.oldest_predicted),
            (Some(Duration::from_secs(10)), Some(Duration::from_secs(10)))
        );
        let lacking = of(&[group(20, 5, None, None), group(30, 5, Some(1.0), None)]);
        assert_eq!(lacking.oldest, Some(Duration::from_secs(20)));
        assert_eq!(lacking.oldest_predicted, Some(Duration::from_secs(30)));
        assert_state(&groups, 0.75);
        let none = Consolidation::of(groups.iter(), Duration::from_secs(61), TIME_TO_LIVE);
        assert!(none.fresh_groups == 0 && none.oldest.is_none() && none.reactive_state().is_none());
    }

    #[test]
    fn the_mean_never_leaves_0_to_1() {
        let groups = [1e-300, 0.1, 1e300].map(|demand| group(40, u32::MAX, Some(1.0), Some(demand)));
        assert_state(&groups, 1.0);
        let groups = [0.1, 0.2, 0.7].map(|demand| group(40, 3, Some(1.0), Some(demand)));
        assert!(of(&groups).reactive_state().unwrap() <= 1.0);
    }
}
