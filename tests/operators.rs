//! What operators read: the documents on their listener, the log, and lines by hand.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // clippy.toml allows them in test functions only.

mod common;

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use common::client::{Answer, Client};
use common::{Daemon, Directory, configuration, line, line_with, words};

fn ask(daemon: &Daemon, method: &str, target: &str) -> Answer {
    Client::connect(daemon.operators).request(method, target, "")
}

/// With a table of 256 groups, as wide as names can be.
fn full() -> Daemon {
    let daemon = Daemon::with("");
    for from in (0..256).step_by(32) {
        let names = (from..from + 32).map(|index| format!("{index:03}{}", "ü".repeat(30)));
        let more = r#""loggedIn":12,"queued":3,"reactiveEntered":1000000,"abandoned":1000"#;
        daemon.send(names.map(|name| line_with(&name, 7, more)).collect::<Vec<_>>().join("\n"), 32);
    }
    daemon
}

#[test]
fn every_document_has_its_type_its_length_and_a_head_without_a_body() {
    let daemon = Daemon::with("");
    daemon.send(line("chat", "Sales", 4), 1);
    for (target, content_type, part) in [
        ("/", "text/html; charset=utf-8", "<title>pacingd</title>"),
        ("/status", "application/json", r#""group":"Sales","#),
        (
            "/metrics",
            "text/plain; version=0.0.4; charset=utf-8",
            "pacingd_group_ready_agents{channel=\"chat\",group=\"Sales\"} 4\n",
        ),
    ] {
        let answer = ask(&daemon, "GET", target);
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(content_type)), "{target}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{target}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{target}");
        assert!(answer.body.contains(part), "{part} in {}", answer.body);
        let head = ask(&daemon, "HEAD", target);
        assert_eq!((head.status, head.header("content-type")), (200, Some(content_type)), "{target}");
        assert!(head.header("content-length").unwrap().parse::<usize>().unwrap() > 100, "{target}");
        let refused = ask(&daemon, "POST", target);
        assert_eq!(refused.header("allow"), Some("GET, HEAD, OPTIONS"), "{target}");
        assert_eq!(refused.problem(405), "method is \"POST\"; want one of GET, HEAD, OPTIONS", "{target}");
        assert_eq!(ask(&daemon, "OPTIONS", target).status, 204, "{target}");
    }
    let policy = ask(&daemon, "GET", "/").header("content-security-policy").unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"), "{policy}");
    assert_eq!(
        ask(&daemon, "GET", "/nowhere").problem(404),
        "no such path; try / (the status page), /health, /metrics or /status"
    );
}

#[test]
fn visitors_see_nothing_that_is_for_operators() {
    let daemon = Daemon::with("");
    for target in ["/", "/status", "/metrics", "/health"] {
        assert_eq!(daemon.get(target).status, 404, "{target}");
    }
}

#[test]
fn a_full_table_is_written_again_and_again_on_one_connection_and_leaves_no_memory_behind() {
    let daemon = full();
    let mut client = Client::connect(daemon.operators);
    let mut read = || {
        let status = client.get("/status");
        assert_eq!(status.json()["groups"].as_array().unwrap().len(), 256);
        let metrics = client.get("/metrics");
        assert!(metrics.body.ends_with('\n') && metrics.body.len() > 100_000, "{}", metrics.body.len());
        assert_eq!(metrics.body.matches("pacingd_group_ready_agents{").count(), 256);
    };
    (0..5).for_each(|_| read());
    daemon.process.assert_grows_at_most(512 * 1024, || (0..50).for_each(|_| read()));
}

#[test]
fn what_happens_over_http_is_counted() {
    let daemon = Daemon::with("");
    daemon.get("/nowhere");
    daemon.capacity("channel=chat");
    let metrics = ask(&daemon, "GET", "/metrics").body;
    for sample in [
        "pacingd_http_requests_total{side=\"visitors\",method=\"GET\"} 2\n",
        "pacingd_http_responses_total{side=\"visitors\",code=\"404\"} 1\n",
        "pacingd_http_responses_total{side=\"visitors\",code=\"503\"} 1\n",
        "pacingd_connections_accepted_total{side=\"visitors\"} 2\n",
        "pacingd_connections_open{side=\"operators\"} 1\n",
        concat!("pacingd_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1\n"),
    ] {
        assert!(metrics.contains(sample), "{sample} in {metrics}");
    }
}

#[test]
fn the_log_names_groups_that_stop_and_resume_in_one_line() {
    let daemon = Daemon::with("[statistics]\ntime-to-live = 1\n");
    daemon.send([line("chat", "Sales", 1), line("webcallback", "Orders", 1)].join("\n"), 2);
    let silent = daemon.log.wait_for("no statistics for");
    assert!(
        silent.ends_with(
            "warning: no statistics for 1 s from chat \"Sales\", webcallback \"Orders\"; requests for them get 503: is the collector running?"
        ),
        "{silent}"
    );
    daemon.send(line("chat", "Sales", 1), 1);
    let back = daemon.log.wait_for("have resumed");
    assert!(back.ends_with("statistics from chat \"Sales\" have resumed"), "{back}");
}

/// Runs the binary with that on its standard input.
fn run_with(arguments: &[&str], input: &str) -> Output {
    let words = words();
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    // It may end before it has read anything.
    let _ = process.stdin.take().unwrap().write_all(input.as_bytes());
    process.wait_with_output().unwrap()
}

fn texts(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn lines_by_hand_are_judged_one_by_one() {
    let directory = Directory::new();
    let file = directory.file("pacingd.toml", "");
    let input = format!("{}\n\n{{\"channel\":\"chat\"}}\n", line("chat", "Sales", 4));
    let (code, output, complaint) = texts(&run_with(&["--config", file.to_str().unwrap(), "--check-lines"], &input));
    assert_eq!(code, 65);
    assert_eq!(
        output,
        "line 1: accepted, 4 ready in \"Sales\" of chat\n\
         line 3: dropped: group is missing; every line has channel, group and ready\n"
    );
    assert_eq!(complaint, "pacingd: 1 of the lines would be dropped\n");
}

#[test]
fn lines_sent_by_hand_arrive() {
    let daemon = Daemon::with("");
    let listens = format!("[statistics]\nlisten = \"{}\"\n", daemon.udp);
    let file = daemon.directory.file("sender.toml", &listens);
    let output = run_with(&["--config", file.to_str().unwrap(), "--send"], &line("chat", "Sales", 4));
    assert_eq!(texts(&output), (0, "line 1: accepted, 4 ready in \"Sales\" of chat\n".into(), String::new()));
    daemon.wait_until_received(1);
    assert_eq!(daemon.lines("accepted"), 1);
}

#[test]
fn lines_that_nothing_receives_or_that_may_not_be_sent_are_reported() {
    let directory = Directory::new();
    // A port that was free a moment ago, and that nobody knows.
    let free = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let file = directory.file("pacingd.toml", &format!("[statistics]\nlisten = \"{free}\"\n"));
    let (code, _, complaint) = texts(&run_with(&["--config", file.to_str().unwrap(), "--send"], &line("chat", "A", 4)));
    assert_eq!(code, 69, "{complaint}");
    let want =
        format!("pacingd: nothing is listening on UDP {free}; is the daemon running, with this configuration?\n");
    assert_eq!(complaint, want);
    let elsewhere = configuration("[statistics]\nsources = [\"192.0.2.0/24\"]\n")
        .replace("listen = \"127.0.0.1:0\"\nsources", "listen = \"127.0.0.1:9\"\nsources");
    let file = directory.file("elsewhere.toml", &elsewhere);
    let (code, _, complaint) = texts(&run_with(&["--config", file.to_str().unwrap(), "--send"], &line("chat", "A", 4)));
    assert_eq!(code, 78, "{complaint}");
    assert!(complaint.contains("would drop what 127.0.0.1 sends"), "{complaint}");
    let file = directory.file("any.toml", &configuration(""));
    let (code, _, complaint) = texts(&run_with(&["--config", file.to_str().unwrap(), "--send"], &line("chat", "A", 4)));
    assert_eq!(code, 78, "{complaint}");
    assert!(
        complaint.contains("statistics.listen has port 0 or multicast groups only; want a fixed address"),
        "{complaint}"
    );
}

#[test]
fn clients_that_do_not_read_their_documents_cannot_pile_them_up() {
    let daemon = full();
    // Many requests on one connection, none of whose answers is read: some stay on their way,
    // whatever the kernel buffers.
    let mut stalled: Vec<Client> = (0..15).map(|_| Client::connect(daemon.operators)).collect();
    for client in &mut stalled {
        client.send("GET /metrics HTTP/1.1\r\nhost: pacing\r\n\r\n".repeat(64));
    }
    let mut operator = Client::connect(daemon.operators);
    let until = std::time::Instant::now() + common::PATIENCE;
    let refused = loop {
        let answer = operator.get("/status");
        if answer.status != 200 {
            break answer;
        }
        assert!(std::time::Instant::now() < until, "never refused");
    };
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(refused.problem(503), "8 large responses are already being sent; try again");
    assert_eq!(operator.get("/health").status, 200, "what is short is answered");
    drop(stalled);
    while operator.get("/status").status != 200 {
        assert!(std::time::Instant::now() < until, "refused for ever");
    }
}
