//! Why a line of statistics was dropped.

use core::fmt;
use core::net::IpAddr;
use core::time::Duration;

use crate::counters::{Distrust, Outcome};
use crate::groups::Refused;
use crate::wire::channel::Channel;
use crate::wire::group_name::GroupName;
use crate::wire::jws::SignatureError;
use crate::wire::line::LineError;

/// Why a line of statistics was dropped.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// It is not a valid line.
    Line(LineError),
    /// It cannot be trusted.
    Distrusted(SignatureError),
    /// It can be trusted, but its time is too far from the clock here.
    Untimely {
        /// How far.
        error: SignatureError,
        /// The channel of its group.
        channel: Channel,
        /// The name of its group.
        name: GroupName,
        /// Its time, Unix milliseconds.
        time: u64,
    },
    /// It is valid, but the table of groups refused it.
    Refused(Refused, Channel, GroupName),
    /// Its datagram is from a network that may not send.
    NotAllowed,
}

impl Fault {
    /// The outcome that it is counted as.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Line(LineError::OutOfRange { .. }) => Outcome::OutOfRange,
            Self::Line(_) => Outcome::Malformed,
            Self::Distrusted(error) | Self::Untimely { error, .. } => error.distrust().outcome(),
            Self::Refused(Refused::Late, ..) => Outcome::Late,
            Self::Refused(Refused::Replayed, ..) => Distrust::Replayed.outcome(),
            Self::Refused(Refused::TableFull, ..) => Outcome::TableFull,
            Self::NotAllowed => Outcome::NotAllowed,
        }
    }

    /// Why the line was not trusted. `None`: it was dropped for another reason.
    pub fn distrust(&self) -> Option<Distrust> {
        match self {
            Self::Distrusted(error) | Self::Untimely { error, .. } => Some(error.distrust()),
            Self::Refused(Refused::Replayed, ..) => Some(Distrust::Replayed),
            Self::Refused(Refused::Late | Refused::TableFull, ..) | Self::Line(_) | Self::NotAllowed => None,
        }
    }

    /// Whether it is known which group the line is of.
    pub fn names_group(&self) -> bool {
        match self {
            Self::Untimely { .. } | Self::Refused(..) => true,
            Self::Line(_) | Self::Distrusted(_) | Self::NotAllowed => false,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(error) => write!(formatter, "{error}"),
            Self::Distrusted(error) => write!(formatter, "{error}"),
            Self::Untimely { error, channel, name, .. } => {
                write!(formatter, "group {:?} of {channel}: {error}", name.as_str())
            }
            Self::Refused(refused, channel, name) => {
                write!(formatter, "group {:?} of {channel}: {refused}", name.as_str())
            }
            Self::NotAllowed => formatter.write_str(
                "its sender is in none of the networks in statistics.sources; if it is a collector, add it there",
            ),
        }
    }
}

impl core::error::Error for Fault {}

/// The last line that was dropped.
#[derive(Clone, Debug)]
pub struct Dropped {
    /// When it was received.
    pub received: Duration,
    /// Who sent it.
    pub sender: IpAddr,
    /// Why it was dropped.
    pub fault: Fault,
}
