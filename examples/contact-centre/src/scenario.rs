//! What is simulated: demand, staff, times, the collector and the network between it and the
//! daemon.
//!
//! All times are seconds, all rates per second.

use crate::{curve::Curve, curve::Steps, times::Times};

/// One group of agents on one channel, its visitors, and how its statistics travel.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// `chat` or `webcallback`.
    pub channel: String,
    /// The group's name.
    pub group: String,
    /// Visitors who would like an interaction (reactive), per second, let in or not.
    pub visitors: Curve,
    /// Demand that comes in bursts of random length, on top of the curve.
    pub bursts: Option<Bursts>,
    /// What visitors do who are turned away, how they enter, and who of them asks at all.
    pub habits: Habits,
    /// Where proactive interactions come from.
    pub proactive: Proactive,
    /// Agents on duty. Who is busy when the number falls finishes what is in hand and then leaves.
    pub staff: Steps,
    /// Interactions that each agent can hold at once.
    pub slots_per_agent: u32,
    /// Handle times.
    pub handle_time: Times,
    /// Handle times are multiplied by this, which may change over the day.
    pub handle_time_scale: Curve,
    /// What agents do between interactions, and how they differ.
    pub agents: Agents,
    /// Visitors of a second group that the same agents serve, per second; `Curve::zero()`: there is
    /// no second group.
    pub second_group: Curve,
    /// How long a visitor waits before giving up.
    pub patience: Times,
    /// Share of the visitors who leave at once when they would have to wait (balking), 0..=1.
    pub balking: f64,
    /// Visitors who give up do so silently: they stay in the queue until an agent takes them and
    /// finds after this many seconds that nobody is there; only then are they counted as abandoned.
    /// `None`: they are counted when they give up.
    pub silent: Option<f64>,
    /// What sends the statistics.
    pub collector: Collector,
    /// What the statistics travel over.
    pub network: Network,
}

/// Where proactive interactions come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Proactive {
    /// They enter at this rate, whatever anyone says.
    Uncontrolled(Curve),
    /// Visitors who could be invited turn up at a rate; each is invited if an invitation is allowed
    /// at that moment.
    Invitations {
        /// Visitors who could be invited, per second.
        candidates: Curve,
        /// Share of the invitations that is accepted, 0..=1.
        acceptance: f64,
        /// From the invitation to the answer, yes or no.
        answer: Times,
    },
}

/// Demand that switches at random between two levels (a Markov-modulated Poisson process).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bursts {
    /// Mean duration of a burst, seconds.
    pub last: f64,
    /// Mean time between two bursts, seconds.
    pub pause: f64,
    /// The demand is multiplied by this during a burst …
    pub high: f64,
    /// … and by this between bursts.
    pub low: f64,
}

/// How visitors ask and enter.
#[derive(Clone, Debug, PartialEq)]
pub struct Habits {
    /// Seconds after which a visitor who was turned away asks again …
    pub retry_after: f64,
    /// … and attempts in all, after which the visitor goes away; 1: no one asks again.
    pub attempts: u32,
    /// From the answer to the entry: a form to be filled in.
    pub entry_delay: Times,
    /// Seconds for which a proxy answers from its cache.
    pub cached: f64,
    /// Share of the visitors, 0..=1, who enter without asking.
    pub unasked: Curve,
}

/// What agents do besides interactions, and how they differ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Agents {
    /// Work on an interaction after it has ended: the slot is neither free nor in use.
    pub wrap_up: Times,
    /// Share of the interactions after which the agent takes a break.
    pub break_share: f64,
    /// Duration of a break.
    pub break_time: Times,
    /// Every second agent takes this much longer (0.5: half as long again), the others as much
    /// shorter.
    pub uneven: f64,
    /// An interaction takes this much longer for each other one that the agent holds when it
    /// begins.
    pub slowdown: f64,
}

/// What sends the statistics.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Collector {
    /// From one line to the next.
    pub interval: f64,
    /// From one update of the running totals to the next; 0: each line has the totals of its
    /// moment.
    pub totals_every: f64,
    /// The same of the total of those who abandoned.
    pub abandoned_every: f64,
    /// Running totals start again from 0 so often (a restarted collector); infinite: never.
    pub restart_every: f64,
    /// The mean handle time is told times this: collectors are wrong now and then.
    pub handle_time_bias: f64,
    /// Until this moment the mean handle time is told as 0: nothing is known of it yet.
    pub handle_time_from: f64,
    /// Which fields a line has, besides channel, group and ready.
    pub fields: Fields,
}

/// Which fields a statistics line has, besides the three that are required.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fields {
    /// `loggedIn`.
    pub logged_in: bool,
    /// `slots` and `freeSlots`.
    pub slots: bool,
    /// `reactive` and `proactive`.
    pub in_progress: bool,
    /// `queued`.
    pub queued: bool,
    /// `handleTime`, once a first interaction has ended.
    pub handle_time: bool,
    /// `reactiveEntered` and `proactiveEntered`.
    pub entered: bool,
    /// `abandoned`.
    pub abandoned: bool,
    /// `invitationsSent`, `invitationsAccepted` and `invitationsPending`.
    pub invitations: bool,
    /// `time`.
    pub time: bool,
}

impl Fields {
    /// All of them.
    pub const ALL: Self = Self {
        logged_in: true,
        slots: true,
        in_progress: true,
        queued: true,
        handle_time: true,
        entered: true,
        abandoned: true,
        invitations: true,
        time: true,
    };
    /// None: a line says `ready` and nothing else.
    pub const NONE: Self = Self {
        logged_in: false,
        slots: false,
        in_progress: false,
        queued: false,
        handle_time: false,
        entered: false,
        abandoned: false,
        invitations: false,
        time: false,
    };
}

/// What the statistics travel over. Delays that differ from line to line change their order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Network {
    /// Share of the lines that are lost, 0..=1.
    pub loss: f64,
    /// From sending to arrival.
    pub delay: Times,
}

impl Default for Scenario {
    /// Ten agents, demand 1.5 times what they can do, five minutes an interaction, a minute's
    /// patience, a line each second.
    fn default() -> Self {
        Self {
            channel: "chat".into(),
            group: "Sales".into(),
            visitors: Curve::constant(0.05),
            bursts: None,
            habits: Habits {
                retry_after: 0.0,
                attempts: 1,
                entry_delay: Times::Fixed(0.0),
                cached: 0.0,
                unasked: Curve::zero(),
            },
            proactive: Proactive::Uncontrolled(Curve::zero()),
            staff: Steps::constant(10),
            slots_per_agent: 1,
            handle_time: Times::Exponential { mean: 300.0 },
            handle_time_scale: Curve::constant(1.0),
            agents: Agents {
                wrap_up: Times::Fixed(0.0),
                break_share: 0.0,
                break_time: Times::Fixed(0.0),
                uneven: 0.0,
                slowdown: 0.0,
            },
            second_group: Curve::zero(),
            patience: Times::Exponential { mean: 60.0 },
            balking: 0.0,
            silent: None,
            collector: Collector {
                interval: 1.0,
                totals_every: 0.0,
                abandoned_every: 0.0,
                restart_every: f64::INFINITY,
                handle_time_bias: 1.0,
                handle_time_from: 0.0,
                fields: Fields::ALL,
            },
            network: Network { loss: 0.0, delay: Times::Fixed(0.0) },
        }
    }
}
