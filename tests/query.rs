//! Filters of both methods over real connections: what is not understood never widens the answer.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // clippy.toml allows them in test functions only.

mod common;

use common::{Daemon, line_with};

/// `SalesX` has nobody ready, `SupportX` 10.
fn daemon() -> Daemon {
    let daemon = Daemon::with("");
    daemon.send(line_with("SalesX", 0, r#""queued":2"#), 1);
    daemon.send(line_with("SupportX", 10, r#""queued":0"#), 1);
    daemon
}

#[test]
fn every_accepted_spelling_of_a_list_filters() {
    let daemon = daemon();
    for name in
        ["groups", "groups[]", "groups%5B%5D", "groups[0]", "groups%5B0%5D", "groups%5b12%5d", "groups[4294967296]"]
    {
        for (groups, capacity) in [("SalesX", 0), ("SupportX", 10)] {
            let answer = daemon.capacity(&format!("channel=chat&{name}={groups}"));
            assert_eq!(answer.value("capacity"), capacity, "{name}={groups}");
        }
        let mixed = format!("{name}=SalesX&channel=chat&groups%5B0%5D=SalesX&groups=SalesX&groups[]=SalesX");
        assert_eq!(daemon.capacity(&mixed).value("capacity"), 0, "{mixed}");
        assert_eq!(daemon.reactive_state(&format!("channel=chat&{name}=SupportX")).status, 200);
    }
}

#[test]
fn a_near_miss_of_a_name_is_a_bad_request_that_gives_the_right_one() {
    let daemon = daemon();
    for (query, want) in [
        ("channel=chat&Groups=SalesX", r#""Groups" is not a parameter; want groups=NAME"#),
        ("channel=chat&group=SalesX", r#""group" is not a parameter; want groups=NAME"#),
        ("channel=chat&groups.0=SalesX", r#""groups.0" is not a parameter; want groups=NAME"#),
        ("channel=chat&group[]=SalesX", r#""group[]" is not a parameter; want groups=NAME"#),
        ("channel=chat&amp;groups=SalesX", r#""amp;groups" is not a parameter; want groups=NAME"#),
        ("channel=chat&+groups=SalesX", r#""+groups" is not a parameter; want groups=NAME"#),
        ("channel=chat&groups%5B0%5=SalesX", r#""groups%5B0%5" is not a parameter; want groups=NAME"#),
        ("channel=chat&groups%255B%255D=SalesX", r#""groups%255B%255D" is not a parameter; want groups=NAME"#),
        ("channel=chat&groups%3DSalesX", r#""groups%3DSalesX" is not a parameter; want groups=NAME"#),
        ("channel=chat&groups%zz=SalesX", r#""groups%zz" is not a parameter; want groups=NAME"#),
        ("channel=chat&?groups=SalesX", r#""?groups" is not a parameter; want groups=NAME"#),
        ("?channel=chat&groups=SalesX", r#""?channel" is not a parameter; want channel=chat"#),
        ("channel=chat&groups=", "groups has a name that is empty"),
        ("channel=chat&groups[]", "groups has a name that is empty"),
        ("channel=chat;groups=SalesX", r#"channel is "chat;groups=SalesX"; want "chat""#),
        ("channel=chat%26groups=SalesX", r#"channel is "chat&groups=SalesX"; want "chat""#),
        ("channel=chat&channel=", r#"channel is """#),
        ("Channel=chat", r#""Channel" is not a parameter; want channel=chat"#),
        ("channels=chat&groups=SalesX", r#""channels" is not a parameter; want channel=chat"#),
        ("channel[]=chat", r#""channel[]" is not a parameter; want channel=chat"#),
    ] {
        for answer in [daemon.capacity(query), daemon.reactive_state(query)] {
            let detail = answer.problem(400);
            assert!(detail.starts_with(want), "{want}: {detail}");
        }
    }
}

#[test]
fn other_parameters_are_ignored() {
    let daemon = daemon();
    for more in ["_=1790000000000", "callback=x", "groupsize=3", "subchannel=x", "%zz=1", "", "=", "x=%zz"] {
        let answer = daemon.capacity(&format!("{more}&channel=chat&groups=SalesX&{more}"));
        assert_eq!(answer.value("capacity"), 0, "{more}");
    }
}

#[test]
fn a_name_in_brackets_is_looked_up_as_it_stands() {
    let daemon = daemon();
    for query in ["channel=chat&groups=[SalesX]", "channel=chat&groups=%5BSalesX%5D"] {
        let detail = daemon.capacity(query).problem(404);
        assert!(detail.contains(r#""[SalesX]""#) && detail.contains("without the brackets"), "{detail}");
    }
    assert!(!daemon.capacity("channel=chat&groups=Nobody").problem(404).contains("brackets"));
    daemon.send(line_with("[SalesX]", 4, r#""queued":0"#), 1);
    assert_eq!(daemon.capacity("channel=chat&groups=[SalesX]").value("capacity"), 4);
}
