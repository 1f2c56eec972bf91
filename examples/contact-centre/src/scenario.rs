//! What is simulated: demand, staff, times, the collector and the network between it and the daemon.
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
    /// Where proactive interactions come from.
    pub proactive: Proactive,
    /// Agents on duty. Who is busy when the number falls finishes what is in hand and then leaves.
    pub staff: Steps,
    /// Interactions that each agent can hold at once.
    pub slots_per_agent: u32,
    /// Handle times.
    pub handle_time: Times,
    /// How long a visitor waits before giving up.
    pub patience: Times,
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
    /// Visitors who could be invited turn up at a rate; each is invited if an invitation is allowed at that moment.
    Invitations {
        /// Visitors who could be invited, per second.
        candidates: Curve,
        /// Share of the invitations that is accepted, 0..=1.
        acceptance: f64,
        /// From the invitation to the answer, yes or no.
        answer: Times,
    },
}

/// What sends the statistics.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Collector {
    /// From one line to the next.
    pub interval: f64,
    /// Running totals start again from 0 so often (a restarted collector); infinite: never.
    pub restart_every: f64,
    /// The mean handle time is told times this: collectors are wrong now and then.
    pub handle_time_bias: f64,
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
    /// Ten agents, demand 1.5 times what they can do, five minutes an interaction, a minute's patience, a line each second.
    fn default() -> Self {
        Self {
            channel: "chat".into(),
            group: "Sales".into(),
            visitors: Curve::constant(0.05),
            proactive: Proactive::Uncontrolled(Curve::zero()),
            staff: Steps::constant(10),
            slots_per_agent: 1,
            handle_time: Times::Exponential { mean: 300.0 },
            patience: Times::Exponential { mean: 60.0 },
            collector: Collector {
                interval: 1.0,
                restart_every: f64::INFINITY,
                handle_time_bias: 1.0,
                fields: Fields::ALL,
            },
            network: Network { loss: 0.0, delay: Times::Fixed(0.0) },
        }
    }
}
