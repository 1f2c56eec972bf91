//! The configuration: what may be set, and what holds where nothing is.

mod file_name;
mod keys;
mod read;
mod section;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use pacingd::limits::SOURCES;
use pacingd::pacing::Options;
use pacingd::state::Settings;
use pacingd::wire::channel::Channel;
use pacingd::wire::group_name::GroupName;
use pacingd::wire::jws::Keys;

use crate::http::cors::AllowedOrigins;
use crate::log::{Level, Target};
use crate::statistics::endpoint::Endpoint;
pub(crate) use file_name::FileName;
pub(crate) use section::ConfigurationError;

const DEFAULT_FILE: &str = "/etc/pacingd.toml";

/// Where the configuration comes from.
pub(crate) enum Source {
    /// The usual file, or the defaults if there is none.
    Default,
    /// This file, which must be there.
    File(PathBuf),
}

impl Source {
    /// Reads it anew.
    pub(crate) fn load(&self) -> Result<Configuration, ConfigurationError> {
        let file = self.file();
        match std::fs::read(file) {
            Ok(text) => {
                let text = String::from_utf8(text).map_err(|error| ConfigurationError::not_utf8(file, &error))?;
                let mut configuration = Configuration::parse(&file.display().to_string(), &text)?;
                let keys = keys::read(&configuration.statistics.key_files);
                configuration.statistics.keys = keys.map_err(ConfigurationError::of_a_file)?;
                Ok(configuration)
            }
            Err(error) if matches!(self, Self::Default) && error.kind() == std::io::ErrorKind::NotFound => {
                Ok(Configuration::default())
            }
            Err(error) => Err(ConfigurationError::unreadable(file, &error)),
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

/// Valid settings of everything.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Configuration {
    pub(crate) http: Http,
    pub(crate) https: Https,
    pub(crate) operators: Operators,
    pub(crate) statistics: Statistics,
    pub(crate) pacing: Options,
    pub(crate) log: Log,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Http {
    pub(crate) listen: Vec<SocketAddr>,
    pub(crate) allowed_origins: AllowedOrigins,
    pub(crate) limits: Limits,
}

/// HTTP over TLS. Origins and limits are those of [`Http`].
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Https {
    pub(crate) listen: Vec<SocketAddr>,
    /// There is one if an address is listened to.
    pub(crate) pair: Option<PairFiles>,
    /// Under way at once.
    pub(crate) handshakes: usize,
    /// For one of them, from the connection's acceptance on.
    pub(crate) handshake_timeout: Duration,
}

/// PEM files: the certificate, with those that lead to an authority behind it, and its private key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PairFiles {
    pub(crate) certificate: FileName,
    pub(crate) key: FileName,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Limits {
    pub(crate) connections: usize,
    pub(crate) timeouts: Timeouts,
}

/// How long a client may take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Timeouts {
    /// For a request's head, from its first byte on.
    pub(crate) header: Duration,
    /// Between requests, and to take an answer.
    pub(crate) idle: Duration,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Operators {
    pub(crate) listen: SocketAddr,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Statistics {
    pub(crate) listen: Vec<Endpoint>,
    pub(crate) sources: heapless::Vec<IpNet, SOURCES>,
    pub(crate) time_to_live: Duration,
    pub(crate) groups: Vec<(Channel, GroupName)>,
    pub(crate) key_files: Vec<FileName>,
    /// What stands in these files.
    pub(crate) keys: Keys,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Log {
    pub(crate) level: Level,
    pub(crate) to: Target,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: Level::Info, to: Target::Auto }
    }
}

impl Default for Configuration {
    fn default() -> Self {
        let loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let networks = [
            IpNet::new_assert(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8),
            IpNet::new_assert(IpAddr::V6(Ipv6Addr::LOCALHOST), 128),
        ];
        Self {
            http: Http {
                listen: vec![loopback(8080)],
                allowed_origins: AllowedOrigins::Listed(Vec::new()),
                limits: Limits {
                    connections: 256,
                    timeouts: Timeouts { header: Duration::from_secs(10), idle: Duration::from_secs(60) },
                },
            },
            https: Https {
                listen: Vec::new(),
                pair: None,
                // An eighth of the connections: whoever begins handshakes and does not end them keeps nobody else out.
                handshakes: 32,
                handshake_timeout: Duration::from_secs(5),
            },
            operators: Operators { listen: loopback(8081) },
            statistics: Statistics {
                listen: vec![Endpoint::loopback(8127)],
                sources: networks.into_iter().collect(),
                time_to_live: Duration::from_secs(30),
                groups: Vec::new(),
                key_files: Vec::new(),
                keys: Keys::default(),
            },
            pacing: Options::default(),
            log: Log::default(),
        }
    }
}

impl Configuration {
    /// Reads the text of a file; the files that it names are not read.
    pub(crate) fn parse(file: &str, text: &str) -> Result<Self, ConfigurationError> {
        read::read(file, text)
    }

    /// What of it the core is told.
    pub(crate) fn settings(&self) -> Settings {
        Settings {
            pacing: self.pacing,
            time_to_live: self.statistics.time_to_live,
            sources: self.statistics.sources.clone(),
            keys: self.statistics.keys.clone(),
        }
    }
}

/// As a configuration file that says all of it.
impl fmt::Display for Configuration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { http, https, operators, statistics, pacing, log } = self;
        let groups = |of| statistics.groups.iter().filter(move |(channel, _)| *channel == of).map(|(_, name)| name);
        writeln!(formatter, "[http]\nlisten = {}\n", List(http.listen.iter()))?;
        match &http.allowed_origins {
            AllowedOrigins::Any => writeln!(formatter, "[http.cors]\nallowed-origins = \"*\"\n")?,
            AllowedOrigins::Listed(list) => {
                writeln!(formatter, "[http.cors]\nallowed-origins = {}\n", List(list.iter()))?;
            }
        }
        let Limits { connections, timeouts } = &http.limits;
        writeln!(formatter, "[http.limits]\nconnections = {connections}")?;
        writeln!(formatter, "header-timeout = {}", timeouts.header.as_secs_f64())?;
        writeln!(formatter, "idle-timeout = {}\n", timeouts.idle.as_secs_f64())?;
        writeln!(formatter, "[https]\nlisten = {}", List(https.listen.iter()))?;
        if let Some(PairFiles { certificate, key }) = &https.pair {
            writeln!(formatter, "certificate = {}\nkey = {}", Text(certificate), Text(key))?;
        }
        writeln!(formatter, "handshakes = {}", https.handshakes)?;
        writeln!(formatter, "handshake-timeout = {}\n", https.handshake_timeout.as_secs_f64())?;
        writeln!(formatter, "[operators]\nlisten = \"{}\"\n", operators.listen)?;
        writeln!(formatter, "[statistics]\nlisten = {}", List(statistics.listen.iter()))?;
        writeln!(formatter, "sources = {}", List(statistics.sources.iter()))?;
        writeln!(formatter, "time-to-live = {}", statistics.time_to_live.as_secs_f64())?;
        writeln!(formatter, "key-files = {}\n", List(statistics.key_files.iter()))?;
        writeln!(formatter, "[statistics.groups]")?;
        for channel in Channel::ALL {
            writeln!(formatter, "{channel} = {}", List(groups(channel)))?;
        }
        writeln!(formatter, "\n[pacing]\nalgorithm = \"{}\"", pacing.algorithm)?;
        writeln!(formatter, "optimization-target = \"{}\"", pacing.optimization_target)?;
        writeln!(formatter, "optimization-goal = {}", pacing.optimization_goal)?;
        writeln!(formatter, "abandonment-cost = {}", pacing.abandonment_cost)?;
        writeln!(formatter, "proactive-ratio = {}", pacing.proactive_ratio)?;
        writeln!(formatter, "refresh-period = {}", pacing.refresh_period.as_secs_f64())?;
        writeln!(formatter, "handle-time = {}", pacing.handle_time.as_secs_f64())?;
        writeln!(formatter, "patience = {}", pacing.patience.as_secs_f64())?;
        writeln!(formatter, "entry-delay = {}\n", pacing.entry_delay.as_secs_f64())?;
        writeln!(formatter, "[log]\nlevel = \"{}\"\nto = \"{}\"", log.level.name(), log.to.name())
    }
}

/// A list of strings in TOML.
struct List<I>(I);

impl<T: fmt::Display, I: Iterator<Item = T> + Clone> fmt::Display for List<I> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[")?;
        for (index, item) in self.0.clone().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(formatter, "{separator}{}", Text(item))?;
        }
        formatter.write_str("]")
    }
}

/// A string in TOML. None that is shown has control characters.
struct Text<T>(T);

impl<T: fmt::Display> fmt::Display for Text<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string().replace('\\', "\\\\").replace('"', "\\\"");
        write!(formatter, "\"{text}\"")
    }
}
