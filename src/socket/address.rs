//! Address families, and addresses as people read them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

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

    /// The family of the packets that carry datagrams to or from an address: IPv4 for an IPv4-mapped
    /// IPv6 address (RFC 4291 section 2.5.5.2), which only the socket sees as IPv6.
    ///
    /// ```
    /// use udpraw::socket::Family;
    /// let mapped = "[::ffff:192.0.2.1]:53".parse().unwrap();
    /// assert_eq!((Family::of(mapped), Family::on_the_wire(mapped)), (Family::V6, Family::V4));
    /// ```
    pub fn on_the_wire(address: SocketAddr) -> Self {
        match address.ip().to_canonical() {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
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

    /// The bytes of headers before the payload of a datagram: 20 of IPv4 (RFC 791) or 40 of IPv6
    /// (RFC 8200), without options or extension headers, and 8 of UDP (RFC 768).
    pub fn headers(self) -> usize {
        match self {
            Self::V4 => 28,
            Self::V6 => 48,
        }
    }

    /// The loopback address: 127.0.0.1 or `::1`.
    pub fn loopback(self) -> IpAddr {
        match self {
            Self::V4 => Ipv4Addr::LOCALHOST.into(),
            Self::V6 => Ipv6Addr::LOCALHOST.into(),
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

/// A socket address in its readable form: with the interface name of a link-local address.
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

/// The name of the interface that an address belongs to, escaped; `None` for an address without
/// one, or if the interface is gone.
pub fn scope_name(address: SocketAddr) -> Option<String> {
    match address {
        SocketAddr::V6(address) if address.scope_id() != 0 => {
            let name = nix::net::if_::if_indextoname(address.scope_id()).ok()?;
            Some(name.to_string_lossy().escape_debug().to_string())
        }
        _ => None,
    }
}

/// Where a datagram to that address arrives, and so where its reply comes from: a datagram to the
/// wildcard address goes to the loopback address of the same family (ip(7)). Any other address is
/// returned unchanged. IPv4-mapped addresses stay mapped.
///
/// ```
/// use udpraw::socket::loopback_if_unspecified;
/// let shown = |text: &str| loopback_if_unspecified(text.parse().unwrap()).to_string();
/// assert_eq!(shown("0.0.0.0:53"), "127.0.0.1:53");
/// assert_eq!(shown("[::]:53"), "[::1]:53");
/// assert_eq!(shown("[::ffff:0.0.0.0]:53"), "[::ffff:127.0.0.1]:53");
/// assert_eq!(shown("192.0.2.1:53"), "192.0.2.1:53");
/// ```
#[cfg(feature = "extras")]
pub fn loopback_if_unspecified(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => address.set_ip(Family::V4.loopback()),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => address.set_ip(Family::V6.loopback()),
        IpAddr::V6(ip) if ip.to_ipv4_mapped() == Some(Ipv4Addr::UNSPECIFIED) => {
            address.set_ip(Ipv4Addr::LOCALHOST.to_ipv6_mapped().into());
        }
        _ => {}
    }
    address
}
