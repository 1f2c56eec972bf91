//! A simulated AMI server on loopback, and a receiver of statistics. A test scripts each
//! connection.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use md5::{Digest as _, Md5};
use pacingd_asterisk::settings::{Labels, Settings};
use serde_json::Value;

use super::{account, wrap_up};

/// How long anything may take that should take milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Server {
    listener: TcpListener,
}

impl Server {
    pub fn new() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").unwrap() }
    }

    pub fn address(&self) -> String {
        self.listener.local_addr().unwrap().to_string()
    }

    /// Accepts a connection and sends the banner.
    pub fn accept(&self) -> Connection {
        let stream = self.listener.accept().unwrap().0;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let reader = BufReader::new(stream.try_clone().unwrap());
        let mut connection = Connection { stream, reader };
        connection.send("Asterisk Call Manager/11.0.0\r\n");
        connection
    }

    /// Accepts a connection and its login.
    pub fn accept_login(&self) -> Connection {
        let mut connection = self.accept();
        assert!(connection.challenge());
        connection.send("Response: Success\r\nMessage: Authentication accepted\r\n\r\n");
        connection
    }
}

pub struct Connection {
    stream: TcpStream,
    reader: BufReader<TcpStream>,
}

impl Connection {
    /// Sends, unless the other side has gone.
    pub fn send(&mut self, text: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(text.as_ref());
    }

    /// Reads an action; empty at the end of the connection.
    pub fn action(&mut self) -> String {
        let mut action = String::new();
        loop {
            let mut line = String::new();
            if self.reader.read_line(&mut line).unwrap_or_default() == 0 || line == "\r\n" {
                return action;
            }
            action.push_str(&line);
        }
    }

    /// Puts a challenge; returns whether the answer is the one of "test-secret".
    pub fn challenge(&mut self) -> bool {
        assert_eq!(self.action(), "Action: Challenge\r\nAuthType: MD5\r\n");
        self.send("Response: Success\r\nChallenge: 840415273\r\n\r\n");
        let login = self.action();
        assert!(login.contains("\r\nUsername: pacingd\r\n") && login.contains("\r\nEvents: off\r\n"), "{login}");
        let digest = Md5::digest(b"840415273test-secret");
        let key: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        login.contains(&format!("\r\nKey: {key}\r\n"))
    }

    /// Waits for a `QueueStatus` and answers it.
    pub fn answer(&mut self, text: impl AsRef<[u8]>) {
        assert_eq!(self.action(), "Action: QueueStatus\r\n");
        self.send(text);
    }

    /// Waits until the other side ends the connection, reading nothing else than actions.
    pub fn wait_for_end(&mut self) {
        while !self.action().is_empty() {}
    }
}

/// The text of an answer of `queues` queues with `members` members each, of whom `free` are free,
/// and one caller each.
pub fn answer(queues: usize, members: usize, free: usize) -> String {
    let mut text = String::from("Response: Success\r\nEventList: start\r\nMessage: Queue status will follow\r\n\r\n");
    for queue in 0..queues {
        text += &format!(
            "Event: QueueParams\r\nQueue: q{queue}\r\nMax: 0\r\nStrategy: rrmemory\r\nCalls: 1\r\nHoldtime: 0\r\n\
             TalkTime: 0\r\nCompleted: 0\r\nAbandoned: 0\r\nServiceLevel: 0\r\nWeight: 0\r\n\r\n"
        );
        for member in 0..members {
            let status = if member < free { 1 } else { 2 };
            text += &format!(
                "Event: QueueMember\r\nQueue: q{queue}\r\nName: Agent {member}\r\nLocation: PJSIP/{queue}-{member}\r\n\
                 StateInterface: PJSIP/{queue}-{member}\r\nMembership: dynamic\r\nPenalty: 0\r\nCallsTaken: 0\r\n\
                 LastCall: 0\r\nLastPause: 0\r\nLoginTime: 1795649222\r\nInCall: 0\r\nStatus: {status}\r\nPaused: 0\r\n\
                 PausedReason: \r\nWrapuptime: 0\r\n\r\n"
            );
        }
        text += &format!(
            "Event: QueueEntry\r\nQueue: q{queue}\r\nPosition: 1\r\nChannel: PJSIP/x-{queue}\r\nUniqueid: {queue}.1\r\n\
             CallerIDNum: 1\r\nWait: 2\r\nPriority: 0\r\n\r\n"
        );
    }
    let items = queues * (members + 2);
    text + &format!("Event: QueueStatusComplete\r\nEventList: Complete\r\nListItems: {items}\r\n\r\n")
}

/// Receives what pacingd would receive.
pub struct Receiver {
    socket: UdpSocket,
}

impl Receiver {
    pub fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { socket }
    }

    pub fn address(&self) -> String {
        self.socket.local_addr().unwrap().to_string()
    }

    /// Returns the lines of the next datagram.
    pub fn datagram(&self) -> Vec<String> {
        let mut buffer = [0; 65_536];
        let length = self.socket.recv(&mut buffer).unwrap();
        assert!(length <= 1400, "a datagram of {length} bytes");
        std::str::from_utf8(&buffer[..length]).unwrap().lines().map(Into::into).collect()
    }

    pub fn lines(&self) -> Vec<Value> {
        self.datagram().iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Asserts that nothing has come.
    pub fn is_empty(&self) -> bool {
        self.socket.set_nonblocking(true).unwrap();
        let is_empty = self.socket.recv(&mut [0; 1]).is_err();
        self.socket.set_nonblocking(false).unwrap();
        is_empty
    }
}

pub fn settings(ami: String, pacingd: String) -> Settings {
    Settings { ami, account: account(), pacingd, key: None, labels: Labels::default(), wrap_up: wrap_up() }
}
