//! TLS handshakes.
//!
//! A handshake takes as long as dozens of requests: on x86-64 0.4 ms with ECDSA and 1.1 ms with
//! RSA, on a small board many times that. So one handshake is polled in a turn.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use rustls::{Error, HandshakeKind};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::Tls;
use crate::context::Context;
use crate::http::connection::{self, Stream};
use crate::http::counters::count;
use crate::http::places::{Place, Turns};
use crate::http::respond::Asked;
use crate::log::Cause;
use pacingd::named;

/// Bytes of answers that rustls buffers for a slow client.
const BUFFER_BYTES: usize = 8192;

named! {
    /// The outcome of a handshake; the name is a label of metrics.
    pub(super) enum HandshakeOutcome {
        Full => "full",
        Resumed => "resumed",
        /// It took too long, or another client needed the place.
        TimedOut => "timed_out",
        /// The client closed the connection, or the daemon stopped.
        Closed => "closed",
        /// A request without TLS.
        PlainHttp => "plain_http",
        /// No version, suite, group or protocol in common.
        Incompatible => "incompatible",
        /// The client sent an alert: usually it does not trust the certificate.
        RefusedByClient => "refused_by_client",
        /// Not TLS.
        Malformed => "malformed",
    }
}

impl HandshakeOutcome {
    fn of(error: &io::Error) -> Self {
        match error.get_ref().and_then(|error| error.downcast_ref()) {
            None => Self::Closed,
            Some(Error::PeerIncompatible(_) | Error::NoApplicationProtocol) => Self::Incompatible,
            Some(Error::AlertReceived(_)) => Self::RefusedByClient,
            Some(_) => Self::Malformed,
        }
    }
}

impl Tls {
    /// Completes a handshake. `None`: the connection is closed.
    pub(crate) async fn accept(&self, context: &Context, stream: TcpStream) -> Option<(Stream, Asked)> {
        let time = context.configuration().https.handshake_timeout;
        let stopped = async {
            context.stopped().await;
            tokio::time::sleep(connection::LAST_CALL).await;
        };
        let (outcome, stream) = tokio::select! {
            ended = self.handshake(stream, context) => ended,
            () = tokio::time::sleep(time) => (HandshakeOutcome::TimedOut, None),
            () = stopped => (HandshakeOutcome::Closed, None),
        };
        count(&self.outcomes[outcome as usize]);
        let mut stream = stream?;
        match outcome {
            HandshakeOutcome::Full | HandshakeOutcome::Resumed => Some((stream, Asked::Visitors)),
            HandshakeOutcome::PlainHttp => Some((stream, Asked::PlainOverHttps)),
            _ => {
                // So that the client receives the alert.
                let _ = stream.shutdown().await;
                connection::linger(context, stream).await;
                None
            }
        }
    }

    async fn handshake(&self, stream: TcpStream, context: &Context) -> (HandshakeOutcome, Option<Stream>) {
        let mut first = [0];
        // A client that sends nothing takes no place.
        match stream.peek(&mut first).await {
            // The first letter of a method, where TLS has 22.
            Ok(1..) if first.first().is_some_and(u8::is_ascii_uppercase) => {
                return (HandshakeOutcome::PlainHttp, Some(Box::new(stream)));
            }
            Ok(1..) => {}
            Ok(0) | Err(_) => return (HandshakeOutcome::Closed, None),
        }
        let place = self.places.take().await;
        let acceptor = TlsAcceptor::from(Arc::clone(&self.config.borrow()));
        let accept = acceptor.accept_with(stream, |connection| connection.set_buffer_limit(Some(BUFFER_BYTES)));
        let accepted = tokio::select! {
            biased;
            accepted = step_by_step(&self.turns, &place, accept.into_fallible()) => accepted,
            () = place.evicted() => return (HandshakeOutcome::TimedOut, None),
        };
        match accepted {
            Ok(stream) => {
                let is_resumed = stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed);
                let outcome = if is_resumed { HandshakeOutcome::Resumed } else { HandshakeOutcome::Full };
                (outcome, Some(Box::new(stream)))
            }
            Err((error, stream)) => {
                context.log.limited(Cause::Handshake, format_args!("a TLS handshake failed: {error}"));
                (HandshakeOutcome::of(&error), Some(Box::new(stream)))
            }
        }
    }
}

/// Polls a handshake in turns of its own. It can be evicted while it waits for the client.
async fn step_by_step<F: Future>(turns: &Turns, place: &Place, handshake: F) -> F::Output {
    let mut handshake = pin!(handshake);
    loop {
        place.busy();
        let turn = turns.next().await;
        let polled = poll_fn(|context| Poll::Ready(handshake.as_mut().poll(context))).await;
        drop(turn);
        if let Poll::Ready(output) = polled {
            return output;
        }
        place.idle();
        // The handshake has registered the waker.
        let mut is_woken = false;
        poll_fn(|_| if std::mem::replace(&mut is_woken, true) { Poll::Ready(()) } else { Poll::Pending }).await;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::rc::Rc;

    use tokio::task::yield_now;

    use super::*;
    use crate::http::places::{Places, Turns};

    #[test]
    fn in_a_turn_of_the_event_loop_one_handshake_is_carried_on() {
        const HANDSHAKES: usize = 5;
        let runtime = tokio::runtime::Builder::new_current_thread().build_local(Default::default()).unwrap();
        let (turn_number, polled_in) = (Rc::new(Cell::new(0)), Rc::new(RefCell::new(Vec::new())));
        let turns: &'static Turns = Box::leak(Box::default());
        runtime.block_on(async {
            let places = Places::new(HANDSHAKES);
            for _ in 0..HANDSHAKES {
                let (turn_number, polled_in) = (Rc::clone(&turn_number), Rc::clone(&polled_in));
                let place = places.take().await;
                tokio::task::spawn_local(async move {
                    let mut polls = 0;
                    let handshake = poll_fn(|context| {
                        polled_in.borrow_mut().push(turn_number.get());
                        polls += 1;
                        context.waker().wake_by_ref();
                        if polls == 2 { Poll::Ready(()) } else { Poll::Pending }
                    });
                    step_by_step(turns, &place, handshake).await;
                });
            }
            while polled_in.borrow().len() < 2 * HANDSHAKES {
                turn_number.set(turn_number.get() + 1);
                yield_now().await;
            }
        });
        let polled_in = polled_in.borrow();
        assert!(polled_in.is_sorted_by(|one, next| one < next), "{polled_in:?}");
    }
}
