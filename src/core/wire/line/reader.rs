//! Reads JSON (RFC 8259) value by value, without a heap: a line's syntax, and no more of its meaning than numbers.
//!
//! Made for statistics: short keys, mostly integers. A line of the contract costs a third of what `serde_json` takes for it,
//! and the tests hold the two against each other.

/// Arrays and objects within one another, at most: a bit each (RFC 8259, section 9, lets a reader set a limit). Statistics
/// have none at all.
const DEPTH: u32 = u64::BITS;

/// The line is no JSON from that byte on, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotJson {
    pub(super) column: usize,
}

/// A value, as far as statistics are concerned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Text(Text<'a>),
    Integer(u64),
    Negative(i64),
    /// A number with a fraction or an exponent, or one that no integer can hold.
    Number(f64),
    Boolean,
    Null,
    Array,
    Object,
}

/// What stands between a string's quotes: well formed, with its escapes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Text<'a> {
    pub(super) escaped: &'a str,
    pub(super) has_escapes: bool,
}

/// Whether a byte stands for itself in a string; bytes of longer characters do.
const PLAIN: [bool; 256] = {
    let mut plain = [true; 256];
    let mut byte = 0;
    while byte < 0x20 {
        plain[byte] = false;
        byte += 1;
    }
    plain[b'"' as usize] = false;
    plain[b'\\' as usize] = false;
    plain
};

/// Stands somewhere in a text. What is seldom called takes it as a copy, so that the rest can keep it in registers.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    #[inline]
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn fault<T>(&self) -> Result<T, NotJson> {
        Err(NotJson { column: self.at + 1 })
    }

    /// Whether that byte stands next; then it is read.
    fn takes(&mut self, byte: u8) -> bool {
        let stands = self.byte() == Some(byte);
        self.at += usize::from(stands);
        stands
    }

    fn want(&mut self, byte: u8) -> Result<(), NotJson> {
        if self.takes(byte) { Ok(()) } else { self.fault() }
    }

    /// The next byte that is no white space, which is not read.
    #[inline]
    fn next(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.byte() {
            self.at += 1;
        }
        self.byte()
    }

    /// Whether an object begins here; then its brace is read.
    pub(super) fn enters_object(&mut self) -> bool {
        self.next();
        self.takes(b'{')
    }

    /// Whether an object has another key, which begins here with its quote; else its brace is read.
    pub(super) fn has_key(&mut self, is_first: bool) -> Result<bool, NotJson> {
        match self.next() {
            Some(b',') if !is_first => {
                self.at += 1;
                self.next();
            }
            Some(b'}') => {
                self.at += 1;
                return Ok(false);
            }
            Some(_) if is_first => {}
            _ => return self.fault(),
        }
        if self.byte() == Some(b'"') { Ok(true) } else { self.fault() }
    }

    /// What is not read yet.
    #[inline(always)]
    pub(super) fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// Goes on where only this rest of it is not read yet.
    #[inline(always)]
    pub(super) fn go_to(&mut self, rest: &[u8]) {
        self.at = self.text.len() - rest.len();
    }

    /// A key, with its colon read.
    pub(super) fn key(&mut self) -> Result<Text<'a>, NotJson> {
        self.want(b'"')?;
        let key = self.text()?;
        self.next();
        self.want(b':')?;
        Ok(key)
    }

    /// Nothing but white space may follow.
    pub(super) fn end(&mut self) -> Result<(), NotJson> {
        if self.next().is_none() { Ok(()) } else { self.fault() }
    }

    /// A value, read to its end.
    pub(super) fn value(&mut self) -> Result<Value<'a>, NotJson> {
        match self.next() {
            Some(b'0'..=b'9') if let Some((whole, behind)) = short_whole(self.rest()) => {
                self.go_to(behind);
                Ok(Value::Integer(whole))
            }
            Some(b'0'..=b'9') if let Some((number, behind)) = short_decimal(self.rest()) => {
                self.go_to(behind);
                Ok(Value::Number(number))
            }
            Some(b'"') if let Some((escaped, behind)) = plain_text(self.text, self.rest()) => {
                self.go_to(behind);
                Ok(Value::Text(Text { escaped, has_escapes: false }))
            }
            Some(b'{') => self.ignore().map(|()| Value::Object),
            Some(b'[') => self.ignore().map(|()| Value::Array),
            _ => {
                let value;
                (*self, value) = self.behind_scalar()?;
                match value {
                    // Out of any range: JSON by its syntax, but nothing can be made of it.
                    Value::Number(number) if number.is_infinite() => self.fault(),
                    value => Ok(value),
                }
            }
        }
    }

    fn behind_scalar(mut self) -> Result<(Self, Value<'a>), NotJson> {
        let value = self.scalar()?;
        Ok((self, value))
    }

    fn scalar(&mut self) -> Result<Value<'a>, NotJson> {
        match self.next() {
            Some(b'0'..=b'9' | b'-') => self.number(),
            Some(b'"') => {
                self.at += 1;
                self.text().map(Value::Text)
            }
            Some(b't') => self.word("true", Value::Boolean),
            Some(b'f') => self.word("false", Value::Boolean),
            Some(b'n') => self.word("null", Value::Null),
            _ => self.fault(),
        }
    }

    fn word(&mut self, word: &str, value: Value<'a>) -> Result<Value<'a>, NotJson> {
        for byte in word.bytes() {
            self.want(byte)?;
        }
        Ok(value)
    }

    /// A string behind its first quote, which it reads to behind the last.
    fn text(&mut self) -> Result<Text<'a>, NotJson> {
        let from = self.at;
        let mut has_escapes = false;
        loop {
            let rest = self.rest();
            self.at += rest.iter().position(|byte| !PLAIN[usize::from(*byte)]).unwrap_or(rest.len());
            match self.byte() {
                Some(b'"') => break,
                Some(b'\\') => {
                    *self = self.behind_escape()?;
                    has_escapes = true;
                }
                _ => return self.fault(),
            }
        }
        self.at += 1;
        // Quotes are characters of their own, so it is never `None`.
        Ok(Text { escaped: self.text.get(from..self.at - 1).unwrap_or_default(), has_escapes })
    }

    fn behind_escape(mut self) -> Result<Self, NotJson> {
        self.at += 1;
        let digits = match self.byte() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 0,
            Some(b'u') => 4,
            _ => return self.fault(),
        };
        self.at += 1;
        for _ in 0..digits {
            if !self.byte().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                return self.fault();
            }
            self.at += 1;
        }
        Ok(self)
    }

    fn number(&mut self) -> Result<Value<'a>, NotJson> {
        let from = self.at;
        let is_negative = self.takes(b'-');
        let mut whole = if self.takes(b'0') { Some(0) } else { self.digits()? };
        if self.takes(b'.') {
            whole = None;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.byte() {
            whole = None;
            self.at += 1;
            let _ = self.takes(b'+') || self.takes(b'-');
            self.digits()?;
        }
        match whole {
            Some(whole) if !is_negative => Ok(Value::Integer(whole)),
            // There is no integer -0.
            Some(whole @ 1..) if let Some(negative) = 0_i64.checked_sub_unsigned(whole) => {
                Ok(Value::Negative(negative))
            }
            // What is read up to here is a number to the library, too.
            _ => Ok(Value::Number(self.text.get(from..self.at).and_then(|text| text.parse().ok()).unwrap_or(f64::NAN))),
        }
    }

    /// One digit or more, and what they come to if a `u64` holds it.
    fn digits(&mut self) -> Result<Option<u64>, NotJson> {
        let digits = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        let text = self.text.get(self.at..self.at + digits).unwrap_or_default();
        self.at += digits;
        if digits == 0 { self.fault() } else { Ok(text.parse().ok()) }
    }

    /// Reads an array or an object to its end.
    fn behind_nested(mut self) -> Result<Self, NotJson> {
        // One bit for each that is open, the innermost lowest: whether it is an object.
        let (mut open, mut depth) = (0_u64, 0_u32);
        loop {
            // A value begins here.
            let mut is_first = false;
            if let Some(bracket @ (b'{' | b'[')) = self.next() {
                if depth == DEPTH {
                    return self.fault();
                }
                self.at += 1;
                (open, depth, is_first) = (open << 1 | u64::from(bracket == b'{'), depth + 1, true);
            } else {
                self.scalar()?;
            }
            // It, or the beginning of one, has been read: up to where the next begins.
            loop {
                let is_object = open & 1 == 1;
                if depth == 0 {
                    return Ok(self);
                }
                if is_object {
                    if self.has_key(is_first)? {
                        self.key()?;
                        break;
                    }
                } else if self.next() == Some(b']') {
                    self.at += 1;
                } else {
                    if !is_first {
                        self.want(b',')?;
                    }
                    break;
                }
                (open, depth, is_first) = (open >> 1, depth - 1, false);
            }
        }
    }

    /// Reads a value and forgets it.
    pub(super) fn ignore(&mut self) -> Result<(), NotJson> {
        match self.next() {
            Some(b'{' | b'[') => self.behind_nested().map(|reader| *self = reader),
            _ => self.scalar().map(|_| ()),
        }
    }
}

/// What nearly all numbers are: a whole one with as many digits as a `u64` holds for sure, and what is behind it.
#[inline(always)]
pub(super) fn short_whole(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (sum, behind) = leading_digits(bytes);
    let most = if let [b'0', ..] = bytes { 1 } else { 19 };
    let is_whole = (1..=most).contains(&(bytes.len() - behind.len())) && !matches!(behind, [b'.' | b'e' | b'E', ..]);
    is_whole.then_some((sum, behind))
}

/// A short decimal fraction, and what is behind it. It and the power of ten are exact, so their quotient is rounded as it
/// should be (Clinger 1990, section 3).
#[inline]
pub(super) fn short_decimal(bytes: &[u8]) -> Option<(f64, &[u8])> {
    let (whole, behind) = leading_digits(bytes);
    let digits = bytes.len() - behind.len();
    let fraction = behind.strip_prefix(b".")?;
    let (part, behind) = leading_digits(fraction);
    let places = fraction.len() - behind.len();
    let has_zero_ahead = digits > 1 && bytes.first() == Some(&b'0');
    if !(1..=8).contains(&digits) || places == 0 || has_zero_ahead || matches!(behind.first(), Some(b'e' | b'E')) {
        return None;
    }
    let power = *POWERS.get(places)?;
    Some(((whole * power + part) as f64 / power as f64, behind))
}

/// The inside of a string without escapes, which begins here in the text with its quote, and what is behind it.
#[inline]
pub(super) fn plain_text<'a>(text: &'a str, rest: &'a [u8]) -> Option<(&'a str, &'a [u8])> {
    let inside = rest.strip_prefix(b"\"")?;
    let length = inside.iter().position(|byte| !PLAIN[usize::from(*byte)])?;
    let behind = inside.get(length..)?.strip_prefix(b"\"")?;
    let from = text.len() - inside.len();
    Some((text.get(from..from + length)?, behind))
}

/// The number that the leading digits make, if they are not more than 19, and what is behind them.
#[inline(always)]
fn leading_digits(mut bytes: &[u8]) -> (u64, &[u8]) {
    let mut sum = 0_u64;
    while let [byte, behind @ ..] = bytes {
        let digit = u32::from(*byte).wrapping_sub(u32::from(b'0'));
        if digit > 9 {
            break;
        }
        sum = sum.wrapping_mul(10).wrapping_add(digit.into());
        bytes = behind;
    }
    (sum, bytes)
}

/// Powers of ten that a floating-point number holds exactly.
const POWERS: [u64; 8] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000];

#[cfg(test)]
mod tests {
    extern crate std;
    use std::string::String;

    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Value<'_>, NotJson> {
        let mut reader = Reader::new(text);
        let value = reader.value()?;
        reader.end().map(|()| value)
    }

    /// Whether `serde_json` says the same, where it makes numbers and texts of what it reads.
    fn agrees_with_the_oracle(text: &str) -> bool {
        match (read(text), serde_json::from_str::<serde_json::Value>(text)) {
            (Ok(Value::Integer(value)), Ok(oracle)) => oracle.as_u64() == Some(value),
            (Ok(Value::Negative(value)), Ok(oracle)) => oracle.as_i64() == Some(value),
            // It may be off by a bit.
            (Ok(Value::Number(value)), Ok(oracle)) => {
                let oracle = oracle.as_f64().unwrap();
                (oracle - value).abs() <= value.abs() * 1e-15
            }
            (Ok(Value::Text(_)), Ok(oracle)) => oracle.is_string(),
            (Ok(Value::Boolean), Ok(oracle)) => oracle.is_boolean(),
            (Ok(Value::Null), Ok(oracle)) => oracle.is_null(),
            (Ok(Value::Array), Ok(oracle)) => oracle.is_array(),
            (Ok(Value::Object), Ok(oracle)) => oracle.is_object(),
            (Ok(_), Err(_)) | (Err(_), Ok(_)) => false,
            (Err(_), Err(_)) => true,
        }
    }

    #[test]
    fn every_form_of_a_value_is_read_as_the_oracle_reads_it() {
        for text in [
            "0",
            "-0",
            "-1",
            "00",
            "01",
            "-",
            "+1",
            "1.",
            ".5",
            "1.5",
            "-1.5e3",
            "1e",
            "1e+",
            "1e-3",
            "1E9",
            "0.0",
            "0e0",
            "18446744073709551615",
            "18446744073709551616",
            "9999999999999999999",
            "99999999999999999999",
            "-9223372036854775808",
            "-9223372036854775809",
            "1e308",
            "1e309",
            "-1e999",
            "1e-999",
            "312.5",
            "0.1",
            "true",
            "tru",
            "truex",
            "false",
            "null",
            "nul",
            "NaN",
            "Infinity",
            "\"\"",
            "\"a",
            "\"a\"",
            "\"\\\"\"",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\u12g4\"",
            "\"\\u00fc\"",
            "\"\t\"",
            "\"ü\"",
            "[]",
            "[ ]",
            "[1]",
            "[1,]",
            "[,1]",
            "[1 2]",
            "[[],{}]",
            "[}",
            "{]",
            "{}",
            "{ }",
            "{\"a\":1}",
            "{\"a\":1,}",
            "{,}",
            "{\"a\"}",
            "{\"a\":}",
            "{a:1}",
            "{\"a\":{\"b\":[{\"c\":null}]},\"d\":[]}",
            "[1]]",
            "",
            " ",
            "1 1",
            "\u{feff}1",
            "// 1",
            "[1]\n",
            "\t{} \r\n",
        ] {
            assert!(agrees_with_the_oracle(text), "{text}: {:?}", read(text));
        }
    }

    #[test]
    fn the_column_is_that_of_the_first_byte_that_cannot_be() {
        for (text, column) in
            [("x", 1), ("", 1), ("[1,x]", 4), ("{\"a\" 1}", 6), ("{\"a\":1", 7), ("1e999", 6), ("\"\n\"", 2)]
        {
            assert_eq!(read(text), Err(NotJson { column }), "{text}");
        }
    }

    #[test]
    fn nesting_has_an_end_and_costs_nothing_before() {
        let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
        assert_eq!(read(&nested(64)), Ok(Value::Array));
        assert_eq!(read(&nested(65)), Err(NotJson { column: 65 }));
    }

    proptest! {
        #[test]
        fn what_is_json_and_what_is_not_the_oracle_says_too(text in "[-+0-9.eE \\[\\]{},:\"a\\\\u]{0,12}") {
            prop_assert!(agrees_with_the_oracle(&text), "{}: {:?}", text, read(&text));
        }

        #[test]
        fn numbers_are_read_as_the_library_reads_them(number: f64, digits in "[1-9][0-9]{0,25}", places in 0_usize..26) {
            if number.is_finite() {
                for text in [std::format!("{number:e}"), std::format!("{number:.3}")] {
                    let read = match read(&text).unwrap() {
                        Value::Integer(value) => value as f64,
                        Value::Negative(value) => value as f64,
                        Value::Number(value) => value,
                        other => panic!("{other:?}"),
                    };
                    prop_assert_eq!(read.to_bits(), text.parse::<f64>().unwrap().to_bits());
                }
            }
            let mut text = String::from(&digits);
            text.insert_str(places.min(digits.len()), ".0");
            if let Ok(Value::Number(value)) = read(&text) {
                prop_assert_eq!(value.to_bits(), text.parse::<f64>().unwrap().to_bits());
            }
        }

        #[test]
        fn a_cut_object_is_none_and_never_a_panic(at in 0_usize..60) {
            let text = r#"{"a":[1,{"b":"\u00fc"}],"c":-1.5e3,"d":true,"e":{"f":null}}"#;
            prop_assert_eq!(read(text.get(..at.min(text.len())).unwrap()).is_ok(), at >= text.len());
        }
    }
}
