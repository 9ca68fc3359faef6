//! A file that is being received.

use std::path::PathBuf;

use super::output::{Stream, bad_offset};
use super::part::Part;
use super::problem::Problem;
use super::store::{Placed, Side, Store};

/// A file that is being received, under a temporary name; or an output.
///
/// When it is dropped, what it has is kept for `--resume`, as by [`keep`](Self::keep).
#[derive(Debug)]
pub(crate) struct Unfinished(Kind);

#[derive(Debug)]
enum Kind {
    File(Box<Part>),
    Output(Box<Stream>),
}

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
    pub(super) fn file(part: Part) -> Self {
        Self(Kind::File(Box::new(part)))
    }

    pub(super) fn output(stream: Stream) -> Self {
        Self(Kind::Output(Box::new(stream)))
    }

    /// Where its contents end so far: the next bytes belong there, or after a hole.
    pub(crate) fn position(&self) -> u64 {
        match &self.0 {
            Kind::File(part) => part.position,
            Kind::Output(stream) => stream.position(),
        }
    }

    /// Writes bytes; what is left out before `offset` is a hole.
    ///
    /// # Errors
    /// The errors of write(2); an offset before the position or beyond the size.
    pub(crate) fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Problem> {
        match &mut self.0 {
            Kind::File(part) => part.write_at(offset, bytes),
            Kind::Output(stream) => stream.write_at(offset, bytes),
        }
    }

    /// Makes it appear under its name, complete: `length` bytes, the last ones perhaps a hole, with this
    /// digest if the sender has one and [`Options::digest`] is set. What an output got is written already,
    /// and not digested.
    ///
    /// # Errors
    /// It is not stored; what can be used again is kept.
    pub(crate) fn finish(
        self,
        store: &mut Store,
        length: u64,
        digest: Option<u128>,
    ) -> Result<Finished, Problem> {
        match (self.0, &mut store.0) {
            (Kind::File(mut part), Side::Folder(folder)) => part.finish(folder, length, digest),
            (Kind::Output(mut stream), _) => {
                stream.finish(length)?;
                Ok(Finished::Stored(Placed::default()))
            }
            // A file of another store: it is kept.
            (Kind::File(part), Side::Output(_)) => Err(bad_offset(&part.target.shown, length)),
        }
    }

    /// Keeps what is there for `--resume`, and returns the path (below the target folder) and the
    /// length of the kept part, unless there is nothing.
    pub(crate) fn keep(self) -> Option<(PathBuf, u64)> {
        match self.0 {
            Kind::File(mut part) => part.keep().map(|path| (path, part.position)),
            Kind::Output(_) => None,
        }
    }

    /// Removes what this transfer wrote.
    pub(crate) fn discard(self) {
        if let Kind::File(mut part) = self.0 {
            part.discard();
        }
    }
}
