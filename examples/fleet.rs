//! A simulated contact centre for a fleet, live: its statistics go out as multicast, and each
//! visitor asks a daemon drawn at random, over real HTTP, before entering. At the end it prints how
//! far apart the daemons' answers were.
//!
//! `cargo run --example fleet -- --group 239.81.27.1:8127%eth0 --ask 10.0.0.11:8080,10.0.0.12:8080
//! --seconds 120`; the daemons are whoever hears the group. `tests/fleet/multicast` runs it with
//! three in network namespaces.

use std::error::Error;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use contact_centre::{Centre, Collector, Curve, Happening, Scenario, Steps, Times};
use rustix::net::netdevice::name_to_index;
use rustix::net::sockopt::set_ip_multicast_if_with_ifindex;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Quicker than life, so that two minutes show what an hour would.
const HANDLE_TIME: f64 = 20.0;
const PATIENCE: f64 = 8.0;
/// Seconds from one line to the next: as much less than life's as the handle time.
const INTERVAL: f64 = 0.2;
const AGENTS: u32 = 60;
/// Demand, as a multiple of what the agents can do.
const LOAD: f64 = 1.3;
/// Seconds between two looks at what all daemons answer.
const LOOK: f64 = 0.25;
/// Seconds that are not judged, for a new daemon is careful: an hour of life, but no more than a
/// third of the run.
const BEGINNING: f64 = 12.0 * HANDLE_TIME;
const HTTP_TIMEOUT: Duration = Duration::from_secs(5);

struct Arguments {
    group: SocketAddrV4,
    interface: String,
    ask: Vec<SocketAddr>,
    seconds: f64,
}

fn arguments() -> Result<Arguments> {
    let (mut group, mut ask, mut seconds) = (None, Vec::new(), 120.0);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} wants a value"))?;
        match word.as_str() {
            "--group" => {
                let (address, interface) = value.split_once('%').ok_or("want --group ADDRESS:PORT%INTERFACE")?;
                group = Some((address.parse()?, interface.to_owned()));
            }
            "--ask" => ask = value.split(',').map(str::parse).collect::<std::result::Result<_, _>>()?,
            "--seconds" => seconds = value.parse()?,
            _ => return Err(format!("{word} is unknown; want --group, --ask or --seconds").into()),
        }
    }
    let (group, interface) = group.ok_or("want --group ADDRESS:PORT%INTERFACE")?;
    if ask.is_empty() {
        return Err("want --ask ADDRESS:PORT,…".into());
    }
    Ok(Arguments { group, interface, ask, seconds })
}

/// A daemon that is asked, on a connection that is kept.
struct Daemon {
    address: SocketAddr,
    stream: Option<BufReader<TcpStream>>,
    sum: f64,
}

impl Daemon {
    /// The reactive state; `None` while it has no statistics, or cannot be reached.
    fn ask(&mut self) -> Option<f64> {
        let answer = self.exchange();
        if answer.is_err() {
            self.stream = None;
        }
        answer.ok().flatten()
    }

    fn exchange(&mut self) -> Result<Option<f64>> {
        if self.stream.is_none() {
            let stream = TcpStream::connect_timeout(&self.address, HTTP_TIMEOUT)?;
            stream.set_read_timeout(Some(HTTP_TIMEOUT))?;
            stream.set_nodelay(true)?;
            self.stream = Some(BufReader::new(stream));
        }
        let stream = self.stream.as_mut().ok_or("not connected")?;
        let request = "GET /backend/data/pacing/reactiveState?channel=chat HTTP/1.1\r\nhost: fleet\r\n\r\n";
        stream.get_mut().write_all(request.as_bytes())?;
        let (mut length, mut well) = (0, false);
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line)? == 0 {
                return Err("the daemon hung up".into());
            }
            well |= line.starts_with("HTTP/1.1 200 ");
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body)?;
        let answer: serde_json::Value = serde_json::from_slice(&body)?;
        Ok(answer["reactiveState"].as_f64().filter(|_| well))
    }
}

/// What one look found of the daemons.
#[derive(Default)]
struct Looks {
    count: f64,
    distance: f64,
}

fn main() -> Result<()> {
    let Arguments { group, interface, ask, seconds } = arguments()?;
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    let index = name_to_index(&socket, &interface)?;
    set_ip_multicast_if_with_ifindex(&socket, &Ipv4Addr::UNSPECIFIED, &Ipv4Addr::UNSPECIFIED, index)?;
    let mut daemons: Vec<Daemon> = ask.into_iter().map(|address| Daemon { address, stream: None, sum: 0.0 }).collect();
    let scenario = Scenario {
        visitors: Curve::constant(LOAD * f64::from(AGENTS) / HANDLE_TIME),
        staff: Steps::constant(AGENTS),
        handle_time: Times::Exponential { mean: HANDLE_TIME },
        patience: Times::Exponential { mean: PATIENCE },
        collector: Collector { interval: INTERVAL, ..Scenario::default().collector },
        ..Scenario::default()
    };
    let mut centre = Centre::new(&scenario, 1);
    let started = Instant::now();
    let beginning = BEGINNING.min(seconds / 3.0);
    let (mut turn, mut unanswered, mut due, mut looks) = (0_usize, 0_u32, beginning, Looks::default());
    while centre.now() < seconds {
        let next = centre.next_event_at().min(due).min(seconds);
        std::thread::sleep(Duration::from_secs_f64(next).saturating_sub(started.elapsed()));
        while let Some(happening) = centre.advance(next) {
            match happening {
                Happening::Visitor(visitor) => {
                    // As a balancer would: each in turn.
                    turn = (turn + 1) % daemons.len();
                    let answer = daemons.get_mut(turn).and_then(Daemon::ask);
                    unanswered += u32::from(answer.is_none() && centre.now() > beginning);
                    let _ = centre.admit(visitor, answer.unwrap_or(0.0));
                }
                Happening::Statistics(snapshot) => {
                    socket.send_to(centre.line(&snapshot).as_bytes(), group)?;
                }
            }
        }
        if centre.now() >= due {
            due += LOOK;
            let answers: Option<Vec<f64>> = daemons.iter_mut().map(Daemon::ask).collect();
            if let Some(answers) = answers {
                looks.count += 1.0;
                for (daemon, answer) in daemons.iter_mut().zip(&answers) {
                    daemon.sum += answer;
                }
                if looks.count % 240.0 < 0.5 {
                    let means: Vec<f64> = daemons.iter().map(|daemon| daemon.sum / looks.count).collect();
                    eprintln!("{:5.0} s: means so far {means:.3?}", centre.now());
                }
                let pairs = answers.windows(2).map(|pair| (pair[0] - pair[1]).abs());
                looks.distance += pairs.sum::<f64>() / (answers.len() - 1).max(1) as f64;
            }
        }
    }
    let means: Vec<f64> = daemons.iter().map(|daemon| daemon.sum / looks.count).collect();
    let lowest = means.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = means.iter().copied().fold(0.0, f64::max);
    let books = centre.books();
    println!(
        "{{\"looks\":{},\"means\":{means:.4?},\"spread\":{:.4},\"momentary\":{:.4},\"abandonment\":{:.4},\"busyFactor\":{:.4},\"entered\":{},\"unanswered\":{unanswered}}}",
        looks.count,
        highest - lowest,
        looks.distance / looks.count,
        books.abandonment(),
        books.busy_factor(),
        books.entered(),
    );
    Ok(())
}
