//! Reads the files of the configuration, named by path or as credentials of systemd. Only regular
//! files of bounded size are read, so that reading neither blocks nor exhausts the memory.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use zeroize::Zeroizing;

use super::document::SECRET_BYTES;

pub(crate) const WANT: &str = "an absolute path such as \"/etc/pacingd/file.pem\", or \"credential:NAME\"";

const PREFIX: &str = "credential:";

const DIRECTORY: &str = "CREDENTIALS_DIRECTORY";

#[derive(Clone, Debug)]
pub(crate) struct FileName {
    /// An absolute path, or the name of a credential (`LoadCredential=` in systemd.exec(5)).
    text: String,
    /// File, line and key that name it, for errors.
    origin: String,
}

impl FileName {
    pub(super) fn new(text: &str, origin: String) -> Option<Self> {
        let is_one = match text.strip_prefix(PREFIX) {
            // A file directly in the directory.
            Some(name) => !matches!(name, "" | "." | "..") && !name.contains('/'),
            None => text.starts_with('/'),
        };
        // A control character is a mistake, and messages would have to escape it.
        (is_one && !text.contains(char::is_control)).then(|| Self { text: text.to_owned(), origin })
    }

    /// The file's path. Fails for a credential if the unit has none.
    pub(crate) fn path(&self) -> Result<PathBuf, String> {
        let Some(name) = self.text.strip_prefix(PREFIX) else { return Ok(PathBuf::from(&self.text)) };
        std::env::var_os(DIRECTORY).map(|directory| Path::new(&directory).join(name)).ok_or_else(|| {
            let name = if is_like_a_secret(name) { "NAME" } else { name };
            self.wrong(format_args!("is unknown: ${DIRECTORY} is not set; want LoadCredential={name}:FILE in the unit"))
        })
    }

    /// A message about the file, with the place that names it.
    pub(crate) fn wrong(&self, what: impl fmt::Display) -> String {
        let name = if is_like_a_secret(&self.text) { "the file named there" } else { &self.text };
        format!("{}: {name} {what}", self.origin)
    }

    pub(crate) fn read(&self, most: usize) -> Result<Zeroizing<Vec<u8>>, String> {
        read(&self.path()?, most).map_err(|error| self.wrong(format_args!("cannot be read: {error}")))
    }
}

/// Whether a name may be a secret written in place of a file's name: one part is as long as a
/// secret, or a quarter of a long name is digits, capitals and marks, as in base64. Some real paths
/// match, too, and are not shown.
fn is_like_a_secret(name: &str) -> bool {
    let is_odd = |byte: &u8| !byte.is_ascii_lowercase() && !b"/._-".contains(byte);
    let has_long_part = name.split('/').any(|part| part.trim_start_matches(PREFIX).len() >= SECRET_BYTES - 1);
    has_long_part || name.len() >= SECRET_BYTES && name.bytes().filter(is_odd).count() * 4 >= name.len()
}

impl PartialEq for FileName {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// Reads a file of at most `most` bytes, which are wiped when dropped, without a copy.
pub(crate) fn read(path: &Path, most: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let checked = |metadata: fs::Metadata| match metadata.is_file() {
        true => Ok(metadata),
        false => Err(io::Error::other("it is not a regular file")),
    };
    // Checked before opening, which can have effects; and after, because the file may differ.
    checked(fs::metadata(path)?)?;
    let flags = OFlags::NONBLOCK.union(OFlags::NOCTTY).bits();
    let file = OpenOptions::new().read(true).custom_flags(flags.cast_signed()).open(path)?;
    let expected = usize::try_from(checked(file.metadata()?)?.len()).unwrap_or(usize::MAX).clamp(most.min(4096), most);
    // One byte more, to detect a growing file. The vector has room and never moves.
    let mut bytes = Zeroizing::new(Vec::with_capacity(expected + 1));
    file.take(expected as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > expected {
        return Err(io::Error::other(format!("it has more than {expected} bytes")));
    }
    Ok(bytes)
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

    #[test]
    fn a_secret_in_the_place_of_a_name_is_not_repeated() {
        for secret in [
            "credential:4f7a2b9c8d1e0f3a5b6c7d8e9f0a1b2c",
            "/9j4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgICAgMCAgIDAwMDBAYEBAQEBAgGBgUG",
        ] {
            let name = FileName::new(secret, "FILE:1: https.key".into()).unwrap();
            let message = name.wrong("cannot be read") + &name.path().err().unwrap_or_default();
            assert!(!message.contains("4f7a") && !message.contains("9j4A"), "{message}");
        }
        for path in ["/usr/local/share/pacingd/certificates/key.pem", "/etc/letsencrypt/live/shop.example/privkey.pem"]
        {
            assert!(FileName::new(path, String::new()).unwrap().wrong("is wrong").contains(path));
        }
    }

    #[test]
    fn a_file_is_named_by_an_absolute_path_or_as_a_credential() {
        for good in ["/etc/a.pem", "credential:tls-key", "credential:key.pem"] {
            assert_eq!(FileName::new(good, String::new()).unwrap().to_string(), good);
        }
        for bad in ["", "a.pem", "./a", "credential:", "credential:../a", "credential:..", "credential:a/b"] {
            assert_eq!(FileName::new(bad, String::new()), None, "{bad}");
        }
        for bad in ["/a\0b", "/a\nb", "/a\x7fb", "/a\u{85}b", "credential:a\tb"] {
            assert_eq!(FileName::new(bad, String::new()), None, "{bad:?}");
        }
    }
}
