//! `pacingd-asterisk`: arguments, configuration, and the collector.
#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::ExitCode;

use lexopt::prelude::*;
use pacingd_asterisk::collector::{Collector, Output};
use pacingd_asterisk::limits::Timing;
use pacingd_asterisk::log::{Log, Severity};
use pacingd_asterisk::settings::Settings;

const HELP: &str = "\
Collector for pacingd: reads the queues of Asterisk over AMI once a second and
pushes their statistics over UDP. See pacingd-asterisk(8).

Usage: pacingd-asterisk [--config FILE] [--check-config | --print]

  --config FILE   read this configuration (default /etc/pacingd-asterisk.toml)
  --check-config  check the configuration and exit
  --print         write the lines to standard output instead of sending them:
                  pacingd-asterisk --print | pacingd --check-lines
  --help          print this and exit
  --version       print the version and exit

Exit codes: 0 success, 64 wrong arguments, 78 wrong configuration.
";

// sysexits.h
const USAGE: u8 = 64;
const CONFIGURATION: u8 = 78;

struct Arguments {
    configuration: PathBuf,
    is_check: bool,
    output: Output,
}

fn main() -> ExitCode {
    let log = Log::new();
    let arguments = match parse() {
        Ok(Some(arguments)) => arguments,
        Ok(None) => return ExitCode::SUCCESS,
        Err(error) => {
            log.write(Severity::Error, &format!("pacingd-asterisk: {error}; see --help"));
            return USAGE.into();
        }
    };
    let settings = match Settings::load(&arguments.configuration) {
        Ok(settings) => settings,
        Err(error) => {
            log.write(Severity::Error, &error);
            return CONFIGURATION.into();
        }
    };
    if arguments.is_check {
        println!("{settings}");
        return ExitCode::SUCCESS;
    }
    Collector::new(&settings, Timing::default(), arguments.output, move |severity, text| log.write(severity, text))
        .run()
}

/// Returns the arguments, or nothing if they are answered already.
fn parse() -> Result<Option<Arguments>, lexopt::Error> {
    let mut arguments =
        Arguments { configuration: "/etc/pacingd-asterisk.toml".into(), is_check: false, output: Output::Pacingd };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("config") => arguments.configuration = parser.value()?.into(),
            Long("check-config") => arguments.is_check = true,
            Long("print") => arguments.output = Output::Stdout,
            Short('h') | Long("help") => {
                print!("{HELP}");
                return Ok(None);
            }
            Short('V') | Long("version") => {
                println!("pacingd-asterisk {}", env!("CARGO_PKG_VERSION"));
                return Ok(None);
            }
            _ => return Err(argument.unexpected()),
        }
    }
    Ok(Some(arguments))
}
