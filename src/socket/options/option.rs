//! One option: what is known about it, and its two system calls.

use std::fmt;
use std::io;
use std::os::fd::BorrowedFd;

use super::kind::Kind;
use super::value::Value;
use super::{encode, find, parse};
use crate::error::{Error, Result};
use crate::socket::Family;
use crate::sys::sockopt;

/// The level of getsockopt(2) that an option belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// `SOL_SOCKET`.
    Socket,
    /// `IPPROTO_IP`.
    Ip,
    /// `IPPROTO_IPV6`.
    Ipv6,
    /// `IPPROTO_IP` or `IPPROTO_IPV6`, after the family of the group (RFC 3678).
    Group,
    /// `IPPROTO_UDP`.
    Udp,
}

impl Level {
    /// All levels, in the order of the catalogue.
    pub const ALL: [Self; 5] = [Self::Socket, Self::Ip, Self::Ipv6, Self::Group, Self::Udp];

    /// Its number, for an address or a socket of `family`.
    pub fn number(self, family: Family) -> i32 {
        match (self, family) {
            (Self::Socket, _) => libc::SOL_SOCKET,
            (Self::Ip, _) | (Self::Group, Family::V4) => libc::IPPROTO_IP,
            (Self::Ipv6, _) | (Self::Group, Family::V6) => libc::IPPROTO_IPV6,
            (Self::Udp, _) => libc::IPPROTO_UDP,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Socket => "SOL_SOCKET",
            Self::Ip => "IPPROTO_IP",
            Self::Ipv6 => "IPPROTO_IPV6",
            Self::Group => "IPPROTO_IP or IPPROTO_IPV6",
            Self::Udp => "IPPROTO_UDP",
        })
    }
}

/// What can be done with an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It can only be read.
    Read,
    /// It can only be set.
    Write,
    /// It can be read and set.
    ReadWrite,
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Read => "read",
            Self::Write => "set",
            Self::ReadWrite => "read and set",
        })
    }
}

/// One socket option, as the catalogue describes it.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SocketOption {
    /// Its name, as the man page or the kernel's header has it: `SO_RCVBUF`.
    pub name: &'static str,
    /// Other names of the same constant.
    pub aliases: &'static [&'static str],
    /// Its level.
    pub level: Level,
    /// The constant.
    pub number: i32,
    /// The type of its value.
    pub kind: Kind,
    /// Whether it can be read, set, or both.
    pub access: Access,
    /// Who may set it, if not everybody: the capability and when it is needed; otherwise empty.
    pub privilege: &'static str,
    /// The version of Linux that brought it.
    pub since: &'static str,
    /// What it does, in one line.
    pub meaning: &'static str,
    /// What surprises people.
    pub traps: &'static [&'static str],
    /// Where it is documented: a man page, or the kernel's own pages where none has it.
    pub man: &'static str,
    /// Payload bytes of each control message that it brings with a datagram; most bring none.
    pub control: &'static [usize],
}

impl SocketOption {
    /// An entry of the catalogue that can be read and set by everybody; the rest is added by name.
    pub(super) const fn new(
        level: Level,
        name: &'static str,
        number: i32,
        kind: Kind,
        since: &'static str,
        meaning: &'static str,
    ) -> Self {
        Self {
            name,
            aliases: &[],
            level,
            number,
            kind,
            access: Access::ReadWrite,
            privilege: "",
            since,
            meaning,
            traps: &[],
            man: match level {
                Level::Socket => "socket(7)",
                Level::Ip | Level::Group => "ip(7)",
                Level::Ipv6 => "ipv6(7)",
                Level::Udp => "udp(7)",
            },
            control: &[],
        }
    }

    pub(super) const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    pub(super) const fn read_only(mut self) -> Self {
        self.access = Access::Read;
        self
    }

    pub(super) const fn write_only(mut self) -> Self {
        self.access = Access::Write;
        self
    }

    pub(super) const fn privilege(mut self, privilege: &'static str) -> Self {
        self.privilege = privilege;
        self
    }

    pub(super) const fn traps(mut self, traps: &'static [&'static str]) -> Self {
        self.traps = traps;
        self
    }

    pub(super) const fn man(mut self, man: &'static str) -> Self {
        self.man = man;
        self
    }

    pub(super) const fn control(mut self, control: &'static [usize]) -> Self {
        self.control = control;
        self
    }

    /// Every option of the catalogue, level by level.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        find::all()
    }

    /// The option of that name or alias. Case does not matter, `-` is as good as `_`, and the
    /// prefix may be left out where that leaves no doubt: `rcvbuf`.
    ///
    /// # Errors
    /// If there is none, or more than one: the names that could be meant are the remedy.
    pub fn find(name: &str) -> Result<&'static Self> {
        find::find(name)
    }

    /// Whether a socket of that family answers to it. (An IPv6 socket answers to those of IPv4 too,
    /// for the datagrams of IPv4-mapped addresses.)
    pub fn is_for(&self, family: Family) -> bool {
        family == Family::V6 || self.level != Level::Ipv6
    }

    /// Which sockets answer to it, in words.
    pub fn families(&self) -> &'static str {
        match self.level {
            Level::Socket | Level::Udp | Level::Group => "IPv4 and IPv6",
            Level::Ip => "IPv4; on an IPv6 socket, its IPv4-mapped datagrams",
            Level::Ipv6 => "IPv6",
        }
    }

    /// Whether it can be set from text, as `-o` and [`Setting`](super::Setting) do.
    pub fn is_settable(&self) -> bool {
        self.access != Access::Read && self.kind.is_text()
    }

    /// Whether it has a value that can be read and shown.
    pub fn is_readable(&self) -> bool {
        self.access != Access::Write && self.kind != Kind::Structure
    }

    /// Reads a value from text, as [`Kind::allowed`] describes it.
    ///
    /// # Errors
    /// If the text is no value of the option, or the option cannot be set: the remedy says what is
    /// allowed.
    ///
    /// ```
    /// use udpraw::socket::options::{SocketOption, Value};
    /// let option = SocketOption::find("IP_MTU_DISCOVER")?;
    /// assert_eq!(option.parse("do")?.to_string(), "do");
    /// let error = option.parse("never").unwrap_err().to_string();
    /// assert!(error.contains("dont, want, do"), "{error}");
    /// # Ok::<(), udpraw::error::Error>(())
    /// ```
    pub fn parse(&self, text: &str) -> Result<Value> {
        let failed = |reason: &str| {
            let subject = format!("{} to '{}'", self.name, text.escape_debug());
            Error::invalid("set", subject, reason)
        };
        if self.access == Access::Read {
            return Err(failed("it can only be read"));
        }
        parse::value(&self.kind, text).map_err(|reason| {
            failed(&reason).with_remedy(format!("allowed: {}", self.kind.allowed()))
        })
    }

    /// Reads the option.
    ///
    /// # Errors
    /// Of getsockopt(2), with what can be done about it; and if the option has no value that can be
    /// read ([`Self::is_readable`]).
    pub fn get(&self, fd: BorrowedFd<'_>) -> Result<Value> {
        if !self.is_readable() {
            let reason = match self.access {
                Access::Write => "it can only be set",
                _ => "its value is a structure that only a program can ask for",
            };
            return Err(Error::invalid("read", self.name, reason));
        }
        let failed = |source| self.refused("read", self.name.into(), source);
        if self.kind == Kind::Filter {
            let length = sockopt::filter_length(fd).map_err(failed)?;
            return Ok(Value::Int(length.into()));
        }
        let mut bytes = vec![0; encode::capacity(&self.kind)];
        // The family matters to the level of groups alone, where nothing can be read.
        let level = self.level.number(Family::V4);
        let length = sockopt::get(fd, level, self.number, &mut bytes)
            .or_else(|error| match (self.kind, error.raw_os_error()) {
                // SO_PEERNAME wants no more room than the address takes: once more for IPv4.
                (Kind::SocketAddress, Some(libc::EINVAL)) => {
                    bytes.truncate(size_of::<libc::sockaddr_in>());
                    sockopt::get(fd, level, self.number, &mut bytes)
                }
                _ => Err(error),
            })
            .map_err(failed)?;
        encode::decode(&self.kind, bytes.get(..length).unwrap_or_default())
            .ok_or_else(|| failed(io::Error::from_raw_os_error(libc::EMSGSIZE)))
    }

    /// Sets the option.
    ///
    /// # Errors
    /// Of setsockopt(2), with what can be done about it; and if the value is of another type.
    pub fn set(&self, fd: BorrowedFd<'_>, value: &Value) -> Result<()> {
        let subject = || format!("{} to {value}", self.name);
        let bytes = encode::encode(&self.kind, self.level, value)
            .map_err(|reason| Error::invalid("set", subject(), reason))?;
        let level = self.level.number(value.family().unwrap_or(Family::V4));
        sockopt::set(fd, level, self.number, &bytes)
            .map_err(|source| self.refused("set", subject(), source))
    }

    #[cold]
    fn refused(&self, operation: &'static str, subject: String, source: io::Error) -> Error {
        let errno = source.raw_os_error().unwrap_or_default();
        let error = Error::os(operation, subject, source);
        match self.remedy(operation, errno) {
            Some(remedy) => error.with_remedy(remedy),
            None => error,
        }
    }

    /// What can be done when the kernel refuses with `errno`.
    fn remedy(&self, operation: &str, errno: i32) -> Option<String> {
        let since = self.since;
        Some(match errno {
            libc::EPERM | libc::EACCES if !self.privilege.is_empty() => {
                format!("it needs {}", self.privilege)
            }
            libc::ENOPROTOOPT | libc::EOPNOTSUPP if self.level == Level::Ipv6 => format!(
                "IPv6 sockets answer to it, since Linux {since} (uname -r shows what runs here)"
            ),
            libc::ENOPROTOOPT | libc::EOPNOTSUPP => match self.traps {
                [] => format!("it came with Linux {since} (uname -r shows what runs here)"),
                [trap, ..] => format!("it came with Linux {since}; {trap}"),
            },
            libc::ENODEV | libc::ENXIO => {
                "no such interface, or none that leads there (ip address shows them)".into()
            }
            libc::EADDRNOTAVAIL => {
                "no interface has that address, or the socket is no member of that group".into()
            }
            libc::EADDRINUSE => "the socket is a member already".into(),
            libc::ENOBUFS => {
                "too many memberships (/proc/sys/net/ipv4/igmp_max_memberships)".into()
            }
            libc::ENOTCONN => "the socket must be connected first".into(),
            libc::ENOENT => "there is none to remove".into(),
            libc::EINVAL | libc::EDOM | libc::ERANGE if operation == "set" => {
                format!("allowed: {}", self.kind.allowed())
            }
            _ => return None,
        })
    }
}
