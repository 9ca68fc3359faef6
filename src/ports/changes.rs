//! The changes of the sockets between two snapshots.

use std::collections::HashMap;
use std::net::SocketAddr;

use super::Socket;

/// The change of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is unchanged.
    Same,
    /// It is new.
    New,
    /// It has changed.
    Changed,
    /// It is closed.
    Gone,
}

/// The sockets of both snapshots by port, each with its change; a closed one is as in the first
/// snapshot.
///
/// A socket is identified by its inode, which is constant while it exists. Sockets without a file, such
/// as those that an ended process left, have none; they are identified by their addresses.
pub fn changes<'a>(before: &'a [Socket], now: &'a [Socket]) -> Vec<(Change, &'a Socket)> {
    let mut old: HashMap<_, Vec<&Socket>> = HashMap::new();
    for socket in before {
        old.entry(key(socket)).or_default().push(socket);
    }
    let mut all: Vec<_> = now
        .iter()
        .map(|socket| {
            let was = old.get_mut(&key(socket)).and_then(Vec::pop);
            let change = match was {
                None => Change::New,
                Some(was) if was == socket => Change::Same,
                Some(_) => Change::Changed,
            };
            (change, socket)
        })
        .collect();
    let gone = old.into_values().flatten();
    all.extend(gone.map(|socket| (Change::Gone, socket)));
    all.sort_by_key(|(change, socket)| {
        let is_gone = *change == Change::Gone;
        (
            socket.local.port(),
            is_gone,
            is_gone.then_some(socket.inode),
        )
    });
    all
}

fn key(socket: &Socket) -> (u64, Option<(SocketAddr, Option<SocketAddr>)>) {
    let addresses = (socket.inode == 0).then_some((socket.local, socket.remote));
    (socket.inode, addresses)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socket::Family;

    fn socket(port: u16, inode: u64) -> Socket {
        Socket {
            family: Family::V4,
            local: SocketAddr::from(([127, 0, 0, 1], port)),
            remote: None,
            device: None,
            inode,
            uid: 0,
            waiting: 0,
            capacity: None,
            drops: 0,
            only_v6: None,
            owners: Vec::new(),
            sharing: None,
            groups: None,
        }
    }

    #[test]
    fn reports_new_closed_and_changed_sockets() {
        let before = [socket(1, 10), socket(2, 20), socket(3, 0), socket(3, 0)];
        let mut now = [socket(1, 10), socket(2, 21), socket(3, 0)];
        now[0].drops = 1;
        let reported: Vec<_> = changes(&before, &now)
            .into_iter()
            .map(|(change, socket)| (change, socket.local.port(), socket.inode))
            .collect();
        use Change::{Changed, Gone, New, Same};
        let want = [
            (Changed, 1, 10),
            (New, 2, 21),
            (Gone, 2, 20),
            (Same, 3, 0),
            (Gone, 3, 0),
        ];
        assert_eq!(reported, want);
    }
}
