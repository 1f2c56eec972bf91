//! A bare HTTP/1.1 client over one connection: what is sent and what comes back can be anything.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use super::PATIENCE;

/// An answer, read to its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub status: u16,
    /// In the order they came, names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    /// A header's value; there must not be two.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(other, _)| other == name).map(|(_, value)| value.as_str());
        let value = values.next();
        assert_eq!(values.next(), None, "{name} twice: {self:?}");
        value
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts that it is a problem of that status, and gives its detail.
    pub fn problem(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        assert_eq!(self.header("cache-control"), Some("no-store"), "{self:?}");
        let json = self.json();
        assert_eq!(json["status"], status, "{self:?}");
        assert!(json["title"].is_string(), "{self:?}");
        json["detail"].as_str().unwrap_or_else(|| panic!("no detail: {self:?}")).into()
    }

    /// Asserts that it is well and gives a member of its body.
    pub fn value(&self, name: &str) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        let json = self.json();
        assert_eq!(json.as_object().unwrap().len(), 1, "{self:?}");
        json[name].clone()
    }
}

/// A connection, over TCP or what else there is.
pub struct Client<S = TcpStream> {
    pub stream: S,
    unread: Vec<u8>,
}

/// A TCP connection that waits no longer than tests do.
pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

impl Client {
    pub fn connect(address: SocketAddr) -> Self {
        Self::over(connect(address))
    }

    pub fn finish_sending(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// Whether nothing comes, and the connection stays, for that long.
    pub fn is_silent_for(&mut self, time: Duration) -> bool {
        self.stream.set_read_timeout(Some(time)).unwrap();
        let more = self.more();
        self.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        matches!(more, Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut))
    }
}

impl<S: Read + Write> Client<S> {
    pub fn over(stream: S) -> Self {
        Self { stream, unread: Vec::new() }
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// Asks, and reads the answer.
    pub fn get(&mut self, target: &str) -> Answer {
        self.request("GET", target, "")
    }

    /// `fields`: lines of headers, each with its line end.
    pub fn request(&mut self, method: &str, target: &str, fields: &str) -> Answer {
        self.send(format!("{method} {target} HTTP/1.1\r\nhost: pacing\r\n{fields}\r\n"));
        if method == "HEAD" { self.head() } else { self.answer() }
    }

    /// The next answer; the connection must not end before it does.
    pub fn answer(&mut self) -> Answer {
        let mut answer = self.head();
        let length = match answer.header("content-length") {
            Some(length) => length.parse().unwrap(),
            None => {
                assert!(matches!(answer.status, 100..200 | 204 | 304), "no content-length: {answer:?}");
                0
            }
        };
        while self.unread.len() < length {
            self.more().unwrap_or_else(|error| panic!("{error} in the body of {answer:?}"));
        }
        answer.body = String::from_utf8(self.unread.drain(..length).collect()).unwrap();
        answer
    }

    /// The next answer without its body, as for HEAD.
    pub fn head(&mut self) -> Answer {
        let end = loop {
            if let Some(at) = self.unread.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            self.more()
                .unwrap_or_else(|error| panic!("{error} in the head {:?}", String::from_utf8_lossy(&self.unread)));
        };
        let head = String::from_utf8(self.unread.drain(..end).collect()).unwrap();
        let mut lines = head.lines();
        let status_line = lines.next().unwrap();
        let (version, rest) = status_line.split_once(' ').unwrap();
        assert!(version == "HTTP/1.1" || version == "HTTP/1.0", "{status_line}");
        let status = rest.get(..3).unwrap().parse().unwrap();
        let headers = lines.take_while(|line| !line.is_empty()).map(|line| {
            let (name, value) = line.split_once(':').unwrap();
            (name.to_ascii_lowercase(), value.trim().to_owned())
        });
        Answer { status, headers: headers.collect(), body: String::new() }
    }

    fn more(&mut self) -> io::Result<()> {
        let mut bytes = [0; 4096];
        let read = loop {
            match self.stream.read(&mut bytes) {
                // A child that ends interrupts a read that has a deadline.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        self.unread.extend(bytes.get(..read).unwrap());
        if read == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }

    /// Asserts that the daemon closes the connection without another byte.
    pub fn assert_closed(&mut self) {
        let rest = self.rest();
        assert_eq!(rest.as_deref().ok(), Some(""), "want the end of the connection");
    }

    /// All that comes until the daemon closes.
    pub fn rest(&mut self) -> io::Result<String> {
        loop {
            match self.more() {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
                Err(error) => return Err(error),
            }
        }
        Ok(String::from_utf8_lossy(&std::mem::take(&mut self.unread)).into_owned())
    }
}
