//! Parses the format of services(5) in place: each line is a slice of the file.
//!
//! A line is `NAME PORT/PROTOCOL [ALIAS...] [# COMMENT]`. The rules are those of the GNU C library
//! (nss_files): spaces are those of isspace(3) in the C locale, so that the carriage return of a CRLF
//! file is one; a `#` starts a comment anywhere; a NUL byte ends the line; leading spaces are skipped;
//! the protocol may be any word; an invalid line is skipped.
//!
//! It is stricter about ports; every such line is a [`Fault`] here:
//!
//! | line | the C library | here |
//! | --- | --- | --- |
//! | `x 65558/tcp` | 22: strtoul(3), then modulo 65,536 | [`Fault::PortTooLarge`] |
//! | `x 0/tcp` | 0 | [`Fault::PortZero`]: reserved, nothing can be reached there |
//! | `x 010/tcp` | 8: octal | [`Fault::LeadingZero`] |
//! | `x 0x16/tcp`, `x +22/tcp`, `x -1/tcp` | 22, 22, 65535 | [`Fault::PortNotNumber`] |
//! | `x 22`, `x 22/`, `x 22/ tcp` | 22, of a protocol without a name | [`Fault::ProtocolMissing`] |
//! | `x 22//tcp` | 22/tcp | [`Fault::ProtocolMissing`] |
//!
//! The C library reads all valid lines in the same way, except for one bug (seen in 2.36): if a line
//! starts with spaces and ends without a line feed, in a NUL byte or at the end of the file, it repeats
//! the last bytes (`udpp`).

use std::fmt;
use std::iter::FusedIterator;

use memchr::{memchr, memchr2};

use super::text::Text;

/// A service: one valid line of the file.
///
/// Aliases and comment are parsed on request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The line's number in the file, from 1.
    pub line: usize,
    /// The service's official name.
    pub name: Text<'a>,
    /// Its port, never 0.
    pub port: u16,
    /// Its protocol, any word: `udp`, `tcp`, `sctp`.
    pub protocol: Text<'a>,
    /// The text after the protocol: aliases, comment.
    rest: &'a [u8],
}

impl<'a> Entry<'a> {
    /// The service's other names, in the file's order.
    pub fn aliases(&self) -> Aliases<'a> {
        Aliases { rest: self.rest }
    }

    /// The text after the `#`, without the spaces around it; `None` if there is none.
    pub fn comment(&self) -> Option<Text<'a>> {
        let at = memchr2(b'#', 0, self.rest)?;
        let comment = self.rest.get(at..)?.strip_prefix(b"#")?;
        let comment = comment.strip_suffix(b"\r").unwrap_or(comment).trim_ascii();
        (!comment.is_empty()).then(|| Text::new(comment))
    }

    /// Whether `name` is exactly the service's name or one of its aliases.
    pub fn is_called(&self, name: &[u8]) -> bool {
        self.name.as_bytes() == name || self.aliases().any(|alias| alias.as_bytes() == name)
    }
}

/// The aliases of an [`Entry`], parsed on request.
#[derive(Clone, Debug)]
pub struct Aliases<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Aliases<'a> {
    type Item = Text<'a>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (word, rest) = word(skip_spaces(self.rest));
        self.rest = rest;
        (!word.is_empty()).then(|| Text::new(word))
    }
}

impl FusedIterator for Aliases<'_> {}

/// Why a non-empty line is not a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault<'a> {
    /// Nothing follows the name.
    PortMissing,
    /// The text in place of the port.
    PortNotNumber(Text<'a>),
    /// A number with a leading zero, which the C library reads as octal.
    LeadingZero(Text<'a>),
    /// Port 0.
    PortZero,
    /// A number above 65,535.
    PortTooLarge(Text<'a>),
    /// The port is not followed by a slash and a protocol.
    ProtocolMissing,
}

impl fmt::Display for Fault<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PortMissing => f.write_str("port missing"),
            Self::PortNotNumber(word) => write!(f, "port '{word}' is not a number"),
            Self::LeadingZero(word) => {
                write!(f, "port {word} has a leading zero, which is read as octal")
            }
            Self::PortZero => f.write_str("port 0 is reserved"),
            Self::PortTooLarge(word) => write!(f, "port {word} is above 65535"),
            Self::ProtocolMissing => f.write_str("protocol missing after the port"),
        }
    }
}

/// One line of the file, valid or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Line<'a> {
    /// Its number, from 1.
    pub number: usize,
    /// The line without its line feed.
    pub bytes: &'a [u8],
    /// The service; `None` if the line is empty or only a comment; or the fault.
    pub content: Result<Option<Entry<'a>>, Fault<'a>>,
}

impl Line<'_> {
    /// Whether a NUL byte truncates the line (one inside a comment does not count).
    pub fn has_nul(&self) -> bool {
        memchr2(b'#', 0, self.bytes).is_some_and(|at| self.bytes.get(at) == Some(&0))
    }
}

/// Returns every line of a services file, with its content or its fault.
///
/// ```
/// use udpraw::services::{Fault, lines};
/// let mut lines = lines(b"# mine\nssh 22\nchat 4000/udp");
/// assert_eq!(lines.next().unwrap().content, Ok(None));
/// assert_eq!(lines.next().unwrap().content, Err(Fault::ProtocolMissing));
/// let entry = lines.next().unwrap().content.unwrap().unwrap();
/// assert_eq!((entry.line, entry.port), (3, 4000));
/// assert!(lines.next().is_none());
/// ```
pub fn lines(file: &[u8]) -> Lines<'_> {
    Lines {
        rest: file,
        number: 0,
    }
}

/// Returns the services of a file, in its order; other lines are skipped.
///
/// It does not allocate; the iterator borrows only from `file`.
///
/// ```
/// use udpraw::services::entries;
/// let file = b"domain 53/udp dns # names\r\nnonsense\r\nhttp\t80/tcp www web";
/// let mut entries = entries(file);
/// let domain = entries.next().unwrap();
/// assert_eq!((domain.name.as_bytes(), domain.port), (&b"domain"[..], 53));
/// assert_eq!(domain.comment().unwrap().to_string(), "names");
/// let http = entries.next().unwrap();
/// assert!(http.aliases().eq(["www", "web"]));
/// assert!(entries.next().is_none());
/// ```
pub fn entries(file: &[u8]) -> Entries<'_> {
    Entries { lines: lines(file) }
}

/// The iterator that [`lines`] returns.
#[derive(Clone, Debug)]
pub struct Lines<'a> {
    rest: &'a [u8],
    number: usize,
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let end = memchr(b'\n', self.rest).unwrap_or(self.rest.len());
        let (bytes, rest) = self.rest.split_at(end);
        self.rest = rest.get(1..).unwrap_or_default();
        self.number += 1;
        Some(Line {
            number: self.number,
            bytes,
            content: parse(bytes, self.number),
        })
    }
}

impl FusedIterator for Lines<'_> {}

/// The iterator that [`entries`] returns.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    lines: Lines<'a>,
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.lines.find_map(|line| line.content.ok().flatten())
    }
}

impl FusedIterator for Entries<'_> {}

#[inline]
fn parse(line: &[u8], number: usize) -> Result<Option<Entry<'_>>, Fault<'_>> {
    let (name, rest) = word(skip_spaces(line));
    if name.is_empty() {
        return Ok(None);
    }
    let rest = skip_spaces(rest);
    let (port, rest) = match port(rest) {
        Some(found) => found,
        None => return Err(port_fault(rest)),
    };
    let (protocol, rest) = word(rest);
    if protocol.is_empty() || protocol.starts_with(b"/") {
        return Err(Fault::ProtocolMissing);
    }
    Ok(Some(Entry {
        line: number,
        name: Text::new(name),
        port,
        protocol: Text::new(protocol),
        rest,
    }))
}

/// A valid port with its slash, and the rest.
#[inline]
fn port(text: &[u8]) -> Option<(u16, &[u8])> {
    let mut port: u16 = 0;
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            // A leading zero means port 0, or octal.
            b'0' if port == 0 => return None,
            b'0'..=b'9' => port = port.checked_mul(10)?.checked_add(u16::from(byte - b'0'))?,
            b'/' if port > 0 => return Some((port, rest)),
            _ => return None,
        }
    }
    None
}

/// The fault of an invalid port.
#[cold]
fn port_fault(text: &[u8]) -> Fault<'_> {
    let (word, _) = word(text);
    let end = memchr(b'/', word).unwrap_or(word.len());
    let (port, _) = word.split_at(end);
    let fits = |port| str::from_utf8(port).is_ok_and(|port| port.parse::<u16>().is_ok());
    match port {
        [] => Fault::PortMissing,
        _ if !port.iter().all(u8::is_ascii_digit) => Fault::PortNotNumber(Text::new(port)),
        b"0" => Fault::PortZero,
        [b'0', ..] => Fault::LeadingZero(Text::new(port)),
        _ if fits(port) => Fault::ProtocolMissing,
        _ => Fault::PortTooLarge(Text::new(port)),
    }
}

const SPACE: u8 = 1;
/// The bytes that end a line's content early: a comment, or NUL.
const END: u8 = 2;

/// The class of each byte. Indexing it by a byte cannot fail.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    // isspace(3) in the C locale; u8::is_ascii_whitespace lacks the vertical tab.
    classes[b' ' as usize] = SPACE;
    classes[b'\t' as usize] = SPACE;
    classes[b'\r' as usize] = SPACE;
    classes[0x0b] = SPACE;
    classes[0x0c] = SPACE;
    classes[b'#' as usize] = END;
    classes[0] = END;
    classes
};

#[inline]
fn skip_spaces(text: &[u8]) -> &[u8] {
    let mut text = text;
    while let Some((&byte, after)) = text.split_first() {
        if CLASSES[usize::from(byte)] != SPACE {
            break;
        }
        text = after;
    }
    text
}

/// The word at the start (empty at the end of the content), and the rest.
#[inline]
fn word(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text
        .iter()
        .position(|&byte| CLASSES[usize::from(byte)] != 0)
        .unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(line: &str) -> String {
        match lines(line.as_bytes()).next().unwrap().content {
            Err(fault) => fault.to_string(),
            good => panic!("{line:?} is {good:?}"),
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_line() {
        for (line, want) in [
            ("x", "port missing"),
            ("x # 22/tcp", "port missing"),
            ("x /tcp", "port missing"),
            ("x y 22/tcp", "port 'y' is not a number"),
            ("x 22tcp", "port '22tcp' is not a number"),
            ("x -1/tcp", "port '-1' is not a number"),
            ("x +1/tcp", "port '+1' is not a number"),
            ("x 0x16/tcp", "port '0x16' is not a number"),
            ("x \x1b/tcp", r"port '\u{1b}' is not a number"),
            ("x 0/tcp", "port 0 is reserved"),
            ("x 0", "port 0 is reserved"),
            (
                "x 00/tcp",
                "port 00 has a leading zero, which is read as octal",
            ),
            (
                "x 010/tcp",
                "port 010 has a leading zero, which is read as octal",
            ),
            ("x 65536/tcp", "port 65536 is above 65535"),
            ("x 65558", "port 65558 is above 65535"),
            (
                "x 9999999999999999999999/tcp",
                "port 9999999999999999999999 is above 65535",
            ),
            ("x 22", "protocol missing after the port"),
            ("x 22/", "protocol missing after the port"),
            ("x 22 /tcp", "protocol missing after the port"),
            ("x 22/ tcp", "protocol missing after the port"),
            ("x 22//tcp", "protocol missing after the port"),
            ("x 22/#tcp", "protocol missing after the port"),
            ("x 22/\0tcp", "protocol missing after the port"),
        ] {
            assert_eq!(fault(line), want, "{line:?}");
        }
    }

    #[test]
    fn reads_what_the_c_library_reads() {
        let file = b"  a 1/udp\x0b\x0cb\r\n\n#c 2/udp\n\0d 3/udp\ne 65535/tcp/x#f\0 \ng 5/p h\0i # j\n \t\n#";
        let all: Vec<_> = entries(file).collect();
        let named: Vec<_> = all
            .iter()
            .map(|e| (e.line, e.name.to_string(), e.port))
            .collect();
        assert_eq!(
            named,
            [
                (1, "a".into(), 1),
                (5, "e".into(), 65535),
                (6, "g".into(), 5)
            ]
        );
        assert!(all[0].aliases().eq(["b"]));
        assert_eq!(all[0].comment(), None);
        assert_eq!(all[1].protocol, "tcp/x");
        assert_eq!(all[1].comment().unwrap().as_bytes(), b"f\0");
        assert!(all[2].aliases().eq(["h"]));
        assert_eq!(all[2].comment(), None, "the line ended at the NUL");
        let nul: Vec<_> = lines(file)
            .filter(Line::has_nul)
            .map(|line| line.number)
            .collect();
        assert_eq!(nul, [4, 6]);
        assert_eq!(lines(file).count(), 8);
        assert_eq!(lines(b"").count(), 0);
        assert_eq!(lines(b"\n").count(), 1);
    }
}
