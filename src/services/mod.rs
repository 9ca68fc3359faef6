//! Names and numbers of ports (services(5)).
//!
//! A port number identifies the program on a host to which a datagram belongs; `/etc/services` names
//! the well-known ones. This module parses that file in place, without allocating ([`entries`],
//! [`lines`]), looks up names and numbers ([`Services`], [`Query`]), and finds the problems of such a
//! file ([`check()`]). If the file does not exist, it uses `/usr/etc/services` or, as in small
//! containers, a built-in table, and reports that ([`Origin`]).
//!
//! ```
//! use udpraw::services::{self, Protocol, Range, Services};
//!
//! let services = Services::built_in();
//! assert_eq!(services.port("domain", Protocol::Udp)?, 53);
//!
//! let query = "53/udp".parse()?;
//! let entry = services.lookup(&query).next().unwrap();
//! assert_eq!(entry.name.to_string(), "domain");
//! assert_eq!(Range::of(entry.port), Range::WellKnown);
//!
//! // The argument of a `--port`: a number or a name.
//! assert_eq!(services::resolve_port("1060")?, 1060);
//! # Ok::<(), udpraw::error::Error>(())
//! ```

mod builtin;
mod check;
mod nearest;
mod parse;
mod query;
mod range;
mod table;
mod text;

pub use self::check::{Finding, Findings, NameFault, Problem, Severity, check, name_fault};
pub use self::nearest::nearest;
pub use self::parse::{Aliases, Entries, Entry, Fault, Line, Lines, entries, lines};
pub use self::query::{Key, Protocol, Query};
pub use self::range::Range;
pub use self::table::{DEFAULT_PATH, Origin, Services, VENDOR_PATH, resolve_port};
pub use self::text::Text;
