//! One file, folder, link or stream of a transfer.

/// One file, folder, link or stream, as its sender describes it.
///
/// Nothing in it can be trusted by a receiver: a path may contain `..`, a name may be anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// The path, relative to the folder that is sent: components separated by `/`, as bytes. A
    /// single file has one component.
    pub path: Vec<u8>,
    /// The permission bits of the mode (07777), as in chmod(2).
    pub mode: u16,
    /// When the contents were last modified.
    pub modified: Modified,
}

/// What an [`Entry`] is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file with its size in bytes.
    File {
        /// Bytes of its contents, holes included.
        size: u64,
    },
    /// A folder.
    Folder,
    /// A symbolic link, with the path that it holds.
    Link {
        /// As readlink(2) returns it.
        target: Vec<u8>,
    },
    /// A stream of unknown length, such as a pipe.
    Stream,
}

/// A time since the epoch of Unix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Modified {
    /// Whole seconds; negative before 1970.
    pub seconds: i64,
    /// Nanoseconds of the second, less than 10^9.
    pub nanoseconds: u32,
}
