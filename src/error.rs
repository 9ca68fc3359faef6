//! Errors that state the operation, its subject, the reason and a remedy.
//!
//! ```
//! use udpraw::error::Error;
//! let refused = std::io::Error::from_raw_os_error(libc::EACCES);
//! let error = Error::os("bind", "127.0.0.1:53", refused).with_remedy("use a port above 1023");
//! assert_eq!(
//!     error.to_string(),
//!     "cannot bind 127.0.0.1:53: permission denied (EACCES); use a port above 1023",
//! );
//! assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
//! ```

use std::borrow::Cow;
use std::{fmt, io};

mod errno;

#[cfg(feature = "extras")]
pub use errno::{describe_errno, errno_name};
#[cfg(not(feature = "extras"))]
pub(crate) use errno::{describe_errno, errno_name};

/// The result of every fallible operation of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failed operation: the operation, its subject, the reason, and a remedy if one is known.
///
/// It is one pointer wide, so that a `Result` stays small on the path without errors.
pub struct Error(Box<Parts>);

struct Parts {
    operation: Cow<'static, str>,
    subject: String,
    source: io::Error,
    detail: Option<String>,
    remedy: Option<Cow<'static, str>>,
    /// The kernel lacks or forbids it; this overrides the errno's own kind.
    unsupported: bool,
}

impl Error {
    /// Makes the error of an operation that the operating system refused.
    ///
    /// `operation` is a verb ("bind"), `subject` its object ("127.0.0.1:53").
    #[cold]
    pub fn os(
        operation: impl Into<Cow<'static, str>>,
        subject: impl fmt::Display,
        source: io::Error,
    ) -> Self {
        let subject = subject.to_string();
        Self(Box::new(Parts {
            operation: operation.into(),
            subject,
            source,
            detail: None,
            remedy: None,
            unsupported: false,
        }))
    }

    /// Makes the error of an invalid text or value; `reason` is the reason.
    ///
    /// ```
    /// let error = udpraw::error::Error::invalid("read size", "4x", "unknown unit 'x'");
    /// assert_eq!(error.to_string(), "cannot read size 4x: unknown unit 'x'");
    /// ```
    #[cold]
    pub fn invalid(
        operation: impl Into<Cow<'static, str>>,
        subject: impl fmt::Display,
        reason: impl Into<String>,
    ) -> Self {
        Self::os(
            operation,
            subject,
            io::Error::new(io::ErrorKind::InvalidInput, reason.into()),
        )
    }

    /// Makes the error of a feature that this kernel lacks or forbids: its kind is
    /// [`io::ErrorKind::Unsupported`], and the errno is kept.
    ///
    /// ```
    /// use udpraw::error::Error;
    /// let errno = std::io::Error::from_raw_os_error(libc::EPERM);
    /// let error = Error::unsupported("use", "backend uring", errno);
    /// assert_eq!(error.kind(), std::io::ErrorKind::Unsupported);
    /// assert_eq!(error.errno(), Some(libc::EPERM));
    /// ```
    #[cold]
    pub fn unsupported(
        operation: impl Into<Cow<'static, str>>,
        subject: impl fmt::Display,
        source: io::Error,
    ) -> Self {
        let mut error = Self::os(operation, subject, source);
        error.0.unsupported = true;
        error
    }

    /// Adds a detail about the reason.
    ///
    /// ```
    /// use udpraw::error::Error;
    /// let taken = std::io::Error::from_raw_os_error(libc::EADDRINUSE);
    /// let error = Error::os("bind", "[::1]:53", taken).with_detail("held by named, pid 7, fd 9");
    /// assert_eq!(
    ///     error.to_string(),
    ///     "cannot bind [::1]:53: address already in use (EADDRINUSE): held by named, pid 7, fd 9",
    /// );
    /// ```
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// Adds a remedy.
    #[must_use]
    pub fn with_remedy(mut self, remedy: impl Into<Cow<'static, str>>) -> Self {
        self.0.remedy = Some(remedy.into());
        self
    }

    /// The kind of failure, as the standard library classifies it.
    pub fn kind(&self) -> io::ErrorKind {
        if self.0.unsupported {
            return io::ErrorKind::Unsupported;
        }
        self.0.source.kind()
    }

    /// The errno, if the operating system gave one.
    pub fn errno(&self) -> Option<i32> {
        self.0.source.raw_os_error()
    }

    /// The errno's name (`"EADDRINUSE"`), if the operating system gave one.
    pub fn errno_name(&self) -> Option<String> {
        self.errno().map(errno_name)
    }

    /// Whether the network reported the error about a datagram, by ICMP or for lack of a route: the
    /// socket remains usable.
    pub fn is_about_the_network(&self) -> bool {
        matches!(
            self.errno(),
            Some(
                libc::ECONNREFUSED
                    | libc::EHOSTUNREACH
                    | libc::ENETUNREACH
                    | libc::EHOSTDOWN
                    | libc::ENETDOWN
                    | libc::ENONET
                    | libc::EACCES
                    | libc::EMSGSIZE
                    | libc::EPROTO
                    | libc::ENOPROTOOPT
                    | libc::EOPNOTSUPP
            )
        )
    }

    /// The operation, a verb: `"bind"`.
    pub fn operation(&self) -> &str {
        &self.0.operation
    }

    /// The subject of the operation as text: `"127.0.0.1:53"`.
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// The remedy, if one is known.
    pub fn remedy(&self) -> Option<&str> {
        self.0.remedy.as_deref()
    }
}

/// The error of a thread that could not be started (clone(2)): EAGAIN at a limit of processes, ENOMEM
/// at a limit of memory.
#[cfg(any(feature = "bench", feature = "load", feature = "server"))]
#[cold]
pub(crate) fn no_thread(purpose: impl fmt::Display, source: io::Error) -> Error {
    Error::os("start", format_args!("a thread {purpose}"), source).with_remedy(
        "raise the limit of processes (ulimit -u, or pids.max of the cgroup) or of memory (ulimit -v)",
    )
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts {
            operation,
            subject,
            source,
            detail,
            remedy,
            unsupported: _,
        } = &*self.0;
        write!(f, "cannot {operation}")?;
        if !subject.is_empty() {
            write!(f, " {subject}")?;
        }
        match source.raw_os_error() {
            Some(errno) => write!(f, ": {}", describe_errno(errno))?,
            None => write!(f, ": {source}")?,
        }
        if let Some(detail) = detail {
            write!(f, ": {detail}")?;
        }
        match remedy {
            Some(remedy) => write!(f, "; {remedy}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // As it is displayed, so that a program whose `main` returns it ends with a sentence.
        write!(f, "{self}")
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0.source)
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        io::Error::new(error.kind(), error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_errno_and_starts_in_lower_case() {
        let error = Error::os(
            "bind",
            "[::1]:9",
            io::Error::from_raw_os_error(libc::EADDRINUSE),
        );
        assert_eq!(
            error.to_string(),
            "cannot bind [::1]:9: address already in use (EADDRINUSE)"
        );
        assert_eq!(error.errno_name().as_deref(), Some("EADDRINUSE"));
    }

    #[test]
    fn an_unknown_errno_keeps_its_number() {
        assert_eq!(errno_name(4095), "errno 4095");
    }

    #[test]
    fn it_is_one_pointer_wide() {
        assert_eq!(size_of::<Result<(), Error>>(), size_of::<usize>());
    }
}
