//! Both ends of a transfer, and a path between them.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use super::{Cost, Path, ROOM, Work, steps};
use crate::protocol::congestion::Controller;
use crate::protocol::transfer::{
    Digesting, Handshake, Receiver, ReceiverConfig, STREAM_HEADER, Sender, SenderConfig, Source,
};
use crate::socket::Ecn;

const ID: u64 = 3;
/// More than any path of the grid needs.
const MOST: u64 = 64 << 30;

/// A stream without an end, and without contents.
struct Zeros;

impl Source for Zeros {
    fn available(&self) -> u64 {
        u64::MAX / 4
    }

    fn is_complete(&self) -> bool {
        false
    }

    fn digest(&self) -> Digesting {
        Digesting::Pending
    }

    fn bytes(&self, _: u64, max_length: usize) -> &[u8] {
        static ZEROS: [u8; 65_536] = [0; 65_536];
        &ZEROS[..max_length.min(ZEROS.len())]
    }
}

/// Datagrams on their way to the receiver: without the bytes of the stream.
#[derive(Default)]
struct Piece {
    at: Duration,
    /// What surrounds the contents of each, its length, and that of the contents.
    surrounds: Vec<u8>,
    lengths: Vec<(u16, u16)>,
}

pub(super) struct World {
    path: Path,
    now: Duration,
    dice: fastrand::Rng,
    sender: Sender,
    receiver: Receiver,
    up: VecDeque<Piece>,
    down: VecDeque<(Duration, Vec<u8>)>,
    /// When the bottleneck is free.
    free: f64,
    cost: Cost,
    scratch: Vec<u8>,
}

impl World {
    pub(super) fn new(path: Path, controller: Controller) -> Self {
        let mut config = SenderConfig::default();
        (config.max_datagram, config.ecn, config.max_window) = (path.datagram, false, MOST);
        let (start, mut datagram) = (Duration::ZERO, Vec::new());
        let congestion = controller.build(1_200, 1);
        let mut sender = Sender::new(start, ID, config, congestion);
        sender.poll_transmit(start, &Zeros).expect("an opening");
        Handshake::Challenge { token: [1; 16] }.encode(ID, &mut datagram);
        let now = path.delay;
        sender.handle_datagram(now, &datagram).expect("a challenge");
        sender.poll_transmit(now, &Zeros).expect("an opening");
        let config = ReceiverConfig {
            window: ROOM,
            max_window: MOST,
            max_datagram: path.datagram,
            timeout: Duration::from_secs(60),
        };
        let now = now + path.delay / 2;
        let receiver = Receiver::new(now, ID, address(), None, [5; 32], config);
        let mut receiver = receiver.expect("a receiver");
        receiver.buffer.is_hollow = true;
        Self {
            path,
            now,
            dice: fastrand::Rng::with_seed(1),
            sender,
            receiver,
            up: VecDeque::new(),
            down: VecDeque::new(),
            free: 0.0,
            cost: Cost {
                used: 0.0,
                acknowledgement: Work::default(),
                share: 0.0,
                datagram: Work::default(),
                kept: 0,
                notes: 0,
                early: 0,
                ranges: 0,
                window: 0,
                in_flight: 0,
            },
            scratch: Vec::new(),
        }
    }

    /// The sender's runs enter the path, in pieces that last no longer than a part of a round trip.
    fn sender_speaks(&mut self) {
        const TAG: usize = 4;
        let rate = self.path.bytes_per_second();
        let queue = self
            .path
            .product()
            .max(32.0 * f64::from(self.path.datagram));
        let most = rate * self.path.delay.as_secs_f64() / 16.0;
        let now = self.now.as_secs_f64();
        while let Some(run) = self.sender.poll_transmit(self.now, &Zeros) {
            let (mut piece, mut taken, mut rest) = (Piece::default(), 0.0, &run.bytes[..]);
            let whole = [(0, 0)];
            let contents = if run.payloads.is_empty() {
                &whole
            } else {
                &run.payloads[..]
            };
            for &(_, length) in contents {
                let around = if length == 0 {
                    rest.len()
                } else {
                    STREAM_HEADER + TAG
                };
                let (surrounds, behind) = rest.split_at(around);
                rest = behind;
                let bytes = (around + usize::from(length)) as f64;
                let start = self.free.max(now);
                if (start - now) * rate > queue {
                    continue;
                }
                self.free = start + bytes / rate;
                if self.dice.f64() < self.path.loss {
                    continue;
                }
                piece.surrounds.extend_from_slice(surrounds);
                piece.lengths.push((around as u16, length));
                piece.at = Duration::from_secs_f64(self.free) + self.path.delay / 2;
                taken += bytes;
                if taken >= most {
                    self.up.push_back(std::mem::take(&mut piece));
                    taken = 0.0;
                }
            }
            if !piece.lengths.is_empty() {
                self.up.push_back(piece);
            }
        }
        self.sender.on_send_succeeded();
        let cost = &mut self.cost;
        cost.kept = cost.kept.max(self.sender.sent() - self.sender.released());
        cost.notes = cost.notes.max(self.sender.in_flight.memory() as u64);
        cost.in_flight = cost.in_flight.max(self.sender.in_flight.bytes());
    }

    fn arrive(&mut self, piece: &Piece) {
        let mut rest = &piece.surrounds[..];
        let mut sink = Vec::new();
        for &(around, length) in &piece.lengths {
            let (surrounds, behind) = rest.split_at(around.into());
            rest = behind;
            let split = if length == 0 {
                surrounds.len()
            } else {
                STREAM_HEADER
            };
            self.scratch.clear();
            self.scratch.extend_from_slice(&surrounds[..split]);
            self.scratch
                .extend_from_slice(Zeros.bytes(0, length.into()));
            self.scratch.extend_from_slice(&surrounds[split..]);
            let Self {
                receiver,
                scratch,
                now,
                cost,
                ..
            } = self;
            let taken = cost.datagram.measure(|| {
                receiver.handle_datagram(*now, address(), Ecn::NotEct, scratch, &mut sink)
            });
            assert_eq!(taken, Ok(()));
            sink.clear();
        }
        self.cost.early = self.cost.early.max(self.receiver.buffer.memory() as u64);
        self.cost.ranges = self.cost.ranges.max(self.receiver.buffer.ranges());
    }

    fn receiver_speaks(&mut self) {
        while let Some(outgoing) = self.receiver.poll_transmit(self.now) {
            let at = self.now + self.path.delay / 2;
            self.down.push_back((at, outgoing.bytes.to_vec()));
        }
    }

    /// One step in time.
    fn step(&mut self) {
        let now = self.now;
        if self.up.front().is_some_and(|piece| piece.at <= now)
            && let Some(piece) = self.up.pop_front()
        {
            self.arrive(&piece);
        }
        self.receiver.handle_timeout(now);
        self.receiver_speaks();
        while self.down.front().is_some_and(|(at, _)| *at <= now)
            && let Some((_, bytes)) = self.down.pop_front()
        {
            let Self { sender, cost, .. } = self;
            let taken = cost
                .acknowledgement
                .measure(|| sender.handle_datagram(now, &bytes));
            assert_eq!(taken, Ok(()));
        }
        let Self { sender, cost, .. } = self;
        // What a timer finds lost is the work of the acknowledgement before.
        let before = steps::taken();
        sender.handle_timeout(now);
        cost.acknowledgement.steps += steps::taken() - before;
        self.sender_speaks();
        let times = [
            self.up.front().map(|piece| piece.at),
            self.down.front().map(|(at, _)| *at),
            self.sender.poll_timeout(),
            self.receiver.poll_timeout(),
        ];
        let next = times.into_iter().flatten().min().expect("something to do");
        self.now = next.max(now + Duration::from_nanos(1));
    }

    /// Bytes of the stream that have arrived.
    fn arrived(&self) -> u64 {
        self.receiver.delivered() + self.receiver.buffer.kept()
    }

    /// Runs for the path's time; what is measured is its second half.
    pub(super) fn run(mut self) -> Cost {
        let lasts = self
            .path
            .delay
            .mul_f64(self.path.trips)
            .max(Duration::from_millis(300));
        while self.now < lasts / 2 {
            self.step();
        }
        let (since, before) = (self.now, self.arrived());
        (self.cost.acknowledgement, self.cost.datagram) = (Work::default(), Work::default());
        while self.now < lasts {
            self.step();
        }
        assert_eq!(self.sender.result(), None);
        let seconds = (self.now - since).as_secs_f64();
        let size = f64::from(self.sender.datagram_size());
        let bytes = (self.arrived() - before) as f64 * size / (size - (STREAM_HEADER + 4) as f64);
        let most = self.path.bytes_per_second() * (1.0 - self.path.loss) * seconds;
        let mut cost = self.cost;
        cost.used = bytes / most;
        cost.share = cost.datagram.calls as f64 / cost.acknowledgement.calls.max(1) as f64;
        cost.window = self.receiver.window();
        cost
    }
}

fn address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 4000))
}
