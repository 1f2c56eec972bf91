//! What the running totals of a group have grown by: computed once, by the totals, for all uses.

/// Growth of each running total since it was last reported. `None`: the line does not report the total, or is the first
/// to do so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Growth {
    /// Reactive interactions that entered.
    pub reactive_entered: Option<u64>,
    /// Proactive interactions that entered.
    pub proactive_entered: Option<u64>,
    /// Interactions abandoned.
    pub abandoned: Option<u64>,
    /// Invitations sent.
    pub invitations_sent: Option<u64>,
    /// Invitations accepted.
    pub invitations_accepted: Option<u64>,
    /// The totals are a base line, of a collector that is new or was restarted: nothing is known of the time before,
    /// and every growth is `None`.
    pub starts_row: bool,
}
