//! Finds the processes that have a file descriptor of a socket: `/proc/PID/fd` has one link per
//! descriptor, and the link of a socket reads `socket:[INODE]`.

use std::collections::HashMap;
use std::ffi::CStr;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::unistd::{Uid, User};

use super::unseen::{self, Unseen};
use super::{Owner, Process, Socket};
use crate::sys::process::read_link_at;

/// Adds its owners to each socket; returns why some processes could not be examined, if so.
///
/// It takes one system call per descriptor, and allocates only for sockets that are searched for.
/// Processes that end meanwhile are skipped.
pub(super) fn find(sockets: &mut [Socket]) -> Option<Unseen> {
    let wanted: HashMap<u64, usize> = sockets
        .iter()
        .enumerate()
        .filter(|(_, socket)| socket.inode != 0)
        .map(|(at, socket)| (socket.inode, at))
        .collect();
    if wanted.is_empty() {
        return None;
    }
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut processes = match Dir::open("/proc", flags, Mode::empty()) {
        Ok(processes) => processes,
        Err(Errno::ENOENT | Errno::ENOTDIR) => return Some(Unseen::NoProc),
        Err(errno) => return Some(Unseen::Failed(errno as i32)),
    };
    let mut pids: Vec<u32> = processes
        .iter()
        .flatten()
        .filter_map(|entry| number(entry.file_name()))
        .collect();
    pids.sort_unstable();
    let listed = unseen::of_listing(&pids);
    let mut unseen = None;
    for pid in pids {
        match Dir::open(format!("/proc/{pid}/fd").as_str(), flags, Mode::empty()) {
            Ok(mut folder) => {
                unseen = unseen.or(look(pid, &mut folder, &wanted, sockets));
            }
            Err(Errno::ENOENT | Errno::ESRCH) => {}
            Err(errno) => unseen = unseen.or(Some(denied(errno as i32))),
        }
    }
    // A reason that hides whole processes is more informative than a denied access.
    match listed {
        Some(Unseen::OtherNamespaces) => unseen.or(listed),
        _ => listed.or(unseen),
    }
}

/// Why a process's descriptors cannot be read.
fn denied(errno: i32) -> Unseen {
    match errno {
        libc::EACCES | libc::EPERM => Unseen::Denied,
        errno => Unseen::Failed(errno),
    }
}

/// Reads the descriptors of one process; returns why it may not, if so.
fn look(
    pid: u32,
    folder: &mut Dir,
    wanted: &HashMap<u64, usize>,
    sockets: &mut [Socket],
) -> Option<Unseen> {
    let failed = |error: io::Error| Some(denied(error.raw_os_error().unwrap_or_default()));
    let fds = match folder.as_fd().try_clone_to_owned() {
        Ok(fds) => fds,
        Err(error) => return failed(error),
    };
    let mut process = None;
    let mut link = [0; 32];
    for entry in folder.iter() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(Errno::ENOENT | Errno::ESRCH) => return None,
            Err(errno) => return Some(denied(errno as i32)),
        };
        let Some(fd) = number(entry.file_name()) else {
            continue;
        };
        let length = match read_link_at(fds.as_fd(), entry.file_name(), &mut link) {
            Ok(length) => length,
            // The descriptor or the process is gone.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => return None,
            // The directory can be read, but not its links: another user's process (proc(5)).
            Err(error) => return failed(error),
        };
        let Some(at) = inode(&link[..length]).and_then(|inode| wanted.get(&inode)) else {
            continue;
        };
        let process = process.get_or_insert_with(|| Arc::new(named(pid)));
        sockets[*at].owners.push(Owner {
            process: Arc::clone(process),
            fd,
        });
    }
    None
}

/// A directory entry's name as a number, if it is one.
fn number(name: &CStr) -> Option<u32> {
    name.to_str().ok()?.parse().ok()
}

/// The inode in `socket:[123]`.
fn inode(link: &[u8]) -> Option<u64> {
    let digits = link.strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn named(pid: u32) -> Process {
    let mut name = std::fs::read(format!("/proc/{pid}/comm")).unwrap_or_default();
    if name.last() == Some(&b'\n') {
        name.pop();
    }
    Process { pid, name }
}

/// A user's name (getpwuid(3)), if it has one.
pub fn user_name(uid: u32) -> Option<String> {
    let user = User::from_uid(Uid::from_raw(uid)).ok()??;
    Some(user.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_link_of_a_socket_alone() {
        assert_eq!(inode(b"socket:[4026531833]"), Some(4_026_531_833));
        for other in [
            &b"pipe:[7]"[..],
            b"socket:[]",
            b"socket:[7",
            b"socket:[-7]",
            b"socket:[99999999999999999999999]",
            b"",
        ] {
            assert_eq!(inode(other), None);
        }
    }

    #[test]
    fn a_process_that_is_gone_has_no_name() {
        // Above the largest that pid_max allows.
        assert_eq!(named(1 << 30).name, b"");
    }
}
