//! Statistics over real datagrams: every row of the contract, and bad input of every kind.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // clippy.toml allows them in test functions only.

mod common;

use std::net::{Ipv4Addr, UdpSocket};

use common::client::Client;
use common::{Daemon, configuration, line, line_with, sender_on};
use serde_json::Value;

const EXTERNAL: &str = "[pacing]\nalgorithm = \"EXTERNAL\"\n";

/// The milliseconds of the contract's example; what counts is only how lines' times differ.
const TIME: u64 = 1_790_000_000_000;

#[test]
fn the_contract_s_line_is_answered_by_both_methods() {
    let daemon = Daemon::with("");
    let line = r#"{"channel":"chat","group":"Sales","ready":4,"loggedIn":12,"reactive":5,"proactive":2,"queued":1,"handleTime":312.5,"reactiveEntered":10234,"proactiveEntered":871,"abandoned":97,"time":1790000000000}"#;
    daemon.send(line, 1);
    assert_eq!(daemon.lines("accepted"), 1);
    assert_eq!(daemon.capacity("channel=chat&groups=Sales").value("capacity"), 4);
    let state = daemon.reactive_state("channel=chat&groups=Sales").value("reactiveState").as_f64().unwrap();
    assert!((0.0..=1.0).contains(&state), "{state}");
}

/// What `/status` says of the only group.
fn only_group(daemon: &Daemon) -> Value {
    let status = Client::connect(daemon.operators).get("/status").json();
    assert_eq!(status["groups"].as_array().unwrap().len(), 1, "{status}");
    status["groups"][0].clone()
}

#[test]
fn every_field_is_taken_and_unknown_ones_are_ignored() {
    let daemon = Daemon::with(EXTERNAL);
    let all = r#""loggedIn":12,"slots":36,"freeSlots":9,"reactive":5,"proactive":2,"queued":1,"handleTime":312.5,"reactiveEntered":21,"proactiveEntered":22,"abandoned":23,"invitationsSent":24,"invitationsAccepted":25,"invitationsPending":6,"reactiveState":0.5,"time":7"#;
    let unknown = r#""new":null,"newer":[1e999,[2]],"newest":{"ready":9,"a":{"b":"\ud800"}}"#;
    daemon.send(line_with("A", 4, &format!("{unknown},{all}")), 1);
    let (group, sent) = (only_group(&daemon), serde_json::from_str::<Value>(&format!("{{{all}}}")).unwrap());
    assert_eq!((&group["group"], &group["ready"]), (&"A".into(), &4.into()));
    for (field, value) in sent.as_object().unwrap() {
        assert_eq!(&group[field], value, "{field} in {group}");
    }
    assert_eq!(daemon.lines("accepted"), 1);
    // `collector` separates totals: those of another one that are a little higher are no growth.
    for (collector, entered, want) in [("one", 40, 40), ("two", 60, 40), ("one", 41, 41)] {
        let more = format!(r#""collector":"{collector}","reactiveEntered":{entered}"#);
        daemon.send(line_with("B", 1, &more), 1);
        let status = Client::connect(daemon.operators).get("/status").json();
        assert_eq!(status["groups"][1]["reactiveEntered"], want, "{status}");
    }
}

#[test]
fn what_is_nothing_yet_costs_nothing_but_itself() {
    for more in [
        r#""handleTime":0"#,
        r#""handleTime":0.0"#,
        r#""queued":null"#,
        r#""handleTime":null,"loggedIn":null,"abandoned":null,"reactiveState":null,"collector":null,"time":null"#,
    ] {
        let daemon = Daemon::with("");
        daemon.send(line_with("Z", 3, more), 1);
        assert_eq!(daemon.capacity("channel=chat&groups=Z").value("capacity"), 3, "{more}");
        let group = only_group(&daemon);
        for field in ["handleTime", "loggedIn", "queued", "abandoned", "time"] {
            assert!(group[field].is_null(), "{field} in {group}");
        }
    }
}

#[test]
fn what_stands_around_a_line_is_no_part_of_it() {
    let daemon = Daemon::with("");
    let plain = line("chat", "Z", 3);
    let padded = |length| format!("{plain:\0<length$}");
    for datagram in [
        format!("\u{feff}{plain}"),
        format!("\u{feff}\r\n{plain}\r\n"),
        format!("{plain}\0"),
        format!("{plain}\n\0"),
        format!(" \t{plain} \r\0\0 "),
        padded(128),
    ] {
        daemon.send(&datagram, 1);
        assert_eq!(daemon.capacity("channel=chat").value("capacity"), 3, "{datagram:?}");
    }
    daemon.send(format!("{}\n{}", padded(128), padded(128)), 2);
    assert_eq!((daemon.lines("accepted"), daemon.lines("received")), (8, 8));
}

#[test]
fn the_log_shows_what_stands_where_a_line_is_wrong() {
    let utf16: Vec<u8> = line("chat", "A", 1).encode_utf16().flat_map(u16::to_le_bytes).collect();
    let gzip = b"\x1f\x8b\x08\0\0\0\0\0\x02\x03\xabV*-N";
    for (datagram, want) in [
        (line_with("A", 1, r#""handleTime":NaN"#).as_bytes(), r#"not JSON from column 54 on: "NaN}""#),
        (line_with("A", 1, r#""handleTime":312,5"#).as_bytes(), r#"not JSON from column 58 on: "312,5}""#),
        (
            format!("<134>1 2026-11-26T02:00:00Z pbx acd - - - {}", line("chat", "A", 1)).as_bytes(),
            r#"not JSON from column 1 on: "<134>1 2026-11-26T02:00:00Z pbx acd - - - {"#,
        ),
        (&utf16, "UTF-16; a line is a JSON object in UTF-8"),
        (gzip, "compressed (gzip); a line is a JSON object in UTF-8"),
        ("\u{202e}evil\u{1b}[31m".as_bytes(), r#"not JSON from column 1 on: "\u{202e}evil\u{1b}[31m""#),
        (line_with("A", 1, r#""queued":1e400"#).as_bytes(), r#"queued is "1e400"; want an integer, 0 to 4294967295"#),
    ] {
        let daemon = Daemon::with("");
        daemon.send(datagram, 1);
        let logged = daemon.log.wait_for("dropped: ");
        assert!(logged.contains(want), "{want} in {logged}");
    }
}

#[test]
fn three_fields_are_enough_for_both_methods() {
    let daemon = Daemon::with("");
    daemon.send(line("webcallback", "A", 3), 1);
    assert_eq!(daemon.capacity("channel=webcallback").value("capacity"), 3);
    let state = daemon.reactive_state("channel=webcallback").value("reactiveState").as_f64().unwrap();
    assert!((0.0..=1.0).contains(&state), "{state}");
    assert_eq!(daemon.capacity("channel=chat").status, 503, "the channels are kept apart");
}

#[test]
fn the_capacity_is_made_of_ready_and_nothing_else() {
    let daemon = Daemon::with("");
    daemon.send(line_with("A", 4, r#""loggedIn":50,"slots":100,"freeSlots":77,"queued":30"#), 1);
    daemon.send(line_with("B", 0, r#""loggedIn":50,"freeSlots":77"#), 1);
    assert_eq!(daemon.capacity("channel=chat").value("capacity"), 4);
    daemon.send(line("chat", "C", u32::MAX), 1);
    daemon.send(line("chat", "D", u32::MAX), 1);
    assert_eq!(daemon.capacity("channel=chat").value("capacity"), 4 + 2 * u64::from(u32::MAX), "no overflow");
}

#[test]
fn a_datagram_may_have_many_lines_with_any_line_end() {
    let daemon = Daemon::with("");
    let lines = [line("chat", "A", 1), line("chat", "B", 2), line("chat", "C", 4)];
    daemon.send(lines.join("\n"), 3);
    daemon.send(format!("\n\r\n{}\r\n \n", lines.join("\r\n")), 3);
    assert_eq!(daemon.lines("accepted"), 6);
    assert_eq!(daemon.capacity("channel=chat").value("capacity"), 7);
}

#[test]
fn a_bad_line_spoils_no_other_line_of_its_datagram() {
    let daemon = Daemon::with("");
    let lines = [line("chat", "A", 1), "garbage".into(), line_with("A", 9, r#""queued":-1"#), line("chat", "B", 2)];
    daemon.send(lines.join("\n"), 4);
    let counts = ["accepted", "malformed", "outOfRange"].map(|outcome| daemon.lines(outcome));
    assert_eq!(counts, [2, 1, 1]);
    assert_eq!(daemon.capacity("channel=chat").value("capacity"), 3);
    daemon.log.wait_for("warning: statistics from 127.0.0.1:");
    daemon.log.wait_for("line 2, dropped: not JSON");
    daemon.log.wait_for("line 3, dropped: queued is -1; want an integer, 0 to 4294967295");
}

#[test]
fn a_late_datagram_changes_nothing_and_an_equal_time_is_not_late() {
    let daemon = Daemon::with("");
    let at = |ready, time: u64| line_with("A", ready, &format!(r#""time":{time}"#));
    daemon.send(at(5, TIME), 1);
    for late in [TIME - 1, TIME - 30_000, TIME - 3 * 3_600_000] {
        daemon.send(at(9, late), 1);
        assert_eq!(daemon.capacity("channel=chat").value("capacity"), 5, "{late}");
    }
    assert_eq!((daemon.lines("late"), daemon.lines("accepted")), (3, 1));
    for (ready, time) in [(0, TIME), (6, TIME), (7, TIME + 1)] {
        daemon.send(at(ready, time), 1);
        assert_eq!(daemon.capacity("channel=chat").value("capacity"), ready);
    }
}

#[test]
fn totals_may_go_down_as_those_of_a_restarted_collector_do() {
    let daemon = Daemon::with("");
    for (time, total) in [(1, 10_000), (2, 10_010), (3, 0), (4, 3), (5, u64::MAX), (6, 0)] {
        let totals = format!(
            r#""loggedIn":9,"reactiveEntered":{total},"proactiveEntered":{total},"abandoned":{total},"time":{time}"#
        );
        daemon.send(line_with("A", 4, &totals), 1);
        let state = daemon.reactive_state("channel=chat").value("reactiveState").as_f64().unwrap();
        assert!((0.0..=1.0).contains(&state), "{state} at {time}");
    }
    assert_eq!(daemon.lines("accepted"), 6);
}

#[test]
fn an_external_reactive_state_is_served_as_it_is() {
    let daemon = Daemon::with(EXTERNAL);
    let tiny = format!("0.{}5", "0".repeat(323));
    for state in ["0.123456789", "0", "1", "0.3333333333333333", &tiny] {
        daemon.send(line_with("A", 1, &format!(r#""reactiveState":{state}"#)), 1);
        let answer = daemon.reactive_state("channel=chat&groups=A");
        assert_eq!(answer.body, format!(r#"{{"reactiveState":{state}}}"#));
    }
    daemon.send(line("webcallback", "B", 1), 1);
    let detail = daemon.reactive_state("channel=webcallback").problem(503);
    assert!(detail.contains("EXTERNAL"), "{detail}");
    assert_eq!(daemon.capacity("channel=webcallback").value("capacity"), 1);
}

#[test]
fn groups_without_known_demand_weigh_by_their_agents() {
    let daemon = Daemon::with(EXTERNAL);
    daemon.send(line_with("A", 1, r#""loggedIn":30,"reactiveState":1"#), 1);
    daemon.send(line_with("B", 9, r#""loggedIn":10,"reactiveState":0.2"#), 1);
    // (30 × 1 + 10 × 0.2) ÷ 40
    assert_eq!(daemon.reactive_state("channel=chat").value("reactiveState"), 0.8);
    assert_eq!(daemon.reactive_state("channel=chat&groups=B").value("reactiveState"), 0.2);
    // Without loggedIn, those ready are all the agents that are known of.
    daemon.send(line_with("C", 40, r#""reactiveState":0"#), 1);
    assert_eq!(daemon.reactive_state("channel=chat").value("reactiveState"), 0.4);
}

#[test]
fn bad_lines_are_counted_each_as_what_it_is_and_change_nothing() {
    let daemon = Daemon::with(EXTERNAL);
    daemon.send(line_with("A", 7, r#""reactiveState":0.5,"loggedIn":9"#), 1);
    let full = line_with("A", 1, r#""loggedIn":12"#);
    let mut malformed: Vec<Vec<u8>> = [
        "",
        " ",
        "\n",
        "\r\n \t\n",
        "{",
        "}",
        "null",
        "true",
        "7",
        "\"x\"",
        "[]",
        "[{}]",
        "{}",
        "{}{}",
        "NaN",
        "\0",
        r#"{"channel":"chat","group":"A"}"#,
        r#"{"channel":"chat","ready":1}"#,
        r#"{"group":"A","ready":1}"#,
        r#"{"channel":"chat","group":"A","ready":1,}"#,
        r#"{'channel':'chat','group':'A','ready':1}"#,
        r#"{"channel":"chat","group":"A","ready":NaN}"#,
        r#"{"channel":"chat","group":"A","ready":Infinity}"#,
        r#"{"channel":"chat","group":"A","ready":01}"#,
        r#"{"channel":"chat","group":"A","ready":"1"}"#,
        r#"{"channel":"chat","group":"A","ready":null}"#,
        r#"{"channel":"chat","group":"A","ready":[1]}"#,
        r#"{"channel":"chat","group":"A","ready":{"now":1}}"#,
        r#"{"channel":"chat","group":"A","ready":1.5}"#,
        r#"{"channel":"chat","group":"A","ready":1,"ready":2}"#,
        r#"{"channel":"chat","channel":"chat","group":"A","ready":1}"#,
        r#"{"channel":["chat"],"group":"A","ready":1}"#,
        r#"{"channel":"chat","group":{"name":"A"},"ready":1}"#,
        r#"{"channel":"chat","group":5,"ready":1}"#,
        r#"{"channel":"chat","group":"A","ready":1,"handleTime":"300"}"#,
        r#"{"channel":null,"group":"A","ready":1}"#,
        r#"{"channel":"chat","group":null,"ready":1}"#,
        r#"{"channel":"chat","group":"A","ready":1,"queued":null,"queued":null}"#,
        r#"{"channel":"chat","group":"A","ready":1} x"#,
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec();
    for length in 1..full.len() {
        malformed.push(full.as_bytes().get(..length).unwrap().to_vec());
    }
    malformed.push(b"{\"channel\":\"chat\",\"group\":\"\xff\xfe\",\"ready\":1}".to_vec());
    malformed.push(b"{\"channel\":\"chat\",\"group\":\"a\0b\",\"ready\":1}".to_vec());
    malformed.push(vec![b'['; 65_507]);
    malformed.push(vec![0xff; 65_507]);
    let count = malformed.len() as u64;
    for datagram in &malformed {
        let before = daemon.lines("malformed");
        daemon.send(datagram, 1);
        assert_eq!(daemon.lines("malformed"), before + 1, "{:?}", String::from_utf8_lossy(datagram));
    }
    let too_long = "x".repeat(65);
    let out_of_range = [
        line("voice", "A", 1),
        line("Chat", "A", 1),
        line("", "A", 1),
        line("chat", "", 1),
        line("chat", &too_long, 1),
        line("chat", &"ü".repeat(33), 1),
        line("chat", r"a\nb", 1),
        line("chat", r"a\u0000", 1),
        line("chat", r"\u0085", 1),
        line("chat", "A", 1).replace(":1}", ":-1}"),
        line("chat", "A", 1).replace(":1}", ":4294967296}"),
        line("chat", "A", 1).replace(":1}", ":18446744073709551616}"),
        line("chat", "A", 1).replace(":1}", ":1e300}"),
        line_with("A", 1, r#""queued":-3"#),
        line_with("A", 1, r#""abandoned":18446744073709551616"#),
        line_with("A", 1, r#""abandoned":-1"#),
        line_with("A", 1, r#""time":-1"#),
        line_with("A", 1, r#""time":99999999999999999999999"#),
        line("chat", "A", 1).replace(":1}", ":1e999}"),
        line_with("A", 1, r#""handleTime":1e999"#),
        line_with("A", 1, r#""handleTime":-3.5"#),
        line_with("A", 1, r#""reactiveState":1.0001"#),
        line_with("A", 1, r#""reactiveState":-0.1"#),
        line_with("A", 1, r#""reactiveState":50"#),
    ];
    for text in &out_of_range {
        let before = daemon.lines("outOfRange");
        daemon.send(text, 1);
        assert_eq!(daemon.lines("outOfRange"), before + 1, "{text}");
    }
    assert_eq!(daemon.lines("accepted"), 1);
    assert_eq!(daemon.lines("received"), 1 + count + out_of_range.len() as u64);
    daemon.assert_the_outcomes_sum_to_the_lines_received();
    assert_eq!(daemon.capacity("channel=chat").value("capacity"), 7);
    assert_eq!(daemon.reactive_state("channel=chat&groups=A").value("reactiveState"), 0.5);
    assert_eq!(daemon.health()["groups"]["known"], 1);
}

#[test]
fn a_name_of_64_bytes_is_taken_however_it_is_escaped() {
    let daemon = Daemon::with("");
    daemon.send(line("chat", &"x".repeat(64), 1), 1);
    daemon.send(line("chat", &"ü".repeat(32), 2), 1);
    daemon.send(line("chat", &r"\u00fc".repeat(32), 3), 1);
    daemon.send(line("chat", r#"\"\\\/ \ud83d\ude00"#, 4), 1);
    assert_eq!(daemon.lines("accepted"), 4);
    assert_eq!(daemon.health()["groups"]["known"], 3, "escaped or not, it is the same name");
    let query = format!("channel=chat&groups={}", "%C3%BC".repeat(32));
    assert_eq!(daemon.capacity(&query).value("capacity"), 3);
    assert_eq!(daemon.capacity("channel=chat&groups=%22%5C%2F+%F0%9F%98%80").value("capacity"), 4);
}

#[test]
fn the_longest_datagram_is_read_to_its_end() {
    let daemon = Daemon::with("");
    let last = line("chat", "last", 7);
    let mut datagram = String::new();
    let mut lines = 1;
    while datagram.len() + 2 * last.len() < 65_507 {
        datagram.push_str(&line("chat", "A", 1));
        datagram.push('\n');
        lines += 1;
    }
    datagram.push_str(&" ".repeat(65_507 - datagram.len() - last.len()));
    datagram.push_str(&last);
    assert_eq!(datagram.len(), 65_507, "UDP over IPv4 carries no more");
    daemon.send(&datagram, lines);
    assert_eq!(daemon.lines("accepted"), lines);
    assert_eq!(daemon.capacity("channel=chat&groups=last").value("capacity"), 7);
}

#[test]
fn a_thousand_groups_fill_the_table_and_the_log_says_so_once() {
    let daemon = Daemon::with("");
    let names: Vec<String> = (0..1000).map(|number| format!("group {number:04}")).collect();
    for some in names.chunks(100) {
        let lines: Vec<String> = some.iter().map(|name| line("chat", name, 1)).collect();
        daemon.send(lines.join("\n"), 100);
    }
    assert_eq!((daemon.lines("accepted"), daemon.lines("tableFull")), (256, 744));
    assert_eq!(daemon.health()["groups"]["known"], 256);
    assert_eq!(daemon.capacity("channel=chat").value("capacity"), 256);
    daemon.log.wait_for("all 256 places for groups are taken");
    assert_eq!(daemon.log.containing("all 256 places for groups are taken").len(), 1, "{:#?}", daemon.log.all());
    daemon.send(line("chat", "group 0255", 5), 1);
    assert_eq!(daemon.capacity("channel=chat&groups=group+0255").value("capacity"), 5, "who has a place keeps it");
    daemon.capacity("channel=chat&groups=group+0256").problem(404);
    daemon.send(line("webcallback", "group 0000", 5), 1);
    assert_eq!(daemon.lines("tableFull"), 745, "one table for both channels");
    daemon.assert_the_outcomes_sum_to_the_lines_received();
}

#[test]
fn who_may_not_send_is_counted_and_not_read() {
    let daemon = Daemon::with("[statistics]\nsources = [\"127.0.0.1/32\", \"127.0.0.3\"]\n");
    let stranger = sender_on(Ipv4Addr::new(127, 0, 0, 2).into());
    let datagram = [line("chat", "A", 1), line("chat", "B", 1)].join("\n");
    daemon.send_from(&stranger, datagram.as_bytes(), 1);
    assert_eq!((daemon.lines("notAllowed"), daemon.lines("received")), (1, 1), "not read, so not known to be two");
    assert_eq!(daemon.health()["groups"]["known"], 0);
    daemon.log.wait_for("127.0.0.2");
    daemon.send_from(&sender_on(Ipv4Addr::new(127, 0, 0, 3).into()), datagram.as_bytes(), 2);
    daemon.send(&datagram, 2);
    assert_eq!(daemon.lines("accepted"), 4);
    daemon.assert_the_outcomes_sum_to_the_lines_received();
}

#[test]
fn senders_of_ipv4_are_themselves_on_a_socket_for_both_kinds_and_so_are_their_networks() {
    let text = configuration("[statistics]\nsources = [\"::ffff:127.0.0.0/104\"]\n");
    // A mapped address, so that nobody else can send.
    let daemon = Daemon::of(&text.replace("\"127.0.0.1:0\"\nsources", "\"[::ffff:127.0.0.1]:0\"\nsources"));
    let to = (Ipv4Addr::LOCALHOST, daemon.udp.port());
    let sender = sender_on(Ipv4Addr::LOCALHOST.into());
    sender.send_to(line("chat", "Sales", 4).as_bytes(), to).unwrap();
    sender.send_to(b"garbage", to).unwrap();
    daemon.wait_until_received(2);
    assert_eq!(daemon.lines("accepted"), 1);
    daemon.log.wait_for(&format!("statistics from {}, line 1, dropped: ", sender.local_addr().unwrap()));
}

#[test]
fn thousands_of_bad_datagrams_give_one_line_of_the_log_for_each_cause() {
    let daemon = Daemon::with("[statistics]\nsources = [\"127.0.0.1\"]\n");
    let stranger = sender_on(Ipv4Addr::new(127, 0, 0, 2).into());
    // Once round, so that what is set up lazily is.
    daemon.send("garbage", 1);
    daemon.process.assert_grows_at_most(256 * 1024, || {
        for _ in 0..100 {
            let before = daemon.lines("received");
            for _ in 0..10 {
                daemon.fire(b"garbage");
                daemon.fire(&[b'{'; 4000]);
                daemon.fire(line_with("A", 1, r#""queued":-1"#).as_bytes());
                stranger.send_to(b"garbage", daemon.udp).unwrap();
            }
            daemon.wait_until_received(before + 40);
        }
    });
    daemon.assert_the_outcomes_sum_to_the_lines_received();
    let counts = ["malformed", "outOfRange", "notAllowed"].map(|outcome| daemon.lines(outcome));
    assert_eq!(counts, [2001, 1000, 1000]);
    assert_eq!(daemon.log.containing("dropped: ").len(), 3, "{:#?}", daemon.log.all());
    daemon.send(line("chat", "A", 3), 1);
    assert_eq!(daemon.capacity("channel=chat").value("capacity"), 3);
}

/// A port that was free a moment ago: a group's port cannot be asked of the kernel.
fn free_port() -> u16 {
    sender_on(Ipv4Addr::UNSPECIFIED.into()).local_addr().unwrap().port()
}

/// A sender to multicast groups on the loopback interface. It has no route to IPv6 groups: those
/// are sent to by `tests/fleet`, on interfaces that have.
fn sender_to_groups() -> UdpSocket {
    let socket = sender_on(Ipv4Addr::LOCALHOST.into());
    rustix::net::sockopt::set_ip_multicast_if(&socket, &Ipv4Addr::LOCALHOST).unwrap();
    socket
}

#[test]
fn statistics_come_to_addresses_and_multicast_groups_side_by_side() {
    let port = free_port();
    let (four, six) = (format!("239.81.27.1:{port}"), format!("[ff11::7061]:{port}"));
    let text = format!(
        "[http]\nlisten = [\"127.0.0.1:0\"]\n[operators]\nlisten = \"127.0.0.1:0\"\n[statistics]\n\
         listen = [\"127.0.0.1:0\", \"[::1]:0\", \"{four}%lo\", \"{six}%lo\"]\n"
    );
    let daemon = Daemon::of(&text);
    let own = |text: &str| {
        let line = daemon.log.wait_for(text);
        line.rsplit_once(' ').unwrap().1.to_owned()
    };
    let second = own("UDP [::1]:");
    daemon.log.wait_for(&format!("receiving statistics on UDP {four}%lo"));
    daemon.log.wait_for(&format!("receiving statistics on UDP {six}%lo"));

    daemon.send(line("chat", "A", 1), 1);
    let to = |sender: &UdpSocket, to: &str, ready| {
        let before = daemon.lines("received");
        sender.send_to(line("chat", "A", ready).as_bytes(), to.parse::<std::net::SocketAddr>().unwrap()).unwrap();
        daemon.wait_until_received(before + 1);
        assert_eq!(daemon.capacity("channel=chat").value("capacity"), u64::from(ready), "{to}");
    };
    to(&sender_on(std::net::Ipv6Addr::LOCALHOST.into()), &second, 2);
    to(&sender_to_groups(), &four, 3);

    let metrics = Client::connect(daemon.operators).get("/metrics").body;
    for listener in [daemon.udp.to_string(), second, format!("{four}%lo"), format!("{six}%lo")] {
        for sample in [
            "pacingd_statistics_listener_up{listener=\"L\"} 1",
            "pacingd_statistics_datagrams_dropped_total{listener=\"L\"} 0",
        ] {
            let sample = sample.replace('L', &listener);
            assert!(metrics.contains(&sample), "{sample} in {metrics}");
        }
    }
}

#[test]
fn a_multicast_group_gives_its_own_datagrams_and_none_of_groups_that_other_programs_joined() {
    let port = free_port();
    let text = format!(
        "[statistics]\nlisten = [\"127.0.0.1:0\", \"239.81.27.2:{port}%lo\"]\n[operators]\nlisten = \"127.0.0.1:0\"\n[http]\nlisten = [\"127.0.0.1:0\"]\n"
    );
    let daemon = Daemon::of(&text);
    daemon.log.wait_for("UDP 239.81.27.2");
    // Another program of the machine hears another group on the same interface, and datagrams come
    // to the same port.
    let other = sender_on(Ipv4Addr::LOCALHOST.into());
    other.join_multicast_v4(&Ipv4Addr::new(239, 81, 27, 3), &Ipv4Addr::LOCALHOST).unwrap();
    let sender = sender_to_groups();
    sender.send_to(b"of another group", ("239.81.27.3", port)).unwrap();
    sender.send_to(b"to the machine itself", ("127.0.0.1", port)).unwrap();
    sender.send_to(line("chat", "A", 1).as_bytes(), ("239.81.27.2", port)).unwrap();
    daemon.wait_until_received(1);
    assert_eq!(daemon.lines("accepted"), 1);
}

#[test]
fn a_missing_interface_is_logged_once_and_the_other_addresses_work() {
    let text = format!(
        "[http]\nlisten = [\"127.0.0.1:0\"]\n[operators]\nlisten = \"127.0.0.1:0\"\n[statistics]\n\
         listen = [\"127.0.0.1:0\", \"239.81.27.4:{}%nosuch0\"]\nsources = [\"127.0.0.1\", \"10.0.0.0/8\"]\n",
        free_port()
    );
    let daemon = Daemon::of(&text);
    let logged = daemon.log.wait_for("%nosuch0 yet: ");
    assert!(logged.contains("trying again every 5 s"), "{logged}");
    daemon.send(line("chat", "A", 1), 1);
    let metrics = Client::connect(daemon.operators).get("/metrics").body;
    assert!(metrics.contains("%nosuch0\"} 0\n"), "{metrics}");
}
