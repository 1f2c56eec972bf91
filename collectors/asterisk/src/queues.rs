//! What pacingd wants to know of each queue, from one answer after the other.
//!
//! # Important terms
//!
//! - **offered**: a caller whose agent's phone rings. Asterisk still counts and lists it among
//!   those who wait.
//! - **in wrap-up**: a member whose last call ended less than the wrap-up time ago. Asterisk rings
//!   it for nobody.
//! - **with agents**: callers who left the queue for an agent and whose call is not completed. Not
//!   the number of members that are `InCall`: between the two states the dial plan may run for
//!   seconds (`membergosub`, an announcement), and with `shared_lastcall` a member is `InCall` in
//!   all its queues while it talks in one.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use crate::answer::{Identity, Member, Phone, Queue};
use crate::clock::Moment;
use crate::limits::QUEUES;
use crate::session::Status;
use crate::settings::WrapUp;

/// Completed calls from which on a mean handle time is reported.
const CALLS_FOR_A_MEAN: f64 = 5.0;

/// A mean that a line would not show as 0, which would mean that none is known.
const SHORTEST_MEAN: f64 = 0.1;

/// Completed calls at which sums are halved, so the mean follows the day.
const CALLS_REMEMBERED: f64 = 100.0;

/// The figures of a queue for a statistics line.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The queue.
    pub group: String,
    /// Members who would be rung for a caller now.
    pub ready: u64,
    /// Members whose phone can be reached, paused or not.
    pub logged_in: u64,
    /// Members at work: ready, ringing, in a call or in wrap-up, and not paused.
    pub slots: u64,
    /// Callers offered and in a call, and members in wrap-up.
    pub reactive: u64,
    /// Callers who wait and are not being offered.
    pub queued: u64,
    /// Mean seconds of call and wrap-up, once it is known.
    pub handle_time: Option<f64>,
    /// Callers who entered: a running total.
    pub entered: u64,
    /// Callers who abandoned: a running total.
    pub abandoned: u64,
}

/// What an answer gave.
#[derive(Debug, Default)]
pub struct Observation {
    /// A report for each queue.
    pub reports: Vec<Report>,
    /// Lines for the log.
    pub notes: Vec<String>,
}

/// All queues, as far as they are known.
#[derive(Debug)]
pub struct Queues {
    wrap_up: WrapUp,
    known: BTreeMap<String, Known>,
    server_clock: Option<ServerClock>,
    /// What was logged of queues that are skipped.
    noted: BTreeSet<String>,
}

impl Queues {
    /// Returns a model that knows nothing yet but the wrap-up times.
    pub fn new(wrap_up: WrapUp) -> Self {
        Self { wrap_up, known: BTreeMap::new(), server_clock: None, noted: BTreeSet::new() }
    }

    /// Takes an answer. `is_first`: it is the first of its connection, and Asterisk may have
    /// restarted before.
    pub fn observe(&mut self, status: &Status, is_first: bool) -> Observation {
        let asked = status.asked.monotonic;
        let queues = &status.answer.queues;
        let is_first_of_all = self.server_clock.is_none();
        let clock = self.server_clock.get_or_insert_with(|| ServerClock::new(status.asked));
        for queue in queues {
            clock.learn(queue, self.known.get(&queue.name), asked + status.took);
        }

        let mut queues_in_call: HashMap<Identity, u32> = HashMap::new();
        for member in queues.iter().flat_map(|queue| &queue.members).filter(|member| member.in_call) {
            *queues_in_call.entry(member.identity).or_default() += 1;
        }

        let mut observation = Observation::default();
        if is_first_of_all {
            let is_listed = |name: &&String| queues.iter().any(|queue| queue.name == **name);
            observation.notes.extend(self.wrap_up.queues.keys().filter(|name| !is_listed(name)).map(|name| {
                format!("wrapuptime has \"{}\", which is no queue that Asterisk lists", name.escape_debug())
            }));
        }
        for queue in queues {
            let wrap_up = self.wrap_up.of(&queue.name);
            let is_mine = |member: &&Member| member.in_call && queues_in_call.get(&member.identity) == Some(&1);
            let mine = count(queue.members.iter().filter(is_mine));
            let known = match self.known.get_mut(&queue.name) {
                Some(known) => {
                    let gone = known.update(queue, mine, wrap_up, asked, is_first);
                    if gone > 0 {
                        observation.notes.push(format!(
                            "{gone} who waited in \"{}\" when the connection ended are gone: whether they abandoned is \
                             unknown",
                            queue.name.escape_debug()
                        ));
                    }
                    known
                }
                None => self.known.entry(queue.name.clone()).or_insert_with(|| Known::new(queue, asked)),
            };
            let now = clock.seconds(asked);
            observation.reports.push(known.report(queue, |member| is_in_wrap_up(member, wrap_up, now)));
        }
        if self.known.len() > QUEUES {
            self.known.retain(|name, _| queues.iter().any(|queue| queue.name == *name));
        }
        for note in &status.answer.skipped {
            if self.noted.len() < QUEUES && self.noted.insert(note.clone()) {
                observation.notes.push(note.clone());
            }
        }
        observation
    }
}

/// Asterisk's clock, of which only the whole seconds are seen at which calls ended. A wrap-up ends
/// by it, and on another machine it may be wrong by hours.
#[derive(Debug)]
struct ServerClock {
    /// Unix seconds there less monotonic seconds here. At first both machines are taken to have the
    /// same wall clock.
    offset: f64,
    /// Between what it must be by all that was seen.
    at_least: f64,
    at_most: f64,
}

impl ServerClock {
    fn new(asked: Moment) -> Self {
        let offset = asked.since_epoch.as_secs_f64() - asked.monotonic.as_secs_f64();
        Self { offset, at_least: f64::NEG_INFINITY, at_most: f64::INFINITY }
    }

    /// Learns from the members of `queue`, which were read before `read` at the latest.
    fn learn(&mut self, queue: &Queue, known: Option<&Known>, read: Duration) {
        for member in queue.members.iter().filter(|member| member.last_call > 0) {
            let before = known.and_then(|known| known.last_calls.get(&member.identity));
            if before == Some(&member.last_call) {
                continue;
            }
            let ended = precise(member.last_call);
            let at_least = ended - read.as_secs_f64();
            // It ended after the answer before, and within a second from the whole one.
            let at_most = match (before, known) {
                (Some(_), Some(known)) => ended + 1.0 - known.asked.as_secs_f64(),
                _ => f64::INFINITY,
            };
            self.narrow(at_least, at_most);
        }
    }

    fn narrow(&mut self, at_least: f64, at_most: f64) {
        self.at_least = self.at_least.max(at_least);
        self.at_most = self.at_most.min(at_most);
        if self.at_least > self.at_most {
            // One of the clocks was set, or drifted: what was seen last is true.
            (self.at_least, self.at_most) = (at_least, at_most);
        }
        if self.offset < self.at_least || self.offset >= self.at_most {
            let middle = f64::midpoint(self.at_least, self.at_most);
            self.offset = if middle.is_finite() { middle } else { self.at_least };
        }
    }

    /// Returns the Unix time there.
    fn seconds(&self, here: Duration) -> f64 {
        here.as_secs_f64() + self.offset
    }
}

/// Returns whether `member` is in wrap-up when Asterisk's clock shows `now`; `wrap_up` is the
/// queue's time.
fn is_in_wrap_up(member: &Member, wrap_up: u64, now: f64) -> bool {
    let wrap_up = own_wrap_up(member, wrap_up);
    // Without a wrap-up time, no clock is compared.
    member.last_call > 0 && wrap_up > 0 && now < precise(member.last_call + wrap_up)
}

fn own_wrap_up(member: &Member, of_queue: u64) -> u64 {
    if member.wrap_up > 0 { member.wrap_up } else { of_queue }
}

/// A queue in the answer before, and what was counted of it.
#[derive(Debug)]
struct Known {
    asked: Duration,
    calls: u64,
    callers: Vec<Identity>,
    completed: u64,
    abandoned: u64,
    in_call: u64,
    last_calls: HashMap<Identity, u64>,
    with_agents: u64,
    entered_total: u64,
    abandoned_total: u64,
    /// Seconds of calls and wrap-ups, and the calls completed meanwhile: their quotient is the mean
    /// by Little's law.
    busy: f64,
    handled: f64,
}

impl Known {
    /// Returns a queue that is seen for the first time. Those who wait or talk have entered before,
    /// so that the totals never show more callers who abandoned than entered.
    fn new(queue: &Queue, asked: Duration) -> Self {
        let in_call = in_call(queue);
        let mut known = Self {
            asked,
            calls: 0,
            callers: Vec::new(),
            completed: 0,
            abandoned: 0,
            in_call,
            last_calls: HashMap::new(),
            with_agents: in_call,
            entered_total: queue.calls + in_call,
            abandoned_total: 0,
            busy: 0.0,
            handled: 0.0,
        };
        known.remember(queue, asked);
        known
    }

    fn remember(&mut self, queue: &Queue, asked: Duration) {
        self.asked = asked;
        self.calls = queue.calls;
        self.callers = queue.callers.clone();
        self.callers.sort_unstable();
        self.completed = queue.completed;
        self.abandoned = queue.abandoned;
        self.in_call = in_call(queue);
        self.last_calls = queue.members.iter().map(|member| (member.identity, member.last_call)).collect();
    }

    /// Counts what happened since the answer before; `mine` members are in a call that is surely
    /// this queue's. Returns how many callers are gone without a trace, which happens when Asterisk
    /// restarts.
    fn update(&mut self, queue: &Queue, mine: u64, wrap_up: u64, asked: Duration, is_first: bool) -> u64 {
        // Totals that fall were reset.
        let completed = queue.completed.saturating_sub(self.completed);
        let abandoned = queue.abandoned.saturating_sub(self.abandoned);
        let (came, left) = self.came_and_left(queue);
        if !is_first {
            self.measure(queue, completed, wrap_up, asked);
        }

        let mut entered = came;
        let abandoned_seen = abandoned.min(left);
        // Who was seen in no answer entered nevertheless: to abandon at once …
        entered += abandoned - abandoned_seen;
        // A caller who leaves by a key stays in here, for nothing tells it from one whose agent's
        // dial plan still runs.
        self.with_agents += left - abandoned_seen;
        // … or to be served at once, seen when the call is completed …
        let completed_seen = completed.min(self.with_agents);
        entered += completed - completed_seen;
        self.with_agents -= completed_seen;
        let in_call = in_call(queue);
        // Calls that ended with Asterisk are completed by nobody.
        if is_first {
            self.with_agents = self.with_agents.min(in_call);
        }
        // … or already while it lasts.
        entered += mine.saturating_sub(self.with_agents);
        self.with_agents = self.with_agents.max(mine);
        self.entered_total += entered;
        self.abandoned_total += abandoned;

        let answered = completed + in_call.saturating_sub(self.in_call);
        self.remember(queue, asked);
        if is_first { left.saturating_sub(abandoned + answered) } else { 0 }
    }

    /// Returns how many callers are new in the queue, and how many are no longer in it.
    fn came_and_left(&self, queue: &Queue) -> (u64, u64) {
        let is_whole = |callers: &[Identity], calls| u64::try_from(callers.len()) == Ok(calls);
        if is_whole(&self.callers, self.calls) && is_whole(&queue.callers, queue.calls) {
            let came = count(queue.callers.iter().filter(|caller| self.callers.binary_search(caller).is_err()));
            // Those who stayed are in both.
            (came, self.calls.saturating_sub(queue.calls.saturating_sub(came)))
        } else {
            (queue.calls.saturating_sub(self.calls), self.calls.saturating_sub(queue.calls))
        }
    }

    fn measure(&mut self, queue: &Queue, completed: u64, wrap_up: u64, asked: Duration) {
        let seconds = asked.saturating_sub(self.asked).as_secs_f64();
        self.busy += precise(self.in_call.min(self.with_agents)) * seconds;
        // With shared_lastcall the last call of another queue is seen here as well; but it was not
        // completed here.
        let ended =
            |member: &&Member| self.last_calls.get(&member.identity).is_some_and(|before| *before < member.last_call);
        let wrap_ups: Vec<u64> =
            queue.members.iter().filter(ended).map(|member| own_wrap_up(member, wrap_up)).collect();
        if !wrap_ups.is_empty() {
            let mean = precise(wrap_ups.iter().sum()) / wrap_ups.len() as f64;
            self.busy += mean * precise(completed).min(wrap_ups.len() as f64);
        }
        self.handled += precise(completed);
        if self.handled >= CALLS_REMEMBERED {
            self.busy /= 2.0;
            self.handled /= 2.0;
        }
    }

    fn report(&self, queue: &Queue, is_in_wrap_up: impl Fn(&Member) -> bool) -> Report {
        let (mut ready, mut logged_in, mut ringing, mut in_wrap_up, mut talking) = (0, 0, 0, 0, 0);
        for member in &queue.members {
            logged_in += u64::from(member.phone != Phone::Absent);
            if member.is_paused || member.in_call || member.phone == Phone::Absent {
                talking += u64::from(member.in_call && !member.is_paused);
            } else if member.phone == Phone::Ringing {
                ringing += 1;
            } else if is_in_wrap_up(member) {
                in_wrap_up += 1;
            } else if member.phone == Phone::Free {
                ready += 1;
            }
        }
        let offered = queue.calls.min(ringing);
        let slots = ready + ringing + in_wrap_up + talking;
        if queue.rings_all {
            // All phones ring for one caller: the others could take one each.
            ready += ringing - offered;
        }
        Report {
            group: queue.name.clone(),
            ready,
            logged_in,
            slots,
            reactive: in_call(queue) + in_wrap_up + offered,
            queued: queue.calls - offered,
            handle_time: Some(self.busy / self.handled)
                .filter(|seconds| self.handled >= CALLS_FOR_A_MEAN && *seconds >= SHORTEST_MEAN),
            entered: self.entered_total,
            abandoned: self.abandoned_total,
        }
    }
}

fn in_call(queue: &Queue) -> u64 {
    count(queue.members.iter().filter(|member| member.in_call))
}

fn count(iterator: impl Iterator) -> u64 {
    iterator.fold(0, |count, _| count + 1)
}

/// Counts and times are far below 2⁵³.
fn precise(number: u64) -> f64 {
    number as f64
}
