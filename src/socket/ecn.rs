//! Explicit congestion notification: two bits of the TOS byte (RFC 3168).

use std::fmt;

/// The ECN codepoint of a datagram: the two lowest bits of TOS or traffic class (RFC 3168 section 5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Ecn {
    /// `Not-ECT`: the sender does not react to marks; a congested router drops instead.
    #[default]
    NotEct,
    /// `ECT(1)`: ECN-capable, low latency (L4S, RFC 9331).
    Ect1,
    /// `ECT(0)`: ECN-capable.
    Ect0,
    /// `CE`: a router on the way was congested.
    Ce,
}

impl Ecn {
    /// The codepoint in a TOS byte.
    ///
    /// ```
    /// use udpraw::socket::Ecn;
    /// assert_eq!(Ecn::from_tos(0xb8 | 0b11), Ecn::Ce);
    /// ```
    pub fn from_tos(tos: u8) -> Self {
        match tos & 0b11 {
            0b00 => Self::NotEct,
            0b01 => Self::Ect1,
            0b10 => Self::Ect0,
            _ => Self::Ce,
        }
    }

    /// The two bits.
    pub fn bits(self) -> u8 {
        match self {
            Self::NotEct => 0b00,
            Self::Ect1 => 0b01,
            Self::Ect0 => 0b10,
            Self::Ce => 0b11,
        }
    }
}

impl fmt::Display for Ecn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::NotEct => "Not-ECT",
            Self::Ect1 => "ECT(1)",
            Self::Ect0 => "ECT(0)",
            Self::Ce => "CE",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bits_are_read_back() {
        for tos in 0..=255_u8 {
            assert_eq!(Ecn::from_tos(tos).bits(), tos & 3);
        }
    }
}
