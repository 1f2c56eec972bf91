//! hyper's HTTP/1.1, put together for one kind of stream, of service and of body.
//!
//! Generic code is compiled in the package where its types become known, as that package is optimized. Here hyper's can be
//! optimized for speed by itself, while the rest of the daemon is for size (docs/speed.md tells what that costs). So nothing
//! in here is generic, and nothing of it is to be inlined.

use std::any::Any;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Request, Response};
use hyper::body::{Body, Buf, Bytes, Frame, Incoming, SizeHint};
use hyper::rt::{Read, Write};
use hyper::server::conn::http1;
use hyper::service::Service;

/// Bytes of a body that are handed on at once. hyper copies a body behind its head, and keeps the room for the next one
/// as long as the connection lives: it must not become as large as the largest document.
const FRAME_BYTES: usize = 8192;

/// What a connection runs over.
pub trait Transport: Read + Write + Unpin {
    /// Itself, for [`Connection::into_transport`] to give it back as what it is.
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
}

/// Who answers.
pub trait Respond {
    /// Answers a request, of which it may take what it likes. The answer is sent when there is nothing to wait for any more.
    fn respond(&self, request: &mut Request<Incoming>) -> (Response<Text>, Option<Wait>);
}

/// What an answer waits for.
pub type Wait = Pin<Box<dyn Future<Output = ()>>>;

/// A connection with a client.
pub struct Connection(http1::Connection<Box<dyn Transport>, Responder>);

impl Connection {
    /// One that has just been accepted. hyper buffers at most so many bytes of it.
    #[inline(never)]
    pub fn new(transport: Box<dyn Transport>, respond: Box<dyn Respond>, buffer_bytes: usize) -> Self {
        let connection = http1::Builder::new()
            .max_buf_size(buffer_bytes)
            // The date is read by the daemon, once a second at most; an answer is copied behind its head and sent in one
            // piece.
            .auto_date_header(false)
            // Who has finished sending still waits for answers.
            .half_close(true)
            .writev(false)
            .serve_connection(transport, Responder(respond));
        Self(connection)
    }

    /// Does what there is to do. Ready: it is over. The client was not told of an error, only answered what it asked before.
    #[inline(never)]
    pub fn poll(&mut self, context: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        self.0.poll_without_shutdown(context)
    }

    /// The next answer is the last one.
    #[inline(never)]
    pub fn graceful_shutdown(&mut self) {
        Pin::new(&mut self.0).graceful_shutdown();
    }

    /// Ends it, and gives back what it ran over.
    #[inline(never)]
    pub fn into_transport(self) -> Box<dyn Any> {
        self.0.into_parts().io.into_any()
    }
}

struct Responder(Box<dyn Respond>);

impl Service<Request<Incoming>> for Responder {
    type Response = Response<Text>;
    type Error = Infallible;
    type Future = Answer;

    fn call(&self, mut request: Request<Incoming>) -> Answer {
        let (response, wait) = self.0.respond(&mut request);
        Answer { response: Some(response), wait }
    }
}

struct Answer {
    response: Option<Response<Text>>,
    wait: Option<Wait>,
}

impl Future for Answer {
    type Output = Result<Response<Text>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(wait) = &mut self.wait {
            ready!(wait.as_mut().poll(context));
        }
        self.response.take().map_or(Poll::Pending, |response| Poll::Ready(Ok(response)))
    }
}

/// Sets a header.
#[inline(never)]
pub fn set(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    headers.insert(name, value);
}

/// How many values a header has: none, one, or more.
#[inline(never)]
pub fn count(headers: &HeaderMap, name: HeaderName) -> usize {
    headers.get_all(name).iter().take(2).count()
}

/// A body that is there as a whole.
pub enum Text {
    /// All of it was handed on.
    Nothing,
    /// A short one, in one piece.
    Short(Rc<dyn AsRef<[u8]>>),
    /// A long one. What comes with it is dropped with its last piece.
    Long(Bytes, Box<dyn Any>),
}

/// A piece of a body on its way.
pub enum Piece {
    /// A short body, and how much of it was sent.
    Short(Rc<dyn AsRef<[u8]>>, usize),
    /// Of a long one.
    Long(Bytes),
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.chunk().len()
    }

    fn chunk(&self) -> &[u8] {
        match self {
            Self::Short(text, sent) => (**text).as_ref().get(*sent..).unwrap_or_default(),
            Self::Long(bytes) => bytes,
        }
    }

    fn advance(&mut self, count: usize) {
        match self {
            Self::Short(_, sent) => *sent += count,
            Self::Long(bytes) => bytes.advance(count),
        }
    }
}

impl Body for Text {
    type Data = Piece;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Piece>, Infallible>>> {
        let piece = match &mut *self {
            Self::Long(rest, _) if rest.len() > FRAME_BYTES => Piece::Long(rest.split_to(FRAME_BYTES)),
            last => match std::mem::replace(last, Self::Nothing) {
                Self::Nothing => return Poll::Ready(None),
                Self::Short(text) => Piece::Short(text, 0),
                Self::Long(rest, _) => Piece::Long(rest),
            },
        };
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Nothing)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Self::Nothing => 0,
            Self::Short(text) => (**text).as_ref().len() as u64,
            Self::Long(rest, _) => rest.len() as u64,
        })
    }
}
