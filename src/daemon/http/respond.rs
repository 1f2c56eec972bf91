//! From hyper's request to the core's answer and back to hyper's response.

use std::cell::RefCell;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, UNIX_EPOCH};

use http::header::{self, HeaderValue};
use http::{Request, Response, StatusCode};
use httpdate::HttpDate;
use hyper::body::{Body as _, Bytes, Frame, Incoming, SizeHint};
use pacingd::answer::{self, Answer, Document, METHODS, Status};
use tokio::sync::OwnedSemaphorePermit;

use crate::clock;
use crate::context::Shared;
use crate::http::cors;
use crate::http::operator_pages::{self, Permits};

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

/// What is asked on a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    Visitors,
    Operators,
    /// Plain HTTP where visitors are answered over HTTPS.
    PlainOverHttps,
}

impl Asked {
    pub(crate) const fn side(self) -> Side {
        match self {
            Self::Visitors | Self::PlainOverHttps => Side::Visitors,
            Self::Operators => Side::Operators,
        }
    }
}

/// Answers a request.
pub(crate) fn respond(shared: &Shared, asked: Asked, request: &Request<Incoming>) -> Response<Body> {
    let now = clock::now();
    let (method, path, query) = (request.method(), request.uri().path(), request.uri().query().unwrap_or_default());
    shared.traffic.request(asked.side(), method.as_str());
    let mut response = match asked {
        Asked::Visitors => {
            let answer = answer::answer(&mut shared.state(), now, method.as_str(), path, query);
            let mut response = response_of(shared, asked.side(), answer, now);
            cors::grant(&shared.configuration().http.allowed_origins, request).insert(response.headers_mut());
            response
        }
        Asked::Operators => {
            shared.state().counters_mut().set_dropped_by_kernel(shared.listeners.dropped());
            match Document::asked_for(method.as_str(), path) {
                None => {
                    let answer = answer::operators_answer(&mut shared.state(), now, method.as_str(), path);
                    response_of(shared, asked.side(), answer, now)
                }
                Some(document) => match shared.documents.take() {
                    None => response_of(shared, asked.side(), Permits::refusal(), now),
                    Some(permit) => response_with(shared, document, permit),
                },
            }
        }
        Asked::PlainOverHttps => {
            let detail = format_args!("this port speaks HTTPS and got plain HTTP; want https:// in the URL");
            response_of(shared, asked.side(), Answer::problem(Status::BadRequest, detail), now)
        }
    };
    let headers = response.headers_mut();
    headers.insert(header::DATE, shared.dates.date.value(clock::since_epoch()));
    // Nothing here takes a body; reading it to keep the connection would let a client choose how long.
    if !request.body().is_end_stream() || asked == Asked::PlainOverHttps || shared.is_stopping() {
        headers.insert(header::CONNECTION, CLOSE);
    }
    response
}

fn response_of(shared: &Shared, side: Side, answer: Answer, now: Duration) -> Response<Body> {
    shared.traffic.answer(side, answer.status);
    let mut response = Response::new(Body::from(answer.body.as_bytes()));
    *response.status_mut() = StatusCode::from_u16(answer.status.code()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if !answer.body.is_empty() {
        headers.insert(header::CONTENT_TYPE, if answer.is_problem { PROBLEM } else { JSON });
        headers.insert(header::CACHE_CONTROL, NO_STORE);
    }
    if let Some(received) = answer.received {
        headers.insert(header::LAST_MODIFIED, shared.dates.last_modified(clock::since_epoch(), now, received));
    }
    if let Some(seconds) = answer.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if answer.allow {
        headers.insert(header::ALLOW, ALLOW);
    }
    response
}

fn response_with(shared: &Shared, document: Document, permit: OwnedSemaphorePermit) -> Response<Body> {
    shared.traffic.answer(Side::Operators, Status::Ok);
    let mut response = Response::new(Body::default());
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, NO_STORE);
    let body = operator_pages::document(shared, document, permit, headers);
    *response.body_mut() = Body(body);
    response
}

/// A response's body, which is there as a whole.
#[derive(Default)]
pub(crate) struct Body(Bytes);

impl From<&[u8]> for Body {
    fn from(text: &[u8]) -> Self {
        Self(Bytes::copy_from_slice(text))
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let bytes = std::mem::take(&mut self.0);
        Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.len() as u64)
    }
}

/// Header values of dates.
///
/// `date` is written here and not by hyper, which asks the standard library for the time: that cannot count past 2038 on
/// 32-bit musl (see `clock32`).
#[derive(Default)]
pub(crate) struct Dates {
    date: Date,
    last_modified: Date,
}

impl Dates {
    /// When something was received, on the wall clock; `now` and `received` are of the daemon's clock.
    fn last_modified(&self, since_epoch: Duration, now: Duration, received: Duration) -> HeaderValue {
        self.last_modified.value(since_epoch.saturating_sub(now.saturating_sub(received)))
    }
}

/// The last value made, for it holds for a second.
struct Date(RefCell<(u64, HeaderValue)>);

impl Default for Date {
    fn default() -> Self {
        Self(RefCell::new((0, http_date(0))))
    }
}

impl Date {
    fn value(&self, since_epoch: Duration) -> HeaderValue {
        let mut last = self.0.borrow_mut();
        if last.0 != since_epoch.as_secs() {
            *last = (since_epoch.as_secs(), http_date(since_epoch.as_secs()));
        }
        last.1.clone()
    }
}

/// The last second of the year 9999, with which HTTP's dates end.
const LAST_SECOND: u64 = 253_402_300_799;

fn http_date(seconds: u64) -> HeaderValue {
    let date = HttpDate::from(UNIX_EPOCH + Duration::from_secs(seconds.min(LAST_SECOND))).to_string();
    HeaderValue::try_from(date).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_modified_is_the_wall_clock_less_the_age_of_the_statistics() {
        let dates = Dates::default();
        let at = Duration::from_millis;
        let value = |epoch, now, received| dates.last_modified(at(epoch), at(now), at(received));
        assert_eq!(value(1_795_653_125_000, 90_000, 90_000), "Thu, 26 Nov 2026 00:32:05 GMT");
        assert_eq!(value(1_795_653_125_000, 90_000, 85_000), "Thu, 26 Nov 2026 00:32:00 GMT");
        assert_eq!(value(1_795_653_125_000, 90_000, 84_999), "Thu, 26 Nov 2026 00:31:59 GMT");
        // The clock was set back to 1970.
        assert_eq!(value(3000, 90_000, 10_000), "Thu, 01 Jan 1970 00:00:00 GMT");
    }

    #[test]
    fn a_date_is_made_anew_with_each_second_and_ends_with_the_year_9999() {
        let date = Date::default();
        for (milliseconds, want) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (999, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (1000, "Thu, 01 Jan 1970 00:00:01 GMT"),
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (2_147_483_648_000, "Tue, 19 Jan 2038 03:14:08 GMT"),
            (u64::MAX, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            assert_eq!(date.value(Duration::from_millis(milliseconds)), want);
        }
    }
}
