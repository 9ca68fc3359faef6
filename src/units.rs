//! Parses quantities: sizes and durations; with the feature `extras` also windows of time,
//! probabilities and bit rates.
//!
#![cfg_attr(feature = "extras", doc = "```")]
#![cfg_attr(not(feature = "extras"), doc = "```ignore")]
//! use std::time::Duration;
//! use udpraw::units;
//! assert_eq!(units::bytes("4MiB").unwrap(), 4 << 20);
//! assert_eq!(units::duration("1.5s").unwrap(), Duration::from_millis(1500));
//! assert!(units::bytes("4x").unwrap_err().to_string().contains("unknown unit 'x'"));
//! ```
//!
//! A size counts bytes, and a time that a program waits ([`duration`]) counts seconds, as with ping(8),
//! timeout(1) and iperf3(1). 0 needs no unit.

#[cfg(feature = "extras")]
mod network;
#[cfg(feature = "extras")]
mod packet_rate;

#[cfg(feature = "extras")]
pub use packet_rate::{PacketRate, packet_rate};

#[cfg(feature = "extras")]
pub use network::{network_time, probability, rate, window};

use std::time::Duration;
#[cfg(any(feature = "mtu", feature = "probe", feature = "transfer"))]
use std::time::Instant;

use crate::error::{Error, Result};

/// The longest duration that is accepted, so that no deadline can overflow: a year.
pub(crate) const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// Powers of 1,000 (`k`, `M`, `G`) and of 1,024 (`Ki`, `Mi`, `Gi`), each with an optional `B`.
const BYTE_UNITS: &[(&str, f64)] = &[
    ("", 1.0),
    ("b", 1.0),
    ("k", 1e3),
    ("kb", 1e3),
    ("m", 1e6),
    ("mb", 1e6),
    ("g", 1e9),
    ("gb", 1e9),
    ("ki", 1024.0),
    ("kib", 1024.0),
    ("mi", 1_048_576.0),
    ("mib", 1_048_576.0),
    ("gi", 1_073_741_824.0),
    ("gib", 1_073_741_824.0),
];

const TIME_UNITS: &[(&str, f64)] = &[
    ("", 1.0),
    ("ns", 1e-9),
    ("us", 1e-6),
    ("µs", 1e-6),
    ("ms", 1e-3),
    ("s", 1.0),
    ("m", 60.0),
    ("min", 60.0),
    ("h", 3600.0),
    ("d", 86_400.0),
];

/// Parses a number of bytes: `1400`, `64k` (64,000), `4MiB` (4,194,304).
///
/// # Errors
/// If the text is not a number, has an unknown unit, is negative, not a whole number of bytes, or above
/// 2^53.
pub fn bytes(text: &str) -> Result<u64> {
    let bad = |reason: String| {
        Error::invalid("read size", quoted(text), reason)
            .with_remedy("write a number of bytes, with k, M, G or Ki, Mi, Gi, as in 4MiB")
    };
    let bytes = scaled(text, BYTE_UNITS).map_err(bad)?;
    if bytes.fract() != 0.0 {
        return Err(bad("not a whole number of bytes".into()));
    }
    if bytes > 9_007_199_254_740_992.0 {
        return Err(bad("too large".into()));
    }
    Ok(bytes as u64)
}

/// Parses a time that a program waits: `250ms`, `1.5s`, `2m`; a bare number counts seconds. The maximum
/// is a year.
///
/// # Errors
/// If the text is not a number, has an unknown unit, is negative, or above a year.
pub fn duration(text: &str) -> Result<Duration> {
    let bad = |reason: String| {
        Error::invalid("read duration", quoted(text), reason)
            .with_remedy("write a number with ns, us, ms, s, m, h or d, as in 250ms")
    };
    let seconds = scaled(text, TIME_UNITS).map_err(bad)?;
    if seconds > LONGEST.as_secs_f64() {
        return Err(bad("longer than a year".into()));
    }
    Ok(Duration::from_secs_f64(seconds))
}

/// The time `time` after `start`, at most [`LONGEST`]: a deadline from any public duration.
#[cfg(any(feature = "mtu", feature = "probe", feature = "transfer"))]
pub(crate) fn after(start: Instant, time: Duration) -> Instant {
    start.checked_add(time.min(LONGEST)).unwrap_or(start)
}

/// The text in quotes, with control characters escaped, so that it is safe on a terminal.
fn quoted(text: &str) -> String {
    format!("'{}'", text.escape_debug())
}

/// A non-negative number times its unit; the case of the unit does not matter.
fn scaled(text: &str, units: &[(&str, f64)]) -> Result<f64, String> {
    let text = text.trim();
    let end = text
        .find(|c: char| !matches!(c, '0'..='9' | '.' | '-' | '+'))
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = unit.trim();
    if number.is_empty() {
        return Err("not a number".into());
    }
    let number: f64 = number
        .parse()
        .map_err(|_| format!("'{number}' is not a number"))?;
    if number < 0.0 {
        return Err("negative".into());
    }
    match units
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(unit))
    {
        Some((_, factor)) => Ok(number * factor),
        None => Err(format!("unknown unit '{}'", unit.escape_debug())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(any(feature = "mtu", feature = "probe", feature = "transfer"))]
    #[test]
    fn no_duration_makes_a_deadline_overflow() {
        let now = Instant::now();
        assert_eq!(
            after(now, Duration::from_secs(1)),
            now + Duration::from_secs(1)
        );
        let far = after(now, Duration::MAX);
        assert_eq!(far, now + LONGEST);
        let mut at = now;
        for power in (0..63).rev() {
            at = at
                .checked_add(Duration::from_secs(1 << power))
                .unwrap_or(at);
        }
        assert_eq!(after(at, Duration::MAX), at);
    }

    #[test]
    fn reads_what_people_write() {
        for (text, want) in [
            ("0", 0),
            ("1400", 1400),
            ("64k", 64_000),
            ("64 KB", 64_000),
            ("64KiB", 65_536),
            ("1.5Ki", 1_536),
            ("2GiB", 2 << 30),
        ] {
            assert_eq!(bytes(text).unwrap(), want, "{text}");
        }
        for (text, want) in [
            ("2", 2_000_000),
            ("250ms", 250_000),
            ("3us", 3),
            ("1m", 60_000_000),
        ] {
            assert_eq!(
                duration(text).unwrap(),
                Duration::from_micros(want),
                "{text}"
            );
        }
    }

    #[test]
    fn refuses_what_makes_no_sense() {
        for text in [
            "",
            " ",
            "x",
            "4x",
            "-1",
            "1..2",
            "0.5",
            "1e9",
            "9e99",
            "99999999999999999999",
            "\x1b[31m",
        ] {
            let error = bytes(text).unwrap_err().to_string();
            assert!(!error.contains('\x1b'), "{error:?}");
        }
        for text in ["", "ms", "1 fortnight", "-3s", "10000h"] {
            duration(text).unwrap_err();
        }
    }
}
