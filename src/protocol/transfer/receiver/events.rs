//! How the receiver handles packets.

use std::net::SocketAddr;
use std::time::Duration;

use super::{DELAY, Phase, Receiver};
use crate::protocol::transfer::failure::Failure;
use crate::protocol::transfer::sink::Sink;
use crate::protocol::transfer::wire::{self, Close, Code, Frame, Frames, Reject};
use crate::socket::Ecn;

/// The most ranges of packet numbers that are tracked; what is below is no longer accepted.
const MAX_TRACKED: usize = 1_024;

/// The longest delay of an acknowledgement that a sender can ask for.
const MAX_DELAY: Duration = Duration::from_millis(20);

/// A packet that was opened: all but its payload.
struct Arrival {
    now: Duration,
    source: SocketAddr,
    ecn: Ecn,
    number: u64,
    /// Bytes of the whole datagram.
    length: usize,
}

impl Receiver {
    /// Processes a packet from `source`, and writes the next bytes of the stream to `sink`.
    ///
    /// # Errors
    /// It is forged, damaged, a duplicate, or of another connection, or it makes no sense; it is
    /// counted.
    pub fn handle_datagram(
        &mut self,
        now: Duration,
        source: SocketAddr,
        ecn: Ecn,
        bytes: &[u8],
        sink: &mut dyn Sink,
    ) -> Result<(), Reject> {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        scratch.extend_from_slice(bytes);
        let taken = self.handle_in_place(now, source, ecn, &mut scratch, sink);
        self.scratch = scratch;
        taken
    }

    /// As [`Self::handle_datagram`], without a copy: the packet is decrypted in its place, and what
    /// `sink` gets of it is a part of `bytes`.
    ///
    /// # Errors
    /// As there; the bytes are of no use then.
    pub fn handle_in_place(
        &mut self,
        now: Duration,
        source: SocketAddr,
        ecn: Ecn,
        bytes: &mut [u8],
        sink: &mut dyn Sink,
    ) -> Result<(), Reject> {
        if wire::connection_of(bytes) != Some(self.connection) {
            return Err(Reject::Foreign);
        }
        let length = bytes.len();
        let opened = wire::open(&mut self.protection, bytes);
        let taken = opened.and_then(|(number, payload)| {
            let arrival = Arrival {
                now,
                source,
                ecn,
                number,
                length,
            };
            self.handle_packet(&arrival, payload, sink)
        });
        match taken {
            Ok(()) => {}
            Err(Reject::Duplicate) => self.counts.duplicates += 1,
            Err(_) => self.counts.malformed += 1,
        }
        taken
    }

    fn handle_packet(
        &mut self,
        arrival: &Arrival,
        payload: &[u8],
        sink: &mut dyn Sink,
    ) -> Result<(), Reject> {
        let &Arrival {
            now,
            source,
            number,
            ..
        } = arrival;
        let is_known = self
            .numbers
            .first_gap(number..number.saturating_add(1))
            .is_none();
        if number < self.floor || is_known {
            self.path.on_packet(now, source, number, false);
            return Err(Reject::Duplicate);
        }
        if matches!(self.phase, Phase::Over(_)) {
            // Whoever still sends has not heard the result.
            self.pending.done |= self.is_stored();
            return Ok(());
        }
        let is_newest = self.numbers.last().is_none_or(|range| number >= range.end);
        let (mut is_eliciting, mut is_kept) = (false, true);
        for frame in Frames::new(payload) {
            let frame = frame?;
            is_eliciting |= matches!(
                frame,
                Frame::Ping | Frame::Stream { .. } | Frame::Finish { .. }
            );
            is_kept &= self.handle_frame(arrival, &frame, sink)?;
        }
        // Only now is it known to be a sender's: without a key, a packet of this end that is
        // reflected has a good checksum as well.
        if !self.is_confirmed {
            self.answers.on_first_packet(now, self.accepted);
        }
        self.is_confirmed = true;
        self.pending.accept = false;
        self.last_received = self.last_received.max(now);
        self.path.on_packet(now, source, number, is_newest);
        // A packet that could not be kept is not acknowledged: it must be sent again.
        if is_kept {
            self.record_number(arrival, is_eliciting);
            match arrival.ecn {
                Ecn::Ect0 => self.ect0 += 1,
                Ecn::Ce => self.counts.marked += 1,
                _ => {}
            }
        }
        if let (Phase::Stored { until, .. }, true) = (&mut self.phase, is_eliciting) {
            *until = now.saturating_add(self.config.timeout);
            self.pending.done = true;
        }
        Ok(())
    }

    /// Returns whether what it carries could be kept.
    fn handle_frame(
        &mut self,
        arrival: &Arrival,
        frame: &Frame<'_>,
        sink: &mut dyn Sink,
    ) -> Result<bool, Reject> {
        let &Arrival { now, source, .. } = arrival;
        match *frame {
            Frame::Stream { offset, bytes } => {
                return self.handle_stream(now, offset, bytes, sink);
            }
            Frame::Ping => self.pending.acknowledgement = true,
            Frame::Settled(number) => {
                // Nothing is settled that has not arrived, nor is anything above.
                let most = self.numbers.last().map_or(0, |range| range.end);
                self.raise_floor(number.min(most));
            }
            Frame::Share { packets, delay } => {
                let delay = Duration::from_micros(delay.into());
                self.share = (packets.max(2), delay.clamp(DELAY, MAX_DELAY));
            }
            Frame::Answered(offset) => {
                let answered = self.answers.on_answered(now, offset);
                answered.ok_or(Reject::Malformed)?;
                self.tuning.on_round_trip(self.answers.shortest());
            }
            Frame::PathResponse(response) => {
                if let Some(trip) = self.path.on_response(now, source, response) {
                    self.tuning.on_path_changed(trip);
                    self.counts.migrations += 1;
                    self.pending.acknowledgement = true;
                }
            }
            Frame::Finish { length, digest } => {
                let end = (length, digest);
                let reach = self.delivered.max(self.buffer.end());
                if length < reach || self.end.is_some_and(|before| before != end) {
                    return Err(Reject::Malformed);
                }
                self.pending.acknowledgement = true;
                self.end = Some(end);
                self.check_complete();
            }
            Frame::Close(close) => self.handle_close(&close)?,
            _ => return Err(Reject::Malformed),
        }
        Ok(true)
    }

    fn raise_floor(&mut self, floor: u64) {
        if floor > self.floor {
            self.floor = floor;
            // The newest range stays: it is what an acknowledgement begins with.
            while self.numbers.len() > 1
                && self.numbers.first().is_some_and(|range| range.end <= floor)
            {
                self.numbers.pop_first();
            }
        }
    }

    /// Records a new packet's number.
    fn record_number(&mut self, arrival: &Arrival, is_eliciting: bool) {
        let number = arrival.number;
        let end = self.numbers.last().map_or(0, |range| range.end);
        self.numbers.insert(number..number.saturating_add(1));
        if self.numbers.len() > MAX_TRACKED
            && let Some(oldest) = self.numbers.pop_first()
        {
            self.floor = self.floor.max(oldest.end);
        }
        if number >= end {
            self.newest = arrival.now;
        }
        if number != end {
            // Either something is missing before it, or it fills a gap: the sender must know.
            self.counts.reordered += u64::from(number < end);
            self.pending.acknowledgement = true;
        }
        if is_eliciting {
            self.waiting.0 += 1;
            self.waiting.1 += arrival.length as u64;
        }
    }

    fn handle_stream(
        &mut self,
        now: Duration,
        offset: u64,
        payload: &[u8],
        sink: &mut dyn Sink,
    ) -> Result<bool, Reject> {
        let end = offset + payload.len() as u64;
        let is_beyond = self.end.is_some_and(|(total, _)| end > total);
        if end > self.credit || is_beyond {
            return Err(Reject::Malformed);
        }
        self.counts.datagrams += 1;
        if offset > self.delivered && !self.buffer.insert(offset, payload) {
            return Ok(false);
        }
        if end <= self.delivered {
            self.counts.repeated += 1;
            self.pending.acknowledgement = true;
            return Ok(true);
        }
        if offset <= self.delivered {
            let Self {
                buffer,
                digest,
                delivered,
                ..
            } = self;
            let mut take = |bytes: &[u8]| {
                sink.write(bytes);
                if let Some(digest) = digest {
                    digest.update(bytes);
                }
            };
            take(
                payload
                    .get((*delivered - offset) as usize..)
                    .unwrap_or_default(),
            );
            *delivered = buffer.drain(end, take);
        }
        self.tune_window(now, end);
        self.check_complete();
        Ok(true)
    }

    /// Grows the window where it is the limit, and not a disk.
    fn tune_window(&mut self, now: Duration, end: u64) {
        let is_limit = self.tuning.on_bytes(now, end);
        if is_limit && self.backlog <= self.window / 4 {
            self.window = self.window.saturating_mul(2).min(self.buffer.size());
        }
        // Whoever waits for much credit gets it at once.
        if self.credit_limit() >= self.credit.saturating_add(self.window / 2) {
            self.pending.acknowledgement = true;
        }
    }

    /// Checks whether the stream is complete and right.
    fn check_complete(&mut self) {
        let Some((total, digest)) = self.end else {
            return;
        };
        if !matches!(self.phase, Phase::Receiving) || self.delivered != total {
            return;
        }
        if self.digest().is_none_or(|ours| ours == digest) {
            self.phase = Phase::Complete;
        } else {
            self.abandon(
                Code::Digest,
                "all bytes arrived, but their digest is not the sender's",
            );
        }
    }

    fn handle_close(&mut self, close: &Close<'_>) -> Result<(), Reject> {
        let result = match (close.code, &self.phase) {
            (Code::Finished, Phase::Stored { .. }) => Ok(()),
            (Code::Finished, _) => return Err(Reject::Malformed),
            // It is stored, whatever the sender reports.
            (_, Phase::Stored { .. }) => {
                self.pending.done = true;
                Ok(())
            }
            (code, _) => Err(Failure::Closed {
                code,
                reason: close.reason.to_vec(),
            }),
        };
        self.phase = Phase::Over(result);
        Ok(())
    }
}
