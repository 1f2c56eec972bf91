//! A line's JSON, read field by field into [`Line`]; `serde_json` does the JSON.

use core::fmt;

use serde::de::{DeserializeSeed, Deserializer as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{Got, Line, LineError, Statistics};
use crate::channel::Channel;
use crate::collector::Collector;
use crate::excerpt::Excerpt;
use crate::group_name::{GroupName, NameError};

const COUNT: &str = "an integer, 0 to 4294967295";
const TOTAL: &str = "an integer, 0 to 18446744073709551615";
const SECONDS: &str = "a number of seconds above 0";
const PROBABILITY: &str = "a number, 0 to 1";
const CHANNEL: &str = "\"chat\" or \"webcallback\"";
const NAME: &str = "a string of 1 to 64 bytes";

/// The first number that a `u64` cannot hold: its last one, rounded up.
const TWO_TO_64: f64 = u64::MAX as f64;

/// Longest name, in bytes, that is unescaped to be looked at; what is longer is too long for sure.
const UNESCAPED_BYTES: usize = 2 * crate::limits::GROUP_NAME_BYTES;

pub(super) fn parse(line: &[u8]) -> Result<Line, LineError> {
    let text = core::str::from_utf8(line).map_err(|_| LineError::NotUtf8)?;
    let not_json = |error: serde_json::Error| LineError::NotJson { column: error.column() };
    if !text.trim_ascii_start().starts_with('{') {
        // Every JWS begins so: `{"` in base64url.
        if text.starts_with("ey") {
            return Err(LineError::Signed);
        }
        let got = serde_json::from_str::<Got>(text).map_err(not_json)?;
        return Err(LineError::NotAnObject { got });
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let line = json.deserialize_map(LineVisitor).map_err(not_json)?;
    json.end().map_err(not_json)?;
    line
}

/// Reads the whole object, so that what follows the first fault must be JSON too, and keeps that fault.
struct LineVisitor;

#[derive(Default)]
struct Fields {
    channel: Option<Channel>,
    group: Option<GroupName>,
    collector: Option<Collector>,
    ready: Option<u32>,
    /// `ready` in here is not used: it is required, so its absence must be seen.
    rest: Statistics,
    seen: u32,
}

impl<'de> Visitor<'de> for LineVisitor {
    type Value = Result<Line, LineError>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Fields::default();
        let mut fault = None;
        while let Some(field) = map.next_key_seed(FieldName)? {
            match field {
                Some(field) => {
                    if let Err(error) = fields.read(field, &mut map)? {
                        fault.get_or_insert(error);
                    }
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(fault.map_or_else(|| fields.complete(), Err))
    }
}

#[derive(Clone, Copy)]
enum Field {
    Channel,
    Group,
    Collector,
    Ready,
    LoggedIn,
    Slots,
    FreeSlots,
    Reactive,
    Proactive,
    Queued,
    HandleTime,
    ReactiveEntered,
    ProactiveEntered,
    Abandoned,
    InvitationsSent,
    InvitationsAccepted,
    InvitationsPending,
    ReactiveState,
    Time,
}

impl Field {
    const fn name(self) -> &'static str {
        match self {
            Self::Channel => "channel",
            Self::Group => "group",
            Self::Collector => "collector",
            Self::Ready => "ready",
            Self::LoggedIn => "loggedIn",
            Self::Slots => "slots",
            Self::FreeSlots => "freeSlots",
            Self::Reactive => "reactive",
            Self::Proactive => "proactive",
            Self::Queued => "queued",
            Self::HandleTime => "handleTime",
            Self::ReactiveEntered => "reactiveEntered",
            Self::ProactiveEntered => "proactiveEntered",
            Self::Abandoned => "abandoned",
            Self::InvitationsSent => "invitationsSent",
            Self::InvitationsAccepted => "invitationsAccepted",
            Self::InvitationsPending => "invitationsPending",
            Self::ReactiveState => "reactiveState",
            Self::Time => "time",
        }
    }

    fn named(name: &str) -> Option<Self> {
        // Spelt out, not searched: the compiler makes comparisons by length of it.
        Some(match name {
            "channel" => Self::Channel,
            "group" => Self::Group,
            "collector" => Self::Collector,
            "ready" => Self::Ready,
            "loggedIn" => Self::LoggedIn,
            "slots" => Self::Slots,
            "freeSlots" => Self::FreeSlots,
            "reactive" => Self::Reactive,
            "proactive" => Self::Proactive,
            "queued" => Self::Queued,
            "handleTime" => Self::HandleTime,
            "reactiveEntered" => Self::ReactiveEntered,
            "proactiveEntered" => Self::ProactiveEntered,
            "abandoned" => Self::Abandoned,
            "invitationsSent" => Self::InvitationsSent,
            "invitationsAccepted" => Self::InvitationsAccepted,
            "invitationsPending" => Self::InvitationsPending,
            "reactiveState" => Self::ReactiveState,
            "time" => Self::Time,
            _ => return None,
        })
    }
}

/// A key, as the field it names; `None`: a field of a collector that has grown.
struct FieldName;

impl<'de> DeserializeSeed<'de> for FieldName {
    type Value = Option<Field>;
    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for FieldName {
    type Value = Option<Field>;
    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a field's name")
    }
    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Field::named(name))
    }
}

impl Fields {
    /// The value of one field. The outer error is JSON's, the inner one ours.
    fn read<'de, A: MapAccess<'de>>(&mut self, field: Field, map: &mut A) -> Result<Result<(), LineError>, A::Error> {
        let bit = 1 << field as u32;
        if self.seen & bit != 0 {
            {
                map.next_value::<IgnoredAny>()?;
            };
            return Ok(Err(LineError::Twice { field: field.name() }));
        }
        self.seen |= bit;
        if let Field::Channel | Field::Group | Field::Collector = field {
            let raw = map.next_value::<&RawValue>()?;
            return Ok(self.text(field, raw.get()));
        }
        let number = map.next_value_seed(Value)?;
        Ok(self.number(field, &number))
    }

    fn text(&mut self, field: Field, raw: &str) -> Result<(), LineError> {
        let name = field.name();
        let Some(escaped) = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
            let got = serde_json::from_str::<Got>(raw).unwrap_or(Got::Type("no string"));
            let want = if let Field::Channel = field { CHANNEL } else { NAME };
            return Err(LineError::WrongType { field: name, got, want });
        };
        let mut buffer = heapless::String::new();
        let text = match unescape(escaped, &mut buffer) {
            Ok(text) => text,
            Err(Unescape::TooLong) => {
                let got = Got::Name(NameError::TooLong { bytes: escaped.len() });
                return Err(LineError::OutOfRange { field: name, got, want: NAME });
            }
            Err(Unescape::LoneSurrogate) => {
                let got = Got::Type("a string with half a surrogate pair");
                return Err(LineError::WrongType { field: name, got, want: NAME });
            }
        };
        if let Field::Channel = field {
            let unknown = || LineError::OutOfRange { field: name, got: Got::Text(Excerpt::new(text)), want: CHANNEL };
            self.channel = Some(Channel::named(text).ok_or_else(unknown)?);
        } else {
            let bad = |error| LineError::OutOfRange { field: name, got: Got::Name(error), want: NAME };
            let text = GroupName::new(text).map_err(bad)?;
            if let Field::Collector = field {
                self.collector = Some(Collector::named(&text));
            } else {
                self.group = Some(text);
            }
        }
        Ok(())
    }

    fn number(&mut self, field: Field, value: &Got) -> Result<(), LineError> {
        let count = || integer(field, value, COUNT);
        let total = || integer(field, value, TOTAL);
        let rest = &mut self.rest;
        match field {
            Field::Ready => self.ready = Some(count()?),
            Field::LoggedIn => rest.logged_in = Some(count()?),
            Field::Slots => rest.slots = Some(count()?),
            Field::FreeSlots => rest.free_slots = Some(count()?),
            Field::Reactive => rest.reactive = Some(count()?),
            Field::Proactive => rest.proactive = Some(count()?),
            Field::Queued => rest.queued = Some(count()?),
            Field::InvitationsPending => rest.invitations_pending = Some(count()?),
            Field::ReactiveEntered => rest.reactive_entered = Some(total()?),
            Field::ProactiveEntered => rest.proactive_entered = Some(total()?),
            Field::Abandoned => rest.abandoned = Some(total()?),
            Field::InvitationsSent => rest.invitations_sent = Some(total()?),
            Field::InvitationsAccepted => rest.invitations_accepted = Some(total()?),
            Field::Time => rest.time = Some(total()?),
            Field::HandleTime => rest.handle_time = Some(real(field, value, |seconds| seconds > 0.0, SECONDS)?),
            Field::ReactiveState => {
                rest.reactive_state = Some(real(field, value, |state| (0.0..=1.0).contains(&state), PROBABILITY)?);
            }
            Field::Channel | Field::Group | Field::Collector => {}
        }
        Ok(())
    }

    fn complete(self) -> Result<Line, LineError> {
        let missing = |field: Field| LineError::Missing { field: field.name() };
        let channel = self.channel.ok_or_else(|| missing(Field::Channel))?;
        let group = self.group.ok_or_else(|| missing(Field::Group))?;
        let ready = self.ready.ok_or_else(|| missing(Field::Ready))?;
        Ok(Line { channel, group, collector: self.collector, statistics: Statistics { ready, ..self.rest } })
    }
}

/// `12.0` is 12: collectors whose only numbers are floating-point ones write it so.
fn integer<T: TryFrom<u64>>(field: Field, value: &Got, want: &'static str) -> Result<T, LineError> {
    let field = field.name();
    let exact = match *value {
        Got::Integer(value) => Some(value),
        Got::Negative(_) => None,
        // In bits, since clippy distrusts `==` of floats; -0.0 is a whole number too.
        Got::Number(value) if libm::trunc(value).to_bits() == value.to_bits() => {
            (0.0..TWO_TO_64).contains(&value).then_some(value as u64)
        }
        _ => return Err(LineError::WrongType { field, got: value.clone(), want }),
    };
    let in_range = exact.and_then(|exact| T::try_from(exact).ok());
    in_range.ok_or_else(|| LineError::OutOfRange { field, got: value.clone(), want })
}

fn real(field: Field, value: &Got, in_range: fn(f64) -> bool, want: &'static str) -> Result<f64, LineError> {
    let field = field.name();
    let number = match *value {
        Got::Number(value) => value,
        Got::Integer(value) => value as f64,
        Got::Negative(value) => value as f64,
        _ => return Err(LineError::WrongType { field, got: value.clone(), want }),
    };
    if in_range(number) { Ok(number) } else { Err(LineError::OutOfRange { field, got: value.clone(), want }) }
}

/// Any JSON value, as far as an error needs it.
struct Value;

impl<'de> DeserializeSeed<'de> for Value {
    type Value = Got;
    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Got, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> serde::Deserialize<'de> for Got {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value.deserialize(deserializer)
    }
}

impl<'de> Visitor<'de> for Value {
    type Value = Got;
    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }
    fn visit_bool<E>(self, _: bool) -> Result<Got, E> {
        Ok(Got::Type("true or false"))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Got, E> {
        Ok(Got::Integer(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Got, E> {
        Ok(u64::try_from(value).map_or(Got::Negative(value), Got::Integer))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Got, E> {
        Ok(Got::Number(value))
    }
    fn visit_str<E>(self, text: &str) -> Result<Got, E> {
        Ok(Got::Text(Excerpt::new(text)))
    }
    fn visit_unit<E>(self) -> Result<Got, E> {
        Ok(Got::Type("null"))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Got, A::Error> {
        while sequence.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Got::Type("an array"))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Got, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Got::Type("an object"))
    }
}

enum Unescape {
    TooLong,
    LoneSurrogate,
}

/// The text that a JSON string's inside means. `serde_json` has checked its syntax, but would allocate to unescape it.
fn unescape<'a>(escaped: &'a str, buffer: &'a mut heapless::String<UNESCAPED_BYTES>) -> Result<&'a str, Unescape> {
    if !escaped.contains('\\') {
        return Ok(escaped);
    }
    let mut rest = escaped.chars();
    while let Some(character) = rest.next() {
        let meant = if character == '\\' { escape(&mut rest)? } else { character };
        buffer.push(meant).map_err(|_| Unescape::TooLong)?;
    }
    Ok(buffer)
}

/// The character that an escape means; `rest` stands behind its backslash (RFC 8259, section 7).
fn escape(rest: &mut core::str::Chars<'_>) -> Result<char, Unescape> {
    Ok(match rest.next() {
        Some('b') => '\u{8}',
        Some('f') => '\u{c}',
        Some('n') => '\n',
        Some('r') => '\r',
        Some('t') => '\t',
        Some('u') => {
            let first = code_unit(rest);
            if let Some(character) = char::from_u32(first) {
                return Ok(character);
            }
            let second = if rest.next() == Some('\\') && rest.next() == Some('u') { code_unit(rest) } else { 0 };
            if !(0xD800..0xDC00).contains(&first) || !(0xDC00..0xE000).contains(&second) {
                return Err(Unescape::LoneSurrogate);
            }
            let scalar = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
            char::from_u32(scalar).ok_or(Unescape::LoneSurrogate)?
        }
        // The quote, the backslash and the slash mean themselves.
        Some(itself) => itself,
        None => return Err(Unescape::LoneSurrogate),
    })
}

fn code_unit(rest: &mut core::str::Chars<'_>) -> u32 {
    rest.take(4).filter_map(|digit| digit.to_digit(16)).fold(0, |unit, digit| unit << 4 | digit)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::string::{String, ToString};

    use proptest::prelude::*;

    use super::*;

    const FULL: &str = r#"{"channel":"chat","group":"Sales","ready":4,"loggedIn":12,"slots":24,"freeSlots":9,"reactive":5,"proactive":2,"queued":1,"handleTime":312.5,"reactiveEntered":10234,"proactiveEntered":871,"abandoned":97,"invitationsSent":2000,"invitationsAccepted":900,"invitationsPending":3,"reactiveState":0.25,"time":1790000000000}"#;

    fn parse_text(line: &str) -> Result<Line, LineError> {
        parse(line.as_bytes())
    }

    fn with(field: &str) -> Result<Line, LineError> {
        parse_text(&std::format!(r#"{{"channel":"chat","group":"A","ready":1,{field}}}"#))
    }

    fn complaint(line: &str) -> String {
        parse_text(line).unwrap_err().to_string()
    }

    #[test]
    fn every_field_is_read() {
        let line = parse_text(FULL).unwrap();
        assert_eq!((line.channel, line.group.as_str()), (Channel::Chat, "Sales"));
        let want = Statistics {
            ready: 4,
            logged_in: Some(12),
            slots: Some(24),
            free_slots: Some(9),
            reactive: Some(5),
            proactive: Some(2),
            queued: Some(1),
            handle_time: Some(312.5),
            reactive_entered: Some(10234),
            proactive_entered: Some(871),
            abandoned: Some(97),
            invitations_sent: Some(2000),
            invitations_accepted: Some(900),
            invitations_pending: Some(3),
            reactive_state: Some(0.25),
            time: Some(1_790_000_000_000),
        };
        assert_eq!(line.statistics, want);
    }

    #[test]
    fn three_fields_are_enough_and_what_is_absent_stays_unknown() {
        let line = parse_text(r#" { "ready" : 0 , "group":"B","channel":"webcallback" } "#).unwrap();
        assert_eq!(line.channel, Channel::Webcallback);
        assert_eq!(line.statistics, Statistics::default());
        for field in ["channel", "group", "ready"] {
            let line = r#"{"channel":"chat","group":"A","ready":1}"#.replace(field, "other");
            assert_eq!(complaint(&line), std::format!("{field} is missing; every line has channel, group and ready"));
        }
    }

    #[test]
    fn unknown_fields_of_every_type_are_ignored() {
        for field in
            [r#""x":null"#, r#""x":[1,[2,{"y":[]}]]"#, r#""x":{"ready":"many"}"#, r#""x":1e999"#, r#""x":"\ud800""#]
        {
            assert!(with(field).is_ok(), "{field}");
        }
    }

    #[test]
    fn a_field_of_the_wrong_type_says_what_was_got_and_what_would_be_right() {
        for (field, want) in [
            (r#""queued":"3""#, r#"queued is "3"; want an integer, 0 to 4294967295"#),
            (r#""queued":null"#, "queued is null; want an integer, 0 to 4294967295"),
            (r#""queued":true"#, "queued is true or false; want an integer, 0 to 4294967295"),
            (r#""queued":[1]"#, "queued is an array; want an integer, 0 to 4294967295"),
            (r#""queued":{"a":1}"#, "queued is an object; want an integer, 0 to 4294967295"),
            (r#""queued":1.5"#, "queued is 1.5; want an integer, 0 to 4294967295"),
            (r#""handleTime":"5""#, r#"handleTime is "5"; want a number of seconds above 0"#),
        ] {
            let error = with(field).unwrap_err();
            assert!(matches!(error, LineError::WrongType { .. }), "{field}: {error:?}");
            assert_eq!(error.to_string(), want);
        }
        let named = r#"{"channel":"chat","group":7,"ready":1}"#;
        assert_eq!(complaint(named), "group is 7; want a string of 1 to 64 bytes");
        assert_eq!(
            complaint(&named.replace("\"chat\"", "[]")),
            "channel is an array; want \"chat\" or \"webcallback\""
        );
    }

    #[test]
    fn a_value_out_of_range_says_the_range() {
        for (field, want) in [
            (r#""queued":-1"#, "queued is -1; want an integer, 0 to 4294967295"),
            (r#""queued":4294967296"#, "queued is 4294967296; want an integer, 0 to 4294967295"),
            (
                r#""time":18446744073709551616"#,
                "time is 1.8446744073709552e19; want an integer, 0 to 18446744073709551615",
            ),
            (r#""abandoned":1e300"#, "abandoned is 1e300; want an integer, 0 to 18446744073709551615"),
            (r#""handleTime":0"#, "handleTime is 0; want a number of seconds above 0"),
            (r#""handleTime":-0.5"#, "handleTime is -0.5; want a number of seconds above 0"),
            (r#""reactiveState":1.01"#, "reactiveState is 1.01; want a number, 0 to 1"),
        ] {
            let error = with(field).unwrap_err();
            assert!(matches!(error, LineError::OutOfRange { .. }), "{field}: {error:?}");
            assert_eq!(error.to_string(), want);
        }
        assert_eq!(
            complaint(r#"{"channel":"voice","group":"A","ready":1}"#),
            r#"channel is "voice"; want "chat" or "webcallback""#
        );
    }

    #[test]
    fn a_whole_number_with_a_fraction_of_zero_is_an_integer() {
        assert_eq!(with(r#""queued":12.0"#).unwrap().statistics.queued, Some(12));
        assert_eq!(with(r#""time":1.79e12"#).unwrap().statistics.time, Some(1_790_000_000_000));
        assert_eq!(with(r#""time":18446744073709551615"#).unwrap().statistics.time, Some(u64::MAX));
    }

    #[test]
    fn what_is_no_json_object_is_refused() {
        for bad in [
            "",
            " ",
            "{",
            FULL.get(..100).unwrap(),
            "NaN",
            "{\"ready\":NaN}",
            "{\"ready\":1e999}",
            "{}x",
            "{\"a\":1,}",
            "{'a':1}",
        ] {
            assert!(matches!(parse_text(bad), Err(LineError::NotJson { .. })), "{bad}");
        }
        assert_eq!(parse(b"{\"channel\":\"\xff\"}"), Err(LineError::NotUtf8));
        assert_eq!(complaint("[{}]"), "got an array; a line is one JSON object");
        assert_eq!(complaint("\"x\""), "got \"x\"; a line is one JSON object");
        let deep = "[".repeat(60_000);
        assert!(matches!(parse_text(&deep), Err(LineError::NotJson { .. })));
        assert!(matches!(with(&std::format!("\"queued\":{deep}")), Err(LineError::NotJson { .. })));
    }

    #[test]
    fn a_known_field_that_stands_twice_is_refused() {
        assert_eq!(with(r#""ready":1"#), Err(LineError::Twice { field: "ready" }));
        assert!(with(r#""x":1,"x":2"#).is_ok());
    }

    #[test]
    fn the_first_fault_is_told_but_what_follows_must_be_json_too() {
        assert_eq!(
            with(r#""queued":-1,"time":-1"#).unwrap_err().to_string(),
            "queued is -1; want an integer, 0 to 4294967295"
        );
        assert!(matches!(parse_text(r#"{"ready":-1,"#), Err(LineError::NotJson { .. })));
    }

    #[test]
    fn a_bad_name_is_out_of_range() {
        for name in ["", r"a\nb", r"\u0000", &"x".repeat(65), &r"\u00fc".repeat(33), &r"\u00fc".repeat(999)] {
            let line = std::format!(r#"{{"channel":"chat","group":"{name}","ready":1}}"#);
            assert!(matches!(parse_text(&line), Err(LineError::OutOfRange { field: "group", .. })), "{name}");
        }
        let lone = r#"{"channel":"chat","group":"\ud800\u0041","ready":1}"#;
        assert!(matches!(parse_text(lone), Err(LineError::WrongType { field: "group", .. })));
        let raw_newline = "{\"channel\":\"chat\",\"group\":\"a\nb\",\"ready\":1}";
        assert!(matches!(parse_text(raw_newline), Err(LineError::NotJson { .. })));
    }

    proptest! {
        #[test]
        fn names_are_unescaped_as_serde_json_does(name in "[^\\p{Cc}]{1,12}", ascii: bool) {
            let mut escaped = serde_json::to_string(&name).unwrap();
            if ascii {
                // As Python's json.dumps writes it.
                escaped = escaped.encode_utf16().map(|unit| match u8::try_from(unit) {
                    Ok(byte) if byte.is_ascii() => String::from(char::from(byte)),
                    _ => std::format!("\\u{unit:04x}"),
                }).collect();
            }
            let line = std::format!(r#"{{"channel":"ch\u0061t","group":{escaped},"ready":1}}"#);
            let line = parse_text(&line).unwrap();
            prop_assert_eq!(line.group.as_str(), name);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: [u8; 48], at in 0..FULL.len()) {
            let _ = parse(&bytes);
            let mut line = FULL.as_bytes().to_vec();
            line.splice(at..(at + 3).min(line.len()), bytes.into_iter().take(4));
            let _ = parse(&line);
        }
    }
}
