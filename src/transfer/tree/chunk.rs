//! The stream, cut into the buffers of an outlet.

use super::outlet::Outlet;
use super::{Ended, Stop};

/// Puts records into buffers, and bytes of files directly after their heads.
pub(super) struct Chunks<'a, O> {
    pub(super) outlet: &'a mut O,
    chunk: Vec<u8>,
}

impl<'a, O: Outlet> Chunks<'a, O> {
    pub(super) fn new(outlet: &'a mut O) -> Self {
        Self {
            outlet,
            chunk: Vec::new(),
        }
    }

    /// The buffer, with room for so many bytes; waits for another if this one is full.
    pub(super) fn room(&mut self, bytes: usize) -> Ended<&mut Vec<u8>> {
        if self.chunk.capacity() - self.chunk.len() < bytes {
            self.flush();
            if self.chunk.capacity() < bytes {
                self.chunk = self.outlet.buffer().ok_or(Stop::Over)?;
                let missing = bytes.saturating_sub(self.chunk.capacity());
                if missing > 0 {
                    self.chunk.reserve_exact(bytes);
                }
            }
        }
        Ok(&mut self.chunk)
    }

    /// Moves a record into the stream.
    pub(super) fn append(&mut self, record: &mut Vec<u8>) -> Ended<()> {
        if !record.is_empty() {
            self.room(record.len())?.extend_from_slice(record);
            record.clear();
        }
        Ok(())
    }

    /// Hands on what there is: before something is waited for.
    pub(super) fn flush(&mut self) {
        if !self.chunk.is_empty() {
            self.outlet.push(std::mem::take(&mut self.chunk));
        }
    }
}
