//! The sockets: a connection to AMI, and datagrams to pacingd. Blocking, on one thread; every wait
//! has a limit.

use std::convert::Infallible;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _, UdpSocket};
use std::time::Duration;

use crate::back_off::BackOff;
use crate::clock;
use crate::limits::Timing;
use crate::line::{datagrams, line, sign};
use crate::log::Severity;
use crate::queues::Queues;
use crate::session::{Failure, Session, Status};
use crate::settings::Settings;

/// Where the lines go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// To pacingd.
    Pacingd,
    /// To standard output, unsigned, for `pacingd --check-lines`.
    Stdout,
}

/// What takes the lines of the log.
type LogSink<'a> = Box<dyn FnMut(Severity, &str) + 'a>;

/// A collector, through all its connections.
pub struct Collector<'a> {
    settings: &'a Settings,
    timing: Timing,
    output: Output,
    log: LogSink<'a>,
    queues: Queues,
    back_off: BackOff,
    sender: Option<Sender>,
    /// What was logged last of AMI and of pacingd, to log it once; empty while all is well.
    ami_fault: String,
    pacingd_fault: String,
}

impl<'a> Collector<'a> {
    /// Returns a collector that has not connected yet.
    pub fn new(settings: &'a Settings, timing: Timing, output: Output, log: impl FnMut(Severity, &str) + 'a) -> Self {
        Self {
            settings,
            timing,
            output,
            log: Box::new(log),
            queues: Queues::new(settings.wrap_up.clone()),
            back_off: BackOff::default(),
            sender: None,
            ami_fault: String::new(),
            pacingd_fault: String::new(),
        }
    }

    /// Connects, again and again.
    pub fn run(&mut self) -> ! {
        loop {
            let pause = self.run_once();
            std::thread::sleep(pause);
        }
    }

    /// Connects once and collects until the connection is given up; returns how long to wait before
    /// the next attempt.
    pub fn run_once(&mut self) -> Duration {
        let Err(failure) = self.collect();
        let was_refused = matches!(failure, Failure::Refused(_));
        let mut fault = format!("AMI at {}: {failure}", self.settings.ami);
        if was_refused {
            fault += &format!("; the next attempt follows in {} s", self.timing.refused_pause.as_secs());
        }
        if fault != self.ami_fault {
            (self.log)(if was_refused { Severity::Error } else { Severity::Warning }, &fault);
            self.ami_fault = fault;
        }
        self.back_off.after_failure(was_refused, &self.timing)
    }

    fn collect(&mut self) -> Result<Infallible, Failure> {
        let settings = self.settings;
        let timing = self.timing;
        let mut stream = connect(&settings.ami, timing.connect).map_err(Failure::Unreachable)?;
        stream.set_write_timeout(Some(timing.answer)).map_err(Failure::Lost)?;
        // Looked up anew for each connection: an address may change while nobody restarts the
        // collector.
        self.sender = None;
        let mut session = Session::new(&settings.account, &timing, clock::now());
        let mut is_first = true;
        let mut buffer = [0; 8192];
        loop {
            let output = session.output(clock::now())?;
            stream.write_all(&output).map_err(Failure::Lost)?;
            let wait = session.wake_at().saturating_sub(clock::now().monotonic);
            // No time-out at all is what zero would mean.
            stream.set_read_timeout(Some(wait.max(Duration::from_millis(1)))).map_err(Failure::Lost)?;
            let received = match stream.read(&mut buffer) {
                Ok(0) => return Err(Failure::Closed),
                Ok(length) => buffer.get(..length).unwrap_or_default(),
                Err(error) if is_passing(&error) => continue,
                Err(error) => return Err(Failure::Lost(error)),
            };
            if let Some(status) = session.receive(received, clock::now())? {
                self.take(&status, is_first);
                is_first = false;
            }
        }
    }

    fn take(&mut self, status: &Status, is_first: bool) {
        let observation = self.queues.observe(status, is_first);
        if is_first {
            let text = format!(
                "AMI at {}: connected; statistics of {} queues go to {}",
                self.settings.ami,
                observation.reports.len(),
                if self.output == Output::Stdout { "standard output" } else { &self.settings.pacingd }
            );
            (self.log)(Severity::Info, &text);
            self.ami_fault.clear();
        } else {
            // Not before the second answer: a connection that always ends after the first is tried
            // ever more slowly.
            self.back_off.reset();
        }
        for note in &observation.notes {
            (self.log)(Severity::Warning, note);
        }
        let lines = observation.reports.iter().map(|report| {
            let line = line(report, &self.settings.labels, status.asked.since_epoch);
            match (&self.settings.key, self.output) {
                (Some(key), Output::Pacingd) => sign(&line, key),
                _ => line,
            }
        });
        let datagrams = datagrams(&lines.collect::<Vec<_>>());
        let result = match self.output {
            Output::Stdout => print(&datagrams),
            Output::Pacingd => self.send(&datagrams),
        };
        let fault = match result {
            Ok(()) => String::new(),
            Err(error) => format!("statistics cannot be sent to {}: {error}", self.settings.pacingd),
        };
        if fault != self.pacingd_fault {
            if fault.is_empty() {
                (self.log)(Severity::Info, "statistics are sent again");
            } else {
                (self.log)(Severity::Warning, &fault);
            }
            self.pacingd_fault = fault;
        }
    }

    fn send(&mut self, datagrams: &[String]) -> io::Result<()> {
        let sender = match self.sender.take() {
            Some(sender) => sender,
            None => Sender::to(&self.settings.pacingd)?,
        };
        sender.send(datagrams)?;
        self.sender = Some(sender);
        Ok(())
    }
}

/// Prints `lines`; ends the program when nobody reads them any more, as other programs end in a
/// pipeline.
fn print(lines: &[String]) -> io::Result<()> {
    let mut output = io::stdout().lock();
    let result = lines.iter().try_for_each(|line| writeln!(output, "{line}")).and_then(|()| output.flush());
    if result.as_ref().is_err_and(|error| error.kind() == ErrorKind::BrokenPipe) {
        std::process::exit(0);
    }
    result
}

/// Returns whether a read that failed with `error` may be tried again.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// Connects to the first address of `host` that can be reached within `limit` in all.
fn connect(host: &str, limit: Duration) -> io::Result<TcpStream> {
    let addresses: Vec<SocketAddr> = host.to_socket_addrs()?.collect();
    let share = limit / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
    let mut result = Err(io::Error::new(ErrorKind::NotFound, "the name has no address"));
    for address in addresses {
        result = TcpStream::connect_timeout(&address, share);
        if result.is_ok() {
            break;
        }
    }
    let stream = result?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A socket and the address that it sends to.
#[derive(Debug)]
struct Sender {
    socket: UdpSocket,
    to: SocketAddr,
}

impl Sender {
    fn to(host: &str) -> io::Result<Self> {
        let to = host.to_socket_addrs()?.next();
        let to = to.ok_or_else(|| io::Error::new(ErrorKind::NotFound, "the name has no address"))?;
        let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        Ok(Self { socket: UdpSocket::bind(any)?, to })
    }

    fn send(&self, datagrams: &[String]) -> io::Result<()> {
        datagrams.iter().try_for_each(|datagram| self.socket.send_to(datagram.as_bytes(), self.to).map(drop))
    }
}
