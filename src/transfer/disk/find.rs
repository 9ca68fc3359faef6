//! Looks for what is there of a file already.

use std::fs::File;
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use nix::errno::Errno;
use nix::sys::stat::FileStat;

use super::folder::FolderStore;
use super::folders::split;
use super::open_file::OpenFile;
use super::part::Target;
use super::partial::{Names, Partials, Source, is_ours, is_regular, is_same};
use super::problem::Problem;
use super::store::{Compare, Found, Kept};
use super::{Checked, Progress, calls};
use crate::error::Error;
use crate::protocol::transfer::Digest;
use crate::protocol::transfer::manifest::{Entry, Kind, Modified, Reason};

/// Bytes of one step of a check.
const STEP: usize = 1 << 20;
/// Kept parts that are open at a time, while they wait for their turn.
pub(super) const MAX_OPEN: usize = 64;

impl FolderStore {
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
                        // Of two links to one file, each is equal.
                        if stat.st_nlink == 1 {
                            self.claim(&stat);
                        }
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
        if self.options.resume {
            self.find_part(&folder, &path, entry, progress)
        } else {
            Ok(Found::New)
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
            Some(digest) => Some(Found::Kept(Box::new(self.kept(file, stat, digest, None)))),
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
                Ok(false) => return Err(is_busy(&shown)),
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
                    return Ok(Found::Kept(Box::new(self.kept(
                        file,
                        stat,
                        digest,
                        Some(names),
                    ))));
                }
                Ok(None) => return Ok(Found::Stopped),
                Err(errno) => self.notes.add("read the kept part of", &shown, errno),
            }
        }
        Ok(Found::New)
    }

    /// Leaves a limited number of them open.
    fn kept(&self, file: OpenFile, stat: FileStat, digest: Digest, names: Option<Names>) -> Kept {
        let open = (Arc::strong_count(&self.open) <= MAX_OPEN).then(|| Arc::clone(&self.open));
        Kept {
            file: open.is_some().then_some(file),
            stat,
            digest,
            names,
            _open: open,
        }
    }

    /// Opens again what was closed meanwhile, if nobody has changed it.
    pub(super) fn reopen(&mut self, target: &Target, kept: &Kept) -> Result<OpenFile, Problem> {
        let failed = |errno| Problem::os("go on with", &target.shown, errno);
        let (name, is_part) = match &kept.names {
            Some(names) => (&names.part[..], true),
            None => (split(&target.path).1, false),
        };
        let file = calls::open_file(&target.folder, name, is_part).map_err(failed)?;
        if is_part && calls::try_lock(&file) == Ok(false) {
            return Err(is_busy(&target.shown));
        }
        let stat = calls::stat(&file).map_err(failed)?;
        let state = |stat: &FileStat| {
            let modified = (stat.st_mtime, stat.st_mtime_nsec);
            let changed = (stat.st_ctime, stat.st_ctime_nsec);
            (stat.st_size, modified, changed, stat.st_nlink)
        };
        if is_same(&stat, &kept.stat) && state(&stat) == state(&kept.stat) {
            Ok(file)
        } else {
            Err(is_busy(&target.shown))
        }
    }

    /// The kept parts in a folder; none if it vanished.
    pub(super) fn partials(&mut self, folder: &[u8]) -> Option<&mut Partials> {
        let (notes, shown) = (&mut self.notes, &self.shown);
        let opened = self.folders.get(folder, false).ok()?;
        let fd = Arc::clone(&opened.fd);
        Some(opened.partials.get_or_insert_with(|| {
            let read =
                Partials::read(fd).inspect(|partials| notes.leftovers(partials.leftovers, shown));
            read.unwrap_or_else(|errno| {
                notes.add("look for kept parts in", shown, errno);
                Partials::default()
            })
        }))
    }
}

fn is_busy(shown: &str) -> Problem {
    let error = Error::os("go on with", shown, Errno::EBUSY.into())
        .with_detail("another program is receiving it");
    Problem::new(Reason::Busy, error)
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
