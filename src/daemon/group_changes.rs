//! Logs what operators want to know of groups: statistics that stop or resume, a goal missed or met, clocks set back,
//! contradictions, a missing `reactiveState`.
//!
//! All groups with the same notice share a line, and each kind of notice has at most one line a minute: what happens in
//! between waits for the next line, so that no group is left out and none can flood the log.

use std::fmt::{self, Write as _};
use std::time::Duration;

use pacingd::answer::explanation::Explanation;
use pacingd::groups::{Group, Notice};
use pacingd::pacing::Options;
use pacingd::settings::Settings;
use pacingd::state::State;

use crate::log::Log;
use crate::throttle::Throttle;

/// The shortest time between two lines of one kind.
const INTERVAL: Duration = Duration::from_secs(60);

/// Groups that a line names; the status page has the rest.
const NAMED: usize = 8;

/// When each kind of notice was logged last.
pub(crate) struct GroupChanges {
    throttles: [Throttle; Notice::ALL.len()],
}

impl Default for GroupChanges {
    fn default() -> Self {
        Self { throttles: Notice::ALL.map(|_| Throttle::new(INTERVAL)) }
    }
}

impl GroupChanges {
    /// Logs what is due. Returns when something that waits will be due.
    pub(crate) fn log(&self, state: &mut State, log: &Log, now: Duration) -> Option<Duration> {
        let mut wakeup: Option<Duration> = None;
        for (notice, throttle) in Notice::ALL.into_iter().zip(&self.throttles) {
            let Some(groups) = Noticed::of(state, now, notice) else { continue };
            if let Some(due) = throttle.due().filter(|due| now < *due) {
                wakeup = Some(wakeup.map_or(due, |wakeup| wakeup.min(due)));
                continue;
            }
            throttle.start(now);
            state.mark_logged(now, notice);
            write_line(log, state.settings(), notice, &groups);
        }
        wakeup
    }
}

/// The groups with a notice.
struct Noticed {
    /// Their names, with the figures that the notice is about.
    names: String,
    count: usize,
    /// Lines of one of them are received, but dropped.
    lines_are_dropped: bool,
}

impl Noticed {
    /// `None`: there are none.
    fn of(state: &State, now: Duration, notice: Notice) -> Option<Self> {
        let mut noticed = Self { names: String::new(), count: 0, lines_are_dropped: false };
        for group in state.noticed(now, notice) {
            if noticed.count < NAMED {
                let comma = if noticed.count == 0 { "" } else { ", " };
                let name = group.name.as_str();
                let _ =
                    write!(noticed.names, "{comma}{} {name:?}{}", group.channel, Figures { state, group, now, notice });
            }
            noticed.count += 1;
            noticed.lines_are_dropped |= Explanation::of(state, group, now).lines_are_dropped();
        }
        if noticed.count > NAMED {
            let _ = write!(noticed.names, " and {} more", noticed.count - NAMED);
        }
        (noticed.count > 0).then_some(noticed)
    }
}

/// What a notice says about one group, in parentheses.
struct Figures<'a> {
    state: &'a State,
    group: &'a Group,
    now: Duration,
    notice: Notice,
}

impl fmt::Display for Figures<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { state, group, now, notice } = self;
        match notice {
            Notice::GoalMissed | Notice::GoalMet => {
                let entries = group.last_hour.entries(*now);
                let Some(share) = entries.abandonment() else { return Ok(()) };
                write!(formatter, " ({:.1} % of {})", 100.0 * share, entries.entered)
            }
            Notice::Silent => {
                let explanation = Explanation::of(state, group, *now);
                if explanation.lines_are_dropped() { write!(formatter, " ({})", explanation.text) } else { Ok(()) }
            }
            Notice::ClockSetBack => match group.set_back {
                Some(0) | None => Ok(()),
                Some(seconds) => write!(formatter, " (by {seconds} s)"),
            },
            Notice::Contradiction => match group.contradiction(state.wall_at_zero()) {
                Some(contradiction) => write!(formatter, " ({contradiction})"),
                None => Ok(()),
            },
            Notice::Resumed | Notice::NoReactiveState => Ok(()),
        }
    }
}

fn write_line(log: &Log, settings: &Settings, notice: Notice, groups: &Noticed) {
    let seconds = settings.time_to_live.as_secs_f64();
    let Options { optimization_goal: goal, .. } = settings.pacing;
    let Noticed { names, count, lines_are_dropped } = groups;
    let them = if *count == 1 { "it" } else { "them" };
    match notice {
        Notice::Silent => {
            let question = if *lines_are_dropped { "" } else { ": is the collector running?" };
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
