//! Decodes calls that move bytes between any files: read and write, sendfile, splice; and io_uring's
//! calls.

use super::Context;
use super::message::{done, vector};
use super::read::payload;
use crate::trace::argument::Argument;
use crate::trace::call::{Call, Direction, Moved, Returned};
use crate::trace::calls::Shape;
use crate::trace::memory::Memory;
use crate::trace::notation::{Names, names};

const SPLICE: Names = names! { SPLICE_F_MOVE SPLICE_F_NONBLOCK SPLICE_F_MORE SPLICE_F_GIFT };

/// Flags of io_uring_enter(2) (linux/io_uring.h).
const ENTER: Names = &[
    (1, "IORING_ENTER_GETEVENTS"),
    (2, "IORING_ENTER_SQ_WAKEUP"),
    (4, "IORING_ENTER_SQ_WAIT"),
    (8, "IORING_ENTER_EXT_ARG"),
    (16, "IORING_ENTER_REGISTERED_RING"),
];

/// Operations of io_uring_register(2) (linux/io_uring.h).
const REGISTER: Names = &[
    (0, "IORING_REGISTER_BUFFERS"),
    (1, "IORING_UNREGISTER_BUFFERS"),
    (2, "IORING_REGISTER_FILES"),
    (3, "IORING_UNREGISTER_FILES"),
    (4, "IORING_REGISTER_EVENTFD"),
    (5, "IORING_UNREGISTER_EVENTFD"),
    (6, "IORING_REGISTER_FILES_UPDATE"),
    (7, "IORING_REGISTER_EVENTFD_ASYNC"),
    (8, "IORING_REGISTER_PROBE"),
    (9, "IORING_REGISTER_PERSONALITY"),
    (10, "IORING_UNREGISTER_PERSONALITY"),
    (11, "IORING_REGISTER_RESTRICTIONS"),
    (12, "IORING_REGISTER_ENABLE_RINGS"),
    (13, "IORING_REGISTER_FILES2"),
    (14, "IORING_REGISTER_FILES_UPDATE2"),
    (15, "IORING_REGISTER_BUFFERS2"),
    (16, "IORING_REGISTER_BUFFERS_UPDATE"),
    (17, "IORING_REGISTER_IOWQ_AFF"),
    (18, "IORING_UNREGISTER_IOWQ_AFF"),
    (19, "IORING_REGISTER_IOWQ_MAX_WORKERS"),
    (20, "IORING_REGISTER_RING_FDS"),
    (21, "IORING_UNREGISTER_RING_FDS"),
    (22, "IORING_REGISTER_PBUF_RING"),
    (23, "IORING_UNREGISTER_PBUF_RING"),
    (24, "IORING_REGISTER_SYNC_CANCEL"),
    (25, "IORING_REGISTER_FILE_ALLOC_RANGE"),
];

/// read(2) and write(2), and their vectors.
pub(super) fn read_write<M: Memory>(
    call: &mut Call,
    context: &Context<'_, M>,
    is_write: bool,
    is_vector: bool,
) {
    let [_, at, count, ..] = context.arguments;
    let done = done(call);
    let mut moved = Moved::default();
    let filled = if is_write {
        None
    } else {
        Some(done.unwrap_or_default())
    };
    let is_failed = !is_write && done.is_none();
    let place = (at, count);
    call.push(match (is_vector, is_write, done) {
        (true, ..) => vector(context, place, filled, is_failed, &mut moved),
        (false, true, _) => payload(context, at, count, &mut moved),
        (false, false, Some(done)) => payload(context, at, count.min(done as u64), &mut moved),
        (_, false, None) => Argument::Pointer(at),
    });
    call.push_unsigned(count);
    call.facts.direction = Some(if is_write {
        Direction::Out
    } else {
        Direction::In
    });
    if let Some(done) = done {
        moved.bytes = done;
        call.facts.moved.push(moved);
    }
}

/// The additional arguments of preadv(2) and pwritev(2): an offset, and flags in their second versions.
pub(super) fn place<M: Memory>(call: &mut Call, context: &Context<'_, M>) {
    const FLAGS: Names = names! { RWF_HIPRI RWF_DSYNC RWF_SYNC RWF_NOWAIT RWF_APPEND };
    let [.., offset, _, how] = context.arguments;
    call.push_signed(offset.cast_signed());
    if call.name.ends_with('2') {
        call.push(Argument::flags(how as u32, FLAGS, "RWF_???"));
    }
}

/// An offset that the kernel reads and updates, before or after the call: `[7]`.
pub(super) fn offset<M: Memory>(memory: &M, at: u64) -> Argument {
    match memory.exact(at) {
        Some(bytes) => Argument::list(vec![Argument::Signed(i64::from_ne_bytes(bytes))]),
        None => Argument::Pointer(at),
    }
}

/// Adds `[0] => [100]` as the next argument, or only the old value if it has not changed.
fn moving_offset<M>(call: &mut Call, context: &Context<'_, M>, index: usize, now: Argument) {
    let is_good = matches!(call.returned, Returned::Value(_));
    call.push(match context.snapshot.argument(index) {
        Some(before) if *before != now && is_good => {
            Argument::Changed(Box::new(before.clone()), Box::new(now))
        }
        Some(before) => before.clone(),
        None => now,
    });
}

pub(super) fn decode<M: Memory>(call: &mut Call, shape: Shape, context: &Context<'_, M>) {
    let [first, second, third, fourth, fifth, sixth] = context.arguments;
    match shape {
        Shape::SendFile => {
            call.push_signed(second as i32);
            let now = offset(context.memory, third);
            moving_offset(call, context, 0, now);
            call.push_unsigned(fourth);
            call.facts.direction = Some(Direction::Out);
            if let Some(bytes) = done(call) {
                call.facts.moved.push(Moved {
                    bytes,
                    ..Moved::default()
                });
            }
        }
        Shape::Splice => {
            let (from, to) = (
                offset(context.memory, second),
                offset(context.memory, fourth),
            );
            moving_offset(call, context, 0, from);
            call.push_signed(third as i32);
            moving_offset(call, context, 1, to);
            call.push_unsigned(fifth);
            call.push(Argument::flags(sixth as u32, SPLICE, "SPLICE_F_???"));
            call.facts.fds.push(third as i32);
        }
        Shape::UringEnter => {
            call.push_unsigned(second as u32);
            call.push_unsigned(third as u32);
            let flags = Argument::flags(fourth as u32, ENTER, "IORING_ENTER_???");
            call.push(flags);
            call.push(Argument::Pointer(fifth));
            call.push_unsigned(sixth);
        }
        Shape::UringRegister => {
            let operation = Argument::named(second as u32, REGISTER, "IORING_REGISTER_???");
            call.push(operation);
            call.push(Argument::Pointer(third));
            call.push_unsigned(fourth as u32);
        }
        Shape::UringSetup => {
            call.push_unsigned(first as u32);
            call.push(Argument::Pointer(second));
            if let Some(fd) = call.value() {
                call.facts.fds.push(fd as i32);
            }
        }
        _ => {}
    }
}
