//! Levels of getsockopt(2), and which way an option goes.

use std::fmt;

use crate::socket::Family;

/// The level of getsockopt(2) that an option belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// `SOL_SOCKET`.
    Socket,
    /// `IPPROTO_IP`.
    Ip,
    /// `IPPROTO_IPV6`.
    Ipv6,
    /// `IPPROTO_IP` or `IPPROTO_IPV6`, after the family of the group (RFC 3678).
    Group,
    /// `IPPROTO_UDP`.
    Udp,
}

impl Level {
    /// All levels, in the order of the catalogue.
    pub const ALL: [Self; 5] = [Self::Socket, Self::Ip, Self::Ipv6, Self::Group, Self::Udp];

    /// Its number, for an address or a socket of `family`.
    pub fn number(self, family: Family) -> i32 {
        match (self, family) {
            (Self::Socket, _) => libc::SOL_SOCKET,
            (Self::Ip, _) | (Self::Group, Family::V4) => libc::IPPROTO_IP,
            (Self::Ipv6, _) | (Self::Group, Family::V6) => libc::IPPROTO_IPV6,
            (Self::Udp, _) => libc::IPPROTO_UDP,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Socket => "SOL_SOCKET",
            Self::Ip => "IPPROTO_IP",
            Self::Ipv6 => "IPPROTO_IPV6",
            Self::Group => "IPPROTO_IP or IPPROTO_IPV6",
            Self::Udp => "IPPROTO_UDP",
        })
    }
}

/// What can be done with an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It can only be read.
    Read,
    /// It can only be set.
    Write,
    /// It can be read and set.
    ReadWrite,
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Read => "read",
            Self::Write => "set",
            Self::ReadWrite => "read and set",
        })
    }
}
