//! Converts hyper's requests for the core, and the core's answers to hyper's responses.

use std::time::Duration;

use http::header::{self, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Body as _, Bytes, Incoming};
use pacingd::answer::{self, Answer, Document, METHODS, Status};

use crate::clock;
use crate::context::{Context, LARGE_RESPONSES};
use crate::http::cors;
use crate::http::counters::Side;
use crate::http::dates::on_the_wall;
use crate::http::operator_pages::{self, JSON, NO_STORE};

const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");
const CLOSE: HeaderValue = HeaderValue::from_static("close");
const ALLOW: HeaderValue = HeaderValue::from_static(METHODS);

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    Visitors,
    Operators,
    /// Plain HTTP on a port for HTTPS.
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

pub(crate) fn respond(context: &Context, asked: Asked, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let (now, since_epoch) = (clock::now(), clock::since_epoch());
    let (method, path, query) = (request.method(), request.uri().path(), request.uri().query().unwrap_or_default());
    let counts = context.traffic.of(asked.side());
    counts.request(method.as_str());
    let mut response = match asked {
        Asked::Visitors => {
            let answer = answer::answer(&context.state(), now, method.as_str(), path, query);
            let mut response = response_of(context, answer, now, since_epoch);
            cors::grant(&context.configuration().cors.allowed_origins, request, response.headers_mut());
            response
        }
        Asked::Operators => operators_response(context, method.as_str(), path, now, since_epoch),
        Asked::PlainOverHttps => {
            let detail = format_args!("this port speaks HTTPS and got plain HTTP; want https:// in the URL");
            response_of(context, Answer::problem(Status::BadRequest, detail), now, since_epoch)
        }
    };
    counts.answer(response.status().as_u16());
    let headers = response.headers_mut();
    headers.insert(header::DATE, context.date.value(since_epoch));
    // Bodies are not read: the client could keep the connection busy without limit.
    if !request.body().is_end_stream() || asked == Asked::PlainOverHttps || context.is_stopping() {
        headers.insert(header::CONNECTION, CLOSE);
    }
    response
}

fn operators_response(
    context: &Context,
    method: &str,
    path: &str,
    now: Duration,
    since_epoch: Duration,
) -> Response<Full<Bytes>> {
    context.state().counters.dropped_by_kernel = context.listeners.dropped();
    let Some(document) = Document::asked_for(method, path) else {
        let answer = answer::operators_answer(&context.state(), now, method, path);
        return response_of(context, answer, now, since_epoch);
    };
    let mut response = Response::new(Full::default());
    match operator_pages::document(context, document, response.headers_mut()) {
        Some(text) => {
            *response.body_mut() = Full::new(text);
            response
        }
        None => {
            let detail = format_args!("{LARGE_RESPONSES} large responses are already being sent; try again");
            let refusal = Answer { retry_after: Some(1), ..Answer::problem(Status::ServiceUnavailable, detail) };
            response_of(context, refusal, now, since_epoch)
        }
    }
}

fn response_of(context: &Context, answer: Answer, now: Duration, since_epoch: Duration) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::copy_from_slice(answer.body.as_bytes())));
    *response.status_mut() = StatusCode::from_u16(answer.status.code()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if !answer.body.is_empty() {
        headers.insert(header::CONTENT_TYPE, if answer.is_problem { PROBLEM } else { JSON });
        headers.insert(header::CACHE_CONTROL, NO_STORE);
    }
    if let Some(received) = answer.received {
        let received = on_the_wall(since_epoch, now, received);
        headers.insert(header::LAST_MODIFIED, context.last_modified.value(received));
    }
    if let Some(seconds) = answer.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if answer.allow {
        headers.insert(header::ALLOW, ALLOW);
    }
    response
}
