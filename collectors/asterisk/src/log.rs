//! The log: lines on standard error, with a priority where systemd reads them.

use std::io::Write as _;

/// How grave a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Before an exit, or nothing works until somebody acts.
    Error,
    /// Somebody can act.
    Warning,
    /// A start, an end, a recovery.
    Info,
}

/// Writes lines to standard error.
#[derive(Clone, Copy, Debug)]
pub struct Log {
    /// systemd's journal reads a priority in angle brackets (`sd-daemon(3)`); a person does not
    /// want it.
    is_journal: bool,
}

impl Log {
    /// Returns a log that fits where standard error leads to.
    pub fn new() -> Self {
        Self { is_journal: std::env::var_os("JOURNAL_STREAM").is_some() }
    }

    /// Writes a line. One that cannot be written is lost: there is no other place for it.
    pub fn write(self, severity: Severity, text: &str) {
        let prefix = match severity {
            _ if !self.is_journal => "",
            Severity::Error => "<3>",
            Severity::Warning => "<4>",
            Severity::Info => "<6>",
        };
        let _ = writeln!(std::io::stderr(), "{prefix}{text}");
    }
}

impl Default for Log {
    fn default() -> Self {
        Self::new()
    }
}
