//! What hears statistics, for operators: each listener's name, and the socket that it has at the moment.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::MetadataExt as _;

use tokio::net::UdpSocket;

use crate::statistics::sockets;

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

/// All of them, each at its place.
#[derive(Debug, Default)]
pub(crate) struct Listeners(RefCell<Vec<Listener>>);

impl Listeners {
    /// One more, which is not open yet. Gives its place.
    pub(crate) fn add(&self, name: String) -> usize {
        let mut listeners = self.0.borrow_mut();
        listeners.push(Listener { name, open: None });
        listeners.len() - 1
    }

    pub(crate) fn opened(&self, place: usize, socket: &UdpSocket) {
        // The kernel tells the inode in its own file system of a process's descriptors, without unsafe code of ours.
        let metadata = std::fs::metadata(format!("/proc/self/fd/{}", socket.as_raw_fd()));
        let open = socket.local_addr().ok().map(|address| {
            let inode = metadata.map_or(0, |metadata| metadata.ino());
            Open { address, inode }
        });
        if let Some(listener) = self.0.borrow_mut().get_mut(place) {
            listener.open = open;
        }
    }

    pub(crate) fn closed(&self, place: usize) {
        if let Some(listener) = self.0.borrow_mut().get_mut(place) {
            listener.open = None;
        }
    }

    /// How many datagrams the kernel dropped because a socket was full.
    pub(crate) fn dropped(&self) -> u64 {
        let mut sum = 0;
        self.each(|_, _, dropped| sum += dropped.unwrap_or(0));
        sum
    }

    /// Each one's name, whether it hears, and how many datagrams the kernel dropped because its socket was full.
    pub(crate) fn each(&self, mut tell: impl FnMut(&str, bool, Option<u64>)) {
        for listener in &*self.0.borrow() {
            let dropped = listener.open.and_then(|open| sockets::datagrams_dropped(open.address, open.inode));
            tell(&listener.name, listener.open.is_some(), dropped);
        }
    }
}
