//! The verdicts of a probe, and their evidence.

use std::net::SocketAddr;
use std::time::Duration;

use super::payload::Reading;
use crate::socket::{QueuedError, Refusal};

/// The result of a probe. The verdicts are ordered by certainty: of several rounds, the greatest
/// counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// No reply, which is inconclusive.
    Silent,
    /// No route: reported by ICMP, or by the kernel's own routing.
    Unreachable,
    /// Administratively prohibited: reported by a router, by the host, or by this kernel.
    Filtered,
    /// Nothing listens: the host sent ICMP port unreachable.
    Closed,
    /// A reply arrived, but from another address.
    WrongSource,
    /// A reply arrived from the address that was asked.
    Open,
}

impl Verdict {
    /// All verdicts, the most certain first.
    pub const ALL: [Self; 6] = [
        Self::Open,
        Self::WrongSource,
        Self::Closed,
        Self::Filtered,
        Self::Unreachable,
        Self::Silent,
    ];

    /// Its name: `open`, `wrong-source`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::Unreachable => "unreachable",
            Self::Filtered => "filtered",
            Self::Closed => "closed",
            Self::WrongSource => "wrong-source",
            Self::Open => "open",
        }
    }

    /// The verdict of an ICMP message about the port that was asked ([`QueuedError::refusal`]).
    pub fn of_icmp(error: &QueuedError) -> Option<Self> {
        error.refusal().map(Self::from)
    }

    /// The verdict if this machine's kernel refused to send ([`Refusal::of_send`]).
    pub fn of_send(errno: i32) -> Option<Self> {
        Refusal::of_send(errno).map(Self::from)
    }
}

impl From<Refusal> for Verdict {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Closed => Self::Closed,
            Refusal::Filtered => Self::Filtered,
            Refusal::Unreachable => Self::Unreachable,
        }
    }
}

/// The evidence of a verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Evidence {
    /// A datagram that arrived.
    Reply(Reply),
    /// An ICMP message.
    Icmp {
        /// The message, and its sender.
        error: QueuedError,
        /// Whether this machine sent it itself, as it does for a neighbor that does not answer.
        is_own: bool,
    },
    /// This machine's kernel refused to send: an errno.
    Send(i32),
    /// Nothing.
    Nothing,
}

/// A datagram that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reply {
    /// The sender.
    pub source: SocketAddr,
    /// The first bytes, at most [`Reply::KEPT`].
    pub bytes: Vec<u8>,
    /// Its length in bytes.
    pub length: usize,
    /// The reading of its content.
    pub reading: Reading,
}

impl Reply {
    /// The maximum number of bytes of a reply that are kept.
    pub const KEPT: usize = 512;
}

/// The result for one target.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Finding {
    /// The index of the target in the configuration.
    pub target: usize,
    /// The verdict.
    pub verdict: Verdict,
    /// The evidence.
    pub evidence: Evidence,
    /// The round-trip time, if it is known which datagram was answered.
    pub after: Option<Duration>,
    /// The number of datagrams sent.
    pub tries: u32,
    /// The number of rounds, and how many of them had a reply or a port unreachable.
    pub rounds: u32,
    /// See [`Self::rounds`].
    pub answered: u32,
    /// The time from the first datagram to the verdict.
    pub elapsed: Duration,
    /// The round-trip times in order of time, for answers whose question is known: only the first
    /// [`Self::MOST_ROUND_TRIPS`].
    pub round_trips: Vec<Duration>,
}

impl Finding {
    /// The maximum number of round trips that are kept.
    pub const MOST_ROUND_TRIPS: usize = 1 << 16;

    /// Makes the finding for a target for which this machine has no socket: an errno of socket(2).
    pub(super) fn unsent(target: usize, errno: i32) -> Self {
        Self {
            target,
            verdict: Verdict::Unreachable,
            evidence: Evidence::Send(errno),
            after: None,
            tries: 0,
            rounds: 0,
            answered: 0,
            elapsed: Duration::ZERO,
            round_trips: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socket::{Origin, icmp_name};

    fn verdict(origin: Origin, icmp_type: u8, icmp_code: u8) -> Option<Verdict> {
        let destination = "192.0.2.1:9".parse().unwrap();
        let (errno, info, offender, returned) = (111, 0, None, 0);
        Verdict::of_icmp(&QueuedError {
            errno,
            origin,
            icmp_type,
            icmp_code,
            info,
            offender,
            destination,
            returned,
            message: 0,
            scheduled: None,
            sent: None,
            completed: None,
        })
    }

    #[test]
    fn every_message_has_a_name_and_none_says_open() {
        for origin in [Origin::Icmp, Origin::Icmp6, Origin::Local, Origin::Other(9)] {
            for kind in 0..=u8::MAX {
                for code in 0..=u8::MAX {
                    assert!(!icmp_name(origin, kind, code).is_empty());
                    assert!(verdict(origin, kind, code).is_none_or(|it| it < Verdict::WrongSource));
                }
            }
        }
        assert_eq!(verdict(Origin::Icmp, 3, 3), Some(Verdict::Closed));
        assert_eq!(verdict(Origin::Icmp, 3, 13), Some(Verdict::Filtered));
        assert_eq!(verdict(Origin::Icmp, 3, 1), Some(Verdict::Unreachable));
        assert_eq!(verdict(Origin::Icmp6, 1, 0), Some(Verdict::Unreachable));
        assert_eq!(verdict(Origin::Icmp, 3, 4), None);
        assert_eq!(verdict(Origin::Local, 3, 3), None);
    }

    #[test]
    fn all_are_all() {
        assert!(Verdict::ALL.is_sorted_by(|a, b| a > b));
    }
}
