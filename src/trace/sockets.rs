//! The descriptors of each traced process that are sockets, and the known state of each socket.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::net::SocketAddr;

use socket2::SockRef;

use super::call::Kind;
use crate::sys::ptrace;

/// A socket, which several processes may share.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Socket {
    pub(super) kind: Kind,
    pub(super) local: Option<SocketAddr>,
    pub(super) connected: Option<SocketAddr>,
    /// Whether calls on it do not block (`O_NONBLOCK`); `None` if unknown.
    pub(super) is_nonblocking: Option<bool>,
    /// The number of descriptors that refer to it.
    holders: usize,
}

/// Every socket that a traced process holds, by inode.
#[derive(Debug, Default)]
pub(super) struct Sockets(HashMap<u64, Socket>);

/// The descriptors of one process.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    sockets: BTreeMap<i32, u64>,
    /// Descriptors of epoll that watch a socket.
    epolls: BTreeSet<i32>,
}

impl Table {
    pub(super) fn inode(&self, fd: i32) -> Option<u64> {
        self.sockets.get(&fd).copied()
    }

    pub(super) fn has(&self, fd: i32) -> bool {
        self.sockets.contains_key(&fd)
    }

    pub(super) fn is_epoll(&self, fd: i32) -> bool {
        self.epolls.contains(&fd)
    }

    pub(super) fn watch(&mut self, epoll: i32) {
        self.epolls.insert(epoll);
    }

    pub(super) fn has_any(&self, low: i32, high: i32) -> bool {
        low <= high && self.sockets.range(low..=high).next().is_some()
    }

    pub(super) fn fds(&self) -> impl Iterator<Item = i32> {
        self.sockets.keys().copied()
    }
}

impl Sockets {
    pub(super) fn get(&self, inode: u64) -> Option<&Socket> {
        self.0.get(&inode)
    }

    pub(super) fn get_mut(&mut self, inode: u64) -> Option<&mut Socket> {
        self.0.get_mut(&inode)
    }

    /// A call on `fd` has read or set whether its socket blocks.
    pub(super) fn set_mode(&mut self, table: &Table, fd: i32, is_nonblocking: Option<bool>) {
        let socket = table.inode(fd).and_then(|inode| self.get_mut(inode));
        if let (Some(socket), Some(mode)) = (socket, is_nonblocking) {
            socket.is_nonblocking = Some(mode);
        }
    }

    /// Adds a new descriptor of a process; queries its kind unless `kind` is given.
    pub(super) fn learn(&mut self, table: &mut Table, process: i32, fd: i32, kind: Option<Kind>) {
        self.forget(table, fd);
        if let Some(inode) = inode(process, fd) {
            self.hold(table, fd, inode);
            let socket = self.0.entry(inode).or_default();
            if socket.is_nonblocking.is_none() {
                socket.is_nonblocking = is_nonblocking(process, fd);
            }
            match kind {
                Some(kind) => socket.kind = kind,
                None if socket.holders == 1 => {
                    if let Some(asked) = ask(process, fd) {
                        *socket = Socket {
                            holders: socket.holders,
                            is_nonblocking: socket.is_nonblocking,
                            ..asked
                        };
                    }
                }
                None => {}
            }
        }
    }

    /// `fd` refers to the same socket as another descriptor.
    pub(super) fn hold(&mut self, table: &mut Table, fd: i32, inode: u64) {
        self.forget(table, fd);
        table.sockets.insert(fd, inode);
        self.0.entry(inode).or_default().holders += 1;
    }

    /// `fd` is closed.
    pub(super) fn forget(&mut self, table: &mut Table, fd: i32) {
        table.epolls.remove(&fd);
        if let Some(inode) = table.sockets.remove(&fd) {
            self.release(inode);
        }
    }

    fn release(&mut self, inode: u64) {
        if let Some(socket) = self.0.get_mut(&inode) {
            socket.holders = socket.holders.saturating_sub(1);
            if socket.holders == 0 {
                self.0.remove(&inode);
            }
        }
    }

    /// Copies a process's table for its child.
    pub(super) fn fork(&mut self, table: &Table) -> Table {
        for inode in table.sockets.values() {
            if let Some(socket) = self.0.get_mut(inode) {
                socket.holders += 1;
            }
        }
        table.clone()
    }

    /// Removes all descriptors of a process.
    pub(super) fn close_all(&mut self, table: &Table) {
        table
            .sockets
            .values()
            .for_each(|inode| self.release(*inode));
    }

    /// Reads all descriptors of a process from /proc: after an exec, and at the start.
    pub(super) fn scan(&mut self, table: &mut Table, process: i32) {
        let gone: Vec<i32> = table
            .fds()
            .filter(|fd| inode(process, *fd) != table.inode(*fd))
            .collect();
        gone.iter().for_each(|fd| self.forget(table, *fd));
        let entries = fs::read_dir(format!("/proc/{process}/fd"));
        let names = entries.into_iter().flatten().flatten();
        let fds: Vec<i32> = names
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .collect();
        for fd in fds {
            if !table.has(fd) && inode(process, fd).is_some() {
                self.learn(table, process, fd, None);
            }
            // Each socket that an epoll watches has a line: tfd: 5 events: …
            let info = fs::read_to_string(format!("/proc/{process}/fdinfo/{fd}"));
            let watched = info.unwrap_or_default();
            let watched = watched.lines().filter_map(|line| {
                line.strip_prefix("tfd:")?
                    .split_whitespace()
                    .next()?
                    .parse()
                    .ok()
            });
            let watched: Vec<i32> = watched.collect();
            if watched.iter().any(|fd| table.has(*fd)) {
                table.watch(fd);
            }
        }
    }
}

/// The inode of a socket; `None` for other files.
pub(super) fn inode(process: i32, fd: i32) -> Option<u64> {
    let link = fs::read_link(format!("/proc/{process}/fd/{fd}")).ok()?;
    let name = link.to_str()?.strip_prefix("socket:[")?;
    name.strip_suffix(']')?.parse().ok()
}

/// Queries a socket of another process through a duplicate of its descriptor.
fn ask(process: i32, fd: i32) -> Option<Socket> {
    let duplicate = ptrace::duplicate(process, fd).ok()?;
    let socket = SockRef::from(&duplicate);
    Some(Socket {
        kind: Kind {
            domain: socket.domain().ok()?.into(),
            style: socket.r#type().ok()?.into(),
            protocol: socket.protocol().ok()?.map_or(0, Into::into),
        },
        local: socket
            .local_addr()
            .ok()
            .and_then(|address| address.as_socket()),
        connected: socket
            .peer_addr()
            .ok()
            .and_then(|address| address.as_socket()),
        is_nonblocking: None,
        holders: 0,
    })
}

/// Whether a descriptor has `O_NONBLOCK`. /proc shows its flags in octal.
fn is_nonblocking(process: i32, fd: i32) -> Option<bool> {
    let info = fs::read_to_string(format!("/proc/{process}/fdinfo/{fd}")).ok()?;
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"))?;
    let flags = i64::from_str_radix(flags.trim(), 8).ok()?;
    Some(flags & i64::from(libc::O_NONBLOCK) != 0)
}

/// The local address of a socket of another process.
pub(super) fn local_address(process: i32, fd: i32) -> Option<SocketAddr> {
    let duplicate = ptrace::duplicate(process, fd).ok()?;
    SockRef::from(&duplicate).local_addr().ok()?.as_socket()
}
