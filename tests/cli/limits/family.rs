//! A name with an IPv6 address on a machine without IPv6: its IPv4 address is meant.

use std::net::UdpSocket;

use super::{PROGRAM, forbidding, is_root, shell};
use crate::common::namespaces;
use crate::common::{Finished, json_lines, received};

/// Runs the program with `localhost` as `::1` first, in whichever way this machine lacks IPv6.
fn with_hosts(arguments: &[&str]) -> Finished {
    let script = "hosts=$(mktemp); printf '::1 localhost\\n127.0.0.1 localhost\\n' >$hosts; \
                  mount --bind $hosts /etc/hosts; rm $hosts; exec \"$0\" \"$@\"";
    let words = [&["--mount", "sh", "-ec", script, PROGRAM], arguments].concat();
    shell("exec unshare \"$@\"", "sh", &words)
}

/// A socket that answers what comes, on 127.0.0.1 alone; its port.
fn echo() -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port().to_string();
    std::thread::spawn(move || {
        let mut buffer = [0; 2048];
        while let Ok((length, client)) = received(|| socket.recv_from(&mut buffer)) {
            let _ = socket.send_to(&buffer[..length], client);
        }
    });
    port
}

/// What every command says of `localhost`, where it is 127.0.0.1 that can be used.
fn by_ipv4_alone() {
    let port = echo();
    let end = with_hosts(&["probe", "localhost", &port, "--as", "echo", "--json"]);
    assert_eq!(end.code, Some(0), "{}{}", end.stdout, end.stderr);
    assert_eq!(json_lines(&end.stdout)[0]["target"]["address"], "127.0.0.1");

    let end = with_hosts(&["mtu", "localhost", "--port", &port]);
    assert_eq!(end.code, Some(0), "{}{}", end.stdout, end.stderr);
    assert!(end.stdout.starts_with("127.0.0.1:"), "{}", end.stdout);

    let end = with_hosts(&["client", "localhost", "--port", &port]);
    assert_eq!(end.code, Some(0), "{}{}", end.stdout, end.stderr);

    // Nobody listens there: a port that was bound a moment ago.
    let nobody = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = nobody.local_addr().unwrap().port().to_string();
    drop(nobody);
    for command in [
        &[
            "send",
            "localhost",
            "/etc/hostname",
            "--port",
            &port,
            "--open",
        ][..],
        &["client", "localhost", "--port", &port],
    ] {
        let end = with_hosts(command);
        assert_eq!(end.code, Some(1), "{command:?}: {}", end.stderr);
        let want = format!("127.0.0.1:{port}");
        assert!(
            end.stderr.contains(&want) && !end.stderr.contains("::1"),
            "{command:?}: {}",
            end.stderr
        );
    }

    // Where that family is asked for, it is no secret that it is not there.
    let end = with_hosts(&["probe", "-6", "localhost", &port]);
    assert_eq!(end.code, Some(1), "{}", end.stderr);
    assert!(end.stdout.contains("[::1]") && end.stdout.contains("(EA"));
}

#[test]
fn a_kernel_without_ipv6() {
    if is_root() {
        forbidding(
            libc::SYS_socket,
            Some(libc::AF_INET6),
            libc::EAFNOSUPPORT,
            by_ipv4_alone,
        );
    }
}

#[test]
fn ipv6_that_is_switched_off() {
    if !is_root() || !namespaces::alone() {
        return;
    }
    namespaces::sh("echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6");
    by_ipv4_alone();
}

#[test]
fn one_resolver_of_another_family_ends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("resolv.conf");
    std::fs::write(&path, "nameserver ::1\nnameserver 127.0.0.1\n").unwrap();
    let script = "exec \"$0\" probe domain --timeout 200ms --json --resolv-conf \"$1\"";
    let path = path.to_str().unwrap();
    let ask = || shell(script, PROGRAM, &[path]);
    let end = forbidding(
        libc::SYS_socket,
        Some(libc::AF_INET6),
        libc::EAFNOSUPPORT,
        ask,
    );
    assert!(matches!(end.code, Some(0 | 1)), "{}", end.stderr);
    let found = json_lines(&end.stdout);
    assert_eq!(found[0]["verdict"], "unreachable", "{}", end.stdout);
    assert_eq!(found[0]["evidence"]["errno"], "EAFNOSUPPORT");
    assert_eq!(found[1]["target"]["address"], "127.0.0.1");
}
