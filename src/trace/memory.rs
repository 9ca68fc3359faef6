//! The memory that a call's arguments point to.

use crate::sys::ptrace;

/// Memory of a traced process, or what stands for it in a test.
pub(super) trait Memory {
    /// Reads from `address` on; returns how many bytes came before it ended.
    fn read(&self, address: u64, into: &mut [u8]) -> usize;

    /// Reads exactly so many bytes.
    fn exact<const N: usize>(&self, address: u64) -> Option<[u8; N]>
    where
        Self: Sized,
    {
        let mut bytes = [0; N];
        (address != 0 && self.read(address, &mut bytes) == N).then_some(bytes)
    }

    /// Reads at most so many bytes, and no more than [`MOST`].
    fn bytes(&self, address: u64, length: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; length.min(MOST)];
        let read = self.read(address, &mut bytes);
        (read == bytes.len()).then_some(bytes)
    }
}

/// The most bytes that one argument is worth.
pub(super) const MOST: usize = 65_536;

/// The memory of a stopped thread.
#[derive(Clone, Copy, Debug)]
pub(super) struct Process(pub(super) i32);

impl Memory for Process {
    fn read(&self, address: u64, into: &mut [u8]) -> usize {
        ptrace::read_memory(self.0, address, into)
    }
}
