//! How the process ends: exit codes of sysexits.h, and what is said on the way out.

use std::fmt;
use std::io::Write as _;
use std::process::ExitCode;

/// Why the process ends, other than well.
pub(crate) struct Failure {
    pub(crate) code: ExitCode,
    pub(crate) message: String,
    /// Standard error has it already.
    pub(crate) is_told: bool,
}

impl Failure {
    fn new(code: u8, message: String) -> Self {
        Self { code: ExitCode::from(code), message, is_told: false }
    }

    /// `EX_USAGE`: the command line is not understood.
    pub(crate) fn usage(error: impl fmt::Display) -> Self {
        Self::new(64, format!("{error}; see pacingd --help"))
    }

    /// `EX_DATAERR`: what was given to look at is wrong.
    pub(crate) fn data(error: impl fmt::Display) -> Self {
        Self::new(65, error.to_string())
    }

    /// `EX_UNAVAILABLE`: nobody is there to serve.
    pub(crate) fn unavailable(error: impl fmt::Display) -> Self {
        Self::new(69, error.to_string())
    }

    /// `EX_OSERR`: the system refused something the daemon cannot do without.
    pub(crate) fn system(error: impl fmt::Display) -> Self {
        Self::new(71, error.to_string())
    }

    /// `EX_CONFIG`: the configuration is wrong; starting again would not help.
    pub(crate) fn configuration(error: impl fmt::Display) -> Self {
        Self::new(78, error.to_string())
    }
}

/// To standard output; a reader that went away is not our failure.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::system(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// To standard error, whoever reads it.
pub(crate) fn say(text: fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
