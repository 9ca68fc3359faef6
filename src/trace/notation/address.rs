//! Socket addresses in strace's notation.

use std::fmt::Write as _;
use std::net::Ipv6Addr;

use super::{Names, flags, hex_padded, interface, named, quoted, quoted_hex};
use crate::trace::address::SocketAddress;
use crate::trace::decode::names;

/// `{sa_family=AF_INET, sin_port=htons(1060), sin_addr=inet_addr("127.0.0.1")}`.
pub(super) fn address(text: &mut String, address: &SocketAddress) {
    text.push_str("{sa_family=");
    named(text, address.family().into(), names::FAMILIES, "AF_???");
    match address {
        SocketAddress::Family(_) => {}
        SocketAddress::Inet(address) => {
            let (port, ip) = (address.port(), address.ip());
            let _ = write!(
                text,
                ", sin_port=htons({port}), sin_addr=inet_addr(\"{ip}\")"
            );
        }
        SocketAddress::Inet6 {
            address,
            interface: of_scope,
            has_scope,
        } => {
            let _ = write!(
                text,
                ", sin6_port=htons({}), sin6_flowinfo=htonl({}), inet_pton(AF_INET6, \"{}\", &sin6_addr)",
                address.port(),
                address.flowinfo(),
                Inet6(*address.ip())
            );
            if *has_scope {
                text.push_str(", sin6_scope_id=");
                match of_scope {
                    Some(of_scope) => interface(text, of_scope),
                    None => drop(write!(text, "{}", address.scope_id())),
                }
            }
        }
        SocketAddress::Path(_) | SocketAddress::Abstract(_) => {
            text.push_str(", sun_path=");
            path(text, address);
        }
        SocketAddress::Netlink { pad, pid, groups } => {
            if *pad != 0 {
                let _ = write!(text, ", nl_pad={pad:#x}");
            }
            let _ = write!(text, ", nl_pid={pid}, nl_groups=");
            hex_padded(text, (*groups).into(), 8);
        }
        SocketAddress::Packet { .. } => packet(text, address),
        SocketAddress::Vsock { .. } => vsock(text, address),
        SocketAddress::Other { data, .. } => {
            text.push_str(", sa_data=");
            quoted(text, data, false);
        }
    }
    text.push('}');
}

/// `"/run/socket"`, `@"abstract"`; nothing for other families.
pub(super) fn path(text: &mut String, address: &SocketAddress) {
    match address {
        SocketAddress::Path(path) => quoted(text, path, false),
        SocketAddress::Abstract(name) => {
            text.push('@');
            quoted(text, name, false);
        }
        _ => {}
    }
}

/// The fields of a `struct sockaddr_ll`.
fn packet(text: &mut String, address: &SocketAddress) {
    let SocketAddress::Packet {
        protocol,
        interface: card,
        hardware,
        kind,
        length,
        address,
    } = address
    else {
        return;
    };
    text.push_str(", sll_protocol=htons(");
    named(text, (*protocol).into(), names::ETHERNET, "ETH_P_???");
    text.push_str("), sll_ifindex=");
    interface(text, card);
    text.push_str(", sll_hatype=");
    named(text, (*hardware).into(), names::HARDWARE, "ARPHRD_???");
    text.push_str(", sll_pkttype=");
    named(text, (*kind).into(), names::PACKET_TYPES, "PACKET_???");
    let _ = write!(text, ", sll_halen={length}");
    if *length == 0 {
        return;
    }
    text.push_str(", sll_addr=[");
    for at in 0..usize::from(*length) {
        if at > 0 {
            text.push_str(", ");
        }
        let Some(byte) = address.get(at) else {
            text.push_str("...");
            break;
        };
        hex_padded(text, (*byte).into(), 2);
    }
    text.push(']');
}

/// The fields of a `struct sockaddr_vm`.
fn vsock(text: &mut String, address: &SocketAddress) {
    const CONTEXTS: Names = &[
        (0, "VMADDR_CID_HYPERVISOR"),
        (1, "VMADDR_CID_LOCAL"),
        (2, "VMADDR_CID_HOST"),
        (0xffff_ffff, "VMADDR_CID_ANY"),
    ];
    const PORTS: Names = &[(0xffff_ffff, "VMADDR_PORT_ANY")];
    const FLAGS: Names = &[(1, "VMADDR_FLAG_TO_HOST")];
    let SocketAddress::Vsock {
        reserved,
        cid,
        port,
        flags: bits,
        zeros,
    } = address
    else {
        return;
    };
    if *reserved != 0 {
        let _ = write!(text, ", svm_reserved1={reserved:#x}");
    }
    text.push_str(", svm_cid=");
    named(text, *cid, CONTEXTS, "");
    text.push_str(", svm_port=");
    named(text, *port, PORTS, "");
    text.push_str(", svm_flags=");
    flags(text, (*bits).into(), FLAGS, "VMADDR_FLAG_???");
    if *zeros != [0; 3] {
        text.push_str(", svm_zero=");
        quoted_hex(text, zeros);
    }
}

/// An IPv6 address as inet_ntop(3) writes it, which differs from Rust only for `::192.0.2.1`.
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
