//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::configuration::Source;
use crate::log::Target;

pub(crate) const HELP: &str = "\
pacingd answers over HTTP whether a visitor may be offered a chat, and how many
agents are ready, from statistics that a collector pushes to it over UDP.

usage: pacingd [--config FILE] [--log WHERE]
       pacingd [--config FILE] --check-config
       pacingd [--config FILE] --check-lines | --send  < LINES

  --config FILE    read this configuration (default: /etc/pacingd.toml, and
                   without that file the built-in defaults)
  --check-config   print the settings in force, or what is wrong, and exit
  --check-lines    read lines of statistics from standard input and say what the
                   daemon makes of each
  --send           … and send those that it accepts to statistics.listen
  --log WHERE      syslog, or stderr (default: log.to of the configuration;
                   \"auto\" is stderr in a terminal, else syslog)
  --help           print this and exit
  --version        print the version and exit

Signals: SIGHUP reads the configuration again; SIGTERM and SIGINT stop.
Exit codes: 0 well, 64 bad command line, 65 bad lines, 69 nobody receives them,
71 the system refused, 78 bad configuration.
";

pub(crate) enum Action {
    Help,
    Version,
    CheckConfig(Source),
    /// Lines of statistics from standard input: only to be checked, or sent as well.
    Lines(Source, bool),
    Run(Source, Option<Target>),
}

pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Action, lexopt::Error> {
    use lexopt::prelude::*;

    let mut parser = lexopt::Parser::from_iter(arguments);
    let mut source = Source::Default;
    let mut log = None;
    let mut check = false;
    let mut lines = None;
    while let Some(argument) = parser.next()? {
        match argument {
            Long("help") | Short('h') => return Ok(Action::Help),
            Long("version") | Short('V') => return Ok(Action::Version),
            Long("config") => source = Source::File(PathBuf::from(parser.value()?)),
            Long("check-config") => check = true,
            Long("check-lines") => lines = Some(false),
            Long("send") => lines = Some(true),
            Long("log") => {
                let value = parser.value()?.string()?;
                let unknown = || format!("--log is {value:?}; want \"syslog\" or \"stderr\"");
                log = Some(Target::named(&value).filter(|target| *target != Target::Auto).ok_or_else(unknown)?);
            }
            other => return Err(other.unexpected()),
        }
    }
    Ok(match lines {
        _ if check => Action::CheckConfig(source),
        Some(is_sent) => Action::Lines(source, is_sent),
        None => Action::Run(source, log),
    })
}
