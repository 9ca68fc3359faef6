//! Where /proc shows less than all processes, nobody is blamed who was not seen.

use std::net::UdpSocket;

use super::{Shared, as_user, is_root, shell};
use crate::common::Finished;

/// Runs `server` on a port that is taken, and `ports` on it, where /proc is as `mount` leaves it.
fn told(mount: &str, user: &str, program: &str, port: &str) -> [Finished; 2] {
    [format!("server --port {port}"), format!("ports {port}")].map(|words| {
        let script = format!("{mount}; exec {user} \"$0\" {words}");
        let words = ["--mount", "sh", "-ec", &script, program];
        shell("exec unshare \"$@\"", "sh", &words)
    })
}

#[test]
fn the_kernel_is_not_blamed_for_what_proc_hides() {
    if !is_root() {
        return;
    }
    let copy = Shared::new();
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let nobody = as_user(64_104);
    let hidden = "mount -t proc -o hidepid=2 proc /proc";
    let none = "mount -t tmpfs none /proc";
    let pid = format!("pid {}", std::process::id());
    for (mount, user, want) in [
        (hidden, "", pid.as_str()),
        (
            hidden,
            &nobody,
            "/proc hides other users' processes (hidepid)",
        ),
        (none, "", "/proc is not mounted here"),
        (none, &nobody, "/proc is not mounted here"),
        (":", &nobody, "only root can see other users' processes"),
        (
            "ulimit -n 4",
            "",
            "/proc cannot be read: too many open files (EMFILE)",
        ),
    ] {
        let [server, ports] = told(mount, user, &copy.path(), &port);
        assert_eq!(server.code, Some(2), "{mount}: {}", server.stderr);
        assert!(server.stderr.contains(want), "{mount}: {}", server.stderr);
        assert_eq!(ports.code, Some(0), "{mount}: {}", ports.stderr);
        let is_known = want == pid;
        assert!(
            is_known || ports.stderr.contains("is unknown: ") && ports.stderr.contains(want),
            "{mount}: {}",
            ports.stderr
        );
        for text in [&server.stderr, &ports.stderr, &ports.stdout] {
            assert!(!text.contains("by the kernel"), "{mount}: {text}");
            assert!(!text.contains("no process seen"), "{mount}: {text}");
        }
        assert!(
            is_known || ports.stdout.contains("  unknown  "),
            "{}",
            ports.stdout
        );
    }
}

#[test]
fn a_pid_namespace_does_not_see_who_is_outside() {
    if !is_root() {
        return;
    }
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let words = ["--pid", "--fork", "--mount-proc", super::PROGRAM];
    for arguments in [&["server", "--port", &port][..], &["ports", &port]] {
        let words = [&words[..], arguments].concat();
        let end = shell("exec unshare \"$@\"", "sh", &words);
        assert!(
            end.stderr
                .contains("is unknown: no process of this PID namespace holds it"),
            "{}",
            end.stderr
        );
    }
}

#[test]
fn a_process_without_a_name_is_shown() {
    if !crate::common::has("python3") {
        return;
    }
    let script = "
import ctypes, socket, subprocess, sys
ctypes.CDLL(None).prctl(15, b'', 0, 0, 0)
taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
taken.bind(('127.0.0.1', 0))
for words in (['server', '--port'], ['ports']):
    subprocess.run([sys.argv[1], *words, str(taken.getsockname()[1])])
";
    let end = shell("exec python3 -c \"$1\" \"$0\"", super::PROGRAM, &[script]);
    assert!(
        end.stderr.contains("held by (no name), pid "),
        "{}",
        end.stderr
    );
    assert!(end.stdout.contains("  (no name)  "), "{}", end.stdout);
}
