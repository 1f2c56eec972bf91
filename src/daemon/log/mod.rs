//! The log: to syslog or standard error, without blocking.
//!
//! A line that cannot be written at once is dropped, and the next line reports the number of
//! dropped ones. Events that outsiders can cause are logged once a minute for each cause, with the
//! number of those left out.

mod output;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::IsTerminal as _;
use std::path::Path;
use std::time::Duration;

use crate::clock;
use crate::throttle::Throttle;
use output::Output;
use pacingd::named;

/// Bytes of a line without priority and time: relays may cut at 1,024 (RFC 3164).
const LINE_BYTES: usize = 960;

const INTERVAL: Duration = Duration::from_secs(60);

named! {
    pub(crate) enum Level {
        /// The daemon ends, or did not carry out an operator's command.
        Error => "error",
        /// An operator can do something about it.
        Warning => "warning",
        Info => "info",
        Debug => "debug",
    }
}

named! {
    pub(crate) enum Target {
        /// Standard error in a terminal or without `/dev/log`, as in a container; else syslog.
        Auto => "auto",
        Syslog => "syslog",
        Stderr => "stderr",
    }
}

named! {
    /// Events that are logged once a minute; the name is that of the lines left out.
    pub(crate) enum Cause {
        Malformed => "malformed lines of statistics",
        OutOfRange => "lines of statistics with values out of range",
        TableFull => "lines of statistics of groups without a place",
        Unsigned => "unsigned lines of statistics",
        BadSignature => "lines of statistics with bad signatures",
        Replayed => "replayed or untimely lines of statistics",
        NotAllowed => "datagrams from networks that may not send",
        Receive => "errors of a statistics socket",
        Dropped => "reports of datagrams that the kernel dropped",
        Accept => "failures to accept a connection",
        Handshake => "TLS handshakes that failed",
    }
}

pub(crate) struct Log {
    level: Cell<Level>,
    output: RefCell<Output>,
    dropped: Cell<u64>,
    /// Dropped lines that were not reported yet.
    unreported: Cell<u64>,
    throttles: [Throttle; Cause::ALL.len()],
}

impl Log {
    pub(crate) fn start(target: Target, level: Level) -> &'static Self {
        let to_stderr = match target {
            Target::Stderr => true,
            Target::Syslog => false,
            Target::Auto => std::io::stderr().is_terminal() || !Path::new(output::SOCKET).exists(),
        };
        Box::leak(Box::new(Self {
            level: Cell::new(level),
            output: RefCell::new(if to_stderr { Output::stderr() } else { Output::syslog() }),
            dropped: Cell::new(0),
            unreported: Cell::new(0),
            throttles: Cause::ALL.map(|_| Throttle::new(INTERVAL)),
        }))
    }

    pub(crate) fn is_on_stderr(&self) -> bool {
        matches!(*self.output.borrow(), Output::Stderr { .. })
    }

    pub(crate) fn set_level(&self, level: Level) {
        self.level.set(level);
    }

    pub(crate) fn error(&self, message: fmt::Arguments<'_>) {
        self.write(Level::Error, message);
    }

    pub(crate) fn warning(&self, message: fmt::Arguments<'_>) {
        self.write(Level::Warning, message);
    }

    pub(crate) fn info(&self, message: fmt::Arguments<'_>) {
        self.write(Level::Info, message);
    }

    pub(crate) fn lost(&self) -> u64 {
        self.dropped.get()
    }

    /// Logs an event that outsiders can cause. Failed handshakes are for developers only: on the
    /// internet they never end.
    pub(crate) fn limited(&self, cause: Cause, message: fmt::Arguments<'_>) {
        let level = if cause == Cause::Handshake { Level::Debug } else { Level::Warning };
        if level > self.level.get() {
            return;
        }
        let due = self.throttles.get(cause as usize).and_then(|throttle| throttle.start_if_due(clock::now()));
        let Some((count, over)) = due else { return };
        if count > 0 {
            self.write(level, format_args!("{count} more {cause} in the last {} s", over.as_secs()));
        }
        self.write(level, message);
    }

    fn write(&self, level: Level, message: fmt::Arguments<'_>) {
        if level > self.level.get() {
            return;
        }
        let unreported = &self.unreported;
        let (count, plural) = (unreported.get(), if unreported.get() == 1 { " was" } else { "s were" });
        let report = format_args!("{count} log line{plural} dropped: the log was not being read");
        if count > 0 && self.send(Level::Warning, report) {
            unreported.set(0);
        }
        if !self.send(level, message) {
            self.dropped.set(self.dropped.get() + 1);
            unreported.set(unreported.get() + 1);
        }
    }

    fn send(&self, level: Level, message: fmt::Arguments<'_>) -> bool {
        let mut line = message.to_string();
        let end = (0..=LINE_BYTES).rev().find(|end| line.is_char_boundary(*end));
        line.truncate(end.unwrap_or_default());
        self.output.borrow_mut().send(level, &line)
    }
}
