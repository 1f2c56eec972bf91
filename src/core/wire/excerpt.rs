//! A short piece of bad input, safe to repeat in an error, a log line or an answer.

use core::fmt::{self, Write as _};

use crate::limits::EXCERPT_BYTES;

/// The first characters of what was got; in quotes, with what cannot be shown escaped, when displayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    text: heapless::String<EXCERPT_BYTES, u8>,
    cut: bool,
}

impl Excerpt {
    /// As many of the first characters of `input` as fit into [`EXCERPT_BYTES`].
    pub fn new(input: &str) -> Self {
        let mut text = heapless::String::new();
        let cut = input.chars().any(|character| text.push(character).is_err());
        Self { text, cut }
    }

    /// The same of an input of which there was more.
    pub fn cut(input: &str) -> Self {
        Self { cut: true, ..Self::new(input) }
    }

    /// The same of bytes that may not be UTF-8.
    pub fn of_bytes(input: &[u8]) -> Self {
        let valid = match core::str::from_utf8(input) {
            Ok(text) => return Self::new(text),
            Err(error) => input.get(..error.valid_up_to()).unwrap_or_default(),
        };
        let mut excerpt = Self::new(core::str::from_utf8(valid).unwrap_or_default());
        excerpt.cut = true;
        excerpt
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_char('"')?;
        for character in self.text.chars() {
            // A line of the log must stay one line, and a reader must see where the quotation ends.
            if character.is_control() || character == '"' || character == '\\' {
                write!(formatter, "{}", character.escape_default())?;
            } else {
                formatter.write_char(character)?;
            }
        }
        formatter.write_str(if self.cut { "…\"" } else { "\"" })
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::string::ToString;

    use super::*;

    #[test]
    fn an_excerpt_is_cut_at_a_character_and_escapes_what_cannot_be_shown() {
        assert_eq!(Excerpt::new("a\n\"b").to_string(), r#""a\n\"b""#);
        let long = "ü".repeat(25);
        assert_eq!(Excerpt::new(&long).to_string(), std::format!("\"{}…\"", "ü".repeat(24)));
        assert_eq!(Excerpt::new(&"ü".repeat(24)).to_string(), std::format!("\"{}\"", "ü".repeat(24)));
        assert_eq!(Excerpt::of_bytes(b"ab\xff").to_string(), "\"ab…\"");
    }
}
