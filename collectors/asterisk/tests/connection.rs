//! The collector against a simulated AMI server over real sockets: what may happen to a connection.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::cell::RefCell;
use std::net::{TcpListener, UdpSocket};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::example;
use common::server::{Connection, Receiver, Server, answer, settings};
use pacingd_asterisk::collector::{Collector, Output};
use pacingd_asterisk::limits::Timing;
use pacingd_asterisk::log::Severity;
use pacingd_asterisk::settings::{Secret, Settings};

/// The real intervals, but for the one between questions.
fn quick() -> Timing {
    Timing { poll: Duration::from_millis(1), ..Timing::default() }
}

/// What came of a collector whose connections a script served.
struct Outcome {
    pauses: Vec<Duration>,
    log: Vec<(Severity, String)>,
}

/// Runs a collector for `connections` connections beside `script`.
fn collect(settings: &Settings, timing: Timing, connections: usize, script: impl FnOnce() + Send) -> Outcome {
    let log = RefCell::new(Vec::new());
    let mut collector = Collector::new(settings, timing, Output::Pacingd, |severity, text: &str| {
        log.borrow_mut().push((severity, text.to_owned()));
    });
    let pauses = std::thread::scope(|scope| {
        scope.spawn(script);
        (0..connections).map(|_| collector.run_once()).collect()
    });
    drop(collector);
    let log = log.into_inner();
    assert!(log.iter().all(|(_, line)| !line.contains("test-secret") && !line.contains('\n')), "{log:?}");
    Outcome { pauses, log }
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis().try_into().unwrap()
}

#[test]
fn lines_are_as_old_as_the_question() {
    let (server, receiver) = (Server::new(), Receiver::new());
    let settings = settings(server.address(), receiver.address());
    let outcome = collect(&settings, quick(), 1, || {
        let mut connection = server.accept_login();
        for _ in 0..3 {
            assert_eq!(connection.action(), "Action: QueueStatus\r\n");
            let asked = now_ms();
            // The answer takes its time, and half of it comes late.
            let text = example("QueueStatus-busy.raw");
            let (first, rest) = text.split_at(text.len() / 2);
            connection.send(first);
            while now_ms() < asked + 30 {
                std::thread::yield_now();
            }
            assert!(receiver.is_empty(), "a line before its answer was whole");
            connection.send(rest);
            let lines = receiver.lines();
            assert_eq!(lines.len(), 3);
            for line in &lines {
                let time = line["time"].as_u64().unwrap();
                assert!(time <= asked && time + 1000 > asked, "time {time}, asked at {asked}");
            }
            let sales = lines.iter().find(|line| line["group"] == "sales").unwrap();
            // Ben is paused and Both talks for another queue; Anna's last call ended long ago;
            // Carla talks.
            let figures =
                ["ready", "loggedIn", "slots", "reactive", "queued"].map(|name| sales[name].as_u64().unwrap());
            assert_eq!(figures, [1, 4, 2, 1, 8]);
            assert_eq!(sales["channel"], "webcallback");
        }
    });
    assert_eq!(outcome.log.len(), 2, "{:?}", outcome.log);
    assert_eq!(outcome.log[0].0, Severity::Info);
    assert_eq!(outcome.log[1].0, Severity::Warning);
}

#[test]
fn a_wrong_password_is_one_clear_error_and_no_hammering() {
    let (server, receiver) = (Server::new(), Receiver::new());
    let mut settings = settings(server.address(), receiver.address());
    settings.account.secret = Secret::new("another-secret".into()).unwrap();
    let outcome = collect(&settings, Timing::default(), 2, || {
        for _ in 0..2 {
            let mut connection = server.accept();
            assert!(!connection.challenge());
            connection.send("Response: Error\r\nMessage: Authentication failed\r\n\r\n");
            connection.wait_for_end();
        }
    });
    assert_eq!(outcome.pauses, [Duration::from_secs(300); 2]);
    let [(Severity::Error, line)] = &outcome.log[..] else { panic!("{:?}", outcome.log) };
    assert!(line.contains("refused (\"Authentication failed\")") && line.contains("manager.conf"), "{line}");
    assert!(line.contains("300 s") && !line.contains("another-secret"), "{line}");
}

#[test]
fn nothing_is_sent_of_an_answer_that_is_cut_and_totals_go_on() {
    let (server, receiver) = (Server::new(), Receiver::new());
    let settings = settings(server.address(), receiver.address());
    let outcome = collect(&settings, quick(), 3, || {
        let whole = answer(1, 5, 3);
        let entered = |connection: &mut Connection, callers: u32| {
            let mut text = whole.replace("Calls: 1\r\n", &format!("Calls: {callers}\r\n"));
            // No QueueEntry: only the number of callers is known.
            text = text.replace("Uniqueid", "Id");
            connection.answer(text);
            receiver.lines()[0]["reactiveEntered"].as_u64().unwrap()
        };
        let mut connection = server.accept_login();
        let before = entered(&mut connection, 1);
        assert_eq!(entered(&mut connection, 1), before);
        connection.answer(&whole.as_bytes()[..whole.len() - 2]);
        drop(connection);

        // Asterisk is back, and its callers have come on.
        let mut connection = server.accept_login();
        assert_eq!(entered(&mut connection, 3), before + 2);
        connection.answer(&whole.as_bytes()[..40]);
        drop(connection);

        let mut connection = server.accept_login();
        assert_eq!(entered(&mut connection, 3), before + 2);
        assert!(receiver.is_empty());
    });
    // The first connection lasted; the others ended after one answer each.
    assert_eq!(outcome.pauses.iter().map(Duration::as_secs).collect::<Vec<_>>(), [1, 2, 4]);
}

#[test]
fn a_frozen_asterisk_is_given_up_in_time() {
    let (server, receiver) = (Server::new(), Receiver::new());
    let settings = settings(server.address(), receiver.address());
    // Long enough for a loaded machine to come to where it freezes.
    let timing = Timing { answer: Duration::from_millis(800), ..quick() };
    let outcome = collect(&settings, timing, 4, || {
        // Before the banner's end, before the challenge, before the answer, within it.
        let mut connection = server.accept();
        connection.wait_for_end();
        let mut connection = server.accept();
        connection.challenge();
        connection.wait_for_end();
        let mut connection = server.accept_login();
        connection.wait_for_end();
        let mut connection = server.accept_login();
        connection.answer("Response: Success\r\n\r\nEvent: QueueParams\r\nQueue: sal");
        connection.wait_for_end();
    });
    let log: Vec<&str> = outcome.log.iter().map(|(_, line)| line.split(": ").last().unwrap()).collect();
    assert_eq!(
        log,
        [
            "no challenge within 0.8 s",
            "no answer to the login within 0.8 s",
            // Twice, and logged once.
            "no whole answer to QueueStatus within 0.8 s",
        ]
    );
    assert_eq!(outcome.pauses.iter().map(Duration::as_secs).collect::<Vec<_>>(), [1, 2, 4, 5]);
    assert!(receiver.is_empty());
}

#[test]
fn a_restart_is_survived() {
    let (server, receiver) = (Server::new(), Receiver::new());
    let settings = settings(server.address(), receiver.address());
    let outcome = collect(&settings, quick(), 3, || {
        let mut connection = server.accept_login();
        connection.answer(example("QueueStatus-busy.raw"));
        assert_eq!(receiver.lines().len(), 3);
        connection.answer("Response: Error\r\nMessage: Asterisk is shutting down\r\n\r\n");
        connection.wait_for_end();
        // Still shutting down.
        let mut connection = server.accept();
        connection.action();
        connection.send("Response: Error\r\nMessage: Asterisk is shutting down\r\n\r\n");
        connection.wait_for_end();
        // As after a new start.
        let mut connection = server.accept_login();
        connection.answer(example("QueueStatus-start.raw"));
        let lines = receiver.lines();
        let sales = lines.iter().find(|line| line["group"] == "sales").unwrap();
        assert_eq!(sales["ready"], 4);
        // Those who had entered before are still in the total, which never falls.
        assert_eq!(sales["reactiveEntered"], 9);
        connection.answer(example("QueueStatus-start.raw"));
        assert_eq!(receiver.lines().len(), 3);
    });
    assert_eq!(outcome.pauses.iter().map(Duration::as_secs).collect::<Vec<_>>(), [1, 2, 1]);
    let log: Vec<&str> = outcome.log.iter().map(|(_, line)| &**line).collect();
    assert!(log[1].ends_with("Asterisk answered with an error: \"Asterisk is shutting down\""), "{log:?}");
    let gone = |line: &&&str| line.ends_with("gone: whether they abandoned is unknown");
    assert_eq!(log.iter().filter(gone).count(), 2, "{log:?}");
}

#[test]
fn nobody_listening_is_logged_once_and_tried_again_ever_more_slowly() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let settings = settings(free.to_string(), Receiver::new().address());
    let outcome = collect(&settings, Timing::default(), 6, || {});
    assert_eq!(outcome.pauses.iter().map(Duration::as_secs).collect::<Vec<_>>(), [1, 2, 4, 5, 5, 5]);
    let [(Severity::Warning, line)] = &outcome.log[..] else { panic!("{:?}", outcome.log) };
    assert!(line.contains("cannot connect"), "{line}");
}

#[test]
fn what_is_not_ami_is_named() {
    let (server, receiver) = (TcpListener::bind("127.0.0.1:0").unwrap(), Receiver::new());
    let settings = settings(server.local_addr().unwrap().to_string(), receiver.address());
    let outcome = collect(&settings, quick(), 1, || {
        use std::io::Write as _;
        server.accept().unwrap().0.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").unwrap();
    });
    assert!(outcome.log[0].1.contains("this is not AMI") && outcome.log[0].1.contains("SSH-2.0"), "{:?}", outcome.log);
}

#[test]
fn forty_queues_of_fifty_members_are_collected() {
    let (server, receiver) = (Server::new(), Receiver::new());
    let settings = settings(server.address(), receiver.address());
    collect(&settings, quick(), 1, || {
        let mut connection = server.accept_login();
        for free in [7, 50] {
            connection.answer(answer(40, 50, free));
            let mut lines = Vec::new();
            while lines.len() < 40 {
                lines.extend(receiver.lines());
            }
            for (queue, line) in lines.iter().enumerate() {
                assert_eq!(line["group"], format!("q{queue}"));
                assert_eq!((&line["ready"], &line["loggedIn"]), (&free.into(), &50.into()));
            }
        }
    });
}

#[test]
fn queues_whose_names_are_no_group_names_are_skipped_and_logged_once() {
    let (server, receiver) = (Server::new(), Receiver::new());
    let settings = settings(server.address(), receiver.address());
    let outcome = collect(&settings, quick(), 1, || {
        let text = answer(4, 2, 1)
            .replace("Queue: q0\r\n", &format!("Queue: {}\r\n", "long".repeat(17)))
            .replace("Queue: q1\r\n", "Queue: bell\x07\r\n")
            .replace("Queue: q2\r\n", "Queue: Überweisung \"1\"\r\n");
        let mut connection = server.accept_login();
        for _ in 0..3 {
            connection.answer(&text);
            let lines = receiver.lines();
            let groups: Vec<&str> = lines.iter().map(|line| line["group"].as_str().unwrap()).collect();
            assert_eq!(groups, ["Überweisung \"1\"", "q3"]);
            assert!(lines.iter().all(|line| line["ready"] == 1 && line["loggedIn"] == 2));
        }
    });
    let skipped: Vec<&String> =
        outcome.log.iter().map(|(_, line)| line).filter(|line| line.contains("skipped")).collect();
    assert_eq!(skipped.len(), 2, "{:?}", outcome.log);
    assert!(skipped[1].contains("bell\\u{7}"), "{skipped:?}");
}

#[test]
fn lines_that_cannot_be_sent_are_logged_once_and_tried_again() {
    let server = Server::new();
    // Broadcasts need a permission that the collector does not ask for.
    let settings = settings(server.address(), "255.255.255.255:9".into());
    let outcome = collect(&settings, quick(), 1, || {
        let mut connection = server.accept_login();
        for _ in 0..3 {
            connection.answer(example("QueueStatus-start.raw"));
        }
        connection.action();
    });
    let faults = outcome.log.iter().filter(|(_, line)| line.contains("statistics cannot be sent")).count();
    assert_eq!(faults, 1, "{:?}", outcome.log);
}

#[test]
fn lines_are_signed_where_there_is_a_key() {
    let (server, receiver) = (Server::new(), Receiver::new());
    let mut settings = settings(server.address(), receiver.address());
    settings.key = Some(Secret::new("0123456789abcdef0123456789abcdef".into()).unwrap());
    collect(&settings, quick(), 1, || {
        let mut connection = server.accept_login();
        connection.answer(example("QueueStatus-start.raw"));
        for line in receiver.datagram() {
            assert_eq!(line.split('.').count(), 3);
            assert!(line.starts_with("eyJhbGciOiJIUzI1NiJ9."), "{line}");
        }
    });
}

#[test]
fn a_pacingd_that_is_away_is_no_fault() {
    let server = Server::new();
    let free = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let settings = settings(server.address(), free.to_string());
    let outcome = collect(&settings, quick(), 1, || {
        let mut connection = server.accept_login();
        for _ in 0..3 {
            connection.answer(example("QueueStatus-start.raw"));
        }
        connection.action();
    });
    assert_eq!(outcome.log.len(), 2, "{:?}", outcome.log);
}
