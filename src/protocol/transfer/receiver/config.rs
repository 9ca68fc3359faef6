//! How a receiver is to be, and what it counts.

use std::time::Duration;

/// How a receiver is to be.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReceiverConfig {
    /// Bytes of the stream that may arrive before the first are taken out of the socket's buffer:
    /// what certainly fits there.
    pub window: u64,
    /// The most bytes that the window grows to on a long path: what may arrive early, or wait to be
    /// stored. So much memory a sender can make the receiver take, and no more than it really sends.
    pub max_window: u64,
    /// The longest datagram, in bytes of UDP payload, that there is room for.
    pub max_datagram: u16,
    /// How long the sender may be silent before it counts as gone; and how long a receiver that is
    /// done stays to say so again, if it does not hear that the sender knows.
    pub timeout: Duration,
}

impl Default for ReceiverConfig {
    /// A window of 64 KiB that does not grow, which the smallest receive buffer in use has room for;
    /// datagrams of up to 1,472 bytes; a sender is gone after a minute.
    fn default() -> Self {
        Self {
            window: 64 << 10,
            max_window: 64 << 10,
            max_datagram: 1_472,
            timeout: Duration::from_secs(60),
        }
    }
}

/// What a receiver has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceiverCounts {
    /// Packets with bytes of the stream.
    pub datagrams: u64,
    /// Packets that arrived twice, by their number, or too late to matter.
    pub duplicates: u64,
    /// Packets whose bytes were there already under another number: sent again for nothing.
    pub repeated: u64,
    /// Packets that arrived before one that was sent earlier.
    pub reordered: u64,
    /// Packets that were forged or damaged, or made no sense.
    pub malformed: u64,
    /// Acknowledgements sent.
    pub acknowledgements: u64,
    /// Bytes of the packets with acknowledgements.
    pub acknowledgement_bytes: u64,
    /// Packets marked by a congested router (ECN-CE).
    pub marked: u64,
    /// How often the sender's address changed.
    pub migrations: u64,
}
