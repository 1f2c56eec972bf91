//! The listeners for statistics: names, sockets, and datagrams that the kernel dropped.

use std::cell::{Cell, RefCell};
use std::fs;
use std::net::SocketAddr;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

use tokio::net::UdpSocket;

use crate::log::{Cause, Log};
use crate::throttle::Throttle;

struct Listener {
    name: String,
    /// Address and inode of its socket, as in `/proc/net/udp`.
    open: Option<(SocketAddr, u64)>,
}

/// How often dropped datagrams are looked up: the default refresh period.
const INTERVAL: Duration = Duration::from_secs(2);

pub(crate) struct Listeners {
    all: RefCell<Vec<Listener>>,
    throttle: Throttle,
    /// Dropped datagrams as last logged.
    logged: Cell<u64>,
}

impl Default for Listeners {
    fn default() -> Self {
        Self { all: RefCell::default(), throttle: Throttle::new(INTERVAL), logged: Cell::new(0) }
    }
}

impl Listeners {
    /// Adds a closed listener. Returns its index.
    pub(crate) fn add(&self, name: String) -> usize {
        let mut listeners = self.all.borrow_mut();
        listeners.push(Listener { name, open: None });
        listeners.len() - 1
    }

    /// Sets the current socket of a listener.
    pub(crate) fn set(&self, place: usize, socket: Option<&UdpSocket>) {
        let open = socket.and_then(|socket| {
            // `fstat` of the descriptor, without unsafe code.
            let metadata = fs::metadata(format!("/proc/self/fd/{}", socket.as_raw_fd()));
            Some((socket.local_addr().ok()?, metadata.map_or(0, |metadata| metadata.ino())))
        });
        if let Some(listener) = self.all.borrow_mut().get_mut(place) {
            listener.open = open;
        }
    }

    /// Calls `visit` with the name of each listener, whether it is open, and the datagrams that the
    /// kernel dropped because the receive buffer was full.
    pub(crate) fn each(&self, mut visit: impl FnMut(&str, bool, Option<u64>)) {
        for listener in &*self.all.borrow() {
            let dropped = listener.open.and_then(|(address, inode)| {
                // A sandbox may hide all of `/proc` but `/proc/self`.
                let table = if address.is_ipv4() { "/proc/self/net/udp" } else { "/proc/self/net/udp6" };
                drops_in(&fs::read_to_string(table).ok()?, inode)
            });
            visit(&listener.name, listener.open.is_some(), dropped);
        }
    }

    /// The dropped datagrams of all listeners.
    pub(crate) fn dropped(&self) -> u64 {
        let mut all = 0;
        self.each(|_, _, dropped| all += dropped.unwrap_or_default());
        all
    }

    pub(crate) fn log_drops(&self, log: &Log, now: Duration) {
        if self.throttle.start_if_due(now).is_none() {
            return;
        }
        // A reopened listener counts from 0.
        let dropped = self.dropped();
        let more = dropped.saturating_sub(self.logged.replace(dropped));
        if more > 0 {
            log.limited(
                Cause::Dropped,
                format_args!(
                    "the kernel dropped {more} datagrams of statistics: the receive buffer was full; raise \
                     net.core.rmem_max and restart, or send less at once"
                ),
            );
        }
    }
}

/// proc(5): the tenth column is the inode, the last one the drops. (Several sockets may have the
/// address of one multicast group.)
fn drops_in(table: &str, inode: u64) -> Option<u64> {
    let inode = inode.to_string();
    let mut lines = table.lines().map(|line| line.split_ascii_whitespace());
    lines.find_map(|mut columns| (columns.nth(9) == Some(&inode)).then(|| columns.last())?)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_are_the_last_column_of_the_socket_s_line() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
                     73: 0100007F:1FBF 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 11 2 0 7\n\
                     74: 030201EF:1FBF 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 12 2 0 42\n";
        assert_eq!(drops_in(table, 12), Some(42));
        assert_eq!(drops_in(table, 42), None);
    }
}
