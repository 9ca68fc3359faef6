//! The metrics of `udpraw ports --watch`.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use udpraw::ports::Socket;

use super::{Distribution, Family, Page};

/// The most ports with metrics of their own: those with sockets, the lowest numbers first.
const MOST_PORTS: usize = 1000;
/// The longest look that is recorded as such, in nanoseconds.
const LONGEST: u64 = 60_000_000_000;

static SOCKETS: Family = Family::new("udpraw_ports_sockets", "Sockets bound to the port.");
static QUEUE: Family = Family::bytes(
    "udpraw_ports_receive_queue",
    "Memory that unread datagrams occupy, including the kernel's overhead.",
);
static BUFFER: Family = Family::bytes(
    "udpraw_ports_receive_buffer",
    "Limit of the receive queue, all sockets of the port together.",
);
static DROPS: Family = Family::new(
    "udpraw_ports_kernel_drops",
    "Datagrams that the kernel dropped, mostly because the receive buffer was full.",
);
static OPENED: Family = Family::new(
    "udpraw_ports_sockets_opened",
    "Sockets that were new at a look; those of the first look are not.",
);
static CLOSED: Family = Family::new(
    "udpraw_ports_sockets_closed",
    "Sockets that were gone at a look.",
);
static OMITTED: Family = Family::new(
    "udpraw_ports_omitted",
    "Ports without metrics, because there are too many.",
);
static LOOKS: Family = Family::seconds(
    "udpraw_ports_look_duration",
    "How long it took to read the sockets and their owners.",
);

/// What identifies a socket: its inode, or its addresses if it has none.
type Key = (u64, Option<(SocketAddr, Option<SocketAddr>)>);

/// What was seen, for the exporter's thread.
#[derive(Clone)]
pub(crate) struct Watched(Arc<Mutex<Seen>>);

struct Seen {
    ports: BTreeMap<u16, Port>,
    /// The drops of each socket at the last look; `None` before the first one.
    sockets: Option<HashMap<Key, u64>>,
    opened: u64,
    closed: u64,
    /// How long the looks took; the bounds are valid, so there always is one.
    looks: Option<Histogram<u64>>,
}

/// The sockets of a port.
#[derive(Clone, Copy, Default)]
struct Port {
    /// Whether it was asked for: then it is shown without sockets, too.
    is_named: bool,
    sockets: u64,
    waiting: u64,
    /// `None` if the kernel does not report it.
    capacity: Option<u64>,
    /// Those of sockets that are closed included, as long as it is shown: a counter only grows.
    drops: u64,
}

impl Watched {
    /// Before the first look; `named` are the ports that were asked for.
    pub(crate) fn new(named: &[u16]) -> Self {
        let port = Port {
            is_named: true,
            ..Port::default()
        };
        Self(Arc::new(Mutex::new(Seen {
            ports: named.iter().map(|number| (*number, port)).collect(),
            sockets: None,
            opened: 0,
            closed: 0,
            looks: Histogram::new_with_bounds(1, LONGEST, 3).ok(),
        })))
    }

    /// Notes what a look saw, and how long it took.
    pub(crate) fn look(&self, sockets: &[Socket], took: Duration) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.look(sockets, took);
    }

    /// Writes what the last look saw.
    pub(crate) fn write(&self, page: &mut Page<'_>) -> fmt::Result {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.write(page)
    }
}

impl Seen {
    fn look(&mut self, sockets: &[Socket], took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(LONGEST);
        if let Some(looks) = &mut self.looks {
            looks.saturating_record(nanos.clamp(1, LONGEST));
        }
        for port in self.ports.values_mut() {
            (port.sockets, port.waiting, port.capacity) = (0, 0, Some(0));
        }
        let is_first = self.sockets.is_none();
        let mut before = self.sockets.take().unwrap_or_default();
        let mut now = HashMap::with_capacity(sockets.len());
        for socket in sockets {
            let port = self.ports.entry(socket.local.port()).or_insert(Port {
                capacity: Some(0),
                ..Port::default()
            });
            let capacity = socket.capacity.map(u64::from);
            port.sockets += 1;
            port.waiting += u64::from(socket.waiting);
            port.capacity = port.capacity.zip(capacity).map(|(sum, one)| sum + one);
            let addresses = (socket.inode == 0).then_some((socket.local, socket.remote));
            let key = (socket.inode, addresses);
            let known = before.remove(&key);
            self.opened += u64::from(known.is_none() && !is_first);
            // The kernel's counter has 32 bits, and starts again.
            port.drops += socket.drops.saturating_sub(known.unwrap_or_default());
            now.insert(key, socket.drops);
        }
        self.closed += before.len() as u64;
        self.sockets = Some(now);
        self.ports
            .retain(|_, port| port.is_named || port.sockets > 0);
    }

    fn write(&self, page: &mut Page<'_>) -> fmt::Result {
        let with_sockets = |port: &Port| port.sockets > 0;
        let held = self.ports.values().filter(|port| with_sockets(port));
        let held = held.count();
        let empty = MOST_PORTS.saturating_sub(held);
        let first = self.ports.iter().filter(|(_, port)| with_sockets(port));
        let then = self.ports.iter().filter(|(_, port)| !with_sockets(port));
        let mut shown: Vec<_> = first.take(MOST_PORTS).chain(then.take(empty)).collect();
        shown.sort_unstable_by_key(|(number, _)| **number);
        let gauges = |value: fn(&Port) -> Option<u64>| {
            let all = shown.iter();
            all.filter_map(move |(number, port)| {
                Some(([("port", **number)], value(port)?.cast_signed()))
            })
        };
        page.gauges(&SOCKETS, gauges(|port| Some(port.sockets)))?;
        page.gauges(&QUEUE, gauges(|port| Some(port.waiting)))?;
        page.gauges(&BUFFER, gauges(|port| port.capacity))?;
        let drops = shown.iter();
        let drops = drops.map(|(number, port)| ([("port", **number)], port.drops));
        page.counters(&DROPS, drops)?;
        page.counter(&OPENED, self.opened)?;
        page.counter(&CLOSED, self.closed)?;
        page.gauge(&OMITTED, (self.ports.len() - shown.len()) as u64)?;
        let looks = self.looks.as_ref().map(Distribution::of_nanoseconds);
        page.histograms(&LOOKS, looks.map(|looks| ([("", ""); 0], looks)))
    }
}
