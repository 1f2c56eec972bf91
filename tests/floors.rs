//! What the compiler cannot prove of the two halves: the core names no I/O, no clock and no async,
//! and its parts use each other in one direction.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // clippy.toml allows them in test functions only.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The parts of the core in the order of `lib.rs`: each may use those before it.
const ORDER: [&str; 11] =
    ["limits", "named", "counters", "wire", "pacing", "settings", "groups", "fault", "state", "receive", "answer"];

/// What the core must not name outside its tests.
const FORBIDDEN: [&str; 8] = ["std::", "tokio", "hyper", "async ", ".await", "Instant", "SystemTime", "println!"];

fn core() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/core")
}

/// The core's files, each with its code: without tests and comments.
fn files(directory: &Path) -> BTreeMap<PathBuf, String> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else if !path.file_stem().unwrap().to_str().unwrap().ends_with("tests") {
            let code = code(&fs::read_to_string(&path).unwrap());
            files.insert(path, code);
        }
    }
    files
}

fn code(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap().split("#[cfg(test)]\n#[path").next().unwrap();
    let lines = code.lines().map(|line| line.split("//").next().unwrap());
    lines.collect::<Vec<_>>().join("\n")
}

/// The part of the core that a file belongs to. `None`: `lib.rs`.
fn part(path: &Path) -> Option<String> {
    let inside = path.strip_prefix(core()).unwrap().with_extension("");
    let part = inside.components().next().unwrap().as_os_str().to_str().unwrap().to_owned();
    (part != "lib").then_some(part)
}

/// The paths below `crate::` that the code names, as far as their second segment.
fn uses(code: &str) -> Vec<(String, Option<String>)> {
    let mut uses = Vec::new();
    for path in code.split("crate::").skip(1) {
        let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
        let first = word(path);
        let rest = path.get(first.len()..).unwrap();
        uses.push((first, rest.strip_prefix("::").map(word)));
    }
    uses
}

#[test]
fn the_core_is_built_without_the_standard_library_and_names_no_io_no_clock_and_no_async() {
    let files = files(&core());
    let lib = files.get(&core().join("lib.rs")).expect("src/core/lib.rs");
    assert!(lib.lines().any(|line| line == "#![no_std]"));
    for (path, code) in &files {
        for word in FORBIDDEN {
            assert!(!code.contains(word), "{} names {word:?}", path.display());
        }
    }
}

#[test]
fn the_parts_of_the_core_use_only_those_before_them() {
    let files = files(&core());
    let place = |part: &str| ORDER.iter().position(|other| *other == part);
    let mut checked = 0;
    for (path, code) in &files {
        let Some(part) = part(path) else { continue };
        let own = place(&part).unwrap_or_else(|| panic!("{part} has no place in the order"));
        for (used, _) in uses(code) {
            let other = place(&used).unwrap_or_else(|| panic!("{}: crate::{used}", path.display()));
            assert!(other <= own, "{} uses {used}", path.display());
            checked += usize::from(other < own);
        }
    }
    assert!(checked > 50, "only {checked} uses found");
}

#[test]
fn no_files_of_one_part_use_each_other_in_a_circle() {
    let files = files(&core());
    let mut edges: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for (path, code) in &files {
        let Some(part) = part(path) else { continue };
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let inner = uses(code).into_iter().filter(|(used, _)| *used == part).filter_map(|(_, inner)| inner);
        let inner = inner.filter(|inner| *inner != name && path.with_file_name(format!("{inner}.rs")).exists());
        let inner: Vec<String> = inner.collect();
        edges.insert((part, name), inner);
    }
    assert!(edges.values().map(Vec::len).sum::<usize>() > 10, "{edges:?}");
    // What uses nothing that is left cannot be in a circle.
    while let Some(leaf) = edges.iter().find(|(_, used)| used.is_empty()).map(|(file, _)| file.clone()) {
        edges.remove(&leaf);
        for ((part, _), used) in &mut edges {
            used.retain(|used| *part != leaf.0 || *used != leaf.1);
        }
    }
    assert!(edges.is_empty(), "{edges:?}");
}

#[test]
fn the_check_would_see_what_it_looks_for() {
    let text = "//! std:: in a comment\nuse core::fmt;\n#[cfg(test)]\nmod tests {\n use std::vec;\n}\n";
    assert_eq!(code(text).trim(), "use core::fmt;");
    assert!(code("use std::fs;\n").contains("std::"));
    let found = uses("use crate::wire::line::{Line};\nlet x = crate::limits::GROUPS;");
    let pair = |first: &str, second: &str| (first.to_owned(), Some(second.to_owned()));
    assert_eq!(found, [pair("wire", "line"), pair("limits", "GROUPS")]);
}
