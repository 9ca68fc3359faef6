//! What must be written to the disk before a transfer is reported as stored.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use nix::errno::Errno;

use super::LARGE;
use super::calls;
use super::problem::{Notes, Problem};

/// So many files and folders are written to the disk one by one; with more, their file systems as a
/// whole.
const ONE_BY_ONE: usize = 16;

/// What one transfer changed.
#[derive(Debug, Default)]
pub(super) struct Changed {
    folders: Vec<Arc<OwnedFd>>,
    /// One folder for each file system.
    devices: Vec<(u64, Arc<OwnedFd>)>,
    files: usize,
    needs_sync_all: bool,
}

impl Changed {
    /// Something in this folder changed.
    pub(super) fn add(&mut self, folder: &Arc<OwnedFd>) {
        let is_same = |other: &Arc<OwnedFd>| Arc::ptr_eq(other, folder);
        if self.folders.iter().any(is_same) {
            return;
        }
        if let Ok(stat) = calls::stat(folder)
            && self
                .devices
                .iter()
                .all(|(device, _)| *device != stat.st_dev)
            && self.devices.len() < ONE_BY_ONE
        {
            self.devices.push((stat.st_dev, Arc::clone(folder)));
        }
        if self.folders.len() < ONE_BY_ONE {
            self.folders.push(Arc::clone(folder))
        } else {
            self.needs_sync_all = true
        }
    }

    /// Whether the next file, of that length, is written to the disk by itself.
    pub(super) fn should_sync(&mut self, length: u64) -> bool {
        if length >= LARGE {
            return true;
        }
        self.files += 1;
        self.needs_sync_all |= self.files > ONE_BY_ONE;
        self.files <= ONE_BY_ONE
    }

    pub(super) fn sync(&mut self, shown: &str, notes: &mut Notes) -> Result<(), Problem> {
        let failed = |errno| Problem::os("write to the disk", shown, errno);
        for folder in std::mem::take(&mut self.folders) {
            match calls::sync_folder(&folder) {
                Ok(()) => {}
                Err(errno @ (Errno::EIO | Errno::ENOSPC | Errno::EDQUOT)) => {
                    return Err(failed(errno));
                }
                // What is in it is stored; a crash might still forget the name.
                Err(errno) => notes.add("write to the disk the folder", shown, errno),
            }
        }
        if std::mem::take(&mut self.needs_sync_all) {
            for (_, folder) in &self.devices {
                calls::sync_all(folder).map_err(failed)?;
            }
        }
        Ok(())
    }
}
