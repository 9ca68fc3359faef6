//! Socket options with the types of their values: one constant for each option.
//!
//! Each constant refers to an entry of the [catalogue](super::options), which also has the option's
//! text form for command lines: what it does, since when, and what to look out for. An option that
//! can only be read has no `set`, one that can only be set has no `get`: the compiler says so.
//!
//! ```
//! use udpraw::socket::{Endpoint, option};
//!
//! let mut server = Endpoint::builder()
//!     .option(option::SO_REUSEPORT, true)
//!     .bind(([127, 0, 0, 1], 0).into())?;
//! server.set(option::IP_TOS, 0xb8)?;
//! server.set(option::SO_RCVBUF, 64 << 10)?;
//! assert!(server.get(option::SO_REUSEPORT)?);
//! assert_eq!(server.get(option::IP_TOS)?, 0xb8);
//! // Linux doubles the size, to count its own bookkeeping (socket(7)).
//! assert_eq!(server.get(option::SO_RCVBUF)?, 128 << 10);
//!
//! // Any other socket will do, such as the standard library's.
//! let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
//! option::IP_MTU_DISCOVER.set(&socket, option::PathMtuDiscovery::Probe)?;
//! assert_eq!(option::SO_DOMAIN.get(&socket)?, udpraw::socket::Family::V4);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! ```compile_fail,E0277
//! use udpraw::socket::{Endpoint, Family, option};
//! let mut endpoint = Endpoint::builder().unbound(Family::V4)?;
//! endpoint.set(option::SO_MEMINFO, option::MemoryInfo::default())?; // it can only be read
//! # Ok::<(), udpraw::error::Error>(())
//! ```
//!
//! ```compile_fail,E0277
//! use udpraw::socket::{Endpoint, Family, option};
//! let endpoint = Endpoint::builder().unbound(Family::V4)?;
//! endpoint.get(option::SO_RCVBUFFORCE)?; // it can only be set
//! # Ok::<(), udpraw::error::Error>(())
//! ```
//!
//! Options whose value is a structure with pointers or a file descriptor (BPF programs, IPsec
//! policies, source filter lists) are in the catalogue, but have no constant here.

mod convert;
mod flags;
mod ip;
mod ipv6;
mod multicast;
mod socket_level;
mod timestamp;
mod udp;
mod values;

use std::fmt;
use std::marker::PhantomData;
use std::os::fd::AsFd;

pub use convert::OptionType;
pub use flags::{AddressPreferences, BufferLock, Timestamping};
pub use ip::*;
pub use ipv6::*;
pub use multicast::*;
pub use socket_level::*;
pub use timestamp::*;
pub use udp::*;
pub use values::{
    Clock, Encapsulation, MemoryInfo, PathMtuDiscovery, SourceMembership, TransmitTime,
};

use super::options::{Access, SocketOption};
pub use super::options::{Interface, OptionValue, Scoped};
use crate::error::{Error, Result};

/// Of a [`TypedOption`]: it can be read and set.
#[derive(Debug)]
pub enum ReadWrite {}

/// Of a [`TypedOption`]: it can only be read.
#[derive(Debug)]
pub enum ReadOnly {}

/// Of a [`TypedOption`]: it can only be set.
#[derive(Debug)]
pub enum WriteOnly {}

/// An option that can be read: [`ReadWrite`] or [`ReadOnly`].
#[diagnostic::on_unimplemented(message = "this socket option can only be set")]
pub trait Readable: sealed::Sealed {}

/// An option that can be set: [`ReadWrite`] or [`WriteOnly`].
#[diagnostic::on_unimplemented(message = "this socket option can only be read")]
pub trait Settable: sealed::Sealed {}

impl Readable for ReadWrite {}
impl Readable for ReadOnly {}
impl Settable for ReadWrite {}
impl Settable for WriteOnly {}

mod sealed {
    use crate::socket::options::Access;

    pub trait Sealed {
        const ACCESS: Access;
    }
    impl Sealed for super::ReadWrite {
        const ACCESS: Access = Access::ReadWrite;
    }
    impl Sealed for super::ReadOnly {
        const ACCESS: Access = Access::Read;
    }
    impl Sealed for super::WriteOnly {
        const ACCESS: Access = Access::Write;
    }
}

/// A socket option whose value is a `T`; `A` is [`ReadWrite`], [`ReadOnly`] or [`WriteOnly`].
///
/// The constants of this module are all there are.
pub struct TypedOption<T, A = ReadWrite> {
    /// A table of the catalogue, by reference to the static: a copy of the table in every constant's
    /// crate would be the alternative.
    table: &'static &'static [SocketOption],
    /// Its place there, found at compile time.
    index: usize,
    marker: PhantomData<fn(T) -> (T, A)>,
}

impl<T, A> TypedOption<T, A> {
    /// What the catalogue knows of it.
    #[cfg(feature = "extras")]
    pub const fn option(self) -> &'static SocketOption {
        self.entry()
    }

    const fn entry(self) -> &'static SocketOption {
        &self.table[self.index]
    }
}

impl<T: OptionType, A: Settable> TypedOption<T, A> {
    /// The option with that value, as [`OptionValue`] has it, for a list of different options.
    ///
    /// ```
    /// use udpraw::socket::option;
    /// let list = [option::IP_TTL.with_value(9), option::SO_BROADCAST.with_value(true)];
    /// assert_eq!(list[0], "IP_TTL=9".parse()?);
    /// # Ok::<(), udpraw::error::Error>(())
    /// ```
    pub fn with_value(self, value: T) -> OptionValue {
        OptionValue::of(self.entry(), value.into_value(&self.entry().kind))
    }

    /// Sets it on any socket. On an [`Endpoint`](super::Endpoint), use
    /// [`Endpoint::set`](super::Endpoint::set), which makes room for control messages.
    ///
    /// # Errors
    /// Of setsockopt(2), with the option's name and value and what can be done; and if the value does
    /// not fit the kernel's type.
    pub fn set(self, socket: impl AsFd, value: T) -> Result<()> {
        self.with_value(value).apply(socket.as_fd())
    }
}

impl<T: OptionType, A: Readable> TypedOption<T, A> {
    /// Reads it from any socket.
    ///
    /// # Errors
    /// Of getsockopt(2), with the option's name and what can be done; and if the kernel's value has
    /// no counterpart in `T`, such as a new number of an enumeration.
    pub fn get(self, socket: impl AsFd) -> Result<T> {
        let value = self.entry().get(socket.as_fd())?;
        let text = value.to_string();
        T::from_value(value).ok_or_else(|| {
            let reason = format!("the kernel's value is unknown: {text}");
            Error::invalid("read", self.entry().name, reason)
        })
    }
}

impl<T, A> Clone for TypedOption<T, A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, A> Copy for TypedOption<T, A> {}

impl<T, A> fmt::Debug for TypedOption<T, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TypedOption")
            .field(&self.entry().name)
            .finish()
    }
}

/// Finds the option of that name, or with that alias, at compile time. That it is there, and can be
/// read and set as its constant says, is checked then too.
const fn find(table: &[SocketOption], name: &str, access: Access) -> usize {
    let mut at = 0;
    while at < table.len() {
        if is_named(&table[at], name) {
            match (access, table[at].access) {
                (Access::Read | Access::ReadWrite, Access::Write) => panic!("it is not readable"),
                (Access::Write | Access::ReadWrite, Access::Read) => panic!("it is not settable"),
                _ => return at,
            }
        }
        at += 1;
    }
    panic!("no option of that name is in the table")
}

const fn is_named(option: &SocketOption, name: &str) -> bool {
    let mut at = 0;
    while at < option.aliases.len() {
        if same(option.aliases[at], name) {
            return true;
        }
        at += 1;
    }
    same(option.name, name)
}

const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}

/// The constants of a table of the catalogue: name, type of the value, access.
macro_rules! typed {
    ($table:expr; $($(#[$doc:meta])+ $name:ident: $type:ty, $access:ident;)+) => {$(
        $(#[$doc])+
        pub const $name: super::TypedOption<$type, $access> = super::TypedOption {
            table: &$table,
            index: super::find(
                $table,
                stringify!($name),
                <$access as super::sealed::Sealed>::ACCESS,
            ),
            marker: std::marker::PhantomData,
        };
    )+};
}
use typed;
