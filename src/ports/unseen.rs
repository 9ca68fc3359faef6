//! The reasons why some process may hold a socket without being seen: the limits of `/proc` here
//! (proc(5)).

use std::fmt;
use std::fs;

use crate::error::describe_errno;

/// Why the visible processes may not be all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unseen {
    /// Nothing is mounted at `/proc`, or it shows another PID namespace.
    NoProc,
    /// `/proc` is mounted with `hidepid`: it lists other users' processes only for root.
    Hidden,
    /// Other users' processes are listed, but not their file descriptors.
    Denied,
    /// A limit or an error: an errno.
    Failed(i32),
    /// Only the processes of this PID namespace are visible, and there are others.
    OtherNamespaces,
}

impl Unseen {
    /// Whether root would see more.
    pub fn is_for_root(self) -> bool {
        matches!(self, Self::Hidden | Self::Denied)
    }
}

impl fmt::Display for Unseen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoProc => f.write_str("/proc is not mounted here"),
            Self::Hidden => {
                f.write_str("/proc hides other users' processes (hidepid); only root sees them")
            }
            Self::Denied => f.write_str("only root can see other users' processes"),
            Self::Failed(errno) => write!(f, "/proc cannot be read: {}", describe_errno(*errno)),
            Self::OtherNamespaces => f.write_str(
                "no process of this PID namespace holds it, and other namespaces are not visible",
            ),
        }
    }
}

/// The initial PID namespace, which sees all others (`PROC_PID_INIT_INO`, linux/proc_ns.h).
const INITIAL: &str = "pid:[4026531836]";

/// `CAP_SYS_PTRACE` (linux/capability.h).
const CAP_SYS_PTRACE: u32 = 19;

/// The limit of `/proc`, given the process ids that it lists.
pub(super) fn of_listing(pids: &[u32]) -> Option<Unseen> {
    let Ok(namespace) = fs::read_link("/proc/self/ns/pid") else {
        return Some(Unseen::NoProc);
    };
    // Every PID namespace has a process 1. If it belongs to this user, only the mount options show
    // hidepid.
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    if !pids.contains(&1) || hides(&mounts) && !may_trace_all() {
        return Some(Unseen::Hidden);
    }
    (namespace.as_os_str() != INITIAL).then_some(Unseen::OtherNamespaces)
}

/// Whether the last mount at `/proc` hides processes: `hidepid=2` or `invisible`, `4` or
/// `ptraceable`.
fn hides(mounts: &str) -> bool {
    let of_proc = mounts.lines().rev().find_map(|line| {
        let mut fields = line.split(' ').skip(1);
        (fields.next()? == "/proc").then(|| fields.nth(1))?
    });
    let options = of_proc.unwrap_or_default().split(',');
    let mut values = options.filter_map(|option| option.strip_prefix("hidepid="));
    values.any(|value| matches!(value, "2" | "4" | "invisible" | "ptraceable"))
}

/// Whether this process may trace all others.
fn may_trace_all() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let set = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let set = set.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok());
    set.is_some_and(|set| set & (1 << CAP_SYS_PTRACE) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_mount_at_proc_counts() {
        let plain = "proc /proc proc rw,nosuid,relatime 0 0\n";
        let hidden = "proc /proc proc rw,relatime,hidepid=invisible 0 0\n";
        let elsewhere = "proc /srv/proc proc rw,hidepid=2 0 0\n";
        assert!(!hides("") && !hides(plain) && !hides("x\n/proc\n"));
        assert!(hides(hidden) && hides(&format!("{plain}{hidden}")));
        assert!(!hides(&format!("{hidden}{plain}")));
        assert!(!hides(&format!("{plain}{elsewhere}")));
        assert!(hides("proc /proc proc rw,hidepid=4 0 0"));
        assert!(!hides("proc /proc proc rw,hidepid=1 0 0"));
    }

    #[test]
    fn without_the_first_process_some_are_hidden() {
        assert_eq!(of_listing(&[7]), Some(Unseen::Hidden));
    }
}
