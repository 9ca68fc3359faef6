//! Exchanges through real loss are quick: in virtual time, through the impairments of `udpraw relay`.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use fastrand::Rng;
use udpraw::protocol::Backoff;
use udpraw::protocol::exchange::{Incoming, Limits, Outcome, Requester, Responder};
use udpraw::protocol::impairment::{Direction, Flow, Link};

/// The line that took more than 200 s, and left requests unanswered.
const LINE: &str = "loss=30%,duplicate=20%,reorder=30%";

/// One direction of the relay, for its only flow.
struct Way {
    link: Link,
    flow: Flow,
}

impl Way {
    fn new(profile: &str, seed: u64, direction: Direction) -> Self {
        Self {
            link: Link::new(profile.parse().unwrap(), seed, direction),
            flow: Flow::new(0),
        }
    }

    /// Sends a datagram; what arrives at once goes to `out`.
    fn send(&mut self, now: Duration, bytes: &[u8], out: &mut Vec<Vec<u8>>) {
        self.poll_transmit(now, out);
        if self
            .link
            .handle_datagram(now, &mut self.flow, bytes)
            .is_through
        {
            out.push(bytes.to_vec());
        }
        self.poll_transmit(now, out);
    }

    fn poll_transmit(&mut self, now: Duration, out: &mut Vec<Vec<u8>>) {
        while let Some(departure) = self.link.poll_transmit(now) {
            out.push(departure.bytes.to_vec());
        }
    }
}

/// What a client's requests came to.
struct End {
    time: Duration,
    answered: usize,
    sent: u64,
    samples: usize,
    /// The shortest time between two datagrams of a request, where the round trip was known, in
    /// smoothed round trips.
    closest: f64,
}

/// A client, a server and the relay between them.
struct Network {
    up: Way,
    down: Way,
    server: Responder,
    /// How often each request was done.
    done: HashMap<u64, u32>,
    requester: Requester,
    now: Duration,
    arrived: Vec<Vec<u8>>,
    answer: Vec<u8>,
}

impl Network {
    fn new(profile: &str, seed: u64) -> Self {
        Self {
            up: Way::new(profile, seed, Direction::Up),
            down: Way::new(profile, seed, Direction::Down),
            server: Responder::new(Limits::default()),
            done: HashMap::new(),
            requester: Requester::new(Backoff::Rfc9002),
            now: Duration::ZERO,
            arrived: Vec::new(),
            answer: Vec::new(),
        }
    }

    /// Hands all that has left the way up to the server, and its answers to the way down.
    fn serve(&mut self, requests: Vec<Vec<u8>>) {
        let client = SocketAddr::from(([127, 0, 0, 1], 9));
        for bytes in requests {
            match self
                .server
                .handle_datagram(client, &bytes, &mut self.answer)
            {
                Incoming::Request(pending, text) => {
                    *self.done.entry(pending.id()).or_default() += 1;
                    self.server.reply(pending, text, &mut self.answer);
                }
                Incoming::Repeat { .. } => {}
                other => panic!("{other:?}"),
            }
            assert!(28 + self.answer.len() <= 3 * (28 + bytes.len()));
            self.down.send(self.now, &self.answer, &mut self.arrived);
        }
    }

    /// Sends the attempt that is due; says whether one was.
    fn transmit(&mut self) -> bool {
        let mut requests = Vec::new();
        let Some(transmit) = self.requester.poll_transmit(self.now) else {
            return false;
        };
        self.up.send(self.now, transmit.bytes, &mut requests);
        self.serve(requests);
        true
    }

    /// Goes on to the next deadline, if there is one.
    fn step(&mut self) -> Option<()> {
        let deadline = self.requester.poll_timeout()?;
        let due = [self.up.link.poll_timeout(), self.down.link.poll_timeout()];
        self.now = due.into_iter().flatten().fold(deadline, Duration::min);
        let mut requests = Vec::new();
        self.up.poll_transmit(self.now, &mut requests);
        self.serve(requests);
        self.down.poll_transmit(self.now, &mut self.arrived);
        self.requester.handle_timeout(self.now);
        Some(())
    }

    /// Makes one request: whether it was answered.
    fn ask(&mut self, id: u64, end: &mut End) -> bool {
        let text = id.to_be_bytes();
        let started = self.requester.start(self.now, id, &text, None, None);
        started.unwrap();
        let mut last: Option<Duration> = None;
        loop {
            if self.transmit() {
                let smoothed = self.requester.estimate().smoothed();
                if let (Some(last), Some(smoothed)) = (last.replace(self.now), smoothed) {
                    let gap = (self.now - last).as_secs_f64() / smoothed.as_secs_f64();
                    end.closest = end.closest.min(gap);
                }
                end.sent += 1;
            }
            for bytes in std::mem::take(&mut self.arrived) {
                let outcome = self.requester.handle_datagram(self.now, true, &bytes);
                if let Outcome::Reply {
                    payload,
                    round_trip,
                    ..
                } = outcome
                {
                    assert_eq!(payload, text);
                    end.samples += usize::from(round_trip.is_some());
                    return true;
                }
            }
            if self.step().is_none() {
                return false;
            }
        }
    }
}

/// So many requests, one after the other.
fn run(profile: &str, seed: u64, requests: usize) -> End {
    let mut network = Network::new(profile, seed);
    let mut end = End {
        time: Duration::ZERO,
        answered: 0,
        sent: 0,
        samples: 0,
        closest: f64::MAX,
    };
    let mut ids = Rng::with_seed(seed);
    for _ in 0..requests {
        end.answered += usize::from(network.ask(ids.u64(..), &mut end));
    }
    end.time = network.now;
    assert_eq!(network.server.served().evicted, 0);
    assert!(network.done.values().all(|times| *times == 1), "once");
    assert_eq!(network.done.len(), requests);
    end
}

#[test]
fn the_line_that_took_200_s() {
    let end = run(LINE, 3, 50);
    assert_eq!((end.answered, end.samples), (50, 50));
    assert!(end.time < Duration::from_secs(15), "{:?}", end.time);
}

#[test]
fn fifty_through_every_seed() {
    for profile in [LINE, "loss=30%,duplicate=20%,reorder=30%,delay=25ms"] {
        let mut times = Vec::new();
        for seed in 0..3_000 {
            let end = run(profile, seed, 50);
            assert_eq!((end.answered, end.samples), (50, 50), "{profile}, {seed}");
            // Never more than one datagram in a round trip (RFC 8085 section 3.1.1).
            assert!(end.closest >= 0.999, "{profile}, {seed}: {}", end.closest);
            times.push(end.time);
        }
        times.sort_unstable();
        let at = |part: usize| times[times.len() * part / 100];
        println!(
            "{profile}: {:?} {:?} {:?} {:?} {:?}",
            at(50),
            at(90),
            at(95),
            at(99),
            times.last()
        );
        assert!(at(50) < Duration::from_secs(10), "{:?}", at(50));
        assert!(at(90) < Duration::from_secs(15), "{:?}", at(90));
    }
}

#[test]
fn a_thousand_through_30_percent_each_way() {
    for profile in ["loss=30%", "loss=30%,delay=25ms,jitter=10ms"] {
        for seed in 0..100 {
            let end = run(profile, seed, 1_000);
            assert_eq!(end.answered, 1_000, "{profile}, {seed}");
            // Half of the attempts get through.
            assert!(end.sent < 4_000, "{profile}, {seed}: {}", end.sent);
            assert!(
                end.time < Duration::from_secs(600),
                "{profile}, {seed}: {:?}",
                end.time
            );
        }
    }
}
