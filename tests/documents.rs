//! The manual page of the configuration, the example that ships, and the daemon know the same keys
//! and defaults.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // clippy.toml allows them in test functions only.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use common::{Directory, run};

/// Keys, with their sections, and defaults; `None` where there is no default.
type Settings = BTreeMap<String, Option<String>>;

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The items of pacingd.toml(5): `.It Ic SECTION.KEY = DEFAULT`.
fn manual() -> Settings {
    let page = read("docs/pacingd.toml.5").replace(r"\(dq", "\"");
    let items = page.lines().filter_map(|line| line.strip_prefix(".It Ic "));
    items
        .map(|item| match item.split_once(" = ") {
            Some((key, default)) => (key.to_owned(), Some(default.to_owned())),
            None => (item.to_owned(), None),
        })
        .collect()
}

/// The settings of TOML text, one to a line, as `key` takes a line of it apart.
fn settings(text: &str, key: impl Fn(&str) -> Option<(&str, Option<&str>)>) -> Settings {
    let mut section = String::new();
    let mut found = Settings::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = name.to_owned();
        } else if let Some((name, default)) = key(line) {
            found.insert(format!("{section}.{name}"), default.map(str::to_owned));
        }
    }
    found
}

#[test]
fn the_manual_page_has_every_key_and_its_default() {
    let directory = Directory::new();
    let file = directory.file("pacingd.toml", "");
    let output = run(&["--config", file.to_str().unwrap(), "--check-config"]);
    let printed = String::from_utf8(output.stdout).unwrap();
    let mut known = settings(&printed, |line| line.split_once(" = ").map(|(key, value)| (key, Some(value))));
    assert!(known.len() > 20, "{printed}");
    // Without a default, these are not among the settings in force.
    known.extend(["https.certificate", "https.key"].map(|key| (key.to_owned(), None)));
    assert_eq!(manual(), known);
}

#[test]
fn the_example_has_every_key_of_the_manual_page_and_its_default() {
    // `#key = default`, or `# key = example` where there is no default.
    let example = settings(&read("pacingd.toml"), |line| {
        let (key, value) = line.strip_prefix('#')?.split_once(" = ")?;
        let name = key.trim_start();
        let is_key = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        is_key.then_some((name, (name == key).then_some(value)))
    });
    assert_eq!(manual(), example);
}
