//! Answers as a pure function of method, target and state: paths and bodies of the Pacing REST API,
//! problem details (RFC 9457) for errors.

pub mod explanation;
pub mod metrics;
pub mod operators;
pub mod prometheus;
pub mod status;
pub mod visitors;

use core::fmt::{self, Write};
use core::time::Duration;

pub use operators::{Document, operators_answer};
pub use visitors::answer;

use crate::limits::BODY_BYTES;
use crate::wire::excerpt::Excerpt;

/// Seconds for `retry-after` without fresh statistics: collectors push every few seconds.
const RETRY_AFTER_SECONDS: u32 = 5;

crate::named! {
    /// The status codes that pacingd uses, with their reason phrases (RFC 9110, section 15).
    pub enum Status {
        Ok = 200 => "OK",
        NoContent = 204 => "No Content",
        BadRequest = 400 => "Bad Request",
        NotFound = 404 => "Not Found",
        MethodNotAllowed = 405 => "Method Not Allowed",
        RequestHeaderFieldsTooLarge = 431 => "Request Header Fields Too Large",
        NotImplemented = 501 => "Not Implemented",
        ServiceUnavailable = 503 => "Service Unavailable",
    }
}

impl Status {
    pub const fn code(self) -> u16 {
        self as u16
    }
}

pub type Body = heapless::String<BODY_BYTES>;

/// An answer, from which the daemon makes a response of HTTP.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub status: Status,
    /// JSON, or empty.
    pub body: Body,
    /// Whether the body is problem details.
    pub is_problem: bool,
    /// Reception of the oldest statistics used, for `last-modified`.
    pub received: Option<Duration>,
    /// Seconds for `retry-after`.
    pub retry_after: Option<u32>,
    /// Whether to send `allow`.
    pub allow: bool,
}

/// The methods of every path.
pub const METHODS: &str = "GET, HEAD, OPTIONS";

impl Answer {
    /// An answer made of statistics; the oldest were received at `received`.
    fn of(received: Option<Duration>, body: fmt::Arguments<'_>) -> Self {
        let mut answer = Self::json(Status::Ok, body);
        answer.received = received;
        answer
    }

    const fn empty(status: Status) -> Self {
        Self { status, body: Body::new(), is_problem: false, received: None, retry_after: None, allow: false }
    }

    fn json(status: Status, body: fmt::Arguments<'_>) -> Self {
        let mut answer = Self::empty(status);
        // Every body fits; the tests produce the longest ones.
        let _ = answer.body.write_fmt(body);
        answer
    }

    pub fn problem(status: Status, detail: fmt::Arguments<'_>) -> Self {
        let mut answer = Self::empty(status);
        answer.is_problem = true;
        let _ = write!(answer.body, r#"{{"title":"{}","status":{},"detail":""#, status.name(), status.code());
        let _ = JsonText(&mut answer.body).write_fmt(detail);
        let _ = answer.body.push_str("\"}");
        answer
    }

    fn unavailable(detail: fmt::Arguments<'_>) -> Self {
        Self { retry_after: Some(RETRY_AFTER_SECONDS), ..Self::problem(Status::ServiceUnavailable, detail) }
    }

    fn options() -> Self {
        Self { allow: true, ..Self::empty(Status::NoContent) }
    }

    fn method_not_allowed(method: &str) -> Self {
        let detail = format_args!("method is {}; want one of {METHODS}", Excerpt::new(method));
        Self { allow: true, ..Self::problem(Status::MethodNotAllowed, detail) }
    }
}

/// Writes the content of a JSON string, with escapes (RFC 8259, section 7).
struct JsonText<'a, W>(&'a mut W);

impl<W: Write> Write for JsonText<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            match character {
                '"' | '\\' => write!(self.0, "\\{character}")?,
                control if control < ' ' => write!(self.0, "\\u{:04x}", u32::from(control))?,
                other => self.0.write_char(other)?,
            }
        }
        Ok(())
    }
}
