//! Names and numbers of ports (services(5)).
//!
//! A port number says which conversation of a machine a datagram belongs to; `/etc/services` gives
//! the well-known ones their names. This module reads that file as it lies in memory, borrowing and
//! without allocating ([`entries`], [`lines`]), looks names and numbers up ([`Services`],
//! [`Query`]), and tells what is wrong with such a file ([`check()`]). Where there is no such file,
//! `/usr/etc/services` or, as in small containers, a built-in table serves, and says so ([`Origin`]).
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
//! // What a `--port` takes: a number, or a name.
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
