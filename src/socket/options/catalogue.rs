//! The catalogue as a whole, and its names as people write them.

use super::option::SocketOption;
use super::{ip, ipv6, multicast, socket_level, timestamp, udp};
use crate::error::{Error, Result};
use crate::socket::Family;

/// How alike two names must be (Jaro-Winkler) for one to be offered for the other.
#[cfg(feature = "extras")]
const ALIKE: f64 = 0.85;

/// How many names are offered at most.
#[cfg(feature = "extras")]
const OFFERED: usize = 4;

impl SocketOption {
    /// Every option of the catalogue, level by level.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        all()
    }

    /// The option of that name or alias. Case does not matter, `-` is as good as `_`, and the
    /// prefix may be left out where that leaves no doubt: `rcvbuf`.
    ///
    /// # Errors
    /// If there is none, or more than one: the names that could be meant are the remedy.
    pub fn find(name: &str) -> Result<&'static Self> {
        find(name)
    }

    /// The option of that number, at a level as getsockopt(2) takes it.
    ///
    #[cfg_attr(feature = "extras", doc = "```")]
    #[cfg_attr(not(feature = "extras"), doc = "```ignore")]
    /// use udpraw::socket::options::SocketOption;
    /// let option = SocketOption::of(libc::SOL_SOCKET, libc::SO_RCVBUF).unwrap();
    /// assert_eq!(option.name, "SO_RCVBUF");
    /// assert_eq!(option.decode(&4096_i32.to_ne_bytes()).unwrap().to_string(), "4096");
    /// ```
    pub fn of(level: i32, number: i32) -> Option<&'static Self> {
        all().find(|option| {
            let of = |family| option.level.number(family) == level;
            option.number == number && (of(Family::V4) || of(Family::V6))
        })
    }
}

fn all() -> impl Iterator<Item = &'static SocketOption> {
    [
        socket_level::OPTIONS,
        timestamp::OPTIONS,
        ip::OPTIONS,
        ipv6::OPTIONS,
        multicast::OPTIONS,
        udp::OPTIONS,
    ]
    .into_iter()
    .flatten()
}

fn names(option: &'static SocketOption) -> impl Iterator<Item = &'static str> {
    std::iter::once(option.name).chain(option.aliases.iter().copied())
}

/// A name without the prefix that tells its level: `SO_RCVBUF` is `RCVBUF`.
fn short(name: &str) -> &str {
    name.split_once('_').map_or(name, |(_, rest)| rest)
}

fn find(text: &str) -> Result<&'static SocketOption> {
    let wanted = text.trim().replace('-', "_").to_ascii_uppercase();
    if let Some(option) = all().find(|option| names(option).any(|name| name == wanted)) {
        return Ok(option);
    }
    let meant: Vec<_> = all()
        .filter(|option| names(option).any(|name| short(name) == wanted))
        .collect();
    if let [option] = meant[..] {
        return Ok(option);
    }
    let subject = format!("'{}'", text.escape_debug());
    if !meant.is_empty() {
        let names: Vec<_> = meant.iter().map(|option| option.name).collect();
        return Err(
            Error::invalid("find socket option", subject, "more than one has that name")
                .with_remedy(format!("write {}", names.join(" or "))),
        );
    }
    let error = Error::invalid("find socket option", subject, "unknown name");
    Err(error.with_remedy(match nearest(&wanted)[..] {
        [] => "udpraw options lists them all".to_owned(),
        ref names => format!("did you mean {}?", names.join(" or ")),
    }))
}

/// The names that are most like the one wanted, whole or without their prefix.
#[cfg(feature = "extras")]
fn nearest(wanted: &str) -> Vec<&'static str> {
    // What is longer than any name is nobody's typing error, and would take long to compare.
    if wanted.len() > 64 {
        return Vec::new();
    }
    let mut scored: Vec<_> = all()
        .flat_map(names)
        .map(|name| {
            let whole = strsim::jaro_winkler(name, wanted);
            let bare = strsim::jaro_winkler(short(name), wanted);
            (whole.max(bare), name)
        })
        .filter(|(score, _)| *score >= ALIKE)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored
        .into_iter()
        .map(|(_, name)| name)
        .take(OFFERED)
        .collect()
}

/// Comparing names takes the feature `extras`.
#[cfg(not(feature = "extras"))]
fn nearest(_: &str) -> Vec<&'static str> {
    Vec::new()
}
