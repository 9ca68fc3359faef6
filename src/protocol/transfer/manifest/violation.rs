//! What a peer can do wrong.

use std::fmt;

/// A record that the format does not allow: the transfer cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Violation {
    /// A kind of record that does not exist.
    UnknownRecord(u8),
    /// A field has a value that does not exist, such as an unknown kind of entry or status.
    BadField(&'static str),
    /// A path or target is empty or too long, or contains a zero.
    BadPath,
    /// A DATA record is empty or too long.
    BadLength,
    /// A section has more entries or bytes than allowed, or none.
    BadSection,
    /// More sections are open than allowed.
    TooManySections,
    /// A record about another entry than the one whose turn it is.
    WrongEntry {
        /// The entry's index.
        entry: u64,
        /// The one whose turn it is, if any.
        expected: Option<u64>,
    },
    /// DATA before the end of earlier DATA, beyond the end of the file, or after a gap in a stream.
    BadOffset {
        /// The entry's index.
        entry: u64,
        /// The offset.
        offset: u64,
    },
    /// A length at the end that does not agree with the contents or the size of the file.
    BadEnd {
        /// The entry's index.
        entry: u64,
    },
    /// The continuation of a kept part is missing, repeated, or at an offset that nobody asked for.
    BadResume {
        /// The entry's index.
        entry: u64,
    },
    /// The end of the stream before the end of an entry.
    Unfinished,
    /// A record after the end of the stream.
    AfterEnd,
    /// An answer to entries that were not listed, or are answered already.
    BadAnswer {
        /// The first entry's index.
        first: u64,
    },
    /// The contents of a folder or a link are wanted.
    NoContents {
        /// The entry's index.
        entry: u64,
    },
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownRecord(kind) => write!(f, "there is no record of kind {kind}"),
            Self::BadField(name) => write!(f, "a record has an invalid {name}"),
            Self::BadPath => f.write_str("a path is empty, too long, or contains a zero"),
            Self::BadLength => write!(
                f,
                "a DATA record is empty or longer than {} bytes",
                super::MAX_DATA
            ),
            Self::BadSection => f.write_str("a section of the list is empty or too long"),
            Self::TooManySections => {
                write!(
                    f,
                    "more than {} sections of the list are open",
                    super::MAX_SECTIONS
                )
            }
            Self::WrongEntry {
                entry,
                expected: Some(expected),
            } => {
                write!(
                    f,
                    "a record is about entry {entry}, and entry {expected} is next"
                )
            }
            Self::WrongEntry {
                entry,
                expected: None,
            } => {
                write!(f, "a record is about entry {entry}, which is not wanted")
            }
            Self::BadOffset { entry, offset } => {
                write!(
                    f,
                    "bytes of entry {entry} at {offset} overlap, leave a gap or exceed its size"
                )
            }
            Self::BadEnd { entry } => {
                write!(f, "entry {entry} ends at a length that it cannot have")
            }
            Self::BadResume { entry } => {
                write!(
                    f,
                    "entry {entry} does not go on where the kept part ends, or at 0"
                )
            }
            Self::Unfinished => f.write_str("the stream ends before the end of an entry"),
            Self::AfterEnd => f.write_str("a record follows the end of the stream"),
            Self::BadAnswer { first } => {
                write!(
                    f,
                    "an answer to entry {first}, which was not listed or is answered already"
                )
            }
            Self::NoContents { entry } => {
                write!(
                    f,
                    "the contents of entry {entry} are wanted, which is no file"
                )
            }
        }
    }
}

impl std::error::Error for Violation {}
