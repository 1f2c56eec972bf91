//! What the collector sees of the group at one moment, and the statistics line that it makes of it.

use core::fmt::Write as _;

/// What one statistics line says. `None`: the line does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Whether this is the second group of the same agents.
    pub second_group: bool,
    /// Agents ready for an interaction now.
    pub ready: u32,
    /// Agents logged in.
    pub logged_in: Option<u32>,
    /// Interactions that the agents logged in can hold.
    pub slots: Option<u32>,
    /// Interactions that the agents can take now.
    pub free_slots: Option<u32>,
    /// Reactive interactions in progress.
    pub reactive: Option<u32>,
    /// Proactive interactions in progress.
    pub proactive: Option<u32>,
    /// Interactions waiting for an agent.
    pub queued: Option<u32>,
    /// Mean handle time, seconds.
    pub handle_time: Option<f64>,
    /// Reactive interactions that entered since the collector started.
    pub reactive_entered: Option<u64>,
    /// Proactive interactions that entered since the collector started.
    pub proactive_entered: Option<u64>,
    /// Interactions abandoned while waiting since the collector started.
    pub abandoned: Option<u64>,
    /// Invitations sent since the collector started.
    pub invitations_sent: Option<u64>,
    /// Invitations accepted since the collector started.
    pub invitations_accepted: Option<u64>,
    /// Invitations not yet answered.
    pub invitations_pending: Option<u32>,
    /// The collector's clock, Unix milliseconds.
    pub time: Option<u64>,
}

impl Snapshot {
    /// Writes the statistics line, one JSON object without a line's end, in place of what `line`
    /// held.
    ///
    /// `channel` and `group` must need no escaping in JSON.
    pub fn write(&self, channel: &str, group: &str, line: &mut String) {
        line.clear();
        // Writing to a String cannot fail.
        let _ = write!(line, r#"{{"channel":"{channel}","group":"{group}","ready":{}"#, self.ready);
        let counts = [
            ("loggedIn", self.logged_in.map(u64::from)),
            ("slots", self.slots.map(u64::from)),
            ("freeSlots", self.free_slots.map(u64::from)),
            ("reactive", self.reactive.map(u64::from)),
            ("proactive", self.proactive.map(u64::from)),
            ("queued", self.queued.map(u64::from)),
            ("reactiveEntered", self.reactive_entered),
            ("proactiveEntered", self.proactive_entered),
            ("abandoned", self.abandoned),
            ("invitationsSent", self.invitations_sent),
            ("invitationsAccepted", self.invitations_accepted),
            ("invitationsPending", self.invitations_pending.map(u64::from)),
            ("time", self.time),
        ];
        for (name, count) in counts {
            if let Some(count) = count {
                let _ = write!(line, r#","{name}":{count}"#);
            }
        }
        if let Some(handle_time) = self.handle_time {
            let _ = write!(line, r#","handleTime":{handle_time:.3}"#);
        }
        line.push('}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_is_known_and_leaves_out_the_rest() {
        let mut line = String::from("what was there before");
        Snapshot { ready: 4, ..Snapshot::default() }.write("chat", "Sales", &mut line);
        assert_eq!(line, r#"{"channel":"chat","group":"Sales","ready":4}"#);
        let more = Snapshot { queued: Some(1), handle_time: Some(312.5), time: Some(7), ..Snapshot::default() };
        more.write("chat", "Sales", &mut line);
        assert_eq!(line, r#"{"channel":"chat","group":"Sales","ready":0,"queued":1,"time":7,"handleTime":312.500}"#);
    }
}
