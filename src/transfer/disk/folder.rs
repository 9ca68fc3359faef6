//! A transfer into a folder.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::sync::Arc;

use nix::errno::Errno;
use nix::sys::stat::{FileStat, Mode, SFlag};

use super::calls;
use super::claimed::Claimed;
use super::folders::{Folders, split};
use super::names::{safe_path, safe_target};
use super::part::{Part, Target};
use super::partial::{Names, Source, is_same, kind};
use super::problem::{Notes, Problem};
use super::store::{Kept, Options, Placed, one_file};
use super::sync::Changed;
use crate::error::Error;
use crate::protocol::transfer::manifest::{Entry, Kind, Modified, Reason};

/// One transfer into a folder.
#[derive(Debug)]
pub(super) struct FolderStore {
    pub(super) folders: Folders,
    pub(super) shown: String,
    only: Option<Vec<u8>>,
    pub(super) options: Options,
    pub(super) notes: Notes,
    /// Folders whose contents are being listed, each in the one before.
    inside: Vec<Made>,
    /// Folders that were left when the entry of that index was listed.
    left: VecDeque<(u64, Made)>,
    pub(super) changed: Changed,
    claimed: Claimed,
    /// Cloned for each kept part that is open.
    pub(super) open: Arc<()>,
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
            changed: Changed::default(),
            claimed: Claimed::default(),
            open: Arc::default(),
        }
    }

    /// A path of ours, for people.
    pub(super) fn shown(&self, path: &[u8]) -> String {
        format!("{}/{}", self.shown, String::from_utf8_lossy(path))
    }

    /// The safe path of an entry.
    pub(super) fn locate(&self, entry: &Entry) -> Result<Vec<u8>, Problem> {
        let path = match &self.only {
            Some(name) => name.clone(),
            None => safe_path(&entry.path),
        };
        if calls::is_path(&path) {
            Ok(path)
        } else {
            Err(Problem::os("store", self.shown(&path), Errno::ENAMETOOLONG))
        }
    }

    fn placed(&self, entry: &Entry, path: &[u8]) -> Placed {
        Placed {
            path: PathBuf::from(std::ffi::OsString::from_vec(path.to_vec())),
            is_renamed: self.only.is_none() && path != entry.path,
        }
    }

    /// What is in the way of a file or link.
    pub(super) fn existing(
        &self,
        folder: &OwnedFd,
        path: &[u8],
    ) -> Result<Option<FileStat>, Problem> {
        let stat = existing(folder, split(path).1, &self.shown(path))?;
        if stat.is_some_and(|stat| self.claimed.has_file(&stat)) {
            Err(self.same_name(path))
        } else {
            Ok(stat)
        }
    }

    /// Remembers what was stored, where something else of this transfer could replace it.
    pub(super) fn claim(&mut self, stat: &FileStat) {
        if self.options.overwrite || self.options.resume {
            self.claimed.add_file(stat);
        }
    }

    fn same_name(&self, path: &[u8]) -> Problem {
        let reason = "this file system takes it for another name of the same transfer";
        let error = Error::invalid("store", self.shown(path), reason);
        let remedy = "rename one of them at the sender, or receive into another file system";
        Problem::new(Reason::Exists, error.with_remedy(remedy))
    }

    pub(super) fn open_parent(&mut self, path: &[u8], make: bool) -> Result<Arc<OwnedFd>, Errno> {
        let opened = self.folders.get(split(path).0, make)?;
        Ok(Arc::clone(&opened.fd))
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
            Some(mut kept) => {
                let file = match kept.file.take() {
                    Some(file) => file,
                    None => self.reopen(&target, &kept)?,
                };
                Ok(Part::resumed(target, kept, file))
            }
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
        if !self.claimed.add_folder(&stat, &path) {
            return Err(self.same_name(&path));
        }
        self.changed.add(&parent);
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
        if self.options.overwrite
            && let Ok(stat) = calls::stat_at(&folder, name)
        {
            self.claim(&stat);
        }
        if let Err(errno) = calls::set_modified_at(&folder, name, entry.modified) {
            self.notes.add("set the time of", &shown, errno);
        }
        self.changed.add(&folder);
        let mut placed = self.placed(entry, &path);
        placed.is_renamed |= safe != *target;
        Ok(placed)
    }

    pub(super) fn settled(&mut self, index: u64) {
        while self.left.front().is_some_and(|(at, _)| *at <= index) {
            if let Some((_, made)) = self.left.pop_front() {
                self.complete(&made);
            }
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

    pub(super) fn sync(&mut self) -> Result<(), Problem> {
        self.settled(u64::MAX);
        while let Some(made) = self.inside.pop() {
            self.complete(&made);
        }
        self.changed.sync(&self.shown, &mut self.notes)
    }
}

/// What is in the way of a file or link: a file or link, which may be replaced.
fn existing(folder: &OwnedFd, name: &[u8], shown: &str) -> Result<Option<FileStat>, Problem> {
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
