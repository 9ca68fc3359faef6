//! Bytes on their way to the disk's thread: copied together, or in the buffer that they were received
//! into.

use std::collections::VecDeque;
use std::mem;
use std::ops::Range;

/// Bytes of a chunk.
const CHUNK: usize = 256 << 10;
/// Chunks that are kept for reuse.
const MAX_SPARE: usize = 16;
/// Buffers of received messages that are kept for reuse.
const MAX_SPARE_BUFFERS: usize = 64;
/// A write of at least this many bytes keeps its buffer; a shorter one is copied.
const MIN_LENT: usize = 32 << 10;

/// Bytes of the forward stream: part of a buffer.
#[derive(Debug)]
pub(super) struct Chunk {
    buffer: Vec<u8>,
    range: Range<usize>,
    is_lent: bool,
}

impl Chunk {
    pub(super) fn bytes(&self) -> &[u8] {
        self.buffer.get(self.range.clone()).unwrap_or_default()
    }

    /// Bytes copied together.
    fn copied(mut buffer: Vec<u8>) -> Self {
        buffer.clear();
        buffer.reserve_exact(CHUNK);
        Self {
            buffer,
            range: 0..0,
            is_lent: false,
        }
    }

    fn has_room(&self, length: usize) -> bool {
        !self.is_lent && self.buffer.len() + length <= CHUNK
    }

    fn append(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        self.range.end = self.buffer.len();
    }
}

/// Memory for reuse.
#[derive(Debug, Default)]
pub(super) struct Spares {
    copied: Vec<Vec<u8>>,
    lent: Vec<Vec<u8>>,
}

impl Spares {
    /// The bytes are not needed any more.
    pub(super) fn give_back(&mut self, chunk: Chunk) {
        let (spare, max_spare) = if chunk.is_lent {
            (&mut self.lent, MAX_SPARE_BUFFERS)
        } else {
            (&mut self.copied, MAX_SPARE)
        };
        if spare.len() < max_spare {
            spare.push(chunk.buffer);
        }
    }
}

/// What was written and not passed on yet.
#[derive(Debug, Default)]
pub(super) struct Pending {
    chunks: Vec<Chunk>,
    spares: Spares,
    /// Where the buffer is that may be kept.
    offered: Option<Range<usize>>,
}

impl Pending {
    pub(super) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.chunks.clear();
    }

    /// Appends bytes: copies them, unless they are in the buffer that was offered, and long enough.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        if self.lend(bytes) {
            return;
        }
        for bytes in bytes.chunks(CHUNK) {
            match self.chunks.last_mut() {
                Some(last) if last.has_room(bytes.len()) => last.append(bytes),
                _ => {
                    let mut chunk = Chunk::copied(self.spares.copied.pop().unwrap_or_default());
                    chunk.append(bytes);
                    self.chunks.push(chunk);
                }
            }
        }
    }

    /// Moves all to the end of `waiting`, and takes memory from `spares`; returns how many bytes.
    pub(super) fn pass_on(&mut self, waiting: &mut VecDeque<Chunk>, spares: &mut Spares) -> u64 {
        let mut passed = 0;
        for chunk in self.chunks.drain(..) {
            passed += chunk.bytes().len() as u64;
            match waiting.back_mut() {
                // Small batches make no long queue of small chunks.
                Some(last) if !chunk.is_lent && last.has_room(chunk.bytes().len()) => {
                    last.append(chunk.bytes());
                    self.spares.give_back(chunk);
                }
                _ => waiting.push_back(chunk),
            }
        }
        if self.spares.copied.is_empty() {
            self.spares.copied.extend(spares.copied.pop());
        }
        if self.spares.lent.is_empty() {
            mem::swap(&mut self.spares.lent, &mut spares.lent);
        }
        passed
    }

    /// Says where the buffer is that the next writes may be in.
    pub(super) fn offer(&mut self, buffer: &[u8]) {
        let start = buffer.as_ptr().addr();
        self.offered = Some(start..start + buffer.len());
    }

    /// Ends the offer: takes the buffer if it is worth it, and leaves another of the same length.
    pub(super) fn take(&mut self, buffer: &mut Vec<u8>) {
        self.offered = None;
        let mut chunks = self.chunks.iter_mut();
        if let Some(chunk) = chunks.find(|chunk| chunk.is_lent && chunk.buffer.is_empty()) {
            let fits = |spare: &Vec<u8>| spare.len() == buffer.len();
            let spare = self.spares.lent.pop().filter(fits);
            chunk.buffer = mem::replace(buffer, spare.unwrap_or_else(|| vec![0; buffer.len()]));
        }
    }

    /// Keeps a write in the buffer that was offered, if it is there and long enough.
    fn lend(&mut self, bytes: &[u8]) -> bool {
        let start = bytes.as_ptr().addr();
        match &self.offered {
            Some(offered)
                if bytes.len() >= MIN_LENT
                    && offered.contains(&start)
                    && start + bytes.len() <= offered.end =>
            {
                let start = start - offered.start;
                self.chunks.push(Chunk {
                    buffer: Vec::new(),
                    range: start..start + bytes.len(),
                    is_lent: true,
                });
                // A second one of the same buffer is copied.
                self.offered = None;
                true
            }
            _ => false,
        }
    }
}
