//! Decodes ioctl(2) on sockets.

use super::Context;
use crate::trace::address::SocketAddress;
use crate::trace::argument::{Argument, Bytes, Field, Named};
use crate::trace::call::{Call, Returned};
use crate::trace::memory::Memory;
use crate::trace::notation::{Names, names};

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
    call.push(Argument::Request(Named {
        value: request,
        names: REQUESTS,
        unknown: "",
    }));
    let is_good = matches!(call.returned, Returned::Value(_));
    let word = context.memory.exact(at).map(i32::from_ne_bytes);
    // These have no argument.
    if matches!(request, 0x5450 | 0x5451) {
        return;
    }
    let number = |word: i32| Argument::list(vec![Argument::Signed(word.into())]);
    let argument = match (request, word) {
        // The kernel reads these before the call, and writes the others during it.
        (0x5421 | 0x5452 | 0x8901 | 0x8902, Some(word)) => {
            call.facts.value = word;
            number(word)
        }
        (0x541b | 0x5411 | 0x8903..=0x8905, Some(word)) if is_good => number(word),
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
            Some(bytes) => interface(request, &bytes, is_good),
            None => Argument::Pointer(at),
        },
        (0x5421 | 0x5452 | 0x541b | 0x5411 | 0x8901..=0x8907 | 0x8946 | 0x89b0 | 0x89b1, _) => {
            Argument::Pointer(at)
        }
        (0x8912, _) => Argument::Pointer(at),
        _ => Argument::Hex(at),
    };
    call.push(argument);
}

/// A query about an interface, and its result: `{ifr_name="lo", ifr_mtu=65536}`.
fn interface(request: u32, bytes: &[u8; REQUEST], is_good: bool) -> Argument {
    let (name, value) = bytes.split_at(16);
    let word = value
        .first_chunk()
        .map_or(0, |word| i32::from_ne_bytes(*word));
    let end = name.iter().position(|byte| *byte == 0);
    let name = Argument::Bytes(Bytes {
        start: name[..end.unwrap_or(15).min(15)].to_vec(),
        is_cut: end.is_none(),
    });
    let number = Argument::Signed(word.into());
    let (asked, answer) = match request {
        0x8910 => (("ifr_ifindex", number), ("ifr_name", name)),
        _ => (("ifr_name", name), answer(request, value, number)),
    };
    // The value of a set request is shown even if it failed.
    Argument::Struct(if is_good || matches!(request, 0x8914 | 0x8922) {
        vec![asked, answer]
    } else {
        vec![asked]
    })
}

/// The other field of a `struct ifreq`.
fn answer(request: u32, value: &[u8], number: Argument) -> Field {
    let address = || {
        let address = SocketAddress::read(value.get(..16).unwrap_or_default());
        Argument::SocketAddress(Box::new(address))
    };
    match request {
        0x8913 | 0x8914 => {
            let bits = number.number().unwrap_or_default() as u32 & 0xffff;
            ("ifr_flags", Argument::flags(bits, INTERFACE, "IFF_???"))
        }
        0x8915 => ("ifr_addr", address()),
        0x8917 => ("ifr_dstaddr", address()),
        0x8919 => ("ifr_broadaddr", address()),
        0x891b => ("ifr_netmask", address()),
        0x8927 => ("ifr_hwaddr", hardware(value)),
        0x891d => ("ifr_metric", number),
        0x8933 => ("ifr_ifindex", number),
        0x8942 => ("ifr_qlen", number),
        _ => ("ifr_mtu", number),
    }
}

/// `{sa_family=ARPHRD_ETHER, sa_data=02:00:00:00:00:01}`.
fn hardware(value: &[u8]) -> Argument {
    let family = value
        .first_chunk()
        .map_or(0, |word| u16::from_ne_bytes(*word));
    let family = Argument::named(family.into(), super::names::HARDWARE, "ARPHRD_???");
    // Ethernet and loopback addresses have six bytes.
    let address = value.get(2..8).unwrap_or_default().to_vec();
    Argument::Struct(vec![
        ("sa_family", family),
        ("sa_data", Argument::HardwareAddress(address)),
    ])
}
