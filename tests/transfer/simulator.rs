//! Both ends of a transfer over bad networks, in virtual time: what arrives is what was sent, always.

mod endings;

use std::net::SocketAddr;
use std::time::Duration;

use proptest::prelude::*;
use udpraw::protocol::congestion::Cubic;
use udpraw::protocol::impairment::{Direction, Flow, Link, Profile};
use udpraw::protocol::transfer::{
    Code, Digest, Failure, Incoming, Listener, Receiver, ReceiverConfig, Sender, SenderConfig,
};

const PATIENCE: Duration = Duration::from_secs(600);
const WINDOW: u64 = 256 << 10;
const MOST: usize = 4 << 20;

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
    kept: Digest,
    got: Vec<u8>,
    up: Way,
    down: Way,
    /// The most datagrams that the sender kept in mind.
    tracked: usize,
}

impl<'a> World<'a> {
    fn new(stream: &'a [u8], seed: u64, up: &str, down: &str) -> Self {
        let mut config = SenderConfig::new("stream");
        config.size = Some(stream.len() as u64);
        config.timeout = PATIENCE;
        let congestion = Box::new(Cubic::new(1_200));
        Self {
            now: Duration::ZERO,
            stream,
            sender: Sender::new(Duration::ZERO, seed, config, congestion),
            listener: Listener::new(seed.to_be_bytes().repeat(2).try_into().unwrap()),
            receiver: None,
            kept: Digest::default(),
            got: Vec::new(),
            up: Way::new(up.parse().expect(up), seed, Direction::Up),
            down: Way::new(down.parse().expect(down), seed, Direction::Down),
            tracked: 0,
        }
    }

    /// A datagram arrives at the receiver.
    fn arrives_up(&mut self, bytes: &[u8]) {
        let source = SocketAddr::from(([127, 0, 0, 1], 4000));
        let mut answer = Vec::new();
        match self
            .listener
            .handle_datagram(self.now, source, bytes, &mut answer)
        {
            Incoming::Response => {
                assert!(
                    answer.len() <= bytes.len(),
                    "an answer longer than its question"
                );
                self.send_down(&answer);
            }
            Incoming::Open(id, open) => {
                assert_eq!(open.name, b"stream");
                let receiver = self.receiver.get_or_insert_with(|| {
                    let mut config = ReceiverConfig::default();
                    config.window = WINDOW;
                    config.max_window = MOST;
                    config.timeout = PATIENCE;
                    config.kept = self.kept.clone();
                    Receiver::new(self.now, id, config)
                });
                let frame = udpraw::protocol::transfer::Frame::Open(open);
                receiver.handle_frame(self.now, &frame, &mut self.got);
            }
            Incoming::Frame(decoded) => {
                if let Some(receiver) = &mut self.receiver {
                    receiver.handle_frame(self.now, &decoded.frame, &mut self.got);
                }
            }
            Incoming::Rejected(_) => {}
            other => panic!("{other:?}"),
        }
        self.receiver_speaks();
    }

    fn receiver_speaks(&mut self) {
        while let Some(receiver) = &mut self.receiver {
            if receiver.is_complete() {
                receiver.on_stored(self.now);
            }
            let Some(datagram) = receiver.poll_transmit(self.now) else {
                break;
            };
            let datagram = datagram.to_vec();
            self.send_down(&datagram);
        }
    }

    fn send_down(&mut self, bytes: &[u8]) {
        if self.down.handle_datagram(self.now, bytes) {
            let _ = self.sender.handle_datagram(self.now, bytes);
        }
    }

    fn sender_speaks(&mut self) {
        let mut datagrams = Vec::new();
        while let Some(run) = self.sender.poll_transmit(self.now, &self.stream) {
            run.copy(&self.stream, &mut datagrams);
            assert!(datagrams.len() == run.length() && run.length() <= 65_507);
            assert_eq!(datagrams.len().div_ceil(run.segment_size()), run.count());
            let segment_size = run.segment_size();
            for datagram in datagrams.chunks(segment_size) {
                if self.up.handle_datagram(self.now, datagram) {
                    self.arrives_up(datagram);
                }
            }
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
            let bytes = released.bytes.to_vec();
            let _ = self.sender.handle_datagram(self.now, &bytes);
        }
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
        for _ in 0..2_000_000 {
            let is_received = (self.receiver.as_ref()).is_none_or(|end| end.result().is_some());
            if self.sender.result().is_some() && is_received || !self.step() {
                return;
            }
        }
        panic!(
            "stuck at {:?}: {:#?} {:#?}",
            self.now, self.sender, self.receiver
        );
    }

    fn assert_whole(&self) {
        let receiver = self.receiver.as_ref().expect("a receiver");
        assert_eq!(self.sender.result(), Some(Ok(())), "{:?}", self.now);
        assert_eq!(receiver.result(), Some(Ok(())));
        assert_eq!(receiver.total(), Some(self.stream.len() as u64));
        assert!(self.got == self.stream, "what came is not what was sent");
    }
}

fn stream(seed: u64, length: usize) -> Vec<u8> {
    let mut dice = fastrand::Rng::with_seed(seed);
    std::iter::repeat_with(|| dice.u8(..))
        .take(length)
        .collect()
}

/// A network as bad as the seed makes it: up to the worst that is promised.
fn bad(dice: &mut fastrand::Rng) -> String {
    let mut profile = vec![
        format!("loss={:.2}%", dice.f64() * 30.0),
        format!("duplicate={:.2}%", dice.f64() * 20.0),
        format!("reorder={:.2}%", dice.f64() * 50.0),
        format!("corrupt={:.2}%", dice.f64()),
        format!("truncate={:.2}%", dice.f64()),
    ];
    if dice.bool() {
        // From a tenth of a millisecond to two seconds, each decade as likely.
        let delay = 10_f64.powf(dice.f64() * 4.3 - 1.0);
        profile.push(format!("delay={}us", (delay * 1e3) as u64));
        profile.push(format!("jitter={}us", (delay * 1e3 * dice.f64()) as u64));
    }
    if dice.u8(..4) == 0 {
        let start = dice.u64(..10);
        profile.push(format!("blackhole={start}s..{}s", start + dice.u64(1..20)));
    }
    if dice.u8(..4) == 0 {
        profile.push(format!("mtu={}", dice.u16(1_228..1_500)));
    }
    if dice.u8(..4) == 0 {
        profile.push(format!(
            "rate={}kbit,queue={}",
            dice.u32(500..50_000),
            dice.u16(10..200)
        ));
    }
    profile.join(",")
}

/// `UDPRAW_SEEDS` says how many; 2,000 are what is promised, and what scripts/test-deep tries.
#[test]
fn a_stream_survives_any_network() {
    let seeds = std::env::var("UDPRAW_SEEDS")
        .ok()
        .and_then(|text| text.parse().ok());
    for seed in 0..seeds.unwrap_or(60) {
        let mut dice = fastrand::Rng::with_seed(seed);
        let (up, down) = (bad(&mut dice), bad(&mut dice));
        let stream = stream(seed, 1 << 20);
        let mut world = World::new(&stream, seed, &up, &down);
        world.run();
        if std::env::var_os("UDPRAW_SHOW").is_some() {
            eprintln!(
                "{seed}: {:?} {:?}\n  {up}\n  {down}",
                world.now,
                world.sender.counts()
            );
        }
        world.assert_whole();
        let most = 4 * MOST / 1_200 + 10_000;
        assert!(
            world.tracked < most,
            "seed {seed}: {} tracked",
            world.tracked
        );
    }
}

#[test]
fn nothing_and_almost_nothing_are_streams() {
    for length in [0, 1, 1_167, 1_168, 1_169, 65_507] {
        let stream = stream(length as u64, length);
        for network in ["loss=0%", "loss=30%,delay=10ms"] {
            let mut world = World::new(&stream, 7, network, network);
            world.run();
            world.assert_whole();
        }
    }
}

#[test]
fn a_clean_path_needs_no_repeats() {
    let stream = stream(1, 8 << 20);
    let mut world = World::new(&stream, 1, "delay=5ms", "delay=5ms");
    world.run();
    world.assert_whole();
    let counts = world.sender.counts();
    assert_eq!(
        (counts.lost, counts.repeated, counts.timeouts),
        (0, 0, 0),
        "{counts:?}"
    );
    assert_eq!(world.sender.datagram_size(), 1_472);
}

#[test]
fn reordering_alone_costs_few_repeats() {
    let stream = stream(2, 4 << 20);
    let mut world = World::new(&stream, 2, "reorder=30%,delay=5ms", "delay=5ms");
    world.run();
    world.assert_whole();
    let counts = world.sender.counts();
    assert!(counts.repeated < stream.len() as u64 / 20, "{counts:?}");
}

#[test]
fn a_rate_is_used_without_flooding_it() {
    let stream = stream(3, 16 << 20);
    let mut world = World::new(&stream, 3, "rate=50Mbit,queue=100,delay=10ms", "delay=10ms");
    world.run();
    world.assert_whole();
    let seconds = world.now.as_secs_f64();
    let share = stream.len() as f64 * 8.0 / 50e6 / seconds;
    assert!(
        share > 0.85,
        "{seconds} s, {share} of the rate: {:?}",
        world.sender.counts()
    );
}

#[test]
fn it_goes_on_where_it_was() {
    let stream = stream(6, 1 << 20);
    for kept in [0, 1, 500_000, 1 << 20] {
        let mut world = World::new(&stream, 6, "loss=5%,delay=1ms", "loss=5%,delay=1ms");
        world.kept.update(&stream[..kept]);
        world.got = stream[..kept].to_vec();
        world.run();
        world.assert_whole();
        assert!(world.sender.counts().bytes < (stream.len() - kept) as u64 * 2 + 1);
    }
}

#[test]
fn another_stream_is_not_gone_on_with() {
    let stream = stream(6, 1 << 20);
    for kept in [vec![1; 1000], [&stream[..], &[1]].concat()] {
        let mut world = World::new(&stream, 6, "delay=1ms", "delay=1ms");
        world.kept.update(&kept);
        world.run();
        let receiver = world.receiver.as_ref().expect("a receiver");
        for result in [receiver.result(), world.sender.result()] {
            let Some(Err(Failure::Closed { code, .. } | Failure::Abandoned { code, .. })) = result
            else {
                panic!("{result:?}");
            };
            assert_eq!(*code, Code::OtherStream);
        }
        assert!(world.got.is_empty());
    }
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
