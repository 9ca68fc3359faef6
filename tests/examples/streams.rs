//! The examples that go one way, or nowhere: runs, multicast, io_uring, and the simulation.

use std::net::SocketAddr;

use udpraw::io::{Backend, BackendChoice, Transmit, Transport, TransportConfig};
use udpraw::socket::{Ecn, Endpoint, Family};

use crate::common::{namespaces, received, skip, socket};
use crate::{command, common, lines, listening};

/// Each backend sends every datagram once; few enough that the receive buffer holds them all.
#[test]
fn gso_sender() {
    let receiver = socket();
    let address = receiver.local_addr().unwrap().to_string();
    let finished = common::run(command("gso_sender", &[&address, "30", "100"]));
    let mut buffer = [0; 200];
    for _ in 0..3 * 30 {
        let length = received(|| receiver.recv(&mut buffer)).unwrap();
        assert_eq!(buffer[..length], [b'.'; 100]);
    }
    receiver.set_nonblocking(true).unwrap();
    receiver.recv(&mut buffer).unwrap_err();
    let lines = lines(finished);
    let row = |line: &str| {
        let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        let number = |at: usize| words[at].parse::<u32>().unwrap();
        (words[0].clone(), number(1), number(2))
    };
    assert_eq!(row(&lines[1]), ("single".into(), 30, 30));
    assert_eq!(row(&lines[2]), ("batch".into(), 30, 1));
    let (backend, sent, calls) = row(&lines[3]);
    assert_eq!((&*backend, sent), ("offload", 30));
    // Without offload it takes a second call.
    assert!(calls <= 2, "{lines:?}");
}

/// Sends runs of ten datagrams of 50 bytes, with an ECN codepoint.
fn send_runs(destination: SocketAddr, runs: usize) {
    let socket = Endpoint::builder().unbound(Family::of(destination));
    let choice = BackendChoice::Only(Backend::Offload);
    let transport = Transport::open(socket.unwrap(), choice, TransportConfig::default());
    let mut transport = transport.unwrap();
    for _ in 0..runs {
        let transmit = Transmit::new(&[7; 500])
            .to(destination)
            .with_ecn(Ecn::Ect0)
            .in_segments_of(50);
        transport.send_queue().send(&transmit);
        transport.flush().into_result().unwrap();
    }
}

#[test]
fn gro_receiver() {
    for (place, destination) in [("127.0.0.1:0", "127.0.0.1"), ("[::1]:0", "::1")] {
        let (running, address) = listening("gro_receiver", &[place, "40"]);
        send_runs(address, 4);
        let lines = lines(running.finish());
        assert_eq!(lines.len(), 5, "{lines:?}");
        for line in &lines[..4] {
            let want = format!(" to {destination} on interface ");
            assert!(line.starts_with("10 datagrams of 50 bytes from "), "{line}");
            assert!(line.contains(&want) && line.ends_with(", ECT(0)"), "{line}");
        }
        assert!(lines[4].starts_with("40 datagrams, 4 runs, "), "{lines:?}");
    }
}

#[test]
fn multicast() {
    let lines = lines(common::run(command("multicast", &[])));
    assert!(lines[0].starts_with("joined 239.255.0.1 on lo, port "));
    assert_eq!(lines.len(), 4);
    for (number, line) in lines.iter().enumerate().skip(1) {
        let want = format!("\"number {number}\" from ");
        assert!(line.starts_with(&want), "{line}");
        assert!(line.ends_with(" to 239.255.0.1"), "{line}");
    }
}

/// Loopback has the route that IPv6 multicast needs only in a namespace where it is made.
#[test]
fn multicast_over_ipv6() {
    if !namespaces::alone() {
        return;
    }
    namespaces::sh("ip -6 route add local ff00::/8 dev lo");
    let finished = common::run(command("multicast", &["[ff12::1060]:0", "lo", "2"]));
    let lines = lines(finished);
    assert!(lines[0].starts_with("joined ff12::1060 on lo, port "));
    assert_eq!(lines.len(), 3);
    assert!(lines[2].starts_with("\"number 2\" from "), "{lines:?}");
    assert!(lines[2].ends_with(" to ff12::1060"), "{lines:?}");
}

#[test]
fn multicast_on_no_interface() {
    let finished = common::run(command("multicast", &["239.255.0.1:0", "lost0"]));
    assert_eq!(finished.code, Some(1));
    let want = "Error: cannot find interface 'lost0'";
    assert!(finished.stderr.starts_with(want), "{finished:?}");
}

/// Whether this kernel lets a program use io_uring; if not, the example must say so.
fn has_uring() -> bool {
    let endpoint = Endpoint::builder().unbound(Family::V4).unwrap();
    let choice = BackendChoice::Only(Backend::Uring);
    match Transport::open(endpoint, choice, TransportConfig::default()) {
        Ok(_) => true,
        Err(error) => {
            let finished = common::run(command("uring_sink", &["127.0.0.1:0", "1"]));
            assert_eq!(finished.code, Some(1), "{finished:?}");
            assert!(finished.stderr.contains("uring"), "{finished:?}");
            skip(&error.to_string());
            false
        }
    }
}

#[test]
fn uring_sink() {
    if !has_uring() {
        return;
    }
    for place in ["127.0.0.1:0", "[::1]:0"] {
        let (running, address) = listening("uring_sink", &[place, "50"]);
        send_runs(address, 5);
        let lines = lines(running.finish());
        let want = "50 datagrams, 2500 bytes, ";
        assert!(lines.iter().any(|line| line.starts_with(want)), "{lines:?}");
        assert_eq!(lines.last().unwrap(), "dropped by the kernel: 0");
    }
}

#[test]
fn exchange_lossy() {
    let simulate = |seed| {
        let profile = "loss=30%,delay=20ms,duplicate=10%";
        let arguments = [profile, seed, "200"];
        lines(common::run(command("exchange_lossy", &arguments)))
    };
    let first = simulate("1");
    assert!(first[0].starts_with("200 of 200 requests answered in "));
    assert!(first[2].starts_with("the server executed 200 requests, "));
    assert_eq!(simulate("1"), first);
    assert_ne!(simulate("2"), first);
    // Nothing comes through: each request is given up, and the program ends all the same.
    let lines = lines(common::run(command(
        "exchange_lossy",
        &["loss=100%", "1", "2"],
    )));
    assert!(
        lines[0].starts_with("0 of 2 requests answered in 120"),
        "{lines:?}"
    );
}
