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
    /// Without a signature, where a key is configured.
    Unsigned,
    /// With a signature that is not to be trusted.
    BadSignature,
    /// Well signed, but heard before, or so old that it could have been.
    Replayed,
    /// From a network that may not send. Its datagram is not read, and counts as one line.
    NotAllowed,
}

impl Outcome {
    /// Every outcome, in the order of their discriminants.
    pub const ALL: [Self; 9] = [
        Self::Accepted,
        Self::Malformed,
        Self::OutOfRange,
        Self::Late,
        Self::TableFull,
        Self::Unsigned,
        Self::BadSignature,
        Self::Replayed,
        Self::NotAllowed,
    ];

    /// The name in operators' pages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Malformed => "malformed",
            Self::OutOfRange => "outOfRange",
            Self::Late => "late",
            Self::TableFull => "tableFull",
            Self::Unsigned => "unsigned",
            Self::BadSignature => "badSignature",
            Self::Replayed => "replayed",
            Self::NotAllowed => "notAllowed",
        }
    }
}

/// Why a line was not trusted. It tells a wrong key from a wrong clock, and either from an attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distrust {
    /// No JWS.
    NotSigned,
    /// A JWS whose signature is empty, as `alg` `none` has it.
    NoSignature,
    /// Signed otherwise than with HS256.
    OtherAlgorithm,
    /// With a header or an encoding that will not do.
    BadForm,
    /// Forged, altered, or signed with another key.
    Mismatch,
    /// With a `time` not later than the group's last.
    Replayed,
    /// With a `time` too far behind the clock here.
    Stale,
    /// With a `time` too far ahead of the clock here.
    Early,
}

impl Distrust {
    /// Every one, in the order of their discriminants.
    pub const ALL: [Self; 8] = [
        Self::NotSigned,
        Self::NoSignature,
        Self::OtherAlgorithm,
        Self::BadForm,
        Self::Mismatch,
        Self::Replayed,
        Self::Stale,
        Self::Early,
    ];

    /// The name in operators' pages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotSigned => "notSigned",
            Self::NoSignature => "noSignature",
            Self::OtherAlgorithm => "otherAlgorithm",
            Self::BadForm => "badForm",
            Self::Mismatch => "mismatch",
            Self::Replayed => "replayed",
            Self::Stale => "stale",
            Self::Early => "early",
        }
    }

    /// What such a line is counted as.
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::NotSigned | Self::NoSignature => Outcome::Unsigned,
            Self::OtherAlgorithm | Self::BadForm | Self::Mismatch => Outcome::BadSignature,
            Self::Replayed | Self::Stale | Self::Early => Outcome::Replayed,
        }
    }
}

/// Lines of statistics by outcome, since the daemon started.
#[derive(Clone, Debug)]
pub struct Counters {
    lines: [u64; Outcome::ALL.len()],
    distrusted: [u64; Distrust::ALL.len()],
    datagrams: u64,
}

impl Counters {
    /// Nothing received yet.
    pub const fn new() -> Self {
        Self { lines: [0; Outcome::ALL.len()], distrusted: [0; Distrust::ALL.len()], datagrams: 0 }
    }

    /// One more line that ended so.
    pub fn count(&mut self, outcome: Outcome) {
        if let Some(lines) = self.lines.get_mut(outcome as usize) {
            *lines += 1;
        }
    }

    /// One more line that was not trusted, and ended so.
    pub fn count_distrusted(&mut self, distrust: Distrust) {
        self.count(distrust.outcome());
        if let Some(lines) = self.distrusted.get_mut(distrust as usize) {
            *lines += 1;
        }
    }

    /// Lines that were not trusted for that.
    pub fn distrusted(&self, distrust: Distrust) -> u64 {
        self.distrusted.get(distrust as usize).copied().unwrap_or_default()
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
    fn each_distrust_is_counted_for_itself_and_as_its_outcome() {
        let mut counters = Counters::new();
        for (times, distrust) in Distrust::ALL.into_iter().enumerate() {
            assert_eq!(distrust as usize, times, "in the order of the discriminants");
            (0..=times).for_each(|_| counters.count_distrusted(distrust));
        }
        for (times, distrust) in Distrust::ALL.into_iter().enumerate() {
            assert_eq!(counters.distrusted(distrust), times as u64 + 1);
        }
        let outcomes = [Outcome::Unsigned, Outcome::BadSignature, Outcome::Replayed];
        assert_eq!(outcomes.map(|outcome| counters.lines(outcome)), [3, 12, 21]);
        assert_eq!(counters.received(), 36);
    }

    #[test]
    fn no_two_outcomes_or_distrusts_share_a_name() {
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::ALL.iter().filter(|other| other.name() == outcome.name()).count(), 1);
        }
        for distrust in Distrust::ALL {
            assert_eq!(Distrust::ALL.iter().filter(|other| other.name() == distrust.name()).count(), 1);
        }
    }
}
