//! The two system calls of an option, from text to bytes and back.

use std::io;
use std::os::fd::BorrowedFd;

use super::kind::Kind;
use super::level::{Access, Level};
use super::option::SocketOption;
use super::value::Value;
use super::{encode, parse};
use crate::error::{Error, Result};
use crate::socket::Family;
use crate::sys::sockopt;

impl SocketOption {
    /// Reads a value from text, as [`Kind::allowed`] describes it.
    ///
    /// # Errors
    /// If the text is no value of the option, or the option cannot be set: the remedy says what is
    /// allowed.
    ///
    #[cfg_attr(feature = "extras", doc = "```")]
    #[cfg_attr(not(feature = "extras"), doc = "```ignore")]
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

    /// What the bytes of a value mean, as getsockopt(2) returns them or setsockopt(2) takes them;
    /// `None` for those that have no text, or where there are too few bytes.
    pub fn decode(&self, bytes: &[u8]) -> Option<Value> {
        encode::decode(&self.kind, bytes)
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
