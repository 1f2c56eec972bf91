//! What the daemon keeps resident, measured beside it on the appliance, and held against the
//! ceilings.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, UdpSocket};

use super::client::Client;

const ROUNDS: u32 = 3;
/// In a round.
const REQUESTS: u32 = 10_000;
const DATAGRAMS: u32 = 100_000;
/// Datagrams sent before a request is made in between: fewer than the daemon takes in one turn of
/// its loop, which the answer says has turned, so that none is lost.
const BURST: u32 = 25;
const GROUPS: u32 = 20;
/// As many as the daemon serves at once, less the one that asks.
const CONNECTIONS: u32 = 255;

/// Ceilings, in KiB.
const RESIDENT: u64 = 1126;
const ANONYMOUS: u64 = 400;
const CONNECTION: u64 = 14;
/// What "nothing" is: nine pages, for malloc may put the connection that counts datagrams elsewhere
/// than it was before.
const NOTHING: u64 = 36;
/// Crowds that come one after the other.
const CROWDS: usize = 5;
/// What the first of them may leave behind: musl's malloc gives back pages only if nothing is left
/// in their neighbours.
const LEFT: u64 = 512;
/// What all that follow may add to it.
const ADDED: u64 = 96;

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

/// Where the daemon listens.
pub(crate) struct Ports {
    pub(crate) visitors: u16,
    pub(crate) operators: u16,
    pub(crate) statistics: u16,
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
    // The kernel may drop a few on a box that is slow at the wrong moment; the figure is about the
    // others.
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

/// Prints each figure; true: none is too high.
pub(crate) fn measure(pid: &str, ports: &Ports) -> io::Result<bool> {
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
    let mut last = first;
    for number in 1..ROUNDS {
        round(&mut client, ports, number)?;
        let next = Memory::of(pid)?;
        println!("        after another one: {} KiB resident, {} anonymous", next.resident, next.anonymous);
        at_most("added by it, but for pages of the file", next.anonymous.saturating_sub(last.anonymous), NOTHING);
        last = next;
    }
    let clients = connect_many(ports)?;
    let full = Memory::of(pid)?;
    let each = full.resident.saturating_sub(last.resident).div_ceil(u64::from(CONNECTIONS));
    at_most("each further open connection", each, CONNECTION);
    println!("        with all of them: {} KiB resident, {} anonymous", full.resident, full.anonymous);
    drop(clients);
    let mut left = [0; CROWDS];
    for (number, left) in left.iter_mut().enumerate() {
        if number > 0 {
            drop(connect_many(ports)?);
        }
        settle(&mut client)?;
        *left = Memory::of(pid)?.resident.saturating_sub(last.resident);
    }
    println!("        left behind by {CROWDS} crowds of {CONNECTIONS} connections, one after the other: {left:?} KiB");
    at_most("left behind by the first", left[0], LEFT);
    at_most("added by those that follow", left[CROWDS - 1].saturating_sub(left[0]), ADDED);
    Ok(fine)
}
