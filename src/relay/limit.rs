//! As many open files as the flows need (getrlimit(2), `RLIMIT_NOFILE`).

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::error::{Error, Result};

/// Descriptors that a process needs besides the flows: standard streams, sockets, a log, the
/// observer's own.
const OTHERS: u64 = 32;

/// The default limit of flows, if the limit of open files allows it.
const USUAL: u32 = 1024;

/// Makes sure that a socket for each flow can be opened: raises the soft limit as far as needed.
/// Returns the limit of flows: the requested number, or what the limit of open files allows.
pub(super) fn allow_flows(asked: Option<u32>) -> Result<u32> {
    let subject = "RLIMIT_NOFILE";
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)
        .map_err(|errno| Error::os("read", subject, errno.into()))?;
    let most = hard.saturating_sub(OTHERS);
    let flows = asked.unwrap_or_else(|| {
        let room = u32::try_from(most).unwrap_or(USUAL);
        room.clamp(1, USUAL)
    });
    let need = u64::from(flows) + OTHERS;
    if need <= soft {
        return Ok(flows);
    }
    if need > hard && asked.is_some() {
        let reason = format!("the limit of open files is {hard}, and each flow has a socket");
        let subject = format!("{flows} flows");
        let raise = format!("raise the limit as root, with ulimit -Hn {need}");
        return Err(
            Error::invalid("allow", subject, reason).with_remedy(match most {
                0 => raise,
                most => format!("{raise}, or use --max-flows {most}"),
            }),
        );
    }
    setrlimit(Resource::RLIMIT_NOFILE, need.min(hard), hard)
        .map_err(|errno| Error::os("raise", subject, errno.into()))?;
    Ok(flows)
}
