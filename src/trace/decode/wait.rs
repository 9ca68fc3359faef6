//! Calls that wait for sockets: poll, select, epoll.

use std::fmt::Write as _;
use std::time::Duration;

use super::{Context, Early, timespec_text};
use crate::trace::call::{Call, Events, Returned, Wait};
use crate::trace::calls::Shape;
use crate::trace::memory::Memory;
use crate::trace::notation::{Names, array, flags, named, names, pointer};

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

/// What was read of an argument before the call.
fn early_text<M>(context: &Context<'_, M>, index: usize) -> String {
    match context.early {
        Early::Texts(texts) => texts.get(index).cloned().unwrap_or_default(),
        _ => String::new(),
    }
}

/// How long a call waits at most, from the text of its time: for ever where there is none.
fn limit(text: &str) -> Option<Duration> {
    let (seconds, rest) = text.strip_prefix("{tv_sec=")?.split_once(", tv_")?;
    let (unit, rest) = rest.split_once('=')?;
    let rest: u64 = rest.strip_suffix('}')?.parse().ok()?;
    let nanos = match unit {
        "usec" => rest.saturating_mul(1000),
        _ => rest,
    };
    let seconds = Duration::from_secs(seconds.parse().unwrap_or_default());
    Some(seconds.saturating_add(Duration::from_nanos(nanos)))
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
    // Where two thirds or more are in it, strace tells the others.
    let (set, sign) = match set.count_ones() {
        42.. => (!set, "~"),
        _ => (set, ""),
    };
    let names = (1..=64).filter(|signal| set >> (signal - 1) & 1 == 1);
    let names: Vec<_> = names.map(super::super::signal::short_name).collect();
    format!("{sign}[{}]", names.join(" "))
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
    array(
        call.next(),
        context.memory,
        place,
        context.bytes,
        |text, bytes: &[u8; 8]| {
            let (fd, events, _) = entry(bytes);
            let _ = write!(text, "{{fd={fd}");
            if fd >= 0 {
                text.push_str(", events=");
                flags(text, events.into(), EVENTS, "POLL???");
            }
            text.push('}');
        },
    );
    let _ = write!(call.next(), "{}", count as u32);
    if shape == Shape::Poll {
        let _ = write!(call.next(), "{}", time as i32);
    } else {
        let text = match context.early {
            Early::Texts(_) => early_text(context, 0),
            _ => timespec_text(context.memory, time),
        };
        call.next().push_str(&text);
        let set = signal_set(context.memory, mask, size as usize);
        call.next().push_str(&set);
        let _ = write!(call.next(), "{size}");
    }
    let fds = polled(context);
    call.facts.fds.extend(fds.iter().map(|(fd, ..)| *fd));
    call.facts.wait = Some(Wait {
        limit: match shape {
            Shape::Poll => Some(time as i32)
                .filter(|time| *time >= 0)
                .map(milliseconds),
            _ => limit(&early_text(context, 0)),
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
        Returned::Value(0) => call.remark.push_str("(Timeout)"),
        Returned::Value(_) => {
            call.remark = ready(&fds, context.bytes);
            if shape == Shape::Ppoll && time != 0 {
                super::left(call, context, time);
            }
        }
        _ => {}
    }
}

/// `([{fd=4, revents=POLLIN}])`; strace's buffer for it has 1024 bytes.
fn ready(fds: &[(i32, u16, u16)], most: usize) -> String {
    const ROOM: usize = 1024 - 27;
    let mut text = String::new();
    let ready = fds.iter().filter(|(.., events)| *events != 0);
    for (at, (fd, _, events)) in ready.enumerate() {
        text.push_str(if at > 0 { ", " } else { "[" });
        let mut one = format!("{{fd={fd}, revents=");
        flags(&mut one, (*events).into(), EVENTS, "");
        if at >= most || text.len() + one.len() + 1 >= ROOM {
            text.push_str("...");
            break;
        }
        text.push_str(&one);
        text.push('}');
    }
    if text.is_empty() {
        text
    } else {
        format!("({text}])")
    }
}

pub(super) fn select<M: Memory>(call: &mut Call, shape: Shape, context: &Context<'_, M>) {
    let [count, a, b, c, time, _] = context.arguments;
    let _ = write!(call.next(), "{}", count as i32);
    let early = match context.early {
        Early::Texts(texts) => texts.clone(),
        _ => super::wait::early(shape, context.memory, &context.arguments),
    };
    let mut wait = Wait {
        limit: early.get(3).and_then(|text| limit(text)),
        ..Wait::default()
    };
    let events = [Events::INPUT, Events::OUTPUT, Events::OTHER];
    for (text, event) in early.iter().zip(events) {
        if text.len() > 2 && text.starts_with('[') {
            wait.asked = wait.asked | event;
        }
    }
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
            let sets = [("in", a), ("out", b), ("except", c)];
            for ((name, at), event) in sets.into_iter().zip(events) {
                let ready = read_set(context.memory, at, count).filter(|ready| !ready.is_empty());
                if ready.is_some() {
                    wait.ready = wait.ready | event;
                }
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
    call.facts.wait = Some(wait);
}

/// `struct epoll_event` is packed on x86_64 alone.
const EVENT_SIZE: usize = size_of::<libc::epoll_event>();

fn event(text: &mut String, bytes: &[u8]) -> u32 {
    let events = bytes
        .first_chunk()
        .map_or(0, |word| u32::from_ne_bytes(*word));
    let data = bytes
        .last_chunk()
        .map_or(0, |long| u64::from_ne_bytes(*long));
    text.push_str("{events=");
    flags(text, events, EPOLL_EVENTS, "EPOLL???");
    let _ = write!(text, ", data={{u32={}, u64={data}}}}}", data as u32);
    events
}

fn milliseconds(time: i32) -> Duration {
    Duration::from_millis(time.unsigned_abs().into())
}

pub(super) fn epoll_control<M: Memory>(call: &mut Call, context: &Context<'_, M>) {
    const OPERATIONS: Names = names! { EPOLL_CTL_ADD EPOLL_CTL_DEL EPOLL_CTL_MOD };
    let [_, operation, fd, at, ..] = context.arguments;
    named(call.next(), operation as u32, OPERATIONS, "EPOLL_CTL_???");
    let _ = write!(call.next(), "{}", fd as i32);
    call.facts.fds.push(fd as i32);
    call.facts.number = operation as i32 as i64;
    let bytes = context.memory.exact::<EVENT_SIZE>(at);
    match bytes.filter(|_| operation as i32 != libc::EPOLL_CTL_DEL) {
        Some(bytes) => drop(event(call.next(), &bytes)),
        None => pointer(call.next(), at),
    }
}

pub(super) fn epoll_wait<M: Memory>(call: &mut Call, shape: Shape, context: &Context<'_, M>) {
    let [_, at, most, time, mask, size] = context.arguments;
    let mut ready = Events::default();
    match call.value() {
        Some(count) => {
            let place = (at, count.cast_unsigned());
            array(
                call.next(),
                context.memory,
                place,
                context.bytes,
                |text, bytes: &[u8; EVENT_SIZE]| {
                    ready = ready | Events::polled(event(text, bytes) as u16);
                },
            );
        }
        None => pointer(call.next(), at),
    }
    call.facts.wait = Some(Wait {
        limit: match shape {
            Shape::EpollPwait2 => limit(&timespec_text(context.memory, time)),
            _ => Some(time as i32)
                .filter(|time| *time >= 0)
                .map(milliseconds),
        },
        asked: Events::default(),
        ready,
    });
    let _ = write!(call.next(), "{}", most as i32);
    match shape {
        // strace looks where the time is once the call has returned well.
        Shape::EpollPwait2 if call.value().is_none() => pointer(call.next(), time),
        Shape::EpollPwait2 => super::timespec(call, context, time),
        _ => drop(write!(call.next(), "{}", time as i32)),
    }
    if shape != Shape::EpollWait {
        let set = signal_set(context.memory, mask, size as usize);
        call.next().push_str(&set);
        let _ = write!(call.next(), "{size}");
    }
}
