//! Why a line of statistics was dropped.

use core::fmt;
use core::net::IpAddr;
use core::time::Duration;

use crate::counters::{Distrust, Outcome};
use crate::groups::Refusal;
use crate::wire::channel::Channel;
use crate::wire::group_name::GroupName;
use crate::wire::jws::SignatureError;
use crate::wire::line::LineError;

/// Why a line of statistics was dropped.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// It is not a valid line; of that group, as far as it could be read.
    Line(LineError, Option<(Channel, GroupName)>),
    /// Its signature cannot be trusted.
    Distrusted(SignatureError),
    /// It is valid, but its time or the table of groups does not allow it.
    Refused(Refusal, Channel, GroupName),
    /// Its datagram is from a network that may not send.
    NotAllowed,
}

impl Fault {
    /// The outcome that it is counted as.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Line(LineError::OutOfRange { .. }, _) => Outcome::OutOfRange,
            Self::Line(..) => Outcome::Malformed,
            Self::Distrusted(error) => error.distrust().outcome(),
            Self::Refused(refusal, ..) => refusal.outcome(),
            Self::NotAllowed => Outcome::NotAllowed,
        }
    }

    /// Why the line was not trusted. `None`: it was dropped for another reason.
    pub fn distrust(&self) -> Option<Distrust> {
        match self {
            Self::Distrusted(error) => Some(error.distrust()),
            Self::Refused(refusal, ..) => refusal.distrust(),
            Self::Line(..) | Self::NotAllowed => None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(error, _) => write!(formatter, "{error}"),
            Self::Distrusted(error) => write!(formatter, "{error}"),
            Self::Refused(refusal, channel, name) => {
                write!(formatter, "group {:?} of {channel}: {refusal}", name.as_str())
            }
            Self::NotAllowed => formatter.write_str(
                "its sender is in none of the networks in statistics.sources; if it is a collector, add it there",
            ),
        }
    }
}

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
