//! The end of rings: cancellation, and io_uring that is forbidden meanwhile.

use std::io::Write;
use std::os::fd::AsFd;
use std::sync::atomic::Ordering;
use std::thread;

use super::super::mmsg::SendArena;
use super::*;

#[test]
fn what_is_cancelled_is_in_flight_no_more() {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let Some(mut ring) = some(ReceiveRing::new(2, 100, 0)) else {
        return;
    };
    ring.arm(socket.as_fd(), 0).unwrap();
    ring.enter(0, None).unwrap();
    assert!(ring.is_armed());
    ring.queues.cancel_all().unwrap();
    ring.enter(0, None).unwrap();
    assert!(!ring.is_armed(), "the last completion has arrived");
    assert_eq!(ring.take_error(), Some(libc::ECANCELED));
}

/// A ring, unless this machine forbids io_uring.
fn some<T>(ring: io::Result<T>) -> Option<T> {
    match ring {
        Ok(ring) => Some(ring),
        Err(error) => {
            assert!(std::env::var("CI").is_err(), "no io_uring: {error}");
            let _ = writeln!(io::stderr(), "skipped: no io_uring: {error}");
            None
        }
    }
}

/// Otherwise the kernel would read memory that the caller has freed.
#[test]
fn what_a_send_borrows_is_waited_for_when_neither_wait_nor_cancel_works() {
    use std::os::unix::net::UnixDatagram;
    use std::sync::atomic::AtomicBool;

    let Some(mut ring) = some(SendRing::new(4)) else {
        return;
    };
    let mut arena = SendArena::new(4);
    let (near, far) = UnixDatagram::pair().unwrap();
    near.set_nonblocking(true).unwrap();
    let mut before = 0;
    while near.send(b"full").is_ok() {
        before += 1;
    }
    near.set_nonblocking(false).unwrap();
    ring.queues.is_forbidden = true;
    let is_drained = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            // Long enough for the sends to be under way; if they are not yet, the test is easier.
            thread::sleep(Duration::from_millis(100));
            is_drained.store(true, Ordering::SeqCst);
            let mut buffer = [0; 8];
            let mut received = Vec::new();
            for _ in 0..before + 2 {
                let length = far.recv(&mut buffer).unwrap();
                received.push(buffer[..length].to_vec());
            }
            assert_eq!(received[before..], [b"lent".to_vec(), b"also".to_vec()]);
        });
        let lent = [b"lent".to_vec(), b"also".to_vec()];
        let sent = ring.send(near.as_fd(), &mut arena, 2, 0, |index, _| {
            (None, &lent[index])
        });
        assert!(is_drained.load(Ordering::SeqCst), "it did not wait");
        drop(lent);
        assert_eq!(sent.unwrap_err().raw_os_error(), Some(libc::EPERM));
    });
    // Broken for good, and no later call waits for anything.
    let again = ring.send(near.as_fd(), &mut arena, 1, 0, |_, _| (None, b"never"));
    assert_eq!(again.unwrap_err().raw_os_error(), Some(libc::EOWNERDEAD));
    assert!(ring.enter(1).is_err());
}

#[test]
fn entries_of_a_batch_that_was_not_composed_are_never_submitted() {
    let Some(mut ring) = some(SendRing::new(4)) else {
        return;
    };
    let mut arena = SendArena::new(4);
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(socket.local_addr().unwrap()).unwrap();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let bytes = vec![7; 50];
        ring.send(socket.as_fd(), &mut arena, 2, 0, |index, _| {
            assert_eq!(index, 0, "it panics on purpose");
            (None, bytes.as_slice())
        })
    }));
    panicked.unwrap_err();
    assert!(ring.enter(0).is_err());
    socket.set_nonblocking(true).unwrap();
    assert!(socket.recv(&mut [0; 50]).is_err(), "nothing was sent");
}
