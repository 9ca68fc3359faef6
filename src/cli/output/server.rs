//! What `udpraw server` prints.

pub(super) mod record;
mod sessions;

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};

use udpraw::error::Error;
use udpraw::io::Backend;
use udpraw::protocol::load::Served;
use udpraw::server::{Event, Interval, Summary};
use udpraw::socket::options::OptionValue;
use udpraw::socket::{Endpoint, Shown};

use self::record::{Record, control, record};
use super::exchange::{self, Id, ServedRecord};
use super::python::Tuple;
use super::{Output, count, metrics_url};

/// The socket's fd, and its options as requested and as they are in effect.
pub(crate) fn socket(output: &mut Output, endpoint: &Endpoint, settings: &[OptionValue]) {
    let family = if endpoint.family() == udpraw::socket::Family::V4 {
        "AF_INET"
    } else {
        "AF_INET6"
    };
    output.talk(format_args!(
        "fd {}: {family}, SOCK_DGRAM, IPPROTO_UDP",
        endpoint.as_raw_fd()
    ));
    for setting in settings {
        let effective = match setting.effect(endpoint.as_fd()) {
            Ok(effect) => {
                let value = effect.value.map_or("-".into(), |value| value.to_string());
                match effect.remark {
                    Some(remark) => format!("{value} ({remark})"),
                    None => value,
                }
            }
            Err(error) => error.errno_name().unwrap_or_else(|| error.to_string()),
        };
        output.talk(format_args!(
            "  {:<20} requested {:<10} effective {effective}",
            setting.option().name,
            setting.requested().to_string()
        ));
    }
}

/// A note if a multicast group is bound but not joined: nothing arrives then.
pub(crate) fn unjoined(output: &mut Output, address: SocketAddr, settings: &[OptionValue]) {
    let group = address.ip();
    let joins = |setting: &OptionValue| {
        let value = setting.requested().to_string();
        let host = value.split(['%', ' ', ',']).next().unwrap_or_default();
        setting.option().name.contains("MEMBERSHIP") && host.parse() == Ok(group)
    };
    if !group.is_multicast() || settings.iter().any(joins) {
        return;
    }
    let host = Shown(address).host();
    output.note(format_args!(
        "the socket is not a member of {host}: nothing arrives unless another socket here is; add --join \
         {host}, and append %INTERFACE if the route would choose another interface"
    ));
}

/// Where it listens.
pub(crate) fn listening(
    output: &mut Output,
    fd: i32,
    address: SocketAddr,
    metrics: Option<SocketAddr>,
) -> io::Result<()> {
    if output.is_json() {
        return output.record(&Record::Listening {
            fd,
            local: address.into(),
            openmetrics: metrics.map(metrics_url),
        });
    }
    output.listening(address)
}

/// The kind of an event that a stranger's datagram can cause at will, and that is therefore limited.
fn kind(event: &Event<'_>) -> Option<&'static str> {
    Some(match event {
        Event::Failed(_) => "failures",
        Event::Loop(_) => "datagrams whose senders would answer the reply",
        Event::Impossible(_) => "datagrams from impossible source addresses",
        Event::Amplifies(..) => "datagrams whose reply is too long",
        Event::Ignored(..) => "datagrams that are not requests of an exchange",
        _ => return None,
    })
}

/// What happened; with `verbose` also what the socket's options say about each datagram.
pub(crate) fn event(output: &mut Output, event: &Event<'_>, verbose: bool) -> io::Result<()> {
    let unreported = match kind(event).map(|kind| output.admit(kind)) {
        Some(None) => return Ok(()),
        Some(Some(unreported)) => unreported,
        None => 0,
    };
    if let Event::Failed(error) = event {
        output.error(error);
    }
    if output.is_json() {
        return match record(event) {
            Some(record) => output.record_after(unreported, &record),
            None => Ok(()),
        };
    }
    let written = text(output, event, unreported);
    if verbose {
        options_of(output, event);
    }
    written
}

/// The line about an event.
fn text(output: &mut Output, event: &Event<'_>, unreported: u64) -> io::Result<()> {
    match event {
        Event::Received(request) => return output.client_says(request.client, request.bytes),
        Event::Dropped(request) => return output.pretending_to_drop(request.client),
        Event::Interval(interval) => return output.line(rates(interval)),
        Event::LoadEnded(served) => return output.line(sessions::line(served)),
        Event::Loop(request) => {
            let client = Tuple(request.client);
            output.note_after(
                unreported,
                format_args!("not answered: {client} would answer the reply"),
            );
        }
        Event::Impossible(request) => {
            let client = Tuple(request.client);
            output.note_after(
                unreported,
                format_args!("not answered: {client} is not a possible source address"),
            );
        }
        Event::Amplifies(request, length) => {
            let client = Tuple(request.client);
            let request = count(request.length as u64, "byte", "bytes");
            output.note_after(
                unreported,
                format_args!(
                    "not answered: a reply of {length} bytes to {client} is more than three times \
                     the request of {request}, with IP and UDP headers; --allow-amplification \
                     allows it"
                ),
            );
        }
        Event::Ignored(request, why) => {
            output.note_after(unreported, exchange::unserved(request, *why));
        }
        Event::Repeated(request) => {
            let (client, id) = (Tuple(request.client), Id(request.exchange.unwrap_or(0)));
            output.limited_note(
                "repeats answered from the cache",
                format_args!(
                    "answered from the cache: exchange {id} of {client} was already executed"
                ),
            );
        }
        Event::TooLong(request, length) => {
            let client = Tuple(request.client);
            output.limited_note(
                "requests whose reply is too long",
                format_args!(
                    "{client} was sent an error: its reply of {length} bytes is more than three \
                     times the request"
                ),
            );
        }
        _ => {}
    }
    Ok(())
}

/// What the socket's options say about a datagram, once for each.
fn options_of(output: &mut Output, event: &Event<'_>) {
    let (Event::Received(request)
    | Event::Dropped(request)
    | Event::Repeated(request)
    | Event::Ignored(request, _)) = event
    else {
        return;
    };
    if let Some(line) = control(request).line(request.client) {
        output.talk(line);
    }
}

/// `1.0 s  512340 datagrams/s  5.738 Gbit/s  0 lost  1820 ns CPU and 1.00 system calls per …`
fn rates(interval: &Interval) -> String {
    let seconds = interval.time.as_secs_f64();
    let datagrams = interval.datagrams as f64;
    let each = |total: f64| {
        if datagrams > 0.0 {
            total / datagrams
        } else {
            0.0
        }
    };
    let lost = interval
        .kernel_drops
        .map_or("unknown".into(), |drops| drops.to_string());
    format!(
        "{seconds:.1} s  {:.0} datagrams/s  {:.3} Gbit/s  {lost} lost  {:.0} ns CPU and {:.2} system \
         calls per datagram",
        datagrams / seconds,
        interval.bytes as f64 * 8.0 / seconds / 1e9,
        each(interval.cpu.as_nanos() as f64),
        each(interval.syscalls as f64),
    )
}

/// Which backend was chosen, and why each better one was not.
pub(crate) fn backend(output: &mut Output, backend: Backend, passed_over: &[Error]) {
    output.talk(format_args!("backend {backend}: {}", backend.needs()));
    for error in passed_over {
        output.note(error);
    }
}

/// A warning if there are more workers than CPUs.
pub(crate) fn too_many_workers(output: &mut Output, workers: usize) {
    let cpus = std::thread::available_parallelism().map_or(workers, usize::from);
    if workers > cpus {
        output.note(format_args!(
            "{workers} workers for {}: they will take turns",
            count(cpus as u64, "CPU", "CPUs")
        ));
    }
}

/// A note if runs could not be sent as such.
pub(crate) fn offload_fallbacks(output: &mut Output, fallbacks: u64) {
    if fallbacks > 0 {
        output.note(format_args!(
            "{} refused by the device or the path, and sent as single datagrams",
            count(fallbacks, "offloaded run was", "offloaded runs were")
        ));
    }
}

/// The load sessions that go on at the end.
pub(crate) fn open_loads(output: &mut Output, all: &[Served]) -> io::Result<()> {
    for served in all {
        if output.is_json() {
            let session = served.into();
            output.record(&Record::LoadSession { session })?;
        } else {
            output.talk(sessions::line(served));
        }
    }
    Ok(())
}

/// What was done, at the end: a line on standard error, or the last object.
pub(crate) fn summary(output: &mut Output, summary: &Summary) -> io::Result<()> {
    output.unreported();
    if output.is_json() {
        let record = Record::Summary {
            datagrams: summary.datagrams,
            bytes: summary.bytes,
            replies: summary.replies,
            reply_bytes: summary.reply_bytes,
            truncated: summary.truncated,
            simulated_losses: summary.dropped,
            reply_loops: summary.loops,
            invalid_sources: summary.impossible,
            amplifications: summary.amplifying,
            errors: summary.failed,
            kernel_drops: summary.kernel_drops,
            exchange: summary.exchange.map(ServedRecord::from),
        };
        return output.record(&record);
    }
    let mut line = format!(
        "{} ({}), {} ({}), {} truncated",
        count(summary.datagrams, "datagram", "datagrams"),
        count(summary.bytes, "byte", "bytes"),
        count(summary.replies, "reply", "replies"),
        count(summary.reply_bytes, "byte", "bytes"),
        summary.truncated
    );
    for (number, what) in [
        (summary.dropped, "dropped on purpose"),
        (summary.loops, "not answered (loop)"),
        (summary.impossible, "not answered (impossible source)"),
        (summary.amplifying, "not answered (reply too long)"),
        (summary.failed, "failed"),
    ] {
        if number > 0 {
            // Writing to a String cannot fail.
            let _ = write!(line, ", {number} {what}");
        }
    }
    if let Some(served) = &summary.exchange {
        line = format!("{line}, {}", exchange::served(served));
    }
    match summary.kernel_drops {
        Some(drops) => output.talk(format_args!("{line}, {drops} dropped by the kernel")),
        None => output.talk(format_args!("{line}; this kernel does not report drops")),
    }
    Ok(())
}
