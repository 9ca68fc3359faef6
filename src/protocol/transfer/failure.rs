//! How a transfer fails.

use std::fmt;
use std::time::Duration;

use super::frame::{Code, VERSION};
use crate::error::describe_errno;

/// Why a transfer ended before its time.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// The other end ended it.
    Closed {
        /// Why.
        code: Code,
        /// Its words, as they came.
        reason: Vec<u8>,
    },
    /// This end ended it.
    Abandoned {
        /// Why.
        code: Code,
        /// The words that the other end was told.
        reason: String,
    },
    /// Nothing was heard of the other end for so long.
    Silent(Duration),
    /// The network says that the other end is not there any more, by this errno.
    Unreachable(i32),
    /// The receiver speaks other versions.
    Version(Vec<u8>),
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Finished => "finished",
            Self::Interrupted => "it was interrupted",
            Self::Refused => "it takes no such transfer",
            Self::Source => "it cannot read the stream any further",
            Self::Storage => "it cannot store the stream",
            Self::OtherStream => "what was kept is not the beginning of this stream",
            Self::Digest => "the digests differ",
            Self::Protocol => "a frame made no sense",
            Self::Unknown => "it knows no such transfer (any more)",
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
                write!(f, "nothing was heard of the other end for {time:?}")
            }
            Self::Unreachable(errno) => write!(
                f,
                "the other end is not there any more: {}",
                describe_errno(*errno)
            ),
            Self::Version(versions) => write!(
                f,
                "the receiver speaks versions {versions:?} of the transfer protocol, this is version {VERSION}"
            ),
        }
    }
}

impl std::error::Error for Failure {}
