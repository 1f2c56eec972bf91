//! A section of a TOML file, from which known keys are taken one by one; what is left over at the end is an error.

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::str::FromStr;
use std::string::FromUtf8Error;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::file_name::{FileName, WANT};

/// What is wrong with a configuration, in words: file and line, key, what was got, what would be right.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ConfigurationError(String);

impl ConfigurationError {
    pub(super) fn unreadable(file: &Path, error: &io::Error) -> Self {
        Self(format!("{}: cannot be read: {error}", file.display()))
    }

    pub(super) fn not_utf8(file: &Path, error: &FromUtf8Error) -> Self {
        let (good, rest) = error.as_bytes().split_at(error.utf8_error().valid_up_to());
        let byte = rest.first().copied().unwrap_or_default();
        Self(format!("{}:{}: not TOML: byte 0x{byte:02x} is not UTF-8; want UTF-8", file.display(), line_after(good)))
    }

    /// With a file that the configuration names, as [`FileName::wrong`] has it.
    pub(super) fn of_a_file(message: String) -> Self {
        Self(message)
    }
}

impl fmt::Display for ConfigurationError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for ConfigurationError {}

/// A value that is no table.
pub(super) enum Value<'a> {
    Integer(i64),
    Float(f64),
    Text(&'a str),
    Other,
}

impl Value<'_> {
    pub(super) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    pub(super) fn parsed<T: FromStr>(&self) -> Option<T> {
        self.text()?.parse().ok()
    }

    pub(super) fn integer<T: TryFrom<i64> + PartialOrd>(&self, range: &std::ops::RangeInclusive<T>) -> Option<T> {
        let Self::Integer(value) = self else { return None };
        T::try_from(*value).ok().filter(|value| range.contains(value))
    }

    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Integer(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            _ => None,
        }
    }
}

/// Which line comes after this text.
fn line_after(text: &[u8]) -> usize {
    1 + text.iter().filter(|byte| **byte == b'\n').count()
}

/// The file that is read, for errors.
#[derive(Clone, Copy)]
struct Place<'a> {
    file: &'a str,
    text: &'a str,
}

impl Place<'_> {
    fn error(&self, at: &Range<usize>, message: fmt::Arguments<'_>) -> ConfigurationError {
        ConfigurationError(format!("{}: {message}", self.line(at)))
    }

    /// File and line.
    fn line(&self, at: &Range<usize>) -> String {
        let before = self.text.as_bytes().get(..at.start).unwrap_or_default();
        format!("{}:{}", self.file, line_after(before))
    }

    /// What stands there, as it is written.
    fn written(&self, at: &Range<usize>) -> &str {
        self.text.get(at.clone()).unwrap_or_default().lines().next().unwrap_or_default().trim_end()
    }
}

/// A table of the file, and the keys that were asked for.
pub(super) struct Section<'a> {
    place: Place<'a>,
    /// Where it begins.
    at: Range<usize>,
    /// With a dot behind it, or empty for the whole file.
    path: String,
    table: DeTable<'a>,
    known: Vec<&'static str>,
}

impl<'a> Section<'a> {
    /// The whole file.
    pub(super) fn parse(file: &'a str, text: &'a str) -> Result<Self, ConfigurationError> {
        let place = Place { file, text };
        let table = DeTable::parse(text).map_err(|error| {
            let at = error.span().unwrap_or_default();
            // Of the rest nothing is repeated: it may be a secret without its quotes.
            let key = if error.message() == "duplicate key" { place.written(&at) } else { "" };
            let separator = if key.is_empty() { "" } else { " " };
            place.error(&at, format_args!("not TOML: {}{separator}{key}", error.message().replace('\n', ", ")))
        })?;
        Ok(Self { place, at: 0..0, path: String::new(), table: table.into_inner(), known: Vec::new() })
    }

    fn remove(&mut self, key: &'static str) -> Option<Spanned<DeValue<'a>>> {
        self.known.push(key);
        self.table.remove(key)
    }

    fn wrong(&self, key: &str, at: &Range<usize>, want: &str) -> ConfigurationError {
        let got = self.place.written(at);
        self.place.error(at, format_args!("{}{key} is {got}; want {want}", self.path))
    }

    /// A table in this one; an empty one if it is absent.
    pub(super) fn section(&mut self, key: &'static str) -> Result<Section<'a>, ConfigurationError> {
        let path = format!("{}{key}.", self.path);
        let (at, table) = match self.remove(key).map(|value| (value.span(), value.into_inner())) {
            None => (0..0, DeTable::new()),
            Some((at, DeValue::Table(table))) => (at, table),
            Some((at, _)) => return Err(self.wrong(key, &at, "a section")),
        };
        Ok(Section { place: self.place, at, path, table, known: Vec::new() })
    }

    /// A value, if it is there.
    pub(super) fn value<T>(
        &mut self,
        key: &'static str,
        want: &str,
        read: impl FnOnce(Value<'_>) -> Option<T>,
    ) -> Result<Option<T>, ConfigurationError> {
        let Some(value) = self.remove(key) else { return Ok(None) };
        match read(value_of(value.get_ref())) {
            Some(value) => Ok(Some(value)),
            None => Err(self.wrong(key, &value.span(), want)),
        }
    }

    /// A list, if it is there, of at least and at most so many values. `want` says what each one is.
    pub(super) fn list<T>(
        &mut self,
        key: &'static str,
        count: std::ops::RangeInclusive<usize>,
        want: &str,
        read: impl Fn(Value<'_>) -> Option<T>,
    ) -> Result<Option<Vec<T>>, ConfigurationError> {
        let Some(value) = self.remove(key) else { return Ok(None) };
        let items = self.items(key, &value, count, self.place.written(&value.span()), want)?;
        let item = |item: &Spanned<DeValue<'_>>| {
            let bad = || {
                let got = self.place.written(&item.span());
                self.place.error(&item.span(), format_args!("{}{key} has {got}; want {want}", self.path))
            };
            read(value_of(item.get_ref())).ok_or_else(bad)
        };
        items.iter().map(item).collect::<Result<Vec<T>, _>>().map(Some)
    }

    /// What stands in a list. `got`: how to call it if it is none.
    fn items<'v>(
        &self,
        key: &str,
        value: &'v Spanned<DeValue<'a>>,
        count: std::ops::RangeInclusive<usize>,
        got: &str,
        want: &str,
    ) -> Result<&'v DeArray<'a>, ConfigurationError> {
        let Self { place, path, .. } = self;
        let (least, most) = (count.start(), count.end());
        match value.get_ref() {
            DeValue::Array(items) if count.contains(&items.len()) => Ok(items),
            DeValue::Array(items) => {
                let message = format_args!("{path}{key} has {} entries; want {least} to {most}", items.len());
                Err(place.error(&value.span(), message))
            }
            _ => {
                let message = format_args!("{path}{key} is {got}; want a list of {least} to {most}, each {want}");
                Err(place.error(&value.span(), message))
            }
        }
    }

    /// A file's name, if it is there. What is none is not repeated: it may be the secret that belongs into the file.
    pub(super) fn file(&mut self, key: &'static str) -> Result<Option<FileName>, ConfigurationError> {
        let Some(value) = self.remove(key) else { return Ok(None) };
        self.file_name(key, "is", &value).map(Some)
    }

    /// A list of them, if it is there, of at most so many.
    pub(super) fn files(
        &mut self,
        key: &'static str,
        most: usize,
    ) -> Result<Option<Vec<FileName>>, ConfigurationError> {
        let Some(value) = self.remove(key) else { return Ok(None) };
        let items = self.items(key, &value, 0..=most, "no list", WANT)?;
        items.iter().map(|item| self.file_name(key, "has", item)).collect::<Result<Vec<_>, _>>().map(Some)
    }

    fn file_name(&self, key: &str, verb: &str, value: &Spanned<DeValue<'_>>) -> Result<FileName, ConfigurationError> {
        let origin = format!("{}: {}{key}", self.place.line(&value.span()), self.path);
        value_of(value.get_ref()).text().and_then(|text| FileName::new(text, origin)).ok_or_else(|| {
            let message = format_args!("{}{key} {verb} a value that is no file's name; want {WANT}", self.path);
            self.place.error(&value.span(), message)
        })
    }

    /// All of it is wrong.
    pub(super) fn wrong_as_a_whole(&self, what: fmt::Arguments<'_>) -> ConfigurationError {
        self.place.error(&self.at, format_args!("{} {what}", self.path.trim_end_matches('.')))
    }

    /// A key that has to be there is not.
    pub(super) fn missing(&self, key: &str, want: &str) -> ConfigurationError {
        self.place.error(&self.at, format_args!("{}{key} is missing; want {want}", self.path))
    }

    /// Whether the value is a string: for a key that takes a list or a word.
    pub(super) fn is_text(&self, key: &str) -> bool {
        self.table.get(key).is_some_and(|value| value.get_ref().is_str())
    }

    /// Nothing may be left.
    pub(super) fn end(self) -> Result<(), ConfigurationError> {
        // The first in the file, not in the alphabet.
        let Some(key) = self.table.keys().min_by_key(|key| key.span().start) else { return Ok(()) };
        let message = format_args!("{}{} is unknown; want one of {}", self.path, key.get_ref(), self.known.join(", "));
        Err(self.place.error(&key.span(), message))
    }
}

fn value_of<'a>(value: &'a DeValue<'_>) -> Value<'a> {
    match value {
        DeValue::String(text) => Value::Text(text),
        DeValue::Integer(integer) => {
            i64::from_str_radix(integer.as_str(), integer.radix()).map_or(Value::Other, Value::Integer)
        }
        DeValue::Float(float) => float.as_str().parse().map_or(Value::Other, Value::Float),
        _ => Value::Other,
    }
}
