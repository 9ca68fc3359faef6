//! Exchanges through a bad network, in virtual time: each is done once and answered right.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::SocketAddr;
use std::time::Duration;

use fastrand::Rng;
use udpraw::protocol::Backoff;
use udpraw::protocol::exchange::{
    Frame, Ignored, Incoming, Kind, Limits, Outcome, Requester, Responder,
};

const CLIENTS: usize = 20;
const EACH: u32 = 500;

/// Where a datagram goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum To {
    Server { from: usize },
    Client { to: usize, from_server: bool },
}

/// A datagram that is under way: when it arrives, in which order it was sent, where it goes, its bytes.
type Sent = (Duration, u64, To, Vec<u8>);

/// A network that loses 30 %, doubles 20 %, delays 30 % beyond those behind, and changes a byte of 1 %.
struct Network {
    dice: Rng,
    now: Duration,
    /// What is under way.
    way: BinaryHeap<Reverse<Sent>>,
    sent: u64,
    /// Lost, doubled, delayed, changed.
    did: [u64; 4],
}

impl Network {
    fn happens(&mut self, what: usize, probability: f64) -> bool {
        let does = self.dice.f64() < probability;
        self.did[what] += u64::from(does);
        does
    }

    fn send(&mut self, to: To, bytes: &[u8]) {
        let copies = 1 + usize::from(self.happens(1, 0.2));
        for _ in 0..copies {
            if self.happens(0, 0.3) {
                continue;
            }
            let mut bytes = bytes.to_vec();
            if self.happens(3, 0.01) {
                let at = self.dice.usize(..bytes.len());
                bytes[at] ^= self.dice.u8(1..);
            }
            let mut delay = Duration::from_millis(20);
            if self.happens(2, 0.3) {
                // Some so long that the next request is under way before the answer to this one.
                delay += Duration::from_millis(self.dice.u64(1..4_000));
            }
            self.sent += 1;
            let at = self.now + delay;
            self.way.push(Reverse((at, self.sent, to, bytes)));
        }
    }
}

struct Client {
    requester: Requester,
    dice: Rng,
    id: u64,
    asked: u32,
    answered: u32,
}

fn text(client: usize, number: u32) -> String {
    format!("request {number} of client {client}")
}

/// What the server does must tell how often it did it.
fn reply(text: &[u8], times: u32) -> Vec<u8> {
    [text, format!(", done {times} times").as_bytes()].concat()
}

/// Forged replies to a request that is under way: never the right source, id and checksum at once.
fn forge(network: &mut Network, client: usize, id: u64) {
    let lie = |id| {
        let mut bytes = Vec::new();
        Frame {
            kind: Kind::Reply,
            id,
            attempt: 1,
            payload: b"a lie",
        }
        .encode(&mut bytes);
        bytes
    };
    let guess = network.dice.u64(..);
    let mut broken = lie(id);
    let at = network.dice.usize(..broken.len());
    broken[at] ^= network.dice.u8(1..);
    for (from_server, bytes) in [(true, lie(guess)), (false, lie(id)), (true, broken)] {
        network.sent += 1;
        let to = To::Client {
            to: client,
            from_server,
        };
        let at = network.now + Duration::from_millis(1);
        network.way.push(Reverse((at, network.sent, to, bytes)));
    }
}

struct End {
    done: HashMap<u64, u32>,
    ignored: Ignored,
    repeats: u64,
    evicted: u64,
    did: [u64; 4],
    samples: usize,
    time: Duration,
}

/// Sends a client's next request, and something that is no reply to it.
fn ask(network: &mut Network, number: usize, client: &mut Client) {
    client.id = client.dice.u64(..);
    let text = text(number, client.asked);
    // Datagrams are under way for up to four seconds, so each wait is long.
    let limit = Some(Duration::from_secs(3_600));
    let requester = &mut client.requester;
    requester
        .start(network.now, client.id, text.as_bytes(), None, limit)
        .unwrap();
    client.asked += 1;
    let transmit = requester.poll_transmit(network.now).unwrap();
    network.send(To::Server { from: number }, transmit.bytes);
    forge(network, number, client.id);
}

/// What all clients ignored; each has every answer.
fn ignored(clients: &[Client]) -> Ignored {
    let mut ignored = Ignored::default();
    for client in clients {
        assert_eq!(client.answered, EACH);
        let more = client.requester.ignored();
        ignored.stale += more.stale;
        ignored.forged += more.forged;
        ignored.corrupt += more.corrupt;
        ignored.other += more.other;
    }
    ignored
}

fn run(seed: u64, limits: Limits) -> End {
    let mut network = Network {
        dice: Rng::with_seed(seed),
        now: Duration::ZERO,
        way: BinaryHeap::new(),
        sent: 0,
        did: [0; 4],
    };
    let mut clients: Vec<_> = (0..CLIENTS)
        .map(|number| Client {
            requester: Requester::new(Backoff::Rfc9002),
            dice: Rng::with_seed(seed ^ (number as u64 + 1) << 32),
            id: 0,
            asked: 0,
            answered: 0,
        })
        .collect();
    let address = |client: usize| SocketAddr::from(([127, 0, 0, 1], 40_000 + client as u16));
    let mut server = Responder::new(limits);
    let (mut done, mut answer) = (HashMap::new(), Vec::new());
    let mut samples = 0;

    for steps in 0.. {
        assert!(steps < 2_000_000, "it does not end");
        for (number, client) in clients.iter_mut().enumerate() {
            if client.requester.poll_timeout().is_some() || client.asked == EACH {
                continue;
            }
            ask(&mut network, number, client);
        }
        let deadlines = clients.iter().enumerate();
        let deadline = deadlines
            .filter_map(|(number, client)| Some((client.requester.poll_timeout()?, number)));
        let Some((deadline, number)) = deadline.min() else {
            break;
        };
        let arrives = network.way.peek().map(|Reverse((at, ..))| *at);
        if arrives.is_none_or(|at| at > deadline) {
            network.now = deadline;
            let requester = &mut clients[number].requester;
            requester.handle_timeout(deadline);
            let transmit = requester.poll_transmit(deadline).unwrap();
            network.send(To::Server { from: number }, transmit.bytes);
            continue;
        }
        let Some(Reverse((at, _, to, bytes))) = network.way.pop() else {
            unreachable!()
        };
        network.now = at;
        match to {
            To::Server { from } => {
                let mut is_answered = true;
                match server.handle_datagram(address(from), &bytes, &mut answer) {
                    Incoming::Request(pending, text) => {
                        let times = done.entry(pending.id()).or_insert(0);
                        *times += 1;
                        server.reply(pending, &reply(text, *times), &mut answer);
                    }
                    Incoming::Repeat { .. } => {}
                    // A changed byte, and nothing else.
                    Incoming::Rejected(_) => is_answered = false,
                    other => panic!("{other:?}"),
                }
                assert_eq!(is_answered, !answer.is_empty());
                if is_answered {
                    let to = To::Client {
                        to: from,
                        from_server: true,
                    };
                    network.send(to, &answer);
                }
            }
            To::Client { to, from_server } => {
                let client = &mut clients[to];
                let requester = &mut client.requester;
                let outcome = requester.handle_datagram(at, from_server, &bytes);
                if let Outcome::Reply {
                    payload,
                    round_trip,
                    ..
                } = outcome
                {
                    let want = reply(text(to, client.asked - 1).as_bytes(), 1);
                    assert_eq!(payload, want, "{}", payload.escape_ascii());
                    client.answered += 1;
                    samples += usize::from(round_trip.is_some());
                }
            }
        }
    }
    End {
        done,
        ignored: ignored(&clients),
        repeats: server.served().repeats,
        evicted: server.served().evicted,
        did: network.did,
        samples,
        time: network.now,
    }
}

#[test]
fn ten_thousand_are_each_done_once_and_answered_right() {
    for seed in 1..=3 {
        let end = run(seed, Limits::default());
        assert_eq!(end.done.len(), CLIENTS * EACH as usize);
        assert!(end.done.values().all(|times| *times == 1));
        // The network was as bad as it should be, and the forgers were at work.
        for (did, least) in end.did.iter().zip([10_000, 6_000, 7_500, 200]) {
            assert!(*did > least, "{:?}", end.did);
        }
        assert!(
            end.repeats > 5_000 && end.ignored.stale > 2_000,
            "{} {:?}",
            end.repeats,
            end.ignored
        );
        assert!(end.ignored.forged >= 20_000, "{:?}", end.ignored);
        // Every reply is a sample, whatever was sent again.
        assert_eq!(end.samples, CLIENTS * EACH as usize);
        // 10,000 answers are more than the cache holds: only old ones were given up.
        assert_eq!(end.evicted, 10_000 - 4_096);
        println!(
            "seed {seed}: {:?} of network, {:?}, {} repeats",
            end.time, end.ignored, end.repeats
        );
    }
}

#[test]
#[should_panic(expected = "done 3 times")]
fn with_too_small_a_cache_it_would_be_seen() {
    let mut limits = Limits::default();
    limits.entries = 2;
    limits.bytes = 0;
    run(1, limits);
}
