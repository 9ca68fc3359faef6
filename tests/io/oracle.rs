//! The oracle of the backends: over random traffic, each backend delivers the datagrams, sources and
//! order per flow that `single` delivers, there and back, from each backend to each.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::SOON;
use proptest::prelude::*;
use udpraw::io::{Backend, Transmit, Transport, TransportConfig};
use udpraw::socket::Endpoint;

/// Datagrams of one size from one client to one server, and a last one that may be shorter.
#[derive(Clone, Debug)]
struct Shot {
    client: usize,
    server: usize,
    size: usize,
    count: usize,
    last: usize,
    /// Lent as a run, or queued one by one.
    lent: bool,
}

/// What each flow carried: (client, server), and the datagrams in order.
type Flows = BTreeMap<(usize, usize), Vec<Vec<u8>>>;

#[derive(Debug, PartialEq, Eq)]
struct Delivered {
    there: Flows,
    back: Flows,
}

const CLIENTS: usize = 2;
const SERVERS: usize = 2;

/// A burst stays below what the smallest receive buffer holds.
const BURST: usize = 70_000;

fn size() -> impl Strategy<Value = usize> {
    prop_oneof![
        4 => 0..=2000_usize,
        3 => prop::sample::select(vec![0, 1, 2, 63, 64, 65, 511, 512, 1400, 1472, 1473]),
        1 => prop::sample::select(vec![9000, 32_753, 32_754, 65_506, 65_507]),
        1 => 2000..=65_507_usize,
    ]
}

fn shot() -> impl Strategy<Value = Shot> {
    let count = prop_oneof![3 => 1..4_usize, 2 => 4..70_usize, 1 => 120..140_usize];
    (0..CLIENTS, 0..SERVERS, size(), count, size(), any::<bool>()).prop_map(
        |(client, server, size, count, last, lent)| Shot {
            client,
            server,
            size,
            // What does not fit a burst is cut down.
            count: count.min(BURST / (size + 1)).max(1),
            last: last.min(size),
            lent,
        },
    )
}

/// Bytes that tell one datagram from another.
fn payload(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    fastrand::Rng::with_seed(seed).fill(&mut bytes);
    bytes
}

fn open(backend: Backend, ip: &str) -> Transport {
    // Small batches, so that more than one call is needed; provided buffers run dry, too.
    let settings = TransportConfig {
        batch: 8,
        ..TransportConfig::bulk()
    };
    crate::open(backend, Endpoint::builder(), ip, settings).unwrap()
}

fn addresses(transports: &[Transport]) -> Vec<SocketAddr> {
    let address = |transport: &Transport| transport.endpoint().local_address().unwrap();
    transports.iter().map(address).collect()
}

/// Takes `want` datagrams, notes them by who sent them, and echoes them if told to.
fn take(
    transport: &mut Transport,
    want: usize,
    echo: bool,
    mut note: impl FnMut(SocketAddr, &[u8]),
) {
    let mut seen = 0;
    while seen < want {
        let came = transport
            .receive(SOON, |message, send_queue| {
                assert!(!message.is_truncated() && !message.is_control_truncated());
                for datagram in message.datagrams() {
                    note(message.source(), datagram);
                }
                assert_eq!(message.length(), message.bytes().len());
                if echo {
                    send_queue.echo(message);
                }
            })
            .unwrap();
        assert_ne!(
            came,
            0,
            "{} of {want} came on {:?}",
            seen,
            transport.backend()
        );
        seen += came;
    }
    assert_eq!(seen, want, "more came than was sent");
    if echo {
        assert_eq!(transport.flush().into_result().unwrap(), want);
    }
}

fn run(shots: &[Shot], sending: Backend, receiving: Backend, ip: &str) -> Delivered {
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| open(sending, ip)).collect();
    let mut servers: Vec<_> = (0..SERVERS).map(|_| open(receiving, ip)).collect();
    let (client_at, server_at) = (addresses(&clients), addresses(&servers));
    let index = |all: &[SocketAddr], one| all.iter().position(|other| *other == one).unwrap();
    let (mut there, mut back) = (Flows::new(), Flows::new());
    let mut shots = shots.iter().enumerate().peekable();
    while shots.peek().is_some() {
        let mut owed = [[0; SERVERS]; CLIENTS];
        let mut bytes = 0;
        while let Some((number, shot)) = shots.next_if(|(_, shot)| {
            bytes += shot.size * shot.count;
            bytes <= BURST || bytes == shot.size * shot.count
        }) {
            let to = Some(server_at[shot.server]);
            let mut send_queue = clients[shot.client].send_queue();
            let length = shot.size * (shot.count - 1) + shot.last;
            let whole = payload(number as u64, length);
            // A run cannot end in a datagram of no bytes, nor consist of them.
            if shot.lent && shot.last > 0 {
                send_queue.send(&Transmit::new(&whole).to(to).in_segments_of(shot.size));
            } else {
                let (sized, last) = whole.split_at(length - shot.last);
                for index in 0..shot.count - 1 {
                    send_queue
                        .queue(&Transmit::new(&sized[index * shot.size..][..shot.size]).to(to));
                }
                send_queue.queue(&Transmit::new(last).to(to));
            }
            owed[shot.client][shot.server] += shot.count;
        }
        for client in &mut clients {
            client.flush().into_result().unwrap();
        }
        for (number, server) in servers.iter_mut().enumerate() {
            let want = owed.iter().map(|owed| owed[number]).sum();
            take(server, want, true, |source, datagram| {
                let flow = (index(&client_at, source), number);
                there.entry(flow).or_default().push(datagram.to_vec());
            });
        }
        for (number, client) in clients.iter_mut().enumerate() {
            take(
                client,
                owed[number].iter().sum(),
                false,
                |source, datagram| {
                    let flow = (number, index(&server_at, source));
                    back.entry(flow).or_default().push(datagram.to_vec());
                },
            );
        }
    }
    Delivered { there, back }
}

/// What a flow has to carry.
fn model(shots: &[Shot]) -> Flows {
    let mut flows = Flows::new();
    for (number, shot) in shots.iter().enumerate() {
        let flow = flows.entry((shot.client, shot.server)).or_default();
        let whole = payload(number as u64, shot.size * (shot.count - 1) + shot.last);
        for index in 0..shot.count - 1 {
            flow.push(whole[index * shot.size..][..shot.size].to_vec());
        }
        flow.push(whole[whole.len() - shot.last..].to_vec());
    }
    flows
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 8, ..crate::cases::cases(96) })]

    #[test]
    fn every_pair_of_backends_delivers_what_single_delivers(
        shots in prop::collection::vec(shot(), 1..10),
        v6: bool,
    ) {
        let ip = if v6 { "::1" } else { "127.0.0.1" };
        let want = run(&shots, Backend::Single, Backend::Single, ip);
        prop_assert_eq!(&want.there, &model(&shots));
        let backends: Vec<_> = crate::backends().collect();
        for &sending in &backends {
            for &receiving in &backends {
                let got = run(&shots, sending, receiving, ip);
                prop_assert!(got == want, "{sending} to {receiving} differs");
            }
        }
    }
}
