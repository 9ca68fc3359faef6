//! A file under its temporary name.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::sync::Arc;

use nix::errno::Errno;
use nix::sys::stat::{FileStat, Mode};

use super::calls;
use super::folder::FolderStore;
use super::folders::split;
use super::open_file::OpenFile;
use super::output::{bad_digest, bad_offset};
use super::partial::{Names, Source, is_same, write_state};
use super::problem::Problem;
use super::store::{Kept, Options, Placed};
use super::unfinished::Finished;
use crate::protocol::transfer::Digest;
use crate::protocol::transfer::manifest::Modified;

/// A file that is longer has a state while it is received: what is there of it outlives this program.
const STATE_FROM: u64 = super::LARGE;
/// What a state needs on a full disk: a few blocks, of the file and of its folder.
const ROOM: u64 = 64 << 10;

/// What a file will be.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) folder: Arc<OwnedFd>,
    pub(super) placed: Placed,
    pub(super) source: Source,
    pub(super) path: Vec<u8>,
    pub(super) shown: String,
    pub(super) size: Option<u64>,
    pub(super) mode: u16,
    pub(super) modified: Modified,
    pub(super) is_stream: bool,
    pub(super) options: Options,
}

/// A file under its temporary name.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) target: Target,
    file: Option<OpenFile>,
    /// Its names while it is there; none for a file that was complete before.
    names: Option<Names>,
    has_state: bool,
    pub(super) position: u64,
    /// Bytes from an earlier transfer, which the sender has confirmed.
    kept: u64,
    digest: Option<Digest>,
    /// No lock is possible: this is why.
    no_lock: Option<Errno>,
    has_failed: bool,
}

impl Part {
    pub(super) fn new(target: Target) -> nix::Result<Self> {
        let mode = Mode::from_bits_truncate(u32::from(target.mode & 0o777 | 0o600));
        let mut attempts = 0;
        let (names, file) = loop {
            let names = Names::random()?;
            match calls::create(&target.folder, &names.part, mode) {
                Ok(file) => break (names, file),
                Err(Errno::EEXIST) if attempts < 8 => attempts += 1,
                Err(errno) => return Err(errno),
            }
        };
        Ok(Self {
            file: Some(file),
            names: Some(names),
            has_state: false,
            position: 0,
            kept: 0,
            digest: target.options.digest.then(Digest::default),
            no_lock: None,
            has_failed: false,
            target,
        })
    }

    pub(super) fn resumed(target: Target, kept: Kept, file: OpenFile) -> Self {
        let length = kept.length();
        Self {
            file: Some(file),
            has_state: kept.names.is_some(),
            names: kept.names,
            position: length,
            kept: length,
            digest: target.options.digest.then_some(kept.digest),
            no_lock: None,
            has_failed: false,
            target,
        }
    }

    fn failed(&self, operation: &'static str, errno: Errno) -> Problem {
        Problem::os(operation, &self.target.shown, errno)
    }

    pub(super) fn write_at(&mut self, offset: u64, mut bytes: &[u8]) -> Result<(), Problem> {
        let size = self.target.size.unwrap_or(i64::MAX as u64);
        let end = offset.checked_add(bytes.len() as u64);
        if offset < self.position || end.is_none_or(|end| end > size) {
            self.has_failed = true;
            return Err(bad_offset(&self.target.shown, offset));
        }
        let (Some(file), Some(_), false) = (&self.file, &self.names, self.has_failed) else {
            return Err(self.failed("write", Errno::EBADF));
        };
        if let Some(digest) = &mut self.digest {
            add_zeros(digest, offset);
        }
        let mut at = offset;
        while !bytes.is_empty() {
            match calls::write_at(file, bytes, at) {
                Ok(count) => {
                    let (written, rest) = bytes.split_at_checked(count).unwrap_or((bytes, &[]));
                    if let Some(digest) = &mut self.digest {
                        digest.update(written);
                    }
                    at += written.len() as u64;
                    self.position = at;
                    bytes = rest;
                }
                Err(errno) => {
                    self.has_failed = true;
                    return Err(self.failed("write", errno));
                }
            }
        }
        if self.position >= STATE_FROM && !self.has_state {
            // Without one it cannot be resumed after a crash, and that is all.
            let _ = self.write_state();
        }
        Ok(())
    }

    /// Locks the part, and says what it is of.
    fn write_state(&mut self) -> nix::Result<()> {
        let Some(names) = &self.names else {
            return Ok(());
        };
        if let Some(file) = &self.file {
            self.no_lock = calls::try_lock(file).err();
        }
        write_state(&self.target.folder, names, &self.target.source)?;
        self.has_state = true;
        Ok(())
    }

    pub(super) fn finish(
        &mut self,
        store: &mut FolderStore,
        length: u64,
        digest: Option<u128>,
    ) -> Result<Finished, Problem> {
        if self.has_failed {
            return Err(self.failed("write", Errno::EIO));
        }
        let is_short = length < self.position || i64::try_from(length).is_err();
        if is_short || self.target.size.is_some_and(|size| size != length) {
            return Err(bad_offset(&self.target.shown, length));
        }
        let Some(file) = self.file.take() else {
            return Err(self.failed("store", Errno::EBADF));
        };
        if let Some(ours) = &mut self.digest {
            add_zeros(ours, length);
            if digest.is_some_and(|digest| digest != ours.value()) {
                self.forget_unconfirmed(file);
                return Err(bad_digest(&self.target.shown));
            }
        }
        let Some(names) = self.names.clone() else {
            // It was there, complete.
            self.set_modified(store, &file);
            if let Ok(stat) = calls::stat(&file) {
                store.claim(&stat);
            }
            return Ok(Finished::Stored(self.target.placed.clone()));
        };
        let stat = self.complete(store, &file, &names, length)?;
        if let Some(errno) = self.no_lock {
            store.notes.add("lock files in", &self.target.shown, errno);
        }
        let lock = if store.changed.should_sync(length) {
            match calls::sync(&file) {
                Ok(()) => {}
                Err(errno @ (Errno::EINVAL | Errno::ENOSYS | Errno::EOPNOTSUPP)) => {
                    store
                        .notes
                        .add("write to the disk", &self.target.shown, errno);
                }
                Err(errno) => return Err(self.failed("write to the disk", errno)),
            }
            Some(file)
        } else {
            calls::close(file).map_err(|errno| self.failed("write", errno))?;
            None
        };
        let finished = self.give_name(store, &names, &stat)?;
        drop(lock);
        Ok(finished)
    }

    /// Gives it its length, permissions, owner and time.
    fn complete(
        &self,
        store: &mut FolderStore,
        file: &File,
        names: &Names,
        length: u64,
    ) -> Result<FileStat, Problem> {
        let target = &self.target;
        if length > self.position {
            calls::set_length(file, length).map_err(|errno| self.failed("write", errno))?;
        }
        let folder = &target.folder;
        let replaced = if target.options.overwrite {
            store.existing(folder, &target.path)?
        } else {
            None
        };
        let stat = calls::stat(file).map_err(|errno| self.failed("store", errno))?;
        let named = calls::stat_at(folder, &names.part);
        if !named.is_ok_and(|named| is_same(&stat, &named)) {
            return Err(self.failed("store", Errno::ENOENT));
        }
        let mut mode = stat.st_mode & u32::from(target.mode & 0o777);
        if let Some(replaced) = replaced.filter(super::partial::is_regular) {
            mode = replaced.st_mode & 0o777;
            let owner = (replaced.st_uid, replaced.st_gid);
            if owner != (stat.st_uid, stat.st_gid)
                && let Err(errno) = calls::set_owner(file, owner.0, owner.1)
            {
                store.notes.add("keep the owner of", &target.shown, errno);
            }
        }
        if mode != stat.st_mode & 0o7777
            && let Err(errno) = calls::set_mode(file, mode)
        {
            store
                .notes
                .add("set the permissions of", &target.shown, errno);
        }
        self.set_modified(store, file);
        Ok(stat)
    }

    fn set_modified(&self, store: &mut FolderStore, file: &File) {
        if !self.target.is_stream
            && let Err(errno) = calls::set_modified(file, self.target.modified)
        {
            store
                .notes
                .add("set the time of", &self.target.shown, errno);
        }
    }

    /// Renames it, if the name is free or may be replaced.
    fn give_name(
        &mut self,
        store: &mut FolderStore,
        names: &Names,
        stat: &FileStat,
    ) -> Result<Finished, Problem> {
        let folder = Arc::clone(&self.target.folder);
        let (parent, name) = split(&self.target.path);
        let renamed = if self.target.options.overwrite {
            calls::rename(&folder, &names.part, name)
        } else {
            rename_new(&folder, &names.part, name)
        };
        match renamed {
            Ok(()) => {}
            Err(Errno::EEXIST) => {
                let path = join(parent, &names.part);
                if !self.has_state {
                    // It is not found by --resume, then.
                    let _ = self.write_state();
                }
                self.names = None;
                store.changed.add(&folder);
                return Ok(Finished::NameTaken(path));
            }
            Err(errno) => return Err(self.failed("store", errno)),
        }
        store.claim(stat);
        self.names = None;
        if self.has_state {
            let _ = calls::unlink(&folder, &names.state);
        }
        if self.target.options.resume {
            let old = store.partials(parent).map(|partials| partials.take(name));
            for (old, _) in old.unwrap_or_default() {
                if old != *names {
                    remove_unused(&folder, &old);
                }
            }
        }
        store.changed.add(&folder);
        Ok(Finished::Stored(self.target.placed.clone()))
    }

    /// After a wrong digest: what the sender has confirmed before is right, the rest is not.
    fn forget_unconfirmed(&mut self, file: OpenFile) {
        if self.names.is_some() && self.kept > 0 && calls::set_length(&file, self.kept).is_ok() {
            self.position = self.kept;
            self.file = Some(file);
        } else if self.kept == 0 {
            self.discard();
        }
    }

    /// Gives up the end of the part on a full disk, so that its state can be written.
    fn make_room(&mut self) -> bool {
        let Some(rest) = self.position.checked_sub(ROOM).filter(|rest| *rest > 0) else {
            return false;
        };
        let cut = (self.file.as_ref()).is_some_and(|file| calls::set_length(file, rest).is_ok());
        if cut {
            self.position = rest;
        }
        cut && self.write_state().is_ok()
    }

    pub(super) fn keep(&mut self) -> Option<PathBuf> {
        if self.position == 0 {
            self.discard();
            return None;
        }
        let parent = split(&self.target.path).0.to_vec();
        let part = self.names.as_ref()?.part.clone();
        if !self.has_state && self.write_state().is_err() && !self.make_room() {
            // Nobody would find it.
            self.discard();
            return None;
        }
        self.names = None;
        Some(join(&parent, &part))
    }

    pub(super) fn discard(&mut self) {
        if let Some(names) = self.names.take() {
            let _ = calls::unlink(&self.target.folder, &names.part);
            if self.has_state {
                let _ = calls::unlink(&self.target.folder, &names.state);
            }
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.keep();
    }
}

/// Renames a file to a name that is free, in one step.
fn rename_new(folder: &OwnedFd, from: &[u8], to: &[u8]) -> nix::Result<()> {
    match calls::rename_no_replace(folder, from, to) {
        Err(Errno::EINVAL | Errno::ENOSYS | Errno::EOPNOTSUPP | Errno::EPERM) => {}
        result => return result,
    }
    match calls::link(folder, from, to) {
        Ok(()) => {
            // With two names it is as complete as with one.
            let _ = calls::unlink(folder, from);
            Ok(())
        }
        // No links: an empty file holds the name, and only that is replaced.
        Err(Errno::EPERM | Errno::EOPNOTSUPP | Errno::ENOSYS | Errno::EMLINK | Errno::EINVAL) => {
            drop(calls::create(folder, to, Mode::from_bits_truncate(0o600))?);
            calls::rename(folder, from, to).inspect_err(|_| {
                let _ = calls::unlink(folder, to);
            })
        }
        Err(errno) => Err(errno),
    }
}

/// Removes an older part of a file that is complete now, unless another program is writing it.
fn remove_unused(folder: &OwnedFd, names: &Names) {
    let Ok(file) = calls::open_file(folder, &names.part, true) else {
        return;
    };
    if calls::stat(&file).is_ok_and(|stat| super::partial::is_ours(&stat))
        && calls::try_lock(&file) == Ok(true)
    {
        let _ = calls::unlink(folder, &names.part);
        let _ = calls::unlink(folder, &names.state);
    }
}

fn join(parent: &[u8], name: &[u8]) -> PathBuf {
    let path = match parent {
        b"" => name.to_vec(),
        _ => [parent, b"/", name].concat(),
    };
    PathBuf::from(std::ffi::OsString::from_vec(path))
}

/// Adds a hole up to `end`.
fn add_zeros(digest: &mut Digest, end: u64) {
    const ZEROS: [u8; 16 << 10] = [0; 16 << 10];
    while digest.length() < end {
        let count = (end - digest.length()).min(ZEROS.len() as u64) as usize;
        digest.update(ZEROS.get(..count).unwrap_or_default());
    }
}
