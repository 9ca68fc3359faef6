//! What is to be sent: copied into a queue, or lent as a whole run.

use std::fmt;
use std::io::IoSlice;
use std::mem;
use std::net::SocketAddr;
use std::os::fd::AsFd;

use super::coalesce::{Limits, Message, Queue};
use super::counters::Counters;
use super::received::Received;
use super::send::{Driver, Scattered, Sender, Sent};
use crate::socket::{Endpoint, PacketInfo};

/// From so many bytes on, a system call for them alone costs less than to copy them.
const LEND: usize = 16 * 1024;

/// The most parts that a system call gathers (`UIO_MAXIOV`).
const LARGEST_GATHER: usize = 1024;

/// The sending side of a transport.
///
/// Datagrams leave in the order in which they are given, queued or lent.
pub struct SendQueue<'a> {
    pub(super) endpoint: &'a Endpoint,
    pub(super) sender: &'a mut dyn Sender,
    pub(super) queue: &'a mut Queue,
    pub(super) limits: &'a mut Limits,
    pub(super) counters: &'a mut Counters,
    pub(super) sent: &'a mut Sent,
}

impl SendQueue<'_> {
    /// Queues a copy of one datagram to `destination`, or to the connected peer; [`Self::flush`]
    /// sends it, and so does a queue that is full.
    ///
    /// With `from`, it leaves from the address that a datagram was sent to.
    pub fn queue(
        &mut self,
        destination: Option<SocketAddr>,
        from: Option<PacketInfo>,
        bytes: &[u8],
    ) {
        self.push(&Message {
            destination,
            from,
            bytes,
            segment: bytes.len(),
        });
    }

    /// Queues a copy of an answer to the sender of `message`, from the address that it was sent to if
    /// packet info is on.
    pub fn reply(&mut self, message: &Received<'_>, bytes: &[u8]) {
        let from = message.control_messages().packet_info();
        self.queue(Some(message.source()), from, bytes);
    }

    /// Sends each datagram of `message` back as it came; a long run is not copied for that.
    pub fn echo(&mut self, message: &Received<'_>) {
        let message = Message {
            destination: Some(message.source()),
            from: message.control_messages().packet_info(),
            bytes: message.bytes(),
            segment: message.segment_size().min(message.bytes().len()),
        };
        let fits = message.count() <= self.limits.segments_of(message.segment);
        if message.bytes.len() < LEND && (fits || !message.is_run()) {
            self.push(&message);
        } else {
            self.lend(&message);
        }
    }

    /// Sends `bytes` at once as datagrams of `segment_size` bytes each, the last maybe shorter,
    /// without copying them; at a size of 0 they are one datagram.
    ///
    /// What is queued goes first. Longer than a run may be, they go as several runs of one batch.
    pub fn send_run(&mut self, destination: Option<SocketAddr>, bytes: &[u8], segment_size: usize) {
        let segment = match segment_size {
            0 => bytes.len(),
            size => size.min(bytes.len()),
        };
        self.lend(&Message {
            destination,
            from: None,
            bytes,
            segment,
        });
    }

    /// As [`Self::send_run`], of bytes that lie in several places: the kernel gathers them, for one
    /// datagram on every backend, for a run where the backend sends runs. Otherwise, and beyond 1,024 parts
    /// (`UIO_MAXIOV`), they are copied together first.
    pub fn send_parts(
        &mut self,
        destination: Option<SocketAddr>,
        parts: &[IoSlice<'_>],
        segment_size: usize,
    ) {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let count = match segment_size {
            0 => 1,
            size => length.div_ceil(size).max(1),
        };
        let is_one = count == 1 || count <= self.limits.segments_of(segment_size);
        self.send_queued();
        if is_one && parts.len() <= LARGEST_GATHER {
            let scattered = Scattered {
                parts,
                length,
                segment: segment_size,
                count,
            };
            if self.driver().gather(destination, &scattered) {
                return;
            }
        }
        // A backend without runs, or an error: then what it is about is found out the usual way.
        let mut bytes = Vec::with_capacity(length);
        parts.iter().for_each(|part| bytes.extend_from_slice(part));
        self.send_run(destination, &bytes, segment_size);
    }

    /// Sends all that is queued, and tells what became of everything since the last flush.
    pub fn flush(&mut self) -> Sent {
        self.send_queued();
        mem::take(self.sent)
    }

    fn push(&mut self, message: &Message<'_>) {
        if self.queue.push(message, *self.limits) {
            return;
        }
        if self.queue.can_hold(message.bytes.len()) {
            self.send_queued();
            // Empty now, and large enough.
            let _ = self.queue.push(message, *self.limits);
        } else {
            self.lend(message);
        }
    }

    fn lend(&mut self, message: &Message<'_>) {
        self.send_queued();
        let segments = self.limits.segments_of(message.segment);
        self.driver().send(message.parts(segments), &|index| {
            message.part(index, segments)
        });
    }

    pub(super) fn send_queued(&mut self) {
        if self.queue.is_empty() {
            return;
        }
        let queue = mem::replace(self.queue, Queue::EMPTY);
        let nothing = Message {
            destination: None,
            from: None,
            bytes: &[],
            segment: 0,
        };
        self.driver().send(queue.len(), &|index| {
            queue.message(index).unwrap_or(nothing)
        });
        *self.queue = queue;
        self.queue.clear();
    }

    fn driver(&mut self) -> Driver<'_> {
        Driver {
            endpoint: self.endpoint,
            fd: self.endpoint.as_fd(),
            sender: self.sender,
            limits: self.limits,
            counters: self.counters,
            sent: self.sent,
        }
    }
}

impl fmt::Debug for SendQueue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendQueue")
            .field("queued", &self.queue.len())
            .finish_non_exhaustive()
    }
}
