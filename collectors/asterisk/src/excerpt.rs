//! Text of others in log lines: short, and on one line.

use std::fmt::Write as _;

/// Bytes shown.
const SHOWN: usize = 80;

/// Returns the beginning of `bytes` as text for the log: control characters and what is no UTF-8
/// are escaped.
pub fn excerpt(bytes: &[u8]) -> String {
    let mut text = String::new();
    let (shown, rest) = bytes.split_at(bytes.len().min(SHOWN));
    for chunk in shown.utf8_chunks() {
        let _ = write!(text, "{}", chunk.valid().escape_debug());
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    if !rest.is_empty() {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_end_a_log_line_or_turn_its_direction_is_escaped() {
        assert_eq!(excerpt(b"a\r\nb\x1b[2J\xff"), "a\\r\\nb\\u{1b}[2J\\xff");
        assert_eq!(excerpt("\u{202e}x".as_bytes()), "\\u{202e}x");
        assert_eq!(excerpt(&[b'x'; 100]), format!("{}…", "x".repeat(80)));
    }
}
