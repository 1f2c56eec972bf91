//! What becomes of groups and of the order of lines, over real sockets: known, stale and unknown
//! groups, a full table, clocks that are set back, and reasons that are true. What takes an hour is
//! tested in the core, where time is an argument.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // clippy.toml allows them in test functions only.

mod common;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use common::client::Client;
use common::{Daemon, Directory, PATIENCE, line, line_with};
use pacingd::wire::jws::Key;
use serde_json::Value;

const EXTERNAL: &str = "[pacing]\nalgorithm = \"EXTERNAL\"\n";

/// Unix milliseconds now, and this much later.
fn now(more: i64) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    u64::try_from(now).unwrap().saturating_add_signed(more)
}

fn timed(group: &str, ready: u32, time: u64) -> String {
    line_with(group, ready, &format!(r#""time":{time}"#))
}

fn status(daemon: &Daemon) -> Value {
    Client::connect(daemon.operators).get("/status").json()
}

/// Repeats `act`, which sends something, until it returns true.
fn repeat_until(mut act: impl FnMut() -> bool) -> Duration {
    let started = Instant::now();
    while !act() {
        assert!(started.elapsed() < PATIENCE, "not within {PATIENCE:?}");
        // Whoever is waited for needs the processor, too.
        std::thread::yield_now();
    }
    started.elapsed()
}

/// 256 groups, each with a fresh line.
fn fill(daemon: &Daemon) {
    for from in (0..256).step_by(64) {
        let lines: Vec<String> = (from..from + 64).map(|number| line("chat", &format!("g{number:03}"), 1)).collect();
        daemon.send(lines.join("\n"), 64);
    }
    assert_eq!(daemon.health()["groups"]["known"], 256);
}

#[test]
fn an_unknown_group_is_named_with_what_makes_it_known() {
    let daemon = Daemon::with("");
    daemon.send(line("chat", "Sales", 4), 1);
    let detail = daemon.capacity("channel=chat&groups=Sales&groups=Night+shift").problem(404);
    assert!(detail.starts_with(r#"groups has "Night shift", which is not a known group of chat; "#), "{detail}");
    assert!(detail.contains("statistics.groups"), "{detail}");
}

#[test]
fn a_stale_group_is_unavailable_alone_and_left_out_beside_a_fresh_one() {
    let daemon = Daemon::with("[statistics]\ntime-to-live = 1\n[statistics.groups]\nchat = [\"Declared\"]\n");
    daemon.send(line("chat", "Night", 3), 1);
    repeat_until(|| daemon.capacity("channel=chat&groups=Night").status == 503);
    daemon.send(line("chat", "Sales", 4), 1);
    for query in ["channel=chat&groups=Sales&groups=Night&groups=Declared", "channel=chat"] {
        assert_eq!(daemon.capacity(query).value("capacity"), 4, "{query}");
    }
    let unavailable = daemon.capacity("channel=chat&groups=Night&groups=Declared");
    assert_eq!(unavailable.header("retry-after"), Some("5"));
    let detail = unavailable.problem(503);
    assert_eq!(detail, "no statistics of the requested groups of chat were accepted in the last 1 s");
}

#[test]
fn invented_names_keep_a_new_group_out_for_one_time_to_live_and_a_declared_one_not_at_all() {
    let daemon = Daemon::with("[statistics]\ntime-to-live = 2\n[statistics.groups]\nchat = [\"Declared\"]\n");
    let invented: Vec<String> = (0..256).map(|number| line("chat", &format!("invented {number:03}"), 1)).collect();
    daemon.send(invented.join("\n"), 256);
    daemon.send(line("chat", "Declared", 7), 1);
    assert_eq!(daemon.capacity("channel=chat&groups=Declared").value("capacity"), 7);
    repeat_until(|| {
        daemon.send(line("chat", "real", 5), 1);
        daemon.capacity("channel=chat&groups=real").status == 200
    });
    assert!(daemon.lines("tableFull") > 1);
}

#[test]
fn a_group_that_a_reload_declares_gets_a_place_in_a_table_full_of_fresh_ones() {
    let daemon = Daemon::with("");
    fill(&daemon);
    daemon.write_configuration("[statistics.groups]\nchat = [\"Declared\"]\n");
    daemon.reload();
    daemon.send(line("chat", "Declared", 7), 1);
    assert_eq!(daemon.capacity("channel=chat&groups=Declared").value("capacity"), 7);
    assert_eq!(daemon.health()["groups"]["known"], 256);
    daemon.capacity("channel=chat&groups=g000").problem(404);
}

#[test]
fn a_clock_set_back_is_followed_in_three_seconds_and_logged_and_two_clocks_are_not_one_set_back() {
    let daemon = Daemon::with("");
    let all = [("by 5 s", 5_000), ("by 25 s", 25_000), ("by 3 h", 3 * 3_600_000)];
    for (group, _) in all {
        daemon.send(timed(group, 9, now(0)), 1);
    }
    let capacity =
        |group: &str| daemon.capacity(&format!("channel=chat&groups={}", group.replace(' ', "+"))).value("capacity");
    let started = Instant::now();
    let mut followed = Vec::new();
    repeat_until(|| {
        // Of two collectors the one whose clock is ahead is used, however long the other one's
        // lines are late.
        let two = [timed("two", 7, now(0)), timed("two", 0, now(-25_000))];
        let back: Vec<_> = all.iter().map(|(group, back)| timed(group, 0, now(-back))).collect();
        daemon.send([&two[..], &back].concat().join("\n"), 5);
        assert_eq!(capacity("two"), 7);
        let is_new = |group: &&str, followed: &[&str]| !followed.contains(group) && capacity(group) == 0;
        for group in all.map(|(group, _)| group).iter().filter(|group| is_new(group, &followed)).collect::<Vec<_>>() {
            assert!(started.elapsed() >= Duration::from_secs(3), "{group}: {:?}", started.elapsed());
            followed.push(*group);
        }
        followed.len() == all.len() && started.elapsed() > Duration::from_secs(4)
    });
    let logged = daemon.log.wait_for("statistics with an earlier time are used");
    // By that much, less what passed: at least three seconds.
    for (group, back) in all {
        let by = logged.split_once(&format!("chat {group:?} (by ")).and_then(|(_, rest)| rest.split_once(" s)"));
        let seconds: i64 = by.unwrap_or_else(|| panic!("{logged}")).0.parse().unwrap();
        assert!(seconds <= back / 1000 - 3, "{logged}");
    }
    assert!(!logged.contains("two"), "{logged}");
    assert_eq!(daemon.log.containing("statistics with an earlier time").len(), 1);
    daemon.assert_the_outcomes_sum_to_the_lines_received();
}

#[test]
fn recorded_signed_lines_are_replayed_also_after_a_reload_that_shortens_the_time_to_live() {
    let secret = [b'k'; 32];
    let keys = Directory::new();
    keys.file("key", str::from_utf8(&secret).unwrap());
    let configured =
        |seconds: u32| format!("[statistics]\nkey-files = [{:?}]\ntime-to-live = {seconds}\n", keys.path().join("key"));
    let signed = |ready, more| {
        let payload = timed("A", ready, now(more));
        Key::new(&secret).unwrap().sign(payload.as_bytes()).unwrap().as_str().to_owned()
    };
    let daemon = Daemon::with(&configured(300));
    let recorded: Vec<String> = [-20_000, -10_000, 0].map(|more| signed(9, more)).into();
    daemon.send(recorded.join("\n"), 3);
    daemon.send(signed(2, 200_000), 1);
    assert_eq!(daemon.lines("accepted"), 4);
    daemon.write_configuration(&configured(30));
    daemon.reload();
    daemon.send(recorded.join("\n"), 3);
    daemon.send(signed(9, 25_000), 1);
    assert_eq!((daemon.lines("accepted"), daemon.lines("replayed")), (4, 4));
    assert_eq!(daemon.capacity("channel=chat").value("capacity"), 2);
    let group = &status(&daemon)["groups"][0];
    assert_eq!((&group["dropped"]["lines"], &group["dropped"]["why"]), (&4.into(), &"replayed".into()));
}

#[test]
fn external_without_values_fails_the_health_check_and_is_logged() {
    let daemon = Daemon::with(EXTERNAL);
    daemon.send(line("chat", "Sales", 4), 1);
    let health = Client::connect(daemon.operators).get("/health");
    assert_eq!(health.status, 503);
    assert!(health.json()["status"].as_str().unwrap().contains("reactiveState"));
    let logged = daemon.log.wait_for("have no reactiveState");
    assert!(logged.contains(r#"statistics from chat "Sales" have no reactiveState"#), "{logged}");
    daemon.send(line_with("Sales", 4, r#""reactiveState":0.5"#), 1);
    assert_eq!(Client::connect(daemon.operators).get("/health").status, 200);
}

#[test]
fn an_algorithm_without_a_reactive_state_is_healthy() {
    let daemon = Daemon::with("[pacing]\nalgorithm = \"SUPER_PROGRESSIVE\"\n");
    daemon.send(line("chat", "Sales", 4), 1);
    assert_eq!(Client::connect(daemon.operators).get("/health").status, 200);
    let detail = daemon.reactive_state("channel=chat").problem(501);
    assert_eq!(
        detail,
        "pacing.algorithm is SUPER_PROGRESSIVE, which does not predict the reactive state; set it to \
         SUPER_PROGRESSIVE_DUAL or PREDICTIVE_B_DUAL"
    );
}

#[test]
fn lines_that_are_all_dropped_are_the_reason_in_the_status_and_in_the_log() {
    let daemon = Daemon::with("[statistics]\ntime-to-live = 1\n[statistics.groups]\nchat = [\"Sales\"]\n");
    daemon.send(line("chat", "Support", 4), 1);
    assert_eq!(status(&daemon)["lastDropped"], Value::Null);
    let reasons = || {
        daemon.send([line("chat", "Sales", 4), line("chat", "Support", 4)].join("\n").replace(":4}", ":\"four\"}"), 2);
        let status = status(&daemon);
        assert_eq!(status["lastDropped"]["outcome"], "malformed");
        assert_eq!(status["lastDropped"]["sender"], "127.0.0.1");
        let text = |group: usize| status["groups"][group]["why"].as_str().unwrap().to_owned();
        (text(0), text(1))
    };
    assert!(
        reasons()
            .0
            .starts_with("no statistics yet; lines are received but dropped, the last one from 127.0.0.1: ready is")
    );
    repeat_until(|| reasons().1.starts_with("no statistics for 1 s; lines are received but dropped"));
    let logged = daemon.log.wait_for("no statistics for 1 s from");
    assert!(
        logged.contains("lines are received but dropped") && !logged.contains("is the collector running"),
        "{logged}"
    );
    // Those of Sales are no reason for Support.
    repeat_until(|| {
        daemon.send(line("chat", "Sales", 4).replace(":4}", ":\"four\"}"), 1);
        let groups = &status(&daemon)["groups"];
        groups[0]["reason"] == "dropped" && groups[1]["reason"] == "silent"
    });
}

#[test]
fn figures_that_contradict_each_other_are_used_shown_and_logged_once() {
    let daemon = Daemon::with("");
    for _ in 0..3 {
        daemon.send(line_with("Sales", 4, r#""loggedIn":2"#), 1);
    }
    assert_eq!(daemon.capacity("channel=chat").value("capacity"), 4);
    let contradiction = status(&daemon)["groups"][0]["contradiction"].as_str().unwrap().to_owned();
    assert_eq!(contradiction, "ready is 4, but loggedIn is only 2");
    daemon.log.wait_for(&format!("figures that contradict each other are used for chat \"Sales\" ({contradiction})"));
    daemon.send(line_with("Sales", 4, r#""loggedIn":4"#), 1);
    assert_eq!(status(&daemon)["groups"][0]["contradiction"], Value::Null);
    assert_eq!(daemon.log.containing("contradict").len(), 1);
}
