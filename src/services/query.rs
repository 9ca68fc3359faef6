//! Queries: a name or a number, and a protocol.

use std::fmt;
use std::str::FromStr;

use super::text::Text;
use crate::error::{Error, Result};

/// A protocol with ports, or any: the filter of a lookup.
///
/// Lines of a file may name other protocols; [`Protocol::Any`] finds them too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// Any protocol.
    #[default]
    Any,
    /// UDP (RFC 768).
    Udp,
    /// TCP (RFC 9293).
    Tcp,
    /// UDP-Lite (RFC 3828).
    UdpLite,
    /// SCTP (RFC 9260).
    Sctp,
    /// DCCP (RFC 4340).
    Dccp,
    /// AppleTalk's DDP, which Debian's file still names.
    Ddp,
}

impl Protocol {
    /// The protocols that have ports: all except [`Protocol::Any`].
    pub const KNOWN: [Self; 6] = [
        Self::Udp,
        Self::Tcp,
        Self::UdpLite,
        Self::Sctp,
        Self::Dccp,
        Self::Ddp,
    ];

    /// Its name in a services file: `udp`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::UdpLite => "udplite",
            Self::Sctp => "sctp",
            Self::Dccp => "dccp",
            Self::Ddp => "ddp",
        }
    }

    /// Whether a line's protocol matches. As in the C library, the case of letters matters.
    pub fn includes(self, protocol: Text<'_>) -> bool {
        self == Self::Any || protocol == self.name()
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Protocol {
    type Err = Error;

    /// Reads `udp`, `tcp`, `any` and so on; case does not matter.
    fn from_str(text: &str) -> Result<Self> {
        [Self::Any]
            .into_iter()
            .chain(Self::KNOWN)
            .find(|protocol| protocol.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| {
                Error::invalid(
                    "read protocol",
                    format_args!("'{}'", text.escape_debug()),
                    "not a protocol with ports",
                )
                .with_remedy("write udp, tcp, udplite, sctp, dccp, ddp or any")
            })
    }
}

/// The key of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// The services with a port.
    Port(u16),
    /// The services with a name or an alias.
    Name(String),
}

/// A query of a services file: `ssh`, `53`, `53/udp`, `domain/tcp`.
///
/// Digits mean a port: no service name consists only of digits (RFC 6335, section 5.1).
///
/// ```
/// use udpraw::services::{Key, Protocol, Query};
/// let query: Query = "domain/udp".parse()?;
/// assert_eq!(query.key, Key::Name("domain".into()));
/// assert_eq!(query.protocol, Protocol::Udp);
/// let error = "65536".parse::<Query>().unwrap_err();
/// assert_eq!(error.to_string(), "cannot look up 65536: ports end at 65535");
/// # Ok::<(), udpraw::error::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The port or the name.
    pub key: Key,
    /// The protocol filter.
    pub protocol: Protocol,
}

impl Query {
    /// Returns the same query with the filter `protocol`, unless it has one already.
    #[must_use]
    pub fn or_protocol(mut self, protocol: Protocol) -> Self {
        if self.protocol == Protocol::Any {
            self.protocol = protocol;
        }
        self
    }
}

impl FromStr for Query {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bad = |reason| Error::invalid("look up", Shown(text), reason);
        let (key, protocol) = match text.split_once('/') {
            Some((_, "")) => return Err(bad("no protocol follows the slash")),
            Some((key, protocol)) => (key, protocol.parse()?),
            None => (text, Protocol::Any),
        };
        if key.is_empty() {
            return Err(bad("neither a name nor a port").with_remedy("write ssh, 53 or 53/udp"));
        }
        let key = match number(key) {
            Some(port) => Key::Port(port.map_err(bad)?),
            None => Key::Name(key.to_owned()),
        };
        Ok(Self { key, protocol })
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Key::Port(port) => write!(f, "{port}")?,
            Key::Name(name) => write!(f, "{}", Text::new(name.as_bytes()))?,
        }
        match self.protocol {
            Protocol::Any => Ok(()),
            protocol => write!(f, "/{protocol}"),
        }
    }
}

/// Parses a port, if the text is all digits; returns the reason if it is out of range.
pub(super) fn number(text: &str) -> Option<Result<u16, &'static str>> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // Digits can fail only by overflow.
    Some(text.parse().map_err(|_| "ports end at 65535"))
}

/// User input, safe to show; in quotes unless it is a plain word.
pub(super) struct Shown<'a>(pub(super) &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.is_empty() && self.0.bytes().all(|byte| byte.is_ascii_digit()) {
            f.write_str(self.0)
        } else {
            write!(f, "'{}'", self.0.escape_debug())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_shows_queries() {
        for (text, key, protocol) in [
            ("ssh", Key::Name("ssh".into()), Protocol::Any),
            ("53", Key::Port(53), Protocol::Any),
            ("0", Key::Port(0), Protocol::Any),
            ("65535/UDP", Key::Port(65535), Protocol::Udp),
            ("domain/tcp", Key::Name("domain".into()), Protocol::Tcp),
            ("amqp/sctp", Key::Name("amqp".into()), Protocol::Sctp),
            ("echo/any", Key::Name("echo".into()), Protocol::Any),
        ] {
            let query: Query = text.parse().unwrap();
            assert_eq!((query.key, query.protocol), (key, protocol), "{text}");
        }
        assert_eq!("53/UDP".parse::<Query>().unwrap().to_string(), "53/udp");
        let narrowed: Query = "53".parse().unwrap();
        assert_eq!(narrowed.or_protocol(Protocol::Tcp).to_string(), "53/tcp");
        let own: Query = "53/udp".parse().unwrap();
        assert_eq!(own.or_protocol(Protocol::Tcp).to_string(), "53/udp");
    }

    #[test]
    fn refuses_what_makes_no_sense() {
        for (text, want) in [
            ("65536", "cannot look up 65536: ports end at 65535"),
            (
                "99999999999999999999/udp",
                "cannot look up '99999999999999999999/udp': ports end at 65535",
            ),
            (
                "",
                "cannot look up '': neither a name nor a port; write ssh, 53 or 53/udp",
            ),
            (
                "/udp",
                "cannot look up '/udp': neither a name nor a port; write ssh, 53 or 53/udp",
            ),
            (
                "ssh/",
                "cannot look up 'ssh/': no protocol follows the slash",
            ),
            (
                "53/upd\x1b",
                r"cannot read protocol 'upd\u{1b}': not a protocol with ports; write udp, tcp, udplite, sctp, dccp, ddp or any",
            ),
        ] {
            assert_eq!(text.parse::<Query>().unwrap_err().to_string(), want);
        }
    }
}
