//! JSON by `serde_json`: the members of one object, each value as far as a field could take it.
//!
//! Keys and strings are borrowed from the text; `serde_json` copies those with escapes into a buffer of its own. Members that
//! are not known are skipped, whatever they hold and however deep: `serde_json` skips without recursion.

use core::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::wire::excerpt::Excerpt;
use crate::wire::line_error::Found;

/// A value of a member.
#[derive(Clone, Copy)]
pub(super) enum Value<'a> {
    Integer(u64),
    Negative(i64),
    /// A number with a fraction or an exponent, or one that no integer can hold.
    Number(f64),
    Text(&'a str),
    Null,
    /// A value that no field takes, as an error says it.
    Other(&'static str),
}

/// Why a text is not an object whose members can be read. `K` is a key as the caller knows it.
pub(super) enum Fault<K> {
    /// It is another value.
    NotAnObject(Found),
    /// It is not JSON, from that byte on, counted from 0.
    Syntax(usize),
    /// It is JSON, but nothing can hold the value of that key, which ends at that byte: `1e400`, or half a surrogate pair.
    Unreadable(K, usize),
}

impl From<Value<'_>> for Found {
    fn from(value: Value<'_>) -> Self {
        match value {
            Value::Integer(value) => Self::Integer(value),
            Value::Negative(value) => Self::Negative(value),
            Value::Number(value) => Self::Number(value),
            Value::Text(text) => Self::Text(Excerpt::new(text)),
            Value::Null => Self::Type("null"),
            Value::Other(name) => Self::Type(name),
        }
    }
}

/// Reads `text`, one object. Calls `take` with the value of each member whose name `known` knows, in their order.
///
/// # Errors
///
/// [`Fault`]. Then `take` may have been called all the same.
pub(super) fn members<K: Copy>(
    text: &str,
    known: impl FnMut(&str) -> Option<K>,
    take: impl FnMut(K, Value<'_>),
) -> Result<(), Fault<K>> {
    let mut last = None;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = if text.trim_ascii_start().starts_with('{') {
        deserializer.deserialize_map(Members { known, take, last: &mut last }).map(|()| None)
    } else {
        AnyValue(|value: Value<'_>| Found::from(value)).deserialize(&mut deserializer).map(Some)
    };
    match read.and_then(|found| deserializer.end().map(|()| found)) {
        Ok(None) => Ok(()),
        Ok(Some(found)) => Err(Fault::NotAnObject(found)),
        Err(error) => Err(fault(text, &error, last)),
    }
}

#[cold]
fn fault<K>(text: &str, error: &serde_json::Error, last: Option<K>) -> Fault<K> {
    if error.is_eof() {
        return Fault::Syntax(text.len());
    }
    // `column` counts from 1 in its line; a signed payload may have several.
    let before: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let at = before + error.column().saturating_sub(1);
    match last {
        Some(key) if serde_json::from_str::<IgnoredAny>(text).is_ok() => Fault::Unreadable(key, at),
        _ => Fault::Syntax(at),
    }
}

struct Members<'a, K, N, T> {
    known: N,
    take: T,
    /// The key whose value is being read.
    last: &'a mut Option<K>,
}

impl<'de, K: Copy, N: FnMut(&str) -> Option<K>, T: FnMut(K, Value<'_>)> Visitor<'de> for Members<'_, K, N, T> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key_seed(Key(&mut self.known))? {
            *self.last = key;
            match key {
                Some(key) => map.next_value_seed(AnyValue(|value: Value<'_>| (self.take)(key, value)))?,
                None => drop(map.next_value::<IgnoredAny>()?),
            }
            *self.last = None;
        }
        Ok(())
    }
}

/// A key, given to the function.
struct Key<'a, N>(&'a mut N);

impl<'de, K, N: FnMut(&str) -> Option<K>> DeserializeSeed<'de> for Key<'_, N> {
    type Value = Option<K>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<K, N: FnMut(&str) -> Option<K>> Visitor<'_> for Key<'_, N> {
    type Value = Option<K>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok((self.0)(name))
    }
}

/// Any value, given to the function.
struct AnyValue<F>(F);

impl<'de, T, F: FnOnce(Value<'_>) -> T> DeserializeSeed<'de> for AnyValue<F> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T, F: FnOnce(Value<'_>) -> T> Visitor<'de> for AnyValue<F> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_u64<E>(self, value: u64) -> Result<T, E> {
        Ok((self.0)(Value::Integer(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<T, E> {
        Ok((self.0)(Value::Negative(value)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<T, E> {
        Ok((self.0)(Value::Number(value)))
    }

    fn visit_str<E>(self, text: &str) -> Result<T, E> {
        Ok((self.0)(Value::Text(text)))
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok((self.0)(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<T, E> {
        Ok((self.0)(Value::Other(if value { "true" } else { "false" })))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, array: A) -> Result<T, A::Error> {
        IgnoredAny.visit_seq(array)?;
        Ok((self.0)(Value::Other("an array")))
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<T, A::Error> {
        IgnoredAny.visit_map(object)?;
        Ok((self.0)(Value::Other("an object")))
    }
}
