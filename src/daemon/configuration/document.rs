//! The text of a configuration, its keys with their places, and its faults.
//!
//! Messages quote only what is shorter than a secret, because one may be in the wrong place.

use std::fmt::Display;
use std::ops::Range;

use toml::Spanned;
use toml::de::DeValue;

/// Bytes of the shortest secret (a key of `statistics.key-files`); messages quote what is shorter.
pub(super) const SECRET_BYTES: usize = 32;

pub(super) struct TomlDocument<'a> {
    pub(super) file: &'a str,
    pub(super) text: &'a str,
    /// Keys found, each with the place of its value, and whether that is valid.
    pub(super) given: Vec<(&'static str, usize, bool)>,
    /// Messages, each with the place of its fault.
    pub(super) faults: Vec<(usize, String)>,
}

impl TomlDocument<'_> {
    pub(super) fn fault(&mut self, at: usize, message: String) {
        self.faults.push((at, message));
    }

    /// The place of a key's value, if the file has the key.
    pub(super) fn place(&self, key: &str) -> Option<usize> {
        self.given.iter().find(|(given, ..)| *given == key).map(|(_, at, _)| *at)
    }

    /// Whether these keys are valid or missing.
    pub(super) fn are_sound(&self, keys: &[&str]) -> bool {
        self.given.iter().all(|(given, _, is_sound)| *is_sound || !keys.contains(given))
    }

    /// File and line of a place.
    pub(super) fn line(&self, at: usize) -> String {
        let before = self.text.as_bytes().get(..at).unwrap_or_default();
        format!("{}:{}", self.file, 1 + before.iter().filter(|byte| **byte == b'\n').count())
    }

    fn written(&self, at: Range<usize>) -> &str {
        self.text.get(at).unwrap_or_default()
    }

    /// The value at a place, as a message may quote it.
    pub(super) fn shown(&self, at: Range<usize>) -> String {
        let written = self.written(at).trim_end();
        let is_shown = written.len() < SECRET_BYTES && !written.contains(char::is_control);
        if is_shown { written.to_owned() } else { hidden(written.len()) }
    }

    /// The name of an unknown key, if a message may quote it.
    pub(super) fn shown_key(&self, at: Range<usize>) -> Option<&str> {
        // Dots split a secret into several keys, so the length of all of them counts.
        let before = self.written(0..at.start).rsplit('\n').next().unwrap_or_default();
        let after = self.written(at.end..self.text.len()).split(['=', '\n']).next().unwrap_or_default();
        let written = self.written(at);
        let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let is_short = before.len() + written.len() + after.len() < SECRET_BYTES;
        (is_short && written.bytes().all(is_bare)).then_some(written)
    }
}

fn hidden(bytes: usize) -> String {
    format!("a value of {bytes} bytes, which may be a secret")
}

pub(super) struct Entry<'a, 'r> {
    pub(super) document: &'a mut TomlDocument<'r>,
    pub(super) key: &'static str,
    pub(super) value: &'a Spanned<DeValue<'a>>,
}

impl Entry<'_, '_> {
    /// File, line and key, for later messages.
    pub(super) fn origin(&self) -> String {
        format!("{}: {}", self.document.line(self.value.span().start), self.key)
    }

    pub(super) fn shown(&self) -> String {
        self.document.shown(self.value.span())
    }

    /// An item of a list. If any item is long, the items may be pieces of a secret.
    pub(super) fn shown_item(&self, item: &Spanned<DeValue<'_>>) -> String {
        let is_long = self.document.written(self.value.span()).split('"').any(|piece| piece.len() >= SECRET_BYTES);
        if is_long { hidden(item.span().len()) } else { self.document.shown(item.span()) }
    }

    pub(super) fn wrong<T>(&mut self, want: impl Display) -> Option<T> {
        self.fault(self.value, format_args!("is {}; want {want}", self.shown()))
    }

    /// Reports a fault of `value`, which is the entry's value or an item of it.
    pub(super) fn fault<T>(&mut self, value: &Spanned<DeValue<'_>>, what: impl Display) -> Option<T> {
        self.document.fault(value.span().start, format!("{} {what}", self.key));
        None
    }
}
