//! The query of a request: a web form with `channel` and any number of `groups`.

use core::fmt;

use crate::limits::GROUP_NAME_BYTES;
use crate::wire::channel::Channel;
use crate::wire::excerpt::Excerpt;
use crate::wire::group_name::{GroupName, NameError};

/// Longest value, in bytes, that is decoded to be looked at; a longer one is no channel and no group's name.
const VALUE_BYTES: usize = 2 * GROUP_NAME_BYTES;

/// Why a query is not understood.
#[derive(Clone, Debug, PartialEq)]
pub enum QueryError {
    /// No `channel`.
    NoChannel,
    /// `channel` stands more than once.
    ChannelTwice,
    /// A `channel` that there is not.
    NoSuchChannel(Excerpt),
    /// A `groups` that cannot be a group's name.
    BadGroup(NameError),
    /// A `%` without two hexadecimal digits behind it.
    BadEncoding(&'static str, Excerpt),
    /// What is encoded is no UTF-8.
    NotUtf8(&'static str, Excerpt),
}

/// A query whose `channel` was read.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// The channel.
    pub channel: Channel,
    text: &'a str,
    /// Nothing in it is encoded.
    is_plain: bool,
}

impl<'a> Query<'a> {
    /// Finds the channel in what stands behind the question mark.
    ///
    /// # Errors
    ///
    /// The first thing wrong with `channel`.
    pub fn parse(text: &'a str) -> Result<Self, QueryError> {
        let mut channel = None;
        let is_plain = is_plain(text);
        let values =
            parameters(text).filter_map(|(parameter, value)| (parameter == Parameter::Channel).then_some(value));
        for encoded in values {
            let mut buffer = heapless::Vec::new();
            let no_such = || QueryError::NoSuchChannel(Excerpt::new(encoded));
            let name = decode(Parameter::Channel, encoded, is_plain, &mut buffer)?.map_err(|_| no_such())?;
            let named = Channel::named(name).ok_or_else(|| QueryError::NoSuchChannel(Excerpt::new(name)))?;
            if channel.replace(named).is_some() {
                return Err(QueryError::ChannelTwice);
            }
        }
        Ok(Self { channel: channel.ok_or(QueryError::NoChannel)?, text, is_plain })
    }

    /// The names of the groups asked for, as often as they stand there.
    pub fn groups(&self) -> impl Iterator<Item = Result<GroupName, QueryError>> + use<'a> {
        let values =
            parameters(self.text).filter_map(|(parameter, value)| (parameter == Parameter::Groups).then_some(value));
        let is_plain = self.is_plain;
        values.map(move |encoded| {
            let mut buffer = heapless::Vec::new();
            let name = decode(Parameter::Groups, encoded, is_plain, &mut buffer)?;
            name.and_then(GroupName::new).map_err(QueryError::BadGroup)
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Parameter {
    Channel,
    Groups,
}

impl Parameter {
    const fn name(self) -> &'static str {
        match self {
            Self::Channel => "channel",
            Self::Groups => "groups",
        }
    }

    /// jQuery writes a list as `groups[]`, with the brackets encoded or not. Others are none of ours.
    fn named(encoded: &str) -> Option<Self> {
        let named = |name: &str| match name {
            "channel" => Some(Self::Channel),
            "groups" | "groups[]" => Some(Self::Groups),
            _ => None,
        };
        // Most are spelt plainly.
        if let Some(parameter) = named(encoded) {
            return Some(parameter);
        }
        if is_plain(encoded) {
            return None;
        }
        let mut buffer = heapless::Vec::<u8, 8>::new();
        decode_bytes(encoded, |byte| buffer.push(byte).is_ok()).ok()?;
        named(core::str::from_utf8(&buffer).ok()?)
    }
}

/// The parameters that count, with their values still encoded.
fn parameters(text: &str) -> impl Iterator<Item = (Parameter, &str)> {
    let mut rest = Some(text);
    core::iter::from_fn(move || {
        let pair;
        let text = rest?;
        (pair, rest) = split_at(text, memchr::memchr(b'&', text.as_bytes()))?;
        // Names are too short for a search that is made for long texts.
        let (name, value) = split_at(pair, pair.bytes().position(|byte| byte == b'='))?;
        Some((Parameter::named(name), value.unwrap_or_default()))
    })
    .filter_map(|(parameter, value)| Some((parameter?, value)))
}

/// What stands before that byte, an ASCII character, and what behind it.
fn split_at(text: &str, separator: Option<usize>) -> Option<(&str, Option<&str>)> {
    match separator {
        // Never `None`, for an ASCII character is one byte.
        Some(at) => Some((text.get(..at)?, Some(text.get(at + 1..)?))),
        None => Some((text, None)),
    }
}

/// The outer error is the form's, the inner one that the value is longer than any that could be right.
fn decode<'a>(
    parameter: Parameter,
    encoded: &'a str,
    is_plain: bool,
    buffer: &'a mut heapless::Vec<u8, VALUE_BYTES>,
) -> Result<Result<&'a str, NameError>, QueryError> {
    if is_plain && encoded.len() <= VALUE_BYTES {
        return Ok(Ok(encoded));
    }
    let mut bytes = 0;
    let whole = decode_bytes(encoded, |byte| {
        bytes += 1;
        // What does not fit any more is counted.
        let _ = buffer.push(byte);
        true
    });
    if whole.is_err() {
        return Err(QueryError::BadEncoding(parameter.name(), Excerpt::new(encoded)));
    }
    if bytes > VALUE_BYTES {
        return Ok(Err(NameError::TooLong { bytes }));
    }
    let text = core::str::from_utf8(buffer);
    text.map(Ok).map_err(|_| QueryError::NotUtf8(parameter.name(), Excerpt::new(encoded)))
}

/// Whether it means itself.
fn is_plain(encoded: &str) -> bool {
    memchr::memchr2(b'%', b'+', encoded.as_bytes()).is_none()
}

/// The bytes that `application/x-www-form-urlencoded` means (WHATWG URL standard, section 5.1), given to `take` until
/// it wants no more. Unlike there, a stray `%` is an error: a client that sends one means something else.
fn decode_bytes(encoded: &str, mut take: impl FnMut(u8) -> bool) -> Result<(), ()> {
    let mut rest = encoded.bytes();
    while let Some(byte) = rest.next() {
        let meant = match byte {
            b'+' => b' ',
            b'%' => hex(rest.next()).zip(hex(rest.next())).map(|(high, low)| high << 4 | low).ok_or(())?,
            itself => itself,
        };
        if !take(meant) {
            return Err(());
        }
    }
    Ok(())
}

fn hex(digit: Option<u8>) -> Option<u8> {
    char::from(digit?).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

impl fmt::Display for QueryError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoChannel => formatter.write_str("channel is missing; want channel=chat or channel=webcallback"),
            Self::ChannelTwice => formatter.write_str("channel stands more than once; want it exactly once"),
            Self::NoSuchChannel(got) => write!(formatter, "channel is {got}; want \"chat\" or \"webcallback\""),
            Self::BadGroup(error) => write!(formatter, "groups has a name that is {error}"),
            Self::BadEncoding(parameter, got) => {
                write!(formatter, "{parameter} is {got}; want % followed by two hexadecimal digits, or %25 for itself")
            }
            Self::NotUtf8(parameter, got) => {
                write!(formatter, "{parameter} is {got}, which is no UTF-8; want UTF-8, percent-encoded")
            }
        }
    }
}

impl core::error::Error for QueryError {}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::string::{String, ToString};
    use std::vec::Vec;

    use super::*;

    fn groups(query: &str) -> Result<Vec<String>, String> {
        let query = Query::parse(query).map_err(|error| error.to_string())?;
        query.groups().map(|name| name.map(|name| name.as_str().into()).map_err(|error| error.to_string())).collect()
    }

    #[test]
    fn the_channel_stands_exactly_once_anywhere_in_the_query() {
        assert_eq!(Query::parse("_=1&groups=A&channel=webcallback&").unwrap().channel, Channel::Webcallback);
        assert_eq!(Query::parse("ch%61nnel=ch%61t").unwrap().channel, Channel::Chat);
        for (query, want) in [
            ("", "channel is missing; want channel=chat or channel=webcallback"),
            ("Channel=chat&channels=chat", "channel is missing; want channel=chat or channel=webcallback"),
            ("channel=chat&channel=chat", "channel stands more than once; want it exactly once"),
            ("channel=Chat", "channel is \"Chat\"; want \"chat\" or \"webcallback\""),
            ("channel", "channel is \"\"; want \"chat\" or \"webcallback\""),
            ("channel=%6", "channel is \"%6\"; want % followed by two hexadecimal digits, or %25 for itself"),
        ] {
            assert_eq!(groups(query), Err(want.into()), "{query}");
        }
        let long = std::format!("channel={}", "x".repeat(7000));
        assert!(matches!(Query::parse(&long), Err(QueryError::NoSuchChannel(_))));
    }

    #[test]
    fn groups_are_decoded_as_a_web_form() {
        for (query, want) in [
            ("channel=chat", &[][..]),
            ("channel=chat&groups=A&groups=B&groups=A", &["A", "B", "A"]),
            ("channel=chat&groups%5B%5D=A&groups%5b%5d=B&groups[]=C", &["A", "B", "C"]),
            ("groups=New+York%20%2B%26%3D&channel=chat", &["New York +&="]),
            ("channel=chat&groups=%C3%9Cber&groups=\u{dc}ber", &["Über", "Über"]),
            ("channel=chat&groups=a=b", &["a=b"]),
            ("channel=chat&groups[1]=A&xgroups=B&group=C&%zz=1&x=%zz", &[]),
        ] {
            assert_eq!(groups(query).unwrap(), want, "{query}");
        }
    }

    #[test]
    fn a_name_that_is_none_is_a_clear_error() {
        let bytes =
            "groups has a name that is 65 bytes long; a name has 1 to 64 bytes of UTF-8 without control characters";
        let long = "x".repeat(65);
        for (value, want) in [
            ("", "groups has a name that is empty; a name has 1 to 64 bytes of UTF-8 without control characters"),
            (&long, bytes),
            (
                "%00",
                "groups has a name that is a text with a control character; a name has 1 to 64 bytes of UTF-8 without control characters",
            ),
            ("100%", "groups is \"100%\"; want % followed by two hexadecimal digits, or %25 for itself"),
            ("%+1", "groups is \"%+1\"; want % followed by two hexadecimal digits, or %25 for itself"),
            ("%FF", "groups is \"%FF\", which is no UTF-8; want UTF-8, percent-encoded"),
        ] {
            assert_eq!(groups(&std::format!("channel=chat&groups={value}")), Err(want.into()), "{value}");
        }
        let longer = std::format!("channel=chat&groups={}", "%41".repeat(2000));
        assert_eq!(groups(&longer), Err(bytes.replace("65", "2000")));
    }
}
