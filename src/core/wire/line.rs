//! Lines of statistics: one JSON object with the state of one agent group on one channel.

use crate::wire::channel::Channel;
use crate::wire::collector::Collector;
use crate::wire::excerpt::Excerpt;
use crate::wire::fields::{Draft, FIELDS, Field};
use crate::wire::group_name::GroupName;
use crate::wire::json::{self, JsonFault};

pub use crate::wire::fields::Statistics;
pub use crate::wire::line_error::{Found, LineError};

/// Bytes before a fault within which its value may begin: a number or a short word.
const CONTEXT_BYTES: usize = 24;

/// First bytes of data that is not text.
const FORMATS: [(&[u8], &str); 8] = [
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
    // Without a byte-order mark; a NUL before it counts as padding.
    (b"{\0", "UTF-16"),
    (b"\x1f\x8b", "compressed (gzip)"),
    (b"\x28\xb5\x2f\xfd", "compressed (zstd)"),
    (b"x\x01", "compressed (zlib)"),
    (b"x\x9c", "compressed (zlib)"),
    (b"x\xda", "compressed (zlib)"),
];

#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub channel: Channel,
    pub group: GroupName,
    pub collector: Option<Collector>,
    pub statistics: Statistics,
}

impl Line {
    /// Parses one line of [`lines`](crate::wire::datagram::lines), or returns the first fault; a
    /// syntax error anywhere comes first.
    ///
    /// Allocates only for strings with escapes, and a byte for each level of nesting.
    pub fn parse(line: &[u8]) -> Result<Self, LineError> {
        Self::read(line).map_err(|(error, _)| error)
    }

    /// Like [`parse`](Self::parse), with the line's group in errors, if that could be read.
    #[allow(clippy::result_large_err)] // Errors do not allocate.
    pub(crate) fn read(line: &[u8]) -> Result<Self, (LineError, Option<(Channel, GroupName)>)> {
        let text = core::str::from_utf8(line).map_err(|error| (not_utf8(line, error.valid_up_to()), None))?;
        // `seen` has a bit for each field.
        let (mut draft, mut seen, mut first_error) = (Draft::default(), 0_u32, None);
        let read = json::members(text, Field::named, |(index, field), value| {
            let is_duplicate = seen & 1 << index != 0;
            seen |= 1 << index;
            let stored = if is_duplicate {
                Err(LineError::Duplicate { field: field.name })
            } else {
                field.store(value, &mut draft)
            };
            if let Err(error) = stored {
                first_error.get_or_insert(error);
            }
        });
        let error = read.err().map(|fault| unreadable(text, fault)).or(first_error);
        let Draft { channel, group, collector, ready, statistics } = draft;
        match (error, channel, group, ready) {
            (None, Some(channel), Some(group), Some(ready)) => {
                Ok(Self { channel, group, collector, statistics: Statistics { ready, ..statistics } })
            }
            (error, channel, group, _) => {
                let missing = || match (channel, &group) {
                    (None, _) => "channel",
                    (_, None) => "group",
                    _ => "ready",
                };
                Err((error.unwrap_or_else(|| LineError::Missing { field: missing() }), channel.zip(group)))
            }
        }
    }
}

pub fn known_fields() -> impl Iterator<Item = &'static str> + Clone {
    FIELDS.iter().map(|field| field.name)
}

/// Calls `each` with the names of unknown members, up to the first syntax error.
pub fn unknown_fields(line: &[u8], mut each: impl FnMut(&str)) {
    let unknown = |name: &str| Field::named(name).is_none().then(|| each(name));
    let _ = json::members(core::str::from_utf8(line).unwrap_or_default(), unknown, |(), _| {});
}

/// The probable format of bytes that are not a line.
fn format_of(line: &[u8]) -> Option<&'static str> {
    let known = FORMATS.iter().find(|(start, _)| line.starts_with(start)).map(|(_, format)| *format);
    let is_binary = |first: &u8| first.is_ascii_control() || !first.is_ascii() && core::str::from_utf8(line).is_err();
    known.or_else(|| line.first().filter(|first| is_binary(first)).map(|_| "binary data"))
}

/// The text at byte `at`, from the beginning of its value if that is near.
fn value_around(line: &[u8], at: usize) -> &[u8] {
    let before = line.get(..at).filter(|_| at < line.len());
    let colon = before.and_then(|before| memchr::memrchr(b':', before));
    let start = colon.map(|colon| colon + 1).filter(|start| at - start <= CONTEXT_BYTES).unwrap_or(at);
    line.get(start..).unwrap_or_default()
}

fn not_utf8(line: &[u8], at: usize) -> LineError {
    match format_of(line) {
        Some(format) => LineError::NotText { format },
        None => LineError::NotUtf8 { column: at + 1, at: Excerpt::of_bytes(line.get(at..).unwrap_or_default()) },
    }
}

fn unreadable(text: &str, fault: JsonFault) -> LineError {
    let line = text.as_bytes();
    match fault {
        // Every JWS begins with `{"` in base64url.
        JsonFault::Syntax(0) if text.starts_with("ey") => LineError::Signed,
        JsonFault::Syntax(_) if let Some(format) = format_of(line) => LineError::NotText { format },
        JsonFault::Syntax(at) => LineError::NotJson { column: at + 1, at: Excerpt::of_bytes(value_around(line, at)) },
        JsonFault::NotAnObject(found) => LineError::NotAnObject { found },
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::string::{String, ToString};
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    const FULL: &str = r#"{"channel":"chat","group":"Sales","ready":4,"loggedIn":12,"slots":24,"freeSlots":9,"reactive":5,"proactive":2,"queued":1,"handleTime":312.5,"reactiveEntered":10234,"proactiveEntered":871,"abandoned":97,"invitationsSent":2000,"invitationsAccepted":900,"invitationsPending":3,"reactiveState":0.25,"time":1790000000000}"#;

    fn parse_text(line: &str) -> Result<Line, LineError> {
        Line::parse(line.as_bytes())
    }

    fn with(field: &str) -> Result<Line, LineError> {
        parse_text(&std::format!(r#"{{"channel":"chat","group":"A","ready":1,{field}}}"#))
    }

    fn complaint(line: &str) -> String {
        parse_text(line).unwrap_err().to_string()
    }

    /// A line whose every field has another value.
    fn every_field_another(field: impl Fn(usize) -> String) -> String {
        let members = FIELDS.iter().enumerate().map(|(index, Field { name, .. })| match *name {
            "channel" => r#""channel":"webcallback""#.into(),
            "group" | "collector" => std::format!(r#""{name}":"the {name}""#),
            _ => std::format!(r#""{name}":{}"#, field(index)),
        });
        std::format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    }

    #[test]
    fn every_field_is_read_into_its_own_place() {
        // Below 1, for the probability; whole, for the others.
        let text = every_field_another(|index| {
            if FIELDS[index].name == "reactiveState" { "0.25".into() } else { std::format!("{}", 100 + index) }
        });
        let of = |name| 100 + Field::named(name).unwrap().0 as u32;
        let want = Statistics {
            ready: of("ready"),
            logged_in: Some(of("loggedIn")),
            slots: Some(of("slots")),
            free_slots: Some(of("freeSlots")),
            reactive: Some(of("reactive")),
            proactive: Some(of("proactive")),
            queued: Some(of("queued")),
            handle_time: Some(of("handleTime").into()),
            reactive_entered: Some(of("reactiveEntered").into()),
            proactive_entered: Some(of("proactiveEntered").into()),
            abandoned: Some(of("abandoned").into()),
            invitations_sent: Some(of("invitationsSent").into()),
            invitations_accepted: Some(of("invitationsAccepted").into()),
            invitations_pending: Some(of("invitationsPending")),
            reactive_state: Some(0.25),
            time: Some(of("time").into()),
        };
        let line = parse_text(&text).unwrap();
        assert_eq!(line.statistics, want);
        assert_eq!((line.channel, line.group.as_str()), (Channel::Webcallback, "the group"));
        assert_eq!(line.collector, Some(Collector::named(&GroupName::new("the collector").unwrap())));
        assert!(FIELDS.len() <= 32, "a bit each");
        let contract = parse_text(FULL).unwrap();
        assert_eq!((contract.channel, contract.group.as_str()), (Channel::Chat, "Sales"));
        assert_eq!((contract.statistics.handle_time, contract.statistics.abandoned), (Some(312.5), Some(97)));
    }

    #[test]
    fn null_is_absent_where_a_field_may_be_and_so_is_a_handle_time_of_0() {
        let nothing = every_field_another(|_| "null".into()).replace("\"the collector\"", "null");
        let nothing = nothing.replace("\"ready\":null", "\"ready\":7");
        let line = parse_text(&nothing).unwrap();
        assert_eq!((line.statistics, line.collector), (Statistics { ready: 7, ..Statistics::default() }, None));
        for zero in ["0", "0.0", "-0", "-0.0", "0e5", "1e-999"] {
            assert_eq!(with(&std::format!("\"handleTime\":{zero}")).unwrap().statistics.handle_time, None, "{zero}");
        }
        let zero = with("\"reactiveState\":-0.0").unwrap().statistics.reactive_state;
        assert_eq!(zero.map(f64::to_bits), Some(0));
        for field in ["channel", "group", "ready"] {
            let line = FULL.replacen(&std::format!("\"{field}\":"), &std::format!("\"{field}\":null,\"x\":"), 1);
            assert!(
                matches!(parse_text(&line), Err(LineError::WrongType { field: found, .. }) if found == field),
                "{line}"
            );
        }
        assert_eq!(with("\"queued\":null,\"queued\":1"), Err(LineError::Duplicate { field: "queued" }));
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
            (r#""queued":true"#, "queued is true; want an integer, 0 to 4294967295"),
            (r#""queued":[1]"#, "queued is an array; want an integer, 0 to 4294967295"),
            (r#""queued":{"a":1}"#, "queued is an object; want an integer, 0 to 4294967295"),
            (r#""queued":1.5"#, "queued is 1.5; want an integer, 0 to 4294967295"),
            (r#""handleTime":"5""#, r#"handleTime is "5"; want a number of seconds, 0 or more"#),
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
            (r#""queued":1e400"#, "queued is \"1e400\"; want an integer, 0 to 4294967295"),
            (r#""handleTime":-1e400,"time":1"#, "handleTime is \"-1e400\"; want a number of seconds, 0 or more"),
            (r#""queued":"\ud800""#, r#"queued is "\"\\ud800\""; want an integer, 0 to 4294967295"#),
            (r#""handleTime":-0.5"#, "handleTime is -0.5; want a number of seconds, 0 or more"),
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
        for bad in ["", " ", "{", FULL.get(..100).unwrap(), "NaN", "{\"ready\":NaN}", "{}x", "{\"a\":1,}", "{'a':1}"] {
            assert!(matches!(parse_text(bad), Err(LineError::NotJson { .. })), "{bad}");
        }
        assert_eq!(
            Line::parse(b"{\"channel\":\"\xff\"}"),
            Err(LineError::NotUtf8 { column: 13, at: Excerpt::of_bytes(b"\xff\"}") })
        );
        assert_eq!(complaint("[{}]"), "got an array; a line is a JSON object");
        assert_eq!(complaint("\"x\""), "got \"x\"; a line is a JSON object");
        // However deep it is, an unknown field is skipped, and a known one is an array.
        let deep = std::format!("{}{}", "[".repeat(60_000), "]".repeat(60_000));
        assert!(with(&std::format!("\"x\":{deep}")).is_ok());
        assert!(matches!(with(&std::format!("\"queued\":{deep}")), Err(LineError::WrongType { field: "queued", .. })));
        assert!(matches!(parse_text(&deep), Err(LineError::NotAnObject { .. })));
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
        assert_eq!(with(r#""ready":1"#), Err(LineError::Duplicate { field: "ready" }));
        assert!(with(r#""x":1,"x":2"#).is_ok());
    }

    #[test]
    fn the_first_fault_is_reported_but_what_follows_must_be_json_too() {
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
        assert!(matches!(parse_text(lone), Err(LineError::OutOfRange { field: "group", .. })));
        let raw_newline = "{\"channel\":\"chat\",\"group\":\"a\nb\",\"ready\":1}";
        assert!(matches!(parse_text(raw_newline), Err(LineError::NotJson { .. })));
    }

    #[test]
    fn what_stands_where_a_line_is_wrong_is_shown() {
        for (line, want) in [
            (&b""[..], "empty; a line is a JSON object"),
            (b"{\"channel\":\"ch", "not JSON: it ends too early, at column 15; a line is a JSON object"),
            (b"{\"ready\":NaN}", "not JSON from column 10 on: \"NaN}\"; a line is a JSON object"),
            (
                b"{\"handleTime\":312,5,\"ready\":1}",
                r#"not JSON from column 19 on: "312,5,\"ready\":1}"; a line is a JSON object"#,
            ),
            (
                b"<134>Nov 26 02:00:00 pbx acd: {\"channel\":\"chat\"}",
                r#"not JSON from column 1 on: "<134>Nov 26 02:00:00 pbx acd: {\"channel\":\"chat\"}"; a line is a JSON object"#,
            ),
            (b"\xef\xbb\xbf{}", r#"not JSON from column 1 on: "\u{feff}{}"; a line is a JSON object"#),
            (b"{\"a\":\"x\ty\"}", r#"not JSON from column 7 on: "\"x\ty\"}"; a line is a JSON object"#),
            (b"{\"a\":1,\n\"b\":x}", r#"not JSON from column 13 on: "x}"; a line is a JSON object"#),
            ("{\"a\":ü}".as_bytes(), "not JSON from column 6 on: \"ü}\"; a line is a JSON object"),
            (b"{\"group\":\"\xdcber\"}", r#"not UTF-8 from column 11 on: "�ber\"}"; a line is a JSON object in UTF-8"#),
        ] {
            assert_eq!(Line::parse(line).unwrap_err().to_string(), want);
        }
    }

    #[test]
    fn data_that_is_no_text_is_named() {
        let utf16 = |bytes: fn(u16) -> [u8; 2]| FULL.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
        let with_mark = |mark: &[u8], bytes: Vec<u8>| [mark.to_vec(), bytes].concat();
        for (datagram, want) in [
            (utf16(u16::to_le_bytes), "UTF-16"),
            (utf16(u16::to_be_bytes), "UTF-16"),
            (with_mark(b"\xff\xfe", utf16(u16::to_le_bytes)), "UTF-16"),
            (with_mark(b"\xfe\xff", utf16(u16::to_be_bytes)), "UTF-16"),
            (b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xab".to_vec(), "compressed (gzip)"),
            (b"\x28\xb5\x2f\xfd\x24\x02".to_vec(), "compressed (zstd)"),
            (b"x\x9c\xab\x56".to_vec(), "compressed (zlib)"),
            (b"x\x01\x0b".to_vec(), "compressed (zlib)"),
            // MessagePack, Protocol Buffers.
            (b"\x83\xa7channel\xa4chat".to_vec(), "binary data"),
            (b"\x08\x04\x12\x05Sales".to_vec(), "binary data"),
        ] {
            let (_, line) = crate::wire::datagram::lines(&datagram).next().unwrap();
            let error = Line::parse(line).unwrap_err().to_string();
            assert_eq!(error, std::format!("{want}; a line is a JSON object in UTF-8"));
        }
    }

    proptest! {
        #[test]
        fn names_are_unescaped(name in "[^\\p{Cc}]{1,12}", ascii: bool) {
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
            let _ = Line::parse(&bytes);
            let mut line = FULL.as_bytes().to_vec();
            line.splice(at..(at + 3).min(line.len()), bytes.into_iter().take(4));
            let _ = Line::parse(&line);
        }
    }
}
