//! What to send: a datagram, or a run of them.

use std::net::SocketAddr;

use crate::socket::{Ecn, SourceAddress};

/// A datagram to send, or a run of datagrams of one size that crosses the stack as one
/// (`UDP_SEGMENT`; udp(7)).
///
/// ```
/// use std::net::SocketAddr;
/// use udpraw::io::Transmit;
/// use udpraw::socket::Ecn;
///
/// let contents = [0; 3000];
/// let destination: SocketAddr = "127.0.0.1:1060".parse()?;
/// let transmit = Transmit::new(&contents)
///     .to(destination)
///     .with_ecn(Ecn::Ect0)
///     .in_segments_of(1200);
/// assert_eq!(transmit.count(), 3);
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit<'a> {
    /// The destination; `None` for the peer of a connected socket.
    pub destination: Option<SocketAddr>,
    /// The source address; `None` for the choice of the route, or the address that the socket is
    /// bound to.
    pub source: Option<SourceAddress>,
    /// The ECN codepoint. `None` leaves the TOS byte to the socket's options; otherwise its DSCP is
    /// the one that the socket had at the first such datagram.
    pub ecn: Option<Ecn>,
    /// The payload of all its datagrams, end to end.
    pub contents: &'a [u8],
    /// The size of each datagram in bytes, of which the last may be shorter; `None` (or 0) if
    /// `contents` is one datagram.
    pub segment_size: Option<usize>,
}

impl<'a> Transmit<'a> {
    /// One datagram to the peer of a connected socket.
    pub const fn new(contents: &'a [u8]) -> Self {
        Self {
            destination: None,
            source: None,
            ecn: None,
            contents,
            segment_size: None,
        }
    }

    /// The same, to `destination`.
    #[must_use]
    pub fn to(self, destination: impl Into<Option<SocketAddr>>) -> Self {
        Self {
            destination: destination.into(),
            ..self
        }
    }

    /// The same, from the address `source`.
    #[must_use]
    pub fn from(self, source: impl Into<Option<SourceAddress>>) -> Self {
        Self {
            source: source.into(),
            ..self
        }
    }

    /// The same, with the codepoint `ecn`.
    #[must_use]
    pub fn with_ecn(self, ecn: impl Into<Option<Ecn>>) -> Self {
        Self {
            ecn: ecn.into(),
            ..self
        }
    }

    /// The same contents as datagrams of `size` bytes each, the last possibly shorter; one datagram
    /// if it is 0.
    #[must_use]
    pub fn in_segments_of(self, size: usize) -> Self {
        Self {
            segment_size: (size > 0).then_some(size),
            ..self
        }
    }

    /// How many datagrams it contains; never 0.
    pub fn count(&self) -> usize {
        self.contents.len().div_ceil(self.segment().max(1)).max(1)
    }

    /// The size of each datagram; the last may be shorter.
    pub(super) fn segment(&self) -> usize {
        let length = self.contents.len();
        match self.segment_size {
            None | Some(0) => length,
            Some(size) => size.min(length),
        }
    }

    pub(super) fn is_run(&self) -> bool {
        self.contents.len() > self.segment()
    }

    /// The same datagrams, in messages of at most `segments` each.
    pub(super) fn part(&self, index: usize, segments: usize) -> Self {
        let size = self.segment().saturating_mul(segments);
        let start = index.saturating_mul(size).min(self.contents.len());
        let end = start.saturating_add(size).min(self.contents.len());
        Self {
            contents: self.contents.get(start..end).unwrap_or_default(),
            segment_size: Some(self.segment()),
            ..*self
        }
    }

    /// How many messages [`Self::part`] divides it into.
    pub(super) fn parts(&self, segments: usize) -> usize {
        self.count().div_ceil(segments.max(1))
    }
}
