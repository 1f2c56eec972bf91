//! Splits datagrams into lines.

/// The lines of a datagram that are not blank, each with its number from 1. A blank datagram counts
/// as one empty line, so that it is reported.
pub fn lines(datagram: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut rest = Some(datagram.strip_prefix(b"\xef\xbb\xbf").unwrap_or(datagram));
    let mut number = 0;
    let mut is_empty = true;
    core::iter::from_fn(move || {
        while let Some(datagram) = rest {
            let line;
            (line, rest) = match memchr::memchr(b'\n', datagram) {
                Some(end) => (datagram.get(..end)?, datagram.get(end + 1..)),
                None => (datagram, None),
            };
            number += 1;
            let line = trim(line);
            if !line.is_empty() {
                is_empty = false;
                return Some((number, line));
            }
        }
        core::mem::take(&mut is_empty).then_some((1, &[]))
    })
}

/// Removes blanks, carriage returns and NULs on both sides: C programs send whole buffers.
fn trim(mut line: &[u8]) -> &[u8] {
    while let [b' ' | b'\t' | b'\r' | b'\0', rest @ ..] | [rest @ .., b' ' | b'\t' | b'\r' | b'\0'] = line {
        line = rest;
    }
    line
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::vec::Vec;

    use super::*;

    #[test]
    fn lines_are_numbered_as_they_stand_there_without_what_is_around_them() {
        for (datagram, want) in [
            (&b"a"[..], &[(1, &b"a"[..])][..]),
            (b"\na\r\n\n \t\0\r\n b\tc \0\n", &[(2, b"a"), (5, b"b\tc")]),
            (b"\xef\xbb\xbfa\n\xef\xbb\xbfb", &[(1, b"a"), (2, b"\xef\xbb\xbfb")]),
            (b"a\0\0\0\0", &[(1, b"a")]),
            (b"a\0b", &[(1, b"a\0b")]),
            (b"", &[(1, b"")]),
            (b"\n\0\n\r", &[(1, b"")]),
            (b"\xef\xbb\xbf", &[(1, b"")]),
        ] {
            assert_eq!(lines(datagram).collect::<Vec<_>>(), want, "{datagram:?}");
        }
    }
}
