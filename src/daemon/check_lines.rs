//! `--check-lines` and `--send`: checks lines of statistics from standard input as the daemon
//! would, prints the outcomes, and sends the accepted lines.
//!
//! The outcome depends on the line and the configuration only: late lines and a full table show in
//! `/health`. With a key configured, `--send` signs unsigned lines.

use std::io::{self, BufRead as _, Read as _};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use pacingd::limits::PAYLOAD_BYTES;
use pacingd::settings::Settings;
use pacingd::wire::datagram::lines;
use pacingd::wire::jws::Key;
use pacingd::wire::line::{self, Line, LineError, known_fields};

use crate::clock;
use crate::configuration::{Configuration, Statistics};
use crate::exit::{Failure, print};
use crate::lookalike::lookalike;
use crate::statistics::endpoint::Endpoint;

/// Bytes of the longest line: the payload of an IPv4 datagram.
const LINE_BYTES: usize = 65_507;

pub(crate) fn run(configuration: &Configuration, is_sent: bool) -> Result<(), Failure> {
    let socket = if is_sent { Some(connect(&configuration.statistics)?) } else { None };
    let settings = configuration.settings();
    let mut input = io::stdin().lock();
    let mut refused = 0;
    for number in 1.. {
        let mut datagram = Vec::new();
        // One more for the line's end. Bounded, because a line may never end.
        let read = input.by_ref().take(LINE_BYTES as u64 + 1).read_until(b'\n', &mut datagram);
        read.map_err(|error| Failure::data(format!("cannot read standard input: {error}")))?;
        if datagram.is_empty() {
            break;
        }
        if datagram.len() > LINE_BYTES && !datagram.ends_with(b"\n") {
            let message = format!("line {number} is longer than 65,507 bytes, which is what one datagram holds");
            return Err(Failure::data(message));
        }
        let line = lines(&datagram).next().map_or(&[][..], |(_, line)| line);
        if line.is_empty() {
            continue;
        }
        let now_signed = settings.keys.first().filter(|_| is_sent).and_then(|key| signed(key, line));
        let line = now_signed.as_deref().unwrap_or(line);
        let wall = clock::since_epoch();
        let read = settings.read(wall, line);
        match &read {
            Ok(Line { channel, group, statistics, .. }) => {
                let (name, ready) = (group.as_str(), statistics.ready);
                print(format_args!("line {number}: accepted, {ready} ready in {name:?} of {channel}\n"))?;
                if let Some(socket) = &socket {
                    deliver(socket, line)?;
                }
            }
            Err(error) => {
                refused += 1;
                print(format_args!("line {number}: dropped: {error}\n"))?;
            }
        }
        for warning in warnings(&settings, wall, line, read.ok()) {
            print(format_args!("line {number}: warning: {warning}\n"))?;
        }
    }
    if refused > 0 {
        return Err(Failure::data(format!("{refused} of the lines would be dropped")));
    }
    Ok(())
}

/// Probable mistakes: misspelt fields, and figures that contradict each other.
fn warnings(settings: &Settings, wall: Duration, line: &[u8], read: Option<Line>) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut buffer = [0; PAYLOAD_BYTES];
    let payload =
        if settings.keys.is_empty() { line } else { settings.keys.verify(line, &mut buffer).unwrap_or_default() };
    line::unknown_fields(payload, |name| {
        if let Some(known) = lookalike(name, known_fields()) {
            warnings.push(format!("{name:?} is not a field and is ignored; did you mean {known:?}?"));
        }
    });
    warnings.extend(read.and_then(|line| line.statistics.contradiction(wall)));
    warnings
}

/// Signs a plain line, with a `time` if it has none. `None`: it is signed already, or too long.
fn signed(key: &Key, line: &[u8]) -> Option<Vec<u8>> {
    let mut payload = line.to_vec();
    let parsed = Line::parse(&payload);
    if matches!(parsed, Err(LineError::Signed)) {
        return None;
    }
    if parsed.is_ok_and(|line| line.statistics.time.is_none()) {
        // The closing brace. A valid line has fields before it.
        payload.pop();
        payload.extend(format!(r#","time":{}}}"#, clock::since_epoch().as_millis()).as_bytes());
    }
    key.sign(&payload).map(|line| line.as_bytes().to_vec())
}

/// Connects to the daemon's address. Fails if the daemon would not accept this sender.
fn connect(statistics: &Statistics) -> Result<UdpSocket, Failure> {
    let fixed = |address: &SocketAddr| address.port() != 0;
    let Some(to) = statistics.listen.iter().filter_map(Endpoint::unicast).find(fixed) else {
        let message = "statistics.listen has port 0 or multicast groups only; want a fixed address, too, to send to";
        return Err(Failure::configuration(message));
    };
    let any = if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let connected = || {
        let socket = UdpSocket::bind(SocketAddr::new(any, 0))?;
        socket.connect(to)?;
        let from = socket.local_addr()?.ip().to_canonical();
        Ok((socket, from))
    };
    let (socket, from) =
        connected().map_err(|error: io::Error| Failure::system(format!("cannot send to UDP {to}: {error}")))?;
    if !statistics.sources.iter().any(|network| network.contains(&from)) {
        return Err(Failure::configuration(format!(
            "the daemon would drop what {from} sends: it is in none of the networks in statistics.sources"
        )));
    }
    Ok(socket)
}

fn deliver(socket: &UdpSocket, line: &[u8]) -> Result<(), Failure> {
    // On loopback a refusal is known at once.
    let sent = socket.send(line).and_then(|_| socket.take_error()?.map_or(Ok(()), Err));
    sent.map_err(|error| {
        let to = socket.peer_addr().map_or_else(|error| error.to_string(), |address| address.to_string());
        Failure::unavailable(if error.kind() == io::ErrorKind::ConnectionRefused {
            format!("nothing is listening on UDP {to}; is the daemon running, with this configuration?")
        } else {
            format!("cannot send to UDP {to}: {error}")
        })
    })
}
