//! Calls that move bytes: send and receive, one message or many.

use std::fmt::Write as _;

use super::{Context, Early, address, control, length_argument, peer};
use crate::trace::call::{Call, Direction, Moved};
use crate::trace::memory::{MOST, Memory};
use crate::trace::notation::{Names, flags, names, pointer, quoted};

const FLAGS: Names = names! {
    MSG_OOB MSG_PEEK MSG_DONTROUTE MSG_CTRUNC MSG_TRUNC MSG_DONTWAIT MSG_EOR MSG_WAITALL MSG_FIN MSG_SYN
    MSG_CONFIRM MSG_RST MSG_ERRQUEUE MSG_NOSIGNAL MSG_MORE MSG_WAITFORONE MSG_FASTOPEN MSG_CMSG_CLOEXEC
};
/// What libc has no name for everywhere (linux/socket.h).
const MORE_FLAGS: Names = &[(0x400_0000, "MSG_ZEROCOPY"), (0x10, "MSG_PROBE")];

/// How many bytes of a datagram tell it from others.
const START: usize = 64;
/// How many parts of a message, and how many messages of a call, are looked at.
const PARTS: usize = 1024;

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

    fn read(bytes: &[u8]) -> Option<Self> {
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

fn message_flags(text: &mut String, value: i32) {
    if value & 0x400_0010 == 0 {
        return flags(text, i64::from(value.cast_unsigned()), FLAGS);
    }
    let mut head = String::new();
    flags(&mut head, i64::from(value & !0x400_0010), FLAGS);
    let mut tail = String::new();
    flags(&mut tail, i64::from(value & 0x400_0010), MORE_FLAGS);
    match head.as_str() {
        "0" => text.push_str(&tail),
        _ => drop(write!(text, "{head}|{tail}")),
    }
}

/// The bytes at an address, as a string; the address itself where they cannot be read.
pub(super) fn string<M: Memory>(
    call: &mut Call,
    context: &Context<'_, M>,
    address: u64,
    length: usize,
    moved: Option<&mut Moved>,
) {
    let text = call.next();
    buffer(text, context, address, length, moved);
}

fn buffer<M: Memory>(
    text: &mut String,
    context: &Context<'_, M>,
    address: u64,
    length: usize,
    moved: Option<&mut Moved>,
) {
    let shown = length.min(context.bytes);
    let kept = length.min(shown.max(START)).min(MOST);
    let mut bytes = [0; 256];
    let mut longer = Vec::new();
    let room = match bytes.get_mut(..kept) {
        Some(room) => room,
        None => {
            longer.resize(kept, 0);
            &mut longer
        }
    };
    if address == 0 || (context.memory.read(address, room) < kept) {
        return pointer(text, address);
    }
    quoted(text, &room[..shown.min(kept)], length > shown);
    if let Some(moved) = moved {
        let missing = START.saturating_sub(moved.start.len()).min(room.len());
        moved.start.extend_from_slice(&room[..missing]);
    }
}

pub(super) fn done(call: &Call) -> Option<usize> {
    call.value().and_then(|value| usize::try_from(value).ok())
}

pub(super) fn send_to<M: Memory>(call: &mut Call, context: &Context<'_, M>) {
    let [_, data, length, flags, name, name_length] = context.arguments;
    let mut moved = Moved::default();
    string(call, context, data, length as usize, Some(&mut moved));
    let _ = write!(call.next(), "{length}");
    message_flags(call.next(), flags as i32);
    moved.peer = peer(call, context, name, name_length as usize);
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
                bytes.min(length as usize),
                Some(&mut moved),
            );
        }
        None => pointer(call.next(), data),
    }
    let _ = write!(call.next(), "{length}");
    message_flags(call.next(), flags as i32);
    let now = context.memory.exact(name_length).map(u32::from_ne_bytes);
    match (done, now) {
        (Some(_), Some(now)) if name != 0 => {
            let room = match context.early {
                Early::Length(room) => *room,
                _ => now,
            };
            moved.peer = peer(call, context, name, now.min(room) as usize);
        }
        _ => pointer(call.next(), name),
    }
    if name == 0 {
        pointer(call.next(), name_length);
    } else {
        length_argument(call, context, name_length, now);
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
fn header<M: Memory>(
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
    let shown = header.name_length.min(room.unwrap_or(u32::MAX)).min(128);
    let name = (header.name != 0 && shown > 0)
        .then(|| context.memory.bytes(header.name, shown as usize))
        .flatten();
    match name {
        Some(name) => moved.peer = address::write(&mut text, &name),
        None => pointer(&mut text, header.name),
    }
    text.push_str(", msg_namelen=");
    if let Some(room) = room.filter(|room| *room != header.name_length) {
        let _ = write!(text, "{room} => ");
    }
    let _ = write!(text, "{}, ", header.name_length);
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
        let length = header.control_length.min(MOST as u64) as usize;
        match (header.control != 0)
            .then(|| context.memory.bytes(header.control, length))
            .flatten()
        {
            Some(bytes) => control::write(&mut text, &bytes, &mut call.facts),
            None => pointer(&mut text, header.control),
        }
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
    let number = (count as usize).min(PARTS);
    let Some(bytes) = (at != 0)
        .then(|| context.memory.bytes(at, number * 16))
        .flatten()
    else {
        return pointer(text, at);
    };
    let mut left = filled;
    text.push('[');
    for (index, part) in bytes.as_chunks::<16>().0.iter().enumerate() {
        let (base, length) = part.split_at(8);
        let word = |half: &[u8]| {
            half.first_chunk()
                .map_or(0, |bytes| u64::from_ne_bytes(*bytes))
        };
        let (base, length) = (word(base), word(length));
        text.push_str(if index > 0 {
            ", {iov_base="
        } else {
            "{iov_base="
        });
        let shown = left.map_or(length as usize, |left| left.min(length as usize));
        match filled {
            Some(_) if is_failed => pointer(text, base),
            _ => buffer(text, context, base, shown, Some(moved)),
        }
        let _ = write!(text, ", iov_len={length}}}");
        left = left.map(|left| left - shown);
    }
    if count as usize > number {
        text.push_str(", ...");
    }
    text.push(']');
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
        (None, Some(room)) => drop(write!(call.next(), "{{msg_namelen={room}}}")),
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

/// sendmmsg(2) and recvmmsg(2).
pub(super) fn messages<M: Memory>(call: &mut Call, context: &Context<'_, M>, is_send: bool) {
    let [_, at, count, flags, timeout, _] = context.arguments;
    let done = done(call);
    let shown = match (is_send, done) {
        (true, None) => count as u32 as usize,
        (_, Some(done)) => done,
        (false, None) => 0,
    };
    call.next();
    if at == 0 || (shown == 0 && !(is_send && done.is_some())) {
        pointer(&mut call.text, at);
    } else {
        call.text.push('[');
        for index in 0..shown.min(PARTS) {
            if index > 0 {
                call.text.push_str(", ");
            }
            let here = at + (index * (Header::SIZE + 8)) as u64;
            let Some(bytes) = context.memory.exact::<{ Header::SIZE + 8 }>(here) else {
                pointer(&mut call.text, here);
                break;
            };
            let Some(found) = Header::read(&bytes) else {
                break;
            };
            let length = bytes
                .get(Header::SIZE..)
                .and_then(|rest| rest.first_chunk())
                .map_or(0, |bytes| u32::from_ne_bytes(*bytes));
            let room = match context.early {
                Early::Lengths(rooms) => rooms.get(index).copied(),
                _ => None,
            };
            call.text.push_str("{msg_hdr=");
            let received = (!is_send).then_some(length as usize);
            header(call, context, &found, room, received);
            if done.is_some() {
                let _ = write!(call.text, ", msg_len={length}");
            }
            call.text.push('}');
        }
        if shown > PARTS {
            call.text.push_str(", ...");
        }
        call.text.push(']');
    }
    let _ = write!(call.next(), "{}", count as u32);
    message_flags(call.next(), flags as i32);
    if !is_send {
        super::timespec(call, context, timeout);
        if done.is_some() && timeout != 0 {
            super::left(call, context, timeout);
        }
    }
    call.facts.flags = flags as i32;
    call.facts.direction = Some(if is_send {
        Direction::Out
    } else {
        Direction::In
    });
    if done.is_none() {
        call.facts.moved.clear();
    }
    call.facts.address = call.facts.moved.first().and_then(|moved| moved.peer);
}
