//! Signals in strace's notation.

use std::fmt::{self, Write as _};

use nix::sys::signal::Signal;

use super::notation::{hex, pointer};
use crate::sys::ptrace::{self, SignalInfo};

/// A signal that a thread is about to receive. Its `Display` is strace's notation: `SIGINT
/// {si_signo=SIGINT, si_code=SI_USER, si_pid=1, si_uid=0}`.
#[derive(Clone, Debug)]
pub struct Delivered {
    /// Its number.
    pub number: i32,
    info: Option<SignalInfo>,
}

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
fn code(signal: i32, code: i32) -> String {
    let general = match code {
        0 => "SI_USER",
        0x80 => "SI_KERNEL",
        -1 => "SI_QUEUE",
        -2 => "SI_TIMER",
        -3 => "SI_MESGQ",
        -4 => "SI_ASYNCIO",
        -5 => "SI_SIGIO",
        -6 => "SI_TKILL",
        -7 => "SI_DETHREAD",
        -60 => "SI_ASYNCNL",
        _ => "",
    };
    let own: &[&str] = match signal {
        libc::SIGCHLD => &[
            "CLD_EXITED",
            "CLD_KILLED",
            "CLD_DUMPED",
            "CLD_TRAPPED",
            "CLD_STOPPED",
            "CLD_CONTINUED",
        ],
        libc::SIGSEGV => &["SEGV_MAPERR", "SEGV_ACCERR", "SEGV_BNDERR", "SEGV_PKUERR"],
        libc::SIGBUS => &[
            "BUS_ADRALN",
            "BUS_ADRERR",
            "BUS_OBJERR",
            "BUS_MCEERR_AR",
            "BUS_MCEERR_AO",
        ],
        libc::SIGIO => &[
            "POLL_IN", "POLL_OUT", "POLL_MSG", "POLL_ERR", "POLL_PRI", "POLL_HUP",
        ],
        libc::SIGFPE => &[
            "FPE_INTDIV",
            "FPE_INTOVF",
            "FPE_FLTDIV",
            "FPE_FLTOVF",
            "FPE_FLTUND",
            "FPE_FLTRES",
            "FPE_FLTINV",
            "FPE_FLTSUB",
        ],
        libc::SIGILL => &[
            "ILL_ILLOPC",
            "ILL_ILLOPN",
            "ILL_ILLADR",
            "ILL_ILLTRP",
            "ILL_PRVOPC",
            "ILL_PRVREG",
            "ILL_COPROC",
            "ILL_BADSTK",
        ],
        libc::SIGTRAP => &["TRAP_BRKPT", "TRAP_TRACE", "TRAP_BRANCH", "TRAP_HWBKPT"],
        _ => &[],
    };
    let own = usize::try_from(code - 1).ok().and_then(|at| own.get(at));
    match (general, own) {
        ("", Some(own)) => (*own).to_owned(),
        ("", None) => {
            let mut text = String::new();
            hex(&mut text, code.cast_unsigned().into());
            text
        }
        (general, _) => general.to_owned(),
    }
}

impl Delivered {
    /// Reads the signal that a stopped thread is about to receive.
    pub(super) fn read(thread: i32, number: i32) -> Self {
        Self {
            number,
            info: ptrace::signal_info(thread).ok(),
        }
    }
}

impl fmt::Display for Delivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = name(self.number);
        match &self.info {
            Some(info) => write!(f, "{name} {}", details(&name, self.number, info, ticks())),
            None => f.write_str(&name),
        }
    }
}

/// The ticks of `clock_t` per second.
fn ticks() -> i64 {
    nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK)
        .ok()
        .flatten()
        .unwrap_or(100)
}

fn details(name: &str, number: i32, info: &SignalInfo, ticks: i64) -> String {
    let mut text = format!("{{si_signo={name}, si_code={}", code(number, info.code));
    if info.errno != 0 {
        let _ = write!(text, ", si_errno={}", crate::error::errno_name(info.errno));
    }
    let source = |text: &mut String| {
        let _ = write!(
            text,
            ", si_pid={}, si_uid={}",
            info.pid,
            info.uid.cast_signed()
        );
    };
    let value = |text: &mut String| {
        let _ = write!(text, ", si_int={}, si_ptr=", info.value as i32);
        pointer(text, info.value);
    };
    match (info.code, number) {
        // SI_TIMER: the timer and its overruns take the place of the sender.
        (-2, _) => {
            text.push_str(", si_timerid=");
            hex(&mut text, u64::from(info.pid.cast_unsigned()));
            let _ = write!(text, ", si_overrun={}", info.uid);
            value(&mut text);
        }
        (0 | -6, _) => source(&mut text),
        (..=0, _) => {
            source(&mut text);
            if info.value != 0 {
                value(&mut text);
            }
        }
        (code, libc::SIGCHLD) => {
            source(&mut text);
            text.push_str(", si_status=");
            match code {
                1 => drop(write!(text, "{}", info.status)),
                _ => text.push_str(&self::name(info.status)),
            }
            for (field, time) in ["si_utime", "si_stime"].iter().zip(info.times) {
                let _ = write!(text, ", {field}={time}");
                if time > 0 && ticks > 0 {
                    let width = ticks.ilog10() as usize;
                    let seconds = time as f64 / ticks as f64;
                    let _ = write!(text, " /* {seconds:.width$} s */");
                }
            }
        }
        (_, libc::SIGSEGV | libc::SIGILL | libc::SIGFPE | libc::SIGBUS | libc::SIGTRAP) => {
            text.push_str(", si_addr=");
            pointer(&mut text, info.address);
        }
        _ if info.pid != 0 || info.uid != 0 => source(&mut text),
        _ => {}
    }
    text.push('}');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_with_a_signal_is_written_as_strace_does() {
        let child = SignalInfo {
            code: 1,
            pid: 7,
            status: 3,
            times: [0, 5],
            ..SignalInfo::default()
        };
        let killed = SignalInfo {
            code: 2,
            status: 9,
            ..child
        };
        let queued = SignalInfo {
            code: -1,
            pid: 1,
            uid: u32::MAX,
            value: 5,
            ..SignalInfo::default()
        };
        let fault = SignalInfo {
            code: 1,
            ..SignalInfo::default()
        };
        for (signal, info, want) in [
            (
                17,
                child,
                "CLD_EXITED, si_pid=7, si_uid=0, si_status=3, si_utime=0, si_stime=5 /* 0.05 s */}",
            ),
            (
                17,
                killed,
                "CLD_KILLED, si_pid=7, si_uid=0, si_status=SIGKILL, si_utime=0, si_stime=5 /* 0.05 s */}",
            ),
            (
                10,
                queued,
                "SI_QUEUE, si_pid=1, si_uid=-1, si_int=5, si_ptr=0x5}",
            ),
            (11, fault, "SEGV_MAPERR, si_addr=NULL}"),
        ] {
            let name = name(signal);
            let want = format!("{{si_signo={name}, si_code={want}");
            assert_eq!(details(&name, signal, &info, 100), want);
        }
    }
}
