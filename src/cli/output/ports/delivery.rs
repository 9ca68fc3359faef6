//! Which socket gets a datagram, if several share a port.

use std::fmt::Write;

use udpraw::language::Language;
use udpraw::ports::{DeliveryCase, Receiver, Socket, Target, Why, delivery_cases};
use udpraw::services::Text;
use udpraw::socket::Shown;

use super::chinese;
use super::notes::device;

/// How many delivery cases of a port are shown, and of how many ports.
const MOST: usize = 16;

/// Adds a paragraph for each port with several sockets.
pub(super) fn write(text: &mut String, sockets: &[Socket], language: Language) {
    let shared: Vec<_> = sockets
        .chunk_by(|a, b| a.local.port() == b.local.port())
        .filter(|group| group.len() > 1)
        .collect();
    for group in shared.iter().take(MOST) {
        let port = group[0].local.port();
        // Writing to a String cannot fail.
        let _ = match language {
            Language::English => writeln!(text, "\nport {port}: who gets a datagram"),
            Language::Chinese => writeln!(text, "\n{}", chinese::heading(port)),
        };
        let connected = group.iter().filter(|s| s.remote.is_some()).count();
        if connected > 0 {
            let sockets = super::super::count(connected as u64, "socket", "sockets");
            let _ = match language {
                Language::English => writeln!(
                    text,
                    "  from the peer of a connected socket: that socket ({sockets})"
                ),
                Language::Chinese => writeln!(text, "{}", chinese::connected(connected)),
            };
        }
        let delivery_cases = delivery_cases(group);
        for case in delivery_cases.iter().take(MOST) {
            let to = target(case);
            let _ = match language {
                Language::English => {
                    writeln!(text, "  to {to}: {}", receiver(group, &case.receiver))
                }
                Language::Chinese => writeln!(text, "{}", chinese::case(case, group)),
            };
        }
        if delivery_cases.len() > MOST {
            let more = delivery_cases.len() - MOST;
            let _ = match language {
                Language::English => writeln!(text, "  and {more} more cases"),
                Language::Chinese => writeln!(text, "{}", chinese::more_cases(more)),
            };
        }
    }
    if shared.len() > MOST {
        let more = shared.len() - MOST;
        let _ = match language {
            Language::English => writeln!(
                text,
                "\n{more} more ports have several sockets: name a port to see who gets a datagram"
            ),
            Language::Chinese => writeln!(text, "\n{}", chinese::more_ports(more)),
        };
    }
}

fn target(case: &DeliveryCase) -> String {
    let to = match case.to {
        Target::Address(address) => address.to_string(),
        Target::Group(group) => format!("{group} (multicast)"),
        Target::Broadcast => "a broadcast address".into(),
        Target::AnyOther(family) => format!("any other {family} address"),
        _ => "another address".into(),
    };
    match case.device {
        Some(index) => format!("{to} on {}", device(index)),
        None => to,
    }
}

fn receiver(sockets: &[Socket], receiver: &Receiver) -> String {
    let reason = |why: &Why| match why {
        Why::Connected => "connected",
        Why::Address => "bound to that address",
        Why::Wildcard => "wildcard",
        _ => "it fits best",
    };
    match receiver {
        Receiver::Nobody => "nobody: refused by ICMP".into(),
        Receiver::Each { sockets: each } if each.is_empty() => {
            "nobody, without an ICMP error".into()
        }
        Receiver::Each { sockets: each } if each.len() == 1 => list(sockets, each),
        Receiver::Each { sockets: each } => {
            format!("a copy for each of {}: {}", each.len(), list(sockets, each))
        }
        Receiver::One { socket, why, of: 1 } => {
            format!("{} ({})", name(&sockets[*socket]), reason(why))
        }
        Receiver::One { socket, why, of } => format!(
            "{} ({}, the last of {of} to bind)",
            name(&sockets[*socket]),
            reason(why)
        ),
        Receiver::ByHash { group, why } => format!(
            "one of {} by hash of the flow ({}, reuseport): {}",
            group.len(),
            reason(why),
            list(sockets, group)
        ),
        Receiver::Unknown { among, why } => format!(
            "one of {} ({}; which one cannot be seen from outside): {}",
            among.len(),
            reason(why),
            list(sockets, among)
        ),
        _ => "unknown".into(),
    }
}

pub(super) fn list(sockets: &[Socket], which: &[usize]) -> String {
    let mut names: Vec<_> = which
        .iter()
        .take(MOST)
        .map(|at| name(&sockets[*at]))
        .collect();
    if which.len() > MOST {
        names.push(format!("and {} more", which.len() - MOST));
    }
    names.join(", ")
}

pub(super) fn name(socket: &Socket) -> String {
    match socket.owners.first() {
        Some(owner) => format!(
            "{} pid {} fd {}",
            Text::new(&owner.process.name),
            owner.process.pid,
            owner.fd
        ),
        None => format!(
            "the socket at {} with inode {}",
            Shown(socket.local),
            socket.inode
        ),
    }
}
