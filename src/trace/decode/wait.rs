//! Decodes calls that wait for sockets: poll, select, epoll.

use std::time::Duration;

use super::read::array;
use super::{Context, EntrySnapshot, longs, time, timespec};
use crate::trace::argument::Argument;
use crate::trace::call::{Call, Events, Remark, Returned, Wait};
use crate::trace::calls::Shape;
use crate::trace::memory::Memory;
use crate::trace::notation::{Names, names};

/// In the order of their bits (asm-generic/poll.h).
#[rustfmt::skip]
const EVENTS: Names = &[
    (0x1, "POLLIN"), (0x2, "POLLPRI"), (0x4, "POLLOUT"), (0x8, "POLLERR"), (0x10, "POLLHUP"),
    (0x20, "POLLNVAL"), (0x40, "POLLRDNORM"), (0x80, "POLLRDBAND"), (0x100, "POLLWRNORM"),
    (0x200, "POLLWRBAND"), (0x400, "POLLMSG"), (0x1000, "POLLREMOVE"), (0x2000, "POLLRDHUP"),
    (0x8000, "POLL_BUSY_LOOP"),
];
/// linux/eventpoll.h.
#[rustfmt::skip]
const EPOLL_EVENTS: Names = &[
    (0x1, "EPOLLIN"), (0x2, "EPOLLPRI"), (0x4, "EPOLLOUT"), (0x8, "EPOLLERR"), (0x10, "EPOLLHUP"),
    (0x20, "EPOLLNVAL"), (0x40, "EPOLLRDNORM"), (0x80, "EPOLLRDBAND"), (0x100, "EPOLLWRNORM"),
    (0x200, "EPOLLWRBAND"), (0x400, "EPOLLMSG"), (0x2000, "EPOLLRDHUP"),
    (0x1000_0000, "EPOLLEXCLUSIVE"), (0x2000_0000, "EPOLLWAKEUP"), (0x4000_0000, "EPOLLONESHOT"),
    (0x8000_0000, "EPOLLET"),
];

/// The maximum number of descriptors of a call that are decoded.
const MOST: usize = 1024;

/// The arguments that the kernel overwrites: the sets and the timeout of select, the timeout of ppoll.
pub(super) fn snapshot<M: Memory>(shape: Shape, memory: &M, arguments: &[u64; 6]) -> Vec<Argument> {
    let [count, a, b, c, at, mask] = *arguments;
    if shape == Shape::Ppoll {
        return vec![timespec(memory, b)];
    }
    let sets = [a, b, c].map(|at| match set(memory, at, count) {
        Some(fds) => Argument::Descriptors(fds),
        None => Argument::Pointer(at),
    });
    let mut found = Vec::from(sets);
    found.push(time(memory, at, shape == Shape::Pselect));
    if shape == Shape::Pselect {
        found.push(match memory.exact::<16>(mask) {
            Some(bytes) => {
                let [set, size] = longs(&bytes);
                let set = signal_set(memory, set.cast_unsigned(), size as usize);
                Argument::Struct(vec![
                    ("sigmask", set),
                    ("sigsetsize", Argument::Signed(size)),
                ])
            }
            None => Argument::Pointer(mask),
        });
    }
    found
}

/// The timeout of a call: unlimited if it has none.
fn limit(time: Option<&Argument>) -> Option<Duration> {
    match time {
        Some(Argument::Time(time)) => Some(time.duration()),
        _ => None,
    }
}

/// The descriptors in a set.
fn set<M: Memory>(memory: &M, at: u64, count: u64) -> Option<Vec<i32>> {
    let count = usize::try_from(count as i32).ok()?.min(MOST * 8);
    let bytes = (at != 0).then(|| memory.bytes(at, count.div_ceil(64) * 8))??;
    let is_in = |fd: &usize| {
        bytes
            .get(fd / 8)
            .is_some_and(|byte| byte >> (fd % 8) & 1 == 1)
    };
    Some((0..count).filter(is_in).map(|fd| fd as i32).collect())
}

fn signal_set<M: Memory>(memory: &M, at: u64, size: usize) -> Argument {
    match (at, size, memory.exact(at)) {
        (1.., 8, Some(bytes)) => Argument::SignalSet(u64::from_ne_bytes(bytes)),
        _ => Argument::Pointer(at),
    }
}

/// The descriptors of a `struct pollfd` array: fd, events, revents.
fn polled<M: Memory>(context: &Context<'_, M>) -> Vec<(i32, u16, u16)> {
    let [at, count, ..] = context.arguments;
    let mut bytes = vec![0; (count as u32 as usize).min(MOST) * 8];
    let read = match at {
        0 => 0,
        at => context.memory.read(at, &mut bytes) / 8,
    };
    let entries = bytes.as_chunks().0.iter().take(read);
    entries.map(entry).collect()
}

fn entry(bytes: &[u8; 8]) -> (i32, u16, u16) {
    let [a, b, c, d, e, f, g, h] = *bytes;
    (
        i32::from_ne_bytes([a, b, c, d]),
        u16::from_ne_bytes([e, f]),
        u16::from_ne_bytes([g, h]),
    )
}

pub(super) fn poll<M: Memory>(call: &mut Call, shape: Shape, context: &Context<'_, M>) {
    let [at, count, time, mask, size, _] = context.arguments;
    let place = (at, u64::from(count as u32));
    call.push(array(context, place, |bytes: &[u8; 8]| {
        let (fd, events, _) = entry(bytes);
        let mut fields = vec![("fd", Argument::Signed(fd.into()))];
        if fd >= 0 {
            let events = Argument::flags(events.into(), EVENTS, "POLL???");
            fields.push(("events", events));
        }
        Argument::Struct(fields)
    }));
    call.push_unsigned(count as u32);
    let snapshot = context.snapshot.argument(0);
    if shape == Shape::Poll {
        call.push_signed(time as i32);
    } else {
        let time = snapshot.cloned();
        call.push(time.unwrap_or_else(|| timespec(context.memory, context.arguments[2])));
        call.push(signal_set(context.memory, mask, size as usize));
        call.push_unsigned(size);
    }
    let fds = polled(context);
    call.facts.fds.extend(fds.iter().map(|(fd, ..)| *fd));
    call.facts.wait = Some(Wait {
        limit: match shape {
            Shape::Poll => Some(time as i32)
                .filter(|time| *time >= 0)
                .map(milliseconds),
            _ => limit(snapshot),
        },
        asked: fds
            .iter()
            .filter(|(fd, ..)| *fd >= 0)
            .fold(Events::default(), |all, (_, events, _)| {
                all | Events::polled(*events)
            }),
        ready: match call.returned {
            Returned::Value(_) => fds.iter().fold(Events::default(), |all, (.., events)| {
                all | Events::polled(*events)
            }),
            _ => Events::default(),
        },
    });
    match call.returned {
        Returned::Value(0) => call.remark = Remark::Timeout,
        Returned::Value(_) => {
            let has_left = shape == Shape::Ppoll && time != 0;
            call.remark = Remark::Polled {
                ready: ready(&fds),
                shown: context.bytes,
                left: has_left.then(|| timespec(context.memory, time)),
            };
        }
        _ => {}
    }
}

/// The descriptors that have events.
fn ready(fds: &[(i32, u16, u16)]) -> Vec<(i32, Argument)> {
    let ready = fds.iter().filter(|(.., events)| *events != 0);
    let ready = ready.map(|(fd, _, events)| (*fd, Argument::flags((*events).into(), EVENTS, "")));
    ready.collect()
}

pub(super) fn select<M: Memory>(call: &mut Call, shape: Shape, context: &Context<'_, M>) {
    let [count, a, b, c, at, _] = context.arguments;
    call.push_signed(count as i32);
    let snapshot = match context.snapshot {
        EntrySnapshot::Arguments(arguments) => arguments.clone(),
        _ => snapshot(shape, context.memory, &context.arguments),
    };
    let mut wait = Wait {
        limit: limit(snapshot.get(3)),
        ..Wait::default()
    };
    let events = [Events::INPUT, Events::OUTPUT, Events::OTHER];
    for (argument, event) in snapshot.iter().zip(events) {
        // The sets contain the descriptors.
        if let Argument::Descriptors(fds) = argument
            && !fds.is_empty()
        {
            wait.asked = wait.asked | event;
            call.facts.fds.extend(fds);
        }
    }
    call.arguments.extend(snapshot);
    match call.returned {
        Returned::Value(0) => call.remark = Remark::Timeout,
        Returned::Value(_) => {
            let sets = [a, b, c].map(|at| {
                let ready = set(context.memory, at, count);
                ready.filter(|ready| !ready.is_empty())
            });
            for (ready, event) in sets.iter().zip(events) {
                if ready.is_some() {
                    wait.ready = wait.ready | event;
                }
            }
            let left = || time(context.memory, at, shape == Shape::Pselect);
            call.remark = Remark::Selected {
                sets,
                left: (at != 0).then(left),
            };
        }
        _ => {}
    }
    call.facts.wait = Some(wait);
}

/// `struct epoll_event` is packed only on x86_64.
const EVENT_SIZE: usize = size_of::<libc::epoll_event>();

fn event(bytes: &[u8; EVENT_SIZE]) -> (Argument, u32) {
    let events = bytes
        .first_chunk()
        .map_or(0, |word| u32::from_ne_bytes(*word));
    let data = bytes
        .last_chunk()
        .map_or(0, |long| u64::from_ne_bytes(*long));
    let data_fields = vec![
        ("u32", Argument::Unsigned(u64::from(data as u32))),
        ("u64", Argument::Unsigned(data)),
    ];
    let fields = vec![
        ("events", Argument::flags(events, EPOLL_EVENTS, "EPOLL???")),
        ("data", Argument::Struct(data_fields)),
    ];
    (Argument::Struct(fields), events)
}

fn milliseconds(time: i32) -> Duration {
    Duration::from_millis(time.unsigned_abs().into())
}

pub(super) fn epoll_control<M: Memory>(call: &mut Call, context: &Context<'_, M>) {
    const OPERATIONS: Names = names! { EPOLL_CTL_ADD EPOLL_CTL_DEL EPOLL_CTL_MOD };
    let [_, operation, fd, at, ..] = context.arguments;
    let operation_name = Argument::named(operation as u32, OPERATIONS, "EPOLL_CTL_???");
    call.push(operation_name);
    call.push_signed(fd as i32);
    call.facts.fds.push(fd as i32);
    call.facts.number = operation as i32 as i64;
    let bytes = context.memory.exact::<EVENT_SIZE>(at);
    match bytes.filter(|_| operation as i32 != libc::EPOLL_CTL_DEL) {
        Some(bytes) => call.push(event(&bytes).0),
        None => call.push(Argument::Pointer(at)),
    }
}

pub(super) fn epoll_wait<M: Memory>(call: &mut Call, shape: Shape, context: &Context<'_, M>) {
    let [_, at, most, time, mask, size] = context.arguments;
    let mut ready = Events::default();
    match call.value() {
        Some(count) => {
            let place = (at, count.cast_unsigned());
            call.push(array(context, place, |bytes| {
                let (event, bits) = event(bytes);
                ready = ready | Events::polled(bits as u16);
                event
            }));
        }
        None => call.push(Argument::Pointer(at)),
    }
    call.facts.wait = Some(Wait {
        limit: match shape {
            Shape::EpollPwait2 => limit(Some(&timespec(context.memory, time))),
            _ => Some(time as i32)
                .filter(|time| *time >= 0)
                .map(milliseconds),
        },
        asked: Events::default(),
        ready,
    });
    call.push_signed(most as i32);
    match shape {
        // strace reads the timeout only after a successful return.
        Shape::EpollPwait2 if call.value().is_none() => {
            call.push(Argument::Pointer(time));
        }
        Shape::EpollPwait2 => call.push(timespec(context.memory, time)),
        _ => call.push_signed(time as i32),
    }
    if shape != Shape::EpollWait {
        call.push(signal_set(context.memory, mask, size as usize));
        call.push_unsigned(size);
    }
}
