//! How a receiver is to be, and what it counts.

use std::time::Duration;

use crate::protocol::transfer::digest::Digest;

/// How a receiver is to be.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReceiverConfig {
    /// Bytes of the stream that may come before the first are taken out of the socket's buffer: what
    /// it surely has room for.
    pub window: u64,
    /// The most bytes that the window grows to on a long path, and that are kept when they come too
    /// early.
    pub max_window: usize,
    /// The longest datagram, in bytes of UDP payload, that there is room for.
    pub max_datagram: u16,
    /// How long the sender may be silent before it counts as gone; and how long a receiver that is
    /// done stays to say so again, if it does not hear that the sender knows.
    pub timeout: Duration,
    /// The digest of what is there already, from an earlier transfer.
    pub kept: Digest,
}

impl Default for ReceiverConfig {
    /// A window of 64 KiB that does not grow, which the least receive buffer in use has room for;
    /// datagrams of up to 1,472 bytes; a sender is gone after a minute; nothing is there already.
    fn default() -> Self {
        Self {
            window: 64 << 10,
            max_window: 64 << 10,
            max_datagram: 1_472,
            timeout: Duration::from_secs(60),
            kept: Digest::default(),
        }
    }
}

/// What a receiver has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceiverCounts {
    /// Data frames that came.
    pub datagrams: u64,
    /// Datagrams that came twice, by their number.
    pub duplicates: u64,
    /// Datagrams whose bytes were there already under another number: sent again for nothing.
    pub repeated: u64,
    /// Datagrams that came before one that was sent earlier.
    pub reordered: u64,
    /// Frames that made no sense.
    pub malformed: u64,
    /// Acknowledgements sent.
    pub acknowledgements: u64,
}
