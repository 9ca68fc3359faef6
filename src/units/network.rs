//! Parses quantities of a network. A number without a unit is ambiguous there, so it is rejected, and
//! the error gives both readings: a probability (1 is 1% or 100%), a rate (bits or bytes), and a
//! network delay (milliseconds or seconds).

use std::ops::Range;
use std::time::Duration;

use super::{duration, quoted, scaled};
use crate::error::{Error, Result};

/// Powers of 1,000 of bits, as tc(8) writes them; each may end in `/s`.
const RATE_UNITS: &[(&str, f64)] = &[("bit", 1.0), ("kbit", 1e3), ("mbit", 1e6), ("gbit", 1e9)];

/// Bytes, in bits. Their case matters: a small b means bits to some readers.
const BYTE_RATE_UNITS: &[(&str, f64)] = &[
    ("kB", 8e3),
    ("MB", 8e6),
    ("GB", 8e9),
    ("KiB", 8.0 * 1024.0),
    ("MiB", 8.0 * 1_048_576.0),
    ("GiB", 8.0 * 1_073_741_824.0),
];

/// Parses a network delay: `50ms`. Like [`duration`], but only 0 may be without a unit: network delays
/// are usually given in milliseconds, and waiting times in seconds.
///
/// ```
/// let error = udpraw::units::network_time("50").unwrap_err().to_string();
/// assert!(error.contains("50ms or 50s"), "{error}");
/// ```
///
/// # Errors
/// The errors of [`duration`], and an error for a number other than 0 without a unit.
pub fn network_time(text: &str) -> Result<Duration> {
    let time = duration(text)?;
    match bare_number(text) {
        Some(number) if !time.is_zero() => Err(Error::invalid(
            "read duration",
            quoted(text),
            format!("it has no unit and may mean {number}ms or {number}s"),
        )
        .with_remedy("write the one that you mean")),
        _ => Ok(time),
    }
}

/// Parses a window of time, from its start up to its end: `2s..5s`.
///
/// # Errors
/// If either side is not a [`network_time`], or the end is not after the start.
pub fn window(text: &str) -> Result<Range<Duration>> {
    let bad = |reason: &str| {
        Error::invalid("read window", quoted(text), reason)
            .with_remedy("write its start and its end, as in 2s..5s")
    };
    let (begin, end) = text.split_once("..").ok_or_else(|| bad("it has no '..'"))?;
    let (begin, end) = (network_time(begin)?, network_time(end)?);
    if end <= begin {
        return Err(bad("it does not end after its start"));
    }
    Ok(begin..end)
}

/// Parses a rate in bits per second: `10Mbit` (10,000,000), `1.5Gbit/s`, or in bytes: `10MB`
/// (80,000,000).
///
/// ```
/// let error = udpraw::units::rate("10mbps").unwrap_err().to_string();
/// assert!(error.contains("10Mbit") && error.contains("10MB"), "{error}");
/// ```
///
/// # Errors
/// If the text is not a number, has no unit, an unknown or an ambiguous one (`bps` means bytes in
/// tc(8)), is less than one bit per second, or above 2^53.
pub fn rate(text: &str) -> Result<u64> {
    let bad = |reason: String| {
        Error::invalid("read rate", quoted(text), reason).with_remedy(
            "write a number with bit, kbit, Mbit or Gbit, or kB, MB or GB for bytes, as in 10Mbit",
        )
    };
    let trimmed = text.trim();
    let trimmed = trimmed.strip_suffix("/s").unwrap_or(trimmed);
    let end = trimmed.find(char::is_alphabetic).unwrap_or(trimmed.len());
    let (number, unit) = (trimmed[..end].trim(), &trimmed[end..]);
    let power = match unit.to_ascii_lowercase().as_str() {
        "" | "b" | "bps" => Some(""),
        "k" | "kb" | "kbps" => Some("k"),
        "m" | "mb" | "mbps" => Some("M"),
        "g" | "gb" | "gbps" => Some("G"),
        _ => None,
    };
    let in_bytes = BYTE_RATE_UNITS.iter().find(|(known, _)| *known == unit);
    let bits = match (in_bytes, power) {
        (Some(known), _) => scaled(&format!("{number}{unit}"), &[*known]).map_err(bad)?,
        // Whether it is a number depends only on the digits.
        (None, Some(power)) if number.parse::<f64>().is_ok_and(|number| number > 0.0) => {
            let (bits, bytes) = match power {
                "" => (format!("{number}bit"), format!("{number} bytes per second")),
                power => (format!("{number}{power}bit"), format!("{number}{power}B")),
            };
            return Err(Error::invalid(
                "read rate",
                quoted(text),
                format!("it may mean {bits} or {bytes}"),
            )
            .with_remedy(
                "write the one that you mean: bit counts bits, kB, MB and GB count bytes",
            ));
        }
        (None, Some(_)) if number.parse() == Ok(0.0) => 0.0,
        _ => scaled(trimmed, RATE_UNITS).map_err(bad)?,
    };
    if bits < 1.0 {
        return Err(bad("less than one bit per second".into()));
    }
    if bits > 9_007_199_254_740_992.0 {
        return Err(bad("too large".into()));
    }
    Ok(bits as u64)
}

/// Parses a probability, written as `20%`; returns a number from 0 to 1.
///
/// ```
/// let error = udpraw::units::probability("1").unwrap_err().to_string();
/// assert!(error.contains("1% or 100%"), "{error}");
/// ```
///
/// # Errors
/// If the text is not a number, has no percent sign (0 needs none), or is outside 0 % to 100 %.
pub fn probability(text: &str) -> Result<f64> {
    let bad = |reason: String| {
        Error::invalid("read probability", quoted(text), reason).with_remedy("write 0% to 100%")
    };
    let value = scaled(text, &[("", 1.0), ("%", 0.01)]).map_err(bad)?;
    if let Some(number) = bare_number(text)
        && value > 0.0
    {
        return Err(match value {
            ..=1.0 => {
                // The number in decimal, without the error of binary fractions.
                let share = (value * 1e8).round() / 1e6;
                bad(format!("it may mean {number}% or {share}%"))
            }
            _ => bad(format!("it has no percent sign; did you mean {number}%?")),
        });
    }
    if value > 1.0 {
        return Err(bad("above 100%".into()));
    }
    Ok(value)
}

/// The number, if the text has nothing else.
fn bare_number(text: &str) -> Option<&str> {
    let text = text.trim();
    let is_bare = text.chars().all(|c| c.is_ascii_digit() || c == '.');
    is_bare.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_probabilities() {
        for (text, want) in [
            ("0", 0.0),
            ("0.0", 0.0),
            ("25%", 0.25),
            ("0.5%", 0.005),
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
            ("500kbit", 500_000),
            ("64000bit", 64_000),
            ("10MB", 80_000_000),
            ("10 MB/s", 80_000_000),
            ("1KiB", 8192),
        ] {
            assert_eq!(rate(text).unwrap(), want, "{text}");
        }
        for text in ["", "0", "0.5bit", "Mbit", "-1kbit", "9e9", "99999999Gbit"] {
            let error = rate(text).unwrap_err().to_string();
            assert!(error.contains("10Mbit"), "{error}");
        }
        for (text, bits, bytes) in [
            ("64000", "64000bit", "64000 bytes"),
            ("10mbps", "10Mbit", "10MB"),
            ("10 Mb/s", "10Mbit", "10MB"),
            ("500kbps", "500kbit", "500kB"),
            ("1.5G", "1.5Gbit", "1.5GB"),
        ] {
            let error = rate(text).unwrap_err().to_string();
            assert!(
                error.contains(&format!("may mean {bits} or {bytes}")),
                "{error}"
            );
            assert_eq!(
                rate(bits).unwrap() * 8,
                rate(bytes).unwrap_or(512_000),
                "{text}"
            );
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
            "2..5",
        ] {
            window(text).unwrap_err();
        }
    }

    #[test]
    fn refuses_what_makes_no_sense() {
        for text in ["", "%", "1.01", "101%", "-0.1", "NaN", "inf"] {
            probability(text).unwrap_err();
        }
        for (text, want) in [
            ("1", "1% or 100%"),
            ("0.2", "0.2% or 20%"),
            ("0.07", "0.07% or 7%"),
            ("20", "did you mean 20%?"),
        ] {
            let error = probability(text).unwrap_err().to_string();
            assert!(error.contains(want), "{error}");
        }
        for (text, want) in [("50", "50ms or 50s"), (" 0.5 ", "0.5ms or 0.5s")] {
            let error = network_time(text).unwrap_err().to_string();
            assert!(error.contains(want), "{error}");
        }
        assert_eq!(network_time("0").unwrap(), Duration::ZERO);
        assert_eq!(network_time("50ms").unwrap(), Duration::from_millis(50));
    }
}
