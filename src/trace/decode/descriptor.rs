//! Decodes calls on descriptors that move no bytes: dup, fcntl, shutdown, close, epoll_create.

use super::Context;
use crate::trace::argument::Argument;
use crate::trace::call::{Call, Remark, Returned};
use crate::trace::calls::Shape;
use crate::trace::memory::Memory;
use crate::trace::notation::{Names, STATUS, names};

#[rustfmt::skip]
const FCNTL: Names = &[
    (0, "F_DUPFD"), (1, "F_GETFD"), (2, "F_SETFD"), (3, "F_GETFL"), (4, "F_SETFL"), (5, "F_GETLK"),
    (6, "F_SETLK"), (7, "F_SETLKW"), (8, "F_SETOWN"), (9, "F_GETOWN"), (10, "F_SETSIG"),
    (11, "F_GETSIG"), (12, "F_GETLK64"), (13, "F_SETLK64"), (14, "F_SETLKW64"),
    (15, "F_SETOWN_EX"), (16, "F_GETOWN_EX"), (17, "F_GETOWNER_UIDS"), (36, "F_OFD_GETLK"),
    (37, "F_OFD_SETLK"), (38, "F_OFD_SETLKW"), (1024, "F_SETLEASE"), (1025, "F_GETLEASE"),
    (1026, "F_NOTIFY"), (1029, "F_CANCELLK"), (1030, "F_DUPFD_CLOEXEC"), (1031, "F_SETPIPE_SZ"),
    (1032, "F_GETPIPE_SZ"), (1033, "F_ADD_SEALS"), (1034, "F_GET_SEALS"),
];

/// The two descriptors that socketpair(2) returned.
pub(super) fn pair<M: Memory>(call: &mut Call, context: &Context<'_, M>, at: u64) {
    let fds = match call.returned {
        Returned::Value(_) => context.memory.exact::<8>(at),
        _ => None,
    };
    match fds {
        Some([a, b, c, d, e, f, g, h]) => {
            let pair = [[a, b, c, d], [e, f, g, h]].map(i32::from_ne_bytes);
            let numbers = pair.map(|fd| Argument::Signed(fd.into()));
            call.push(Argument::list(numbers.into()));
            call.facts.fds.extend(pair);
        }
        None => call.push(Argument::Pointer(at)),
    }
}

fn fcntl<M: Memory>(call: &mut Call, context: &Context<'_, M>) {
    const DESCRIPTOR: Names = names! { FD_CLOEXEC };
    const OWNERS: Names = &[(0, "F_OWNER_TID"), (1, "F_OWNER_PID"), (2, "F_OWNER_PGRP")];
    let [_, command, third, ..] = context.arguments;
    call.facts.number = command as i32 as i64;
    call.facts.value = third as i32;
    call.push(Argument::named(command as u32, FCNTL, "F_???"));
    match command as i32 {
        libc::F_GETFL => {
            if let Some(value) = call.value() {
                call.remark = Remark::Flags(Argument::StatusFlags(value));
            }
        }
        libc::F_GETFD => {
            if let Some(value @ 1..) = call.value() {
                let flags = Argument::flags(value as u32, DESCRIPTOR, "");
                call.remark = Remark::Flags(flags);
            }
        }
        libc::F_SETFL => call.push(Argument::StatusFlags(i64::from(third as u32))),
        libc::F_SETFD => call.push(Argument::flags(third as u32, DESCRIPTOR, "FD_???")),
        // F_GETOWN, and F_GETSIG, whose signal has a name.
        9 => {}
        11 => {
            if let Some(signal @ 1..) = call.value() {
                call.remark = Remark::Signal(signal as i32);
            }
        }
        10 => call.push(Argument::Signal(third as i32)),
        15 | 16 => match context.memory.exact::<8>(third) {
            Some(bytes) if command != 16 || call.value().is_some() => {
                let [kind, pid] = super::pair(&bytes);
                let kind = Argument::named(kind.cast_unsigned(), OWNERS, "F_OWNER_???");
                let pid = Argument::Signed(pid.into());
                call.push(Argument::Struct(vec![("type", kind), ("pid", pid)]));
            }
            _ => call.push(Argument::Pointer(third)),
        },
        libc::F_DUPFD | libc::F_DUPFD_CLOEXEC | 8 => call.push_signed(third as i32),
        _ => call.push(Argument::Hex(third)),
    }
}

pub(super) fn decode<M: Memory>(call: &mut Call, shape: Shape, context: &Context<'_, M>) {
    const HOW: Names = names! { SHUT_RD SHUT_WR SHUT_RDWR };
    const CLOSE_RANGE: Names = &[(2, "CLOSE_RANGE_UNSHARE"), (4, "CLOSE_RANGE_CLOEXEC")];
    let [first, second, third, ..] = context.arguments;
    match shape {
        Shape::Listen => call.push_signed(second as i32),
        Shape::Shutdown => {
            call.push(Argument::named(second as u32, HOW, "SHUT_???"));
            call.facts.number = second as i32 as i64;
        }
        Shape::Dup2 | Shape::Dup3 => {
            call.push_signed(second as i32);
            if shape == Shape::Dup3 {
                call.push(Argument::flags(third as u32, STATUS, "O_???"));
            }
            call.facts.number = second as i32 as i64;
        }
        Shape::Fcntl => fcntl(call, context),
        Shape::Ioctl => super::ioctl::decode(call, context),
        Shape::CloseRange => {
            call.push_unsigned(first as u32);
            call.push_unsigned(second as u32);
            call.push(Argument::flags(
                third as u32,
                CLOSE_RANGE,
                "CLOSE_RANGE_???",
            ));
        }
        Shape::EpollCreate => call.push_signed(first as i32),
        Shape::EpollCreate1 => call.push(Argument::flags(
            first as u32,
            names! { EPOLL_CLOEXEC },
            "EPOLL_???",
        )),
        _ => {}
    }
}
