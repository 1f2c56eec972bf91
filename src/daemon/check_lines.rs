//! `--check-lines` and `--send`: lines of statistics from standard input, what the daemon makes of each, and a datagram.
//!
//! UDP gives no answer; this is the one that a collector's developer would want. It knows the line and the configuration,
//! not what the running daemon knows: a late line or a full table shows in `/health`. With a key configured, `--send` signs
//! what is not signed yet; `--check-lines` takes lines as they are, as the daemon would.

use std::io::{self, BufRead as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use pacingd::wire::jws::Key;
use pacingd::wire::line::{Line, LineError};

use crate::clock;
use crate::configuration::{Configuration, Statistics};
use crate::exit::Failure;
use crate::statistics::endpoint::Endpoint;

pub(crate) fn run(configuration: &Configuration, is_sent: bool) -> Result<(), Failure> {
    let unreadable = |error| Failure::data(format!("cannot read standard input: {error}"));
    let socket = if is_sent { Some(connect(&configuration.statistics)?) } else { None };
    let settings = configuration.settings();
    let mut refused = 0;
    for (index, line) in io::stdin().lock().split(b'\n').enumerate() {
        let line = line.map_err(unreadable)?;
        if line.trim_ascii().is_empty() {
            continue;
        }
        let line = settings.keys.first().filter(|_| is_sent).and_then(|key| signed(key, &line)).unwrap_or(line);
        match settings.read(clock::since_epoch(), &line) {
            Ok(Line { channel, group, statistics, .. }) => {
                let (name, ready) = (group.as_str(), statistics.ready);
                say(format_args!("line {}: accepted, {ready} ready in {name:?} of {channel}", index + 1))?;
                if let Some(socket) = &socket {
                    deliver(socket, &line)?;
                }
            }
            Err(error) => {
                refused += 1;
                say(format_args!("line {}: dropped: {error}", index + 1))?;
            }
        }
    }
    if refused > 0 {
        return Err(Failure::data(format!("{refused} of the lines would be dropped")));
    }
    Ok(())
}

/// A plain line as a signed one, with the time that it wants. `None`: it is signed already, or too long.
fn signed(key: &Key, line: &[u8]) -> Option<Vec<u8>> {
    let mut payload = line.trim_ascii_end().to_vec();
    let has_no_time = match Line::parse(&payload) {
        Err(LineError::Signed) => return None,
        // What is wrong with it is told when it is read.
        Err(_) => false,
        Ok(line) => line.statistics.time.is_none(),
    };
    if has_no_time {
        // What closes the object. It has fields, or it would be no line.
        payload.pop();
        payload.extend(format!(r#","time":{}}}"#, clock::since_epoch().as_millis()).as_bytes());
    }
    key.sign(&payload).map(|line| line.as_bytes().to_vec())
}

fn say(text: std::fmt::Arguments<'_>) -> Result<(), Failure> {
    crate::exit::print(&format!("{text}\n"))?;
    // A person may be typing the lines.
    io::stdout().flush().map_err(|error| Failure::system(format!("cannot write to standard output: {error}")))
}

/// A socket to where the daemon listens, from an address that it listens to.
fn connect(statistics: &Statistics) -> Result<UdpSocket, Failure> {
    let unicast = statistics.listen.iter().find_map(Endpoint::unicast);
    let to = reachable(unicast.ok_or_else(|| {
        Failure::configuration("statistics.listen has multicast groups only; want an address, too, to send to")
    })?);
    if to.port() == 0 {
        let message = "statistics.listen has port 0, which is another at each start; want a fixed one to send to";
        return Err(Failure::configuration(message));
    }
    let any = if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let connected = UdpSocket::bind(SocketAddr::new(any, 0)).and_then(|socket| socket.connect(to).map(|()| socket));
    let refused = |error: io::Error| Failure::system(format!("cannot send to UDP {to}: {error}"));
    let socket = connected.map_err(refused)?;
    let from = socket.local_addr().map_err(refused)?.ip().to_canonical();
    if !statistics.sources.iter().any(|network| network.contains(&from)) {
        return Err(Failure::configuration(format!(
            "the daemon would drop what {from} sends: it is in none of the networks in statistics.sources"
        )));
    }
    Ok(socket)
}

/// Where "any address" is reached from this machine.
fn reachable(listen: SocketAddr) -> SocketAddr {
    match listen {
        SocketAddr::V4(address) if address.ip().is_unspecified() => (Ipv4Addr::LOCALHOST, address.port()).into(),
        SocketAddr::V6(address) if address.ip().is_unspecified() => (Ipv6Addr::LOCALHOST, address.port()).into(),
        other => other,
    }
}

fn deliver(socket: &UdpSocket, line: &[u8]) -> Result<(), Failure> {
    // On the same machine the kernel knows at once that nobody listens.
    let sent = socket.send(line).and_then(|_| socket.take_error()?.map_or(Ok(()), Err));
    sent.map_err(|error| {
        let listen = socket.peer_addr().map_or_else(|error| error.to_string(), |address| address.to_string());
        Failure::unavailable(match error.kind() {
            io::ErrorKind::ConnectionRefused => {
                format!("nobody receives statistics on UDP {listen}; is the daemon running, with this configuration?")
            }
            _ => format!("cannot send to UDP {listen}: {error}"),
        })
    })
}
