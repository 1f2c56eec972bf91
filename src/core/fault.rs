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

#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// Not a valid line; with its group, if that could be read.
    Line(LineError, Option<(Channel, GroupName)>),
    Distrusted(SignatureError),
    /// Valid, but refused for its time or by the table of groups.
    Refused(Refusal, Channel, GroupName),
    /// From a network that is not in `statistics.sources`.
    NotAllowed,
}

impl Fault {
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Line(LineError::OutOfRange { .. }, _) => Outcome::OutOfRange,
            Self::Line(..) => Outcome::Malformed,
            Self::Refused(Refusal::TableFull, ..) => Outcome::TableFull,
            Self::Refused(..) | Self::Distrusted(_) => self.distrust().map_or(Outcome::Late, Distrust::outcome),
            Self::NotAllowed => Outcome::NotAllowed,
        }
    }

    /// Why the line was not trusted; `None` if it was dropped for another reason.
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
    pub received: Duration,
    pub sender: IpAddr,
    pub fault: Fault,
}
