//! Hosts, families and local addresses, as several subcommands take them.

use std::net::SocketAddr;

use clap::Args;
use udpraw::error::{Error, Result};
use udpraw::services::resolve_port;
use udpraw::socket::{Family, resolve};

/// Which family a name shall resolve to.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct FamilyArguments {
    /// Use only IPv4 addresses of a name
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    ipv4: bool,

    /// Use only IPv6 addresses of a name
    #[arg(short = '6', long)]
    ipv6: bool,
}

impl FamilyArguments {
    /// The addresses of `host` in the family asked for, at least one.
    pub(crate) fn resolve(self, host: &str, port: u16) -> Result<Vec<SocketAddr>> {
        let family = match (self.ipv4, self.ipv6) {
            (true, _) => Family::V4,
            (_, true) => Family::V6,
            _ => return resolve(host, port),
        };
        let mut addresses = resolve(host, port)?;
        addresses.retain(|address| Family::of(*address) == family);
        if addresses.is_empty() {
            let host = format!("host '{}'", host.escape_debug());
            return Err(Error::invalid(
                "use",
                host,
                format!("it has no {family} address"),
            ));
        }
        Ok(addresses)
    }
}

/// An address with its port: `ADDR:PORT`, `[ADDR]:PORT`, `NAME:PORT`, or `:PORT` for 127.0.0.1. Of a
/// name it is the first address, as the resolver orders them.
pub(crate) fn whole_address(text: &str) -> Result<SocketAddr> {
    // There is one at least.
    Ok(whole_addresses(text)?.swap_remove(0))
}

/// As [`whole_address`], with all addresses of a name, at least one.
pub(crate) fn whole_addresses(text: &str) -> Result<Vec<SocketAddr>> {
    let bad = |reason: &str| {
        let subject = format!("address '{}'", text.escape_debug());
        Error::invalid("read", subject, reason)
            .with_remedy("write ADDR:PORT, as in 127.0.0.1:1060 or [::1]:1060")
    };
    let (host, port) = text.rsplit_once(':').ok_or_else(|| bad("it has no port"))?;
    if host.contains(':') && !host.ends_with(']') {
        return Err(bad("an IPv6 address needs brackets before its port"));
    }
    let port = resolve_port(port)?;
    let host = if host.is_empty() { "127.0.0.1" } else { host };
    resolve(host, port)
}

/// A local address to bind: `ADDR`, `ADDR:PORT`, `[ADDR]:PORT` or `:PORT`.
pub(crate) fn local_address(text: &str, family: Family) -> Result<SocketAddr> {
    let (host, port) = match text.rsplit_once(':') {
        // An IPv6 address without brackets has more colons, and no port.
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, port),
        _ => (text, "0"),
    };
    let port = resolve_port(port)?;
    if host.is_empty() {
        let mut any = family.unspecified();
        any.set_port(port);
        return Ok(any);
    }
    let addresses = resolve(host, port)?;
    addresses
        .into_iter()
        .find(|address| Family::of(*address) == family)
        .ok_or_else(|| {
            let reason = format!("the server's address is {family}, and this is not");
            Error::invalid("bind", format_args!("'{}'", text.escape_debug()), reason)
        })
}
