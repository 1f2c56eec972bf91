//! From a file's text to a valid configuration, or to everything that is wrong with it.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::document::{ConfigurationFault, Entry, TomlDocument};
use super::keys::{Configuration, KEYS};
use super::validate::validate;
use crate::lookalike::{is_same, lookalike};

/// Faults that are reported at once: a file with more is no configuration.
const REPORTED: usize = 20;

/// Reads the text of a file, or says everything that is wrong with it: a line for each fault.
pub(super) fn read(file: &str, text: &str) -> Result<Configuration, String> {
    let mut configuration = Configuration::default();
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut document = TomlDocument { file, text, given: Vec::new(), faults: Vec::new() };
    document.read_section("", table.get_ref(), &mut configuration);
    if errors.is_empty() {
        validate(&mut configuration, &mut document);
    }
    // Of a broken line the first fault counts: what else it would have said is not known.
    let mut broken: Vec<_> = errors.iter().map(|error| document.syntax_fault(error)).collect();
    broken.sort_by_key(|fault| fault.at);
    broken.dedup_by_key(|fault| document.line(fault.at));
    let lines: Vec<_> = broken.iter().map(|fault| document.line(fault.at)).collect();
    let mut faults = std::mem::take(&mut document.faults);
    faults.retain(|fault| lines.is_empty() || !lines.contains(&document.line(fault.at)));
    faults.extend(broken);
    if faults.is_empty() {
        return Ok(configuration);
    }
    faults.sort_by_key(|fault| fault.at);
    let reported = faults.iter().take(REPORTED);
    let mut lines: Vec<_> = reported.map(|fault| format!("{}: {}", document.line(fault.at), fault.message)).collect();
    if faults.len() > REPORTED {
        lines.push(format!("{file}: {} more faults", faults.len() - REPORTED));
    }
    Err(lines.join("\n"))
}

impl TomlDocument<'_> {
    fn syntax_fault(&self, error: &toml::de::Error) -> ConfigurationFault {
        let at = error.span().unwrap_or_default();
        let mut message = format!("not TOML: {}", error.message().replace('\n', ", "));
        // Of the rest nothing is repeated: it may be a secret without its quotes.
        if let Some(key) = self.shown_key(at.clone()).filter(|_| error.message() == "duplicate key") {
            message = format!("{message} {key}");
        }
        ConfigurationFault { at: at.start, message }
    }

    /// Reads a table. `path`: its keys, with a dot behind each.
    fn read_section(&mut self, path: &str, table: &DeTable<'_>, configuration: &mut Configuration) {
        for (name, value) in table {
            let full = format!("{path}{}", name.get_ref());
            let inside = format!("{full}.");
            if let Some(key) = KEYS.iter().find(|key| key.path == full) {
                let read = (key.read)(configuration, &mut Entry { document: self, key: key.path, value });
                self.given.push((key.path, value.span(), read.is_some()));
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
