//! What the two streams of a transfer consist of: records of the sender, and answers of the receiver.

use std::fmt;

use super::Entry;

/// The longest path of an entry, in bytes (PATH_MAX without its zero).
pub const MAX_PATH: usize = 4_095;
/// The longest target of a symbolic link, in bytes.
pub const MAX_TARGET: usize = 4_095;
/// The most bytes in one DATA record.
pub const MAX_DATA: usize = 1 << 20;
/// The most entries in a section of the list.
pub const SECTION_ENTRIES: usize = 1_024;
/// The most bytes of ENTRY records in a section of the list.
pub const SECTION_BYTES: usize = 64 << 10;
/// The most sections with an entry that is not done: not answered, or wanted and not ended.
pub const MAX_SECTIONS: usize = 8;
/// The bytes of a DATA record before its contents.
pub const DATA_HEAD: usize = 21;

/// A record of the sender, as the receiver decodes it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Record<'a> {
    /// A file, folder, link or stream, to be answered.
    Entry {
        /// Its index: the number of entries before it.
        index: u64,
        /// What it is.
        entry: Entry,
    },
    /// The end of a section of the list.
    Listed,
    /// How much there is, from a count that ran ahead of the list: for progress only.
    Totals(Totals),
    /// The sender has compared the kept part of an entry ([`Answer::Resume`]) with its own.
    Resumed {
        /// The entry's index.
        entry: u64,
        /// Where its contents go on: the length of the kept part, or 0 if that part is not the
        /// beginning of what is sent now.
        from: u64,
    },
    /// Bytes of an entry. One record is decoded as several of these if it arrives in parts.
    Data {
        /// The entry's index.
        entry: u64,
        /// The offset of the bytes in the entry; what was left out before it is a hole (zeros).
        offset: u64,
        /// The bytes, at least one.
        bytes: &'a [u8],
    },
    /// The end of an entry.
    End(End),
    /// The end of the stream.
    Finished(Finished),
}

/// How much there is to send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Entries: files, folders, links and streams.
    pub entries: u64,
    /// The sum of the sizes of files.
    pub bytes: u64,
}

/// The end of one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// The entry's index.
    pub entry: u64,
    /// The length of its contents in bytes, with holes.
    pub length: u64,
    /// Whether they are whole.
    pub status: Status,
    /// XXH3-128 of the contents, holes as zeros, if the sender has computed it.
    pub digest: Option<u128>,
}

/// How an entry ended at the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Status {
    /// Its contents are complete.
    Whole,
    /// The source changed while it was sent.
    Changed,
    /// The source no longer exists.
    Vanished,
    /// The sender has no permission to read it.
    Forbidden,
    /// Reading failed.
    Unreadable,
    /// The kept part is not its beginning, and it can be read only once (a pipe).
    Different,
    /// The receiver said that it failed ([`Answered::Failed`]).
    Abandoned,
}

impl Status {
    pub(super) const ALL: [Self; 7] = [
        Self::Whole,
        Self::Changed,
        Self::Vanished,
        Self::Forbidden,
        Self::Unreadable,
        Self::Different,
        Self::Abandoned,
    ];
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Whole => "complete",
            Self::Changed => "it changed while it was sent",
            Self::Vanished => "it no longer exists at the sender",
            Self::Forbidden => "the sender may not read it",
            Self::Unreadable => "the sender could not read it",
            Self::Different => "the part that was kept is not its beginning",
            Self::Abandoned => "the receiver could not store it",
        })
    }
}

/// The end of a transfer, as its sender sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Finished {
    /// Entries listed.
    pub entries: u64,
    /// Bytes in DATA records.
    pub bytes: u64,
    /// Entries that ended with another status than [`Status::Whole`].
    pub failed: u64,
    /// What could not be listed: folders that the sender may not read, names that are too long.
    pub unlisted: u64,
}

/// An answer to one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// Send its contents: for files and streams only.
    Send,
    /// Nothing is needed: an equal file is there; a folder or a link was made, or was there.
    Equal,
    /// It will not be stored.
    Refused(Reason),
    /// Send its contents from `length` on, if the digest of what is before it is this one.
    Resume {
        /// Bytes that are kept, at least one.
        length: u64,
        /// XXH3-128 of them.
        digest: u128,
    },
}

/// A record of the receiver, as the sender decodes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answered {
    /// One answer to some successive entries.
    Run {
        /// The index of the first.
        first: u64,
        /// How many; at least one.
        count: u32,
        /// The answer. [`Answer::Resume`] is to one entry.
        answer: Answer,
    },
    /// An entry that was wanted could not be stored: its contents are no longer needed.
    Failed {
        /// The entry's index.
        entry: u64,
        /// Why.
        reason: Reason,
    },
}

/// Why a receiver does not store an entry. Details stay with the receiver: its paths and names are
/// not the sender's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Reason {
    /// There is something of that name, and it is not to be replaced.
    Exists,
    /// A folder is where a file is to be, or a file where a folder is to be.
    Kind,
    /// There is a device, a FIFO or a socket of that name.
    Special,
    /// The path leads out of the receiver's folder, or through a symbolic link.
    Path,
    /// The file system cannot hold that name.
    Name,
    /// No permission.
    Permission,
    /// The disk is full, or a quota is reached.
    Space,
    /// The file is larger than the file system or a limit allows.
    TooLarge,
    /// Another transfer is writing it.
    Busy,
    /// The file system cannot hold such an entry, or the receiver does not accept any of its kind.
    Unsupported,
    /// Writing failed.
    Storage,
    /// The folder that it belongs in was not made.
    Parent,
}

impl Reason {
    pub(super) const ALL: [Self; 12] = [
        Self::Exists,
        Self::Kind,
        Self::Special,
        Self::Path,
        Self::Name,
        Self::Permission,
        Self::Space,
        Self::TooLarge,
        Self::Busy,
        Self::Unsupported,
        Self::Storage,
        Self::Parent,
    ];
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Exists => "the receiver has one of that name, and does not replace it",
            Self::Kind => {
                "a folder is where a file is to be at the receiver, or a file where a folder is"
            }
            Self::Special => "the receiver has a device, a FIFO or a socket of that name",
            Self::Path => "its path leads out of the receiver's folder",
            Self::Name => "the receiver's file system cannot hold that name",
            Self::Permission => "the receiver has no permission to write it",
            Self::Space => "the receiver's disk is full",
            Self::TooLarge => "it is too large for the receiver",
            Self::Busy => "another transfer is writing it at the receiver",
            Self::Unsupported => "the receiver cannot store such an entry",
            Self::Storage => "the receiver could not write it",
            Self::Parent => "the receiver did not make its folder",
        })
    }
}
