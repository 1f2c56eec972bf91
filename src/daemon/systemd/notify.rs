//! What the service manager is told: ready, reloading, stopping, a line of status, and that the loop still turns.
//!
//! The protocol of `sd_notify(3)` is a few words in a datagram. It is spoken here, not by a crate: sd-notify opens a
//! socket for each word, waits if nobody takes it, and its monotonic time overflows on 32 bits after 35 minutes.

use std::fmt;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use crate::clock;

/// The service manager, if one started the daemon and wants to hear of it.
pub(crate) struct Manager {
    socket: Option<UnixDatagram>,
    watchdog: Option<Duration>,
}

impl Manager {
    /// As the environment says. A socket that cannot be reached is none: the manager will see to it.
    pub(crate) fn from_environment() -> Self {
        let socket = std::env::var_os("NOTIFY_SOCKET").and_then(|path| {
            let socket = UnixDatagram::unbound().ok()?;
            match path.as_bytes().strip_prefix(b"@") {
                Some(name) => socket.connect_addr(&SocketAddr::from_abstract_name(name).ok()?).ok()?,
                None => socket.connect(&path).ok()?,
            }
            Some(socket)
        });
        let number = |name| std::env::var(name).ok()?.parse::<u64>().ok();
        let is_ours = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|micros| is_ours && *micros > 0).map(Duration::from_micros);
        Self { watchdog: watchdog.filter(|_| socket.is_some()), socket }
    }

    /// The daemon would answer now. From here on nothing waits for the manager, however long its queue is.
    pub(crate) fn ready(&self) {
        self.tell(format_args!("READY=1"));
        if let Some(socket) = &self.socket {
            let _ = socket.set_nonblocking(true);
        }
    }

    /// The configuration is being read; [`ready`](Self::ready) ends it.
    pub(crate) fn reloading(&self) {
        // The time lets a manager from version 253 on know which order this is the answer to (`Type=notify-reload`).
        self.tell(format_args!("RELOADING=1\nMONOTONIC_USEC={}", clock::monotonic().as_micros()));
    }

    /// The daemon is on its way out.
    pub(crate) fn stopping(&self) {
        self.tell(format_args!("STOPPING=1\nSTATUS=finishing the answers under way"));
    }

    /// Whether anybody reads a status.
    pub(crate) fn is_there(&self) -> bool {
        self.socket.is_some()
    }

    /// A line for operators.
    pub(crate) fn status(&self, line: fmt::Arguments<'_>) {
        self.tell(format_args!("STATUS={line}"));
    }

    /// Tells that the event loop turns, as long as it does. Returns at once where nobody wants to hear it.
    pub(crate) async fn watch(&self) {
        let Some(time_out) = self.watchdog else { return };
        loop {
            self.tell(format_args!("WATCHDOG=1"));
            // Half of it, as sd_watchdog_enabled(3) recommends.
            tokio::time::sleep(time_out / 2).await;
        }
    }

    fn tell(&self, words: fmt::Arguments<'_>) {
        if let Some(socket) = &self.socket {
            let _ = socket.send(words.to_string().as_bytes());
        }
    }
}
