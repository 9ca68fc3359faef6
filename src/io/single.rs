//! Backend `single`: one datagram per call, with `recvfrom` and `sendto`, or `recvmsg` and
//! `sendmsg` if control messages are on.

use std::io;
use std::os::fd::BorrowedFd;

use super::backend::TransportConfig;
use super::counters::Counters;
use super::engine::{BlockFor, Engine};
use crate::socket::{Endpoint, ReceiveBuffer, Received};
use crate::sys::receive::Buffer;

pub(super) struct Single {
    buffer: Buffer,
    control: usize,
}

impl Single {
    pub(super) fn new(endpoint: &Endpoint, settings: &TransportConfig) -> Self {
        Self {
            buffer: Buffer::new(settings.capacity),
            control: endpoint.control_space(),
        }
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
            BlockFor::None | BlockFor::Drain => libc::MSG_DONTWAIT,
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

    fn message(&self, index: usize) -> Option<Received<'_>> {
        (index == 0).then(|| Received::from_buffer(&self.buffer))
    }
}
