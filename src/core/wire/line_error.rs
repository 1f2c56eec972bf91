//! Faults of lines of statistics.

use core::fmt;

use crate::wire::excerpt::Excerpt;
use crate::wire::group_name::NameError;

/// A wrong value, for messages.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    Integer(u64),
    Number(f64),
    Text(Excerpt),
    /// A value of another type, by its name.
    Type(&'static str),
    /// A string that is not a valid name.
    Name(NameError),
}

/// Why a line is refused. Columns are bytes, counted from 1.
#[derive(Clone, Debug, PartialEq)]
pub enum LineError {
    NotText { format: &'static str },
    NotUtf8 { column: usize, at: Excerpt },
    NotJson { column: usize, at: Excerpt },
    Signed,
    NotAnObject { found: Found },
    Missing { field: &'static str },
    Duplicate { field: &'static str },
    WrongType { field: &'static str, found: Found, want: &'static str },
    OutOfRange { field: &'static str, found: Found, want: &'static str },
}

impl fmt::Display for Found {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(value) => write!(formatter, "{value}"),
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
            Self::NotText { format } => write!(formatter, "{format}; a line is a JSON object in UTF-8"),
            Self::NotUtf8 { column, at } => {
                write!(formatter, "not UTF-8 from column {column} on: {at}; a line is a JSON object in UTF-8")
            }
            Self::NotJson { column: 1, at } if at.is_empty() => formatter.write_str("empty; a line is a JSON object"),
            Self::NotJson { column, at } if at.is_empty() => {
                write!(formatter, "not JSON: it ends too early, at column {column}; a line is a JSON object")
            }
            Self::NotJson { column, at } => {
                write!(formatter, "not JSON from column {column} on: {at}; a line is a JSON object")
            }
            Self::Signed => formatter.write_str("signed, but no key is configured here (statistics.key-files)"),
            Self::NotAnObject { found } => write!(formatter, "got {found}; a line is a JSON object"),
            Self::Missing { field: "time" } => formatter.write_str("time is missing; every signed line has it"),
            Self::Missing { field } => write!(formatter, "{field} is missing; every line has channel, group and ready"),
            Self::Duplicate { field } => write!(formatter, "{field} is given twice; a line has each field once"),
            Self::OutOfRange { field, found: Found::Name(error), .. } => write!(formatter, "{field} is {error}"),
            Self::WrongType { field, found, want } | Self::OutOfRange { field, found, want } => {
                write!(formatter, "{field} is {found}; want {want}")
            }
        }
    }
}
