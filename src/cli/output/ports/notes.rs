//! Further facts about a socket, in a few words.

use udpraw::ports::{Socket, interface_name};
use udpraw::socket::Family;

/// How many of a socket's further owners are named.
const MOST_OWNERS: usize = 4;

/// `wildcard, also IPv4, reuseport, 239.1.2.3%eth0`.
pub(super) fn text(socket: &Socket, is_complete: bool) -> String {
    let mut notes: Vec<String> = Vec::new();
    if socket.is_wildcard() {
        notes.push("wildcard".into());
    }
    if socket.family == Family::V6 && socket.is_wildcard() && socket.remote.is_none() {
        notes.push(
            match socket.only_v6 {
                Some(true) => "IPv6 only",
                Some(false) => "also IPv4",
                None => "IPv4 unknown",
            }
            .into(),
        );
    }
    if let Some(index) = socket.device {
        notes.push(format!("on {}", device(index)));
    }
    match socket.sharing {
        Some(sharing) => {
            let shown = [
                (sharing.reuse_address, "reuseaddr"),
                (sharing.reuse_port, "reuseport"),
            ];
            notes.extend(
                shown
                    .iter()
                    .filter(|(is_on, _)| *is_on)
                    .map(|(_, name)| (*name).to_owned()),
            );
            if let (Some(cpu), None) = (sharing.incoming_cpu, socket.remote) {
                notes.push(format!("CPU {cpu}"));
            }
        }
        None if socket.inode == 0 => notes.push("its process has ended".into()),
        None if is_complete && socket.owners.is_empty() => {
            notes.push("no process seen here holds it".into());
        }
        None => notes.push("reuse and groups unknown".into()),
    }
    let groups = socket.groups.iter().flatten();
    notes.extend(groups.map(ToString::to_string));
    let others = socket.owners.get(1..).unwrap_or_default();
    for owner in others.iter().take(MOST_OWNERS) {
        let (process, fd) = (&owner.process, owner.fd);
        let is_the_first = socket.owners[0].process.pid == process.pid;
        notes.push(if is_the_first {
            format!("also fd {fd}")
        } else {
            format!("also {process} pid {} fd {fd}", process.pid)
        });
    }
    if others.len() > MOST_OWNERS {
        notes.push(format!("and {} more", others.len() - MOST_OWNERS));
    }
    notes.join(", ")
}

/// An interface's name, or its index if it is gone.
pub(super) fn device(index: u32) -> String {
    match interface_name(index) {
        Some(name) => name.escape_debug().to_string(),
        None => format!("interface {index}"),
    }
}
