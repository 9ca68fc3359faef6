//! Rung `batch`: many datagrams a call, `recvmmsg` and `sendmmsg`.

use std::io;
use std::os::fd::BorrowedFd;

use super::appetite::Appetite;
use super::arrival::Arrival;
use super::choice::{Rung, Settings};
use super::counters::Counters;
use super::rung::{Engine, Patience};
use super::send::{Messages, Sender, compose};
use super::unsupported;
use crate::error::Result;
use crate::socket::{Endpoint, ReceiveBuffer};
use crate::sys::mmsg::{self, ReceiveArena, SendArena};

pub(super) struct Batch {
    arena: ReceiveArena,
    flags: i32,
    appetite: Appetite,
    /// How many slots the next batch uses.
    slots: usize,
    outgoing: Many,
}

struct Many(SendArena);

impl Batch {
    pub(super) fn open(endpoint: &mut Endpoint, settings: &Settings) -> Result<Self> {
        let control = endpoint.control_space();
        mmsg::probe().map_err(|error| unsupported(Rung::Batch, error))?;
        Ok(Self {
            arena: ReceiveArena::new(settings.batch, settings.capacity, control),
            flags: truncation(settings.capacity),
            appetite: Appetite::default(),
            slots: settings.batch,
            outgoing: Many(SendArena::new(settings.batch)),
        })
    }
}

/// The flag that has the true length told, where a datagram may be cut.
pub(super) fn truncation(capacity: usize) -> i32 {
    if capacity < ReceiveBuffer::DEFAULT_CAPACITY {
        libc::MSG_TRUNC
    } else {
        0
    }
}

/// What makes `recvmmsg` wait for the first datagram only, or for none.
pub(super) fn waiting(patience: Patience) -> i32 {
    match patience {
        Patience::None => libc::MSG_DONTWAIT,
        Patience::Endless | Patience::AtMost(_) => libc::MSG_WAITFORONE,
    }
}

impl Engine for Batch {
    fn fetch(
        &mut self,
        fd: BorrowedFd<'_>,
        patience: Patience,
        counters: &mut Counters,
    ) -> io::Result<usize> {
        counters.syscalls += 1;
        let came = self
            .arena
            .receive(fd, self.slots, self.flags | waiting(patience))?;
        self.slots = self.appetite.next(came, self.arena.slots());
        Ok(came)
    }

    fn split(&mut self, index: usize) -> (Option<Arrival<'_>>, &mut dyn Sender) {
        let arrival = self.arena.slot(index).map(Arrival::from_slot);
        (arrival, &mut self.outgoing)
    }
}

impl Sender for Many {
    fn attempt(
        &mut self,
        fd: BorrowedFd<'_>,
        first: usize,
        count: usize,
        messages: Messages<'_, '_>,
    ) -> io::Result<usize> {
        self.0.send(fd, count, |index, control| {
            compose(&messages(first + index), control)
        })
    }
}
