//! From hyper's request to the core's answer and back to hyper's response.

use std::cell::{Ref, RefCell};
use std::rc::Rc;
use std::time::{Duration, UNIX_EPOCH};

use http::header::{self, HeaderMap, HeaderValue};
use http::{Request, Response, StatusCode, Version};
use http1::Text;
use httpdate::HttpDate;
use hyper::body::{Body as _, Incoming};
use pacingd::answer::{self, Answer, Document, METHODS, Status};

use crate::clock;
use crate::context::Shared;
use crate::http::cors::{self, Grant};
use crate::http::operator_pages::{self, Ticket};

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

/// Fields that the map of headers that a connection keeps has room for: those that browsers send.
const KEPT_FIELDS: usize = 24;

pub(crate) fn respond(shared: &Shared, side: Side, request: &mut Request<Incoming>, now: Duration) -> Response<Text> {
    let (method, path, query) = (request.method(), request.uri().path(), request.uri().query().unwrap_or_default());
    shared.traffic.request(side, method.as_str());
    if side == Side::Operators {
        shared.state().counters_mut().set_dropped_by_kernel(shared.listeners.dropped());
    }
    let answer = match (side, without_one_host(request)) {
        (_, Some(got)) => {
            Answer::problem(Status::BadRequest, format_args!("the request has {got} host field; want exactly one"))
        }
        (Side::Visitors, None) => answer::answer(&mut shared.state(), now, method.as_str(), path, query),
        (Side::Operators, None) => match Document::asked_for(method.as_str(), path) {
            None => answer::operators_answer(&mut shared.state(), now, method.as_str(), path),
            Some(document) => match shared.documents.another() {
                Some(ticket) => return document_response(shared, document, ticket, request, now),
                None => Ticket::refusal(),
            },
        },
    };
    shared.traffic.answer(side, answer.status);
    let grant = match side {
        Side::Visitors => cors::grant(&shared.configuration().http.allowed_origins, request),
        Side::Operators => Grant::default(),
    };
    let mut headers = recycled(request);
    http1::set(&mut headers, header::DATE, shared.dates.date(now));
    if !answer.body.is_empty() {
        http1::set(&mut headers, header::CONTENT_TYPE, if answer.is_problem { PROBLEM } else { JSON });
        http1::set(&mut headers, header::CACHE_CONTROL, NO_STORE);
    }
    if let Some(received) = answer.received {
        http1::set(&mut headers, header::LAST_MODIFIED, shared.dates.last_modified(now, received));
    }
    if let Some(seconds) = answer.retry_after {
        http1::set(&mut headers, header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if answer.allow {
        http1::set(&mut headers, header::ALLOW, ALLOW);
    }
    grant.tell(&mut headers);
    close_at_the_end(shared, request, &mut headers);
    let mut response = Response::new(text(shared, &answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status.code()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = headers;
    response
}

/// How many a request of HTTP/1.1 has that must be refused for it (RFC 9112, section 3.2). The value is no matter: every
/// name leads to the same daemon.
fn without_one_host(request: &Request<Incoming>) -> Option<&'static str> {
    match http1::count(request.headers(), header::HOST) {
        1 => None,
        _ if request.version() != Version::HTTP_11 => None,
        0 => Some("no"),
        _ => Some("more than one"),
    }
}

/// The request's map of headers, emptied: hyper takes that of the response for the next request, and so one serves a
/// connection for as long as it lives. One that a client has made large is not kept.
fn recycled(request: &mut Request<Incoming>) -> HeaderMap {
    let mut headers = std::mem::take(request.headers_mut());
    if headers.capacity() > KEPT_FIELDS {
        return HeaderMap::new();
    }
    headers.clear();
    headers
}

fn document_response(
    shared: &Shared,
    document: Document,
    ticket: Ticket,
    request: &Request<Incoming>,
    now: Duration,
) -> Response<Text> {
    shared.traffic.answer(Side::Operators, Status::Ok);
    let mut response = Response::new(Text::Nothing);
    let headers = response.headers_mut();
    headers.insert(header::DATE, shared.dates.date(now));
    headers.insert(header::CACHE_CONTROL, NO_STORE);
    close_at_the_end(shared, request, headers);
    let rest = operator_pages::document(shared, document, headers);
    *response.body_mut() = Text::Long(rest, Box::new(ticket));
    response
}

/// Nothing here takes a body; reading it to keep the connection would let a client choose how long.
fn close_at_the_end(shared: &Shared, request: &Request<Incoming>, headers: &mut HeaderMap) {
    if !request.body().is_end_stream() || shared.is_stopping() {
        headers.insert(header::CONNECTION, CLOSE);
    }
}

/// A whole response for a connection that hyper has given up.
pub(crate) fn last_words(shared: &Shared, side: Side, answer: &Answer) -> String {
    let date = shared.dates.date(clock::now());
    let grant = match side {
        Side::Visitors => cors::grant_unread(&shared.configuration().http.allowed_origins),
        Side::Operators => "",
    };
    format!(
        "HTTP/1.1 {} {}\r\ndate: {}\r\ncontent-type: application/problem+json\r\ncache-control: no-store\r\n{grant}\
         content-length: {}\r\nconnection: close\r\n\r\n{}",
        answer.status.code(),
        answer.status.reason(),
        date.to_str().unwrap_or_default(),
        answer.body.len(),
        answer.body
    )
}

/// The room for an answer's body: one for the whole daemon, for hyper copies a body behind its head at once. While a
/// client that does not take its answers holds it, the others get another.
pub(crate) type Room = RefCell<Rc<answer::Body>>;

fn text(shared: &Shared, body: &answer::Body) -> Text {
    if body.is_empty() {
        return Text::Nothing;
    }
    let mut room = shared.room.borrow_mut();
    if Rc::get_mut(&mut room).is_none() {
        *room = Rc::default();
    }
    if let Some(room) = Rc::get_mut(&mut room) {
        room.clear();
        // As long as any answer's body.
        let _ = room.push_str(body);
    }
    let room: Rc<answer::Body> = Rc::clone(&room);
    Text::Short(room)
}

/// Header values of dates, each made once for as long as it holds.
///
/// The wall clock is read when a second of it is over: setting it shows that late at most.
pub(crate) struct Dates {
    date: RefCell<Date>,
    last_modified: RefCell<(Duration, HeaderValue)>,
}

struct Date {
    value: HeaderValue,
    /// When it holds no more.
    until: Duration,
    /// When, on the wall clock, our own clock was at zero.
    since_epoch: Duration,
}

impl Dates {
    pub(crate) fn new() -> Self {
        let value = || HeaderValue::from_static("");
        let date = Date { value: value(), until: Duration::ZERO, since_epoch: Duration::ZERO };
        Self { date: RefCell::new(date), last_modified: RefCell::new((Duration::MAX, value())) }
    }

    fn date(&self, now: Duration) -> HeaderValue {
        self.at(now).value.clone()
    }

    fn last_modified(&self, now: Duration, received: Duration) -> HeaderValue {
        let at = self.at(now).since_epoch.saturating_add(received);
        let mut last = self.last_modified.borrow_mut();
        if last.0.as_secs() != at.as_secs() {
            *last = (at, http_date(at));
        }
        last.1.clone()
    }

    fn at(&self, now: Duration) -> Ref<'_, Date> {
        if self.date.borrow().until <= now {
            let at = clock::since_epoch();
            let until = now + Duration::from_secs(1) - Duration::from_nanos(at.subsec_nanos().into());
            let since_epoch = at.saturating_sub(now);
            *self.date.borrow_mut() = Date { value: http_date(at), until, since_epoch };
        }
        self.date.borrow()
    }
}

fn http_date(since_epoch: Duration) -> HeaderValue {
    let date = HttpDate::from(UNIX_EPOCH + Duration::from_secs(since_epoch.as_secs())).to_string();
    HeaderValue::try_from(date).unwrap_or(HeaderValue::from_static(""))
}
