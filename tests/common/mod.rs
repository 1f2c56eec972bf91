//! What the integration tests share: the real binary as a child, a bare HTTP client, a sender of
//! datagrams.
//!
//! Waiting is a blocking read with a deadline, or a question that is asked again after a
//! millisecond: a test that spins takes the processor away from the daemon that it waits for.
#![allow(dead_code, unreachable_pub)] // Every test file uses its own part of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Tests may; clippy.toml reaches only test functions.

pub mod client;
pub mod syslog;

use std::fs;
use std::io::Read as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use client::{Answer, Client};
use serde_json::Value;

/// How long anything may take that should take milliseconds: emulated processors and loaded
/// machines are slow.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Lets other processes run, before something is looked at again.
pub fn pause() {
    std::thread::sleep(Duration::from_millis(1));
}

/// Asks until the answer is yes, at most [`PATIENCE`]; `what` says what did not happen.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "{what}");
        pause();
    }
}

/// The base of most configurations: free ports, and whatever `more` says of the sections.
pub fn configuration(more: &str) -> String {
    let mut text = more.to_owned();
    for (section, listen) in [
        ("[http]\n", "listen = [\"127.0.0.1:0\"]\n"),
        ("[operators]\n", "listen = \"127.0.0.1:0\"\n"),
        ("[statistics]\n", "listen = \"127.0.0.1:0\"\n"),
    ] {
        // A section stands once in a file: where the test has something to say in it, the port goes
        // in there.
        match text.find(section) {
            Some(at) => text.insert_str(at + section.len(), listen),
            None => text.push_str(&format!("\n{section}{listen}")),
        }
    }
    text
}

/// What runs the binary where it cannot run by itself.
fn runner() -> Vec<String> {
    std::env::var("PACINGD_TEST_RUNNER").unwrap_or_default().split_whitespace().map(Into::into).collect()
}

/// The binary under test, with what runs it.
pub fn words() -> Vec<String> {
    let mut words = runner();
    words.push(env!("CARGO_BIN_EXE_pacingd").into());
    words
}

/// Runs the binary to its end.
pub fn run(arguments: &[&str]) -> Output {
    let words = words();
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = Process(command.spawn().unwrap());
    // What it says is shorter than what a pipe holds.
    let status = process.wait();
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    process.0.stdout.take().unwrap().read_to_end(&mut stdout).unwrap();
    process.0.stderr.take().unwrap().read_to_end(&mut stderr).unwrap();
    Output { status, stdout, stderr }
}

/// A directory of its own, removed with it.
pub struct Directory(PathBuf);

impl Directory {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("pacingd-test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A process that ends with the test that started it.
pub struct Process(Child);

impl Process {
    pub fn spawn(wrapper: &[&str], arguments: &[&str], stderr: Stdio) -> Self {
        Self::spawn_from(Stdio::null(), wrapper, arguments, stderr)
    }

    pub fn spawn_from(stdin: Stdio, wrapper: &[&str], arguments: &[&str], stderr: Stdio) -> Self {
        let mut words: Vec<String> = wrapper.iter().map(|word| (*word).into()).collect();
        words.extend(self::words());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).args(arguments).stdin(stdin).stdout(Stdio::null()).stderr(stderr);
        Self(command.spawn().unwrap())
    }

    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Sends a signal by its name without `SIG`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.id().to_string()).status().unwrap();
        assert!(sent.success(), "kill -{name}");
    }

    /// The lines of its standard error, which must be a pipe.
    pub fn stderr(&mut self) -> Lines {
        Lines::of(self.0.stderr.take().unwrap())
    }

    /// Stops it (SIGSTOP) until the result is dropped.
    pub fn stopped(&self) -> impl Drop + use<'_> {
        struct Stopped<'a>(&'a Process);
        impl Drop for Stopped<'_> {
            fn drop(&mut self) {
                self.0.signal("CONT");
            }
        }
        self.signal("STOP");
        wait_until("it does not stop", || self.status("State:").starts_with('T'));
        Stopped(self)
    }

    /// Whether it has a handler for the signal of that number.
    pub fn catches(&self, signal: u32) -> bool {
        self.has_in("SigCgt:", signal)
    }

    /// Whether it ignores the signal of that number.
    pub fn ignores(&self, signal: u32) -> bool {
        self.has_in("SigIgn:", signal)
    }

    fn has_in(&self, field: &str, signal: u32) -> bool {
        u64::from_str_radix(&self.status(field), 16).unwrap() >> (signal - 1) & 1 == 1
    }

    /// A field of the kernel's `/proc/PID/status`.
    fn status(&self, field: &str) -> String {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        status.lines().find_map(|line| line.strip_prefix(field)).unwrap().trim().to_owned()
    }

    /// Waits for the end, at most [`PATIENCE`].
    pub fn wait(&mut self) -> ExitStatus {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < until, "the daemon does not end");
            pause();
        }
    }

    pub fn is_running(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }

    /// Acts, and asserts that meanwhile the daemon has not taken more than that many bytes of
    /// memory for itself. Gives what came of it, and how many it took.
    ///
    /// What runs it elsewhere (`PACINGD_TEST_RUNNER`) takes memory of its own, for all that it
    /// translates; there it is acted only.
    pub fn assert_grows_at_most<T>(&self, ceiling: u64, act: impl FnOnce() -> T) -> (T, u64) {
        let before = self.resident();
        let result = act();
        let grown = self.resident().saturating_sub(before);
        assert!(grown <= ceiling || !runner().is_empty(), "grown by {grown} bytes, at most {ceiling}");
        (result, grown)
    }

    /// Bytes of memory that are its own, in RAM now.
    pub fn resident(&self) -> u64 {
        self.status("RssAnon:").strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
    }

    /// Hundredths of a second of processor time used.
    pub fn ticks(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.id())).unwrap();
        // Behind the name, which may hold anything: state is field 3, utime 14, stime 15.
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }

    pub fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.id())).unwrap().count()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Lines that somebody writes, as they come.
#[derive(Clone, Default)]
pub struct Lines(Arc<(Mutex<Vec<String>>, Condvar)>);

impl Lines {
    /// Reads lines on a thread of its own until the writer goes away.
    pub fn of(reader: impl std::io::Read + Send + 'static) -> Self {
        let lines = Self::default();
        let ours = lines.clone();
        std::thread::spawn(move || {
            use std::io::BufRead as _;
            for line in std::io::BufReader::new(reader).lines().map_while(Result::ok) {
                ours.push(line);
            }
        });
        lines
    }

    pub fn push(&self, line: String) {
        self.0.0.lock().unwrap().push(line);
        self.0.1.notify_all();
    }

    pub fn all(&self) -> Vec<String> {
        self.0.0.lock().unwrap().clone()
    }

    pub fn containing(&self, text: &str) -> Vec<String> {
        self.all().into_iter().filter(|line| line.contains(text)).collect()
    }

    /// Waits for a line with that text in it.
    pub fn wait_for(&self, text: &str) -> String {
        self.wait_for_the(1, text)
    }

    /// Waits for that many lines with that text in them, and gives the last.
    pub fn wait_for_the(&self, count: usize, text: &str) -> String {
        self.within(PATIENCE, count, text)
            .unwrap_or_else(|| panic!("no {text:?} (×{count}) in the log: {:#?}", self.all()))
    }

    /// The same, or nothing if it takes longer than that.
    pub fn within(&self, time: Duration, count: usize, text: &str) -> Option<String> {
        let until = Instant::now() + time;
        let mut lines = self.0.0.lock().unwrap();
        loop {
            if let Some(line) = lines.iter().filter(|line| line.contains(text)).nth(count - 1) {
                return Some(line.clone());
            }
            let left = until.checked_duration_since(Instant::now())?;
            lines = self.0.1.wait_timeout(lines, left).unwrap().0;
        }
    }
}

/// A running daemon.
pub struct Daemon {
    pub process: Process,
    pub log: Lines,
    pub http: SocketAddr,
    pub operators: SocketAddr,
    pub udp: SocketAddr,
    pub directory: Directory,
    sender: UdpSocket,
}

impl Daemon {
    /// With free ports, and what `more` says.
    pub fn with(more: &str) -> Self {
        Self::start(&[], more)
    }

    /// The same, run by another program.
    pub fn start(wrapper: &[&str], more: &str) -> Self {
        Self::start_from(Stdio::null(), wrapper, more)
    }

    /// The same, with something to begin with.
    pub fn start_from(stdin: Stdio, wrapper: &[&str], more: &str) -> Self {
        Self::start_of(stdin, wrapper, &configuration(more))
    }

    /// With this configuration and nothing else.
    pub fn of(text: &str) -> Self {
        Self::start_of(Stdio::null(), &[], text)
    }

    fn start_of(stdin: Stdio, wrapper: &[&str], text: &str) -> Self {
        let directory = Directory::new();
        let file = directory.file("pacingd.toml", text);
        let arguments = ["--config", file.to_str().unwrap(), "--log", "stderr"];
        let mut process = Process::spawn_from(stdin, wrapper, &arguments, Stdio::piped());
        let log = process.stderr();
        Self::ready(process, log, directory)
    }

    /// Waits until it is ready; `log` is wherever its lines go.
    pub fn ready(process: Process, log: Lines, directory: Directory) -> Self {
        log.wait_for("ready, version");
        let address = |of: &str| {
            let line = log.containing(of).remove(0);
            line.rsplit_once(' ').unwrap().1.parse::<SocketAddr>().unwrap()
        };
        let (http, operators, udp) =
            (address("answering HTTP on"), address("answering operators on"), address("receiving statistics on UDP"));
        Self { process, log, http, operators, udp, directory, sender: sender_on(Ipv4Addr::LOCALHOST.into()) }
    }

    /// Replaces the configuration's file, but does not say so to the daemon.
    pub fn write_configuration(&self, more: &str) {
        self.directory.file("pacingd.toml", &configuration(more));
    }

    /// One request on a connection of its own.
    pub fn get(&self, target: &str) -> Answer {
        Client::connect(self.http).get(target)
    }

    pub fn capacity(&self, query: &str) -> Answer {
        self.get(&format!("/backend/data/pacing/channelCapacity?{query}"))
    }

    pub fn reactive_state(&self, query: &str) -> Answer {
        self.get(&format!("/backend/data/pacing/reactiveState?{query}"))
    }

    pub fn health(&self) -> Value {
        Client::connect(self.operators).get("/health").json()
    }

    /// One of `/health`'s counts of lines.
    pub fn lines(&self, outcome: &str) -> u64 {
        lines_of(&self.health(), outcome)
    }

    /// Waits until that many connections of visitors are accepted and open.
    pub fn wait_until_accepted(&self, connections: usize) {
        let line = format!("pacingd_connections_open{{side=\"visitors\"}} {connections}\n");
        let mut operators = Client::connect(self.operators);
        wait_until("it is not accepted", || operators.get("/metrics").body.contains(&line));
    }

    /// Sends a datagram of `lines` lines, and waits until they were received.
    pub fn send(&self, datagram: impl AsRef<[u8]>, lines: u64) {
        self.send_from(&self.sender, datagram.as_ref(), lines);
    }

    pub fn send_from(&self, sender: &UdpSocket, datagram: &[u8], lines: u64) {
        let before = self.lines("received");
        assert_eq!(sender.send_to(datagram, self.udp).unwrap(), datagram.len());
        self.wait_until_received(before + lines);
    }

    /// Sends without waiting.
    pub fn fire(&self, datagram: &[u8]) {
        self.sender.send_to(datagram, self.udp).unwrap();
    }

    pub fn wait_until_received(&self, lines: u64) {
        let until = Instant::now() + PATIENCE;
        let mut operators = Client::connect(self.operators);
        loop {
            let health = operators.get("/health").json();
            let received = lines_of(&health, "received");
            if received == lines {
                return;
            }
            assert!(received < lines && Instant::now() < until, "waiting for {lines} lines: {health}");
            pause();
        }
    }

    /// Asks again until the answer's body is this one.
    pub fn wait_for_body(&self, target: &str, body: &str) {
        let until = Instant::now() + PATIENCE;
        loop {
            let answer = self.get(target);
            if answer.body == body {
                return;
            }
            assert!(Instant::now() < until, "waiting for {body}: {answer:?}");
            pause();
        }
    }

    /// Asks for a new reading of the configuration, and waits until the log says how it went.
    pub fn reload(&self) -> String {
        let before = self.log.containing("reload: ").iter().filter(|line| !line.contains("restart to apply")).count();
        self.process.signal("HUP");
        let until = Instant::now() + PATIENCE;
        loop {
            let logged: Vec<String> =
                self.log.containing("reload: ").into_iter().filter(|line| !line.contains("restart to apply")).collect();
            if let Some(line) = logged.get(before) {
                return line.clone();
            }
            assert!(Instant::now() < until, "no reload: {:#?}", self.log.all());
            pause();
        }
    }

    /// Every line ended in exactly one outcome.
    pub fn assert_the_outcomes_sum_to_the_lines_received(&self) {
        let health = self.health();
        let counts = health["lines"].as_object().unwrap();
        let sum: u64 = counts.iter().filter(|(name, _)| *name != "received").map(|(_, n)| n.as_u64().unwrap()).sum();
        assert_eq!(counts["received"], sum, "{health}");
        assert!(counts.len() > 6, "{health}");
    }
}

fn lines_of(health: &Value, outcome: &str) -> u64 {
    health["lines"][outcome].as_u64().unwrap_or_else(|| panic!("no lines.{outcome} in {health}"))
}

/// A sender of datagrams at that address.
pub fn sender_on(address: IpAddr) -> UdpSocket {
    UdpSocket::bind((address, 0)).unwrap()
}

/// A line with the three fields that every line has.
pub fn line(channel: &str, group: &str, ready: u32) -> String {
    format!(r#"{{"channel":"{channel}","group":"{group}","ready":{ready}}}"#)
}

/// A chat line with something more.
pub fn line_with(group: &str, ready: u32, more: &str) -> String {
    format!(r#"{{"channel":"chat","group":"{group}","ready":{ready},{more}}}"#)
}
