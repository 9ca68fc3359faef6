//! Backend `single`: one datagram per call, with `recvfrom` and `sendto`, or `recvmsg` and
//! `sendmsg` if control messages are on.

use std::io;
use std::io::IoSliceMut;
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

    fn fetch_into(
        &mut self,
        fd: BorrowedFd<'_>,
        buffers: &mut [IoSliceMut<'_>],
        block_for: BlockFor,
        counters: &mut Counters,
    ) -> io::Result<usize> {
        let Some(buffer) = buffers.first_mut() else {
            return Ok(0);
        };
        let came = self.fetch(fd, block_for, counters)?;
        let bytes = self.buffer.bytes();
        let length = bytes.len().min(buffer.len());
        buffer[..length].copy_from_slice(&bytes[..length]);
        Ok(came)
    }

    fn message_in<'a>(&'a self, index: usize, buffer: &'a [u8]) -> Option<Received<'a>> {
        Some(self.message(index)?.cut_to(buffer))
    }

    fn message(&self, index: usize) -> Option<Received<'_>> {
        (index == 0).then(|| Received::from_buffer(&self.buffer))
    }
}
