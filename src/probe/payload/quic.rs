//! QUIC (RFC 8999, 9000): a packet of an unsupported version, which makes a server list its versions.

use super::{Nonce, Reading};

/// A reserved version: `0x?a?a?a?a` forces negotiation (RFC 9000 section 15).
const NO_VERSION: u32 = 0x1a2a_3a4a;
/// A server need not answer a smaller datagram (RFC 9000 sections 6.1 and 14.1).
const LEAST: usize = 1200;

pub(super) fn question(nonce: &Nonce) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(LEAST);
    bytes.push(0xc0); // a long header
    bytes.extend(NO_VERSION.to_be_bytes());
    for id in [&nonce[..8], &nonce[8..]] {
        bytes.push(8);
        bytes.extend(id);
    }
    bytes.resize(LEAST, 0);
    bytes
}

/// Version Negotiation (RFC 8999 section 6): version 0, our two connection ids the other way round,
/// then a list of versions.
pub(super) fn read(reply: &[u8], nonce: &Nonce) -> Reading {
    let Some((destination, source, versions)) = negotiation(reply) else {
        return Reading::foreign("not a QUIC Version Negotiation");
    };
    let names: Vec<String> = versions
        .chunks_exact(4)
        .take(8)
        .map(|version| {
            name(u32::from_be_bytes([
                version[0], version[1], version[2], version[3],
            ]))
        })
        .collect();
    let text = match names.as_slice() {
        [] => "QUIC, of no version".to_owned(),
        names => format!("QUIC, {}", names.join(", ")),
    };
    Reading::by_id(text, destination == &nonce[8..] && source == &nonce[..8])
}

fn negotiation(reply: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (&[first, 0, 0, 0, 0], rest) = reply.split_first_chunk::<5>()? else {
        return None;
    };
    let (&length, rest) = rest.split_first()?;
    let (destination, rest) = rest.split_at_checked(length.into())?;
    let (&length, rest) = rest.split_first()?;
    let (source, versions) = rest.split_at_checked(length.into())?;
    (first & 0x80 != 0).then_some((destination, source, versions))
}

fn name(version: u32) -> String {
    match version {
        1 => "version 1".into(),
        0x6b33_43cf => "version 2".into(),
        0xff00_0000..=0xff00_00ff => format!("draft {}", version & 0xff),
        _ if version & 0x0f0f_0f0f == 0x0a0a_0a0a => "a reserved version".into(),
        _ => format!("version {version:#010x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Fit;
    use super::*;

    #[test]
    fn a_list_of_versions() {
        let nonce = *b"destinatsourceid";
        let asked = question(&nonce);
        assert_eq!(asked.len(), 1200);
        let mut reply = vec![0x80, 0, 0, 0, 0, 8];
        reply.extend(b"sourceid\x08destinat");
        reply.extend(b"\0\0\0\x01\x6b\x33\x43\xcf\xff\0\0\x1d\x0a\x1a\x2a\x3a");
        let reading = read(&reply, &nonce);
        assert_eq!(
            reading.text,
            "QUIC, version 1, version 2, draft 29, a reserved version"
        );
        assert_eq!(reading.fit, Fit::Answer);
        assert_eq!(read(&asked, &nonce).fit, Fit::Foreign);
    }
}
