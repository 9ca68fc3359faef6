//! STUN (RFC 8489): a binding request, and the address that the server saw.
//!
//! It is written here: the available crates contain authentication and cryptography that a probe does
//! not need.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::text::Quoted;
use super::{Nonce, Reading};

const COOKIE: [u8; 4] = 0x2112_a442_u32.to_be_bytes();
const MAPPED_ADDRESS: u16 = 0x0001;
const ERROR_CODE: u16 = 0x0009;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;

pub(super) fn question(nonce: &Nonce) -> Vec<u8> {
    let mut bytes = vec![0, 1, 0, 0];
    bytes.extend(COOKIE);
    bytes.extend(&nonce[..12]);
    bytes
}

pub(super) fn read(reply: &[u8], nonce: &Nonce) -> Reading {
    let Some((header, body)) = reply.split_first_chunk::<20>() else {
        return Reading::foreign("not a STUN message: shorter than the header of 20 bytes");
    };
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let Some(body) = body.get(..length).filter(|_| header[4..8] == COOKIE) else {
        return Reading::foreign("not a STUN message: wrong cookie or length");
    };
    let kind = u16::from_be_bytes([header[0], header[1]]);
    let text = match kind {
        0x0101 => mapped(body, nonce),
        0x0111 => refusal(body),
        _ => return Reading::foreign(format!("not a STUN response: type {kind:#06x}")),
    };
    Reading::by_id(text, header[8..20] == nonce[..12])
}

fn mapped(body: &[u8], nonce: &Nonce) -> String {
    let find = |wanted| attributes(body).find(|(kind, _)| *kind == wanted);
    let plain = || find(MAPPED_ADDRESS).and_then(|(_, value)| address(value, &[0; 16]));
    let mut mask = [0; 16];
    mask[..4].copy_from_slice(&COOKIE);
    mask[4..].copy_from_slice(&nonce[..12]);
    let masked = find(XOR_MAPPED_ADDRESS).and_then(|(_, value)| address(value, &mask));
    match masked.or_else(plain) {
        Some(address) => format!("STUN sees this client as {address}"),
        None => "STUN success without an address".to_owned(),
    }
}

fn refusal(body: &[u8]) -> String {
    let error = attributes(body).find(|(kind, _)| *kind == ERROR_CODE);
    match error.and_then(|(_, value)| value.split_first_chunk::<4>()) {
        Some(([_, _, class, number], reason)) => {
            let code = u16::from(class & 7) * 100 + u16::from(*number);
            format!("STUN error {code} {}", Quoted(reason))
        }
        None => "STUN error without a code".to_owned(),
    }
}

/// Type and value of each attribute; an invalid length ends them (section 14).
fn attributes(mut body: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let (header, rest) = body.split_first_chunk::<4>()?;
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let value = rest.get(..length)?;
        body = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((u16::from_be_bytes([header[0], header[1]]), value))
    })
}

/// An address under a mask (section 14.2); the port is under the mask's first two bytes.
fn address(value: &[u8], mask: &[u8; 16]) -> Option<SocketAddr> {
    let (&[_, family, high, low], rest) = value.split_first_chunk::<4>()?;
    let port = u16::from_be_bytes([high ^ mask[0], low ^ mask[1]]);
    let ip: IpAddr = match family {
        1 => {
            let bytes = rest.first_chunk::<4>()?;
            Ipv4Addr::from(std::array::from_fn(|at| bytes[at] ^ mask[at])).into()
        }
        2 => {
            let bytes = rest.first_chunk::<16>()?;
            let octets: [u8; 16] = std::array::from_fn(|at| bytes[at] ^ mask[at]);
            Ipv6Addr::from(octets).into()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::super::Fit;
    use super::*;

    #[test]
    fn rfc_5769_test_vectors() {
        // Sections 2.2 and 2.3: 192.0.2.1 and 2001:db8:…:5678 port 32853 under this transaction id.
        let id = *b"\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\0\0\0\0";
        let v4 = [0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43];
        let v6 = [
            0, 2, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1, 0x79, 0xbc, 0x25, 0xf4,
            0xb5, 0xbe, 0xd2, 0xb9, 0xd9,
        ];
        for (value, want) in [
            (&v4[..], "192.0.2.1:32853"),
            (&v6[..], "[2001:db8:1234:5678:11:2233:4455:6677]:32853"),
        ] {
            let length = value.len() as u8;
            let mut reply = vec![1, 1, 0, length + 4];
            reply.extend(COOKIE);
            reply.extend(&id[..12]);
            reply.extend([0, 0x20, 0, length]);
            reply.extend(value);
            let reading = read(&reply, &id);
            assert_eq!(reading.text, format!("STUN sees this client as {want}"));
            assert_eq!(reading.fit, Fit::Answer);
        }
    }
}
