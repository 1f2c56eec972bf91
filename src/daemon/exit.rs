//! Exit codes (sysexits.h) and standard output.

use std::fmt;
use std::io::Write as _;
use std::process::ExitCode;

/// Why the process ends without success.
pub(crate) struct Failure {
    pub(crate) code: ExitCode,
    /// One line per fault; empty if standard error has them already.
    pub(crate) message: String,
}

impl Failure {
    fn new(code: u8, message: String) -> Self {
        Self { code: ExitCode::from(code), message }
    }

    /// `EX_USAGE`: the command line is wrong.
    pub(crate) fn usage(error: impl fmt::Display) -> Self {
        Self::new(64, format!("{error}; see pacingd --help"))
    }

    /// `EX_DATAERR`: the input is wrong.
    pub(crate) fn data(error: impl fmt::Display) -> Self {
        Self::new(65, error.to_string())
    }

    /// `EX_UNAVAILABLE`: nothing is listening.
    pub(crate) fn unavailable(error: impl fmt::Display) -> Self {
        Self::new(69, error.to_string())
    }

    /// `EX_OSERR`: a system call failed.
    pub(crate) fn system(error: impl fmt::Display) -> Self {
        Self::new(71, error.to_string())
    }

    /// `EX_CONFIG`: the configuration is wrong. The unit does not restart the daemon after it.
    pub(crate) fn configuration(error: impl fmt::Display) -> Self {
        Self::new(78, error.to_string())
    }
}

/// Writes to standard output. A closed pipe is not a failure.
pub(crate) fn print(text: fmt::Arguments<'_>) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_fmt(text).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::system(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}
