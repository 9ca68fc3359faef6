//! System calls from numbers and memory to strace's notation, one file per family of calls.
//!
//! Everything that is read here comes from another program, and is believed in nothing: each length
//! is bounded, and what is no structure is shown as bytes or as an address.

mod address;
mod control;
mod descriptor;
mod ioctl;
mod many;
mod message;
mod names;
mod option;
mod structure;
mod transfer;
mod wait;

use std::fmt::Write as _;
use std::net::SocketAddr;

use super::call::{Call, Returned, Shown};
use super::calls::Shape;
use super::memory::Memory;
use super::notation::{flags, named, names, pointer, quoted};

/// What was read of the program's memory when the call began, and is written over by the kernel.
#[derive(Clone, Debug, Default)]
pub(super) enum Early {
    /// Nothing.
    #[default]
    None,
    /// The room for an address or a value.
    Length(u32),
    /// The room for the address of each message, and the time to wait for them.
    Messages(Vec<u32>, String),
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
        Shape::NameOut | Shape::Accept | Shape::Accept4 if arguments[1] != 0 => {
            length(arguments[2])
        }
        Shape::ReceiveFrom if arguments[4] != 0 => length(arguments[5]),
        Shape::GetOption => length(arguments[4]),
        // As strace does, the whole header is wanted.
        Shape::ReceiveMessage => match memory.exact::<{ message::Header::SIZE }>(arguments[1]) {
            Some(bytes) => Early::Length(message::name_length(&bytes)),
            None => Early::None,
        },
        Shape::ReceiveMessages => {
            let count = (arguments[2] as u32).min(1024);
            let step = message::Header::SIZE as u64 + 8;
            let at = |index: u32| arguments[1].wrapping_add(u64::from(index) * step + 8);
            let rooms = (0..count).map_while(|index| memory.exact(at(index)));
            let rooms = rooms.map(u32::from_ne_bytes).collect();
            Early::Messages(rooms, timespec_text(memory, arguments[4]))
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
    call.shown = shown(shape, context);
    if shape.begins_with_fd() {
        call.facts.fd = Some(first as i32);
        let _ = write!(call.next(), "{}", first as i32);
    }
    match shape {
        Shape::Socket | Shape::Socketpair => {
            named(call.next(), first as u32, names::FAMILIES, "AF_???");
            style(call.next(), second as u32);
            match shape {
                Shape::Socket => protocol(call.next(), first as i32, third),
                // As strace does: a number.
                _ => drop(write!(call.next(), "{third}")),
            }
            if shape == Shape::Socketpair {
                descriptor::pair(call, context, fourth);
            } else if let Some(fd) = call.value() {
                call.facts.fds.push(fd as i32);
            }
        }
        Shape::Address => {
            call.facts.address = peer(call, context, second, third as i32);
            let _ = write!(call.next(), "{}", third as i32);
        }
        Shape::NameOut | Shape::Accept | Shape::Accept4 => {
            own_name(call, context);
            if shape == Shape::Accept4 {
                style_flags(call.next(), fourth as u32);
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
        Shape::SendMessages => many::messages(call, context, true),
        Shape::ReceiveMessages => many::messages(call, context, false),
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

/// How many arguments strace writes as the call begins.
fn shown<M>(shape: Shape, context: &Context<'_, M>) -> Shown {
    let command = context.arguments[1] as u32;
    match (shape, context.early) {
        (
            Shape::ReceiveFrom
            | Shape::ReceiveMessages
            | Shape::SendMessages
            | Shape::Read
            | Shape::ReadVector
            | Shape::ReadVectorAt
            | Shape::EpollWait
            | Shape::EpollPwait
            | Shape::EpollPwait2,
            _,
        )
        | (
            Shape::NameOut | Shape::Accept | Shape::Accept4 | Shape::ReceiveMessage,
            Early::Length(_),
        ) => Shown::Some(1),
        (Shape::GetOption, Early::Length(_)) | (Shape::Socketpair, _) => Shown::Some(3),
        (Shape::Poll, _) => Shown::Some(3),
        (Shape::Ppoll | Shape::Select, _) => Shown::Some(5),
        (Shape::Pselect, _) => Shown::Some(6),
        (Shape::Fcntl, _) if matches!(command, 1 | 3 | 5 | 11 | 16) => Shown::Some(2),
        (Shape::Ioctl, _) if !matches!(command, 0x5421 | 0x5450..=0x5452 | 0x8901 | 0x8902) => {
            Shown::Some(2)
        }
        _ => Shown::Whole,
    }
}

/// The types of socket(2), with the two flags in them.
fn style(text: &mut String, style: u32) {
    #[rustfmt::skip]
    const STYLES: super::notation::Names = &[
        (1, "SOCK_STREAM"), (2, "SOCK_DGRAM"), (3, "SOCK_RAW"), (4, "SOCK_RDM"),
        (5, "SOCK_SEQPACKET"), (6, "SOCK_DCCP"), (10, "SOCK_PACKET"),
    ];
    let known = STYLES.iter().find(|(n, _)| *n == i64::from(style & 0xf));
    match known {
        Some((_, name)) if style & !0xf == 0 => text.push_str(name),
        Some((_, name)) => {
            let _ = write!(text, "{name}|");
            style_flags(text, style & !0xf);
        }
        None => style_flags(text, style),
    }
}

fn style_flags(text: &mut String, value: u32) {
    const FLAGS: super::notation::Names = names! { SOCK_CLOEXEC SOCK_NONBLOCK };
    flags(text, value, FLAGS, "SOCK_???");
}

fn protocol(text: &mut String, domain: i32, protocol: u64) {
    const NETLINK: super::notation::Names = names! {
        NETLINK_ROUTE NETLINK_UNUSED NETLINK_USERSOCK NETLINK_FIREWALL NETLINK_SOCK_DIAG NETLINK_NFLOG
        NETLINK_XFRM NETLINK_SELINUX NETLINK_ISCSI NETLINK_AUDIT NETLINK_FIB_LOOKUP NETLINK_CONNECTOR
        NETLINK_NETFILTER NETLINK_IP6_FW NETLINK_DNRTMSG NETLINK_KOBJECT_UEVENT NETLINK_GENERIC
        NETLINK_SCSITRANSPORT NETLINK_ECRYPTFS NETLINK_RDMA NETLINK_CRYPTO
    };
    match domain {
        libc::AF_INET | libc::AF_INET6 => {
            named(text, protocol as u32, names::PROTOCOLS, "IPPROTO_???");
        }
        libc::AF_NETLINK => named(text, protocol as u32, NETLINK, "NETLINK_???"),
        libc::AF_PACKET => {
            text.push_str("htons(");
            let protocol = u16::from_be(protocol as u16);
            named(text, protocol.into(), names::ETHERNET, "ETH_P_???");
            text.push(')');
        }
        _ => drop(write!(text, "{protocol}")),
    }
}

/// The address that the kernel wrote: getsockname, getpeername, accept.
fn own_name<M: Memory>(call: &mut Call, context: &Context<'_, M>) {
    let [_, address, length, ..] = context.arguments;
    let Early::Length(room) = *context.early else {
        pointer(call.next(), address);
        return pointer(call.next(), length);
    };
    let is_good = matches!(call.returned, Returned::Value(_));
    let now = context.memory.exact(length).filter(|_| is_good);
    let now = now.map(u32::from_ne_bytes);
    match now {
        Some(now) => {
            let shown = now.cast_signed().min(room.cast_signed());
            call.facts.address = peer(call, context, address, shown);
        }
        None => pointer(call.next(), address),
    }
    length_argument(call, context, length, now);
}

/// The address of so many bytes, as the next argument.
fn peer<M: Memory>(
    call: &mut Call,
    context: &Context<'_, M>,
    address: u64,
    length: i32,
) -> Option<SocketAddr> {
    sockaddr(call.next(), context, address, length)
}

fn sockaddr<M: Memory>(
    text: &mut String,
    context: &Context<'_, M>,
    address: u64,
    length: i32,
) -> Option<SocketAddr> {
    let length = usize::try_from(length)
        .unwrap_or_default()
        .min(address::LONGEST);
    let bytes = (address != 0 && length >= 2)
        .then(|| context.memory.bytes(address, length))
        .flatten();
    match bytes {
        Some(bytes) => address::write(text, &bytes),
        None => {
            pointer(text, address);
            None
        }
    }
}

/// A string of so many bytes; the address where what would be shown cannot be read.
fn string_at<M: Memory>(text: &mut String, context: &Context<'_, M>, address: u64, length: u64) {
    // strace reads one byte more than it shows.
    let wanted = usize::try_from(length).unwrap_or(usize::MAX);
    let wanted = wanted
        .min(context.bytes.saturating_add(1))
        .min(super::memory::MOST);
    match (address != 0).then(|| context.memory.bytes(address, wanted)) {
        Some(Some(bytes)) => {
            let shown = &bytes[..wanted.min(context.bytes)];
            quoted(text, shown, length > shown.len() as u64);
        }
        _ => pointer(text, address),
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
            let nanos = nanos.cast_unsigned();
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

fn pair(bytes: &[u8; 8]) -> [i32; 2] {
    let [a, b] = [bytes.first_chunk(), bytes.last_chunk()];
    [a, b].map(|half| half.map_or(0, |half| i32::from_ne_bytes(*half)))
}

/// A user or a group: -1 is nobody.
fn identity(text: &mut String, id: u32) {
    let _ = match id {
        u32::MAX => write!(text, "-1"),
        id => write!(text, "{id}"),
    };
}

/// An interface as strace writes it: by name where there is one of that number.
fn index(text: &mut String, number: u32) {
    let name = (number != 0).then(|| nix::net::if_::if_indextoname(number).ok());
    let name = name.flatten().filter(|name| !name.is_empty());
    match name {
        Some(name) => {
            text.push_str("if_nametoindex(");
            quoted(text, name.as_bytes(), false);
            text.push(')');
        }
        None => drop(write!(text, "{number}")),
    }
}
