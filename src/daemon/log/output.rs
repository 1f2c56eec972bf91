//! Where lines go, without ever waiting: syslog's datagram socket, or standard error.

use std::io::{self, Write as _};
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;
use time::{OffsetDateTime, UtcOffset};

use super::Level;
use crate::clock;
use crate::throttle::Throttle;

/// Where every syslog daemon of Linux listens, journald's included.
pub(super) const SOCKET: &str = "/dev/log";

/// Syslog's number for daemons, `LOG_DAEMON`.
const FACILITY: u8 = 3 << 3;

/// A syslogd that restarts is back within seconds; without one it is looked for by no more than a system call a second.
const RECONNECT_INTERVAL: Duration = Duration::from_secs(1);

pub(super) enum Output {
    Stderr {
        /// journald reads the level from the line's beginning.
        journal: bool,
        /// The disk was full in the middle of a line.
        is_torn: bool,
    },
    /// The socket is opened when it is needed, and again after it failed.
    Syslog { socket: Option<UnixDatagram>, reconnect: Throttle },
}

impl Output {
    pub(super) fn stderr() -> Self {
        Self::Stderr { journal: std::env::var_os("JOURNAL_STREAM").is_some(), is_torn: false }
    }

    pub(super) fn syslog() -> Self {
        Self::Syslog { socket: None, reconnect: Throttle::new(RECONNECT_INTERVAL) }
    }

    /// Writes a line. Returns false if it was dropped.
    pub(super) fn send(&mut self, level: Level, line: &str) -> bool {
        match self {
            Self::Stderr { journal, is_torn } => write_to_stderr(*journal, is_torn, level, line).is_ok(),
            Self::Syslog { socket, reconnect } => {
                let datagram = datagram(level, line);
                match socket.as_ref().map(|socket| socket.send(datagram.as_bytes())) {
                    Some(Ok(_)) => return true,
                    Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => return false,
                    // It went away; it may be back already.
                    Some(Err(_)) => *socket = None,
                    None => {}
                }
                if reconnect.start_if_due(clock::now()).is_some() {
                    *socket = connect().ok();
                }
                socket.as_ref().is_some_and(|socket| socket.send(datagram.as_bytes()).is_ok())
            }
        }
    }
}

/// A datagram socket: a stream to a syslogd that hangs would block already when it is opened.
fn connect() -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.connect(SOCKET)?;
    Ok(socket)
}

fn write_to_stderr(journal: bool, is_torn: &mut bool, level: Level, line: &str) -> io::Result<()> {
    let start = if *is_torn { "\n" } else { "" };
    let text = match level {
        _ if journal => format!("{start}<{}>{line}\n", level as u8),
        Level::Info => format!("{start}pacingd: {line}\n"),
        _ => format!("{start}pacingd: {level}: {line}\n"),
    };
    let mut stderr = io::stderr().lock();
    // A pipe whose reader hangs, or a stopped terminal, must not stop the daemon. Making it non-blocking would do so for
    // everyone who shares it, so it is polled first; less than a page always fits into a pipe that has room at all.
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

/// `<priority>Mmm dd hh:mm:ss pacingd[pid]: message`, as local programs write it: RFC 3164, section 4.1, without the
/// host name, which the syslog daemon knows.
fn datagram(level: Level, message: &str) -> String {
    let priority = FACILITY | level as u8;
    format!("<{priority}>{} pacingd[{}]: {message}", timestamp(local_time()), std::process::id())
}

fn timestamp(at: OffsetDateTime) -> String {
    let month = at.month().to_string();
    format!("{month:.3} {:2} {:02}:{:02}:{:02}", at.day(), at.hour(), at.minute(), at.second())
}

/// In the time zone of the box, as every other line of its log; in UTC where that cannot be known.
fn local_time() -> OffsetDateTime {
    let seconds = i64::try_from(clock::since_epoch().as_secs()).unwrap_or_default();
    let utc = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    UtcOffset::local_offset_at(in_32_bits(utc)).map_or(utc, |offset| utc.to_offset(offset))
}

/// A time before 2038 with the same offset from UTC: the C library of 32-bit musl is asked for it with 32-bit times.
/// After 28 years the calendar falls on the same days of the week, by which summer time begins and ends.
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
        let line = datagram(Level::Warning, "no chats");
        assert!(line.starts_with("<28>"), "{line}");
        assert!(line.ends_with(&format!(" pacingd[{}]: no chats", std::process::id())), "{line}");
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
