//! Configurations as text: what is read of them, and every fault.

use ipnet::IpNet;
use pacingd::limits::GROUPS;
use pacingd::pacing::OptimizationTarget;

use super::*;
use crate::http::cors::AllowedOrigins;
use crate::statistics::endpoint::Endpoint;

fn read(file: &str, text: &str) -> Result<Configuration, String> {
    Configuration::parse(file, text)
}

fn complaint(text: &str) -> String {
    read("pacingd.toml", text).unwrap_err()
}

#[test]
fn an_empty_file_means_the_defaults_and_the_settings_print_as_a_file_that_means_them() {
    let defaults = Configuration::default();
    assert_eq!(read("x", "").unwrap(), defaults);
    assert_eq!(read("x", &defaults.to_string()).unwrap(), defaults);
}

#[test]
fn the_example_that_ships_shows_every_key_with_its_default() {
    let example = include_str!("../../../pacingd.toml");
    let is_key =
        |line: &str| line.strip_prefix('#').is_some_and(|key| key.starts_with(|first: char| first.is_lowercase()));
    let uncommented = |line: &str| if is_key(line) { line.trim_start_matches('#').to_owned() } else { line.to_owned() };
    let shown = example.lines().map(uncommented).collect::<Vec<_>>().join("\n");
    let defaults = Configuration::default();
    assert_eq!(read("pacingd.toml", example).unwrap(), defaults);
    assert_eq!(read("pacingd.toml", &shown).unwrap(), defaults);
    let printed = defaults.to_string();
    for line in printed.lines() {
        assert!(shown.lines().any(|shown| shown == line), "{line:?} is not shown");
    }
}

#[test]
fn every_key_is_read() {
    let text = r#"
        [http]
        listen = ["0.0.0.0:80", "[::1]:0"]
        cors.allowed-origins = ["https://shop.example"]
        limits = { connections = 7, idle-timeout = 2 }
        [https]
        listen = ["0.0.0.0:443"]
        certificate = "/etc/ssl/shop \"A\".pem"
        key = "credential:key"
        handshakes = 3
        handshake-timeout = 0.5
        [operators]
        listen = "127.0.0.1:9"
        [statistics]
        listen = ["[::]:8127", "239.1.2.3:8127%eth0"]
        sources = ["10.1.2.3/8", "::1"]
        time-to-live = 5
        key-files = ["/etc/pacingd/old", "credential:new"]
        groups = { chat = ["Sales \"A\"", "Überweisung"], webcallback = ["B"] }
        [pacing]
        algorithm = "EXTERNAL"
        optimization-target = "BUSY_FACTOR"
        optimization-goal = 75.5
        abandonment-cost = 2
        proactive-ratio = 20
        refresh-period = 0.5
        handle-time = 200
        patience = 30.25
        entry-delay = 20
        [log]
        level = "debug"
        to = "stderr"
    "#;
    let configuration = read("x", text).unwrap();
    assert_eq!(read("x", &configuration.to_string()).unwrap(), configuration);
    let printed = configuration.to_string();
    for line in [
        "listen = [\"0.0.0.0:80\", \"[::1]:0\"]",
        "allowed-origins = [\"https://shop.example\"]",
        "[https]\nlisten = [\"0.0.0.0:443\"]\ncertificate = \"/etc/ssl/shop \\\"A\\\".pem\"\nkey = \"credential:key\"\nhandshakes = 3\nhandshake-timeout = 0.5",
        "connections = 7\nidle-timeout = 2",
        "sources = [\"10.0.0.0/8\", \"::1/128\"]\ntime-to-live = 5",
        "key-files = [\"/etc/pacingd/old\", \"credential:new\"]",
        "chat = [\"Sales \\\"A\\\"\", \"Überweisung\"]\nwebcallback = [\"B\"]",
        "algorithm = \"EXTERNAL\"\noptimization-target = \"BUSY_FACTOR\"\noptimization-goal = 75.5\nabandonment-cost = 2\nproactive-ratio = 20",
        "refresh-period = 0.5\nhandle-time = 200\npatience = 30.25\nentry-delay = 20",
        "level = \"debug\"\nto = \"stderr\"",
    ] {
        assert!(printed.contains(line), "{line}\nin\n{printed}");
    }
    let one = read("x", "statistics.listen = \"[::1]:9\"").unwrap();
    assert_eq!(one.statistics.listen, [Endpoint::parse("[::1]:9").unwrap()], "one needs no list");
    let one = read("x", "http = { listen = \"[::1]:9\", cors.allowed-origins = \"http://a\" }").unwrap();
    assert_eq!(one.http.listen, ["[::1]:9".parse().unwrap()]);
    assert!(one.to_string().contains("allowed-origins = [\"http://a\"]"));
    let few = read("x", "[http.limits]\nconnections = 10").unwrap();
    assert_eq!(few.https.handshakes, 5, "at most half of the connections");
    let only_https = "http.listen = []\nhttps = { listen = [\"[::1]:0\"], certificate = \"/c\", key = \"/k\" }";
    assert!(read("x", only_https).unwrap().http.listen.is_empty());
    let any = read("x", "[http.cors]\nallowed-origins = \"*\"").unwrap();
    assert_eq!(any.cors.allowed_origins, AllowedOrigins::Any);
}

#[test]
fn networks_of_mapped_addresses_are_those_of_ipv4() {
    for (written, want) in [
        ("::ffff:127.0.0.0/104", "127.0.0.0/8"),
        ("::ffff:10.1.2.3/112", "10.1.0.0/16"),
        ("::ffff:10.1.2.3", "10.1.2.3/32"),
        ("::ffff:0:0/96", "0.0.0.0/0"),
        ("::ffff:0:0/95", "::fffe:0:0/95"),
        ("::/0", "::/0"),
        ("2001:db8::/96", "2001:db8::/96"),
        ("10.1.2.3/8", "10.0.0.0/8"),
    ] {
        let configuration = read("x", &format!("statistics.sources = [\"{written}\"]")).unwrap();
        assert_eq!(configuration.statistics.sources.as_slice(), [want.parse::<IpNet>().unwrap()], "{written}");
    }
}

#[test]
fn the_reference_s_misspelling_is_understood() {
    let configuration = read("x", "[pacing]\noptimization-target = \"ABANDONEMENT_RATE\"").unwrap();
    assert_eq!(configuration.pacing.optimization_target, OptimizationTarget::AbandonmentRate);
}

#[test]
fn a_key_where_its_file_s_name_belongs_is_not_repeated() {
    for text in [
        "statistics.key-files = [\"s3cret\"]",
        "statistics.key-files = \"s3cret\"",
        "statistics.key-files = [[\"s3cret\"]]",
        "statistics.key-files = [s3cret]",
        "statistics.key-files = s3cret",
        "statistics.key-files = [\"s3cret]",
        "statistics.key-files = [\"credential:s3cret/\"]",
        "https.key = \"s3cret\"",
        "https.key = [\"s3cret\"]",
        "https.key = s3cret",
        "https.key = { s3cret = 1 }",
        "https.key = \"\"\"-----BEGIN PRIVATE KEY-----\ns3cret\n\"\"\"",
        "https.certificate = \"s3cret\"",
    ] {
        let fault = complaint(text);
        assert!(fault.starts_with("pacingd.toml:1: ") && !fault.contains("s3cret"), "{fault}");
    }
}

#[test]
fn a_fault_is_reported_with_file_line_key_and_what_would_be_right() {
    for (text, want) in [
        ("a = 1", "pacingd.toml:1: a is unknown; want one of http, https, operators, statistics, pacing, log"),
        ("\n[http]\nport = 8080", "pacingd.toml:3: http.port is unknown; want one of listen, cors, limits"),
        (
            "[statistics]\nlisten = \"239.1.2.3:8127\"",
            "pacingd.toml:2: statistics.listen has \"239.1.2.3:8127\"; want an address with port such as \"127.0.0.1:8127\", or a multicast group with port and interface such as \"239.1.2.3:8127%eth0\" or \"[ff15::7061]:8127%eth0\"",
        ),
        (
            "[statistics]\nlisten = [\"239.1.2.3:8127%eth0\"]",
            "pacingd.toml:2: statistics.sources is missing; want the networks of the collectors that send to 239.1.2.3:8127%eth0: loopback is none of them",
        ),
        ("http = 3", "pacingd.toml:1: http is 3; want a section"),
        (
            "[http]\nlisten = 80",
            "pacingd.toml:2: http.listen is 80; want a list of 0 to 8, each an address with port such as \"127.0.0.1:8080\" or \"[::1]:8080\"",
        ),
        ("[http]\nlisten = []", "pacingd.toml:2: http.listen has 0 entries; want 1 to 8, or addresses in https.listen"),
        (
            "[http]\nlisten = [\n\"127.0.0.1:80\",\n\"localhost:80\"]",
            "pacingd.toml:4: http.listen has \"localhost:80\"; want an address with port such as \"127.0.0.1:8080\" or \"[::1]:8080\"",
        ),
        (
            "[https]\nlisten = [\"127.0.0.1:443\"]\nkey = \"/k\"",
            "pacingd.toml:3: https.certificate is missing; want an absolute path such as \"/etc/pacingd/file.pem\", or \"credential:NAME\"",
        ),
        (
            "\n[https]\ncertificate = \"/c\"",
            "pacingd.toml:3: https.key is missing; want an absolute path such as \"/etc/pacingd/file.pem\", or \"credential:NAME\"",
        ),
        (
            "[https]\nkey = \"key.pem\"",
            "pacingd.toml:2: https.key is a value that is no file's name; want an absolute path such as \"/etc/pacingd/file.pem\", or \"credential:NAME\"",
        ),
        (
            "[pacing]\noptimization-target = \"BUSY_FACTOR\"",
            "pacingd.toml:2: pacing.optimization-goal is missing; want the percentage of their time that agents should be busy, such as 85",
        ),
        (
            "[pacing]\noptimizationGoal = 3",
            "pacingd.toml:2: pacing.optimizationGoal is unknown; did you mean optimization-goal?",
        ),
        ("[statistic]\n", "pacingd.toml:1: statistic is unknown; did you mean statistics?"),
        (
            "[http]\ntime_to_live = 3",
            "pacingd.toml:2: http.time_to_live is unknown; did you mean statistics.time-to-live?",
        ),
        ("[http]\nListen = []", "pacingd.toml:2: http.Listen is unknown; did you mean listen?"),
        (
            "[pacing]\noptimization-goal = 100",
            "pacingd.toml:2: pacing.optimization-goal is 100; want a percentage, 0.1 to 99",
        ),
        (
            "[pacing]\nabandonment-cost = -1",
            "pacingd.toml:2: pacing.abandonment-cost is -1; want a number of served visitors, 0 to 100",
        ),
        (
            "[pacing]\nrefresh-period = 0.01",
            "pacingd.toml:2: pacing.refresh-period is 0.01; want a number of seconds, 0.05 to 60",
        ),
        (
            "[pacing]\npatience = nan",
            "pacingd.toml:2: pacing.patience is nan; want a number of seconds, 0.001 to 1000000",
        ),
        (
            "[pacing]\nalgorithm = \"super_progressive\"",
            "pacingd.toml:2: pacing.algorithm is \"super_progressive\"; want one of \"SUPER_PROGRESSIVE\", \"SUPER_PROGRESSIVE_DUAL\", \"PREDICTIVE_B\", \"PREDICTIVE_B_DUAL\", \"EXTERNAL\"",
        ),
        (
            "[http.cors]\nallowed-origins = [\"https://a/\"]",
            "pacingd.toml:2: http.cors.allowed-origins has \"https://a/\"; want an origin as browsers write it, such as \"https://shop.example\" (no path, no default port, lower case)",
        ),
        (
            "[statistics]\nkey-files = [\"statistics.key\"]",
            "pacingd.toml:2: statistics.key-files has a value that is no file's name; want an absolute path such as \"/etc/pacingd/file.pem\", or \"credential:NAME\"",
        ),
        (
            "[statistics]\nkey-files = [\"/a\", \"/b\", \"/c\"]",
            "pacingd.toml:2: statistics.key-files has 3 entries; want 0 to 2",
        ),
        ("[log]\nlevel = 3", "pacingd.toml:2: log.level is 3; want one of \"error\", \"warning\", \"info\", \"debug\""),
    ] {
        assert_eq!(complaint(text), want);
    }
    for text in ["[http", "a = "] {
        assert!(complaint(text).contains(": not TOML: "), "{}", complaint(text));
    }
    for (text, want) in [
        ("[log]\nlevel = \"info\"\nlevel = \"info\"", "pacingd.toml:3: not TOML: duplicate key"),
        ("[log]\n\n[http]\n[log]", "pacingd.toml:4: not TOML: duplicate key"),
    ] {
        assert_eq!(complaint(text), want);
    }
}

#[test]
fn groups_are_counted_over_both_channels() {
    let groups = |chat, webcallback| {
        let names = |count| (0..count).map(|number| format!("\"{number}\"")).collect::<Vec<_>>().join(",");
        format!("\n[statistics.groups]\nchat = [{}]\nwebcallback = [{}]", names(chat), names(webcallback))
    };
    assert_eq!(read("x", &groups(200, 56)).unwrap().declared_groups().count(), GROUPS);
    let want = "pacingd.toml:3: statistics.groups has 257 groups of both channels together; want 256 or fewer";
    assert_eq!(complaint(&groups(256, 1)), want);
}

#[test]
fn every_fault_of_a_file_is_reported_in_the_order_of_its_lines() {
    let text = "[http]\nlisten = [\"localhost:80\", \"[::1]\"]\nport = 80\n[pacing]\npatience = 0\nproactiveRatio = 20\n\
                [https]\nkey = \"key.pem\"\nlisten = [\"127.0.0.1:443\"]\n[operators]\nlisten = \"127.0.0.1:443\"\n";
    let complaint = complaint(text);
    let lines: Vec<&str> = complaint.lines().collect();
    for (line, want) in lines.iter().zip([
        "pacingd.toml:2: http.listen has \"localhost:80\"; want",
        "pacingd.toml:2: http.listen has \"[::1]\"; want",
        "pacingd.toml:3: http.port is unknown; want one of listen, cors, limits",
        "pacingd.toml:5: pacing.patience is 0; want",
        "pacingd.toml:6: pacing.proactiveRatio is unknown; did you mean proactive-ratio?",
        "pacingd.toml:8: https.key is a value that is no file's name; want",
        "pacingd.toml:11: operators.listen has 127.0.0.1:443 again; want each address and port once",
    ]) {
        assert!(line.starts_with(want), "{line}\n{want}");
    }
    assert_eq!(lines.len(), 7, "{complaint}");
    let many = (0..50).map(|number| format!("a{number} = 1\n")).collect::<String>();
    let complaint = self::complaint(&many);
    assert_eq!(complaint.lines().count(), 21);
    assert!(complaint.ends_with("\npacingd.toml: 30 more faults"), "{complaint}");
}

#[test]
fn two_listeners_on_one_address_are_refused() {
    for (http, operators, is_right) in [
        (&["127.0.0.1:80"][..], "127.0.0.1:80", false),
        (&["127.0.0.1:80", "127.0.0.1:80"], "127.0.0.1:81", false),
        (&["[::]:80", "0.0.0.0:80"], "127.0.0.1:81", true),
        (&["127.0.0.1:80", "127.0.0.2:80"], "127.0.0.3:80", true),
        (&["127.0.0.1:0", "127.0.0.1:0"], "127.0.0.1:0", true),
    ] {
        let result = read("x", &format!("http.listen = {http:?}\noperators.listen = {operators:?}"));
        assert_eq!(result.is_ok(), is_right, "{http:?} {operators}: {result:?}");
    }
}

#[test]
fn no_key_stands_twice_in_the_table_and_each_says_what_a_reload_does() {
    for (index, key) in KEYS.iter().enumerate() {
        assert!(KEYS.iter().skip(index + 1).all(|other| other.path != key.path), "{}", key.path);
        let (section, name) = key.path.rsplit_once('.').unwrap();
        let example = include_str!("../../../pacingd.toml");
        let section = example.split(&format!("[{section}]")).nth(1).unwrap();
        let (text, _) = section.split_once(&format!("{name} = ")).unwrap_or_else(|| panic!("{}", key.path));
        let comment = text.rsplit('\n').skip(1).take_while(|line| line.starts_with("# ")).collect::<String>();
        // Where one comment serves two keys, it stands above the first.
        let says_restart = comment.contains("restart)");
        assert!(
            says_restart == (key.on_reload == OnReload::NeedsRestart) || comment.is_empty(),
            "{}: {comment}",
            key.path
        );
    }
}

#[test]
fn a_line_end_is_no_part_of_a_key_and_only_one_is_removed() {
    for (bytes, want) in
        [("key", "key"), ("key\n", "key"), ("key\r\n", "key"), ("key\n\n", "key\n"), (" key ", " key "), ("", "")]
    {
        assert_eq!(without_line_end(bytes.as_bytes()), want.as_bytes());
    }
}
