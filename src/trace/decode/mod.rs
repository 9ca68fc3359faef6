//! System calls from numbers and memory to strace's notation, one file per family of calls.
//!
//! Everything that is read here comes from another program, and is believed in nothing: each length
//! is bounded, and what is no structure is shown as bytes or as an address.

mod address;
mod control;
mod descriptor;
mod message;
mod option;
mod transfer;
mod wait;

use std::fmt::Write as _;
use std::net::SocketAddr;

use super::call::{Call, Returned};
use super::calls::Shape;
use super::memory::Memory;
use super::notation::{named, names, pointer};

/// What was read of the program's memory when the call began, and is written over by the kernel.
#[derive(Clone, Debug, Default)]
pub(super) enum Early {
    /// Nothing.
    #[default]
    None,
    /// The room for an address or a value.
    Length(u32),
    /// The room for the address of each message.
    Lengths(Vec<u32>),
    /// Arguments that the kernel overwrites, as text: the sets of select, the time of ppoll.
    Texts(Vec<String>),
}

/// What a call is decoded from.
pub(super) struct Context<'a, M> {
    pub(super) memory: &'a M,
    pub(super) arguments: [u64; 6],
    pub(super) early: &'a Early,
    /// How many bytes of a string are shown.
    pub(super) bytes: usize,
}

impl<M: Memory> Context<'_, M> {
    /// How long the parts of a vector are together.
    fn vector_length(&self, at: u64, count: u64) -> usize {
        let bytes = self.memory.bytes(at, (count as usize).min(1024) * 16);
        let bytes = bytes.unwrap_or_default();
        let lengths = bytes.as_chunks::<16>().0.iter().map(|part| {
            let [.., a, b, c, d, e, f, g, h] = *part;
            u64::from_ne_bytes([a, b, c, d, e, f, g, h]) as usize
        });
        lengths.fold(0, usize::saturating_add)
    }
}

/// Reads what must be read before the kernel overwrites it.
pub(super) fn early<M: Memory>(shape: Shape, memory: &M, arguments: &[u64; 6]) -> Early {
    let length = |at: u64| match memory.exact(at) {
        Some(bytes) => Early::Length(u32::from_ne_bytes(bytes)),
        None => Early::None,
    };
    match shape {
        Shape::NameOut | Shape::Accept | Shape::Accept4 => length(arguments[2]),
        Shape::ReceiveFrom if arguments[4] != 0 => length(arguments[5]),
        Shape::GetOption => length(arguments[4]),
        // msg_namelen stands behind the pointer msg_name.
        Shape::ReceiveMessage if arguments[1] != 0 => length(arguments[1].wrapping_add(8)),
        Shape::ReceiveMessages => {
            let count = (arguments[2] as u32).min(1024);
            let step = message::Header::SIZE as u64 + 8;
            let at = |index: u32| arguments[1].wrapping_add(u64::from(index) * step + 8);
            let rooms = (0..count).map_while(|index| memory.exact(at(index)));
            Early::Lengths(rooms.map(u32::from_ne_bytes).collect())
        }
        Shape::Select | Shape::Pselect | Shape::Ppoll => {
            Early::Texts(wait::early(shape, memory, arguments))
        }
        Shape::SendFile => Early::Texts(vec![transfer::offset(memory, arguments[2])]),
        Shape::Splice => Early::Texts(
            [arguments[1], arguments[3]]
                .map(|at| transfer::offset(memory, at))
                .into(),
        ),
        _ => Early::None,
    }
}

/// Writes the arguments of a call, and gathers the facts in them. `call.returned` is told already.
pub(super) fn decode<M: Memory>(call: &mut Call, shape: Shape, context: &Context<'_, M>) {
    let arguments = &context.arguments;
    let [first, second, third, fourth, ..] = *arguments;
    if shape.begins_with_fd() {
        call.facts.fd = Some(first as i32);
        let _ = write!(call.next(), "{}", first as i32);
    }
    match shape {
        Shape::Socket | Shape::Socketpair => {
            named(
                call.next(),
                first as i32 as i64,
                address::FAMILIES,
                "AF_???",
            );
            style(call.next(), second as i32);
            protocol(call.next(), first as i32, second as i32, third as i32);
            if shape == Shape::Socketpair {
                descriptor::pair(call, context, fourth);
            } else if let Some(fd) = call.value() {
                call.facts.fds.push(fd as i32);
            }
        }
        Shape::Address => {
            call.facts.address = peer(call, context, second, third as u32 as usize);
            let _ = write!(call.next(), "{}", third as i32);
        }
        Shape::NameOut | Shape::Accept | Shape::Accept4 => {
            let now = context.memory.exact(third).map(u32::from_ne_bytes);
            let is_good = matches!(call.returned, Returned::Value(_));
            match now {
                Some(now) if is_good && second != 0 => {
                    let room = match context.early {
                        Early::Length(room) => *room,
                        _ => now,
                    };
                    call.facts.address = peer(call, context, second, now.min(room) as usize);
                }
                _ => pointer(call.next(), second),
            }
            length_argument(call, context, third, now);
            if shape == Shape::Accept4 {
                style_flags(call.next(), fourth as i32);
            }
            if let (true, Some(fd)) = (shape != Shape::NameOut, call.value()) {
                call.facts.fds.push(fd as i32);
            }
        }
        Shape::SetOption => option::set(call, context),
        Shape::GetOption => option::get(call, context),
        Shape::SendTo => message::send_to(call, context),
        Shape::ReceiveFrom => message::receive_from(call, context),
        Shape::SendMessage => message::send_message(call, context),
        Shape::ReceiveMessage => message::receive_message(call, context),
        Shape::SendMessages => message::messages(call, context, true),
        Shape::ReceiveMessages => message::messages(call, context, false),
        Shape::Read => transfer::read_write(call, context, false, false),
        Shape::Write => transfer::read_write(call, context, true, false),
        Shape::ReadVector => transfer::read_write(call, context, false, true),
        Shape::WriteVector => transfer::read_write(call, context, true, true),
        Shape::ReadVectorAt | Shape::WriteVectorAt => {
            transfer::read_write(call, context, shape == Shape::WriteVectorAt, true);
            transfer::place(call, context);
        }
        Shape::Poll | Shape::Ppoll => wait::poll(call, shape, context),
        Shape::Select | Shape::Pselect => wait::select(call, shape, context),
        Shape::EpollControl => wait::epoll_control(call, context),
        Shape::EpollWait | Shape::EpollPwait | Shape::EpollPwait2 => {
            wait::epoll_wait(call, shape, context)
        }
        Shape::SendFile
        | Shape::Splice
        | Shape::UringSetup
        | Shape::UringEnter
        | Shape::UringRegister => transfer::decode(call, shape, context),
        _ => descriptor::decode(call, shape, context),
    }
}

/// The types of socket(2), with the two flags in them.
fn style(text: &mut String, style: i32) {
    const STYLES: super::notation::Names = names! {
        SOCK_STREAM SOCK_DGRAM SOCK_RAW SOCK_RDM SOCK_SEQPACKET SOCK_DCCP
    };
    named(text, i64::from(style & 0xf), STYLES, "SOCK_???");
    let rest = style & !0xf;
    if rest != 0 {
        text.push('|');
        style_flags(text, rest);
    }
}

fn style_flags(text: &mut String, value: i32) {
    const FLAGS: super::notation::Names = names! { SOCK_CLOEXEC SOCK_NONBLOCK };
    super::notation::flags(text, value.into(), FLAGS);
}

fn protocol(text: &mut String, domain: i32, style: i32, protocol: i32) {
    const PROTOCOLS: super::notation::Names = names! {
        IPPROTO_IP IPPROTO_ICMP IPPROTO_IGMP IPPROTO_IPIP IPPROTO_TCP IPPROTO_EGP IPPROTO_PUP IPPROTO_UDP
        IPPROTO_IDP IPPROTO_TP IPPROTO_DCCP IPPROTO_IPV6 IPPROTO_RSVP IPPROTO_GRE IPPROTO_ESP IPPROTO_AH
        IPPROTO_ICMPV6 IPPROTO_MTP IPPROTO_ENCAP IPPROTO_PIM IPPROTO_COMP IPPROTO_SCTP IPPROTO_UDPLITE
        IPPROTO_MPLS IPPROTO_RAW IPPROTO_MPTCP
    };
    const NETLINK: super::notation::Names = names! {
        NETLINK_ROUTE NETLINK_USERSOCK NETLINK_FIREWALL NETLINK_SOCK_DIAG NETLINK_NFLOG NETLINK_XFRM
        NETLINK_SELINUX NETLINK_AUDIT NETLINK_NETFILTER NETLINK_KOBJECT_UEVENT NETLINK_GENERIC
        NETLINK_CRYPTO
    };
    match domain {
        libc::AF_INET | libc::AF_INET6 => {
            named(text, protocol.into(), PROTOCOLS, "IPPROTO_???");
        }
        libc::AF_NETLINK => named(text, protocol.into(), NETLINK, "NETLINK_???"),
        libc::AF_PACKET => {
            let kind = u16::from_be(protocol as u16);
            let _ = match kind {
                3 => write!(text, "htons(ETH_P_ALL)"),
                0x800 => write!(text, "htons(ETH_P_IP)"),
                _ => write!(text, "htons({kind:#x})"),
            };
        }
        _ => {
            let _ = write!(text, "{protocol}");
        }
    }
    let _ = style;
}

/// The address of so many bytes, as the next argument.
fn peer<M: Memory>(
    call: &mut Call,
    context: &Context<'_, M>,
    address: u64,
    length: usize,
) -> Option<SocketAddr> {
    // The kernel takes no address longer than a struct sockaddr_storage.
    let bytes = (address != 0 && (1..=128).contains(&length))
        .then(|| context.memory.bytes(address, length))
        .flatten();
    match bytes {
        Some(bytes) => address::write(call.next(), &bytes),
        None => {
            pointer(call.next(), address);
            None
        }
    }
}

/// A length that the kernel reads and writes: `[16]`, or `[128 => 16]`.
fn length_argument<M: Memory>(
    call: &mut Call,
    context: &Context<'_, M>,
    address: u64,
    now: Option<u32>,
) {
    let is_good = matches!(call.returned, Returned::Value(_));
    let text = call.next();
    let _ = match (context.early, now) {
        (Early::Length(before), Some(now)) if *before != now && is_good => {
            write!(text, "[{} => {}]", *before as i32, now as i32)
        }
        (Early::Length(before), _) => write!(text, "[{}]", *before as i32),
        (_, Some(now)) if address != 0 => write!(text, "[{}]", now as i32),
        _ => {
            pointer(text, address);
            Ok(())
        }
    };
}

/// `{tv_sec=1, tv_nsec=0}` as the next argument.
fn timespec<M: Memory>(call: &mut Call, context: &Context<'_, M>, address: u64) {
    let time = timespec_text(context.memory, address);
    call.next().push_str(&time);
}

fn timespec_text<M: Memory>(memory: &M, address: u64) -> String {
    let mut text = String::new();
    match memory.exact::<16>(address) {
        Some(bytes) => {
            let [seconds, nanos] = longs(&bytes);
            let _ = write!(text, "{{tv_sec={seconds}, tv_nsec={nanos}}}");
        }
        None => pointer(&mut text, address),
    }
    text
}

/// Adds the time that is left to the remark, as strace does.
fn left<M: Memory>(call: &mut Call, context: &Context<'_, M>, address: u64) {
    let left = timespec_text(context.memory, address);
    if call.remark.is_empty() {
        call.remark = format!("(left {left})");
    } else if call.remark.ends_with(')') && call.remark != "(Timeout)" {
        call.remark.pop();
        let _ = write!(call.remark, ", left {left})");
    }
}

fn longs(bytes: &[u8; 16]) -> [i64; 2] {
    let [a, b] = [bytes.first_chunk(), bytes.last_chunk()];
    [a, b].map(|half| half.map_or(0, |half| i64::from_ne_bytes(*half)))
}

/// The name of an interface; `None` for 0 and for one that is not there.
fn interface(index: u32) -> Option<String> {
    let name = (index != 0).then(|| nix::net::if_::if_indextoname(index).ok())??;
    let name = name.to_string_lossy().escape_default().to_string();
    (!name.is_empty()).then_some(name)
}
