//! Finds the sockets that conflict with a bind.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use super::{Owner, Socket, read, user_name};

/// The maximum number of file descriptors that are named.
const MOST_NAMED: usize = 3;

/// The holders of the sockets that conflict with `address`: `held by python3, pid 123, fd 3`; `None` if
/// unknown, for example if the socket is closed by now.
pub fn bind_conflict(address: SocketAddr) -> Option<String> {
    if address.port() == 0 {
        return None;
    }
    let snapshot = read(&[address.port()]).ok()?;
    let colliding: Vec<&Socket> = snapshot
        .sockets
        .iter()
        .filter(|socket| collide(socket, address))
        .collect();
    if colliding.is_empty() {
        return None;
    }
    let mut owners = Vec::new();
    for owner in colliding.iter().flat_map(|socket| &socket.owners) {
        let Owner { process, fd } = owner;
        owners.push(format!("{process}, pid {}, fd {fd}", process.pid));
    }
    if !owners.is_empty() {
        let more = owners.len().saturating_sub(MOST_NAMED);
        owners.truncate(MOST_NAMED);
        let mut text = format!("held by {}", owners.join(", and "));
        if more > 0 {
            text.push_str(&format!(", and {more} more"));
        }
        return Some(text);
    }
    let Some(unseen) = snapshot.unseen else {
        return Some(
            "held by the kernel itself, for example for a tunnel or NFS: no process has it".into(),
        );
    };
    let users: BTreeSet<u32> = colliding.iter().map(|socket| socket.uid).collect();
    let names: Vec<_> = users
        .into_iter()
        .map(|uid| match user_name(uid) {
            Some(name) => format!("user {}", name.escape_debug()),
            None => format!("user {uid}"),
        })
        .collect();
    let names = names.join(" and ");
    Some(format!(
        "held by a socket of {names}; which process has it is unknown: {unseen}"
    ))
}

/// Whether one address includes the other.
fn collide(socket: &Socket, address: SocketAddr) -> bool {
    let (ours, theirs) = (
        address.ip().to_canonical(),
        socket.local.ip().to_canonical(),
    );
    match (ours.is_unspecified(), theirs.is_unspecified()) {
        // An IPv6 wildcard includes IPv4 unless IPV6_V6ONLY is set; whether it is set on ours is
        // unknown here.
        (true, _) => address.is_ipv6() || socket.receives(super::Family::V4),
        (_, true) if address.is_ipv6() => socket.local.is_ipv6(),
        (_, true) => socket.receives(super::Family::V4),
        _ => ours == theirs,
    }
}
