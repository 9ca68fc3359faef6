//! getsockopt(2) and setsockopt(2): names and values from the catalogue.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::{Context, length_argument};
use crate::socket::options::{Kind, SocketOption};
use crate::trace::call::Call;
use crate::trace::memory::Memory;
use crate::trace::notation::{Names, named, names, pointer, quoted};

const LEVELS: Names = names! {
    SOL_IP SOL_SOCKET SOL_TCP SOL_UDP SOL_IPV6 SOL_ICMPV6 SOL_RAW SOL_PACKET SOL_NETLINK
    SOL_TLS SOL_CAN_BASE SOL_DCCP SOL_BLUETOOTH SOL_ALG SOL_XDP
};

const TCP: Names = names! {
    TCP_NODELAY TCP_MAXSEG TCP_CORK TCP_KEEPIDLE TCP_KEEPINTVL TCP_KEEPCNT TCP_SYNCNT TCP_LINGER2
    TCP_DEFER_ACCEPT TCP_WINDOW_CLAMP TCP_INFO TCP_QUICKACK TCP_CONGESTION TCP_MD5SIG
    TCP_THIN_LINEAR_TIMEOUTS TCP_THIN_DUPACK TCP_USER_TIMEOUT TCP_REPAIR TCP_FASTOPEN TCP_TIMESTAMP
    TCP_NOTSENT_LOWAT TCP_SAVE_SYN TCP_SAVED_SYN TCP_FASTOPEN_CONNECT TCP_ULP TCP_INQ
};

/// A level, by strace's name.
pub(super) fn level(text: &mut String, level: i32) {
    named(text, level.into(), LEVELS, "SOL_???");
}

/// The name that strace has for an option: the old one of those that have a new one for 64-bit time.
fn name(option: &'static SocketOption) -> &'static str {
    let aliases = option.aliases.iter();
    aliases
        .copied()
        .find(|alias| alias.ends_with("_OLD") || *alias == "IP_ORIGDSTADDR")
        .unwrap_or(option.name)
}

pub(super) fn set<M: Memory>(call: &mut Call, context: &Context<'_, M>) {
    let [_, level, number, address, length, _] = context.arguments;
    let option = head(call, level as i32, number as i32);
    // The kernel takes an int for a length, and refuses those below zero.
    let bytes = usize::try_from(length as i32)
        .ok()
        .filter(|length| *length > 0 && address != 0)
        .and_then(|length| context.memory.bytes(address, length.min(256)));
    let text = call.next();
    match &bytes {
        Some(bytes) => {
            let value = value(text, option, bytes, context.bytes);
            if let Some(option) = option {
                call.facts.option = Some((option, value));
            }
        }
        None => pointer(text, address),
    }
    let _ = write!(call.next(), "{}", length as i32);
}

pub(super) fn get<M: Memory>(call: &mut Call, context: &Context<'_, M>) {
    let [_, level, number, address, at, _] = context.arguments;
    let option = head(call, level as i32, number as i32);
    let length = context.memory.exact(at).map(u32::from_ne_bytes);
    let bytes = length
        .filter(|length| *length > 0 && call.value() == Some(0))
        .and_then(|length| context.memory.bytes(address, length.min(256) as usize));
    let text = call.next();
    match &bytes {
        Some(bytes) => {
            let value = value(text, option, bytes, context.bytes);
            if let Some(option) = option {
                call.facts.option = Some((option, value));
            }
        }
        None => pointer(text, address),
    }
    length_argument(call, context, at, length);
}

/// The level and the name.
fn head(call: &mut Call, number: i32, name_number: i32) -> Option<&'static SocketOption> {
    level(call.next(), number);
    let option = SocketOption::of(number, name_number);
    let text = call.next();
    match (option, number) {
        (Some(option), _) => text.push_str(name(option)),
        (None, libc::SOL_TCP) => named(text, name_number.into(), TCP, "TCP_???"),
        (None, _) => {
            let prefix = match number {
                libc::SOL_SOCKET => "SO_???",
                libc::SOL_IP => "IP_???",
                libc::SOL_IPV6 => "IPV6_???",
                libc::SOL_UDP => "UDP_???",
                _ => "",
            };
            let _ = match prefix {
                "" => write!(text, "{name_number:#x}"),
                _ => write!(text, "{name_number:#x} /* {prefix} */"),
            };
        }
    }
    option
}

/// The value: in strace's notation, and where that is but a number, with its name beside it.
fn value(
    text: &mut String,
    option: Option<&'static SocketOption>,
    bytes: &[u8],
    most: usize,
) -> Option<crate::socket::options::Value> {
    let word = |at: usize| Some(i32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?));
    let long = |at: usize| Some(i64::from_ne_bytes(*bytes.get(at..)?.first_chunk()?));
    let v4 = |at: usize| Some(Ipv4Addr::from(*bytes.get(at..)?.first_chunk::<4>()?));
    let value = option.and_then(|option| option.decode(bytes));
    let kind = option.map(|option| option.kind);
    let written = (|| {
        match kind? {
            Kind::Time => drop(write!(
                text,
                "{{tv_sec={}, tv_usec={}}}",
                long(0)?,
                long(8)?
            )),
            Kind::Linger => {
                let _ = write!(text, "{{l_onoff={}", word(0)?);
                if let Some(seconds) = word(4) {
                    let _ = write!(text, ", l_linger={seconds}");
                }
                text.push('}');
            }
            Kind::MemoryInfo => {
                let counters = bytes
                    .as_chunks()
                    .0
                    .iter()
                    .map(|word| u32::from_ne_bytes(*word));
                let _ = write!(text, "{:?}", counters.collect::<Vec<_>>());
            }
            Kind::Cookie => drop(write!(text, "[{}]", long(0)?.cast_unsigned())),
            Kind::Membership if bytes.len() < 16 => {
                let (group, interface) = (v4(0)?, v4(4)?);
                let _ = write!(text, "{{imr_multiaddr=inet_addr(\"{group}\"), ");
                let _ = match word(8) {
                    Some(index) => write!(
                        text,
                        "imr_address=inet_addr(\"{interface}\"), imr_ifindex={index}}}"
                    ),
                    None => write!(text, "imr_interface=inet_addr(\"{interface}\")}}"),
                };
            }
            Kind::Membership if bytes.len() == 20 => {
                let group = Ipv6Addr::from(*bytes.first_chunk::<16>()?);
                let index = word(16)?.cast_unsigned();
                let _ = write!(
                    text,
                    "{{inet_pton(AF_INET6, \"{group}\", &ipv6mr_multiaddr), ipv6mr_interface="
                );
                let _ = match super::interface(index) {
                    Some(name) => write!(text, "if_nametoindex(\"{name}\")}}"),
                    None => write!(text, "{index}}}"),
                };
            }
            Kind::MulticastInterface if bytes.len() == 4 => {
                let _ = write!(text, "[{}]", word(0)?);
            }
            Kind::Enumeration(_) | Kind::Bits(_) | Kind::Tos { .. } | Kind::Errno
                if bytes.len() == 4 =>
            {
                let _ = write!(text, "[{}", word(0)?);
                let name = value.as_ref().map(ToString::to_string);
                // Only where it is a name: strace's own notation for one (-X verbose).
                if let Some(name) = name.filter(|name| name.parse::<i64>().is_err()) {
                    let _ = write!(text, " /* {name} */");
                }
                text.push(']');
            }
            _ => return None,
        }
        Some(())
    })();
    if written.is_none() {
        match bytes.len() {
            4 => drop(write!(text, "[{}]", word(0).unwrap_or_default())),
            length => quoted(text, &bytes[..length.min(most)], length > most),
        }
    }
    value
}
