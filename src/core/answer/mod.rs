//! Answers: a pure function of method, target and state.
//!
//! Paths, bodies and errors are those of the Pacing REST API; errors are problem details (RFC 9457).

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

/// Seconds after which a client may ask again while there are no fresh statistics: collectors push every few seconds.
const RETRY_AFTER_SECONDS: u32 = 5;

crate::named! {
    /// A status code of HTTP (RFC 9110, section 15), as far as pacingd uses it, with its reason phrase.
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
    /// The number.
    pub const fn code(self) -> u16 {
        self as u16
    }
}

/// The body of an answer.
pub type Body = heapless::String<BODY_BYTES>;

/// An answer; the edge makes the headers of HTTP from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The status code.
    pub status: Status,
    /// JSON; empty for [`Status::NoContent`].
    pub body: Body,
    /// Whether the body is a problem (RFC 9457).
    pub is_problem: bool,
    /// When the oldest statistics used were received; for `last-modified`.
    pub received: Option<Duration>,
    /// Seconds for `retry-after`.
    pub retry_after: Option<u32>,
    /// Whether to say which methods are allowed.
    pub allow: bool,
}

/// The methods of every path, for `allow`.
pub const METHODS: &str = "GET, HEAD, OPTIONS";

impl Answer {
    const fn empty(status: Status) -> Self {
        Self { status, body: Body::new(), is_problem: false, received: None, retry_after: None, allow: false }
    }

    fn json(status: Status, body: fmt::Arguments<'_>) -> Self {
        let mut answer = Self::empty(status);
        // Every body fits: the tests make the longest ones.
        let _ = answer.body.write_fmt(body);
        answer
    }

    /// An error, as problem details.
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

/// Escapes what is written to it, for between the quotes of a JSON string (RFC 8259, section 7).
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
