//! The documents on the operators' listener: the status page, `/status` and `/metrics`.
//!
//! `/status` and `/metrics` are written into a text of their own for each request, which is freed when it was sent. With
//! every one of 256 groups at its widest it takes some 140 KB (`/status`) or 680 KB (`/metrics`). Their number is limited
//! (`context::LARGE_RESPONSES`), so clients that take them slowly cost 5.5 MB at most; visitors cannot ask for them.

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

/// The status page: one file with nothing outside of it.
const PAGE: &str = include_str!("page.html");

/// The page may run its own script and style, known by their hashes (CSP level 3), and ask where it came from. Nothing
/// else, from nowhere. The checks of the page compute the hashes anew.
const POLICY: HeaderValue = HeaderValue::from_static(include_str!("page.csp").trim_ascii_end());

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");
pub(crate) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const METRICS: HeaderValue = HeaderValue::from_static(prometheus::CONTENT_TYPE);
const NO_SNIFFING: HeaderValue = HeaderValue::from_static("nosniff");
const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");

/// A document's text, which holds a permit until it was sent.
struct Text(String, #[expect(dead_code)] OwnedSemaphorePermit);

impl AsRef<[u8]> for Text {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// A document's text, and its headers into `headers`. `None` while [`context::LARGE_RESPONSES`] documents are being sent.
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
            // A String takes all that is written to it.
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

/// How long the daemon has run, and when it was started, since 1970.
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
