//! `--check-lines` against the real binary: what a collector's developer should see, whatever is
//! typed or piped in.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // clippy.toml allows them in test functions only.

mod common;

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use common::{Directory, line, line_with, words};
use pacingd::wire::jws::Key;

/// The exit code, standard output and standard error with `configuration`, of an input that is
/// written piece by piece until the program ends.
fn check(configuration: &str, input: impl Iterator<Item = Vec<u8>>) -> (i32, String, String) {
    let directory = Directory::new();
    directory.file("key", &"k".repeat(32));
    let configuration = configuration.replace("KEY", directory.path().join("key").to_str().unwrap());
    let file = directory.file("pacingd.toml", &configuration);
    let words = words();
    let mut child = Command::new(&words[0])
        .args(&words[1..])
        .args(["--config", file.to_str().unwrap(), "--check-lines"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for piece in input {
        // It may end before it has read everything.
        if stdin.write_all(&piece).is_err() {
            break;
        }
    }
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn check_text(text: impl Into<Vec<u8>>) -> (i32, String, String) {
    check("", std::iter::once(text.into()))
}

fn now() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

#[test]
fn fields_that_are_nearly_known_ones_are_named() {
    let near =
        r#""logged_in":12,"loggedin":12,"Queued":1,"handletime":300,"reactiv":1,"site":"Bonn","abandons":{"a":1}"#;
    let (code, output, errors) = check_text(line_with("A", 4, near));
    assert_eq!((code, errors.as_str()), (0, ""));
    let mut lines = output.lines();
    assert_eq!(lines.next(), Some("line 1: accepted, 4 ready in \"A\" of chat"));
    for (name, field) in [
        ("logged_in", "loggedIn"),
        ("loggedin", "loggedIn"),
        ("Queued", "queued"),
        ("handletime", "handleTime"),
        ("reactiv", "reactive"),
    ] {
        let want = format!("line 1: warning: {name:?} is not a field and is ignored; did you mean {field:?}?");
        assert_eq!(lines.next(), Some(want.as_str()));
    }
    assert_eq!(lines.next(), None, "{output}");

    let (code, output, _) = check_text(r#"{"channel":"chat","group":"A","Ready":4}"#);
    assert_eq!(code, 65);
    assert!(
        output.contains("line 1: dropped: ready is missing") && output.contains("did you mean \"ready\"?"),
        "{output}"
    );
}

#[test]
fn contradictions_and_other_units_of_time_are_named() {
    for (more, want) in [
        (r#""loggedIn":3"#.to_owned(), "ready is 4, but loggedIn is only 3"),
        (r#""slots":12,"freeSlots":13"#.into(), "freeSlots is 13, but slots is only 12"),
        (r#""loggedIn":4,"reactive":3,"proactive":1"#.into(), "together more than loggedIn, which is 4"),
        (
            r#""reactiveEntered":9,"proactiveEntered":1,"abandoned":11"#.into(),
            "reactiveEntered + proactiveEntered is only 10",
        ),
        (format!(r#""time":{}"#, now() / 1000), "want Unix milliseconds, and these are seconds"),
        (format!(r#""time":{}"#, now() * 1000), "want Unix milliseconds, and these are microseconds"),
        (format!(r#""time":{}"#, now() - 86_400_000), "a day or more from the clock here"),
    ] {
        let (code, output, _) = check_text(line_with("A", 4, &more));
        assert_eq!(code, 0, "{output}");
        assert!(
            output.contains("line 1: accepted") && output.contains("line 1: warning: ") && output.contains(want),
            "{output}"
        );
    }
    let plain = format!(r#""loggedIn":4,"time":{}"#, now());
    assert!(!check_text(line_with("A", 4, &plain)).1.contains("warning"));
}

#[test]
fn a_signed_line_is_looked_into_as_well() {
    let key = Key::new(&[b'k'; 32]).unwrap();
    let keyed = "[statistics]\nkey-files = [\"KEY\"]\n";
    let signed = |more: &str| key.sign(line_with("A", 4, more).as_bytes()).unwrap().as_bytes().to_vec();
    let near = signed(&format!(r#""loggedIn":3,"Queued":1,"time":{}"#, now()));
    let (code, output, _) = check(keyed, std::iter::once(near));
    assert_eq!(code, 0, "{output}");
    assert!(output.contains("did you mean \"queued\"?") && output.contains("loggedIn is only 3"), "{output}");
    let (code, output, _) = check(keyed, std::iter::once(signed(&format!(r#""time":{}"#, now() / 1000))));
    assert_eq!(code, 65);
    assert!(output.contains("Is it in Unix milliseconds?"), "{output}");
}

#[test]
fn what_stands_around_lines_is_no_part_of_them() {
    let input = format!("\u{feff}{}\r\n\n \0\n{}\0\0\n", line("chat", "A", 1), line("chat", "B", 2));
    let want = "line 1: accepted, 1 ready in \"A\" of chat\nline 4: accepted, 2 ready in \"B\" of chat\n";
    assert_eq!(check_text(input), (0, want.into(), String::new()));
}

#[test]
fn an_endless_line_ends_it() {
    let endless = std::iter::repeat_with(|| vec![b'x'; 1 << 16]).take(1 << 12);
    let (code, output, errors) = check("", endless);
    assert_eq!((code, output.as_str()), (65, ""));
    assert_eq!(errors, "pacingd: line 1 is longer than 65,507 bytes, which is what one datagram holds\n");
    // The longest one is looked at, with its end and without.
    for (length, more, is_read) in
        [(65_507, "", true), (65_507, "\n", true), (65_508, "", false), (65_508, "\n", false)]
    {
        let line = format!("{:<length$}{more}", line("chat", "A", 1));
        let (code, output, _) = check_text(line);
        assert_eq!((code == 0, output.contains("accepted")), (is_read, is_read), "{length} {more:?}");
    }
}
