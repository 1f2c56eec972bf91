//! Counts of what was received: a line of statistics ends in exactly one outcome.

/// How a line of statistics ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is what the group's answers are made of now.
    Accepted,
    /// No JSON object, a required field missing, a field twice or of the wrong type.
    Malformed,
    /// A value outside its field's range.
    OutOfRange,
    /// Its `time` was not later than the group's last.
    Late,
    /// Of a new group, with all places taken.
    TableFull,
    /// From a network that may not send. Its datagram is not read, and counts as one line.
    NotAllowed,
}

impl Outcome {
    /// Every outcome, in the order of their discriminants.
    pub const ALL: [Self; 6] =
        [Self::Accepted, Self::Malformed, Self::OutOfRange, Self::Late, Self::TableFull, Self::NotAllowed];

    /// The name in operators' pages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Malformed => "malformed",
            Self::OutOfRange => "outOfRange",
            Self::Late => "late",
            Self::TableFull => "tableFull",
            Self::NotAllowed => "notAllowed",
        }
    }
}

/// Lines of statistics by outcome, since the daemon started.
#[derive(Clone, Debug)]
pub struct Counters {
    lines: [u64; Outcome::ALL.len()],
    datagrams: u64,
}

impl Counters {
    /// Nothing received yet.
    pub const fn new() -> Self {
        Self { lines: [0; Outcome::ALL.len()], datagrams: 0 }
    }

    /// One more line that ended so.
    pub fn count(&mut self, outcome: Outcome) {
        if let Some(lines) = self.lines.get_mut(outcome as usize) {
            *lines += 1;
        }
    }

    /// Lines that ended so.
    pub fn lines(&self, outcome: Outcome) -> u64 {
        self.lines.get(outcome as usize).copied().unwrap_or_default()
    }

    /// One more datagram.
    pub fn count_datagram(&mut self) {
        self.datagrams += 1;
    }

    /// All datagrams, from wherever.
    pub fn datagrams(&self) -> u64 {
        self.datagrams
    }

    /// All lines.
    pub fn received(&self) -> u64 {
        self.lines.iter().sum()
    }
}

impl Default for Counters {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_is_counted_for_itself_and_all_sum_up() {
        let mut counters = Counters::new();
        for (times, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, times, "in the order of the discriminants");
            (0..=times).for_each(|_| counters.count(outcome));
        }
        for (times, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(counters.lines(outcome), times as u64 + 1);
        }
        let all = Outcome::ALL.len() as u64;
        assert_eq!(counters.received(), all * (all + 1) / 2);
    }

    #[test]
    fn no_two_outcomes_share_a_name() {
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::ALL.iter().filter(|other| other.name() == outcome.name()).count(), 1);
        }
    }
}
