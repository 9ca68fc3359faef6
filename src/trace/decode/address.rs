//! Socket addresses in strace's notation.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::trace::notation::{named, names, quoted};

/// Families of addresses.
pub(super) const FAMILIES: crate::trace::notation::Names = names! {
    AF_UNSPEC AF_UNIX AF_INET AF_AX25 AF_IPX AF_APPLETALK AF_NETROM AF_BRIDGE AF_X25 AF_INET6 AF_ROSE
    AF_NETLINK AF_PACKET AF_CAN AF_TIPC AF_BLUETOOTH AF_IUCV AF_RXRPC AF_ISDN AF_PHONET AF_IEEE802154
    AF_ALG AF_NFC AF_VSOCK AF_XDP AF_KEY AF_IB AF_LLC AF_PPPOX AF_RDS AF_SNA AF_DECnet AF_SECURITY
};

/// Writes a `struct sockaddr` of `length` bytes; returns it if it is one of IP.
pub(super) fn write(text: &mut String, bytes: &[u8]) -> Option<SocketAddr> {
    let Some((family, rest)) = bytes.split_first_chunk::<2>() else {
        text.push_str("{sa_family=");
        quoted(text, bytes, false);
        text.push('}');
        return None;
    };
    let family = u16::from_ne_bytes(*family);
    let field = |at: usize| Some(u32::from_ne_bytes(*rest.get(at..)?.first_chunk()?));
    let port = || Some(u16::from_be_bytes(*rest.first_chunk()?));
    text.push_str("{sa_family=");
    named(text, family.into(), FAMILIES, "AF_???");
    let found = match i32::from(family) {
        libc::AF_INET => (|| {
            let address = Ipv4Addr::from(*rest.get(2..)?.first_chunk::<4>()?);
            // A shorter one than struct sockaddr_in is no address.
            rest.get(13)?;
            let port = port()?;
            let _ = write!(
                text,
                ", sin_port=htons({port}), sin_addr=inet_addr(\"{address}\")"
            );
            Some(SocketAddr::from((address, port)))
        })(),
        libc::AF_INET6 => (|| {
            let address = Ipv6Addr::from(*rest.get(6..)?.first_chunk::<16>()?);
            let (port, flow) = (port()?, u32::from_be(field(2)?));
            // RFC 2133's structure had no scope.
            let scope = field(22);
            let _ = write!(
                text,
                ", sin6_port=htons({port}), sin6_flowinfo=htonl({flow}), \
                 inet_pton(AF_INET6, \"{}\", &sin6_addr)",
                Inet6(address)
            );
            if let Some(scope) = scope {
                let _ = match crate::trace::decode::interface(scope) {
                    Some(name) if address.is_unicast_link_local() => {
                        write!(text, ", sin6_scope_id=if_nametoindex(\"{name}\")")
                    }
                    _ => write!(text, ", sin6_scope_id={scope}"),
                };
            }
            let scope = scope.unwrap_or_default();
            Some(std::net::SocketAddrV6::new(address, port, flow, scope).into())
        })(),
        libc::AF_UNIX => {
            if let Some(first) = rest.first() {
                text.push_str(", sun_path=");
                let path = match first {
                    0 if rest.len() > 1 => {
                        text.push('@');
                        &rest[1..]
                    }
                    _ => rest.split(|byte| *byte == 0).next().unwrap_or_default(),
                };
                quoted(text, path, false);
            }
            text.push('}');
            return None;
        }
        libc::AF_NETLINK => {
            if let (Some(pid), Some(groups)) = (field(2), field(6)) {
                let pad = u16::from_ne_bytes(*rest.first_chunk().unwrap_or(&[0; 2]));
                if pad != 0 {
                    let _ = write!(text, ", nl_pad={pad:#x}");
                }
                let _ = write!(text, ", nl_pid={pid}, nl_groups={groups:08x}");
                text.push('}');
                return None;
            }
            None
        }
        _ => None,
    };
    if found.is_none() && !rest.is_empty() {
        text.push_str(", sa_data=");
        quoted(
            text,
            &rest[..rest.len().min(MOST_UNKNOWN)],
            rest.len() > MOST_UNKNOWN,
        );
    }
    text.push('}');
    found
}

/// How much of an address of an unknown family is shown: a `struct sockaddr_storage`.
const MOST_UNKNOWN: usize = 126;

/// An IPv6 address as inet_ntop(3) writes it, which is Rust's way but for `::192.0.2.1`.
struct Inet6(Ipv6Addr);

impl std::fmt::Display for Inet6 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.0.segments(), self.0.octets()) {
            ([0, 0, 0, 0, 0, 0, high, _], [.., a, b, c, d]) if high != 0 => {
                write!(f, "::{a}.{b}.{c}.{d}")
            }
            _ => self.0.fmt(f),
        }
    }
}
