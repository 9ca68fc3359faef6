//! TFTP (RFC 1350): a read request for a file that does not exist. The error comes from another port of
//! the same host: each transfer has its own port.

use super::text::{Quoted, hex};
use super::{Nonce, Reading};

pub(super) fn question(nonce: &Nonce) -> Vec<u8> {
    let mut bytes = vec![0, 1];
    bytes.extend(format!("udpraw-probe-{}\0octet\0", hex(&nonce[..8])).bytes());
    bytes
}

pub(super) fn read(reply: &[u8]) -> Reading {
    let text = match reply {
        [0, 5, high, low, message @ ..] => {
            let end = message
                .iter()
                .position(|&byte| byte == 0)
                .unwrap_or(message.len());
            let code = u16::from_be_bytes([*high, *low]);
            format!("TFTP error {code} {}", Quoted(&message[..end]))
        }
        [0, 3, _, _, data @ ..] => format!("TFTP data, {} bytes", data.len()),
        [0, 6, ..] => "TFTP options".to_owned(),
        _ => return Reading::foreign("not a TFTP answer to a read request"),
    };
    Reading::plausible(text)
}
