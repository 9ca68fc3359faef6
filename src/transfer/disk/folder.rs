//! A transfer into a folder.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::fs::File;
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::sync::Arc;

use nix::errno::Errno;
use nix::sys::stat::{FileStat, Mode, SFlag};

use super::folders::{Folders, split};
use super::names::{safe_path, safe_target};
use super::partial::{Names, Partials, Source, is_ours, is_regular, is_same, kind};
use super::problem::{Note, Problem};
use super::store::{Compare, Found, Kept, Options, Placed, one_file};
use super::unfinished::{Part, Target};
use super::{Checked, Progress, calls};
use crate::error::Error;
use crate::protocol::transfer::Digest;
use crate::protocol::transfer::manifest::{Entry, Kind, Modified, Reason};

/// Bytes of one step of a check.
const STEP: usize = 1 << 20;
/// So many files and folders are written to the disk one by one; with more, their file systems as a
/// whole.
const ONE_BY_ONE: usize = 16;

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

    pub(super) fn take(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.list)
    }
}

/// One transfer into a folder.
#[derive(Debug)]
pub(super) struct FolderStore {
    pub(super) folders: Folders,
    shown: String,
    only: Option<Vec<u8>>,
    pub(super) options: Options,
    pub(super) notes: Notes,
    /// Folders whose contents are being listed, each in the one before.
    inside: Vec<Made>,
    /// Folders that were left when the entry of that index was listed.
    left: VecDeque<(u64, Made)>,
    touched: Vec<Arc<OwnedFd>>,
    /// One folder for each file system.
    devices: Vec<(u64, Arc<OwnedFd>)>,
    synced: usize,
    needs_sync_all: bool,
}

/// A folder whose permissions and time are set when it is complete.
#[derive(Debug)]
struct Made {
    path: Vec<u8>,
    stat: FileStat,
    mode: u16,
    modified: Modified,
    was_there: bool,
}

impl FolderStore {
    pub(super) fn new(
        root: Arc<OwnedFd>,
        shown: String,
        only: Option<Vec<u8>>,
        options: Options,
    ) -> Self {
        Self {
            folders: Folders::new(root),
            shown,
            only,
            options,
            notes: Notes::default(),
            inside: Vec::new(),
            left: VecDeque::new(),
            touched: Vec::new(),
            devices: Vec::new(),
            synced: 0,
            needs_sync_all: false,
        }
    }

    /// A path of ours, for people.
    fn shown(&self, path: &[u8]) -> String {
        format!("{}/{}", self.shown, String::from_utf8_lossy(path))
    }

    /// The safe path of an entry.
    fn locate(&self, entry: &Entry) -> Result<Vec<u8>, Problem> {
        let path = match &self.only {
            Some(name) => name.clone(),
            None => safe_path(&entry.path),
        };
        match calls::is_path(&path) {
            true => Ok(path),
            false => Err(Problem::os("store", self.shown(&path), Errno::ENAMETOOLONG)),
        }
    }

    fn placed(&self, entry: &Entry, path: &[u8]) -> Placed {
        Placed {
            path: PathBuf::from(std::ffi::OsString::from_vec(path.to_vec())),
            is_renamed: self.only.is_none() && path != entry.path,
        }
    }

    /// What is in the way of a file or link.
    fn existing(&self, folder: &OwnedFd, path: &[u8]) -> Result<Option<FileStat>, Problem> {
        existing(folder, split(path).1, &self.shown(path))
    }

    fn open_parent(&mut self, path: &[u8], make: bool) -> Result<Arc<OwnedFd>, Errno> {
        let opened = self.folders.get(split(path).0, make)?;
        Ok(Arc::clone(&opened.fd))
    }

    pub(super) fn examine(
        &mut self,
        entry: &Entry,
        progress: Progress<'_>,
    ) -> Result<Found, Problem> {
        let path = self.locate(entry)?;
        let shown = self.shown(&path);
        let folder = match self.open_parent(&path, false) {
            Ok(folder) => folder,
            Err(Errno::ENOENT) => return Ok(Found::New),
            Err(errno) => return Err(Problem::os("store", shown, errno)),
        };
        if let Some(stat) = self.existing(&folder, &path)? {
            if self.options.resume && is_regular(&stat) && has_size(entry, &stat) {
                match self.options.compare {
                    Compare::SizeAndTime if is_equal_time(&stat, entry.modified) => {
                        return Ok(Found::Equal);
                    }
                    Compare::Digest if stat.st_size > 0 => {
                        if let Some(found) = self.digest_existing(&folder, &path, entry, progress) {
                            return Ok(found);
                        }
                    }
                    Compare::Digest => return Ok(Found::Equal),
                    Compare::SizeAndTime => {}
                }
            }
            if !self.options.overwrite {
                return Err(Problem::os("store", shown, Errno::EEXIST));
            }
        }
        match self.options.resume {
            true => self.find_part(&folder, &path, entry, progress),
            false => Ok(Found::New),
        }
    }

    /// The digest of an existing file of the same size; `None` if it cannot be read.
    fn digest_existing(
        &self,
        folder: &OwnedFd,
        path: &[u8],
        entry: &Entry,
        progress: Progress<'_>,
    ) -> Option<Found> {
        let name = split(path).1;
        let file = calls::open_file(folder, name, false).ok()?;
        let stat = calls::stat(&file).ok()?;
        if !is_regular(&stat) || !has_size(entry, &stat) {
            return None;
        }
        match check(&file, stat.st_size as u64, progress).ok()? {
            None => Some(Found::Stopped),
            Some(digest) => Some(Found::Kept(Kept {
                file,
                digest,
                source: Source::new(name, entry),
                names: None,
            })),
        }
    }

    /// Looks for a part that was kept of the same source.
    fn find_part(
        &mut self,
        folder: &Arc<OwnedFd>,
        path: &[u8],
        entry: &Entry,
        progress: Progress<'_>,
    ) -> Result<Found, Problem> {
        let (parent, name) = split(path);
        let shown = self.shown(path);
        let source = Source::new(name, entry);
        let mut candidates = Vec::new();
        let parts = self.partials(parent).map(|partials| partials.of(name));
        for (names, its) in parts.unwrap_or_default() {
            if *its == source
                && let Ok(stat) = calls::stat_at(folder, &names.part)
                && is_ours(&stat)
            {
                candidates.push(((stat.st_mtime, stat.st_mtime_nsec), names.clone()));
            }
        }
        // The newest first.
        candidates.sort_by_key(|(time, _)| std::cmp::Reverse(*time));
        for (_, names) in candidates {
            let Ok(file) = calls::open_file(folder, &names.part, true) else {
                continue;
            };
            match calls::try_lock(&file) {
                Ok(true) => {}
                Ok(false) => {
                    let error = Error::os("go on with", shown, Errno::EBUSY.into())
                        .with_detail("another program is receiving it");
                    return Err(Problem::new(Reason::Busy, error));
                }
                Err(errno) => self.notes.add("lock files in", &self.shown, errno),
            }
            // The name may be another file's by now.
            let (Ok(stat), Ok(named)) = (calls::stat(&file), calls::stat_at(folder, &names.part))
            else {
                continue;
            };
            let length = stat.st_size as u64;
            let fits = length > 0 && source.size.is_none_or(|size| length <= size);
            if !is_ours(&stat) || !is_same(&stat, &named) || !fits {
                continue;
            }
            match check(&file, length, progress) {
                Ok(Some(digest)) => {
                    return Ok(Found::Kept(Kept {
                        file,
                        digest,
                        source,
                        names: Some(names),
                    }));
                }
                Ok(None) => return Ok(Found::Stopped),
                Err(errno) => self.notes.add("read the kept part of", &shown, errno),
            }
        }
        Ok(Found::New)
    }

    /// The kept parts in a folder; none if it vanished.
    pub(super) fn partials(&mut self, folder: &[u8]) -> Option<&mut Partials> {
        let (notes, shown) = (&mut self.notes, &self.shown);
        let opened = self.folders.get(folder, false).ok()?;
        let fd = Arc::clone(&opened.fd);
        Some(opened.partials.get_or_insert_with(|| {
            Partials::read(fd).unwrap_or_else(|errno| {
                notes.add("look for kept parts in", shown, errno);
                Partials::default()
            })
        }))
    }

    pub(super) fn begin(&mut self, entry: &Entry, kept: Option<Kept>) -> Result<Part, Problem> {
        let size = match entry.kind {
            Kind::File { size } => Some(size),
            Kind::Stream => None,
            Kind::Folder | Kind::Link { .. } => return Err(one_file("write")),
        };
        let path = self.locate(entry)?;
        let shown = self.shown(&path);
        let failed = |errno| Problem::os("store", &shown, errno);
        let folder = self.open_parent(&path, true).map_err(failed)?;
        let is_complete = kept.as_ref().is_some_and(|kept| kept.names.is_none());
        if self.existing(&folder, &path)?.is_some() && !self.options.overwrite && !is_complete {
            return Err(failed(Errno::EEXIST));
        }
        let target = Target {
            folder,
            placed: self.placed(entry, &path),
            source: Source::new(split(&path).1, entry),
            path,
            shown: shown.clone(),
            size,
            mode: entry.mode,
            modified: entry.modified,
            is_stream: entry.kind == Kind::Stream,
            options: self.options,
        };
        match kept {
            Some(kept) => Ok(Part::resumed(target, kept)),
            None => Part::new(target).map_err(failed),
        }
    }

    pub(super) fn folder(&mut self, index: u64, entry: &Entry) -> Result<Placed, Problem> {
        if self.only.is_some() {
            return Err(one_file("make a folder"));
        }
        let path = self.locate(entry)?;
        let shown = self.shown(&path);
        let failed = |errno| Problem::os("make", &shown, errno);
        while self
            .inside
            .last()
            .is_some_and(|made| !is_below(&path, &made.path))
        {
            let made = self.inside.pop();
            self.left.extend(made.map(|made| (index, made)));
        }
        let parent = self.open_parent(&path, true).map_err(failed)?;
        let name = split(&path).1;
        // It can be filled, whatever its permissions will be.
        let mode = Mode::from_bits_truncate(u32::from(entry.mode & 0o777 | 0o700));
        let was_there = match calls::make_folder(&parent, name, mode) {
            Ok(()) => false,
            Err(Errno::EEXIST) => true,
            Err(errno) => return Err(failed(errno)),
        };
        let stat = calls::stat_at(&parent, name).map_err(failed)?;
        match kind(&stat) {
            SFlag::S_IFDIR => {}
            SFlag::S_IFLNK => return Err(failed(Errno::ELOOP)),
            _ => return Err(failed(Errno::ENOTDIR)),
        }
        self.touch(&parent);
        if !was_there || self.options.resume {
            self.inside.push(Made {
                path: path.clone(),
                stat,
                mode: entry.mode,
                modified: entry.modified,
                was_there,
            });
        }
        Ok(self.placed(entry, &path))
    }

    pub(super) fn link(&mut self, entry: &Entry) -> Result<Placed, Problem> {
        let Kind::Link { target } = &entry.kind else {
            return Err(one_file("make a link"));
        };
        if self.only.is_some() {
            return Err(one_file("make a link"));
        }
        let path = self.locate(entry)?;
        let (shown, (parent, name)) = (self.shown(&path), split(&path));
        let failed = |errno| Problem::os("make the link", &shown, errno);
        let Some(safe) = safe_target(parent, target).filter(|safe| calls::is_path(safe)) else {
            let reason = "it leads out of the folder, or might";
            let error = Error::invalid("make the link", &shown, reason);
            return Err(Problem::new(Reason::Path, error));
        };
        let folder = self.open_parent(&path, true).map_err(failed)?;
        match calls::make_link(&safe, &folder, name) {
            Ok(()) => {}
            Err(Errno::EEXIST) => {
                let stat = self.existing(&folder, &path)?;
                let is_link = stat.is_some_and(|stat| kind(&stat) == SFlag::S_IFLNK);
                let is_equal = is_link && calls::read_link(&folder, name).as_ref() == Ok(&safe);
                if !is_equal && !self.options.overwrite {
                    return Err(failed(Errno::EEXIST));
                }
                if !is_equal {
                    let names = Names::random().map_err(failed)?;
                    calls::make_link(&safe, &folder, &names.part).map_err(failed)?;
                    calls::rename(&folder, &names.part, name).map_err(|errno| {
                        let _ = calls::unlink(&folder, &names.part);
                        failed(errno)
                    })?;
                }
            }
            Err(errno @ Errno::EPERM) => {
                let error = Error::os("make the link", &shown, errno.into());
                let error = error.with_remedy("this file system may have no symbolic links");
                return Err(Problem::new(Reason::Unsupported, error));
            }
            Err(errno) => return Err(failed(errno)),
        }
        if let Err(errno) = calls::set_modified_at(&folder, name, entry.modified) {
            self.notes.add("set the time of", &shown, errno);
        }
        self.touch(&folder);
        let mut placed = self.placed(entry, &path);
        placed.is_renamed |= safe != *target;
        Ok(placed)
    }

    pub(super) fn settled(&mut self, index: u64) {
        while let Some((_, made)) = self.left.pop_front_if(|(at, _)| *at <= index) {
            self.complete(&made);
        }
    }

    /// Sets the permissions and the time of a folder, unless another one has its name now.
    fn complete(&mut self, made: &Made) {
        let shown = self.shown(&made.path);
        let result = self.folders.get(&made.path, false).and_then(|opened| {
            let stat = calls::stat(&opened.fd)?;
            if !is_same(&stat, &made.stat) {
                return Ok(());
            }
            let mode = stat.st_mode & (0o7000 | u32::from(made.mode & 0o777));
            let modified = calls::set_modified(&opened.fd, made.modified);
            if !made.was_there && mode != stat.st_mode & 0o7777 {
                calls::set_mode(&opened.fd, mode)?;
            }
            modified
        });
        if let Err(errno) = result {
            self.notes
                .add("set the permissions and time of", shown, errno);
        }
    }

    /// Something in this folder changed.
    pub(super) fn touch(&mut self, folder: &Arc<OwnedFd>) {
        if self
            .touched
            .iter()
            .any(|touched| Arc::ptr_eq(touched, folder))
        {
            return;
        }
        match calls::stat(folder) {
            Ok(stat)
                if self
                    .devices
                    .iter()
                    .any(|(device, _)| *device == stat.st_dev) => {}
            Ok(stat) if self.devices.len() < ONE_BY_ONE => {
                self.devices.push((stat.st_dev, Arc::clone(folder)));
            }
            _ => {}
        }
        match self.touched.len() < ONE_BY_ONE {
            true => self.touched.push(Arc::clone(folder)),
            false => self.needs_sync_all = true,
        }
    }

    /// Whether the next file is written to the disk by itself.
    pub(super) fn should_sync(&mut self, length: u64) -> bool {
        if length >= STEP as u64 {
            return true;
        }
        self.synced += 1;
        self.needs_sync_all |= self.synced > ONE_BY_ONE;
        self.synced <= ONE_BY_ONE
    }

    pub(super) fn sync(&mut self) -> Result<(), Problem> {
        self.settled(u64::MAX);
        while let Some(made) = self.inside.pop() {
            self.complete(&made);
        }
        for folder in std::mem::take(&mut self.touched) {
            match calls::sync_folder(&folder) {
                Ok(()) => {}
                Err(errno @ (Errno::EIO | Errno::ENOSPC | Errno::EDQUOT)) => {
                    return Err(Problem::os("write to the disk", &self.shown, errno));
                }
                // What is in it is stored; a crash might still forget the name.
                Err(errno) => self
                    .notes
                    .add("write to the disk the folder", &self.shown, errno),
            }
        }
        if std::mem::take(&mut self.needs_sync_all) {
            for (_, folder) in &self.devices {
                calls::sync_all(folder)
                    .map_err(|errno| Problem::os("write to the disk", &self.shown, errno))?;
            }
        }
        Ok(())
    }
}

/// What is in the way of a file or link: a file or link, which may be replaced.
pub(super) fn existing(
    folder: &OwnedFd,
    name: &[u8],
    shown: &str,
) -> Result<Option<FileStat>, Problem> {
    let stat = match calls::stat_at(folder, name) {
        Ok(stat) => stat,
        Err(Errno::ENOENT) => return Ok(None),
        Err(errno) => return Err(Problem::os("store", shown, errno)),
    };
    match kind(&stat) {
        SFlag::S_IFREG | SFlag::S_IFLNK => Ok(Some(stat)),
        SFlag::S_IFDIR => Err(Problem::os("store", shown, Errno::EISDIR)),
        _ => {
            let reason = "there is a device, a FIFO or a socket of that name";
            let error = Error::invalid("store", shown, reason).with_remedy("remove or rename it");
            Err(Problem::new(Reason::Special, error))
        }
    }
}

fn is_below(path: &[u8], folder: &[u8]) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.starts_with(b"/"))
}

fn has_size(entry: &Entry, stat: &FileStat) -> bool {
    matches!(entry.kind, Kind::File { size } if i64::try_from(size) == Ok(stat.st_size))
}

/// Whether it has that time, as precisely as its file system keeps times.
fn is_equal_time(stat: &FileStat, modified: Modified) -> bool {
    let nanoseconds = i64::from(modified.nanoseconds);
    let is_equal = [1, 100, 1_000, 1_000_000_000]
        .into_iter()
        .any(|unit| stat.st_mtime_nsec == nanoseconds - nanoseconds % unit);
    stat.st_mtime == modified.seconds && is_equal
}

/// Reads the beginning of a file; `None` if the callback ended it.
fn check(file: &File, total: u64, progress: Progress<'_>) -> nix::Result<Option<Digest>> {
    let mut digest = Digest::default();
    let mut buffer = vec![0; STEP];
    while digest.length() < total {
        let done = digest.length();
        if progress(Checked { done, total }) == ControlFlow::Break(()) {
            return Ok(None);
        }
        let wanted = (total - done).min(STEP as u64) as usize;
        let bytes = buffer.get_mut(..wanted).unwrap_or_default();
        match calls::read_at(file, bytes, done)? {
            // It shrank.
            0 => return Err(Errno::EIO),
            count => digest.update(buffer.get(..count).unwrap_or_default()),
        }
    }
    Ok(Some(digest))
}
