//! Signal dispositions for a process that is about to change its role. No handler is installed.

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

/// Restores the default action of a signal.
pub(crate) fn reset(signal: Signal) -> nix::Result<()> {
    let action = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: sigaction(2) with SIG_DFL installs no handler.
    unsafe { sigaction(signal, &action) }?;
    Ok(())
}

/// Ignores the signals by which a terminal or a user ends a process.
pub(crate) fn ignore_all() {
    let action = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
    for signal in [
        Signal::SIGINT,
        Signal::SIGTERM,
        Signal::SIGHUP,
        Signal::SIGALRM,
    ] {
        // SAFETY: sigaction(2) with SIG_IGN installs no handler.
        let _ = unsafe { sigaction(signal, &action) };
    }
}
