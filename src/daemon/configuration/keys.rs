//! Keys that sign statistics: what stands in their files, and no copy of it is left behind.

use pacingd::wire::jws::{Key, Keys};

use super::file_name::FileName;
use super::files;

/// Bytes of the longest key: a hash makes no more of longer ones, and a file of more is something else.
const KEY_BYTES: usize = 1024;

pub(super) fn read(names: &[FileName]) -> Result<Keys, String> {
    let mut keys = Keys::default();
    for name in names {
        let bytes = files::read(&name.path()?, KEY_BYTES).map_err(|error| name.unreadable(&error))?;
        let key = Key::new(without_line_end(&bytes)).map_err(|error| name.wrong(format_args!("has {error}")))?;
        keys.push(key);
    }
    Ok(keys)
}

/// Editors and `openssl rand` end the line that they write; nobody means it.
fn without_line_end(bytes: &[u8]) -> &[u8] {
    let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_end_is_no_part_of_a_key_and_only_one_is_taken_off() {
        for (bytes, want) in
            [("key", "key"), ("key\n", "key"), ("key\r\n", "key"), ("key\n\n", "key\n"), (" key ", " key "), ("", "")]
        {
            assert_eq!(without_line_end(bytes.as_bytes()), want.as_bytes());
        }
    }
}
