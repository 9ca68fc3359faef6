//! The questions that make services answer, and the reading of the answers, as one line.
//!
//! There is one file per protocol; each makes a question from random bytes that the caller passes, and
//! reads a reply of arbitrary bytes. A reader never panics, never allocates more than in proportion to
//! the reply, and returns printable ASCII.

mod dns;
mod ntp;
mod plain;
mod quic;
mod snmp;
mod stun;
mod text;
mod tftp;

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::SystemTime;

pub use dns::Query;

use self::snmp::Version;
use self::text::Quoted;
use crate::error::{Error, Result};

/// Random bytes that a question contains and its answer repeats, if the protocol has room for them.
pub type Nonce = [u8; 16];

/// What a probe sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// A DNS query.
    Dns(Query),
    /// A query for the services that multicast DNS announces.
    Mdns,
    /// An NTP client request.
    Ntp,
    /// A STUN binding request.
    Stun,
    /// A QUIC packet of an unsupported version.
    Quic,
    /// A TFTP read request for a file that does not exist.
    Tftp,
    /// SNMP v3, then v2c, then v1, one try each in turn.
    Snmp,
    /// sysDescr.0 over SNMP v1, with community `public`.
    SnmpV1,
    /// sysDescr.0 over SNMP v2c, with community `public`.
    SnmpV2c,
    /// The engine discovery of SNMP v3.
    SnmpV3,
    /// An SSDP search for all devices.
    Ssdp,
    /// A SIP OPTIONS request.
    Sip,
    /// A text, which the echo service returns (RFC 862).
    Echo,
    /// An empty datagram; the answer is the day and time (RFC 867).
    Daytime,
    /// An empty datagram; the answer is the seconds since 1900 (RFC 868).
    Time,
    /// A syslog message, which has no answer (RFC 5424).
    Syslog,
    /// A text for this program's own server.
    Udpraw,
    /// An empty datagram.
    Empty,
    /// These bytes.
    Bytes(Arc<[u8]>),
}

/// The question that was asked, and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The random bytes of the question.
    pub nonce: Nonce,
    /// When it was sent.
    pub sent: SystemTime,
    /// When the reply was received.
    pub received: SystemTime,
}

/// How well a reply fits the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Fit {
    /// It is not of this protocol, or answers another question.
    Foreign,
    /// It is of this protocol, which has no id that links it to the question.
    Plausible,
    /// It repeats the question's id.
    Answer,
}

/// The reading of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reading {
    /// How well it fits.
    pub fit: Fit,
    /// The text of the reply, in printable ASCII (durations below a millisecond have a `µ`).
    pub text: String,
}

impl Reading {
    fn answer(text: impl Into<String>) -> Self {
        Self {
            fit: Fit::Answer,
            text: text.into(),
        }
    }

    fn plausible(text: impl Into<String>) -> Self {
        Self {
            fit: Fit::Plausible,
            text: text.into(),
        }
    }

    fn foreign(text: impl Into<String>) -> Self {
        Self {
            fit: Fit::Foreign,
            text: text.into(),
        }
    }

    /// Makes the reading for a protocol whose replies have an id.
    fn by_id(text: String, is_ours: bool) -> Self {
        if is_ours {
            return Self::answer(text);
        }
        Self::foreign(format!("{text}, with an id that is not the question's"))
    }
}

impl Payload {
    /// Every payload with a name, as [`FromStr`] reads it.
    const NAMED: [(&'static str, Self); 17] = [
        ("mdns", Self::Mdns),
        ("ntp", Self::Ntp),
        ("stun", Self::Stun),
        ("quic", Self::Quic),
        ("tftp", Self::Tftp),
        ("snmp", Self::Snmp),
        ("snmpv1", Self::SnmpV1),
        ("snmpv2c", Self::SnmpV2c),
        ("snmpv3", Self::SnmpV3),
        ("ssdp", Self::Ssdp),
        ("sip", Self::Sip),
        ("echo", Self::Echo),
        ("daytime", Self::Daytime),
        ("time", Self::Time),
        ("syslog", Self::Syslog),
        ("udpraw", Self::Udpraw),
        ("empty", Self::Empty),
    ];

    /// The question for the usual service of a port; an empty datagram for other ports.
    pub fn for_port(port: u16) -> Self {
        match port {
            7 => Self::Echo,
            13 => Self::Daytime,
            37 => Self::Time,
            53 => Self::Dns(Query::root()),
            69 => Self::Tftp,
            123 => Self::Ntp,
            161 => Self::Snmp,
            443 => Self::Quic,
            514 => Self::Syslog,
            1060 => Self::Udpraw,
            1900 => Self::Ssdp,
            3478 => Self::Stun,
            5060 => Self::Sip,
            5353 => Self::Mdns,
            _ => Self::Empty,
        }
    }

    /// Its name: the protocol's name, `empty`, or `bytes`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Dns(_) => "dns",
            Self::Bytes(_) => "bytes",
            other => {
                let named = Self::NAMED.iter().find(|(_, payload)| payload == other);
                named.map_or("empty", |(name, _)| name)
            }
        }
    }

    /// Whether the protocol has answers at all.
    pub fn has_answer(&self) -> bool {
        !matches!(self, Self::Syslog)
    }

    /// Whether an answer comes from another port of the same host, as each transfer of TFTP does.
    pub fn answers_from_another_port(&self) -> bool {
        matches!(self, Self::Tftp)
    }

    /// The number of questions that are asked in turn.
    pub fn variants(&self) -> u32 {
        if *self == Self::Snmp { 3 } else { 1 }
    }

    /// The datagram for the `attempt`-th try, from 0.
    pub fn question(&self, target: SocketAddr, attempt: u32, nonce: &Nonce) -> Vec<u8> {
        match self {
            Self::Dns(query) => dns::question(query, nonce),
            Self::Mdns => dns::multicast_question(nonce),
            Self::Ntp => ntp::question(nonce),
            Self::Stun => stun::question(nonce),
            Self::Quic => quic::question(nonce),
            Self::Tftp => tftp::question(nonce),
            Self::Snmp => {
                let versions = [Version::V3, Version::V2c, Version::V1];
                snmp::question(versions[attempt as usize % versions.len()], nonce)
            }
            Self::SnmpV1 => snmp::question(Version::V1, nonce),
            Self::SnmpV2c => snmp::question(Version::V2c, nonce),
            Self::SnmpV3 => snmp::question(Version::V3, nonce),
            Self::Ssdp => plain::ssdp_question(target),
            Self::Sip => plain::sip_question(target, nonce),
            Self::Echo | Self::Udpraw => plain::words(nonce),
            Self::Syslog => plain::syslog_question(),
            Self::Daytime | Self::Time | Self::Empty => Vec::new(),
            Self::Bytes(bytes) => bytes.to_vec(),
        }
    }

    /// The reading of a reply. Any bytes are read.
    pub fn read(&self, reply: &[u8], asked: &Asked) -> Reading {
        let nonce = &asked.nonce;
        match self {
            Self::Dns(_) | Self::Mdns => dns::read(reply, nonce),
            Self::Ntp => ntp::read(reply, asked),
            Self::Stun => stun::read(reply, nonce),
            Self::Quic => quic::read(reply, nonce),
            Self::Tftp => tftp::read(reply),
            Self::Snmp | Self::SnmpV1 | Self::SnmpV2c | Self::SnmpV3 => snmp::read(reply, nonce),
            Self::Ssdp => plain::read_ssdp(reply),
            Self::Sip => plain::read_sip(reply, nonce),
            Self::Echo => plain::read_echo(reply, nonce),
            Self::Udpraw => plain::read_own(reply, nonce),
            Self::Daytime => plain::read_daytime(reply),
            Self::Time => plain::read_time(reply, asked),
            Self::Syslog | Self::Empty | Self::Bytes(_) => {
                Reading::plausible(Quoted(reply).to_string())
            }
        }
    }
}

impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Payload {
    type Err = Error;

    /// Reads `dns`, `ntp`, `snmpv3` and so on; case does not matter.
    fn from_str(text: &str) -> Result<Self> {
        if text.eq_ignore_ascii_case("dns") {
            return Ok(Self::Dns(Query::root()));
        }
        let named = Self::NAMED
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(text));
        named.map(|(_, payload)| payload.clone()).ok_or_else(|| {
            let names: Vec<_> = Self::NAMED.iter().map(|(name, _)| *name).collect();
            let subject = format!("'{}'", text.escape_debug());
            Error::invalid("read protocol", subject, "unknown protocol")
                .with_remedy(format!("allowed: dns, {}", names.join(", ")))
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all() -> impl Iterator<Item = Payload> {
        let named = Payload::NAMED.iter().map(|(_, payload)| payload.clone());
        named.chain([
            Payload::Dns(Query::root()),
            Payload::Bytes(b"x".as_slice().into()),
        ])
    }

    fn asked(nonce: Nonce) -> Asked {
        Asked {
            nonce,
            sent: SystemTime::UNIX_EPOCH,
            received: SystemTime::UNIX_EPOCH,
        }
    }

    fn is_calm(reading: &Reading) -> bool {
        let is_calm = |c: char| c == ' ' || c == 'µ' || c.is_ascii_graphic();
        reading.text.len() < 1500 && reading.text.chars().all(is_calm)
    }

    #[test]
    fn names_are_read() {
        for payload in all().filter(|payload| payload.name() != "bytes") {
            assert_eq!(payload.name().parse::<Payload>().unwrap(), payload);
        }
        let error = "gopher\x1b".parse::<Payload>().unwrap_err().to_string();
        assert!(
            error.contains("allowed: dns, mdns") && !error.contains('\x1b'),
            "{error}"
        );
    }

    #[test]
    fn a_question_is_no_answer_to_itself_but_by_echo() {
        let target = "[::1]:7".parse().unwrap();
        for payload in all() {
            for attempt in 0..payload.variants() {
                let question = payload.question(target, attempt, &[0xa5; 16]);
                assert!(question.len() <= 1200);
                let fit = payload.read(&question, &asked([0xa5; 16])).fit;
                assert!(
                    fit != Fit::Answer || matches!(payload, Payload::Echo | Payload::Udpraw),
                    "{payload}"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn junk_is_survived(reply in prop::collection::vec(any::<u8>(), 0..300), nonce in any::<[u8; 16]>()) {
            for payload in all() {
                prop_assert!(is_calm(&payload.read(&reply, &asked(nonce))));
            }
        }

        /// Questions with some changed bytes resemble valid replies more than random bytes do.
        #[test]
        fn near_misses_are_survived(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12), cut in any::<prop::sample::Index>(), nonce in any::<[u8; 16]>()) {
            for payload in all() {
                let mut reply = payload.question("127.0.0.1:9".parse().unwrap(), 0, &nonce);
                reply.push(0);
                for (at, byte) in &changes {
                    let at = at.index(reply.len());
                    reply[at] = *byte;
                }
                reply.truncate(cut.index(reply.len() + 1));
                prop_assert!(is_calm(&payload.read(&reply, &asked(nonce))));
            }
        }
    }
}
