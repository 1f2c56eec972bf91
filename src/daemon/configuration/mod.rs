//! The configuration: read, parsed, validated, printed.

mod document;
mod files;
mod keys;
mod parse;
mod values;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use pacingd::settings::Settings;
use pacingd::wire::channel::Channel;
use pacingd::wire::group_name::GroupName;
use pacingd::wire::jws::{self, Keys};

pub(crate) use files::FileName;
pub(crate) use keys::{Configuration, ConfigurationKey, Https, KEYS, Log, OnReload, Statistics};

const DEFAULT_FILE: &str = "/etc/pacingd.toml";

/// Bytes of the largest configuration file: 256 groups with names of 64 bytes are 20,000.
const FILE_BYTES: usize = 256 * 1024;

/// Bytes of the largest key file. HMAC hashes longer keys, so they are no stronger.
const KEY_BYTES: usize = 1024;

/// The configuration file of the command line, which must exist; or `None`: [`DEFAULT_FILE`], or
/// the defaults without it.
pub(crate) struct Source(pub(crate) Option<PathBuf>);

impl Source {
    /// Reads the file and the key files. Fails with one line per fault.
    pub(crate) fn load(&self) -> Result<Configuration, String> {
        let mut configuration = self.read()?;
        configuration.keys = configuration.read_keys()?;
        Ok(configuration)
    }

    /// Reads the file, but none of those that it names.
    pub(crate) fn read(&self) -> Result<Configuration, String> {
        let bytes = match files::read(self.file(), FILE_BYTES) {
            Err(error) if self.0.is_none() && error.kind() == io::ErrorKind::NotFound => {
                return Ok(Configuration::default());
            }
            other => other.map_err(|error| format!("{self}: cannot be read: {error}"))?,
        };
        let text = std::str::from_utf8(&bytes).map_err(|error| {
            let lines = bytes.iter().take(error.valid_up_to()).filter(|byte| **byte == b'\n').count();
            format!("{self}:{}: not UTF-8; want TOML, which is", lines + 1)
        })?;
        Configuration::parse(&self.to_string(), text)
    }

    fn file(&self) -> &Path {
        self.0.as_deref().unwrap_or(Path::new(DEFAULT_FILE))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.file().display())
    }
}

impl Https {
    /// The files of the certificate and its key, if configured.
    pub(crate) fn pair(&self) -> Option<(FileName, FileName)> {
        self.certificate.clone().zip(self.key.clone())
    }
}

impl Configuration {
    /// Reads the keys of signed statistics. Fails with one line per fault.
    pub(crate) fn read_keys(&self) -> Result<Keys, String> {
        let (mut keys, mut faults) = (Keys::default(), Vec::new());
        for name in &self.statistics.key_files {
            match read_key(name) {
                Ok(key) => _ = keys.push(key),
                Err(fault) => faults.push(fault),
            }
        }
        if faults.is_empty() { Ok(keys) } else { Err(faults.join("\n")) }
    }

    pub(crate) fn declared_groups(&self) -> impl Iterator<Item = (Channel, &GroupName)> + Clone {
        let of = |channel| move |name| (channel, name);
        let groups = &self.groups;
        groups.chat.iter().map(of(Channel::Chat)).chain(groups.webcallback.iter().map(of(Channel::Webcallback)))
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings {
            pacing: self.pacing,
            time_to_live: self.statistics.time_to_live,
            sources: self.statistics.sources.iter().copied().collect(),
            keys: self.keys.clone(),
        }
    }
}

fn read_key(name: &FileName) -> Result<jws::Key, String> {
    jws::Key::new(without_line_end(&name.read(KEY_BYTES)?)).map_err(|error| name.wrong(format_args!("has {error}")))
}

/// Removes the line end that editors and `openssl rand` write.
fn without_line_end(bytes: &[u8]) -> &[u8] {
    let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// As a configuration file with every key.
impl fmt::Display for Configuration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut in_section = "";
        for key in KEYS {
            let (section, name) = key.path.rsplit_once('.').unwrap_or_default();
            if section != in_section {
                let separator = if in_section.is_empty() { "" } else { "\n" };
                writeln!(formatter, "{separator}[{section}]")?;
                in_section = section;
            }
            let value = (key.show)(self);
            if !value.is_empty() {
                writeln!(formatter, "{name} = {value}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "configuration_tests.rs"]
mod tests;
