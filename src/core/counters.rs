//! Counts of received lines: each line ends in exactly one outcome.

use crate::named;

named! {
    /// The outcome of a line, with its name in `/status`, `/health` and `/metrics`.
    pub enum Outcome {
        Accepted => "accepted",
        /// Not a JSON object, or a field is missing, duplicate or of the wrong type.
        Malformed => "malformed",
        OutOfRange => "outOfRange",
        /// `time` is before that of the group's last accepted line.
        Late => "late",
        /// A new group, with all places taken.
        TableFull => "tableFull",
        /// Not signed, although a key is configured.
        Unsigned => "unsigned",
        BadSignature => "badSignature",
        /// Validly signed, but received before, or too old to exclude that.
        Replayed => "replayed",
        /// From a network that is not in `statistics.sources`: the datagram counts as one line.
        NotAllowed => "notAllowed",
    }
}

named! {
    /// Why a line was not trusted: a wrong key, a wrong clock, or an attack.
    pub enum Distrust {
        /// Not a JWS.
        NotSigned => "notSigned",
        /// A JWS with an empty signature, as with `alg` `none`.
        NoSignature => "noSignature",
        /// Signed with another algorithm than HS256.
        OtherAlgorithm => "otherAlgorithm",
        /// Wrong header or encoding.
        BadForm => "badForm",
        /// Forged, altered, or signed with another key.
        Mismatch => "mismatch",
        /// `time` is not after that of the group's last accepted line.
        Replayed => "replayed",
        /// `time` is too far behind the local clock.
        Stale => "stale",
        /// `time` is too far ahead of the local clock.
        Early => "early",
    }
}

impl Distrust {
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
    /// Datagrams dropped by the kernel for full receive buffers, as last reported by the daemon.
    pub dropped_by_kernel: u64,
}

impl Counters {
    pub fn count(&mut self, outcome: Outcome, distrust: Option<Distrust>) {
        self.lines[outcome as usize] += 1;
        if let Some(distrust) = distrust {
            self.distrusted[distrust as usize] += 1;
        }
    }

    pub fn lines(&self, outcome: Outcome) -> u64 {
        self.lines[outcome as usize]
    }

    pub fn distrusted(&self, distrust: Distrust) -> u64 {
        self.distrusted[distrust as usize]
    }

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
