//! Arguments in strace's notation.

use std::fmt::Write as _;

use super::address::{Inet6, address, path};
use super::{
    Names, flags, hex, interface, named, names, pointer, quoted, quoted_hex, status_flags,
};
use crate::error::errno_name;
use crate::socket::options::SocketOption;
use crate::trace::address::SocketAddress;
use crate::trace::argument::{Argument, Field, List, Named, Rest, Time};
use crate::trace::decode::names as numbers;
use crate::trace::signal;

/// Writes an argument.
pub(in crate::trace) fn argument(text: &mut String, value: &Argument) {
    match value {
        Argument::Signed(number) => drop(write!(text, "{number}")),
        Argument::Unsigned(number) => drop(write!(text, "{number}")),
        Argument::Hex(number) => hex(text, *number),
        Argument::Pointer(at) => pointer(text, *at),
        Argument::Named(of) => named(text, of.value, of.names, of.unknown),
        Argument::Flags(of) => flags(text, of.value, of.names, of.unknown),
        Argument::SocketType(number) => socket_types(text, *number),
        Argument::StatusFlags(bits) => status_flags(text, *bits),
        Argument::Bytes(bytes) => quoted(text, &bytes.start, bytes.is_cut),
        Argument::PartOfWord(bytes) => quoted_hex(text, bytes),
        Argument::HardwareAddress(bytes) => hardware_address(text, bytes),
        Argument::SocketAddress(of) => address(text, of),
        Argument::Ipv4(ip) => drop(write!(text, "inet_addr(\"{ip}\")")),
        // The field's name is part of it: see `structure`.
        Argument::Ipv6(ip) => drop(write!(text, "\"{}\"", Inet6(*ip))),
        Argument::EtherType(number) => {
            text.push_str("htons(");
            named(text, (*number).into(), numbers::ETHERNET, "ETH_P_???");
            text.push(')');
        }
        Argument::Interface(of) => interface(text, of),
        Argument::Id(u32::MAX) => text.push_str("-1"),
        Argument::Id(id) => drop(write!(text, "{id}")),
        Argument::Signal(number) => text.push_str(&signal::name(*number)),
        Argument::SignalSet(set) => signal_set(text, *set),
        Argument::IcmpTypes(mask) => icmp_types(text, *mask),
        Argument::Descriptors(fds) => descriptors(text, fds),
        Argument::Time(of) => time(text, *of),
        Argument::Length { before, after } => {
            let _ = match after {
                Some(after) => write!(text, "[{before} => {after}]"),
                None => write!(text, "[{before}]"),
            };
        }
        Argument::Changed(before, after) => {
            argument(text, before);
            text.push_str(" => ");
            argument(text, after);
        }
        Argument::Option { option, is_get } => text.push_str(option_name(option, *is_get)),
        Argument::OptionNumber { number, meaning } => {
            let _ = match meaning {
                Some(meaning) => write!(text, "[{number} /* {meaning} */]"),
                None => write!(text, "[{number}]"),
            };
        }
        Argument::Errno(0) => text.push('0'),
        Argument::Errno(number) => text.push_str(&errno_name(*number)),
        Argument::ErrnoNumber(number) => {
            let name = errno_name(number.cast_signed());
            let _ = write!(text, "{number} /* {name} */");
        }
        Argument::Commented(number, name) => {
            let _ = match name {
                Some(name) => write!(text, "{number} /* {name} */"),
                None => write!(text, "{number}"),
            };
        }
        Argument::Request(of) => request(text, of),
        Argument::List(of) => list(text, of),
        Argument::Struct(fields) => structure(text, fields),
        Argument::Unreadable => text.push_str("???"),
        Argument::Brief { kind, address } => brief(text, kind, address.as_deref()),
    }
}

/// `{l_onoff=1, l_linger=5}`.
fn structure(text: &mut String, fields: &[Field]) {
    text.push('{');
    for (at, (name, value)) in fields.iter().enumerate() {
        text.push_str(if at > 0 { ", " } else { "" });
        if let Argument::Ipv6(ip) = value {
            let ip = Inet6(*ip);
            let _ = write!(text, "inet_pton(AF_INET6, \"{ip}\", &{name})");
            continue;
        }
        text.push_str(name);
        text.push('=');
        argument(text, value);
    }
    text.push('}');
}

/// `[a, b, ...]`.
fn list(text: &mut String, list: &List) {
    text.push('[');
    for (at, item) in list.items.iter().enumerate() {
        text.push_str(if at > 0 { ", " } else { "" });
        argument(text, item);
    }
    if list.rest != Rest::None && !list.items.is_empty() {
        text.push_str(", ");
    }
    match list.rest {
        Rest::None => {}
        Rest::Cut => text.push_str("..."),
        Rest::Unreadable(at) => drop(write!(text, "... /* {at:#x} */")),
    }
    text.push(']');
}

/// The name of a socket's type, ignoring flags.
pub(in crate::trace) fn socket_type(number: u32) -> Option<&'static str> {
    #[rustfmt::skip]
    const TYPES: Names = &[
        (1, "SOCK_STREAM"), (2, "SOCK_DGRAM"), (3, "SOCK_RAW"), (4, "SOCK_RDM"),
        (5, "SOCK_SEQPACKET"), (6, "SOCK_DCCP"), (10, "SOCK_PACKET"),
    ];
    let known = TYPES.iter().find(|(n, _)| *n == i64::from(number & 0xf));
    known.map(|(_, name)| *name)
}

/// The types of socket(2), with the two flags in them.
fn socket_types(text: &mut String, number: u32) {
    const FLAGS: Names = names! { SOCK_CLOEXEC SOCK_NONBLOCK };
    match socket_type(number) {
        Some(name) if number & !0xf == 0 => text.push_str(name),
        Some(name) => {
            let _ = write!(text, "{name}|");
            flags(text, number & !0xf, FLAGS, "SOCK_???");
        }
        None => flags(text, number, FLAGS, "SOCK_???"),
    }
}

/// `02:00:00:00:00:01`.
fn hardware_address(text: &mut String, bytes: &[u8]) {
    for (at, byte) in bytes.iter().enumerate() {
        text.push_str(if at > 0 { ":" } else { "" });
        let _ = write!(text, "{byte:02x}");
    }
}

fn time(text: &mut String, time: Time) {
    let unit = if time.is_nanos { "nsec" } else { "usec" };
    let (seconds, rest) = (time.seconds, time.fraction);
    let _ = write!(text, "{{tv_sec={seconds}, tv_{unit}={rest}}}");
}

/// `[3 5]`.
pub(super) fn descriptors(text: &mut String, fds: &[i32]) {
    text.push('[');
    for (at, fd) in fds.iter().enumerate() {
        text.push_str(if at > 0 { " " } else { "" });
        let _ = write!(text, "{fd}");
    }
    text.push(']');
}

/// `[INT TERM]`; `~[…]` if it contains two thirds or more of them: strace then names the others.
fn signal_set(text: &mut String, set: u64) {
    let set = match set.count_ones() {
        42.. => {
            text.push('~');
            !set
        }
        _ => set,
    };
    text.push('[');
    let signals = (1..=64).filter(|signal| set >> (signal - 1) & 1 == 1);
    for (at, number) in signals.enumerate() {
        text.push_str(if at > 0 { " " } else { "" });
        text.push_str(&signal::short_name(number));
    }
    text.push(']');
}

/// `[ICMP_ECHO]`; `~[…]` if it contains more than half of them.
fn icmp_types(text: &mut String, mask: u32) {
    let mask = match mask.count_ones() {
        17.. => {
            text.push('~');
            !mask
        }
        _ => mask,
    };
    text.push('[');
    let kinds = (0..32).filter(|kind| mask >> kind & 1 == 1);
    for (at, kind) in kinds.enumerate() {
        text.push_str(if at > 0 { " " } else { "" });
        named(text, kind, numbers::ICMP_TYPES, "ICMP_???");
    }
    text.push(']');
}

/// strace's name for an option: the old name if there is a new one for 64-bit time.
fn option_name(option: &'static SocketOption, is_get: bool) -> &'static str {
    let wanted = |alias: &&str| match option.number {
        libc::SO_ATTACH_FILTER if *alias == "SO_GET_FILTER" => is_get,
        _ => alias.ends_with("_OLD") || alias.ends_with("_ORIGDSTADDR"),
    };
    let mut aliases = option.aliases.iter().copied();
    aliases.find(wanted).unwrap_or(option.name)
}

/// The name of a request; without a name, the parts of the number (asm-generic/ioctl.h).
fn request(text: &mut String, request: &Named) {
    const DIRECTIONS: Names = &[(2, "_IOC_READ"), (1, "_IOC_WRITE")];
    if let Some(name) = request.name() {
        return text.push_str(name);
    }
    let request = request.value;
    text.push_str("_IOC(");
    match request >> 30 {
        0 => text.push_str("_IOC_NONE"),
        way => flags(text, way, DIRECTIONS, "_IOC_???"),
    }
    for (shift, mask) in [(8, 0xff), (0, 0xff), (16, 0x3fff)] {
        text.push_str(", ");
        hex(text, (request >> shift & mask).into());
    }
    text.push(')');
}

/// `tcp 127.0.0.1:80`, `unix "/run/socket"`.
fn brief(text: &mut String, kind: &str, address: Option<&SocketAddress>) {
    text.push_str(kind);
    let Some(address) = address else {
        return;
    };
    match (address, address.ip()) {
        (SocketAddress::Path(_) | SocketAddress::Abstract(_), _) => {
            text.push(' ');
            path(text, address);
        }
        (_, Some(ip)) => drop(write!(text, " {ip}")),
        (_, None) => {}
    }
}
