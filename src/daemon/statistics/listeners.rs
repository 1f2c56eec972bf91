//! Where statistics are received, for operators: each listener's name, and the socket that it has at the moment.

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
    /// Address and inode of its socket, by which the kernel's tables know it.
    open: Option<(SocketAddr, u64)>,
}

/// How often the kernel is asked for datagrams that it dropped: as often as the daemon wakes for predictions by default.
const INTERVAL: Duration = Duration::from_secs(2);

/// All listeners, each at its place.
pub(crate) struct Listeners {
    all: RefCell<Vec<Listener>>,
    throttle: Throttle,
    /// Datagrams dropped when they were logged last.
    logged: Cell<u64>,
}

impl Default for Listeners {
    fn default() -> Self {
        Self { all: RefCell::default(), throttle: Throttle::new(INTERVAL), logged: Cell::new(0) }
    }
}

impl Listeners {
    /// Adds a listener, which is not open yet. Returns its place.
    pub(crate) fn add(&self, name: String) -> usize {
        let mut listeners = self.all.borrow_mut();
        listeners.push(Listener { name, open: None });
        listeners.len() - 1
    }

    /// Notes the socket that the listener has from now on, if any.
    pub(crate) fn set(&self, place: usize, socket: Option<&UdpSocket>) {
        let open = socket.and_then(|socket| {
            // The inode of a descriptor stands in the kernel's file system of a process, which needs no unsafe code.
            let metadata = fs::metadata(format!("/proc/self/fd/{}", socket.as_raw_fd()));
            Some((socket.local_addr().ok()?, metadata.map_or(0, |metadata| metadata.ino())))
        });
        if let Some(listener) = self.all.borrow_mut().get_mut(place) {
            listener.open = open;
        }
    }

    /// Calls `visit` with each listener's name, whether it is open, and how many datagrams the kernel dropped because its
    /// socket was full.
    pub(crate) fn each(&self, mut visit: impl FnMut(&str, bool, Option<u64>)) {
        for listener in &*self.all.borrow() {
            let dropped = listener.open.and_then(|(address, inode)| {
                // `/proc/self` is there also where a sandbox hides the rest of `/proc`.
                let table = if address.is_ipv4() { "/proc/self/net/udp" } else { "/proc/self/net/udp6" };
                drops_in(&fs::read_to_string(table).ok()?, inode)
            });
            visit(&listener.name, listener.open.is_some(), dropped);
        }
    }

    /// Datagrams that the kernel dropped at all listeners because their sockets were full.
    pub(crate) fn dropped(&self) -> u64 {
        let mut all = 0;
        self.each(|_, _, dropped| all += dropped.unwrap_or_default());
        all
    }

    /// Logs when the kernel has dropped more.
    pub(crate) fn log_drops(&self, log: &Log, now: Duration) {
        if self.throttle.start_if_due(now).is_none() {
            return;
        }
        // A listener that was opened anew counts from 0.
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

/// proc(5): the tenth column is the socket's inode, the last one the drops. (Its address does not suffice: several sockets may
/// receive from one multicast group.)
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
