//! Socket addresses of every decoded family, as values.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use super::argument::Interface;

/// The longest address that the kernel takes: a `struct sockaddr_storage`.
pub(super) const LONGEST: usize = 128;

/// A socket address in a call (`struct sockaddr`); it may be invalid.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SocketAddress {
    /// Only a family.
    Family(u16),
    /// ip(7).
    Inet(SocketAddrV4),
    /// ipv6(7).
    Inet6 {
        /// The address, with its scope.
        address: SocketAddrV6,
        /// The interface of a link-local scope.
        interface: Option<Interface>,
        /// Whether the structure has a scope: the one of RFC 2133 had none.
        has_scope: bool,
    },
    /// unix(7): a path.
    Path(Vec<u8>),
    /// unix(7): a name in the abstract namespace.
    Abstract(Vec<u8>),
    /// netlink(7).
    Netlink {
        /// Padding, which should be 0.
        pad: u16,
        /// The port id.
        pid: i32,
        /// A mask of multicast groups.
        groups: u32,
    },
    /// packet(7).
    Packet {
        /// The protocol, in host byte order.
        protocol: u16,
        /// The interface.
        interface: Interface,
        /// The type of hardware (`ARPHRD_…`).
        hardware: u16,
        /// The frame's destination (`PACKET_…`).
        kind: u8,
        /// The length of the hardware address, as the structure states it.
        length: u8,
        /// The bytes of the hardware address that the structure has.
        address: Vec<u8>,
    },
    /// vsock(7).
    Vsock {
        /// A field that should be 0.
        reserved: u16,
        /// The context id.
        cid: u32,
        /// The port.
        port: u32,
        /// `VMADDR_FLAG_…`.
        flags: u8,
        /// Padding, which should be 0.
        zeros: [u8; 3],
    },
    /// Any other family, or too few bytes for its own.
    Other {
        /// The family.
        family: u16,
        /// The bytes after it.
        data: Vec<u8>,
    },
}

/// An address, padded with zeros if it is shorter than its structure.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn get<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut field = [0; N];
        let there = self.0.get(at..).unwrap_or_default();
        for (byte, there) in field.iter_mut().zip(there) {
            *byte = *there;
        }
        field
    }

    fn byte(&self, at: usize) -> u8 {
        let [byte] = self.get(at);
        byte
    }

    fn short(&self, at: usize) -> u16 {
        u16::from_ne_bytes(self.get(at))
    }

    fn word(&self, at: usize) -> u32 {
        u32::from_ne_bytes(self.get(at))
    }
}

impl SocketAddress {
    /// Reads a `struct sockaddr` of two bytes or more.
    pub(super) fn read(whole: &[u8]) -> Self {
        let (length, bytes) = (whole.len(), Bytes(whole));
        let family = bytes.short(0);
        if length <= 2 {
            return Self::Family(family);
        }
        match (i32::from(family), length) {
            (libc::AF_INET, 16..) => {
                let port = u16::from_be_bytes(bytes.get(2));
                let address = Ipv4Addr::from(bytes.get::<4>(4));
                Self::Inet(SocketAddrV4::new(address, port))
            }
            (libc::AF_INET6, 24..) => inet6(&bytes, length),
            (libc::AF_UNIX, _) => unix(whole.get(2..).unwrap_or_default()),
            (libc::AF_NETLINK, 12..) => Self::Netlink {
                pad: bytes.short(2),
                pid: bytes.word(4).cast_signed(),
                groups: bytes.word(8),
            },
            (libc::AF_PACKET, 20..) => Self::Packet {
                protocol: u16::from_be_bytes(bytes.get(2)),
                interface: Interface::of(bytes.word(4)),
                hardware: bytes.short(8),
                kind: bytes.byte(10),
                length: bytes.byte(11),
                address: whole.get(12..).unwrap_or_default().to_vec(),
            },
            (libc::AF_VSOCK, 16..) => Self::Vsock {
                reserved: bytes.short(2),
                cid: bytes.word(8),
                port: bytes.word(4),
                flags: bytes.byte(12),
                zeros: bytes.get(13),
            },
            _ => Self::Other {
                family,
                data: whole.get(2..).unwrap_or_default().to_vec(),
            },
        }
    }

    /// The address, if it is an IP address.
    pub fn ip(&self) -> Option<SocketAddr> {
        match self {
            Self::Inet(address) => Some((*address).into()),
            Self::Inet6 { address, .. } => Some((*address).into()),
            _ => None,
        }
    }

    /// The number of its family (`AF_…`).
    pub fn family(&self) -> u16 {
        let family = match self {
            Self::Family(family) | Self::Other { family, .. } => return *family,
            Self::Inet(_) => libc::AF_INET,
            Self::Inet6 { .. } => libc::AF_INET6,
            Self::Path(_) | Self::Abstract(_) => libc::AF_UNIX,
            Self::Netlink { .. } => libc::AF_NETLINK,
            Self::Packet { .. } => libc::AF_PACKET,
            Self::Vsock { .. } => libc::AF_VSOCK,
        };
        u16::try_from(family).unwrap_or_default()
    }
}

fn inet6(bytes: &Bytes<'_>, length: usize) -> SocketAddress {
    let port = u16::from_be_bytes(bytes.get(2));
    let (flow, scope) = (u32::from_be_bytes(bytes.get(4)), bytes.word(24));
    let address = Ipv6Addr::from(bytes.get::<16>(8));
    let is_link_local_group = address.is_multicast() && address.segments()[0] & 0xf == 2;
    let is_link_local = address.is_unicast_link_local() || is_link_local_group;
    let has_scope = length > 24;
    SocketAddress::Inet6 {
        address: SocketAddrV6::new(address, port, flow, scope),
        interface: (is_link_local && has_scope).then(|| Interface::of(scope)),
        has_scope,
    }
}

/// A path, or a name in the abstract namespace, which ends with the address.
fn unix(path: &[u8]) -> SocketAddress {
    let path = &path[..path.len().min(108)];
    match path.split_first() {
        Some((0, name)) => SocketAddress::Abstract(name.to_vec()),
        _ => {
            let end = path.iter().position(|byte| *byte == 0);
            SocketAddress::Path(path[..end.unwrap_or(path.len())].to_vec())
        }
    }
}
