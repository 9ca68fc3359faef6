//! The path of a datagram allocates nothing, on any backend.

use udpraw::io::{Backend, Transport, TransportConfig, Wait};
use udpraw::socket::Endpoint;

use crate::{NEVER, backends};

fn open(backend: Backend) -> Transport {
    let builder = Endpoint::builder().packet_info(true);
    crate::open(backend, builder, "127.0.0.1", TransportConfig::default()).unwrap()
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
            client.send_queue().send_run(to, &bytes, 100);
            for length in [0, 5, 5, 900] {
                client.send_queue().queue(to, None, &bytes[..length]);
            }
            assert_eq!(client.flush().datagrams, 14);
            for (transport, echo) in [(&mut server, true), (&mut client, false)] {
                let mut left = 14;
                while left > 0 {
                    let came = transport.receive(Wait::Forever, &NEVER, |message, send_queue| {
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
