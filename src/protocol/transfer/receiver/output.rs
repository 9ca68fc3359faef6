//! What the receiver sends, and when.

use std::time::Duration;

use super::{DELAY, Phase, Receiver};
use crate::protocol::transfer::failure::Failure;
use crate::protocol::transfer::frame::{Accept, Acknowledge, Close, Frame, MAX_RANGES, Ranges};

impl Receiver {
    /// The next datagram to send, if any. Call it after each batch of datagrams and at
    /// [`poll_timeout`](Self::poll_timeout), until it returns `None`.
    pub fn poll_transmit(&mut self, now: Duration) -> Option<&[u8]> {
        let mut datagram = std::mem::take(&mut self.datagram);
        let is_composed = self.compose(now, &mut datagram);
        self.datagram = datagram;
        is_composed.then_some(&self.datagram[..])
    }

    /// Encodes the next datagram into `out`; returns whether there is one.
    fn compose(&mut self, now: Duration, out: &mut Vec<u8>) -> bool {
        if let Some((code, reason, left)) = &mut self.close_frame {
            let (code, reason) = (*code, reason.as_bytes());
            Frame::Close(Close { code, reason }).encode(self.id, out);
            *left -= 1;
            if *left == 0 {
                self.close_frame = None;
            }
            return true;
        }
        if matches!(self.phase, Phase::Over(_)) {
            return false;
        }
        if std::mem::take(&mut self.pending.accept) {
            let accept = Accept {
                credit: self.credit,
                resume: self.config.kept.length(),
                digest: self.config.kept.value(),
                max_datagram: self.config.max_datagram,
                delay: DELAY.as_millis() as u16,
                peer_timeout: u16::try_from(self.config.timeout.as_secs().max(1))
                    .unwrap_or(u16::MAX),
            };
            Frame::Accept(accept).encode(self.id, out);
            return true;
        }
        if std::mem::take(&mut self.pending.done) {
            Frame::Done.encode(self.id, out);
            return true;
        }
        if self.waiting > 0 && self.acknowledge_at.is_none() {
            self.acknowledge_at = Some(now.saturating_add(DELAY));
        }
        let is_due = self.acknowledge_at.is_some_and(|time| time <= now);
        if self.pending.acknowledgement || self.waiting >= 2 || is_due {
            self.acknowledge(now, out);
            return true;
        }
        false
    }

    fn acknowledge(&mut self, now: Duration, out: &mut Vec<u8>) {
        self.pending.acknowledgement = false;
        self.waiting = 0;
        self.acknowledge_at = None;
        self.counts.acknowledgements += 1;
        let credit = self.credit_limit();
        if credit > self.credit {
            if self.reported.0 == u64::MAX {
                self.reported = (self.credit, now);
            }
            self.credit = credit;
        }
        let mut ranges = [[0; 16]; MAX_RANGES];
        let mut count = 0;
        for (slot, range) in ranges.iter_mut().zip(self.numbers.iter().rev()) {
            *slot = Ranges::encode(range.start, range.end - 1);
            count += 1;
        }
        let delay = now.saturating_sub(self.newest).as_micros();
        let frame = Frame::Acknowledge(Acknowledge {
            delivered: self.digest.length(),
            credit: self.credit,
            delay: u32::try_from(delay).unwrap_or(u32::MAX),
            is_storing: self.is_storing || self.is_complete(),
            ranges: Ranges::new(&ranges[..count]),
        });
        frame.encode(self.id, out);
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) and then [`poll_transmit`](Self::poll_transmit)
    /// if nothing arrives before.
    pub fn poll_timeout(&self) -> Option<Duration> {
        let silence = self.last_received.saturating_add(self.config.timeout);
        match self.phase {
            Phase::Over(_) => None,
            Phase::Stored { until } => Some(until),
            _ => Some(
                self.acknowledge_at
                    .map_or(silence, |time| time.min(silence)),
            ),
        }
    }

    /// Handles what is due at `now`.
    pub fn handle_timeout(&mut self, now: Duration) {
        let silence = self.last_received.saturating_add(self.config.timeout);
        match self.phase {
            Phase::Over(_) => {}
            Phase::Stored { until } if until <= now => self.phase = Phase::Over(Ok(())),
            Phase::Stored { .. } | Phase::Complete => {}
            Phase::Receiving if silence <= now => {
                self.phase = Phase::Over(Err(Failure::Silent(self.config.timeout)));
            }
            Phase::Receiving => {}
        }
    }
}
