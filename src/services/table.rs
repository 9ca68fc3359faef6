//! The services of this machine: its file, or the built-in table if it has none.

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::builtin;
use super::nearest::nearest;
use super::parse::{self, Entries, Entry};
use super::query::{Key, Protocol, Query, Shown, number};
use super::range::Range;
use super::text::Text;
use crate::error::{Error, Result};

/// The machine's services file (services(5)).
pub const DEFAULT_PATH: &str = "/etc/services";

/// The distribution's services file, used if [`DEFAULT_PATH`] does not exist: openSUSE since 2022.
pub const VENDOR_PATH: &str = "/usr/etc/services";

/// The largest file that is read, so that an endless device is rejected: 1 GiB.
const LARGEST: u64 = 1 << 30;

/// The source of services.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// A file.
    File(PathBuf),
    /// The table inside this crate.
    BuiltIn,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path_text(path).fmt(f),
            Self::BuiltIn => f.write_str("the built-in table"),
        }
    }
}

/// A services file in memory, or the built-in table, for lookups.
///
/// Loading only reads the file; each lookup parses the lines again, which takes a few microseconds for
/// the usual file, less than building an index.
#[derive(Clone)]
pub struct Services {
    bytes: Cow<'static, [u8]>,
    origin: Origin,
}

impl Services {
    /// Loads the services of `path`; without a path, those of [`DEFAULT_PATH`], of [`VENDOR_PATH`] or
    /// of the built-in table, whichever exists first ([`Services::origin`] returns which).
    ///
    /// # Errors
    /// If a named file cannot be read, if the default one exists and cannot be read, or if it is larger
    /// than 1 GiB.
    ///
    /// ```
    /// use udpraw::services::Services;
    /// let error = Services::load(Some("/nowhere/services".as_ref())).unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "cannot read /nowhere/services: no such file or directory (ENOENT)",
    /// );
    /// ```
    pub fn load(path: Option<&Path>) -> Result<Self> {
        match path {
            Some(path) => Self::read(path, LARGEST),
            None => Self::first_of(&[Path::new(DEFAULT_PATH), Path::new(VENDOR_PATH)]),
        }
    }

    /// The built-in table: the textbook's ports, and the most common ones.
    pub fn built_in() -> Self {
        Self {
            bytes: Cow::Borrowed(builtin::TEXT.as_bytes()),
            origin: Origin::BuiltIn,
        }
    }

    /// Reads the first file that exists, or uses the built-in table.
    fn first_of(paths: &[&Path]) -> Result<Self> {
        for path in paths {
            match Self::read(path, LARGEST) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                result => return result,
            }
        }
        Ok(Self::built_in())
    }

    fn read(path: &Path, largest: u64) -> Result<Self> {
        let failed = |source| Error::os("read", path_text(path), source);
        let file = File::open(path).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len().min(largest);
        // One byte more than the file's size, so that the same read also finds its end.
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1);
        let mut file = file.take(largest + 1);
        file.read_to_end(&mut bytes).map_err(failed)?;
        if file.limit() == 0 {
            let reason =
                format!("it is larger than {largest} bytes, too large for a services file");
            return Err(Error::invalid("read", path_text(path), reason));
        }
        Ok(Self {
            bytes: Cow::Owned(bytes),
            origin: Origin::File(path.to_owned()),
        })
    }

    /// The source of these services.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The file's bytes, for [`check()`](super::check()) and [`lines`](super::lines).
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// All services, in the file's order.
    pub fn entries(&self) -> Entries<'_> {
        parse::entries(&self.bytes)
    }

    /// Returns the services that match a query, in the file's order. Names and aliases must match
    /// exactly, as with getservbyname(3).
    ///
    /// The iterator parses the file lazily: its first item is the result of getservbyname(3) or
    /// getservbyport(3).
    ///
    /// ```
    /// use udpraw::services::Services;
    /// let services = Services::built_in();
    /// let query = "domain".parse()?;
    /// let found: Vec<_> = services.lookup(&query).map(|entry| entry.protocol.to_string()).collect();
    /// assert_eq!(found, ["tcp", "udp"]);
    /// # Ok::<(), udpraw::error::Error>(())
    /// ```
    pub fn lookup<'a>(&'a self, query: &'a Query) -> impl Iterator<Item = Entry<'a>> + Clone {
        self.entries().filter(move |entry| {
            query.protocol.includes(entry.protocol)
                && match &query.key {
                    Key::Port(port) => entry.port == *port,
                    Key::Name(name) => entry.is_called(name.as_bytes()),
                }
        })
    }

    /// Returns the port of a service: that of the first line with this name or alias and this protocol.
    ///
    /// # Errors
    /// If no line matches; the remedy suggests the nearest names.
    ///
    /// ```
    /// use udpraw::services::{Protocol, Services};
    /// let services = Services::built_in();
    /// assert_eq!(services.port("www", Protocol::Any)?, 80);
    /// let error = services.port("domian", Protocol::Udp).unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "cannot find service 'domian/udp': not in the built-in table; the nearest is domain",
    /// );
    /// # Ok::<(), udpraw::error::Error>(())
    /// ```
    pub fn port(&self, name: &str, protocol: Protocol) -> Result<u16> {
        let query = Query {
            key: Key::Name(name.to_owned()),
            protocol,
        };
        let first = self.lookup(&query).next();
        first
            .map(|entry| entry.port)
            .ok_or_else(|| self.missing(&query))
    }

    /// The error of a query without a result: the source that was searched, and suggestions.
    ///
    /// Its kind is [`NotFound`](io::ErrorKind::NotFound).
    pub fn missing(&self, query: &Query) -> Error {
        let none = |subject: String, reason: String| {
            let source = io::Error::new(io::ErrorKind::NotFound, reason);
            Error::os("find", subject, source)
        };
        let name = match &query.key {
            Key::Name(name) => name,
            Key::Port(0) => {
                return none("service of port 0".into(), "it is reserved".into())
                    .with_remedy("bind(2) uses it to request any free port");
            }
            Key::Port(port) => {
                let range = Range::of(*port);
                let (first, last) = range.ports().into_inner();
                return none(
                    format!("service of port {query}"),
                    format!("{} has no entry", self.origin),
                )
                .with_remedy(format!(
                    "port {port} is {range}, as are all from {first} to {last}"
                ));
            }
        };
        let error = none(
            format!("service '{query}'"),
            format!("not in {}", self.origin),
        );
        let otherwise = Query {
            protocol: Protocol::Any,
            ..query.clone()
        };
        if let Some(entry) = self.lookup(&otherwise).next() {
            return error.with_remedy(format!(
                "there is {}, port {}/{}",
                Text::new(name.as_bytes()),
                entry.port,
                entry.protocol
            ));
        }
        match nearest(name, self.entries()).as_slice() {
            [] => error,
            [name] => error.with_remedy(format!("the nearest is {name}")),
            names => error.with_remedy(format!("the nearest are {}", names.join(", "))),
        }
    }
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Services({}, {} bytes)", self.origin, self.bytes.len())
    }
}

/// A path, safe to show.
fn path_text(path: &Path) -> Text<'_> {
    Text::new(path.as_os_str().as_encoded_bytes())
}

/// Parses a port argument: a number from 0 to 65,535, or the name of a service of this machine
/// ([`Services::load`]).
///
/// For a name with several protocols the UDP port is returned; for a name without a UDP port, the port
/// of another protocol. A number reads no file.
///
/// # Errors
/// If the number is above 65,535, if no service has that name (the remedy suggests the nearest), or if
/// the machine's file cannot be read.
///
/// ```
/// use udpraw::services::resolve_port;
/// assert_eq!(resolve_port("0")?, 0);
/// assert_eq!(resolve_port("domain")?, 53);
/// assert_eq!(resolve_port("ssh")?, 22, "only over TCP");
/// let error = resolve_port("65536").unwrap_err();
/// assert_eq!(error.to_string(), "cannot read port 65536: ports end at 65535");
/// # Ok::<(), udpraw::error::Error>(())
/// ```
pub fn resolve_port(text: &str) -> Result<u16> {
    resolve_port_in(text, || Services::load(None))
}

fn resolve_port_in(text: &str, load: impl FnOnce() -> Result<Services>) -> Result<u16> {
    let text = text.trim();
    let bad = |reason| Error::invalid("read port", Shown(text), reason);
    let hint = "write a number from 0 to 65535, or a service such as domain";
    if let Some(port) = number(text) {
        return port.map_err(bad);
    }
    if text.is_empty() {
        return Err(bad("it is empty").with_remedy(hint));
    }
    if text.contains('/') {
        return Err(bad("it must not have a protocol").with_remedy(hint));
    }
    // A sign, a fraction or a unit: a mistyped number rather than a name.
    if !text.bytes().any(|byte| byte.is_ascii_alphabetic()) {
        return Err(bad("not a number from 0 to 65535").with_remedy(hint));
    }
    let services = load()?;
    services
        .port(text, Protocol::Udp)
        .or_else(|_| services.port(text, Protocol::Any))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_default_is_the_built_in_table_and_a_missing_file_an_error() {
        let nowhere = Path::new("/nowhere/etc/services");
        let services = Services::first_of(&[nowhere, nowhere]).unwrap();
        assert_eq!(services.origin(), &Origin::BuiltIn);
        assert_eq!(services.port("ssh", Protocol::Any).unwrap(), 22);
        let error = Services::load(Some(nowhere)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        // It exists but is unreadable: this differs from missing.
        Services::first_of(&[Path::new("/"), nowhere]).unwrap_err();
        // The distribution's file replaces a missing one.
        let services = Services::first_of(&[nowhere, Path::new("/dev/null")]).unwrap();
        assert_eq!(services.origin().to_string(), "/dev/null");
    }

    #[test]
    fn a_device_that_never_ends_is_refused() {
        let error = Services::read(Path::new("/dev/zero"), 100_000).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot read /dev/zero: it is larger than 100000 bytes, too large for a services file"
        );
    }

    #[test]
    fn a_number_reads_no_file() {
        for (text, want) in [("0", 0), ("1060", 1060), ("65535", 65535), (" 53 ", 53)] {
            let port = resolve_port_in(text, || panic!("the file was read for {text}"));
            assert_eq!(port.unwrap(), want);
        }
        for (text, want) in [
            ("65536", "cannot read port 65536: ports end at 65535"),
            (
                "99999999999999999999",
                "cannot read port 99999999999999999999: ports end at 65535",
            ),
            (
                "",
                "cannot read port '': it is empty; write a number from 0 to 65535, or a service such as domain",
            ),
            (
                "-1",
                "cannot read port '-1': not a number from 0 to 65535; write a number from 0 to 65535, or a service such as domain",
            ),
            (
                "53/udp",
                "cannot read port '53/udp': it must not have a protocol; write a number from 0 to 65535, or a service such as domain",
            ),
        ] {
            let error = resolve_port_in(text, || panic!("the file was read for {text}"));
            assert_eq!(error.unwrap_err().to_string(), want);
        }
    }

    #[test]
    fn a_name_means_udp_first() {
        let services = Services {
            bytes: Cow::Borrowed(b"both 1/tcp\nboth 2/udp\nonly 3/tcp\nshell 4/tcp cmd\n"),
            origin: Origin::BuiltIn,
        };
        let port = |name| resolve_port_in(name, || Ok(services.clone()));
        assert_eq!(port("both").unwrap(), 2);
        assert_eq!(port("only").unwrap(), 3);
        assert_eq!(port("cmd").unwrap(), 4);
        assert_eq!(services.port("both", Protocol::Any).unwrap(), 1);
        assert_eq!(
            port("bothh\x1b").unwrap_err().to_string(),
            r"cannot find service 'bothh\u{1b}': not in the built-in table; the nearest is both"
        );
        let over_udp = services.port("only", Protocol::Udp).unwrap_err();
        assert_eq!(
            over_udp.to_string(),
            "cannot find service 'only/udp': not in the built-in table; there is only, port 3/tcp"
        );
    }

    #[test]
    fn a_port_without_service_says_its_range() {
        let services = Services::built_in();
        let text = |query: &str| services.missing(&query.parse().unwrap()).to_string();
        assert_eq!(
            text("4242/udp"),
            "cannot find service of port 4242/udp: the built-in table has no entry; port 4242 is registered, as are all from 1024 to 49151"
        );
        assert_eq!(
            text("0"),
            "cannot find service of port 0: it is reserved; bind(2) uses it to request any free port"
        );
    }
}
