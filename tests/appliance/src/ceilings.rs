//! What the daemon keeps resident, measured beside it on the appliance, and held against the ceilings.
//!
//! usage: ceilings PID VISITORS-PORT OPERATORS-PORT STATISTICS-PORT. Prints each figure; exits 1 if one is too high.
//! A program of its own: it is built for the box, which has nothing that could ask ten thousand times in a minute.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream, UdpSocket};
use std::process::ExitCode;

const REQUESTS: u32 = 10_000;
const DATAGRAMS: u32 = 100_000;
/// Datagrams sent before a request is made in between: the kernel holds so many, and the answer says that the loop
/// has turned meanwhile.
const BURST: u32 = 100;
const GROUPS: u32 = 20;
/// As many as the daemon serves at once, less the one that asks.
const CONNECTIONS: u32 = 255;

/// Ceilings, in KiB.
const RESIDENT: u64 = 1126;
const ANONYMOUS: u64 = 400;
const CONNECTION: u64 = 11;
/// What "nothing" and "near" are: pages, not bytes, come and go.
const NOTHING: u64 = 8;
const NEAR: u64 = 96;

/// Of a process, in KiB.
#[derive(Clone, Copy)]
struct Memory {
    resident: u64,
    anonymous: u64,
}

impl Memory {
    fn of(pid: &str) -> io::Result<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let field = |name| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let value = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
            value.ok_or_else(|| io::Error::other(format!("/proc/{pid}/status has no {name}")))
        };
        Ok(Self { resident: field("VmRSS:")?, anonymous: field("RssAnon:")? })
    }
}

struct Client {
    reader: BufReader<TcpStream>,
}

impl Client {
    fn connect(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        Ok(Self { reader: BufReader::with_capacity(1024, stream) })
    }

    fn ask(&mut self, target: &str) -> io::Result<String> {
        let request = format!("GET {target} HTTP/1.1\r\nhost: box\r\n\r\n");
        self.reader.get_mut().write_all(request.as_bytes())?;
        let mut length = 0;
        let mut line = String::new();
        loop {
            line.clear();
            if self.reader.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.trim().parse().map_err(io::Error::other)?;
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        self.reader.read_exact(&mut body)?;
        String::from_utf8(body).map_err(io::Error::other)
    }
}

struct Ports {
    visitors: u16,
    operators: u16,
    statistics: u16,
}

const TARGETS: [&str; 2] =
    ["/backend/data/pacing/reactiveState?channel=chat", "/backend/data/pacing/channelCapacity?channel=chat"];

/// Ten thousand requests over one connection, a hundred thousand datagrams.
fn round(client: &mut Client, ports: &Ports, number: u32) -> io::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.connect((Ipv4Addr::LOCALHOST, ports.statistics))?;
    let before = received(ports)?;
    for datagram in 0..DATAGRAMS {
        let group = datagram % GROUPS;
        let entered = number * DATAGRAMS + datagram;
        let line = format!(
            r#"{{"channel":"chat","group":"group {group}","ready":2,"loggedIn":12,"reactive":9,"queued":1,"handleTime":312.5,"reactiveEntered":{entered},"abandoned":{}}}"#,
            entered / 40
        );
        socket.send(line.as_bytes())?;
        if datagram % BURST == 0 {
            client.ask("/")?;
        }
    }
    let asked = DATAGRAMS / BURST;
    for request in asked..REQUESTS {
        client.ask(if request % 2 == 0 { TARGETS[0] } else { TARGETS[1] })?;
    }
    let counted = received(ports)? - before;
    println!("        {REQUESTS} requests over one connection, {counted} of {DATAGRAMS} datagrams received");
    // The kernel may drop a few on a box that is slow at the wrong moment; the figure is about the others.
    if counted < DATAGRAMS - DATAGRAMS / 100 {
        return Err(io::Error::other(format!("only {counted} of {DATAGRAMS} datagrams were received")));
    }
    Ok(())
}

fn received(ports: &Ports) -> io::Result<u32> {
    let body = Client::connect(ports.operators)?.ask("/health")?;
    let number = body.split_once(r#""received":"#).and_then(|(_, rest)| rest.split_once(','));
    number.and_then(|(number, _)| number.parse().ok()).ok_or_else(|| io::Error::other(format!("no count in {body}")))
}

fn connect_many(ports: &Ports) -> io::Result<Vec<Client>> {
    let connect = |_| {
        let mut client = Client::connect(ports.visitors)?;
        client.ask(TARGETS[0])?;
        Ok(client)
    };
    (0..CONNECTIONS).map(connect).collect()
}

/// Waits until the daemon has seen that its clients are gone: it answers one after them.
fn settle(client: &mut Client) -> io::Result<()> {
    for _ in 0..50 {
        client.ask(TARGETS[0])?;
    }
    Ok(())
}

fn measure(pid: &str, ports: &Ports) -> io::Result<bool> {
    let mut fine = true;
    let mut at_most = |what: &str, value: u64, ceiling: u64| {
        let word = if value <= ceiling { "ok     " } else { "FAULT  " };
        println!("{word} {what}: {value} KiB, at most {ceiling}");
        fine &= value <= ceiling;
    };
    let start = Memory::of(pid)?;
    println!("        at the start: {} KiB resident, {} anonymous", start.resident, start.anonymous);
    let mut client = Client::connect(ports.visitors)?;
    round(&mut client, ports, 0)?;
    let first = Memory::of(pid)?;
    at_most("resident after a round", first.resident, RESIDENT);
    at_most("anonymous of it", first.anonymous, ANONYMOUS);
    round(&mut client, ports, 1)?;
    let second = Memory::of(pid)?;
    at_most("added by a second round", second.resident.saturating_sub(first.resident), NOTHING);
    let clients = connect_many(ports)?;
    let full = Memory::of(pid)?;
    let each = full.resident.saturating_sub(second.resident).div_ceil(u64::from(CONNECTIONS));
    at_most("each further open connection", each, CONNECTION);
    println!("        with all of them: {} KiB resident, {} anonymous", full.resident, full.anonymous);
    drop(clients);
    settle(&mut client)?;
    let gone = Memory::of(pid)?;
    at_most("left behind by 256 connections", gone.resident.saturating_sub(second.resident), NEAR);
    drop(connect_many(ports)?);
    settle(&mut client)?;
    let again = Memory::of(pid)?;
    at_most("added by 256 more", again.resident.saturating_sub(gone.resident), NOTHING);
    Ok(fine)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let measured = match arguments.as_slice() {
        [pid, ports @ ..] if ports.len() == 3 => {
            let ports: Result<Vec<u16>, _> = ports.iter().map(|port| port.parse()).collect();
            match ports.as_deref() {
                Ok(&[visitors, operators, statistics]) => measure(pid, &Ports { visitors, operators, statistics }),
                _ => Err(io::Error::other("a port is no number up to 65535")),
            }
        }
        _ => Err(io::Error::other("usage: ceilings PID VISITORS-PORT OPERATORS-PORT STATISTICS-PORT")),
    };
    match measured {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("ceilings: {error}");
            ExitCode::FAILURE
        }
    }
}
