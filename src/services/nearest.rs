//! Names that somebody may have meant.

use strsim::{jaro_winkler, osa_distance};

use super::parse::Entry;

/// How many names are offered.
const OFFERED: usize = 3;

/// Names longer than this are nobody's typing error.
const LONGEST: usize = 64;

/// How many names of a file are looked at, so that a vast file costs no more than a moment.
const LOOKED_AT: usize = 100_000;

/// Alike enough in Jaro and Winkler's measure, which favours a common beginning.
const ALIKE: f64 = 0.88;

/// The names and aliases closest to `name`, the closest first: at most three, none that is far off.
///
/// A difference of case alone is closest. What is returned is safe to show.
///
/// ```
/// use udpraw::services::{Services, nearest};
/// let services = Services::built_in();
/// assert_eq!(nearest("domian", services.entries()), ["domain"]);
/// assert!(nearest("qqqqqq", services.entries()).is_empty());
/// ```
pub fn nearest<'a>(name: &str, entries: impl Iterator<Item = Entry<'a>>) -> Vec<String> {
    if name.len() > LONGEST {
        return Vec::new();
    }
    let wanted = name.to_lowercase();
    let mut found: Vec<(f64, &str)> = Vec::new();
    for candidate in entries
        .flat_map(|entry| std::iter::once(entry.name).chain(entry.aliases()))
        .take(LOOKED_AT)
        .filter_map(|text| text.to_str())
        .filter(|text| text.len() <= LONGEST)
    {
        if found.iter().any(|(_, known)| *known == candidate) {
            continue;
        }
        if let Some(likeness) = likeness(&wanted, &candidate.to_lowercase()) {
            found.push((likeness, candidate));
            // Stable: of equals, the earlier in the file comes first.
            found.sort_by(|a, b| b.0.total_cmp(&a.0));
            found.truncate(OFFERED);
        }
    }
    // ControlMessages a slip of the finger, what is only alike is noise.
    let slips = found
        .iter()
        .filter(|(likeness, _)| *likeness >= 1.0)
        .count();
    if slips > 0 {
        found.truncate(slips);
    }
    found
        .into_iter()
        .map(|(_, name)| name.escape_debug().to_string())
        .collect()
}

/// How alike two names are, if they are close: one slip of the finger, or much in common.
fn likeness(wanted: &str, candidate: &str) -> Option<f64> {
    let likeness = jaro_winkler(wanted, candidate);
    let slip = wanted.len().abs_diff(candidate.len()) <= 1
        && wanted.len() > 1
        && osa_distance(wanted, candidate) <= 1;
    if slip {
        Some(1.0 + likeness)
    } else {
        (likeness >= ALIKE).then_some(likeness)
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse::entries;
    use super::*;

    const FILE: &[u8] = b"ssh 22/tcp\npostgresql 5432/tcp postgres\nhttp 80/tcp www\nhttps 443/tcp\nhttp 80/udp\n\xff\xfe 9/udp\n";

    #[test]
    fn offers_the_closest_first() {
        for (name, want) in [
            ("shh", &["ssh"][..]),
            ("SSH", &["ssh"]),
            ("postgre", &["postgres"]),
            ("postg", &["postgres", "postgresql"]),
            ("htp", &["http"]),
            ("httpx", &["http", "https"]),
            ("ww", &["www"]),
            ("", &[]),
            ("x", &[]),
            ("something-else", &[]),
        ] {
            assert_eq!(nearest(name, entries(FILE)), want, "{name}");
        }
        assert!(nearest(&"s".repeat(1_000_000), entries(FILE)).is_empty());
    }

    #[test]
    fn never_more_than_three() {
        let many: String = (1..100).map(|n| format!("name{n} {n}/udp\n")).collect();
        assert_eq!(nearest("name", entries(many.as_bytes())).len(), OFFERED);
    }
}
