//! A file that the configuration names: by its path, or as a credential that systemd hands over.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::document::SECRET_BYTES;

/// What a key for such a file wants.
pub(crate) const WANT: &str = "an absolute path such as \"/etc/pacingd/file.pem\", or \"credential:NAME\"";

const PREFIX: &str = "credential:";

/// Where systemd says that it has put the credentials.
const DIRECTORY: &str = "CREDENTIALS_DIRECTORY";

/// The name of a file.
#[derive(Clone, Debug)]
pub(crate) struct FileName {
    /// An absolute path, because the directory in which a daemon is started is not known; or a credential, as
    /// `LoadCredential=` and its kin name it (systemd.exec(5)).
    text: String,
    /// Where the configuration names it, for errors: file, line and key.
    origin: String,
}

impl FileName {
    pub(super) fn new(text: &str, origin: String) -> Option<Self> {
        let is_one = match text.strip_prefix(PREFIX) {
            // One step below the directory, and no other.
            Some(name) => !matches!(name, "" | "." | "..") && !name.contains('/'),
            None => text.starts_with('/'),
        };
        // A control character is a mistake, and would have to be escaped wherever the name is shown.
        (is_one && !text.contains(char::is_control)).then(|| Self { text: text.to_owned(), origin })
    }

    /// Where the file is now.
    ///
    /// # Errors
    ///
    /// There are no credentials.
    pub(crate) fn path(&self) -> Result<PathBuf, String> {
        let Some(name) = self.text.strip_prefix(PREFIX) else { return Ok(PathBuf::from(&self.text)) };
        std::env::var_os(DIRECTORY).map(|directory| Path::new(&directory).join(name)).ok_or_else(|| {
            let name = if is_like_a_secret(name) { "NAME" } else { name };
            self.wrong(format_args!("is unknown: ${DIRECTORY} is not set; want LoadCredential={name}:FILE in the unit"))
        })
    }

    /// Says what is wrong with the file, behind where it is named.
    pub(crate) fn wrong(&self, what: impl fmt::Display) -> String {
        let name = if is_like_a_secret(&self.text) { "the file named there" } else { &self.text };
        format!("{}: {name} {what}", self.origin)
    }

    /// Says that the file is not there, or cannot be read by the daemon.
    pub(crate) fn unreadable(&self, error: &io::Error) -> String {
        self.wrong(format_args!("cannot be read: {error}"))
    }
}

/// Whether a name may be a secret in the place of its file's name: it has a part as long as a secret, or is that long and
/// has as many digits, capitals and marks as base64. The few paths that look the same are not shown either.
fn is_like_a_secret(name: &str) -> bool {
    let is_odd = |byte: &u8| !byte.is_ascii_lowercase() && !b"/._-".contains(byte);
    let has_long_part = name.split('/').any(|part| part.trim_start_matches(PREFIX).len() >= SECRET_BYTES - 1);
    has_long_part || name.len() >= SECRET_BYTES && name.bytes().filter(is_odd).count() * 4 >= name.len()
}

/// The same file, wherever it is named.
impl PartialEq for FileName {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// As the configuration has it.
impl fmt::Display for FileName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
