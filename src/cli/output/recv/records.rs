//! The receiver's NDJSON.

use serde::Serialize;
use udpraw::transfer::Arrived;

use super::{hex, lossy};
use crate::cli::output::envelope::{json_event, nanos};
use crate::cli::output::record::Address;
use crate::cli::output::transfer::ProgressRecord;
#[cfg(test)]
use crate::cli::output::transfer::reasons;

/// An object of the receiver's NDJSON.
#[derive(Serialize)]
#[serde(untagged)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::cli::output) enum Record<'a> {
    /// The socket is bound and transfers are accepted.
    Listening {
        /// The socket's file descriptor.
        fd: i32,
        /// The address that the socket is bound to.
        local: Address,
        /// The code that senders need; null if it was given, or none is needed.
        code: Option<String>,
        /// Whether transfers are encrypted.
        encrypted: bool,
    },
    /// A transfer began.
    Opened {
        /// The sender.
        peer: Address,
        /// The transfer's id in hexadecimal.
        id: String,
        /// Whether it is encrypted.
        encrypted: bool,
    },
    /// A transfer makes progress.
    Progress {
        /// The transfer's id in hexadecimal.
        id: String,
        #[serde(flatten)]
        progress: ProgressRecord,
    },
    /// Something about one file or folder.
    Entry {
        /// The transfer's id in hexadecimal.
        id: String,
        /// Its path, as the sender calls it.
        path: String,
        /// What: it is not stored (`failed`), was not sent completely (`incomplete`), has another name
        /// here (`renamed`), or goes on after a part that was kept (`resumed`).
        #[cfg_attr(test, schemars(extend("enum" = ["failed", "incomplete", "renamed", "resumed"])))]
        what: &'static str,
        /// Why, for people.
        message: String,
        /// The file that keeps what was received of it, for `--resume`; null if there is none.
        part: Option<String>,
    },
    /// Something that changes nothing.
    Note {
        /// What, for people.
        message: String,
    },
    /// Everything that was sent is stored, except `failed_entries`.
    Done(Account),
    /// A transfer failed, or none was received. The counts are missing in the second case.
    Failed {
        /// Why, in a word: nothing was received for too long (`silent`), an ICMP error
        /// (`unreachable`), another version of the protocol (`version`), or the code by which one end
        /// closed the transfer; null if no transfer was received, or this end failed.
        #[cfg_attr(test, schemars(extend("enum" = reasons())))]
        reason: Option<&'static str>,
        /// Why, for people.
        message: String,
        /// The file that keeps what was received, for `--resume`; null if there is none.
        part: Option<String>,
        #[serde(flatten)]
        account: Option<Account>,
    },
    /// A sender was refused.
    Refused {
        /// The sender.
        peer: Address,
        /// Why, for people.
        message: &'a str,
    },
}

json_event!("udpraw.recv/1", enum Record<'_> {
    Listening => "listening",
    Opened => "opened",
    Progress => "progress",
    Entry => "entry",
    Note => "note",
    Done => "done",
    Failed => "failed",
    Refused => "refused",
});

/// Counts of a transfer that was received.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::cli::output) struct Account {
    /// The sender.
    peer: Address,
    /// The transfer's id in hexadecimal.
    id: String,
    /// Whether it was encrypted.
    encrypted: bool,
    /// Path of the last file that was received, as its sender calls it; empty if there was none.
    name: String,
    /// The last file that was written; null if it was written to standard output, or nothing was.
    path: Option<String>,
    /// Bytes of files and streams that are there.
    bytes: u64,
    /// Bytes of these that were there before.
    resumed_bytes: u64,
    /// Bytes of these that are holes of sparse files, and were not sent.
    hole_bytes: u64,
    /// Files and streams that were received.
    stored_entries: u64,
    /// Folders and links, and files that were there and equal.
    equal_entries: u64,
    /// Files, folders and links that are not stored.
    failed_entries: u64,
    /// Duration of the transfer in nanoseconds.
    elapsed_ns: u64,
    /// New bytes of files and streams, in bits per second.
    goodput_bits_per_second: f64,
    /// Datagrams received twice.
    duplicates: u64,
    /// Datagrams whose bytes had been received before in another datagram.
    spurious_retransmissions: u64,
    /// Datagrams received before one that was sent earlier.
    reordered: u64,
    /// Acknowledgements sent.
    acknowledgements: u64,
    /// Bytes of datagrams with acknowledgements.
    acknowledgement_bytes: u64,
    /// Datagrams that a congested router marked instead of dropping them (RFC 3168).
    ecn_marked: u64,
    /// How often the sender's address changed.
    migrations: u64,
    /// Datagrams that were forged or damaged.
    rejected: u64,
}

impl From<&Arrived> for Account {
    fn from(arrived: &Arrived) -> Self {
        let counts = arrived.counts;
        Self {
            peer: arrived.peer.into(),
            id: hex(arrived.id),
            encrypted: arrived.is_keyed,
            name: String::from_utf8_lossy(&arrived.name).into_owned(),
            path: arrived.path.as_deref().map(lossy),
            bytes: arrived.progress.bytes,
            resumed_bytes: arrived.progress.resumed,
            hole_bytes: arrived.progress.holes,
            stored_entries: arrived.files.stored,
            equal_entries: arrived.files.equal,
            failed_entries: arrived.files.failed,
            elapsed_ns: nanos(arrived.progress.elapsed),
            goodput_bits_per_second: arrived.goodput(),
            duplicates: counts.duplicates,
            spurious_retransmissions: counts.repeated,
            reordered: counts.reordered,
            acknowledgements: counts.acknowledgements,
            acknowledgement_bytes: counts.acknowledgement_bytes,
            ecn_marked: counts.marked,
            migrations: counts.migrations,
            rejected: counts.malformed,
        }
    }
}
