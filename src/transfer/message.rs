//! A received message in a buffer of its own.

use std::net::SocketAddr;
use std::ops::Range;

use crate::io::{Received, SendQueue, Transmit};
use crate::socket::{Ecn, SourceAddress};

/// What is known of a message, without its bytes: those are at the start of a buffer, which can be
/// changed and kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message {
    pub(super) source: SocketAddr,
    /// The address that replies leave from.
    pub(super) reply_source: Option<SourceAddress>,
    pub(super) ecn: Ecn,
    length: usize,
    segment: usize,
}

impl Message {
    pub(super) fn of(received: &Received<'_>) -> Self {
        Self {
            source: received.source(),
            reply_source: received.reply_source(),
            ecn: received.ecn().unwrap_or(Ecn::NotEct),
            length: received.bytes().len(),
            segment: received.segment_size().max(1),
        }
    }

    /// The number of its datagrams.
    pub(super) fn count(&self) -> usize {
        self.length.div_ceil(self.segment).max(1)
    }

    /// Where each of its datagrams is.
    pub(super) fn ranges(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let Self {
            length, segment, ..
        } = *self;
        (0..self.count()).map(move |index| {
            let start = index * segment;
            start..(start + segment).min(length)
        })
    }

    pub(super) fn reply(&self, send_queue: &mut SendQueue<'_>, bytes: &[u8]) {
        let transmit = Transmit::new(bytes);
        send_queue.queue(&transmit.to(self.source).from(self.reply_source));
    }
}
