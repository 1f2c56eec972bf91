//! Files that the configuration is made of. Each is a regular one of bounded size, so that no reading hangs or ends in
//! all the memory there is.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;
use zeroize::Zeroizing;

/// Reads a file of `most` bytes at most. What is read is wiped when it is dropped, and no copy of it is left behind.
pub(crate) fn read(path: &Path, most: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    // Asked for before it is opened, because opening a device may do something; and after, because it may be another.
    if !fs::metadata(path)?.is_file() {
        return Err(not_regular());
    }
    let flags = OFlags::NONBLOCK.union(OFlags::NOCTTY).bits();
    let file = OpenOptions::new().read(true).custom_flags(flags.cast_signed()).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(not_regular());
    }
    // A byte more than the file should have, so that one that grows meanwhile is seen.
    let expected = usize::try_from(metadata.len()).unwrap_or(usize::MAX).clamp(most.min(4096), most);
    let mut bytes = Zeroizing::new(vec![0; expected + 1]);
    let length = fill(file, &mut bytes)?;
    if length > expected {
        return Err(io::Error::other(format!("it has more than {expected} bytes")));
    }
    bytes.truncate(length);
    Ok(bytes)
}

fn not_regular() -> io::Error {
    io::Error::other("it is not a regular file")
}

fn fill(mut file: File, bytes: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    loop {
        match file.read(bytes.get_mut(length..).unwrap_or_default()) {
            Ok(0) => return Ok(length),
            Ok(more) => length += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_of_the_right_size_are_read() {
        let folder = std::env::temp_dir().join(format!("pacingd-files-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("file");
        fs::write(&file, [7; 5000]).unwrap();
        assert_eq!(*read(&file, 5000).unwrap(), [7; 5000]);
        assert_eq!(read(&file, 4999).unwrap_err().to_string(), "it has more than 4999 bytes");
        fs::write(&file, "").unwrap();
        assert!(read(&file, 10).unwrap().is_empty());
        let fifo = folder.join("fifo");
        assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        for path in [&fifo, &folder, Path::new("/dev/zero")] {
            assert_eq!(read(path, 10).unwrap_err().to_string(), "it is not a regular file", "{path:?}");
        }
        fs::remove_dir_all(folder).unwrap();
    }
}
