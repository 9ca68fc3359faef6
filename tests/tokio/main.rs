//! The sockets for tokio: what the contract says, and that a future may be dropped at any time.

use std::future::{Future, poll_fn};
use std::io::{ErrorKind, IoSliceMut};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use udpraw::io::{Backend, BackendChoice, Transmit, TransportConfig};
use udpraw::socket::Endpoint;
use udpraw::tokio::UdpSocket;

const LOOPBACK: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

const BACKENDS: [Backend; 3] = [Backend::Single, Backend::Batch, Backend::Offload];

fn open(backend: Backend) -> UdpSocket {
    let endpoint = Endpoint::builder().bind(LOOPBACK).unwrap();
    let choice = BackendChoice::Only(backend);
    UdpSocket::open(endpoint, choice, TransportConfig::bulk()).unwrap()
}

fn at(socket: &UdpSocket) -> SocketAddr {
    socket.endpoint().local_address().unwrap()
}

/// Fails a test that waits for what never comes.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    let limit = Duration::from_secs(20);
    tokio::time::timeout(limit, future).await.expect("in time")
}

/// Polls a future once, and drops it.
async fn polled_once<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    poll_fn(|context| {
        Poll::Ready(match future.as_mut().poll(context) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}

#[tokio::test]
async fn an_echo_by_batches_loses_nothing() {
    const COUNT: u32 = 5_000;
    const WINDOW: u32 = 64;
    for backend in BACKENDS {
        let (mut server, mut client) = (open(backend), open(backend));
        let address = at(&server);
        let serving = tokio::spawn(async move {
            loop {
                server
                    .recv(|message, queue| queue.echo(message))
                    .await
                    .unwrap();
                server.flush().await.into_result().unwrap();
            }
        });
        let (mut sent, mut seen) = (0, Vec::new());
        while (seen.len() as u32) < COUNT {
            while sent < COUNT && sent - (seen.len() as u32) < WINDOW {
                let bytes = sent.to_be_bytes();
                let mut queue = client.send_queue();
                queue.queue(&Transmit::new(&bytes).to(address));
                sent += 1;
            }
            client.flush().await.into_result().unwrap();
            let received = client.recv(|message, _| {
                for bytes in message.datagrams() {
                    seen.push(u32::from_be_bytes(bytes.try_into().unwrap()));
                }
            });
            soon(received).await.unwrap();
        }
        assert_eq!(seen, (0..COUNT).collect::<Vec<_>>(), "{backend}");
        assert_eq!(client.counters().sent, u64::from(COUNT));
        serving.abort();
    }
}

/// A receive that is dropped before, between and after datagrams takes none of them with it.
#[tokio::test]
async fn a_dropped_receive_loses_nothing() {
    for backend in BACKENDS {
        let (mut receiver, mut sender) = (open(backend), open(backend));
        let address = at(&receiver);
        let mut seen = Vec::new();
        for number in 0..300_u16 {
            let early = polled_once(receiver.recv(|_, _| unreachable!("nothing was sent"))).await;
            assert!(early.is_none(), "{backend}");
            let bytes = number.to_be_bytes();
            soon(sender.send(&Transmit::new(&bytes).to(address)))
                .await
                .unwrap();
            let mut received = None;
            while received.is_none() {
                received = polled_once(receiver.recv(|message, _| {
                    seen.push(u16::from_be_bytes(message.bytes().try_into().unwrap()));
                }))
                .await;
                tokio::task::yield_now().await;
            }
            assert_eq!(received.unwrap().unwrap(), 1);
        }
        assert_eq!(seen, (0..300).collect::<Vec<_>>(), "{backend}");
    }
}

/// A socket whose peer's queue is full after a few datagrams, and the peer.
fn narrow() -> (UdpSocket, UnixDatagram) {
    let (near, far) = UnixDatagram::pair().unwrap();
    far.set_nonblocking(true).unwrap();
    let choice = BackendChoice::Only(Backend::Batch);
    let endpoint = Endpoint::from(OwnedFd::from(near));
    let socket = UdpSocket::open(endpoint, choice, TransportConfig::default()).unwrap();
    (socket, far)
}

fn receive_all(far: &UnixDatagram, seen: &mut Vec<u32>) {
    let mut buffer = [0; 4];
    while far.recv(&mut buffer).is_ok() {
        seen.push(u32::from_be_bytes(buffer));
    }
}

/// Whatever is dropped while there is no room: each datagram arrives once and in order.
#[tokio::test]
async fn a_dropped_send_or_flush_sends_nothing_twice() {
    let (mut socket, far) = narrow();
    let mut seen = Vec::new();
    let mut number = 0_u32;
    while number < 3_000 {
        let bytes = number.to_be_bytes();
        let transmit = Transmit::new(&bytes);
        if number.is_multiple_of(5) {
            socket.send_queue().queue(&transmit);
            number += 1;
            let flushed = polled_once(socket.flush()).await;
            if flushed.is_none() {
                receive_all(&far, &mut seen);
            }
        } else {
            match polled_once(socket.send(&transmit)).await {
                Some(sent) => {
                    sent.unwrap();
                    number += 1;
                }
                // Nothing of it went: it is sent again.
                None => {
                    receive_all(&far, &mut seen);
                    tokio::task::yield_now().await;
                }
            }
        }
    }
    while polled_once(socket.flush()).await.is_none() {
        receive_all(&far, &mut seen);
        tokio::task::yield_now().await;
    }
    receive_all(&far, &mut seen);
    assert_eq!(seen, (0..3_000).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_flush_that_waits_goes_on_when_there_is_room() {
    let (mut socket, far) = narrow();
    for number in 0..1_000_u32 {
        let bytes = number.to_be_bytes();
        socket.send_queue().queue(&Transmit::new(&bytes));
    }
    let reading = tokio::task::spawn_blocking(move || {
        far.set_nonblocking(false).unwrap();
        let mut buffer = [0; 4];
        for number in 0..1_000_u32 {
            far.recv(&mut buffer).unwrap();
            assert_eq!(u32::from_be_bytes(buffer), number);
        }
    });
    let sent = soon(socket.flush()).await;
    assert_eq!(sent.into_result().unwrap(), 1_000);
    soon(reading).await.unwrap();
}

#[tokio::test]
async fn halves_work_in_two_tasks() {
    let (server, mut client) = (open(Backend::Offload), open(Backend::Offload));
    let address = at(&server);
    let (mut receiver, mut sender) = server.into_split();
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let receiving = tokio::spawn(async move {
        let mut left = 100;
        while left > 0 {
            left -= receiver
                .recv(|message| {
                    for bytes in message.datagrams() {
                        tell.send((message.source(), bytes.to_vec())).unwrap();
                    }
                })
                .await
                .unwrap();
        }
    });
    let sending = tokio::spawn(async move {
        while let Some((client, bytes)) = told.recv().await {
            sender
                .send(&Transmit::new(&bytes).to(client))
                .await
                .unwrap();
        }
    });
    let bytes = [7; 100 * 50];
    client
        .send(&Transmit::new(&bytes).to(address).in_segments_of(50))
        .await
        .unwrap();
    let mut received = 0;
    while received < 100 {
        received += soon(client.recv(|message, _| assert!(message.bytes().len() % 50 == 0)))
            .await
            .unwrap();
    }
    soon(receiving).await.unwrap();
    soon(sending).await.unwrap();
}

#[tokio::test]
async fn what_icmp_says_is_an_error_and_the_socket_goes_on() {
    let gone = at(&open(Backend::Single));
    for backend in BACKENDS {
        let endpoint = Endpoint::builder().bind(LOOPBACK).unwrap();
        endpoint.connect(gone).unwrap();
        let choice = BackendChoice::Only(backend);
        let mut socket = UdpSocket::open(endpoint, choice, TransportConfig::default()).unwrap();
        soon(socket.send(&Transmit::new(b"anyone?"))).await.unwrap();
        let error = soon(socket.recv(|_, _| ())).await.unwrap_err();
        assert_eq!(
            error.errno(),
            Some(libc::ECONNREFUSED),
            "{backend}: {error}"
        );
        assert!(polled_once(socket.recv(|_, _| ())).await.is_none());
    }
}

#[tokio::test]
async fn what_cannot_work_is_refused() {
    let endpoint = || Endpoint::builder().bind(LOOPBACK).unwrap();
    let uring = BackendChoice::Only(Backend::Uring);
    let error = UdpSocket::open(endpoint(), uring, TransportConfig::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    let spinning = TransportConfig {
        spin: true,
        ..TransportConfig::default()
    };
    let error = UdpSocket::open(endpoint(), BackendChoice::Auto, spinning).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
}

/// Buffers of the caller get what was sent, message by message, in order and cut to their length.
#[tokio::test]
async fn a_receive_into_buffers_is_the_receive() {
    for backend in BACKENDS {
        let (receiver, sender) = (open(backend), open(backend));
        let (address, from) = (at(&receiver), at(&sender));
        let (mut receiver, _) = receiver.into_split();
        let (_, mut sender) = sender.into_split();
        let mut seen = Vec::new();
        for round in 0..50_u8 {
            // The last of a round is longer than the buffers are from round 25 on.
            let length = if round < 25 { 65_535 } else { 100 };
            for size in [0, 3, 100, 101] {
                let bytes = vec![round; size];
                soon(sender.send(&Transmit::new(&bytes).to(address)))
                    .await
                    .unwrap();
            }
            let mut left = 4;
            while left > 0 {
                let mut memory = vec![vec![0xEE; length]; 3];
                let mut buffers: Vec<_> = memory.iter_mut().map(|b| IoSliceMut::new(b)).collect();
                let mut found = Vec::new();
                let received = soon(poll_fn(|context| {
                    receiver.poll_recv_into(context, &mut buffers, |message| {
                        assert_eq!((message.source(), message.count()), (from, 1));
                        let cut = message.length() > length;
                        assert_eq!(message.is_truncated(), cut, "{backend}");
                        found.push(message.bytes().to_vec());
                    })
                }))
                .await
                .unwrap();
                assert_eq!(received, found.len());
                for (buffer, bytes) in memory.iter().zip(&found) {
                    assert_eq!(&buffer[..bytes.len()], bytes);
                    assert!(buffer[bytes.len()..].iter().all(|&byte| byte == 0xEE));
                }
                left -= received;
                seen.extend(found);
            }
            let wanted = [0, 3, 100, 101_usize.min(length)].map(|size| vec![round; size]);
            assert_eq!(seen.split_off(0), wanted, "{backend}");
        }
        // What is received the usual way afterwards has its own memory again.
        soon(sender.send(&Transmit::new(b"usual").to(address)))
            .await
            .unwrap();
        soon(receiver.recv(|message| assert_eq!(message.bytes(), b"usual")))
            .await
            .unwrap();
        let nowhere = poll_fn(|context| receiver.poll_recv_into(context, &mut [], |_| ()));
        let error = polled_once(nowhere).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    }
}

/// A send that finds no room sends nothing, and the wait for room ends when there is some.
#[tokio::test]
async fn a_send_that_is_tried_goes_once_there_is_room() {
    let (socket, far) = narrow();
    let (_, mut sender) = socket.into_split();
    let (writable, mut seen, mut refused) = (sender.writable(), Vec::new(), 0);
    soon(writable.wait()).await.unwrap();
    for number in 0..2_000_u32 {
        let bytes = number.to_be_bytes();
        let mut tries = 0;
        while let Err(error) = sender.try_send(&Transmit::new(&bytes)) {
            tries += 1;
            assert!(tries < 100, "each wait for room ended without any");
            assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
            // Without room the wait does not end.
            let waited = polled_once(writable.wait()).await;
            refused += u32::from(waited.is_none());
            receive_all(&far, &mut seen);
            soon(writable.wait()).await.unwrap();
        }
    }
    receive_all(&far, &mut seen);
    assert!(refused > 0, "there was always room");
    assert_eq!(seen, (0..2_000).collect::<Vec<_>>());
}
