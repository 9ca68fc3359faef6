//! What to send: copied into a queue, or borrowed as a whole run.

use std::fmt;
use std::io::IoSlice;
use std::mem;
use std::net::SocketAddr;

use super::coalesce::Queue;
use super::outlet::Scattered;
use super::send::{SendState, Sent};
use super::transmit::Transmit;
use super::wait::Wait;
use crate::error::Result;
use crate::socket::{Endpoint, Received};

/// From this size on, a system call for the bytes costs less than copying them.
const LEND: usize = 16 * 1024;

/// The most parts that a system call gathers (`UIO_MAXIOV`).
const LARGEST_GATHER: usize = 1024;

/// The state of sending, without the socket.
pub(super) struct Outbox {
    pub(super) queue: Queue,
    pub(super) state: SendState,
    /// The socket does not block (`O_NONBLOCK`): datagrams without room are kept in the queue.
    pub(super) is_nonblocking: bool,
}

impl Outbox {
    /// Sends the queue; false if a part of it still waits for room.
    pub(super) fn send_queued(&mut self, endpoint: &Endpoint, wait: Wait) -> bool {
        if !self.queue.is_empty() {
            let Self { queue, state, .. } = self;
            let done = state.send(endpoint, queue.len(), wait, |index| {
                queue.message(index).unwrap_or(Transmit::new(&[]))
            });
            queue.advance(done);
        }
        self.queue.is_empty()
    }

    fn usual_wait(&self) -> Wait {
        if self.is_nonblocking {
            Wait::Never
        } else {
            Wait::Forever
        }
    }
}

/// The sending side of a [`Transport`](super::Transport) or a [`Sender`](super::Sender).
///
/// Datagrams are sent in the order in which they are given. While the socket has no room for one, a
/// call waits; on a non-blocking socket (`O_NONBLOCK`) it never waits, and datagrams without room
/// stay queued, in memory that grows, until a flush.
pub struct SendQueue<'a> {
    pub(super) endpoint: &'a Endpoint,
    pub(super) outbox: &'a mut Outbox,
}

impl SendQueue<'_> {
    /// Queues a copy of a datagram or run; [`Self::flush`] sends it, and so does a full queue.
    ///
    /// Datagrams of one size for one destination that are queued in a row become a run, if the
    /// backend sends runs.
    pub fn queue(&mut self, transmit: &Transmit<'_>) {
        let limits = self.outbox.state.limits;
        if transmit.is_run() && transmit.count() > limits.segments_of(transmit.segment()) {
            let segments = limits.segments_of(transmit.segment());
            for index in 0..transmit.parts(segments) {
                self.push(&transmit.part(index, segments));
            }
        } else {
            self.push(transmit);
        }
    }

    /// Queues a copy of an answer to the sender of `received`, from the address that the request
    /// was sent to if packet info is on.
    pub fn reply(&mut self, received: &Received<'_>, bytes: &[u8]) {
        self.push(&reply_to(received, bytes));
    }

    /// Sends each datagram of `received` back unchanged; a long run is not copied for that.
    pub fn echo(&mut self, received: &Received<'_>) {
        let transmit = reply_to(received, received.bytes()).in_segments_of(received.segment_size());
        if transmit.contents.len() < LEND {
            self.queue(&transmit);
        } else {
            self.send(&transmit);
        }
    }

    /// Sends a datagram or run at once, without copying it, after the queue. A run above the limits
    /// of the kernel is sent as several, in one batch.
    pub fn send(&mut self, transmit: &Transmit<'_>) {
        let wait = self.outbox.usual_wait();
        let rest = if self.outbox.send_queued(self.endpoint, wait) {
            self.lend(transmit, wait)
        } else {
            Some(*transmit)
        };
        self.keep(rest);
    }

    /// Sends a datagram or run at once, or not at all.
    ///
    /// The queue is sent first. A run above the limits of the kernel is sent as several; those that
    /// the socket has no room for are queued.
    ///
    /// # Errors
    /// An error of the kind `WouldBlock` if the socket has no room for it, whether the socket
    /// blocks or not; the errors of sendmsg(2) as in [`Sent::error`].
    pub fn try_send(&mut self, transmit: &Transmit<'_>) -> Result<()> {
        if !self.outbox.send_queued(self.endpoint, Wait::Never) {
            return Err(self.no_room(transmit));
        }
        let before = mem::take(&mut self.outbox.state.sent);
        let rest = self.lend(transmit, Wait::Never);
        let sent = mem::replace(&mut self.outbox.state.sent, before);
        if rest.is_some_and(|rest| rest.count() == transmit.count()) {
            return Err(self.no_room(transmit));
        }
        self.keep(rest);
        match sent.error {
            Some(error) if sent.refused > 0 => Err(error),
            _ => Ok(()),
        }
    }

    /// Sends bytes in several places as datagrams of `segment_size` bytes each, or as one if it is
    /// 0: the kernel gathers them, for one datagram on every backend, for a run if the backend
    /// sends runs. Otherwise, and beyond 1,024 parts (`UIO_MAXIOV`), they are copied together
    /// first.
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
        let is_one = count == 1 || count <= self.outbox.state.limits.segments_of(segment_size);
        let is_free = self
            .outbox
            .send_queued(self.endpoint, self.outbox.usual_wait());
        if is_free && is_one && parts.len() <= LARGEST_GATHER {
            let scattered = Scattered {
                destination,
                parts,
                length,
                segment: segment_size,
                count,
            };
            if self.outbox.state.gather(self.endpoint, &scattered) {
                return;
            }
        }
        // A backend without runs, or an error: the usual way finds the reason.
        let mut bytes = Vec::with_capacity(length);
        parts.iter().for_each(|part| bytes.extend_from_slice(part));
        self.send(
            &Transmit::new(&bytes)
                .to(destination)
                .in_segments_of(segment_size),
        );
    }

    /// Sends everything queued, and returns the result for all datagrams since the last flush. On a
    /// non-blocking socket it is [`Self::flush_within`] `Wait::Never`.
    pub fn flush(&mut self) -> Sent {
        self.flush_within(self.outbox.usual_wait())
    }

    /// As [`Self::flush`], and waits for room as long as `wait` allows. Datagrams without room stay
    /// queued, and [`Sent::error`] is of the kind `WouldBlock`.
    pub fn flush_within(&mut self, wait: Wait) -> Sent {
        let is_empty = self.outbox.send_queued(self.endpoint, wait);
        let mut sent = mem::take(&mut self.outbox.state.sent);
        if !is_empty && let Some(transmit) = self.outbox.queue.message(0) {
            sent.error.get_or_insert_with(|| self.no_room(&transmit));
        }
        sent
    }

    /// Sends as much as there is room for, and leaves the result to the next flush; false if some
    /// is left.
    #[cfg(feature = "tokio")]
    pub(crate) fn try_flush(&mut self) -> bool {
        self.outbox.send_queued(self.endpoint, Wait::Never)
    }

    /// Whether nothing is queued.
    pub fn is_empty(&self) -> bool {
        self.outbox.queue.is_empty()
    }

    fn push(&mut self, message: &Transmit<'_>) {
        let outbox = &mut *self.outbox;
        if outbox.queue.push(message, outbox.state.limits) {
            return;
        }
        let is_free = outbox.send_queued(self.endpoint, outbox.usual_wait());
        let limits = outbox.state.limits;
        if is_free && !outbox.queue.can_hold(message.contents.len()) {
            self.send(message);
        } else if !(is_free && outbox.queue.push(message, limits)) {
            outbox.queue.stretch(message, limits);
        }
    }

    /// Sends a borrowed message, in several parts if necessary; returns the part without room.
    fn lend<'m>(&mut self, transmit: &Transmit<'m>, wait: Wait) -> Option<Transmit<'m>> {
        let state = &mut self.outbox.state;
        let segments = state.limits.segments_of(transmit.segment());
        let count = transmit.parts(segments);
        let done = state.send(self.endpoint, count, wait, |index| {
            transmit.part(index, segments)
        });
        let start = done * segments * transmit.segment();
        (done < count).then(|| Transmit {
            contents: transmit.contents.get(start..).unwrap_or_default(),
            ..*transmit
        })
    }

    /// Queues the part without room.
    fn keep(&mut self, rest: Option<Transmit<'_>>) {
        let Some(rest) = rest else {
            return;
        };
        let limits = self.outbox.state.limits;
        let segments = limits.segments_of(rest.segment());
        for index in 0..rest.parts(segments) {
            self.outbox
                .queue
                .stretch(&rest.part(index, segments), limits);
        }
    }

    #[cold]
    fn no_room(&self, transmit: &Transmit<'_>) -> crate::error::Error {
        let full = std::io::Error::from_raw_os_error(libc::EAGAIN);
        self.endpoint
            .send_failure(transmit.segment(), transmit.destination, full)
    }
}

fn reply_to<'b>(received: &Received<'_>, bytes: &'b [u8]) -> Transmit<'b> {
    Transmit::new(bytes)
        .to(received.source())
        .from(received.reply_source())
}

impl fmt::Debug for SendQueue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendQueue")
            .field("queued", &self.outbox.queue.len())
            .finish_non_exhaustive()
    }
}
