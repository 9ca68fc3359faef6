//! As many open files as there may be flows (getrlimit(2), `RLIMIT_NOFILE`).

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::error::{Error, Result};

/// What a process needs beside the flows: standard streams, sockets, a log, the observer's own.
const OTHERS: u64 = 32;

/// Makes sure that a socket for each flow can be opened: raises the soft limit as far as needed.
pub(super) fn allow_files(flows: u32) -> Result<()> {
    let subject = "RLIMIT_NOFILE";
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)
        .map_err(|errno| Error::os("read", subject, errno.into()))?;
    let need = u64::from(flows) + OTHERS;
    if need <= soft {
        return Ok(());
    }
    if need > hard {
        let most = hard.saturating_sub(OTHERS);
        let reason = format!("the limit of open files is {hard}, and each flow has a socket");
        let subject = format!("{flows} flows");
        return Err(
            Error::invalid("allow", subject, reason).with_remedy(format!(
                "raise the limit with ulimit -Hn {need}, or use --max-flows {most}"
            )),
        );
    }
    setrlimit(Resource::RLIMIT_NOFILE, need, hard)
        .map_err(|errno| Error::os("raise", subject, errno.into()))
}
