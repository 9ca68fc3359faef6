//! What became of the sockets between two looks.

use std::collections::HashMap;
use std::net::SocketAddr;

use super::Socket;

/// What became of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is as it was.
    Same,
    /// It was not there before.
    New,
    /// Something about it is not what it was.
    Changed,
    /// It is there no more.
    Gone,
}

/// The sockets of both looks by port, and what became of each; one that is gone is as it was.
///
/// A socket is known by its inode, which stays while it lives. Those that are left of a process that
/// has ended have none; they are known by their addresses.
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
    fn tells_what_came_went_and_changed() {
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
