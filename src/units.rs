//! Quantities as people write them: sizes, durations and windows of time, probabilities, bit rates.
//!
//! ```
//! use std::time::Duration;
//! use udpraw::units;
//! assert_eq!(units::bytes("4MiB").unwrap(), 4 << 20);
//! assert_eq!(units::duration("1.5s").unwrap(), Duration::from_millis(1500));
//! assert_eq!(units::probability("20%").unwrap(), 0.2);
//! assert!(units::bytes("4x").unwrap_err().to_string().contains("unknown unit 'x'"));
//! ```

use std::ops::Range;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// The longest duration that is accepted, so that no deadline can overflow: a year.
pub const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

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

/// Powers of 1,000, as tc(8) writes them; each may end in `/s`.
const RATE_UNITS: &[(&str, f64)] = &[
    ("", 1.0),
    ("bit", 1.0),
    ("kbit", 1e3),
    ("mbit", 1e6),
    ("gbit", 1e9),
    ("bps", 1.0),
    ("kbps", 1e3),
    ("mbps", 1e6),
    ("gbps", 1e9),
];

/// A number of bytes: `1400`, `64k` (64,000), `4MiB` (4,194,304).
///
/// # Errors
/// If the text is no number, has an unknown unit, is negative, no whole number of bytes, or above 2^53.
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

/// A duration: `250ms`, `1.5s`, `2m`; a plain number counts seconds. At most a year.
///
/// # Errors
/// If the text is no number, has an unknown unit, is negative, or above [`LONGEST`].
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

/// The moment that lies `time` behind `start`, [`LONGEST`] at most: a deadline from any public duration.
pub(crate) fn after(start: Instant, time: Duration) -> Instant {
    start.checked_add(time.min(LONGEST)).unwrap_or(start)
}

/// A window of time, from its begin up to its end: `2s..5s`.
///
/// # Errors
/// If either side is no [`duration`], or the end is not behind the begin.
pub fn window(text: &str) -> Result<Range<Duration>> {
    let bad = |reason: &str| {
        Error::invalid("read window", quoted(text), reason)
            .with_remedy("write its begin and its end, as in 2s..5s")
    };
    let (begin, end) = text
        .split_once("..")
        .ok_or_else(|| bad("there is no '..'"))?;
    let (begin, end) = (duration(begin)?, duration(end)?);
    if end <= begin {
        return Err(bad("it ends before it begins"));
    }
    Ok(begin..end)
}

/// A rate in bits a second: `10Mbit` (10,000,000), `1.5Gbit/s`, `500kbps`; a plain number counts
/// bits.
///
/// # Errors
/// If the text is no number, has an unknown unit, is less than a bit a second, or above 2^53.
pub fn rate(text: &str) -> Result<u64> {
    let bad = |reason: String| {
        Error::invalid("read rate", quoted(text), reason)
            .with_remedy("write a number with bit, kbit, Mbit or Gbit, as in 10Mbit")
    };
    let trimmed = text.trim();
    let bits = scaled(trimmed.strip_suffix("/s").unwrap_or(trimmed), RATE_UNITS).map_err(bad)?;
    if bits < 1.0 {
        return Err(bad("less than a bit a second".into()));
    }
    if bits > 9_007_199_254_740_992.0 {
        return Err(bad("too large".into()));
    }
    Ok(bits as u64)
}

/// A probability, from 0 to 1: `0.2` or `20%`.
///
/// # Errors
/// If the text is no number or lies outside 0 to 1 (0 % to 100 %).
pub fn probability(text: &str) -> Result<f64> {
    let bad = |reason: String| {
        Error::invalid("read probability", quoted(text), reason)
            .with_remedy("write 0 to 1, or 0% to 100%")
    };
    let value = scaled(text, &[("", 1.0), ("%", 0.01)]).map_err(bad)?;
    if value > 1.0 {
        return Err(bad("above 1 (100%)".into()));
    }
    Ok(value)
}

/// The text between quotes, with control characters escaped, so that it is safe on a terminal.
fn quoted(text: &str) -> String {
    format!("'{}'", text.escape_debug())
}

/// A non-negative number times its unit; the unit's letters may be of either case.
fn scaled(text: &str, units: &[(&str, f64)]) -> Result<f64, String> {
    let text = text.trim();
    let end = text
        .find(|c: char| !matches!(c, '0'..='9' | '.' | '-' | '+'))
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = unit.trim();
    if number.is_empty() {
        return Err("no number".into());
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
        for (text, want) in [
            ("0", 0.0),
            ("1", 1.0),
            ("0.25", 0.25),
            ("100%", 1.0),
            ("50 %", 0.5),
        ] {
            assert_eq!(probability(text).unwrap(), want, "{text}");
        }
    }

    #[test]
    fn reads_rates_and_windows() {
        for (text, want) in [
            ("10Mbit", 10_000_000),
            ("1.5 Gbit/s", 1_500_000_000),
            ("500kbps", 500_000),
            ("64000", 64_000),
        ] {
            assert_eq!(rate(text).unwrap(), want, "{text}");
        }
        for text in [
            "",
            "0",
            "0.5",
            "10MB",
            "Mbit",
            "-1kbit",
            "9e9",
            "99999999Gbit",
        ] {
            let error = rate(text).unwrap_err().to_string();
            assert!(error.contains("10Mbit"), "{error}");
        }
        let seconds = Duration::from_secs;
        assert_eq!(window("2s..5s").unwrap(), seconds(2)..seconds(5));
        assert_eq!(window("0..1m").unwrap(), seconds(0)..seconds(60));
        for text in [
            "",
            "2s",
            "5s..2s",
            "2s..2s",
            "..",
            "1s..",
            "x..2s",
            "1s..2s..3s",
        ] {
            window(text).unwrap_err();
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
        for text in ["", "%", "1.01", "101%", "-0.1", "NaN", "inf"] {
            probability(text).unwrap_err();
        }
    }
}
