//! Where the ladder is hard to get right: ICMP in mid-batch, refused offload, cut datagrams, waits.

mod ladder_common;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use ladder_common::{NEVER, SOON, at, open, plain, rungs, take};
use udpraw::io::{Rung, Settings, Wait};
use udpraw::socket::Endpoint;

#[test]
fn an_icmp_error_in_mid_batch_loses_and_repeats_nothing() {
    for rung in rungs() {
        let mut live = plain(Rung::Single);
        let dead = at(&plain(Rung::Single));
        // Unconnected, and yet it hears of ICMP (ip(7)).
        let hears = Endpoint::builder().option("IP_RECVERR=1".parse().unwrap());
        let mut sender = open(rung, hears, "127.0.0.1", Settings::default()).unwrap();
        let mut sent = 0;
        for number in 0..20_u8 {
            sender.outbox().queue(Some(at(&live)), None, &[number]);
            sender.outbox().queue(Some(dead), None, b"to nobody");
            if number % 7 == 6 {
                sent += sender.flush().datagrams;
            }
        }
        let last = sender.flush();
        assert_eq!((sent + last.datagrams, last.refused), (40, 0), "{rung}");
        let want: Vec<_> = (0..20).map(|number| vec![number]).collect();
        assert_eq!(take(&mut live, 20), want, "{rung}");
        assert_eq!(live.receive(Wait::Never, &NEVER, |_, _| ()).unwrap(), 0);
    }
}

#[test]
fn an_icmp_error_is_told_by_the_receive_and_the_next_goes_on() {
    for rung in rungs() {
        let closed = plain(Rung::Single);
        let address = at(&closed);
        drop(closed);
        let mut client = plain(rung);
        client.endpoint().connect(address).unwrap();
        client.outbox().queue(None, None, b"anyone?");
        client.flush().into_result().unwrap();
        let error = client.receive(SOON, &NEVER, |_, _| ()).unwrap_err();
        assert_eq!(error.errno(), Some(libc::ECONNREFUSED), "{rung}");
        assert!(error.is_about_the_network());
        // Someone is there now, and the same socket is answered.
        let server = Endpoint::builder().bind(address).unwrap();
        server.send_to(b"back", at(&client)).unwrap();
        assert_eq!(take(&mut client, 1), [b"back"], "{rung}");
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
    let forced = Settings {
        force_no_gso: true,
        ..Settings::default()
    };
    for (settings, is_forced) in [(forced, true), (Settings::default(), false)] {
        let mut sender = open(Rung::Offload, Endpoint::builder(), "127.0.0.1", settings).unwrap();
        if !is_forced {
            send_no_checksum(sender.endpoint());
        }
        let mut receiver = plain(Rung::Offload);
        let bytes: Vec<u8> = (0..=255).collect();
        sender.outbox().queue(Some(at(&receiver)), None, b"first");
        sender.outbox().send_run(Some(at(&receiver)), &bytes, 30);
        sender.outbox().queue(Some(at(&receiver)), None, b"last");
        assert_eq!(sender.flush().into_result().unwrap(), 11);
        let mut want = vec![b"first".to_vec()];
        want.extend(bytes.chunks(30).map(<[u8]>::to_vec));
        want.push(b"last".to_vec());
        assert_eq!(take(&mut receiver, 11), want);
        assert_eq!(sender.counters().offload_fallbacks, 1);
        // It has learned, and does not ask again.
        sender.outbox().send_run(Some(at(&receiver)), &bytes, 30);
        assert_eq!(sender.flush().datagrams, 9);
        assert_eq!(sender.counters().offload_fallbacks, 1);
        assert_eq!(sender.counters().runs, 0);
        assert_eq!(take(&mut receiver, 9).concat(), bytes);
    }
}

#[test]
fn one_run_is_one_call_and_a_long_one_is_several_runs() {
    let mut sender = plain(Rung::Offload);
    let mut receiver = plain(Rung::Offload);
    for (count, size, tail, runs) in [
        (128, 10, 3, 1),
        (300, 10, 10, 3),
        (46, 1400, 1, 1),
        (93, 1400, 9, 2),
    ] {
        let before = *sender.counters();
        let bytes = vec![7; (count - 1) * size + tail];
        sender.outbox().send_run(Some(at(&receiver)), &bytes, size);
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
fn what_lies_in_several_places_goes_as_one_on_each_rung() {
    let mut dice = fastrand::Rng::with_seed(11);
    for rung in rungs() {
        let mut sender = plain(rung);
        let mut receiver = plain(rung);
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
                let before = *sender.counters();
                sender.outbox().queue(Some(at(&receiver)), None, b"first");
                sender
                    .outbox()
                    .send_parts(Some(at(&receiver)), &parts, size);
                let sent = sender.flush();
                assert_eq!(
                    (sent.datagrams, sent.refused),
                    (want.len() + 1, 0),
                    "{rung}"
                );
                let got = take(&mut receiver, want.len() + 1);
                assert_eq!(got[0], b"first");
                assert!(
                    got[1..] == want,
                    "{rung}: {length} B by {size} in parts of up to {most}"
                );
                let after = sender.counters();
                assert_eq!(after.sent - before.sent, want.len() as u64 + 1, "{rung}");
                // One datagram is one call on every rung, and so is a run where there are runs.
                if want.len() == 1 && parts.len() <= 1_024 {
                    assert_eq!(after.syscalls - before.syscalls, 2, "{rung}");
                    assert_eq!(after.runs, before.runs);
                }
            }
        }
    }
}

#[test]
fn a_cut_datagram_says_so_and_tells_its_length() {
    for rung in rungs() {
        for (capacity, flags) in [(4, true), (0, false)] {
            let settings = Settings {
                capacity,
                batch: 8,
                ..Settings::default()
            };
            let mut receiver = open(rung, Endpoint::builder(), "127.0.0.1", settings).unwrap();
            let capacity = match rung {
                Rung::Offload if capacity > 0 => 65_535,
                _ => capacity,
            };
            let mut sender = plain(Rung::Offload);
            sender
                .outbox()
                .queue(Some(at(&receiver)), None, b"0123456789");
            sender.outbox().send_run(Some(at(&receiver)), &[5; 95], 10);
            sender.flush().into_result().unwrap();
            let (mut count, mut length) = (0, 0);
            while count < 11 {
                count += receiver
                    .receive(SOON, &NEVER, |arrival, _| {
                        assert_eq!(arrival.is_truncated(), arrival.length() > capacity);
                        assert_eq!(arrival.bytes().len(), arrival.length().min(capacity));
                        length += arrival.length();
                    })
                    .unwrap();
            }
            assert_eq!((count, length), (11, 105), "{rung}");
            assert_eq!(receiver.counters().received_bytes, 105);
            let counted = receiver.counters().truncated > 0;
            assert_eq!(counted, flags && rung != Rung::Offload, "{rung}");
        }
    }
}

#[test]
fn what_the_options_bring_comes_along_on_each_rung() {
    for rung in rungs() {
        let builder = Endpoint::builder()
            .option("IP_RECVTOS=1".parse().unwrap())
            .option("SO_TIMESTAMPNS=1".parse().unwrap())
            .packet_info(true);
        let mut server = open(rung, builder, "0.0.0.0", Settings::default()).unwrap();
        let port = at(&server).port();
        let tos = Endpoint::builder().option("IP_TOS=2".parse().unwrap());
        let mut client = open(Rung::Offload, tos, "127.0.0.1", Settings::default()).unwrap();
        // 127.0.0.2 is asked, so it must answer, though the route would choose 127.0.0.1.
        let asked = SocketAddr::from(([127, 0, 0, 2], port));
        client.outbox().send_run(Some(asked), &[1; 100], 30);
        client.flush().into_result().unwrap();
        let mut seen = 0;
        while seen < 4 {
            seen += server
                .receive(SOON, &NEVER, |arrival, outbox| {
                    assert!(!arrival.is_control_truncated(), "{rung}");
                    let beside = arrival.beside();
                    assert_eq!(beside.packet_info().unwrap().destination, asked.ip());
                    assert_eq!(beside.tos(), Some(2));
                    assert!(beside.timestamp().is_some());
                    outbox.echo(arrival);
                })
                .unwrap();
        }
        server.flush().into_result().unwrap();
        let mut back = 0;
        while back < 4 {
            let came = client.receive(SOON, &NEVER, |arrival, _| {
                assert_eq!(arrival.source(), asked)
            });
            back += came.unwrap();
        }
    }
}

#[test]
fn a_wait_ends_when_it_is_to() {
    for rung in rungs() {
        for spin in [false, true] {
            let settings = Settings {
                spin,
                ..Settings::default()
            };
            let mut transport = open(rung, Endpoint::builder(), "::1", settings).unwrap();
            let time = Duration::from_millis(20);
            for wait in [
                Wait::Never,
                Wait::For(time),
                Wait::Until(Instant::now() + time),
                Wait::For(time),
            ] {
                let start = Instant::now();
                assert_eq!(transport.receive(wait, &NEVER, |_, _| ()).unwrap(), 0);
                match wait {
                    Wait::Never => {}
                    Wait::Until(end) => assert!(Instant::now() >= end, "{rung}"),
                    _ => assert!(start.elapsed() >= time, "{rung}"),
                }
            }
            let raised = AtomicBool::new(true);
            assert_eq!(
                transport
                    .receive(Wait::Forever, &raised, |_, _| ())
                    .unwrap(),
                0
            );
            // After waits that ended, it still waits and receives.
            let mut sender = open(
                Rung::Single,
                Endpoint::builder(),
                "::1",
                Settings::default(),
            )
            .unwrap();
            sender.outbox().queue(Some(at(&transport)), None, b"");
            sender.flush().into_result().unwrap();
            assert_eq!(
                transport.receive(Wait::Forever, &NEVER, |_, _| ()).unwrap(),
                1
            );
        }
    }
}

/// `SO_RCVTIMEO` counts microseconds, and takes 0 for ever.
#[test]
fn the_shortest_wait_ends() {
    for rung in rungs() {
        let mut transport = plain(rung);
        for nanos in [0, 1, 500, 999, 1_000, 1_001] {
            let wait = Wait::For(Duration::from_nanos(nanos));
            let came = transport.receive(wait, &NEVER, |_, _| ()).unwrap();
            assert_eq!(came, 0, "{rung}: {nanos} ns");
        }
    }
}

#[test]
fn the_longest_wait_waits() {
    for rung in rungs() {
        for spin in [false, true] {
            let settings = Settings {
                spin,
                ..Settings::default()
            };
            let mut transport = open(rung, Endpoint::builder(), "127.0.0.1", settings).unwrap();
            let far = Instant::now() + Duration::from_secs(1 << 40);
            for wait in [
                Wait::For(Duration::MAX),
                Wait::For(Duration::from_secs(1 << 63)),
                Wait::Until(far),
            ] {
                let (sender, target) = (plain(Rung::Single), at(&transport));
                let later = std::thread::spawn(move || {
                    std::thread::sleep(Duration::from_millis(10));
                    sender.endpoint().send_to(b"at last", target).unwrap();
                });
                let came = transport.receive(wait, &NEVER, |_, _| ()).unwrap();
                assert_eq!(came, 1, "{rung}: {wait:?}");
                later.join().unwrap();
            }
        }
    }
}

#[test]
fn a_busy_echo_makes_one_call_to_receive_and_one_to_send() {
    for rung in rungs().filter(|rung| *rung != Rung::Uring) {
        let mut server = plain(rung);
        let client = Endpoint::builder()
            .bind("127.0.0.1:0".parse().unwrap())
            .unwrap();
        for _ in 0..10 {
            client.send_to(b"ping", at(&server)).unwrap();
            server
                .receive(Wait::Forever, &NEVER, |arrival, outbox| {
                    outbox.echo(arrival)
                })
                .unwrap();
            server.flush().into_result().unwrap();
        }
        assert_eq!(server.counters().syscalls, 20, "{rung}");
    }
}

#[test]
fn settings_out_of_range_are_refused() {
    for (batch, capacity) in [(0, 10), (1025, 10), (1, 1 << 21)] {
        let settings = Settings {
            batch,
            capacity,
            ..Settings::default()
        };
        let error = open(Rung::Batch, Endpoint::builder(), "127.0.0.1", settings).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
}

#[test]
fn a_transport_exchanges_its_socket() {
    for rung in rungs() {
        let (mut transport, mut peer) = (plain(rung), plain(Rung::Single));
        let first = at(&transport);
        let gro = match rung {
            Rung::Offload => Endpoint::builder().option("UDP_GRO=1".parse().unwrap()),
            _ => Endpoint::builder(),
        };
        let mut other = gro.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let second = other.local_address().unwrap();
        let to = Some(at(&peer));
        transport.outbox().queue(to, None, b"from the first");
        let exchanged = transport.exchange(&mut other);
        if rung == Rung::Uring {
            assert_eq!(exchanged.unwrap_err().kind(), ErrorKind::Unsupported);
            continue;
        }
        exchanged.unwrap();
        transport.outbox().queue(to, None, b"from the second");
        assert_eq!(transport.flush().into_result().unwrap(), 2, "{rung}");
        let mut got = Vec::new();
        while got.len() < 2 {
            let came = peer.receive(SOON, &NEVER, |arrival, outbox| {
                got.push((arrival.source(), arrival.bytes().to_vec()));
                outbox.echo(arrival);
            });
            assert_ne!(came.unwrap(), 0, "{rung}");
        }
        peer.flush().into_result().unwrap();
        let want = [
            (first, b"from the first".to_vec()),
            (second, b"from the second".to_vec()),
        ];
        assert_eq!(got, want, "{rung}");
        assert_eq!(take(&mut transport, 1), [b"from the second"], "{rung}");
        // What its options bring must fit.
        let mut talkative = Endpoint::builder()
            .packet_info(true)
            .bind("127.0.0.1:0".parse().unwrap())
            .unwrap();
        transport.exchange(&mut talkative).unwrap_err();
    }
}
