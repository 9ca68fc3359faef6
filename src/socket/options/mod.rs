//! The catalogue of socket options: each one that a UDP socket on Linux answers to.
//!
//! ```
//! use std::os::fd::AsFd;
//! use udpraw::socket::{Endpoint, options::{Setting, SocketOption}};
//! let endpoint = Endpoint::builder().bind("127.0.0.1:0".parse()?)?;
//! let setting: Setting = "SO_RCVBUF=64KiB".parse()?;
//! setting.apply(endpoint.as_fd())?;
//! // Linux doubles what is asked for, to count its own bookkeeping (socket(7)).
//! assert_eq!(SocketOption::find("SO_RCVBUF")?.get(endpoint.as_fd())?.to_string(), "131072");
//! # Ok::<(), udpraw::error::Error>(())
//! ```

use std::fmt;
use std::os::fd::BorrowedFd;
use std::str::FromStr;

use super::Family;
use crate::error::{Error, Result};
use crate::sys::{control, sockopt};
use crate::units;

/// One socket option.
#[derive(Debug)]
pub struct SocketOption {
    /// Its name, as the man page has it: `SO_RCVBUF`.
    pub name: &'static str,
    /// The level of getsockopt(2).
    pub level: i32,
    /// The constant.
    pub number: i32,
    /// Payload bytes of the control message that it brings with each datagram; 0 for none.
    pub control: usize,
}

static CATALOGUE: &[SocketOption] = &[
    SocketOption {
        name: "SO_REUSEADDR",
        level: libc::SOL_SOCKET,
        number: libc::SO_REUSEADDR,
        control: 0,
    },
    SocketOption {
        name: "SO_REUSEPORT",
        level: libc::SOL_SOCKET,
        number: libc::SO_REUSEPORT,
        control: 0,
    },
    SocketOption {
        name: "SO_BROADCAST",
        level: libc::SOL_SOCKET,
        number: libc::SO_BROADCAST,
        control: 0,
    },
    SocketOption {
        name: "SO_RCVBUF",
        level: libc::SOL_SOCKET,
        number: libc::SO_RCVBUF,
        control: 0,
    },
    SocketOption {
        name: "SO_SNDBUF",
        level: libc::SOL_SOCKET,
        number: libc::SO_SNDBUF,
        control: 0,
    },
    SocketOption {
        name: "IP_TTL",
        level: libc::IPPROTO_IP,
        number: libc::IP_TTL,
        control: 0,
    },
    SocketOption {
        name: "IP_TOS",
        level: libc::IPPROTO_IP,
        number: libc::IP_TOS,
        control: 0,
    },
    SocketOption {
        name: "IP_RECVERR",
        level: libc::IPPROTO_IP,
        number: libc::IP_RECVERR,
        control: 0,
    },
    SocketOption {
        name: "IPV6_RECVERR",
        level: libc::IPPROTO_IPV6,
        number: libc::IPV6_RECVERR,
        control: 0,
    },
    SocketOption {
        name: "IP_PKTINFO",
        level: libc::IPPROTO_IP,
        number: libc::IP_PKTINFO,
        control: 12,
    },
    SocketOption {
        name: "IPV6_RECVPKTINFO",
        level: libc::IPPROTO_IPV6,
        number: libc::IPV6_RECVPKTINFO,
        control: 20,
    },
    SocketOption {
        name: "UDP_GRO",
        level: libc::IPPROTO_UDP,
        number: libc::UDP_GRO,
        control: 4,
    },
    SocketOption {
        name: "IP_RECVTOS",
        level: libc::IPPROTO_IP,
        number: libc::IP_RECVTOS,
        control: 1,
    },
    SocketOption {
        name: "SO_TIMESTAMPNS",
        level: libc::SOL_SOCKET,
        number: libc::SO_TIMESTAMPNS,
        control: 16,
    },
];

/// A value of an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value(i32);

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl SocketOption {
    /// Every option of the catalogue.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        CATALOGUE.iter()
    }

    /// The option of that name; case does not matter.
    ///
    /// # Errors
    /// If there is none: the nearest names are the remedy.
    pub fn find(name: &str) -> Result<&'static Self> {
        Self::all()
            .find(|option| option.name.eq_ignore_ascii_case(name))
            .ok_or_else(|| {
                Error::invalid(
                    "find",
                    "socket option",
                    format!("no '{}'", name.escape_debug()),
                )
            })
    }

    /// Reads the option.
    ///
    /// # Errors
    /// Of getsockopt(2).
    pub fn get(&self, fd: BorrowedFd<'_>) -> Result<Value> {
        let mut bytes = [0; 4];
        sockopt::get(fd, self.level, self.number, &mut bytes)
            .map_err(|source| Error::os("read", self.name, source))?;
        Ok(Value(i32::from_ne_bytes(bytes)))
    }

    /// Sets the option.
    ///
    /// # Errors
    /// Of setsockopt(2).
    pub fn set(&self, fd: BorrowedFd<'_>, value: &Value) -> Result<()> {
        sockopt::set(fd, self.level, self.number, &value.0.to_ne_bytes())
            .map_err(|source| Error::os("set", self.name, source))
    }
}

/// An option and the value that it shall have: `SO_RCVBUF=4MiB`.
#[derive(Clone, Debug)]
pub struct Setting {
    option: &'static SocketOption,
    value: Value,
}

impl Setting {
    /// The option.
    pub fn option(&self) -> &'static SocketOption {
        self.option
    }

    /// The value asked for.
    pub fn requested(&self) -> &Value {
        &self.value
    }

    /// Sets it.
    ///
    /// # Errors
    /// Of setsockopt(2).
    pub fn apply(&self, fd: BorrowedFd<'_>) -> Result<()> {
        self.option.set(fd, &self.value)
    }

    /// Reads it back.
    ///
    /// # Errors
    /// Of getsockopt(2).
    pub fn effective(&self, fd: BorrowedFd<'_>) -> Result<Value> {
        self.option.get(fd)
    }

    /// Room in the control buffer for what it brings with each datagram.
    pub(super) fn control_space(&self) -> usize {
        match self.option.control {
            0 => 0,
            payload => control::space(payload),
        }
    }
}

impl FromStr for Setting {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, value) = text
            .split_once('=')
            .ok_or_else(|| Error::invalid("read option", text, "no '='"))?;
        let option = SocketOption::find(name)?;
        Ok(Self {
            option,
            value: Value(units::bytes(value)? as i32),
        })
    }
}

/// Control buffer needed for all the options that are on.
pub(super) fn enabled_control(fd: BorrowedFd<'_>, _family: Family) -> usize {
    SocketOption::all()
        .filter(|option| option.control > 0 && option.get(fd).is_ok_and(|value| value.0 != 0))
        .map(|option| control::space(option.control))
        .sum()
}

/// `SK_MEMINFO_DROPS` of `SO_MEMINFO`.
pub(super) fn kernel_drops(fd: BorrowedFd<'_>) -> Result<u32> {
    let mut bytes = [0; 9 * 4];
    sockopt::get(fd, libc::SOL_SOCKET, libc::SO_MEMINFO, &mut bytes)
        .map_err(|source| Error::os("read", "SO_MEMINFO", source))?;
    let [.., a, b, c, d] = bytes;
    Ok(u32::from_ne_bytes([a, b, c, d]))
}
