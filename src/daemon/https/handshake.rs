//! One handshake: begun, bounded, and what became of it.
//!
//! A handshake's arithmetic takes as long as dozens of requests: on x86-64 0.4 ms with a key of ECDSA and 1.1 with one of
//! RSA, on a small board many times that. One thread does it all, so no more than one handshake is carried on in a turn of
//! the event loop; between two of them every connection and datagram that is ready gets its turn.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use pacingd::answer::{Answer, Status};
use rustls::{Error, HandshakeKind};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::{Place, Tls};
use crate::context::Shared;
use crate::http::connection;
use crate::http::fairness::Turns;
use crate::http::respond::{self, Side};
use crate::http::stream::Stream;
use crate::log::Cause;

/// Bytes of answers that rustls keeps for a client that does not take them; the kernel keeps as many again.
const BUFFER_BYTES: usize = 8192;

/// What became of a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Full,
    Resumed,
    TimedOut,
    /// The client went away, or the daemon stopped.
    Closed,
    /// A request without TLS.
    PlainHttp,
    /// No version, suite, group or protocol in common.
    Incompatible,
    /// The client said no: as a rule to the certificate.
    RefusedByClient,
    /// What came was not TLS.
    Malformed,
}

impl Outcome {
    pub(super) const ALL: [Self; 8] = [
        Self::Full,
        Self::Resumed,
        Self::TimedOut,
        Self::Closed,
        Self::PlainHttp,
        Self::Incompatible,
        Self::RefusedByClient,
        Self::Malformed,
    ];

    /// The name in metrics.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Resumed => "resumed",
            Self::TimedOut => "timed_out",
            Self::Closed => "closed",
            Self::PlainHttp => "plain_http",
            Self::Incompatible => "incompatible",
            Self::RefusedByClient => "refused_by_client",
            Self::Malformed => "malformed",
        }
    }

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
    /// Carries a handshake to its end. `None`: it failed, and the connection is over. It has its place until then, so that
    /// those who fail again and again take no more of the connections than those who do not end.
    pub(crate) async fn accept(&self, shared: &Shared, side: Side, stream: TcpStream, _place: Place) -> Option<Stream> {
        self.begin();
        let time = shared.configuration().https.handshake_timeout;
        let stopped = async {
            shared.stopped().await;
            tokio::time::sleep(connection::LAST_CALL).await;
        };
        let (outcome, stream) = tokio::select! {
            ended = self.shake(stream, shared) => ended,
            () = tokio::time::sleep(time) => (Outcome::TimedOut, None),
            () = stopped => (Outcome::Closed, None),
        };
        self.end(outcome);
        match (outcome, stream?) {
            (Outcome::Full | Outcome::Resumed, stream) => return Some(stream),
            (Outcome::PlainHttp, stream) => {
                let detail = format_args!("this port speaks HTTPS and got plain HTTP; want https:// in the URL");
                let answer = Answer::problem(Status::BadRequest, detail);
                shared.traffic.answer(side, answer.status);
                connection::end(stream, respond::last_words(shared, side, &answer)).await;
            }
            // Closing in stages lets the alert arrive that says why.
            (_, stream) => connection::end(stream, String::new()).await,
        }
        None
    }

    async fn shake(&self, stream: TcpStream, shared: &Shared) -> (Outcome, Option<Stream>) {
        let mut first = [0];
        match stream.peek(&mut first).await {
            // A method's first letter, where TLS has a 22.
            Ok(1..) if first.first().is_some_and(u8::is_ascii_uppercase) => {
                return (Outcome::PlainHttp, Some(Stream::Plain(stream)));
            }
            Ok(1..) => {}
            Ok(0) | Err(_) => return (Outcome::Closed, None),
        }
        let acceptor = TlsAcceptor::from(Arc::clone(&self.config.borrow()));
        let accept = acceptor.accept_with(stream, |connection| connection.set_buffer_limit(Some(BUFFER_BYTES)));
        match in_turn(&self.turns, accept.into_fallible()).await {
            Ok(stream) => {
                let is_resumed = stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed);
                let outcome = if is_resumed { Outcome::Resumed } else { Outcome::Full };
                (outcome, Some(Stream::Tls(Box::new(stream))))
            }
            Err((error, stream)) => {
                shared.log.limited(Cause::Handshake, format_args!("a TLS handshake failed: {error}"));
                (Outcome::of(&error), Some(Stream::Plain(stream)))
            }
        }
    }
}

/// Polls a future only while no other one was polled in this turn of the event loop. First come, first served.
async fn in_turn<F: Future>(turns: &Turns, future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        turns.next().await;
        if let Poll::Ready(output) = poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await {
            return output;
        }
        // The future has seen to it that this task is woken.
        let mut is_woken = false;
        poll_fn(|_| if std::mem::replace(&mut is_woken, true) { Poll::Ready(()) } else { Poll::Pending }).await;
    }
}
