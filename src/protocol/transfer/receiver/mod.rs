//! The receiving end of a transfer.

mod answers;
mod config;
mod events;
mod output;
mod path;
mod tuning;

use std::net::SocketAddr;
use std::time::Duration;

use super::crypto::{Cipher, Protection, Responder, Role};
use super::digest::Digest;
use super::failure::Failure;
use super::ranges::RangeSet;
use super::reassembly::Reassembly;
use super::wire::{Accept, Code, Handshake, Status, connection_id};
use answers::Answers;
pub use config::{ReceiverConfig, ReceiverCounts};
pub use output::Outgoing;
use path::Path;
use tuning::Tuning;

/// How long an acknowledgement is delayed, for other packets to share it.
const DELAY: Duration = Duration::from_millis(2);
/// How often the last frame is sent: nothing answers it, and any copy may be lost.
const CLOSE_REPEATS: u32 = 3;
#[derive(Debug)]
enum Phase {
    Receiving,
    /// Everything arrived and is right; it is being stored.
    Complete,
    /// It is stored, and the sender may not know it yet.
    Stored {
        until: Duration,
        /// When to tell it again, and how often that was done.
        again: (Duration, u32),
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
    /// When that was sent last, and how often.
    accepted: (Duration, u32),
    is_confirmed: bool,
    /// The number of the next packet.
    next: u64,
    path: Path,
    numbers: RangeSet,
    /// Packets with lower numbers are no longer accepted.
    floor: u64,
    ect0: u64,
    pub(super) buffer: Reassembly,
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
    /// How the window grows.
    tuning: Tuning,
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
        let window = config.window.clamp(1, config.max_window.max(1));
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
            accepted: (now, 0),
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
            tuning: Tuning::new(now),
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
                    again: (now.saturating_add(self.answers.wait(0)), 0),
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
}
