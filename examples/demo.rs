//! pacingd and a simulated contact centre, live: real datagrams to the daemon, and visitors who ask
//! it over real HTTP before they enter, so that what it answers decides what it hears next.
//!
//! `cargo run --example demo` until Ctrl-C; `-- --seconds 60` for 60 seconds, `-- --seed 7` for
//! another day, `-- --signed` with signed statistics, `-- --policy gate` with the plain rule "ready
//! > queued" in the daemon's place.

use std::error::Error;
use std::io::{BufRead as _, BufReader, IsTerminal as _, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use contact_centre::{Books, Centre, Curve, Happening, Proactive, Scenario, Steps, Times};
use pacingd::wire::jws::Key;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Quicker than life, so that a minute shows what a shift would: half a minute an interaction, a
/// quarter of patience.
const HANDLE_TIME: f64 = 30.0;
const PATIENCE: f64 = 15.0;
const AGENTS: u32 = 20;

/// Columns of the narrowest terminal, but for the last, at which some wrap.
const COLUMNS: usize = 79;

/// How long the daemon may take for an answer before a visitor gives up asking.
const HTTP_TIMEOUT: Duration = Duration::from_secs(5);

fn main() -> Result<()> {
    let Arguments { seconds, seed, is_signed, policy } = arguments()?;
    let secret = if is_signed { Some(secret()?) } else { None };
    let key = secret.as_ref().map(|secret| Key::new(secret.as_bytes())).transpose()?;
    let daemon = Daemon::start(secret.as_deref())?;
    let Addresses { http, operators, statistics } = daemon.addresses;
    println!("\npacingd is running. Try, in another terminal:");
    println!("  curl 'http://{http}/backend/data/pacing/reactiveState?channel=chat'");
    println!("  curl 'http://{http}/backend/data/pacing/channelCapacity?channel=chat&groups=Sales'");
    println!("  curl 'http://{operators}/health'");
    println!("  http://{operators}/ in a browser: the status page");
    println!("  watch -n1 \"curl -s 'http://{http}/backend/data/pacing/reactiveState?channel=chat'\"\n");
    println!("{AGENTS} agents; demand swings from half of what they can do to twice as much and back in");
    println!("four minutes, with a burst of four times as much for a quarter of a minute.");
    println!("Goal: at most 3 % of those who enter abandon. The state is the chance of");
    println!("a visitor to be let in. Ctrl-C ends it.\n");

    let collector = UdpSocket::bind(SocketAddr::new(statistics.ip(), 0))?;
    let mut centre = Centre::new(&scenario(), seed);
    let mut display = Display::new();
    let started = Instant::now();
    let end = seconds.unwrap_or(f64::INFINITY);
    let (mut state, mut gate) = (None, None);
    while centre.now() < end {
        let next = centre.next_event_at().min(display.due).min(end);
        // Real time: an event happens when its moment has come.
        std::thread::sleep(Duration::from_secs_f64(next).saturating_sub(started.elapsed()));
        while let Some(happening) = centre.advance(next) {
            match happening {
                Happening::Visitor(visitor) => {
                    // A web tier that gets no answer offers no chat.
                    state = match policy {
                        Policy::Pacingd => reactive_state(http)?,
                        Policy::Gate => gate,
                    };
                    let _ = centre.admit(visitor, state.unwrap_or(0.0));
                }
                Happening::Statistics(mut snapshot) => {
                    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
                    snapshot.time = Some(u64::try_from(now.as_millis())?);
                    gate = Some(f64::from(u8::from(snapshot.ready > snapshot.queued.unwrap_or(0))));
                    let line = centre.line(&snapshot);
                    match &key {
                        Some(key) => {
                            let signed = key.sign(line.as_bytes()).ok_or("a line is too long to be signed")?;
                            collector.send_to(signed.as_bytes(), statistics)?;
                        }
                        None => {
                            collector.send_to(line.as_bytes(), statistics)?;
                        }
                    }
                }
            }
        }
        if centre.now() >= display.due {
            display.show(&centre, state);
        }
    }
    let books = centre.books();
    println!(
        "\n{:.2} % of {} who entered abandoned; served less abandoned: {:.2} % of what the agents can serve",
        100.0 * books.abandonment(),
        books.entered(),
        100.0 * books.net(HANDLE_TIME)
    );
    Ok(())
}

/// Who decides on each visitor.
#[derive(Clone, Copy)]
enum Policy {
    /// The daemon.
    Pacingd,
    /// The plain rule: everyone may enter while more agents are ready than visitors wait.
    Gate,
}

struct Arguments {
    seconds: Option<f64>,
    seed: u64,
    is_signed: bool,
    policy: Policy,
}

fn arguments() -> Result<Arguments> {
    let mut parsed = Arguments { seconds: None, seed: 1, is_signed: false, policy: Policy::Pacingd };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--signed" {
            parsed.is_signed = true;
            continue;
        }
        let value = arguments.next().ok_or_else(|| format!("{argument} needs a value"))?;
        match argument.as_str() {
            "--seconds" => parsed.seconds = Some(value.parse()?),
            "--seed" => parsed.seed = value.parse()?,
            "--policy" => {
                parsed.policy = match value.as_str() {
                    "pacingd" => Policy::Pacingd,
                    "gate" => Policy::Gate,
                    _ => return Err(format!("--policy {value} is unknown; want pacingd or gate").into()),
                }
            }
            _ => return Err(format!("{argument} is unknown; want --seconds, --seed, --policy or --signed").into()),
        }
    }
    Ok(parsed)
}

/// A key for this run, as text.
fn secret() -> Result<String> {
    let mut bytes = [0; 32];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn scenario() -> Scenario {
    let capacity = f64::from(AGENTS) / HANDLE_TIME;
    let cycle = [(0.0, 0.5), (60.0, 0.5), (80.0, 2.0), (160.0, 2.0), (200.0, 0.9)];
    let burst = [(210.0, 0.9), (210.0, 4.0), (225.0, 4.0), (225.0, 0.9), (240.0, 0.5)];
    let day = [cycle, burst].concat();
    Scenario {
        visitors: Curve::lines(day).repeated(240.0).scaled(capacity),
        proactive: Proactive::Uncontrolled(Curve::constant(0.1 * capacity)),
        staff: Steps::constant(AGENTS),
        handle_time: Times::Lognormal { mean: HANDLE_TIME, variation: 1.0 },
        patience: Times::Exponential { mean: PATIENCE },
        ..Scenario::default()
    }
}

/// What a visitor's page asks before it offers a chat. `None`: the daemon had no answer.
fn reactive_state(http: SocketAddr) -> Result<Option<f64>> {
    let mut stream = TcpStream::connect_timeout(&http, HTTP_TIMEOUT)?;
    stream.set_read_timeout(Some(HTTP_TIMEOUT))?;
    write!(
        stream,
        "GET /backend/data/pacing/reactiveState?channel=chat&groups=Sales HTTP/1.1\r\n\
         host: {http}\r\nconnection: close\r\n\r\n"
    )?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    let (head, body) = response.split_once("\r\n\r\n").ok_or("the daemon's response has no body")?;
    if !head.starts_with("HTTP/1.1 200 ") {
        return Ok(None);
    }
    let answer: serde_json::Value = serde_json::from_str(body)?;
    Ok(Some(answer["reactiveState"].as_f64().ok_or_else(|| format!("no reactiveState in {body}"))?))
}

/// The line that shows what happens: in place in a terminal, else one under the other.
struct Display {
    due: f64,
    interval: f64,
    end: &'static str,
}

impl Display {
    fn new() -> Self {
        let (interval, end) = if std::io::stdout().is_terminal() { (0.5, "\r") } else { (5.0, "\n") };
        Self { due: 0.0, interval, end }
    }

    fn show(&mut self, centre: &Centre, state: Option<f64>) {
        self.due += self.interval;
        let now = centre.snapshot();
        let Books { offered, reactive_entered, .. } = centre.books();
        let line = format!(
            "{:5.0} s  ready {:2}  queued {:2}  state {}  admitted {reactive_entered} of {offered}  abandoned {:.1} %",
            centre.now(),
            now.ready,
            now.queued.unwrap_or_default(),
            state.map_or_else(|| "  – ".into(), |state| format!("{state:.2}")),
            100.0 * centre.books().abandonment(),
        );
        // A line that a terminal has to wrap would push the addresses above out of sight.
        print!("{line:<COLUMNS$.COLUMNS$}{}", self.end);
        let _ = std::io::stdout().flush();
    }
}

#[derive(Clone, Copy)]
struct Addresses {
    http: SocketAddr,
    operators: SocketAddr,
    statistics: SocketAddr,
}

/// The real binary, on ports that were free.
struct Daemon {
    process: Child,
    addresses: Addresses,
}

impl Daemon {
    fn start(secret: Option<&str>) -> Result<Self> {
        let binary = build()?;
        let folder = std::env::temp_dir().join(format!("pacingd-demo-{}", std::process::id()));
        std::fs::DirBuilder::new().mode(0o700).create(&folder)?;
        let (configuration, key) = (folder.join("pacingd.toml"), folder.join("key"));
        let mut keys = String::new();
        if let Some(secret) = secret {
            std::fs::write(&key, secret)?;
            keys = format!("statistics.key-files = [{key:?}]\n");
        }
        std::fs::write(
            &configuration,
            format!(
                "http.listen = [\"127.0.0.1:0\"]\noperators.listen = \"127.0.0.1:0\"\nstatistics.listen = \"127.0.0.1:0\"\n{keys}\
                 [pacing]\nrefresh-period = 1\nhandle-time = {HANDLE_TIME}\npatience = {PATIENCE}\n"
            ),
        )?;
        let mut process = Command::new(binary)
            .args(["--log", "stderr", "--config"])
            .arg(&configuration)
            .stderr(Stdio::piped())
            .spawn()?;
        let mut log = BufReader::new(process.stderr.take().ok_or("the daemon has no standard error")?).lines();
        let mut address = || -> Result<SocketAddr> {
            let line = log.next().ok_or("the daemon ended at once")??;
            eprintln!("{line}");
            Ok(line.rsplit(' ').next().unwrap_or_default().parse()?)
        };
        let addresses = Addresses { http: address()?, operators: address()?, statistics: address()? };
        // It has read them: nothing is left behind, however this ends.
        std::fs::remove_dir_all(&folder)?;
        // What else it says is shown as it comes.
        std::thread::spawn(move || log.map_while(std::io::Result::ok).for_each(|line| eprintln!("{line}")));
        Ok(Self { process, addresses })
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The daemon's binary, beside this example's, built if cargo runs us: cargo builds no binary for
/// an example. With the example named as well, its dependencies are the ones that were built for
/// the example.
fn build() -> Result<PathBuf> {
    let here = std::env::current_exe()?;
    let target = here.parent().and_then(|examples| examples.parent()).ok_or("this example is nowhere")?;
    if let Some(cargo) = std::env::var_os("CARGO") {
        let profile: &[&str] = if cfg!(debug_assertions) { &[] } else { &["--release"] };
        let mut build = Command::new(cargo);
        build.args(["build", "--locked", "--bin", "pacingd", "--example", "demo"]).args(profile);
        // What `cargo run` sets for us would have ring's build script, and all that is built on it,
        // run again.
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
                build.env_remove(name);
            }
        }
        let built = build.status()?;
        if !built.success() {
            return Err("cargo could not build pacingd".into());
        }
    }
    Ok(target.join("pacingd"))
}
