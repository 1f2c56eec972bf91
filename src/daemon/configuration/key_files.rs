//! Keys that verify statistics: what stands in the files of `statistics.key-files`.

use pacingd::wire::jws::{Key, Keys};

use super::file_name::FileName;
use super::files;

/// Bytes of the longest key: a hash makes no more of longer ones, and a file of more is something else.
const KEY_BYTES: usize = 1024;

/// Reads the keys, or says what is wrong with each file.
pub(super) fn read(names: &[FileName]) -> Result<Keys, Vec<String>> {
    let (mut keys, mut faults) = (Keys::default(), Vec::new());
    for name in names {
        match read_one(name) {
            Ok(key) => _ = keys.push(key),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() { Ok(keys) } else { Err(faults) }
}

fn read_one(name: &FileName) -> Result<Key, String> {
    let bytes = files::read(&name.path()?, KEY_BYTES).map_err(|error| name.unreadable(&error))?;
    Key::new(without_line_end(&bytes)).map_err(|error| name.wrong(format_args!("has {error}")))
}

/// Editors and `openssl rand` end the line that they write, which is no part of the key.
fn without_line_end(bytes: &[u8]) -> &[u8] {
    let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_end_is_no_part_of_a_key_and_only_one_is_removed() {
        for (bytes, want) in
            [("key", "key"), ("key\n", "key"), ("key\r\n", "key"), ("key\n\n", "key\n"), (" key ", " key "), ("", "")]
        {
            assert_eq!(without_line_end(bytes.as_bytes()), want.as_bytes());
        }
    }
}
