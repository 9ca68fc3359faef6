//! What client and server print about exchanges.

use std::fmt::{self, Display};

use serde::Serialize;
use udpraw::client::Unasked;
use udpraw::protocol::exchange::{Defect, Ignored, Kind, SPOKEN, Served, VERSION};
use udpraw::server::{Request, Unserved};

use super::python::{Repr, Tuple};

/// An id as it is written everywhere: 16 hexadecimal digits. A number of 64 bits would not survive
/// every reader of JSON.
pub(super) struct Id(pub(super) u64);

impl Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Serialize for Id {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
impl schemars::JsonSchema for Id {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Id".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[0-9a-f]{16}$" })
    }
}

/// How many datagrams a client ignored, and why.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct IgnoredRecord {
    /// Replies to earlier requests, and second replies.
    stale: u64,
    /// Datagrams of unexpected sources, and replies to requests that were never sent.
    forged: u64,
    /// Frames cut short or with a wrong checksum.
    corrupt: u64,
    /// Datagrams that are no reply of an exchange.
    other: u64,
}

impl From<Ignored> for IgnoredRecord {
    fn from(ignored: Ignored) -> Self {
        Self {
            stale: ignored.stale,
            forged: ignored.forged,
            corrupt: ignored.corrupt,
            other: ignored.other,
        }
    }
}

/// Counts of a server's exchanges.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ServedRecord {
    /// Requests received for the first time, each executed once.
    requests: u64,
    /// Requests received again, and answered from the reply cache.
    retransmissions: u64,
    /// Requests whose reply was more than three times their size.
    too_long: u64,
    /// Requests of another version, each answered with the versions that this server supports.
    unsupported_version: u64,
    /// Ignored: replies.
    replies: u64,
    /// Ignored: other requests with the id of an earlier request of the same client.
    reused_ids: u64,
    /// Ignored: frames cut short or with a wrong checksum.
    corrupt: u64,
    /// Ignored: datagrams that are no frame of an exchange, or of an unknown kind.
    not_exchange: u64,
    /// Replies removed from the cache to make room: a retransmission of such a request is executed again.
    evictions: u64,
}

impl From<Served> for ServedRecord {
    fn from(served: Served) -> Self {
        Self {
            requests: served.requests,
            retransmissions: served.repeats,
            too_long: served.too_long,
            unsupported_version: served.unsupported,
            replies: served.answers,
            reused_ids: served.reused,
            corrupt: served.damaged,
            not_exchange: served.foreign,
            evictions: served.evicted,
        }
    }
}

/// The counts that are not 0, each with its words.
fn present(counts: &[(u64, &str)]) -> String {
    let words: Vec<_> = counts
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{number} {what}"))
        .collect();
    words.join(", ")
}

/// `3 ignored (2 stale, 1 forged)`.
pub(super) fn ignored(ignored: &Ignored) -> String {
    let total = ignored.total();
    if total == 0 {
        return "0 ignored".into();
    }
    let why = present(&[
        (ignored.stale, "stale"),
        (ignored.forged, "forged"),
        (ignored.corrupt, "corrupt"),
        (ignored.other, "not a reply"),
    ]);
    format!("{total} ignored ({why})")
}

/// `1 exchange, 2 repeats answered from the cache`, and the other counts.
pub(super) fn served(served: &Served) -> String {
    let first = super::count(served.requests, "exchange", "exchanges");
    let rest = present(&[
        (served.repeats, "answered from the cache"),
        (served.too_long, "with a reply that is too long"),
        (served.unsupported, "of an unsupported version"),
        (served.answers, "ignored as replies"),
        (served.reused, "ignored for a reused id"),
        (served.damaged, "ignored as corrupt"),
        (served.foreign, "ignored as not an exchange"),
        (served.evicted, "evicted from the reply cache"),
    ]);
    if rest.is_empty() {
        first
    } else {
        format!("{first}, {rest}")
    }
}

/// Why a client ignored a datagram, in a word for programs.
pub(super) fn unasked_word(why: Unasked) -> &'static str {
    match why {
        Unasked::Stale => "stale",
        Unasked::Forged => "forged",
        Unasked::Defect(defect) => defect_word(defect),
        _ => "other",
    }
}

/// Why a client ignored a datagram.
pub(super) fn unasked(why: Unasked) -> String {
    match why {
        Unasked::Stale => "it answers an earlier request, or one already answered".into(),
        Unasked::Forged => "it answers no request that was sent there".into(),
        Unasked::Defect(defect) => defect.to_string(),
        _ => "it answers no open request".into(),
    }
}

/// Why a server did not serve a datagram, in a word for programs: one of the schema's words.
pub(super) fn unserved_word(why: Unserved) -> &'static str {
    match why {
        Unserved::Defect(defect) => defect_word(defect),
        Unserved::Version(_) => "unknown-version",
        Unserved::Answer(_) => "reply",
        Unserved::ReusedId => "reused-id",
        _ => "other",
    }
}

fn defect_word(defect: Defect) -> &'static str {
    match defect {
        Defect::Foreign => "not-exchange",
        Defect::Truncated => "truncated",
        Defect::Corrupt => "corrupt",
        Defect::Unknown { version, .. } if SPOKEN.contains(&version) => "unknown-kind",
        Defect::Unknown { .. } => "unknown-version",
        _ => "other",
    }
}

/// That a server did not serve a datagram.
pub(super) fn unserved(request: &Request<'_>, why: Unserved) -> String {
    let (client, bytes) = (Tuple(request.client), request.bytes);
    match why {
        Unserved::Defect(Defect::Foreign) => {
            let text = Repr(bytes);
            format!("not answered: {client} sent no exchange (no --exchange there?): {text}")
        }
        Unserved::Defect(defect) => {
            let length = request.length;
            format!("not answered: {length} bytes from {client}: {defect}")
        }
        Unserved::Version(defect) => {
            format!("{client} was sent the reason: {defect}")
        }
        Unserved::Answer(Kind::Unsupported) => {
            format!("{client} does not support version {VERSION} of the exchange")
        }
        Unserved::Answer(_) => {
            format!("not answered: {client} sent a reply, and replies are never answered")
        }
        Unserved::ReusedId => {
            format!("not answered: {client} used this id for another request before")
        }
        _ => format!("not answered: datagram from {client}"),
    }
}

/// That a server supports only other versions.
pub(super) fn unsupported(versions: &[u8]) -> String {
    let versions: Vec<_> = versions.iter().map(u8::to_string).collect();
    let theirs = match versions.as_slice() {
        [] => "none".into(),
        versions => versions.join(", "),
    };
    format!("version {VERSION} of the exchange; it reports that it supports {theirs}")
}
