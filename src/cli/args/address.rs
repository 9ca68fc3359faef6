//! The one grammar of addresses: `HOST`, `HOST:PORT`, `[V6]:PORT`, `[V6%SCOPE]:PORT`, `:PORT` and a bare
//! `PORT`. A port is a number or a service name; where several make sense, a list with commas and ranges.

use std::net::Ipv6Addr;

use udpraw::error::{Error, Result};
use udpraw::probe;
use udpraw::services::resolve_port;

/// What a text names of a socket address; both parts are as they were written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Address<'a> {
    /// The host, without brackets.
    pub(crate) host: Option<&'a str>,
    /// The port or ports.
    pub(crate) port: Option<&'a str>,
}

impl<'a> Address<'a> {
    /// Takes a text apart.
    ///
    /// An IPv6 address has colons of its own: without brackets, all of it is the address.
    ///
    /// # Errors
    /// If the text is none of these, or could mean two things.
    pub(crate) fn parse(text: &'a str) -> Result<Self> {
        let bad = |reason: &str| refused(text, reason, EXAMPLE);
        if text.is_empty() {
            return Err(bad("it has no host"));
        }
        if let Some(rest) = text.split_once("://").map(|(_, rest)| rest) {
            let meant = format!("leave out what is before it: {}", rest.escape_debug());
            return Err(refused(text, "it is a URL", &meant));
        }
        if let Some(inner) = text.strip_prefix('[') {
            return bracketed(text, inner);
        }
        if text.contains(['[', ']']) {
            return Err(bad("brackets go around an IPv6 address, and nothing else"));
        }
        match text.split_once(':') {
            Some((_, rest)) if rest.contains(':') => ipv6(text),
            Some((_, "")) => Err(bad("its port is missing")),
            Some(("", port)) => Ok(Self {
                host: None,
                port: Some(port),
            }),
            Some((host, port)) => Ok(Self {
                host: Some(host),
                port: Some(port),
            }),
            None if is_ports(text) => Ok(Self {
                host: None,
                port: Some(text),
            }),
            None => Ok(Self {
                host: Some(text),
                port: None,
            }),
        }
    }

    /// Takes `HOST PORT` apart, where the port stands in a word or a flag of its own, or in the first
    /// text.
    ///
    /// # Errors
    /// As of [`Self::parse`], and if two different ports are named.
    pub(crate) fn with_port(text: Option<&'a str>, port: Option<&'a str>) -> Result<Self> {
        let inner = text.map(Self::parse).transpose()?.unwrap_or_default();
        let (Some(first), Some(second)) = (inner.port, port) else {
            return Ok(Self {
                port: inner.port.or(port),
                ..inner
            });
        };
        if ports(first)? != ports(second)? {
            let (first, second) = (first.escape_debug(), second.escape_debug());
            let reason = format!("it names port {first}, and --port names {second}");
            return Err(refused(
                text.unwrap_or_default(),
                &reason,
                "leave one of them out",
            ));
        }
        Ok(inner)
    }

    /// Whether a word can only be a host, where a service could be named as well.
    pub(crate) fn is_only_a_host(&self) -> bool {
        let is_host = |host: &str| host.contains(['.', ':']) || host == "localhost";
        self.port.is_none() && self.host.is_some_and(is_host)
    }

    /// The one port, or `default`.
    ///
    /// # Errors
    /// If it is no port, or several.
    pub(crate) fn single_port(&self, default: &str) -> Result<u16> {
        let text = self.port.unwrap_or(default);
        if text.contains(',') || (is_ports(text) && text.contains('-')) {
            let subject = format!("ports '{}'", text.escape_debug());
            return Err(Error::invalid("use", subject, "one port is needed here")
                .with_remedy("name one of them"));
        }
        resolve_port(text)
    }

    /// The one port to send to, or `default`: not 0.
    ///
    /// # Errors
    /// As of [`Self::single_port`], and for port 0.
    pub(crate) fn destination_port(&self, default: &str) -> Result<u16> {
        match self.single_port(default)? {
            0 => Err(
                Error::invalid("send to", "port 0", "it is not a valid destination")
                    .with_remedy("name the port that the other side listens at"),
            ),
            port => Ok(port),
        }
    }
}

const EXAMPLE: &str = "write HOST or HOST:PORT, as in 127.0.0.1:1060 or [::1]:1060";

fn refused(text: &str, reason: &str, remedy: &str) -> Error {
    let subject = format!("address '{}'", text.escape_debug());
    Error::invalid("read", subject, reason).with_remedy(remedy.to_owned())
}

/// Whether a word without a colon is a port or several, and no host: no host's name ends in a number
/// (RFC 3696, section 2), and none has a comma.
fn is_ports(text: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit();
    let is_number = text.bytes().next().is_some_and(is_digit)
        && text.bytes().all(|byte| is_digit(byte) || byte == b'-');
    is_number || text.contains(',')
}

/// `[HOST]` or `[HOST]:PORT`; `inner` is what follows the first bracket.
fn bracketed<'a>(text: &str, inner: &'a str) -> Result<Address<'a>> {
    let bad = |reason| refused(text, reason, EXAMPLE);
    let (host, rest) = inner
        .split_once(']')
        .ok_or_else(|| bad("its bracket is not closed"))?;
    let port = match rest.strip_prefix(':') {
        Some("") => return Err(bad("its port is missing")),
        Some(port) => Some(port),
        None if rest.is_empty() => None,
        None => return Err(bad("only a port can follow the bracket")),
    };
    if host.is_empty() {
        return Err(bad("it has no host"));
    }
    Ok(Address {
        host: Some(host),
        port,
    })
}

/// A text with two colons or more: an IPv6 address, perhaps with its scope, and no port.
fn ipv6(text: &str) -> Result<Address<'_>> {
    let is_address = |text: &str| match text.split_once('%') {
        Some((address, scope)) => {
            address.parse::<Ipv6Addr>().is_ok() && !scope.is_empty() && !scope.contains(':')
        }
        None => text.parse::<Ipv6Addr>().is_ok(),
    };
    if is_address(text) && !hides_a_port(text) {
        return Ok(Address {
            host: Some(text),
            port: None,
        });
    }
    let (host, port) = text.rsplit_once(':').unwrap_or((text, ""));
    let meant = if is_address(host) && !port.is_empty() {
        format!("write [{}]:{}", host.escape_debug(), port.escape_debug())
    } else {
        EXAMPLE.to_owned()
    };
    let reason = "an IPv6 address needs brackets before its port";
    Err(refused(text, reason, &meant))
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

/// As [`ports`], without port 0, which no socket is bound to.
///
/// # Errors
/// As of [`ports`], and for port 0.
pub(crate) fn bound_ports(text: &str) -> Result<Vec<u16>> {
    match ports(text)? {
        zero if zero == [0] => {
            Err(
                Error::invalid("look for", "port 0", "no socket is bound to it")
                    .with_remedy("leave it out to see every port"),
            )
        }
        found => Ok(found),
    }
}

/// Ports in the order of the text, none twice: numbers, service names, ranges, with commas between them.
/// Port 0 stands for one that the OS picks, as often as it is there; it is for who calls to refuse it.
///
/// # Errors
/// If a part is none of these.
pub(crate) fn ports(text: &str) -> Result<Vec<u16>> {
    let mut found = Vec::new();
    let mut is_found = vec![false; usize::from(u16::MAX) + 1];
    for item in text.split(',') {
        if matches!(resolve_port(item), Ok(0)) {
            found.push(0);
            continue;
        }
        for port in probe::ports(item)? {
            if !std::mem::replace(&mut is_found[usize::from(port)], true) {
                found.push(port);
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Every way to read a text by the grammar, tried at each place where it could be cut; `None` for one
    /// that needs brackets.
    fn readings(text: &str) -> Vec<Option<(Option<&str>, Option<&str>)>> {
        let plain = |text: &str| !text.is_empty() && !text.contains([':', '[', ']']);
        let is_v6 = |text: &str| {
            let (address, scope) = text.split_once('%').unwrap_or((text, "x"));
            address.parse::<Ipv6Addr>().is_ok() && plain(scope)
        };
        let mut found = Vec::new();
        if plain(text) {
            found.push(Some(if is_ports(text) {
                (None, Some(text))
            } else {
                (Some(text), None)
            }));
        }
        if is_v6(text) {
            found.push(Some((Some(text), None)));
        }
        let inside = |text: &str| {
            let inner = text.strip_prefix('[')?.strip_suffix(']')?;
            (!inner.is_empty() && !inner.contains(']')).then_some(inner.len())
        };
        if inside(text).is_some() {
            found.push(Some((Some(&text[1..text.len() - 1]), None)));
        }
        for (at, _) in text.match_indices(':') {
            let (host, port) = (&text[..at], &text[at + 1..]);
            if port.is_empty() {
                continue;
            }
            if inside(host).is_some() && !host[1..].contains("]:") {
                found.push(Some((Some(&host[1..host.len() - 1]), Some(port))));
            } else if host.is_empty() && plain(port) {
                found.push(Some((None, Some(port))));
            } else if plain(host) && plain(port) {
                found.push(Some((Some(host), Some(port))));
            } else if is_v6(host) && port.bytes().all(|byte| byte.is_ascii_digit()) {
                // Of one that is an address whole, too, only what has no meaning any more.
                let dead = |whole: Ipv6Addr| whole.octets().starts_with(&[0; 12]);
                if text.parse().map_or(!is_v6(text), dead) {
                    found.push(None);
                }
            }
        }
        found
    }

    proptest! {
        // Few texts are of the kind that could mean two things.
        #![proptest_config(ProptestConfig::with_cases(8192))]
        #[test]
        fn an_address_is_what_a_search_of_the_grammar_finds(
            text in "(\\[?)(::1|fe80::2|1:2:3:4:5:6:7:8|127\\.0\\.0\\.1|h|)(%e|)(\\]?)(:?)(53|1060|domain|1-9|5,6|)|[0-9a-f:%.,\\[\\]-]{0,9}"
        ) {
            let expected = match readings(&text)[..] {
                [Some((host, port))] => Some(Address { host, port }),
                _ => None,
            };
            prop_assert_eq!(Address::parse(&text).ok(), expected, "{}", text);
        }
    }

    #[test]
    fn a_host_and_its_port_are_told_apart() {
        for (text, host, port) in [
            ("localhost", Some("localhost"), None),
            ("localhost:1060", Some("localhost"), Some("1060")),
            ("127.0.0.1:domain", Some("127.0.0.1"), Some("domain")),
            ("127.0.0.1:5000-5100", Some("127.0.0.1"), Some("5000-5100")),
            (":1060", None, Some("1060")),
            ("1060", None, Some("1060")),
            ("53,domain", None, Some("53,domain")),
            ("5000-5100", None, Some("5000-5100")),
            ("::", Some("::"), None),
            ("::1", Some("::1"), None),
            ("::1:106f", Some("::1:106f"), None),
            ("fe80::1:1060", Some("fe80::1:1060"), None),
            ("::127.0.0.1", Some("::127.0.0.1"), None),
            ("fe80::1%eth0", Some("fe80::1%eth0"), None),
            ("[::1]", Some("::1"), None),
            ("[::1]:1060", Some("::1"), Some("1060")),
            ("[fe80::1%eth0]:5", Some("fe80::1%eth0"), Some("5")),
            ("::ffff:127.0.0.1", Some("::ffff:127.0.0.1"), None),
        ] {
            assert_eq!(
                Address::parse(text).unwrap(),
                Address { host, port },
                "{text}"
            );
        }
        for (text, why) in [
            ("", "no host"),
            ("[]:5", "no host"),
            ("localhost:", "port is missing"),
            ("[::1]:", "port is missing"),
            ("[::1", "not closed"),
            ("[::1]1060", "only a port"),
            ("fe80::1%e]", "brackets go around"),
            ("::1:1060", "write [::1]:1060"),
            (":::1060", "write [::]:1060"),
            ("fe80::1%eth0:1060", "write [fe80::1%eth0]:1060"),
            ("1:2:3:4:5:6:7:8:1060", "write [1:2:3:4:5:6:7:8]:1060"),
            ("a:b:c", "needs brackets"),
            ("udp://h:53", "leave out what is before it: h:53"),
        ] {
            let error = Address::parse(text).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn the_port_is_named_once() {
        let port = |text, flag| Address::with_port(text, flag)?.destination_port("7");
        assert_eq!(port(Some("h"), None).unwrap(), 7);
        assert_eq!(port(Some("h"), Some("53")).unwrap(), 53);
        assert_eq!(port(Some("h:53"), None).unwrap(), 53);
        assert_eq!(port(Some("h:53"), Some("domain")).unwrap(), 53);
        assert_eq!(port(None, Some("53")).unwrap(), 53);
        for (text, flag, why) in [
            (
                "h:53",
                Some("54"),
                "it names port 53, and --port names 54; leave one",
            ),
            ("h:0", None, "not a valid destination"),
            ("h", Some("0"), "not a valid destination"),
            ("h:65536", None, "65536"),
            ("h:5-9", None, "one port is needed here"),
            ("h:5,9", None, "one port is needed here"),
        ] {
            let error = port(Some(text), flag).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
        assert_eq!(ports("0").unwrap(), [0]);
        assert_eq!(ports("0,5,0,5").unwrap(), [0, 5, 0]);
        assert_eq!(ports("1-65535,1-65535").unwrap().len(), 65_535);
        assert_eq!(ports("5-7,53,domain").unwrap(), [5, 6, 7, 53]);
    }
}
