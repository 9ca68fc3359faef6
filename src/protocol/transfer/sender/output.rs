//! What the sender sends.

use std::time::Duration;

use super::{MAX_CLOSE_WAIT, MAX_RUN, Phase, Sender};
use crate::protocol::transfer::in_flight::Carried;
use crate::protocol::transfer::limits::Limit;
use crate::protocol::transfer::run::Run;
use crate::protocol::transfer::source::Source;
use crate::protocol::transfer::stream::{Blocked, Piece};
use crate::protocol::transfer::wire::{self, Close, Frame};

impl Sender {
    /// The datagrams to send now, if any. The stream is read from `source`, which also takes part
    /// in [`Run::gather`]. Send them marked with [`ecn`](Self::ecn).
    pub fn poll_transmit(&mut self, now: Duration, source: &dyn Source) -> Option<&Run> {
        let mut run = std::mem::take(&mut self.run);
        run.clear();
        let composed = self.compose(now, source, &mut run);
        self.run = run;
        let limit = composed.err().unwrap_or(Limit::Machine);
        self.limits.set(now, limit);
        composed.ok()?;
        let run = &mut self.run;
        if run.count == 0 {
            let length = run.bytes.len();
            (run.count, run.segment, run.length) = (1, length, length);
        }
        self.last_sent = now;
        self.ecn.on_sent(self.in_flight.next());
        self.counts.datagrams += run.count as u64;
        Some(run)
    }

    fn compose(&mut self, now: Duration, source: &dyn Source, run: &mut Run) -> Result<(), Limit> {
        if self.refused.1.is_some_and(|until| now < until) {
            return Err(Limit::Path);
        }
        if self.close_frame.is_some() {
            return self.compose_close(now, run);
        }
        let (id, ciphers) = (self.id, self.ciphers());
        match &mut self.phase {
            Phase::Over(_) => return Err(Limit::Path),
            Phase::Opening(phase) => {
                let is_due = Self::compose_open(id, ciphers, phase, now, &mut run.bytes);
                return if is_due { Ok(()) } else { Err(Limit::Path) };
            }
            Phase::Sending => {}
        }
        if self.compose_control(now, run) {
            return Ok(());
        }
        self.compose_data(now, source, run)
    }

    /// The last frame. If the receiver may have stored everything, it has time to say so.
    fn compose_close(&mut self, now: Duration, run: &mut Run) -> Result<(), Limit> {
        if self.close_at.is_some_and(|time| now < time) {
            return Err(Limit::Path);
        }
        let Some((code, reason, left)) = &mut self.close_frame else {
            return Err(Limit::Path);
        };
        if *left == 0 || self.connection == 0 {
            self.close_frame = None;
            return Err(Limit::Path);
        }
        *left -= 1;
        let waits = matches!(self.phase, Phase::Over(Err(_))) && self.stream.end_sent;
        let is_last = *left == 0 && !waits;
        let (code, reason) = (*code, reason.clone());
        let reason = reason.as_bytes();
        self.begin(run);
        Frame::Close(Close { code, reason }).append(&mut run.bytes);
        self.end(now, run, 0, Carried::Control);
        if is_last {
            self.close_frame = None;
        }
        let wait = self.in_flight.rtt.probe_timeout(self.in_flight.delay);
        self.close_at = waits.then(|| now.saturating_add(wait.min(MAX_CLOSE_WAIT)));
        Ok(())
    }

    /// Appends the header of the next packet.
    fn begin(&self, run: &mut Run) {
        wire::begin(&mut run.bytes, self.connection, self.in_flight.next());
    }

    /// Seals the packet that begins at `start`, and records it. The numbers rise, so that it cannot
    /// fail before 2^64 packets; then nothing valid is sent.
    fn end(&mut self, now: Duration, run: &mut Run, start: usize, carried: Carried) {
        let sealed = wire::seal(&mut self.protection, &mut run.bytes, start);
        debug_assert!(sealed.is_ok(), "{sealed:?}");
        self.in_flight.push(now, carried);
    }

    /// A packet that needs no acknowledgement.
    fn compose_control(&mut self, now: Duration, run: &mut Run) -> bool {
        let pending = std::mem::take(&mut self.pending);
        let is_answered = std::mem::take(&mut self.answers.is_due);
        if !pending.settled && !pending.share && pending.response.is_none() && !is_answered {
            return false;
        }
        self.begin(run);
        let out = &mut run.bytes;
        if let Some(bytes) = pending.response {
            Frame::PathResponse(bytes).append(out);
        }
        if is_answered {
            Frame::Answered(self.answers.end).append(out);
        }
        if pending.settled {
            self.settled_at = now;
        }
        // All are short, and any may have been lost before.
        Frame::Settled(self.in_flight.settled()).append(out);
        let (packets, delay) = (self.share.0, self.share.1.as_micros() as u32);
        Frame::Share { packets, delay }.append(out);
        self.end(now, run, 0, Carried::Control);
        true
    }

    fn compose_data(
        &mut self,
        now: Duration,
        source: &dyn Source,
        run: &mut Run,
    ) -> Result<(), Limit> {
        let overhead = self.overhead();
        let most = usize::from(self.segment) - overhead;
        let mut allowance = self.allowance(now);
        let mut left = self.probes;
        let is_probe = self.probes > 0;
        let limit = loop {
            let next = run.length + usize::from(self.segment);
            if next > MAX_RUN.max(self.segment.into()) || run.count == Run::MAX_DATAGRAMS {
                break None;
            }
            let waits = !self.in_flight.is_empty();
            let piece = match self.stream.piece(source, most, waits) {
                Ok(piece) => piece,
                Err(blocked) if is_probe && run.length == 0 => match self.repeat_oldest(most) {
                    Some(piece) => piece,
                    None => break Some(blocked.into()),
                },
                Err(blocked) => break Some(blocked.into()),
            };
            if run.length > 0 && overhead + piece.length > run.segment {
                // The first of a run has the size of all.
                break None;
            }
            let is_free = is_probe || self.in_flight.bytes() == 0 && self.paced_until.is_none();
            if allowance < (overhead + piece.length) as u64 && !is_free {
                break Some(Limit::Path);
            }
            let bytes = source.bytes(piece.offset, piece.length);
            if bytes.is_empty() {
                // A source that breaks its contract: nothing can be sent.
                break Some(Limit::Source);
            }
            let length = bytes.len() as u16;
            let carried = Carried::Data(piece.offset, length);
            self.append_stream(now, run, piece.offset, bytes, carried);
            self.stream.on_sent(piece, length.into());
            self.counts.bytes += u64::from(length);
            if !piece.is_new {
                self.counts.repeated += u64::from(length);
            }
            let size = overhead + usize::from(length);
            allowance = allowance.saturating_sub(size as u64);
            run.length += size;
            run.segment = run.segment.max(size);
            left = left.saturating_sub(1);
            if size < run.segment || is_probe && left == 0 {
                break None;
            }
        };
        if run.length > 0 {
            self.stream.digest(source);
            self.probes = 0;
            self.pacer.on_sent(run.length as u64);
            return Ok(());
        }
        let limit = limit.unwrap_or(Limit::Path);
        self.is_window_limit = limit == Limit::Path;
        if !self.is_window_limit {
            self.in_flight.rate.on_app_limited(self.in_flight.bytes());
        }
        let is_storing = self.status != wire::Status::Receiving;
        self.compose_other(now, source, run).ok_or(match limit {
            Limit::Receiver if is_storing => Limit::Storage,
            limit => limit,
        })
    }

    /// Appends a packet with bytes of the stream; without a key only what surrounds them.
    fn append_stream(
        &mut self,
        now: Duration,
        run: &mut Run,
        offset: u64,
        bytes: &[u8],
        carried: Carried,
    ) {
        let start = run.bytes.len();
        self.begin(run);
        run.count += 1;
        if self.protection.is_keyed() {
            Frame::Stream { offset, bytes }.append(&mut run.bytes);
            self.end(now, run, start, carried);
            return;
        }
        Frame::Stream { offset, bytes: &[] }.append(&mut run.bytes);
        run.payloads.push((offset, bytes.len() as u16));
        let tag = self.protection.seal_parts(&[&run.bytes[start..], bytes]);
        run.bytes
            .extend(tag.and_then(Result::ok).unwrap_or_default());
        self.in_flight.push(now, carried);
    }

    /// Bytes that the window and the pacer allow now.
    fn allowance(&mut self, now: Duration) -> u64 {
        let rate = self
            .round_trip()
            .and_then(|smoothed| self.congestion.pacing_rate(smoothed));
        let paced = self.pacer.budget(now, rate);
        let window = self
            .congestion
            .window()
            .saturating_sub(self.in_flight.bytes());
        self.paced_until = None;
        if window >= u64::from(self.segment) && paced < self.segment.into() {
            self.paced_until = self.pacer.next_send_time(now, window.min(MAX_RUN as u64));
        }
        window.min(paced)
    }

    /// In a probe timeout without anything new or lost, the oldest bytes are sent again.
    fn repeat_oldest(&self, max_length: usize) -> Option<Piece> {
        let range = self.in_flight.oldest_data()?;
        Some(Piece {
            offset: range.start,
            length: usize::try_from(range.end - range.start)
                .map_or(max_length, |length| length.min(max_length)),
            is_new: false,
        })
    }

    /// The packets to send besides those of the stream.
    fn compose_other(&mut self, now: Duration, source: &dyn Source, run: &mut Run) -> Option<()> {
        let is_complete = source.is_complete() && self.stream.next == source.available();
        let is_asking = self.probes > 0;
        let sum = self.stream.digest_value(source).filter(|_| is_complete);
        self.awaits_digest = is_complete && sum.is_none();
        let is_due = self.stream.end_due || !self.stream.end_sent || is_asking;
        if let (Some(digest), true) = (sum, is_due) {
            self.probes = 0;
            (self.stream.end_due, self.stream.end_sent) = (false, true);
            let length = self.stream.next;
            self.begin(run);
            Frame::Finish { length, digest }.append(&mut run.bytes);
            self.end(now, run, 0, Carried::End);
            return Some(());
        }
        if is_asking {
            self.probes = 0;
            self.begin(run);
            Frame::Ping.append(&mut run.bytes);
            self.end(now, run, 0, Carried::Ping);
            return Some(());
        }
        // Not before a round trip is known, nor for a stream that is almost complete.
        if self.round_trip().is_none() || is_complete {
            return None;
        }
        let size = self.mtu.poll_transmit(now)?;
        self.begin(run);
        Frame::Ping.append(&mut run.bytes);
        // Padding, up to the tag.
        let tag = self.protection.tag_length();
        run.bytes.resize(usize::from(size).saturating_sub(tag), 0);
        self.end(now, run, 0, Carried::Size(size));
        Some(())
    }
}

impl From<Blocked> for Limit {
    fn from(blocked: Blocked) -> Self {
        match blocked {
            Blocked::Source => Self::Source,
            Blocked::Credit => Self::Receiver,
            Blocked::Complete => Self::Receiver,
        }
    }
}
