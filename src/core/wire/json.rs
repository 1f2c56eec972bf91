//! The members of a JSON object, by `serde_json`. Names and values are borrowed from the text
//! unless they have escapes.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

use serde::de::{Deserialize as _, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::wire::excerpt::Excerpt;
use crate::wire::line_error::Found;

pub(super) enum Value<'a> {
    Integer(u64),
    /// A number that `u64` cannot hold.
    Number(f64),
    Text(Cow<'a, str>),
    Null,
    /// A value that no field accepts, as errors name it.
    Other(&'static str),
    /// A value that Rust cannot represent, as in the text: `1e400`, or half a surrogate pair.
    Unreadable(&'a str),
}

pub(super) enum JsonFault {
    NotAnObject(Found),
    /// Not JSON from that byte on, counted from 0.
    Syntax(usize),
}

impl From<Value<'_>> for Found {
    fn from(value: Value<'_>) -> Self {
        match value {
            Value::Integer(value) => Self::Integer(value),
            Value::Number(value) => Self::Number(value),
            Value::Text(text) => Self::Text(Excerpt::new(&text)),
            Value::Unreadable(text) => Self::Text(Excerpt::new(text)),
            Value::Null => Self::Type("null"),
            Value::Other(name) => Self::Type(name),
        }
    }
}

impl<'a> Value<'a> {
    /// Parses `raw`, which is one JSON value.
    pub(super) fn of(raw: &'a str) -> Self {
        match raw.as_bytes().first() {
            Some(b'"') => unescaped(raw).map_or(Self::Unreadable(raw), Self::Text),
            Some(b'[') => Self::Other("an array"),
            Some(b'{') => Self::Other("an object"),
            Some(b'n') => Self::Null,
            Some(b't') => Self::Other("true"),
            Some(b'f') => Self::Other("false"),
            _ => match raw.parse() {
                Ok(integer) => Self::Integer(integer),
                Err(_) => raw.parse().ok().filter(|n: &f64| n.is_finite()).map_or(Self::Unreadable(raw), Self::Number),
            },
        }
    }
}

/// Reads an object. For each member in order, calls `key` with its name and, if that returns
/// `Some`, `each` with the result and the value's text. Other values can be any JSON. `each` may
/// have been called before a syntax error is found.
pub(super) fn members<K>(
    text: &str,
    key: impl FnMut(&str) -> Option<K>,
    each: impl FnMut(K, &str),
) -> Result<(), JsonFault> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let is_object = text.trim_ascii_start().starts_with('{');
    let read = if is_object {
        deserializer.deserialize_map(Members(key, each))
    } else {
        IgnoredAny::deserialize(&mut deserializer).map(drop)
    };
    match read.and_then(|()| deserializer.end()) {
        Ok(()) if is_object => Ok(()),
        Ok(()) => Err(JsonFault::NotAnObject(Value::of(text.trim_ascii()).into())),
        Err(error) if error.is_eof() => Err(JsonFault::Syntax(text.len())),
        Err(error) => {
            // `column` counts from 1 in its line. A signed payload may have several lines.
            let before: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
            Err(JsonFault::Syntax(before + error.column().saturating_sub(1)))
        }
    }
}

struct Members<F, E>(F, E);

impl<'de, K, F: FnMut(&str) -> Option<K>, E: FnMut(K, &str)> Visitor<'de> for Members<F, E> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key_seed(Name(&mut self.0))? {
            match key {
                Some(key) => (self.1)(key, map.next_value::<&RawValue>()?.get()),
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// Passes a member's name to a function.
struct Name<F>(F);

impl<'de, K, F: FnMut(&str) -> Option<K>> DeserializeSeed<'de> for Name<F> {
    type Value = Option<K>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<K>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de, K, F: FnMut(&str) -> Option<K>> Visitor<'de> for Name<F> {
    type Value = Option<K>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string")
    }

    fn visit_str<E>(mut self, name: &str) -> Result<Option<K>, E> {
        Ok((self.0)(name))
    }
}

/// The content of a JSON string. `None`: it has half a surrogate pair.
fn unescaped(raw: &str) -> Option<Cow<'_, str>> {
    let text = raw.strip_prefix('"')?.strip_suffix('"')?;
    if text.contains('\\') { serde_json::from_str::<String>(raw).ok().map(Cow::Owned) } else { Some(text.into()) }
}
