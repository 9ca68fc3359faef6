//! The textbook's server.
//!
//! [`Server`] is one blocking thread with one `recvfrom` and one `sendto` per datagram; or, if its
//! [`Config`] requests it, any number of workers on the backends of [`crate::io`]. Both behave,
//! count and report the same. It serves exchanges ([`crate::protocol::exchange`]) if
//! [`Behaviour::exchange`] is set.
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
mod load;
mod plain;
mod progress;
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
use crate::protocol::load::Served;
use crate::socket::option;
use crate::socket::options::OptionValue;
use crate::socket::{Builder, Endpoint, Family, Waker};

pub use config::{Behaviour, Config, SimulatedLoss};
pub use event::{Event, Request, Unserved};
pub use load::LoadLimits;
pub use progress::Observer;
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
    /// A server on `endpoints`. Consecutive ones with the same address share a port
    /// ([`listen_group`]): each of them gets a worker, pinned to a CPU so that its flows stay on
    /// one.
    ///
    /// It is the plain loop, over one port or several, if no port is shared and `config` requests
    /// only [`Backend::Single`].
    ///
    /// The errors of getsockname(2), which returns each endpoint's address; `InvalidInput` if there
    /// is no endpoint; the errors of getrandom(2) if load sessions are allowed; and the errors of [`Transport::open`](crate::io::Transport::open).
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
        let (addresses, mut groups): (Vec<_>, Vec<Vec<Endpoint>>) = groups.into_iter().unzip();
        if config.behaviour.allow_load.is_some() {
            groups.iter_mut().flatten().try_for_each(load::prepare)?;
        }
        let is_shared = groups.iter().any(|group| group.len() > 1);
        let path = if config.is_plain() && !is_shared {
            let endpoints = groups.into_iter().flatten().collect();
            let plain = Plain::new(endpoints, &addresses, config.behaviour)?;
            Path::Plain(Box::new(plain))
        } else {
            Path::Workers(Workers::new(groups, &addresses, config)?)
        };
        Ok(Self { addresses, path })
    }

    /// The address of each port, as the kernel reports it after bind.
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

    /// The backend that moves the datagrams, and why `auto` chose no better one.
    pub fn backend(&self) -> (Backend, &[Error]) {
        match &self.path {
            Path::Plain(_) => (Backend::Single, &[]),
            Path::Workers(workers) => workers.backend(),
        }
    }

    /// Whether it is the plain loop: only a receive and a send per datagram.
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

    /// How many runs the device or the path refused as such, so that they were sent as datagrams.
    pub fn offload_fallbacks(&self) -> u64 {
        match &self.path {
            Path::Plain(_) => 0,
            Path::Workers(workers) => workers.offload_fallbacks(),
        }
    }

    /// The summary so far, of all workers together, with the kernel's drops until now.
    pub fn summary(&self) -> Summary {
        match &self.path {
            Path::Plain(plain) => plain.summary(),
            Path::Workers(workers) => workers.summary(),
        }
    }

    /// The load sessions that are not over ([`Event::LoadEnded`]).
    pub fn open_loads(&self) -> Vec<Served> {
        match &self.path {
            Path::Plain(plain) => plain.open_loads(),
            Path::Workers(workers) => workers.open_loads(),
        }
    }

    /// An observer that reads the counters from another thread while [`Self::run`] serves. With one,
    /// each batch, or each datagram of the plain loop, stores them as relaxed atomics.
    ///
    /// # Errors
    /// The errors of fcntl(2): the plain loop's sockets are duplicated.
    pub fn observer(&mut self) -> Result<Observer> {
        match &mut self.path {
            Path::Plain(plain) => plain.observer(),
            Path::Workers(workers) => Ok(workers.observer()),
        }
    }

    /// A waker that ends a wait of [`Self::run`] from another thread. With one, the plain loop
    /// makes one more poll per datagram.
    ///
    /// # Errors
    /// The errors of eventfd(2).
    pub fn waker(&mut self) -> Result<Waker> {
        let waker = Waker::new()?;
        match &mut self.path {
            Path::Plain(plain) => plain.wake_by(waker.clone()),
            Path::Workers(workers) => workers.wake_by(&waker),
        }
        Ok(waker)
    }

    /// Serves until `stop` is raised (by a signal handler, or with [`Self::waker`]), or
    /// [`Behaviour::count`] datagrams were received.
    ///
    /// `on_event` receives each event, from one worker at a time; an error of its own ends the run.
    /// One worker without an interval serves in the caller's thread.
    ///
    /// # Errors
    /// The error of `on_event`, or of a receive after which it cannot continue. A reply that
    /// cannot be sent is an [`Event::Failed`].
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

/// The options that mark a server's replies, so that two servers do not answer each other forever:
/// the hop limit that marks a reply, and reception of each datagram's hop limit
/// ([`crate::protocol::is_marked_reply`]). For replies whose bytes do not show that they are
/// replies ([`Reply::needs_mark`]).
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

/// Makes a server's socket: sets the options, then binds it to `address`.
///
/// On a wildcard address, packet info is requested too, so that a reply leaves from the address
/// that the request was sent to: otherwise the route would choose it, and the client might ignore
/// the reply.
///
/// # Errors
/// The errors of socket(2), setsockopt(2) and bind(2).
pub fn listen(
    address: SocketAddr,
    settings: impl IntoIterator<Item = OptionValue>,
) -> Result<Endpoint> {
    place(address, settings).bind(address)
}

/// As [`listen`], for `size` workers that share the port ([`Builder::bind_group`]).
///
/// # Errors
/// The errors of [`listen`] and [`Builder::bind_group`].
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
/// The errors of getsockname(2) and setsockopt(2).
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
