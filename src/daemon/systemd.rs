//! Notifications to the service manager by `sd_notify(3)`: ready, reloading, stopping, the
//! watchdog, and the status line of `systemctl status`. Does nothing where no manager asks for
//! them.
//!
//! Not by the crate sd-notify: it opens a socket per message, blocks while the manager does not
//! read, and its monotonic time overflows on 32 bits after 35 minutes.

use std::fmt;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use pacingd::wire::channel::Channel;

use crate::clock;
use crate::context::Context;
use crate::http::counters::Side;
use crate::throttle::Throttle;

/// Shortest time between two status lines.
const INTERVAL: Duration = Duration::from_secs(10);

pub(crate) struct Manager {
    socket: Option<UnixDatagram>,
    watchdog: Option<Duration>,
}

impl Manager {
    /// Reads the environment. A socket that cannot be connected counts as none; the manager notices
    /// the missing messages.
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

    /// Reports that the daemon serves. Later messages do not block: a full queue drops them.
    pub(crate) fn ready(&self) {
        self.send(format_args!("READY=1"));
        if let Some(socket) = &self.socket {
            let _ = socket.set_nonblocking(true);
        }
    }

    /// Reports a reload, which [`ready`](Self::ready) ends.
    pub(crate) fn reloading(&self) {
        // systemd 253 and later match it with their request by the time (`Type=notify-reload`).
        self.send(format_args!("RELOADING=1\nMONOTONIC_USEC={}", clock::monotonic().as_micros()));
    }

    pub(crate) fn stopping(&self) {
        self.send(format_args!("STOPPING=1\nSTATUS=finishing the answers under way"));
    }

    /// Feeds the watchdog, if there is one, from the event loop.
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

pub(crate) struct StatusLine<'a> {
    manager: &'a Manager,
    throttle: Throttle,
    answered: u64,
    /// Groups known, and fresh ones among them.
    groups: Option<(usize, u32)>,
    line: String,
}

impl<'a> StatusLine<'a> {
    pub(crate) const fn new(manager: &'a Manager) -> Self {
        Self { manager, throttle: Throttle::new(INTERVAL), answered: 0, groups: None, line: String::new() }
    }

    /// Sends the status line if it is due and has changed.
    pub(crate) fn update(&mut self, context: &Context, now: Duration) {
        if self.manager.socket.is_none() {
            return;
        }
        let state = context.state();
        let known = state.groups();
        let sum = |channel| state.consolidate(now, channel);
        let sums = Channel::ALL.map(sum);
        let groups = (known.all().len(), sums.iter().map(|sum| sum.fresh_groups).sum());
        // A change of the groups is sent at once.
        let is_news = self.groups.replace(groups) != Some(groups);
        if !is_news && !self.throttle.is_due(now) {
            return;
        }
        let (_, since) = self.throttle.start(now);
        let answered = context.traffic.of(Side::Visitors).requests();
        let requests_a_second = (answered - self.answered) / since.as_secs().max(1);
        self.answered = answered;
        let line = line(groups, sums.map(|sum| sum.reactive_state()), requests_a_second);
        if self.line != line {
            self.manager.send(format_args!("STATUS={line}"));
            self.line = line;
        }
    }
}

fn line((known, fresh): (usize, u32), reactive_state: [Option<f64>; Channel::ALL.len()], requests: u64) -> String {
    if known == 0 {
        return "no statistics yet".into();
    }
    let plural = if known == 1 { "" } else { "s" };
    let states = Channel::ALL.into_iter().zip(reactive_state);
    let states: Vec<_> = states.filter_map(|(channel, state)| Some(format!("{channel} {:.2}", state?))).collect();
    let states = if states.is_empty() { String::new() } else { format!("; reactive state {}", states.join(", ")) };
    format!("{known} group{plural}, {fresh} fresh{states}; {requests} requests/s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_what_an_operator_looks_for() {
        for (groups, reactive_state, requests, want) in [
            ((12, 9), [Some(0.73), None], 42, "12 groups, 9 fresh; reactive state chat 0.73; 42 requests/s"),
            (
                (12, 9),
                [Some(1.0), Some(0.05)],
                42,
                "12 groups, 9 fresh; reactive state chat 1.00, webcallback 0.05; 42 requests/s",
            ),
            ((1, 0), [None, None], 0, "1 group, 0 fresh; 0 requests/s"),
            ((0, 0), [None, None], 0, "no statistics yet"),
        ] {
            assert_eq!(line(groups, reactive_state, requests), want);
        }
    }
}
