//! The real binary: arguments and configuration, and all the way from AMI to pacingd's answers over
//! HTTP.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::server::Server;
use common::{contains, recording};

const SECRET: &str = "test-secret";
const PATIENCE: Duration = Duration::from_secs(20);

/// A folder of one test's own.
fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A command for `program`, with what runs it where it cannot run by itself.
fn command(program: &Path) -> Command {
    let runner = std::env::var("PACINGD_TEST_RUNNER").unwrap_or_default();
    let mut words = runner.split_whitespace();
    match words.next() {
        Some(first) => {
            let mut command = Command::new(first);
            command.args(words).arg(program);
            command
        }
        None => Command::new(program),
    }
}

fn collector() -> Command {
    command(Path::new(env!("CARGO_BIN_EXE_pacingd-asterisk")))
}

/// Writes a configuration with `lines`, and a secret; returns the configuration's path.
fn configure(folder: &Path, lines: &str) -> PathBuf {
    fs::write(folder.join("secret"), format!("{SECRET}\n")).unwrap();
    let path = folder.join("pacingd-asterisk.toml");
    let secret = folder.join("secret");
    fs::write(&path, format!("user = \"pacingd\"\nsecret-file = \"{}\"\n{lines}", secret.display())).unwrap();
    path
}

/// Checks a configuration; returns the exit code and all output.
fn check(path: &Path) -> (i32, String) {
    let Output { status, stdout, stderr } =
        collector().arg("--check-config").arg("--config").arg(path).output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    (status.code().unwrap(), text)
}

/// A process that ends with its test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The daemon: `PACINGD` says where, else it is built beside this test's target.
fn pacingd() -> PathBuf {
    if let Some(path) = std::env::var_os("PACINGD") {
        return path.into();
    }
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.set_file_name("pacingd");
    if !path.exists() {
        let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let arguments = ["build", "--locked", "--package", "pacingd", "--bin", "pacingd"];
        assert!(Command::new(cargo).args(arguments).current_dir(folder).status().unwrap().success());
    }
    path
}

/// A running daemon, with its addresses.
struct Daemon {
    _process: Process,
    http: String,
    statistics: String,
}

impl Daemon {
    fn start(folder: &Path, statistics: &str) -> Self {
        let path = folder.join("pacingd.toml");
        let text = format!(
            "[http]\nlisten = [\"127.0.0.1:0\"]\n[operators]\nlisten = \"127.0.0.1:0\"\n\
             [statistics]\nlisten = \"127.0.0.1:0\"\n{statistics}"
        );
        fs::write(&path, text).unwrap();
        let mut command = command(&pacingd());
        let child = command.arg("--config").arg(&path).args(["--log", "stderr"]).stderr(Stdio::piped()).spawn();
        let mut process = Process(child.unwrap());
        let mut addresses = [None, None];
        let mut lines = BufReader::new(process.0.stderr.take().unwrap()).lines();
        while addresses.contains(&None) {
            let line = lines.next().expect("pacingd ended").unwrap();
            let address = line.split_whitespace().find(|word| word.starts_with("127.0.0.1:")).map(str::to_owned);
            for (place, word) in [(0, "HTTP"), (1, "statistics")] {
                if line.contains(word) && addresses[place].is_none() {
                    addresses[place] = address.clone();
                }
            }
        }
        // Its log must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let [http, statistics] = addresses.map(Option::unwrap);
        Self { _process: process, http, statistics }
    }

    /// Asks until the capacity of `group` is `want`.
    fn wait_for_capacity(&self, group: &str, want: usize) {
        let until = Instant::now() + PATIENCE;
        let want = format!("{{\"capacity\":{want}}}");
        loop {
            let mut stream = TcpStream::connect(&self.http).unwrap();
            let path = format!("/backend/data/pacing/channelCapacity?channel=webcallback&groups={group}");
            write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            let body = answer.split_once("\r\n\r\n").unwrap_or_default().1;
            if body.trim() == want {
                return;
            }
            assert!(Instant::now() < until, "want {want}, got {body}");
            std::thread::yield_now();
        }
    }
}

/// The whole answers to `QueueStatus` in a recording.
fn answers(name: &str) -> Vec<Vec<u8>> {
    let mut answers = Vec::new();
    let mut answer: Option<Vec<u8>> = None;
    for block in recording(name) {
        match &*block.kind {
            "send" if contains(&block.bytes, "Action: QueueStatus\r\n") => answer = Some(Vec::new()),
            "recv" => {
                let Some(bytes) = &mut answer else { continue };
                bytes.extend_from_slice(&block.bytes);
                if contains(bytes, "Event: QueueStatusComplete") && bytes.ends_with(b"\r\n\r\n") {
                    answers.extend(answer.take());
                }
            }
            _ => {}
        }
    }
    answers
}

/// Members of "sales" who are free by their own lines alone.
fn free(answer: &[u8]) -> usize {
    let is_free = |message: &&str| {
        let has = |line: &str| message.contains(&format!("\r\n{line}\r\n"));
        message.contains("Event: QueueMember\r\nQueue: sales\r\n")
            && (has("Status: 0") || has("Status: 1"))
            && has("Paused: 0")
            && has("InCall: 0")
    };
    std::str::from_utf8(answer).unwrap().split("\r\n\r\n").filter(is_free).count()
}

#[test]
fn a_recording_comes_out_of_pacingd_as_capacity() {
    let folder = folder("recording");
    let daemon = Daemon::start(&folder, "");
    let server = Server::new();
    let lines = format!("ami = \"{}\"\npacingd = \"{}\"\n", server.address(), daemon.statistics);
    let process = collector().arg("--config").arg(configure(&folder, &lines)).spawn().unwrap();
    let _process = Process(process);

    // The collector asks once a second: every fiftieth answer, and only one with another number of
    // free members.
    let mut last = usize::MAX;
    let mut shown = 0;
    let mut connection = server.accept_login();
    for answer in answers("plain").iter().step_by(50) {
        let free = free(answer);
        if std::mem::replace(&mut last, free) != free {
            connection.answer(answer);
            daemon.wait_for_capacity("sales", free);
            shown += 1;
        }
    }
    assert!(shown >= 3, "{shown} different answers");
    // After a cut, the same again on a new connection.
    drop(connection);
    let mut connection = server.accept_login();
    connection.answer(common::example("QueueStatus-start.raw"));
    daemon.wait_for_capacity("sales", 4);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn signed_lines_are_accepted_by_a_pacingd_that_wants_them() {
    let folder = folder("signed");
    fs::write(folder.join("key"), "0123456789abcdef0123456789abcdef\n").unwrap();
    let key = folder.join("key");
    let daemon = Daemon::start(&folder, &format!("key-files = [\"{}\"]\n", key.display()));
    let server = Server::new();
    let lines = format!(
        "ami = \"{}\"\npacingd = \"{}\"\nkey-file = \"{}\"\ncollector = \"pbx\"\n",
        server.address(),
        daemon.statistics,
        key.display()
    );
    let process = collector().arg("--config").arg(configure(&folder, &lines)).spawn().unwrap();
    let _process = Process(process);
    let mut connection = server.accept_login();
    connection.answer(common::example("QueueStatus-start.raw"));
    daemon.wait_for_capacity("support", 3);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn printed_lines_can_be_checked() {
    let folder = folder("print");
    let server = Server::new();
    let path = configure(&folder, &format!("ami = \"{}\"\n", server.address()));
    let child = collector().arg("--print").arg("--config").arg(path).stdout(Stdio::piped()).spawn();
    let mut process = Process(child.unwrap());
    let mut lines = BufReader::new(process.0.stdout.take().unwrap()).lines();
    let mut connection = server.accept_login();
    connection.answer(common::example("QueueStatus-start.raw"));
    let groups: Vec<String> = (0..3)
        .map(|_| serde_json::from_str::<serde_json::Value>(&lines.next().unwrap().unwrap()).unwrap())
        .map(|line| line["group"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(groups, ["support", "sales", "empty"]);
    // Nobody reads any more: it ends, as the rest of a pipeline does.
    drop(lines);
    connection.answer(common::example("QueueStatus-start.raw"));
    assert!(process.0.wait().unwrap().success());
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn arguments_are_answered() {
    let run = |argument: &str| collector().arg(argument).output().unwrap();
    assert!(String::from_utf8_lossy(&run("--help").stdout).contains("--check-config"));
    let version = format!("pacingd-asterisk {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(String::from_utf8_lossy(&run("--version").stdout), version);
    let wrong = run("--secret=x");
    assert_eq!(wrong.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("see --help"));
}

#[test]
fn a_right_configuration_is_shown_without_the_secret() {
    let folder = folder("right");
    let path = configure(&folder, "ami = \"pbx:5038\"\nchannel = \"chat\"\n[wrapuptime]\nsales = 6\n");
    let (code, text) = check(&path);
    assert_eq!(code, 0);
    for shown in ["AMI at pbx:5038, user \"pacingd\"", "channel chat", "127.0.0.1:8127", "\"sales\" 6 s"] {
        assert!(text.contains(shown), "{text}");
    }
    assert!(!text.contains(SECRET), "{text}");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn the_example_is_valid_with_its_comments_and_without() {
    let folder = folder("example");
    let path = configure(&folder, "");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("pacingd-asterisk.toml");
    // The files that systemd would hand over.
    fs::write(folder.join("key"), "0123456789abcdef0123456789abcdef").unwrap();
    let example = fs::read_to_string(example).unwrap().replace("credential:", &format!("{}/", folder.display()));
    for (text, want) in [(example.clone(), "wrap-up time: 0 s\n"), (example.replace("\n#", "\n"), "\"600\" 10 s")] {
        // What is left are sentences.
        let text: String = text.lines().filter(|line| !line.starts_with(' ')).map(|line| format!("{line}\n")).collect();
        fs::write(&path, text).unwrap();
        let (code, output) = check(&path);
        assert!(code == 0 && output.contains(want), "{output}");
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_wrong_configuration_is_refused_with_its_place_and_without_a_secret() {
    let folder = folder("wrong");
    let secret = folder.join("secret").display().to_string();
    let user = "user = \"pacingd\"\n";
    let file = format!("secret-file = \"{secret}\"\n");
    for (text, secret_text, want) in [
        // Somebody writes the secret into the file.
        (format!("{user}{file}secret = \"{SECRET}\"\n"), SECRET, ":3: unknown field `secret`"),
        (format!("{user}{file}\nsecret = {SECRET}\n"), SECRET, ":4: "),
        (format!("{file}user = \"{SECRET}"), SECRET, ":2: "),
        (file.clone(), SECRET, "missing field `user`"),
        (user.into(), SECRET, "missing field `secret-file`"),
        (format!("{user}{file}channel = \"voice\"\n"), SECRET, ":3: unknown variant `voice`"),
        (format!("{user}{file}ami = \"pbx\"\n"), SECRET, "ami is \"pbx\"; want a host and a port"),
        (format!("{user}{file}pacingd = \"box:0\"\n"), SECRET, "pacingd is \"box:0\""),
        (format!("{file}user = \"a\\r\\nSecret: x\"\n"), SECRET, "user must have"),
        (format!("{user}{file}collector = \"\"\n"), SECRET, "collector must have"),
        (format!("{user}{file}[wrapuptime]\nsales = -1\n"), SECRET, ":4: "),
        (format!("{user}{file}key-file = \"{secret}\"\n"), SECRET, "shorter than 32 bytes"),
        (format!("{user}{file}"), "", "is empty"),
        (format!("{user}{file}"), "test-secret\nAction: Command", "has more than one line"),
        (format!("{user}{file}"), &"test-secret".repeat(100), "more than 1024 bytes"),
        (format!("{user}secret-file = \"/dev/null\"\n"), SECRET, "is not a regular file"),
        (format!("{user}secret-file = \"{secret}-\"\n"), SECRET, "cannot be read"),
        (format!("{user}secret-file = \"credential:secret\"\n"), SECRET, "no credentials were handed over"),
    ] {
        let path = configure(&folder, "");
        fs::write(&path, &text).unwrap();
        fs::write(folder.join("secret"), secret_text).unwrap();
        let (code, output) = check(&path);
        assert_eq!(code, 78, "{text}");
        assert!(output.contains(want), "{text}\n{output}");
        assert!(!output.contains(SECRET), "{output}");
        assert_eq!(output.lines().count(), 1, "{output}");
    }
    fs::write(folder.join("secret"), b"test-secret\xff").unwrap();
    let path = configure(&folder, "");
    fs::write(folder.join("secret"), b"test-secret\xff").unwrap();
    let (code, output) = check(&path);
    assert!(code == 78 && output.contains("not UTF-8") && !output.contains(SECRET), "{output}");
    let (code, output) = check(Path::new("/nonexistent.toml"));
    assert!(code == 78 && output.contains("/nonexistent.toml: "), "{output}");
    fs::remove_dir_all(folder).unwrap();
}
