//! What the sender sends.

use std::time::Duration;

use super::{MAX_RUN, MAX_TIMEOUT, Phase, Sender, VERIFY_CHUNK};
use crate::protocol::transfer::frame::{self, Accept, Code, DATA_HEADER, End, Frame, Open};
use crate::protocol::transfer::in_flight::Carried;
use crate::protocol::transfer::limits::Limit;
use crate::protocol::transfer::run::Run;
use crate::protocol::transfer::source::Source;
use crate::protocol::transfer::stream::{Blocked, Piece};

impl Sender {
    /// The datagrams to send now, if any. The stream is read from `source`, which also takes part
    /// in [`Run::gather`].
    pub fn poll_transmit(&mut self, now: Duration, source: &dyn Source) -> Option<&Run> {
        let mut run = std::mem::take(&mut self.run);
        run.clear();
        let composed = self.compose(now, source, &mut run);
        self.run = run;
        let limit = composed.err().unwrap_or(Limit::Machine);
        self.limits.set(now, limit);
        composed.ok()?;
        let run = &mut self.run;
        if run.payloads.is_empty() {
            (run.segment, run.length) = (run.bytes.len(), run.bytes.len());
        }
        self.last_sent = now;
        self.counts.datagrams += run.count() as u64;
        Some(run)
    }

    fn compose(&mut self, now: Duration, source: &dyn Source, run: &mut Run) -> Result<(), Limit> {
        if let Some((code, reason, left)) = &mut self.close_frame {
            let (code, reason) = (*code, reason.as_bytes());
            Frame::Close(frame::Close { code, reason }).encode(self.id, &mut run.bytes);
            *left -= 1;
            if *left == 0 {
                self.close_frame = None;
            }
            return Ok(());
        }
        match &mut self.phase {
            Phase::Over(_) => return Err(Limit::Path),
            Phase::Opening {
                token,
                next,
                wait,
                open_sent,
            } => {
                if now < *next {
                    return Err(Limit::Path);
                }
                *open_sent = (now, open_sent.1 + 1);
                *next = now.saturating_add(*wait);
                *wait = (*wait * 2).min(MAX_TIMEOUT);
                let open = Open {
                    token: *token,
                    size: self.config.size,
                    name: self.config.name.as_bytes(),
                };
                Frame::Open(open).encode(self.id, &mut run.bytes);
                return Ok(());
            }
            Phase::Verifying(accept) => {
                let accept = *accept;
                let verified = self.verify(source, accept);
                if self.close_frame.is_some() {
                    return self.compose(now, source, run);
                }
                verified?;
            }
            Phase::Sending => {}
        }
        self.compose_data(now, source, run)
    }

    /// Reads the part that the receiver has already, to compare it.
    fn verify(&mut self, source: &dyn Source, accept: Accept) -> Result<(), Limit> {
        let digest = &mut self.stream.digest;
        while digest.length() < accept.resume.min(source.available()) {
            let left = accept.resume - digest.length();
            let most = usize::try_from(left).map_or(VERIFY_CHUNK, |left| left.min(VERIFY_CHUNK));
            match source.bytes(digest.length(), most) {
                [] => break,
                bytes => digest.update(bytes),
            }
        }
        let is_short = source.is_complete() && source.available() < accept.resume;
        if digest.length() == accept.resume && digest.value() == accept.digest {
            self.stream.next = accept.resume;
            self.stream.acknowledge(0..accept.resume);
            self.phase = Phase::Sending;
            return Ok(());
        }
        if digest.length() == accept.resume || is_short {
            self.abandon(
                Code::OtherStream,
                "the part that the receiver kept is not the beginning of this stream; receive it again, without --resume",
            );
        }
        Err(Limit::Source)
    }

    fn compose_data(
        &mut self,
        now: Duration,
        source: &dyn Source,
        run: &mut Run,
    ) -> Result<(), Limit> {
        let most = usize::from(self.segment) - DATA_HEADER;
        let mut allowance = self.allowance(now);
        let mut left = self.probes;
        let is_probe = self.probes > 0;
        let limit = loop {
            let next = run.length + usize::from(self.segment);
            if next > MAX_RUN.max(self.segment.into()) || run.payloads.len() == Run::MAX_DATAGRAMS {
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
            if run.length > 0 && DATA_HEADER + piece.length > run.segment {
                // The first of a run has the size of all.
                break None;
            }
            let is_free = is_probe || self.in_flight.bytes() == 0;
            if allowance < (DATA_HEADER + piece.length) as u64 && !is_free {
                break Some(Limit::Path);
            }
            let bytes = source.bytes(piece.offset, piece.length);
            if bytes.is_empty() {
                // A source that breaks its contract: nothing can be sent.
                break Some(Limit::Source);
            }
            let (number, length) = (self.in_flight.next(), bytes.len() as u16);
            frame::append_data_header(&mut run.bytes, self.id, number, piece.offset, bytes);
            run.payloads.push((piece.offset, length));
            self.stream.on_sent(piece, length.into());
            self.counts.bytes += u64::from(length);
            if !piece.is_new {
                self.counts.repeated += u64::from(length);
            }
            let carried = Carried::Data(piece.offset, length);
            self.in_flight.push(now, carried);
            allowance = allowance.saturating_sub(carried.size());
            let size = carried.size() as usize;
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
        self.compose_other(now, source, run).ok_or(match limit {
            Limit::Receiver if self.is_storing => Limit::Storage,
            limit => limit,
        })
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

    /// The frames to send besides data.
    fn compose_other(&mut self, now: Duration, source: &dyn Source, run: &mut Run) -> Option<()> {
        let is_complete = source.is_complete() && self.stream.next == source.available();
        let is_asking = self.probes > 0;
        let number = self.in_flight.next();
        let sum = self.stream.digest_value(source).filter(|_| is_complete);
        self.awaits_digest = is_complete && sum.is_none();
        let is_due = self.stream.end_due || !self.stream.end_sent || is_asking;
        if let (Some(digest), true) = (sum, is_due) {
            self.probes = 0;
            (self.stream.end_due, self.stream.end_sent) = (false, true);
            let end = End {
                number,
                total: self.stream.next,
                digest,
            };
            Frame::End(end).encode(self.id, &mut run.bytes);
            self.in_flight.push(now, Carried::End);
            return Some(());
        }
        if is_asking {
            self.probes = 0;
            Frame::Probe { number }.encode(self.id, &mut run.bytes);
            self.in_flight.push(now, Carried::Ping);
            return Some(());
        }
        // Not before a round trip is known, nor for a stream that is almost complete.
        if self.round_trip().is_none() || is_complete {
            return None;
        }
        let size = self.mtu.poll_transmit(now)?;
        Frame::Probe { number }.encode(self.id, &mut run.bytes);
        frame::pad(&mut run.bytes, size.into());
        self.in_flight.push(now, Carried::Size(size));
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
