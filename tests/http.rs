//! Requests over real connections: every row of the contract, and clients of every kind.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // clippy.toml allows them in test functions only.

mod common;

use std::io::{ErrorKind, Write as _};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::client::{Answer, Client};
use common::{Daemon, line, line_with};

const CAPACITY: &str = "/backend/data/pacing/channelCapacity";
const STATE: &str = "/backend/data/pacing/reactiveState";
const ASK: &str = "GET /backend/data/pacing/channelCapacity?channel=chat HTTP/1.1\r\nhost: pacing\r\n\r\n";
const EXTERNAL: &str = "[pacing]\nalgorithm = \"EXTERNAL\"\n";

/// With 7 agents ready in groups of chat: 3 in "Sales & Co", 4 in "Über uns".
fn daemon_with(more: &str) -> Daemon {
    let daemon = Daemon::with(more);
    let lines = [
        line_with("Sales & Co", 3, r#""loggedIn":10,"reactiveState":0.5"#),
        line_with("Über uns", 4, r#""loggedIn":30,"reactiveState":1"#),
    ];
    daemon.send(lines.join("\n"), 2);
    daemon
}

fn daemon() -> Daemon {
    daemon_with(EXTERNAL)
}

fn assert_serves(daemon: &Daemon) {
    assert_eq!(daemon.capacity("channel=chat").value("capacity"), 7);
}

/// Asserts that the connection still serves.
fn assert_keeps(client: &mut Client) {
    assert_eq!(client.get(&format!("{CAPACITY}?channel=chat")).body, r#"{"capacity":7}"#);
}

#[test]
fn both_methods_answer_at_both_paths() {
    let daemon = daemon();
    let mut client = Client::connect(daemon.http);
    for base in ["/backend", "/server"] {
        let answer = client.get(&format!("{base}/data/pacing/channelCapacity?channel=chat&groups=Sales+%26+Co"));
        assert_eq!(answer.body, r#"{"capacity":3}"#);
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let answer = client.get(&format!("{base}/data/pacing/reactiveState?channel=chat"));
        assert_eq!(answer.body, r#"{"reactiveState":0.875}"#);
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

#[test]
fn last_modified_is_when_the_oldest_statistics_used_came() {
    let seconds = |answer: &Answer, name| {
        let date = answer.header(name).unwrap();
        httpdate::parse_http_date(date).unwrap().duration_since(UNIX_EPOCH).unwrap().as_secs()
    };
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let daemon = Daemon::with("");
    let before = clock();
    daemon.send(line("chat", "A", 1), 1);
    let received = before..=clock();
    let before = clock();
    let answer = daemon.capacity("channel=chat");
    assert!((before..=clock()).contains(&seconds(&answer, "date")), "{answer:?}");
    assert!(received.contains(&seconds(&answer, "last-modified")), "{answer:?}, {received:?}");
    assert!(daemon.capacity("channel=nothing").header("last-modified").is_none());
}

#[test]
fn groups_are_named_as_web_forms_and_jquery_do() {
    let daemon = daemon();
    let mut client = Client::connect(daemon.http);
    for (query, capacity) in [
        ("channel=chat", 7),
        ("groups=Sales%20%26%20Co&channel=chat", 3),
        ("channel=chat&groups=Sales+%26+Co&groups=%C3%9Cber+uns", 7),
        ("channel=chat&groups%5B%5D=Sales+%26+Co&groups%5B%5D=%C3%9Cber%20uns&_=1790000000000", 7),
        ("channel=chat&groups%5b%5d=%C3%9Cber+uns", 4),
        ("channel=chat&groups[]=%c3%9cber+uns", 4),
        ("channel=chat&groups=Sales+%26+Co&groups=Sales+%26+Co&groups[]=Sales%20%26+Co", 3),
        ("unknown=%zz&channel=chat&another", 7),
    ] {
        assert_eq!(client.get(&format!("{CAPACITY}?{query}")).value("capacity"), capacity, "{query}");
    }
    let state = client.get(&format!("{STATE}?channel=chat&groups%5B%5D=Sales+%26+Co")).value("reactiveState");
    assert_eq!(state, 0.5);
}

#[test]
fn five_hundred_groups_in_one_request_count_once_each() {
    let daemon = daemon();
    let query = format!("channel=chat{}", "&groups=%C3%9Cber+uns".repeat(300));
    assert_eq!(daemon.capacity(&query).value("capacity"), 4);
    let lines: Vec<String> = (0..250).map(|number| line("webcallback", &format!("g{number}"), 1)).collect();
    daemon.send(lines.join("\n"), 250);
    let names: String = (0..500).map(|number| format!("&groups=g{}", number % 250)).collect();
    assert_eq!(daemon.capacity(&format!("channel=webcallback{names}")).value("capacity"), 250);
    let detail = daemon.capacity(&format!("channel=webcallback{names}&groups=g250&groups=g251")).problem(404);
    assert!(detail.contains("\"g250\""), "the first that is unknown: {detail}");
}

#[test]
fn a_bad_request_is_told_what_was_got_and_what_would_be_right() {
    let daemon = daemon();
    let mut client = Client::connect(daemon.http);
    let long = "x".repeat(65);
    for (query, want) in [
        ("", "channel is missing; want channel=chat or channel=webcallback"),
        ("groups=A", "channel is missing; want channel=chat or channel=webcallback"),
        ("channel=chat&channel=chat", "channel is given more than once; want it exactly once"),
        ("channel=chat&channel=webcallback", "channel is given more than once; want it exactly once"),
        ("channel=voice", "channel is \"voice\"; want \"chat\" or \"webcallback\""),
        ("channel=", "channel is \"\"; want \"chat\" or \"webcallback\""),
        ("channel=%22%0A%5C", "channel is \"\\\"\\n\\\\\"; want \"chat\" or \"webcallback\""),
        ("channel=chat&groups=", "groups has a name that is empty"),
        ("channel=chat&groups", "groups has a name that is empty"),
        (&format!("channel=chat&groups={long}"), "groups has a name that is 65 bytes long"),
        ("channel=chat&groups=%00", "groups has a name that is a text with a control character"),
        ("channel=chat&groups=%", "groups is \"%\"; want % followed by two hexadecimal digits"),
        ("channel=chat&groups=%4", "groups is \"%4\"; want % followed by two hexadecimal digits"),
        ("channel=chat&groups=%GG", "groups is \"%GG\"; want % followed by two hexadecimal digits"),
        ("channel=chat&groups=%C3", "groups is \"%C3\", which is not UTF-8"),
        ("channel=chat&groups=%ED%A0%80", "groups is \"%ED%A0%80\", which is not UTF-8"),
    ] {
        for path in [CAPACITY, STATE] {
            let detail = client.get(&format!("{path}?{query}")).problem(400);
            assert!(detail.starts_with(want), "{query}: {detail}");
        }
    }
    client.get(CAPACITY).problem(400);
    assert_keeps(&mut client);
}

#[test]
fn what_is_not_there_is_not_found() {
    let daemon = daemon();
    let mut client = Client::connect(daemon.http);
    for path in
        ["/", "/backend/data/pacing", "/backend/data/pacing/channelCapacity/", "//", "/health", "/metrics", "/%2e%2e/"]
    {
        client.get(&format!("{path}?channel=chat")).problem(404);
        client.request("POST", path, "content-length: 0\r\n").problem(404);
    }
    for path in [CAPACITY, STATE] {
        let detail = client.get(&format!("{path}?channel=chat&groups=Sales+%26+Co&groups=Nobody+%22")).problem(404);
        assert!(detail.contains(r#""Nobody \"""#), "{detail}");
        client.get(&format!("{path}?channel=webcallback&groups=Sales+%26+Co")).problem(404);
    }
    assert_keeps(&mut client);
}

#[test]
fn other_methods_are_told_which_are_allowed() {
    let daemon = daemon();
    let mut client = Client::connect(daemon.http);
    for method in ["POST", "PUT", "DELETE", "PATCH", "TRACE", "get", "BREW"] {
        let answer = client.request(method, &format!("{CAPACITY}?channel=chat"), "content-length: 0\r\n");
        let detail = answer.problem(405);
        assert!(detail.contains(method), "{detail}");
        assert_eq!(answer.header("allow"), Some("GET, HEAD, OPTIONS"));
    }
    assert_keeps(&mut client);
}

#[test]
fn head_has_the_headers_of_get_and_no_body() {
    let daemon = daemon();
    let mut client = Client::connect(daemon.http);
    for target in [
        format!("{CAPACITY}?channel=chat"),
        format!("{STATE}?channel=chat"),
        format!("{CAPACITY}?channel=voice"),
        format!("{CAPACITY}?channel=webcallback"),
        "/nowhere".into(),
    ] {
        let got = client.get(&target);
        let headed = client.request("HEAD", &target, "");
        assert_eq!(headed.status, got.status, "{target}");
        for name in ["content-type", "content-length", "cache-control", "last-modified", "retry-after"] {
            assert_eq!(headed.header(name), got.header(name), "{name} of {target}");
        }
        assert_eq!(headed.header("content-length"), Some(got.body.len().to_string().as_str()));
        // A body would stand in the way of this.
        assert_keeps(&mut client);
    }
    client.send(format!("HEAD {CAPACITY}?channel=chat HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"));
    client.head();
    client.assert_closed();
}

#[test]
fn options_are_told_for_a_path_and_for_the_whole_server() {
    let daemon = daemon();
    let mut client = Client::connect(daemon.http);
    for target in [CAPACITY, STATE, "*"] {
        let answer = client.request("OPTIONS", target, "");
        assert_eq!((answer.status, answer.header("allow")), (204, Some("GET, HEAD, OPTIONS")), "{target}");
    }
    client.get("*").problem(404);
    assert_keeps(&mut client);
}

#[test]
fn without_fresh_statistics_a_client_is_told_when_to_come_back() {
    let daemon = Daemon::with("[statistics]\ngroups = { chat = [\"Sales\"] }\n");
    let mut client = Client::connect(daemon.http);
    for path in [CAPACITY, STATE] {
        for query in ["channel=chat", "channel=chat&groups=Sales", "channel=webcallback"] {
            let answer = client.get(&format!("{path}?{query}"));
            answer.problem(503);
            assert_eq!(answer.header("retry-after"), Some("5"));
            assert_eq!(answer.header("last-modified"), None);
        }
        client.get(&format!("{path}?channel=webcallback&groups=Sales")).problem(404);
    }
    let health = Client::connect(daemon.operators).get("/health");
    assert_eq!((health.status, health.header("retry-after")), (503, Some("5")));
    assert_eq!(health.header("content-type"), Some("application/json"));
    daemon.send(line("chat", "Sales", 2), 1);
    assert_eq!(client.get(&format!("{CAPACITY}?channel=chat&groups=Sales")).value("capacity"), 2);
    let health = Client::connect(daemon.operators).get("/health");
    assert_eq!((health.status, health.json()["status"].as_str()), (200, Some("ok")));
}

#[test]
fn an_algorithm_that_is_not_dual_predicts_no_reactive_state() {
    for algorithm in ["SUPER_PROGRESSIVE", "PREDICTIVE_B"] {
        let daemon = daemon_with(&format!("[pacing]\nalgorithm = \"{algorithm}\"\n"));
        for query in ["channel=chat", "channel=webcallback", "channel=chat&groups=unknown"] {
            let detail = daemon.reactive_state(query).problem(501);
            for word in ["pacing.algorithm", "SUPER_PROGRESSIVE_DUAL", "PREDICTIVE_B_DUAL"] {
                assert!(detail.contains(word), "{detail}");
            }
        }
        daemon.reactive_state("").problem(400);
        assert_serves(&daemon);
    }
}

#[test]
fn operators_are_answered_on_their_side_only() {
    let daemon = daemon();
    let mut operators = Client::connect(daemon.operators);
    operators.get(&format!("{CAPACITY}?channel=chat")).problem(404);
    operators.request("POST", "/health", "content-length: 0\r\n").problem(405);
    assert_eq!(operators.request("HEAD", "/health", "").status, 200);
    assert_eq!(operators.request("OPTIONS", "/health", "").status, 204);
    daemon.get("/health").problem(404);
}

#[test]
fn pages_of_listed_origins_may_read_answers_and_errors() {
    let daemon = daemon_with("[http.cors]\nallowed-origins = [\"https://shop.example\", \"http://localhost:8000\"]\n");
    let mut client = Client::connect(daemon.http);
    let ask = |client: &mut Client, method: &str, target: &str, fields: &str| client.request(method, target, fields);
    for target in [format!("{CAPACITY}?channel=chat"), CAPACITY.into(), "/nowhere".into()] {
        for origin in ["https://shop.example", "http://localhost:8000"] {
            let answer = ask(&mut client, "GET", &target, &format!("origin: {origin}\r\n"));
            assert_eq!(answer.header("access-control-allow-origin"), Some(origin), "{target}");
            assert!(answer.header("vary").unwrap().contains("origin"));
        }
        let answer = ask(&mut client, "GET", &target, "origin: https://evil.example\r\n");
        assert_eq!(answer.header("access-control-allow-origin"), None);
        assert!(answer.header("vary").unwrap().contains("origin"));
    }
    assert_eq!(ask(&mut client, "GET", CAPACITY, "").header("access-control-allow-origin"), None);
    let preflight = "access-control-request-method: GET\r\naccess-control-request-headers: x-requested-with\r\n";
    let answer = ask(&mut client, "OPTIONS", CAPACITY, &format!("origin: https://shop.example\r\n{preflight}"));
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://shop.example"));
    assert!(answer.header("access-control-allow-methods").unwrap().contains("GET"));
    assert_eq!(answer.header("access-control-allow-headers"), Some("x-requested-with"));
    let answer = ask(&mut client, "OPTIONS", CAPACITY, &format!("origin: https://evil.example\r\n{preflight}"));
    assert_eq!(answer.header("access-control-allow-origin"), None);
    assert_eq!(answer.header("access-control-allow-methods"), None);
}

#[test]
fn any_origin_is_allowed_by_a_star() {
    let daemon = daemon_with("[http.cors]\nallowed-origins = \"*\"\n");
    let mut client = Client::connect(daemon.http);
    let answer = client.request("GET", &format!("{CAPACITY}?channel=chat"), "origin: http://a\r\n");
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("vary"), None);
}

#[test]
fn an_absolute_target_is_answered_as_its_path() {
    let daemon = daemon();
    let mut client = Client::connect(daemon.http);
    let target = format!("http://elsewhere.example:8080{CAPACITY}?channel=chat");
    assert_eq!(client.get(&target).value("capacity"), 7);
    client.get("http://elsewhere.example").problem(404);
    client.request("CONNECT", "elsewhere.example:443", "").problem(404);
}

#[test]
fn http_1_0_is_answered_and_closed_unless_it_asks_to_stay() {
    let daemon = daemon();
    let mut client = Client::connect(daemon.http);
    client.send(format!("GET {CAPACITY}?channel=chat HTTP/1.0\r\nconnection: keep-alive\r\n\r\n"));
    assert_eq!(client.answer().body, r#"{"capacity":7}"#);
    client.send(format!("GET {CAPACITY}?channel=chat HTTP/1.0\r\n\r\n"));
    assert_eq!(client.answer().body, r#"{"capacity":7}"#);
    client.assert_closed();
}

#[test]
fn a_client_that_asks_for_the_end_gets_it() {
    let daemon = daemon();
    let mut client = Client::connect(daemon.http);
    let answer = client.request("GET", &format!("{CAPACITY}?channel=chat"), "connection: close\r\n");
    assert_eq!(answer.value("capacity"), 7);
    assert_eq!(answer.header("connection"), Some("close"));
    client.assert_closed();
}

#[test]
fn a_client_that_has_finished_sending_gets_its_answers() {
    let daemon = daemon();
    let mut client = Client::connect(daemon.http);
    client.send(ASK.repeat(3));
    client.finish_sending();
    for _ in 0..3 {
        assert_eq!(client.answer().value("capacity"), 7);
    }
    client.assert_closed();
}

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    let daemon = daemon();
    let mut client = Client::connect(daemon.http);
    let mut requests = String::new();
    for number in 0..200 {
        let name = if number % 2 == 0 { "Sales+%26+Co" } else { "%C3%9Cber+uns" };
        requests.push_str(&format!("GET {CAPACITY}?channel=chat&groups={name} HTTP/1.1\r\nhost: a\r\n\r\n"));
    }
    client.send(requests);
    for number in 0..200 {
        assert_eq!(client.answer().value("capacity"), if number % 2 == 0 { 3 } else { 4 });
    }
}

#[test]
fn pipelined_requests_before_half_a_head_are_answered_before_the_connection_is_closed() {
    let daemon = daemon_with("[http.limits]\nidle-timeout = 0.2\n");
    let mut client = Client::connect(daemon.http);
    client.send(format!("{}GET /back", ASK.repeat(5)));
    for _ in 0..5 {
        assert_eq!(client.answer().value("capacity"), 7);
    }
    client.assert_closed();
}

#[test]
fn a_head_may_come_byte_by_byte() {
    let daemon = daemon();
    let mut client = Client::connect(daemon.http);
    for byte in ASK.repeat(2).bytes() {
        client.send([byte]);
    }
    assert_eq!(client.answer().value("capacity"), 7);
    assert_eq!(client.answer().value("capacity"), 7);
}

/// How many connections the daemon has closed because their clients took too long, or for others.
fn timed_out(daemon: &Daemon) -> u64 {
    metric(daemon, "pacingd_connections_timed_out_total{side=\"visitors\"}")
}

/// A number of `/metrics`, by the whole text before it.
fn metric(daemon: &Daemon, name: &str) -> u64 {
    let body = Client::connect(daemon.operators).get("/metrics").body;
    let value = body.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("no {name} in {body}")).parse().unwrap()
}

#[test]
fn a_head_that_is_not_complete_in_time_ends_the_connection() {
    let daemon = daemon_with("[http.limits]\nidle-timeout = 0.2\n");
    let halves = ["", "\r\n", "G", "GET /x HTTP/1.1\r\n", "GET /x HTTP/1.1\r\nhost: a\r\n"];
    for half in halves {
        let mut client = Client::connect(daemon.http);
        client.send(half);
        client.assert_closed();
        let mut client = Client::connect(daemon.http);
        assert_keeps(&mut client);
        client.send(half);
        client.assert_closed();
    }
    assert_serves(&daemon);
    assert_eq!(timed_out(&daemon), 2 * halves.len() as u64);
}

#[test]
fn bytes_that_make_no_head_do_not_keep_a_connection() {
    let daemon = daemon_with("[http.limits]\nidle-timeout = 0.5\n");
    for bytes in ["\r\n", "x"] {
        let mut client = Client::connect(daemon.http);
        let keeps = |client: &mut Client| {
            client.stream.write_all(bytes.as_bytes()).is_ok() && client.is_silent_for(Duration::from_millis(20))
        };
        assert!((0..200).any(|_| !keeps(&mut client)), "{bytes:?}");
    }
    assert_serves(&daemon);
}

#[test]
fn half_a_head_and_the_end_is_not_waited_for() {
    let daemon = daemon();
    for half in ["", "GET /x HT", "GET /x HTTP/1.1\r\nhost: a\r\n"] {
        let mut client = Client::connect(daemon.http);
        client.send(half);
        client.finish_sending();
        let rest = client.rest().unwrap();
        assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 4"), "{rest}");
    }
    assert_serves(&daemon);
}

/// What follows is what hyper answers to a client whose request it does not read: a status without
/// a body.
fn assert_refused(client: &mut Client, status: u16) {
    let answer = client.answer();
    assert_eq!((answer.status, answer.body.as_str()), (status, ""), "{answer:?}");
    assert_eq!(answer.header("connection"), Some("close"), "{answer:?}");
    client.assert_closed();
}

#[test]
fn a_head_that_is_too_large_is_refused_also_behind_a_request() {
    let daemon = daemon();
    let heads = [
        format!("GET {CAPACITY}?channel=chat&x={} HTTP/1.1\r\nhost: a\r\n\r\n", "x".repeat(20_000)),
        format!("GET {CAPACITY}?channel=chat&x={} HTTP/1.1\r\nhost: a\r\n\r\n", "x".repeat(100_000)),
        format!("GET / HTTP/1.1\r\na: {}\r\n\r\n", "x".repeat(20_000)),
        format!("GET / HTTP/1.1\r\na: {}\r\n\r\n", "x".repeat(100_000)),
        format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(101)),
        format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(20_000)),
        "\r\n".repeat(10_000),
    ];
    for head in &heads {
        let mut client = Client::connect(daemon.http);
        client.send(head);
        assert_refused(&mut client, 431);
        let mut client = Client::connect(daemon.http);
        assert_keeps(&mut client);
        client.send(head);
        assert_refused(&mut client, 431);
        let mut client = Client::connect(daemon.http);
        client.send(format!("{ASK}{head}"));
        assert_eq!(client.answer().value("capacity"), 7);
        assert_refused(&mut client, 431);
    }
    assert_serves(&daemon);
    let refused = metric(&daemon, "pacingd_http_responses_total{side=\"visitors\",code=\"431\"}");
    assert_eq!(refused, 3 * heads.len() as u64);
}

#[test]
fn a_head_of_nearly_8_kib_is_read() {
    let daemon = daemon();
    let mut client = Client::connect(daemon.http);
    let head = format!("GET {CAPACITY}?channel=chat HTTP/1.1\r\nhost: \r\n\r\n").len();
    for length in [8191, 8000, 4096] {
        let filler = "x".repeat(length - head);
        client.send(format!("GET {CAPACITY}?channel=chat HTTP/1.1\r\nhost: {filler}\r\n\r\n"));
        assert_eq!(client.answer().value("capacity"), 7, "{length}");
        let filler = "x".repeat(length - head);
        client.send(format!("GET {CAPACITY}?channel=chat&{filler} HTTP/1.1\r\nhost:\r\n\r\n"));
        assert_eq!(client.answer().value("capacity"), 7, "{length}");
    }
}

#[test]
fn garbage_is_a_bad_request() {
    let daemon = daemon();
    let all = [
        &b"garbage\r\n\r\n"[..],
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\na\0: b\r\n\r\n",
        b"GET /\x80\xff HTTP/1.1\r\nhost: a\r\n\r\n \r\n\r\n",
        b"GET / HTTP/1.1\r\ncontent-length: x\r\n\r\n",
        b"GET / HTTP/1.1\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n",
        b"GET / HTTP/1.1\r\ntransfer-encoding: gzip\r\n\r\n",
        b"GET / HTTP/1.2\r\nhost: a\r\n\r\n",
        b"GET /?channel=\"chat\" HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost : a\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\n folded\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ];
    for garbage in all {
        let mut client = Client::connect(daemon.http);
        client.send(garbage);
        assert_refused(&mut client, 400);
    }
    let counted = format!("pacingd_http_responses_total{{side=\"visitors\",code=\"400\"}} {}\n", all.len());
    assert!(Client::connect(daemon.operators).get("/metrics").body.contains(&counted), "{counted}");
    assert_serves(&daemon);
}

#[test]
fn garbage_behind_requests_is_a_bad_request_after_their_answers() {
    let daemon = daemon();
    let mut client = Client::connect(daemon.http);
    client.send(format!("{}garbage\r\n\r\n", ASK.repeat(5)));
    for _ in 0..5 {
        assert_eq!(client.answer().value("capacity"), 7);
    }
    assert_refused(&mut client, 400);
}

#[test]
fn a_body_on_get_is_not_waited_for() {
    let daemon = daemon();
    for field in ["content-length: 5\r\n", "transfer-encoding: chunked\r\n", "content-length: 100000000\r\n"] {
        let mut client = Client::connect(daemon.http);
        let answer = client.request("GET", &format!("{CAPACITY}?channel=chat"), field);
        assert_eq!(answer.value("capacity"), 7, "{field}");
        assert_eq!(answer.header("connection"), Some("close"), "{field}");
        client.assert_closed();
    }
}

#[test]
fn a_body_on_get_gets_one_answer_however_long_it_is() {
    let daemon = daemon();
    for length in [1, 5, 8192, 20_000, 100_000] {
        for (field, body) in [
            (format!("content-length: {length}\r\n"), "x".repeat(length)),
            ("transfer-encoding: chunked\r\n".into(), format!("{length:x}\r\n{}\r\n0\r\n\r\n", "x".repeat(length))),
        ] {
            let mut client = Client::connect(daemon.http);
            client.send(format!("GET {CAPACITY}?channel=chat HTTP/1.1\r\nhost: a\r\n{field}\r\n{body}"));
            let answer = client.answer();
            assert_eq!(answer.value("capacity"), 7, "{field}");
            let rest = client.rest();
            assert_eq!(rest.as_deref().ok(), Some(""), "{length} bytes, {field}");
        }
    }
}

#[test]
fn an_empty_body_keeps_the_connection() {
    let daemon = daemon();
    let mut client = Client::connect(daemon.http);
    let answer = client.request("GET", &format!("{CAPACITY}?channel=chat"), "content-length: 0\r\n");
    assert_eq!(answer.header("connection"), None);
    assert_keeps(&mut client);
}

#[test]
fn a_body_is_never_taken_for_a_request() {
    let daemon = daemon();
    let mut client = Client::connect(daemon.http);
    let smuggled = format!("GET {CAPACITY}?channel=chat HTTP/1.1\r\nhost: a\r\n\r\n");
    client.send(format!("POST {CAPACITY} HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n{smuggled}", smuggled.len()));
    client.answer().problem(405);
    client.assert_closed();
}

#[test]
fn a_request_of_doubtful_length_gets_one_answer_and_what_follows_none() {
    let daemon = daemon();
    for fields in [
        "content-length: 5\r\ntransfer-encoding: chunked",
        "transfer-encoding: chunked\r\ncontent-length: 5",
        "transfer-encoding: chunked\r\ntransfer-encoding: x",
        "transfer-encoding: chunked, identity",
        "transfer-encoding: identity",
        "transfer-encoding: xchunked",
        "transfer-encoding:\tchunked",
        "transfer-encoding : chunked",
        "content-length: 5\r\ncontent-length: 5",
        "content-length: 5, 5",
        "content-length: +5",
        "content-length: -1",
        "content-length: 0x5",
        "content-length: 99999999999999999999",
        "content-length:",
    ] {
        for version in ["1.1", "1.0"] {
            let mut client = Client::connect(daemon.http);
            let head = format!("GET {CAPACITY}?channel=chat HTTP/{version}\r\nhost: a\r\nconnection: keep-alive\r\n");
            client.send(format!("{head}{fields}\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n"));
            let status = client.answer().status;
            assert!(matches!(status, 200 | 400), "{status} for {fields}");
            assert_eq!(client.rest().as_deref().ok(), Some(""), "{fields} in HTTP/{version}");
        }
    }
    assert_serves(&daemon);
}

#[test]
fn a_connection_reset_in_the_middle_hurts_nobody() {
    let daemon = daemon();
    let mut other = Client::connect(daemon.http);
    for sent in ["", "GET /backend", ASK, &ASK.repeat(100), &format!("{ASK}GET /ba")] {
        for _ in 0..20 {
            let mut client = Client::connect(daemon.http);
            client.send(sent);
            // Closing with answers unread resets the connection.
            drop(client);
        }
    }
    assert_keeps(&mut other);
    assert_serves(&daemon);
}

#[test]
fn who_has_waited_longest_for_its_next_request_makes_room_for_another_client() {
    let daemon = daemon_with("[http.limits]\nconnections = 3\n");
    let [mut silent, mut slow, mut idle] = [(); 3].map(|()| Client::connect(daemon.http));
    assert_keeps(&mut idle);
    slow.send("GET /x HTTP/1.1\r\nhost: a\r\n");
    for (number, first) in [&mut silent, &mut slow].into_iter().enumerate() {
        let mut client = Client::connect(daemon.http);
        let answer = client.request("GET", &format!("{CAPACITY}?channel=chat"), "connection: close\r\n");
        assert_eq!(answer.value("capacity"), 7);
        client.assert_closed();
        // One for another: the others stay.
        assert_eq!(timed_out(&daemon), number as u64 + 1);
        first.assert_closed();
        assert_keeps(&mut idle);
        drop(client);
        daemon.wait_until_accepted(2);
        // Its place is taken by one that stays.
        let mut another = Client::connect(daemon.http);
        assert_keeps(&mut another);
        std::mem::forget(another);
    }
}

#[test]
fn who_waits_in_the_listen_queue_when_the_daemon_stops_is_answered() {
    let mut daemon = daemon();
    let stopped = daemon.process.stopped();
    let mut clients: Vec<_> = (0..50).map(|_| Client::connect(daemon.http)).collect();
    clients.iter_mut().for_each(|client| client.send(ASK));
    daemon.process.signal("TERM");
    drop(stopped);
    for client in &mut clients {
        let answer = client.answer();
        assert_eq!((answer.body.as_str(), answer.header("connection")), (r#"{"capacity":7}"#, Some("close")));
    }
    assert_eq!(daemon.process.wait().code(), Some(0));
}

#[test]
fn a_crowd_far_beyond_the_places_is_answered_whole() {
    let daemon = daemon_with("[http.limits]\nconnections = 2\n");
    let ask = ASK.replace("host: pacing", "host: pacing\r\nconnection: close");
    let mut crowd: Vec<Client> = (0..50)
        .map(|_| {
            let mut client = Client::connect(daemon.http);
            client.send(&ask);
            client
        })
        .collect();
    assert_eq!(daemon.health()["status"], "ok", "operators get in");
    for client in &mut crowd {
        assert_eq!(client.answer().value("capacity"), 7);
        client.assert_closed();
    }
}

#[test]
fn operators_who_are_idle_make_room_for_others() {
    let daemon = daemon();
    let _idle: Vec<Client> = (0..40).map(|_| Client::connect(daemon.operators)).collect();
    let _kept: Vec<Client> = (0..20)
        .map(|_| {
            let mut client = Client::connect(daemon.operators);
            assert_eq!(client.get("/health").status, 200);
            client
        })
        .collect();
    let open = metric(&daemon, "pacingd_connections_open{side=\"operators\"}");
    assert!(open <= 16, "{open}");
}

#[test]
fn who_does_not_take_his_answers_is_cut_off_and_costs_little() {
    let daemon = daemon_with("[http.limits]\nidle-timeout = 0.5\n");
    assert_serves(&daemon);
    daemon.process.assert_grows_at_most(512 * 1024, || {
        let mut client = Client::connect(daemon.http);
        let requests = ASK.repeat(1000);
        // The kernel's buffers on both sides take some megabytes before the daemon has to wait.
        let error = (0..10_000).find_map(|_| client.stream.write_all(requests.as_bytes()).err()).expect("an end");
        assert!(matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{error}");
    });
    assert_serves(&daemon);
}

#[test]
fn keep_alive_outlives_every_error_that_leaves_the_connection_in_order() {
    let daemon = daemon();
    let mut client = Client::connect(daemon.http);
    for _ in 0..3 {
        client.get("/nowhere").problem(404);
        client.get(CAPACITY).problem(400);
        client.get(&format!("{CAPACITY}?channel=webcallback")).problem(503);
        client.request("DELETE", CAPACITY, "").problem(405);
        assert_keeps(&mut client);
    }
}

#[test]
fn after_all_bad_requests_the_daemon_has_not_grown() {
    let daemon = daemon();
    let round = || {
        for bad in [
            "garbage\r\n\r\n".into(),
            format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(100_000)),
            format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(20_000)),
            format!("GET {CAPACITY}?channel=chat HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n"),
        ] {
            let mut client = Client::connect(daemon.http);
            client.send(&bad);
            assert!(client.answer().status >= 200);
        }
        daemon.capacity("channel=%zz").problem(400);
    };
    round();
    daemon.process.assert_grows_at_most(256 * 1024, || (0..30).for_each(|_| round()));
    assert_serves(&daemon);
}
