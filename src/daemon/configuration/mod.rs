//! The configuration: text, then a table with the place of each value, then valid settings.

mod document;
mod file_name;
pub(crate) mod files;
mod key_files;
mod keys;
mod parse;
mod validate;
mod values;

use std::fmt;
use std::path::{Path, PathBuf};

use pacingd::pacing::Options;
use pacingd::settings::Settings;
use pacingd::wire::channel::Channel;
use pacingd::wire::group_name::GroupName;
use pacingd::wire::jws::Keys;

pub(crate) use document::ConfigurationError;
pub(crate) use file_name::FileName;
pub(crate) use keys::{Configuration, Https, KEYS, Key, Log, OnReload, Statistics};

const DEFAULT_FILE: &str = "/etc/pacingd.toml";

/// Bytes of the longest configuration: 256 groups with names of 64 bytes are 20,000.
const FILE_BYTES: usize = 256 * 1024;

/// Where the configuration comes from.
pub(crate) enum Source {
    /// The usual file, or the defaults if there is none.
    Default,
    /// This file, which must be there.
    File(PathBuf),
}

impl Source {
    /// Reads the file anew, with the keys of signed statistics.
    pub(crate) fn load(&self) -> Result<Configuration, ConfigurationError> {
        let mut configuration = self.read()?;
        configuration.keys = configuration.read_keys()?;
        Ok(configuration)
    }

    /// Reads the file anew, but none of those that it names.
    pub(crate) fn read(&self) -> Result<Configuration, ConfigurationError> {
        let file = self.file();
        let wrong = |what: &dyn fmt::Display| ConfigurationError(vec![format!("{}: {what}", file.display())]);
        match files::read(file, FILE_BYTES) {
            Ok(bytes) => match std::str::from_utf8(&bytes) {
                Ok(text) => Configuration::parse(&file.display().to_string(), text),
                Err(error) => {
                    let lines = bytes.iter().take(error.valid_up_to()).filter(|byte| **byte == b'\n').count();
                    Err(ConfigurationError(vec![format!(
                        "{}:{}: not UTF-8; want TOML, which is",
                        file.display(),
                        lines + 1
                    )]))
                }
            },
            Err(error) if matches!(self, Self::Default) && error.kind() == std::io::ErrorKind::NotFound => {
                Ok(Configuration::default())
            }
            Err(error) => Err(wrong(&format_args!("cannot be read: {error}"))),
        }
    }

    fn file(&self) -> &Path {
        match self {
            Self::Default => Path::new(DEFAULT_FILE),
            Self::File(file) => file,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.file().display())
    }
}

/// PEM files: the certificate, with those that lead to an authority behind it, and its private key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PairFiles {
    pub(crate) certificate: FileName,
    pub(crate) key: FileName,
}

impl Https {
    /// Certificate and key; both or none are configured.
    pub(crate) fn pair(&self) -> Option<PairFiles> {
        let (certificate, key) = self.certificate.clone().zip(self.key.clone())?;
        Some(PairFiles { certificate, key })
    }
}

impl Configuration {
    /// Reads the text of a file; the files that it names are not read.
    pub(crate) fn parse(file: &str, text: &str) -> Result<Self, ConfigurationError> {
        parse::read(file, text)
    }

    /// Reads the keys of signed statistics from their files.
    pub(crate) fn read_keys(&self) -> Result<Keys, ConfigurationError> {
        key_files::read(&self.statistics.key_files).map_err(ConfigurationError)
    }

    /// Groups that are known before their first statistics.
    pub(crate) fn declared_groups(&self) -> impl Iterator<Item = (Channel, &GroupName)> + Clone {
        let of = |channel| move |name| (channel, name);
        let groups = &self.groups;
        groups.chat.iter().map(of(Channel::Chat)).chain(groups.webcallback.iter().map(of(Channel::Webcallback)))
    }

    /// The settings of the core.
    pub(crate) fn settings(&self) -> Settings {
        let pacing = &self.pacing;
        Settings {
            pacing: Options {
                algorithm: pacing.algorithm,
                optimization_target: pacing.optimization_target,
                optimization_goal: pacing.optimization_goal,
                proactive_ratio: pacing.proactive_ratio,
                refresh_period: pacing.refresh_period,
                handle_time: pacing.handle_time,
                patience: pacing.patience,
            },
            time_to_live: self.statistics.time_to_live,
            sources: self.statistics.sources.iter().copied().collect(),
            keys: self.keys.clone(),
        }
    }
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
            if let Some(value) = (key.show)(self) {
                writeln!(formatter, "{name} = {value}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "configuration_tests.rs"]
mod tests;
