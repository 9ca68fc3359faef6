//! `udpraw.ports/1`.

use serde::Serialize;
use udpraw::ports::{Change, Receiver, Socket, Target, delivery_cases};
use udpraw::services::Text;

use super::Names;
use crate::cli::output::envelope::json_event;
use crate::cli::output::record::Address;

/// A UDP socket of this machine.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::cli::output) struct SocketRecord {
    /// What has happened to the socket since the last look (`--watch`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(extend("enum" = ["present", "new", "changed", "gone"])))]
    change: Option<&'static str>,
    /// `IPv4` or `IPv6`.
    family: String,
    /// The address that the socket is bound to.
    local: Address,
    /// The address that the socket is connected to; null if it is not connected.
    peer: Option<Address>,
    /// The name of the service of the local port; null if it has none.
    service: Option<String>,
    /// The processes that have the socket open, as far as this user may see.
    owners: Vec<OwnerRecord>,
    /// User id of the socket's creator.
    uid: u32,
    /// User name of the socket's creator, or the id if it has none.
    user: String,
    /// Inode number, as in `socket:[N]` of `/proc/PID/fd`; 0 if the socket has no file.
    inode: u64,
    /// Memory in bytes that unread datagrams occupy, including the kernel's overhead.
    receive_queue_bytes: u32,
    /// Limit of `receive_queue_bytes` (SO_RCVBUF); null if the kernel does not report it.
    receive_buffer_bytes: Option<u32>,
    /// Datagrams that the kernel dropped, mostly because the receive buffer was full.
    kernel_drops: u64,
    /// Whether the socket is bound to the wildcard address.
    wildcard: bool,
    /// Whether an IPv6 socket receives no IPv4 (IPV6_V6ONLY); null if it is not known.
    ipv6_only: Option<bool>,
    /// The interface that the socket is bound to (SO_BINDTODEVICE); null if it is not bound to one.
    interface: Option<String>,
    /// SO_REUSEADDR; null if this user may not see it.
    reuse_address: Option<bool>,
    /// SO_REUSEPORT; null if this user may not see it.
    reuse_port: Option<bool>,
    /// SO_INCOMING_CPU; null if it is not set, or if this user may not see it.
    incoming_cpu: Option<u32>,
    /// The multicast groups that the socket joined; null if this user may not see them.
    multicast_groups: Option<Vec<String>>,
    /// If several sockets share the port: which datagrams this socket receives.
    #[serde(skip_serializing_if = "Option::is_none")]
    deliveries: Option<Vec<DeliveryRecord>>,
}

json_event!("udpraw.ports/1", struct SocketRecord => "socket");

/// Metrics are served while the sockets are watched (`--openmetrics`): the first record.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::cli::output) struct ListeningRecord {
    /// Where metrics are served: a URL.
    pub(super) openmetrics: String,
}

json_event!("udpraw.ports/1", struct ListeningRecord => "listening");

/// A process that has the socket open.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct OwnerRecord {
    /// The name of the process.
    process: String,
    /// The process id.
    pid: u32,
    /// The file descriptor in that process.
    fd: u32,
}

/// Datagrams that a socket receives, or may receive.
#[derive(Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::cli::output) struct DeliveryRecord {
    /// The destination address of the datagrams, or a phrase for several addresses.
    destination: String,
    /// The interface that they arrive on, if that matters.
    #[serde(skip_serializing_if = "Option::is_none")]
    interface: Option<String>,
    /// Why this socket: it is the `only` one, the `last` one bound of several, each socket gets a
    /// `copy`, the kernel chooses by a `hash` of the addresses, or it is `unknown`.
    #[cfg_attr(test, schemars(extend("enum" = ["only", "last", "copy", "hash", "unknown"])))]
    rule: &'static str,
    /// Number of sockets that could receive them.
    candidates: usize,
}

pub(super) fn socket(
    socket: &Socket,
    names: &mut Names,
    change: Option<Change>,
    deliveries: Option<&Vec<DeliveryRecord>>,
) -> SocketRecord {
    let owner = |owner: &udpraw::ports::Owner| OwnerRecord {
        process: Text::new(&owner.process.name)
            .to_string_lossy()
            .into_owned(),
        pid: owner.process.pid,
        fd: owner.fd,
    };
    let sharing = socket.sharing;
    let groups = socket.groups.as_ref();
    SocketRecord {
        change: change.map(|change| match change {
            Change::Same => "present",
            Change::New => "new",
            Change::Changed => "changed",
            Change::Gone => "gone",
        }),
        family: socket.family.to_string(),
        local: socket.local.into(),
        peer: socket.remote.map(Into::into),
        service: names.service(socket.local.port()).map(str::to_owned),
        owners: socket.owners.iter().map(owner).collect(),
        uid: socket.uid,
        user: names.user(socket.uid).to_owned(),
        inode: socket.inode,
        receive_queue_bytes: socket.waiting,
        receive_buffer_bytes: socket.capacity,
        kernel_drops: socket.drops,
        wildcard: socket.is_wildcard(),
        ipv6_only: socket.only_v6,
        interface: socket.device.map(super::notes::device),
        reuse_address: sharing.map(|sharing| sharing.reuse_address),
        reuse_port: sharing.map(|sharing| sharing.reuse_port),
        incoming_cpu: sharing.and_then(|sharing| sharing.incoming_cpu),
        multicast_groups: groups.map(|groups| groups.iter().map(ToString::to_string).collect()),
        deliveries: deliveries.cloned(),
    }
}

/// Of a port with several sockets: what each gets from somebody that no socket is connected to.
pub(super) fn deliveries(sockets: &[Socket]) -> Vec<Vec<DeliveryRecord>> {
    if sockets.len() < 2 {
        return Vec::new();
    }
    let mut deliveries = vec![Vec::new(); sockets.len()];
    for case in delivery_cases(sockets) {
        let (which, rule, candidates) = match case.receiver {
            Receiver::Nobody => continue,
            Receiver::One { socket, of, .. } if of > 1 => (vec![socket], "last", of),
            Receiver::One { socket, .. } => (vec![socket], "only", 1),
            Receiver::Each { sockets } => {
                let of = sockets.len();
                (sockets, "copy", of)
            }
            Receiver::ByHash { group, .. } => {
                let of = group.len();
                (group, "hash", of)
            }
            Receiver::Unknown { among, .. } => {
                let of = among.len();
                (among, "unknown", of)
            }
            _ => continue,
        };
        let record = DeliveryRecord {
            destination: match case.to {
                Target::Address(address) | Target::Group(address) => address.to_string(),
                Target::Broadcast => "a broadcast address".into(),
                Target::AnyOther(family) => format!("any other {family} address"),
                _ => continue,
            },
            interface: case.device.map(super::notes::device),
            rule,
            candidates,
        };
        for at in which {
            deliveries[at].push(record.clone());
        }
    }
    deliveries
}
