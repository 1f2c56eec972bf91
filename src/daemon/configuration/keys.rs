//! Keys that sign statistics: what stands in their files, and no copy of it is left behind.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use pacingd::wire::jws::{Key, Keys};
use zeroize::Zeroizing;

use super::file_name::FileName;

/// Bytes of the longest key: a hash makes no more of longer ones, and a file of more is something else.
const KEY_BYTES: usize = 1024;

pub(super) fn read(files: &[FileName]) -> Result<Keys, String> {
    let mut keys = Keys::default();
    for name in files {
        let path = &name.path()?;
        let mut buffer = Zeroizing::new([0; KEY_BYTES + 1]);
        let bytes = fill(path, buffer.as_mut_slice()).map_err(|error| name.unreadable(path, &error))?;
        if bytes.len() > KEY_BYTES {
            return Err(name.wrong(format_args!("has more than {KEY_BYTES} bytes; want a key")));
        }
        let key = Key::new(without_line_end(bytes)).map_err(|error| name.wrong(format_args!("has {error}")))?;
        keys.push(key);
    }
    Ok(keys)
}

fn fill<'a>(path: &Path, buffer: &'a mut [u8]) -> io::Result<&'a [u8]> {
    let mut file = File::open(path)?;
    let mut length = 0;
    loop {
        let place = buffer.get_mut(length..).unwrap_or_default();
        match file.read(place) {
            Ok(0) => return Ok(buffer.get(..length).unwrap_or_default()),
            Ok(more) => length += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
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
