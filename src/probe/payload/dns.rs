//! DNS (RFC 1035) and multicast DNS (RFC 6762): a query, and the reading of its response.
//!
//! A query is a few bytes and written here; the crate simple-dns parses the response with its
//! compressed names.

use std::fmt::Write as _;

use simple_dns::rdata::RData;
use simple_dns::{Name, Packet, PacketFlag, ResourceRecord, TYPE};

use super::text::Quoted;
use super::{Nonce, Reading};
use crate::error::{Error, Result};

const TYPE_A: u16 = 1;
const TYPE_NS: u16 = 2;
const TYPE_PTR: u16 = 12;
const CLASS_IN: u16 = 1;
/// In an mDNS question: a unicast reply is requested (RFC 6762 section 5.4).
const UNICAST: u16 = 0x8000;
const RECURSION_DESIRED: u16 = 0x0100;

/// The question for a DNS server: the name servers of the root, or a name's IPv4 address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// In wire format: each label with its length, then a zero.
    name: Vec<u8>,
    kind: u16,
}

impl Query {
    /// The name servers of the root: a resolver's first question (RFC 8109), which each resolver can
    /// answer.
    pub fn root() -> Self {
        Self {
            name: vec![0],
            kind: TYPE_NS,
        }
    }

    /// The IPv4 address of `name`.
    ///
    /// # Errors
    /// If a label is empty or longer than 63 bytes, or the name longer than 253 (RFC 1035 section
    /// 2.3.4).
    pub fn address_of(name: &str) -> Result<Self> {
        let bad = |reason| {
            Error::invalid("ask for", format_args!("'{}'", name.escape_debug()), reason)
                .with_remedy("write a name such as example.org")
        };
        let bare = name.strip_suffix('.').unwrap_or(name);
        if bare.len() > 253 {
            return Err(bad("a name has at most 253 bytes"));
        }
        let mut wire = Vec::with_capacity(bare.len() + 2);
        for label in bare.split('.').filter(|_| !bare.is_empty()) {
            match u8::try_from(label.len()) {
                Ok(length @ 1..=63) => wire.push(length),
                _ => return Err(bad("a label has 1 to 63 bytes")),
            }
            wire.extend(label.as_bytes());
        }
        wire.push(0);
        Ok(Self {
            name: wire,
            kind: TYPE_A,
        })
    }
}

fn id(nonce: &Nonce) -> u16 {
    u16::from_be_bytes([nonce[0], nonce[1]])
}

fn message(id: u16, flags: u16, query: &Query, class: u16) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(16 + query.name.len());
    for word in [id, flags, 1, 0, 0, 0] {
        bytes.extend(word.to_be_bytes());
    }
    bytes.extend(&query.name);
    bytes.extend(query.kind.to_be_bytes());
    bytes.extend(class.to_be_bytes());
    bytes
}

pub(super) fn question(query: &Query, nonce: &Nonce) -> Vec<u8> {
    message(id(nonce), RECURSION_DESIRED, query, CLASS_IN)
}

/// Asks for the available services (RFC 6763 section 9), as a one-shot query whose id a responder
/// repeats (RFC 6762 section 6.7).
pub(super) fn multicast_question(nonce: &Nonce) -> Vec<u8> {
    let query = Query {
        name: b"\x09_services\x07_dns-sd\x04_udp\x05local\0".to_vec(),
        kind: TYPE_PTR,
    };
    message(id(nonce), 0, &query, CLASS_IN | UNICAST)
}

pub(super) fn read(reply: &[u8], nonce: &Nonce) -> Reading {
    let Some(header) = reply.first_chunk::<12>() else {
        return Reading::foreign("not a DNS message: shorter than the header of 12 bytes");
    };
    if header[2] & 0x80 == 0 {
        return Reading::foreign("no DNS response");
    }
    let mut text = format!("DNS {}", rcode(header[3] & 0x0f));
    match Packet::parse(reply) {
        Ok(packet) => answers(&packet, &mut text),
        Err(_) => text.push_str(", records cannot be read"),
    }
    Reading::by_id(
        text,
        u16::from_be_bytes([header[0], header[1]]) == id(nonce),
    )
}

/// The names of RFC 1035 section 4.1.1 and RFC 2136, as in IANA's registry.
fn rcode(code: u8) -> String {
    let name = match code {
        0 => "NOERROR",
        1 => "FORMERR",
        2 => "SERVFAIL",
        3 => "NXDOMAIN",
        4 => "NOTIMP",
        5 => "REFUSED",
        6 => "YXDOMAIN",
        7 => "YXRRSET",
        8 => "NXRRSET",
        9 => "NOTAUTH",
        10 => "NOTZONE",
        _ => return format!("rcode {code}"),
    };
    name.to_owned()
}

fn answers(packet: &Packet<'_>, text: &mut String) {
    if packet.has_flags(PacketFlag::TRUNCATION) {
        text.push_str(", truncated");
    }
    match packet.answers.as_slice() {
        [] => text.push_str(", no answer"),
        [only] => record(only, text),
        [first, rest @ ..] => {
            record(first, text);
            let _ = write!(text, " and {} more", rest.len());
        }
    }
}

fn record(record: &ResourceRecord<'_>, text: &mut String) {
    let _ = write!(text, ", {} ", name(&record.name));
    let _ = match &record.rdata {
        RData::A(a) => write!(text, "A {}", std::net::Ipv4Addr::from(a.address)),
        RData::AAAA(a) => write!(text, "AAAA {}", std::net::Ipv6Addr::from(a.address)),
        RData::NS(ns) => write!(text, "NS {}", name(&ns.0)),
        RData::CNAME(cname) => write!(text, "CNAME {}", name(&cname.0)),
        RData::PTR(ptr) => write!(text, "PTR {}", name(&ptr.0)),
        RData::MX(mx) => write!(text, "MX {} {}", mx.preference, name(&mx.exchange)),
        RData::SRV(srv) => write!(text, "SRV {}:{}", name(&srv.target), srv.port),
        other => match other.type_code() {
            TYPE::Unknown(number) => write!(text, "TYPE{number}"),
            known => write!(text, "{known:?}"),
        },
    };
}

/// A name may contain any bytes; `.` is the root.
fn name(name: &Name<'_>) -> String {
    let text = name.to_string();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.*".contains(&byte);
    match text.as_str() {
        "" => ".".into(),
        plain if plain.len() <= 253 && plain.bytes().all(is_plain) => plain.into(),
        other => Quoted(other.as_bytes()).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Fit;
    use super::*;

    const NONCE: Nonce = [0xab; 16];

    #[test]
    fn the_query_is_one_that_the_crate_reads() {
        let query = Query::address_of("example.org.").unwrap();
        let bytes = question(&query, &NONCE);
        let packet = Packet::parse(&bytes).unwrap();
        assert_eq!(packet.id(), 0xabab);
        assert_eq!(packet.questions[0].qname.to_string(), "example.org");
        let bytes = multicast_question(&NONCE);
        let packet = Packet::parse(&bytes).unwrap();
        assert_eq!(
            packet.questions[0].qname.to_string(),
            "_services._dns-sd._udp.local"
        );
        assert!(packet.questions[0].unicast_response);
        for bad in ["a..b", &"x".repeat(64), &"x.".repeat(200), ".."] {
            Query::address_of(bad).unwrap_err();
        }
    }

    fn response(rcode: u8) -> Vec<u8> {
        let mut bytes = question(&Query::address_of("a.test").unwrap(), &NONCE);
        (bytes[2], bytes[3]) = (0x81, 0x80 | rcode);
        bytes
    }

    #[test]
    fn responses() {
        let reading = read(&response(5), &NONCE);
        assert_eq!(
            (reading.fit, reading.text.as_str()),
            (Fit::Answer, "DNS REFUSED, no answer")
        );
        let mut answered = response(0);
        answered[7] = 1;
        answered.extend(b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x07");
        assert_eq!(
            read(&answered, &NONCE).text,
            "DNS NOERROR, a.test A 192.0.2.7"
        );
        let other = read(&answered, &[1; 16]);
        assert_eq!(other.fit, Fit::Foreign);
        assert!(
            other
                .text
                .ends_with("with an id that is not the question's"),
            "{}",
            other.text
        );
        assert_eq!(
            read(b"Your data was 17 bytes long", &NONCE).fit,
            Fit::Foreign
        );
    }
}
