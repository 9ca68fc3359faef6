//! Signals in strace's notation.

use nix::sys::signal::Signal;

/// `SIGINT`; `SIGRT_3` for a real-time signal, as strace counts from 32.
pub fn name(signal: i32) -> String {
    match Signal::try_from(signal) {
        Ok(known) => known.as_str().to_owned(),
        Err(_) if (32..=64).contains(&signal) => match signal - 32 {
            0 => "SIGRTMIN".to_owned(),
            number => format!("SIGRT_{number}"),
        },
        Err(_) => signal.to_string(),
    }
}

/// The name without its `SIG`.
pub(super) fn short_name(signal: i32) -> String {
    let name = name(signal);
    name.strip_prefix("SIG").unwrap_or(&name).to_owned()
}

/// `si_code` by name.
pub(super) fn code(code: i32) -> String {
    match code {
        0 => "SI_USER".to_owned(),
        0x80 => "SI_KERNEL".to_owned(),
        -1 => "SI_QUEUE".to_owned(),
        -2 => "SI_TIMER".to_owned(),
        -6 => "SI_TKILL".to_owned(),
        other => other.to_string(),
    }
}

/// `si_code` of SIGCHLD by name.
pub(super) fn child_code(code: i32) -> String {
    let names = [
        "CLD_EXITED",
        "CLD_KILLED",
        "CLD_DUMPED",
        "CLD_TRAPPED",
        "CLD_STOPPED",
        "CLD_CONTINUED",
    ];
    let name = usize::try_from(code - 1).ok().and_then(|at| names.get(at));
    name.map_or_else(|| self::code(code), |name| (*name).to_owned())
}
