//! The sender's NDJSON.

use serde::Serialize;
use udpraw::transfer::Sent;

use crate::cli::output::envelope::{json_event, nanos};
use crate::cli::output::record::Address;
use crate::cli::output::transfer::ProgressRecord;
#[cfg(test)]
use crate::cli::output::transfer::reasons;

/// An object of the sender's NDJSON.
#[derive(Serialize)]
#[serde(untagged)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::cli::output) enum Record {
    /// The transfer makes progress.
    Progress(ProgressRecord),
    /// Something about one file or folder.
    Entry {
        /// Its path; empty if it is no longer known.
        path: String,
        /// What: it is no file (`skipped`), cannot be listed (`unlisted`), the receiver does not store
        /// it (`refused`), it was not sent completely (`failed`), or it goes on after a part that the
        /// receiver kept (`resumed`).
        #[cfg_attr(test, schemars(extend("enum" = ["skipped", "unlisted", "refused", "failed", "resumed"])))]
        what: &'static str,
        /// Why, for people.
        message: String,
    },
    /// Something that passes or changes nothing: the network takes no datagrams, the receiver was
    /// started again, events were left out.
    Note {
        /// What, for people.
        message: String,
    },
    /// Everything was sent, and the receiver has stored it, except `failed_entries`.
    Done(Account),
    /// The transfer failed. Its counts are missing if it never began.
    Failed {
        /// Why, in a word: nothing was received for too long (`silent`), an ICMP error
        /// (`unreachable`), another version of the protocol (`version`), or the code by which one end
        /// closed the transfer; null if this end failed.
        #[cfg_attr(test, schemars(extend("enum" = reasons())))]
        reason: Option<&'static str>,
        /// Why, for people.
        message: String,
        #[serde(flatten)]
        account: Option<Account>,
    },
}

json_event!("udpraw.send/1", enum Record {
    Progress => "progress",
    Entry => "entry",
    Note => "note",
    Done => "done",
    Failed => "failed",
});

/// Counts of a transfer that was sent.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::cli::output) struct Account {
    /// The receiver.
    peer: Address,
    /// The address that was sent from.
    local: Address,
    /// Whether the transfer is encrypted.
    encrypted: bool,
    /// Bytes of files and streams that the receiver has.
    bytes: u64,
    /// Bytes of these that the receiver had before.
    resumed_bytes: u64,
    /// Bytes of these that are holes of sparse files, and were not sent.
    hole_bytes: u64,
    /// Files, folders and links that were dealt with.
    entries: u64,
    /// Those of them that the receiver had before, or made from the list.
    equal_entries: u64,
    /// Those that are not stored, or could not be read.
    failed_entries: u64,
    /// Duration of the transfer in nanoseconds.
    elapsed_ns: u64,
    /// New bytes of files and streams, in bits per second.
    goodput_bits_per_second: f64,
    /// Bytes of the stream that were sent again.
    retransmitted_bytes: u64,
    /// Datagrams sent, of every kind.
    datagrams: u64,
    /// Datagrams declared lost.
    lost: u64,
    /// Datagrams declared lost that arrived after all.
    spurious_losses: u64,
    /// Probe timeouts (RFC 9002).
    timeouts: u64,
    /// Datagrams that a congested router marked instead of dropping them (RFC 3168).
    ecn_marked: u64,
    /// How often the receiver saw another address of this end.
    migrations: u64,
    /// Smoothed round-trip time in nanoseconds; null without a sample.
    rtt_ns: Option<u64>,
    /// Largest payload of a datagram in bytes.
    datagram_bytes: u16,
    /// What limited the speed most of the time: the network `path`, the `receiver`'s buffer, its
    /// `storage`, the `source` of the stream, or this `machine`.
    #[cfg_attr(test, schemars(extend("enum" = ["path", "receiver", "storage", "source", "machine"])))]
    limited_by: &'static str,
    /// Part of the time that this was the limit, from 0 to 1.
    limited_ratio: f64,
    /// The I/O backend.
    backend: &'static str,
    /// System calls of sending, receiving and waiting.
    syscalls: u64,
}

impl From<&Sent> for Account {
    fn from(sent: &Sent) -> Self {
        let (limit, limited_ratio) = sent.limit;
        Self {
            peer: sent.destination.into(),
            local: sent.local.into(),
            encrypted: sent.is_keyed,
            bytes: sent.progress.bytes,
            resumed_bytes: sent.progress.resumed,
            hole_bytes: sent.progress.holes,
            entries: sent.progress.entries,
            equal_entries: sent.equal,
            failed_entries: sent.failed,
            elapsed_ns: nanos(sent.progress.elapsed),
            goodput_bits_per_second: sent.goodput(),
            retransmitted_bytes: sent.counts.repeated,
            datagrams: sent.counts.datagrams,
            lost: sent.counts.lost,
            spurious_losses: sent.counts.spurious_losses,
            timeouts: sent.counts.timeouts,
            ecn_marked: sent.counts.marked,
            migrations: sent.counts.migrations,
            rtt_ns: sent.round_trip.map(nanos),
            datagram_bytes: sent.datagram_size,
            limited_by: limit.name(),
            limited_ratio,
            backend: sent.backend.name(),
            syscalls: sent.syscalls,
        }
    }
}
