//! Hosts, families and local addresses, as several subcommands take them.

use std::env::VarError;
use std::net::SocketAddr;

use clap::Args;
use udpraw::error::{Error, Result};
use udpraw::protocol::Backoff;
use udpraw::socket::{Family, resolve, usable};

use super::address::Address;

/// Which family a name shall resolve to.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct FamilyArguments {
    /// Use only IPv4 addresses of a name
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    ipv4: bool,

    /// Use only IPv6 addresses of a name
    #[arg(short = '6', long)]
    ipv6: bool,
}

impl FamilyArguments {
    /// Refuses a passed socket that is not bound where the command line or the environment says: in the
    /// other family, to another port (0 is any), or to no address of `host`.
    pub(crate) fn check(
        self,
        passed: SocketAddr,
        host: Option<&str>,
        port: Option<u16>,
    ) -> Result<()> {
        let refused = |reason: String, remedy: &str| {
            let subject = format!("the passed socket at {passed}");
            Err(Error::invalid("use", subject, reason).with_remedy(remedy.to_owned()))
        };
        let family = match (self.ipv4, self.ipv6) {
            (true, _) => Some(Family::V4),
            (_, true) => Some(Family::V6),
            _ => None,
        };
        if let Some(family) = family.filter(|family| Family::of(passed) != *family) {
            let remedy = "leave out -4 and -6, or pass another socket";
            return refused(format!("it is no {family} socket"), remedy);
        }
        if let Some(port) = port.filter(|port| ![0, passed.port()].contains(port)) {
            let remedy = "leave out the port, or pass a socket that is bound to it";
            return refused(format!("the command is for port {port}"), remedy);
        }
        let Some(host) = host else {
            return Ok(());
        };
        if self
            .resolve(host, 0)?
            .iter()
            .any(|asked| has_ip(passed, *asked))
        {
            return Ok(());
        }
        let remedy = "leave out the host, or pass a socket that is bound to it";
        refused(
            format!("the command is for host '{}'", host.escape_debug()),
            remedy,
        )
    }

    /// The addresses of `host` in the family asked for, at least one; if none was asked for, those
    /// that this machine has the means to use.
    pub(crate) fn resolve(self, host: &str, port: u16) -> Result<Vec<SocketAddr>> {
        let family = match (self.ipv4, self.ipv6) {
            (true, _) => Family::V4,
            (_, true) => Family::V6,
            _ => return Ok(usable(resolve(host, port)?)),
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

/// Whether a socket has that IP address, and that scope if one is named.
fn has_ip(bound: SocketAddr, asked: SocketAddr) -> bool {
    let scope = |address| match address {
        SocketAddr::V4(_) => 0,
        SocketAddr::V6(address) => address.scope_id(),
    };
    bound.ip() == asked.ip() && [0, scope(bound)].contains(&scope(asked))
}

/// An address of this machine or another with its port, in one word or two. Of a name it is the first
/// address, as the resolver orders them; without a host it is 127.0.0.1.
pub(crate) fn whole_address(words: &[String]) -> Result<SocketAddr> {
    // There is one at least.
    Ok(whole_addresses(words)?.swap_remove(0))
}

/// As [`whole_address`], with all addresses of a name, at least one.
pub(crate) fn whole_addresses(words: &[String]) -> Result<Vec<SocketAddr>> {
    let mut words = words.iter().map(String::as_str);
    let (text, port) = (words.next(), words.next());
    let address = Address::with_port(text, port)?;
    if address.port.is_none() {
        let subject = format!("address '{}'", text.unwrap_or_default().escape_debug());
        return Err(Error::invalid("read", subject, "it has no port")
            .with_remedy("write ADDR:PORT, as in 127.0.0.1:1060 or [::1]:1060"));
    }
    let port = address.single_port("")?;
    Ok(usable(resolve(address.host.unwrap_or("127.0.0.1"), port)?))
}

/// The rule of `--backoff` where no exchange is made.
pub(crate) fn backoff(text: &str) -> Result<Backoff> {
    let bad = |reason| Error::invalid("read backoff", text.escape_debug(), reason);
    match text.parse() {
        Ok(Backoff::Rfc9002) => Err(bad("its timeout needs replies that name the attempt")
            .with_remedy("take book or rfc8085; rfc9002 is for client --exchange")),
        Ok(rule) => Ok(rule),
        Err(_) => Err(bad("neither book nor rfc8085")),
    }
}

/// A local address to bind: `ADDR`, `ADDR:PORT`, `[ADDR]:PORT` or `:PORT`.
pub(crate) fn local_address(text: &str, family: Family) -> Result<SocketAddr> {
    let address = Address::parse(text)?;
    let port = address.single_port("0")?;
    let Some(host) = address.host else {
        let mut any = family.unspecified();
        any.set_port(port);
        return Ok(any);
    };
    let addresses = resolve(host, port)?;
    addresses
        .into_iter()
        .find(|address| Family::of(*address) == family)
        .ok_or_else(|| {
            let reason = format!("the server's address is {family}, and this is not");
            Error::invalid("bind", format_args!("'{}'", text.escape_debug()), reason)
        })
}

/// A variable of the environment, if it is set to something.
pub(crate) fn environment(name: &'static str) -> Result<Option<String>> {
    match std::env::var(name) {
        Ok(text) if text.is_empty() => Ok(None),
        Ok(text) => Ok(Some(text)),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(Error::invalid("read", name, "it is no UTF-8")),
    }
}
