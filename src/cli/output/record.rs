//! What the NDJSON of several commands has in common.

use std::fmt::Write as _;
use std::net::SocketAddr;

use serde::Serialize;
use udpraw::socket::scope_name;

/// An address and port.
#[derive(Serialize)]
pub(crate) struct Address {
    address: String,
    port: u16,
    #[serde(skip_serializing_if = "is_zero")]
    scope: u32,
    /// The name of the interface that the scope is.
    #[serde(skip_serializing_if = "Option::is_none")]
    interface: Option<String>,
}

fn is_zero(scope: &u32) -> bool {
    *scope == 0
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        let scope = match address {
            SocketAddr::V6(address) => address.scope_id(),
            SocketAddr::V4(_) => 0,
        };
        Self {
            address: address.ip().to_string(),
            port: address.port(),
            scope,
            interface: scope_name(address),
        }
    }
}

/// A datagram's payload: as text where it is ASCII, and in hexadecimal where it is not.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Payload<'a> {
    Text(&'a str),
    Hex(String),
}

impl<'a> From<&'a [u8]> for Payload<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) if text.is_ascii() => Self::Text(text),
            _ => Self::Hex(hex(bytes)),
        }
    }
}

/// Bytes in hexadecimal: `c3a9`.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
