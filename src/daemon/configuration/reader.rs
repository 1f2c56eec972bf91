//! From a file's text to a valid configuration, or to everything that is wrong with it.
//!
//! What may be a secret in the wrong place is not repeated: a message has no more of the file than keys and values that
//! are shorter than any secret that the daemon reads.

use std::fmt::Display;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::{Configuration, KEYS};
use super::validate::validate;
use crate::lookalike::{is_same, lookalike};

/// Bytes of a secret at least (`statistics.key-files` wants 32): what is shorter is repeated in messages.
pub(super) const SECRET_BYTES: usize = 32;

/// Faults that are reported at once: a file with more is no configuration.
const REPORTED: usize = 20;

/// A fault, and where it is in the file.
struct Fault {
    at: usize,
    message: String,
}

/// A file's text, and what was found in it so far.
pub(super) struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    /// Keys, each with the place of its value, and whether it was read without a fault.
    given: Vec<(&'static str, Range<usize>, bool)>,
    faults: Vec<Fault>,
}

/// Reads the text of a file, or says everything that is wrong with it: a line for each fault.
pub(super) fn read(file: &str, text: &str) -> Result<Configuration, String> {
    let mut configuration = Configuration::default();
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader { file, text, given: Vec::new(), faults: Vec::new() };
    reader.read_section("", table.get_ref(), &mut configuration);
    if errors.is_empty() {
        validate(&mut configuration, &mut reader);
    }
    // Of a broken line the first fault counts: what else it would have said is not known.
    let mut broken: Vec<_> = errors.iter().map(|error| reader.syntax_fault(error)).collect();
    broken.sort_by_key(|fault| fault.at);
    broken.dedup_by_key(|fault| reader.line(fault.at));
    let lines: Vec<_> = broken.iter().map(|fault| reader.line(fault.at)).collect();
    let mut faults = std::mem::take(&mut reader.faults);
    faults.retain(|fault| lines.is_empty() || !lines.contains(&reader.line(fault.at)));
    faults.extend(broken);
    if faults.is_empty() {
        return Ok(configuration);
    }
    faults.sort_by_key(|fault| fault.at);
    let reported = faults.iter().take(REPORTED);
    let mut lines: Vec<_> = reported.map(|fault| format!("{}: {}", reader.line(fault.at), fault.message)).collect();
    if faults.len() > REPORTED {
        lines.push(format!("{file}: {} more faults", faults.len() - REPORTED));
    }
    Err(lines.join("\n"))
}

impl Reader<'_> {
    pub(super) fn fault(&mut self, at: usize, message: String) {
        self.faults.push(Fault { at, message });
    }

    /// Where a key's value is. `None`: the file does not have it.
    pub(super) fn place(&self, key: &str) -> Option<usize> {
        self.given.iter().find(|(given, ..)| *given == key).map(|(_, at, _)| at.start)
    }

    /// Whether all of these keys are sound, or left out.
    pub(super) fn are_sound(&self, keys: &[&str]) -> bool {
        self.given.iter().all(|(given, _, is_sound)| *is_sound || !keys.contains(given))
    }

    /// File and line of a place.
    fn line(&self, at: usize) -> String {
        let before = self.text.as_bytes().get(..at).unwrap_or_default();
        format!("{}:{}", self.file, 1 + before.iter().filter(|byte| **byte == b'\n').count())
    }

    fn written(&self, at: Range<usize>) -> &str {
        self.text.get(at).unwrap_or_default()
    }

    /// The value at a place, as a message may repeat it.
    fn shown(&self, at: Range<usize>) -> String {
        let written = self.written(at).trim_end();
        let is_shown = written.len() < SECRET_BYTES && !written.contains(char::is_control);
        if is_shown { written.to_owned() } else { hidden(written.len()) }
    }

    /// The name of a key that is not known, as a message may repeat it.
    fn shown_key(&self, at: Range<usize>) -> Option<&str> {
        // Dots in a secret make several keys of it, so all that stands before the value counts.
        let before = self.written(0..at.start).rsplit('\n').next().unwrap_or_default();
        let after = self.written(at.end..self.text.len()).split(['=', '\n']).next().unwrap_or_default();
        let written = self.written(at);
        let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let is_short = before.len() + written.len() + after.len() < SECRET_BYTES;
        (is_short && written.bytes().all(is_bare)).then_some(written)
    }

    fn syntax_fault(&self, error: &toml::de::Error) -> Fault {
        let at = error.span().unwrap_or_default();
        let mut message = format!("not TOML: {}", error.message().replace('\n', ", "));
        // Of the rest nothing is repeated: it may be a secret without its quotes.
        if let Some(key) = self.shown_key(at.clone()).filter(|_| error.message() == "duplicate key") {
            message = format!("{message} {key}");
        }
        Fault { at: at.start, message }
    }

    /// Reads a table. `path`: its keys, with a dot behind each.
    fn read_section(&mut self, path: &str, table: &DeTable<'_>, configuration: &mut Configuration) {
        for (name, value) in table {
            let full = format!("{path}{}", name.get_ref());
            let inside = format!("{full}.");
            if let Some(key) = KEYS.iter().find(|key| key.path == full) {
                let read = (key.read)(configuration, &mut Entry { reader: self, key: key.path, value });
                self.given.push((key.path, value.span(), read.is_some()));
            } else if !KEYS.iter().any(|key| key.path.starts_with(&inside)) {
                self.fault(name.span().start, self.unknown(path, name));
            } else if let DeValue::Table(table) = value.get_ref() {
                self.read_section(&inside, table, configuration);
            } else {
                self.fault(value.span().start, format!("{full} is {}; want a section", self.shown(value.span())));
            }
        }
    }

    fn unknown(&self, path: &str, name: &Spanned<impl AsRef<str>>) -> String {
        let key = name.get_ref().as_ref();
        let mut siblings: Vec<_> =
            KEYS.iter().filter_map(|key| key.path.strip_prefix(path)?.split('.').next()).collect();
        siblings.dedup();
        let is_same_leaf = |path: &str| is_same(key, path.rsplit('.').next().unwrap_or_default());
        let elsewhere = || KEYS.iter().map(|known| known.path).find(|known| is_same_leaf(known));
        let meant = lookalike(key, siblings.iter().copied()).or_else(elsewhere);
        // What is the same as a known name but for its spelling is no secret.
        let shown = if meant.is_some_and(is_same_leaf) { Some(key) } else { self.shown_key(name.span()) };
        let what = shown.map_or_else(|| format!("{path}… has {} bytes and", key.len()), |key| format!("{path}{key}"));
        match meant {
            Some(meant) => format!("{what} is unknown; did you mean {meant}?"),
            None => format!("{what} is unknown; want one of {}", siblings.join(", ")),
        }
    }
}

fn hidden(bytes: usize) -> String {
    format!("a value of {bytes} bytes, which may be a secret")
}

/// A key of the file with its value.
pub(super) struct Entry<'a, 'r> {
    reader: &'a mut Reader<'r>,
    key: &'static str,
    pub(super) value: &'a Spanned<DeValue<'a>>,
}

impl Entry<'_, '_> {
    /// Where the key is named, for what is said of it later.
    pub(super) fn origin(&self) -> String {
        format!("{}: {}", self.reader.line(self.value.span().start), self.key)
    }

    /// The value as a message may repeat it.
    pub(super) fn shown(&self) -> String {
        self.reader.shown(self.value.span())
    }

    /// An item of the value, a list. A list with a long item may be a secret in pieces.
    pub(super) fn shown_item(&self, item: &Spanned<DeValue<'_>>) -> String {
        let is_long = self.reader.written(self.value.span()).split('"').any(|piece| piece.len() >= SECRET_BYTES);
        if is_long { hidden(item.span().len()) } else { self.reader.shown(item.span()) }
    }

    /// Reports that the value is not what is wanted.
    pub(super) fn wrong<T>(&mut self, want: impl Display) -> Option<T> {
        self.fault(self.value, format_args!("is {}; want {want}", self.shown()))
    }

    /// Reports a fault of `value`, which is this one or an item of it.
    pub(super) fn fault<T>(&mut self, value: &Spanned<DeValue<'_>>, what: impl Display) -> Option<T> {
        self.reader.fault(value.span().start, format!("{} {what}", self.key));
        None
    }
}
