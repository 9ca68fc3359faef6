//! What the server does not start with.

use crate::common::{self, socket};

#[test]
fn bad_input_is_answered_in_one_helpful_line() {
    let taken = socket();
    let port = taken.local_addr().unwrap().port().to_string();
    let in_use =
        format!("cannot bind 127.0.0.1:{port}: address already in use (EADDRINUSE): held by ");
    let cases: common::Refusals<'_> = &[
        (
            &["--port", &port],
            &[&in_use, ", pid ", ", fd ", "0 for one that the OS picks"],
        ),
        (
            &["--host", "198.51.100.7"],
            &["198.51.100.7:1060", "(EADDRNOTAVAIL)", "ip address"],
        ),
        (
            &["--host", "no.such.host.invalid"],
            &["no.such.host.invalid", "check its spelling"],
        ),
        (&["--host", "\x1b[31m"], &["\\u{1b}[31m"]),
        (&["--port", "65536"], &["65536", "65535"]),
        (&["--port", "-1"], &["-1"]),
        (&["--port", ""], &["port"]),
        (&["--port", "shh"], &["shh", "ssh"]),
        (&["--rcvbuf", "4x"], &["4x", "unknown unit 'x'"]),
        (&["--drop", "2"], &["did you mean 2%?"]),
        (&["--drop", "1"], &["1% or 100%"]),
        (
            &["--reply-text", "{size}"],
            &["unknown placeholder '{size}'"],
        ),
        (&["--count", "18446744073709551616"], &["--count"]),
        (&["-p", "0", "-O", "SO_NONSENSE=1"], &["SO_NONSENSE"]),
        (&["-p", "0", "-O", "IP_TTL=256"], &["IP_TTL", "256"]),
        (
            &["-p", "0", "--bind-device", "nosuch0"],
            &["nosuch0", "ENODEV"],
        ),
    ];
    common::assert_refused(&["server"], cases);
}

#[test]
fn a_port_below_1024_needs_the_right() {
    if !common::has("setpriv") {
        return;
    }
    let mut command = std::process::Command::new("setpriv");
    let is_root = nix::unistd::geteuid().is_root();
    if is_root {
        command.args([
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "--inh-caps=-all",
        ]);
    }
    // The test's own directory may be closed to others: what it runs is a copy in an open one.
    let place = tempfile::tempdir().unwrap();
    let copy = place.path().join("udpraw");
    // By another program: a child that is forked meanwhile would inherit a copy that is still open
    // for writing, which cannot be run then (ETXTBSY).
    let mut copying = std::process::Command::new("cp");
    copying.arg(env!("CARGO_BIN_EXE_udpraw")).arg(&copy);
    assert_eq!(common::run(copying).code, Some(0));
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(place.path(), open).unwrap();
    command.arg(&copy).args(["server", "--port", "1"]);
    let floor = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").unwrap();
    if floor.trim() != "1024" {
        return common::skip(&format!("here anyone may bind ports from {}", floor.trim()));
    }
    let end = common::run(command);
    assert_eq!(end.code, Some(2), "{}", end.stderr);
    let wanted = "cannot bind 127.0.0.1:1: permission denied (EACCES); ports below 1024 need \
                  CAP_NET_BIND_SERVICE";
    assert!(end.stderr.contains(wanted), "{}", end.stderr);
}
