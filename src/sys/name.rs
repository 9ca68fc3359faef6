//! Socket addresses as the kernel writes them, in 28 bytes, the larger size of UDP's two families.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// A `struct sockaddr_in` or `struct sockaddr_in6`.
#[derive(Clone, Copy)]
#[repr(C, align(4))]
pub(crate) struct Name([u8; Self::CAPACITY]);

impl Name {
    /// `sizeof(struct sockaddr_in6)`.
    pub(crate) const CAPACITY: usize = 28;

    pub(crate) const EMPTY: Self = Self([0; Self::CAPACITY]);

    /// Reads the address, as [`read`] does.
    pub(crate) fn read(&self, length: usize) -> SocketAddr {
        read(&self.0, length)
    }

    /// The size of an address of this family.
    pub(crate) fn length(address: SocketAddr) -> usize {
        if address.is_ipv4() { 16 } else { 28 }
    }
}

impl From<SocketAddr> for Name {
    fn from(address: SocketAddr) -> Self {
        let mut bytes = [0; Self::CAPACITY];
        bytes[2..4].copy_from_slice(&address.port().to_be_bytes());
        let family = match address {
            SocketAddr::V4(v4) => {
                bytes[4..8].copy_from_slice(&v4.ip().octets());
                libc::AF_INET
            }
            SocketAddr::V6(v6) => {
                bytes[4..8].copy_from_slice(&v6.flowinfo().to_ne_bytes());
                bytes[8..24].copy_from_slice(&v6.ip().octets());
                bytes[24..28].copy_from_slice(&v6.scope_id().to_ne_bytes());
                libc::AF_INET6
            }
        };
        bytes[..2].copy_from_slice(&(family as u16).to_ne_bytes());
        Self(bytes)
    }
}

/// Reads an address of which the kernel wrote `length` bytes. An address too short for its family, or
/// of a family without UDP, reads as 0.0.0.0:0: the bytes after it belong to an earlier address.
pub(crate) fn read(bytes: &[u8; Name::CAPACITY], length: usize) -> SocketAddr {
    let [f0, f1, p0, p1, a, b, c, d, rest @ ..] = *bytes;
    let port = u16::from_be_bytes([p0, p1]);
    match i32::from(u16::from_ne_bytes([f0, f1])) {
        libc::AF_INET if length >= 16 => SocketAddr::from(([a, b, c, d], port)),
        libc::AF_INET6 if length >= Name::CAPACITY => {
            // As in std and socket2: the field without conversion to the host's byte order.
            let flow = u32::from_ne_bytes([a, b, c, d]);
            let [address @ .., s0, s1, s2, s3] = rest;
            let scope = u32::from_ne_bytes([s0, s1, s2, s3]);
            SocketAddrV6::new(Ipv6Addr::from(address), port, flow, scope).into()
        }
        _ => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_what_socket2_writes(v4: Ipv4Addr, v6: Ipv6Addr, port: u16, flow: u32, scope: u32) {
            let v6 = SocketAddrV6::new(v6, port, flow, scope);
            for address in [SocketAddr::from((v4, port)), v6.into()] {
                let name = Name::from(address);
                let whole = Name::length(address);
                prop_assert_eq!(name.read(whole), address);
                for cut in 0..whole {
                    prop_assert_eq!(name.read(cut), SocketAddr::from(([0; 4], 0)));
                }
                let foreign = socket2::SockAddr::from(address);
                prop_assert_eq!(foreign.len() as usize, Name::length(address));
                // SAFETY: SockAddr is initialized for its length, here at most 28 bytes.
                let foreign = unsafe {
                    std::slice::from_raw_parts(foreign.as_ptr().cast::<u8>(), Name::length(address))
                };
                prop_assert_eq!(&name.0[..Name::length(address)], foreign);
            }
        }

        #[test]
        fn any_bytes_are_survived(bytes: [u8; 28], length: usize) {
            read(&bytes, length);
        }
    }
}
