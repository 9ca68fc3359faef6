//! Who holds which UDP port of this network namespace, and who of several would get a
//! datagram.
//!
//! The kernel is asked by sock_diag(7), or where that is forbidden by `/proc/net/udp` (proc(5)). A
//! socket's processes are those with a file descriptor of it in `/proc/PID/fd`. What neither tells,
//! options and multicast groups, is asked of a copy of the socket (pidfd_getfd(2)), which takes the
//! right to trace its process; without it, the answer is that it is unknown.
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
    /// The family that it was made with; an IPv6 socket may receive IPv4 too.
    pub family: Family,
    /// Where it is bound; the unspecified address is the wildcard.
    pub local: SocketAddr,
    /// The peer that connect(2) fixed.
    pub remote: Option<SocketAddr>,
    /// The index of the interface that it is bound to (`SO_BINDTODEVICE`, or a link-local address).
    pub device: Option<u32>,
    /// The number of its file, `socket:[N]` in `/proc/PID/fd`; 0 if no file is left of it.
    pub inode: u64,
    /// The user who made it.
    pub uid: u32,
    /// Memory in bytes that received datagrams take which nobody has read: payload and overhead.
    pub waiting: u32,
    /// How many bytes of that it may hold (`SO_RCVBUF` as effective), where that is told.
    pub capacity: Option<u32>,
    /// Datagrams dropped, for want of room above all.
    pub drops: u64,
    /// Whether an IPv6 socket receives no IPv4; `None` where that is not told.
    pub only_v6: Option<bool>,
    /// The processes that have a file descriptor of it, as far as they may be seen.
    pub owners: Vec<Owner>,
    /// How it shares its port; `None` where that may not be asked.
    pub sharing: Option<Sharing>,
    /// The multicast groups that it is a member of; `None` where that may not be asked.
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

/// The process's name, safe to show; `(no name)` if it has none, or one of blanks.
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
    /// Its number.
    pub pid: u32,
    /// Its name (`/proc/PID/comm`), any bytes that it chose, or none; empty if it was gone by then.
    pub name: Vec<u8>,
}

/// The options by which sockets share a port (socket(7)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sharing {
    /// `SO_REUSEADDR`: the last that bound gets it all.
    pub reuse_address: bool,
    /// `SO_REUSEPORT`: each flow goes to one of the group, by its hash.
    pub reuse_port: bool,
    /// `IP_MULTICAST_ALL` and `IPV6_MULTICAST_ALL` are off: of groups that others on this machine have
    /// joined, nothing comes; IPv4's and IPv6's.
    pub members_only: [bool; 2],
    /// `SO_INCOMING_CPU`: among equals, datagrams that this CPU handled are preferred.
    pub incoming_cpu: Option<u32>,
}

/// Where the sockets were read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Source {
    /// sock_diag(7).
    SockDiag,
    /// `/proc/net/udp` and `/proc/net/udp6`, and why: they tell neither the size of the receive
    /// buffer, nor the interface, nor whether an IPv6 socket receives IPv4.
    Procfs(Arc<crate::error::Error>),
}

/// The sockets of a moment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Snapshot {
    /// The sockets by port; of a port, IPv4 first, and in the order in which the kernel looks at
    /// them: the last that bound comes first (see [`receiver`]).
    pub sockets: Vec<Socket>,
    /// Where they were read.
    pub source: Source,
    /// Why the file descriptors of some processes could not be looked at; `None` if all could: then
    /// a socket without an owner is the kernel's own.
    pub unseen: Option<Unseen>,
}

/// Reads the sockets of the ports given, or of all if none is.
///
/// It is no moment's picture in the strict sense: processes come and go while it is taken.
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
    // Stable: the kernel's order within a port is the order of its choice.
    sockets.sort_by_key(|socket| socket.local.port());
    let unseen = owners::find(&mut sockets);
    options::ask(&mut sockets);
    Ok(Snapshot {
        sockets,
        source,
        unseen,
    })
}
