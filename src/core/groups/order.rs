//! Which line of a group can follow which, by their times.

use core::fmt;

use crate::enumeration::enumeration;
use crate::limits::GROUPS;

enumeration! {
    /// Why lines of a known group were refused.
    pub enum Refusal
    /// The name in operators' documents.
    fn name {
        /// Unsigned, with a `time` before that of the last accepted line.
        Late => "late",
        /// Signed, with a `time` not later than that of the last accepted line.
        Replayed => "replayed",
        /// Signed, with a `time` too far behind the clock here.
        Stale => "stale",
        /// Signed, with a `time` too far ahead of the clock here.
        Early => "early",
    }
}

/// Why the table refused a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Its `time` is before that of the last accepted line of its group.
    Late,
    /// Signed, and its `time` is not later than that of the last accepted line of its group.
    Replayed,
    /// It is from a new group, and all places are taken.
    TableFull,
}

/// How the times of a group's lines are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// An earlier line was overtaken on the way. Two events can have the same millisecond.
    Unsigned,
    /// A line that is not later is refused, however much earlier it is: somebody may be sending an old line again.
    Signed {
        /// The latest time that a line can have had by now. A last line that is later does not count, for it was accepted
        /// while the clock here was ahead, or lines were not signed.
        latest: u64,
    },
}

impl Order {
    /// Whether a line with `time` can follow one with `last`.
    pub(super) fn allows(self, last: u64, time: u64) -> bool {
        match self {
            Self::Unsigned => time >= last,
            Self::Signed { latest } => time > last || last > latest,
        }
    }

    /// Checks the first line of a new group against the latest time of the groups that lost their places.
    pub(super) fn check_new(self, replaced_until: u64, time: Option<u64>) -> Result<(), Refused> {
        match (self, time) {
            (Self::Signed { .. }, Some(time)) if !self.allows(replaced_until, time) => Err(Refused::Replayed),
            _ => Ok(()),
        }
    }

    /// What a line is that cannot follow.
    pub(super) fn refusal(self) -> (Refusal, Refused) {
        match self {
            Self::Unsigned => (Refusal::Late, Refused::Late),
            Self::Signed { .. } => (Refusal::Replayed, Refused::Replayed),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Late => formatter.write_str("its time is before that of the group's last line"),
            Self::Replayed => formatter.write_str("its time is not later than that of the group's last line"),
            Self::TableFull => write!(
                formatter,
                "all {GROUPS} places for groups are taken; send fewer groups, or declare those that matter \
                 (statistics.groups)"
            ),
        }
    }
}

impl core::error::Error for Refused {}
