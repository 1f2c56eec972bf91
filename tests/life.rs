//! The daemon's life: the command line, starting, reloading, running out of things, ending; and
//! where its log goes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // clippy.toml allows them in test functions only.

mod common;

use std::io::{ErrorKind, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::client::Client;
use common::syslog::{self, Namespace};
use common::{
    Daemon, Directory, Lines, PATIENCE, Process, configuration, line, line_with, pause, run, sender_on, wait_until,
};

const ASK: &str = "GET /backend/data/pacing/channelCapacity?channel=chat HTTP/1.1\r\nhost: pacing\r\n\r\n";

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Runs with a configuration's text; gives the exit code and what stood on standard error.
fn refusal(configuration: &str, more: &[&str]) -> (i32, String) {
    let directory = Directory::new();
    let file = directory.file("pacingd.toml", configuration);
    let arguments = [&["--config", file.to_str().unwrap()], more].concat();
    let output = run(&arguments);
    assert!(output.stdout.is_empty(), "{}", text(&output.stdout));
    // A log on standard error has the level.
    let printed = text(&output.stderr).replace(file.to_str().unwrap(), "FILE").replace("pacingd: error: ", "pacingd: ");
    (output.status.code().unwrap(), printed)
}

#[test]
fn help_and_version_are_printed() {
    for (argument, want) in
        [("--help", "usage: pacingd"), ("-h", "usage: pacingd"), ("--version", "pacingd "), ("-V", "pacingd ")]
    {
        let output = run(&[argument]);
        assert_eq!(output.status.code(), Some(0), "{argument}");
        assert!(text(&output.stdout).contains(want), "{argument}");
        assert!(output.stderr.is_empty(), "{argument}");
    }
    assert_eq!(text(&run(&["--version"]).stdout), concat!("pacingd ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn a_bad_command_line_exits_with_64_and_says_what_is_wrong() {
    for (arguments, want) in [
        (&["--colour"][..], "--colour"),
        (&["file.toml"], "file.toml"),
        (&["--config"], "--config"),
        (&["--log"], "--log"),
        (&["--log", "paper"], "--log is \"paper\"; want \"syslog\" or \"stderr\""),
        (&["--log=auto"], "--log is \"auto\""),
        (&["--check-config=yes"], "check-config"),
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(64), "{arguments:?}");
        let printed = text(&output.stderr);
        assert!(printed.starts_with("pacingd: ") && printed.contains(want), "{printed}");
        assert!(printed.ends_with("; see pacingd --help\n"), "{printed}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_checked_configuration_is_printed_as_a_file_that_means_the_same() {
    let directory = Directory::new();
    let file =
        directory.file("pacingd.toml", "[pacing]\nrefresh-period = 0.5\n[statistics.groups]\nchat = [\"Ü \\\"\"]\n");
    let first = run(&["--check-config", "--config", file.to_str().unwrap()]);
    assert_eq!(first.status.code(), Some(0));
    assert!(text(&first.stdout).contains("refresh-period = 0.5"));
    let printed = directory.file("printed.toml", text(&first.stdout));
    let second = run(&["--check-config", "--config", printed.to_str().unwrap()]);
    assert_eq!(text(&second.stdout), text(&first.stdout));
}

#[test]
fn a_bad_configuration_exits_with_78_and_says_file_line_key_and_what_would_be_right() {
    for (text, want) in [
        ("[http\n", "pacingd: FILE:1: not TOML: "),
        ("\n[pacing]\ngoal = 3\n", "pacingd: FILE:3: pacing.goal is unknown; want one of algorithm, "),
        ("[log]\nlevel = 3\n", "pacingd: FILE:2: log.level is 3; want one of \"error\", "),
        ("[http.limits]\nconnections = 0\n", "pacingd: FILE:2: http.limits.connections is 0; want an integer, 1 to "),
        ("[statistics]\nsources = []\n", "pacingd: FILE:2: statistics.sources has 0 entries; want 1 to 16"),
        ("[statistics.groups]\nchat = [\"a\\nb\"]\n", "pacingd: FILE:2: statistics.groups.chat has "),
    ] {
        for more in [&[][..], &["--check-config"]] {
            let (code, printed) = refusal(text, more);
            assert_eq!(code, 78, "{text}: {printed}");
            assert!(printed.starts_with(want), "{text}: {printed}");
            assert_eq!(printed.lines().count(), 1, "{printed}");
        }
    }
    let directory = Directory::new();
    let file = directory.file("latin1.toml", "");
    std::fs::write(&file, b"\n[statistics.groups]\nchat = [\"\xdcberweisung\"]\n").unwrap();
    let output = run(&["--config", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(78));
    let want = format!("{}:3: not UTF-8; want TOML, which is\n", file.display());
    assert!(text(&output.stderr).ends_with(&want), "{}", text(&output.stderr));
    let output = run(&["--config", "/nowhere/pacingd.toml"]);
    assert_eq!(output.status.code(), Some(78));
    assert!(text(&output.stderr).contains("/nowhere/pacingd.toml: cannot be read: "));
    let fifo = directory.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let output = run(&["--check-config", "--config", fifo.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(78));
    assert!(text(&output.stderr).ends_with("fifo: cannot be read: it is not a regular file\n"));
}

#[cfg(not(feature = "tls"))]
#[test]
fn https_is_refused_by_a_build_without_it() {
    let more = "[https]\nlisten = [\"127.0.0.1:0\"]\ncertificate = \"/c.pem\"\nkey = \"/k.pem\"\n";
    for mode in [&["--log", "stderr"][..], &["--check-config"]] {
        let (code, printed) = refusal(&configuration(more), mode);
        assert_eq!(code, 78, "{printed}");
        assert!(printed.contains("was built without HTTPS; want one built with the feature tls"), "{printed}");
    }
}

#[test]
fn without_a_file_the_defaults_hold() {
    if std::path::Path::new("/etc/pacingd.toml").exists() {
        eprintln!("skipped: this machine has a /etc/pacingd.toml of its own");
        return;
    }
    let output = run(&["--check-config"]);
    assert_eq!(output.status.code(), Some(0));
    for line in ["listen = [\"127.0.0.1:8080\"]", "listen = \"127.0.0.1:8081\"", "listen = [\"127.0.0.1:8127\"]"] {
        assert!(text(&output.stdout).contains(line), "{line}");
    }
    let directory = Directory::new();
    let empty = directory.file("empty.toml", "");
    let of_empty = run(&["--check-config", "--config", empty.to_str().unwrap()]);
    assert_eq!(text(&of_empty.stdout), text(&output.stdout));
}

#[test]
fn an_address_in_use_exits_with_71_and_is_named() {
    let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let (held, held_udp) = (tcp.local_addr().unwrap(), udp.local_addr().unwrap());
    let free = configuration("");
    for (configuration, address) in [
        (free.replace("[http]\nlisten = [\"127.0.0.1:0\"]", &format!("[http]\nlisten = [\"{held}\"]")), held),
        (free.replace("[operators]\nlisten = \"127.0.0.1:0\"", &format!("[operators]\nlisten = \"{held}\"")), held),
        (
            free.replace("[statistics]\nlisten = \"127.0.0.1:0\"", &format!("[statistics]\nlisten = \"{held_udp}\"")),
            held_udp,
        ),
    ] {
        let (code, printed) = refusal(&configuration, &["--log", "stderr"]);
        assert_eq!(code, 71, "{printed}");
        assert!(printed.contains(&address.to_string()), "{printed}");
    }
}

#[test]
fn any_address_of_ipv6_is_any_of_ipv4_too_or_stands_beside_it_on_one_port() {
    for any in [&["0.0.0.0", "[::]"][..], &["[::]", "0.0.0.0"], &["[::]"]] {
        // Ports that were free a moment ago.
        let tcp = TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).unwrap().local_addr().unwrap().port();
        let udp = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).unwrap().local_addr().unwrap().port();
        let at = |port| any.iter().map(|address| format!("{address}:{port}")).collect::<Vec<_>>();
        let daemon = Daemon::of(&format!(
            "http.listen = {:?}\noperators.listen = \"127.0.0.1:0\"\nstatistics.listen = {:?}\n",
            at(tcp),
            at(udp)
        ));
        for (count, address) in [(1, IpAddr::from(Ipv4Addr::LOCALHOST)), (2, Ipv6Addr::LOCALHOST.into())] {
            let statistics = line("chat", &address.to_string(), 4);
            sender_on(address).send_to(statistics.as_bytes(), (address, udp)).unwrap();
            daemon.wait_until_received(count);
            assert_eq!(daemon.lines("accepted"), count, "{any:?}");
            let mut client = Client::connect((address, tcp).into());
            assert_eq!(client.get("/backend/data/pacing/channelCapacity?channel=chat").status, 200, "{any:?}");
        }
    }
}

#[test]
fn sockets_of_ipv6_do_not_depend_on_the_systems_default() {
    // The test above, in a network of its own where the administrator has changed the default.
    let script = "ip link set lo up && echo 1 > /proc/sys/net/ipv6/bindv6only && exec \"$0\" \"$@\"";
    let in_namespace = |arguments: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(["-rn", "sh", "-c", script]).arg(std::env::current_exe().unwrap()).args(arguments);
        command.output()
    };
    if !in_namespace(&["--list"]).is_ok_and(|listed| listed.status.success()) {
        return println!("skipped: unshare -rn, ip or net.ipv6.bindv6only is not available here");
    }
    let name = "any_address_of_ipv6_is_any_of_ipv4_too_or_stands_beside_it_on_one_port";
    let ran = in_namespace(&["--exact", name]).unwrap();
    let text = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
fn sigterm_and_sigint_end_an_idle_daemon_well_and_at_once() {
    for signal in ["TERM", "INT"] {
        let mut daemon = Daemon::with("");
        let mut kept = Client::connect(daemon.http);
        kept.get("/").problem(404);
        let mut silent = Client::connect(daemon.http);
        let mut watcher = Client::connect(daemon.operators);
        watcher.get("/health");
        daemon.process.signal(signal);
        assert_eq!(daemon.process.wait().code(), Some(0), "{signal}");
        for client in [&mut kept, &mut silent, &mut watcher] {
            client.assert_closed();
        }
        daemon.log.wait_for("stopped");
        assert!(daemon.log.containing("not finished in time").is_empty(), "idle connections hold nothing up");
    }
}

#[test]
fn a_request_under_way_is_answered_before_the_end() {
    let mut daemon = Daemon::with("");
    daemon.send(line("chat", "A", 7), 1);
    let mut idle = Client::connect(daemon.http);
    let (first, second) = ASK.split_at(40);
    idle.send(ASK);
    assert_eq!(idle.answer().value("capacity"), 7);
    let mut slow = Client::connect(daemon.http);
    slow.send(first);
    daemon.wait_until_accepted(2);
    daemon.process.signal("TERM");
    daemon.log.wait_for("stopping");
    idle.assert_closed();
    slow.send(second);
    let answer = slow.answer();
    assert_eq!(answer.value("capacity"), 7);
    assert_eq!(answer.header("connection"), Some("close"));
    slow.assert_closed();
    assert_eq!(daemon.process.wait().code(), Some(0));
    daemon.log.wait_for("stopped");
    assert!(daemon.log.containing("not finished in time").is_empty(), "nobody is waited for any more");
}

#[test]
fn a_burst_of_datagrams_waits_in_the_kernel_and_none_is_lost() {
    let maximum = std::fs::read_to_string("/proc/sys/net/core/rmem_max").unwrap();
    let daemon = Daemon::with("");
    let granted = daemon.log.wait_for("receive buffer for statistics: ");
    let daemon_is_stopped = daemon.process.stopped();
    let name = "x".repeat(60);
    for number in 0..256 {
        daemon.fire(line_with(&name, number, r#""loggedIn":300,"busy":10,"queued":0,"handleTime":300000,"reactiveEntered":100,"reactiveAbandoned":2,"proactiveEntered":17,"proactiveAbandoned":1"#).as_bytes());
    }
    drop(daemon_is_stopped);
    if maximum.trim().parse::<u64>().unwrap() < 1024 * 1024 {
        eprintln!("skipped: net.core.rmem_max of this machine is {maximum}");
        return;
    }
    assert!(granted.ends_with("1024 KiB"), "{granted}");
    daemon.wait_until_received(256);
}

#[test]
fn datagrams_that_the_kernel_dropped_are_logged() {
    let daemon = Daemon::with("");
    daemon.send(line("chat", "A", 1), 1);
    let daemon_is_stopped = daemon.process.stopped();
    // Each takes more than its length of a buffer of 1 MiB, which the kernel doubles.
    let datagram = format!("{}\n", " ".repeat(30_000));
    (0..200).for_each(|_| daemon.fire(datagram.as_bytes()));
    drop(daemon_is_stopped);
    let warning = daemon.log.wait_for("the kernel dropped ");
    assert!(warning.contains("warning") && warning.contains("net.core.rmem_max"), "{warning}");
}

#[test]
fn sighup_kills_no_daemon_that_is_starting() {
    for _ in 0..20 {
        let directory = Directory::new();
        let file = directory.file("pacingd.toml", &configuration(""));
        let mut process = Process::spawn_from(
            Stdio::null(),
            &[],
            &["--config", file.to_str().unwrap(), "--log", "stderr"],
            Stdio::piped(),
        );
        let log = process.stderr();
        // From the first moment on at which it has a handler, which is before it reads its
        // configuration.
        wait_until("no handler is installed", || process.catches(1) || !process.is_running());
        for _ in 0..3 {
            process.signal("HUP");
        }
        let daemon = Daemon::ready(process, log, directory);
        daemon.log.wait_for("is in force");
    }
}

#[test]
fn sighup_that_is_ignored_at_first_kills_at_no_moment_and_reloads_later() {
    for _ in 0..10 {
        let directory = Directory::new();
        let file = directory.file("pacingd.toml", &configuration(""));
        // As docs/without-systemd.md has it.
        let wrapper = ["sh", "-c", "trap '' HUP; exec \"$0\" \"$@\""];
        let arguments = ["--config", file.to_str().unwrap(), "--log", "stderr"];
        let mut process = Process::spawn(&wrapper, &arguments, Stdio::piped());
        let log = process.stderr();
        wait_until("it is not ignored", || process.ignores(1) || process.catches(1) || !process.is_running());
        while log.containing("ready, version").is_empty() && process.is_running() {
            process.signal("HUP");
        }
        let daemon = Daemon::ready(process, log, directory);
        assert!(daemon.reload().contains("is in force"));
    }
}

#[test]
fn a_stopping_daemon_takes_no_new_connections() {
    let daemon = Daemon::with("");
    let mut slow = Client::connect(daemon.http);
    slow.send(ASK.split_at(40).0);
    daemon.wait_until_accepted(1);
    daemon.process.signal("TERM");
    daemon.log.wait_for("stopping");
    // The listening socket goes away with its task, which may be a moment later.
    wait_until("it still accepts", || std::net::TcpStream::connect(daemon.http).is_err());
}

#[test]
fn a_second_signal_ends_at_once() {
    for (first, second, code) in [("TERM", "TERM", 143), ("TERM", "INT", 130), ("INT", "TERM", 143)] {
        let mut daemon = Daemon::with("");
        let mut slow = Client::connect(daemon.http);
        slow.send(format!("{ASK}{}", ASK.split_at(40).0));
        slow.answer();
        daemon.process.signal(first);
        daemon.log.wait_for("stopping");
        assert!(daemon.process.is_running());
        // A daemon that had finished its answers would exit with 0.
        daemon.process.signal(second);
        let status = daemon.process.wait();
        assert_eq!(status.code(), Some(code), "{status}, {:?}", status.signal());
    }
}

#[test]
fn a_reload_changes_what_can_change_and_keeps_the_statistics() {
    let daemon = Daemon::with("[pacing]\nalgorithm = \"EXTERNAL\"\n");
    daemon.send(line_with("A", 7, r#""reactiveState":0.25"#), 1);
    daemon.capacity("channel=chat&groups=New").problem(404);
    assert_eq!(daemon.reactive_state("channel=chat").value("reactiveState"), 0.25);

    daemon.write_configuration(
        "[http.cors]\nallowed-origins = \"*\"\n[statistics]\nsources = [\"127.0.0.9\"]\ntime-to-live = 3600\n\
         groups = { chat = [\"New\"] }\n[pacing]\nalgorithm = \"EXTERNAL\"\n[log]\nlevel = \"debug\"\n",
    );
    let printed = daemon.reload();
    assert!(printed.contains("is in force"), "{printed}");
    assert!(daemon.log.containing("restart to apply").is_empty(), "ports that are asked for as 0 did not change");
    daemon.capacity("channel=chat&groups=New").problem(503);
    assert_eq!(daemon.capacity("channel=chat").value("capacity"), 7, "kept");
    assert_eq!(daemon.reactive_state("channel=chat").value("reactiveState"), 0.25, "kept");
    let answer = Client::connect(daemon.http).request("GET", "/", "origin: http://a\r\n");
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    daemon.send(line("chat", "A", 8), 1);
    assert_eq!((daemon.lines("notAllowed"), daemon.lines("accepted")), (1, 1), "the sources changed");
    assert!(daemon.capacity("channel=chat&groups=New").problem(503).contains("3600 s"), "the time to live changed");

    daemon.write_configuration("[log]\nlevel = \"error\"\n");
    daemon.process.signal("HUP");
    let target = "/backend/data/pacing/channelCapacity?channel=chat&groups=New";
    wait_until("what is no longer declared is still known", || daemon.get(target).status == 404);
    assert_eq!(daemon.capacity("channel=chat").value("capacity"), 7);
    assert_eq!(daemon.log.containing("is in force").len(), 1, "errors only are logged now");
}

#[test]
fn a_reload_names_what_only_a_restart_changes() {
    let daemon = Daemon::with("");
    let other = configuration("[http.limits]\nconnections = 3\n").replace("\"127.0.0.1:0\"", "\"127.0.0.2:0\"");
    daemon.directory.file("pacingd.toml", &other);
    daemon.reload();
    let line = daemon.log.wait_for("restart to apply");
    for key in ["http.listen", "http.limits.connections", "operators.listen", "statistics.listen"] {
        assert!(line.contains(key), "{key}: {line}");
    }
    assert!(line.contains("warning") && !line.contains("log.to"), "{line}");
    daemon.send(line_with("A", 1, r#""time":1"#), 1);
    assert_eq!(daemon.capacity("channel=chat").value("capacity"), 1, "it answers where it did");
}

#[test]
fn a_broken_file_changes_nothing() {
    let daemon = Daemon::with("[statistics]\ngroups = { chat = [\"Declared\"] }\n");
    daemon.send(line("chat", "A", 7), 1);
    for broken in ["[http", "[pacing]\noptimization-goal = 0\n", "[statistics]\ngroups = { chat = [\"\"] }\n", "\0"] {
        daemon.directory.file("pacingd.toml", broken);
        let printed = daemon.reload();
        assert!(printed.contains("error: reload: ") && printed.ends_with("; nothing was changed"), "{printed}");
    }
    std::fs::remove_file(daemon.directory.path().join("pacingd.toml")).unwrap();
    assert!(daemon.reload().contains("cannot be read"));
    assert_eq!(daemon.capacity("channel=chat").value("capacity"), 7);
    daemon.capacity("channel=chat&groups=Declared").problem(503);
    daemon.write_configuration("");
    assert!(daemon.reload().contains("is in force"), "a good file is taken again");
}

#[test]
fn a_storm_of_reloads_is_survived() {
    let daemon = Daemon::with("");
    daemon.send(line("chat", "A", 7), 1);
    for _ in 0..50 {
        daemon.process.signal("HUP");
    }
    assert_eq!(daemon.capacity("channel=chat").value("capacity"), 7);
}

#[test]
fn without_file_descriptors_accepting_pauses_and_then_goes_on() {
    let daemon = Daemon::with("");
    daemon.send(line("chat", "A", 7), 1);
    let mut inside = Client::connect(daemon.http);
    inside.get("/").problem(404);
    let limit = daemon.process.descriptors() + 4;
    let limited = Command::new("prlimit")
        .args([format!("--pid={}", daemon.process.id()), format!("--nofile={limit}:{limit}")])
        .stdout(Stdio::null())
        .status();
    if !limited.is_ok_and(|status| status.success()) {
        eprintln!("skipped: no prlimit on this machine");
        return;
    }
    let mut clients: Vec<Client> = (0..12).map(|_| Client::connect(daemon.http)).collect();
    clients.iter_mut().for_each(|client| client.send(ASK));
    daemon.log.wait_for("cannot accept connections");
    let ticks = daemon.process.ticks();
    let waiting = clients.last_mut().unwrap();
    assert!(waiting.is_silent_for(Duration::from_secs(1)), "it waits in the queue");
    let spent = daemon.process.ticks() - ticks;
    assert!(spent < 20, "{spent} ticks of 100 a second are spinning");
    inside.get("/").problem(404);
    daemon.fire(line("chat", "A", 5).as_bytes());
    let mut waiting = clients.pop().unwrap();
    drop(clients);
    assert_eq!(waiting.answer().status, 200);
    daemon.wait_until_received(2);
    assert_eq!(daemon.log.containing("cannot accept connections").len(), 1);
}

#[test]
fn standard_error_that_nobody_reads_holds_nothing_up() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let directory = Directory::new();
    let file = directory.file("pacingd.toml", &configuration("[statistics]\ngroups = { chat = [\"A\"] }\n"));
    let filler = theirs.try_clone().unwrap();
    let arguments = ["--config", file.to_str().unwrap(), "--log", "stderr"];
    let process = Process::spawn(&[], &arguments, Stdio::from(OwnedFd::from(theirs)));
    // Read by one read each, so that none is read ahead once the test stops reading.
    let log = Lines::default();
    let mut bytes = Vec::new();
    while log.containing("ready, version").is_empty() {
        let mut byte = [0];
        std::io::Read::read_exact(&mut &ours, &mut byte).unwrap();
        if byte == *b"\n" {
            log.push(String::from_utf8(std::mem::take(&mut bytes)).unwrap());
        } else {
            bytes.extend(byte);
        }
    }
    let daemon = Daemon::ready(process, log, directory);
    filler.set_nonblocking(true).unwrap();
    while (&filler).write(&[b'.'; 4096]).is_ok() {}
    filler.set_nonblocking(false).unwrap();
    daemon.capacity("channel=chat&groups=A").problem(503);
    for name in ["B", "C", "D"] {
        daemon.write_configuration(&format!("[statistics]\ngroups = {{ chat = [\"{name}\"] }}\n"));
        daemon.process.signal("HUP");
        let target = format!("/backend/data/pacing/channelCapacity?channel=chat&groups={name}");
        wait_until("the reload does not happen", || daemon.get(&target).status == 503);
    }
    daemon.send("garbage", 1);
    // The log is read again: the number of dropped lines is logged.
    let lines = Lines::of(ours);
    let until = Instant::now() + PATIENCE;
    while lines.within(Duration::from_millis(200), 1, "dropped: the log was not being read").is_none() {
        assert!(Instant::now() < until, "the dropped lines are not logged");
        daemon.process.signal("HUP");
    }
}

/// A daemon that logs to a `/dev/log` of its own.
fn daemon_with_syslog(directory: Directory, namespace: &Namespace, log: Lines, more: &str) -> Daemon {
    let file = directory.file("pacingd.toml", &configuration(more));
    let arguments = ["--config", file.to_str().unwrap(), "--log", "syslog"];
    let process = Process::spawn(&namespace.words(), &arguments, Stdio::null());
    Daemon::ready(process, log, directory)
}

/// Asks for reloads, whose lines the daemon logs, until one with that text comes.
fn wait_for_a_line_of_reloads(daemon: &Daemon, lines: &Lines, text: &str) -> String {
    let until = Instant::now() + PATIENCE;
    loop {
        daemon.process.signal("HUP");
        if let Some(line) = lines.within(Duration::from_millis(200), 1, text) {
            return line;
        }
        assert!(Instant::now() < until, "no {text:?}: {:#?}", lines.all());
    }
}

#[test]
fn a_line_in_dev_log_has_the_form_of_rfc_3164() {
    let directory = Directory::new();
    let Some(namespace) = Namespace::new(&directory) else { return };
    let socket = syslog::listen(&directory);
    let (lines, _reader) = syslog::read(&socket);
    let daemon = daemon_with_syslog(directory, &namespace, lines, "");
    daemon.send("garbage", 1);
    let warning = daemon.log.wait_for("line 1, dropped");
    for (line, priority) in [(daemon.log.wait_for("ready, version"), "<30>"), (warning, "<28>")] {
        let rest = line.strip_prefix(priority).unwrap_or_else(|| panic!("{line}"));
        let (time, rest) = rest.split_at(15);
        let fields: Vec<&str> = time.split_whitespace().collect();
        assert_eq!(fields.len(), 3, "{line}");
        assert!(
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"].contains(&fields[0])
        );
        assert!((1..=31).contains(&fields[1].parse::<u8>().unwrap()), "{line}");
        let clock: Vec<u8> = fields[2].split(':').map(|part| part.parse().unwrap()).collect();
        assert_eq!(clock.len(), 3, "{line}");
        assert!(rest.starts_with(" pacingd["), "{line}");
        let (pid, message) = rest.strip_prefix(" pacingd[").unwrap().split_once("]: ").unwrap();
        assert!(pid.parse::<u32>().is_ok() && !message.contains('\n'), "{line}");
    }
}

#[test]
fn a_dev_log_that_nobody_reads_holds_nothing_up() {
    let directory = Directory::new();
    let Some(namespace) = Namespace::new(&directory) else { return };
    let socket = syslog::listen(&directory);
    let (lines, reader) = syslog::read(&socket);
    let path = syslog::path(&directory);
    let mut daemon = daemon_with_syslog(directory, &namespace, lines, "");
    let stopper = std::os::unix::net::UnixDatagram::unbound().unwrap();
    stopper.send_to(b"stop", &path).unwrap();
    reader.join().unwrap();
    assert!(syslog::fill(&path) > 0);
    for name in ["B", "C", "D"] {
        daemon.write_configuration(&format!("[statistics]\ngroups = {{ chat = [\"{name}\"] }}\n"));
        daemon.process.signal("HUP");
        let target = format!("/backend/data/pacing/channelCapacity?channel=chat&groups={name}");
        wait_until("the reload does not happen", || daemon.get(&target).status == 503);
    }
    daemon.send(["garbage", &line("chat", "B", 7)].join("\n"), 2);
    assert_eq!(daemon.capacity("channel=chat").value("capacity"), 7);
    let (lines, _reader) = syslog::read(&socket);
    wait_for_a_line_of_reloads(&daemon, &lines, "dropped: the log was not being read");
    // The log is not read until the end either.
    stopper.send_to(b"stop", &path).unwrap();
    let _ = _reader.join();
    syslog::fill(&path);
    daemon.process.signal("TERM");
    assert_eq!(daemon.process.wait().code(), Some(0));
}

#[test]
fn a_syslogd_that_restarts_gets_the_lines_again() {
    let directory = Directory::new();
    let Some(namespace) = Namespace::new(&directory) else { return };
    let socket = syslog::listen(&directory);
    let (lines, reader) = syslog::read(&socket);
    let path = syslog::path(&directory);
    let daemon = daemon_with_syslog(directory, &namespace, lines, "");
    std::os::unix::net::UnixDatagram::unbound().unwrap().send_to(b"stop", &path).unwrap();
    reader.join().unwrap();
    drop(socket);
    daemon.send("garbage", 1);
    let socket = syslog::listen(&daemon.directory);
    let (lines, _reader) = syslog::read(&socket);
    wait_for_a_line_of_reloads(&daemon, &lines, "is in force");
    assert_eq!(daemon.capacity("channel=chat").status, 503);
}

#[test]
fn by_default_the_log_goes_to_syslog_if_there_is_one_and_to_standard_error_if_there_is_none() {
    for has_syslog in [false, true] {
        let directory = Directory::new();
        let Some(namespace) = Namespace::new(&directory) else { return };
        let socket = has_syslog.then(|| syslog::listen(&directory));
        let file = directory.file("pacingd.toml", &configuration(""));
        let mut process = Process::spawn(&namespace.words(), &["--config", file.to_str().unwrap()], Stdio::piped());
        let on_stderr = process.stderr();
        let log = socket.as_ref().map_or_else(|| on_stderr.clone(), |socket| syslog::read(socket).0);
        let daemon = Daemon::ready(process, log, directory);
        daemon.capacity("channel=chat").problem(503);
        assert_eq!(on_stderr.all().is_empty(), has_syslog);
    }
}

#[test]
fn without_a_dev_log_the_daemon_serves_and_logs_when_there_is_one() {
    let directory = Directory::new();
    let Some(namespace) = Namespace::new(&directory) else { return };
    // Only the log names its addresses, so a daemon without a log is given fixed ones.
    let taken: Vec<TcpListener> = (0..2).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()).collect();
    let ports: Vec<u16> = taken.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
    drop(taken);
    let text = format!(
        "[http]\nlisten = [\"127.0.0.1:{}\"]\n[operators]\nlisten = \"127.0.0.1:{}\"\n[statistics]\nlisten = \"127.0.0.1:0\"\n",
        ports[0], ports[1]
    );
    let file = directory.file("pacingd.toml", &text);
    let arguments = ["--config", file.to_str().unwrap(), "--log", "syslog"];
    let mut process = Process::spawn(&namespace.words(), &arguments, Stdio::null());
    let until = Instant::now() + PATIENCE;
    let mut client = loop {
        assert!(process.is_running() && Instant::now() < until, "it does not serve");
        match std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, ports[0])) {
            Ok(_) => break Client::connect((Ipv4Addr::LOCALHOST, ports[0]).into()),
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionRefused),
        }
        pause();
    };
    client.get("/").problem(404);
    let socket = syslog::listen(&directory);
    let (lines, _reader) = syslog::read(&socket);
    loop {
        process.signal("HUP");
        if lines.within(Duration::from_millis(200), 1, "is in force").is_some() {
            break;
        }
        assert!(Instant::now() < until, "no line comes");
    }
    client.get("/").problem(404);
    lines.wait_for("dropped: the log was not being read");
}
