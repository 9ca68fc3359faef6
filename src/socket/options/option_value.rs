//! An option and the value that it shall have.

use std::fmt;
use std::os::fd::BorrowedFd;
use std::str::FromStr;

use super::kind::Kind;
use super::option::SocketOption;
use super::value::Value;
use crate::error::{Error, Result};
use crate::sys::control;

/// An option and the value that it shall have, written `SO_RCVBUF=4MiB`.
///
/// A flag without a value is meant to be on: `SO_REUSEADDR`.
///
/// ```
/// use udpraw::socket::{Endpoint, option, option::OptionValue};
/// let value: OptionValue = "SO_RCVBUF=64KiB".parse()?;
/// assert_eq!(value, option::SO_RCVBUF.with_value(64 << 10));
/// let endpoint = Endpoint::builder().options([value]).bind(([127, 0, 0, 1], 0).into())?;
/// # Ok::<(), udpraw::error::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionValue {
    option: &'static SocketOption,
    value: Value,
}

impl OptionValue {
    /// The value that the option shall have. Whether it fits is told when it is applied.
    #[cfg(feature = "extras")]
    pub fn new(option: &'static SocketOption, value: Value) -> Self {
        Self::of(option, value)
    }

    pub(in crate::socket) fn of(option: &'static SocketOption, value: Value) -> Self {
        Self { option, value }
    }

    /// The option.
    #[cfg(feature = "extras")]
    pub fn option(&self) -> &'static SocketOption {
        self.option
    }

    /// Whether it may change what control messages come with a datagram.
    pub(in crate::socket) fn is_about_control(&self) -> bool {
        !self.option.control.is_empty()
    }

    /// The value asked for.
    #[cfg(feature = "extras")]
    pub fn requested(&self) -> &Value {
        &self.value
    }

    /// Sets it.
    ///
    /// # Errors
    /// Of setsockopt(2), with the option's name and value and what can be done; and if the value does
    /// not fit the kernel's type.
    pub fn apply(&self, fd: BorrowedFd<'_>) -> Result<()> {
        self.option.set(fd, &self.value)
    }

    /// Reads what the option's value is now, which need not be the one that was asked for.
    ///
    /// # Errors
    /// As of [`SocketOption::get`]; some options can be set but not read, such as memberships.
    #[cfg(feature = "extras")]
    pub fn effective(&self, fd: BorrowedFd<'_>) -> Result<Value> {
        self.option.get(fd)
    }

    /// Room in the control buffer for what it brings with each datagram.
    pub(in crate::socket) fn control_space(&self) -> usize {
        if self.value.is_on() {
            control_space(self.option)
        } else {
            0
        }
    }
}

/// Room in the control buffer for what an option brings with each datagram while it is on.
pub(super) fn control_space(option: &SocketOption) -> usize {
    option.control.iter().copied().map(control::space).sum()
}

impl FromStr for OptionValue {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        let option = SocketOption::find(name.trim())?;
        let value = match (value, option.kind) {
            (Some(value), _) => value,
            (None, Kind::Flag) => "on",
            (None, kind) => {
                return Err(
                    Error::invalid("set", option.name, "no value was given").with_remedy(format!(
                        "write {}=VALUE; allowed: {}",
                        option.name,
                        kind.allowed()
                    )),
                );
            }
        };
        Ok(Self::of(option, option.parse(value)?))
    }
}

impl fmt::Display for OptionValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.option.name, self.value)
    }
}
