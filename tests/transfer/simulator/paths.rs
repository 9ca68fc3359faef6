//! What the two ends make of the path between them.

use udpraw::protocol::congestion::{Bbr, Congestion};

use super::*;

#[test]
fn acknowledgements_are_a_small_share_of_the_data() {
    let stream = stream(9, 20 << 20);
    for (is_bbr, most) in [(true, 0.01), (false, 0.03)] {
        let congestion: Box<dyn Congestion> = if is_bbr {
            Box::new(Bbr::new(1_200, 8))
        } else {
            Box::new(Cubic::new(1_200))
        };
        let mut world = World::new(&stream, 8, "loss=1%,delay=5ms,rate=100Mbit", "delay=5ms");
        world.sender = Sender::new(Duration::ZERO, 8, sender(8, true), congestion);
        world.run();
        world.assert_whole();
        let counts = world.receiver.as_ref().expect("a receiver").counts();
        let share = counts.acknowledgement_bytes as f64 / stream.len() as f64;
        assert!(share < most, "{share}: {counts:?}");
    }
}

#[test]
fn another_address_is_checked_and_then_used() {
    let stream = stream(10, 4 << 20);
    for seed in [10, 11] {
        let mut world = World::new(&stream, seed, "delay=10ms", "delay=10ms");
        world.run_until(Duration::from_millis(100));
        world.source.set_port(4001);
        world.run();
        world.assert_whole();
        let receiver = world.receiver.as_ref().expect("a receiver");
        assert_eq!(receiver.peer(), world.source);
        assert_eq!(receiver.counts().migrations, 1);
        assert_eq!(world.sender.counts().migrations, 1);
    }
}

#[test]
fn a_rate_is_kept() {
    let stream = stream(12, 4 << 20);
    for rate in [250_000, 2_500_000] {
        let mut config = sender(12, true);
        config.max_rate = Some(rate);
        let mut world = World::with(&stream, 12, true, config, "delay=5ms", "delay=5ms");
        world.run();
        world.assert_whole();
        // What surrounds the stream, and the address that is proven first, count as well.
        let counts = world.sender.counts();
        let sent = counts.bytes + counts.datagrams * 41;
        let share = sent as f64 / world.now.as_secs_f64() / rate as f64;
        assert!((0.97..1.03).contains(&share), "{share} of {rate}");
    }
}

#[test]
fn marks_slow_a_sender_down_without_a_loss() {
    let stream = stream(13, 8 << 20);
    let mut times = Vec::new();
    for marked in [0.0, 0.01] {
        let mut world = World::new(&stream, 13, "delay=10ms", "delay=10ms");
        world.marked = marked;
        world.run();
        world.assert_whole();
        let counts = world.sender.counts();
        assert_eq!(
            (counts.lost, counts.marked > 0),
            (0, marked > 0.0),
            "{counts:?}"
        );
        assert_eq!(world.sender.ecn(), Ecn::Ect0);
        times.push(world.now);
    }
    assert!(times[1] > times[0] * 3 / 2, "{times:?}");
}

#[test]
fn a_socket_that_refuses_for_two_seconds_ends_nothing() {
    let stream = stream(14, 4 << 20);
    let mut world = World::new(&stream, 14, "delay=5ms", "delay=5ms");
    world.run_until(Duration::from_millis(60));
    let until = world.now + Duration::from_secs(2);
    let mut refused = 0;
    while world.now < until {
        world.sender.handle_timeout(world.now);
        while world
            .sender
            .poll_transmit(world.now, &world.stream)
            .is_some()
        {
            world.sender.on_send_failed(world.now);
            refused += 1;
        }
        world.now = world.sender.poll_timeout().expect("a time").max(world.now);
    }
    assert!(refused < 200, "{refused} calls");
    world.run();
    world.assert_whole();
}

#[test]
fn a_lost_probe_of_the_mtu_is_no_congestion() {
    let stream = stream(15, 8 << 20);
    let mut world = World::new(&stream, 15, "delay=5ms,mtu=1300", "delay=5ms");
    world.run();
    world.assert_whole();
    let counts = world.sender.counts();
    assert!(counts.lost > 0 && counts.repeated == 0, "{counts:?}");
    let mut clean = World::new(&stream, 15, "delay=5ms", "delay=5ms");
    clean.run();
    assert!(
        world.now < clean.now * 13 / 10,
        "{:?} {:?}",
        world.now,
        clean.now
    );
}
