//! Listening sockets: each connection that is accepted takes a place and is served by a task of its own.

pub(crate) mod connection;
pub(crate) mod cors;
pub(crate) mod counters;
pub(crate) mod dates;
pub(crate) mod operator_pages;
pub(crate) mod places;
pub(crate) mod respond;

use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
use std::pin::pin;
use std::time::Duration;

use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::yield_now;

use crate::context::Context;
use crate::http::counters::count;
use crate::http::places::{Place, Places};
use crate::http::respond::Asked;
use crate::https::Tls;
use crate::log::Cause;

/// Places for operators: they are few, and must get in when visitors fill every place of theirs.
pub(crate) const OPERATORS_CONNECTIONS: usize = 16;

/// How long accepting pauses when the system has no more file descriptors or memory.
const PAUSE: Duration = Duration::from_millis(200);

/// How long answers under way get when the daemon stops.
pub(crate) const DRAIN: Duration = Duration::from_secs(5);

/// Accepts and serves until the daemon stops. Whoever has connected by then is served, too.
pub(crate) async fn serve(
    listener: TcpListener,
    context: &'static Context,
    asked: Asked,
    tls: Option<&'static Tls>,
    places: Places,
) {
    let mut stopped = pin!(async {
        context.stopped().await;
        // The event loop may not have seen yet who waits in the kernel's queue.
        yield_now().await;
    });
    loop {
        let accepted = tokio::select! {
            biased;
            accepted = listener.accept() => accepted,
            () = &mut stopped => return,
        };
        match accepted {
            Ok((stream, _)) => {
                // The next one waits in the kernel's queue until this one has its place.
                let place = places.take().await;
                drop(tokio::task::spawn_local(serve_one(context, asked, stream, tls, place)));
                // One connection in each turn of the event loop: a crowd delays other clients by no more than that.
                yield_now().await;
            }
            // A client went away before it was accepted, as accept(2) reports it.
            Err(error)
                if matches!(error.kind(), ConnectionAborted | ConnectionReset | ConnectionRefused | Interrupted) => {}
            Err(error) => {
                count(&context.traffic.accept_errors);
                context.log.limited(
                    Cause::Accept,
                    format_args!("cannot accept connections: {error}; they wait in the listen queue"),
                );
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn serve_one(
    context: &'static Context,
    asked: Asked,
    stream: TcpStream,
    tls: Option<&'static Tls>,
    place: Place,
) {
    let counts = context.traffic.of(asked.side());
    count(&counts.accepted);
    // An answer is one small segment; nothing is gained by waiting for more.
    let _ = stream.set_nodelay(true);
    // The kernel ends the connection of a client that takes no answer for so long.
    let idle_timeout = context.configuration().limits.idle_timeout;
    let _ = SockRef::from(&stream).set_tcp_user_timeout(Some(idle_timeout));
    let served = async {
        let Some(tls) = tls else {
            return connection::serve(context, asked, Box::new(stream), &place).await;
        };
        // In a box of its own, which is gone before the first request: it is larger than all the rest.
        if let Some((stream, asked)) = Box::pin(tls.accept(context, stream)).await {
            connection::serve(context, asked, stream, &place).await;
        }
    };
    tokio::select! {
        biased;
        () = served => {}
        () = place.needed() => count(&counts.timed_out),
    }
    count(&counts.ended);
}
