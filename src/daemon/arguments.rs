//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::configuration::Source;
use crate::log::Target;

pub(crate) const HELP: &str = "\
pacingd answers over HTTP whether a visitor may be offered a chat, and how many
agents are ready, from statistics that a collector sends to it over UDP.

usage: pacingd [--config FILE] [--log WHERE]
       pacingd [--config FILE] --check-config
       pacingd [--config FILE] --check-lines | --send  < LINES

  --config FILE    read this configuration (default: /etc/pacingd.toml, and
                   without that file the built-in defaults)
  --check-config   print the settings in force, or what is wrong with the
                   configuration, and exit
  --check-lines    read lines of statistics from standard input and print
                   whether the daemon would accept each, and why not
  --send           do the same, and send the accepted lines to
                   statistics.listen
  --log WHERE      log to syslog or stderr (default: log.to of the
                   configuration; \"auto\" is stderr in a terminal and where
                   there is no /dev/log, else syslog)
  --help           print this and exit
  --version        print the version and exit

Signals: SIGHUP reloads the configuration; SIGTERM and SIGINT finish the answers
under way and exit.
Exit codes: 0 success, 64 wrong command line, 65 lines that would be dropped,
69 nothing is listening, 71 the system refused something, 78 wrong configuration.
";

pub(crate) enum Action {
    Help,
    Version,
    CheckConfig(Source),
    /// Check lines of statistics from standard input, and send them if true.
    Lines(Source, bool),
    /// Serve, with the log's target if the command line has one.
    Run(Source, Option<Target>),
}

pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Action, lexopt::Error> {
    use lexopt::prelude::*;

    let mut parser = lexopt::Parser::from_iter(arguments);
    let mut source = Source(None);
    let mut log = None;
    let mut check = false;
    let mut lines = None;
    while let Some(argument) = parser.next()? {
        match argument {
            Long("help") | Short('h') => return Ok(Action::Help),
            Long("version") | Short('V') => return Ok(Action::Version),
            Long("config") => source = Source(Some(PathBuf::from(parser.value()?))),
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
