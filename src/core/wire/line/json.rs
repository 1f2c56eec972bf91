//! A line's JSON, field by field into [`Line`].

use super::escapes::{Unescape, unescape};
use super::field::{FIRST_TOTAL, Field, WHOLE};
use super::reader::{self, NotJson, Reader, Text, Value};
use super::{Got, Line, LineError, Statistics};
use crate::wire::channel::Channel;
use crate::wire::collector::Collector;
use crate::wire::excerpt::Excerpt;
use crate::wire::group_name::{GroupName, NameError};

const COUNT: &str = "an integer, 0 to 4294967295";
const TOTAL: &str = "an integer, 0 to 18446744073709551615";
const SECONDS: &str = "a number of seconds above 0";
const PROBABILITY: &str = "a number, 0 to 1";
const CHANNEL: &str = "\"chat\" or \"webcallback\"";
const NAME: &str = "a string of 1 to 64 bytes";
const HALF_A_PAIR: Got = Got::Type("a string with half a surrogate pair");

/// The first number that a `u64` cannot hold: its last one, rounded up.
const TWO_TO_64: f64 = u64::MAX as f64;

pub(super) fn parse(line: &[u8]) -> Result<Line, LineError> {
    let text = core::str::from_utf8(line).map_err(|_| LineError::NotUtf8)?;
    let mut reader = Reader::new(text);
    if !reader.enters_object() {
        // Every JWS begins so: `{"` in base64url.
        if text.starts_with("ey") {
            return Err(LineError::Signed);
        }
        let value = reader.value()?;
        reader.end()?;
        return Err(LineError::NotAnObject { got: got(value) });
    }
    // To its end, whatever is wrong with a field: what follows must be JSON, too. The first fault is kept.
    let mut fields = Fields::default();
    let mut fault = None;
    let mut is_first = true;
    while reader.has_key(core::mem::take(&mut is_first))? {
        let mut rest = reader.rest();
        loop {
            match fields.take_plain(text, rest) {
                // The next one, as nearly every sender writes it, without white space.
                Some([b',', key @ ..]) if key.first() == Some(&b'"') => rest = key,
                Some(behind) => {
                    reader.go_to(behind);
                    break;
                }
                None => {
                    reader.go_to(rest);
                    reader = fields.take_any(reader, &mut fault)?;
                    break;
                }
            }
        }
    }
    reader.end()?;
    match fault {
        None => fields.complete(),
        Some(fault) => Err(fault),
    }
}

/// Tells each member of a JSON object, its name and its value.
pub(crate) fn members(text: &str, mut each: impl FnMut(Got, Got)) -> Result<(), LineError> {
    let mut reader = Reader::new(text);
    if !reader.enters_object() {
        return Err(LineError::NotAnObject { got: got(reader.value()?) });
    }
    let mut is_first = true;
    while reader.has_key(core::mem::take(&mut is_first))? {
        let name = Value::Text(reader.key()?);
        each(got(name), got(reader.value()?));
    }
    Ok(reader.end()?)
}

impl From<NotJson> for LineError {
    fn from(NotJson { column }: NotJson) -> Self {
        Self::NotJson { column }
    }
}

/// A value, as an error tells it.
fn got(value: Value<'_>) -> Got {
    match value {
        Value::Integer(value) => Got::Integer(value),
        Value::Negative(value) => Got::Negative(value),
        Value::Number(value) => Got::Number(value),
        Value::Text(text) => {
            let mut buffer = heapless::String::new();
            match unescape(text, &mut buffer) {
                Ok(text) => Got::Text(Excerpt::new(text)),
                Err(Unescape::TooLong) => Got::Text(Excerpt::cut(&buffer)),
                Err(Unescape::LoneSurrogate) => HALF_A_PAIR,
            }
        }
        Value::Boolean => Got::Type("true or false"),
        Value::Null => Got::Type("null"),
        Value::Array => Got::Type("an array"),
        Value::Object => Got::Type("an object"),
    }
}

/// The field of that name; `None`: one of a collector that has grown.
fn field(key: Text<'_>) -> Option<Field> {
    let mut buffer = heapless::String::new();
    Field::named(unescape(key, &mut buffer).ok()?)
}

#[derive(Default)]
struct Fields {
    channel: Option<Channel>,
    group: Option<GroupName>,
    collector: Option<Collector>,
    handle_time: Option<f64>,
    reactive_state: Option<f64>,
    /// Of the fields that are whole numbers, in the order of the fields.
    whole: [u64; WHOLE],
    /// A bit for each field that stood in the line.
    seen: u32,
}

impl Fields {
    fn has(&self, field: Field) -> bool {
        self.seen & 1 << field as u32 != 0
    }

    /// Takes the member that begins here, if it is as nearly every sender writes it: spelt plainly, the first of its name,
    /// right and in its range. Gives what is behind it. `None`: nothing was taken, and [`take_any`](Self::take_any) finds why.
    #[inline(always)]
    fn take_plain<'a>(&mut self, text: &'a str, rest: &'a [u8]) -> Option<&'a [u8]> {
        let (field, value) = Field::spelt_plainly(rest)?;
        if self.has(field) {
            return None;
        }
        // Nearly every field is one.
        if (field as usize) < WHOLE {
            let (whole, behind) = reader::short_whole(value)?;
            return self.take_whole(field, whole).then_some(behind);
        }
        let behind = match field {
            Field::Channel => {
                let (name, behind) = reader::plain_text(text, value)?;
                self.channel = Some(Channel::named(name)?);
                behind
            }
            Field::Group => {
                let (name, behind) = reader::plain_text(text, value)?;
                self.group = Some(GroupName::new(name).ok()?);
                behind
            }
            Field::HandleTime => {
                let (seconds, behind) = reader::short_decimal(value).filter(|(seconds, _)| is_duration(*seconds))?;
                self.handle_time = Some(seconds);
                behind
            }
            _ => return None,
        };
        self.seen |= 1 << field as u32;
        Some(behind)
    }

    /// Takes a member whatever it is, and keeps its fault if it is the first. Gives the reader back behind it.
    #[inline(never)]
    fn take_any<'a>(&mut self, mut reader: Reader<'a>, fault: &mut Option<LineError>) -> Result<Reader<'a>, NotJson> {
        match field(reader.key()?) {
            Some(field) => {
                if let Err(error) = self.read(field, reader.value()?) {
                    fault.get_or_insert(error);
                }
            }
            None => reader.ignore()?,
        }
        Ok(reader)
    }

    /// Takes a whole number, if the field is one and it is in its range.
    #[inline(always)]
    fn take_whole(&mut self, field: Field, value: u64) -> bool {
        let Some(place) = self.whole.get_mut(field as usize) else { return false };
        if value > u32::MAX.into() && (field as usize) < FIRST_TOTAL {
            return false;
        }
        *place = value;
        self.seen |= 1 << field as u32;
        true
    }

    fn read(&mut self, field: Field, value: Value<'_>) -> Result<(), LineError> {
        if self.has(field) {
            return Err(LineError::Twice { field: field.name() });
        }
        self.seen |= 1 << field as u32;
        match field {
            Field::Channel | Field::Group | Field::Collector => self.text(field, value),
            Field::HandleTime => {
                self.handle_time = Some(real(field, value, is_duration, SECONDS)?);
                Ok(())
            }
            Field::ReactiveState => {
                self.reactive_state = Some(real(field, value, |state| (0.0..=1.0).contains(&state), PROBABILITY)?);
                Ok(())
            }
            _ => self.whole(field, value),
        }
    }

    /// `12.0` is 12: collectors whose only numbers are floating-point ones write it so.
    fn whole(&mut self, field: Field, value: Value<'_>) -> Result<(), LineError> {
        let want = if (field as usize) < FIRST_TOTAL { COUNT } else { TOTAL };
        let exact = match value {
            Value::Integer(value) => Some(value),
            Value::Negative(_) => None,
            // In bits, since clippy distrusts `==` of floats; -0.0 is a whole number too.
            Value::Number(value) if libm::trunc(value).to_bits() == value.to_bits() => {
                (0.0..TWO_TO_64).contains(&value).then_some(value as u64)
            }
            _ => return Err(LineError::WrongType { field: field.name(), got: got(value), want }),
        };
        match exact {
            Some(exact) if self.take_whole(field, exact) => Ok(()),
            _ => Err(LineError::OutOfRange { field: field.name(), got: got(value), want }),
        }
    }

    fn text(&mut self, field: Field, value: Value<'_>) -> Result<(), LineError> {
        let name = field.name();
        let Value::Text(text) = value else {
            let want = if let Field::Channel = field { CHANNEL } else { NAME };
            return Err(LineError::WrongType { field: name, got: got(value), want });
        };
        let escaped_bytes = text.escaped.len();
        let mut buffer = heapless::String::new();
        let text = match unescape(text, &mut buffer) {
            Ok(text) => text,
            Err(Unescape::TooLong) => {
                let got = Got::Name(NameError::TooLong { bytes: escaped_bytes });
                return Err(LineError::OutOfRange { field: name, got, want: NAME });
            }
            Err(Unescape::LoneSurrogate) => {
                return Err(LineError::WrongType { field: name, got: HALF_A_PAIR, want: NAME });
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

    /// By reference, and not inlined: nothing is moved, and the loop before has the registers for itself.
    #[inline(never)]
    fn complete(&self) -> Result<Line, LineError> {
        let total = |field: Field| if self.has(field) { self.whole.get(field as usize).copied() } else { None };
        // In its range, or it had not been taken.
        let count = |field| total(field).map(|count| count as u32);
        let (Some(channel), Some(group), Some(ready)) = (self.channel, &self.group, count(Field::Ready)) else {
            let field = [Field::Channel, Field::Group, Field::Ready].into_iter().find(|field| !self.has(*field));
            return Err(LineError::Missing { field: field.map_or("", Field::name) });
        };
        let statistics = Statistics {
            ready,
            logged_in: count(Field::LoggedIn),
            slots: count(Field::Slots),
            free_slots: count(Field::FreeSlots),
            reactive: count(Field::Reactive),
            proactive: count(Field::Proactive),
            queued: count(Field::Queued),
            handle_time: self.handle_time,
            reactive_entered: total(Field::ReactiveEntered),
            proactive_entered: total(Field::ProactiveEntered),
            abandoned: total(Field::Abandoned),
            invitations_sent: total(Field::InvitationsSent),
            invitations_accepted: total(Field::InvitationsAccepted),
            invitations_pending: count(Field::InvitationsPending),
            reactive_state: self.reactive_state,
            time: total(Field::Time),
        };
        Ok(Line { channel, group: group.clone(), collector: self.collector, statistics })
    }
}

fn is_duration(seconds: f64) -> bool {
    seconds > 0.0
}

fn real(field: Field, value: Value<'_>, in_range: fn(f64) -> bool, want: &'static str) -> Result<f64, LineError> {
    let field = field.name();
    let number = match value {
        Value::Number(value) => value,
        Value::Integer(value) => value as f64,
        Value::Negative(value) => value as f64,
        _ => return Err(LineError::WrongType { field, got: got(value), want }),
    };
    if in_range(number) { Ok(number) } else { Err(LineError::OutOfRange { field, got: got(value), want }) }
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
    fn a_byte_too_few_or_too_many_is_found_wherever_it_is() {
        for at in 0..FULL.len() {
            let (before, behind) = FULL.split_at(at);
            let (_, shorter) = behind.split_at(1);
            let more = [",", "\"", ":", "}", "x", "."].map(|more| std::format!("{before}{more}{behind}"));
            for line in more.into_iter().chain([std::format!("{before}{shorter}")]) {
                let is_json = serde_json::from_str::<serde_json::Value>(&line).is_ok();
                assert_eq!(matches!(parse_text(&line), Err(LineError::NotJson { .. })), !is_json, "{line}");
            }
        }
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
