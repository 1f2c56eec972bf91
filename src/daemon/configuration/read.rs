//! From a file's text to a valid configuration, or to the first thing that is wrong with it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;
use pacingd::limits::{GROUPS, KEYS, SOURCES};
use pacingd::pacing::{Algorithm, OptimizationTarget};
use pacingd::wire::channel::Channel;
use pacingd::wire::group_name::GroupName;

use super::file_name;
use super::section::{ConfigurationError, Section, Value};
use super::{Configuration, Http, Https, Limits, PairFiles, Statistics, Timeouts};
use crate::http::cors::{AllowedOrigins, Origin};
use crate::log::{Level, Target};
use crate::statistics::endpoint::Endpoint;

/// Addresses to answer HTTP on, and to hear statistics on: an appliance has a few interfaces, each with an address or two.
const LISTENERS: usize = 8;

/// TLS handshakes under way at once: more are no faster on one thread, and each may hold 64 KiB of what a client sends.
const HANDSHAKES: usize = 256;

/// Origins whose pages may read the answers: compared one by one with each request's.
const ORIGINS: usize = 64;

/// Connections at once: each takes a file descriptor and some kilobytes.
const CONNECTIONS: usize = 10_000;

const ADDRESS: &str = "an address with port such as \"127.0.0.1:8080\" or \"[::1]:8080\"";

pub(super) fn read(file: &str, text: &str) -> Result<Configuration, ConfigurationError> {
    let mut configuration = Configuration::default();
    let mut root = Section::parse(file, text)?;
    let plain = root.section("http")?;
    https(&mut configuration.https, root.section("https")?)?;
    http(&mut configuration.http, plain, configuration.https.listen.len())?;
    // Whoever begins handshakes and does not end them must not take all places.
    let half = configuration.http.limits.connections.div_ceil(2);
    configuration.https.handshakes = configuration.https.handshakes.min(half).max(configuration.https.listen.len());
    let mut operators = root.section("operators")?;
    set(&mut configuration.operators.listen, operators.value("listen", ADDRESS, |value| value.parsed())?);
    operators.end()?;
    statistics(&mut configuration.statistics, root.section("statistics")?)?;
    pacing(&mut configuration, root.section("pacing")?)?;
    log(&mut configuration, root.section("log")?)?;
    root.end()?;
    Ok(configuration)
}

/// What the file does not say stays as it is.
fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

fn https(https: &mut Https, mut section: Section<'_>) -> Result<(), ConfigurationError> {
    set(&mut https.listen, section.list("listen", 0..=LISTENERS, ADDRESS, |value| value.parsed::<SocketAddr>())?);
    https.pair = match (section.file("certificate")?, section.file("key")?) {
        (Some(certificate), Some(key)) => Some(PairFiles { certificate, key }),
        (None, None) if https.listen.is_empty() => None,
        (certificate, _) => {
            return Err(section.missing(if certificate.is_some() { "key" } else { "certificate" }, file_name::WANT));
        }
    };
    // As with connections, each address holds a place.
    let least = https.listen.len().max(1);
    let want = format!("an integer, {least} to {HANDSHAKES}");
    set(&mut https.handshakes, section.value("handshakes", &want, |value| value.integer(&(least..=HANDSHAKES)))?);
    set(&mut https.handshake_timeout, seconds(&mut section, "handshake-timeout", 0.1, 60.0)?);
    section.end()
}

/// `others`: addresses that are listened to besides.
fn http(http: &mut Http, mut section: Section<'_>, others: usize) -> Result<(), ConfigurationError> {
    let least = usize::from(others == 0);
    set(&mut http.listen, section.list("listen", least..=LISTENERS, ADDRESS, |value| value.parsed::<SocketAddr>())?);

    let mut cors = section.section("cors")?;
    if cors.is_text("allowed-origins") {
        let any = |value: Value<'_>| (value.text() == Some("*")).then_some(AllowedOrigins::Any);
        set(&mut http.allowed_origins, cors.value("allowed-origins", "\"*\", or a list of origins", any)?);
    } else {
        let want =
            "an origin as browsers write it, such as \"https://shop.example\" (no path, no default port, lower case)";
        let listed = cors.list("allowed-origins", 0..=ORIGINS, want, |value| Origin::new(value.text()?))?;
        set(&mut http.allowed_origins, listed.map(AllowedOrigins::Listed));
    }
    cors.end()?;

    let mut section_limits = section.section("limits")?;
    let Limits { connections, timeouts: Timeouts { header, idle } } = &mut http.limits;
    // Each address that is listened to holds a place for the connection that it waits for.
    let least = http.listen.len() + others;
    let want = format!("an integer, {least} to {CONNECTIONS}");
    set(connections, section_limits.value("connections", &want, |value| value.integer(&(least..=CONNECTIONS)))?);
    set(header, seconds(&mut section_limits, "header-timeout", 0.1, 600.0)?);
    set(idle, seconds(&mut section_limits, "idle-timeout", 0.1, 3600.0)?);
    section_limits.end()?;
    section.end()
}

fn statistics(statistics: &mut Statistics, mut section: Section<'_>) -> Result<(), ConfigurationError> {
    if section.is_text("listen") {
        let one = section.value("listen", Endpoint::WANT, |value| value.parsed())?;
        set(&mut statistics.listen, one.map(|endpoint| vec![endpoint]));
    } else {
        set(&mut statistics.listen, section.list("listen", 1..=LISTENERS, Endpoint::WANT, |value| value.parsed())?);
    }
    let want = "a network such as \"192.168.7.0/24\", or an address";
    let network = |value: Value<'_>| {
        let network = value.parsed::<IpNet>().or_else(|| value.parsed::<IpAddr>().map(IpNet::from));
        network.map(|network| canonical(network.trunc()))
    };
    let sources = section.list("sources", 1..=SOURCES, want, network)?;
    set(&mut statistics.sources, sources.map(|networks| networks.into_iter().collect()));
    let elsewhere = statistics.listen.iter().filter_map(Endpoint::multicast).find(|group| group.interface != "lo");
    if let Some(group) = elsewhere
        && statistics.sources.iter().all(|network| network.network().is_loopback())
    {
        let want = format!("the networks of the collectors that send to {group}: loopback is none of them");
        return Err(section.missing("sources", &want));
    }
    set(&mut statistics.time_to_live, seconds(&mut section, "time-to-live", 1.0, 3600.0)?);
    set(&mut statistics.key_files, section.files("key-files", KEYS)?);

    let mut groups = section.section("groups")?;
    for channel in Channel::ALL {
        let want = "a group's name: 1 to 64 bytes of UTF-8 without control characters";
        let names = groups.list(channel.name(), 0..=GROUPS, want, |value| GroupName::new(value.text()?).ok())?;
        statistics.groups.extend(names.unwrap_or_default().into_iter().map(|name| (channel, name)));
    }
    let count = statistics.groups.len();
    if count > GROUPS {
        let what = format_args!("has {count} groups of both channels together; want {GROUPS} at the most");
        return Err(groups.wrong_as_a_whole(what));
    }
    groups.end()?;
    section.end()
}

/// Addresses of IPv4 that are written as ones of IPv6 (RFC 4291, section 2.5.5.2) as what they are, for so senders are.
fn canonical(network: IpNet) -> IpNet {
    let ipv4 = network.prefix_len().checked_sub(96).and_then(|prefix| match network.network().to_canonical() {
        address @ IpAddr::V4(_) => IpNet::new(address, prefix).ok(),
        IpAddr::V6(_) => None,
    });
    ipv4.unwrap_or(network)
}

fn pacing(configuration: &mut Configuration, mut section: Section<'_>) -> Result<(), ConfigurationError> {
    let pacing = &mut configuration.pacing;
    let want = one_of(Algorithm::ALL.map(Algorithm::name));
    set(&mut pacing.algorithm, section.value("algorithm", &want, |value| Algorithm::named(value.text()?))?);
    let want = one_of(OptimizationTarget::ALL.map(OptimizationTarget::name));
    let target = section.value("optimization-target", &want, |value| OptimizationTarget::named(value.text()?))?;
    set(&mut pacing.optimization_target, target);
    let want = "a number, 0.1 to 99 (percent)";
    let in_range = |value: Value<'_>| value.number().filter(|goal| (0.1..=99.0).contains(goal));
    let goal = section.value("optimization-goal", want, in_range)?;
    // 3 % of an abandonment rate is a usual goal; 3 % of a busy factor means that nobody is let in.
    if goal.is_none() && target == Some(OptimizationTarget::BusyFactor) {
        return Err(section.missing("optimization-goal", want));
    }
    set(&mut pacing.optimization_goal, goal);
    let in_range = |value: Value<'_>| value.number().filter(|cost| (0.0..=100.0).contains(cost));
    let cost = section.value("abandonment-cost", "a number, 0 to 100 (served visitors)", in_range)?;
    set(&mut pacing.abandonment_cost, cost);
    let ratio =
        section.value("proactive-ratio", "an integer, 0 to 100 (percent)", |value| value.integer(&(0..=100)))?;
    set(&mut pacing.proactive_ratio, ratio);
    set(&mut pacing.refresh_period, seconds(&mut section, "refresh-period", 0.05, 60.0)?);
    set(&mut pacing.handle_time, seconds(&mut section, "handle-time", 0.001, 1e6)?);
    set(&mut pacing.patience, seconds(&mut section, "patience", 0.001, 1e6)?);
    set(&mut pacing.entry_delay, seconds(&mut section, "entry-delay", 0.0, 600.0)?);
    section.end()
}

fn log(configuration: &mut Configuration, mut section: Section<'_>) -> Result<(), ConfigurationError> {
    let log = &mut configuration.log;
    let want = one_of(Level::ALL.map(Level::name));
    set(&mut log.level, section.value("level", &want, |value| Level::named(value.text()?))?);
    let want = one_of(Target::ALL.map(Target::name));
    set(&mut log.to, section.value("to", &want, |value| Target::named(value.text()?))?);
    section.end()
}

fn seconds(
    section: &mut Section<'_>,
    key: &'static str,
    least: f64,
    most: f64,
) -> Result<Option<Duration>, ConfigurationError> {
    let want = format!("a number of seconds, {least} to {most}");
    let in_range = |value: Value<'_>| value.number().filter(|seconds| (least..=most).contains(seconds));
    Ok(section.value(key, &want, in_range)?.map(Duration::from_secs_f64))
}

fn one_of<const N: usize>(names: [&str; N]) -> String {
    let quoted = names.map(|name| format!("\"{name}\""));
    format!("one of {}", quoted.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(text: &str) -> String {
        read("pacingd.toml", text).unwrap_err().to_string()
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
        let uncommented =
            |line: &str| if is_key(line) { line.trim_start_matches('#').to_owned() } else { line.to_owned() };
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
            limits = { connections = 7, header-timeout = 1.5, idle-timeout = 2 }
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
            abandonment-cost = 0.5
            entry-delay = 30
            proactive-ratio = 20
            refresh-period = 0.5
            handle-time = 200
            patience = 30.25
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
            "connections = 7\nheader-timeout = 1.5\nidle-timeout = 2",
            "sources = [\"10.0.0.0/8\", \"::1/128\"]\ntime-to-live = 5",
            "key-files = [\"/etc/pacingd/old\", \"credential:new\"]",
            "chat = [\"Sales \\\"A\\\"\", \"Überweisung\"]\nwebcallback = [\"B\"]",
            "algorithm = \"EXTERNAL\"\noptimization-target = \"BUSY_FACTOR\"\noptimization-goal = 75.5\nabandonment-cost = 0.5\nproactive-ratio = 20",
            "refresh-period = 0.5\nhandle-time = 200\npatience = 30.25\nentry-delay = 30",
            "level = \"debug\"\nto = \"stderr\"",
        ] {
            assert!(printed.contains(line), "{line}\nin\n{printed}");
        }
        let one = read("x", "statistics.listen = \"[::1]:9\"").unwrap();
        assert_eq!(one.statistics.listen, [Endpoint::Unicast("[::1]:9".parse().unwrap())], "one needs no list");
        let few = read("x", "[http.limits]\nconnections = 10").unwrap();
        assert_eq!(few.https.handshakes, 5, "half of the connections at the most");
        let only_https = "http.listen = []\nhttps = { listen = [\"[::1]:0\"], certificate = \"/c\", key = \"/k\" }";
        assert!(read("x", only_https).unwrap().http.listen.is_empty());
        let any = read("x", "[http.cors]\nallowed-origins = \"*\"").unwrap();
        assert_eq!(any.http.allowed_origins, AllowedOrigins::Any);
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
            let told = complaint(text);
            assert!(told.starts_with("pacingd.toml:1: ") && !told.contains("s3cret"), "{told}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_file_line_key_and_what_would_be_right() {
        for (text, want) in [
            ("a = 1", "pacingd.toml:1: a is unknown; want one of http, https, operators, statistics, pacing, log"),
            ("\n[http]\nport = 8080", "pacingd.toml:3: http.port is unknown; want one of listen, cors, limits"),
            (
                "[statistics]\nlisten = \"239.1.2.3:8127\"",
                "pacingd.toml:2: statistics.listen is \"239.1.2.3:8127\"; want an address with port such as \"127.0.0.1:8127\", or a multicast group with port and interface such as \"239.1.2.3:8127%eth0\" or \"[ff15::7061]:8127%eth0\"",
            ),
            (
                "[statistics]\nlisten = [\"239.1.2.3:8127%eth0\"]",
                "pacingd.toml:1: statistics.sources is missing; want the networks of the collectors that send to 239.1.2.3:8127%eth0: loopback is none of them",
            ),
            ("http = 3", "pacingd.toml:1: http is 3; want a section"),
            (
                "[http]\nlisten = \"127.0.0.1:80\"",
                "pacingd.toml:2: http.listen is \"127.0.0.1:80\"; want a list of 1 to 8, each an address with port such as \"127.0.0.1:8080\" or \"[::1]:8080\"",
            ),
            ("[http]\nlisten = []", "pacingd.toml:2: http.listen has 0 entries; want 1 to 8"),
            (
                "[http]\nlisten = [\n\"127.0.0.1:80\",\n\"localhost:80\"]",
                "pacingd.toml:4: http.listen has \"localhost:80\"; want an address with port such as \"127.0.0.1:8080\" or \"[::1]:8080\"",
            ),
            (
                "[https]\nlisten = [\"127.0.0.1:443\"]\nkey = \"/k\"",
                "pacingd.toml:1: https.certificate is missing; want an absolute path such as \"/etc/pacingd/file.pem\", or \"credential:NAME\"",
            ),
            (
                "\n[https]\ncertificate = \"/c\"",
                "pacingd.toml:2: https.key is missing; want an absolute path such as \"/etc/pacingd/file.pem\", or \"credential:NAME\"",
            ),
            (
                "[https]\nkey = \"key.pem\"",
                "pacingd.toml:2: https.key is a value that is no file's name; want an absolute path such as \"/etc/pacingd/file.pem\", or \"credential:NAME\"",
            ),
            (
                "http.limits.connections = 1\nhttps = { listen = [\"[::1]:0\"], certificate = \"/c\", key = \"/k\" }",
                "pacingd.toml:1: http.limits.connections is 1; want an integer, 2 to 10000",
            ),
            (
                "[pacing]\noptimization-goal = 100",
                "pacingd.toml:2: pacing.optimization-goal is 100; want a number, 0.1 to 99 (percent)",
            ),
            (
                "[pacing]\noptimization-target = \"BUSY_FACTOR\"",
                "pacingd.toml:1: pacing.optimization-goal is missing; want a number, 0.1 to 99 (percent)",
            ),
            (
                "[pacing]\noptimization-goal = 0.05",
                "pacingd.toml:2: pacing.optimization-goal is 0.05; want a number, 0.1 to 99 (percent)",
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
            (
                "[log]\nlevel = 3",
                "pacingd.toml:2: log.level is 3; want one of \"error\", \"warning\", \"info\", \"debug\"",
            ),
        ] {
            assert_eq!(complaint(text), want);
        }
        for text in ["[http", "a = "] {
            assert!(complaint(text).contains(": not TOML: "), "{}", complaint(text));
        }
        for (text, want) in [
            ("[log]\nlevel = \"info\"\nlevel = \"info\"", "pacingd.toml:3: not TOML: duplicate key level"),
            ("[log]\n\n[http]\n[log]", "pacingd.toml:4: not TOML: duplicate key log"),
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
        assert_eq!(read("x", &groups(200, 56)).unwrap().statistics.groups.len(), GROUPS);
        let want = "pacingd.toml:2: statistics.groups has 257 groups of both channels together; want 256 at the most";
        assert_eq!(complaint(&groups(256, 1)), want);
    }
}
