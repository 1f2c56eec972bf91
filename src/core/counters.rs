//! Counts of what was received: a line of statistics ends in exactly one outcome.

use crate::named;

named! {
    /// How a line of statistics ended, with its name in operators' documents.
    pub enum Outcome {
        /// The group's answers are made of it now.
        Accepted => "accepted",
        /// Not a JSON object, a required field missing, a field twice or of the wrong type.
        Malformed => "malformed",
        /// A value outside its field's range.
        OutOfRange => "outOfRange",
        /// Its `time` is before that of the group's last accepted line.
        Late => "late",
        /// From a new group, with all places taken.
        TableFull => "tableFull",
        /// Without a signature, where a key is configured.
        Unsigned => "unsigned",
        /// With a signature that cannot be trusted.
        BadSignature => "badSignature",
        /// Validly signed, but received before, or so old that it could have been.
        Replayed => "replayed",
        /// From a network that may not send. Its datagram is not read, and counts as one line.
        NotAllowed => "notAllowed",
    }
}

named! {
    /// Why a line was not trusted, with its name in operators' documents. It distinguishes a wrong key, a wrong clock, and
    /// an attack.
    pub enum Distrust {
        /// Not a JWS.
        NotSigned => "notSigned",
        /// A JWS whose signature is empty, as with `alg` `none`.
        NoSignature => "noSignature",
        /// Signed with another algorithm than HS256.
        OtherAlgorithm => "otherAlgorithm",
        /// With a wrong header or encoding.
        BadForm => "badForm",
        /// Forged, altered, or signed with another key.
        Mismatch => "mismatch",
        /// With a `time` not later than that of the group's last accepted line.
        Replayed => "replayed",
        /// With a `time` too far behind the clock here.
        Stale => "stale",
        /// With a `time` too far ahead of the clock here.
        Early => "early",
    }
}

impl Distrust {
    /// What such a line is counted as.
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::NotSigned | Self::NoSignature => Outcome::Unsigned,
            Self::OtherAlgorithm | Self::BadForm | Self::Mismatch => Outcome::BadSignature,
            Self::Replayed | Self::Stale | Self::Early => Outcome::Replayed,
        }
    }
}

/// Counts since the daemon started.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    lines: [u64; Outcome::ALL.len()],
    distrusted: [u64; Distrust::ALL.len()],
    /// Datagrams received, from any sender.
    pub datagrams: u64,
    /// Datagrams that the kernel dropped because a socket's receive buffer was full, as far as the edge has reported.
    pub dropped_by_kernel: u64,
}

impl Counters {
    /// Counts a line that ended with `outcome`, and if it was not trusted, why.
    pub fn count(&mut self, outcome: Outcome, distrust: Option<Distrust>) {
        self.lines[outcome as usize] += 1;
        if let Some(distrust) = distrust {
            self.distrusted[distrust as usize] += 1;
        }
    }

    /// Lines that ended with `outcome`.
    pub fn lines(&self, outcome: Outcome) -> u64 {
        self.lines[outcome as usize]
    }

    /// Lines that were not trusted for that reason.
    pub fn distrusted(&self, distrust: Distrust) -> u64 {
        self.distrusted[distrust as usize]
    }

    /// All lines received.
    pub fn received(&self) -> u64 {
        self.lines.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_is_counted_separately_and_they_sum_up() {
        let mut counters = Counters::default();
        for (times, outcome) in Outcome::ALL.into_iter().enumerate() {
            (0..=times).for_each(|_| counters.count(outcome, None));
        }
        for (times, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(counters.lines(outcome), times as u64 + 1);
        }
        let all = Outcome::ALL.len() as u64;
        assert_eq!(counters.received(), all * (all + 1) / 2);
    }

    #[test]
    fn each_distrust_is_counted_separately_and_as_its_outcome() {
        let mut counters = Counters::default();
        for (times, distrust) in Distrust::ALL.into_iter().enumerate() {
            (0..=times).for_each(|_| counters.count(distrust.outcome(), Some(distrust)));
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
