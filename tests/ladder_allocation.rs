//! The path of a datagram allocates nothing, on any rung.

mod allocations;

use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;

use udpraw::io::{Choice, Rung, Settings, Transport, Wait};
use udpraw::socket::Endpoint;

static NEVER: AtomicBool = AtomicBool::new(false);

fn open(rung: Rung) -> Option<Transport> {
    let endpoint = Endpoint::builder()
        .packet_info(true)
        .bind(SocketAddr::from(([127, 0, 0, 1], 0)))
        .unwrap();
    match Transport::open(endpoint, Choice::Only(rung), Settings::default()) {
        Ok(transport) => Some(transport),
        Err(error) => {
            eprintln!("skipped: {error}");
            assert!(std::env::var("CI").is_err(), "{error}");
            None
        }
    }
}

#[test]
fn a_round_trip_allocates_nothing() {
    for rung in Rung::ALL {
        let (Some(mut client), Some(mut server)) = (open(rung), open(rung)) else {
            continue;
        };
        let to = Some(server.endpoint().local_address().unwrap());
        let bytes = [7; 1000];
        let mut before = 0;
        for round in 0..50 {
            if round == 1 {
                // The first round may set up what lasts: a control buffer of the right size.
                before = allocations::count();
            }
            client.outbox().send_run(to, &bytes, 100);
            for length in [0, 5, 5, 900] {
                client.outbox().queue(to, None, &bytes[..length]);
            }
            assert_eq!(client.flush().datagrams, 14);
            for (transport, echo) in [(&mut server, true), (&mut client, false)] {
                let mut left = 14;
                while left > 0 {
                    let came = transport.receive(Wait::Forever, &NEVER, |arrival, outbox| {
                        if echo {
                            outbox.echo(arrival);
                        }
                    });
                    left -= came.unwrap();
                }
                transport.flush();
            }
        }
        assert_eq!(allocations::count() - before, 0, "{rung}");
    }
}
