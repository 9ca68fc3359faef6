//! Decodes system calls from numbers and memory into values, one file per family of calls.
//!
//! Everything that is read here comes from another program and is not trusted: each length is bounded,
//! and data that is not a valid structure is shown as bytes or as an address.

mod control;
mod descriptor;
mod ioctl;
mod many;
mod message;
pub(super) mod names;
mod option;
mod read;
mod structure;
mod transfer;
mod wait;

use super::argument::{Argument, Time};
use super::call::{Call, Returned, Shown};
use super::calls::Shape;
use super::memory::Memory;
use super::notation::{Names, names};
use read::{length_argument, sockaddr};

/// The memory that was read when the call began, since the kernel overwrites it.
#[derive(Clone, Debug, Default)]
pub(super) enum EntrySnapshot {
    /// Nothing.
    #[default]
    None,
    /// The buffer length for an address or a value.
    Length(u32),
    /// The buffer length for the address of each message, and the timeout.
    Messages(Vec<u32>, Argument),
    /// Arguments that the kernel overwrites: the sets of select, the time of ppoll.
    Arguments(Vec<Argument>),
}

impl EntrySnapshot {
    /// The argument with this index, if the kernel overwrites it.
    fn argument(&self, index: usize) -> Option<&Argument> {
        match self {
            Self::Arguments(arguments) => arguments.get(index),
            _ => None,
        }
    }
}

/// The input of a decoder.
pub(super) struct Context<'a, M> {
    pub(super) memory: &'a M,
    pub(super) arguments: [u64; 6],
    pub(super) snapshot: &'a EntrySnapshot,
    /// The maximum number of bytes of a string that are shown.
    pub(super) bytes: usize,
}

impl<M: Memory> Context<'_, M> {
    /// The total length of a vector's parts.
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
pub(super) fn snapshot<M: Memory>(shape: Shape, memory: &M, arguments: &[u64; 6]) -> EntrySnapshot {
    let length = |at: u64| match memory.exact(at) {
        Some(bytes) => EntrySnapshot::Length(u32::from_ne_bytes(bytes)),
        None => EntrySnapshot::None,
    };
    match shape {
        Shape::NameOut | Shape::Accept | Shape::Accept4 if arguments[1] != 0 => {
            length(arguments[2])
        }
        Shape::ReceiveFrom if arguments[4] != 0 => length(arguments[5]),
        Shape::GetOption => length(arguments[4]),
        // The whole header must be readable, as with strace.
        Shape::ReceiveMessage => match memory.exact::<{ message::Header::SIZE }>(arguments[1]) {
            Some(bytes) => EntrySnapshot::Length(message::name_length(&bytes)),
            None => EntrySnapshot::None,
        },
        Shape::ReceiveMessages => {
            let count = (arguments[2] as u32).min(1024);
            let step = message::Header::SIZE as u64 + 8;
            let at = |index: u32| arguments[1].wrapping_add(u64::from(index) * step + 8);
            let rooms = (0..count).map_while(|index| memory.exact(at(index)));
            let rooms = rooms.map(u32::from_ne_bytes).collect();
            EntrySnapshot::Messages(rooms, timespec(memory, arguments[4]))
        }
        Shape::Select | Shape::Pselect | Shape::Ppoll => {
            EntrySnapshot::Arguments(wait::snapshot(shape, memory, arguments))
        }
        Shape::SendFile => EntrySnapshot::Arguments(vec![transfer::offset(memory, arguments[2])]),
        Shape::Splice => {
            let at = [arguments[1], arguments[3]];
            EntrySnapshot::Arguments(at.map(|at| transfer::offset(memory, at)).into())
        }
        _ => EntrySnapshot::None,
    }
}

/// Decodes the arguments of a call, and collects its facts. `call.returned` is known already.
pub(super) fn decode<M: Memory>(call: &mut Call, shape: Shape, context: &Context<'_, M>) {
    let arguments = &context.arguments;
    let [first, second, third, fourth, ..] = *arguments;
    call.shown = shown(shape, context);
    if shape.begins_with_fd() {
        call.facts.fd = Some(first as i32);
        call.push_signed(first as i32);
    }
    match shape {
        Shape::Socket | Shape::Socketpair => {
            call.push(Argument::named(first as u32, names::FAMILIES, "AF_???"));
            call.push(Argument::SocketType(second as u32));
            match shape {
                Shape::Socket => call.push(protocol(first as i32, third)),
                // A number, as with strace.
                _ => call.push_unsigned(third),
            }
            if shape == Shape::Socketpair {
                descriptor::pair(call, context, fourth);
            } else if let Some(fd) = call.value() {
                call.facts.fds.push(fd as i32);
            }
        }
        Shape::Address => {
            let (address, ip) = sockaddr(context, second, third as i32);
            call.facts.address = ip;
            call.push(address);
            call.push_signed(third as i32);
        }
        Shape::NameOut | Shape::Accept | Shape::Accept4 => {
            own_name(call, context);
            if shape == Shape::Accept4 {
                const FLAGS: Names = names! { SOCK_CLOEXEC SOCK_NONBLOCK };
                call.push(Argument::flags(fourth as u32, FLAGS, "SOCK_???"));
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

/// How many arguments strace writes when the call begins.
fn shown<M>(shape: Shape, context: &Context<'_, M>) -> Shown {
    let command = context.arguments[1] as u32;
    match (shape, context.snapshot) {
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
            EntrySnapshot::Length(_),
        ) => Shown::Some(1),
        (Shape::GetOption, EntrySnapshot::Length(_)) | (Shape::Socketpair, _) => Shown::Some(3),
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

fn protocol(domain: i32, protocol: u64) -> Argument {
    const NETLINK: Names = names! {
        NETLINK_ROUTE NETLINK_UNUSED NETLINK_USERSOCK NETLINK_FIREWALL NETLINK_SOCK_DIAG NETLINK_NFLOG
        NETLINK_XFRM NETLINK_SELINUX NETLINK_ISCSI NETLINK_AUDIT NETLINK_FIB_LOOKUP NETLINK_CONNECTOR
        NETLINK_NETFILTER NETLINK_IP6_FW NETLINK_DNRTMSG NETLINK_KOBJECT_UEVENT NETLINK_GENERIC
        NETLINK_SCSITRANSPORT NETLINK_ECRYPTFS NETLINK_RDMA NETLINK_CRYPTO
    };
    match domain {
        libc::AF_INET | libc::AF_INET6 => {
            Argument::named(protocol as u32, names::PROTOCOLS, "IPPROTO_???")
        }
        libc::AF_NETLINK => Argument::named(protocol as u32, NETLINK, "NETLINK_???"),
        libc::AF_PACKET => Argument::EtherType(u16::from_be(protocol as u16)),
        _ => Argument::Unsigned(protocol),
    }
}

/// The address that the kernel wrote: getsockname, getpeername, accept.
fn own_name<M: Memory>(call: &mut Call, context: &Context<'_, M>) {
    let [_, address, length, ..] = context.arguments;
    let EntrySnapshot::Length(room) = *context.snapshot else {
        call.push(Argument::Pointer(address));
        return call.push(Argument::Pointer(length));
    };
    let is_good = matches!(call.returned, Returned::Value(_));
    let now = context.memory.exact(length).filter(|_| is_good);
    let now = now.map(u32::from_ne_bytes);
    match now {
        Some(now) => {
            let shown = now.cast_signed().min(room.cast_signed());
            let (address, ip) = sockaddr(context, address, shown);
            call.facts.address = ip;
            call.push(address);
        }
        None => call.push(Argument::Pointer(address)),
    }
    length_argument(call, context, length, now);
}

/// A `struct timespec`; its address if it cannot be read.
fn timespec<M: Memory>(memory: &M, address: u64) -> Argument {
    time(memory, address, true)
}

/// A `struct timespec` or `struct timeval`.
fn time<M: Memory>(memory: &M, address: u64, is_nanos: bool) -> Argument {
    match memory.exact::<16>(address) {
        Some(bytes) => Argument::Time(time_of(&bytes, is_nanos)),
        None => Argument::Pointer(address),
    }
}

fn time_of(bytes: &[u8; 16], is_nanos: bool) -> Time {
    let [seconds, fraction] = longs(bytes);
    Time {
        seconds,
        fraction: fraction.cast_unsigned(),
        is_nanos,
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
