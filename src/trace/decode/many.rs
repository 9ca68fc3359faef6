//! Decodes calls that send or receive many messages at once.

use super::message::{Header, done, header, message_flags};
use super::read::array;
use super::{Context, EntrySnapshot};
use crate::trace::argument::Argument;
use crate::trace::call::{Call, Direction, Remark};
use crate::trace::memory::Memory;

/// The maximum number of messages of a call that are decoded.
const PARTS: usize = 1024;

/// sendmmsg(2) and recvmmsg(2).
pub(super) fn messages<M: Memory>(call: &mut Call, context: &Context<'_, M>, is_send: bool) {
    let [_, at, count, flags, timeout, _] = context.arguments;
    let done = done(call);
    let messages = match (is_send, done) {
        (true, _) => each_message(call, context, u64::from(count as u32), None),
        (false, Some(done)) => each_message(call, context, done as u64, Some(done)),
        (false, None) => Argument::Pointer(at),
    };
    call.push(messages);
    call.push_unsigned(count as u32);
    call.push(message_flags(flags as i32));
    if !is_send {
        let before = match context.snapshot {
            EntrySnapshot::Messages(_, time) => time.clone(),
            _ => super::timespec(context.memory, timeout),
        };
        call.push(before);
        match done {
            Some(0) => call.remark = Remark::Timeout,
            Some(_) if timeout != 0 => {
                call.remark = Remark::Left(super::timespec(context.memory, timeout));
            }
            _ => {}
        }
    }
    call.facts.flags = flags as i32;
    call.facts.direction = Some(if is_send {
        Direction::Out
    } else {
        Direction::In
    });
    // Messages that were not sent are shown but do not count as moved.
    call.facts.moved.truncate(done.unwrap_or_default());
    for moved in &mut call.facts.moved {
        moved.is_error = !is_send && flags as i32 & libc::MSG_ERRQUEUE != 0;
    }
    call.facts.address = call.facts.moved.first().and_then(|moved| moved.peer);
}

/// `[{msg_hdr={…}, msg_len=3}, …]`: as many as strace shows, and the facts of all.
fn each_message<M: Memory>(
    call: &mut Call,
    context: &Context<'_, M>,
    count: u64,
    received: Option<usize>,
) -> Argument {
    const SIZE: usize = Header::SIZE + 8;
    let at = context.arguments[1];
    let done = done(call).unwrap_or_default();
    let rooms = match context.snapshot {
        EntrySnapshot::Messages(rooms, _) => &rooms[..],
        _ => &[],
    };
    let mut index = 0;
    let mut one = |bytes: &[u8; SIZE]| {
        let Some(found) = Header::read(bytes) else {
            return Argument::Unreadable;
        };
        let [.., a, b, c, d, _, _, _, _] = *bytes;
        let length = u32::from_ne_bytes([a, b, c, d]);
        let room = rooms.get(index).copied();
        let received = received.map(|_| length as usize);
        let message = header(call, context, &found, room, received);
        let mut fields = vec![("msg_hdr", message)];
        if index < done {
            fields.push(("msg_len", Argument::Unsigned(length.into())));
            if let Some(moved) = call.facts.moved.last_mut() {
                moved.bytes = length as usize;
            }
        }
        index += 1;
        Argument::Struct(fields)
    };
    let messages = array(context, (at, count), &mut one);
    // These are not shown; they are read for the facts.
    for extra in context.bytes..done.min(PARTS) {
        let here = at.wrapping_add((extra * SIZE) as u64);
        let Some(bytes) = context.memory.exact::<SIZE>(here) else {
            break;
        };
        one(&bytes);
    }
    messages
}
