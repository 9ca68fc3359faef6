//! Calls on descriptors that move no bytes: dup, fcntl, shutdown, close, epoll_create.

use std::fmt::Write as _;

use super::Context;
use crate::trace::call::{Call, Returned};
use crate::trace::calls::Shape;
use crate::trace::memory::Memory;
use crate::trace::notation::{Names, flags, hex, named, names, pointer};

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

/// Status flags of open(2), behind the access mode.
#[rustfmt::skip]
const STATUS: Names = &[
    (libc::O_CREAT as i64, "O_CREAT"), (libc::O_EXCL as i64, "O_EXCL"),
    (libc::O_NOCTTY as i64, "O_NOCTTY"), (libc::O_TRUNC as i64, "O_TRUNC"),
    (libc::O_APPEND as i64, "O_APPEND"), (libc::O_NONBLOCK as i64, "O_NONBLOCK"),
    (libc::O_SYNC as i64, "O_SYNC"), (libc::O_DSYNC as i64, "O_DSYNC"),
    (libc::O_DIRECT as i64, "O_DIRECT"), (LARGE, "O_LARGEFILE"),
    (libc::O_NOFOLLOW as i64, "O_NOFOLLOW"), (libc::O_NOATIME as i64, "O_NOATIME"),
    (libc::O_CLOEXEC as i64, "O_CLOEXEC"), (libc::O_PATH as i64, "O_PATH"),
    (libc::O_TMPFILE as i64, "O_TMPFILE"), (libc::O_DIRECTORY as i64, "O_DIRECTORY"),
    (libc::O_ASYNC as i64, "FASYNC"),
];

/// `O_LARGEFILE` of the kernel: libc's is 0 on 64-bit machines.
const LARGE: i64 = if cfg!(target_arch = "aarch64") {
    0o400_000
} else {
    0o100_000
};

fn status(text: &mut String, value: i64) {
    text.push_str(match value & 3 {
        0 => "O_RDONLY",
        1 => "O_WRONLY",
        2 => "O_RDWR",
        _ => "O_ACCMODE",
    });
    let rest = value & !3;
    if rest != 0 {
        text.push('|');
        flags(text, rest as u32, STATUS, "");
    }
}

/// The two descriptors that socketpair(2) made.
pub(super) fn pair<M: Memory>(call: &mut Call, context: &Context<'_, M>, at: u64) {
    let fds = match call.returned {
        Returned::Value(_) => context.memory.exact::<8>(at),
        _ => None,
    };
    match fds {
        Some([a, b, c, d, e, f, g, h]) => {
            let pair = [[a, b, c, d], [e, f, g, h]].map(i32::from_ne_bytes);
            let _ = write!(call.next(), "{pair:?}");
            call.facts.fds.extend(pair);
        }
        None => pointer(call.next(), at),
    }
}

fn fcntl<M: Memory>(call: &mut Call, context: &Context<'_, M>) {
    const DESCRIPTOR: Names = names! { FD_CLOEXEC };
    const OWNERS: Names = &[(0, "F_OWNER_TID"), (1, "F_OWNER_PID"), (2, "F_OWNER_PGRP")];
    let [_, command, third, ..] = context.arguments;
    call.facts.number = command as i32 as i64;
    call.facts.value = third as i32;
    named(call.next(), command as u32, FCNTL, "F_???");
    match command as i32 {
        libc::F_GETFL => {
            if let Some(value) = call.value() {
                call.remark.push_str("(flags ");
                status(&mut call.remark, value);
                call.remark.push(')');
            }
        }
        libc::F_GETFD => {
            if let Some(value @ 1..) = call.value() {
                call.remark.push_str("(flags ");
                flags(&mut call.remark, value as u32, DESCRIPTOR, "");
                call.remark.push(')');
            }
        }
        libc::F_SETFL => status(call.next(), i64::from(third as u32)),
        libc::F_SETFD => flags(call.next(), third as u32, DESCRIPTOR, "FD_???"),
        // F_GETOWN, and F_GETSIG, which says its signal by name.
        9 => {}
        11 => {
            if let Some(signal @ 1..) = call.value() {
                call.remark = format!("({})", crate::trace::signal::name(signal as i32));
            }
        }
        10 => call
            .next()
            .push_str(&crate::trace::signal::name(third as i32)),
        15 | 16 => match context.memory.exact::<8>(third) {
            Some(bytes) if command != 16 || call.value().is_some() => {
                let [kind, pid] = super::pair(&bytes);
                let text = call.next();
                text.push_str("{type=");
                named(text, kind.cast_unsigned(), OWNERS, "F_OWNER_???");
                let _ = write!(text, ", pid={pid}}}");
            }
            _ => pointer(call.next(), third),
        },
        libc::F_DUPFD | libc::F_DUPFD_CLOEXEC | 8 => {
            let _ = write!(call.next(), "{}", third as i32);
        }
        _ => hex(call.next(), third),
    }
}

pub(super) fn decode<M: Memory>(call: &mut Call, shape: Shape, context: &Context<'_, M>) {
    const HOW: Names = names! { SHUT_RD SHUT_WR SHUT_RDWR };
    const CLOSE_RANGE: Names = &[(2, "CLOSE_RANGE_UNSHARE"), (4, "CLOSE_RANGE_CLOEXEC")];
    let [first, second, third, ..] = context.arguments;
    match shape {
        Shape::Listen => drop(write!(call.next(), "{}", second as i32)),
        Shape::Shutdown => {
            named(call.next(), second as u32, HOW, "SHUT_???");
            call.facts.number = second as i32 as i64;
        }
        Shape::Dup2 | Shape::Dup3 => {
            let _ = write!(call.next(), "{}", second as i32);
            if shape == Shape::Dup3 {
                flags(call.next(), third as u32, STATUS, "O_???");
            }
            call.facts.number = second as i32 as i64;
        }
        Shape::Fcntl => fcntl(call, context),
        Shape::Ioctl => super::ioctl::decode(call, context),
        Shape::CloseRange => {
            let _ = write!(call.next(), "{}", first as u32);
            let _ = write!(call.next(), "{}", second as u32);
            flags(call.next(), third as u32, CLOSE_RANGE, "CLOSE_RANGE_???");
        }
        Shape::EpollCreate => drop(write!(call.next(), "{}", first as i32)),
        Shape::EpollCreate1 => flags(
            call.next(),
            first as u32,
            names! { EPOLL_CLOEXEC },
            "EPOLL_???",
        ),
        _ => {}
    }
}
