//! The documents for operators: the status page, `/status` and `/metrics`.
//!
//! Each response is a text of its own, which is freed after sending: at most 140 KB (`/status`) or
//! 680 KB (`/metrics`) for 256 groups. The limit of `context::LARGE_RESPONSES` bounds what slow
//! clients cost to 5.5 MB.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::{self, HeaderMap, HeaderValue};
use hyper::body::Bytes;
use pacingd::answer::Document;
use pacingd::answer::prometheus::{self, Family};
use pacingd::answer::status::About;
use pacingd::answer::{metrics, status};
use tokio::sync::OwnedSemaphorePermit;

use crate::context::Context;
use crate::https::Tls;
use crate::{VERSION, clock};

/// The status page, which loads no other files.
const PAGE: &str = include_str!("page.html");

/// Allows the page its own script and style, by their hashes (CSP level 3), and requests to its
/// origin; nothing else. The tests compute the hashes.
const POLICY: HeaderValue = HeaderValue::from_static(include_str!("page.csp").trim_ascii_end());

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");
pub(crate) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const METRICS: HeaderValue = HeaderValue::from_static(prometheus::CONTENT_TYPE);
const NO_SNIFFING: HeaderValue = HeaderValue::from_static("nosniff");
const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");

/// The text of a document, with a permit until it was sent.
struct Text(String, #[expect(dead_code)] OwnedSemaphorePermit);

impl AsRef<[u8]> for Text {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// Returns a document's text, and inserts its headers. `None` while [`context::LARGE_RESPONSES`]
/// documents are being sent.
pub(crate) fn document(context: &Context, document: Document, headers: &mut HeaderMap) -> Option<Bytes> {
    let permit = Arc::clone(&context.documents).try_acquire_owned().ok()?;
    let (content_type, body) = match document {
        Document::Page => {
            headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
            headers.insert(header::REFERRER_POLICY, NO_REFERRER);
            (HTML, Bytes::from_static(PAGE.as_bytes()))
        }
        Document::Status | Document::Metrics => {
            let mut text = String::new();
            let is_status = document == Document::Status;
            // Writing to a String does not fail.
            let _ = if is_status { write_status(context, &mut text) } else { write_metrics(context, &mut text) };
            (if is_status { JSON } else { METRICS }, Bytes::from_owner(Text(text, permit)))
        }
    };
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NO_SNIFFING);
    headers.insert(header::CACHE_CONTROL, NO_STORE);
    headers.insert(header::CONTENT_TYPE, content_type);
    Some(body)
}

fn write_status(context: &Context, text: &mut String) -> fmt::Result {
    let (uptime, started) = uptime_and_start(context);
    let expires = context.tls.as_ref().map(Tls::expires);
    let about = About { version: VERSION, uptime, started, certificate_expires: expires.as_deref() };
    status::write(text, &context.state(), clock::now(), about)
}

/// The uptime, and the wall-clock time of the start.
fn uptime_and_start(context: &Context) -> (Duration, Duration) {
    let uptime = clock::now().saturating_sub(context.started);
    (uptime, clock::since_epoch().saturating_sub(uptime))
}

fn write_metrics(context: &Context, text: &mut String) -> fmt::Result {
    metrics::write(text, &context.state(), clock::now())?;
    context.traffic.write(text)?;
    if let Some(tls) = &context.tls {
        tls.write(text)?;
    }
    let help = "Log lines that were dropped because the log was not being read.";
    Family::new(text, "pacingd_log_lines_lost_total", help)?.value(context.log.lost())?;
    let help = "1 while statistics are received there, 0 while a multicast group's interface is missing.";
    let mut family = Family::new(text, "pacingd_statistics_listener_up", help)?;
    context.listeners.each(|name, is_up, _| _ = family.sample(&[("listener", name)], u8::from(is_up)));
    let help = "Datagrams that the kernel dropped because the listener's socket was full, since it was opened.";
    let mut family = Family::new(text, "pacingd_statistics_datagrams_dropped_total", help)?;
    context.listeners.each(|name, _, drops| {
        if let Some(drops) = drops {
            _ = family.sample(&[("listener", name)], drops);
        }
    });
    let mut family = Family::new(text, "pacingd_build_info", "1, with the version of the program.")?;
    family.sample(&[("version", VERSION)], 1)?;
    let help = "When the process was started, seconds since 1970.";
    let (_, started) = uptime_and_start(context);
    Family::new(text, "process_start_time_seconds", help)?.value(started.as_secs())
}

#[cfg(test)]
mod tests {
    use tokio::sync::Semaphore;

    use super::*;

    #[test]
    fn a_permit_is_free_again_when_its_text_was_sent() {
        let permits = Arc::new(Semaphore::new(1));
        let sent = Bytes::from_owner(Text("text".into(), Arc::clone(&permits).try_acquire_owned().unwrap()));
        assert_eq!((&*sent, permits.available_permits()), (&b"text"[..], 0));
        drop(sent);
        assert_eq!(permits.available_permits(), 1);
    }

    #[test]
    fn the_page_is_small_and_asks_nobody_else() {
        assert!(PAGE.len() <= 28 * 1024, "{} bytes", PAGE.len());
        for outside in ["http:", "https:", "src=\"//", "@import", " style=\"", " onclick="] {
            assert!(!PAGE.replace("http://www.w3.org/2000/svg", "").contains(outside), "{outside}");
        }
        assert_eq!(PAGE.matches("<script").count(), 1);
        assert_eq!(PAGE.matches("<style").count(), 1);
        assert_eq!(POLICY.to_str().unwrap().matches("'sha256-").count(), 2);
    }
}
