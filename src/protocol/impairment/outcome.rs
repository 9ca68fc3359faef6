//! What becomes of a datagram.

use std::fmt;
use std::time::Duration;

/// Why a link lost a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// It came within a window of `blackhole`.
    Blackhole,
    /// With its headers it is longer than `mtu`.
    Mtu,
    /// Chance: `loss`.
    Loss,
    /// The queue in front of the wire was full.
    Queue,
    /// More datagrams were held than a link holds.
    Overflow,
}

impl Cause {
    /// Every cause, in the order of a datagram's path.
    pub const ALL: [Self; 5] = [
        Self::Blackhole,
        Self::Mtu,
        Self::Loss,
        Self::Queue,
        Self::Overflow,
    ];

    /// Its name, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Blackhole => "blackhole",
            Self::Mtu => "mtu",
            Self::Loss => "loss",
            Self::Queue => "queue",
            Self::Overflow => "overflow",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// When a datagram leaves, in respect to the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Order {
    /// In its turn.
    #[default]
    Kept,
    /// It skipped the delay, and may overtake what came before.
    Ahead,
    /// It waits for the next datagram of its flow, and leaves behind it.
    HeldBack,
}

/// How a datagram gets through; the default is as it came, and at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Delivery {
    /// From its offer until it leaves, the time on the wire included.
    pub delay: Duration,
    /// Whether its key among the others changes.
    pub order: Order,
    /// To how many bytes it is cut.
    pub truncated: Option<u32>,
    /// Which bit is flipped: the byte's index times 8, plus the bit's, the lowest first.
    pub corrupted: Option<u32>,
    /// After how long a copy leaves too.
    pub copy: Option<Duration>,
}

impl Delivery {
    /// Whether the datagram leaves as if there were no link.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}

/// What becomes of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It gets through, perhaps late, changed or twice.
    Passes(Delivery),
    /// It does not.
    Lost(Cause),
}
