//! What a line, a report and a refresh cost, in instructions: `cargo bench --bench refresh`, with
//! valgrind installed.
//!
//! A simulated hour is recorded, and played to the engine again by this very program, under
//! callgrind. Played once more or not, with refreshes or without: the differences are the costs. So
//! are those between no lines, plain ones and signed ones. Instructions are the same on each run;
//! times are not.

use core::{net::Ipv4Addr, time::Duration};
use std::process::{Command, ExitCode};

use contact_centre::{Centre, Curve, Happening, Proactive, Scenario, Snapshot, Steps, Times};
use pacingd::{
    pacing::{Algorithm, Growth, Options, Pacer},
    settings::Settings,
    state::State,
    wire::jws::{Key, Keys},
    wire::line::Statistics,
};

/// Refreshes in the recording: an hour and a half at one a second.
const SECONDS: u32 = 5_400;
/// Lines of each kind.
const LINES: u64 = 2_000;
/// The collector's clock, Unix milliseconds.
const WALL: u64 = 1_790_000_000_000;
/// The bars, instructions in the mean: 256 groups a second in 3 % and in 1 % of a processor of 10⁹
/// instructions a second make 117,000 and 39,000; what is aimed at is much less, in the range of
/// group sizes that the algorithm is for.
const MOST: [(Algorithm, u32); 2] = [(Algorithm::SuperProgressiveDual, 20_000), (Algorithm::PredictiveBDual, 5_000)];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, play, agents, algorithm, invited, reports, refreshes] = arguments.as_slice()
        && play == "play"
    {
        let number = |text: &String| text.parse::<u32>().unwrap_or(0);
        let algorithm = MOST.map(|(algorithm, _)| algorithm)[number(algorithm) as usize];
        let invited = number(invited) == 1;
        self::play(number(agents), algorithm, invited, number(reports) == 1, number(refreshes) == 1);
        return ExitCode::SUCCESS;
    }
    if let [_, take, kind] = arguments.as_slice()
        && take == "take"
    {
        self::take(kind);
        return ExitCode::SUCCESS;
    }
    let take = |kind: &str| counted(&["take", kind]);
    let (Some(nothing), Some(plain), Some(signed), Some(forged)) =
        (take("nothing"), take("plain"), take("signed"), take("forged"))
    else {
        eprintln!("valgrind is needed to count instructions");
        return ExitCode::FAILURE;
    };
    let [plain, signed, forged] = [plain, signed, forged].map(|all| (all - nothing) / LINES);
    println!("instructions of a line of {} bytes: {plain} plain, {signed} signed, {forged} forged", payload(0).len());
    println!("instructions in the mean   algorithm              a report  a refresh");
    let mut within = true;
    for (index, (algorithm, most)) in MOST.into_iter().enumerate() {
        for (agents, invited) in [(5, false), (30, false), (30, true), (300, false), (1_000, true)] {
            let count = |reports, refreshes| instructions(agents, index, invited, reports, refreshes);
            let (Some(nothing), Some(reports), Some(all)) = (count(0, 0), count(1, 0), count(1, 1)) else {
                eprintln!("valgrind is needed to count instructions");
                return ExitCode::FAILURE;
            };
            let (report, refresh) = ((reports - nothing) / u64::from(SECONDS), (all - reports) / u64::from(SECONDS));
            let traffic = if invited { "invitations too" } else { "reactive only" };
            println!("{agents:>5} agents, {traffic:<15} {algorithm:<21?} {report:>9} {refresh:>10}");
            let in_range = algorithm != Algorithm::SuperProgressiveDual || agents <= 30;
            within &= !in_range || refresh <= u64::from(most);
        }
    }
    if within { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Instructions of a whole run of this program that plays the recording.
fn instructions(agents: u32, algorithm: usize, invited: bool, reports: u8, refreshes: u8) -> Option<u64> {
    let numbers = [agents.to_string(), algorithm.to_string(), u8::from(invited).to_string()];
    let [agents, algorithm, invited] = numbers.each_ref().map(String::as_str);
    counted(&["play", agents, algorithm, invited, &reports.to_string(), &refreshes.to_string()])
}

/// Instructions of a whole run of this program with these arguments.
fn counted(arguments: &[&str]) -> Option<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().ok()?)
        .args(arguments)
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    text.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok())
}

/// A line with what most collectors send.
fn payload(turn: u64) -> String {
    let time = WALL + turn;
    format!(
        r#"{{"channel":"chat","group":"Sales","ready":4,"loggedIn":12,"reactive":5,"proactive":2,"queued":1,"handleTime":312.5,"reactiveEntered":{turn},"proactiveEntered":871,"abandoned":97,"time":{time}}}"#
    )
}

/// Accepts a number of lines, all made beforehand whatever their kind.
fn take(kind: &str) {
    let keys = [[1; 32], [2; 32]].map(|secret| Key::new(&secret).ok());
    let [Some(ours), Some(other)] = keys else { return };
    let mut settings = Settings {
        pacing: Options::default(),
        time_to_live: Duration::from_secs(30),
        sources: "127.0.0.0/8".parse().into_iter().collect(),
        keys: Keys::default(),
    };
    let payloads: Vec<String> = (0..LINES).map(payload).collect();
    let sign = |key: &Key, payload: &String| key.sign(payload.as_bytes()).map(|line| line.as_str().to_owned());
    let signed: Vec<String> = payloads.iter().filter_map(|payload| sign(&ours, payload)).collect();
    let forged: Vec<String> = payloads.iter().filter_map(|payload| sign(&other, payload)).collect();
    let lines = match kind {
        "plain" => payloads,
        "signed" => signed,
        "forged" => forged,
        _ => Vec::new(),
    };
    if kind != "plain" {
        settings.keys.push(ours);
    }
    let mut state = Box::new(State::new(settings));
    let wall = Duration::from_millis(WALL);
    for line in &lines {
        state.receive(wall, wall, Ipv4Addr::LOCALHOST.into(), line.as_bytes(), |_, _| ());
    }
    println!("{:?}", state.counters);
}

fn play(agents: u32, algorithm: Algorithm, invited: bool, report: bool, refresh: bool) {
    let options = Options { algorithm, refresh_period: Duration::from_secs(1), ..Options::default() };
    let mut pacer = Pacer::new();
    let (mut sum, mut last) = (0.0, Statistics::default());
    for (second, statistics) in recording(agents, invited, &options).iter().enumerate() {
        let now = Duration::from_secs(second as u64);
        if report {
            pacer.report(now, statistics, &growth(&last, statistics), &options);
            last = *statistics;
        }
        if refresh {
            sum += pacer.refresh(now, statistics, &options).reactive_state.unwrap_or(0.0);
        }
    }
    println!("{sum}");
}

/// The statistics of each second of a busy hour and a half, paced by the engine itself.
fn recording(agents: u32, invited: bool, options: &Options) -> Vec<Statistics> {
    let capacity = f64::from(agents) / 300.0;
    let proactive = if invited {
        Proactive::Invitations {
            candidates: Curve::constant(5.0 * capacity),
            acceptance: 0.3,
            answer: Times::Exponential { mean: 15.0 },
        }
    } else {
        Proactive::Uncontrolled(Curve::zero())
    };
    let visitors = Curve::constant(if invited { 0.7 } else { 1.4 } * capacity);
    let scenario = Scenario { visitors, proactive, staff: Steps::constant(agents), ..Scenario::default() };
    let mut centre = Centre::new(&scenario, 1);
    let mut pacer = Pacer::new();
    let (mut recorded, mut probability, mut last) = (Vec::new(), 1.0, Statistics::default());
    for second in 0..SECONDS {
        let now = Duration::from_secs(second.into());
        let statistics = statistics(&centre.snapshot());
        pacer.report(now, &statistics, &growth(&last, &statistics), options);
        last = statistics;
        let prediction = pacer.refresh(now, &statistics, options);
        recorded.push(statistics);
        probability = prediction.reactive_state.unwrap_or(probability);
        centre.allow_invitations(prediction.proactive_allowance.unwrap_or(0.0));
        while let Some(happening) = centre.advance(f64::from(second) + 1.0) {
            if let Happening::Visitor(visitor) = happening {
                let _ = centre.admit(visitor, probability);
            }
        }
    }
    recorded
}

fn growth(last: &Statistics, next: &Statistics) -> Growth {
    let grown = |last: Option<u64>, next: Option<u64>| Some(next? - last?);
    Growth {
        reactive_entered: grown(last.reactive_entered, next.reactive_entered),
        proactive_entered: grown(last.proactive_entered, next.proactive_entered),
        abandoned: grown(last.abandoned, next.abandoned),
        invitations_sent: grown(last.invitations_sent, next.invitations_sent),
        invitations_accepted: grown(last.invitations_accepted, next.invitations_accepted),
        starts_row: last.reactive_entered.is_none(),
    }
}

fn statistics(snapshot: &Snapshot) -> Statistics {
    Statistics {
        ready: snapshot.ready,
        logged_in: snapshot.logged_in,
        slots: snapshot.slots,
        free_slots: snapshot.free_slots,
        reactive: snapshot.reactive,
        proactive: snapshot.proactive,
        queued: snapshot.queued,
        handle_time: snapshot.handle_time,
        reactive_entered: snapshot.reactive_entered,
        proactive_entered: snapshot.proactive_entered,
        abandoned: snapshot.abandoned,
        invitations_sent: snapshot.invitations_sent,
        invitations_accepted: snapshot.invitations_accepted,
        invitations_pending: snapshot.invitations_pending,
        ..Statistics::default()
    }
}
