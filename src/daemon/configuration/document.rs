//! A configuration's text, its keys with their places, and what is wrong with them.
//!
//! What may be a secret in the wrong place is not repeated: a message has no more of the file than keys and values that
//! are shorter than any secret that the daemon reads.

use std::fmt::{self, Display};
use std::ops::Range;

use toml::Spanned;
use toml::de::DeValue;

/// Bytes of a secret at least (`statistics.key-files` wants 32): what is shorter is repeated in messages.
pub(super) const SECRET_BYTES: usize = 32;

/// What is wrong with a configuration, a line for each fault: file and line, key, what it is, what would be right.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ConfigurationError(pub(super) Vec<String>);

impl Display for ConfigurationError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for ConfigurationError {}

/// A fault: where it is in the file, and a message.
pub(super) struct Fault {
    pub(super) at: Range<usize>,
    pub(super) message: String,
}

/// The text of a file, for messages.
#[derive(Clone, Copy)]
pub(super) struct Document<'a> {
    pub(super) file: &'a str,
    pub(super) text: &'a str,
}

impl Document<'_> {
    /// File and line of a place.
    pub(super) fn line(&self, at: &Range<usize>) -> String {
        let before = self.text.as_bytes().get(..at.start).unwrap_or_default();
        format!("{}:{}", self.file, 1 + before.iter().filter(|byte| **byte == b'\n').count())
    }

    /// What stands at a place, as a message may repeat it.
    pub(super) fn shown(&self, at: &Range<usize>) -> String {
        let written = self.text.get(at.clone()).unwrap_or_default().trim_end();
        if written.len() >= SECRET_BYTES || written.contains(char::is_control) {
            return format!("a value of {} bytes, which may be a secret", written.len());
        }
        written.to_owned()
    }

    /// What stands at a place in a list. A list with a long item may be a secret in pieces.
    pub(super) fn shown_item(&self, at: &Range<usize>, list: &Range<usize>) -> String {
        let written = self.text.get(list.clone()).unwrap_or_default();
        let is_long = written.split('"').any(|piece| piece.len() >= SECRET_BYTES);
        if is_long { format!("a value of {} bytes, which may be a secret", at.len()) } else { self.shown(at) }
    }

    /// The name of a key that is not known, as a message may repeat it.
    pub(super) fn shown_key(&self, at: &Range<usize>) -> Option<&str> {
        let written = self.text.get(at.clone()).unwrap_or_default();
        // Dots in a secret make several keys of it, so all that stands before the value counts.
        let before = self.text.get(..at.start).unwrap_or_default().rsplit('\n').next().unwrap_or_default();
        let after = self.text.get(at.end..).unwrap_or_default();
        let after = after.split(['=', '\n']).next().unwrap_or_default();
        let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let is_short = before.len() + written.len() + after.len() < SECRET_BYTES;
        (is_short && written.bytes().all(is_bare)).then_some(written)
    }
}

/// A key of the file with its value.
pub(super) struct Entry<'a> {
    pub(super) document: Document<'a>,
    pub(super) key: &'static str,
    pub(super) value: &'a Spanned<DeValue<'a>>,
}

impl Entry<'_> {
    /// Where the key is named, for what is said of it later.
    pub(super) fn origin(&self) -> String {
        format!("{}: {}", self.document.line(&self.value.span()), self.key)
    }

    /// The value is wrong.
    pub(super) fn wrong(&self, want: impl Display) -> Vec<Fault> {
        self.fault(format_args!("is {}; want {want}", self.document.shown(&self.value.span())))
    }

    pub(super) fn fault(&self, what: impl Display) -> Vec<Fault> {
        vec![self.fault_at(self.value, what)]
    }

    pub(super) fn fault_at(&self, value: &Spanned<DeValue<'_>>, what: impl Display) -> Fault {
        Fault { at: value.span(), message: format!("{} {what}", self.key) }
    }
}

/// Keys that a file has, each with the place of its value, and whether it was read without a fault.
#[derive(Default)]
pub(super) struct Given(Vec<(&'static str, Range<usize>, bool)>);

impl Given {
    pub(super) fn push(&mut self, key: &'static str, at: Range<usize>, is_sound: bool) {
        self.0.push((key, at, is_sound));
    }

    /// Where a key's value is. `None`: the file does not have it.
    pub(super) fn place(&self, key: &str) -> Option<Range<usize>> {
        self.0.iter().find(|(given, ..)| *given == key).map(|(_, at, _)| at.clone())
    }

    /// Whether all of these keys are sound, or left out.
    pub(super) fn are_sound(&self, keys: &[&str]) -> bool {
        self.0.iter().all(|(given, _, is_sound)| *is_sound || !keys.contains(given))
    }
}
