//! Calls that move bytes: send and receive, one message or many.

use std::fmt::Write as _;

use super::{Context, Early, control, length_argument, peer};
use crate::trace::call::{Call, Direction, Facts, Moved};
use crate::trace::memory::{MOST, Memory};
use crate::trace::notation::{Names, array, flags, pointer, quoted};

/// In the order of their bits; some are the kernel's own (linux/socket.h).
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

/// How many bytes of a datagram tell it from others.
const START: usize = 64;

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

/// `msg_namelen` of a header: it stands behind the pointer `msg_name`.
pub(super) fn name_length(bytes: &[u8; Header::SIZE]) -> u32 {
    Header::read(bytes).map_or(0, |header| header.name_length)
}

pub(super) fn message_flags(text: &mut String, value: i32) {
    flags(text, value.cast_unsigned(), FLAGS, "MSG_???");
}

/// The bytes at an address, as a string; the address itself where they cannot be read.
pub(super) fn string<M: Memory>(
    call: &mut Call,
    context: &Context<'_, M>,
    address: u64,
    length: u64,
    moved: Option<&mut Moved>,
) {
    let text = call.next();
    buffer(text, context, address, length, moved);
}

fn buffer<M: Memory>(
    text: &mut String,
    context: &Context<'_, M>,
    address: u64,
    length: u64,
    moved: Option<&mut Moved>,
) {
    let whole = usize::try_from(length).unwrap_or(usize::MAX);
    // strace reads one byte more than it shows, and no more need be there.
    let needed = whole.min(context.bytes.saturating_add(1)).min(MOST);
    let shown = needed.min(context.bytes);
    let kept = whole.min(needed.max(START)).min(MOST);
    let mut bytes = [0; 256];
    let mut longer = Vec::new();
    let room = match bytes.get_mut(..kept) {
        Some(room) => room,
        None => {
            longer.resize(kept, 0);
            &mut longer
        }
    };
    let read = context.memory.read(address, room).min(kept);
    if address == 0 || read < needed {
        return pointer(text, address);
    }
    quoted(text, &room[..shown], length > shown as u64);
    if let Some(moved) = moved {
        let missing = START.saturating_sub(moved.start.len()).min(read);
        moved.start.extend_from_slice(&room[..missing]);
    }
}

pub(super) fn done(call: &Call) -> Option<usize> {
    call.value().and_then(|value| usize::try_from(value).ok())
}

pub(super) fn send_to<M: Memory>(call: &mut Call, context: &Context<'_, M>) {
    let [_, data, length, flags, name, name_length] = context.arguments;
    let mut moved = Moved::default();
    string(call, context, data, length, Some(&mut moved));
    let _ = write!(call.next(), "{length}");
    message_flags(call.next(), flags as i32);
    moved.peer = peer(call, context, name, name_length as i32);
    let _ = write!(call.next(), "{}", name_length as i32);
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
        // With MSG_TRUNC the value is the datagram's whole length, whatever the buffer's is.
        Some(bytes) => {
            moved.bytes = bytes;
            string(
                call,
                context,
                data,
                length.min(bytes as u64),
                Some(&mut moved),
            );
        }
        None => pointer(call.next(), data),
    }
    let _ = write!(call.next(), "{length}");
    message_flags(call.next(), flags as i32);
    let now = context.memory.exact(name_length).map(u32::from_ne_bytes);
    match (done, now) {
        (_, None) | (None, _) => pointer(call.next(), name),
        (Some(_), Some(now)) => {
            let room = match context.early {
                Early::Length(room) => room.cast_signed(),
                _ => now.cast_signed(),
            };
            moved.peer = peer(call, context, name, now.cast_signed().min(room));
        }
    }
    match now {
        Some(_) if name != 0 => length_argument(call, context, name_length, now),
        _ => pointer(call.next(), name_length),
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
/// `bytes` is how much of the parts was filled; `None` for what is sent.
pub(super) fn header<M: Memory>(
    call: &mut Call,
    context: &Context<'_, M>,
    header: &Header,
    room: Option<u32>,
    received: Option<usize>,
) {
    let mut moved = Moved {
        bytes: received.unwrap_or_default(),
        ..Moved::default()
    };
    let mut text = std::mem::take(&mut call.text);
    text.push_str("{msg_name=");
    let length = header.name_length.cast_signed();
    let shown = room.map_or(length, |room| length.min(room.cast_signed()));
    moved.peer = super::sockaddr(&mut text, context, header.name, shown);
    text.push_str(", msg_namelen=");
    if let Some(room) = room.filter(|room| *room != header.name_length) {
        let _ = write!(text, "{} => ", room.cast_signed());
    }
    let _ = write!(text, "{length}, ");
    text.push_str("msg_iov=");
    vector(
        &mut text,
        context,
        header.parts,
        header.part_count,
        received,
        false,
        &mut moved,
    );
    let _ = write!(text, ", msg_iovlen={}", header.part_count);
    if received.is_none() {
        moved.bytes = context.vector_length(header.parts, header.part_count);
    }
    call.facts.moved.push(moved);
    if header.control_length > 0 {
        text.push_str(", msg_control=");
        control(&mut text, context, header, &mut call.facts);
    }
    let _ = write!(
        text,
        ", msg_controllen={}, msg_flags=",
        header.control_length
    );
    message_flags(&mut text, header.flags);
    text.push('}');
    call.text = text;
}

fn control<M: Memory>(
    text: &mut String,
    context: &Context<'_, M>,
    header: &Header,
    facts: &mut Facts,
) {
    let length = header.control_length.min(MOST as u64) as usize;
    let bytes = (header.control != 0 && length >= 16)
        .then(|| context.memory.bytes(header.control, length))
        .flatten();
    match bytes {
        Some(bytes) => {
            let place = (header.control, header.control_length <= MOST as u64);
            control::write(text, &bytes, place, context.bytes, facts);
        }
        None => pointer(text, header.control),
    }
}

/// `[{iov_base="abc", iov_len=3}, …]`; where nothing was read into them, the addresses of the parts.
pub(super) fn vector<M: Memory>(
    text: &mut String,
    context: &Context<'_, M>,
    at: u64,
    count: u64,
    filled: Option<usize>,
    is_failed: bool,
    moved: &mut Moved,
) {
    let mut left = filled.map(|filled| filled as u64);
    array(
        text,
        context.memory,
        (at, count),
        context.bytes,
        |text, part: &[u8; 16]| {
            let [base, length] = super::longs(part).map(i64::cast_unsigned);
            text.push_str("{iov_base=");
            let shown = left.map_or(length, |left| left.min(length));
            if is_failed {
                pointer(text, base)
            } else {
                buffer(text, context, base, shown, Some(moved))
            }
            let _ = write!(text, ", iov_len={length}}}");
            left = left.map(|left| left - shown);
        },
    );
}

pub(super) fn send_message<M: Memory>(call: &mut Call, context: &Context<'_, M>) {
    let [_, at, flags, ..] = context.arguments;
    call.facts.direction = Some(Direction::Out);
    one_message(call, context, at, None, None);
    message_flags(call.next(), flags as i32);
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
    let room = match context.early {
        Early::Length(room) => Some(*room),
        _ => None,
    };
    match (done(call), room) {
        (Some(bytes), _) => one_message(call, context, at, room, Some(bytes)),
        (None, Some(room)) => {
            let _ = write!(call.next(), "{{msg_namelen={}}}", room.cast_signed());
        }
        (None, None) => pointer(call.next(), at),
    }
    message_flags(call.next(), flags as i32);
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
    call.next();
    let bytes = context.memory.exact::<{ Header::SIZE }>(at);
    match bytes.and_then(|bytes| Header::read(&bytes)) {
        Some(found) => header(call, context, &found, room, received),
        None => pointer(&mut call.text, at),
    }
}
