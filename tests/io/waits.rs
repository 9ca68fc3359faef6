//! How long each backend waits, and what ends a wait.

use std::time::{Duration, Instant};

use crate::{at, backends, open, plain};
use udpraw::io::{Backend, Transmit, TransportConfig, Wait};
use udpraw::socket::{Endpoint, Waker};

#[test]
fn a_wait_ends_when_it_is_to() {
    for backend in backends() {
        for spin in [false, true] {
            let settings = TransportConfig {
                spin,
                ..TransportConfig::bulk()
            };
            let mut transport = open(backend, Endpoint::builder(), "::1", settings).unwrap();
            let time = Duration::from_millis(20);
            for wait in [
                Wait::Never,
                Wait::For(time),
                Wait::Until(Instant::now() + time),
                Wait::For(time),
            ] {
                let start = Instant::now();
                assert_eq!(transport.receive(wait, |_, _| ()).unwrap(), 0);
                match wait {
                    Wait::Never => {}
                    Wait::Until(end) => assert!(Instant::now() >= end, "{backend}"),
                    _ => assert!(start.elapsed() >= time, "{backend}"),
                }
            }
            let waker = Waker::new().unwrap();
            transport.wake_by(waker.clone());
            waker.wake();
            assert_eq!(transport.receive(Wait::Forever, |_, _| ()).unwrap(), 0);
            // After waits that ended, it still waits and receives.
            let mut sender = open(
                Backend::Single,
                Endpoint::builder(),
                "::1",
                TransportConfig::bulk(),
            )
            .unwrap();
            sender
                .send_queue()
                .queue(&Transmit::new(b"").to(at(&transport)));
            sender.flush().into_result().unwrap();
            assert_eq!(transport.receive(Wait::Forever, |_, _| ()).unwrap(), 1);
        }
    }
}

/// `SO_RCVTIMEO` counts microseconds, and takes 0 for ever.
#[test]
fn the_shortest_wait_ends() {
    for backend in backends() {
        let mut transport = plain(backend);
        for nanos in [0, 1, 500, 999, 1_000, 1_001] {
            let wait = Wait::For(Duration::from_nanos(nanos));
            let came = transport.receive(wait, |_, _| ()).unwrap();
            assert_eq!(came, 0, "{backend}: {nanos} ns");
        }
    }
}

#[test]
fn the_longest_wait_waits() {
    for backend in backends() {
        for spin in [false, true] {
            let settings = TransportConfig {
                spin,
                ..TransportConfig::bulk()
            };
            let mut transport = open(backend, Endpoint::builder(), "127.0.0.1", settings).unwrap();
            let far = Instant::now() + Duration::from_secs(1 << 40);
            for wait in [
                Wait::For(Duration::MAX),
                Wait::For(Duration::from_secs(1 << 63)),
                Wait::Until(far),
            ] {
                let (sender, target) = (plain(Backend::Single), at(&transport));
                let later = std::thread::spawn(move || {
                    std::thread::sleep(Duration::from_millis(10));
                    sender.endpoint().send_to(b"at last", target).unwrap();
                });
                let came = transport.receive(wait, |_, _| ()).unwrap();
                assert_eq!(came, 1, "{backend}: {wait:?}");
                later.join().unwrap();
            }
        }
    }
}
