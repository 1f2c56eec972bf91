//! From a file's text to a valid configuration, or to everything that is wrong with it.

use std::net::{IpAddr, SocketAddr};

use pacingd::limits::GROUPS;
use pacingd::pacing::OptimizationTarget;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::document::{Entry, TomlDocument};
use super::files::WANT;
use super::keys::{Configuration, KEYS};
use crate::lookalike::{is_same, lookalike};
use crate::statistics::endpoint::Endpoint;

/// Faults that are reported at once: a file with more is no configuration.
const REPORTED: usize = 20;

impl Configuration {
    /// Reads the text of a file, but none of the files that it names; or says everything that is wrong with it, a line
    /// for each fault.
    pub(crate) fn parse(file: &str, text: &str) -> Result<Self, String> {
        let mut configuration = Self::default();
        let (table, errors) = DeTable::parse_recoverable(text);
        let mut document = TomlDocument { file, text, given: Vec::new(), faults: Vec::new() };
        document.read_section("", table.get_ref(), &mut configuration);
        if errors.is_empty() {
            validate(&mut configuration, &mut document);
        }
        // Of a broken line the first fault counts: what else it would have said is not known.
        let mut broken: Vec<_> = errors.iter().map(|error| document.syntax_fault(error)).collect();
        broken.sort_by_key(|(at, _)| *at);
        broken.dedup_by_key(|(at, _)| document.line(*at));
        let lines: Vec<_> = broken.iter().map(|(at, _)| document.line(*at)).collect();
        let mut faults = std::mem::take(&mut document.faults);
        faults.retain(|(at, _)| !lines.contains(&document.line(*at)));
        faults.extend(broken);
        if faults.is_empty() {
            return Ok(configuration);
        }
        faults.sort_by_key(|(at, _)| *at);
        let reported = faults.iter().take(REPORTED);
        let mut lines: Vec<_> = reported.map(|(at, fault)| format!("{}: {fault}", document.line(*at))).collect();
        if faults.len() > REPORTED {
            lines.push(format!("{file}: {} more faults", faults.len() - REPORTED));
        }
        Err(lines.join("\n"))
    }
}

impl TomlDocument<'_> {
    fn syntax_fault(&self, error: &toml::de::Error) -> (usize, String) {
        let at = error.span().unwrap_or_default();
        let mut message = format!("not TOML: {}", error.message().replace('\n', ", "));
        // Of the rest nothing is repeated: it may be a secret without its quotes.
        if let Some(key) = self.shown_key(at.clone()).filter(|_| error.message() == "duplicate key") {
            message = format!("{message} {key}");
        }
        (at.start, message)
    }

    /// Reads a table. `path`: its keys, with a dot behind each.
    fn read_section(&mut self, path: &str, table: &DeTable<'_>, configuration: &mut Configuration) {
        for (name, value) in table {
            let full = format!("{path}{}", name.get_ref());
            let inside = format!("{full}.");
            if let Some(key) = KEYS.iter().find(|key| key.path == full) {
                let read = (key.read)(configuration, &mut Entry { document: self, key: key.path, value });
                self.given.push((key.path, value.span().start, read.is_some()));
            } else if !KEYS.iter().any(|key| key.path.starts_with(&inside)) {
                self.fault(name.span().start, self.unknown(path, name));
            } else if let DeValue::Table(table) = value.get_ref() {
                self.read_section(&inside, table, configuration);
            } else {
                self.fault(value.span().start, format!("{full} is {}; want a section", self.shown(value.span())));
            }
        }
    }

    fn unknown(&self, path: &str, name: &Spanned<impl AsRef<str>>) -> String {
        let key = name.get_ref().as_ref();
        let mut siblings: Vec<_> =
            KEYS.iter().filter_map(|key| key.path.strip_prefix(path)?.split('.').next()).collect();
        siblings.dedup();
        let is_same_leaf = |path: &str| is_same(key, path.rsplit('.').next().unwrap_or_default());
        let elsewhere = || KEYS.iter().map(|known| known.path).find(|known| is_same_leaf(known));
        let meant = lookalike(key, siblings.iter().copied()).or_else(elsewhere);
        // What is the same as a known name but for its spelling is no secret.
        let shown = if meant.is_some_and(is_same_leaf) { Some(key) } else { self.shown_key(name.span()) };
        let what = shown.map_or_else(|| format!("{path}… has {} bytes and", key.len()), |key| format!("{path}{key}"));
        match meant {
            Some(meant) => format!("{what} is unknown; did you mean {meant}?"),
            None => format!("{what} is unknown; want one of {}", siblings.join(", ")),
        }
    }
}

/// Reports all that is wrong between keys that are valid by themselves, and adapts the defaults of those not given.
fn validate(configuration: &mut Configuration, document: &mut TomlDocument<'_>) {
    let has_goal = document.place("pacing.optimization-goal").is_some();
    // A fault is reported where the first of its keys is.
    let mut check = |keys: &[&str], is_right: bool, message: &str| {
        if !is_right && document.are_sound(keys) {
            let at = keys.iter().find_map(|key| document.place(key)).unwrap_or_default();
            document.fault(at, message.to_owned());
        }
    };
    let Configuration { http, limits, https, statistics, groups, pacing, .. } = &mut *configuration;
    check(
        &["http.listen", "https.listen"],
        !http.listen.is_empty() || !https.listen.is_empty(),
        "http.listen has 0 entries; want 1 to 8, or addresses in https.listen",
    );
    for (key, name, other, is_missing) in [
        ("https.certificate", &https.certificate, "https.key", https.key.is_some()),
        ("https.key", &https.key, "https.certificate", https.certificate.is_some()),
    ] {
        let is_wanted = is_missing || !https.listen.is_empty();
        check(&[other, "https.listen", key], name.is_some() || !is_wanted, &format!("{key} is missing; want {WANT}"));
    }
    // Handshakes that do not end must not take all places.
    https.handshakes = https.handshakes.min(limits.connections.div_ceil(2));

    let elsewhere = statistics.listen.iter().find(|endpoint| !matches!(&*endpoint.interface, "" | "lo"));
    if let Some(group) = elsewhere {
        check(
            &["statistics.listen", "statistics.sources"],
            statistics.sources.iter().any(|network| !network.network().is_loopback()),
            &format!(
                "statistics.sources is missing; want the networks of the collectors that send to {group}: loopback is \
                 none of them"
            ),
        );
    }
    let count = groups.chat.len() + groups.webcallback.len();
    check(
        &["statistics.groups.chat", "statistics.groups.webcallback"],
        count <= GROUPS,
        &format!("statistics.groups has {count} groups of both channels together; want {GROUPS} or fewer"),
    );
    check(
        &["pacing.optimization-target", "pacing.optimization-goal"],
        has_goal || pacing.optimization_target != OptimizationTarget::BusyFactor,
        "pacing.optimization-goal is missing; want the percentage of their time that agents should be busy, such as 85",
    );
    for (keys, address) in shared_addresses(configuration) {
        let [second, first] = keys;
        let which = if first == second { format!("{first} has two") } else { format!("{first} and {second} have one") };
        check(&keys, false, &format!("{which} for {address}; want each address and port once"));
    }
}

/// Addresses that two listeners would take, with the keys of the second and the first.
fn shared_addresses(configuration: &Configuration) -> Vec<([&'static str; 2], SocketAddr)> {
    let Configuration { http, https, operators, statistics, .. } = configuration;
    let tcp = http.listen.iter().map(|address| ("http.listen", *address));
    let tcp = tcp.chain(https.listen.iter().map(|address| ("https.listen", *address)));
    let tcp = tcp.chain([("operators.listen", operators.listen)]).collect();
    let udp = statistics.listen.iter().filter_map(Endpoint::unicast).map(|address| ("statistics.listen", address));
    let mut shared = Vec::new();
    for listeners in [tcp, udp.collect::<Vec<_>>()] {
        for (index, (second, address)) in listeners.iter().enumerate() {
            let mut before = listeners.iter().take(index);
            if let Some((first, _)) = before.find(|(first, other)| overlap(*address, *other, first == second)) {
                shared.push(([*second, *first], *address));
            }
        }
    }
    shared
}

/// Whether two sockets cannot be bound to these addresses at once. `is_one_list`: in a list any address of IPv6 leaves
/// those of IPv4 to the others.
fn overlap(one: SocketAddr, other: SocketAddr, is_one_list: bool) -> bool {
    let is_any_v6 = |address: SocketAddr| address.is_ipv6() && address.ip().is_unspecified();
    let (ip, other_ip) = (one.ip().to_canonical(), other.ip().to_canonical());
    let meets = match (ip, other_ip) {
        (IpAddr::V4(_), IpAddr::V4(_)) | (IpAddr::V6(_), IpAddr::V6(_)) => {
            ip == other_ip || ip.is_unspecified() || other_ip.is_unspecified()
        }
        _ => !is_one_list && (is_any_v6(one) || is_any_v6(other)),
    };
    // Port 0 is another one each time.
    meets && one.port() == other.port() && one.port() != 0
}
