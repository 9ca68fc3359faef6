//! Calls that wait for sockets: poll, select, epoll.

use std::fmt::Write as _;

use super::{Context, Early, timespec_text};
use crate::trace::call::{Call, Returned};
use crate::trace::calls::Shape;
use crate::trace::memory::Memory;
use crate::trace::notation::{Names, flags, named, names, pointer};

const EVENTS: Names = names! {
    POLLIN POLLPRI POLLOUT POLLRDNORM POLLWRNORM POLLRDBAND POLLWRBAND POLLERR POLLHUP POLLNVAL POLLRDHUP
};
const EPOLL_EVENTS: Names = &[
    (0x1, "EPOLLIN"),
    (0x2, "EPOLLPRI"),
    (0x4, "EPOLLOUT"),
    (0x40, "EPOLLRDNORM"),
    (0x80, "EPOLLRDBAND"),
    (0x100, "EPOLLWRNORM"),
    (0x200, "EPOLLWRBAND"),
    (0x400, "EPOLLMSG"),
    (0x8, "EPOLLERR"),
    (0x10, "EPOLLHUP"),
    (0x2000, "EPOLLRDHUP"),
    (0x1000_0000, "EPOLLEXCLUSIVE"),
    (0x2000_0000, "EPOLLWAKEUP"),
    (0x4000_0000, "EPOLLONESHOT"),
    (0x8000_0000, "EPOLLET"),
];

/// How many descriptors of a call are looked at.
const MOST: usize = 1024;

/// What the kernel overwrites: the sets and the time of select, the time of ppoll.
pub(super) fn early<M: Memory>(shape: Shape, memory: &M, arguments: &[u64; 6]) -> Vec<String> {
    let [count, a, b, c, time, mask] = *arguments;
    match shape {
        Shape::Ppoll => vec![timespec_text(memory, b)],
        Shape::Select => {
            let mut texts = sets(memory, count, [a, b, c]);
            texts.push(match memory.exact::<16>(time) {
                Some(bytes) => {
                    let [seconds, micros] = super::longs(&bytes);
                    format!("{{tv_sec={seconds}, tv_usec={micros}}}")
                }
                None => address(time),
            });
            texts
        }
        _ => {
            let mut texts = sets(memory, count, [a, b, c]);
            texts.push(timespec_text(memory, time));
            texts.push(match memory.exact::<16>(mask) {
                Some(bytes) => {
                    let [set, size] = super::longs(&bytes);
                    let set = signal_set(memory, set.cast_unsigned(), size as usize);
                    match set.as_str() {
                        "NULL" => format!("{{sigmask=NULL, sigsetsize={size}}}"),
                        _ => format!("{{sigmask={set}, sigsetsize={size}}}"),
                    }
                }
                None => address(mask),
            });
            texts
        }
    }
}

fn address(address: u64) -> String {
    let mut text = String::new();
    pointer(&mut text, address);
    text
}

fn sets<M: Memory>(memory: &M, count: u64, sets: [u64; 3]) -> Vec<String> {
    let text = |at: &u64| match read_set(memory, *at, count) {
        Some(fds) => list(&fds),
        None => address(*at),
    };
    sets.iter().map(text).collect()
}

fn list(fds: &[usize]) -> String {
    let fds: Vec<_> = fds.iter().map(ToString::to_string).collect();
    format!("[{}]", fds.join(" "))
}

fn read_set<M: Memory>(memory: &M, at: u64, count: u64) -> Option<Vec<usize>> {
    let count = usize::try_from(count as i32).ok()?.min(MOST * 8);
    let bytes = (at != 0).then(|| memory.bytes(at, count.div_ceil(64) * 8))??;
    let is_in = |fd: &usize| {
        bytes
            .get(fd / 8)
            .is_some_and(|byte| byte >> (fd % 8) & 1 == 1)
    };
    Some((0..count).filter(is_in).collect())
}

/// `[INT TERM]`, as strace writes it; `~[…]` where most are in it.
fn signal_set<M: Memory>(memory: &M, at: u64, size: usize) -> String {
    if at == 0 {
        return "NULL".into();
    }
    let (8, Some(bytes)) = (size, memory.exact(at)) else {
        return address(at);
    };
    let set = u64::from_ne_bytes(bytes);
    let (set, sign) = match set.count_ones() {
        43.. => (!set, "~"),
        _ => (set, ""),
    };
    let names = (1..=64).filter(|signal| set >> (signal - 1) & 1 == 1);
    let names: Vec<_> = names.map(super::super::signal::short_name).collect();
    format!("{sign}[{}]", names.join(" "))
}

/// The descriptors of a `struct pollfd` array: fd, events, revents.
fn polled<M: Memory>(context: &Context<'_, M>) -> Option<Vec<(i32, u16, u16)>> {
    let [at, count, ..] = context.arguments;
    let bytes = (at != 0).then(|| context.memory.bytes(at, (count as usize).min(MOST) * 8))??;
    let entry = |entry: &[u8; 8]| {
        let [a, b, c, d, e, f, g, h] = *entry;
        (
            i32::from_ne_bytes([a, b, c, d]),
            u16::from_ne_bytes([e, f]),
            u16::from_ne_bytes([g, h]),
        )
    };
    Some(bytes.as_chunks().0.iter().map(entry).collect())
}

pub(super) fn poll<M: Memory>(call: &mut Call, shape: Shape, context: &Context<'_, M>) {
    let [at, count, time, mask, size, _] = context.arguments;
    let fds = polled(context);
    let text = call.next();
    match &fds {
        Some(fds) => {
            text.push('[');
            for (index, (fd, events, _)) in fds.iter().enumerate() {
                let comma = if index > 0 { ", " } else { "" };
                let _ = write!(text, "{comma}{{fd={fd}");
                if *fd >= 0 {
                    text.push_str(", events=");
                    flags(text, (*events).into(), EVENTS);
                }
                text.push('}');
            }
            text.push(']');
        }
        None => pointer(text, at),
    }
    let _ = write!(call.next(), "{}", count as u32);
    if shape == Shape::Poll {
        let _ = write!(call.next(), "{}", time as i32);
    } else {
        let early = match context.early {
            Early::Texts(texts) => texts.first().cloned(),
            _ => None,
        };
        let text = early.unwrap_or_else(|| timespec_text(context.memory, time));
        call.next().push_str(&text);
        let set = signal_set(context.memory, mask, size as usize);
        call.next().push_str(&set);
        let _ = write!(call.next(), "{size}");
    }
    let fds = fds.unwrap_or_default();
    call.facts.fds.extend(fds.iter().map(|(fd, ..)| *fd));
    match call.returned {
        Returned::Value(0) => call.remark.push_str("(Timeout)"),
        Returned::Value(_) => {
            let mut text = String::from("([");
            for (fd, _, events) in fds
                .iter()
                .filter(|(fd, _, events)| *fd >= 0 && *events != 0)
            {
                let comma = if text.len() > 2 { ", " } else { "" };
                let _ = write!(text, "{comma}{{fd={fd}, revents=");
                flags(&mut text, (*events).into(), EVENTS);
                text.push('}');
            }
            text.push_str("])");
            call.remark = text;
            if shape == Shape::Ppoll && time != 0 {
                super::left(call, context, time);
            }
        }
        _ => {}
    }
}

pub(super) fn select<M: Memory>(call: &mut Call, shape: Shape, context: &Context<'_, M>) {
    let [count, a, b, c, time, _] = context.arguments;
    let _ = write!(call.next(), "{}", count as i32);
    let early = match context.early {
        Early::Texts(texts) => texts.clone(),
        _ => super::wait::early(shape, context.memory, &context.arguments),
    };
    for text in &early {
        // The sets say which descriptors are looked at.
        if let Some(list) = text
            .strip_prefix('[')
            .and_then(|text| text.strip_suffix(']'))
        {
            let fds = list.split(' ').filter_map(|fd| fd.parse::<i32>().ok());
            call.facts.fds.extend(fds);
        }
        call.next().push_str(text);
    }
    match call.returned {
        Returned::Value(0) => call.remark.push_str("(Timeout)"),
        Returned::Value(_) => {
            let mut parts = Vec::new();
            for (name, at) in [("in", a), ("out", b), ("except", c)] {
                let ready = read_set(context.memory, at, count).filter(|ready| !ready.is_empty());
                parts.extend(ready.map(|ready| format!("{name} {}", list(&ready))));
            }
            if time != 0 {
                let left = match (shape, context.memory.exact::<16>(time)) {
                    (Shape::Select, Some(bytes)) => {
                        let [seconds, micros] = super::longs(&bytes);
                        format!("{{tv_sec={seconds}, tv_usec={micros}}}")
                    }
                    _ => timespec_text(context.memory, time),
                };
                parts.push(format!("left {left}"));
            }
            call.remark = format!("({})", parts.join(", "));
        }
        _ => {}
    }
}

/// `struct epoll_event` is packed on x86_64 alone.
const EVENT_SIZE: usize = size_of::<libc::epoll_event>();

fn event(text: &mut String, bytes: &[u8]) {
    let events = bytes
        .first_chunk()
        .map_or(0, |word| u32::from_ne_bytes(*word));
    let data = bytes
        .last_chunk()
        .map_or(0, |long| u64::from_ne_bytes(*long));
    text.push_str("{events=");
    flags(text, events.into(), EPOLL_EVENTS);
    let _ = write!(text, ", data={{u32={}, u64={data}}}}}", data as u32);
}

pub(super) fn epoll_control<M: Memory>(call: &mut Call, context: &Context<'_, M>) {
    const OPERATIONS: Names = names! { EPOLL_CTL_ADD EPOLL_CTL_DEL EPOLL_CTL_MOD };
    let [_, operation, fd, at, ..] = context.arguments;
    named(
        call.next(),
        operation as i32 as i64,
        OPERATIONS,
        "EPOLL_CTL_???",
    );
    let _ = write!(call.next(), "{}", fd as i32);
    call.facts.fds.push(fd as i32);
    call.facts.number = operation as i32 as i64;
    let bytes = context.memory.exact::<EVENT_SIZE>(at);
    match bytes.filter(|_| operation as i32 != libc::EPOLL_CTL_DEL) {
        Some(bytes) => event(call.next(), &bytes),
        None => pointer(call.next(), at),
    }
}

pub(super) fn epoll_wait<M: Memory>(call: &mut Call, shape: Shape, context: &Context<'_, M>) {
    let [_, at, most, time, mask, size] = context.arguments;
    let count = call.value().map(|count| count as usize);
    match count {
        Some(count) => {
            let bytes = context.memory.bytes(at, count.min(MOST) * EVENT_SIZE);
            let text = call.next();
            text.push('[');
            let events = bytes.as_deref().unwrap_or_default();
            for (index, bytes) in events.as_chunks::<EVENT_SIZE>().0.iter().enumerate() {
                text.push_str(if index > 0 { ", " } else { "" });
                event(text, bytes);
            }
            text.push(']');
        }
        None => pointer(call.next(), at),
    }
    let _ = write!(call.next(), "{}", most as i32);
    match shape {
        Shape::EpollPwait2 => super::timespec(call, context, time),
        _ => drop(write!(call.next(), "{}", time as i32)),
    }
    if shape != Shape::EpollWait {
        let set = signal_set(context.memory, mask, size as usize);
        call.next().push_str(&set);
        let _ = write!(call.next(), "{size}");
    }
}
