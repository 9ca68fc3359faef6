//! A file that is being received.

use std::path::PathBuf;

use super::problem::{Problem, Reason};
use super::store::{Placed, Store};
use crate::error::Error;

/// A file that is being received, under a temporary name; or an output.
///
/// When it is dropped, what it has is kept for `--resume`, as by [`keep`](Self::keep).
#[derive(Debug)]
pub(crate) struct Unfinished;

/// A file that is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Finished {
    /// It has its name. An output has an empty path.
    Stored(Placed),
    /// Its name was taken meanwhile, and is not to be replaced: it is complete, under this temporary
    /// name (the path below the target folder).
    NameTaken(PathBuf),
}

impl Unfinished {
    /// Where its contents end so far: the next bytes belong there, or after a hole.
    pub(crate) fn position(&self) -> u64 {
        0
    }

    /// Where it will be stored.
    pub(crate) fn placed(&self) -> Placed {
        Placed {
            path: PathBuf::new(),
            is_renamed: false,
        }
    }

    /// Writes bytes; what is left out before `offset` is a hole.
    ///
    /// # Errors
    /// The errors of write(2); an offset before the position or beyond the size.
    pub(crate) fn write_at(&mut self, _offset: u64, _bytes: &[u8]) -> Result<(), Problem> {
        let error = Error::invalid("write", "it", "not done yet");
        Err(Problem::new(Reason::Unsupported, error))
    }

    /// Makes it appear under its name, complete: `length` bytes, the last ones perhaps a hole, with this
    /// digest if the sender has one and [`Options::digest`](super::Options::digest) is set.
    ///
    /// # Errors
    /// It is not stored; what can be used again is kept.
    pub(crate) fn finish(
        self,
        _store: &mut Store,
        _length: u64,
        _digest: Option<u128>,
    ) -> Result<Finished, Problem> {
        let error = Error::invalid("store", "it", "not done yet");
        Err(Problem::new(Reason::Unsupported, error))
    }

    /// Keeps what is there for `--resume`, and returns the path (below the target folder) of the kept
    /// part, unless there is nothing.
    pub(crate) fn keep(self) -> Option<PathBuf> {
        None
    }

    /// Removes what this transfer wrote.
    pub(crate) fn discard(self) {}
}
