//! The echo servers: one client, and many at once.

use nix::sys::signal::Signal;

use crate::common::{ask, client_of, received, socket};
use crate::{command, common, lines, listening};

const PLACES: [&str; 2] = ["127.0.0.1:0", "[::1]:0"];

/// Asks one by one, with what an echo may get wrong: nothing at all, and the most there can be.
fn ask_each(address: std::net::SocketAddr) -> usize {
    let client = client_of(address);
    let requests: [&[u8]; 4] = [b"hello", b"", &[7; 65_507], b"bye"];
    for request in requests {
        assert!(ask(&client, request) == request, "{} bytes", request.len());
    }
    requests.len()
}

#[test]
fn echo() {
    for place in PLACES {
        let (mut running, address) = listening("echo", &[place, "4"]);
        assert_eq!(ask_each(address), 4);
        let line = running.line();
        assert!(line.starts_with("5 bytes to "), "{line}");
        assert_eq!(lines(running.finish()).len(), 3);
    }
}

#[test]
fn async_io_echo() {
    for place in PLACES {
        let (running, address) = listening("async_io_echo", &[place, "4"]);
        ask_each(address);
        assert_eq!(lines(running.finish()), ["done"]);
    }
}

/// A burst before the first answer is read: what comes back is what was sent.
#[test]
fn async_io_echo_by_batches() {
    let (running, address) = listening("async_io_echo", &["127.0.0.1:0", "100"]);
    let client = client_of(address);
    for number in 0..100_u8 {
        client.send(&[number; 30]).unwrap();
    }
    let mut buffer = [0; 100];
    for number in 0..100_u8 {
        let length = received(|| client.recv(&mut buffer)).unwrap();
        assert_eq!(buffer[..length], [number; 30]);
    }
    assert_eq!(lines(running.finish()), ["done"]);
}

#[test]
fn tokio_echo() {
    for place in PLACES {
        let (running, address) = listening("tokio_echo", &[place, "4"]);
        ask_each(address);
        let lines = lines(running.finish());
        assert!(lines[0].starts_with("4 received, 4 sent, "), "{lines:?}");
    }
}

#[test]
fn tokio_echo_ends_at_ctrl_c() {
    let (running, address) = listening("tokio_echo", &["127.0.0.1:0"]);
    let sent = ask_each(address);
    running.signal(Signal::SIGINT);
    let lines = lines(running.finish());
    let want = format!("{sent} received, {sent} sent, ");
    assert!(lines[0].starts_with(&want), "{lines:?}");
}

/// Whichever thread serves a client, each is answered; together they end.
#[test]
fn sharing_a_port() {
    for place in PLACES {
        let (running, address) = listening("sharing_a_port", &[place, "3", "60"]);
        for number in 0..20_u8 {
            let client = client_of(address);
            for word in [[number; 9], [!number; 9], [7; 9]] {
                assert_eq!(ask(&client, &word), word);
            }
        }
        let lines = lines(running.finish());
        let share = |(number, line): (usize, &String)| {
            let rest = line.strip_prefix(&format!("socket {number}: "));
            let count = rest.and_then(|rest| rest.strip_suffix(" datagrams"));
            count.expect(line).parse::<u32>().unwrap()
        };
        assert_eq!(lines.len(), 3);
        let all: u32 = lines.iter().enumerate().map(share).sum();
        assert_eq!(all, 60, "{lines:?}");
    }
}

/// The port is taken by a socket that shares it with nobody.
#[test]
fn sharing_a_port_that_is_taken() {
    let address = socket().local_addr().unwrap();
    let taken = std::net::UdpSocket::bind(address).unwrap();
    let place = taken.local_addr().unwrap().to_string();
    let finished = common::run(command("sharing_a_port", &[&place]));
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.stderr.contains("EADDRINUSE"), "{finished:?}");
}
