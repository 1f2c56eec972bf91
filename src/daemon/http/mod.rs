//! Accepts connections: each takes a place, and is served by its own task.

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

/// Places for operators, separate from those for visitors.
pub(crate) const OPERATORS_CONNECTIONS: usize = 16;

/// Pause of accepting while the system has no file descriptors or memory.
const PAUSE: Duration = Duration::from_millis(200);

/// Time for answers in flight when the daemon stops.
pub(crate) const DRAIN: Duration = Duration::from_secs(5);

/// Serves connections until the daemon stops, and those in the listen queue then.
pub(crate) async fn serve(
    listener: TcpListener,
    context: &'static Context,
    asked: Asked,
    tls: Option<&'static Tls>,
    places: Places,
) {
    let mut stopped = pin!(async {
        context.stopped().await;
        // Lets the event loop see connections in the listen queue first.
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
                // Meanwhile others wait in the listen queue.
                let place = places.take().await;
                drop(tokio::task::spawn_local(serve_one(context, asked, stream, tls, place)));
                // One connection in a turn, so that a crowd does not delay other clients.
                yield_now().await;
            }
            // The client closed the connection before it was accepted, in the words of accept(2).
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
    let _ = stream.set_nodelay(true);
    // The kernel closes the connection if an answer is not acknowledged in time.
    let idle_timeout = context.configuration().limits.idle_timeout;
    let _ = SockRef::from(&stream).set_tcp_user_timeout(Some(idle_timeout));
    let served = async {
        let Some(tls) = tls else {
            return connection::serve(context, asked, Box::new(stream), &place).await;
        };
        // Boxed, so that its memory, more than all the rest, is freed before the first request.
        if let Some((stream, asked)) = Box::pin(tls.accept(context, stream)).await {
            connection::serve(context, asked, stream, &place).await;
        }
    };
    tokio::select! {
        biased;
        () = served => {}
        () = place.evicted() => count(&counts.timed_out),
    }
    count(&counts.ended);
}
