//! From a file's text to a valid configuration, or to everything that is wrong with it.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::document::{ConfigurationError, Document, Entry, Fault, Given};
use super::keys::{Configuration, KEYS, Key};
use super::validate::validate;
use crate::lookalike::{is_same, lookalike};

/// Faults that are reported at once: a file with more is no configuration.
const REPORTED: usize = 20;

/// Reads the text of a file, or says everything that is wrong with it.
pub(super) fn read(file: &str, text: &str) -> Result<Configuration, ConfigurationError> {
    let document = Document { file, text };
    let mut configuration = Configuration::default();
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut faults = Vec::new();
    let mut given = Given::default();
    read_section(document, "", table.get_ref(), &mut configuration, &mut given, &mut faults);
    if errors.is_empty() {
        faults.extend(validate(&mut configuration, &given));
    } else {
        // Of a broken line the first fault counts: what else it would have said is not known.
        let mut broken: Vec<Fault> = errors.iter().map(|error| syntax_fault(document, error)).collect();
        broken.sort_by_key(|fault| fault.at.start);
        broken.dedup_by_key(|fault| document.line(&fault.at));
        let lines: Vec<String> = broken.iter().map(|fault| document.line(&fault.at)).collect();
        faults.retain(|fault| !lines.contains(&document.line(&fault.at)));
        faults.extend(broken);
    }
    if faults.is_empty() {
        return Ok(configuration);
    }
    faults.sort_by_key(|fault| fault.at.start);
    let reported = faults.iter().take(REPORTED);
    let mut lines: Vec<String> =
        reported.map(|fault| format!("{}: {}", document.line(&fault.at), fault.message)).collect();
    if faults.len() > REPORTED {
        lines.push(format!("{file}: {} more faults", faults.len() - REPORTED));
    }
    Err(ConfigurationError(lines))
}

fn syntax_fault(document: Document<'_>, error: &toml::de::Error) -> Fault {
    let at = error.span().unwrap_or_default();
    let mut message = format!("not TOML: {}", error.message().replace('\n', ", "));
    // Of the rest nothing is repeated: it may be a secret without its quotes.
    if let Some(key) = document.shown_key(&at).filter(|_| error.message() == "duplicate key") {
        message = format!("{message} {key}");
    }
    Fault { at, message }
}

/// Reads a table. `path`: its keys, with a dot behind each.
fn read_section<'a>(
    document: Document<'a>,
    path: &str,
    table: &'a DeTable<'a>,
    configuration: &mut Configuration,
    given: &mut Given,
    faults: &mut Vec<Fault>,
) {
    for (name, value) in table {
        let full = format!("{path}{}", name.get_ref());
        if let Some(Key { path: key, read, .. }) = KEYS.iter().find(|key| key.path == full) {
            let result = read(configuration, &Entry { document, key, value });
            given.push(key, value.span(), result.is_ok());
            faults.extend(result.err().into_iter().flatten());
        } else if is_section(&full) {
            match value.get_ref() {
                DeValue::Table(table) => {
                    read_section(document, &format!("{full}."), table, configuration, given, faults);
                }
                _ => {
                    let message = format!("{full} is {}; want a section", document.shown(&value.span()));
                    faults.push(Fault { at: value.span(), message });
                }
            }
        } else {
            faults.push(Fault { at: name.span(), message: unknown(document, path, name) });
        }
    }
}

fn is_section(path: &str) -> bool {
    KEYS.iter().any(|key| key.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')))
}

fn unknown(document: Document<'_>, path: &str, name: &Spanned<impl AsRef<str>>) -> String {
    let key = name.get_ref().as_ref();
    let mut siblings: Vec<&str> = Vec::new();
    for key in KEYS.iter().filter_map(|key| key.path.strip_prefix(path)) {
        let sibling = key.split('.').next().unwrap_or_default();
        if !siblings.contains(&sibling) {
            siblings.push(sibling);
        }
    }
    let leaf = |path: &'static str| path.rsplit('.').next().unwrap_or_default();
    let elsewhere = || KEYS.iter().map(|known| known.path).find(|known| is_same(key, leaf(known)));
    let meant = lookalike(key, siblings.iter().copied()).or_else(elsewhere);
    // What is the same as a known name but for its spelling is no secret.
    let is_known = meant.is_some_and(|meant| is_same(key, meant.rsplit('.').next().unwrap_or_default()));
    let shown = if is_known { Some(key) } else { document.shown_key(&name.span()) };
    let what = shown.map_or_else(|| format!("{path}… has {} bytes and", key.len()), |key| format!("{path}{key}"));
    match meant {
        Some(meant) => format!("{what} is unknown; did you mean {meant}?"),
        None => format!("{what} is unknown; want one of {}", siblings.join(", ")),
    }
}
