//! What the NDJSON of several commands has in common.

use std::fmt::Write as _;
use std::net::SocketAddr;

use serde::Serialize;

use super::interface;

/// An IP address and a port.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Address {
    /// IPv4 or IPv6 address.
    address: String,
    /// UDP port.
    port: u16,
    /// Scope of a link-local IPv6 address: the index of its interface.
    #[serde(skip_serializing_if = "is_zero")]
    #[cfg_attr(test, schemars(extend("minimum" = 1)))]
    scope_id: u32,
    /// The name of the interface that `scope_id` is the index of.
    #[serde(skip_serializing_if = "Option::is_none")]
    interface: Option<String>,
}

fn is_zero(scope: &u32) -> bool {
    *scope == 0
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        let scope_id = match address {
            SocketAddr::V6(address) => address.scope_id(),
            SocketAddr::V4(_) => 0,
        };
        Self {
            address: address.ip().to_string(),
            port: address.port(),
            scope_id,
            interface: interface::scope(address),
        }
    }
}

/// A datagram's payload, in one of two fields.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Payload<'a> {
    /// The payload, if all of it is ASCII; else `hex` has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    /// The payload in hexadecimal, if it is not ASCII.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(extend("pattern" = "^([0-9a-f]{2})*$")))]
    hex: Option<String>,
}

impl<'a> From<&'a [u8]> for Payload<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        let text = std::str::from_utf8(bytes)
            .ok()
            .filter(|text| text.is_ascii());
        Self {
            text,
            hex: text.is_none().then(|| hex(bytes)),
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
