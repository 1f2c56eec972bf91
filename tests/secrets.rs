//! Keys in the wrong place, or in files that are wrong in hundreds of ways: no output has a run of
//! one, in any notation.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // clippy.toml allows them in test functions only.

mod common;

use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use common::client::Client;
use common::{Daemon, Directory, configuration, run};
use rcgen::{CertifiedKey, generate_simple_self_signed};

/// Random numbers that are the same in each run (PCG's multiplier and increment).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    fn text(&mut self, alphabet: &[u8], length: usize) -> String {
        (0..length).map(|_| char::from(alphabet[self.below(alphabet.len())])).collect()
    }
}

const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().enumerate().fold(0, |bits, (index, byte)| bits | u32::from(*byte) << (16 - 8 * index));
        for place in 0..=chunk.len() {
            text.push(char::from(BASE64[(bits >> (18 - 6 * place)) as usize & 63]));
        }
    }
    text
}

fn decode_base64(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text
        .bytes()
        .filter_map(|byte| BASE64.iter().position(|digit| *digit == byte))
        .map(|digit| u32::try_from(digit).unwrap())
        .collect();
    let mut bytes = Vec::new();
    for chunk in digits.chunks(4) {
        let bits = chunk.iter().enumerate().fold(0, |bits, (index, digit)| bits | digit << (18 - 6 * index));
        bytes.extend(bits.to_be_bytes().iter().skip(1).take(chunk.len() - 1));
    }
    bytes
}

/// Runs of secrets: eight bytes of each in each notation.
#[derive(Default)]
struct Runs {
    /// By their length.
    found: Vec<HashSet<String>>,
}

impl Runs {
    const BYTES: usize = 8;

    fn add(&mut self, secret: &[u8]) {
        for window in secret.windows(Self::BYTES) {
            self.insert(String::from_utf8_lossy(window).into_owned());
            let decimal: Vec<String> = window.iter().map(u8::to_string).collect();
            self.insert(decimal.join(", "));
            self.insert(decimal.join(","));
            self.insert(decimal.join(" "));
            for separator in ["", " ", ", ", ":", "\\x", ", 0x"] {
                let hex: Vec<String> = window.iter().map(|byte| format!("{byte:02x}")).collect();
                self.insert(hex.join(separator));
            }
        }
        for offset in 0..3 {
            let text = base64(&secret[offset..]);
            for window in text.as_bytes().windows(12) {
                self.insert(String::from_utf8(window.to_vec()).unwrap());
            }
        }
    }

    fn insert(&mut self, run: String) {
        let length = run.len();
        if self.found.len() <= length {
            self.found.resize_with(length + 1, HashSet::new);
        }
        self.found[length].insert(run);
    }

    /// The first run in a text.
    fn first_in(&self, text: &str) -> Option<String> {
        let lower = text.to_ascii_lowercase();
        for text in [text, &lower] {
            for (length, runs) in self.found.iter().enumerate().filter(|(_, runs)| !runs.is_empty()) {
                for window in text.as_bytes().windows(length) {
                    if let Some(run) = std::str::from_utf8(window).ok().filter(|window| runs.contains(*window)) {
                        return Some(run.into());
                    }
                }
            }
        }
        None
    }
}

/// A certificate, its key, and keys of statistics, all made for this test.
struct Secrets {
    certificate: String,
    pem: String,
    der: Vec<u8>,
    /// Secrets as somebody may paste them.
    pasted: Vec<String>,
    runs: Runs,
}

impl Secrets {
    fn new(random: &mut Random) -> Self {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let pem = signing_key.serialize_pem();
        let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let line = pem.lines().nth(1).unwrap().to_owned();
        let graphic: Vec<u8> = (b'!'..=b'~').filter(|byte| !b"\"'\\#".contains(byte)).collect();
        let words = "Correct.Horse.Battery.Staple.7.for.every.Zebra-Herd".to_owned();
        let mut pasted = vec![
            random.text(b"0123456789abcdef", 64),
            random.text(b"0123456789", 40),
            random.text(BASE64, 44),
            format!("/{}", random.text(BASE64, 43)),
            random.text(&graphic, 48),
            words,
        ];
        let mut runs = Runs::default();
        pasted.iter().for_each(|secret| runs.add(secret.as_bytes()));
        let der = decode_base64(&body);
        assert_eq!(der, signing_key.serialize_der());
        runs.add(body.as_bytes());
        // What all keys of its kind begin with is no secret.
        runs.add(&der[30..]);
        let utf16: Vec<u8> = body.encode_utf16().flat_map(u16::to_le_bytes).collect();
        runs.add(&utf16);
        pasted.extend([pem.clone(), pem.replace('\n', "\\n"), pem.replace('\n', ""), body, line]);
        Self { certificate: cert.pem(), pem, der, pasted, runs }
    }
}

/// Files that should be a key, and are wrong.
fn broken_keys(secrets: &Secrets, random: &mut Random) -> Vec<Vec<u8>> {
    let pem = &secrets.pem;
    let label = |to: &str| pem.replace("PRIVATE KEY", to);
    let utf16 = |to: fn(u16) -> [u8; 2]| pem.encode_utf16().flat_map(to).collect::<Vec<u8>>();
    let lines: Vec<&str> = pem.lines().collect();
    let mut files: Vec<Vec<u8>> = [
        pem.replace('\n', ""),
        pem.replace('\n', " "),
        pem.replace('\n', "\\n"),
        pem.replace('\n', "\r"),
        pem.replace("-----\n", "-----"),
        pem.replace("-----\n", "----- "),
        pem.replace("\n-----END", "-----END"),
        pem.replacen("-----\n", "----\n", 1),
        pem.replace("-----END", "-----FIN"),
        pem.replace("BEGIN", "begin"),
        label("CERTIFICATE"),
        label("PUBLIC KEY"),
        label("EC PRIVATE KEY"),
        label("RSA PRIVATE KEY"),
        label("ENCRYPTED PRIVATE KEY"),
        label(lines[1]),
        format!("{pem}{pem}"),
        format!("\u{feff}{pem}"),
        format!("key = '''{pem}'''"),
        lines[1..].join("\n"),
        lines[..lines.len() - 1].join("\n"),
        lines.iter().rev().copied().collect::<Vec<_>>().join("\n"),
        lines.iter().map(|line| format!("> {line}")).collect::<Vec<_>>().join("\n"),
        lines.iter().map(|line| line.chars().rev().collect::<String>()).collect::<Vec<_>>().join("\n"),
        format!("-----BEGIN {}-----", lines[1]),
        pem.chars().map(|character| format!("{character} ")).collect(),
    ]
    .map(String::into_bytes)
    .to_vec();
    files.extend([utf16(u16::to_le_bytes), utf16(u16::to_be_bytes), secrets.der.clone(), vec![0; 300_000]]);
    files.extend((0..60).map(|_| pem.as_bytes()[..random.below(pem.len())].to_vec()));
    for _ in 0..120 {
        let mut bytes = pem.clone().into_bytes();
        for _ in 0..=random.below(3) {
            let at = random.below(bytes.len());
            match random.below(3) {
                0 => bytes[at] = b"\0\n!-=\xff "[random.below(7)],
                1 => drop(bytes.remove(at)),
                _ => bytes.insert(at, b"\0\n!-=\xff\""[random.below(7)]),
            }
        }
        files.push(bytes);
    }
    files
}

/// Configurations with a secret where it does not belong, or does but in the wrong form.
fn broken_configurations(secret: &str) -> Vec<String> {
    let list: Vec<String> = secret.lines().map(|line| format!("{line:?}")).collect();
    let list = list.join(", ");
    let mut texts = vec![
        secret.to_owned(),
        format!("[statistics]\n{secret}\n"),
        format!("[https]\nkey = {{ {secret} = 1 }}"),
        format!("[https]\n{secret} = \"/etc/key.pem\""),
        format!("https.key.{secret} = 1"),
        format!("{secret} = 1\n{secret} = 2"),
        format!("\"{secret}\" = 1\n\"{secret}\" = 2"),
        format!("[{secret}]\n[{secret}]\n"),
        format!("[statistics.{secret}]\n"),
        format!("[\"{secret}\"]\nlisten = 1\n"),
        format!("http.limits.{secret} = 1"),
        format!("http.limits.\"{secret}\" = 1"),
        format!("http = {{ {secret} = 1 }}"),
        format!("http = {{ \"{secret}\" = 1 }}"),
        format!("statistics.sources = [{list}]"),
        format!("http.listen = [[{list}]]"),
        format!("https.key = [{list}]"),
        format!("statistics.key-files = [{list}]"),
        format!("[log]\nlevel = \"info\"\nlevel = \"{secret}\""),
        format!("[log]\nlevel = \"info\" {secret}"),
        format!("log.level = \"info\" # {secret}\nlog.to = 3"),
    ];
    for key in [
        "statistics.key-files",
        "https.key",
        "https.certificate",
        "statistics.sources",
        "statistics.listen",
        "statistics.time-to-live",
        "statistics.groups",
        "http.listen",
        "http.cors.allowed-origins",
        "http.limits.connections",
        "operators.listen",
        "pacing",
        "pacing.algorithm",
        "pacing.patience",
        "pacing.optimization-goal",
        "log.level",
        "logg.level",
    ] {
        for value in [
            format!("{secret:?}"),
            format!("'{secret}'"),
            format!("'''{secret}'''"),
            format!("\"\"\"{secret}\"\"\""),
            secret.to_owned(),
            format!("[{secret}]"),
            format!("['{secret}']"),
            format!("[\"{secret}"),
            format!("['/{secret}']"),
            format!("'/{secret}'"),
            format!("'/etc/pacingd/{secret}.pem'"),
            format!("'credential:{secret}'"),
            format!("['credential:{secret}']"),
            format!("['credential:{secret}/']"),
        ] {
            texts.push(format!("{key} = {value}\n"));
        }
    }
    texts
}

/// What `--check-config` prints with that configuration.
fn checked(file: &Path) -> String {
    let output = run(&["--check-config", "--config", file.to_str().unwrap()]);
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn no_output_has_a_run_of_a_key_whatever_is_wrong_with_its_file() {
    let mut random = Random(7);
    let secrets = Secrets::new(&mut random);
    let directory = Directory::new();
    let certificate = directory.file("certificate.pem", &secrets.certificate);
    let key = directory.file("key", &secrets.pem);
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    let files = |certificate: &Path, key: &Path| {
        let more = format!(
            "[https]\nlisten = [\"127.0.0.1:0\"]\ncertificate = {:?}\nkey = {:?}\n",
            path(certificate),
            path(key)
        );
        directory.file("pacingd.toml", &configuration(&more))
    };
    assert!(!secrets.runs.first_in(&secrets.pem).unwrap_or_default().is_empty(), "the search finds what is there");
    let decimal = format!("{:?}", secrets.pem.as_bytes());
    assert!(
        secrets.runs.first_in(&decimal).is_some() && secrets.runs.first_in(&format!("{:02x?}", secrets.der)).is_some()
    );

    let mut tried = 0;
    let mut refused = 0;
    for bytes in broken_keys(&secrets, &mut random) {
        fs::write(&key, &bytes).unwrap();
        let signed = format!("[statistics]\nkey-files = [{:?}]\n", path(&key));
        for file in
            [files(&certificate, &key), files(&key, &certificate), directory.file("signed.toml", &signed), key.clone()]
        {
            let output = checked(&file);
            refused += usize::from(output.starts_with("pacingd: "));
            tried += 1;
            assert_eq!(secrets.runs.first_in(&output), None, "{output}\nof {}", String::from_utf8_lossy(&bytes));
        }
    }
    assert!(tried > 700 && refused * 4 > tried * 3, "{refused} of {tried} were refused");
}

#[test]
fn no_output_has_a_run_of_a_key_that_stands_in_the_configuration() {
    let mut random = Random(11);
    let secrets = Secrets::new(&mut random);
    let directory = Directory::new();
    let file = directory.path().join("broken.toml");
    let daemon = Daemon::with("");
    let mut refused = 0;
    let mut tried = 0;
    for (number, text) in secrets.pasted.iter().flat_map(|secret| broken_configurations(secret)).enumerate() {
        let mut bytes = text.clone().into_bytes();
        match number % 7 {
            5 => bytes = text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            6 => bytes.insert(random.below(bytes.len()), b"\0\n\xff\"=.["[random.below(7)]),
            _ => {}
        }
        fs::write(&file, &bytes).unwrap();
        let mut output = checked(&file);
        // The same by a daemon that runs, now and then.
        if number % 40 == 0 {
            fs::write(daemon.directory.path().join("pacingd.toml"), &bytes).unwrap();
            let _ = write!(output, "{}", daemon.reload());
        }
        refused += usize::from(output.starts_with("pacingd: "));
        tried += 1;
        assert_eq!(secrets.runs.first_in(&output), None, "{output}\nof {}", String::from_utf8_lossy(&bytes));
    }
    assert!(tried > 2500 && refused * 10 > tried * 9, "{refused} of {tried} were refused");
    let mut output = daemon.log.all().join("\n");
    for page in ["/", "/status", "/metrics", "/health"] {
        output += &Client::connect(daemon.operators).get(page).body;
    }
    assert_eq!(secrets.runs.first_in(&output), None);
}
