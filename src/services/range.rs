//! The three ranges of port numbers (RFC 6335, section 6).

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::error::{Error, Result};

/// One of the three ranges of ports (RFC 6335, section 6).
///
/// The kernel picks ephemeral ports from another range: `/proc/sys/net/ipv4/ip_local_port_range`,
/// ip(7).
///
/// ```
/// use udpraw::services::Range;
/// assert_eq!(Range::of(53), Range::WellKnown);
/// assert_eq!(Range::of(1060).to_string(), "registered");
/// assert_eq!("dynamic".parse::<Range>()?.ports(), 49_152..=65_535);
/// # Ok::<(), udpraw::error::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Range {
    /// 0 to 1,023: system ports. To bind one, Linux requires `CAP_NET_BIND_SERVICE` (ip(7)).
    WellKnown,
    /// 1,024 to 49,151: user ports.
    Registered,
    /// 49,152 to 65,535: dynamic ports, never assigned.
    Dynamic,
}

impl Range {
    /// All three, from the lowest ports to the highest.
    pub const ALL: [Self; 3] = [Self::WellKnown, Self::Registered, Self::Dynamic];

    /// Returns the range of a port.
    pub const fn of(port: u16) -> Self {
        match port {
            0..=1_023 => Self::WellKnown,
            1_024..=49_151 => Self::Registered,
            49_152.. => Self::Dynamic,
        }
    }

    /// The ports of the range.
    pub const fn ports(self) -> RangeInclusive<u16> {
        match self {
            Self::WellKnown => 0..=1_023,
            Self::Registered => 1_024..=49_151,
            Self::Dynamic => 49_152..=65_535,
        }
    }

    /// `well-known`, `registered` or `dynamic`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::WellKnown => "well-known",
            Self::Registered => "registered",
            Self::Dynamic => "dynamic",
        }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Range {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|range| range.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| {
                Error::invalid(
                    "read range",
                    format_args!("'{}'", text.escape_debug()),
                    "unknown range of ports",
                )
                .with_remedy("write well-known, registered or dynamic")
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_port_lies_in_its_own_range_alone() {
        for port in 0..=u16::MAX {
            let home: Vec<_> = Range::ALL
                .into_iter()
                .filter(|range| range.ports().contains(&port))
                .collect();
            assert_eq!(home, [Range::of(port)], "{port}");
        }
    }

    #[test]
    fn reads_its_own_names_alone() {
        for range in Range::ALL {
            assert_eq!(range.to_string().parse::<Range>().unwrap(), range);
        }
        let error = "high\x1b".parse::<Range>().unwrap_err().to_string();
        assert_eq!(
            error,
            r"cannot read range 'high\u{1b}': unknown range of ports; write well-known, registered or dynamic"
        );
    }
}
