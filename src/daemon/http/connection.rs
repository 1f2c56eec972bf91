//! One connection: hyper speaks HTTP on it; deadlines and the limit of a request's head are kept here.
//!
//! hyper's own time-outs would cost a timer for each request and answer an over-long head without a body; one timer a
//! connection, moved only when it would fire too late, serves waiting, reading and writing alike.

use std::any::Any;
use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::{Request, Response};
use http1::{Connection, Respond, Text, Transport, Wait};
use hyper::body::Incoming;
use hyper::rt::ReadBufCursor;
use pacingd::answer::{Answer, Status};
use tokio::io::{AsyncRead as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::task::unconstrained;
use tokio::time::Instant;

use crate::clock;
use crate::configuration::Timeouts;
use crate::context::Shared;
use crate::http::respond::{self, Side};
use crate::http::stream::Stream;

/// Bytes of a request's head, request line included. Also the most that hyper buffers of a connection.
const HEAD_BYTES: usize = 8192;

/// Fields of a request's head. hyper takes no more, and refuses others without a word.
const HEAD_FIELDS: usize = 100;

/// Bytes read at once. Of what a client has sent at once, the first request is answered at once; each further one waits for
/// its turn, of which there is one in each of the event loop's. So those who send requests without waiting for answers keep
/// each other waiting, and nobody else.
const READ_BYTES: usize = 512;

/// What a client may still send, and how long, before a connection that is over is cut.
const LINGER_BYTES: usize = 256 * 1024;
const LINGER: Duration = Duration::from_secs(1);

/// How long a client that has connected, and not asked yet, is waited for when the daemon stops: its request may be on
/// its way.
pub(crate) const LAST_CALL: Duration = Duration::from_secs(1);

pub(crate) async fn serve(shared: &'static Shared, side: Side, stream: Stream) {
    let watch = Rc::new(Watch::new(shared.configuration().http.limits.timeouts));
    let io = Io { stream, watch: Rc::clone(&watch) };
    let answers = Answers { shared, side, watch: Rc::clone(&watch) };
    let mut connection = Connection::new(Box::new(io), Box::new(answers), HEAD_BYTES);

    let mut stopped = pin!(shared.stopped());
    let mut timer = pin!(tokio::time::sleep(Duration::ZERO));
    // When the timer fires, by our clock.
    let mut alarm = Duration::MAX;
    let (mut is_first, mut is_stopping) = (true, false);
    let ended = poll_fn(|context| {
        watch.now.set(None);
        if let Poll::Ready(ended) = connection.poll(context) {
            return Poll::Ready(ended);
        }
        // In this order: a request that has come already is answered before an idle connection is closed. To be woken,
        // it is enough to have asked once, here and of the timer; unconstrained, for tokio's budget could put that off.
        let may_have_stopped = std::mem::take(&mut is_first) || shared.is_stopping();
        if may_have_stopped && !is_stopping && pin!(unconstrained(stopped.as_mut())).poll(context).is_ready() {
            is_stopping = true;
            watch.hurry();
            // hyper would close between two requests even if half of a head has come; the answer to it ends the
            // connection instead.
            if watch.phase.get() != Phase::Head {
                connection.graceful_shutdown();
            }
            if let Poll::Ready(ended) = connection.poll(context) {
                return Poll::Ready(ended);
            }
        }
        // Most deadlines are moved away before they come; the timer follows only when it would be late.
        let mut is_due = watch.deadline() < alarm || timer.is_elapsed();
        while is_due {
            let left = watch.deadline().saturating_sub(watch.now());
            if left.is_zero() {
                shared.traffic.connection_timed_out(side);
                watch.give_up();
                return Poll::Ready(Ok(()));
            }
            alarm = watch.deadline();
            timer.as_mut().reset(Instant::now() + left);
            is_due = pin!(unconstrained(timer.as_mut())).poll(context).is_ready();
        }
        Poll::Pending
    })
    .await;

    let refusal = watch.refusal.take().or_else(|| ended.err().as_ref().and_then(Refusal::of));
    // Nothing can be added where half of an answer is still to be sent.
    let refusal = refusal.filter(|_| watch.phase.get() != Phase::Stalled);
    let last_words = refusal.map(|refusal| refused(shared, side, refusal));
    if let Ok(io) = connection.into_transport().downcast::<Io>() {
        end(io.stream, last_words.unwrap_or_default()).await;
    }
}

/// Closes a connection, whoever began it.
pub(crate) async fn end(stream: Stream, last_words: String) {
    // However it ends, the client had its chance.
    let _ = tokio::time::timeout(LINGER, close(stream, last_words)).await;
}

/// Why a connection ends with an answer to a request that was never read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Refusal {
    /// And what hyper could not make sense of.
    BadRequest(String),
    UriTooLong,
    HeadTooLarge,
    HeadTooLate,
}

impl Refusal {
    /// None: it is no matter of what the client has sent.
    fn of(error: &hyper::Error) -> Option<Self> {
        match error {
            error if error.is_parse_too_large() => Some(Self::HeadTooLarge),
            error if error.is_parse() => Some(Self::BadRequest(error.to_string())),
            _ => None,
        }
    }
}

/// A whole response for a refused client.
fn refused(shared: &Shared, side: Side, refusal: Refusal) -> String {
    let answer = match refusal {
        Refusal::BadRequest(error) => {
            Answer::problem(Status::BadRequest, format_args!("the request is not HTTP/1.1 as RFC 9112 has it: {error}"))
        }
        Refusal::UriTooLong => Answer::problem(
            Status::UriTooLong,
            format_args!("the request line is longer than {HEAD_BYTES} bytes; ask for fewer groups at once"),
        ),
        Refusal::HeadTooLarge => Answer::problem(
            Status::RequestHeaderFieldsTooLarge,
            format_args!("the request's head is longer than {HEAD_BYTES} bytes, or has more than {HEAD_FIELDS} fields"),
        ),
        Refusal::HeadTooLate => {
            let seconds = shared.configuration().http.limits.timeouts.header.as_secs_f64();
            let detail = format_args!("the request's head was not complete within {seconds} s");
            Answer::problem(Status::RequestTimeout, detail)
        }
    };
    shared.traffic.answer(side, answer.status);
    respond::last_words(shared, side, &answer)
}

/// Closes in stages (RFC 9112, section 9.6): closing at once while the client still sends would destroy on its way what it
/// was told last.
async fn close(mut stream: Stream, last_words: String) -> io::Result<()> {
    stream.write_all(last_words.as_bytes()).await?;
    stream.shutdown().await?;
    // Whatever still comes is not looked at, so it need not be deciphered.
    let stream = stream.tcp();
    let mut left = LINGER_BYTES;
    while left > 0 {
        let read = poll_fn(|context| {
            // Not kept while waiting: every connection would have to hold room for it.
            let mut sink = [const { MaybeUninit::uninit() }; 1024];
            let mut buffer = ReadBuf::uninit(&mut sink);
            let polled = Pin::new(&mut *stream).poll_read(context, &mut buffer);
            polled.map_ok(|()| buffer.filled().len())
        });
        match read.await? {
            0 => break,
            read => left = left.saturating_sub(read),
        }
    }
    Ok(())
}

/// What a connection is doing, and until when it may.
struct Watch {
    timeouts: Timeouts,
    phase: Cell<Phase>,
    deadline: Cell<Duration>,
    /// Read once each time the connection is looked after, if at all.
    now: Cell<Option<Duration>>,
    /// A request was answered of what the client sent at once.
    has_answered: Cell<bool>,
    /// The last read was as long as it may be.
    has_more: Cell<bool>,
    head: Cell<Head>,
    refusal: Cell<Option<Refusal>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No byte of a next request yet.
    Idle,
    /// A request's head has begun.
    Head,
    /// The client does not take its answers.
    Stalled,
}

impl Watch {
    fn new(timeouts: Timeouts) -> Self {
        let deadline = Cell::new(clock::now() + timeouts.idle);
        let (phase, head, refusal) = (Cell::new(Phase::Idle), Cell::new(Head::default()), Cell::new(None));
        let (has_answered, has_more) = (Cell::new(false), Cell::new(false));
        Self { timeouts, phase, deadline, now: Cell::new(None), has_answered, has_more, head, refusal }
    }

    fn deadline(&self) -> Duration {
        self.deadline.get()
    }

    fn now(&self) -> Duration {
        let now = self.now.get().unwrap_or_else(clock::now);
        self.now.set(Some(now));
        now
    }

    fn enter(&self, phase: Phase) {
        let time = if phase == Phase::Head { self.timeouts.header } else { self.timeouts.idle };
        self.phase.set(phase);
        self.deadline.set(self.now() + time);
    }

    /// Bytes came. They may hold the end of one head and the beginning of the next.
    fn bytes_read(&self, bytes: &[u8]) -> Result<(), Refusal> {
        // Nothing at all is the end of the client's sending, and empty lines between requests are passed over (RFC 9112,
        // section 2.2): neither is the beginning of a head.
        if self.phase.get() == Phase::Idle && bytes.iter().any(|byte| !matches!(byte, b'\r' | b'\n')) {
            self.enter(Phase::Head);
        }
        let mut head = self.head.get();
        let within = head.take(bytes);
        self.head.set(head);
        within.inspect_err(|refusal| self.refusal.set(Some(refusal.clone())))
    }

    /// A request was read to its end, and will be answered at once.
    fn request_read(&self) {
        self.enter(if self.head.get().is_empty() { Phase::Idle } else { Phase::Head });
    }

    fn bytes_written(&self, written: bool) {
        match (written, self.phase.get()) {
            (true, Phase::Stalled) => self.request_read(),
            (false, phase) if phase != Phase::Stalled => self.enter(Phase::Stalled),
            _ => {}
        }
    }

    /// The daemon stops.
    fn hurry(&self) {
        if self.phase.get() == Phase::Idle {
            self.deadline.set(self.deadline.get().min(self.now() + LAST_CALL));
        }
    }

    /// The deadline has passed. An idle client is told nothing, for it asked nothing; one that does not take its
    /// answers could not be told.
    fn give_up(&self) {
        if self.phase.get() == Phase::Head {
            self.refusal.set(Some(Refusal::HeadTooLate));
        }
    }
}

/// How much of a request's head was read, across reads and pipelined requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Head {
    bytes: usize,
    /// Line ends seen. After the first, what follows is no longer the request line.
    lines: usize,
    /// Nothing but a carriage return since the last line end: another line end ends the head.
    at_line_start: bool,
}

impl Head {
    fn is_empty(self) -> bool {
        self.bytes == 0
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let length = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
            let (line, behind) = rest.split_at(length);
            rest = behind;
            let is_empty = matches!(line, [b'\n' | b'\r'] | [b'\r', b'\n']);
            let ends = line.ends_with(b"\n");
            let in_request_line = self.lines == 0;
            self.bytes += line.len();
            if ends && is_empty && (self.at_line_start || self.bytes == line.len()) {
                // The end of a head, or an empty line before one, which RFC 9112, section 2.2 lets pass.
                *self = Self::default();
                continue;
            }
            self.at_line_start = ends || (is_empty && self.at_line_start);
            self.lines += usize::from(ends);
            match self.bytes {
                0..HEAD_BYTES if self.lines <= 1 + HEAD_FIELDS => {}
                HEAD_BYTES.. if in_request_line => return Err(Refusal::UriTooLong),
                _ => return Err(Refusal::HeadTooLarge),
            }
        }
        Ok(())
    }
}

/// Answers the connection's requests.
struct Answers {
    shared: &'static Shared,
    side: Side,
    watch: Rc<Watch>,
}

impl Respond for Answers {
    fn respond(&self, request: &mut Request<Incoming>) -> (Response<Text>, Option<Wait>) {
        self.watch.request_read();
        let response = respond::respond(self.shared, self.side, request, self.watch.now());
        let is_ahead = self.watch.has_answered.replace(true);
        (response, is_ahead.then(|| self.shared.turns.next()))
    }
}

/// The stream, with all that goes through it watched.
struct Io {
    stream: Stream,
    watch: Rc<Watch>,
}

impl Transport for Io {
    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

impl hyper::rt::Read for Io {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut cursor: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        // A copy of a few hundred bytes; hyper's own buffer can be looked into only by unsafe code.
        let mut bytes = [const { MaybeUninit::uninit() }; READ_BYTES];
        let room = cursor.remaining().min(READ_BYTES);
        let mut buffer = ReadBuf::uninit(bytes.get_mut(..room).unwrap_or_default());
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
        if !self.watch.has_more.replace(buffer.filled().len() == READ_BYTES) {
            self.watch.has_answered.set(false);
        }
        if self.watch.bytes_read(buffer.filled()).is_err() {
            return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
        }
        cursor.put_slice(buffer.filled());
        Poll::Ready(Ok(()))
    }
}

impl hyper::rt::Write for Io {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch.bytes_written(written.is_ready());
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // TLS takes a few answers into a buffer of its own before it has the client wait.
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.watch.bytes_written(flushed.is_ready());
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head_of(reads: &[&str]) -> Result<Head, Refusal> {
        let mut head = Head::default();
        reads.iter().try_for_each(|read| head.take(read.as_bytes())).map(|()| head)
    }

    #[test]
    fn a_head_ends_with_an_empty_line_however_it_is_cut_into_reads() {
        let request = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
        for at in 0..request.len() {
            let (first, second) = request.split_at(at);
            assert_eq!(head_of(&[first, second]), Ok(Head::default()), "cut at {at}");
            assert_eq!(head_of(&[first, second, "G"]).map(|head| head.bytes), Ok(1), "cut at {at}");
        }
        assert_eq!(head_of(&["GET / HTTP/1.1\nhost: a\n\n"]), Ok(Head::default()));
        assert_eq!(head_of(&["\r\n\r\nGET"]).map(|head| head.bytes), Ok(3));
        assert_eq!(head_of(&["GET / HTTP/1.1\r\na: \r\r\n"]).map(Head::is_empty), Ok(false));
    }

    #[test]
    fn pipelined_requests_are_counted_each_for_itself() {
        let request = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(5000));
        assert_eq!(head_of(&[&request.repeat(20)]), Ok(Head::default()));
    }

    #[test]
    fn a_head_of_more_than_8_kib_is_refused_as_line_or_as_fields() {
        let line = format!("GET /{}", "x".repeat(HEAD_BYTES));
        assert_eq!(head_of(&[&line]), Err(Refusal::UriTooLong));
        assert_eq!(head_of(&[&format!("{line} HTTP/1.1\r\n")]), Err(Refusal::UriTooLong), "its end is there, too");
        let fields = format!("GET / HTTP/1.1\r\na: {}", "x".repeat(HEAD_BYTES));
        assert_eq!(head_of(&[&fields]), Err(Refusal::HeadTooLarge));
        let fields = "a: b\r\n".repeat(HEAD_FIELDS);
        assert!(head_of(&["GET / HTTP/1.1\r\n", &fields, "\r\n"]).is_ok());
        let fields = "a: b\r\n".repeat(HEAD_FIELDS + 1);
        assert_eq!(head_of(&["GET / HTTP/1.1\r\n", &fields]), Err(Refusal::HeadTooLarge));
        let fits = format!("GET / HTTP/1.1\r\na: {}", "x".repeat(HEAD_BYTES - 20));
        assert!(head_of(&[&fits]).is_ok());
    }
}
