//! Receives statistics over UDP, and logs dropped lines.

pub(crate) mod endpoint;
pub(crate) mod listeners;
pub(crate) mod multicast;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use pacingd::counters::Outcome;
use pacingd::fault::Fault;
use pacingd::limits::DATAGRAM_BYTES;
use tokio::net::UdpSocket;

use crate::clock;
use crate::context::Context;
use crate::log::Cause;

/// Datagrams received in one turn of the event loop, so that a flood does not delay requests.
const DATAGRAMS_A_TURN: usize = 32;

/// Bytes after which a turn ends, too: large datagrams hold a thousand signed lines.
const BYTES_A_TURN: usize = 32 * 1024;

/// Pause after an error of a socket.
const PAUSE: Duration = Duration::from_millis(200);

pub(crate) async fn receive(context: &'static Context, socket: &UdpSocket) {
    let mut buffer = vec![0; DATAGRAM_BYTES];
    loop {
        let taken = match socket.readable().await {
            Ok(()) => take(context, socket, &mut buffer),
            Err(error) => Err(error),
        };
        match taken {
            Ok(()) => tokio::task::yield_now().await,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => {
                context.log.limited(Cause::Receive, format_args!("cannot receive statistics: {error}; trying again"));
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn take(context: &Context, socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<()> {
    // One time for all of them.
    let (now, wall) = (clock::now(), clock::since_epoch());
    let mut state = context.state();
    // A group that is new or comes back is due within one and a half periods.
    context.alarm.wake_before(now + state.settings().pacing.refresh_period * 2);
    let mut bytes = 0;
    for _ in 0..DATAGRAMS_A_TURN {
        let (length, sender) = socket.try_recv_from(buffer)?;
        let datagram = buffer.get(..length).unwrap_or_default();
        state.receive(now, wall, sender.ip(), datagram, |line, fault| log_fault(context, sender, line, fault));
        bytes += length;
        if bytes >= BYTES_A_TURN {
            break;
        }
    }
    Ok(())
}

fn log_fault(context: &Context, mut sender: SocketAddr, line: usize, fault: &Fault) {
    let cause = match fault.outcome() {
        Outcome::Malformed => Cause::Malformed,
        Outcome::OutOfRange => Cause::OutOfRange,
        Outcome::TableFull => Cause::TableFull,
        Outcome::Unsigned => Cause::Unsigned,
        Outcome::BadSignature => Cause::BadSignature,
        Outcome::Replayed => Cause::Replayed,
        Outcome::NotAllowed => Cause::NotAllowed,
        // Networks reorder and duplicate datagrams.
        Outcome::Late | Outcome::Accepted => return,
    };
    // As in statistics.sources: a dual-stack socket reports IPv4 senders as IPv6.
    sender.set_ip(sender.ip().to_canonical());
    context.log.limited(cause, format_args!("statistics from {sender}, line {line}, dropped: {fault}"));
}
