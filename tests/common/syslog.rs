//! A `/dev/log` for one daemon: its own mount namespace with a `/dev` of its own, whose `log`
//! points to our socket.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Directory, Lines};

/// Mounts an empty `/dev` with that symbolic link, then becomes the daemon.
const SCRIPT: &str = "mount -t tmpfs none /dev && ln -s \"$1\" /dev/log && shift && exec \"$@\"";

/// How the daemon gets a `/dev/log` of its own.
pub struct Namespace {
    words: Vec<String>,
}

impl Namespace {
    /// `None`: this machine lets us make none. Says so, since the test is then skipped.
    pub fn new(directory: &Directory) -> Option<Self> {
        let socket = socket(directory);
        let socket = socket.to_str().unwrap();
        for options in [&["--mount", "--propagation", "private"][..], &["--map-root-user", "--mount"]] {
            let mut words = vec!["unshare"];
            words.extend(options);
            words.extend(["sh", "-c", SCRIPT, "sh", socket]);
            let tried = Command::new(words[0]).args(&words[1..]).arg("true").stderr(Stdio::null()).status();
            if tried.is_ok_and(|status| status.success()) {
                return Some(Self { words: words.into_iter().map(Into::into).collect() });
            }
        }
        eprintln!("skipped: no mount namespace of our own (unshare --mount), so no /dev/log to test with");
        None
    }

    pub fn words(&self) -> Vec<&str> {
        self.words.iter().map(String::as_str).collect()
    }
}

fn socket(directory: &Directory) -> PathBuf {
    directory.path().join("log")
}

/// A syslog daemon: binds the socket anew.
pub fn listen(directory: &Directory) -> UnixDatagram {
    let path = socket(directory);
    let _ = std::fs::remove_file(&path);
    UnixDatagram::bind(path).unwrap()
}

/// Reads lines from the socket, on a thread of its own, until a datagram says "stop".
pub fn read(socket: &UnixDatagram) -> (Lines, std::thread::JoinHandle<()>) {
    let (lines, socket) = (Lines::default(), socket.try_clone().unwrap());
    let ours = lines.clone();
    let thread = std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        loop {
            let Ok(length) = socket.recv(&mut bytes) else { return };
            let line = String::from_utf8_lossy(bytes.get(..length).unwrap()).into_owned();
            if line == "stop" {
                return;
            }
            ours.push(line);
        }
    });
    (lines, thread)
}

/// Sends until the socket is full, and returns how many were sent.
pub fn fill(path: &Path) -> usize {
    let socket = UnixDatagram::unbound().unwrap();
    socket.set_nonblocking(true).unwrap();
    (0..1_000_000).take_while(|_| socket.send_to(b"<13>filler", path).is_ok()).count()
}

/// Where the socket is.
pub fn path(directory: &Directory) -> PathBuf {
    socket(directory)
}
