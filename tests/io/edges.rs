//! Where the backends are hard to get right: ICMP in mid-batch, refused offload, cut datagrams, waits.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;

use crate::{SOON, at, backends, open, plain, take};
use udpraw::io::{Backend, Transmit, TransportConfig, Wait};
use udpraw::socket::{Endpoint, option};

#[test]
fn an_icmp_error_in_mid_batch_loses_and_repeats_nothing() {
    for backend in backends() {
        let mut live = plain(Backend::Single);
        let dead = at(&plain(Backend::Single));
        // Unconnected, and yet it hears of ICMP (ip(7)).
        let hears = Endpoint::builder().option(option::IP_RECVERR, true);
        let mut sender = open(backend, hears, "127.0.0.1", TransportConfig::bulk()).unwrap();
        let mut sent = 0;
        for number in 0..20_u8 {
            sender
                .send_queue()
                .queue(&Transmit::new(&[number]).to(at(&live)));
            sender
                .send_queue()
                .queue(&Transmit::new(b"to nobody").to(dead));
            if number % 7 == 6 {
                sent += sender.flush().datagrams;
            }
        }
        let last = sender.flush();
        assert_eq!((sent + last.datagrams, last.refused), (40, 0), "{backend}");
        let want: Vec<_> = (0..20).map(|number| vec![number]).collect();
        assert_eq!(take(&mut live, 20), want, "{backend}");
        assert_eq!(live.receive(Wait::Never, |_, _| ()).unwrap(), 0);
    }
}

#[test]
fn an_icmp_error_is_told_by_the_receive_and_the_next_goes_on() {
    for backend in backends() {
        let closed = plain(Backend::Single);
        let address = at(&closed);
        drop(closed);
        let mut client = plain(backend);
        client.endpoint().connect(address).unwrap();
        client.send_queue().queue(&Transmit::new(b"anyone?"));
        client.flush().into_result().unwrap();
        let error = client.receive(SOON, |_, _| ()).unwrap_err();
        assert_eq!(error.errno(), Some(libc::ECONNREFUSED), "{backend}");
        assert!(error.is_about_the_network());
        // Someone is there now, and the same socket is answered.
        let server = Endpoint::builder().bind(address).unwrap();
        server.send_to(b"back", at(&client)).unwrap();
        assert_eq!(take(&mut client, 1), [b"back"], "{backend}");
    }
}

/// A datagram without a checksum cannot be offloaded: the kernel itself refuses the run (EINVAL).
fn send_no_checksum(endpoint: &Endpoint) {
    const SO_NO_CHECK: i32 = 11;
    let on = 1_i32.to_ne_bytes();
    // SAFETY: setsockopt(2) demands that optval points to optlen readable bytes, as `on` does.
    let result = unsafe {
        libc::setsockopt(
            endpoint.as_raw_fd(),
            libc::SOL_SOCKET,
            SO_NO_CHECK,
            on.as_ptr().cast(),
            on.len() as libc::socklen_t,
        )
    };
    assert_eq!(result, 0);
}

#[test]
fn a_run_that_is_refused_goes_as_single_datagrams() {
    let forced = TransportConfig {
        force_no_gso: true,
        ..TransportConfig::bulk()
    };
    for (settings, is_forced) in [(forced, true), (TransportConfig::bulk(), false)] {
        let mut sender =
            open(Backend::Offload, Endpoint::builder(), "127.0.0.1", settings).unwrap();
        if !is_forced {
            send_no_checksum(sender.endpoint());
        }
        let mut receiver = plain(Backend::Offload);
        let bytes: Vec<u8> = (0..=255).collect();
        sender
            .send_queue()
            .queue(&Transmit::new(b"first").to(at(&receiver)));
        sender
            .send_queue()
            .send(&Transmit::new(&bytes).to(at(&receiver)).in_segments_of(30));
        sender
            .send_queue()
            .queue(&Transmit::new(b"last").to(at(&receiver)));
        assert_eq!(sender.flush().into_result().unwrap(), 11);
        let mut want = vec![b"first".to_vec()];
        want.extend(bytes.chunks(30).map(<[u8]>::to_vec));
        want.push(b"last".to_vec());
        assert_eq!(take(&mut receiver, 11), want);
        assert_eq!(sender.counters().offload_fallbacks, 1);
        // It has learned, and does not ask again.
        sender
            .send_queue()
            .send(&Transmit::new(&bytes).to(at(&receiver)).in_segments_of(30));
        assert_eq!(sender.flush().datagrams, 9);
        assert_eq!(sender.counters().offload_fallbacks, 1);
        assert_eq!(sender.counters().runs, 0);
        assert_eq!(take(&mut receiver, 9).concat(), bytes);
    }
}

#[test]
fn one_run_is_one_call_and_a_long_one_is_several_runs() {
    let mut sender = plain(Backend::Offload);
    let mut receiver = plain(Backend::Offload);
    for (count, size, tail, runs) in [
        (128, 10, 3, 1),
        (300, 10, 10, 3),
        (46, 1400, 1, 1),
        (93, 1400, 9, 2),
    ] {
        let before = sender.counters();
        let bytes = vec![7; (count - 1) * size + tail];
        sender
            .send_queue()
            .send(&Transmit::new(&bytes).to(at(&receiver)).in_segments_of(size));
        assert_eq!(sender.flush().into_result().unwrap(), count);
        let got = take(&mut receiver, count);
        assert_eq!(got.last().map(Vec::len), Some(tail));
        assert!(
            got[..count - 1]
                .iter()
                .all(|datagram| datagram.len() == size)
        );
        if count == 128 && sender.counters().errors > 0 {
            eprintln!("an older kernel: runs of 64 datagrams");
            return;
        }
        assert_eq!(
            sender.counters().syscalls - before.syscalls,
            1,
            "{count} x {size}"
        );
        assert_eq!(
            sender.counters().runs - before.runs,
            runs,
            "{count} x {size}"
        );
    }
}

/// Bytes in pieces of whatever sizes leave as the same bytes in one piece do.
#[test]
fn what_lies_in_several_places_goes_as_one_on_each_backend() {
    let mut dice = fastrand::Rng::with_seed(11);
    for backend in backends() {
        let mut sender = plain(backend);
        let mut receiver = plain(backend);
        for (length, size) in [
            (0, 0),
            (1, 1),
            (5, 0),
            (65_507, 65_507),
            (64_400, 1_400),
            (9_001, 9),
        ] {
            for most in [1, 7, 1_400, 70_000] {
                let bytes: Vec<u8> = std::iter::repeat_with(|| dice.u8(..))
                    .take(length)
                    .collect();
                let (mut parts, mut rest) = (Vec::new(), &bytes[..]);
                while !rest.is_empty() {
                    let (part, behind) = rest.split_at(dice.usize(1..=most).min(rest.len()));
                    parts.push(std::io::IoSlice::new(part));
                    rest = behind;
                }
                let want: Vec<&[u8]> = match length {
                    0 => vec![&[]],
                    _ => bytes
                        .chunks(if size == 0 { length } else { size })
                        .collect(),
                };
                let before = sender.counters();
                sender
                    .send_queue()
                    .queue(&Transmit::new(b"first").to(at(&receiver)));
                sender
                    .send_queue()
                    .send_parts(Some(at(&receiver)), &parts, size);
                let sent = sender.flush();
                assert_eq!(
                    (sent.datagrams, sent.refused),
                    (want.len() + 1, 0),
                    "{backend}"
                );
                let got = take(&mut receiver, want.len() + 1);
                assert_eq!(got[0], b"first");
                assert!(
                    got[1..] == want,
                    "{backend}: {length} B by {size} in parts of up to {most}"
                );
                let after = sender.counters();
                assert_eq!(after.sent - before.sent, want.len() as u64 + 1, "{backend}");
                // One datagram is one call on every backend, and so is a run where there are runs.
                if want.len() == 1 && parts.len() <= 1_024 {
                    assert_eq!(after.syscalls - before.syscalls, 2, "{backend}");
                    assert_eq!(after.runs, before.runs);
                }
            }
        }
    }
}

#[test]
fn a_cut_datagram_says_so_and_tells_its_length() {
    for backend in backends() {
        for (capacity, flags) in [(4, true), (0, false)] {
            let settings = TransportConfig {
                capacity,
                batch: 8,
                ..TransportConfig::bulk()
            };
            let mut receiver = open(backend, Endpoint::builder(), "127.0.0.1", settings).unwrap();
            let capacity = match backend {
                Backend::Offload if capacity > 0 => 65_535,
                _ => capacity,
            };
            let mut sender = plain(Backend::Offload);
            sender
                .send_queue()
                .queue(&Transmit::new(b"0123456789").to(at(&receiver)));
            sender
                .send_queue()
                .send(&Transmit::new(&[5; 95]).to(at(&receiver)).in_segments_of(10));
            sender.flush().into_result().unwrap();
            let (mut count, mut length) = (0, 0);
            while count < 11 {
                count += receiver
                    .receive(SOON, |message, _| {
                        assert_eq!(message.is_truncated(), message.length() > capacity);
                        assert_eq!(message.bytes().len(), message.length().min(capacity));
                        length += message.length();
                    })
                    .unwrap();
            }
            assert_eq!((count, length), (11, 105), "{backend}");
            assert_eq!(receiver.counters().received_bytes, 105);
            let counted = receiver.counters().truncated > 0;
            assert_eq!(counted, flags && backend != Backend::Offload, "{backend}");
        }
    }
}

#[test]
fn what_the_options_bring_comes_along_on_each_backend() {
    for backend in backends() {
        let builder = Endpoint::builder()
            .option(option::IP_RECVTOS, true)
            .option(option::SO_TIMESTAMPNS, true)
            .packet_info(true);
        let mut server = open(backend, builder, "0.0.0.0", TransportConfig::bulk()).unwrap();
        let port = at(&server).port();
        let tos = Endpoint::builder().option(option::IP_TOS, 2);
        let mut client = open(Backend::Offload, tos, "127.0.0.1", TransportConfig::bulk()).unwrap();
        // 127.0.0.2 is asked, so it must answer, though the route would choose 127.0.0.1.
        let asked = SocketAddr::from(([127, 0, 0, 2], port));
        client
            .send_queue()
            .send(&Transmit::new(&[1; 100]).to(asked).in_segments_of(30));
        client.flush().into_result().unwrap();
        let mut seen = 0;
        while seen < 4 {
            seen += server
                .receive(SOON, |message, send_queue| {
                    assert!(!message.is_control_truncated(), "{backend}");
                    let beside = message.control_messages();
                    assert_eq!(beside.packet_info().unwrap().destination, asked.ip());
                    assert_eq!(beside.tos(), Some(2));
                    assert!(beside.timestamp().is_some());
                    send_queue.echo(message);
                })
                .unwrap();
        }
        server.flush().into_result().unwrap();
        let mut back = 0;
        while back < 4 {
            let came = client.receive(SOON, |message, _| assert_eq!(message.source(), asked));
            back += came.unwrap();
        }
    }
}

#[test]
fn a_busy_echo_makes_one_call_to_receive_and_one_to_send() {
    for backend in backends().filter(|backend| *backend != Backend::Uring) {
        let mut server = plain(backend);
        let client = Endpoint::builder()
            .bind("127.0.0.1:0".parse().unwrap())
            .unwrap();
        for _ in 0..10 {
            client.send_to(b"ping", at(&server)).unwrap();
            server
                .receive(Wait::Forever, |message, send_queue| {
                    send_queue.echo(message)
                })
                .unwrap();
            server.flush().into_result().unwrap();
        }
        assert_eq!(server.counters().syscalls, 20, "{backend}");
    }
}

#[test]
fn settings_out_of_range_are_refused() {
    for (batch, capacity) in [(0, 10), (1025, 10), (1, 1 << 21)] {
        let settings = TransportConfig {
            batch,
            capacity,
            ..TransportConfig::bulk()
        };
        let error = open(Backend::Batch, Endpoint::builder(), "127.0.0.1", settings).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
}

#[test]
fn a_transport_exchanges_its_socket() {
    for backend in backends() {
        let (mut transport, mut peer) = (plain(backend), plain(Backend::Single));
        let first = at(&transport);
        let gro = match backend {
            Backend::Offload => Endpoint::builder().option(option::UDP_GRO, true),
            _ => Endpoint::builder(),
        };
        let mut other = gro.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let second = other.local_address().unwrap();
        let to = Some(at(&peer));
        transport
            .send_queue()
            .queue(&Transmit::new(b"from the first").to(to));
        let exchanged = transport.swap_socket(&mut other);
        if backend == Backend::Uring {
            assert_eq!(exchanged.unwrap_err().kind(), ErrorKind::Unsupported);
            continue;
        }
        exchanged.unwrap();
        transport
            .send_queue()
            .queue(&Transmit::new(b"from the second").to(to));
        assert_eq!(transport.flush().into_result().unwrap(), 2, "{backend}");
        let mut got = Vec::new();
        while got.len() < 2 {
            let came = peer.receive(SOON, |message, send_queue| {
                got.push((message.source(), message.bytes().to_vec()));
                send_queue.echo(message);
            });
            assert_ne!(came.unwrap(), 0, "{backend}");
        }
        peer.flush().into_result().unwrap();
        let want = [
            (first, b"from the first".to_vec()),
            (second, b"from the second".to_vec()),
        ];
        assert_eq!(got, want, "{backend}");
        assert_eq!(take(&mut transport, 1), [b"from the second"], "{backend}");
        // What its options bring must fit.
        let mut talkative = Endpoint::builder()
            .packet_info(true)
            .bind("127.0.0.1:0".parse().unwrap())
            .unwrap();
        transport.swap_socket(&mut talkative).unwrap_err();
    }
}
