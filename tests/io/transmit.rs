//! What each datagram is sent with, the halves, and calls that do not wait.

use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, Instant};

use crate::{SOON, at, backends, open};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use udpraw::io::{Backend, BackendChoice, Transmit, Transport, TransportConfig, Wait};
use udpraw::socket::{Ecn, Endpoint, ReceiveBuffer, SourceAddress, option};

/// A transport whose options bring TOS, TTL and destination.
fn talkative(backend: Backend, address: &str) -> Transport {
    let options: &[&str] = if address.contains(':') {
        &["IPV6_RECVTCLASS=1", "IPV6_RECVHOPLIMIT=1"]
    } else {
        &["IP_RECVTOS=1", "IP_RECVTTL=1"]
    };
    let builder = Endpoint::builder()
        .options(options.iter().map(|option| option.parse().unwrap()))
        .packet_info(true);
    open(backend, builder, address, TransportConfig::bulk()).unwrap()
}

#[test]
fn ecn_and_source_are_per_datagram() {
    for backend in backends() {
        for (address, other) in [("127.0.0.1", "127.0.0.7"), ("::1", "::1")] {
            let mut receiver = talkative(backend, address);
            let dscp = if address == "::1" {
                "IPV6_TCLASS=0xb8"
            } else {
                "IP_TOS=0xb8"
            };
            let any = if address == "::1" { "::" } else { "0.0.0.0" };
            let builder = Endpoint::builder().options([dscp.parse().unwrap()]);
            let mut sender = open(backend, builder, any, TransportConfig::bulk()).unwrap();
            let to = at(&receiver);
            let source = SourceAddress::from(other.parse::<std::net::IpAddr>().unwrap());
            let sent = [
                (None, None, 1),
                (Some(Ecn::Ect0), None, 1),
                (Some(Ecn::Ect0), Some(source), 3),
                (Some(Ecn::Ce), Some(source), 1),
                (Some(Ecn::Ect1), None, 2),
                (None, Some(source), 2),
                (Some(Ecn::NotEct), None, 1),
            ];
            let mut queue = sender.send_queue();
            for (number, (ecn, source, count)) in sent.into_iter().enumerate() {
                let bytes = [number as u8; 30];
                let transmit = Transmit::new(&bytes[..10 * count]).to(to);
                queue.queue(&transmit.with_ecn(ecn).from(source).in_segments_of(10));
            }
            assert_eq!(queue.flush().into_result().unwrap(), 11);
            let (mut seen, mut total) = (vec![0; sent.len()], 0);
            while total < 11 {
                total += receiver
                    .receive(SOON, |message, _| {
                        let number = usize::from(message.bytes()[0]);
                        let (ecn, source, _) = sent[number];
                        seen[number] += message.count();
                        let tos = 0xb8 | ecn.map_or(0, Ecn::bits);
                        assert_eq!(message.tos(), Some(tos), "{backend} {address} {number}");
                        assert_eq!(message.ecn(), Some(ecn.unwrap_or_default()));
                        assert!(message.ttl().is_some() && message.interface().is_some());
                        assert_eq!(message.destination(), Some(address.parse().unwrap()));
                        if let Some(source) = source {
                            assert_eq!(message.source().ip(), source.ip, "{backend}");
                        }
                    })
                    .unwrap();
            }
            assert_eq!(seen, sent.map(|(_, _, count)| count), "{backend}");
        }
    }
}

/// An IPv6 socket sends IPv4 to a mapped address, whose TOS has another option.
#[test]
fn ecn_reaches_an_ipv4_receiver_from_an_ipv6_socket() {
    for is_connected in [false, true] {
        let mut receiver = talkative(Backend::Single, "127.0.0.1");
        let mapped = format!("[::ffff:127.0.0.1]:{}", at(&receiver).port());
        let mapped: std::net::SocketAddr = mapped.parse().unwrap();
        let builder = Endpoint::builder().option(option::IPV6_V6ONLY, false);
        let endpoint = builder.bind("[::]:0".parse().unwrap()).unwrap();
        if is_connected {
            endpoint.connect(mapped).unwrap();
        }
        let choice = BackendChoice::Only(Backend::Batch);
        let mut sender = Transport::open(endpoint, choice, TransportConfig::default()).unwrap();
        let transmit = Transmit::new(b"marked").with_ecn(Ecn::Ce);
        sender
            .send_queue()
            .queue(&transmit.to((!is_connected).then_some(mapped)));
        sender.flush().into_result().unwrap();
        let mut ecn = None;
        receiver
            .receive(SOON, |message, _| ecn = message.ecn())
            .unwrap();
        assert_eq!(ecn, Some(Ecn::Ce));
    }
}

#[test]
fn the_halves_work_on_two_threads_at_once() {
    const COUNT: usize = 2_000;
    for backend in backends() {
        let near = open(
            backend,
            Endpoint::builder(),
            "127.0.0.1",
            TransportConfig::bulk(),
        )
        .unwrap();
        let far = open(
            backend,
            Endpoint::builder(),
            "127.0.0.1",
            TransportConfig::bulk(),
        )
        .unwrap();
        let (near_at, far_at) = (at(&near), at(&far));
        let ((mut from_far, mut to_far), (mut from_near, mut to_near)) =
            (near.into_split(), far.into_split());
        thread::scope(|scope| {
            scope.spawn(move || {
                // Each datagram is answered by the other half, which this thread has too.
                let mut echoed = 0;
                while echoed < COUNT {
                    let mut queue = to_near.send_queue();
                    let came = from_near
                        .receive(SOON, |message| queue.echo(message))
                        .unwrap();
                    assert!(came > 0, "{backend}: lost on loopback");
                    queue.flush().into_result().unwrap();
                    echoed += came;
                }
                assert_eq!(from_near.counters().received, COUNT as u64);
                assert_eq!(to_near.counters().sent, COUNT as u64);
            });
            let (credit, window) = std::sync::mpsc::sync_channel(64);
            scope.spawn(move || {
                let mut received = 0;
                while received < COUNT {
                    let came = from_far
                        .receive(SOON, |message| {
                            assert_eq!(message.source(), far_at);
                        })
                        .unwrap();
                    assert!(came > 0, "{backend}: lost on loopback");
                    received += came;
                    (0..came).for_each(|_| window.recv().unwrap_or(()));
                }
            });
            for number in 0..COUNT {
                credit.send(()).unwrap();
                let bytes = number.to_be_bytes();
                let mut queue = to_far.send_queue();
                queue.send(&Transmit::new(&bytes).to(far_at));
                queue.flush().into_result().unwrap();
            }
            assert_ne!(near_at, far_at);
        });
    }
}

/// A transport whose socket buffer takes few datagrams, towards a queue that nobody empties: a pipe of
/// two network namespaces would do, but a UNIX socket pair is a socket that fills up as well.
fn narrow(is_nonblocking: bool) -> (Transport, std::os::unix::net::UnixDatagram) {
    let (near, far) = std::os::unix::net::UnixDatagram::pair().unwrap();
    near.set_nonblocking(is_nonblocking).unwrap();
    let endpoint = Endpoint::from(std::os::fd::OwnedFd::from(near));
    let choice = BackendChoice::Only(Backend::Batch);
    let transport = Transport::open(endpoint, choice, TransportConfig::default()).unwrap();
    (transport, far)
}

fn receive_all(far: &std::os::unix::net::UnixDatagram) -> Vec<u32> {
    far.set_nonblocking(true).unwrap();
    let mut numbers = Vec::new();
    let mut buffer = [0; 4];
    while far.recv(&mut buffer).is_ok() {
        numbers.push(u32::from_be_bytes(buffer));
    }
    numbers
}

#[test]
fn a_send_without_room_does_not_wait_if_it_is_not_to() {
    for is_nonblocking in [false, true] {
        let (mut transport, far) = narrow(is_nonblocking);
        let mut sent = 0;
        let error = loop {
            let bytes = u32::to_be_bytes(sent);
            match transport.send_queue().try_send(&Transmit::new(&bytes)) {
                Ok(()) => sent += 1,
                Err(error) => break error,
            }
            assert!(sent < 100_000);
        };
        assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
        // With a limit it waits, and what has no room stays queued.
        let bytes = u32::to_be_bytes(sent);
        transport.send_queue().queue(&Transmit::new(&bytes));
        let (start, time) = (Instant::now(), Duration::from_millis(20));
        let flushed = transport.send_queue().flush_within(Wait::For(time));
        assert!(start.elapsed() >= time);
        assert_eq!(flushed.error.unwrap().kind(), ErrorKind::WouldBlock);
        assert_eq!((flushed.datagrams, flushed.refused), (0, 0));
        assert!(!transport.send_queue().is_empty());
        assert_eq!(receive_all(&far), (0..sent).collect::<Vec<_>>());
        assert_eq!(transport.flush().into_result().unwrap(), 1);
        assert_eq!(receive_all(&far), [sent]);
    }
}

/// However often there is no room, each datagram is delivered once and in order.
#[test]
fn a_nonblocking_socket_keeps_what_has_no_room() {
    const COUNT: u32 = 5_000;
    let (mut transport, far) = narrow(true);
    let mut received = Vec::new();
    for number in 0..COUNT {
        let bytes = number.to_be_bytes();
        let transmit = Transmit::new(&bytes);
        let mut queue = transport.send_queue();
        match number % 3 {
            0 => queue.send(&transmit),
            _ => queue.queue(&transmit),
        }
        if number % 700 == 0 {
            received.extend(receive_all(&far));
            let sent = queue.flush();
            assert!(
                sent.error
                    .is_none_or(|error| error.kind() == ErrorKind::WouldBlock)
            );
        }
    }
    while !transport.send_queue().is_empty() {
        received.extend(receive_all(&far));
        transport.flush();
    }
    received.extend(receive_all(&far));
    assert_eq!(received, (0..COUNT).collect::<Vec<_>>());
}

/// What an event loop does: it sends what there is room for, waits for more room, and goes on. The flush
/// at the end reports all of it.
#[test]
fn a_flush_in_parts_is_reported_as_one() {
    const COUNT: u32 = 3_000;
    let (mut transport, far) = narrow(true);
    for number in 0..COUNT {
        let bytes = number.to_be_bytes();
        transport.send_queue().queue(&Transmit::new(&bytes));
    }
    let (mut received, mut parts) = (Vec::new(), 0);
    while !transport.send_queue().try_flush() {
        assert!(!transport.send_queue().is_empty());
        received.extend(receive_all(&far));
        parts += 1;
    }
    assert!(parts > 1 && transport.send_queue().is_empty());
    received.extend(receive_all(&far));
    assert_eq!(received, (0..COUNT).collect::<Vec<_>>());
    let flushed = transport.flush().into_result().unwrap();
    assert_eq!(flushed, COUNT as usize);
}

#[test]
fn a_nonblocking_endpoint_waits_for_nothing_until_it_is_to() {
    let endpoint = Endpoint::builder().bind("127.0.0.1:0".parse().unwrap());
    let endpoint = endpoint.unwrap();
    endpoint.set_nonblocking(true).unwrap();
    let mut buffer = ReceiveBuffer::new();
    let error = endpoint.receive(&mut buffer).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
    endpoint.set_nonblocking(false).unwrap();
    let address = endpoint.local_address().unwrap();
    endpoint.send_to(b"back to blocking", address).unwrap();
    assert_eq!(endpoint.receive(&mut buffer).unwrap().length(), 16);
}

#[test]
fn a_receive_that_does_not_wait_fails_with_would_block() {
    for backend in backends() {
        let mut receiver = open(
            backend,
            Endpoint::builder(),
            "127.0.0.1",
            TransportConfig::default(),
        )
        .unwrap();
        let empty = receiver.try_receive(|_, _| ()).unwrap_err();
        assert_eq!(empty.kind(), ErrorKind::WouldBlock, "{backend}: {empty}");
        let mut sender = open(
            backend,
            Endpoint::builder(),
            "127.0.0.1",
            TransportConfig::default(),
        )
        .unwrap();
        let to = at(&receiver);
        sender
            .send_queue()
            .try_send(&Transmit::new(b"x").to(to))
            .unwrap();
        let (mut inbox, _) = receiver.into_split();
        assert_eq!(inbox.try_receive(|_| ()).unwrap(), 1, "{backend}");
    }
}

#[test]
fn the_socket_comes_back_usable() {
    for backend in backends() {
        let mut transport = open(
            backend,
            Endpoint::builder(),
            "127.0.0.1",
            TransportConfig::default(),
        )
        .unwrap();
        let to = at(&transport);
        transport.send_queue().send(&Transmit::new(b"first").to(to));
        assert_eq!(transport.receive(SOON, |_, _| ()).unwrap(), 1);
        let endpoint = transport.into_endpoint();
        assert_eq!(endpoint.local_address().unwrap(), to);
        let flags = fcntl(endpoint.as_fd(), FcntlArg::F_GETFL).unwrap();
        assert!(!OFlag::from_bits_retain(flags).contains(OFlag::O_NONBLOCK));
        endpoint.send_to(b"again", to).unwrap();
        let mut buffer = udpraw::socket::ReceiveBuffer::new();
        assert_eq!(endpoint.receive(&mut buffer).unwrap().bytes(), b"again");
    }
}

/// By default a transport sets nothing on the socket.
#[test]
fn no_option_is_set_unless_it_was_asked_for() {
    let read = |endpoint: &Endpoint| {
        (
            endpoint.get(option::SO_RCVBUF).unwrap(),
            endpoint.get(option::SO_SNDBUF).unwrap(),
            endpoint.get(option::SO_RCVTIMEO).unwrap(),
            endpoint.get(option::UDP_GRO).unwrap(),
        )
    };
    let endpoint = Endpoint::builder()
        .bind("127.0.0.1:0".parse().unwrap())
        .unwrap();
    let before = read(&endpoint);
    let choice = BackendChoice::Only(Backend::Batch);
    let mut transport = Transport::open(endpoint, choice, TransportConfig::default()).unwrap();
    let _ = transport.receive(Wait::Never, |_, _| ());
    assert_eq!(read(transport.endpoint()), before);
}
