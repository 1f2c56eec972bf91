//! Excerpts of bad input, safe to quote in errors, log lines and answers.

use core::fmt;

use crate::limits::EXCERPT_BYTES;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    text: heapless::String<EXCERPT_BYTES, u8>,
    is_cut: bool,
}

impl Excerpt {
    pub fn new(input: &str) -> Self {
        Self::of_bytes(input.as_bytes())
    }

    /// The first characters of `input`, up to [`EXCERPT_BYTES`]; U+FFFD for what is not UTF-8.
    pub fn of_bytes(input: &[u8]) -> Self {
        let mut text = heapless::String::new();
        let replaced = |chunk: core::str::Utf8Chunk<'_>| if chunk.invalid().is_empty() { "" } else { "\u{fffd}" };
        let characters = input.utf8_chunks().flat_map(|chunk| chunk.valid().chars().chain(replaced(chunk).chars()));
        let is_cut = characters.map(|character| text.push(character)).any(|pushed| pushed.is_err());
        Self { text, is_cut }
    }

    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
}

/// In quotes, with control, format and bidirectional characters escaped as in Rust.
impl fmt::Display for Excerpt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}{}", self.text.as_str(), if self.is_cut { "…" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::format;
    use std::string::ToString;

    use super::*;

    #[test]
    fn an_excerpt_is_cut_at_a_character() {
        let fits = "ü".repeat(24);
        assert_eq!(Excerpt::new(&fits).to_string(), format!("\"{fits}\""));
        assert_eq!(Excerpt::new(&format!("{fits}ü")).to_string(), format!("\"{fits}\"…"));
        assert_eq!(Excerpt::new(&format!("x{fits}")).to_string(), format!("\"x{}\"…", "ü".repeat(23)));
        assert!(Excerpt::new("").is_empty());
    }

    #[test]
    fn what_cannot_be_shown_is_escaped() {
        for (input, want) in [
            (&b"a\n\"b\\"[..], r#""a\n\"b\\""#),
            (b"\0\x1b\x7f", r#""\0\u{1b}\u{7f}""#),
            // Right-to-left override, isolate and mark, zero-width space and joiner, soft hyphen,
            // byte-order mark, tag.
            ("\u{202e}\u{2067}\u{200f}".as_bytes(), r#""\u{202e}\u{2067}\u{200f}""#),
            ("\u{200b}\u{200d}\u{ad}\u{feff}\u{e0041}".as_bytes(), r#""\u{200b}\u{200d}\u{ad}\u{feff}\u{e0041}""#),
            // Line separator, Arabic letter mark, C1 control.
            ("\u{2028}\u{61c}\u{85}".as_bytes(), r#""\u{2028}\u{61c}\u{85}""#),
            ("Über 客服".as_bytes(), "\"Über 客服\""),
            (b"ab\xff\xfec", "\"ab��c\""),
        ] {
            assert_eq!(Excerpt::of_bytes(input).to_string(), want);
        }
    }
}
