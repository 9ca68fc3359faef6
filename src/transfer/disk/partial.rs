//! What is kept of interrupted files: `.udpraw-RANDOM.part`, described by `.udpraw-RANDOM.state`.
//!
//! A state has these fields; numbers are big-endian:
//!
//! | bytes | content |
//! | --- | --- |
//! | 16 | `udpraw partial 1` |
//! | 8 | size of the source, or 2^64-1 for a stream |
//! | 8, 4 | its time of modification: seconds, nanoseconds |
//! | 2, then that many | its name, as stored |
//! | 16 | XXH3-128 of all before |

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::os::fd::AsFd;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::errno::Errno;
use nix::sys::stat::{FileStat, Mode, SFlag};

use super::calls;
use super::names::OURS;
use crate::protocol::transfer::Digest;
use crate::protocol::transfer::manifest::{Entry, Kind, Modified};

const MAGIC: &[u8; 16] = b"udpraw partial 1";
/// A state is not longer than this.
const MAX_STATE: usize = 16 + 8 + 12 + 2 + 255 + 16;
/// Parts and states that are looked at in one folder.
const MAX_PARTIALS: usize = 8_192;
/// A part of no state that is as old belongs to no transfer.
const LEFTOVER: Duration = Duration::from_secs(3_600);

/// What a kept part is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) name: Vec<u8>,
    pub(super) size: Option<u64>,
    pub(super) modified: Modified,
}

impl Source {
    pub(super) fn new(name: &[u8], entry: &Entry) -> Self {
        let (size, modified) = match entry.kind {
            Kind::File { size } => (Some(size), entry.modified),
            // A stream has no time of its own.
            _ => (None, Modified::default()),
        };
        Self {
            name: name.to_vec(),
            size,
            modified,
        }
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(self.size.unwrap_or(u64::MAX).to_be_bytes());
        bytes.extend(self.modified.seconds.to_be_bytes());
        bytes.extend(self.modified.nanoseconds.to_be_bytes());
        bytes.extend((self.name.len() as u16).to_be_bytes());
        bytes.extend(&self.name);
        let digest = digest(&bytes);
        bytes.extend(digest);
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (bytes, sum) = bytes.split_last_chunk::<16>()?;
        if digest(bytes) != *sum {
            return None;
        }
        let (magic, rest) = bytes.split_first_chunk::<16>()?;
        let (size, rest) = rest.split_first_chunk::<8>()?;
        let (seconds, rest) = rest.split_first_chunk::<8>()?;
        let (nanoseconds, rest) = rest.split_first_chunk::<4>()?;
        let (length, name) = rest.split_first_chunk::<2>()?;
        let size = u64::from_be_bytes(*size);
        let is_whole = magic == MAGIC && name.len() == usize::from(u16::from_be_bytes(*length));
        is_whole.then(|| Self {
            name: name.to_vec(),
            size: (size != u64::MAX).then_some(size),
            modified: Modified {
                seconds: i64::from_be_bytes(*seconds),
                nanoseconds: u32::from_be_bytes(*nanoseconds),
            },
        })
    }
}

fn digest(bytes: &[u8]) -> [u8; 16] {
    let mut digest = Digest::default();
    digest.update(bytes);
    digest.value().to_be_bytes()
}

/// The names of an unfinished file: random, so that nobody can have them before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) part: Vec<u8>,
    pub(super) state: Vec<u8>,
}

impl Names {
    pub(super) fn random() -> nix::Result<Self> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|_| Errno::EIO)?;
        let letter =
            |byte: &u8| char::from(b"abcdefghijklmnopqrstuvwxyz234567"[usize::from(byte % 32)]);
        Ok(Self::of_id(&random.iter().map(letter).collect::<String>()))
    }

    fn of_id(id: &str) -> Self {
        Self {
            part: format!("{OURS}{id}.part").into_bytes(),
            state: format!("{OURS}{id}.state").into_bytes(),
        }
    }

    /// Of the name of a state (`true`) or a part.
    fn of(name: &[u8]) -> Option<(Self, bool)> {
        let rest = std::str::from_utf8(name).ok()?.strip_prefix(OURS)?;
        let (id, ending) = rest.split_once('.')?;
        let is_id = id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (is_id && matches!(ending, "state" | "part")).then(|| (Self::of_id(id), ending == "state"))
    }
}

/// Whether it is a regular file with one name that belongs to this user.
pub(super) fn is_ours(stat: &FileStat) -> bool {
    is_regular(stat) && stat.st_nlink == 1 && stat.st_uid == nix::unistd::geteuid().as_raw()
}

fn is_older(stat: &FileStat, than: Duration) -> bool {
    let modified = Duration::from_secs(stat.st_mtime.try_into().unwrap_or_default());
    let age = SystemTime::now().duration_since(UNIX_EPOCH + modified);
    age.is_ok_and(|age| age > than)
}

pub(super) fn kind(stat: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits())
}

pub(super) fn is_regular(stat: &FileStat) -> bool {
    kind(stat) == SFlag::S_IFREG
}

pub(super) fn is_same(a: &FileStat, b: &FileStat) -> bool {
    (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino)
}

/// Writes the state of a part. One that exists already is left.
pub(super) fn write_state(folder: impl AsFd, names: &Names, source: &Source) -> nix::Result<()> {
    let file = calls::create(&folder, &names.state, Mode::from_bits_truncate(0o600))?;
    let result = calls::write_state(file, &source.encode());
    if result.is_err() {
        // An incomplete state is none.
        let _ = calls::unlink(&folder, &names.state);
    }
    result
}

/// The kept parts of one folder, by the name of the file.
#[derive(Debug, Default)]
pub(super) struct Partials {
    of: HashMap<Vec<u8>, Vec<(Names, Source)>>,
    /// Old parts that have no state: their transfer ended before it had one.
    pub(super) leftovers: usize,
}

impl Partials {
    /// Reads the states in a folder. Those that are not ours, or damaged, are none.
    pub(super) fn read(folder: impl AsFd) -> nix::Result<Self> {
        let is_name = |name: &[u8]| Names::of(name).is_some();
        let mut partials = Self::default();
        let mut described = HashSet::new();
        let found = calls::list(&folder, MAX_PARTIALS, is_name)?;
        for name in &found {
            if let Some((names, true)) = Names::of(name)
                && let Ok(file) = calls::open_file(&folder, name, false)
                && let Some(source) = read_state(&file)
            {
                described.insert(names.part.clone());
                partials.add(names, source);
            }
        }
        let is_leftover = |name: &&Vec<u8>| {
            let is_part = matches!(Names::of(name), Some((_, false)));
            // A new one may be another transfer's.
            let is_old = |stat: FileStat| is_ours(&stat) && is_older(&stat, LEFTOVER);
            is_part && !described.contains(*name) && calls::stat_at(&folder, name).is_ok_and(is_old)
        };
        partials.leftovers = found.iter().filter(is_leftover).count();
        Ok(partials)
    }

    pub(super) fn add(&mut self, names: Names, source: Source) {
        let list = self.of.entry(source.name.clone()).or_default();
        list.push((names, source));
    }

    /// The parts of a file.
    pub(super) fn of(&self, name: &[u8]) -> &[(Names, Source)] {
        self.of.get(name).map_or(&[], Vec::as_slice)
    }

    /// Forgets the parts of a file.
    pub(super) fn take(&mut self, name: &[u8]) -> Vec<(Names, Source)> {
        self.of.remove(name).unwrap_or_default()
    }
}

fn read_state(file: &File) -> Option<Source> {
    let stat = calls::stat(file).ok()?;
    if !is_ours(&stat) {
        return None;
    }
    let mut bytes = [0; MAX_STATE + 1];
    let length = calls::read_at(file, &mut bytes, 0).ok()?;
    Source::decode(bytes.get(..length)?)
}
