//! Folders below the target folder, opened without following a link.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use nix::errno::Errno;
use nix::sys::stat::Mode;

use super::calls;
use super::partial::Partials;

/// Folders that stay open.
const OPEN: usize = 32;

/// A folder that is open.
#[derive(Debug)]
pub(super) struct Opened {
    /// The safe path below the target folder.
    path: Vec<u8>,
    pub(super) fd: Arc<OwnedFd>,
    /// The kept parts in it, once they were looked for.
    pub(super) partials: Option<Partials>,
}

/// The target folder, and the last used ones below it.
#[derive(Debug)]
pub(super) struct Folders {
    root: Arc<OwnedFd>,
    /// The last used one is the last.
    open: Vec<Opened>,
    has_openat2: bool,
}

impl Folders {
    pub(super) fn new(root: Arc<OwnedFd>) -> Self {
        Self {
            root,
            open: Vec::new(),
            has_openat2: true,
        }
    }

    #[cfg(test)]
    pub(super) fn without_openat2(&mut self) {
        self.has_openat2 = false;
    }

    /// The folder of that safe path; with `make`, it is made if it is missing.
    pub(super) fn get(&mut self, path: &[u8], make: bool) -> nix::Result<&mut Opened> {
        let found = self.open.iter().rposition(|opened| opened.path == path);
        let opened = match found {
            // Usually it is the last one.
            Some(index) if index + 1 == self.open.len() => self.open.pop(),
            Some(index) => Some(self.open.remove(index)),
            None => None,
        };
        let opened = match opened {
            Some(opened) => opened,
            None => Opened {
                path: path.to_vec(),
                fd: self.resolve(path, make)?,
                partials: None,
            },
        };
        if self.open.len() >= OPEN {
            self.open.remove(0);
        }
        self.open.push(opened);
        self.open.last_mut().ok_or(Errno::ENOENT)
    }

    fn resolve(&mut self, path: &[u8], make: bool) -> nix::Result<Arc<OwnedFd>> {
        if path.is_empty() {
            return Ok(Arc::clone(&self.root));
        }
        if self.has_openat2 {
            match calls::open_below(&self.root, path) {
                Ok(fd) => return Ok(Arc::new(fd)),
                Err(Errno::ENOSYS) => self.has_openat2 = false,
                Err(Errno::ENOENT) if make => {}
                // A filter of system calls may refuse it, and a rename may disturb it.
                Err(Errno::EPERM | Errno::EAGAIN | Errno::EINVAL | Errno::E2BIG) => {}
                Err(errno) => return Err(errno),
            }
        }
        let mut folder = Arc::clone(&self.root);
        for name in path.split(|byte| *byte == b'/') {
            let opened = match calls::open_folder(&folder, name) {
                Err(Errno::ENOENT) if make => {
                    match calls::make_folder(&folder, name, Mode::from_bits_truncate(0o777)) {
                        Ok(()) | Err(Errno::EEXIST) => calls::open_folder(&folder, name),
                        Err(errno) => Err(errno),
                    }
                }
                opened => opened,
            };
            folder = Arc::new(opened?);
        }
        Ok(folder)
    }
}

/// A safe path, split into its folder and its name.
pub(super) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(at) => (
            path.get(..at).unwrap_or_default(),
            path.get(at + 1..).unwrap_or_default(),
        ),
        None => (&[], path),
    }
}
