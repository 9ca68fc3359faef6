//! `udpraw.ports/1`.

use crate::cli::output::envelope::JsonEvent;
use serde::Serialize;
use udpraw::ports::{Change, Receiver, Socket, Target, delivery_cases};
use udpraw::services::Text;

use super::Names;
use crate::cli::output::record::Address;

/// A socket.
#[derive(Serialize)]
#[serde(tag = "event", rename = "socket")]
pub(super) struct SocketRecord {
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<&'static str>,
    family: String,
    local: Address,
    remote: Option<Address>,
    service: Option<String>,
    owners: Vec<OwnerRecord>,
    uid: u32,
    user: String,
    inode: u64,
    waiting: u32,
    capacity: Option<u32>,
    drops: u64,
    wildcard: bool,
    ipv6_only: Option<bool>,
    device: Option<String>,
    reuse_address: Option<bool>,
    reuse_port: Option<bool>,
    incoming_cpu: Option<u32>,
    groups: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gets: Option<Vec<GetsRecord>>,
}

impl JsonEvent for SocketRecord {
    const SCHEMA: &'static str = "udpraw.ports/1";
}

/// A process's descriptor of it.
#[derive(Serialize)]
struct OwnerRecord {
    process: String,
    pid: u32,
    fd: u32,
}

/// A datagram that the socket gets, or may get.
#[derive(Clone, Serialize)]
pub(super) struct GetsRecord {
    to: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    how: &'static str,
    of: usize,
}

pub(super) fn socket(
    socket: &Socket,
    names: &mut Names,
    change: Option<Change>,
    gets: Option<&Vec<GetsRecord>>,
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
        remote: socket.remote.map(Into::into),
        service: names.service(socket.local.port()).map(str::to_owned),
        owners: socket.owners.iter().map(owner).collect(),
        uid: socket.uid,
        user: names.user(socket.uid).to_owned(),
        inode: socket.inode,
        waiting: socket.waiting,
        capacity: socket.capacity,
        drops: socket.drops,
        wildcard: socket.is_wildcard(),
        ipv6_only: socket.only_v6,
        device: socket.device.map(super::notes::device),
        reuse_address: sharing.map(|sharing| sharing.reuse_address),
        reuse_port: sharing.map(|sharing| sharing.reuse_port),
        incoming_cpu: sharing.and_then(|sharing| sharing.incoming_cpu),
        groups: groups.map(|groups| groups.iter().map(ToString::to_string).collect()),
        gets: gets.cloned(),
    }
}

/// Of a port with several sockets: what each gets from somebody that no socket is connected to.
pub(super) fn gets(sockets: &[Socket]) -> Vec<Vec<GetsRecord>> {
    if sockets.len() < 2 {
        return Vec::new();
    }
    let mut gets = vec![Vec::new(); sockets.len()];
    for case in delivery_cases(sockets) {
        let (which, how, of) = match case.receiver {
            Receiver::Nobody => continue,
            Receiver::One { socket, of, .. } if of > 1 => (vec![socket], "last", of),
            Receiver::One { socket, .. } => (vec![socket], "alone", 1),
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
        let record = GetsRecord {
            to: match case.to {
                Target::Address(address) | Target::Group(address) => address.to_string(),
                Target::Broadcast => "a broadcast address".into(),
                Target::AnyOther(family) => format!("any other {family} address"),
                _ => continue,
            },
            device: case.device.map(super::notes::device),
            how,
            of,
        };
        for at in which {
            gets[at].push(record.clone());
        }
    }
    gets
}
