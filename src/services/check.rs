//! Finds the errors in a services file.

use std::collections::hash_map::Entry as Slot;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::iter::FusedIterator;

use super::parse::{Entry, Fault, Line, Lines, lines};
use super::query::Protocol;
use super::text::Text;

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// The line is valid for lookups.
    Warning,
    /// The line is not a service: lookups skip it.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// The rule of RFC 6335, section 5.1, that a name violates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NameFault {
    /// It is empty.
    Empty,
    /// It has more than 15 characters.
    TooLong,
    /// It has a character other than ASCII letters, digits and hyphens.
    Character,
    /// It has no letter, so it could be read as a number.
    NoLetter,
    /// It starts or ends with a hyphen.
    OuterHyphen,
    /// It has two hyphens in a row.
    DoubleHyphen,
}

impl fmt::Display for NameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "empty",
            Self::TooLong => "more than 15 characters",
            Self::Character => "only letters, digits and hyphens are allowed",
            Self::NoLetter => "at least one letter is required",
            Self::OuterHyphen => "a hyphen at the start or the end",
            Self::DoubleHyphen => "two hyphens in a row",
        })
    }
}

/// Why RFC 6335, section 5.1, forbids a service name, if it does.
///
/// ```
/// use udpraw::services::{NameFault, name_fault};
/// assert_eq!(name_fault(b"ftp-data"), None);
/// assert_eq!(name_fault(b"gds_db"), Some(NameFault::Character));
/// assert_eq!(name_fault(b"8080"), Some(NameFault::NoLetter));
/// ```
pub fn name_fault(name: &[u8]) -> Option<NameFault> {
    if name.is_empty() {
        Some(NameFault::Empty)
    } else if !name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-') {
        Some(NameFault::Character)
    } else if name.len() > 15 {
        Some(NameFault::TooLong)
    } else if name.starts_with(b"-") || name.ends_with(b"-") {
        Some(NameFault::OuterHyphen)
    } else if name.windows(2).any(|pair| pair == b"--") {
        Some(NameFault::DoubleHyphen)
    } else if !name.iter().any(u8::is_ascii_alphabetic) {
        Some(NameFault::NoLetter)
    } else {
        None
    }
}

/// A problem of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem<'a> {
    /// The line is not a service.
    Fault(Fault<'a>),
    /// A NUL byte: the rest of the line is ignored.
    Nul,
    /// The protocol has no ports (it is not in [`Protocol::KNOWN`]), or is not in lower case.
    UnknownProtocol(Text<'a>),
    /// A name, or an alias, that RFC 6335 forbids.
    Name(Text<'a>, NameFault),
    /// An earlier line has the same name, port and protocol.
    Duplicate {
        /// The name.
        name: Text<'a>,
        /// The number of the earlier line.
        first: usize,
    },
    /// An earlier line gives the same name, or alias, another port of the same protocol, and
    /// getservbyname(3) returns that one.
    TwoPorts {
        /// The name or alias.
        name: Text<'a>,
        /// The port of this line.
        port: u16,
        /// The port of the earlier line.
        first_port: u16,
        /// Their protocol.
        protocol: Text<'a>,
        /// The number of the earlier line.
        first: usize,
    },
}

impl Problem<'_> {
    /// An error if lookups skip the line, otherwise a warning.
    pub fn severity(&self) -> Severity {
        match self {
            Self::Fault(_) => Severity::Error,
            _ => Severity::Warning,
        }
    }
}

impl fmt::Display for Problem<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(fault) => fault.fmt(f),
            Self::Nul => f.write_str("a NUL byte ends the line early"),
            Self::UnknownProtocol(protocol) => write!(f, "unknown protocol '{protocol}'"),
            Self::Name(name, fault) => {
                write!(f, "name '{name}' is forbidden by RFC 6335: {fault}")
            }
            Self::Duplicate { name, first } => {
                write!(f, "exact duplicate: '{name}' is already on line {first}")
            }
            Self::TwoPorts {
                name,
                port,
                first_port,
                protocol,
                first,
            } => write!(
                f,
                "'{name}' has two ports: {first_port}/{protocol} on line {first}, {port}/{protocol} here"
            ),
        }
    }
}

/// One problem in a line of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding<'a> {
    /// The line's number, from 1.
    pub line: usize,
    /// The problem.
    pub problem: Problem<'a>,
}

impl fmt::Display for Finding<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.problem)
    }
}

/// Returns all problems of a services file, in the order of its lines.
///
/// It stores the names that it has read, which takes memory in proportion to the file.
///
/// ```
/// use udpraw::services::check;
/// let file = b"chat 4000/udp\nsound 70000/udp\nchat 4001/udp\n";
/// let findings: Vec<_> = check(file).map(|finding| finding.to_string()).collect();
/// assert_eq!(findings, [
///     "2: port 70000 is above 65535",
///     "3: 'chat' has two ports: 4000/udp on line 1, 4001/udp here",
/// ]);
/// ```
pub fn check(file: &[u8]) -> Findings<'_> {
    Findings {
        lines: lines(file),
        pending: VecDeque::new(),
        seen: HashMap::new(),
        ports: HashMap::new(),
    }
}

/// The iterator that [`check()`] returns.
pub struct Findings<'a> {
    lines: Lines<'a>,
    pending: VecDeque<Finding<'a>>,
    /// The first line of each name, port and protocol.
    seen: HashMap<(Text<'a>, u16, Text<'a>), usize>,
    /// The first line of each name or alias and protocol.
    ports: HashMap<(Text<'a>, Text<'a>), (u16, usize)>,
}

impl<'a> Findings<'a> {
    fn examine(&mut self, line: Line<'a>) {
        if line.has_nul() {
            self.find(line.number, Problem::Nul);
        }
        match line.content {
            Ok(None) => {}
            Ok(Some(entry)) => self.examine_entry(&entry),
            Err(fault) => self.find(line.number, Problem::Fault(fault)),
        }
    }

    fn examine_entry(&mut self, entry: &Entry<'a>) {
        let Entry {
            line,
            name,
            port,
            protocol,
            ..
        } = *entry;
        if !Protocol::KNOWN.iter().any(|known| known.includes(protocol)) {
            self.find(line, Problem::UnknownProtocol(protocol));
        }
        let first = *self.seen.entry((name, port, protocol)).or_insert(line);
        let is_new = first == line;
        if !is_new {
            self.find(line, Problem::Duplicate { name, first });
        }
        for called in std::iter::once(name).chain(entry.aliases()) {
            if let Some(fault) = name_fault(called.as_bytes()) {
                self.find(line, Problem::Name(called, fault));
            }
            match self.ports.entry((called, protocol)) {
                Slot::Vacant(slot) => {
                    slot.insert((port, line));
                }
                Slot::Occupied(slot) => {
                    let (first_port, first) = *slot.get();
                    if first_port != port && is_new {
                        let problem = Problem::TwoPorts {
                            name: called,
                            port,
                            first_port,
                            protocol,
                            first,
                        };
                        self.find(line, problem);
                    }
                }
            }
        }
    }

    fn find(&mut self, line: usize, problem: Problem<'a>) {
        self.pending.push_back(Finding { line, problem });
    }
}

impl<'a> Iterator for Findings<'a> {
    type Item = Finding<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(finding) = self.pending.pop_front() {
                return Some(finding);
            }
            let line = self.lines.next()?;
            self.examine(line);
        }
    }
}

impl FusedIterator for Findings<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_rfc_6335_forbids() {
        use NameFault::*;
        for (name, want) in [
            ("a", None),
            ("a-b-c", None),
            ("9p", None),
            ("X11", None),
            ("fifteen-letters", None),
            ("sixteen-letters1", Some(TooLong)),
            ("", Some(Empty)),
            ("-", Some(OuterHyphen)),
            ("-a", Some(OuterHyphen)),
            ("a-", Some(OuterHyphen)),
            ("a--b", Some(DoubleHyphen)),
            ("1-2", Some(NoLetter)),
            ("a.b", Some(Character)),
            ("a_b", Some(Character)),
            ("caf\u{e9}", Some(Character)),
        ] {
            assert_eq!(name_fault(name.as_bytes()), want, "{name}");
        }
    }

    #[test]
    fn finds_what_is_wrong_and_nothing_else() {
        let file = b"\
# a comment
good 1/udp fine # yes
good 1/tcp fine
good 1/udp other
good 2/udp
good 2/udp
other 3/udp
bad_name 4/udp a--b
odd 5/icmp
odd 6/UDP
cut 7/udp\0x
c # 8/udp
zero 0/udp
same 9/udp same same
comment 10/udp # \0
";
        let findings: Vec<_> = check(file)
            .map(|it| format!("{} {it}", it.problem.severity()))
            .collect();
        assert_eq!(
            findings,
            [
                "warning 4: exact duplicate: 'good' is already on line 2",
                "warning 5: 'good' has two ports: 1/udp on line 2, 2/udp here",
                "warning 6: exact duplicate: 'good' is already on line 5",
                "warning 7: 'other' has two ports: 1/udp on line 4, 3/udp here",
                "warning 8: name 'bad_name' is forbidden by RFC 6335: only letters, digits and hyphens are allowed",
                "warning 8: name 'a--b' is forbidden by RFC 6335: two hyphens in a row",
                "warning 9: unknown protocol 'icmp'",
                "warning 10: unknown protocol 'UDP'",
                "warning 11: a NUL byte ends the line early",
                "error 12: port missing",
                "error 13: port 0 is reserved",
            ]
        );
    }
}
