//! The text of statistics lines, and datagrams of them.

use std::fmt::Write as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::limits::DATAGRAM_BYTES;
use crate::queues::Report;
use crate::settings::{Labels, Secret};

/// Returns the line of `report`, whose figures are as old as `asked` (since 1970). Without a line
/// end.
pub fn line(report: &Report, labels: &Labels, asked: Duration) -> String {
    let mut line = format!("{{\"channel\":\"{}\",\"group\":", labels.channel.name());
    push_json(&mut line, &report.group);
    for (name, value) in [
        ("ready", report.ready),
        ("loggedIn", report.logged_in),
        ("slots", report.slots),
        ("reactive", report.reactive),
        ("queued", report.queued),
        ("reactiveEntered", report.entered),
        ("abandoned", report.abandoned),
    ] {
        let _ = write!(line, ",\"{name}\":{value}");
    }
    if let Some(seconds) = report.handle_time {
        let _ = write!(line, ",\"handleTime\":{seconds:.1}");
    }
    if let Some(name) = &labels.collector {
        line.push_str(",\"collector\":");
        push_json(&mut line, name);
    }
    let _ = write!(line, ",\"time\":{}}}", asked.as_millis());
    line
}

/// Appends `text`, which has no control characters, as a JSON string.
fn push_json(line: &mut String, text: &str) {
    line.push('"');
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            line.push('\\');
        }
        line.push(character);
    }
    line.push('"');
}

/// Returns `line` signed with `key`: a JWS in compact serialization (RFC 7515), HS256.
pub fn sign(line: &str, key: &Secret) -> String {
    let mut text = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#);
    text.push('.');
    URL_SAFE_NO_PAD.encode_string(line, &mut text);
    // HMAC takes a key of any length: the error cannot be.
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) {
        mac.update(text.as_bytes());
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(mac.finalize().into_bytes(), &mut text);
    }
    text
}

/// Returns `lines` in as few datagrams as they fit into, in order.
pub fn datagrams(lines: &[String]) -> Vec<String> {
    let mut datagrams: Vec<String> = Vec::new();
    for line in lines {
        match datagrams.last_mut() {
            Some(last) if last.len() + 1 + line.len() <= DATAGRAM_BYTES => {
                last.push('\n');
                last.push_str(line);
            }
            _ => datagrams.push(line.clone()),
        }
    }
    datagrams
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Channel;

    fn report() -> Report {
        Report {
            group: "Über \"x\\".into(),
            ready: 1,
            logged_in: 5,
            slots: 4,
            reactive: 3,
            queued: 2,
            handle_time: Some(12.34),
            entered: 70,
            abandoned: 8,
        }
    }

    #[test]
    fn a_line_is_json_with_the_contracts_names() {
        let labels = Labels { channel: Channel::WebCallback, collector: Some("pbx-1".into()) };
        let text = line(&report(), &labels, Duration::from_millis(1_790_000_000_123));
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let want = serde_json::json!({
            "channel": "webcallback", "group": "Über \"x\\", "ready": 1, "loggedIn": 5, "slots": 4, "reactive": 3,
            "queued": 2, "handleTime": 12.3, "reactiveEntered": 70, "abandoned": 8, "collector": "pbx-1",
            "time": 1_790_000_000_123_u64,
        });
        assert_eq!(value, want);
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let text = line(&Report { handle_time: None, ..report() }, &Labels::default(), Duration::ZERO);
        assert!(!text.contains("handleTime") && !text.contains("collector"), "{text}");
    }

    #[test]
    fn a_signature_is_the_one_that_other_implementations_make() {
        // By Python: base64url(hmac.new(b"k" * 32, b"eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ",
        // sha256).digest()).
        let signed = sign(r#"{"a":1}"#, &Secret::new("k".repeat(32)).unwrap());
        assert_eq!(signed, "eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.2VjjDmw4kVQC0z-7i2IrBy0Rr0vzpCNTCvb-FKGL_-k");
    }

    #[test]
    fn datagrams_hold_whole_lines_and_fit_into_a_frame() {
        let lines: Vec<String> = (0..100).map(|n| format!("{n:0300}")).collect();
        let datagrams = datagrams(&lines);
        assert_eq!(datagrams.len(), 25);
        assert!(datagrams.iter().all(|datagram| datagram.len() <= DATAGRAM_BYTES));
        assert_eq!(datagrams.join("\n"), lines.join("\n"));
    }
}
