//! Many flows, each a connected socket, over one transport.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::config::{Config, Timestamps};
use crate::clock::{self, Moment};
use crate::error::{Error, Result};
use crate::io::{Backend, Received, Sent, Transmit, Transport, TransportConfig, Wait};
use crate::socket::option::Timestamping;
use crate::socket::{Endpoint, EpollSet, Family, ReceiveBuffer, option};

/// Descriptors that a process needs besides the flows.
const OTHERS: u64 = 64;

/// The kernel's timestamps of what arrives.
const ARRIVALS: Timestamping =
    Timestamping::from_bits(Timestamping::RX_SOFTWARE.bits() | Timestamping::SOFTWARE.bits());

/// The most timestamps that a flush leaves on a socket.
const MOST_STAMPS: usize = 128;

/// How often a socket that has more and more is asked in a row.
const ROUNDS: usize = 4;

/// The flows of a worker: their sockets take turns in one transport.
#[derive(Debug)]
pub(super) struct Sockets {
    transport: Transport,
    /// The sockets of the flows that are not in the transport; in the place of the one that is, a spare.
    parked: Vec<Endpoint>,
    current: usize,
    ready: Option<EpollSet>,
    keys: Vec<usize>,
    /// For the timestamps of what was sent.
    stamps: ReceiveBuffer,
}

impl Sockets {
    /// A socket for each of these flows, connected to the target.
    pub(super) fn open(config: &Config, flows: impl Iterator<Item = usize>) -> Result<Self> {
        let mut endpoints = flows.map(|flow| endpoint(config, flow));
        let Some(first) = endpoints.next() else {
            return Err(Error::invalid("open", "no flow", "a worker needs one"));
        };
        let settings = TransportConfig {
            batch: 64,
            ..config.transport.clone()
        };
        let transport = Transport::open(first?, config.backend, settings)?;
        let spare = Endpoint::builder().unbound(Family::of(config.target))?;
        let mut parked = vec![spare];
        for endpoint in endpoints {
            let mut endpoint = endpoint?;
            if transport.backend() == Backend::Offload {
                endpoint.set(option::UDP_GRO, true)?;
            }
            parked.push(endpoint);
        }
        if parked.len() > 1 && transport.backend() == Backend::Uring {
            let reason = "the backend uring serves one flow per worker";
            return Err(
                Error::invalid("open", format_args!("{} flows", parked.len()), reason)
                    .with_remedy("use --io offload, or as many workers as flows"),
            );
        }
        let ready = if parked.len() > 1 {
            let set = EpollSet::new()?;
            set.add(transport.endpoint(), 0)?;
            for (key, endpoint) in (1..).zip(&parked[1..]) {
                set.add(endpoint, key)?;
            }
            Some(set)
        } else {
            None
        };
        Ok(Self {
            transport,
            parked,
            current: 0,
            ready,
            keys: Vec::new(),
            stamps: ReceiveBuffer::new(),
        })
    }

    pub(super) fn len(&self) -> usize {
        self.parked.len()
    }

    pub(super) fn backend(&self) -> Backend {
        self.transport.backend()
    }

    /// Bytes of payload that were sent since it was opened.
    pub(super) fn sent_bytes(&self) -> u64 {
        self.transport.counters().sent_bytes
    }

    /// The port of a flow; 0 if the kernel does not tell it.
    pub(super) fn port(&self, flow: usize) -> u16 {
        let endpoint = if flow == self.current {
            Some(self.transport.endpoint())
        } else {
            self.parked.get(flow)
        };
        let address = endpoint.and_then(|endpoint| endpoint.local_address().ok());
        address.map_or(0, |address| address.port())
    }

    /// Receive buffers' drops of all its sockets.
    pub(super) fn kernel_drops(&self) -> u64 {
        let parked = self.parked.iter().chain([self.transport.endpoint()]);
        parked
            .filter_map(|one| one.kernel_drops().ok())
            .map(u64::from)
            .sum()
    }

    fn activate(&mut self, flow: usize) -> Result<()> {
        if flow != self.current {
            self.transport.swap_socket(&mut self.parked[flow])?;
            self.parked.swap(flow, self.current);
            self.current = flow;
        }
        Ok(())
    }

    /// Queues a datagram of a flow.
    pub(super) fn queue(&mut self, flow: usize, datagram: &[u8]) -> Result<()> {
        self.activate(flow)?;
        self.transport.send_queue().queue(&Transmit::new(datagram));
        Ok(())
    }

    /// Sends what is queued, as far as there is room; returns whether all of it went.
    pub(super) fn flush(&mut self) -> (Sent, bool) {
        let mut queue = self.transport.send_queue();
        let is_empty = queue.try_flush();
        if is_empty {
            return (queue.flush_within(Wait::Never), true);
        }
        // What has no room stays queued, and is no error.
        let mut sent = queue.flush_within(Wait::Never);
        if sent.refused == 0 {
            sent.error = sent
                .error
                .filter(|error| error.kind() != std::io::ErrorKind::WouldBlock);
        }
        (sent, false)
    }

    /// As [`Self::flush`], and how long it took from there until the kernel passed the first message to the
    /// interface, in nanoseconds: by a timestamp that is asked for with a call before and another one behind
    /// it. `None` if the interface takes none, or takes it later.
    pub(super) fn flush_stamped(&mut self) -> (Sent, bool, Option<u64>) {
        let wanted =
            ARRIVALS | Timestamping::TX_SOFTWARE | Timestamping::OPT_ID | Timestamping::OPT_TSONLY;
        let endpoint = self.transport.endpoint();
        let is_on = option::SO_TIMESTAMPING.set(endpoint, wanted).is_ok();
        let begun = clock::monotonic();
        let (sent, is_empty) = self.flush();
        if !is_on {
            return (sent, is_empty, None);
        }
        let (endpoint, moment) = (self.transport.endpoint(), Moment::now());
        let mut first = None;
        for _ in 0..MOST_STAMPS {
            // All of them, or the socket would be ready for ever.
            let Ok(Some(entry)) = endpoint.queued_error(&mut self.stamps) else {
                break;
            };
            first = first.or(entry.sent.and_then(|times| times.software));
        }
        let _ = option::SO_TIMESTAMPING.set(endpoint, ARRIVALS);
        let took = first.map(|stamp| moment.time_of(Some(stamp)).saturating_sub(begun));
        (sent, is_empty, took)
    }

    /// Receives what there is, after at most `wait`. The errors of ICMP messages go to `on_error`.
    pub(super) fn receive(
        &mut self,
        wait: Duration,
        mut visit: impl FnMut(usize, &Received<'_>),
        mut on_error: impl FnMut(Error),
    ) -> Result<()> {
        let mut failed = |result: Result<usize>| match result {
            Ok(count) => Ok(count),
            Err(error) if error.is_about_the_network() => {
                on_error(error);
                Ok(1)
            }
            Err(error) => Err(error),
        };
        let Some(ready) = &mut self.ready else {
            let wait = match wait {
                Duration::ZERO => Wait::Never,
                time => Wait::Until(Instant::now() + time),
            };
            let received = self.transport.receive(wait, |message, _| visit(0, message));
            return failed(received).map(drop);
        };
        let mut keys = std::mem::take(&mut self.keys);
        keys.clear();
        keys.extend(
            ready
                .wait(Some(wait))?
                .filter_map(|key| usize::try_from(key).ok()),
        );
        for &flow in &keys {
            self.activate(flow)?;
            for _ in 0..ROUNDS {
                let received = self
                    .transport
                    .receive(Wait::Never, |message, _| visit(flow, message));
                if failed(received)? == 0 {
                    break;
                }
            }
        }
        self.keys = keys;
        Ok(())
    }
}

fn endpoint(config: &Config, flow: usize) -> Result<Endpoint> {
    let builder = Endpoint::builder().options(config.settings.iter().cloned());
    let builder = match config.timestamps {
        Timestamps::Kernel => builder.option(option::SO_TIMESTAMPING, ARRIVALS),
        Timestamps::User => builder,
    };
    let endpoint = match config.sources.get(flow % config.sources.len().max(1)) {
        Some(source) => builder.bind(SocketAddr::new(*source, 0)),
        None => builder.unbound(Family::of(config.target)),
    };
    let connected = endpoint.and_then(|endpoint| {
        endpoint.connect(config.target)?;
        Ok(endpoint)
    });
    connected.map_err(|error| match error.errno() {
        Some(libc::EADDRINUSE | libc::EAGAIN | libc::EADDRNOTAVAIL) if flow > 0 => error
            .with_detail(format!("after {flow} flows"))
            .with_remedy(
                "this address has no free port left: give more addresses with --source, or widen \
                 net.ipv4.ip_local_port_range",
            ),
        _ => error,
    })
}

/// Raises the limit of open files as far as the flows need it.
pub(super) fn allow(flows: usize) -> Result<()> {
    let need = flows as u64 + OTHERS;
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return Ok(());
    };
    if need <= soft {
        return Ok(());
    }
    if need > hard {
        let reason = format!("the limit of open files is {hard}, and each flow has a socket");
        return Err(
            Error::invalid("open", format_args!("{flows} flows"), reason)
                .with_remedy(format!("raise the limit as root, with ulimit -Hn {need}")),
        );
    }
    setrlimit(Resource::RLIMIT_NOFILE, need, hard)
        .map_err(|errno| Error::os("raise", "RLIMIT_NOFILE", errno.into()))
}
