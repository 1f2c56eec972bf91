//! The two floors: the core names no I/O, no clock, no async, and allocates nothing; the edge is `src/daemon`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // clippy.toml allows them in test functions only.

use std::fs;
use std::path::{Path, PathBuf};

/// What the core must not name outside its tests. `alloc` is where a heap would come from.
const FORBIDDEN: [&str; 9] =
    ["std::", "tokio", "hyper", "async ", ".await", "Instant", "SystemTime", "extern crate", "println!"];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The core's files that are compiled into the daemon.
fn core_files() -> Vec<PathBuf> {
    let mut all = Vec::new();
    files(&source(), &mut all);
    let is_core = |path: &Path| {
        let inside = path.strip_prefix(source()).unwrap();
        // A file of tests is named so; that it is only compiled for them is looked at below.
        inside.starts_with("core") && !inside.file_stem().unwrap().to_str().unwrap().ends_with("tests")
    };
    all.retain(|path| is_core(path));
    all
}

/// The code before the file's tests, without comments.
fn code(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap().split("#[cfg(test)]\n#[path").next().unwrap();
    let lines = code.lines().map(|line| line.split("//").next().unwrap());
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_core_is_built_without_the_standard_library() {
    let lib = fs::read_to_string(source().join("core/lib.rs")).unwrap();
    assert!(lib.lines().any(|line| line == "#![no_std]"));
}

#[test]
fn the_core_names_no_io_no_clock_and_no_async() {
    let files = core_files();
    for known in ["core/lib.rs", "core/state.rs", "core/wire/line/json.rs", "core/pacing/mod.rs"] {
        assert!(files.contains(&source().join(known)), "{known} is not among {files:?}");
    }
    for file in files {
        let code = code(&fs::read_to_string(&file).unwrap());
        for word in FORBIDDEN {
            assert!(!code.contains(word), "{} names {word:?}", file.display());
        }
        assert!(!code.contains("alloc::") && !code.contains("vec!["), "{} allocates", file.display());
    }
}

#[test]
fn files_of_tests_are_compiled_for_tests_only() {
    let mut all = Vec::new();
    files(&source(), &mut all);
    for file in all {
        let text = fs::read_to_string(&file).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            let names_tests = line.trim_end_matches([';', ' ', '{']).ends_with("tests") && line.contains("mod ");
            if names_tests && !line.trim_start().starts_with("//") {
                let before = lines.iter().take(index).rev().take(3).any(|line| *line == "#[cfg(test)]");
                assert!(before, "{}:{}: {line}", file.display(), index + 1);
            }
        }
    }
}

#[test]
fn the_check_would_see_what_it_looks_for() {
    let text = "//! std:: in a comment\nuse core::fmt;\n#[cfg(test)]\nmod tests {\n use std::vec;\n}\n";
    assert_eq!(code(text).trim(), "use core::fmt;");
    assert!(code("use std::fs;\n").contains("std::"));
}
