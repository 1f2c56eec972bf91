//! Serves one connection by hyper.

use std::cell::Cell;
use std::convert::Infallible;
use std::error::Error as _;
use std::future::{Future as _, poll_fn};
use std::io;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use pacingd::answer::Status;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::yield_now;

use crate::context::Context;
use crate::http::counters::count;
use crate::http::places::Place;
use crate::http::respond::{self, Asked};

/// The most bytes of a request's head: the smallest buffer that hyper allows.
const HEAD_BYTES: usize = 8192;

/// Input that is discarded before a connection is closed, and the time for it.
const LINGER_BYTES: usize = 256 * 1024;
const LINGER: Duration = Duration::from_secs(1);

const READ_BYTES: usize = 16 * 1024;

/// Time for the first request of a new connection when the daemon stops: it may be in flight.
pub(crate) const LAST_CALL: Duration = Duration::from_secs(1);

/// TCP, or TLS over TCP: one type, so that hyper is in the binary once.
pub(crate) type Stream = Box<dyn OverTcp>;

pub(crate) trait OverTcp: AsyncRead + AsyncWrite + Unpin {
    fn tcp(&self) -> &TcpStream;
}

impl OverTcp for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

#[cfg(feature = "tls")]
impl OverTcp for tokio_rustls::server::TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

pub(crate) async fn serve(context: &Context, asked: Asked, stream: Stream, place: &Place) {
    let mut io = TokioIo::new(stream);
    let ended = serve_requests(context, asked, &mut io, place).await;
    let counts = context.traffic.of(asked.side());
    match ended {
        Ok(()) => {}
        Err(error) if is_timeout(&error) => return count(&counts.timed_out),
        Err(error) if error.is_parse_too_large() => counts.answer(Status::RequestHeaderFieldsTooLarge.code()),
        Err(error) if error.is_parse() => counts.answer(Status::BadRequest.code()),
        Err(_) => return,
    }
    linger(context, io.into_inner()).await;
}

async fn serve_requests(context: &Context, asked: Asked, io: &mut TokioIo<Stream>, place: &Place) -> hyper::Result<()> {
    let has_asked = Cell::new(false);
    let was_answered_in_this_turn = Cell::new(false);
    let service = service_fn(|request: Request<Incoming>| {
        has_asked.set(true);
        place.busy();
        let is_ahead = was_answered_in_this_turn.replace(true);
        async move {
            // Pipelined requests wait for each other, but do not delay other clients.
            let _turn = if is_ahead { Some(context.turns.next().await) } else { None };
            let response = respond::respond(context, asked, &request);
            place.idle();
            Ok::<_, Infallible>(response)
        }
    });
    let idle_timeout = context.configuration().limits.idle_timeout;
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(idle_timeout)
        .max_buf_size(HEAD_BYTES)
        // Small answers are copied behind their heads, which is cheaper.
        .writev(asked == Asked::Operators)
        // On 32-bit musl hyper's clock stops in 2038; see `clock32`.
        .auto_date_header(false)
        // A client that has shut down its sending side gets its answers.
        .half_close(true)
        .serve_connection(io, service);
    let mut connection = pin!(connection);
    let last_call = async {
        // Polled whenever the task is woken, as when the daemon stops.
        poll_fn(|_| if context.is_stopping() { Poll::Ready(()) } else { Poll::Pending }).await;
        if has_asked.get() {
            // A request that has arrived is answered first.
            yield_now().await;
        } else {
            tokio::time::sleep(LAST_CALL).await;
        }
    };
    let one_answer_a_turn = poll_fn(|task| {
        was_answered_in_this_turn.set(false);
        connection.as_mut().poll(task)
    });
    tokio::select! {
        biased;
        ended = one_answer_a_turn => return ended,
        () = last_call => {}
    }
    connection.as_mut().graceful_shutdown();
    connection.await
}

/// Whether a head did not arrive in time, or an answer was not acknowledged.
fn is_timeout(error: &hyper::Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    error.is_timeout() || cause.is_some_and(|cause| cause.kind() == io::ErrorKind::TimedOut)
}

/// Waits until the client has closed its side (RFC 9112, section 9.6): closing while it still sends
/// would reset the connection and lose the last answer.
pub(crate) async fn linger(context: &Context, stream: Stream) {
    // The input is discarded, so TLS need not decrypt it.
    let _ = tokio::time::timeout(LINGER, discard(context, stream.tcp())).await;
}

async fn discard(context: &Context, stream: &TcpStream) -> io::Result<()> {
    let mut left = LINGER_BYTES;
    while left > 0 {
        stream.readable().await?;
        let _turn = context.turns.next().await;
        match stream.try_read(&mut [0; READ_BYTES]) {
            Ok(0) => break,
            Ok(read) => left = left.saturating_sub(read),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
