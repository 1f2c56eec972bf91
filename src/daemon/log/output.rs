//! Writes lines to syslog's datagram socket or standard error, without blocking.

use std::io::{self, Write as _};
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;
use syslog::{Facility, LogFormat, Logger, LoggerBackend, Severity};
use time::{OffsetDateTime, UtcOffset};

use super::Level;
use crate::clock;
use crate::throttle::Throttle;

/// The socket of every syslog daemon on Linux, and of journald.
pub(super) const SOCKET: &str = "/dev/log";

const RECONNECT_INTERVAL: Duration = Duration::from_secs(1);

pub(super) enum Output {
    Stderr {
        /// Whether journald reads the lines: it takes the level from a prefix.
        journal: bool,
        /// Whether the last line is incomplete because the disk was full.
        is_torn: bool,
    },
    Syslog {
        logger: Option<Logger<LoggerBackend, Rfc3164>>,
        reconnect: Throttle,
    },
}

impl Output {
    pub(super) fn stderr() -> Self {
        Self::Stderr { journal: std::env::var_os("JOURNAL_STREAM").is_some(), is_torn: false }
    }

    pub(super) fn syslog() -> Self {
        Self::Syslog { logger: None, reconnect: Throttle::new(RECONNECT_INTERVAL) }
    }

    /// Returns false if the line was dropped.
    pub(super) fn send(&mut self, level: Level, line: &str) -> bool {
        match self {
            Self::Stderr { journal, is_torn } => write_to_stderr(*journal, is_torn, level, line).is_ok(),
            Self::Syslog { logger, reconnect } => {
                if let Some(Logger { formatter, backend }) = logger {
                    match formatter.format(backend, severity(level), line) {
                        Ok(()) => return true,
                        Err(syslog::Error::Write(error) | syslog::Error::Io(error))
                            if error.kind() == io::ErrorKind::WouldBlock =>
                        {
                            return false;
                        }
                        // The syslog daemon has restarted.
                        Err(_) => *logger = None,
                    }
                }
                if reconnect.start_if_due(clock::now()).is_some() {
                    *logger = connect().ok();
                }
                let Some(Logger { formatter, backend }) = logger else { return false };
                formatter.format(backend, severity(level), line).is_ok()
            }
        }
    }
}

/// Only datagram sockets: connecting a stream to a syslog daemon that hangs would block.
fn connect() -> io::Result<Logger<LoggerBackend, Rfc3164>> {
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.connect(SOCKET)?;
    Ok(Logger::new(LoggerBackend::Unix(socket), Rfc3164 { pid: std::process::id() }))
}

fn write_to_stderr(journal: bool, is_torn: &mut bool, level: Level, line: &str) -> io::Result<()> {
    let start = if *is_torn { "\n" } else { "" };
    let text = match level {
        _ if journal => format!("{start}<{}>{line}\n", severity(level) as u8),
        Level::Info => format!("{start}pacingd: {line}\n"),
        _ => format!("{start}pacingd: {level}: {line}\n"),
    };
    let mut stderr = io::stderr().lock();
    // Polled, because a pipe whose reader hangs must not block the daemon, and O_NONBLOCK would
    // apply to all processes that share it. A pipe that polls as writable has room for a page.
    let mut sockets = [PollFd::new(&stderr, PollFlags::OUT)];
    poll(&mut sockets, Some(&Timespec::default()))?;
    if !sockets.iter().all(|socket| socket.revents().contains(PollFlags::OUT)) {
        return Err(io::ErrorKind::WouldBlock.into());
    }
    let written = stderr.write(text.as_bytes())?;
    *is_torn = true;
    stderr.write_all(text.as_bytes().get(written..).unwrap_or_default())?;
    *is_torn = false;
    Ok(())
}

const fn severity(level: Level) -> Severity {
    match level {
        Level::Error => Severity::LOG_ERR,
        Level::Warning => Severity::LOG_WARNING,
        Level::Info => Severity::LOG_INFO,
        Level::Debug => Severity::LOG_DEBUG,
    }
}

/// `<priority>Mmm dd hh:mm:ss pacingd[pid]: message`, the local form of RFC 3164, section 4.1. The
/// crate's own formatter uses the standard library's clock, which ends in 2038 on 32-bit musl, and
/// pads the day with a zero.
pub(super) struct Rfc3164 {
    pid: u32,
}

impl LogFormat<&str> for Rfc3164 {
    fn format<W: io::Write>(&self, writer: &mut W, severity: Severity, message: &str) -> syslog::Result<()> {
        let priority = Facility::LOG_DAEMON as u8 | severity as u8;
        let line = format!("<{priority}>{} pacingd[{}]: {message}", timestamp(local_time()), self.pid);
        writer.write_all(line.as_bytes()).map_err(syslog::Error::Write)
    }
}

fn timestamp(at: OffsetDateTime) -> String {
    let month = at.month().to_string();
    format!("{month:.3} {:2} {:02}:{:02}:{:02}", at.day(), at.hour(), at.minute(), at.second())
}

/// The local time, or UTC if the time zone is not known.
fn local_time() -> OffsetDateTime {
    let seconds = i64::try_from(clock::since_epoch().as_secs()).unwrap_or_default();
    let utc = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    UtcOffset::local_offset_at(in_32_bits(utc)).map_or(utc, |offset| utc.to_offset(offset))
}

/// A time before 2038 with the same offset from UTC, because 32-bit musl computes offsets with
/// 32-bit times. The calendar, and with it summer time, repeats after 28 years.
fn in_32_bits(mut at: OffsetDateTime) -> OffsetDateTime {
    while at.year() > 2037 {
        at -= time::Duration::days(28 * 365 + 7);
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_form_of_rfc_3164() {
        let mut line = Vec::new();
        Rfc3164 { pid: 7 }.format(&mut line, severity(Level::Warning), "no chats").unwrap();
        let line = String::from_utf8(line).unwrap();
        assert!(line.starts_with("<28>"), "{line}");
        assert!(line.ends_with(" pacingd[7]: no chats"), "{line}");
        let at = OffsetDateTime::from_unix_timestamp(2_208_989_045).unwrap();
        assert_eq!(timestamp(at), "Jan  1 00:04:05", "in 2040 too, with the day filled up by a space");
    }

    #[test]
    fn the_offset_of_a_late_year_is_that_of_an_early_one_with_the_same_calendar() {
        let late = OffsetDateTime::from_unix_timestamp(2_224_713_600).unwrap();
        let early = in_32_bits(late);
        assert_eq!((late.year(), early.year()), (2040, 2012));
        assert_eq!((early.month(), early.day(), early.weekday()), (late.month(), late.day(), late.weekday()));
        assert_eq!(in_32_bits(early), early, "what fits is left alone");
    }
}
