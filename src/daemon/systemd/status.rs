//! The line that `systemctl status` shows: groups, their reactive state, requests per second.

use std::time::Duration;

use pacingd::wire::channel::Channel;

use crate::context::Context;
use crate::http::counters::Side;
use crate::systemd::notify::Manager;
use crate::throttle::Throttle;

/// How often the line changes: ten seconds are soon enough for people.
const INTERVAL: Duration = Duration::from_secs(10);

/// The status line, and what it was made of last.
pub(crate) struct StatusLine<'a> {
    manager: &'a Manager,
    throttle: Throttle,
    answered: u64,
    /// How many groups were known, and how many of them were fresh.
    groups: Option<(usize, u32)>,
    line: String,
}

impl<'a> StatusLine<'a> {
    pub(crate) const fn new(manager: &'a Manager) -> Self {
        Self { manager, throttle: Throttle::new(INTERVAL), answered: 0, groups: None, line: String::new() }
    }

    /// Sends the line to the manager if it is due and differs from the last.
    pub(crate) fn update(&mut self, context: &Context, now: Duration) {
        if !self.manager.is_there() {
            return;
        }
        let state = context.state();
        let known = state.groups();
        let sum = |channel| state.consolidate(now, channel);
        let sums = Channel::ALL.map(sum);
        let groups = (known.all().len(), sums.iter().map(|sum| sum.fresh_groups).sum());
        // That groups appear or fall silent is what the line is looked at for: it is sent at once.
        let is_news = self.groups.replace(groups) != Some(groups);
        if !is_news && !self.throttle.is_due(now) {
            return;
        }
        let since = self.throttle.start(now).over;
        let answered = context.traffic.of(Side::Visitors).requests();
        let requests_a_second = (answered - self.answered) / since.as_secs().max(1);
        self.answered = answered;
        let line = line(groups, sums.map(|sum| sum.reactive_state()), requests_a_second);
        if self.line != line {
            self.manager.status(format_args!("{line}"));
            self.line = line;
        }
    }
}

fn line((known, fresh): (usize, u32), reactive_state: [Option<f64>; Channel::ALL.len()], requests: u64) -> String {
    if known == 0 {
        return "no statistics yet".into();
    }
    let plural = if known == 1 { "" } else { "s" };
    let states = Channel::ALL.into_iter().zip(reactive_state);
    let states: Vec<_> = states.filter_map(|(channel, state)| Some(format!("{channel} {:.2}", state?))).collect();
    let states = if states.is_empty() { String::new() } else { format!("; reactive state {}", states.join(", ")) };
    format!("{known} group{plural}, {fresh} fresh{states}; {requests} requests/s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_what_an_operator_looks_for() {
        for (groups, reactive_state, requests, want) in [
            ((12, 9), [Some(0.73), None], 42, "12 groups, 9 fresh; reactive state chat 0.73; 42 requests/s"),
            (
                (12, 9),
                [Some(1.0), Some(0.05)],
                42,
                "12 groups, 9 fresh; reactive state chat 1.00, webcallback 0.05; 42 requests/s",
            ),
            ((1, 0), [None, None], 0, "1 group, 0 fresh; 0 requests/s"),
            ((0, 0), [None, None], 0, "no statistics yet"),
        ] {
            assert_eq!(line(groups, reactive_state, requests), want);
        }
    }
}
