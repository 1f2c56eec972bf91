//! What was probably meant by a name that is not known.

/// The name that resembles `written` most: another spelling of it, or a few typing errors away.
pub(super) fn nearest<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let of_written = letters(written);
    // A third of the letters, so that short names are not taken for each other.
    let most = (of_written.len() / 3).min(3);
    let distances = known.map(|name| (distance(&of_written, &letters(name)), name));
    distances.filter(|(distance, _)| *distance <= most).min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

/// Whether two names differ in case, dashes and underscores only: `refreshPeriod` is `refresh-period`.
pub(super) fn is_same(written: &str, known: &str) -> bool {
    letters(written) == letters(known)
}

fn letters(name: &str) -> Vec<u8> {
    name.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase()).collect()
}

/// Letters to insert, remove or replace (Levenshtein), of the first 64.
fn distance(one: &[u8], other: &[u8]) -> usize {
    let (one, other) = (one.get(..64).unwrap_or(one), other.get(..64).unwrap_or(other));
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index + 1);
        for (place, of_other) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != of_other);
            diagonal = row[place + 1];
            row[place + 1] = replaced.min(row[place] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_and_typing_errors_are_recognized_and_other_names_are_not() {
        let known = ["algorithm", "optimization-goal", "optimization-target", "proactive-ratio", "refresh-period"];
        for (written, want) in [
            ("optimizationGoal", Some("optimization-goal")),
            ("proactive_ratio", Some("proactive-ratio")),
            ("REFRESH-PERIOD", Some("refresh-period")),
            ("optimisation-goal", Some("optimization-goal")),
            ("algoritm", Some("algorithm")),
            ("refresh", None),
            ("goal", None),
            ("", None),
        ] {
            assert_eq!(nearest(written, known.into_iter()), want, "{written}");
        }
    }
}
