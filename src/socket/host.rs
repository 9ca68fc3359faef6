//! Resolves host names.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use super::{Endpoint, Family};
use crate::error::{Error, Result};

/// The addresses of a host: an IPv4 or IPv6 address, with or without brackets, or a name for the
/// system's resolver (getaddrinfo(3)).
///
/// A name's addresses are in the resolver's order (RFC 6724), without duplicates, and at least one.
///
/// # Errors
/// If the name does not resolve; the text is the resolver's.
///
/// ```
/// use udpraw::socket::resolve;
/// assert_eq!(resolve("127.0.0.1", 53)?, ["127.0.0.1:53".parse().unwrap()]);
/// assert_eq!(resolve("[::1]", 53)?, ["[::1]:53".parse().unwrap()]);
/// # Ok::<(), udpraw::error::Error>(())
/// ```
pub fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>> {
    let bare = host
        .strip_prefix('[')
        .and_then(|inner| inner.strip_suffix(']'))
        .unwrap_or(host);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let failed = |source| {
        Error::os(
            "resolve",
            format_args!("host '{}'", host.escape_debug()),
            source,
        )
        .with_remedy("check its spelling, or give an IP address")
    };
    let mut addresses = Vec::new();
    for address in (bare, port)
        .to_socket_addrs()
        .map_err(|error| failed(resolver_text(error)))?
    {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        return Err(failed(io::Error::new(
            io::ErrorKind::NotFound,
            "it has no address",
        )));
    }
    Ok(addresses)
}

/// The addresses that this machine can use: if the kernel lacks IPv6, or it is switched off, `::1`
/// in `/etc/hosts` is unusable, and the name's other address is used. Returns all of them, if none
/// is usable. Nothing is sent.
///
/// ```
/// use udpraw::socket::{resolve, usable};
/// assert_eq!(usable(resolve("127.0.0.1", 53)?), ["127.0.0.1:53".parse().unwrap()]);
/// # Ok::<(), udpraw::error::Error>(())
/// ```
pub fn usable(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    if addresses.len() < 2 {
        return addresses;
    }
    let is_usable = |address: &&SocketAddr| {
        let endpoint = Endpoint::builder().unbound(Family::of(**address));
        let connected = endpoint.and_then(|endpoint| endpoint.connect(**address));
        let lacks = |error: Error| {
            matches!(
                error.errno(),
                Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL)
            )
        };
        !connected.is_err_and(lacks)
    };
    let found: Vec<_> = addresses.iter().filter(is_usable).copied().collect();
    if found.is_empty() { addresses } else { found }
}

/// The resolver's error text, without the standard library's prefix, in lower case.
fn resolver_text(error: io::Error) -> io::Error {
    if error.raw_os_error().is_some() {
        return error;
    }
    let text = error.to_string();
    let words = text.rsplit(": ").next().unwrap_or(&text).to_lowercase();
    io::Error::new(error.kind(), words)
}
