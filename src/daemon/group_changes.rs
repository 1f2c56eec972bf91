//! Logs notices about groups. Groups with the same notice share a line, and each kind of notice is
//! logged at most once a minute; later ones wait for the next line.

use std::time::Duration;

use pacingd::answer::explanation::Explanation;
use pacingd::groups::{Group, Notice};
use pacingd::pacing::Options;
use pacingd::state::State;

use crate::log::Log;
use crate::throttle::Throttle;

const INTERVAL: Duration = Duration::from_secs(60);

/// Groups named in one line; the status page has the rest.
const NAMED: usize = 8;

pub(crate) struct GroupChanges {
    throttles: [Throttle; Notice::ALL.len()],
}

impl Default for GroupChanges {
    fn default() -> Self {
        Self { throttles: Notice::ALL.map(|_| Throttle::new(INTERVAL)) }
    }
}

impl GroupChanges {
    /// Logs the notices that are due. Returns when the next waiting one will be.
    pub(crate) fn log(&self, state: &mut State, log: &Log, now: Duration) -> Option<Duration> {
        let mut wakeup: Option<Duration> = None;
        for (notice, throttle) in Notice::ALL.into_iter().zip(&self.throttles) {
            let groups: Vec<_> = state.noticed(now, notice).collect();
            if groups.is_empty() {
                continue;
            }
            if let Some(due) = throttle.due().filter(|due| now < *due) {
                wakeup = Some(wakeup.map_or(due, |wakeup| wakeup.min(due)));
                continue;
            }
            throttle.start(now);
            write_line(log, state, now, notice, &groups);
            state.mark_logged(now, notice);
        }
        wakeup
    }
}

fn write_line(log: &Log, state: &State, now: Duration, notice: Notice, groups: &[&Group]) {
    let named = groups.iter().take(NAMED).map(|group| {
        let figures = figures(state, group, now, notice).map_or_else(String::new, |figures| format!(" ({figures})"));
        format!("{} {:?}{figures}", group.channel, group.name.as_str())
    });
    let mut names = named.collect::<Vec<_>>().join(", ");
    if groups.len() > NAMED {
        names += &format!(" and {} more", groups.len() - NAMED);
    }
    let seconds = state.settings().time_to_live.as_secs_f64();
    let Options { optimization_goal: goal, .. } = state.settings().pacing;
    let them = if groups.len() == 1 { "it" } else { "them" };
    match notice {
        Notice::Silent => {
            let are_dropped = groups.iter().all(|group| Explanation::of(state, group, now).lines_are_dropped());
            let question = if are_dropped { "" } else { ": is the collector running?" };
            log.warning(format_args!(
                "no statistics for {seconds} s from {names}; requests for {them} get 503{question}"
            ));
        }
        Notice::Resumed => log.info(format_args!("statistics from {names} have resumed")),
        Notice::GoalMissed => log.warning(format_args!(
            "for an hour more than the goal of {goal} % abandoned in {names}: does every client ask, and heed the answer?"
        )),
        Notice::GoalMet => log.info(format_args!("the goal of {goal} % is met again in {names}")),
        Notice::ClockSetBack => log.warning(format_args!(
            "statistics with an earlier time are used for {names}: the collector's clock was set back, or another \
             collector with another clock took over"
        )),
        Notice::Contradiction => log.warning(format_args!(
            "figures that contradict each other are used for {names}: check the collector"
        )),
        Notice::NoReactiveState => log.warning(format_args!(
            "statistics from {names} have no reactiveState, which pacing.algorithm EXTERNAL serves; requests for {them} \
             get 503: add the field, or choose another algorithm"
        )),
    }
}

/// Details of a notice about one group.
fn figures(state: &State, group: &Group, now: Duration, notice: Notice) -> Option<String> {
    match notice {
        Notice::GoalMissed | Notice::GoalMet => {
            let entries = group.last_hour.entries(now);
            Some(format!("{:.1} % of {}", 100.0 * entries.abandonment()?, entries.entered))
        }
        Notice::Silent => {
            let explanation = Explanation::of(state, group, now);
            explanation.lines_are_dropped().then_some(explanation.text)
        }
        Notice::ClockSetBack => group.set_back.filter(|seconds| *seconds > 0).map(|seconds| format!("by {seconds} s")),
        Notice::Contradiction => Some(group.contradiction(state.wall_at_zero())?.to_string()),
        Notice::Resumed | Notice::NoReactiveState => None,
    }
}
