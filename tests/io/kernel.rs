//! What the kernel holds or forbids: rings that run dry or are dropped, backends behind seccomp.

use std::io::ErrorKind;
use std::os::fd::AsFd;

use crate::{at, backends, open, plain, take};
use udpraw::io::{Backend, BackendChoice, Transmit, Transport, TransportConfig};
use udpraw::socket::Endpoint;

#[test]
fn buffers_that_ran_dry_are_armed_again() {
    if !backends().any(|backend| backend == Backend::Uring) {
        return;
    }
    let settings = TransportConfig {
        batch: 4,
        ..TransportConfig::bulk()
    };
    let mut receiver = open(Backend::Uring, Endpoint::builder(), "127.0.0.1", settings).unwrap();
    let mut sender = plain(Backend::Batch);
    let want: Vec<Vec<u8>> = (0..64)
        .map(|number| vec![number; usize::from(number)])
        .collect();
    for _ in 0..3 {
        for datagram in &want {
            sender
                .send_queue()
                .queue(&Transmit::new(datagram).to(at(&receiver)));
        }
        sender.flush().into_result().unwrap();
        assert_eq!(take(&mut receiver, 64), want);
    }
    assert!(receiver.counters().rearmed > 0, "{:?}", receiver.counters());
}

#[test]
fn a_ring_may_be_dropped_with_operations_in_flight() {
    if !backends().any(|backend| backend == Backend::Uring) {
        return;
    }
    for round in 0..20 {
        let ring = plain(Backend::Uring);
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
    for backend in backends() {
        let mut transport = plain(backend);
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
        assert_eq!(take(&mut transport, 1), [b"two"], "{backend}");
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
fn a_forbidden_backend_is_unsupported_and_only_auto_goes_on() {
    std::thread::spawn(|| {
        forbid(&[libc::SYS_io_uring_setup, libc::SYS_recvmmsg], libc::EPERM);
        for (backend, since) in [
            #[cfg(feature = "uring")]
            (Backend::Uring, "6.0"),
            (Backend::Batch, "2.6.33"),
            (Backend::Offload, "5.0"),
        ] {
            let error = open(
                backend,
                Endpoint::builder(),
                "127.0.0.1",
                TransportConfig::bulk(),
            )
            .unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
            assert_eq!(error.errno(), Some(libc::EPERM));
            assert!(error.to_string().contains(since), "{error}");
        }
        let endpoint = Endpoint::builder()
            .bind("127.0.0.1:0".parse().unwrap())
            .unwrap();
        let mut auto =
            Transport::open(endpoint, BackendChoice::Auto, TransportConfig::bulk()).unwrap();
        assert_eq!(auto.backend(), Backend::Single);
        assert_eq!(auto.passed_over().len(), 2);
        // And it works: no run reaches a socket that could not tell it from a datagram.
        let to = at(&auto);
        auto.send_queue()
            .send(&Transmit::new(&[1; 95]).to(to).in_segments_of(10));
        auto.flush().into_result().unwrap();
        assert_eq!(take(&mut auto, 10).last().unwrap().len(), 5);
    })
    .join()
    .unwrap();
}
