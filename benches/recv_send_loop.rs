//! The recv/send loop of the plain server, one datagram at a time, at four sizes.
//!
//! One iteration is a whole round on loopback in one thread: the client sends, the server receives
//! and replies, the client receives. `cargo bench --bench recv_send_loop` tells ns a round (two
//! datagrams) and bytes a second.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use udpraw::error::Error;
use udpraw::socket::{Endpoint, Family, ReceiveBuffer};

fn round_trips(criterion: &mut Criterion) -> Result<(), Error> {
    let server = Endpoint::builder().bind("127.0.0.1:0".parse().expect("an address"))?;
    let address = server.local_address()?;
    let client = Endpoint::builder().unbound(Family::V4)?;
    let mut buffer = ReceiveBuffer::new();

    let mut group = criterion.benchmark_group("recv_send_loop");
    for size in [1, 64, 1_400, 65_507] {
        let payload = vec![b'x'; size];
        group.throughput(Throughput::Bytes(2 * size as u64));
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter(|| {
                client.send_to(black_box(&payload), address).expect("sent");
                let request = server.receive(&mut buffer).expect("received");
                server.reply(&request, request.bytes()).expect("replied");
                black_box(client.receive(&mut buffer).expect("received").bytes().len())
            });
        });
    }
    group.finish();
    Ok(())
}

fn bench(criterion: &mut Criterion) {
    round_trips(criterion).expect("sockets on loopback");
}

criterion_group!(benches, bench);
criterion_main!(benches);
