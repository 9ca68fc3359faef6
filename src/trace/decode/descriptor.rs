//! Calls on descriptors that move no bytes: dup, fcntl, ioctl, shutdown, close, epoll_create.

use std::fmt::Write as _;

use super::Context;
use crate::trace::call::{Call, Returned};
use crate::trace::calls::Shape;
use crate::trace::memory::Memory;
use crate::trace::notation::{Names, flags, named, names, pointer, quoted};

const FCNTL: Names = &[
    (libc::F_DUPFD as i64, "F_DUPFD"),
    (libc::F_DUPFD_CLOEXEC as i64, "F_DUPFD_CLOEXEC"),
    (libc::F_GETFD as i64, "F_GETFD"),
    (libc::F_SETFD as i64, "F_SETFD"),
    (libc::F_GETFL as i64, "F_GETFL"),
    (libc::F_SETFL as i64, "F_SETFL"),
    (libc::F_GETLK as i64, "F_GETLK"),
    (libc::F_SETLK as i64, "F_SETLK"),
    (libc::F_SETLKW as i64, "F_SETLKW"),
    (8, "F_SETOWN"),
    (9, "F_GETOWN"),
    (10, "F_SETSIG"),
    (11, "F_GETSIG"),
    (15, "F_SETOWN_EX"),
    (16, "F_GETOWN_EX"),
];

/// Status flags of open(2), behind the access mode.
const STATUS: Names = names! {
    O_CREAT O_EXCL O_NOCTTY O_TRUNC O_APPEND O_NONBLOCK O_SYNC O_DSYNC O_ASYNC O_DIRECT
    O_DIRECTORY O_NOFOLLOW O_NOATIME O_CLOEXEC O_PATH
};

const IOCTLS: Names = &[
    (0x5421, "FIONBIO"),
    (0x541b, "FIONREAD"),
    (0x5452, "FIOASYNC"),
    (0x5450, "FIONCLEX"),
    (0x5451, "FIOCLEX"),
    (0x5401, "TCGETS"),
    (0x5411, "TIOCOUTQ"),
    (0x8906, "SIOCGSTAMP_OLD"),
    (0x8907, "SIOCGSTAMPNS_OLD"),
    (0x8901, "FIOSETOWN"),
    (0x8903, "FIOGETOWN"),
    (0x8902, "SIOCSPGRP"),
    (0x8904, "SIOCGPGRP"),
    (0x8905, "SIOCATMARK"),
    (0x8910, "SIOCGIFNAME"),
    (0x8912, "SIOCGIFCONF"),
    (0x8913, "SIOCGIFFLAGS"),
    (0x8915, "SIOCGIFADDR"),
    (0x8917, "SIOCGIFDSTADDR"),
    (0x8919, "SIOCGIFBRDADDR"),
    (0x891b, "SIOCGIFNETMASK"),
    (0x891d, "SIOCGIFMETRIC"),
    (0x8921, "SIOCGIFMTU"),
    (0x8927, "SIOCGIFHWADDR"),
    (0x8933, "SIOCGIFINDEX"),
    (0x8942, "SIOCGIFTXQLEN"),
    (0x8946, "SIOCETHTOOL"),
    (0x89b0, "SIOCSHWTSTAMP"),
    (0x89b1, "SIOCGHWTSTAMP"),
];

fn status(text: &mut String, value: i64) {
    text.push_str(match value & 3 {
        0 => "O_RDONLY",
        1 => "O_WRONLY",
        2 => "O_RDWR",
        _ => "O_ACCMODE",
    });
    // libc's O_LARGEFILE is 0 on 64-bit machines, but the kernel sets the bit.
    let (large, rest) = (value & 0o100_000, value & !3 & !0o100_000);
    if rest != 0 {
        text.push('|');
        flags(text, rest, STATUS);
    }
    if large != 0 {
        text.push_str("|O_LARGEFILE");
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

pub(super) fn decode<M: Memory>(call: &mut Call, shape: Shape, context: &Context<'_, M>) {
    const HOW: Names = names! { SHUT_RD SHUT_WR SHUT_RDWR };
    const DESCRIPTOR: Names = names! { FD_CLOEXEC };
    const CLOSE_RANGE: Names = &[(2, "CLOSE_RANGE_UNSHARE"), (4, "CLOSE_RANGE_CLOEXEC")];
    let [first, second, third, ..] = context.arguments;
    match shape {
        Shape::Listen => drop(write!(call.next(), "{}", second as i32)),
        Shape::Shutdown => {
            named(call.next(), second as i32 as i64, HOW, "SHUT_???");
            call.facts.number = second as i32 as i64;
        }
        Shape::Dup2 | Shape::Dup3 => {
            let _ = write!(call.next(), "{}", second as i32);
            if shape == Shape::Dup3 {
                flags(call.next(), third as i32 as i64, STATUS);
            }
            call.facts.number = second as i32 as i64;
        }
        Shape::Fcntl => {
            call.facts.number = second as i32 as i64;
            named(call.next(), second as i32 as i64, FCNTL, "F_???");
            match second as i32 {
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
                        flags(&mut call.remark, value, DESCRIPTOR);
                        call.remark.push(')');
                    }
                }
                libc::F_SETFL => status(call.next(), third as i32 as i64),
                libc::F_SETFD => flags(call.next(), third as i32 as i64, DESCRIPTOR),
                9 | 11 => {}
                libc::F_DUPFD | libc::F_DUPFD_CLOEXEC | 8 | 10 => {
                    let _ = write!(call.next(), "{}", third as i32);
                }
                _ => pointer(call.next(), third),
            }
        }
        Shape::Ioctl => {
            let request = i64::from(second as u32);
            named(call.next(), request, IOCTLS, "SIOC???");
            call.facts.number = request;
            let text = call.next();
            match request {
                0x5421 | 0x541b | 0x5411 | 0x5452 | 0x8901..=0x8905 => {
                    match context.memory.exact(third) {
                        Some(word) => drop(write!(text, "[{}]", i32::from_ne_bytes(word))),
                        None => pointer(text, third),
                    }
                }
                0x8910..=0x8948 if request != 0x8912 => match context.memory.exact::<16>(third) {
                    Some(name) => {
                        let end = name.iter().position(|byte| *byte == 0).unwrap_or(16);
                        text.push_str("{ifr_name=");
                        quoted(text, &name[..end], false);
                        text.push_str(", ...}");
                    }
                    None => pointer(text, third),
                },
                _ => pointer(text, third),
            }
        }
        Shape::CloseRange => {
            let _ = write!(call.next(), "{}", first as u32);
            let _ = write!(call.next(), "{}", second as u32);
            flags(call.next(), i64::from(third as u32), CLOSE_RANGE);
        }
        Shape::EpollCreate => drop(write!(call.next(), "{}", first as i32)),
        Shape::EpollCreate1 => flags(
            call.next(),
            i64::from(first as u32),
            names! { EPOLL_CLOEXEC },
        ),
        _ => {}
    }
}
