//! Which rung, and how it is to run.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::socket::ReceiveBuffer;

/// A rung of the ladder: one way to move datagrams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rung {
    /// One datagram a call: `recvfrom` and `sendto`, as the documents' program does it.
    Single,
    /// Many datagrams a call: `recvmmsg` (Linux 2.6.33) and `sendmmsg` (3.0).
    Batch,
    /// Runs of datagrams that cross the stack as one: `UDP_GRO` (5.0) in, `UDP_SEGMENT` (4.18) out,
    /// inside batches.
    Offload,
    /// io_uring: one multishot `recvmsg` for many datagrams (6.0), and sends by the batch.
    Uring,
}

impl Rung {
    /// Every rung, the plainest first.
    pub const ALL: [Self; 4] = [Self::Single, Self::Batch, Self::Offload, Self::Uring];

    /// Its name, as it is written on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Batch => "batch",
            Self::Offload => "offload",
            Self::Uring => "uring",
        }
    }

    /// What it needs of the kernel, and since when Linux has that.
    pub fn needs(self) -> &'static str {
        match self {
            Self::Single => "recvfrom and sendto, which every Linux has",
            Self::Batch => "recvmmsg (Linux 2.6.33) and sendmmsg (Linux 3.0)",
            Self::Offload => "UDP_SEGMENT (Linux 4.18) and UDP_GRO (Linux 5.0)",
            Self::Uring => "io_uring with multishot recvmsg (Linux 6.0)",
        }
    }
}

impl fmt::Display for Rung {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Rung {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.parse()? {
            Choice::Only(rung) => Ok(rung),
            Choice::Auto => Err(unknown(text)),
        }
    }
}

/// A rung, or the best that works here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// `offload` if this kernel has it, else `batch`, else `single`.
    ///
    /// `uring` is not among them: on no machine seen so far did it win.
    #[default]
    Auto,
    /// That one, or an error.
    Only(Rung),
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.pad("auto"),
            Self::Only(rung) => rung.fmt(f),
        }
    }
}

/// `auto`, or a rung's name; case does not matter.
///
/// ```
/// use udpraw::io::{Choice, Rung};
/// assert_eq!("offload".parse::<Choice>()?, Choice::Only(Rung::Offload));
/// let error = "offlaod".parse::<Choice>().unwrap_err().to_string();
/// assert!(error.ends_with("did you mean offload?"), "{error}");
/// # Ok::<(), udpraw::error::Error>(())
/// ```
impl FromStr for Choice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.eq_ignore_ascii_case("auto") {
            return Ok(Self::Auto);
        }
        Rung::ALL
            .into_iter()
            .find(|rung| rung.name().eq_ignore_ascii_case(text))
            .map(Self::Only)
            .ok_or_else(|| unknown(text))
    }
}

fn unknown(text: &str) -> Error {
    let names = Rung::ALL.map(Rung::name).into_iter().chain(["auto"]);
    let nearest = names
        .map(|name| {
            (
                strsim::damerau_levenshtein(name, &text.to_lowercase()),
                name,
            )
        })
        .min()
        .filter(|(distance, _)| *distance <= 2);
    let remedy = match nearest {
        Some((_, name)) => format!("did you mean {name}?"),
        None => "the rungs are single, batch, offload, uring, and auto".into(),
    };
    let quoted = format!("'{}'", text.escape_debug());
    Error::invalid("find rung", quoted, "there is none of that name").with_remedy(remedy)
}

/// How a rung runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Never sleep in a receive: ask again and again (`MSG_DONTWAIT`). Costs a CPU, saves the
    /// wake-up.
    pub spin: bool,
    /// At most so many messages a system call, from 1 to 1,024. `uring` rounds it up to a power of
    /// two.
    pub batch: usize,
    /// Bytes of buffer for each datagram. A datagram above it is cut, and says so; at 0 none is
    /// copied out of the kernel at all, and only its length is known. `offload` takes whole runs,
    /// so there it is 65,535 or 0.
    pub capacity: usize,
    /// Ask for receive and send buffers of at least so many bytes (`SO_RCVBUF`, `SO_SNDBUF`), as far
    /// as `rmem_max` and `wmem_max` allow; `None` leaves them alone.
    pub socket_buffers: Option<usize>,
    /// Treat each offloaded run as if the device had refused it (EIO), to try the way round.
    pub force_no_gso: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            spin: false,
            batch: 64,
            capacity: ReceiveBuffer::DEFAULT_CAPACITY,
            socket_buffers: Some(4 << 20),
            force_no_gso: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_read_back() {
        for rung in Rung::ALL {
            assert_eq!(rung.to_string().parse::<Rung>().unwrap(), rung);
            assert_eq!(
                rung.name().to_uppercase().parse::<Choice>().unwrap(),
                Choice::Only(rung)
            );
        }
        assert_eq!("auto".parse::<Choice>().unwrap(), Choice::Auto);
    }

    #[test]
    fn an_unknown_name_is_told_of_the_nearest() {
        for (text, want) in [
            ("bach", "did you mean batch?"),
            ("io_uring", "the rungs are"),
            ("", "the rungs are"),
            ("\x1b[2J", "the rungs are"),
        ] {
            let error = text.parse::<Choice>().unwrap_err().to_string();
            assert!(error.contains(want) && !error.contains('\x1b'), "{error}");
        }
        "auto".parse::<Rung>().unwrap_err();
    }
}
