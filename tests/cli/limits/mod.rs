//! Machines with odd limits, and streams with odd modes: what is not allowed is left out and said,
//! and the work goes on.

mod bench;
mod family;
mod seen;
mod streams;

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::common::{Finished, has, run, skip};

/// Runs lines of shell with the program as `$0`, or a copy that others may run, and `arguments`.
fn shell(script: &str, program: &str, arguments: &[&str]) -> Finished {
    let mut command = Command::new("sh");
    command.args(["-ec", script, program]).args(arguments);
    command.stdin(std::process::Stdio::null());
    run(command)
}

/// The program itself.
const PROGRAM: &str = env!("CARGO_BIN_EXE_udpraw");

/// A copy of the program that any user may run.
struct Shared(tempfile::TempDir);

impl Shared {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(place.path(), mode).unwrap();
        let shared = Self(place);
        // By another program: a child that is forked meanwhile would inherit a copy that is still
        // open for writing, which cannot be run then (ETXTBSY).
        let mut copying = Command::new("cp");
        copying.args([PROGRAM, &shared.path()]);
        assert_eq!(run(copying).code, Some(0));
        shared
    }

    fn path(&self) -> String {
        format!("{}/udpraw", self.0.path().display())
    }
}

/// Whether this is root with the programs that make it another user and another place; if not, the
/// test is skipped.
fn is_root() -> bool {
    if !nix::unistd::geteuid().is_root() {
        skip("only root can set the limits");
        return false;
    }
    has("setpriv") && has("unshare") && has("prlimit")
}

/// A user of its own for each test, so that limits of a user are not shared.
fn as_user(uid: u32) -> String {
    format!(
        "setpriv --reuid={uid} --regid={uid} --clear-groups --inh-caps=-all --bounding-set=-all"
    )
}

/// Runs `work` on a thread to which a system call is forbidden (seccomp(2)), and its children:
/// by number, and by its first argument if one is given.
fn forbidding<T: Send>(
    call: libc::c_long,
    first: Option<i32>,
    errno: i32,
    work: impl FnOnce() -> T + Send,
) -> T {
    let code = |code: u32, k: u32, jf: u8| libc::sock_filter {
        code: code as u16,
        jt: 0,
        jf,
        k,
    };
    let load = |offset| code(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset, 0);
    let equal = |k, jf| code(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, k, jf);
    let end = |value| code(libc::BPF_RET | libc::BPF_K, value, 0);
    let refused = end(libc::SECCOMP_RET_ERRNO | errno as u32);
    // The number of the call, and the lower half of its first argument (struct seccomp_data).
    let mut filter = match first {
        None => vec![load(0), equal(call as u32, 1), refused],
        Some(first) => vec![
            load(0),
            equal(call as u32, 3),
            load(16),
            equal(first as u32, 1),
            refused,
        ],
    };
    filter.push(end(libc::SECCOMP_RET_ALLOW));
    std::thread::scope(|scope| {
        let filtered = scope.spawn(move || {
            let program = libc::sock_fprog {
                len: filter.len() as u16,
                filter: filter.as_mut_ptr(),
            };
            // SAFETY: prctl(2) with PR_SET_NO_NEW_PRIVS takes integers only.
            let result = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
            assert_eq!(result, 0);
            // SAFETY: seccomp(2) demands a program of `len` instructions, which `filter` is.
            let result =
                unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &program) };
            assert_eq!(result, 0);
            work()
        });
        filtered.join().unwrap()
    })
}
