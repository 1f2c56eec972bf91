//! Parses and validates a configuration, or lists its faults.

use pacingd::limits::GROUPS;
use pacingd::pacing::OptimizationTarget;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::document::{Entry, TomlDocument};
use super::files::WANT;
use super::keys::{Configuration, KEYS};
use crate::lookalike::{is_same, lookalike};

/// Faults reported at once; a file with more is probably not a configuration.
const REPORTED: usize = 20;

impl Configuration {
    /// Parses the text of a file, but not the files that it names. Fails with a line per fault.
    pub(crate) fn parse(file: &str, text: &str) -> Result<Self, String> {
        let mut configuration = Self::default();
        let mut document = TomlDocument { file, text, given: Vec::new(), faults: Vec::new() };
        match DeTable::parse(text) {
            Ok(table) => {
                document.read_section("", table.get_ref(), &mut configuration);
                validate(&mut configuration, &mut document);
            }
            Err(error) => {
                let at = error.span().unwrap_or_default().start;
                document.fault(at, format!("not TOML: {}", error.message().replace('\n', ", ")));
            }
        }
        let mut faults = std::mem::take(&mut document.faults);
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
    /// Reads a table; `path` is its name with a dot, or empty.
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
        // Another spelling of a known name is no secret.
        let shown = if meant.is_some_and(is_same_leaf) { Some(key) } else { self.shown_key(name.span()) };
        let what = shown.map_or_else(|| format!("{path}… has {} bytes and", key.len()), |key| format!("{path}{key}"));
        match meant {
            Some(meant) => format!("{what} is unknown; did you mean {meant}?"),
            None => format!("{what} is unknown; want one of {}", siblings.join(", ")),
        }
    }
}

/// Reports keys that do not fit together, and adapts the defaults of missing ones.
fn validate(configuration: &mut Configuration, document: &mut TomlDocument<'_>) {
    let has_goal = document.place("pacing.optimization-goal").is_some();
    // A fault is reported at the first of its keys that the file has.
    let mut check = |keys: &[&str], is_right: bool, message: &str| {
        if !is_right && document.are_sound(keys) {
            let at = keys.iter().find_map(|key| document.place(key)).unwrap_or_default();
            document.fault(at, message.to_owned());
        }
    };
    let Configuration { http, limits, https, operators, statistics, groups, pacing, .. } = configuration;
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
    // Unfinished handshakes must not take all places.
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
    let operators = [operators.listen];
    let mut taken = Vec::new();
    for (key, listen) in
        [("http.listen", &http.listen[..]), ("https.listen", &https.listen), ("operators.listen", &operators)]
    {
        for address in listen {
            let is_free = address.port() == 0 || !taken.contains(&address);
            check(&[key], is_free, &format!("{key} has {address} again; want each address and port once"));
            taken.push(address);
        }
    }
}
