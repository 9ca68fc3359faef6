//! ioctl(2) on sockets.

use std::fmt::Write as _;

use super::{Context, address};
use crate::trace::call::{Call, Returned};
use crate::trace::memory::Memory;
use crate::trace::notation::{Names, flags, hex, named, names, pointer, quoted};

#[rustfmt::skip]
const REQUESTS: Names = &[
    (0x5401, "TCGETS"), (0x5411, "TIOCOUTQ"), (0x541b, "FIONREAD"), (0x5421, "FIONBIO"),
    (0x5450, "FIONCLEX"), (0x5451, "FIOCLEX"), (0x5452, "FIOASYNC"), (0x8901, "FIOSETOWN"),
    (0x8902, "SIOCSPGRP"), (0x8903, "FIOGETOWN"), (0x8904, "SIOCGPGRP"), (0x8905, "SIOCATMARK"),
    (0x8906, "SIOCGSTAMP_OLD"), (0x8907, "SIOCGSTAMPNS_OLD"), (0x8910, "SIOCGIFNAME"),
    (0x8912, "SIOCGIFCONF"), (0x8913, "SIOCGIFFLAGS"), (0x8914, "SIOCSIFFLAGS"),
    (0x8915, "SIOCGIFADDR"), (0x8917, "SIOCGIFDSTADDR"), (0x8919, "SIOCGIFBRDADDR"),
    (0x891b, "SIOCGIFNETMASK"), (0x891d, "SIOCGIFMETRIC"), (0x8921, "SIOCGIFMTU"),
    (0x8922, "SIOCSIFMTU"), (0x8927, "SIOCGIFHWADDR"), (0x8933, "SIOCGIFINDEX"),
    (0x8942, "SIOCGIFTXQLEN"), (0x8946, "SIOCETHTOOL"), (0x89b0, "SIOCSHWTSTAMP"),
    (0x89b1, "SIOCGHWTSTAMP"),
];

/// Flags of an interface (linux/if.h).
const INTERFACE: Names = names! {
    IFF_UP IFF_BROADCAST IFF_DEBUG IFF_LOOPBACK IFF_POINTOPOINT IFF_NOTRAILERS IFF_RUNNING IFF_NOARP
    IFF_PROMISC IFF_ALLMULTI IFF_MASTER IFF_SLAVE IFF_MULTICAST IFF_PORTSEL IFF_AUTOMEDIA IFF_DYNAMIC
};

/// `struct ifreq` of 64-bit Linux.
const REQUEST: usize = 40;

pub(super) fn decode<M: Memory>(call: &mut Call, context: &Context<'_, M>) {
    let [_, request, at, ..] = context.arguments;
    let request = request as u32;
    call.facts.number = request.into();
    request_name(call.next(), request);
    let is_good = matches!(call.returned, Returned::Value(_));
    let word = context.memory.exact(at).map(i32::from_ne_bytes);
    let text = match request {
        // These have no argument.
        0x5450 | 0x5451 => return,
        _ => call.next(),
    };
    match (request, word) {
        // These two are read before the call, the others after it.
        (0x5421 | 0x5452 | 0x8901 | 0x8902, Some(word)) => {
            let _ = write!(text, "[{word}]");
            call.facts.value = word;
        }
        (0x541b | 0x5411 | 0x8903..=0x8905, Some(word)) if is_good => {
            let _ = write!(text, "[{word}]");
        }
        (
            0x8910
            | 0x8913..=0x8915
            | 0x8917
            | 0x8919
            | 0x891b
            | 0x891d
            | 0x8921
            | 0x8922
            | 0x8927
            | 0x8933
            | 0x8942,
            _,
        ) => match context.memory.exact::<REQUEST>(at) {
            Some(bytes) => interface(text, request, &bytes, is_good),
            None => pointer(text, at),
        },
        (0x5421 | 0x5452 | 0x541b | 0x5411 | 0x8901..=0x8907 | 0x8946 | 0x89b0 | 0x89b1, _) => {
            pointer(text, at);
        }
        (0x8912, _) => pointer(text, at),
        _ => hex(text, at),
    }
}

/// The name; else the parts that the number is made of (asm-generic/ioctl.h).
fn request_name(text: &mut String, request: u32) {
    if REQUESTS.iter().any(|(n, _)| *n == i64::from(request)) {
        return named(text, request, REQUESTS, "");
    }
    const DIRECTIONS: Names = &[(2, "_IOC_READ"), (1, "_IOC_WRITE")];
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

/// A question about an interface, and the answer: `{ifr_name="lo", ifr_mtu=65536}`.
fn interface(text: &mut String, request: u32, bytes: &[u8; REQUEST], is_good: bool) {
    let (name, value) = bytes.split_at(16);
    let word = value
        .first_chunk()
        .map_or(0, |word| i32::from_ne_bytes(*word));
    let write_name = |text: &mut String| {
        let end = name.iter().position(|byte| *byte == 0);
        text.push_str("ifr_name=");
        quoted(text, &name[..end.unwrap_or(15).min(15)], end.is_none());
    };
    text.push('{');
    if request == 0x8910 {
        let _ = write!(text, "ifr_ifindex={word}");
    } else {
        write_name(text);
    }
    // What is set is told even where it was refused.
    if is_good || matches!(request, 0x8914 | 0x8922) {
        text.push_str(", ");
        let field = match request {
            0x8910 => {
                write_name(text);
                ""
            }
            0x8913 | 0x8914 => {
                text.push_str("ifr_flags=");
                flags(text, word.cast_unsigned() & 0xffff, INTERFACE, "IFF_???");
                ""
            }
            0x8915 => "ifr_addr",
            0x8917 => "ifr_dstaddr",
            0x8919 => "ifr_broadaddr",
            0x891b => "ifr_netmask",
            0x8927 => "ifr_hwaddr",
            0x891d => "ifr_metric",
            0x8933 => "ifr_ifindex",
            0x8942 => "ifr_qlen",
            _ => "ifr_mtu",
        };
        match request {
            0x8915 | 0x8917 | 0x8919 | 0x891b => {
                let _ = write!(text, "{field}=");
                address::write(text, &value[..16]);
            }
            0x8927 => hardware(text, value),
            _ if !field.is_empty() => drop(write!(text, "{field}={word}")),
            _ => {}
        }
    }
    text.push('}');
}

/// `ifr_hwaddr={sa_family=ARPHRD_ETHER, sa_data=02:00:00:00:00:01}`.
fn hardware(text: &mut String, value: &[u8]) {
    let family = value
        .first_chunk()
        .map_or(0, |word| u16::from_ne_bytes(*word));
    text.push_str("ifr_hwaddr={sa_family=");
    named(text, family.into(), super::names::HARDWARE, "ARPHRD_???");
    text.push_str(", sa_data=");
    // An Ethernet's address has six bytes, and so has a loopback's.
    let parts = value.get(2..8).unwrap_or_default().iter();
    let parts: Vec<_> = parts.map(|byte| format!("{byte:02x}")).collect();
    text.push_str(&parts.join(":"));
    text.push('}');
}
