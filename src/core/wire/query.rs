//! The query of a request: a web form with `channel` and any number of `groups`.
//!
//! A parameter whose name resembles `groups` or `channel` is an error, because ignoring it would
//! widen the answer. Other unknown parameters are ignored.

use core::fmt;

use crate::limits::GROUP_NAME_BYTES;
use crate::wire::channel::Channel;
use crate::wire::excerpt::Excerpt;
use crate::wire::group_name::{GroupName, NameError};

/// Bytes of the longest decoded value; a longer one cannot be a channel or a group's name.
const VALUE_BYTES: usize = 2 * GROUP_NAME_BYTES;

/// Bytes of the longest reduced name of a near miss: `channels`.
const NAME_BYTES: usize = 8;

#[derive(Clone, Debug, PartialEq)]
pub enum QueryError {
    NoChannel,
    ChannelTwice,
    NoSuchChannel(Excerpt),
    BadGroup(NameError),
    BadEncoding(Parameter, Excerpt),
    NotUtf8(Parameter, Excerpt),
    NearMiss(Parameter, Excerpt),
}

#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    pub channel: Channel,
    text: &'a str,
}

impl<'a> Query<'a> {
    /// Checks all names, and the value of `channel`. `text` follows the question mark.
    pub fn parse(text: &'a str) -> Result<Self, QueryError> {
        let mut channel = None;
        for parameter in parameters(text) {
            let (Parameter::Channel, value) = parameter? else { continue };
            let mut buffer = heapless::Vec::new();
            let name = decode(Parameter::Channel, value, &mut buffer)?;
            let named = Channel::named(name).ok_or_else(|| QueryError::NoSuchChannel(Excerpt::new(name)))?;
            if channel.replace(named).is_some() {
                return Err(QueryError::ChannelTwice);
            }
        }
        Ok(Self { channel: channel.ok_or(QueryError::NoChannel)?, text })
    }

    /// Calls `is_known` with each requested name in order, with repetitions. Returns the first unknown
    /// one. Fails for a name that no group can have.
    pub fn groups(&self, mut is_known: impl FnMut(&str) -> bool) -> Result<Option<GroupName>, QueryError> {
        let mut unknown = None;
        for (_, value) in parameters(self.text).flatten().filter(|(parameter, _)| *parameter == Parameter::Groups) {
            let mut buffer = heapless::Vec::new();
            let name = decode(Parameter::Groups, value, &mut buffer)?;
            if !is_known(name) {
                let name = GroupName::new(name).map_err(QueryError::BadGroup)?;
                unknown.get_or_insert(name);
            }
        }
        Ok(unknown)
    }
}

crate::named! {
    pub enum Parameter {
        Channel => "channel",
        Groups => "groups",
    }
}

impl Parameter {
    /// The parameter of an encoded name. `None`: another parameter, to be ignored.
    fn of(encoded: &str) -> Result<Option<Self>, QueryError> {
        let Some(parameter) = Self::resembled_by(encoded) else { return Ok(None) };
        let is_accepted = match parameter {
            Self::Channel => bytes(encoded).eq("channel".bytes().map(Ok)),
            Self::Groups => is_list(encoded),
        };
        if is_accepted { Ok(Some(parameter)) } else { Err(QueryError::NearMiss(parameter, Excerpt::new(encoded))) }
    }

    /// The parameter whose name remains of `encoded` in lower case, without invisible characters,
    /// brackets and their content, question marks, a leading `amp;` (a link copied from HTML), a
    /// final `.N` or `s`, and everything from a `%` or `=` on that was encoded twice or badly.
    fn resembled_by(encoded: &str) -> Option<Self> {
        let mut brackets = 0_usize;
        let is_outside = move |byte: &u8| {
            match byte {
                b'[' => brackets += 1,
                b']' => brackets = brackets.saturating_sub(1),
                byte => return brackets == 0 && byte.is_ascii_graphic() && *byte != b'?',
            }
            false
        };
        let mut bytes = bytes(encoded).map(|byte| byte.unwrap_or(b'%')).filter(is_outside);
        let mut name = heapless::Vec::<u8, NAME_BYTES>::new();
        while let Some(byte) = bytes.next() {
            match byte {
                b'%' | b'=' => break,
                b'.' if bytes.clone().all(|byte| byte.is_ascii_digit()) => break,
                _ => {}
            }
            name.push(byte.to_ascii_lowercase()).ok()?;
            if name == b"amp;" {
                name.clear();
            }
        }
        match name.strip_suffix(b"s").unwrap_or(&name) {
            b"channel" => Some(Self::Channel),
            b"group" => Some(Self::Groups),
            _ => None,
        }
    }
}

/// Whether the name is `groups`, `groups[]` (jQuery) or `groups[0]` (PHP, npm's qs).
fn is_list(encoded: &str) -> bool {
    let mut bytes = bytes(encoded);
    if !bytes.by_ref().take(6).eq("groups".bytes().map(Ok)) {
        return false;
    }
    match bytes.next() {
        None => true,
        Some(Ok(b'[')) => {
            let end = bytes.find(|byte| !byte.is_ok_and(|byte| byte.is_ascii_digit()));
            end == Some(Ok(b']')) && bytes.next().is_none()
        }
        Some(_) => false,
    }
}

/// The parameters that count, with their values, still encoded.
fn parameters(text: &str) -> impl Iterator<Item = Result<(Parameter, &str), QueryError>> {
    pairs(text).filter_map(|pair| {
        // The usual spellings. With the shortcut in `decode`: 4,400 of 17,700 instructions of a request.
        if let Some(value) = pair.strip_prefix("groups=") {
            return Some(Ok((Parameter::Groups, value)));
        }
        if let Some(value) = pair.strip_prefix("channel=") {
            return Some(Ok((Parameter::Channel, value)));
        }
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let parameter = Parameter::of(name).transpose()?;
        Some(parameter.map(|parameter| (parameter, value)))
    })
}

/// `text.split('&')`, by memchr: saves 270 of 13,560 instructions of a request.
fn pairs(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    core::iter::from_fn(move || {
        let text = rest?;
        let end = memchr::memchr(b'&', text.as_bytes()).unwrap_or(text.len());
        rest = text.get(end + 1..);
        text.get(..end)
    })
}

/// Decodes a value of `parameter`.
fn decode<'a>(
    parameter: Parameter,
    encoded: &'a str,
    buffer: &'a mut heapless::Vec<u8, VALUE_BYTES>,
) -> Result<&'a str, QueryError> {
    if encoded.len() <= VALUE_BYTES && encoded.bytes().all(|byte| !matches!(byte, b'%' | b'+')) {
        return Ok(encoded);
    }
    let mut length = 0;
    for byte in bytes(encoded) {
        let byte = byte.map_err(|Stray| QueryError::BadEncoding(parameter, Excerpt::new(encoded)))?;
        length += 1;
        // What exceeds the buffer is only counted.
        let _ = buffer.push(byte);
    }
    match parameter {
        Parameter::Channel if length > VALUE_BYTES => Err(QueryError::NoSuchChannel(Excerpt::new(encoded))),
        Parameter::Groups if length > VALUE_BYTES => Err(QueryError::BadGroup(NameError::TooLong { bytes: length })),
        _ => core::str::from_utf8(buffer).map_err(|_| QueryError::NotUtf8(parameter, Excerpt::new(encoded))),
    }
}

/// A `%` that two hexadecimal digits do not follow.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stray;

/// Decodes a web form (WHATWG URL standard, section 5.1), where a stray `%` is an error.
fn bytes(encoded: &str) -> impl Iterator<Item = Result<u8, Stray>> + Clone {
    let mut rest = encoded.as_bytes();
    core::iter::from_fn(move || {
        let meant;
        (meant, rest) = match rest {
            [] => return None,
            [b'%', high, low, behind @ ..] if let Some(byte) = hex(*high, *low) => (Ok(byte), behind),
            [b'%', behind @ ..] => (Err(Stray), behind),
            [b'+', behind @ ..] => (Ok(b' '), behind),
            [itself, behind @ ..] => (Ok(*itself), behind),
        };
        Some(meant)
    })
}

fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |digit| char::from(digit).to_digit(16);
    u8::try_from(digit(high)? << 4 | digit(low)?).ok()
}

impl fmt::Display for QueryError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoChannel => formatter.write_str("channel is missing; want channel=chat or channel=webcallback"),
            Self::ChannelTwice => formatter.write_str("channel is given more than once; want it exactly once"),
            Self::NoSuchChannel(got) => write!(formatter, "channel is {got}; want \"chat\" or \"webcallback\""),
            Self::BadGroup(error) => write!(formatter, "groups has a name that is {error}"),
            Self::BadEncoding(parameter, got) => {
                write!(formatter, "{parameter} is {got}; want % followed by two hexadecimal digits, or %25 for itself")
            }
            Self::NotUtf8(parameter, got) => {
                write!(formatter, "{parameter} is {got}, which is not UTF-8; want UTF-8, percent-encoded")
            }
            Self::NearMiss(Parameter::Channel, got) => {
                write!(formatter, "{got} is not a parameter; want channel=chat or channel=webcallback")
            }
            Self::NearMiss(Parameter::Groups, got) => {
                write!(
                    formatter,
                    "{got} is not a parameter; want groups=NAME, once for each group (or groups[]=, groups[0]=)"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::string::{String, ToString};
    use std::vec::Vec;

    use super::*;

    fn groups(query: &str) -> Result<Vec<String>, String> {
        let query = Query::parse(query).map_err(|error| error.to_string())?;
        let mut names = Vec::new();
        let unknown = query.groups(|name| {
            names.push(name.into());
            false
        });
        unknown.map(|_| names).map_err(|error| error.to_string())
    }

    #[test]
    fn the_channel_stands_exactly_once_anywhere_in_the_query() {
        assert_eq!(Query::parse("_=1&groups=A&channel=webcallback&").unwrap().channel, Channel::Webcallback);
        assert_eq!(Query::parse("ch%61nnel=ch%61t").unwrap().channel, Channel::Chat);
        for (query, want) in [
            ("", "channel is missing; want channel=chat or channel=webcallback"),
            ("Channel=chat", "\"Channel\" is not a parameter; want channel=chat or channel=webcallback"),
            ("channel=chat&channel=chat", "channel is given more than once; want it exactly once"),
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
            ("channel=chat&groups%5B0%5D=A&groups[17]=B&g%72oups%5b007]=C", &["A", "B", "C"]),
            ("channel=chat&xgroups=B&groupss=C&%zz=1&x=%zz&_=1790000000000&=A&groups.x=D&subgroups[]=E", &[]),
        ] {
            assert_eq!(groups(query).unwrap(), want, "{query}");
        }
    }

    #[test]
    fn a_near_miss_of_a_name_is_an_error_that_gives_the_right_one() {
        for name in [
            "Groups",
            "GROUPS",
            "group",
            "Group",
            "group[]",
            "groups.0",
            "groups.17",
            "groups.",
            "group.3",
            "+groups",
            "groups+",
            "groups%20",
            "%09groups",
            "groups%C2%A0",
            "%EF%BB%BFgroups",
            "g%52oups",
            "amp;groups",
            "amp%3Bgroups",
            "amp;amp;groups[]",
            "groups[0][name]",
            "groups[a]",
            "groups[-1]",
            "groups[0",
            "groups%5B0%5",
            "groups]",
            "groups[][]",
            "groups[ 0]",
            "[x]groups",
            "groups.0[x]",
            "Groups[0].1",
            "groups%255B%255D",
            "groups%255b0%255d",
            "group%2520",
            "groups%zz",
            "groups%5",
            "groups%",
            "groups%3D",
            "groups%3DA",
            "?groups",
            "%3Fgroups[]",
        ] {
            let want = std::format!("{name:?} is not a parameter; want groups=NAME, once for each group");
            let got = groups(&std::format!("channel=chat&{name}=A")).unwrap_err();
            assert!(got.starts_with(&want), "{name}: {got}");
            assert!(groups(&std::format!("{name}&channel=chat")).is_err(), "{name} without a value");
        }
        for name in [
            "Channel",
            "channels",
            "channel[]",
            "channel[0]",
            "channel.1",
            "amp;channel",
            "CHANNEL",
            "channel+",
            "?channel",
            "channel%3Dchat",
        ] {
            let want = std::format!("{name:?} is not a parameter; want channel=chat or channel=webcallback");
            assert_eq!(groups(&std::format!("channel=chat&{name}=chat")), Err(want.clone()));
            assert_eq!(groups(&std::format!("{name}=chat")), Err(want));
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
            ("%FF", "groups is \"%FF\", which is not UTF-8; want UTF-8, percent-encoded"),
        ] {
            assert_eq!(groups(&std::format!("channel=chat&groups={value}")), Err(want.into()), "{value}");
        }
        let longer = std::format!("channel=chat&groups={}", "%41".repeat(2000));
        assert_eq!(groups(&longer), Err(bytes.replace("65", "2000")));
    }
}
