//! What is said when something cannot be stored: a reason for the peer, and an error for the user.

use std::collections::HashSet;
use std::fmt;
use std::io;

use nix::errno::Errno;

use crate::error::Error;
use crate::protocol::transfer::manifest::Reason;

/// An entry that was not stored.
#[derive(Debug)]
pub(crate) struct Problem {
    reason: Reason,
    error: Error,
    ends_transfer: bool,
}

impl Problem {
    /// Makes a problem of a reason that no system call gave.
    pub(super) fn new(reason: Reason, error: Error) -> Self {
        Self {
            reason,
            error,
            ends_transfer: false,
        }
    }

    /// Makes a problem of a system call that failed.
    pub(super) fn os(operation: &'static str, subject: impl fmt::Display, errno: Errno) -> Self {
        let error = Error::os(operation, subject, io::Error::from(errno));
        let error = match remedy(errno) {
            Some(remedy) => error.with_remedy(remedy),
            None => error,
        };
        Self {
            reason: reason(errno),
            error,
            ends_transfer: ends_transfer(errno),
        }
    }

    /// What the peer is told.
    pub(crate) fn reason(&self) -> Reason {
        self.reason
    }

    #[cfg(test)]
    pub(super) fn error(&self) -> &Error {
        &self.error
    }

    /// What the user is told.
    pub(crate) fn into_error(self) -> Error {
        self.error
    }

    /// Whether no other entry would succeed either: a full or broken disk, no more descriptors.
    pub(crate) fn ends_transfer(&self) -> bool {
        self.ends_transfer
    }
}

/// Something that the user should know, and that changes nothing: for example a file system without
/// locks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note(pub(super) String);

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Notes, each of them once.
#[derive(Debug, Default)]
pub(super) struct Notes {
    seen: HashSet<&'static str>,
    list: Vec<Note>,
}

impl Notes {
    pub(super) fn add(&mut self, what: &'static str, subject: impl fmt::Display, errno: Errno) {
        if self.seen.insert(what) {
            let error = Error::os(what, subject, errno.into());
            self.list.push(Note(error.to_string()));
        }
    }

    /// Says that there are parts which nothing can use.
    pub(super) fn leftovers(&mut self, count: usize, folder: &str) {
        if count > 0 && self.seen.insert("leftovers") {
            let which = "of an earlier transfer cannot be gone on with";
            self.list.push(Note(format!(
                "{count} unfinished files {which}: remove .udpraw-*.part from {folder}"
            )));
        }
    }

    pub(super) fn take(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.list)
    }
}

fn reason(errno: Errno) -> Reason {
    match errno {
        Errno::EEXIST | Errno::ENOTEMPTY => Reason::Exists,
        Errno::EISDIR | Errno::ENOTDIR => Reason::Kind,
        Errno::ELOOP | Errno::EXDEV => Reason::Path,
        Errno::ENAMETOOLONG | Errno::EILSEQ => Reason::Name,
        Errno::EACCES | Errno::EPERM | Errno::EROFS => Reason::Permission,
        Errno::ENOSPC | Errno::EDQUOT => Reason::Space,
        Errno::EFBIG | Errno::EOVERFLOW => Reason::TooLarge,
        Errno::EBUSY | Errno::EAGAIN | Errno::ETXTBSY => Reason::Busy,
        Errno::EOPNOTSUPP | Errno::ENOSYS => Reason::Unsupported,
        _ => Reason::Storage,
    }
}

fn ends_transfer(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::ENOSPC
            | Errno::EDQUOT
            | Errno::EIO
            | Errno::EROFS
            | Errno::EMFILE
            | Errno::ENFILE
            | Errno::ENOMEM
            | Errno::ESTALE
            | Errno::EPIPE
    )
}

fn remedy(errno: Errno) -> Option<&'static str> {
    Some(match errno {
        Errno::EEXIST => "use --overwrite to replace it, or receive into another folder",
        Errno::EISDIR => "a folder has that name: rename it, or use --into to receive into it",
        Errno::ENOTDIR => {
            "a file or link is where a folder is to be: rename it, or use another folder"
        }
        Errno::ELOOP => {
            "a symbolic link is in its place, and links are not followed: remove the link"
        }
        Errno::ENAMETOOLONG => {
            "a name has at most 255 bytes and a path 4,095: shorten it, or send the folder as a tar"
        }
        Errno::EILSEQ => "this file system accepts only some names: rename it at the sender",
        Errno::EACCES | Errno::EPERM => "check the permissions of the folder",
        Errno::EROFS => "the file system is read-only: use another folder",
        Errno::ENOSPC => "free some space, then go on with --resume",
        Errno::EDQUOT => "free some of the quota, then go on with --resume",
        Errno::EFBIG => "raise the limit of file sizes (ulimit -f), or use another file system",
        Errno::EMFILE => "raise the limit of open files (ulimit -n)",
        Errno::ENFILE => "raise the system's limit of open files (sysctl fs.file-max)",
        Errno::EPIPE => "the program that reads the output has ended",
        _ => return None,
    })
}
