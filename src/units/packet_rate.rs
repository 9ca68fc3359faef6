//! Rates of datagrams, counted in datagrams or in bits.

use std::fmt;
use std::str::FromStr;

use super::{quoted, rate, scaled};
use crate::error::{Error, Result};

/// Powers of 1,000 of datagrams per second.
const UNITS: &[(&str, f64)] = &[("pps", 1.0), ("kpps", 1e3), ("Mpps", 1e6)];

/// The slowest rate: a datagram in some three years.
const SLOWEST: f64 = 1e-8;

/// The fastest rate in datagrams per second: one per nanosecond.
const FASTEST: f64 = 1e9;

/// A rate of datagrams, as people write it: `50kpps`, `1Gbit`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PacketRate {
    /// Datagrams per second.
    Packets(f64),
    /// Bits of UDP payload per second.
    Bits(u64),
}

impl PacketRate {
    /// The rate in datagrams per second, if each has a payload of `size` bytes. An empty payload counts
    /// as one byte.
    ///
    /// ```
    /// use udpraw::units::packet_rate;
    /// assert_eq!(packet_rate("8Mbit")?.per_second(1000), 1000.0);
    /// assert_eq!(packet_rate("50kpps")?.per_second(1000), 50_000.0);
    /// # Ok::<(), udpraw::error::Error>(())
    /// ```
    pub fn per_second(self, size: usize) -> f64 {
        match self {
            Self::Packets(rate) => rate,
            Self::Bits(bits) => (bits as f64 / (8.0 * size.max(1) as f64)).min(FASTEST),
        }
    }
}

/// Parses a rate of datagrams: `50kpps`, `1.5Mpps`, or in bits or bytes of payload as [`rate`] reads them:
/// `1Gbit`, `10MB`.
///
/// ```
/// let error = udpraw::units::packet_rate("500").unwrap_err().to_string();
/// assert!(error.contains("500pps") && error.contains("500bit"), "{error}");
/// ```
///
/// # Errors
/// If the text is not a number, has no unit or an unknown one, or is not positive or above one datagram
/// per nanosecond.
pub fn packet_rate(text: &str) -> Result<PacketRate> {
    let trimmed = text.trim();
    let trimmed = trimmed.strip_suffix("/s").unwrap_or(trimmed);
    let unit = trimmed.trim_start_matches(|c: char| c.is_ascii_digit() || "+-. ".contains(c));
    if unit.is_empty() && trimmed.parse::<f64>().is_ok_and(|number| number > 0.0) {
        let number = trimmed.trim();
        let reason = format!("it may mean {number}pps or {number}bit");
        return Err(Error::invalid("read rate", quoted(text), reason)
            .with_remedy("write the one that you mean: pps counts datagrams, bit counts bits"));
    }
    if !unit.to_ascii_lowercase().ends_with("pps") {
        return rate(text).map(PacketRate::Bits);
    }
    let bad = |reason: String| {
        Error::invalid("read rate", quoted(text), reason)
            .with_remedy("write a number with pps, kpps or Mpps, as in 50kpps")
    };
    let packets = scaled(trimmed, UNITS).map_err(bad)?;
    if !(SLOWEST..=FASTEST).contains(&packets) {
        return Err(bad("it must be above 0 and at most 1000Mpps".into()));
    }
    Ok(PacketRate::Packets(packets))
}

impl FromStr for PacketRate {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        packet_rate(text)
    }
}

/// As [`packet_rate`] reads it.
impl fmt::Display for PacketRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, units) = match *self {
            Self::Packets(rate) => (rate, ["pps", "kpps", "Mpps", "000Mpps"]),
            Self::Bits(bits) => (bits as f64, ["bit", "kbit", "Mbit", "Gbit"]),
        };
        let power = match number {
            1e9.. => 3,
            1e6.. => 2,
            1e3.. => 1,
            _ => 0,
        };
        write!(
            f,
            "{}{}",
            number / 1000_f64.powi(power),
            units[power as usize]
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_datagrams_and_bits() {
        for (text, want) in [
            ("1pps", PacketRate::Packets(1.0)),
            ("0.5pps", PacketRate::Packets(0.5)),
            ("50kpps", PacketRate::Packets(50e3)),
            ("1.5 Mpps", PacketRate::Packets(1.5e6)),
            ("2kpps/s", PacketRate::Packets(2e3)),
            ("1Gbit", PacketRate::Bits(1_000_000_000)),
            ("10MB", PacketRate::Bits(80_000_000)),
        ] {
            let read = packet_rate(text).unwrap();
            assert_eq!(read, want, "{text}");
            assert_eq!(packet_rate(&read.to_string()).unwrap(), want, "{read}");
        }
        assert_eq!(PacketRate::Bits(8000).per_second(0), 1000.0);
    }

    #[test]
    fn refuses_what_makes_no_sense() {
        for (text, want) in [
            ("", "as in 10Mbit"),
            ("0", "less than one bit"),
            ("0pps", "above 0"),
            ("-1pps", "negative"),
            ("2000Mpps", "1000Mpps"),
            ("5kpp", "as in 10Mbit"),
            ("5xpps", "as in 50kpps"),
            ("10M", "10Mbit or 10MB"),
            ("\x1b[2Jpps", "as in 50kpps"),
        ] {
            let error = packet_rate(text).unwrap_err().to_string();
            assert!(error.contains(want) && !error.contains('\x1b'), "{error}");
        }
    }
}
