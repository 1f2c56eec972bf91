//! Listening sockets: accepting, no more connections at once than allowed, and pausing when the system has no more.

pub(crate) mod connection;
pub(crate) mod cors;
pub(crate) mod counters;
pub(crate) mod fairness;
pub(crate) mod operator_pages;
pub(crate) mod respond;
pub(crate) mod stream;

use std::fmt;
use std::io;
use std::net::{Ipv6Addr, SocketAddr};
use std::os::fd::AsFd;
use std::rc::Rc;
use std::time::Duration;

use socket2::SockRef;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::context::Shared;
use crate::http::respond::Side;
use crate::http::stream::Stream;
use crate::https::{self, Tls};
use crate::log::Cause;

/// Connections that the kernel holds for us while all places are taken. Linux caps it at `net.core.somaxconn`.
const BACKLOG: u32 = 1024;

/// Operators are few, and must get in when visitors fill every place of theirs.
pub(crate) const OPERATORS_CONNECTIONS: usize = 16;

/// Bytes of a connection's answers, and of its requests, that the kernel holds for us (it takes twice as many, for what it
/// needs itself). Left alone it holds megabytes for a client that sends requests and takes no answers, and we would make
/// answers for all of them. Many answers fit, and a request's head twice.
const KERNEL_BYTES: usize = 16 * 1024;

/// How long to leave accepting alone when the system has no more file descriptors or memory.
const PAUSE: Duration = Duration::from_millis(200);

/// How long answers under way get when the daemon stops.
pub(crate) const DRAIN: Duration = Duration::from_secs(5);

pub(crate) struct Listener {
    socket: TcpListener,
}

/// What is spoken on a listening socket.
#[derive(Clone, Copy)]
pub(crate) enum Protocol {
    Http,
    Https(&'static Tls),
}

/// Binds a listening socket, one of `all`. Needs the event loop.
pub(crate) fn bind(address: SocketAddr, all: &[SocketAddr]) -> Result<Listener, String> {
    let bound = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // A restart must not wait until the kernel has forgotten the connections of the last run.
        socket.set_reuseaddr(true)?;
        if leaves_ipv4(address, all) {
            SockRef::from(&socket).set_only_v6(true)?;
        }
        socket.bind(address)?;
        bound_buffers(&socket)?;
        socket.listen(BACKLOG)
    };
    let socket = bound().map_err(|error: io::Error| format!("cannot listen on {address}: {error}"))?;
    Ok(Listener { socket })
}

/// Whether a socket for any address, which is any of IPv4, too, has to leave those to another of `all`.
pub(crate) fn leaves_ipv4(address: SocketAddr, all: &[SocketAddr]) -> bool {
    let is_beside = |other: &SocketAddr| other.is_ipv4() && other.port() == address.port();
    address.ip() == Ipv6Addr::UNSPECIFIED && all.iter().any(is_beside)
}

/// Takes a socket that is bound and listens already. Needs the event loop.
pub(crate) fn adopt(socket: std::net::TcpListener) -> Result<Listener, String> {
    let adopted = || {
        socket.set_nonblocking(true)?;
        bound_buffers(&socket)?;
        TcpListener::from_std(socket)
    };
    adopted().map(|socket| Listener { socket }).map_err(|error| format!("cannot take systemd's socket: {error}"))
}

/// What is accepted inherits it.
fn bound_buffers(socket: &impl AsFd) -> io::Result<()> {
    let socket = SockRef::from(socket);
    socket.set_send_buffer_size(KERNEL_BYTES)?;
    socket.set_recv_buffer_size(KERNEL_BYTES)
}

impl Listener {
    /// The socket's own address, for people.
    pub(crate) fn local(&self) -> impl fmt::Display {
        self.socket.local_addr().map_or_else(|error| error.to_string(), |address| address.to_string())
    }

    /// Accepts and serves until the daemon stops.
    pub(crate) async fn serve(self, shared: &'static Shared, side: Side, protocol: Protocol, gate: Gate) {
        tokio::select! {
            () = shared.stopped() => {}
            () = self.accept(shared, side, protocol, gate) => {}
        }
    }

    async fn accept(&self, shared: &'static Shared, side: Side, protocol: Protocol, gate: Gate) {
        loop {
            let handshake = match protocol {
                Protocol::Http => None,
                // Before there is a place for the connection, so that handshakes take no more of those than there are
                // places for handshakes.
                Protocol::Https(tls) => Some((tls, tls.enter().await)),
            };
            let place = gate.enter().await;
            match self.socket.accept().await {
                Ok((stream, _)) => {
                    drop(tokio::task::spawn_local(serve_one(shared, side, stream, handshake, place)));
                    // A crowd that comes at once keeps nobody else waiting for longer than for one of it.
                    tokio::task::yield_now().await;
                }
                Err(error) if is_of_the_connection(&error) => {}
                Err(error) => {
                    shared.traffic.accept_failed();
                    shared.log.limited(
                        Cause::Accept,
                        format_args!("cannot accept connections: {error}; they wait in the listen queue"),
                    );
                    drop(place);
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

async fn serve_one(
    shared: &'static Shared,
    side: Side,
    stream: TcpStream,
    handshake: Option<(&'static Tls, https::Place)>,
    place: OwnedSemaphorePermit,
) {
    shared.traffic.connection_began(side);
    // An answer is one small segment; nothing is gained by waiting for more.
    let _ = stream.set_nodelay(true);
    let stream = match handshake {
        None => Some(Stream::Plain(stream)),
        // In a box of its own, which is gone before the first request: it is larger than all the rest.
        Some((tls, place)) => Box::pin(tls.accept(shared, side, stream, place)).await,
    };
    if let Some(stream) = stream {
        connection::serve(shared, side, stream).await;
    }
    shared.traffic.connection_ended(side);
    drop(place);
}

/// Errors of a client that went away before it was accepted, as accept(2) reports them.
fn is_of_the_connection(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::ConnectionAborted | Kind::ConnectionReset | Kind::ConnectionRefused | Kind::Interrupted
    )
}

/// Places for connections.
#[derive(Clone)]
pub(crate) struct Gate {
    places: std::sync::Arc<Semaphore>,
    all: Rc<u32>,
}

impl Gate {
    pub(crate) fn new(places: usize) -> Self {
        let all = Rc::new(u32::try_from(places).unwrap_or(u32::MAX));
        Self { places: std::sync::Arc::new(Semaphore::new(places)), all }
    }

    async fn enter(&self) -> OwnedSemaphorePermit {
        match self.places.clone().acquire_owned().await {
            Ok(place) => place,
            // Nobody closes the semaphore.
            Err(_) => std::future::pending().await,
        }
    }

    pub(crate) async fn wait_until_empty(&self) {
        let _ = self.places.acquire_many(*self.all).await;
    }
}
