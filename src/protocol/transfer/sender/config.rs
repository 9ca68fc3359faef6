//! How a sender is to be, and what it counts.

use std::time::Duration;

use crate::protocol::transfer::crypto::{Ciphers, PreSharedKey};

/// Configuration of a sender.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SenderConfig {
    /// With a code: the transfer is encrypted, and the receiver must have the code as well.
    pub security: Option<Security>,
    /// The longest datagram to try on this path, in bytes of UDP payload.
    pub max_datagram: u16,
    /// How long the receiver may be silent before it counts as gone.
    pub timeout: Duration,
    /// How far the sender goes beyond what has arrived without a gap, whatever the receiver allows:
    /// so many bytes its source may have to keep.
    pub max_window: u64,
    /// The most bytes of UDP payload per second.
    pub max_rate: Option<u64>,
    /// Whether datagrams can be sent with ECT(0) and the receiver's counts are obeyed.
    pub ecn: bool,
}

/// What encryption needs.
#[derive(Clone, Debug)]
pub struct Security {
    /// The key that the code makes.
    pub key: PreSharedKey,
    /// The ciphers to offer.
    pub ciphers: Ciphers,
    /// Random bytes, for one transfer only: one key for each round of challenges.
    pub ephemerals: [[u8; 32]; 2],
}

impl Security {
    /// With the ciphers that are fast on this CPU. `ephemerals` must be random, and used once.
    pub fn new(key: PreSharedKey, ephemerals: [[u8; 32]; 2]) -> Self {
        Self {
            key,
            ciphers: Ciphers::of_this_cpu(),
            ephemerals,
        }
    }
}

impl Default for SenderConfig {
    /// Without a key or a limit of the rate, in datagrams of up to 1,472 bytes, which fill
    /// Ethernet's MTU over IPv4; a receiver is gone after a minute; at most 1 GiB is on its way;
    /// with ECN.
    fn default() -> Self {
        Self {
            security: None,
            max_datagram: 1_472,
            timeout: Duration::from_secs(60),
            max_window: 1 << 30,
            max_rate: None,
            ecn: true,
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
    /// Received datagrams that were not valid for this end.
    pub rejected: u64,
    /// Bytes of the received datagrams that were valid.
    pub received_bytes: u64,
    /// Datagrams marked by a congested router (ECN-CE), as the receiver counts them.
    pub marked: u64,
    /// How often the receiver checked another address of this end.
    pub migrations: u64,
}
