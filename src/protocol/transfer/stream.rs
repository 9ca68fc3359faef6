//! The sender's view of its stream: what was sent, what is acknowledged, what must be sent again.

use std::ops::Range;

use super::digest::Digest;
use super::ranges::RangeSet;
use super::source::{Digesting, Source};

#[derive(Debug, Default)]
pub(super) struct Stream {
    /// The part that was never sent begins here.
    pub(super) next: u64,
    /// The receiver's credit ends here.
    pub(super) credit: u64,
    /// Of `0..next`, if it is wanted.
    pub(super) digest: Digest,
    /// Whether there is a digest: without a key.
    pub(super) is_digested: bool,
    /// The end must be sent (again).
    pub(super) end_due: bool,
    /// The end was sent at least once.
    pub(super) end_sent: bool,
    acknowledged: RangeSet,
    resend: RangeSet,
}

/// The next bytes to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) offset: u64,
    pub(super) length: usize,
    pub(super) is_new: bool,
}

/// Why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blocked {
    /// Nothing to send now, and the source may have more later.
    Source,
    /// The receiver's credit is used up.
    Credit,
    /// Everything was sent.
    Complete,
}

impl Stream {
    pub(super) fn acknowledge(&mut self, range: Range<u64>) {
        self.resend.remove(range.clone());
        self.acknowledged.insert(range);
    }

    pub(super) fn on_lost(&mut self, range: Range<u64>) {
        let mut wanted = range;
        while let Some(gap) = self.acknowledged.first_gap(wanted.clone()) {
            wanted.start = gap.end;
            self.resend.insert(gap);
        }
    }

    /// The receiver has it up to here: the source is not asked for it again.
    pub(super) fn released(&self) -> u64 {
        match self.acknowledged.first() {
            Some(range) if range.start == 0 => range.end,
            _ => 0,
        }
    }

    /// The digest of all that was sent; `None` while the source is not finished with it.
    pub(super) fn digest_value(&self, source: &dyn Source) -> Option<u128> {
        if !self.is_digested {
            return Some(0);
        }
        match source.digest() {
            Digesting::Sender => Some(self.digest.value()),
            Digesting::Pending => None,
            Digesting::Done(digest) => Some(digest),
        }
    }

    /// The next bytes to send, at most `max_length`.
    pub(super) fn piece(
        &self,
        source: &dyn Source,
        max_length: usize,
        waits: bool,
    ) -> Result<Piece, Blocked> {
        if let Some(range) = self.resend.first() {
            return Ok(Piece {
                offset: range.start,
                length: clamp(range.end - range.start, max_length),
                is_new: false,
            });
        }
        let available = source.available();
        if self.next >= available {
            return Err(if source.is_complete() {
                Blocked::Complete
            } else {
                Blocked::Source
            });
        }
        let length = clamp(available - self.next, max_length);
        let credit = clamp(self.credit.saturating_sub(self.next), length);
        // A datagram that is short only for lack of credit is not worth it while others are in
        // flight: their acknowledgements bring more (RFC 9293 section 3.8.6.2.1).
        if credit == 0 || credit < length && waits {
            return Err(Blocked::Credit);
        }
        Ok(Piece {
            offset: self.next,
            length: credit,
            is_new: true,
        })
    }

    /// Records that the first `length` bytes of `piece` are sent.
    pub(super) fn on_sent(&mut self, piece: Piece, length: u64) {
        let end = piece.offset + length;
        if piece.is_new {
            self.next = end;
        } else {
            self.resend.remove(piece.offset..end);
        }
    }

    /// Adds newly sent bytes to the digest: many at once, since that is faster than per datagram,
    /// and soon, while they are in the cache.
    pub(super) fn digest(&mut self, source: &dyn Source) {
        if !self.is_digested {
            return;
        }
        while source.digest() == Digesting::Sender && self.digest.length() < self.next {
            let left = self.next - self.digest.length();
            let max_length = usize::try_from(left).unwrap_or(usize::MAX);
            match source.bytes(self.digest.length(), max_length) {
                [] => break,
                bytes => self.digest.update(bytes),
            }
        }
    }
}

fn clamp(bytes: u64, max_length: usize) -> usize {
    usize::try_from(bytes).map_or(max_length, |bytes| bytes.min(max_length))
}
