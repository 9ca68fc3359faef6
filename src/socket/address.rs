//! Address families, and addresses as people read them.

use std::fmt;
use std::net::SocketAddr;

/// The two families that UDP runs over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// IPv4: `AF_INET`.
    V4,
    /// IPv6: `AF_INET6`.
    V6,
}

impl Family {
    /// The family of an address.
    pub fn of(address: SocketAddr) -> Self {
        if address.is_ipv4() {
            Self::V4
        } else {
            Self::V6
        }
    }

    pub(super) fn domain(self) -> socket2::Domain {
        match self {
            Self::V4 => socket2::Domain::IPV4,
            Self::V6 => socket2::Domain::IPV6,
        }
    }

    /// The largest payload of a datagram in bytes: 65,507 over IPv4 (RFC 791, 768: 65,535 less the
    /// headers of 20 and 8), 65,527 over IPv6 (RFC 8200: its own header does not count).
    pub fn largest_payload(self) -> usize {
        match self {
            Self::V4 => 65_507,
            Self::V6 => 65_527,
        }
    }

    /// The wildcard address of the family with port 0, as an unbound socket shows it.
    pub fn unspecified(self) -> SocketAddr {
        match self {
            Self::V4 => SocketAddr::from(([0; 4], 0)),
            Self::V6 => SocketAddr::from(([0_u16; 8], 0)),
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

/// A socket address as a person writes it: the interface of a link-local address is named.
///
/// ```
/// # #[cfg(feature = "extras")] {
/// use udpraw::socket::Shown;
/// let shown = |text: &str| Shown(text.parse().unwrap()).to_string();
/// assert_eq!(shown("127.0.0.1:53"), "127.0.0.1:53");
/// assert_eq!(shown("[fe80::1%1]:53"), "[fe80::1%lo]:53");
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown(pub SocketAddr);

#[cfg(feature = "extras")]
impl Shown {
    /// The address without its port.
    pub fn host(self) -> String {
        match scope_name(self.0) {
            Some(name) => format!("{}%{name}", self.0.ip()),
            None => self.0.ip().to_string(),
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match scope_name(self.0) {
            Some(name) => write!(f, "[{}%{name}]:{}", self.0.ip(), self.0.port()),
            None => self.0.fmt(f),
        }
    }
}

/// The name of the interface that an address belongs to, escaped; `None` for an address that belongs
/// to none, or to one that is gone.
pub fn scope_name(address: SocketAddr) -> Option<String> {
    match address {
        SocketAddr::V6(address) if address.scope_id() != 0 => {
            let name = nix::net::if_::if_indextoname(address.scope_id()).ok()?;
            Some(name.to_string_lossy().escape_debug().to_string())
        }
        _ => None,
    }
}
