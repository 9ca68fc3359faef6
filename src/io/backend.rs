//! Which backend, and how it is to run.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::socket::ReceiveBuffer;

/// A backend: one way to move datagrams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Backend {
    /// One datagram per call: `recvfrom` and `sendto`, as the textbook's program does it.
    Single,
    /// Many datagrams per call: `recvmmsg` (Linux 2.6.33) and `sendmmsg` (3.0).
    Batch,
    /// Runs of datagrams that cross the stack as one: `UDP_GRO` (5.0) in, `UDP_SEGMENT` (4.18) out,
    /// inside batches.
    Offload,
    /// io_uring: one multishot `recvmsg` for many datagrams (Linux 6.0), and sends in batches. Needs the
    /// feature `uring`.
    Uring,
}

impl Backend {
    /// Every backend, the simplest first.
    pub const ALL: [Self; 4] = [Self::Single, Self::Batch, Self::Offload, Self::Uring];

    /// Its name, as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Batch => "batch",
            Self::Offload => "offload",
            Self::Uring => "uring",
        }
    }

    /// What it needs from the kernel, with the Linux version that brought it.
    pub fn needs(self) -> &'static str {
        match self {
            Self::Single => "recvfrom and sendto, which every Linux has",
            Self::Batch => "recvmmsg (Linux 2.6.33) and sendmmsg (Linux 3.0)",
            Self::Offload => "UDP_SEGMENT (Linux 4.18) and UDP_GRO (Linux 5.0)",
            Self::Uring => "io_uring with multishot recvmsg (Linux 6.0)",
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Backend {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.parse()? {
            BackendChoice::Only(backend) => Ok(backend),
            BackendChoice::Auto => Err(unknown(text)),
        }
    }
}

/// A backend, or the best that works here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BackendChoice {
    /// `offload` if this kernel has it, else `batch`, else `single`.
    ///
    /// `uring` is not among them: it was the fastest on no machine measured so far.
    #[default]
    Auto,
    /// This one, or an error.
    Only(Backend),
}

impl fmt::Display for BackendChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.pad("auto"),
            Self::Only(backend) => backend.fmt(f),
        }
    }
}

/// `auto`, or a backend's name; case does not matter.
///
/// ```
/// use udpraw::io::{BackendChoice, Backend};
/// assert_eq!("offload".parse::<BackendChoice>()?, BackendChoice::Only(Backend::Offload));
/// # Ok::<(), udpraw::error::Error>(())
/// ```
impl FromStr for BackendChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.eq_ignore_ascii_case("auto") {
            return Ok(Self::Auto);
        }
        Backend::ALL
            .into_iter()
            .find(|backend| backend.name().eq_ignore_ascii_case(text))
            .map(Self::Only)
            .ok_or_else(|| unknown(text))
    }
}

fn unknown(text: &str) -> Error {
    let remedy = match nearest(text) {
        Some(name) => format!("did you mean {name}?"),
        None => "the backends are single, batch, offload, uring, and auto".into(),
    };
    let quoted = format!("'{}'", text.escape_debug());
    Error::invalid("find backend", quoted, "unknown name").with_remedy(remedy)
}

/// The name that differs from `text` by at most two slips of the finger.
#[cfg(feature = "extras")]
fn nearest(text: &str) -> Option<&'static str> {
    let text = text.to_lowercase();
    let names = Backend::ALL.map(Backend::name).into_iter().chain(["auto"]);
    let (distance, name) = names
        .map(|name| (strsim::damerau_levenshtein(name, &text), name))
        .min()?;
    (distance <= 2).then_some(name)
}

/// Comparing names takes the feature `extras`.
#[cfg(not(feature = "extras"))]
fn nearest(_: &str) -> Option<&'static str> {
    None
}

/// How a backend runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransportConfig {
    /// Never sleep in a receive: try again and again (`MSG_DONTWAIT`). Uses a whole CPU, and saves the
    /// time to wake up.
    pub spin: bool,
    /// The most messages per system call, from 1 to 1,024. `uring` rounds it up to a power of two.
    pub batch: usize,
    /// The size of the buffer for each datagram, in bytes. A longer datagram is truncated, which
    /// [`Received::is_truncated`](super::Received::is_truncated) reports. With 0, no payload is copied
    /// out of the kernel, and only its length is known. `offload` takes whole runs, so there it is 65,535
    /// or 0.
    pub capacity: usize,
    /// Ask for receive and send buffers of at least this many bytes (`SO_RCVBUF`, `SO_SNDBUF`), as far
    /// as `net.core.rmem_max` and `wmem_max` allow; `None`, the default, leaves them as they are.
    pub socket_buffers: Option<usize>,
    /// Treat each offloaded run as if the device had refused it (EIO), to test the fallback.
    pub force_no_gso: bool,
}

impl TransportConfig {
    /// The socket buffers of [`Self::bulk`] in bytes.
    pub const BULK_BUFFERS: usize = 4 << 20;

    /// The default, with socket buffers for bulk traffic: they hold a burst that arrives while the
    /// program is not running.
    pub fn bulk() -> Self {
        Self {
            socket_buffers: Some(Self::BULK_BUFFERS),
            ..Self::default()
        }
    }
}

impl Default for TransportConfig {
    fn default() -> Self {
        Self {
            spin: false,
            batch: 64,
            capacity: ReceiveBuffer::DEFAULT_CAPACITY,
            socket_buffers: None,
            force_no_gso: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_read_back() {
        for backend in Backend::ALL {
            assert_eq!(backend.to_string().parse::<Backend>().unwrap(), backend);
            assert_eq!(
                backend
                    .name()
                    .to_uppercase()
                    .parse::<BackendChoice>()
                    .unwrap(),
                BackendChoice::Only(backend)
            );
        }
        assert_eq!(
            "auto".parse::<BackendChoice>().unwrap(),
            BackendChoice::Auto
        );
    }

    #[cfg(feature = "extras")]
    #[test]
    fn an_unknown_name_is_told_of_the_nearest() {
        for (text, want) in [
            ("bach", "did you mean batch?"),
            ("offlaod", "did you mean offload?"),
            ("io_uring", "the backends are"),
            ("", "the backends are"),
            ("\x1b[2J", "the backends are"),
        ] {
            let error = text.parse::<BackendChoice>().unwrap_err().to_string();
            assert!(error.contains(want) && !error.contains('\x1b'), "{error}");
        }
        "auto".parse::<Backend>().unwrap_err();
    }
}
