//! The statistics of one agent group on one channel, as a collector pushes them.

/// What the last accepted line said of a group. `None`: the line did not say.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Statistics {
    /// Agents ready for an interaction now.
    pub ready: u32,
    /// Agents logged in for the channel.
    pub logged_in: Option<u32>,
    /// Interactions that the agents logged in can hold. Absent: `logged_in`.
    pub slots: Option<u32>,
    /// Interactions that the agents can take now. Absent: `ready`.
    pub free_slots: Option<u32>,
    /// Reactive interactions in progress.
    pub reactive: Option<u32>,
    /// Proactive interactions in progress.
    pub proactive: Option<u32>,
    /// Interactions waiting for an agent.
    pub queued: Option<u32>,
    /// Mean handle time in seconds; finite, > 0.
    pub handle_time: Option<f64>,
    /// Reactive interactions that entered, since the collector started.
    pub reactive_entered: Option<u64>,
    /// Proactive interactions that entered, since the collector started.
    pub proactive_entered: Option<u64>,
    /// Interactions abandoned while waiting, since the collector started.
    pub abandoned: Option<u64>,
    /// Invitations sent, since the collector started.
    pub invitations_sent: Option<u64>,
    /// Invitations accepted, since the collector started.
    pub invitations_accepted: Option<u64>,
    /// Invitations shown and not yet answered.
    pub invitations_pending: Option<u32>,
    /// A reactive state computed elsewhere, 0..=1, for the algorithm `EXTERNAL`.
    pub reactive_state: Option<f64>,
    /// The collector's clock, Unix milliseconds.
    pub time: Option<u64>,
}
