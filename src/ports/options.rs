//! Reads what only the socket itself reports: how it shares its port, and its multicast groups.
//!
//! It queries a duplicate of the socket (pidfd_getfd(2)), and closes it at once; if the process closes
//! the original meanwhile, the port stays in use for some microseconds longer.

use std::collections::HashMap;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;

use socket2::SockRef;

use super::groups;
use super::{Sharing, Socket};
use crate::socket::Family;
use crate::sys::{process, sockopt};

/// The maximum number of queries about groups in total: on a machine with thousands of sockets and
/// groups, the rest stays unknown.
const MOST_QUESTIONS: usize = 200_000;

/// Adds its options and groups to each socket that may be queried.
pub(super) fn ask(sockets: &mut [Socket]) {
    let joined = groups::joined();
    let mut questions = MOST_QUESTIONS;
    // Processes that may not be queried are `None`.
    let mut processes: HashMap<u32, Option<OwnedFd>> = HashMap::new();
    for socket in sockets {
        for owner in &socket.owners {
            let pid = owner.process.pid;
            let handle = processes
                .entry(pid)
                .or_insert_with(|| process::open(pid).ok());
            let Some(process) = handle else { continue };
            let copy = match process::copy_fd(process.as_fd(), owner.fd) {
                Ok(copy) => copy,
                Err(error) => {
                    // No permission to trace it, or no such call (EPERM, ENOSYS); any other error
                    // concerns only this descriptor.
                    if matches!(error.raw_os_error(), Some(libc::EPERM | libc::ENOSYS)) {
                        *handle = None;
                    }
                    continue;
                }
            };
            let copy = File::from(copy);
            // The descriptor may refer to another file by now.
            if copy.metadata().is_ok_and(|file| file.ino() == socket.inode) {
                socket.sharing = sharing(copy.as_fd());
                // sock_diag has reported it already; /proc/net/udp6 does not.
                if socket.family == Family::V6 && socket.remote.is_none() {
                    let only = || SockRef::from(&copy).only_v6().ok();
                    socket.only_v6 = socket.only_v6.or_else(only);
                }
                if joined.len() <= questions {
                    questions -= joined.len();
                    socket.groups = Some(groups::of(copy.as_fd(), socket.family, &joined));
                }
                break;
            }
        }
    }
}

fn sharing(socket: BorrowedFd<'_>) -> Option<Sharing> {
    let options = SockRef::from(&socket);
    let mut cpu = [0; 4];
    let length = sockopt::get(socket, libc::SOL_SOCKET, libc::SO_INCOMING_CPU, &mut cpu);
    // Missing on a socket of the other family, and on old kernels: then it counts as on.
    let is_off = |level, option| {
        let mut value = [0; 4];
        let length = sockopt::get(socket, level, option, &mut value);
        matches!(length, Ok(4)) && i32::from_ne_bytes(value) == 0
    };
    Some(Sharing {
        members_only: [
            is_off(libc::IPPROTO_IP, libc::IP_MULTICAST_ALL),
            is_off(libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_ALL),
        ],
        reuse_address: options.reuse_address().ok()?,
        reuse_port: options.reuse_port().ok()?,
        // -1 means none.
        incoming_cpu: match length {
            Ok(4) => u32::try_from(i32::from_ne_bytes(cpu)).ok(),
            _ => None,
        },
    })
}
