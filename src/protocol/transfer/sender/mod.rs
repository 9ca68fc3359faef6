//! The sending end of a transfer.

mod events;
mod output;

use std::time::Duration;

use super::digest::Digest;
use super::failure::Failure;
use super::frame::{Accept, Code};
use super::in_flight::InFlight;
use super::limits::Limits;
use super::run::Run;
use super::stream::Stream;
use crate::protocol::PathMtu;
use crate::protocol::congestion::{Congestion, Pacer};

/// The length of datagrams that any path carries, in bytes of UDP payload (RFC 8899 section 5.1.2).
const BASE: u16 = 1_200;
/// The smallest sensible length.
const MIN_DATAGRAM: u16 = 512;
/// The most bytes that leave in one run: what fits an IPv4 datagram.
const MAX_RUN: usize = 65_507;
/// The first wait for an answer to an open frame (RFC 8085 section 3.1.1), and the longest.
const INITIAL_TIMEOUT: Duration = Duration::from_secs(1);
const MAX_TIMEOUT: Duration = Duration::from_secs(8);
/// How often the sender pings while there is nothing to send (RFC 8085 section 3.5: no more often
/// than every 15 seconds), and the longest interval between two requests for credit.
const KEEPALIVE: Duration = Duration::from_secs(15);
/// How often the last frame is sent: nothing answers it, and any copy may be lost.
const CLOSE_REPEATS: u32 = 3;
/// How much of a resumed stream is read at once to compare it.
const VERIFY_CHUNK: usize = 4 << 20;

/// Configuration of a sender.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SenderConfig {
    /// The stream's length in bytes, if it is known in advance.
    pub size: Option<u64>,
    /// Its name: a file's name without its folders.
    pub name: String,
    /// The longest datagram to try on this path, in bytes of UDP payload.
    pub max_datagram: u16,
    /// How long the receiver may be silent before it counts as gone.
    pub timeout: Duration,
}

impl SenderConfig {
    /// A stream of that name and of unknown length, in datagrams of up to 1,472 bytes, which fill
    /// Ethernet's MTU by IPv4; a receiver is gone after a minute.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            size: None,
            name: name.into(),
            max_datagram: 1_472,
            timeout: Duration::from_secs(60),
        }
    }
}

/// What a sender has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SenderCounts {
    /// Datagrams of every kind that were sent.
    pub datagrams: u64,
    /// Bytes of the stream that were sent, retransmissions included.
    pub bytes: u64,
    /// Bytes of the stream that were retransmitted.
    pub repeated: u64,
    /// Datagrams that were declared lost.
    pub lost: u64,
    /// Datagrams declared lost that arrived after all.
    pub spurious_losses: u64,
    /// Probe timeouts.
    pub timeouts: u64,
    /// Received datagrams that were not valid frames for this end.
    pub rejected: u64,
}

#[derive(Debug)]
enum Phase {
    Opening {
        token: [u8; 16],
        next: Duration,
        wait: Duration,
        /// When the last open frame with this token was sent, and how many were.
        open_sent: (Duration, u32),
    },
    /// The receiver has a part already: is it of the same stream?
    Verifying(Accept),
    Sending,
    Over(Result<(), Failure>),
}

/// The sending end: receives datagrams and the time, returns datagrams.
///
/// Call [`poll_transmit`](Self::poll_transmit) until it returns `None`, wait for a datagram until
/// [`poll_timeout`](Self::poll_timeout), pass it to [`handle_datagram`](Self::handle_datagram) or,
/// without one, call [`handle_timeout`](Self::handle_timeout), and repeat, until
/// [`result`](Self::result) returns how the transfer ended.
///
/// ```
/// use std::time::Duration;
/// use udpraw::protocol::congestion::Cubic;
/// use udpraw::protocol::transfer::{Frame, Sender, SenderConfig, decode};
///
/// let now = Duration::ZERO;
/// let mut config = SenderConfig::new("greeting");
/// config.size = Some(5);
/// let mut sender = Sender::new(now, 0x1234, config, Box::new(Cubic::new(1_472)));
/// let stream: &[u8] = b"hello";
/// let mut datagram = Vec::new();
/// sender.poll_transmit(now, &stream).unwrap().copy(&stream, &mut datagram);
/// assert!(matches!(decode(&datagram).unwrap().frame, Frame::Open(_)));
/// assert!(sender.poll_transmit(now, &stream).is_none());
/// assert_eq!(sender.poll_timeout(), Some(Duration::from_secs(1))); // then it asks again
/// ```
#[derive(Debug)]
pub struct Sender {
    id: u64,
    config: SenderConfig,
    phase: Phase,
    in_flight: InFlight,
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
    is_storing: bool,
    /// Everything was sent, and the source had no digest yet when it was last asked.
    awaits_digest: bool,
    /// The shorter of both ends' timeouts.
    peer_timeout: Duration,
    last_received: Duration,
    last_sent: Duration,
    /// The last frame for the receiver, and how many more times to send it.
    close_frame: Option<(Code, String, u32)>,
    /// What [`Self::poll_transmit`] returned last; kept for its memory.
    run: Run,
    limits: Limits,
    counts: SenderCounts,
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
            phase: Phase::Opening {
                token: [0; 16],
                next: now,
                wait: INITIAL_TIMEOUT,
                open_sent: (now, 0),
            },
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
            is_storing: false,
            awaits_digest: false,
            peer_timeout,
            last_received: now,
            last_sent: now,
            close_frame: None,
            run: Run::default(),
            limits: Limits::new(now),
            counts: SenderCounts::default(),
        };
        sender.congestion.set_segment_size(segment.into());
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
        match &self.phase {
            Phase::Verifying(_) => self.stream.digest.length(),
            _ => self.stream.released(),
        }
    }

    /// The stream was sent up to here.
    pub fn sent(&self) -> u64 {
        self.stream.next
    }

    /// Whether the stream flows: the receiver has agreed, and its kept part is of this stream.
    pub fn is_sending(&self) -> bool {
        matches!(self.phase, Phase::Sending)
    }

    /// The digest of the part that the receiver had already; of more, if the sender computes it
    /// itself.
    pub fn digest(&self) -> &Digest {
        &self.stream.digest
    }

    /// Whether [`poll_transmit`](Self::poll_transmit) has sent everything except the end, and the
    /// source had no digest: call it again soon. A digest that was computed since does not change
    /// this.
    pub fn awaits_digest(&self) -> bool {
        self.awaits_digest
    }

    /// Whether the receiver has agreed to the transfer.
    pub fn is_open(&self) -> bool {
        !matches!(self.phase, Phase::Opening { .. })
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

    /// Ends it, and sends the reason to the receiver.
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
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::protocol::congestion::Cubic;
    use crate::protocol::transfer::{Digesting, Frame, Source};

    /// A stream whose digest is ready at an arbitrary time.
    struct Late(Cell<Digesting>);

    impl Source for Late {
        fn available(&self) -> u64 {
            5
        }

        fn is_complete(&self) -> bool {
            true
        }

        fn digest(&self) -> Digesting {
            self.0.get()
        }

        fn bytes(&self, offset: u64, max_length: usize) -> &[u8] {
            &b"hello"[offset as usize..][..max_length.min(5 - offset as usize)]
        }
    }

    /// Otherwise the end would never be sent for a stream whose digest is ready just before the
    /// wait.
    #[test]
    fn a_digest_that_it_has_not_seen_ends_no_waiting() {
        let (now, id) = (Duration::ZERO, 7);
        let config = SenderConfig {
            size: Some(5),
            name: String::new(),
            max_datagram: 1_200,
            timeout: Duration::from_secs(60),
        };
        let mut sender = Sender::new(now, id, config, Box::new(Cubic::new(1_200)));
        let source = Late(Cell::new(Digesting::Pending));
        assert!(sender.poll_transmit(now, &source).is_some(), "it opens");
        let mut answer = Vec::new();
        let accept = Accept {
            credit: 5,
            resume: 0,
            digest: Digest::default().value(),
            max_datagram: 1_200,
            delay: 2,
            peer_timeout: 60,
        };
        Frame::Accept(accept).encode(id, &mut answer);
        assert_eq!(sender.handle_datagram(now, &answer), Ok(()));
        assert!(sender.poll_transmit(now, &source).is_some(), "it sends");
        assert!(!sender.awaits_digest());
        assert!(sender.poll_transmit(now, &source).is_none());
        assert!(sender.awaits_digest());
        source.0.set(Digesting::Done(9));
        assert!(sender.awaits_digest());
        assert!(sender.poll_transmit(now, &source).is_some(), "it ends");
        assert!(sender.poll_transmit(now, &source).is_none());
        assert!(!sender.awaits_digest());
    }
}
