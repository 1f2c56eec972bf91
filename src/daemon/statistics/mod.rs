//! The UDP sockets: datagrams to the core, what it says of them to the log.

pub(crate) mod endpoint;
pub(crate) mod listeners;
pub(crate) mod multicast;
mod sockets;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use pacingd::counters::Outcome;
use pacingd::fault::Fault;
use pacingd::limits::DATAGRAM_BYTES;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

use crate::clock;
use crate::context::Shared;
use crate::http::leaves_ipv4;
use crate::log::Cause;
use crate::timer;

/// Datagrams taken in one turn of the event loop: a flood of them keeps no request waiting longer than for so many.
const DATAGRAMS_A_TURN: usize = 32;

/// … or for the next datagram after so many bytes: the largest hold a thousand lines, each with a signature to be tried.
const BYTES_A_TURN: usize = 32 * 1024;

/// How long to leave a socket alone that gives errors.
const PAUSE: Duration = Duration::from_millis(200);

/// Binds a socket, one of `all`. Needs the event loop.
pub(crate) fn bind(address: SocketAddr, all: &[SocketAddr]) -> Result<UdpSocket, String> {
    let bound = || {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if leaves_ipv4(address, all) {
            socket.set_only_v6(true)?;
        }
        socket.bind(&address.into())?;
        non_blocking(socket.into())
    };
    bound().map_err(|error: io::Error| format!("cannot receive statistics on UDP {address}: {error}"))
}

/// Takes a socket that is bound already. Needs the event loop.
pub(crate) fn adopt(socket: std::net::UdpSocket) -> Result<UdpSocket, String> {
    non_blocking(socket).map_err(|error| format!("cannot take systemd's UDP socket: {error}"))
}

fn non_blocking(socket: std::net::UdpSocket) -> io::Result<UdpSocket> {
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket)
}

/// The socket's own address, for people.
pub(crate) fn local(socket: &UdpSocket) -> impl fmt::Display {
    socket.local_addr().map_or_else(|error| error.to_string(), |address| address.to_string())
}

pub(crate) async fn receive(shared: &'static Shared, socket: &UdpSocket) {
    let mut buffer = vec![0; DATAGRAM_BYTES];
    loop {
        let taken = match socket.readable().await {
            Ok(()) => take(shared, socket, &mut buffer),
            Err(error) => Err(error),
        };
        match taken {
            Ok(()) => tokio::task::yield_now().await,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => {
                shared.log.limited(Cause::Receive, format_args!("cannot receive statistics: {error}; trying again"));
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn take(shared: &Shared, socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<()> {
    // They were all there when the first was asked for, near enough.
    let (now, wall) = (clock::now(), clock::since_epoch());
    let mut state = shared.state();
    // A group that is new or comes back is due within one and a half periods.
    timer::wake_before(shared, now + state.settings().pacing.refresh_period * 2);
    let mut bytes = 0;
    for _ in 0..DATAGRAMS_A_TURN {
        let (length, sender) = socket.try_recv_from(buffer)?;
        let datagram = buffer.get(..length).unwrap_or_default();
        state.receive(now, wall, sender.ip(), datagram, |line, fault| complain(shared, sender, line, fault));
        bytes += length;
        if bytes >= BYTES_A_TURN {
            break;
        }
    }
    Ok(())
}

fn complain(shared: &Shared, mut sender: SocketAddr, line: usize, fault: &Fault) {
    let cause = match fault.outcome() {
        Outcome::Malformed => Cause::Malformed,
        Outcome::OutOfRange => Cause::OutOfRange,
        Outcome::TableFull => Cause::TableFull,
        Outcome::Unsigned => Cause::Unsigned,
        Outcome::BadSignature => Cause::BadSignature,
        Outcome::Replayed => Cause::Replayed,
        Outcome::NotAllowed => Cause::NotAllowed,
        // Networks reorder and double datagrams; the counter is enough.
        Outcome::Late | Outcome::Accepted => return,
    };
    // As statistics.sources would name it, on a socket for both kinds of addresses, too.
    sender.set_ip(sender.ip().to_canonical());
    shared.log.limited(cause, format_args!("statistics from {sender}, line {line}, dropped: {fault}"));
}
