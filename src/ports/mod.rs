//! The holders of the UDP ports of this network namespace, and the receiver of a datagram if several
//! sockets share a port.
//!
//! The sockets are read with sock_diag(7), or from `/proc/net/udp` (proc(5)) if that is forbidden. A
//! socket's processes are those with a file descriptor of it in `/proc/PID/fd`. Options and multicast
//! groups, which neither source has, are read from a duplicate of the socket (pidfd_getfd(2)). That
//! requires permission to trace the process; without it they are unknown.
//!
//! ```
//! let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
//! let port = socket.local_addr()?.port();
//! let found = udpraw::ports::read(&[port])?;
//! assert_eq!(found.sockets[0].local, socket.local_addr()?);
//! assert_eq!(found.sockets[0].owners[0].process.pid, std::process::id());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bind_conflict;
mod changes;
mod delivery_cases;
mod diag;
mod groups;
mod lookup;
mod options;
mod owners;
mod procfs;
mod unseen;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

pub use self::bind_conflict::bind_conflict;
pub use self::changes::{Change, changes};
pub use self::delivery_cases::{DeliveryCase, Target, delivery_cases};
pub use self::groups::{Membership, interface_name};
pub use self::lookup::{Arriving, Receiver, Why, copies, receiver};
pub use self::owners::user_name;
pub use self::unseen::Unseen;

use crate::error::Result;
use crate::services::Text;
use crate::socket::Family;

/// A UDP socket that is bound to a port.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Socket {
    /// The family that it was created with; an IPv6 socket may receive IPv4 too.
    pub family: Family,
    /// The address that it is bound to; the unspecified address is the wildcard.
    pub local: SocketAddr,
    /// The peer that connect(2) set.
    pub remote: Option<SocketAddr>,
    /// The index of the interface that it is bound to (`SO_BINDTODEVICE`, or a link-local address).
    pub device: Option<u32>,
    /// Its inode, `socket:[N]` in `/proc/PID/fd`; 0 if it has no file any more.
    pub inode: u64,
    /// The user who created it.
    pub uid: u32,
    /// The memory in bytes that unread datagrams occupy: payload and overhead.
    pub waiting: u32,
    /// The limit of that memory in bytes (the effective `SO_RCVBUF`), if known.
    pub capacity: Option<u32>,
    /// The number of dropped datagrams, mostly because the buffer was full.
    pub drops: u64,
    /// Whether an IPv6 socket receives no IPv4; `None` if unknown.
    pub only_v6: Option<bool>,
    /// The processes that have a file descriptor of it, as far as they are visible.
    pub owners: Vec<Owner>,
    /// The options by which it shares its port; `None` if they may not be read.
    pub sharing: Option<Sharing>,
    /// The multicast groups that it is a member of; `None` if they may not be read.
    pub groups: Option<Vec<Membership>>,
}

impl Socket {
    /// Whether it is bound to the wildcard address.
    pub fn is_wildcard(&self) -> bool {
        self.local.ip().to_canonical().is_unspecified()
    }

    /// Whether datagrams of a family can reach it.
    pub fn receives(&self, family: Family) -> bool {
        let is_mapped =
            matches!(self.local, SocketAddr::V6(local) if local.ip().to_ipv4_mapped().is_some());
        match (self.family, family) {
            (Family::V4, family) => family == Family::V4,
            (Family::V6, Family::V6) => !is_mapped,
            (Family::V6, Family::V4) => {
                is_mapped || self.is_wildcard() && self.only_v6 != Some(true)
            }
        }
    }
}

/// The process's name, safe to show; `(no name)` if it is empty or blank.
impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.trim_ascii() {
            [] => f.pad("(no name)"),
            _ => Text::new(&self.name).fmt(f),
        }
    }
}

/// A process's file descriptor of a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Owner {
    /// The process.
    pub process: Arc<Process>,
    /// Its file descriptor.
    pub fd: u32,
}

/// A process.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Process {
    /// Its process id.
    pub pid: u32,
    /// Its name (`/proc/PID/comm`), which may be any bytes; empty if the process had ended.
    pub name: Vec<u8>,
}

/// The options by which sockets share a port (socket(7)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sharing {
    /// `SO_REUSEADDR`: the last that bound gets all datagrams.
    pub reuse_address: bool,
    /// `SO_REUSEPORT`: each flow goes to one socket of the group, by its hash.
    pub reuse_port: bool,
    /// `IP_MULTICAST_ALL` and `IPV6_MULTICAST_ALL` are off (IPv4, IPv6): no datagrams arrive of groups
    /// that only others on this machine have joined.
    pub members_only: [bool; 2],
    /// `SO_INCOMING_CPU`: among equal scores, this socket is preferred for datagrams that this CPU
    /// handles.
    pub incoming_cpu: Option<u32>,
}

/// The source of the list of sockets.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Source {
    /// sock_diag(7).
    SockDiag,
    /// `/proc/net/udp` and `/proc/net/udp6`, and the reason: they report neither the size of the
    /// receive buffer, nor the interface, nor whether an IPv6 socket receives IPv4.
    Procfs(Arc<crate::error::Error>),
}

/// A snapshot of the sockets.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Snapshot {
    /// The sockets by port; within a port IPv4 first, and in the kernel's order: the last that bound
    /// comes first (see [`receiver`]).
    pub sockets: Vec<Socket>,
    /// The source of the list.
    pub source: Source,
    /// Why the file descriptors of some processes could not be read; `None` if all could: then a socket
    /// without an owner belongs to the kernel.
    pub unseen: Option<Unseen>,
}

/// Reads the sockets of the given ports, or of all ports if none is given.
///
/// The snapshot is not atomic: processes start and end while it is taken.
///
/// # Errors
/// If neither sock_diag(7) nor `/proc/net/udp` can be read.
pub fn read(ports: &[u16]) -> Result<Snapshot> {
    let (mut sockets, source) = match diag::read(ports) {
        Ok(sockets) => (sockets, Source::SockDiag),
        Err(error) => match procfs::read() {
            Ok(sockets) => (sockets, Source::Procfs(Arc::new(error))),
            Err(_) => return Err(error),
        },
    };
    if !ports.is_empty() {
        sockets.retain(|socket| ports.contains(&socket.local.port()));
    }
    // Stable: the kernel's order within a port decides the receiver.
    sockets.sort_by_key(|socket| socket.local.port());
    let unseen = owners::find(&mut sockets);
    options::ask(&mut sockets);
    Ok(Snapshot {
        sockets,
        source,
        unseen,
    })
}
