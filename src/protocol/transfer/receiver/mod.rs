//! The receiving end of a transfer.

mod config;
mod output;

use std::time::Duration;

use super::digest::Digest;
use super::failure::Failure;
use super::frame::{Close, Code, Data, End, Frame, MAX_RANGES};
use super::ranges::RangeSet;
use super::reassembly::Reassembly;
use super::sink::Sink;
pub use config::{ReceiverConfig, ReceiverCounts};

/// An acknowledgement is delayed for at most this time, for a second datagram to share it.
const DELAY: Duration = Duration::from_millis(2);
/// How often the last frame is sent: nothing answers it, and any copy may be lost.
const CLOSE_REPEATS: u32 = 3;
/// With a longer round trip than this, datagrams are on the way rather than in the socket's buffer,
/// and the window may be larger than that.
const SHORT_RTT: Duration = Duration::from_millis(2);

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

/// The receiving end: takes frames and the time, returns datagrams.
///
/// ```
/// use std::time::Duration;
/// use udpraw::protocol::transfer::{Data, Digest, End, Frame, Receiver, ReceiverConfig, decode};
///
/// let now = Duration::ZERO;
/// let mut receiver = Receiver::new(now, 0x1234, ReceiverConfig::default());
/// let datagram = receiver.poll_transmit(now).unwrap();
/// assert!(matches!(decode(datagram).unwrap().frame, Frame::Accept(_)));
///
/// let mut stream = Vec::new();
/// let data = Frame::Data(Data { number: 0, offset: 0, payload: b"hello" });
/// receiver.handle_frame(now, &data, &mut stream);
/// let mut digest = Digest::default();
/// digest.update(b"hello");
/// let end = Frame::End(End { number: 1, total: 5, digest: digest.value() });
/// receiver.handle_frame(now, &end, &mut stream);
/// assert_eq!(stream, b"hello");
/// assert!(receiver.is_complete());
/// receiver.on_stored(now);
/// assert!(receiver.is_stored());
/// ```
#[derive(Debug)]
pub struct Receiver {
    id: u64,
    config: ReceiverConfig,
    phase: Phase,
    numbers: RangeSet,
    buffer: Reassembly,
    digest: Digest,
    window: u64,
    credit: u64,
    end: Option<(u64, u128)>,
    /// When the datagram with the largest number arrived.
    newest: Duration,
    /// Datagrams that wait for their acknowledgement.
    waiting: u32,
    acknowledge_at: Option<Duration>,
    pending: Pending,
    is_storing: bool,
    /// Delivered bytes that wait to be stored.
    backlog: u64,
    /// The credit before the last, and when the last was sent.
    reported: (u64, Duration),
    last_received: Duration,
    /// The last frame for the sender, and how many more times to send it.
    close_frame: Option<(Code, String, u32)>,
    /// What [`Self::poll_transmit`] returned last; kept for its memory.
    datagram: Vec<u8>,
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
    /// The receiver of the transfer `id`, which the sender has requested.
    pub fn new(now: Duration, id: u64, config: ReceiverConfig) -> Self {
        let digest = config.kept.clone();
        let window = config.window.clamp(1, config.max_window.max(1) as u64);
        Self {
            id,
            phase: Phase::Receiving,
            numbers: RangeSet::default(),
            buffer: Reassembly::new(config.max_window),
            window,
            credit: digest.length().saturating_add(window),
            digest,
            end: None,
            newest: now,
            waiting: 0,
            acknowledge_at: None,
            pending: Pending {
                accept: true,
                ..Pending::default()
            },
            is_storing: false,
            backlog: 0,
            reported: (0, now),
            last_received: now,
            close_frame: None,
            datagram: Vec::new(),
            config,
            counts: ReceiverCounts::default(),
        }
    }

    /// The transfer's id.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The result, once the transfer is over and the sender has been notified.
    pub fn result(&self) -> Option<Result<(), &Failure>> {
        match &self.phase {
            Phase::Over(result) if self.close_frame.is_none() => Some(result.as_ref().copied()),
            _ => None,
        }
    }

    /// Whether all bytes arrived and the digests agree: now they must be stored permanently, and
    /// [`on_stored`](Self::on_stored) called.
    pub fn is_complete(&self) -> bool {
        matches!(self.phase, Phase::Complete)
    }

    /// Whether the stream is stored; only the sender must still be notified.
    pub fn is_stored(&self) -> bool {
        matches!(self.phase, Phase::Stored { .. } | Phase::Over(Ok(())))
    }

    /// The stream is delivered up to here.
    pub fn delivered(&self) -> u64 {
        self.digest.length()
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

    /// The digest of all delivered bytes.
    pub fn digest(&self) -> u128 {
        self.digest.value()
    }

    /// Reports whether storing is the limit; the sender shows it to its user.
    pub fn set_storing(&mut self, is_storing: bool) {
        self.is_storing = is_storing;
    }

    /// Reports how many of the delivered bytes wait to be stored: the sender's window shrinks by
    /// them.
    pub fn set_backlog(&mut self, bytes: u64) {
        let is_less = bytes < self.backlog;
        self.backlog = bytes;
        // A sender that waits for credit gets it as soon as it is worth a frame.
        if is_less && self.credit_limit() >= self.credit.saturating_add(self.window / 4) {
            self.pending.acknowledgement = true;
        }
    }

    /// The stream may be sent up to here.
    fn credit_limit(&self) -> u64 {
        let window = self.window.saturating_sub(self.backlog);
        self.digest.length().saturating_add(window)
    }

    /// Reports that the stream is stored permanently.
    pub fn on_stored(&mut self, now: Duration) {
        if self.is_complete() {
            self.phase = Phase::Stored {
                until: now.saturating_add(self.config.timeout),
            };
            self.pending.done = true;
        }
    }

    /// Reports that the socket's buffer dropped datagrams: the window was too large.
    pub fn on_buffer_overflow(&mut self) {
        let least = self.config.window.clamp(1, self.buffer.size());
        self.window = (self.window / 2).max(least.min(self.window));
    }

    /// Ends it, and sends the reason to the sender.
    pub fn abandon(&mut self, code: Code, reason: &str) {
        if matches!(self.phase, Phase::Over(_)) {
            return;
        }
        self.close_frame = Some((code, reason.to_owned(), CLOSE_REPEATS));
        self.phase = Phase::Over(Err(Failure::Abandoned {
            code,
            reason: reason.to_owned(),
        }));
    }

    /// Processes a frame of the sender, and writes the next bytes of the stream to `sink`.
    pub fn handle_frame(&mut self, now: Duration, frame: &Frame<'_>, sink: &mut dyn Sink) {
        if matches!(self.phase, Phase::Over(_)) {
            return;
        }
        let taken = match frame {
            Frame::Open(_) => {
                self.pending.accept = true;
                Some(())
            }
            Frame::Data(data) => self.handle_data(now, data, sink),
            Frame::Probe { number } => {
                self.record_number(now, *number);
                self.pending.acknowledgement = true;
                Some(())
            }
            Frame::End(end) => self.handle_end(now, end),
            Frame::Close(close) => self.handle_close(close),
            _ => None,
        };
        match taken {
            Some(()) => self.last_received = self.last_received.max(now),
            None => self.counts.malformed += 1,
        }
        if let (Phase::Stored { until }, Frame::Data(_) | Frame::Probe { .. } | Frame::End(_)) =
            (&mut self.phase, frame)
        {
            *until = now.saturating_add(self.config.timeout);
            self.pending = Pending {
                done: true,
                ..Pending::default()
            };
        }
    }

    /// Records a datagram's number; returns whether it is new.
    fn record_number(&mut self, now: Duration, number: u64) -> bool {
        // The numbers below the oldest range were forgotten: they arrived long ago, or count as
        // lost.
        let end = self.numbers.last().map_or(0, |range| range.end);
        let is_full = self.numbers.len() >= MAX_RANGES;
        let oldest = self.numbers.first().map_or(0, |range| range.start);
        if is_full && number < oldest {
            self.pending.acknowledgement = true;
            return true;
        }
        if self.numbers.insert(number..number.saturating_add(1)) == 0 {
            self.counts.duplicates += 1;
            self.pending.acknowledgement = true;
            return false;
        }
        if self.numbers.len() > MAX_RANGES {
            self.numbers.pop_first();
        }
        if number >= end {
            self.newest = now;
        }
        if number != end {
            // Either something is missing before it, or it fills a gap: the sender must know.
            self.counts.reordered += u64::from(number < end);
            self.pending.acknowledgement = true;
        }
        self.waiting += 1;
        true
    }

    fn handle_data(&mut self, now: Duration, data: &Data<'_>, sink: &mut dyn Sink) -> Option<()> {
        let end = data.offset + data.payload.len() as u64;
        let is_beyond = self.end.is_some_and(|(total, _)| end > total);
        if end > self.credit || is_beyond {
            return None;
        }
        self.counts.datagrams += 1;
        let delivered = self.digest.length();
        if data.offset > delivered && !self.buffer.insert(data.offset, data.payload) {
            // Not acknowledged: it must be sent again.
            return Some(());
        }
        let is_new = self.record_number(now, data.number);
        if end <= delivered {
            self.counts.repeated += u64::from(is_new);
            self.pending.acknowledgement = true;
            return Some(());
        }
        if data.offset <= delivered {
            let bytes = data.payload.get((delivered - data.offset) as usize..)?;
            sink.write(bytes);
            self.digest.update(bytes);
            let Self { buffer, digest, .. } = self;
            buffer.drain(digest.length(), |bytes| {
                sink.write(bytes);
                digest.update(bytes);
            });
        }
        self.tune_window(now, end);
        self.check_complete();
        Some(())
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

    fn handle_end(&mut self, now: Duration, end: &End) -> Option<()> {
        let end_values = (end.total, end.digest);
        let reach = self.digest.length().max(self.buffer.end());
        if end.total < reach || self.end.is_some_and(|before| before != end_values) {
            return None;
        }
        self.record_number(now, end.number);
        self.pending.acknowledgement = true;
        self.end = Some(end_values);
        self.check_complete();
        Some(())
    }

    /// Checks whether the stream is complete and right.
    fn check_complete(&mut self) {
        let Some((total, digest)) = self.end else {
            return;
        };
        if !matches!(self.phase, Phase::Receiving) || self.digest.length() != total {
            return;
        }
        if self.digest.value() == digest {
            self.phase = Phase::Complete;
        } else {
            self.abandon(
                Code::Digest,
                "all bytes arrived, but their digest is not the sender's",
            );
        }
    }

    fn handle_close(&mut self, close: &Close<'_>) -> Option<()> {
        let result = match (close.code, &self.phase) {
            (Code::Finished, Phase::Stored { .. }) => Ok(()),
            (Code::Finished, _) => return None,
            // It is stored, whatever the sender reports.
            (_, Phase::Stored { .. }) => Ok(()),
            (code, _) => Err(Failure::Closed {
                code,
                reason: close.reason.to_vec(),
            }),
        };
        self.phase = Phase::Over(result);
        Some(())
    }
}
