//! Hosts, families and local addresses, as several subcommands take them.

use std::net::{Ipv6Addr, SocketAddr};

use clap::Args;
use udpraw::error::{Error, Result};
use udpraw::protocol::Backoff;
use udpraw::services::resolve_port;
use udpraw::socket::{Family, resolve, usable};

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
    /// Refuses a socket of the other family than the one asked for.
    pub(crate) fn check(self, address: SocketAddr) -> Result<()> {
        let family = match (self.ipv4, self.ipv6) {
            (true, _) => Family::V4,
            (_, true) => Family::V6,
            _ => return Ok(()),
        };
        if Family::of(address) == family {
            return Ok(());
        }
        let reason = format!("it is no {family} socket");
        Err(Error::invalid(
            "use",
            format_args!("the passed socket at {address}"),
            reason,
        )
        .with_remedy("leave out -4 and -6, or pass another socket"))
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
    Ok(usable(resolve(host, port)?))
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

/// The parts of `HOST`, `HOST:PORT`, `ADDR`, `[ADDR]` or `[ADDR%SCOPE]:PORT`: the host, and the port if
/// the text has one.
///
/// An IPv6 address has colons of its own: without brackets, all of it is the address.
pub(crate) fn split_port(text: &str) -> Result<(&str, Option<&str>)> {
    let bad = |reason: &str, remedy: String| {
        let subject = format!("address '{}'", text.escape_debug());
        Error::invalid("read", subject, reason).with_remedy(remedy)
    };
    let example = || "write HOST or HOST:PORT, as in 127.0.0.1:1060 or [::1]:1060".to_owned();
    let (host, port) = match (text.strip_prefix('['), text.split_once(':')) {
        (Some(inner), _) => {
            let (host, rest) = inner
                .split_once(']')
                .ok_or_else(|| bad("its bracket is not closed", example()))?;
            match rest.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if rest.is_empty() => (host, None),
                None => return Err(bad("only a port can follow the bracket", example())),
            }
        }
        (None, Some((_, rest))) if rest.contains(':') => {
            let address = text.split_once('%').map_or(text, |(address, _)| address);
            if address.parse::<Ipv6Addr>().is_ok() && !hides_a_port(text) {
                let (_, scope) = text.split_once('%').unwrap_or((text, ""));
                if !scope.contains(':') {
                    return Ok((text, None));
                }
            }
            let reason = "an IPv6 address needs brackets before its port";
            let (host, port) = text.rsplit_once(':').unwrap_or((text, ""));
            let meant = match (host.split('%').next(), port) {
                (Some(address), port) if address.parse::<Ipv6Addr>().is_ok() => {
                    format!("write [{}]:{}", host.escape_debug(), port.escape_debug())
                }
                _ => example(),
            };
            return Err(bad(reason, meant));
        }
        (None, Some((host, port))) => (host, Some(port)),
        (None, None) => (text, None),
    };
    match (host, port) {
        ("", _) => Err(bad("it has no host", example())),
        (_, Some("")) => Err(bad("its port is missing", example())),
        parts => Ok(parts),
    }
}

/// Whether a text that is an IPv6 address whole, as `::1:1060` is, was meant as one with a port: the last
/// group is a decimal number, what is before it is an address, and the whole is one of the IPv4-compatible
/// addresses that nobody has any more (RFC 4291, section 2.5.5.1).
fn hides_a_port(text: &str) -> bool {
    let (Ok(whole), Some((before, port))) = (text.parse::<Ipv6Addr>(), text.rsplit_once(':'))
    else {
        return false;
    };
    whole.octets().starts_with(&[0; 12])
        && before.parse::<Ipv6Addr>().is_ok()
        && !port.is_empty()
        && port.bytes().all(|byte| byte.is_ascii_digit())
}

/// The host and the port to send to, where the port is in the address or in `--port`, which is `flag`,
/// or else the default.
pub(crate) fn destination<'a>(
    text: &'a str,
    flag: Option<&str>,
    default: &str,
) -> Result<(&'a str, u16)> {
    let (host, inner) = split_port(text)?;
    let port = resolve_port(inner.or(flag).unwrap_or(default))?;
    if let (Some(_), Some(flag)) = (inner, flag)
        && resolve_port(flag)? != port
    {
        let subject = format!("address '{}'", text.escape_debug());
        let reason = format!(
            "it names port {port}, and --port names {}",
            flag.escape_debug()
        );
        return Err(Error::invalid("use", subject, reason).with_remedy("leave one of them out"));
    }
    if port == 0 {
        return Err(
            Error::invalid("send to", "port 0", "it is not a valid destination")
                .with_remedy("name the port that the other side listens at"),
        );
    }
    Ok((host, port))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_and_its_port_are_told_apart() {
        for (text, host, port) in [
            ("localhost", "localhost", None),
            ("localhost:1060", "localhost", Some("1060")),
            ("127.0.0.1:domain", "127.0.0.1", Some("domain")),
            ("::", "::", None),
            ("::1", "::1", None),
            ("::1:106f", "::1:106f", None),
            ("fe80::1:1060", "fe80::1:1060", None),
            ("::127.0.0.1", "::127.0.0.1", None),
            ("fe80::1%eth0", "fe80::1%eth0", None),
            ("[::1]", "::1", None),
            ("[::1]:1060", "::1", Some("1060")),
            ("[fe80::1%eth0]:5", "fe80::1%eth0", Some("5")),
            ("::ffff:127.0.0.1", "::ffff:127.0.0.1", None),
        ] {
            assert_eq!(split_port(text).unwrap(), (host, port), "{text}");
        }
        for (text, why) in [
            ("", "no host"),
            (":1060", "no host"),
            ("[]:5", "no host"),
            ("localhost:", "port is missing"),
            ("[::1]:", "port is missing"),
            ("[::1", "not closed"),
            ("[::1]1060", "only a port"),
            ("::1:1060", "write [::1]:1060"),
            (":::1060", "write [::]:1060"),
            ("fe80::1%eth0:1060", "write [fe80::1%eth0]:1060"),
            ("1:2:3:4:5:6:7:8:1060", "write [1:2:3:4:5:6:7:8]:1060"),
            ("a:b:c", "needs brackets"),
        ] {
            let error = split_port(text).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn the_port_is_named_once() {
        assert_eq!(destination("h", None, "7").unwrap(), ("h", 7));
        assert_eq!(destination("h", Some("53"), "7").unwrap(), ("h", 53));
        assert_eq!(destination("h:53", None, "7").unwrap(), ("h", 53));
        assert_eq!(destination("h:53", Some("domain"), "7").unwrap(), ("h", 53));
        for (text, flag, why) in [
            (
                "h:53",
                Some("54"),
                "it names port 53, and --port names 54; leave one",
            ),
            ("h:0", None, "not a valid destination"),
            ("h", Some("0"), "not a valid destination"),
            ("h:65536", None, "65536"),
        ] {
            let error = destination(text, flag, "7").unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
