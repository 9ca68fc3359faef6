//! Decodes calls that send and receive one message or many.

use super::read::{array, length_argument, payload, sockaddr};
use super::{Context, EntrySnapshot, control};
use crate::trace::argument::Argument;
use crate::trace::call::{Call, Direction, Facts, Moved};
use crate::trace::memory::{MOST, Memory};
use crate::trace::notation::Names;

/// In the order of their bits; some are internal to the kernel (linux/socket.h).
#[rustfmt::skip]
const FLAGS: Names = &[
    (0x1, "MSG_OOB"), (0x2, "MSG_PEEK"), (0x4, "MSG_DONTROUTE"), (0x8, "MSG_CTRUNC"),
    (0x10, "MSG_PROBE"), (0x20, "MSG_TRUNC"), (0x40, "MSG_DONTWAIT"), (0x80, "MSG_EOR"),
    (0x100, "MSG_WAITALL"), (0x200, "MSG_FIN"), (0x400, "MSG_SYN"), (0x800, "MSG_CONFIRM"),
    (0x1000, "MSG_RST"), (0x2000, "MSG_ERRQUEUE"), (0x4000, "MSG_NOSIGNAL"), (0x8000, "MSG_MORE"),
    (0x1_0000, "MSG_WAITFORONE"), (0x2_0000, "MSG_SENDPAGE_NOTLAST"), (0x4_0000, "MSG_BATCH"),
    (0x8_0000, "MSG_NO_SHARED_FRAGS"), (0x400_0000, "MSG_ZEROCOPY"), (0x2000_0000, "MSG_FASTOPEN"),
    (0x4000_0000, "MSG_CMSG_CLOEXEC"), (0x8000_0000, "MSG_CMSG_COMPAT"),
];

/// `struct msghdr` of 64-bit Linux.
#[derive(Clone, Copy)]
pub(in crate::trace) struct Header {
    name: u64,
    name_length: u32,
    parts: u64,
    part_count: u64,
    control: u64,
    control_length: u64,
    flags: i32,
}

impl Header {
    pub(in crate::trace) const SIZE: usize = 56;

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let long = |at: usize| Some(u64::from_ne_bytes(*bytes.get(at..)?.first_chunk()?));
        Some(Self {
            name: long(0)?,
            name_length: long(8)? as u32,
            parts: long(16)?,
            part_count: long(24)?,
            control: long(32)?,
            control_length: long(40)?,
            flags: long(48)? as i32,
        })
    }
}

/// `msg_namelen` of a header: it follows the pointer `msg_name`.
pub(super) fn name_length(bytes: &[u8; Header::SIZE]) -> u32 {
    Header::read(bytes).map_or(0, |header| header.name_length)
}

pub(super) fn message_flags(value: i32) -> Argument {
    Argument::flags(value.cast_unsigned(), FLAGS, "MSG_???")
}

pub(super) fn done(call: &Call) -> Option<usize> {
    call.value().and_then(|value| usize::try_from(value).ok())
}

pub(super) fn send_to<M: Memory>(call: &mut Call, context: &Context<'_, M>) {
    let [_, data, length, flags, name, name_length] = context.arguments;
    let mut moved = Moved::default();
    call.push(payload(context, data, length, &mut moved));
    call.push_unsigned(length);
    call.push(message_flags(flags as i32));
    let (address, peer) = sockaddr(context, name, name_length as i32);
    moved.peer = peer;
    call.push(address);
    call.push_signed(name_length as i32);
    call.facts.flags = flags as i32;
    call.facts.address = moved.peer;
    call.facts.direction = Some(Direction::Out);
    if let Some(bytes) = done(call) {
        moved.bytes = bytes;
        call.facts.moved.push(moved);
    }
}

pub(super) fn receive_from<M: Memory>(call: &mut Call, context: &Context<'_, M>) {
    let [_, data, length, flags, name, name_length] = context.arguments;
    let mut moved = Moved::default();
    let done = done(call);
    match done {
        // With MSG_TRUNC the value is the datagram's full length, even if the buffer is smaller.
        Some(bytes) => {
            moved.bytes = bytes;
            let length = length.min(bytes as u64);
            call.push(payload(context, data, length, &mut moved));
        }
        None => call.push(Argument::Pointer(data)),
    }
    call.push_unsigned(length);
    call.push(message_flags(flags as i32));
    let now = context.memory.exact(name_length).map(u32::from_ne_bytes);
    match (done, now) {
        (_, None) | (None, _) => call.push(Argument::Pointer(name)),
        (Some(_), Some(now)) => {
            let room = match context.snapshot {
                EntrySnapshot::Length(room) => room.cast_signed(),
                _ => now.cast_signed(),
            };
            let (address, peer) = sockaddr(context, name, now.cast_signed().min(room));
            moved.peer = peer;
            call.push(address);
        }
    }
    match now {
        Some(_) if name != 0 => length_argument(call, context, name_length, now),
        _ => call.push(Argument::Pointer(name_length)),
    }
    call.facts.flags = flags as i32;
    call.facts.address = moved.peer;
    call.facts.direction = Some(Direction::In);
    if done.is_some() {
        moved.is_error = flags as i32 & libc::MSG_ERRQUEUE != 0;
        call.facts.moved.push(moved);
    }
}

/// `{msg_name=…, msg_namelen=16, msg_iov=[…], msg_iovlen=1, msg_control=[…], …}`.
///
/// `received` is the number of bytes that were filled in; `None` for a send.
pub(super) fn header<M: Memory>(
    call: &mut Call,
    context: &Context<'_, M>,
    header: &Header,
    room: Option<u32>,
    received: Option<usize>,
) -> Argument {
    let mut moved = Moved {
        bytes: received.unwrap_or_default(),
        ..Moved::default()
    };
    let length = header.name_length.cast_signed();
    let shown = room.map_or(length, |room| length.min(room.cast_signed()));
    let (name, peer) = sockaddr(context, header.name, shown);
    moved.peer = peer;
    let length = Argument::Signed(length.into());
    let length = match room.filter(|room| *room != header.name_length) {
        Some(room) => {
            let room = Argument::Signed(room.cast_signed().into());
            Argument::Changed(Box::new(room), Box::new(length))
        }
        None => length,
    };
    let place = (header.parts, header.part_count);
    let parts = vector(context, place, received, false, &mut moved);
    if received.is_none() {
        moved.bytes = context.vector_length(header.parts, header.part_count);
    }
    call.facts.moved.push(moved);
    let mut fields = Vec::with_capacity(7);
    fields.push(("msg_name", name));
    fields.push(("msg_namelen", length));
    fields.push(("msg_iov", parts));
    fields.push(("msg_iovlen", Argument::Unsigned(header.part_count)));
    if header.control_length > 0 {
        fields.push(("msg_control", control(context, header, &mut call.facts)));
    }
    let control_length = Argument::Unsigned(header.control_length);
    fields.push(("msg_controllen", control_length));
    fields.push(("msg_flags", message_flags(header.flags)));
    Argument::Struct(fields)
}

fn control<M: Memory>(context: &Context<'_, M>, header: &Header, facts: &mut Facts) -> Argument {
    let length = header.control_length.min(MOST as u64) as usize;
    let bytes = (header.control != 0 && length >= 16)
        .then(|| context.memory.bytes(header.control, length))
        .flatten();
    match bytes {
        Some(bytes) => {
            let place = (header.control, header.control_length <= MOST as u64);
            control::messages(&bytes, place, context.bytes, facts)
        }
        None => Argument::Pointer(header.control),
    }
}

/// `[{iov_base="abc", iov_len=3}, …]`; if nothing was read into them, the addresses of the parts.
pub(super) fn vector<M: Memory>(
    context: &Context<'_, M>,
    place: (u64, u64),
    filled: Option<usize>,
    is_failed: bool,
    moved: &mut Moved,
) -> Argument {
    let mut left = filled.map(|filled| filled as u64);
    array(context, place, |part: &[u8; 16]| {
        let [base, length] = super::longs(part).map(i64::cast_unsigned);
        let shown = left.map_or(length, |left| left.min(length));
        let data = if is_failed {
            Argument::Pointer(base)
        } else {
            payload(context, base, shown, moved)
        };
        left = left.map(|left| left - shown);
        Argument::Struct(vec![
            ("iov_base", data),
            ("iov_len", Argument::Unsigned(length)),
        ])
    })
}

pub(super) fn send_message<M: Memory>(call: &mut Call, context: &Context<'_, M>) {
    let [_, at, flags, ..] = context.arguments;
    call.facts.direction = Some(Direction::Out);
    one_message(call, context, at, None, None);
    call.push(message_flags(flags as i32));
    call.facts.flags = flags as i32;
    match done(call) {
        Some(bytes) => {
            if let Some(moved) = call.facts.moved.first_mut() {
                moved.bytes = bytes;
            }
        }
        None => call.facts.moved.clear(),
    }
    call.facts.address = call.facts.moved.first().and_then(|moved| moved.peer);
}

pub(super) fn receive_message<M: Memory>(call: &mut Call, context: &Context<'_, M>) {
    let [_, at, flags, ..] = context.arguments;
    let room = match context.snapshot {
        EntrySnapshot::Length(room) => Some(*room),
        _ => None,
    };
    match (done(call), room) {
        (Some(bytes), _) => one_message(call, context, at, room, Some(bytes)),
        (None, Some(room)) => {
            let room = Argument::Signed(room.cast_signed().into());
            call.push(Argument::Struct(vec![("msg_namelen", room)]));
        }
        (None, None) => call.push(Argument::Pointer(at)),
    }
    call.push(message_flags(flags as i32));
    call.facts.flags = flags as i32;
    call.facts.direction = Some(Direction::In);
    for moved in &mut call.facts.moved {
        moved.is_error = flags as i32 & libc::MSG_ERRQUEUE != 0;
    }
    call.facts.address = call.facts.moved.first().and_then(|moved| moved.peer);
}

fn one_message<M: Memory>(
    call: &mut Call,
    context: &Context<'_, M>,
    at: u64,
    room: Option<u32>,
    received: Option<usize>,
) {
    let bytes = context.memory.exact::<{ Header::SIZE }>(at);
    let message = match bytes.and_then(|bytes| Header::read(&bytes)) {
        Some(found) => header(call, context, &found, room, received),
        None => Argument::Pointer(at),
    };
    call.push(message);
}
