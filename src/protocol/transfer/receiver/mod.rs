//! The receiving end of a transfer.

mod answers;
mod config;
mod output;
mod path;

use std::net::SocketAddr;
use std::time::Duration;

use super::crypto::{Cipher, Protection, Responder, Role};
use super::digest::Digest;
use super::failure::Failure;
use super::ranges::RangeSet;
use super::reassembly::Reassembly;
use super::sink::Sink;
use super::wire::{
    self, Accept, Close, Code, Frame, Frames, Handshake, Reject, Status, connection_id,
};
use crate::socket::Ecn;
use answers::Answers;
pub use config::{ReceiverConfig, ReceiverCounts};
pub use output::Outgoing;
use path::Path;

/// How long an acknowledgement is delayed, for other packets to share it, and at most if the sender
/// asks for it.
const DELAY: Duration = Duration::from_millis(2);
const MAX_DELAY: Duration = Duration::from_millis(20);
/// How often the last frame is sent: nothing answers it, and any copy may be lost.
const CLOSE_REPEATS: u32 = 3;
/// With a longer round trip than this, datagrams are on the way rather than in the socket's buffer,
/// and the window may be larger than that.
const SHORT_RTT: Duration = Duration::from_millis(2);
/// The most ranges of packet numbers that are tracked; what is below is no longer accepted.
const MAX_TRACKED: usize = 1_024;

#[derive(Debug)]
enum Phase {
    Receiving,
    /// Everything arrived and is right; it is being stored.
    Complete,
    /// It is stored, and the sender may not know it yet.
    Stored {
        until: Duration,
    },
    Over(Result<(), Failure>),
}

/// The receiving end: takes datagrams and the time, returns datagrams.
///
/// [`Opening::accept`](super::Opening::accept) makes one. Pass it the datagrams of its
/// [`connection`](Self::connection), then call [`poll_transmit`](Self::poll_transmit) until it
/// returns `None`; at [`poll_timeout`](Self::poll_timeout) call
/// [`handle_timeout`](Self::handle_timeout) first.
#[derive(Debug)]
pub struct Receiver {
    id: u64,
    connection: u64,
    config: ReceiverConfig,
    phase: Phase,
    protection: Protection,
    /// The datagram that agrees to the transfer.
    accept: Vec<u8>,
    is_confirmed: bool,
    /// The number of the next packet.
    next: u64,
    path: Path,
    numbers: RangeSet,
    /// Packets with lower numbers are no longer accepted.
    floor: u64,
    ect0: u64,
    buffer: Reassembly,
    delivered: u64,
    /// Of the delivered bytes, without a key.
    digest: Option<Digest>,
    window: u64,
    credit: u64,
    end: Option<(u64, u128)>,
    answers: Answers,
    /// When the packet with the largest number arrived.
    newest: Duration,
    /// Packets, and their bytes, that wait for their acknowledgement.
    waiting: (u32, u64),
    /// How many packets one acknowledgement is for, and how long the first of them may wait.
    share: (u32, Duration),
    acknowledge_at: Option<Duration>,
    pending: Pending,
    status: Status,
    /// Delivered bytes that wait to be stored.
    backlog: u64,
    /// The credit before the last, and when the last was sent.
    reported: (u64, Duration),
    last_received: Duration,
    /// The last frame for the sender, and how many more times to send it.
    close_frame: Option<(Code, String, u32)>,
    /// What [`Self::poll_transmit`] returned last; kept for its memory.
    datagram: Vec<u8>,
    scratch: Vec<u8>,
    counts: ReceiverCounts,
}

/// What must be sent at once.
#[derive(Debug, Default)]
struct Pending {
    accept: bool,
    acknowledgement: bool,
    done: bool,
}

impl Receiver {
    pub(super) fn new(
        now: Duration,
        id: u64,
        peer: SocketAddr,
        security: Option<(Responder, Cipher)>,
        random: [u8; 32],
        config: ReceiverConfig,
    ) -> Option<Self> {
        let connection = connection_id(u64::from_be_bytes(*random.first_chunk()?));
        let window = config.window.clamp(1, config.max_window.max(1) as u64);
        let timeout = config.timeout.as_secs().max(1);
        let fields = Accept {
            connection,
            credit: window,
            max_datagram: config.max_datagram,
            delay: DELAY.as_millis() as u16,
            peer_timeout: u16::try_from(timeout).unwrap_or(u16::MAX),
            cipher: security.as_ref().map(|(_, cipher)| *cipher),
        };
        let mut message = Vec::new();
        let protection = match security {
            None => {
                message.extend(fields.encode());
                Protection::unkeyed()
            }
            Some((responder, cipher)) => {
                let secrets = responder.write(&fields.encode(), &mut message).ok()?;
                Protection::keyed(&secrets, Role::Responder, cipher)
            }
        };
        let mut accept = Vec::new();
        Handshake::Accept(&message).encode(id, &mut accept);
        Some(Self {
            id,
            connection,
            phase: Phase::Receiving,
            digest: (!protection.is_keyed()).then(Digest::default),
            protection,
            accept,
            is_confirmed: false,
            next: 0,
            path: Path::new(peer, *random.last_chunk()?),
            numbers: RangeSet::default(),
            floor: 0,
            ect0: 0,
            buffer: Reassembly::new(config.max_window),
            delivered: 0,
            window,
            credit: window,
            end: None,
            answers: Answers::default(),
            newest: now,
            waiting: (0, 0),
            share: (2, DELAY),
            acknowledge_at: None,
            pending: Pending {
                accept: true,
                ..Pending::default()
            },
            status: Status::Receiving,
            backlog: 0,
            reported: (0, now),
            last_received: now,
            close_frame: None,
            datagram: Vec::new(),
            scratch: Vec::new(),
            config,
            counts: ReceiverCounts::default(),
        })
    }

    /// The id of the opening, which the sender chose.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The id of the connection, in all its packets.
    pub fn connection(&self) -> u64 {
        self.connection
    }

    /// The sender's address; it may change.
    pub fn peer(&self) -> SocketAddr {
        self.path.peer
    }

    /// Whether the transfer is encrypted.
    pub fn is_keyed(&self) -> bool {
        self.protection.is_keyed()
    }

    /// Whether a packet has arrived: before, whoever opened it may be gone.
    pub fn is_confirmed(&self) -> bool {
        self.is_confirmed
    }

    /// When the sender was last heard.
    pub fn last_received(&self) -> Duration {
        self.last_received
    }

    /// The result, once the transfer is over and the sender has been notified.
    pub fn result(&self) -> Option<Result<(), &Failure>> {
        match &self.phase {
            Phase::Over(result) if self.close_frame.is_none() && !self.pending.done => {
                Some(result.as_ref().copied())
            }
            _ => None,
        }
    }

    /// Whether all bytes arrived and the digests agree: now they must be stored permanently, and
    /// [`on_stored`](Self::on_stored) called.
    pub fn is_complete(&self) -> bool {
        matches!(self.phase, Phase::Complete)
    }

    /// Whether everything is stored; only the sender must still be notified.
    pub fn is_stored(&self) -> bool {
        matches!(self.phase, Phase::Stored { .. } | Phase::Over(Ok(())))
    }

    /// The stream is delivered up to here.
    pub fn delivered(&self) -> u64 {
        self.delivered
    }

    /// The stream's length, once the sender has sent its end.
    pub fn total(&self) -> Option<u64> {
        self.end.map(|(total, _)| total)
    }

    /// Its counters so far.
    pub fn counts(&self) -> ReceiverCounts {
        self.counts
    }

    /// Bytes that the sender may be ahead.
    pub fn window(&self) -> u64 {
        self.window
    }

    /// The digest of all delivered bytes; `None` if there is a key.
    pub fn digest(&self) -> Option<u128> {
        self.digest.as_ref().map(Digest::value)
    }

    /// How many bytes [`write_answer`](Self::write_answer) takes now.
    pub fn answer_room(&self) -> usize {
        self.answers.room()
    }

    /// Adds bytes to the answer stream; returns how many were taken.
    pub fn write_answer(&mut self, bytes: &[u8]) -> usize {
        self.answers.write(bytes)
    }

    /// Whether the sender has the whole answer stream.
    pub fn is_answered(&self) -> bool {
        self.answers.is_empty()
    }

    /// Reports what the receiver is busy with; the sender shows it to its user.
    pub fn set_status(&mut self, status: Status) {
        let is_other = std::mem::discriminant(&status) != std::mem::discriminant(&self.status);
        self.status = status;
        self.pending.acknowledgement |= is_other && self.is_confirmed;
    }

    /// Reports how many of the delivered bytes wait to be stored: the sender's window shrinks by
    /// them.
    pub fn set_backlog(&mut self, bytes: u64) {
        let is_less = bytes < self.backlog;
        self.backlog = bytes;
        // A sender that waits for credit gets it as soon as it is worth a packet.
        if is_less && self.credit_limit() >= self.credit.saturating_add(self.window / 4) {
            self.pending.acknowledgement = true;
        }
    }

    /// The stream may be sent up to here.
    fn credit_limit(&self) -> u64 {
        let window = self.window.saturating_sub(self.backlog);
        self.delivered.saturating_add(window)
    }

    /// Reports that everything is stored permanently. Whatever the sender reports, or reported while
    /// it was being stored: it is a success.
    pub fn on_stored(&mut self, now: Duration) {
        let is_all = self.end.is_some_and(|(total, _)| total == self.delivered);
        match self.phase {
            Phase::Complete => {
                self.phase = Phase::Stored {
                    until: now.saturating_add(self.config.timeout),
                };
                self.pending.done = true;
            }
            Phase::Over(Err(_)) if is_all => {
                self.phase = Phase::Over(Ok(()));
                self.close_frame = None;
                self.pending.done = true;
            }
            _ => {}
        }
    }

    /// Reports that the socket's buffer dropped datagrams: the window was too large.
    pub fn on_buffer_overflow(&mut self) {
        let least = self.config.window.clamp(1, self.buffer.size());
        self.window = (self.window / 2).max(least.min(self.window));
    }

    /// The opening arrived again: its answer may have been lost.
    pub fn accept_again(&mut self) {
        self.pending.accept |= !self.is_confirmed && !matches!(self.phase, Phase::Over(_));
    }

    /// Ends it, and sends the reason to the sender. Once everything is stored it is no failure.
    pub fn abandon(&mut self, code: Code, reason: &str) {
        match self.phase {
            Phase::Over(_) => {}
            Phase::Stored { .. } => {
                self.phase = Phase::Over(Ok(()));
                self.pending.done = true;
            }
            _ => {
                self.close_frame = Some((code, reason.to_owned(), CLOSE_REPEATS));
                self.phase = Phase::Over(Err(Failure::Abandoned {
                    code,
                    reason: reason.to_owned(),
                }));
            }
        }
    }

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
        if wire::connection_of(bytes) != Some(self.connection) {
            return Err(Reject::Foreign);
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        let opened = wire::open(&mut self.protection, bytes, &mut scratch);
        let taken = opened.and_then(|(number, payload)| {
            self.handle_packet(now, source, ecn, number, payload, bytes.len(), sink)
        });
        self.scratch = scratch;
        match taken {
            Ok(()) => {}
            Err(Reject::Duplicate) => self.counts.duplicates += 1,
            Err(_) => self.counts.malformed += 1,
        }
        taken
    }

    #[allow(clippy::too_many_arguments)]
    fn handle_packet(
        &mut self,
        now: Duration,
        source: SocketAddr,
        ecn: Ecn,
        number: u64,
        payload: &[u8],
        length: usize,
        sink: &mut dyn Sink,
    ) -> Result<(), Reject> {
        let is_known = self
            .numbers
            .first_gap(number..number.saturating_add(1))
            .is_none();
        if number < self.floor || is_known {
            return Err(Reject::Duplicate);
        }
        if matches!(self.phase, Phase::Over(_)) {
            // Whoever still sends has not heard the result.
            self.pending.done |= self.is_stored();
            return Ok(());
        }
        let is_newest = self.numbers.last().is_none_or(|range| number >= range.end);
        self.is_confirmed = true;
        self.pending.accept = false;
        self.last_received = self.last_received.max(now);
        if is_newest {
            self.path.on_packet(now, source);
        }
        let (mut is_eliciting, mut is_kept) = (false, true);
        for frame in Frames::new(payload) {
            let frame = frame?;
            is_eliciting |= matches!(
                frame,
                Frame::Ping | Frame::Stream { .. } | Frame::Finish { .. }
            );
            is_kept &= self.handle_frame(now, source, &frame, sink)?;
        }
        // A packet that could not be kept is not acknowledged: it must be sent again.
        if is_kept {
            self.record_number(now, number, is_eliciting, length);
            match ecn {
                Ecn::Ect0 => self.ect0 += 1,
                Ecn::Ce => self.counts.marked += 1,
                _ => {}
            }
        }
        if let (Phase::Stored { until }, true) = (&mut self.phase, is_eliciting) {
            *until = now.saturating_add(self.config.timeout);
            self.pending.done = true;
        }
        Ok(())
    }

    /// Returns whether what it carries could be kept.
    fn handle_frame(
        &mut self,
        now: Duration,
        source: SocketAddr,
        frame: &Frame<'_>,
        sink: &mut dyn Sink,
    ) -> Result<bool, Reject> {
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
            }
            Frame::PathResponse(response) => {
                if self.path.on_response(source, response) {
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
    fn record_number(&mut self, now: Duration, number: u64, is_eliciting: bool, length: usize) {
        let end = self.numbers.last().map_or(0, |range| range.end);
        self.numbers.insert(number..number.saturating_add(1));
        if self.numbers.len() > MAX_TRACKED
            && let Some(oldest) = self.numbers.pop_first()
        {
            self.floor = self.floor.max(oldest.end);
        }
        if number >= end {
            self.newest = now;
        }
        if number != end {
            // Either something is missing before it, or it fills a gap: the sender must know.
            self.counts.reordered += u64::from(number < end);
            self.pending.acknowledgement = true;
        }
        if is_eliciting {
            self.waiting.0 += 1;
            self.waiting.1 += length as u64;
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

    /// Grows the window on a path so long that the window, not the socket's buffer, is the limit.
    fn tune_window(&mut self, now: Duration, end: u64) {
        let (before, at) = self.reported;
        if end > before {
            // This could be sent since the last credit: a round trip ago at most.
            let trip = now.saturating_sub(at);
            self.reported = (u64::MAX, now);
            let is_used_up = end.saturating_add(self.window / 4) >= self.credit;
            if trip > SHORT_RTT && is_used_up {
                self.window = self.window.saturating_mul(2).min(self.buffer.size());
            }
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
