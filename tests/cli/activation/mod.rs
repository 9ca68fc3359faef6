//! Sockets that a service manager passes, and what it is told: a shell plays systemd, which puts the
//! sockets at file descriptor 3 and on, and names them in the environment (sd_listen_fds(3)).

mod refused;

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as UnixAddress, UnixDatagram};
use std::process::{Command, Stdio};

use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::signal::Signal;

use crate::common::{PATIENCE, Running, ask, client_of, has, listening, run, skip};

/// `udpraw` as a service manager starts it, with these sockets and variables.
fn activated(sockets: &[&dyn AsFd], variables: &str, arguments: &[&str]) -> Command {
    // Above those that bash moves them to, and inherited.
    let moved = sockets.iter().enumerate().map(|(index, socket)| {
        let fd = fcntl(socket.as_fd(), FcntlArg::F_DUPFD(30)).expect("a descriptor");
        format!("{}<&{fd}", index + 3)
    });
    let moved: Vec<_> = moved.collect();
    let script = format!(
        "exec {}; LISTEN_PID=$$ LISTEN_FDS={} {variables} exec \"$0\" \"$@\"",
        moved.join(" "),
        sockets.len()
    );
    let mut command = Command::new("bash");
    command
        .args(["--norc", "-c", &script, env!("CARGO_BIN_EXE_udpraw")])
        .args(arguments)
        .env_remove("UDPRAW_HOST")
        .env_remove("UDPRAW_PORT")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn bound(address: &str) -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind(address).expect("a socket");
    let address = socket.local_addr().expect("an address");
    (socket, address)
}

#[test]
fn the_server_serves_the_sockets_that_it_is_passed() {
    let (one, first) = bound("127.0.0.1:0");
    let (two, second) = bound("[::1]:0");
    // A service manager may have left it so.
    two.set_nonblocking(true).expect("a flag");
    let ports = format!("{},{}", first.port(), second.port());
    let mut server = Running::start(activated(&[&one, &two], "", &["server", "--port", &ports]));
    drop((one, two));
    for address in [first, second] {
        assert_eq!(listening(&server.line()), address);
    }
    for address in [first, second] {
        let reply = ask(&client_of(address), b"hello");
        assert_eq!(reply, b"Your data was 5 bytes long");
    }
    server.signal(Signal::SIGINT);
    assert_eq!(server.finish().code, Some(0));
}

/// Behind a wildcard address the reply leaves from the address that was asked.
#[test]
fn a_passed_wildcard_socket_replies_from_where_it_was_asked() {
    let (socket, address) = bound("0.0.0.0:0");
    let mut server = Running::start(activated(&[&socket], "", &["server", "--reply", "echo"]));
    drop(socket);
    assert_eq!(listening(&server.line()), address);
    let asked = SocketAddr::from(([127, 0, 0, 7], address.port()));
    let client = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    client.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    client.send_to(b"hello", asked).expect("sent");
    let (length, from) = client.recv_from(&mut [0; 16]).expect("a reply");
    assert_eq!((length, from), (5, asked));
    server.signal(Signal::SIGINT);
    assert_eq!(server.finish().code, Some(0));
}

#[test]
fn a_passed_socket_is_not_bound_again() {
    if !has("strace") {
        return skip("no strace: whether bind(2) is called cannot be seen");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let trace = folder.path().join("trace");
    let (socket, address) = bound("127.0.0.1:0");
    let command = activated(&[&socket], "", &["server", "--count", "1"]);
    let mut traced = Command::new("strace");
    traced
        .args(["-f", "-e", "trace=socket,bind,recvfrom", "-o"])
        .arg(&trace);
    traced.arg("bash").args(command.get_args());
    traced
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut server = Running::start(traced);
    drop(socket);
    assert_eq!(listening(&server.line()), address);
    assert_eq!(
        ask(&client_of(address), b"x"),
        b"Your data was 1 bytes long"
    );
    assert_eq!(server.finish().code, Some(0));
    let trace = fs::read_to_string(trace).expect("a trace");
    assert!(trace.contains("recvfrom(3"), "{trace}");
    assert!(
        !trace.contains("bind(") && !trace.contains("socket(AF_INET"),
        "{trace}"
    );
}

#[test]
fn the_relay_and_the_receiver_take_a_socket_as_well() {
    let target = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    target.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let to = target.local_addr().expect("an address").to_string();
    let (socket, address) = bound("127.0.0.1:0");
    let mut relay = Running::start(activated(
        &[&socket],
        "",
        &["relay", "--to", &to, "--count", "1"],
    ));
    drop(socket);
    let line = relay.line();
    assert!(line.contains(&address.port().to_string()), "{line}");
    client_of(address).send(b"through").expect("sent");
    let mut buffer = [0; 16];
    let (length, _) = target.recv_from(&mut buffer).expect("a datagram");
    assert_eq!(&buffer[..length], b"through");
    assert_eq!(relay.finish().code, Some(0));

    let (socket, address) = bound("127.0.0.1:0");
    let folder = tempfile::tempdir().expect("a folder");
    let (source, stored) = (folder.path().join("source"), folder.path().join("stored"));
    fs::write(&source, "the whole file").expect("a file");
    let stored_name = stored.to_str().expect("UTF-8");
    let receiver = Running::start(activated(
        &[&socket],
        "",
        &["recv", "-o", stored_name, "--open"],
    ));
    drop(socket);
    let source = source.to_str().expect("UTF-8");
    let sent = crate::common::finish(&["send", &address.to_string(), source, "--open"]);
    assert_eq!(sent.code, Some(0), "{}", sent.stderr);
    assert_eq!(receiver.finish().code, Some(0));
    assert_eq!(
        fs::read_to_string(stored).expect("a file"),
        "the whole file"
    );
}

/// Variables that are meant for another process, or for nobody, say nothing.
#[test]
fn sockets_of_another_process_are_left_alone() {
    let (socket, address) = bound("127.0.0.1:0");
    for variables in ["LISTEN_PID=1", "LISTEN_PID=", "LISTEN_FDS=0"] {
        let arguments = ["server", "--port", "0", "--count", "0"];
        let finished = run(activated(&[&socket], variables, &arguments));
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        let line = finished
            .stdout
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned();
        assert_ne!(listening(&line), address, "{variables}");
    }
    let without = run(crate::common::udpraw(["relay", "--to", "127.0.0.1:9"]));
    refused::assert_refused(&without, &["without --listen", "--listen 127.0.0.1:5300"]);
}

fn heard(manager: &UnixDatagram) -> String {
    manager.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let mut buffer = [0; 64];
    let length = manager.recv(&mut buffer).expect("a message");
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

#[test]
fn the_manager_is_told_when_datagrams_can_come() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).expect("a socket");
    let stored = folder.path().join("stored");
    let stored = stored.to_str().expect("UTF-8");
    for arguments in [
        &["server", "--port", "0"][..],
        &["server", "--port", "0", "--io", "auto"],
        &["relay", "--listen", ":0", "--to", "127.0.0.1:9"],
        &["recv", "--port", "0", "-o", stored],
    ] {
        let mut command = crate::common::udpraw(arguments);
        command.env("NOTIFY_SOCKET", &path);
        let server = Running::start(command);
        assert_eq!(heard(&manager), "READY=1\n", "{arguments:?}");
        server.signal(Signal::SIGTERM);
        server.finish();
    }
    // An abstract name, as containers have it.
    let name = format!("udpraw-test-{}", std::process::id());
    let address = UnixAddress::from_abstract_name(&name).expect("a name");
    let manager = UnixDatagram::bind_addr(&address).expect("a socket");
    let mut command = crate::common::udpraw(["server", "--port", "0", "--count", "0"]);
    command.env("NOTIFY_SOCKET", format!("@{name}"));
    assert_eq!(run(command).code, Some(0));
    assert_eq!(heard(&manager), "READY=1\n");
    // Nothing is said before the work can begin.
    let mut command = crate::common::udpraw(["server", "--host", "192.0.2.1"]);
    command.env("NOTIFY_SOCKET", format!("@{name}"));
    assert_eq!(run(command).code, Some(2));
    manager.set_nonblocking(true).expect("a flag");
    assert!(manager.recv(&mut [0; 8]).is_err());
}

#[test]
fn a_manager_that_does_not_listen_is_nobodys_concern() {
    let folder = tempfile::tempdir().expect("a folder");
    let full = folder.path().join("full");
    let manager = UnixDatagram::bind(&full).expect("a socket");
    let filler = UnixDatagram::unbound().expect("a socket");
    filler.set_nonblocking(true).expect("a flag");
    // Until it takes no more: the queue is bounded (net.unix.max_dgram_qlen).
    while filler.send_to(b"x", &full).is_ok() {}
    let gone = folder.path().join("gone");
    let long = "x".repeat(300);
    for place in [
        full.to_str().expect("UTF-8"),
        gone.to_str().expect("UTF-8"),
        "",
        "@",
        &long,
    ] {
        let mut command = crate::common::udpraw(["server", "--port", "0", "--count", "0"]);
        command.env("NOTIFY_SOCKET", place);
        let finished = run(command);
        assert_eq!(finished.code, Some(0), "{place}");
        assert!(
            finished.stderr.starts_with("0 datagrams"),
            "{}",
            finished.stderr
        );
    }
    drop(manager);
}

/// systemd's own judge of a unit, from 0 (safe) to 100 in tenths.
#[test]
fn the_units_are_hardened_and_valid() {
    if !has("systemd-analyze") {
        return skip("no systemd-analyze: nobody judges the units");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let units = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/systemd");
    for kind in ["service", "socket"] {
        let unit =
            fs::read_to_string(units.join(format!("udpraw-server@.{kind}"))).expect("a unit");
        // The program where it is, not where a package puts it.
        let unit = unit.replace("/usr/bin/udpraw", env!("CARGO_BIN_EXE_udpraw"));
        let unit = unit.replace("Documentation=man:udpraw-server(1)\n", "");
        fs::write(
            folder.path().join(format!("udpraw-server@1060.{kind}")),
            unit,
        )
        .expect("a file");
    }
    let service = folder.path().join("udpraw-server@1060.service");
    let analyze = |arguments: &[&str]| {
        let mut command = Command::new("systemd-analyze");
        command.args(arguments).arg(&service);
        run(command)
    };
    let judged = analyze(&["security", "--offline=true", "--threshold=19", "--no-pager"]);
    assert_eq!(judged.code, Some(0), "{}{}", judged.stdout, judged.stderr);
    let verified = analyze(&["verify", "--man=no"]);
    let about_ours: Vec<_> = verified
        .stderr
        .lines()
        .filter(|line| line.contains("udpraw"))
        .collect();
    assert!(about_ours.is_empty(), "{about_ours:?}");
}
