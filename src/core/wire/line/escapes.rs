//! What the escapes in a JSON string mean (RFC 8259, section 7), without a heap.

use super::reader::Text;

/// Longest name, in bytes, that is unescaped to be looked at; what is longer is too long for sure.
const UNESCAPED_BYTES: usize = 2 * crate::limits::GROUP_NAME_BYTES;

pub(super) enum Unescape {
    TooLong,
    LoneSurrogate,
}

/// The text that a JSON string's inside means. Its syntax was checked.
pub(super) fn unescape<'a>(
    text: Text<'a>,
    buffer: &'a mut heapless::String<UNESCAPED_BYTES>,
) -> Result<&'a str, Unescape> {
    if !text.has_escapes {
        return Ok(text.escaped);
    }
    let mut rest = text.escaped.chars();
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
