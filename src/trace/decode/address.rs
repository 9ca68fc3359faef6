//! Socket addresses in strace's notation.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use super::{index, names};
use crate::trace::notation::{flags, hex_padded, named, quoted, quoted_hex};

/// The longest address that the kernel takes: a `struct sockaddr_storage`.
pub(super) const LONGEST: usize = 128;

/// An address, and zeros behind it where it is shorter than its structure.
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

/// Writes a `struct sockaddr` of two bytes or more; returns it if it is one of IP.
pub(super) fn write(text: &mut String, bytes: &[u8]) -> Option<SocketAddr> {
    let (length, bytes) = (bytes.len(), Bytes(bytes));
    let family = bytes.short(0);
    text.push_str("{sa_family=");
    named(text, family.into(), names::FAMILIES, "AF_???");
    if length <= 2 {
        text.push('}');
        return None;
    }
    text.push_str(", ");
    let mut found = None;
    match (i32::from(family), length) {
        (libc::AF_INET, 16..) => found = Some(inet(text, &bytes)),
        (libc::AF_INET6, 24..) => found = Some(inet6(text, &bytes, length)),
        (libc::AF_UNIX, _) => unix(text, bytes.0),
        (libc::AF_NETLINK, 12..) => {
            let pad = bytes.short(2);
            if pad != 0 {
                let _ = write!(text, "nl_pad={pad:#x}, ");
            }
            let _ = write!(text, "nl_pid={}, nl_groups=", bytes.word(4) as i32);
            hex_padded(text, bytes.word(8).into(), 8);
        }
        (libc::AF_PACKET, 20..) => packet(text, &bytes, length),
        (libc::AF_VSOCK, 16..) => vsock(text, &bytes),
        _ => {
            text.push_str("sa_data=");
            quoted(text, bytes.0.get(2..).unwrap_or_default(), false);
        }
    }
    text.push('}');
    found
}

fn inet(text: &mut String, bytes: &Bytes<'_>) -> SocketAddr {
    let port = u16::from_be_bytes(bytes.get(2));
    let address = Ipv4Addr::from(bytes.get::<4>(4));
    let _ = write!(
        text,
        "sin_port=htons({port}), sin_addr=inet_addr(\"{address}\")"
    );
    SocketAddr::from((address, port))
}

fn inet6(text: &mut String, bytes: &Bytes<'_>, length: usize) -> SocketAddr {
    let port = u16::from_be_bytes(bytes.get(2));
    let (flow, scope) = (u32::from_be_bytes(bytes.get(4)), bytes.word(24));
    let address = Ipv6Addr::from(bytes.get::<16>(8));
    let _ = write!(
        text,
        "sin6_port=htons({port}), sin6_flowinfo=htonl({flow}), \
         inet_pton(AF_INET6, \"{}\", &sin6_addr)",
        Inet6(address)
    );
    // RFC 2133's structure had no scope.
    if length > 24 {
        text.push_str(", sin6_scope_id=");
        let is_link_local_group = address.is_multicast() && address.segments()[0] & 0xf == 2;
        if address.is_unicast_link_local() || is_link_local_group {
            index(text, scope);
        } else {
            // Writing to a String cannot fail.
            let _ = write!(text, "{scope}");
        }
    }
    SocketAddrV6::new(address, port, flow, scope).into()
}

/// A path, or a name in the abstract namespace, which ends with the address.
fn unix(text: &mut String, bytes: &[u8]) {
    let path = bytes.get(2..).unwrap_or_default();
    let path = &path[..path.len().min(108)];
    text.push_str("sun_path=");
    match path.split_first() {
        Some((0, name)) => {
            text.push('@');
            quoted(text, name, false);
        }
        _ => {
            let end = path.iter().position(|byte| *byte == 0);
            quoted(text, &path[..end.unwrap_or(path.len())], false);
        }
    }
}

/// A `struct sockaddr_ll`.
fn packet(text: &mut String, bytes: &Bytes<'_>, length: usize) {
    text.push_str("sll_protocol=htons(");
    let protocol = u16::from_be_bytes(bytes.get(2));
    named(text, protocol.into(), names::ETHERNET, "ETH_P_???");
    text.push_str("), sll_ifindex=");
    index(text, bytes.word(4));
    text.push_str(", sll_hatype=");
    named(text, bytes.short(8).into(), names::HARDWARE, "ARPHRD_???");
    text.push_str(", sll_pkttype=");
    named(
        text,
        bytes.byte(10).into(),
        names::PACKET_TYPES,
        "PACKET_???",
    );
    let bytes_of_address = usize::from(bytes.byte(11));
    let _ = write!(text, ", sll_halen={bytes_of_address}");
    if bytes_of_address == 0 {
        return;
    }
    text.push_str(", sll_addr=[");
    for at in 0..bytes_of_address {
        if at > 0 {
            text.push_str(", ");
        }
        if at >= length - 12 {
            text.push_str("...");
            break;
        }
        hex_padded(text, bytes.byte(12 + at).into(), 2);
    }
    text.push(']');
}

/// A `struct sockaddr_vm`.
fn vsock(text: &mut String, bytes: &Bytes<'_>) {
    const CONTEXTS: crate::trace::notation::Names = &[
        (0, "VMADDR_CID_HYPERVISOR"),
        (1, "VMADDR_CID_LOCAL"),
        (2, "VMADDR_CID_HOST"),
        (0xffff_ffff, "VMADDR_CID_ANY"),
    ];
    const PORTS: crate::trace::notation::Names = &[(0xffff_ffff, "VMADDR_PORT_ANY")];
    const FLAGS: crate::trace::notation::Names = &[(1, "VMADDR_FLAG_TO_HOST")];
    let reserved = bytes.short(2);
    if reserved != 0 {
        let _ = write!(text, "svm_reserved1={reserved:#x}, ");
    }
    text.push_str("svm_cid=");
    named(text, bytes.word(8), CONTEXTS, "");
    text.push_str(", svm_port=");
    named(text, bytes.word(4), PORTS, "");
    text.push_str(", svm_flags=");
    flags(text, bytes.byte(12).into(), FLAGS, "VMADDR_FLAG_???");
    let zeros: [u8; 3] = bytes.get(13);
    if zeros != [0; 3] {
        text.push_str(", svm_zero=");
        quoted_hex(text, &zeros);
    }
}

/// An IPv6 address as inet_ntop(3) writes it, which is Rust's way but for `::192.0.2.1`.
pub(super) struct Inet6(pub(super) Ipv6Addr);

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
