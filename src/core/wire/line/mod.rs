//! The wire format of statistics: one line of JSON = the state of one agent group on one channel.
//!
//! After [`Line::parse`] every value is of its type and in its range; nothing behind it checks again. No line costs an
//! allocation, whatever is in it.

mod escapes;
mod field;
mod json;
mod reader;

pub(crate) use json::members;

use core::fmt;

use crate::wire::channel::Channel;
use crate::wire::collector::Collector;
use crate::wire::excerpt::Excerpt;
use crate::wire::group_name::{GroupName, NameError};

/// What the last accepted line said of a group. `None`: the line did not say.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Statistics {
    /// Agents ready for an interaction now.
    pub ready: u32,
    /// Agents logged in for the channel.
    pub logged_in: Option<u32>,
    /// Interactions that the agents logged in can hold. Absent: `logged_in`.
    pub slots: Option<u32>,
    /// Interactions that the agents can take now. Absent: `ready`.
    pub free_slots: Option<u32>,
    /// Reactive interactions in progress.
    pub reactive: Option<u32>,
    /// Proactive interactions in progress.
    pub proactive: Option<u32>,
    /// Interactions waiting for an agent.
    pub queued: Option<u32>,
    /// Mean handle time in seconds; finite, > 0.
    pub handle_time: Option<f64>,
    /// Reactive interactions that entered, since the collector started.
    pub reactive_entered: Option<u64>,
    /// Proactive interactions that entered, since the collector started.
    pub proactive_entered: Option<u64>,
    /// Interactions abandoned while waiting, since the collector started.
    pub abandoned: Option<u64>,
    /// Invitations sent, since the collector started.
    pub invitations_sent: Option<u64>,
    /// Invitations accepted, since the collector started.
    pub invitations_accepted: Option<u64>,
    /// Invitations shown and not yet answered.
    pub invitations_pending: Option<u32>,
    /// A reactive state computed elsewhere, 0..=1, for the algorithm `EXTERNAL`.
    pub reactive_state: Option<f64>,
    /// The collector's clock, Unix milliseconds.
    pub time: Option<u64>,
}

/// One accepted line: whose statistics, and which.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The channel.
    pub channel: Channel,
    /// The agent group.
    pub group: GroupName,
    /// The collector's own name, if the line tells it.
    pub collector: Option<Collector>,
    /// What the line says of it.
    pub statistics: Statistics,
}

/// What was found where another value would have been right.
#[derive(Clone, Debug, PartialEq)]
pub enum Got {
    /// An integer.
    Integer(u64),
    /// An integer below 0.
    Negative(i64),
    /// A number with a fraction, or one that no integer can hold.
    Number(f64),
    /// A string.
    Text(Excerpt),
    /// A value of another type, by the type's name.
    Type(&'static str),
    /// A name that is none.
    Name(NameError),
}

/// Why a line is refused. Only that line is.
#[derive(Clone, Debug, PartialEq)]
pub enum LineError {
    /// The bytes are no UTF-8.
    NotUtf8,
    /// The line is no JSON.
    NotJson {
        /// Where reading ended, in bytes from 1.
        column: usize,
    },
    /// The line is signed, but there is no key to verify it with.
    Signed,
    /// The line is JSON, but no object.
    NotAnObject {
        /// What it is.
        got: Got,
    },
    /// A field that every line has is missing.
    Missing {
        /// The field.
        field: &'static str,
    },
    /// A field stands twice: which one counts cannot be known.
    Twice {
        /// The field.
        field: &'static str,
    },
    /// A known field is of the wrong type.
    WrongType {
        /// The field.
        field: &'static str,
        /// What it is.
        got: Got,
        /// What would be right.
        want: &'static str,
    },
    /// A known field is of the right type, but outside its range.
    OutOfRange {
        /// The field.
        field: &'static str,
        /// What it is.
        got: Got,
        /// What would be right.
        want: &'static str,
    },
}

impl Line {
    /// Reads one line, without its line end.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong with it, as [`LineError`].
    pub fn parse(line: &[u8]) -> Result<Self, LineError> {
        json::parse(line)
    }
}

impl fmt::Display for Got {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(value) => write!(formatter, "{value}"),
            Self::Negative(value) => write!(formatter, "{value}"),
            // Exponents, not hundreds of digits.
            Self::Number(value) if value.abs() >= 1e15 => write!(formatter, "{value:e}"),
            Self::Number(value) => write!(formatter, "{value}"),
            Self::Text(text) => write!(formatter, "{text}"),
            Self::Type(name) => formatter.write_str(name),
            Self::Name(error) => write!(formatter, "{error}"),
        }
    }
}

impl fmt::Display for LineError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUtf8 => formatter.write_str("not UTF-8; a line is a JSON object in UTF-8"),
            Self::NotJson { column } => {
                write!(formatter, "not JSON from column {column} on; a line is one JSON object")
            }
            Self::Signed => formatter.write_str("signed, but no key is configured here (statistics.key-files)"),
            Self::NotAnObject { got } => write!(formatter, "got {got}; a line is one JSON object"),
            Self::Missing { field: "time" } => formatter.write_str("time is missing; every signed line has it"),
            Self::Missing { field } => write!(formatter, "{field} is missing; every line has channel, group and ready"),
            Self::Twice { field } => write!(formatter, "{field} stands twice; a line has each field once"),
            Self::WrongType { field, got: Got::Name(error), .. }
            | Self::OutOfRange { field, got: Got::Name(error), .. } => {
                write!(formatter, "{field} is {error}")
            }
            Self::WrongType { field, got, want } | Self::OutOfRange { field, got, want } => {
                write!(formatter, "{field} is {got}; want {want}")
            }
        }
    }
}

impl core::error::Error for LineError {}
