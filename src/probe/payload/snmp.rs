//! SNMP v1 and v2c (RFC 1157, 3416): the agent's description; and v3 (RFC 3414 section 4): the
//! discovery of its engine, which needs no user name or password.
//!
//! The few BER rules that this needs are written here: the available crates contain whole agents.

use super::text::{Quoted, hex};
use super::{Nonce, Reading};

const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const NULL: u8 = 0x05;
const OBJECT: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const GET: u8 = 0xa0;
const RESPONSE: u8 = 0xa2;
const REPORT: u8 = 0xa8;
/// sysDescr.0, 1.3.6.1.2.1.1.1.0 (RFC 3418).
const DESCRIPTION: [u8; 8] = [0x2b, 6, 1, 2, 1, 1, 1, 0];

/// The versions of SNMP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V1,
    V2c,
    V3,
}

/// 31 random bits, the maximum of a request id.
fn id(nonce: &Nonce) -> u32 {
    u32::from_be_bytes([nonce[0], nonce[1], nonce[2], nonce[3]]) >> 1
}

fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut bytes = vec![tag];
    match u8::try_from(length) {
        Ok(short @ ..=0x7f) => bytes.push(short),
        _ => {
            bytes.push(0x82);
            bytes.extend((length as u16).to_be_bytes());
        }
    }
    for part in parts {
        bytes.extend(*part);
    }
    bytes
}

/// A number below 2^31.
fn integer(value: u32) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    // The shortest form whose first bit is the sign's.
    let leading = (0..3)
        .take_while(|&at| bytes[at] == 0 && bytes[at + 1] < 0x80)
        .count();
    tlv(INTEGER, &[&bytes[leading..]])
}

fn get(id: u32, bindings: &[u8]) -> Vec<u8> {
    let zero = integer(0);
    tlv(
        GET,
        &[&integer(id), &zero, &zero, &tlv(SEQUENCE, &[bindings])],
    )
}

pub(super) fn question(version: Version, nonce: &Nonce) -> Vec<u8> {
    let id = id(nonce);
    let number = match version {
        Version::V1 => 0,
        Version::V2c => 1,
        Version::V3 => return discovery(id),
    };
    let binding = tlv(SEQUENCE, &[&tlv(OBJECT, &[&DESCRIPTION]), &[NULL, 0]]);
    let community = tlv(OCTETS, &[b"public"]);
    tlv(
        SEQUENCE,
        &[&integer(number), &community, &get(id, &binding)],
    )
}

/// A request to an engine of unknown id, which it answers with a report that contains its id.
fn discovery(id: u32) -> Vec<u8> {
    let (none, zero) = (tlv(OCTETS, &[]), integer(0));
    let header = tlv(
        SEQUENCE,
        // Flags: reportable, neither authenticated nor encrypted; the model is USM.
        &[
            &integer(id),
            &integer(65_507),
            &tlv(OCTETS, &[&[4]]),
            &integer(3),
        ],
    );
    let security = tlv(SEQUENCE, &[&none, &zero, &zero, &none, &none, &none]);
    let scoped = tlv(SEQUENCE, &[&none, &none, &get(id, &[])]);
    tlv(
        SEQUENCE,
        &[&integer(3), &header, &tlv(OCTETS, &[&security]), &scoped],
    )
}

/// The unread rest of a run of BER values.
#[derive(Clone, Copy)]
struct Values<'a>(&'a [u8]);

impl<'a> Values<'a> {
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&[tag, first], rest) = self.0.split_first_chunk::<2>()?;
        let (length, rest) = match first {
            ..=0x7f => (usize::from(first), rest),
            0x81..=0x84 => {
                let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                (
                    digits
                        .iter()
                        .fold(0, |sum, &digit| sum << 8 | usize::from(digit)),
                    rest,
                )
            }
            _ => return None,
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, value))
    }

    fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next()
            .filter(|(found, _)| *found == tag)
            .map(|(_, value)| value)
    }

    fn inner(&mut self, tag: u8) -> Option<Self> {
        self.expect(tag).map(Self)
    }

    /// A non-negative number.
    fn integer(&mut self) -> Option<u32> {
        let bytes = self.expect(INTEGER)?;
        let is_small = bytes.len() <= 5 && bytes.first().is_some_and(|first| *first < 0x80);
        let value = bytes
            .iter()
            .fold(0_u64, |sum, &byte| sum << 8 | u64::from(byte));
        u32::try_from(value).ok().filter(|_| is_small)
    }
}

pub(super) fn read(reply: &[u8], nonce: &Nonce) -> Reading {
    let Some((text, id_read)) = message(reply) else {
        return Reading::foreign("not an SNMP response");
    };
    Reading::by_id(text, id_read == id(nonce))
}

fn message(reply: &[u8]) -> Option<(String, u32)> {
    let mut message = Values(reply).inner(SEQUENCE)?;
    match message.integer()? {
        version @ 0..=1 => {
            message.expect(OCTETS)?;
            let name = if version == 0 { "v1" } else { "v2c" };
            let (text, id) = response(message.inner(RESPONSE)?)?;
            Some((format!("SNMP {name} {text}"), id))
        }
        3 => {
            let id = message.inner(SEQUENCE)?.integer()?;
            let mut security = message.inner(OCTETS)?.inner(SEQUENCE)?;
            let engine = security.expect(OCTETS)?;
            let (boots, time) = (security.integer()?, security.integer()?);
            let mut scoped = message.inner(SEQUENCE)?;
            scoped.expect(OCTETS)?;
            scoped.expect(OCTETS)?;
            scoped.inner(REPORT)?;
            let engine = hex(engine.get(..32).unwrap_or(engine));
            Some((
                format!("SNMP v3 engine {engine}, boots {boots}, up {time} s"),
                id,
            ))
        }
        _ => None,
    }
}

fn response(mut response: Values<'_>) -> Option<(String, u32)> {
    let id = response.integer()?;
    let status = response.integer()?;
    response.integer()?;
    if status != 0 {
        return Some((format!("error {status}"), id));
    }
    let mut binding = response.inner(SEQUENCE)?.inner(SEQUENCE)?;
    binding.expect(OBJECT)?;
    let (tag, value) = binding.next()?;
    let text = match tag {
        OCTETS => Quoted(value).to_string(),
        _ => format!("a value of type {tag:#04x}"),
    };
    Some((text, id))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Fit;
    use super::*;

    #[test]
    fn a_description() {
        let nonce = [0xff; 16];
        let binding = tlv(
            SEQUENCE,
            &[&tlv(OBJECT, &[&DESCRIPTION]), &tlv(OCTETS, &[&[b'x'; 200]])],
        );
        let mut pdu = get(id(&nonce), &binding);
        pdu[0] = RESPONSE;
        let reply = tlv(SEQUENCE, &[&integer(1), &tlv(OCTETS, &[b"public"]), &pdu]);
        let reading = read(&reply, &nonce);
        assert_eq!(reading.fit, Fit::Answer);
        assert!(
            reading.text.starts_with("SNMP v2c 'xxx"),
            "{}",
            reading.text
        );
        assert_eq!(read(&reply, &[0; 16]).fit, Fit::Foreign);
        assert_eq!(
            read(&question(Version::V3, &nonce), &nonce).fit,
            Fit::Foreign
        );
    }

    proptest! {
        #[test]
        fn integers_come_back(value in 0..1_u32 << 31) {
            let bytes = integer(value);
            prop_assert_eq!(Values(&bytes).integer(), Some(value));
        }
    }
}
