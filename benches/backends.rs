//! What a datagram costs on each backend, to send and to receive, over loopback.
//!
//! Loopback carries an offloaded run whole: on a real device its segmentation comes on top.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use udpraw::io::{Backend, BackendChoice, Transmit, Transport, TransportConfig, Wait};
use udpraw::socket::Endpoint;

const SIZES: [usize; 3] = [64, 1400, 8972];
/// Bytes that wait in a receive buffer at a time, so that none is lost.
const BURST: usize = 64 * 1024;

fn open(backend: Backend) -> Option<(Transport, SocketAddr)> {
    let endpoint = Endpoint::builder().bind(SocketAddr::from(([127, 0, 0, 1], 0)));
    let endpoint = endpoint.expect("a socket on loopback");
    let address = endpoint.local_address().expect("its address");
    match Transport::open(
        endpoint,
        BackendChoice::Only(backend),
        TransportConfig::bulk(),
    ) {
        Ok(transport) => Some((transport, address)),
        Err(error) => {
            eprintln!("skipped: {error}");
            None
        }
    }
}

/// One burst of datagrams sent by a backend, and taken by the same backend: both sides' cost together.
fn one_way(criterion: &mut Criterion) {
    for size in SIZES {
        let count = (BURST / size).min(128);
        let bytes = vec![7; size * count];
        let mut group = criterion.benchmark_group(format!("one_way_{size}"));
        group.throughput(Throughput::Elements(count as u64));
        for backend in Backend::ALL {
            let (Some((mut sender, _)), Some((mut receiver, address))) =
                (open(backend), open(backend))
            else {
                continue;
            };
            group.bench_function(BenchmarkId::from_parameter(backend), |bencher| {
                bencher.iter(|| {
                    sender
                        .send_queue()
                        .send(&Transmit::new(&bytes).to(address).in_segments_of(size));
                    assert_eq!(sender.flush().datagrams, count);
                    let mut left = count;
                    while left > 0 {
                        let came = receiver.receive(Wait::Forever, |_, _| ());
                        left -= came.expect("loopback delivers");
                    }
                });
            });
        }
        group.finish();
    }
}

/// Sending alone: nobody listens, so the kernel throws away what arrives.
fn send(criterion: &mut Criterion) {
    for size in SIZES {
        let count = (BURST / size).min(128);
        let bytes = vec![7; size * count];
        let mut group = criterion.benchmark_group(format!("send_{size}"));
        group.throughput(Throughput::Elements(count as u64));
        for backend in Backend::ALL {
            // A receiver that takes nothing: its buffer is full soon.
            let (Some((mut sender, _)), Some((_receiver, address))) =
                (open(backend), open(backend))
            else {
                continue;
            };
            group.bench_function(BenchmarkId::from_parameter(backend), |bencher| {
                bencher.iter(|| {
                    for datagram in bytes.chunks(size) {
                        sender
                            .send_queue()
                            .queue(&Transmit::new(datagram).to(address));
                    }
                    sender.flush().datagrams
                });
            });
        }
        group.finish();
    }
}

/// A server of each backend in a thread of its own, and one client, so that only the server differs.
fn echo(criterion: &mut Criterion) {
    for outstanding in [1, 64] {
        let mut group = criterion.benchmark_group(format!("echo_64_x{outstanding}"));
        group.throughput(Throughput::Elements(outstanding));
        for backend in Backend::ALL {
            let (Some((mut client, _)), Some((mut server, address))) =
                (open(Backend::Offload), open(backend))
            else {
                continue;
            };
            let stop = AtomicBool::new(false);
            let bytes = vec![7; 64 * outstanding as usize];
            thread::scope(|scope| {
                scope.spawn(|| {
                    let wait = Wait::For(Duration::from_millis(100));
                    while !stop.load(Ordering::Relaxed) {
                        let echo =
                            server.receive(wait, |message, send_queue| send_queue.echo(message));
                        echo.expect("loopback delivers");
                        server.flush();
                    }
                });
                group.bench_function(BenchmarkId::from_parameter(backend), |bencher| {
                    bencher.iter(|| {
                        client
                            .send_queue()
                            .send(&Transmit::new(&bytes).to(address).in_segments_of(64));
                        client.flush();
                        let mut left = outstanding as usize;
                        while left > 0 {
                            let came = client.receive(Wait::Forever, |_, _| ());
                            left -= came.expect("loopback delivers");
                        }
                    });
                });
                stop.store(true, Ordering::Relaxed);
            });
        }
        group.finish();
    }
}

criterion_group!(benches, one_way, send, echo);
criterion_main!(benches);
