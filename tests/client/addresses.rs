//! Which address the client asks, from which it does, and where it is told them.

use std::net::SocketAddr;

use super::Asked;
use crate::common::{self, Server, closed_port, finish, udpraw};

#[test]
fn the_wildcard_address_is_this_host() {
    for (host, at) in [("0.0.0.0", "127.0.0.1"), ("::", "::1")] {
        let server = Server::on(&["--host", at, "-p", "0"], &["--count", "1"], 1);
        let port = server.port().to_string();
        let end = finish(&["client", host, "-p", &port]);
        assert!(
            end.stdout.contains(&format!("The server ('{at}', {port}")),
            "{}",
            end.stderr
        );
        let end = finish(&["client", host, "-p", &closed_port()]);
        assert!(
            end.stderr.starts_with("nobody listens at "),
            "{}",
            end.stderr
        );
    }
}

#[test]
fn each_address_of_a_name_is_tried() {
    let server = Server::start(&["--count", "1"]);
    let port = server.port().to_string();
    let hosts = std::net::ToSocketAddrs::to_socket_addrs(&("localhost", 1));
    if hosts.map_or(0, |hosts| hosts.filter(SocketAddr::is_ipv4).count()) == 0 {
        return common::skip("localhost has no IPv4 address here");
    }
    let end = finish(&["client", "localhost", "-p", &port]);
    assert_eq!(end.code, Some(0), "{}", end.stderr);
    assert!(
        end.stdout.contains("The server ('127.0.0.1', "),
        "{}",
        end.stdout
    );
}

#[test]
fn a_local_address_is_bound() {
    for (local, host) in [
        ("127.0.0.9", "127.0.0.9"),
        (":0", "0.0.0.0"),
        ("127.0.0.8:0", "127.0.0.8"),
    ] {
        let asked = Asked::by(&["--local", local]);
        let (_, client) = asked.request();
        asked.reply(b"ok", client);
        let end = asked.client.finish();
        let want = format!(
            "The OS assigned me the address ('{host}', {})\n",
            client.port()
        );
        assert!(end.stdout.starts_with(&want), "{local}: {}", end.stdout);
    }
}

#[test]
fn a_broadcast_needs_the_flag_and_reaches_who_listens() {
    let server = Server::on(&["--host", "0.0.0.0", "-p", "0"], &["--count", "1"], 1);
    let port = server.port().to_string();
    let end = finish(&["client", "127.255.255.255", "-p", &port]);
    assert_eq!(end.code, Some(2));
    assert!(
        end.stderr
            .contains("(EACCES); a broadcast address needs SO_BROADCAST (--broadcast)")
    );
    let broadcast = [
        "client",
        "127.255.255.255",
        "-p",
        &port,
        "--broadcast",
        "--timeout",
        "300ms",
    ];
    let end = finish(&broadcast);
    // The reply bears the server's own address, not the broadcast one, and is taken.
    let want = format!("The server ('127.0.0.1', {port}) replied 'Your data was 38 bytes long'\n");
    assert!(end.stdout.ends_with(&want), "{}{}", end.stdout, end.stderr);
    assert_eq!(end.code, Some(0));
}

#[test]
fn a_multicast_group_answers() {
    let member = ["--host", "0.0.0.0", "-p", "0", "--join", "239.255.77.1%lo"];
    let server = Server::on(&member, &["--count", "1"], 1);
    let port = server.port().to_string();
    let asked = [
        "client",
        "239.255.77.1",
        "-p",
        &port,
        "-O",
        "IP_MULTICAST_IF=lo",
    ];
    let end = finish(&[&asked[..], &["--timeout", "300ms"]].concat());
    let want = "replied 'Your data was 38 bytes long'\n";
    assert!(end.stdout.ends_with(want), "{}{}", end.stdout, end.stderr);
}

#[test]
fn the_environment_names_the_server() {
    let server = Server::start(&["--count", "1"]);
    let mut command = udpraw(["client"]);
    command
        .env("UDPRAW_HOST", "127.0.0.1")
        .env("UDPRAW_PORT", server.port().to_string());
    let end = common::run(command);
    assert_eq!(end.code, Some(0), "{}", end.stderr);
}

#[test]
fn the_port_may_stand_in_the_address() {
    let server = Server::start(&["--count", "5"]);
    let port = server.port().to_string();
    let at = format!("127.0.0.1:{port}");
    let other = closed_port();
    type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)]);
    let asked: [Case<'_>; 5] = [
        (&[&at], &[]),
        (&[&at, "--port", &port], &[]),
        // The command line counts more than the environment.
        (
            &[&at],
            &[
                ("UDPRAW_PORT", &other),
                ("UDPRAW_HOST", "no.such.host.invalid"),
            ],
        ),
        (&[], &[("UDPRAW_HOST", &at)]),
        (&["-p", &port], &[("UDPRAW_HOST", "127.0.0.1:9")]),
    ];
    for (arguments, variables) in asked {
        let mut command = udpraw([&["client"], arguments].concat());
        command.envs(variables.iter().copied());
        let end = common::run(command);
        assert_eq!(end.code, Some(0), "{arguments:?}: {}", end.stderr);
    }
    assert_eq!(server.running.finish().code, Some(0));
    let six = Server::on(&["--host", "::1", "-p", "0"], &["--count", "1"], 1);
    let end = finish(&["client", &format!("[::1]:{}", six.port())]);
    assert_eq!(end.code, Some(0), "{}", end.stderr);
}
