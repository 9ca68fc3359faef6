//! The path of a datagram allocates nothing, on any backend.

use udpraw::io::{Backend, Transmit, Transport, TransportConfig, Wait};
use udpraw::socket::Endpoint;

use crate::backends;

fn open(backend: Backend) -> Transport {
    let builder = Endpoint::builder().packet_info(true);
    crate::open(backend, builder, "127.0.0.1", TransportConfig::bulk()).unwrap()
}

#[test]
fn a_round_trip_allocates_nothing() {
    for backend in backends() {
        let (mut client, mut server) = (open(backend), open(backend));
        let to = Some(server.endpoint().local_address().unwrap());
        let bytes = [7; 1000];
        let mut before = 0;
        for round in 0..50 {
            if round == 1 {
                // The first round may set up what lasts: a control buffer of the right size.
                before = crate::allocations::count();
            }
            client
                .send_queue()
                .send(&Transmit::new(&bytes).to(to).in_segments_of(100));
            for length in [0, 5, 5, 900] {
                client
                    .send_queue()
                    .queue(&Transmit::new(&bytes[..length]).to(to));
            }
            assert_eq!(client.flush().datagrams, 14);
            for (transport, echo) in [(&mut server, true), (&mut client, false)] {
                let mut left = 14;
                while left > 0 {
                    let came = transport.receive(Wait::Forever, |message, send_queue| {
                        if echo {
                            send_queue.echo(message);
                        }
                    });
                    left -= came.unwrap();
                }
                transport.flush();
            }
        }
        assert_eq!(crate::allocations::count() - before, 0, "{backend}");
    }
}
