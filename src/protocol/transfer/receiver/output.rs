//! What the receiver sends, and when.

use std::net::SocketAddr;
use std::time::Duration;

use super::{Phase, Receiver};
use crate::protocol::transfer::failure::Failure;
use crate::protocol::transfer::wire::{
    self, Acknowledge, Close, Frame, MAX_RANGES, Ranges, Status,
};

/// A datagram to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outgoing<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Where it is sent: not always to [`Receiver::peer`].
    pub to: SocketAddr,
}

impl Receiver {
    /// The next datagram to send, if any. Call it after each batch of datagrams and at
    /// [`poll_timeout`](Self::poll_timeout), until it returns `None`.
    pub fn poll_transmit(&mut self, now: Duration) -> Option<Outgoing<'_>> {
        let mut to = self.path.peer;
        let mut datagram = std::mem::take(&mut self.datagram);
        datagram.clear();
        let composed = self.compose(now, &mut datagram, &mut to);
        self.datagram = datagram;
        composed?;
        let bytes = &self.datagram[..];
        Some(Outgoing { bytes, to })
    }

    /// Encodes the next datagram into `out`, and where it goes.
    fn compose(&mut self, now: Duration, out: &mut Vec<u8>, to: &mut SocketAddr) -> Option<()> {
        if self.pending.accept && !matches!(self.phase, Phase::Over(_)) {
            self.pending.accept = false;
            self.accepted = (now, self.accepted.1 + 1);
            out.extend_from_slice(&self.accept);
            return Some(());
        }
        wire::begin(out, self.connection, self.next);
        let empty = out.len();
        if let Some((bytes, address)) = self.path.poll_transmit(now) {
            Frame::PathChallenge(bytes).append(out);
            *to = address;
        } else {
            self.append_frames(now, out);
        }
        if out.len() == empty {
            return None;
        }
        // It fails only after the last of 2^64 numbers.
        self.next = self.next.checked_add(1)?;
        wire::seal(&mut self.protection, out, 0).ok()
    }

    fn append_frames(&mut self, now: Duration, out: &mut Vec<u8>) {
        if let Some((code, reason, left)) = &mut self.close_frame {
            let (code, reason) = (*code, reason.as_bytes());
            Frame::Close(Close { code, reason }).append(out);
            *left -= 1;
            if *left == 0 {
                self.close_frame = None;
            }
            return;
        }
        if std::mem::take(&mut self.pending.done) {
            Frame::Done.append(out);
            self.pending.acknowledgement = false;
            return;
        }
        if matches!(self.phase, Phase::Over(_)) {
            return;
        }
        if self.waiting.0 > 0 && self.acknowledge_at.is_none() {
            self.acknowledge_at = Some(now.saturating_add(self.share.1));
        }
        let is_due = self.acknowledge_at.is_some_and(|time| time <= now);
        let is_enough = self.waiting.0 >= self.share.0 || self.waiting.1 >= self.window / 4;
        if self.pending.acknowledgement || is_enough || is_due {
            self.acknowledge(now, out);
        }
        self.answers.append(now, out);
    }

    fn acknowledge(&mut self, now: Duration, out: &mut Vec<u8>) {
        self.pending.acknowledgement = false;
        self.waiting = (0, 0);
        self.acknowledge_at = None;
        let before = out.len();
        let credit = self.credit_limit();
        if credit > self.credit {
            let reach = self.delivered.max(self.buffer.end());
            let left = self.credit.saturating_sub(reach);
            self.tuning.on_credit(now, self.credit, left, self.window);
            self.credit = credit;
        }
        let mut room = [[0; 8]; MAX_RANGES];
        let ranges = self.numbers.iter().rev();
        let ranges = ranges.map(|range| (range.start, range.end - 1));
        let delay = now.saturating_sub(self.newest).as_micros();
        let acknowledge = Acknowledge {
            delay: u32::try_from(delay).unwrap_or(u32::MAX),
            ect0: self.ect0,
            ce: self.counts.marked,
            ranges: Ranges::encode(ranges, &mut room),
        };
        Frame::Acknowledge(acknowledge).append(out);
        let (delivered, limit) = (self.delivered, self.credit);
        Frame::Credit { delivered, limit }.append(out);
        let status = match self.status {
            Status::Receiving if self.is_complete() => Status::Storing,
            status => status,
        };
        if status != Status::Receiving {
            Frame::Status(status).append(out);
        }
        self.counts.acknowledgements += 1;
        let length = out.len() - before + wire::MAX_OVERHEAD - 9;
        self.counts.acknowledgement_bytes += length as u64;
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) and then
    /// [`poll_transmit`](Self::poll_transmit) if nothing arrives before.
    pub fn poll_timeout(&self) -> Option<Duration> {
        let silence = match self.phase {
            Phase::Over(_) => return None,
            Phase::Stored { until, again } => return Some(until.min(again.0)),
            // What has arrived completely is never given up.
            Phase::Complete => None,
            Phase::Receiving => Some(self.last_received.saturating_add(self.config.timeout)),
        };
        [self.acknowledge_at, self.answers.poll_timeout(), silence]
            .into_iter()
            .flatten()
            .min()
    }

    /// Handles what is due at `now`.
    pub fn handle_timeout(&mut self, now: Duration) {
        self.answers.handle_timeout(now);
        let silence = self.last_received.saturating_add(self.config.timeout);
        match &mut self.phase {
            Phase::Over(_) | Phase::Complete => {}
            Phase::Stored { until, .. } if *until <= now => self.phase = Phase::Over(Ok(())),
            // The sender asks rarely, after a long wait.
            Phase::Stored { again, .. } => {
                if again.0 <= now {
                    again.1 = again.1.saturating_add(1);
                    again.0 = now.saturating_add(self.answers.wait(again.1));
                    self.pending.done = true;
                }
            }
            Phase::Receiving if silence <= now => {
                self.phase = Phase::Over(Err(Failure::Silent(self.config.timeout)));
            }
            Phase::Receiving => {}
        }
    }
}
