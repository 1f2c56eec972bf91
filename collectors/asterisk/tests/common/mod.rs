//! What the tests share: recordings, and a simulated AMI server.
#![allow(dead_code, unreachable_pub)] // Every test file uses its own part of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Tests may; clippy.toml reaches only test functions.

pub mod server;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use flate2::read::GzDecoder;
use pacingd_asterisk::clock::Moment;
use pacingd_asterisk::limits::Timing;
use pacingd_asterisk::queues::{Queues, Report};
use pacingd_asterisk::session::{Account, Session};
use pacingd_asterisk::settings::{Secret, WrapUp};

/// The folder of the tests.
pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests")
}

pub fn example(name: &str) -> Vec<u8> {
    fs::read(folder().join("examples").join(name)).unwrap()
}

pub fn unpacked(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let file = fs::File::open(folder().join("recordings").join(name)).unwrap();
    GzDecoder::new(file).read_to_end(&mut bytes).unwrap();
    bytes
}

/// A block of a recording.
#[derive(Clone, Debug)]
pub struct Block {
    pub time: f64,
    pub kind: String,
    pub bytes: Vec<u8>,
}

/// The blocks of a recording, unpacked once in a process.
pub fn recording(name: &str) -> &'static [Block] {
    static RECORDINGS: [OnceLock<Vec<Block>>; 2] = [const { OnceLock::new() }; 2];
    RECORDINGS[usize::from(name == "restart")].get_or_init(|| read_recording(name))
}

fn read_recording(name: &str) -> Vec<Block> {
    let bytes = unpacked(&format!("{name}.txt.gz"));
    let mut rest = &bytes[..];
    let mut blocks = Vec::new();
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap();
        let head = std::str::from_utf8(&rest[..end]).unwrap();
        let words: Vec<&str> = head.split(' ').collect();
        let length: usize = words[3].parse().unwrap();
        let time = words[1].parse().unwrap();
        blocks.push(Block { time, kind: words[2].into(), bytes: rest[end + 1..end + 1 + length].to_vec() });
        rest = &rest[end + 2 + length..];
    }
    assert!(blocks.len() > 2000, "{name} has {} blocks", blocks.len());
    blocks
}

pub fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// An event of a recording, read by other code than the collector's.
#[derive(Clone, Debug)]
pub struct Event {
    pub time: f64,
    pub fields: BTreeMap<String, String>,
}

impl Event {
    pub fn get(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

/// The messages with an event, each at the time of its last byte; the text of a broken connection
/// ends with it.
pub fn events(blocks: &[Block]) -> Vec<Event> {
    let mut events = Vec::new();
    let mut text = String::new();
    for block in blocks {
        match &*block.kind {
            "note" => text.clear(),
            "recv" => text.push_str(std::str::from_utf8(&block.bytes).unwrap()),
            _ => {}
        }
        let Some(end) = text.rfind("\r\n\r\n") else { continue };
        let rest = text.split_off(end + 4);
        for message in std::mem::replace(&mut text, rest).split_terminator("\r\n\r\n") {
            let fields: BTreeMap<String, String> = message
                .split("\r\n")
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.into(), value.into()))
                .collect();
            if fields.contains_key("Event") {
                events.push(Event { time: block.time, fields });
            }
        }
    }
    events
}

/// How the bytes of a recording come.
pub enum Chunks<'a> {
    AsRead,
    Bytes,
    /// Sizes, used again and again. Reads are joined before.
    Sizes(&'a [usize]),
}

/// A poll of a replay: when Asterisk was asked, on which connection, and what the collector made of
/// the answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Poll {
    pub asked: f64,
    pub connection: usize,
    pub reports: Vec<Report>,
    pub notes: Vec<String>,
}

impl Poll {
    pub fn of(&self, queue: &str) -> &Report {
        self.reports.iter().find(|report| report.group == queue).unwrap()
    }
}

pub fn moment(time: f64) -> Moment {
    // A monotonic clock that has nothing to do with the wall clock.
    Moment { monotonic: Duration::from_secs_f64(time - 1_795_640_000.0), since_epoch: Duration::from_secs_f64(time) }
}

pub fn account() -> Account {
    Account { user: "pacingd".into(), secret: Secret::new("test-secret".into()).unwrap() }
}

/// The wrap-up times of the recordings' queues.
pub fn wrap_up() -> WrapUp {
    WrapUp { of_others: 0, queues: BTreeMap::from([("sales".to_owned(), 6)]) }
}

/// Replays a recording through session and queues, on its own clock. `skew`: Asterisk's clock less
/// the collector's.
pub fn replay(name: &str, chunks: &Chunks<'_>, skew: f64) -> Vec<Poll> {
    let account = account();
    // The recordings were asked each second, give or take a millisecond.
    let timing = Timing { poll: Duration::from_millis(900), ..Timing::default() };
    let mut queues = Queues::new(wrap_up());
    let mut polls = Vec::new();
    let mut sessions = 0;
    let mut session: Option<Session<'_>> = None;
    let (mut is_first, mut is_challenged) = (true, false);
    let mut sizes = match chunks {
        Chunks::Sizes(sizes) => sizes.iter().copied().cycle(),
        _ => [1].iter().copied().cycle(),
    };

    let blocks = joined(recording(name), matches!(chunks, Chunks::Sizes(_)));
    for block in &blocks {
        let now = moment(block.time - skew);
        if block.kind == "note" {
            // "connected" comes after the login; the others are the end of the connection.
            if block.bytes != b"connected" {
                session = None;
            }
            continue;
        }
        if block.kind == "send" {
            if contains(&block.bytes, "Action: QueueStatus\r\n") {
                let output = session.as_mut().unwrap().output(now).unwrap();
                assert_eq!(output, b"Action: QueueStatus\r\n\r\n");
            }
            continue;
        }
        let session = session.get_or_insert_with(|| {
            sessions += 1;
            is_first = true;
            is_challenged = false;
            Session::new(&account, &timing, now)
        });
        let mut rest = &block.bytes[..];
        while !rest.is_empty() {
            let size = match chunks {
                Chunks::AsRead => rest.len(),
                _ => sizes.next().unwrap().clamp(1, rest.len()),
            };
            let (chunk, after) = rest.split_at(size);
            rest = after;
            // "Asterisk is shutting down" ends the connection a moment before Asterisk does.
            let Ok(status) = session.receive(chunk, now) else { break };
            // The recorded login knew no challenge.
            if !is_challenged && !session.output(now).unwrap().is_empty() {
                is_challenged = true;
                session.receive(b"Response: Success\r\nChallenge: 1\r\n\r\n", now).unwrap();
                assert!(session.output(now).unwrap().starts_with(b"Action: Login"));
            }
            if let Some(status) = status {
                let asked = status.asked.since_epoch.as_secs_f64() + skew;
                let observation = queues.observe(&status, is_first);
                is_first = false;
                let (reports, notes) = (observation.reports, observation.notes);
                polls.push(Poll { asked, connection: sessions, reports, notes });
            }
        }
    }
    polls
}

/// Joins reads that follow each other, if asked to.
fn joined(blocks: &[Block], is_joined: bool) -> Vec<Block> {
    let mut joined: Vec<Block> = Vec::new();
    for block in blocks {
        match joined.last_mut() {
            Some(last) if is_joined && last.kind == "recv" && block.kind == "recv" => {
                last.bytes.extend_from_slice(&block.bytes);
                last.time = block.time;
            }
            _ => joined.push(block.clone()),
        }
    }
    joined
}
