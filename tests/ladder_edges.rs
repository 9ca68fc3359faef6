//! Where the ladder is hard to get right: ICMP in mid-batch, refused offload, cut datagrams, rings
//! that are dropped or run dry, rungs that are forbidden.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use udpraw::error::Result;
use udpraw::io::{Choice, Rung, Settings, Transport, Wait};
use udpraw::socket::{Builder, Endpoint};

static NEVER: AtomicBool = AtomicBool::new(false);
const SOON: Wait = Wait::For(Duration::from_secs(2));

fn open(rung: Rung, builder: Builder, ip: &str, settings: Settings) -> Result<Transport> {
    let endpoint = builder.bind(SocketAddr::new(ip.parse().unwrap(), 0))?;
    Transport::open(endpoint, Choice::Only(rung), settings)
}

fn plain(rung: Rung) -> Transport {
    open(rung, Endpoint::builder(), "127.0.0.1", Settings::default()).unwrap()
}

fn at(transport: &Transport) -> SocketAddr {
    transport.endpoint().local_address().unwrap()
}

/// The rungs that run here; what does not is told, and is an error in CI.
fn rungs() -> impl Iterator<Item = Rung> {
    Rung::ALL.into_iter().filter(|rung| {
        let tried = open(*rung, Endpoint::builder(), "127.0.0.1", Settings::default());
        if let Err(error) = &tried {
            eprintln!("skipped: {error}");
            assert!(std::env::var("CI").is_err(), "{error}");
        }
        tried.is_ok()
    })
}

fn take(transport: &mut Transport, want: usize) -> Vec<Vec<u8>> {
    let mut got = Vec::new();
    while got.len() < want {
        let note = |arrival: &udpraw::io::Arrival<'_>, _: &mut udpraw::io::Outbox<'_>| {
            got.extend(arrival.datagrams().map(<[u8]>::to_vec));
        };
        let came = transport.receive(SOON, &NEVER, note).unwrap();
        assert_ne!(came, 0, "{} of {want} came", got.len());
    }
    got
}

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
fn buffers_that_ran_dry_are_armed_again() {
    if !rungs().any(|rung| rung == Rung::Uring) {
        return;
    }
    let settings = Settings {
        batch: 4,
        ..Settings::default()
    };
    let mut receiver = open(Rung::Uring, Endpoint::builder(), "127.0.0.1", settings).unwrap();
    let mut sender = plain(Rung::Batch);
    let want: Vec<Vec<u8>> = (0..64)
        .map(|number| vec![number; usize::from(number)])
        .collect();
    for _ in 0..3 {
        for datagram in &want {
            sender.outbox().queue(Some(at(&receiver)), None, datagram);
        }
        sender.flush().into_result().unwrap();
        assert_eq!(take(&mut receiver, 64), want);
    }
    assert!(receiver.counters().rearmed > 0, "{:?}", receiver.counters());
}

#[test]
fn a_ring_may_be_dropped_with_operations_in_flight() {
    if !rungs().any(|rung| rung == Rung::Uring) {
        return;
    }
    for round in 0..20 {
        let ring = plain(Rung::Uring);
        let address = at(&ring);
        // The socket outlives the ring: what comes later must not be written anywhere.
        let kept = ring.endpoint().as_fd().try_clone_to_owned().unwrap();
        let sender = Endpoint::builder()
            .bind("127.0.0.1:0".parse().unwrap())
            .unwrap();
        if round % 2 == 0 {
            sender.send_to(&[1; 1000], address).unwrap();
        }
        drop(ring);
        sender.send_to(b"later", address).unwrap();
        let endpoint = Endpoint::from(kept);
        let mut buffer = udpraw::socket::ReceiveBuffer::new();
        let got = endpoint.receive(&mut buffer).unwrap();
        assert_eq!(got.bytes(), b"later");
    }
}

#[test]
fn a_transport_may_move_to_another_thread() {
    for rung in rungs() {
        let mut transport = plain(rung);
        let address = at(&transport);
        let sender = Endpoint::builder()
            .bind("127.0.0.1:0".parse().unwrap())
            .unwrap();
        sender.send_to(b"one", address).unwrap();
        let mut transport = std::thread::spawn(move || {
            assert_eq!(take(&mut transport, 1), [b"one"]);
            transport
        })
        .join()
        .unwrap();
        sender.send_to(b"two", address).unwrap();
        assert_eq!(take(&mut transport, 1), [b"two"], "{rung}");
    }
}

/// Forbids system calls to this thread (seccomp(2)), as a container's profile would.
fn forbid(calls: &[i64], errno: i32) {
    let statement = |code: u32, k: u32, jt: u8| libc::sock_filter {
        code: code as u16,
        jt,
        jf: 0,
        k,
    };
    let mut filter = vec![statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0)];
    for (index, call) in calls.iter().enumerate() {
        let to_end = (calls.len() - index) as u8;
        filter.push(statement(
            libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
            *call as u32,
            to_end,
        ));
    }
    filter.push(statement(
        libc::BPF_RET | libc::BPF_K,
        libc::SECCOMP_RET_ALLOW,
        0,
    ));
    filter.push(statement(
        libc::BPF_RET | libc::BPF_K,
        libc::SECCOMP_RET_ERRNO | errno as u32,
        0,
    ));
    let program = libc::sock_fprog {
        len: filter.len() as u16,
        filter: filter.as_mut_ptr(),
    };
    // SAFETY: prctl(2) with PR_SET_NO_NEW_PRIVS takes integers only.
    let result = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    assert_eq!(result, 0);
    // SAFETY: seccomp(2) demands a program of `len` instructions, which `filter` is.
    let result = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &program) };
    assert_eq!(result, 0);
}

#[test]
fn a_forbidden_rung_is_unsupported_and_only_auto_goes_on() {
    std::thread::spawn(|| {
        forbid(&[libc::SYS_io_uring_setup, libc::SYS_recvmmsg], libc::EPERM);
        for (rung, since) in [
            (Rung::Uring, "6.0"),
            (Rung::Batch, "2.6.33"),
            (Rung::Offload, "5.0"),
        ] {
            let error =
                open(rung, Endpoint::builder(), "127.0.0.1", Settings::default()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
            assert_eq!(error.errno(), Some(libc::EPERM));
            assert!(error.to_string().contains(since), "{error}");
        }
        let endpoint = Endpoint::builder()
            .bind("127.0.0.1:0".parse().unwrap())
            .unwrap();
        let mut auto = Transport::open(endpoint, Choice::Auto, Settings::default()).unwrap();
        assert_eq!(auto.rung(), Rung::Single);
        assert_eq!(auto.passed_over().len(), 2);
        // And it works: no run reaches a socket that could not tell it from a datagram.
        let to = at(&auto);
        auto.outbox().send_run(Some(to), &[1; 95], 10);
        auto.flush().into_result().unwrap();
        assert_eq!(take(&mut auto, 10).last().unwrap().len(), 5);
    })
    .join()
    .unwrap();
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
