//! What a probe may honestly claim, and by what evidence.

use std::net::SocketAddr;
use std::time::Duration;

use super::payload::Reading;
use crate::socket::{Origin, QueuedError};

/// What a probe found. The order is that of what is known: of several rounds the last in it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Nothing came back, which says nothing.
    Silent,
    /// No way leads there: ICMP, or the kernel's own routes, said so.
    Unreachable,
    /// Someone on the way, or the host itself, forbids it, and says so.
    Filtered,
    /// The host says that nobody listens: ICMP port unreachable.
    Closed,
    /// A reply came, but from elsewhere.
    WrongSource,
    /// A reply came from where the question went.
    Open,
}

impl Verdict {
    /// All of them, the best known first.
    pub const ALL: [Self; 6] = [
        Self::Open,
        Self::WrongSource,
        Self::Closed,
        Self::Filtered,
        Self::Unreachable,
        Self::Silent,
    ];

    /// Its name in a word: `open`, `wrong-source`.
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

    /// What an ICMP message says about the port that was asked; `None` if it says nothing about that,
    /// such as that a datagram was too long.
    ///
    /// Types and codes are those of RFC 792, 1122 section 3.2.2.1, 1812 section 5.2.7.1 and 4443.
    pub fn of_icmp(error: &QueuedError) -> Option<Self> {
        match (error.origin, error.icmp_type, error.icmp_code) {
            (Origin::Icmp, 3, 3) | (Origin::Icmp6, 1, 4) => Some(Self::Closed),
            (Origin::Icmp, 3, 9 | 10 | 13) | (Origin::Icmp6, 1, 1 | 5 | 6) => Some(Self::Filtered),
            (Origin::Icmp, 3, 4) | (Origin::Icmp6, 2, _) => None,
            (Origin::Icmp, 3 | 11 | 12, _) | (Origin::Icmp6, 1 | 3 | 4, _) => {
                Some(Self::Unreachable)
            }
            _ => None,
        }
    }

    /// What it says that this machine's kernel would not send; `None` if that is a fault of the call
    /// and not of the way.
    ///
    /// A `prohibit` route is EACCES and a `blackhole` one EINVAL (ip-route(8)); a firewall's drop on
    /// the way out is EPERM.
    pub fn of_send(errno: i32) -> Option<Self> {
        match errno {
            libc::EPERM | libc::EACCES => Some(Self::Filtered),
            libc::ENETUNREACH
            | libc::EHOSTUNREACH
            | libc::ENETDOWN
            | libc::EHOSTDOWN
            | libc::EINVAL
            | libc::EADDRNOTAVAIL
            | libc::EAFNOSUPPORT
            | libc::ENODEV
            | libc::ENXIO => Some(Self::Unreachable),
            _ => None,
        }
    }
}

/// The name of an ICMP message's type and code, as the standards have them.
///
/// ```
/// use udpraw::probe::icmp_name;
/// use udpraw::socket::Origin;
/// assert_eq!(icmp_name(Origin::Icmp, 3, 3), "port unreachable");
/// assert_eq!(icmp_name(Origin::Icmp6, 1, 1), "administratively prohibited");
/// ```
pub fn icmp_name(origin: Origin, kind: u8, code: u8) -> &'static str {
    match (origin, kind, code) {
        (Origin::Icmp, 3, 0) => "network unreachable",
        (Origin::Icmp, 3, 1) => "host unreachable",
        (Origin::Icmp, 3, 2) => "protocol unreachable",
        (Origin::Icmp, 3, 3) | (Origin::Icmp6, 1, 4) => "port unreachable",
        (Origin::Icmp, 3, 4) => "fragmentation needed",
        (Origin::Icmp, 3, 5) => "source route failed",
        (Origin::Icmp, 3, 6) => "network unknown",
        (Origin::Icmp, 3, 7) => "host unknown",
        (Origin::Icmp, 3, 8) => "source host isolated",
        (Origin::Icmp, 3, 9) => "network administratively prohibited",
        (Origin::Icmp, 3, 10) => "host administratively prohibited",
        (Origin::Icmp, 3, 11) => "network unreachable for this TOS",
        (Origin::Icmp, 3, 12) => "host unreachable for this TOS",
        (Origin::Icmp, 3, 13) | (Origin::Icmp6, 1, 1) => "administratively prohibited",
        (Origin::Icmp, 3, 14) => "host precedence violation",
        (Origin::Icmp, 3, 15) => "precedence cutoff",
        (Origin::Icmp, 11, _) | (Origin::Icmp6, 3, _) => "time exceeded",
        (Origin::Icmp, 12, _) | (Origin::Icmp6, 4, _) => "parameter problem",
        (Origin::Icmp6, 1, 0) => "no route to destination",
        (Origin::Icmp6, 1, 2) => "beyond scope of source address",
        (Origin::Icmp6, 1, 3) => "address unreachable",
        (Origin::Icmp6, 1, 5) => "source address failed policy",
        (Origin::Icmp6, 1, 6) => "route to destination rejected",
        (Origin::Icmp6, 2, _) => "packet too big",
        (Origin::Icmp, 3, _) | (Origin::Icmp6, 1, _) => "destination unreachable",
        _ => "an unknown message",
    }
}

/// What a verdict rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// A datagram that came.
    Reply(Reply),
    /// What ICMP told.
    Icmp {
        /// The message, and who sent it.
        error: QueuedError,
        /// Whether this machine sent it itself, as it does of a neighbour that does not answer.
        is_own: bool,
    },
    /// The kernel of this machine would not send: an errno.
    Send(i32),
    /// Nothing.
    Nothing,
}

/// A datagram that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Who sent it.
    pub source: SocketAddr,
    /// Its first bytes, at most [`Reply::KEPT`].
    pub bytes: Vec<u8>,
    /// How long it was, in bytes.
    pub length: usize,
    /// What it says.
    pub reading: Reading,
}

impl Reply {
    /// So many bytes of a reply are kept.
    pub const KEPT: usize = 512;
}

/// What was found about one target.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Which of the config's targets.
    pub target: usize,
    /// What is claimed.
    pub verdict: Verdict,
    /// By what evidence.
    pub evidence: Evidence,
    /// From the datagram that was answered to the answer, where it is known which one was.
    pub after: Option<Duration>,
    /// How many datagrams were sent.
    pub tries: u32,
    /// How many rounds there were, and how many of them had a reply or were told that the port is
    /// closed.
    pub rounds: u32,
    /// See [`Self::rounds`].
    pub answered: u32,
    /// From the first datagram to the verdict.
    pub elapsed: Duration,
    /// Of each answer of which it is known what it answers, in order of time, and of the first
    /// [`Self::MOST_ROUND_TRIPS`] alone.
    pub round_trips: Vec<Duration>,
}

impl Finding {
    /// So many round trips are kept, however many rounds there are.
    pub const MOST_ROUND_TRIPS: usize = 1 << 16;

    /// Of a target that this machine has no socket for, by an errno of socket(2).
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
