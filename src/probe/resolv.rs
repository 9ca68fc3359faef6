//! Reads the machine's configured resolvers from `resolv.conf` (resolv.conf(5)) as the C library reads
//! it.
//!
//! The crate resolv-conf parses it. glibc is stricter about some lines, and more lenient about others:
//! each line is first converted to what glibc reads in it.

use std::fs::File;
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};
use std::path::Path;

use nix::net::if_::if_nametoindex;
use resolv_conf::{Config, ParseError, ScopedIp};

use crate::error::{Error, Result};

/// The file with the resolvers of this machine.
pub const DEFAULT_PATH: &str = "/etc/resolv.conf";

/// The number of name servers that the C library asks; it ignores the rest (`MAXNS`).
pub const ASKED_BY_LIBC: usize = 3;

/// A larger file is rejected as a mistake.
const LARGEST: u64 = 1 << 20;

/// The name servers in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Resolvers {
    /// The name servers at port 53, in the file's order, each once.
    pub servers: Vec<SocketAddr>,
    /// How many of these, from the first on, the C library asks: it reads three lines, and asks a
    /// server that is listed twice twice.
    pub asked: usize,
    /// Lines with an invalid server: their number, from 1, and the reason.
    pub faults: Vec<(usize, String)>,
}

impl Resolvers {
    /// Reads a file.
    ///
    /// # Errors
    /// If it cannot be read or names no server that can be asked.
    pub fn load(path: &Path) -> Result<Self> {
        let shown = path.display().to_string().escape_debug().to_string();
        let remedy = "name the server to ask, as in: udpraw probe 127.0.0.1 domain (which is what \
                      the C library falls back to)";
        let failed = |source| Error::os("read", &shown, source).with_remedy(remedy);
        let mut text = Vec::new();
        let file = File::open(path).map_err(failed)?;
        let length = file
            .take(LARGEST + 1)
            .read_to_end(&mut text)
            .map_err(failed)?;
        if length as u64 > LARGEST {
            let reason = "it is larger than 1 MiB, so it is not a resolv.conf";
            return Err(failed(io::Error::new(io::ErrorKind::InvalidData, reason)));
        }
        let found = Self::parse(&text);
        if !found.servers.is_empty() {
            return Ok(found);
        }
        let reason = match found.faults.as_slice() {
            [] => "no nameserver line".to_owned(),
            [(line, fault), ..] => format!("no usable nameserver: line {line}: {fault}"),
        };
        Err(Error::invalid("use", &shown, reason).with_remedy(remedy))
    }

    /// Reads the text of a file: lines `nameserver ADDRESS`, the keyword at the line's start; the other
    /// keywords do not matter here, and `#` or `;` start a comment.
    ///
    /// ```
    /// use udpraw::probe::Resolvers;
    /// let found = Resolvers::parse(b"# by DHCP\nnameserver 192.0.2.1\nnameserver 2001:db8::1\n");
    /// assert_eq!(found.servers[1], "[2001:db8::1]:53".parse().unwrap());
    /// ```
    pub fn parse(text: &[u8]) -> Self {
        let mut found = Self::default();
        let mut lines = Vec::new();
        for (number, line) in (1..).zip(text.split(|&byte| byte == b'\n')) {
            let word = match seen(line) {
                Ok(word) => word.unwrap_or_default(),
                Err(reason) => {
                    found.faults.push((number, reason));
                    String::new()
                }
            };
            lines.push(word);
        }
        let keyword = |word: &String| match word.as_str() {
            "" => String::new(),
            word => format!("nameserver {word}"),
        };
        let plain: Vec<String> = lines.iter().map(keyword).collect();
        let (config, errors) = Config::parse_with_errors(plain.join("\n").as_bytes());
        for (index, server) in config.nameservers.iter().enumerate() {
            let server = socket_address(server);
            if !found.servers.contains(&server) {
                found.servers.push(server);
            }
            if index < ASKED_BY_LIBC {
                found.asked = found.servers.len();
            }
        }
        for error in errors {
            let line = line_of(&error);
            let word = lines.get(line).map(String::as_str).unwrap_or_default();
            let reason = format!("'{}' is not an address", word.escape_default());
            found.faults.push((line + 1, reason));
        }
        found.faults.sort();
        found
    }
}

/// The line of an error, from 0.
fn line_of(error: &ParseError) -> usize {
    match error {
        ParseError::InvalidUtf8(line, _)
        | ParseError::InvalidValue(line)
        | ParseError::InvalidOptionValue(line)
        | ParseError::InvalidOption(line)
        | ParseError::InvalidDirective(line)
        | ParseError::InvalidIp(line, _)
        | ParseError::ExtraData(line) => *line,
    }
}

/// The address in a line as glibc reads it, in a form that any parser understands; `None` for a line
/// without one. A host name is not valid here: no resolver could look it up.
fn seen(line: &[u8]) -> std::result::Result<Option<String>, String> {
    let Some(rest) = line.strip_prefix(b"nameserver") else {
        let bare = line.trim_ascii_start();
        return match bare.strip_prefix(b"nameserver") {
            Some([b' ' | b'\t', ..]) => Err(
                "'nameserver' is not at the start of the line, so the C library ignores it".into(),
            ),
            _ => Ok(None),
        };
    };
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    match rest.first() {
        None | Some(b'\r') => return Err("no address".into()),
        Some(byte) if !is_blank(byte) => return Ok(None), // another keyword with the same prefix
        Some(_) => {}
    }
    // glibc ends the address only at a blank, and ignores the rest.
    let word = rest.split(is_blank).find(|word| !word.is_empty());
    let word = match word {
        Some(word) if !matches!(word[0], b'#' | b';' | b'\r') => word,
        _ => return Err("no address".into()),
    };
    if let Some(word) = word.strip_suffix(b"\r") {
        return Err(format!(
            "'{}' ends in a carriage return, so the C library ignores it: use Unix line ends",
            word.escape_ascii()
        ));
    }
    let bad = || format!("'{}' is not an address", word.escape_ascii());
    let text = std::str::from_utf8(word).map_err(|_| bad())?;
    // The crate takes these as the start of a comment or the end of the word.
    if text.contains(|letter: char| matches!(letter, '#' | ';') || letter.is_whitespace()) {
        return Err(bad());
    }
    match text.split_once('%') {
        Some((address, scope)) if address.contains(':') => {
            let index = scope.parse().ok().or_else(|| if_nametoindex(scope).ok());
            let index = index.ok_or_else(|| {
                format!(
                    "no interface of this machine is '{}'",
                    scope.escape_default()
                )
            })?;
            Ok(Some(format!("{address}%{index}")))
        }
        _ => Ok(Some(match (text.parse::<IpAddr>(), short_form(text)) {
            (Err(_), Some(address)) => address.to_string(),
            _ => text.to_owned(),
        })),
    }
}

/// An IPv4 address as inet_aton(3) reads it: of one to four numbers, in octal after a 0 and in
/// hexadecimal after 0x, of which the last fills the bytes that are left.
fn short_form(text: &str) -> Option<Ipv4Addr> {
    let number = |part: &str| {
        let (digits, radix) = match part.strip_prefix("0x").or(part.strip_prefix("0X")) {
            Some(digits) => (digits, 16),
            None if part.len() > 1 && part.starts_with('0') => (part, 8),
            None => (part, 10),
        };
        let is_plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        u32::from_str_radix(digits, radix).ok().filter(|_| is_plain)
    };
    let parts: Option<Vec<u32>> = text.split('.').map(number).collect();
    let parts = parts.filter(|parts| parts.len() <= 4)?;
    let (last, before) = parts.split_last()?;
    let left = 32 - 8 * before.len() as u32;
    if u64::from(*last) >= 1 << left {
        return None;
    }
    let mut bits = *last;
    for (index, part) in before.iter().enumerate() {
        bits |= u32::from(u8::try_from(*part).ok()?) << (24 - 8 * index);
    }
    Some(Ipv4Addr::from(bits))
}

fn socket_address(server: &ScopedIp) -> SocketAddr {
    match server {
        ScopedIp::V6(address, Some(scope)) => {
            let scope = scope.parse().unwrap_or_default();
            SocketAddrV6::new(*address, 53, 0, scope).into()
        }
        other => SocketAddr::new(other.into(), 53),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_people_and_programs_write() {
        let text = b"# Generated by NetworkManager\n; also a comment\nsearch example.org\n\
            nameserver 192.0.2.1\nnameserver\t2001:db8::1  # the second\r\nnameserver fe80::1%lo\n\
            nameservers 192.0.2.9\n nameserver 192.0.2.8\nnameserver 192.0.2.1\n\
            nameserver\nnameserver dns.example\nnameserver 192.0.2.300\nnameserver fe80::1%nosuch0\n\
            nameserver \xff\x1b\nnameserver 192.0.2.4%lo\noptions edns0";
        let found = Resolvers::parse(text);
        let servers: Vec<_> = found.servers.iter().map(SocketAddr::to_string).collect();
        assert_eq!(
            servers,
            ["192.0.2.1:53", "[2001:db8::1]:53", "[fe80::1%1]:53"]
        );
        let faults: Vec<_> = found
            .faults
            .iter()
            .map(|(line, text)| format!("{line}: {text}"))
            .collect();
        assert_eq!(
            faults,
            [
                "8: 'nameserver' is not at the start of the line, so the C library ignores it",
                "10: no address",
                "11: 'dns.example' is not an address",
                "12: '192.0.2.300' is not an address",
                "13: no interface of this machine is 'nosuch0'",
                r"14: '\xff\x1b' is not an address",
                "15: '192.0.2.4%lo' is not an address",
            ]
        );
    }

    /// The servers that glibc 2.36 asked, according to a trace.
    #[test]
    fn it_is_read_as_the_c_library_reads_it() {
        for (text, servers, faults) in [
            (
                "nameserver 127.0.0.2\r\nnameserver 127.0.0.3\n nameserver 127.0.0.4\n\
                 nameserver 127.5#x\nnameserver 127.6 # c\n",
                &["127.0.0.3:53", "127.0.0.6:53"][..],
                3,
            ),
            (
                "nameserver\t127.0x7.1\nnameserver 127.0.0.010;c\nNAMESERVER 127.0.0.9\n",
                &["127.7.0.1:53"],
                1,
            ),
            (
                "nameserver\n\nnameserver \x0b127.0.0.7\nnameserver ::ffff:127.0.0.9\n\
                 nameserver 127.0.0.3\x0cx\nnameserver 0127.0.0.1",
                &["[::ffff:127.0.0.9]:53", "87.0.0.1:53"],
                3,
            ),
        ] {
            let found = Resolvers::parse(text.as_bytes());
            let is: Vec<_> = found.servers.iter().map(SocketAddr::to_string).collect();
            assert_eq!(is, servers, "{text:?}");
            assert_eq!(found.faults.len(), faults, "{:?}", found.faults);
        }
        // A server that is listed twice is asked twice, and the fourth line is ignored.
        let found = Resolvers::parse(
            b"nameserver 192.0.2.1\nnameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3",
        );
        assert_eq!((found.servers.len(), found.asked), (3, 2));
    }

    #[test]
    fn short_forms_are_those_of_inet_aton() {
        for (text, want) in [
            ("127.1", Some("127.0.0.1")),
            ("127.0.258", Some("127.0.1.2")),
            ("0x7f000001", Some("127.0.0.1")),
            ("017700000001", Some("127.0.0.1")),
            ("256.1", None),
            ("1.2.3.4.5", None),
            ("127.", None),
            ("1.16777216", None),
            ("4294967296", None),
            ("+1", None),
            ("08.1", None),
            ("", None),
        ] {
            let want = want.map(|want| want.parse().unwrap());
            assert_eq!(short_form(text), want, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_file_is_read(text in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(b"nameserver \n1.:%".to_vec())], 0..200)) {
            let found = Resolvers::parse(&[b"nameserver ", text.as_slice()].concat());
            prop_assert!(found.faults.iter().all(|(_, text)| text.is_ascii()));
        }
    }
}
