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

use std::collections::HashMap;
use std::fs::File;
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::sys::stat::{FileStat, Mode, SFlag};

use super::calls;
use super::names::OURS;
use crate::protocol::transfer::Digest;
use crate::protocol::transfer::manifest::{Entry, Kind, Modified};

const MAGIC: &[u8; 16] = b"udpraw partial 1";
/// A state is not longer than this.
const MAX_STATE: usize = 16 + 8 + 12 + 2 + 255 + 16;
/// States that are read in one folder.
const MAX_PARTIALS: usize = 4_096;

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
        Ok(Self::of(&random.iter().map(letter).collect::<String>()))
    }

    fn of(id: &str) -> Self {
        Self {
            part: format!("{OURS}{id}.part").into_bytes(),
            state: format!("{OURS}{id}.state").into_bytes(),
        }
    }

    /// Of the name of a state.
    fn of_state(name: &[u8]) -> Option<Self> {
        let name = std::str::from_utf8(name).ok()?;
        let id = name.strip_prefix(OURS)?.strip_suffix(".state")?;
        (id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()))
            .then(|| Self::of(id))
    }
}

/// Whether it is a regular file with one name that belongs to this user.
pub(super) fn is_ours(stat: &FileStat) -> bool {
    is_regular(stat) && stat.st_nlink == 1 && stat.st_uid == nix::unistd::geteuid().as_raw()
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
    let bytes = source.encode();
    let mut written = 0;
    let result = loop {
        match bytes.get(written..) {
            None | Some([]) => break calls::close(file),
            Some(rest) => match calls::write_at(&file, rest, written as u64) {
                Ok(count) => written += count,
                Err(errno) => break Err(errno),
            },
        }
    };
    if result.is_err() {
        // An incomplete state is none.
        let _ = calls::unlink(&folder, &names.state);
    }
    result
}

/// The kept parts of one folder, by the name of the file.
#[derive(Debug, Default)]
pub(super) struct Partials(HashMap<Vec<u8>, Vec<(Names, Source)>>);

impl Partials {
    /// Reads the states in a folder. Those that are not ours, or damaged, are none.
    pub(super) fn read(folder: impl AsFd) -> nix::Result<Self> {
        let is_state = |name: &[u8]| Names::of_state(name).is_some();
        let mut partials = Self::default();
        for name in calls::list(&folder, MAX_PARTIALS, is_state)? {
            let Some(names) = Names::of_state(&name) else {
                continue;
            };
            if let Ok(file) = calls::open_file(&folder, &name, false)
                && let Some(source) = read_state(&file)
            {
                partials.add(names, source);
            }
        }
        Ok(partials)
    }

    pub(super) fn add(&mut self, names: Names, source: Source) {
        let list = self.0.entry(source.name.clone()).or_default();
        list.push((names, source));
    }

    /// The parts of a file.
    pub(super) fn of(&self, name: &[u8]) -> &[(Names, Source)] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// Forgets the parts of a file.
    pub(super) fn take(&mut self, name: &[u8]) -> Vec<(Names, Source)> {
        self.0.remove(name).unwrap_or_default()
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
