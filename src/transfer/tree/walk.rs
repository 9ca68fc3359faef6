//! Walks what is to be sent, in an order that depends on names only.

use std::os::fd::AsFd;
use std::sync::Arc;

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{OFlag, readlinkat};
use nix::sys::stat::SFlag;
use std::os::unix::ffi::OsStringExt;

use super::exclude::Exclude;
use super::open::{self, Fingerprint, Status};
use super::roots::{Root, RootKind, Roots};
use crate::protocol::transfer::manifest::{Entry, Kind, MAX_PATH, Modified};

/// How many folders of a path are kept open. Of deeper ones only the last is, the others are opened
/// again on the way back.
const MAX_OPEN: usize = 64;

/// Something to send.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) entry: Entry,
    /// The argument that it is below, or is.
    pub(super) root: usize,
    pub(super) status: Status,
}

/// A step of the walk.
#[derive(Debug)]
pub(super) enum Found {
    Item(Item),
    /// What is never sent from within a folder: a FIFO, a socket, a device.
    Skipped {
        path: Vec<u8>,
        what: &'static str,
    },
    /// What cannot be listed.
    Unlisted {
        path: Vec<u8>,
        errno: Errno,
    },
}

/// A walk over all arguments: folders before what they hold, names in the order of their bytes. Each
/// name is looked at when its turn comes. Memory: the names of the folders on the way, 8 bytes and
/// the name each (a million names of 20 bytes: 28 MB, at most 263 MB).
#[derive(Debug)]
pub(super) struct Walk {
    roots: Arc<Roots>,
    exclude: Arc<Exclude>,
    next_root: usize,
    /// The folders from the argument down to where the walk is.
    levels: Vec<Level>,
    /// The path of the last of them, with the argument's name.
    path: Vec<u8>,
    excluded: u64,
}

#[derive(Debug)]
struct Level {
    fingerprint: Fingerprint,
    /// The length of the path of the folder that it is in.
    parent_length: usize,
    dir: Option<Dir>,
    names: Names,
    is_read: bool,
}

/// The sorted names of a folder.
#[derive(Debug, Default)]
struct Names {
    bytes: Vec<u8>,
    /// The offset and length of each, from the last to the first.
    spans: Vec<(u32, u16)>,
}

impl Names {
    fn read(dir: &mut Dir) -> Result<Self, Errno> {
        let mut names = Self::default();
        for entry in dir.iter() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            let at = u32::try_from(names.bytes.len()).map_err(|_| Errno::EOVERFLOW)?;
            let length = u16::try_from(name.len()).map_err(|_| Errno::ENAMETOOLONG)?;
            names.bytes.extend_from_slice(name);
            names.spans.push((at, length));
        }
        let bytes = &names.bytes;
        names
            .spans
            .sort_unstable_by(|a, b| slice(bytes, *b).cmp(slice(bytes, *a)));
        Ok(names)
    }

    fn next(&mut self) -> Option<&[u8]> {
        let span = self.spans.pop()?;
        Some(slice(&self.bytes, span))
    }
}

fn slice(bytes: &[u8], (at, length): (u32, u16)) -> &[u8] {
    let at = at as usize;
    bytes.get(at..at + usize::from(length)).unwrap_or_default()
}

impl Walk {
    pub(super) fn new(roots: Arc<Roots>, exclude: Arc<Exclude>) -> Self {
        Self {
            roots,
            exclude,
            next_root: 0,
            levels: Vec::new(),
            path: Vec::new(),
            excluded: 0,
        }
    }

    /// How many were left out so far, each folder as one.
    pub(super) fn excluded(&self) -> u64 {
        self.excluded
    }

    /// The next step; none at the end.
    pub(super) fn next(&mut self) -> Option<Found> {
        loop {
            let Some(level) = self.levels.last_mut() else {
                match self.start_root()? {
                    Some(item) => return Some(Found::Item(item)),
                    None => continue,
                }
            };
            if level.dir.is_none()
                && let Err(errno) = self.open_last()
            {
                let path = self.path.clone();
                self.leave();
                return Some(Found::Unlisted { path, errno });
            }
            let Some(level) = self.levels.last_mut() else {
                continue;
            };
            let Some(name) = level.names.next() else {
                self.leave();
                continue;
            };
            let parent_length = self.path.len();
            self.path.push(b'/');
            self.path.extend_from_slice(name);
            let found = self.look(parent_length);
            if !matches!(&found, Some(Found::Item(item)) if item.entry.kind == Kind::Folder) {
                self.path.truncate(parent_length);
            }
            if found.is_some() {
                return found;
            }
        }
    }

    fn leave(&mut self) {
        if let Some(level) = self.levels.pop() {
            self.path.truncate(level.parent_length);
        }
    }

    /// Goes on with the next argument; the inner none if it is left out.
    fn start_root(&mut self) -> Option<Option<Item>> {
        let at = self.next_root;
        let roots = Arc::clone(&self.roots);
        let root = roots.0.get(at)?;
        self.next_root += 1;
        let is_folder = root.kind == RootKind::Folder;
        if self.exclude.matches(b"", &root.name, is_folder) {
            self.excluded += 1;
            return Some(None);
        }
        self.path.clone_from(&root.name);
        let kind = match root.kind {
            RootKind::Folder => {
                self.enter(root.status, 0);
                Kind::Folder
            }
            RootKind::File => Kind::File {
                size: root.status.fingerprint.size,
            },
            RootKind::Stream => Kind::Stream,
        };
        Some(Some(self.item(kind, root.status)))
    }

    fn enter(&mut self, status: Status, parent_length: usize) {
        if self.levels.len() >= MAX_OPEN
            && let Some(parent) = self.levels.last_mut()
        {
            parent.dir = None;
        }
        self.levels.push(Level {
            fingerprint: status.fingerprint,
            parent_length,
            dir: None,
            names: Names::default(),
            is_read: false,
        });
    }

    fn item(&self, kind: Kind, status: Status) -> Item {
        let (seconds, nanoseconds) = status.fingerprint.modified;
        Item {
            entry: Entry {
                kind,
                path: self.path.clone(),
                mode: status.mode,
                modified: Modified {
                    seconds,
                    nanoseconds: nanoseconds.min(999_999_999),
                },
            },
            root: self.next_root.saturating_sub(1),
            status,
        }
    }

    /// Opens the last folder of the path, for the first time or again.
    fn open_last(&mut self) -> Result<(), Errno> {
        let root = self.root().ok_or(Errno::ENOENT)?;
        let below = below(root, &self.path);
        let fd = open::beneath(root.fd.as_fd(), below, OFlag::O_DIRECTORY)?;
        let status = Status::of(fd.as_fd())?;
        let level = self.levels.last_mut().ok_or(Errno::ENOENT)?;
        if !status.fingerprint.is_same_inode(&level.fingerprint) {
            return Err(Errno::ESTALE);
        }
        let mut dir = Dir::from_fd(fd)?;
        if !level.is_read {
            level.names = Names::read(&mut dir)?;
            level.is_read = true;
        }
        level.dir = Some(dir);
        Ok(())
    }

    fn root(&self) -> Option<&Root> {
        self.roots.0.get(self.next_root.checked_sub(1)?)
    }

    /// Looks at the name that the path ends with; none if it is left out.
    fn look(&mut self, parent_length: usize) -> Option<Found> {
        let name = self.path.get(parent_length + 1..).unwrap_or_default();
        let unlisted = |path: &[u8], errno| {
            Some(Found::Unlisted {
                path: path.to_vec(),
                errno,
            })
        };
        if self.path.len() > MAX_PATH {
            return unlisted(&self.path, Errno::ENAMETOOLONG);
        }
        let dir = self.levels.last()?.dir.as_ref()?;
        let status = match Status::of_name(dir.as_fd(), name) {
            Ok(status) => status,
            // It was removed since its name was read: not there when its turn came.
            Err(Errno::ENOENT) => return None,
            Err(errno) => return unlisted(&self.path, errno),
        };
        let is_folder = status.kind() == SFlag::S_IFDIR;
        let below = below(self.root()?, &self.path);
        if self.exclude.matches(below, name, is_folder) {
            self.excluded += 1;
            return None;
        }
        let kind = match status.kind() {
            SFlag::S_IFREG => Kind::File {
                size: status.fingerprint.size,
            },
            SFlag::S_IFLNK => match readlinkat(dir.as_fd(), name) {
                Ok(target) => Kind::Link {
                    target: target.into_vec(),
                },
                Err(errno) => return unlisted(&self.path, errno),
            },
            SFlag::S_IFDIR => {
                self.enter(status, parent_length);
                Kind::Folder
            }
            other => {
                let path = self.path.clone();
                let what = match other {
                    SFlag::S_IFIFO => "a FIFO",
                    SFlag::S_IFSOCK => "a socket",
                    _ => "a device",
                };
                return Some(Found::Skipped { path, what });
            }
        };
        Some(Found::Item(self.item(kind, status)))
    }
}

/// The path from the argument's folder on.
pub(super) fn below<'a>(root: &Root, path: &'a [u8]) -> &'a [u8] {
    path.get(root.name.len() + 1..).unwrap_or_default()
}
