//! Signed statistics against the real binary: without a key no line is accepted, and with one the
//! log says what is wrong.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // clippy.toml allows them in test functions only.

mod common;

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use common::{Daemon, Directory, configuration, line, line_with, run, words};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;

const SECRET: &str = "a secret that nobody else has, of 43 bytes.";
const NEXT: &str = "the secret that comes after it, of 44 bytes.";

/// Unix milliseconds now, and this much later.
fn now(more: i64) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    u64::try_from(now).unwrap().saturating_add_signed(more)
}

fn base64(bytes: &[u8]) -> String {
    let mut text = vec![0; bytes.len() * 2];
    let length = BASE64_URL_SAFE_NO_PAD.encode_slice(bytes, &mut text).unwrap();
    text.truncate(length);
    String::from_utf8(text).unwrap()
}

/// A JWS whose header says this, and whose signature is HMAC-SHA-256 with that secret.
fn made(header: &str, payload: &str, secret: &str) -> String {
    let signed = format!("{}.{}", base64(header.as_bytes()), base64(payload.as_bytes()));
    let mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap().chain_update(signed.as_bytes());
    format!("{signed}.{}", base64(&mac.finalize().into_bytes()))
}

fn signed(payload: &str) -> String {
    made(r#"{"alg":"HS256","typ":"JWT"}"#, payload, SECRET)
}

/// A line of a group with the time in it.
fn timed(group: &str, ready: u32, more: i64) -> String {
    line_with(group, ready, &format!(r#""time":{}"#, now(more)))
}

/// Configuration with the keys of these files.
fn keyed(directory: &Directory, files: &[&str]) -> String {
    let paths: Vec<String> = files.iter().map(|file| directory.path().join(file).to_str().unwrap().into()).collect();
    format!("[statistics]\nkey-files = {paths:?}\n")
}

fn daemon() -> (Daemon, Directory) {
    let keys = Directory::new();
    keys.file("key", &format!("{SECRET}\n"));
    keys.file("next", NEXT);
    (Daemon::with(&keyed(&keys, &["key"])), keys)
}

fn distrusted(daemon: &Daemon, why: &str) -> Value {
    common::client::Client::connect(daemon.operators).get("/status").json()["distrusted"][why].clone()
}

#[test]
fn a_signed_line_is_accepted_and_served() {
    let (daemon, _keys) = daemon();
    daemon.log.wait_for("statistics must be signed; keys: 1");
    let lines = [signed(&timed("Sales", 4, 0)), signed(&timed("Überweisung", 3, -20_000))];
    daemon.send(lines.join("\n"), 2);
    assert_eq!(daemon.lines("accepted"), 2);
    assert_eq!(daemon.capacity("channel=chat").value("capacity"), 7);
    assert!(daemon.log.containing(SECRET).is_empty());
}

#[test]
fn every_line_that_is_not_to_be_trusted_is_refused_and_counted_as_what_it_is() {
    let (daemon, _keys) = daemon();
    let first = signed(&timed("A", 1, 0));
    daemon.send(&first, 1);
    let payload = timed("A", 9, 100);
    let good = signed(&payload);
    let (head, signature) = good.rsplit_once('.').unwrap();
    let altered = format!("{}.{}.{signature}", head.split_once('.').unwrap().0, base64(timed("A", 8, 100).as_bytes()));
    let rs256 = r#"{"alg":"RS256","typ":"JWT"}"#;
    let rsa = format!("{}.{}.{}", base64(rs256.as_bytes()), base64(payload.as_bytes()), base64(&[1; 256]));
    let none = format!("{}.{}.", base64(br#"{"alg":"none"}"#), base64(payload.as_bytes()));
    let claims_none = format!("{none}{signature}");
    let critical = made(r#"{"alg":"HS256","crit":["b64"],"b64":false}"#, &payload, SECRET);
    for (line, outcome, why) in [
        (payload.clone(), "unsigned", "notSigned"),
        ("garbage".into(), "unsigned", "notSigned"),
        (String::new(), "unsigned", "notSigned"),
        (head.into(), "unsigned", "notSigned"),
        (none, "unsigned", "noSignature"),
        (claims_none, "badSignature", "mismatch"),
        (made(r#"{"alg":"HS256"}"#, &payload, NEXT), "badSignature", "mismatch"),
        (made(r#"{"alg":"HS256"}"#, &payload, ""), "badSignature", "mismatch"),
        (altered, "badSignature", "mismatch"),
        (made(rs256, &payload, SECRET), "badSignature", "otherAlgorithm"),
        (rsa, "badSignature", "otherAlgorithm"),
        (made(r#"{"alg":"HS512"}"#, &payload, SECRET), "badSignature", "otherAlgorithm"),
        (critical, "badSignature", "badForm"),
        (format!("{good}="), "badSignature", "otherAlgorithm"),
        (first, "replayed", "replayed"),
        (signed(&timed("A", 9, -10_000)), "replayed", "replayed"),
        (signed(&timed("B", 9, -40_000)), "replayed", "stale"),
        (signed(&timed("B", 9, 60_000)), "replayed", "early"),
        (signed(&line("chat", "A", 9)), "malformed", ""),
        (signed("[]"), "malformed", ""),
        (signed(&timed("", 9, 0)), "outOfRange", ""),
    ] {
        let before = (daemon.lines(outcome), distrusted(&daemon, why).as_u64().unwrap_or_default());
        daemon.send(&line, 1);
        let more = u64::from(!why.is_empty());
        let after = (daemon.lines(outcome), distrusted(&daemon, why).as_u64().unwrap_or_default());
        assert_eq!(after, (before.0 + 1, before.1 + more), "{line}");
    }
    daemon.assert_the_outcomes_sum_to_the_lines_received();
    assert_eq!((daemon.lines("accepted"), daemon.lines("late")), (1, 0));
    assert_eq!(daemon.capacity("channel=chat").value("capacity"), 1);
    assert_eq!(daemon.health()["groups"]["known"], 1);
    for text in
        ["line 1, dropped: not signed", "dropped: its signature does not fit", "later than that of the group's last"]
    {
        daemon.log.wait_for(text);
        assert_eq!(daemon.log.containing(text).len(), 1, "{text}: {:#?}", daemon.log.all());
    }
    daemon.send(&good, 1);
    assert_eq!(daemon.capacity("channel=chat").value("capacity"), 9, "and nothing of it was in the way of the next");
}

#[test]
fn a_restart_takes_no_line_again_that_is_older_than_the_time_to_live() {
    let keys = Directory::new();
    keys.file("key", SECRET);
    let old = signed(&timed("A", 9, -31_000));
    let daemon = Daemon::with(&keyed(&keys, &["key"]));
    daemon.send(&old, 1);
    assert_eq!((daemon.lines("replayed"), daemon.lines("accepted")), (1, 0));
    daemon.log.wait_for("behind the clock here; want at most 30 s");
}

#[test]
fn two_keys_count_at_once_while_one_takes_the_other_s_place() {
    let (daemon, keys) = daemon();
    let next = |group: &str| made(r#"{"alg":"HS256"}"#, &timed(group, 1, 0), NEXT);
    daemon.send(next("A"), 1);
    assert_eq!(daemon.lines("badSignature"), 1);
    daemon.write_configuration(&keyed(&keys, &["key", "next"]));
    assert!(daemon.reload().contains("is in force"));
    daemon.send([signed(&timed("B", 1, 0)), next("C")].join("\n"), 2);
    assert_eq!(daemon.lines("accepted"), 2);
    daemon.write_configuration(&keyed(&keys, &["next"]));
    assert!(daemon.reload().contains("is in force"));
    daemon.send([signed(&timed("D", 1, 0)), next("E")].join("\n"), 2);
    assert_eq!((daemon.lines("accepted"), daemon.lines("badSignature")), (3, 2));
    daemon.write_configuration("");
    assert!(daemon.reload().contains("is in force"));
    daemon.send([next("F"), line("chat", "F", 1)].join("\n"), 2);
    assert_eq!((daemon.lines("accepted"), daemon.lines("malformed")), (4, 1), "no key, no signatures");
    daemon.log.wait_for("signed, but no key is configured here");
}

#[test]
fn a_key_that_is_none_ends_the_start_and_is_kept_out_of_a_reload() {
    let (daemon, keys) = daemon();
    let short = SECRET.get(..31).unwrap();
    for (content, want) in [
        (short, "/bad has 31 bytes; want a key of at least 32"),
        (&format!("{short}\n"), "/bad has 31 bytes; want a key of at least 32"),
        ("", "/bad has 0 bytes; want a key of at least 32"),
        (&"x".repeat(2000), "/bad cannot be read: it has more than 1024 bytes"),
    ] {
        keys.file("bad", content);
        let file = keys.file("bad.toml", &configuration(&keyed(&keys, &["key", "bad"])));
        for arguments in [&["--check-config"][..], &["--check-lines"], &[]] {
            let output = run(&[&["--config", file.to_str().unwrap()], arguments].concat());
            assert_eq!(output.status.code(), Some(78));
            let output = String::from_utf8(output.stderr).unwrap();
            assert!(output.contains(want), "{output}");
        }
        daemon.write_configuration(&keyed(&keys, &["bad"]));
        let output = daemon.reload();
        assert!(output.contains(want) && output.contains("nothing was changed"), "{output}");
    }
    daemon.write_configuration(&keyed(&keys, &["missing"]));
    let (path, output) = (keys.path().join("missing"), daemon.reload());
    let want = format!("pacingd.toml:3: statistics.key-files: {} cannot be read: No such file", path.display());
    assert!(output.contains(&want), "{output}");
    daemon.send(signed(&timed("A", 1, 0)), 1);
    assert_eq!(daemon.lines("accepted"), 1, "the old key is in force");
    assert!(daemon.log.containing(short).is_empty());
}

#[test]
fn send_signs_what_is_not_signed_and_check_lines_judges_lines_as_they_are() {
    let (daemon, keys) = daemon();
    let mut text = configuration(&keyed(&keys, &["key", "next"]));
    text =
        text.replace("[statistics]\nlisten = \"127.0.0.1:0\"", &format!("[statistics]\nlisten = \"{}\"", daemon.udp));
    let file = keys.file("send.toml", &text);
    let feed = |argument: &str, lines: &[&str]| {
        let words = words();
        let mut child = Command::new(&words[0])
            .args(&words[1..])
            .args(["--config", file.to_str().unwrap(), argument])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(lines.join("\n").as_bytes()).unwrap();
        String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
    };
    let ready = signed(&timed("A", 4, 0));
    let output = feed("--send", &[&line("chat", "B", 2), &timed("C", 3, 0), &ready, "{}"]);
    daemon.wait_until_received(3);
    assert_eq!(daemon.lines("accepted"), 3, "{output}");
    assert_eq!(daemon.capacity("channel=chat").value("capacity"), 9);
    assert!(
        output.contains("line 3: accepted, 4 ready") && output.contains("line 4: dropped: channel is missing"),
        "{output}"
    );
    let stale = signed(&timed("A", 4, -3_600_000));
    let output = feed("--check-lines", &[&line("chat", "B", 2), &ready, &stale]);
    for want in [
        "line 1: dropped: not signed",
        "line 2: accepted",
        "line 3: dropped: group \"A\" of chat: its time is 3600 s behind",
    ] {
        assert!(output.contains(want), "{output}");
    }
}
