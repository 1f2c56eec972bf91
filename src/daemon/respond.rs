//! From hyper's request to the core's answer and back to hyper's response.

use std::cell::RefCell;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, UNIX_EPOCH};

use http::header::{self, HeaderMap, HeaderValue};
use http::{Request, Response, StatusCode};
use httpdate::HttpDate;
use hyper::body::{Body as _, Bytes, Frame, Incoming, SizeHint};
use pacingd::answer::{self, Answer, Document, METHODS, Status};

use super::clock;
use super::cors;
use super::documents::{self, Ticket};
use super::shared::Shared;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const CLOSE: HeaderValue = HeaderValue::from_static("close");
const ALLOW: HeaderValue = HeaderValue::from_static(METHODS);

/// Who is asking.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// The web tier, or visitors' browsers.
    Visitors,
    /// People and programs that watch the daemon.
    Operators,
}

impl Side {
    /// The name in metrics.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Visitors => "visitors",
            Self::Operators => "operators",
        }
    }
}

/// Bytes of a body that are handed on at once. hyper copies a body behind its head, and keeps the room for the next one
/// as long as the connection lives: it must not become as large as the largest document.
const FRAME_BYTES: usize = 8192;

pub(crate) fn respond(shared: &Shared, side: Side, request: &Request<Incoming>) -> Result<Response<Text>, Infallible> {
    let now = clock::now();
    let (method, path, query) = (request.method(), request.uri().path(), request.uri().query().unwrap_or_default());
    shared.traffic.request(side, method.as_str());
    let document = Document::asked_for(method.as_str(), path).filter(|_| side == Side::Operators);
    let answer = match (side, document.map(|document| (document, shared.documents.another()))) {
        (_, Some((document, Some(ticket)))) => return Ok(document_response(shared, document, ticket, request)),
        (_, Some((_, None))) => Ticket::refusal(),
        (Side::Visitors, None) => answer::answer(&mut shared.state(), now, method.as_str(), path, query),
        (Side::Operators, None) => answer::operators_answer(&mut shared.state(), now, method.as_str(), path),
    };
    shared.traffic.answer(side, answer.status);
    let mut response = Response::new(Text::default());
    *response.status_mut() = StatusCode::from_u16(answer.status.code()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    let since_epoch = clock::since_epoch();
    headers.insert(header::DATE, shared.dates.date(since_epoch));
    if !answer.body.is_empty() {
        headers.insert(header::CONTENT_TYPE, if answer.is_problem { PROBLEM } else { JSON });
        headers.insert(header::CACHE_CONTROL, NO_STORE);
    }
    if let Some(received) = answer.received {
        let at = since_epoch.saturating_sub(now.saturating_sub(received));
        headers.insert(header::LAST_MODIFIED, shared.dates.last_modified(at));
    }
    if let Some(seconds) = answer.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if answer.allow {
        headers.insert(header::ALLOW, ALLOW);
    }
    if side == Side::Visitors {
        cors::allow(&shared.configuration().http.allowed_origins, request, headers);
    }
    close_at_the_end(shared, request, headers);
    *response.body_mut() = Text { rest: Bytes::copy_from_slice(answer.body.as_bytes()), ticket: None };
    Ok(response)
}

fn document_response(
    shared: &Shared,
    document: Document,
    ticket: Ticket,
    request: &Request<Incoming>,
) -> Response<Text> {
    shared.traffic.answer(Side::Operators, Status::Ok);
    let mut response = Response::new(Text::default());
    let headers = response.headers_mut();
    headers.insert(header::DATE, shared.dates.date(clock::since_epoch()));
    headers.insert(header::CACHE_CONTROL, NO_STORE);
    close_at_the_end(shared, request, headers);
    let rest = documents::document(shared, document, headers);
    *response.body_mut() = Text { rest, ticket: Some(ticket) };
    response
}

/// Nothing here takes a body; reading it to keep the connection would let a client choose how long.
fn close_at_the_end(shared: &Shared, request: &Request<Incoming>, headers: &mut HeaderMap) {
    if !request.body().is_end_stream() || shared.is_stopping() {
        headers.insert(header::CONNECTION, CLOSE);
    }
}

/// A whole response for a connection that hyper has given up.
pub(crate) fn last_words(shared: &Shared, answer: &Answer) -> String {
    let date = shared.dates.date(clock::since_epoch());
    format!(
        "HTTP/1.1 {} {}\r\ndate: {}\r\ncontent-type: application/problem+json\r\ncache-control: no-store\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{}",
        answer.status.code(),
        answer.status.reason(),
        date.to_str().unwrap_or_default(),
        answer.body.len(),
        answer.body
    )
}

/// A body that is there as a whole.
#[derive(Default)]
pub(crate) struct Text {
    rest: Bytes,
    /// Given back when all was sent.
    ticket: Option<Ticket>,
}

impl hyper::body::Body for Text {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let length = self.rest.len().min(FRAME_BYTES);
        let frame = self.rest.split_to(length);
        if self.rest.is_empty() {
            self.ticket = None;
        }
        Poll::Ready((length > 0).then(|| Ok(Frame::data(frame))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

/// Header values of dates, made once for each second that is told.
pub(crate) struct Dates {
    date: RefCell<(u64, HeaderValue)>,
    last_modified: RefCell<(u64, HeaderValue)>,
}

impl Dates {
    pub(crate) fn new() -> Self {
        let never = || RefCell::new((u64::MAX, HeaderValue::from_static("")));
        Self { date: never(), last_modified: never() }
    }

    fn date(&self, since_epoch: Duration) -> HeaderValue {
        told(&self.date, since_epoch)
    }

    fn last_modified(&self, since_epoch: Duration) -> HeaderValue {
        told(&self.last_modified, since_epoch)
    }
}

fn told(last: &RefCell<(u64, HeaderValue)>, since_epoch: Duration) -> HeaderValue {
    let mut last = last.borrow_mut();
    let seconds = since_epoch.as_secs();
    if last.0 != seconds {
        let date = HttpDate::from(UNIX_EPOCH + Duration::from_secs(seconds)).to_string();
        *last = (seconds, HeaderValue::try_from(date).unwrap_or(HeaderValue::from_static("")));
    }
    last.1.clone()
}
