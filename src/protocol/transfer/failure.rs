//! How a transfer fails.

use std::fmt;
use std::time::Duration;

use super::wire::{Code, VERSION};
use crate::error::describe_errno;

/// Why a transfer failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// The peer ended it.
    Closed {
        /// Why.
        code: Code,
        /// The peer's own text, unchanged.
        reason: Vec<u8>,
    },
    /// This end ended it.
    Abandoned {
        /// Why.
        code: Code,
        /// The text that was sent to the peer.
        reason: String,
    },
    /// The peer was silent for this time.
    Silent(Duration),
    /// The network reports, with this errno, that the peer is gone.
    Unreachable(i32),
    /// The receiver supports only other versions.
    Version(Vec<u8>),
    /// The receiver no longer knows the transfer: it was started again. A new transfer can go on
    /// where this one was.
    Restarted,
    /// The receiver answers each opening with another challenge.
    Challenges,
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Finished => "finished",
            Self::Interrupted => "interrupted",
            Self::Refused => "refused",
            Self::Source => "cannot read the stream",
            Self::Storage => "cannot store the stream",
            Self::OtherStream => "the kept part is not the beginning of this stream",
            Self::Digest => "the digests differ",
            Self::Protocol => "invalid frame",
            Self::Unknown => "unknown transfer",
            Self::WrongCode => "wrong code",
            Self::CodeRequired => "the receiver takes only senders with its code",
            Self::NoCode => "the receiver has no code",
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed { code, reason } => {
                write!(f, "the other end closed the transfer: {code}")?;
                if reason.is_empty() {
                    Ok(())
                } else {
                    write!(f, ": {}", String::from_utf8_lossy(reason).escape_debug())
                }
            }
            Self::Abandoned { code, reason } if reason.is_empty() => write!(f, "{code}"),
            Self::Abandoned { reason, .. } => f.write_str(reason),
            Self::Silent(time) => {
                write!(f, "the other end was silent for {time:?}")
            }
            Self::Unreachable(errno) => {
                write!(f, "the other end is gone: {}", describe_errno(*errno))
            }
            Self::Version(versions) => write!(
                f,
                "the receiver supports the versions {versions:?} of the transfer protocol, this is version {VERSION}"
            ),
            Self::Restarted => f.write_str("the receiver was started again during the transfer"),
            Self::Challenges => {
                f.write_str("the receiver answers each opening with another challenge")
            }
        }
    }
}

impl std::error::Error for Failure {}
