//! Rung `single`: one datagram a call, `recvfrom` and `sendto`, or `recvmsg` and `sendmsg` where
//! control messages are on.

use std::io;
use std::os::fd::BorrowedFd;

use super::arrival::Arrival;
use super::choice::Settings;
use super::counters::Counters;
use super::rung::{Engine, Patience};
use super::send::{Messages, Sender, compose};
use crate::error::Result;
use crate::socket::{Beside, Endpoint, Family, ReceiveBuffer};
use crate::sys::mmsg::SendArena;
use crate::sys::receive::Buffer;

pub(super) struct Single {
    buffer: Buffer,
    control: usize,
    outgoing: One,
}

struct One(SendArena);

impl Single {
    pub(super) fn open(endpoint: &mut Endpoint, settings: &Settings) -> Result<Self> {
        Ok(Self {
            buffer: Buffer::new(settings.capacity),
            control: endpoint.control_space(),
            outgoing: One(SendArena::new(1)),
        })
    }
}

impl Engine for Single {
    fn fetch(
        &mut self,
        fd: BorrowedFd<'_>,
        patience: Patience,
        counters: &mut Counters,
    ) -> io::Result<usize> {
        let mut flags = match patience {
            Patience::None => libc::MSG_DONTWAIT,
            Patience::Endless | Patience::AtMost(_) => 0,
        };
        if self.buffer.capacity() < ReceiveBuffer::DEFAULT_CAPACITY {
            flags |= libc::MSG_TRUNC;
        }
        counters.syscalls += 1;
        if self.control == 0 {
            self.buffer.receive_from(fd, flags)?;
        } else {
            self.buffer.receive_message(fd, flags, self.control)?;
        }
        Ok(1)
    }

    fn split(&mut self, index: usize) -> (Option<Arrival<'_>>, &mut dyn Sender) {
        let buffer = &self.buffer;
        let arrival = (index == 0).then(|| {
            let source = buffer.source().as_socket();
            Arrival::new(
                buffer.bytes(),
                buffer.length(),
                buffer.flags(),
                source.unwrap_or(Family::V4.unspecified()),
                Beside::new(buffer.control()),
            )
        });
        (arrival, &mut self.outgoing)
    }
}

impl Sender for One {
    fn attempt(
        &mut self,
        fd: BorrowedFd<'_>,
        first: usize,
        _count: usize,
        messages: Messages<'_, '_>,
    ) -> io::Result<usize> {
        self.0.send(fd, 1, |index, control| {
            compose(&messages(first + index), control)
        })
    }
}
