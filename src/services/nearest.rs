//! Suggests names for a misspelled one.

use strsim::{jaro_winkler, osa_distance};

use super::parse::Entry;

/// The maximum number of suggestions.
const OFFERED: usize = 3;

/// Names longer than this are not typing errors.
const LONGEST: usize = 64;

/// The maximum number of names of a file that are compared, so that a huge file does not take long.
const LOOKED_AT: usize = 100_000;

/// The minimum Jaro-Winkler similarity, which favors a common prefix.
const ALIKE: f64 = 0.88;

/// Returns the names and aliases closest to `name`, the closest first: at most three, and only similar
/// ones.
///
/// A difference only in case is closest. The result is safe to show.
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
            // Stable: among equals, the earlier one in the file comes first.
            found.sort_by(|a, b| b.0.total_cmp(&a.0));
            found.truncate(OFFERED);
        }
    }
    // If there is a single typing error, names that are merely similar are noise.
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

/// The similarity of two names, if they are close: one typing error, or much in common.
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
