//! Provided buffers: the kernel chooses one for each received datagram (io_uring_register_buf_ring(3)).

use std::mem;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::types::BufRingEntry;

use super::super::arena::PinnedSlice;
use super::super::mmsg::Slot;
use super::super::name::{self, Name};

/// `sizeof(struct io_uring_recvmsg_out)`: four `u32`, the lengths of name, control and payload, and
/// the flags.
const OUT: usize = 16;

/// The page size: the kernel requires the buffer ring to be page-aligned.
#[derive(Clone)]
#[repr(C, align(4096))]
struct Page([u8; 4096]);

/// The memory that the kernel writes asynchronously.
pub(super) struct Buffers {
    /// An array of `struct io_uring_buf`, its first entry's last field the tail.
    ring: PinnedSlice<Page>,
    pool: PinnedSlice<u8>,
    pub(super) template: PinnedSlice<libc::msghdr>,
    pub(super) count: u16,
    stride: usize,
    length: usize,
    tail: u16,
}

/// The content of a receive completion.
#[derive(Clone, Copy)]
pub(super) struct Arrived {
    pub(super) result: i32,
    pub(super) buffer: Option<u16>,
}

impl Arrived {
    pub(super) fn is_datagram(self) -> bool {
        self.result >= 0 && self.buffer.is_some()
    }
}

impl Buffers {
    pub(super) fn new(count: u16, capacity: usize, control_space: usize) -> Self {
        let length = OUT + Name::CAPACITY + control_space + capacity;
        let stride = length.next_multiple_of(64) + 64;
        // SAFETY: msghdr is a C struct of integers and pointers, for which all zeroes are valid.
        let mut template: libc::msghdr = unsafe { mem::zeroed() };
        template.msg_namelen = Name::CAPACITY as libc::socklen_t;
        template.msg_controllen = control_space as _;
        let pages = (usize::from(count) * size_of::<BufRingEntry>()).div_ceil(size_of::<Page>());
        let mut buffers = Self {
            ring: PinnedSlice::new(vec![Page([0; 4096]); pages]),
            // Zero pages of the kernel: no page is used before a datagram arrives.
            pool: PinnedSlice::new(vec![0; usize::from(count) * stride]),
            template: PinnedSlice::new([template]),
            count,
            stride,
            length,
            tail: 0,
        };
        for buffer in 0..count {
            buffers.provide(buffer);
        }
        buffers.publish();
        buffers
    }

    pub(super) fn entries(&self) -> *mut BufRingEntry {
        self.ring.address(0).cast()
    }

    /// Adds a buffer at the tail of the ring; the kernel sees it once it is published.
    pub(super) fn provide(&mut self, buffer: u16) {
        let address = self.pool.address(usize::from(buffer) * self.stride);
        let index = usize::from(self.tail & (self.count - 1));
        let entry = self.entries().wrapping_add(index);
        // SAFETY: `index` is below `count`, for which `ring` has room, and the kernel does not look
        // at entries from the tail on (io_uring_register_buf_ring(3)).
        let entry = unsafe { &mut *entry };
        entry.set_addr(address as u64);
        entry.set_len(self.length as u32);
        entry.set_bid(buffer);
        self.tail = self.tail.wrapping_add(1);
    }

    pub(super) fn publish(&mut self) {
        // SAFETY: the ring has at least one entry, inside which the tail lies.
        let tail = unsafe { BufRingEntry::tail(self.entries()) };
        // SAFETY: the tail is an aligned u16 that the kernel reads with acquire semantics, and that
        // only this end writes (io_uring_buf_ring_advance(3)).
        let tail = unsafe { AtomicU16::from_ptr(tail.cast_mut()) };
        tail.store(self.tail, Ordering::Release);
    }

    /// The data that the kernel wrote to the buffer of a completion.
    pub(super) fn slot(&self, arrived: Arrived) -> Option<Slot<'_>> {
        let length = usize::try_from(arrived.result).ok()?.min(self.length);
        let buffer = arrived.buffer.filter(|&buffer| buffer < self.count)?;
        let start = self.pool.address(usize::from(buffer) * self.stride);
        // SAFETY: the buffer lies inside the pool, its bytes were initialized when it was made, and
        // the kernel does not write to it from its completion until it is provided anew.
        let memory = unsafe { std::slice::from_raw_parts(start, length) };
        let (out, rest) = memory.split_first_chunk::<OUT>()?;
        let (name, rest) = rest.split_first_chunk::<{ Name::CAPACITY }>()?;
        let word = |at: usize| u32::from_ne_bytes([out[at], out[at + 1], out[at + 2], out[at + 3]]);
        // The C libraries differ in its type.
        let space: usize = self.template.slice()[0].msg_controllen as _;
        let (control, payload) = rest.split_at_checked(space)?;
        Some(Slot {
            bytes: payload,
            control: control.get(..word(4) as usize).unwrap_or(control),
            source: name::read(name, word(0) as usize),
            length: word(8) as usize,
            flags: word(12) as i32,
        })
    }
}
