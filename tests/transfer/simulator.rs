//! Both ends of a transfer over bad networks, in virtual time: what arrives is what was sent, always.

mod crafted;
mod endings;
mod hostile;
mod mild;
mod networks;
mod paths;

use std::net::SocketAddr;
use std::time::Duration;

use proptest::prelude::*;
use udpraw::protocol::congestion::Cubic;
use udpraw::protocol::impairment::{Direction, Flow, Link, Profile};
use udpraw::protocol::transfer::crypto::{PreSharedKey, SharedCode};
use udpraw::protocol::transfer::{
    Access, Code, Failure, Incoming, Listener, Receiver, ReceiverConfig, Security, Sender,
    SenderConfig,
};
use udpraw::socket::Ecn;

const PATIENCE: Duration = Duration::from_secs(600);
const WINDOW: u64 = 256 << 10;
const MOST: u64 = 4 << 20;
/// Bytes of the stream for each byte of the answer stream.
const PER_ANSWER: usize = 50;

fn key() -> PreSharedKey {
    SharedCode::new([7; 16]).pre_shared_key()
}

/// One direction of the network, and the flow in it.
struct Way {
    link: Link,
    flow: Flow,
}

impl Way {
    fn new(profile: Profile, seed: u64, direction: Direction) -> Self {
        Self {
            link: Link::new(profile, seed, direction),
            flow: Flow::new(0),
        }
    }

    /// Puts a datagram on its way; says whether it arrives at once.
    fn handle_datagram(&mut self, now: Duration, bytes: &[u8]) -> bool {
        self.link
            .handle_datagram(now, &mut self.flow, bytes)
            .is_through
    }
}

/// Two ends and what lies between them.
struct World<'a> {
    now: Duration,
    stream: &'a [u8],
    sender: Sender,
    listener: Listener,
    receiver: Option<Receiver>,
    got: Vec<u8>,
    answered: usize,
    answers: Vec<u8>,
    up: Way,
    down: Way,
    /// Where the sender is.
    source: SocketAddr,
    dice: fastrand::Rng,
    /// The share of datagrams that a router marks.
    marked: f64,
    /// Until then the sender's socket refuses, and nothing arrives at either end.
    outage: Duration,
    /// Whether each datagram also returns to whoever sent it.
    reflects: bool,
    /// Whether everything is stored as soon as it has arrived.
    stores: bool,
    /// The most datagrams that the sender kept in mind.
    tracked: usize,
    bytes_down: u64,
}

fn sender(seed: u64, is_keyed: bool) -> SenderConfig {
    let mut dice = fastrand::Rng::with_seed(seed ^ 0x5eed);
    let mut config = SenderConfig::default();
    config.timeout = PATIENCE;
    let mut ephemerals = [[0; 32]; 2];
    dice.fill(ephemerals.as_flattened_mut());
    config.security = is_keyed.then(|| Security::new(key(), ephemerals));
    config
}

fn listener(seed: u64, is_keyed: bool) -> Listener {
    let access = if is_keyed {
        Access::Code(key())
    } else {
        Access::Open
    };
    Listener::new(seed.to_be_bytes().repeat(2).try_into().unwrap(), access)
}

impl<'a> World<'a> {
    fn new(stream: &'a [u8], seed: u64, up: &str, down: &str) -> Self {
        Self::with(
            stream,
            seed,
            seed.is_multiple_of(2),
            sender(seed, seed.is_multiple_of(2)),
            up,
            down,
        )
    }

    fn with(
        stream: &'a [u8],
        seed: u64,
        is_keyed: bool,
        config: SenderConfig,
        up: &str,
        down: &str,
    ) -> Self {
        let congestion = Box::new(Cubic::new(1_200));
        Self {
            now: Duration::ZERO,
            stream,
            sender: Sender::new(Duration::ZERO, seed, config, congestion),
            listener: listener(seed, is_keyed),
            receiver: None,
            got: Vec::new(),
            answered: 0,
            answers: Vec::new(),
            up: Way::new(up.parse().expect(up), seed, Direction::Up),
            down: Way::new(down.parse().expect(down), seed, Direction::Down),
            source: SocketAddr::from(([127, 0, 0, 1], 4000)),
            dice: fastrand::Rng::with_seed(seed),
            marked: 0.0,
            outage: Duration::ZERO,
            reflects: false,
            stores: true,
            tracked: 0,
            bytes_down: 0,
        }
    }

    fn is_out(&self) -> bool {
        self.now < self.outage
    }

    /// A datagram arrives at the receiver; returns whether it was accepted as one of a transfer.
    fn arrives_up(&mut self, bytes: &[u8]) -> bool {
        if self.is_out() {
            return false;
        }
        let ecn = match self.sender.ecn() {
            Ecn::Ect0 if self.dice.f64() < self.marked => Ecn::Ce,
            ecn => ecn,
        };
        let (mut answer, mut is_accepted) = (Vec::new(), false);
        let dice = &mut self.dice;
        let mut random = || {
            let mut bytes = [0; 32];
            dice.fill(&mut bytes);
            Some(bytes)
        };
        let incoming =
            (self.listener).handle_datagram(self.now, self.source, bytes, &mut random, &mut answer);
        match incoming {
            Incoming::Response | Incoming::Unauthorized(_) => {
                assert!(
                    answer.len() <= bytes.len(),
                    "an answer longer than its question"
                );
                self.send_down(&answer);
            }
            Incoming::Open(opening) => {
                is_accepted = true;
                if self.receiver.is_none() {
                    let mut config = ReceiverConfig::default();
                    config.window = WINDOW;
                    config.max_window = MOST;
                    config.timeout = PATIENCE;
                    self.receiver = opening.accept(self.now, config);
                }
            }
            Incoming::Again(id) => {
                if let Some(receiver) = &mut self.receiver
                    && receiver.id() == id
                {
                    receiver.accept_again();
                }
            }
            Incoming::Packet(connection) => match &mut self.receiver {
                Some(receiver) if receiver.connection() == connection => {
                    let got = &mut self.got;
                    let taken = receiver.handle_datagram(self.now, self.source, ecn, bytes, got);
                    is_accepted = taken.is_ok();
                }
                _ => {
                    let (now, length) = (self.now, bytes.len());
                    if self
                        .listener
                        .reply_to_unknown(now, connection, length, &mut answer)
                    {
                        assert!(answer.len() <= length);
                        self.send_down(&answer);
                    }
                }
            },
            Incoming::Rejected(_) => {}
            other => panic!("{other:?}"),
        }
        self.receiver_speaks();
        is_accepted
    }

    fn receiver_speaks(&mut self) {
        let want = self.got.len() / PER_ANSWER;
        while let Some(receiver) = &mut self.receiver {
            self.answered += receiver.write_answer(&self.stream[self.answered..want]);
            if receiver.is_complete() && receiver.is_answered() && self.stores {
                receiver.on_stored(self.now);
            }
            let Some(datagram) = receiver.poll_transmit(self.now) else {
                break;
            };
            let (bytes, to) = (datagram.bytes.to_vec(), datagram.to);
            self.bytes_down += bytes.len() as u64;
            if self.reflects {
                let (now, got) = (self.now, &mut self.got);
                let _ = receiver.handle_datagram(now, self.source, Ecn::NotEct, &bytes, got);
            }
            // Nobody is at the old address any more.
            if to == self.source {
                self.send_down(&bytes);
            }
        }
    }

    fn send_down(&mut self, bytes: &[u8]) {
        if self.down.handle_datagram(self.now, bytes) && !self.is_out() {
            let _ = self.sender.handle_datagram(self.now, bytes);
        }
    }

    fn sender_speaks(&mut self) {
        let mut datagrams = Vec::new();
        while let Some(run) = self.sender.poll_transmit(self.now, &self.stream) {
            if self.now < self.outage {
                self.sender.on_send_failed(self.now);
                continue;
            }
            run.copy(&self.stream, &mut datagrams);
            assert!(datagrams.len() == run.length() && run.length() <= 65_507);
            assert_eq!(datagrams.len().div_ceil(run.segment_size()), run.count());
            let segment_size = run.segment_size();
            for datagram in datagrams.chunks(segment_size) {
                if self.reflects {
                    let _ = self.sender.handle_datagram(self.now, datagram);
                }
                if self.up.handle_datagram(self.now, datagram) {
                    self.arrives_up(datagram);
                }
            }
        }
        if !self.is_out() {
            self.sender.on_send_succeeded();
        }
        self.tracked = self.tracked.max(self.sender.tracked());
    }

    /// One step in time; `false` when nothing will ever happen again.
    fn step(&mut self) -> bool {
        while let Some(released) = self.up.link.poll_transmit(self.now) {
            let bytes = released.bytes.to_vec();
            self.arrives_up(&bytes);
        }
        while let Some(released) = self.down.link.poll_transmit(self.now) {
            if self.now < self.outage {
                continue;
            }
            let bytes = released.bytes.to_vec();
            let _ = self.sender.handle_datagram(self.now, &bytes);
        }
        self.sender.take_answers(&mut self.answers);
        self.sender.handle_timeout(self.now);
        if let Some(receiver) = &mut self.receiver {
            receiver.handle_timeout(self.now);
        }
        self.sender_speaks();
        self.receiver_speaks();
        let receiver = self.receiver.as_ref();
        let times = [
            self.up.link.poll_timeout(),
            self.down.link.poll_timeout(),
            self.sender.poll_timeout(),
            receiver.and_then(Receiver::poll_timeout),
        ];
        match times.into_iter().flatten().min() {
            Some(next) => {
                // Time does not stand still for ever: a deadline that has passed was heeded.
                self.now = next.max(self.now + Duration::from_nanos(1));
                true
            }
            None => false,
        }
    }

    /// Runs until both ends are done.
    fn run(&mut self) {
        for _ in 0..4_000_000 {
            let is_received = (self.receiver.as_ref()).is_none_or(|end| end.result().is_some());
            if self.sender.result().is_some() && is_received || !self.step() {
                self.sender.take_answers(&mut self.answers);
                return;
            }
        }
        panic!(
            "stuck at {:?}: {:#?} {:#?}",
            self.now, self.sender, self.receiver
        );
    }

    /// Runs until `time`, or until both ends are done.
    fn run_until(&mut self, time: Duration) {
        while self.now < time && self.sender.result().is_none() && self.step() {}
    }

    fn assert_whole(&self) {
        let receiver = self.receiver.as_ref().expect("a receiver");
        assert_eq!(self.sender.result(), Some(Ok(())), "{:?}", self.now);
        assert_eq!(receiver.result(), Some(Ok(())));
        assert_eq!(receiver.total(), Some(self.stream.len() as u64));
        assert!(self.got == self.stream, "what came is not what was sent");
        let answers = &self.stream[..self.stream.len() / PER_ANSWER];
        assert!(self.answers == answers, "the answers are not whole");
    }
}

fn stream(seed: u64, length: usize) -> Vec<u8> {
    let mut dice = fastrand::Rng::with_seed(seed);
    std::iter::repeat_with(|| dice.u8(..))
        .take(length)
        .collect()
}

#[test]
fn a_clock_that_stands_still_ends_nothing_and_loops_nowhere() {
    let stream = stream(8, 1 << 20);
    let mut world = World::new(&stream, 8, "loss=50%", "loss=50%");
    for _ in 0..1000 {
        world.sender.handle_timeout(world.now);
        world.sender_speaks();
        world.receiver_speaks();
    }
    assert!(world.sender.counts().datagrams < 10_000);
}

proptest! {
    #![proptest_config(crate::common::cases(64))]

    /// Whatever comes in between, a transfer ends well: junk, and frames of others.
    #[test]
    fn junk_does_no_harm(seed: u64, junk in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..100), 1..20)) {
        let stream = stream(seed, 100_000);
        let mut world = World::new(&stream, seed, "loss=5%,delay=1ms", "loss=5%,delay=1ms");
        for bytes in junk.iter().cycle() {
            world.arrives_up(bytes);
            let _ = world.sender.handle_datagram(world.now, bytes);
            if world.sender.result().is_some() || !world.step() {
                break;
            }
        }
        world.run();
        world.assert_whole();
    }
}
