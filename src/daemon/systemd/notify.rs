//! Notifications to the service manager: ready, reloading, stopping, a line of status, and that the event loop turns.
//!
//! The protocol of `sd_notify(3)` is a few words in a datagram, written here because of the crate sd-notify's faults: it
//! opens a socket for each word, waits while the manager does not read, and its monotonic time overflows on 32 bits after
//! 35 minutes.

use std::fmt;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use crate::clock;

/// The service manager, if one started the daemon and wants notifications.
pub(crate) struct Manager {
    socket: Option<UnixDatagram>,
    watchdog: Option<Duration>,
}

impl Manager {
    /// Reads the environment. A socket that cannot be reached counts as none: the manager notices that by itself.
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
        let is_for_this_process = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let is_wanted = |micros: &u64| socket.is_some() && is_for_this_process && *micros > 0;
        Self { watchdog: number("WATCHDOG_USEC").filter(is_wanted).map(Duration::from_micros), socket }
    }

    /// Notifies that the daemon answers. From here on nothing waits for the manager, however long its queue is.
    pub(crate) fn ready(&self) {
        self.send(format_args!("READY=1"));
        if let Some(socket) = &self.socket {
            let _ = socket.set_nonblocking(true);
        }
    }

    /// Notifies that the configuration is being read; [`ready`](Self::ready) ends that.
    pub(crate) fn reloading(&self) {
        // From version 253 on, the time matches this with the order that it answers (`Type=notify-reload`).
        self.send(format_args!("RELOADING=1\nMONOTONIC_USEC={}", clock::monotonic().as_micros()));
    }

    pub(crate) fn stopping(&self) {
        self.send(format_args!("STOPPING=1\nSTATUS=finishing the answers under way"));
    }

    pub(crate) fn is_there(&self) -> bool {
        self.socket.is_some()
    }

    /// Sets the line that `systemctl status` shows.
    pub(crate) fn status(&self, line: fmt::Arguments<'_>) {
        self.send(format_args!("STATUS={line}"));
    }

    /// Notifies that the event loop turns, as long as it does. Returns at once where the manager does not want it.
    pub(crate) async fn keep_alive(&self) {
        let Some(time_out) = self.watchdog else { return };
        loop {
            self.send(format_args!("WATCHDOG=1"));
            // Half of it, as sd_watchdog_enabled(3) recommends.
            tokio::time::sleep(time_out / 2).await;
        }
    }

    fn send(&self, words: fmt::Arguments<'_>) {
        if let Some(socket) = &self.socket {
            let _ = socket.send(words.to_string().as_bytes());
        }
    }
}
