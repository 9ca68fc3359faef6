//! Backend `single`: one datagram a call, `recvfrom` and `sendto`, or `recvmsg` and `sendmsg` where
//! control messages are on.

use std::io;
use std::os::fd::BorrowedFd;

use super::backend::TransportConfig;
use super::counters::Counters;
use super::engine::{BlockFor, Engine};
use super::received::Received;
use super::send::{Messages, Sender, compose};
use crate::error::Result;
use crate::socket::{ControlMessages, Endpoint, Family, ReceiveBuffer};
use crate::sys::mmsg::SendArena;
use crate::sys::receive::Buffer;

pub(super) struct Single {
    buffer: Buffer,
    control: usize,
    outgoing: One,
}

struct One(SendArena);

impl Single {
    pub(super) fn open(endpoint: &mut Endpoint, settings: &TransportConfig) -> Result<Self> {
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
        block_for: BlockFor,
        counters: &mut Counters,
    ) -> io::Result<usize> {
        let mut flags = match block_for {
            BlockFor::None => libc::MSG_DONTWAIT,
            BlockFor::Endless | BlockFor::AtMost(_) => 0,
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

    fn split(&mut self, index: usize) -> (Option<Received<'_>>, &mut dyn Sender) {
        let buffer = &self.buffer;
        let message = (index == 0).then(|| {
            let source = buffer.source().as_socket();
            Received::new(
                buffer.bytes(),
                buffer.length(),
                buffer.flags(),
                source.unwrap_or(Family::V4.unspecified()),
                ControlMessages::new(buffer.control()),
            )
        });
        (message, &mut self.outgoing)
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
