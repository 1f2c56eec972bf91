//! The configuration: a small TOML file, and the files with secrets that it names.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::limits::{GROUP_NAME_BYTES, SECRET_BYTES};
use crate::session::Account;

/// A text that is never shown.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Returns the secret `text`, or what is wrong with it.
    pub fn new(text: String) -> Result<Self, &'static str> {
        if text.is_empty() {
            return Err("is empty");
        }
        // One line, because it is the text of one line in manager.conf; another would mean another
        // file.
        if text.contains(char::is_control) {
            return Err("has more than one line, or control characters");
        }
        Ok(Self(text))
    }

    /// Returns its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("…")
    }
}

/// The channel of the lines.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// Calls for which a customer asked on a web page.
    #[default]
    WebCallback,
    /// Chats, which some connect to Asterisk's queues as well.
    Chat,
}

impl Channel {
    /// Returns its name in a line.
    pub fn name(self) -> &'static str {
        match self {
            Self::WebCallback => "webcallback",
            Self::Chat => "chat",
        }
    }
}

/// Valid settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// AMI's host and port.
    pub ami: String,
    /// Who logs in.
    pub account: Account,
    /// Host and port to which pacingd listens for statistics.
    pub pacingd: String,
    /// The key that signs lines, if there is one.
    pub key: Option<Secret>,
    /// What stands in every line.
    pub labels: Labels,
    /// The queues' wrap-up times.
    pub wrap_up: WrapUp,
}

/// What stands in every line.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    /// The channel.
    pub channel: Channel,
    /// The collector's name, if it has one.
    pub collector: Option<String>,
}

/// The queues' `wrapuptime`, which AMI does not say.
#[derive(Clone, Debug, Default)]
pub struct WrapUp {
    /// Seconds, of queues without an entry in `queues`.
    pub of_others: u64,
    /// Seconds by queue.
    pub queues: BTreeMap<String, u64>,
}

impl WrapUp {
    /// Returns the wrap-up time of `queue` in seconds.
    pub fn of(&self, queue: &str) -> u64 {
        self.queues.get(queue).copied().unwrap_or(self.of_others)
    }
}

impl fmt::Display for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "AMI at {}, user \"{}\"", self.ami, self.account.user)?;
        write!(formatter, "lines of channel {} go to {}", self.labels.channel.name(), self.pacingd)?;
        writeln!(formatter, ", {}", if self.key.is_some() { "signed" } else { "unsigned" })?;
        write!(formatter, "wrap-up time: {} s", self.wrap_up.of_others)?;
        self.wrap_up.queues.iter().try_for_each(|(queue, seconds)| write!(formatter, ", {queue:?} {seconds} s"))
    }
}

/// The file's keys.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    #[serde(default = "default_ami")]
    ami: String,
    user: String,
    secret_file: String,
    #[serde(default = "default_pacingd")]
    pacingd: String,
    key_file: Option<String>,
    #[serde(default)]
    channel: Channel,
    collector: Option<String>,
    #[serde(default)]
    default_wrapuptime: u32,
    #[serde(default)]
    wrapuptime: BTreeMap<String, u32>,
}

fn default_ami() -> String {
    "127.0.0.1:5038".into()
}

fn default_pacingd() -> String {
    "127.0.0.1:8127".into()
}

impl Settings {
    /// Reads the configuration from `path`, and the files that it names. The error says what is
    /// wrong and where, and never shows a file's contents.
    pub fn load(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Self::parse(&text).map_err(|error| format!("{}:{error}", path.display()))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| {
            // Not the error's own Display, which prints the line: somebody may have written a
            // secret into it.
            let start = error.span().map_or(0, |span| span.start);
            let line = text.bytes().take(start).filter(|byte| *byte == b'\n').count() + 1;
            format!("{line}: {}", error.message())
        })?;
        for (key, address) in [("ami", &file.ami), ("pacingd", &file.pacingd)] {
            let port = address.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
            if port.is_none_or(|port| port == 0) {
                return Err(format!(" {key} is \"{address}\"; want a host and a port, as in \"127.0.0.1:5038\""));
            }
        }
        for (key, name) in [("user", Some(&file.user)), ("collector", file.collector.as_ref())] {
            if name
                .is_some_and(|name| name.is_empty() || name.len() > GROUP_NAME_BYTES || name.contains(char::is_control))
            {
                return Err(format!(" {key} must have 1 to {GROUP_NAME_BYTES} bytes without control characters"));
            }
        }
        let secret = read_secret("secret-file", &file.secret_file)?;
        let key = file.key_file.map(|name| read_secret("key-file", &name)).transpose()?;
        if key.as_ref().is_some_and(|key| key.as_bytes().len() < 32) {
            return Err(" the key in key-file is shorter than 32 bytes, which pacingd refuses".into());
        }
        Ok(Self {
            ami: file.ami,
            account: Account { user: file.user, secret },
            pacingd: file.pacingd,
            key,
            labels: Labels { channel: file.channel, collector: file.collector },
            wrap_up: WrapUp {
                of_others: file.default_wrapuptime.into(),
                queues: file.wrapuptime.into_iter().map(|(queue, seconds)| (queue, seconds.into())).collect(),
            },
        })
    }
}

/// Reads the one line of the file `name`. "credential:NAME" is a file that systemd hands over
/// (`LoadCredential=`).
fn read_secret(key: &str, name: &str) -> Result<Secret, String> {
    let path = match name.strip_prefix("credential:") {
        Some(name) => match std::env::var_os("CREDENTIALS_DIRECTORY") {
            Some(folder) => PathBuf::from(folder).join(name),
            None => return Err(format!(" {key} is \"credential:{name}\", but no credentials were handed over")),
        },
        None => PathBuf::from(name),
    };
    let fault = |what: &dyn fmt::Display| format!(" {key} \"{}\" {what}", path.display());
    let metadata = std::fs::metadata(&path).map_err(|error| fault(&format!("cannot be read: {error}")))?;
    // A FIFO would block, and a device never end.
    if !metadata.is_file() {
        return Err(fault(&"is not a regular file"));
    }
    let mut bytes = Vec::new();
    let limit = u64::try_from(SECRET_BYTES).unwrap_or(u64::MAX) + 1;
    let file = std::fs::File::open(&path).map_err(|error| fault(&format!("cannot be read: {error}")))?;
    file.take(limit).read_to_end(&mut bytes).map_err(|error| fault(&format!("cannot be read: {error}")))?;
    if bytes.len() > SECRET_BYTES {
        return Err(fault(&format!("has more than {SECRET_BYTES} bytes")));
    }
    // Not the error's Display either: it says where, but a Utf8Error's owner would show the bytes.
    let mut text = String::from_utf8(bytes).map_err(|_| fault(&"is not UTF-8"))?;
    while text.ends_with(['\n', '\r']) {
        text.pop();
    }
    Secret::new(text).map_err(|what| fault(&what))
}
