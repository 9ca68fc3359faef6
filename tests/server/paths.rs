//! The plain loop is the oracle: on every backend, with one worker and with two, a server does, counts and
//! tells the same.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use udpraw::error::Error;
use udpraw::io::{Backend, BackendChoice, TransportConfig};
use udpraw::protocol::bench_handshake::Question;
use udpraw::protocol::exchange::{Frame, Kind, Limits};
use udpraw::server::{Behaviour, Config, Event, Reply, Server, Summary, listen_group};
use udpraw::socket::{Endpoint, ReceiveBuffer, Waker, option};

const CLIENTS: usize = 3;
const EACH: usize = 25;
const THIS_THREAD: Pid = Pid::from_raw(0);

fn loopback() -> SocketAddr {
    "127.0.0.1:0".parse().expect("an address")
}

/// The datagrams of one client: some are answered, some must not be, some are asked again.
fn traffic(random: &mut fastrand::Rng) -> Vec<Vec<u8>> {
    let mut datagrams: Vec<Vec<u8>> = Vec::new();
    for _ in 0..EACH {
        let mut bytes = Vec::new();
        let kind = [Kind::Request, Kind::Reply][usize::from(random.u8(..4) == 0)];
        match random.u8(..7) {
            0 => {}
            1 => bytes.extend_from_slice(b"Your data was 38 bytes long"),
            2 => bytes.extend(
                Question {
                    nonce: random.u64(1..),
                }
                .encode(),
            ),
            3 | 4 => Frame {
                kind,
                id: random.u64(..8),
                attempt: 1,
                payload: &[random.u8(..2); 60],
            }
            .encode(&mut bytes),
            5 if !datagrams.is_empty() => {
                bytes.clone_from(&datagrams[random.usize(..datagrams.len())]);
            }
            _ => bytes.extend((0..random.usize(..300)).map(|_| random.u8(..))),
        }
        datagrams.push(bytes);
    }
    datagrams
}

/// What a run did: its figures, its events in any order, and each client's replies in any order.
#[derive(Debug, PartialEq)]
struct Done {
    summary: Summary,
    events: Vec<String>,
    replies: Vec<Vec<u8>>,
}

/// Keeps this thread on the CPU where it is; says where it was allowed before.
fn stay_on_one_cpu() -> CpuSet {
    let all = sched_getaffinity(THIS_THREAD).unwrap();
    let mut here = CpuSet::new();
    here.set(nix::sched::sched_getcpu().unwrap()).unwrap();
    sched_setaffinity(THIS_THREAD, &here).unwrap();
    all
}

/// Serves the datagrams of all clients. A server answers a client in its order, so the answer to a last
/// question says that all before it is done. `None` where this kernel lacks the backend.
fn run(
    clients: &[Endpoint],
    traffic: &[Vec<Vec<u8>>],
    config: Config,
    workers: usize,
) -> Option<Done> {
    let endpoints = listen_group(loopback(), [], workers).unwrap();
    let mut server = match Server::new(endpoints, config) {
        Ok(server) => server,
        Err(error) if error.kind() == std::io::ErrorKind::Unsupported => return None,
        Err(error) => panic!("{error}"),
    };
    let (address, stop) = (server.addresses()[0], AtomicBool::new(false));
    // The plain loop waits without a waker as with one; the signal that ends it is the program's.
    let waker: Waker = server.waker().unwrap();
    let (mut events, mut replies) = (Vec::new(), Vec::new());
    thread::scope(|scope| {
        let serving = scope.spawn(|| {
            server.run(&stop, |event: &Event<'_>| {
                events.push(match event {
                    Event::Failed(error) => error.to_string(),
                    event => format!("{event:?}"),
                });
                Ok::<(), Error>(())
            })
        });
        // The workers share the port by CPU (SO_ATTACH_REUSEPORT_CBPF): a client that moves to another CPU would
        // be answered by another worker, and so not in its order.
        let all = stay_on_one_cpu();
        for (client, datagrams) in clients.iter().zip(traffic) {
            for bytes in datagrams {
                client.send_to(bytes, address).unwrap();
            }
            let last = Question { nonce: 0 };
            client.send_to(&last.encode(), address).unwrap();
            let mut buffer = ReceiveBuffer::new();
            loop {
                let datagram = client.receive(&mut buffer).unwrap();
                if last.answer(datagram.bytes()).is_some() {
                    break;
                }
                // What was received and dropped so far depends on the workers.
                if !udpraw::protocol::bench_handshake::is_answer(datagram.bytes()) {
                    replies.push(datagram.bytes().to_vec());
                }
            }
        }
        sched_setaffinity(THIS_THREAD, &all).unwrap();
        stop.store(true, Ordering::Relaxed);
        waker.wake();
        serving.join().unwrap().unwrap();
    });
    let summary = server.summary();
    events.sort_unstable();
    replies.sort_unstable();
    Some(Done {
        summary,
        events,
        replies,
    })
}

/// Behaviours of every kind.
fn behaviours() -> Vec<Behaviour> {
    let text = |text: &str| Reply::Text(text.parse().unwrap());
    let exchange = Some(Limits::default());
    let replies = [
        (Reply::length(), None),
        (Reply::Echo, None),
        (Reply::Nothing, None),
        // Too long for some requests, and too long for UDP.
        (text(&"many bytes".repeat(20)), None),
        (text(&"too many bytes".repeat(5000)), None),
        (Reply::Echo, exchange),
        (text(&"many bytes".repeat(50)), exchange),
    ];
    let mut behaviours = Vec::new();
    for (reply, exchange) in replies {
        for per_datagram_events in [true, false] {
            for allow_amplification in [false, true] {
                let mut behaviour = Behaviour::default();
                behaviour.reply = reply.clone();
                behaviour.allow_bench = true;
                behaviour.allow_amplification = allow_amplification;
                behaviour.exchange = exchange;
                behaviour.per_datagram_events = per_datagram_events;
                behaviours.push(behaviour);
            }
        }
    }
    behaviours
}

#[test]
fn every_path_does_what_the_plain_loop_does() {
    // Each mostly waits.
    thread::scope(|scope| {
        for (seed, behaviour) in (0..).zip(behaviours()) {
            scope.spawn(move || compare(seed, &behaviour));
        }
    });
}

fn compare(seed: u64, behaviour: &Behaviour) {
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let client = Endpoint::builder()
            .option(option::SO_RCVTIMEO, Duration::from_secs(10))
            .bind(loopback());
        clients.push(client.unwrap());
    }
    let mut random = fastrand::Rng::with_seed(seed);
    let traffic: Vec<_> = clients.iter().map(|_| traffic(&mut random)).collect();
    let plain = run(&clients, &traffic, behaviour.clone().into(), 1).unwrap();
    assert!(plain.summary.datagrams > 0);
    let told = plain.events.iter();
    let told = told.filter(|event| event.starts_with("Replied")).count() as u64;
    if behaviour.per_datagram_events && behaviour.exchange.is_none() {
        assert_eq!(told, plain.summary.replies);
    }
    for backend in Backend::ALL {
        for workers in [1, 2] {
            let mut config = Config::from(behaviour.clone());
            config.backend = BackendChoice::Only(backend);
            // Not the plain loop, on `single` either.
            config.transport = TransportConfig::default();
            let Some(mut done) = run(&clients, &traffic, config, workers) else {
                continue;
            };
            if !behaviour.per_datagram_events {
                // Of those that fail in one batch, the first is told.
                let failed = !plain.events.is_empty();
                assert_eq!(!done.events.is_empty(), failed, "{:?}", done.events);
                done.events.clone_from(&plain.events);
            }
            assert_eq!(done, plain, "{backend}, {workers} workers, {behaviour:?}");
        }
    }
}
