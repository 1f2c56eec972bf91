//! Suggests known names for misspelt ones: fields of statistics, keys of the configuration.

/// Returns the known name that `name` resembles: equal except for case, punctuation, a plural or
/// one typing error, or a part of `name`.
pub(crate) fn lookalike<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let near = known.clone().find(|known| is_same(known, name));
    let name = plain(name);
    let near = near.or_else(|| known.clone().find(|known| is_one_edit_away(&plain(known), &name)));
    // As in `agentsReady`. `time` and `to` are parts of too many other names.
    let inside = || known.clone().filter(|known| !matches!(*known, "time" | "to") && name.contains(&plain(known)));
    near.or_else(|| inside().max_by_key(|known| known.len()))
}

/// Whether two names differ only in case, punctuation and a plural `s`.
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    plain(one) == plain(other)
}

/// Lower case, letters and digits only, without a final `s`.
fn plain(name: &str) -> String {
    let plain: String = name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    plain.strip_suffix('s').unwrap_or(&plain).into()
}

/// Whether one letter is missing, added or replaced, or two neighbours are swapped.
fn is_one_edit_away(one: &str, other: &str) -> bool {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let before = one.iter().zip(&other).take_while(|(one, other)| one == other).count();
    let (one, other) = (one.get(before..).unwrap_or_default(), other.get(before..).unwrap_or_default());
    match (one, other) {
        ([a, b, rest @ ..], [c, d, others @ ..]) if (a, b) == (d, c) && rest == others => true,
        ([_, rest @ ..], [_, others @ ..]) if rest == others => true,
        ([_, rest @ ..], others) if rest == others => true,
        (rest, [_, others @ ..]) => rest == others,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use pacingd::wire::line::known_fields;

    use super::*;

    #[test]
    fn near_misses_are_found_and_other_names_are_not() {
        for (name, want) in [
            ("logged_in", "loggedIn"),
            ("loggedin", "loggedIn"),
            ("LoggedIn", "loggedIn"),
            ("logged-in", "loggedIn"),
            ("logedIn", "loggedIn"),
            ("loggedInn", "loggedIn"),
            ("loggeIdn", "loggedIn"),
            ("Ready", "ready"),
            ("raedy", "ready"),
            ("handletime", "handleTime"),
            ("handle_time", "handleTime"),
            ("handlingTime", ""),
            ("averageHandleTime", "handleTime"),
            ("groups", "group"),
            ("slot", "slots"),
            ("freeslots", "freeSlots"),
            ("abandonned", "abandoned"),
            ("Time", "time"),
            ("agentsReady", "ready"),
            ("reactive_entered", "reactiveEntered"),
            ("reactiveEnteredTotal", "reactiveEntered"),
            ("uptime", ""),
            ("site", ""),
            ("version", ""),
            ("exp", ""),
            ("iat", ""),
            ("", ""),
            ("s", ""),
        ] {
            assert_eq!(lookalike(name, known_fields()).unwrap_or_default(), want, "{name}");
        }
    }

    #[test]
    fn every_known_field_is_one_edit_away_from_itself_with_a_letter_changed() {
        for known in known_fields() {
            for place in 0..known.len() {
                let mut shorter = known.to_owned();
                shorter.remove(place);
                assert!(lookalike(&shorter, known_fields()).is_some(), "{shorter}");
                let mut longer = known.to_owned();
                longer.insert(place, 'q');
                assert!(lookalike(&longer, known_fields()).is_some(), "{longer}");
            }
        }
    }
}
