//! Where statistics are received, for operators: each listener's name, and the socket that it has at the moment.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

use tokio::net::UdpSocket;

use crate::log::{Cause, Log};
use crate::statistics::sockets;
use crate::throttle::Throttle;

/// An open socket as the kernel's tables know it.
#[derive(Clone, Copy, Debug)]
struct Open {
    address: SocketAddr,
    inode: u64,
}

#[derive(Debug)]
struct Listener {
    name: String,
    open: Option<Open>,
}

/// How often the kernel is asked for datagrams that it dropped: as often as the daemon wakes for predictions by default.
const INTERVAL: Duration = Duration::from_secs(2);

/// All listeners, each at its place.
#[derive(Debug)]
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

    pub(crate) fn opened(&self, place: usize, socket: &UdpSocket) {
        // The inode of a descriptor stands in the kernel's file system of a process, which needs no unsafe code.
        let metadata = std::fs::metadata(format!("/proc/self/fd/{}", socket.as_raw_fd()));
        let open = socket.local_addr().ok().map(|address| {
            let inode = metadata.map_or(0, |metadata| metadata.ino());
            Open { address, inode }
        });
        if let Some(listener) = self.all.borrow_mut().get_mut(place) {
            listener.open = open;
        }
    }

    pub(crate) fn closed(&self, place: usize) {
        if let Some(listener) = self.all.borrow_mut().get_mut(place) {
            listener.open = None;
        }
    }

    /// Calls `visit` with each listener's name, whether it is open, and how many datagrams the kernel dropped because its
    /// socket was full.
    pub(crate) fn each(&self, mut visit: impl FnMut(&str, bool, Option<u64>)) {
        for listener in &*self.all.borrow() {
            let dropped = listener.open.and_then(|open| sockets::datagrams_dropped(open.address, open.inode));
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
        if !self.throttle.is_due(now) {
            return;
        }
        self.throttle.start(now);
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
