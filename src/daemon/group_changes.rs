//! Tells the log what changed with groups: which went silent or came back, which miss or meet their goal.
//!
//! All groups to which the same happened share a line, and each kind of change has one line a minute at most: what
//! happens in between waits for the next line, so that no group is left out and none can flood the log.

use std::fmt::Write as _;
use std::time::Duration;

use pacingd::groups::change::{Change, Changed};

use crate::context::Shared;
use crate::throttle::Throttle;

/// How long a kind of change waits after it was told.
const INTERVAL: Duration = Duration::from_secs(60);

/// Groups that a line names; the status page has the rest.
const NAMED: usize = 8;

/// One for each kind of change.
pub(crate) type Throttles = [Throttle; Change::ALL.len()];

pub(crate) fn throttles() -> Throttles {
    Change::ALL.map(|_| Throttle::new(INTERVAL))
}

/// Tells what is to be told now. Gives when something that waits will be due.
pub(crate) fn tell(shared: &Shared, now: Duration, throttles: &Throttles) -> Option<Duration> {
    let mut wakeup: Option<Duration> = None;
    for (change, throttle) in Change::ALL.into_iter().zip(throttles) {
        let Some(groups) = groups_that(shared, now, change) else { continue };
        if let Some(due) = throttle.due().filter(|due| now < *due) {
            wakeup = Some(wakeup.map_or(due, |wakeup| wakeup.min(due)));
            continue;
        }
        throttle.start(now);
        shared.state().tell(now, change);
        say(shared, change, &groups);
    }
    wakeup
}

/// The groups to which that happened, named. `None`: none.
fn groups_that(shared: &Shared, now: Duration, change: Change) -> Option<String> {
    let state = shared.state();
    let mut text = String::new();
    let mut all = 0;
    for group in state.changed(now, change) {
        if all < NAMED {
            let _ = write!(text, "{}{}", if all == 0 { "" } else { ", " }, Changed { change, group, now });
        }
        all += 1;
    }
    if all > NAMED {
        let _ = write!(text, " and {} more", all - NAMED);
    }
    (all > 0).then_some(text)
}

fn say(shared: &Shared, change: Change, groups: &str) {
    let configuration = shared.configuration();
    let seconds = configuration.statistics.time_to_live.as_secs_f64();
    let goal = configuration.pacing.optimization_goal;
    match change {
        Change::Silent => shared.log.warning(format_args!(
            "no statistics for {seconds} s of {groups}; no answer is made for them: is the collector running?"
        )),
        Change::Back => shared.log.info(format_args!("statistics are back of {groups}")),
        Change::GoalMissed => shared.log.warning(format_args!(
            "for an hour more than {goal} % abandoned of {groups}; does every client ask, and heed the answer?"
        )),
        Change::GoalMet => shared.log.info(format_args!("the goal of {goal} % is met again by {groups}")),
    }
}
