//! The textbook's server.
//!
//! [`Server`] is one thread, blocking, with one `recvfrom` and one `sendto` a datagram; or, where its
//! [`Config`] says so, the backends of [`crate::io`] with any number of workers. Both do, count and tell
//! the same. It serves exchanges ([`crate::protocol::exchange`]) where [`Behaviour::exchange`] says so.
//!
//! ```
//! use std::sync::atomic::AtomicBool;
//! use udpraw::error::Error;
//! use udpraw::server::{Behaviour, Event, Server, listen};
//! use udpraw::socket::{Endpoint, Family, ReceiveBuffer};
//!
//! let mut behaviour = Behaviour::default();
//! behaviour.count = Some(1);
//! let mut server = Server::new(vec![listen("127.0.0.1:0".parse()?, [])?], behaviour)?;
//! let client = Endpoint::builder().unbound(Family::V4)?;
//! client.send_to(b"hello", server.addresses()[0])?;
//!
//! server.run(&AtomicBool::new(false), |_: &Event<'_>| Ok::<(), Error>(()))?;
//! let mut buffer = ReceiveBuffer::new();
//! assert_eq!(client.receive(&mut buffer)?.bytes(), b"Your data was 5 bytes long");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
mod bench_handshake;
mod config;
mod event;
mod exchange;
mod handler;
mod plain;
mod reply;
mod summary;
mod watch;
mod workers;

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::atomic::AtomicBool;

use self::plain::Plain;
use self::workers::Workers;
use crate::error::{Error, Result};
use crate::io::Backend;
use crate::protocol::REPLY_HOP_LIMIT;
use crate::socket::option;
use crate::socket::options::OptionValue;
use crate::socket::{Builder, Endpoint, Family, Waker};

pub use config::{Behaviour, Config, SimulatedLoss};
pub use event::{Event, Request, Unserved};
pub use reply::{Reply, Template};
pub use summary::{Interval, Summary};

/// A server on sockets that are bound already.
#[derive(Debug)]
pub struct Server {
    addresses: Vec<SocketAddr>,
    path: Path,
}

/// How it moves datagrams.
#[derive(Debug)]
enum Path {
    Plain(Box<Plain>),
    Workers(Workers),
}

impl Server {
    /// A server on `endpoints`. Those that follow each other with the same address share a port
    /// ([`listen_group`]): each of them gets a worker, pinned to a CPU so that its flows stay on one.
    ///
    /// It is the plain loop, over one port or several, if no port is shared and `config` asks for
    /// nothing but [`Backend::Single`].
    ///
    /// # Errors
    /// Of getsockname(2), which is asked for each endpoint's address; if there is no endpoint; and as of
    /// [`Transport::open`](crate::io::Transport::open).
    pub fn new(endpoints: Vec<Endpoint>, config: impl Into<Config>) -> Result<Self> {
        let config = config.into();
        let mut groups: Vec<(SocketAddr, Vec<Endpoint>)> = Vec::new();
        for endpoint in endpoints {
            let address = endpoint.local_address()?;
            match groups.last_mut() {
                Some((shared, group)) if *shared == address => group.push(endpoint),
                _ => groups.push((address, vec![endpoint])),
            }
        }
        if groups.is_empty() {
            return Err(Error::invalid("make", "a server", "it has no endpoint"));
        }
        let (addresses, groups): (Vec<_>, Vec<_>) = groups.into_iter().unzip();
        let is_shared = groups.iter().any(|group| group.len() > 1);
        let path = if config.is_plain() && !is_shared {
            let endpoints = groups.into_iter().flatten().collect();
            let plain = Plain::new(endpoints, &addresses, config.behaviour);
            Path::Plain(Box::new(plain))
        } else {
            Path::Workers(Workers::new(groups, &addresses, config)?)
        };
        Ok(Self { addresses, path })
    }

    /// The address of each port, as the kernel told it after bind.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The sockets, in the order in which they were given.
    pub fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        let (plain, workers) = match &self.path {
            Path::Plain(plain) => (Some(plain.endpoints()), None),
            Path::Workers(workers) => (None, Some(workers.endpoints())),
        };
        let plain = plain.into_iter().flatten();
        plain.chain(workers.into_iter().flatten())
    }

    /// The backend that moves the datagrams, and why `auto` took no better one.
    pub fn backend(&self) -> (Backend, &[Error]) {
        match &self.path {
            Path::Plain(_) => (Backend::Single, &[]),
            Path::Workers(workers) => workers.backend(),
        }
    }

    /// Whether it is the plain loop: nothing but a receive and a send a datagram.
    pub fn is_plain(&self) -> bool {
        matches!(self.path, Path::Plain(_))
    }

    /// Why workers that share a port are not pinned to CPUs: the scheduler places them.
    pub fn unpinned(&self) -> Option<&Error> {
        match &self.path {
            Path::Plain(_) => None,
            Path::Workers(workers) => workers.unpinned(),
        }
    }

    /// How many runs the device or the path refused to take whole, so that they went as datagrams.
    pub fn offload_fallbacks(&self) -> u64 {
        match &self.path {
            Path::Plain(_) => 0,
            Path::Workers(workers) => workers.offload_fallbacks(),
        }
    }

    /// What happened so far, all workers together, with what the kernel dropped until now.
    pub fn summary(&self) -> Summary {
        match &self.path {
            Path::Plain(plain) => plain.summary(),
            Path::Workers(workers) => workers.summary(),
        }
    }

    /// What ends a wait of [`Self::run`] from another thread. With one, the plain loop costs a poll a
    /// datagram more.
    ///
    /// # Errors
    /// Of eventfd(2).
    pub fn waker(&mut self) -> Result<Waker> {
        let waker = Waker::new()?;
        match &mut self.path {
            Path::Plain(plain) => plain.wake_by(waker.clone()),
            Path::Workers(workers) => workers.wake_by(&waker),
        }
        Ok(waker)
    }

    /// Serves until `stop` is raised (by a signal handler, or with [`Self::waker`]), or
    /// [`Behaviour::count`] datagrams came in.
    ///
    /// `on_event` is told of each event, by one worker at a time; an error of its own ends the run. One
    /// worker without an interval serves in the caller's thread.
    ///
    /// # Errors
    /// That of `on_event`, or of a receive where going on makes no sense. A reply that cannot be sent is
    /// an [`Event::Failed`].
    pub fn run<E: From<Error> + Send>(
        &mut self,
        stop: &AtomicBool,
        on_event: impl FnMut(&Event<'_>) -> Result<(), E> + Send,
    ) -> Result<(), E> {
        match &mut self.path {
            Path::Plain(plain) => plain.run(stop, on_event),
            Path::Workers(workers) => workers.run(stop, on_event),
        }
    }
}

/// The options that have a server's replies known as such by others like it, so that two of them do not
/// answer each other for ever: the hop limit that marks a reply, and that of each datagram received
/// ([`crate::protocol::is_marked_reply`]). For replies whose bytes do not show what they are
/// ([`Reply::needs_mark`]).
pub fn reply_mark(family: Family) -> Vec<OptionValue> {
    let v4 = [
        option::IP_TTL.with_value(REPLY_HOP_LIMIT),
        option::IP_RECVTTL.with_value(true),
    ];
    let v6 = [
        option::IPV6_UNICAST_HOPS.with_value(REPLY_HOP_LIMIT.into()),
        option::IPV6_RECVHOPLIMIT.with_value(true),
    ];
    // An IPv6 socket may serve IPv4 too.
    match family {
        Family::V4 => v4.into(),
        Family::V6 => v6.into_iter().chain(v4).collect(),
    }
}

/// Makes a server's socket: the options are set, then it is bound to `address`.
///
/// On a wildcard address, packet info is asked for too, so that a reply leaves from the address that
/// was asked: left alone, the route would choose it, and the client take the reply for a stranger's.
///
/// # Errors
/// Of socket(2), setsockopt(2) and bind(2).
pub fn listen(
    address: SocketAddr,
    settings: impl IntoIterator<Item = OptionValue>,
) -> Result<Endpoint> {
    place(address, settings).bind(address)
}

/// As [`listen`], for `size` workers that share the port ([`Builder::bind_group`]).
///
/// # Errors
/// As of [`listen`] and [`Builder::bind_group`].
pub fn listen_group(
    address: SocketAddr,
    settings: impl IntoIterator<Item = OptionValue>,
    size: usize,
) -> Result<Vec<Endpoint>> {
    place(address, settings).bind_group(address, size)
}

/// As [`listen`], on a socket that is bound to `address` already ([`Builder::adopt`]).
///
/// # Errors
/// Of getsockname(2) and setsockopt(2).
pub fn adopt(
    fd: OwnedFd,
    address: SocketAddr,
    settings: impl IntoIterator<Item = OptionValue>,
) -> Result<Endpoint> {
    place(address, settings).adopt(fd)
}

fn place(address: SocketAddr, settings: impl IntoIterator<Item = OptionValue>) -> Builder {
    Endpoint::builder()
        .options(settings)
        .packet_info(address.ip().is_unspecified())
}
