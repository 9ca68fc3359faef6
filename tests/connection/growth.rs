//! How the memory of a sender grows with the window: an acknowledgement allocates nothing, whatever the
//! window, and what is held for a packet stays the same. The steps of an acknowledgement are counted in
//! the unit tests of `protocol::transfer`, where the loops are.

use std::time::Duration;

use udpraw::protocol::congestion::{Acknowledged, Congestion};
use udpraw::protocol::transfer::{
    Accept, Acknowledge, Digesting, Frame, Handshake, MAX_RANGES, Ranges, Sender, Source,
};

use crate::{allocations, sender_config};

const TRIP: Duration = Duration::from_millis(100);
const ID: u64 = 3;
const CONNECTION: u64 = 4;
/// Packets for each acknowledgement.
const SHARE: u64 = 2;
const ACKNOWLEDGEMENTS: u64 = 10_000;
/// Of so many packets one is lost.
const LOST: u64 = 50;

/// A window that stays.
#[derive(Debug)]
struct Fixed(u64);

impl Congestion for Fixed {
    fn on_acknowledged(&mut self, _: Duration, _: Acknowledged) {}
    fn on_congestion(&mut self, _: Duration, _: Duration) {}
    fn on_marked(&mut self, _: Duration, _: Duration) {}
    fn on_persistent_congestion(&mut self, _: Duration) {}
    fn on_spurious_loss(&mut self) {}
    fn on_path_changed(&mut self, _: Duration) {}
    fn set_segment_size(&mut self, _: u64) {}
    fn window(&self) -> u64 {
        self.0
    }
    fn is_slow_start(&self) -> bool {
        false
    }
    fn pacing_rate(&self, _: Duration) -> Option<u64> {
        None
    }
}

/// A stream without an end.
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

/// What a window costs.
#[derive(Debug)]
struct Cost {
    packets: u64,
    /// Allocations of an acknowledgement, on average.
    allocations: f64,
    /// Bytes that the sender holds for each packet in the window.
    memory: f64,
    /// Packets that are tracked for each that is in the window.
    tracked: f64,
}

/// A receiver, as far as the sender sees one.
struct Far {
    /// Numbers that arrived, as ranges: the newest is the last.
    ranges: Vec<(u64, u64)>,
    number: u64,
}

impl Far {
    /// The acknowledgement of all below `until`.
    fn acknowledge(&mut self, from: u64, until: u64) -> Vec<u8> {
        for number in (from..until).filter(|number| number % LOST != 7) {
            match self.ranges.last_mut() {
                Some(range) if range.1 + 1 == number => range.1 = number,
                _ => self.ranges.push((number, number)),
            }
        }
        let old = self.ranges.len().saturating_sub(MAX_RANGES);
        self.ranges.drain(..old);
        let mut room = [[0; 8]; MAX_RANGES];
        let ranges = Ranges::encode(self.ranges.iter().rev().copied(), &mut room);
        let (delay, ect0, ce) = (0, 0, 0);
        let mut packet = [CONNECTION.to_be_bytes(), self.number.to_be_bytes()].concat();
        self.number += 1;
        Frame::Acknowledge(Acknowledge {
            delay,
            ect0,
            ce,
            ranges,
        })
        .append(&mut packet);
        packet.extend(crc32c::crc32c(&packet).to_be_bytes());
        packet
    }
}

/// A sender whose opening is agreed to, with this window.
fn open(window: u64) -> Sender {
    let (now, mut config, mut datagram) = (Duration::ZERO, sender_config(1, false), Vec::new());
    config.ecn = false;
    let mut sender = Sender::new(now, ID, config, Box::new(Fixed(window)));
    sender.poll_transmit(now, &Zeros).expect("an opening");
    Handshake::Challenge { token: [1; 16] }.encode(ID, &mut datagram);
    sender.handle_datagram(now, &datagram).expect("a challenge");
    sender.poll_transmit(now, &Zeros).expect("an opening");
    let accept = Accept {
        connection: CONNECTION,
        credit: u64::MAX / 2,
        max_datagram: 1_472,
        delay: 2,
        peer_timeout: 60,
        cipher: None,
    };
    Handshake::Accept(&accept.encode()).encode(ID, &mut datagram);
    sender.handle_datagram(TRIP, &datagram).expect("accepted");
    sender
}

fn send(sender: &mut Sender, now: Duration) -> u64 {
    let mut sent = 0;
    while let Some(run) = sender.poll_transmit(now, &Zeros) {
        sent += run.count() as u64;
    }
    sent
}

fn cost(window: u64) -> Cost {
    let before = allocations::bytes();
    let mut sender = open(window);
    let mut far = Far {
        ranges: Vec::new(),
        number: 0,
    };
    let mut now = TRIP;
    let mut sent = send(&mut sender, now);
    let (packets, step) = (sent, TRIP.mul_f64(SHARE as f64 / sent as f64));
    now += TRIP;
    let (mut acknowledged, mut count) = (0, 0);
    let mut tracked = sender.tracked();
    for _ in 0..ACKNOWLEDGEMENTS {
        let until = (acknowledged + SHARE).min(sent);
        let datagram = far.acknowledge(acknowledged, until);
        acknowledged = until;
        let allocated = allocations::count();
        sender.handle_timeout(now);
        sender.handle_datagram(now, &datagram).expect("taken");
        count += allocations::count() - allocated;
        sent += send(&mut sender, now);
        tracked = tracked.max(sender.tracked());
        now += step;
    }
    assert_eq!(sender.result(), None);
    let cost = Cost {
        packets,
        allocations: count as f64 / ACKNOWLEDGEMENTS as f64,
        memory: (allocations::bytes() - before) as f64 / packets as f64,
        tracked: tracked as f64 / packets as f64,
    };
    eprintln!(
        "a window of {} MB: {cost:?}, {:?}",
        window >> 20,
        sender.counts()
    );
    cost
}

#[test]
fn an_acknowledgement_costs_the_same_in_any_window() {
    let mut windows = vec![1 << 20, 16 << 20, 128 << 20];
    if std::env::var_os("UDPRAW_DEEP").is_some() {
        windows.extend([1_u64 << 30, 4 << 30]);
    }
    let costs: Vec<_> = windows.into_iter().map(cost).collect();
    for cost in &costs {
        assert!(cost.packets > 600);
        assert!(cost.allocations < 0.5, "{cost:?}");
        assert!(cost.tracked < 4.0, "{cost:?}");
        assert!(cost.packets < 5_000 || cost.memory < 500.0, "{cost:?}");
    }
}
