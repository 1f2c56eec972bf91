//! The line that `systemctl status` shows: groups, their reactive state, requests per second.

use std::fmt;
use std::time::Duration;

use pacingd::groups::consolidation::Consolidation;
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
    line: Option<Line>,
}

#[derive(Clone, Debug, PartialEq)]
struct Line {
    known: usize,
    fresh: u32,
    /// In hundredths, as it is shown, so that what looks the same is not sent again.
    reactive_state: [Option<u32>; Channel::ALL.len()],
    requests_a_second: u64,
}

impl<'a> StatusLine<'a> {
    pub(crate) const fn new(manager: &'a Manager) -> Self {
        Self { manager, throttle: Throttle::new(INTERVAL), answered: 0, line: None }
    }

    /// Sends the line to the manager if it is due and differs from the last.
    pub(crate) fn update(&mut self, context: &Context, now: Duration) {
        if !self.manager.is_there() {
            return;
        }
        let mut line = line(context, now);
        // That groups appear or fall silent is what the line is looked at for: it is sent at once.
        let is_news = self.line.as_ref().is_none_or(|last| last.known != line.known || last.fresh != line.fresh);
        if !is_news && !self.throttle.is_due(now) {
            return;
        }
        let since = self.throttle.start(now).over;
        let answered = context.traffic.of(Side::Visitors).requests();
        line.requests_a_second = (answered - self.answered) / since.as_secs().max(1);
        self.answered = answered;
        if self.line.as_ref() != Some(&line) {
            self.manager.status(format_args!("{line}"));
            self.line = Some(line);
        }
    }
}

fn line(context: &Context, now: Duration) -> Line {
    let state = context.state();
    let time_to_live = state.settings().time_to_live;
    let groups = state.groups();
    let mut fresh = 0;
    let reactive_state = Channel::ALL.map(|channel| {
        let sum = Consolidation::of(groups.of(channel).iter(), now, time_to_live);
        fresh += sum.fresh_groups();
        // 0..=1, so it fits.
        sum.reactive_state().map(|state| (state * 100.0).round() as u32)
    });
    Line { known: groups.all().len(), fresh, reactive_state, requests_a_second: 0 }
}

impl fmt::Display for Line {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.known == 0 {
            return formatter.write_str("no statistics yet");
        }
        let plural = if self.known == 1 { "" } else { "s" };
        write!(formatter, "{} group{plural}, {} fresh", self.known, self.fresh)?;
        let mut separator = "; reactive state";
        for (channel, hundredths) in Channel::ALL.into_iter().zip(self.reactive_state) {
            if let Some(hundredths) = hundredths {
                write!(formatter, "{separator} {channel} {}.{:02}", hundredths / 100, hundredths % 100)?;
                separator = ",";
            }
        }
        write!(formatter, "; {} requests/s", self.requests_a_second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_what_an_operator_looks_for() {
        let mut line = Line { known: 12, fresh: 9, reactive_state: [Some(73), None], requests_a_second: 42 };
        assert_eq!(line.to_string(), "12 groups, 9 fresh; reactive state chat 0.73; 42 requests/s");
        line.reactive_state = [Some(100), Some(5)];
        assert_eq!(line.to_string(), "12 groups, 9 fresh; reactive state chat 1.00, webcallback 0.05; 42 requests/s");
        line = Line { known: 1, fresh: 0, reactive_state: [None, None], requests_a_second: 0 };
        assert_eq!(line.to_string(), "1 group, 0 fresh; 0 requests/s");
        line.known = 0;
        assert_eq!(line.to_string(), "no statistics yet");
    }
}
