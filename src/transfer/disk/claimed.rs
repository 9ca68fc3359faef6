//! What one transfer has stored, so that two of its names never become one file.
//!
//! A file system may not tell `A` from `a`, or two spellings of an accent: the second one would
//! replace the first, or be taken for an equal file that is there already.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use nix::sys::stat::FileStat;

/// The inodes that a transfer has stored, eight bytes each.
#[derive(Debug, Default)]
pub(super) struct Claimed {
    hasher: RandomState,
    files: HashSet<u64>,
    /// The path of each folder, hashed.
    folders: HashMap<u64, u64>,
}

impl Claimed {
    fn key(&self, stat: &FileStat) -> u64 {
        self.hasher.hash_one((stat.st_dev, stat.st_ino))
    }

    /// This transfer has stored a file or link there.
    pub(super) fn add_file(&mut self, stat: &FileStat) {
        let key = self.key(stat);
        self.files.insert(key);
    }

    pub(super) fn has_file(&self, stat: &FileStat) -> bool {
        self.files.contains(&self.key(stat))
    }

    /// This transfer has a folder there; `false` if it is one of another path already.
    pub(super) fn add_folder(&mut self, stat: &FileStat, path: &[u8]) -> bool {
        let (key, path) = (self.key(stat), self.hasher.hash_one(path));
        *self.folders.entry(key).or_insert(path) == path
    }
}
