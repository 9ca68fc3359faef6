//! The sending end of a transfer.

mod answers;
mod config;
mod ecn;
mod events;
mod handshake;
mod output;

use std::time::Duration;

use super::crypto::{Initiator, Protection};
use super::digest::Digest;
use super::failure::Failure;
use super::in_flight::InFlight;
use super::limits::Limits;
use super::run::Run;
use super::stream::Stream;
use super::wire::{Code, STREAM_HEADER, Status};
use crate::protocol::PathMtu;
use crate::protocol::congestion::{Congestion, Pacer};
use crate::socket::Ecn;
use answers::AnswerStream;
pub use config::{Security, SenderConfig, SenderCounts};
use ecn::EcnState;

/// The length of datagrams that any path carries, in bytes of UDP payload (RFC 8899 section 5.1.2).
const BASE: u16 = 1_200;
/// The smallest sensible length.
const MIN_DATAGRAM: u16 = 512;
/// The most bytes that leave in one run: what fits an IPv4 datagram.
const MAX_RUN: usize = 65_507;
/// The first wait for an answer to an open frame (RFC 8085 section 3.1.1), and the longest.
const INITIAL_TIMEOUT: Duration = Duration::from_secs(1);
const MAX_TIMEOUT: Duration = Duration::from_secs(8);
/// How many times another challenge is accepted: a token may have become too old on the way.
const MAX_CHALLENGES: u32 = 2;
/// How often the sender pings while there is nothing to send (RFC 8085 section 3.5: no more often
/// than every 15 seconds), and the longest interval between two requests for credit.
const KEEPALIVE: Duration = Duration::from_secs(15);
/// How often the last frame is sent: nothing answers it, and any copy may be lost.
const CLOSE_REPEATS: u32 = 3;
/// The longest wait between the last frames of a sender that does not know yet whether the receiver
/// has stored everything.
const MAX_CLOSE_WAIT: Duration = Duration::from_millis(300);

#[derive(Debug)]
enum Phase {
    Opening(Box<OpeningPhase>),
    Sending,
    /// The end. If everything was sent when this end gave up, the receiver may have stored it, and
    /// has some time to say so.
    Over(Result<(), Failure>),
}

#[derive(Debug)]
struct OpeningPhase {
    token: [u8; 16],
    initiator: Option<Initiator>,
    /// Challenges that were accepted.
    challenges: u32,
    next: Duration,
    wait: Duration,
    /// When the last open frame with this token was sent, and how many were.
    open_sent: (Duration, u32),
}

/// Packets of the receiver that arrived: a copy of one has no effect (RFC 4303 section 3.4.3).
#[derive(Debug, Default)]
struct ReplayWindow {
    /// The largest number, and one.
    end: u64,
    /// The 128 numbers below; the lowest bit is the largest number.
    seen: u128,
}

impl ReplayWindow {
    /// Records a number; returns whether it is new, and whether it is the largest.
    fn record(&mut self, number: u64) -> (bool, bool) {
        if number >= self.end {
            let shift = number - self.end + 1;
            let shift = u32::try_from(shift).unwrap_or(u32::MAX);
            self.seen = self.seen.checked_shl(shift).unwrap_or(0) | 1;
            self.end = number.saturating_add(1);
            return (true, true);
        }
        let below = self.end - 1 - number;
        if below >= 128 || self.seen >> below & 1 == 1 {
            return (false, false);
        }
        self.seen |= 1 << below;
        (true, false)
    }
}

/// The sending end: receives datagrams and the time, returns datagrams.
///
/// Call [`poll_transmit`](Self::poll_transmit) until it returns `None`, wait for a datagram until
/// [`poll_timeout`](Self::poll_timeout), pass it to [`handle_datagram`](Self::handle_datagram) or,
/// without one, call [`handle_timeout`](Self::handle_timeout), and repeat, until
/// [`result`](Self::result) returns how the transfer ended.
#[derive(Debug)]
pub struct Sender {
    id: u64,
    connection: u64,
    config: SenderConfig,
    phase: Phase,
    protection: Protection,
    replays: ReplayWindow,
    pub(super) in_flight: InFlight,
    stream: Stream,
    congestion: Box<dyn Congestion>,
    pacer: Pacer,
    mtu: PathMtu,
    /// The size that the window and the pacer count with.
    segment: u16,
    /// Probe datagrams that may leave regardless of the window.
    probes: u32,
    /// Pings without an answer that had anything new in it.
    unanswered_probes: u32,
    /// The pacer allows no more before this time.
    paced_until: Option<Duration>,
    is_window_limit: bool,
    status: Status,
    answers: AnswerStream,
    ecn: EcnState,
    pending: Pending,
    /// The last challenge of the receiver.
    challenge: Option<[u8; 8]>,
    /// Since when the receiver is suspected to have been started again.
    suspect: Option<Duration>,
    /// Packets for each acknowledgement, and how long the first may wait, as the receiver was told.
    share: (u32, Duration),
    /// When settled numbers were last reported.
    settled_at: Duration,
    /// How long to wait after the socket refused datagrams since a packet arrived, and until when.
    refused: (Duration, Option<Duration>),
    /// Everything was sent, and the source had no digest yet when it was last asked.
    awaits_digest: bool,
    /// The shorter of both ends' timeouts.
    peer_timeout: Duration,
    last_received: Duration,
    last_sent: Duration,
    /// The last frame for the receiver, and how many more times to send it.
    close_frame: Option<(Code, String, u32)>,
    /// When to send it again.
    close_at: Option<Duration>,
    scratch: Vec<u8>,
    /// What [`Self::poll_transmit`] returned last; kept for its memory.
    run: Run,
    limits: Limits,
    counts: SenderCounts,
}

/// What must be sent at once.
#[derive(Debug, Default)]
struct Pending {
    settled: bool,
    share: bool,
    response: Option<[u8; 8]>,
}

impl Sender {
    /// The sender of one stream. `id` must be random: an attacker who does not know it can do no
    /// harm.
    pub fn new(
        now: Duration,
        id: u64,
        config: SenderConfig,
        congestion: Box<dyn Congestion>,
    ) -> Self {
        let mut config = config;
        config.max_datagram = config.max_datagram.max(MIN_DATAGRAM);
        let mtu = PathMtu::new(BASE.min(config.max_datagram), config.max_datagram, now);
        let segment = mtu.current();
        let peer_timeout = config.timeout;
        let mut sender = Self {
            id,
            connection: 0,
            phase: Phase::Opening(Box::new(OpeningPhase {
                token: [0; 16],
                initiator: None,
                challenges: 0,
                next: now,
                wait: INITIAL_TIMEOUT,
                open_sent: (now, 0),
            })),
            protection: Protection::unkeyed(),
            replays: ReplayWindow::default(),
            ecn: EcnState::new(config.ecn),
            config,
            in_flight: InFlight::default(),
            stream: Stream::default(),
            congestion,
            pacer: Pacer::new(segment.into()),
            mtu,
            segment,
            probes: 0,
            unanswered_probes: 0,
            paced_until: None,
            is_window_limit: false,
            status: Status::Receiving,
            answers: AnswerStream::default(),
            pending: Pending::default(),
            challenge: None,
            suspect: None,
            share: (2, Duration::from_millis(2)),
            settled_at: now,
            refused: (Duration::ZERO, None),
            awaits_digest: false,
            peer_timeout,
            last_received: now,
            last_sent: now,
            close_frame: None,
            close_at: None,
            scratch: Vec::new(),
            run: Run::default(),
            limits: Limits::new(now),
            counts: SenderCounts::default(),
        };
        sender.congestion.set_segment_size(segment.into());
        sender.pacer.set_limit(sender.config.max_rate);
        sender
    }

    /// The result, once the transfer is over and the receiver has been notified.
    pub fn result(&self) -> Option<Result<(), &Failure>> {
        match &self.phase {
            Phase::Over(result) if self.close_frame.is_none() => Some(result.as_ref().copied()),
            _ => None,
        }
    }

    /// Whether the receiver has stored the stream; it may still need the confirmation.
    pub fn is_done(&self) -> bool {
        matches!(self.phase, Phase::Over(Ok(())))
    }

    /// Its counters so far.
    pub fn counts(&self) -> SenderCounts {
        self.counts
    }

    /// The stream has arrived without gaps up to here; the source is not asked for it again.
    pub fn released(&self) -> u64 {
        self.stream.released()
    }

    /// The stream was sent up to here.
    pub fn sent(&self) -> u64 {
        self.stream.next
    }

    /// The digest of what was sent, if the sender computes it itself; without a key only.
    pub fn digest(&self) -> &Digest {
        &self.stream.digest
    }

    /// Whether the transfer is encrypted.
    pub fn is_keyed(&self) -> bool {
        self.config.security.is_some()
    }

    /// What the receiver is busy with.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Appends the bytes of the receiver's answer stream that have arrived to `out`. Without it, no
    /// more than 256 KiB of them are accepted.
    pub fn take_answers(&mut self, out: &mut Vec<u8>) {
        self.answers.take(out);
    }

    /// How to mark the datagrams: with ECT(0), or not at all. An opening is not marked: a path may lose
    /// what is, which is found out later.
    pub fn ecn(&self) -> Ecn {
        if self.ecn.is_on() && self.is_open() {
            Ecn::Ect0
        } else {
            Ecn::NotEct
        }
    }

    /// Reports that datagrams cannot be marked.
    pub fn disable_ecn(&mut self) {
        self.ecn.disable();
    }

    /// Whether [`poll_transmit`](Self::poll_transmit) has sent everything except the end, and the
    /// source had no digest: call it again soon. A digest that was computed since does not change
    /// this.
    pub fn awaits_digest(&self) -> bool {
        self.awaits_digest
    }

    /// Whether the receiver has agreed to the transfer.
    pub fn is_open(&self) -> bool {
        !matches!(self.phase, Phase::Opening(_))
    }

    /// The smoothed round trip, once there is one.
    pub fn round_trip(&self) -> Option<Duration> {
        self.in_flight.rtt.smoothed()
    }

    /// The length of the datagrams that the path takes, in bytes of UDP payload.
    pub fn datagram_size(&self) -> u16 {
        self.mtu.current()
    }

    /// Bytes that may be in flight.
    pub fn window(&self) -> u64 {
        self.congestion.window()
    }

    /// How long each limit applied.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// How many datagrams it tracks: bounded by the window.
    pub fn tracked(&self) -> usize {
        self.in_flight.tracked()
    }

    /// Ends it, and sends the reason to the receiver. If everything was sent, and the receiver then
    /// says that it is stored, it is a success nevertheless.
    pub fn abandon(&mut self, code: Code, reason: &str) {
        if matches!(self.phase, Phase::Over(_)) {
            return;
        }
        self.close_frame = Some((code, reason.to_owned(), CLOSE_REPEATS));
        self.close_at = None;
        self.phase = Phase::Over(Err(Failure::Abandoned {
            code,
            reason: reason.to_owned(),
        }));
    }

    /// Bytes of a packet beside those of the stream.
    fn overhead(&self) -> usize {
        STREAM_HEADER + self.protection.tag_length()
    }
}
