//! Transfers that an end gives up, or has nobody to go on with.

use super::*;

#[test]
fn a_receiver_that_vanishes_is_told_of() {
    let stream = stream(4, 1 << 20);
    let mut world = World::new(
        &stream,
        4,
        "delay=10ms,blackhole=100ms..99999s",
        "delay=10ms",
    );
    world.run();
    assert_eq!(world.sender.result(), Some(Err(&Failure::Silent(PATIENCE))));
    let receiver = world.receiver.as_ref().expect("a receiver");
    assert_eq!(receiver.result(), Some(Err(&Failure::Silent(PATIENCE))));
    assert!(world.now < PATIENCE * 3);
}

#[test]
fn nobody_there_is_told_of() {
    let mut world = World::new(b"abc", 4, "loss=100%", "loss=0%");
    world.run();
    assert_eq!(world.sender.result(), Some(Err(&Failure::Silent(PATIENCE))));
}

#[test]
fn either_end_can_give_up() {
    let stream = stream(5, 1 << 20);
    for is_sender in [true, false] {
        let mut world = World::new(&stream, 5, "delay=10ms", "delay=10ms");
        while world.got.len() < stream.len() / 3 {
            assert!(world.step());
        }
        let (code, reason) = if is_sender {
            (Code::Source, "the file shrank")
        } else {
            (Code::Storage, "no space left on device (ENOSPC)")
        };
        match (is_sender, &mut world.receiver) {
            (true, _) => world.sender.abandon(code, reason),
            (false, Some(receiver)) => receiver.abandon(code, reason),
            (false, None) => unreachable!(),
        }
        world.run();
        let reason = reason.as_bytes().to_vec();
        let told = Failure::Closed { code, reason };
        let receiver = world.receiver.as_ref().expect("a receiver");
        let other = if is_sender {
            receiver.result()
        } else {
            world.sender.result()
        };
        assert_eq!(other, Some(Err(&told)));
    }
}

/// As after a crash: it knows neither the transfer nor its tokens.
#[test]
fn a_receiver_that_was_started_again_is_noticed() {
    let stream = stream(5, 4 << 20);
    for seed in [4, 5] {
        let mut world = World::new(&stream, seed, "loss=5%,delay=10ms", "loss=5%,delay=10ms");
        while world.got.len() < 200_000 {
            assert!(world.step());
        }
        world.receiver = None;
        world.listener = listener(99, seed % 2 == 0);
        let before = world.now;
        world.run();
        assert_eq!(world.sender.result(), Some(Err(&Failure::Restarted)));
        assert!(
            world.now - before < Duration::from_secs(3),
            "{:?}",
            world.now - before
        );
    }
}

/// Whoever gives up while the receiver is done already learns that it is stored.
#[test]
fn what_is_stored_is_not_reported_as_interrupted() {
    for seed in [4, 5] {
        let stream = stream(seed, 100_000);
        let mut world = World::new(&stream, seed, "delay=10ms", "delay=10ms");
        while !world.receiver.as_ref().is_some_and(Receiver::is_stored) {
            assert!(world.step());
        }
        // The news is on its way.
        assert!(world.sender.result().is_none() && !world.sender.is_done());
        world
            .sender
            .abandon(Code::Interrupted, "the sender was interrupted");
        if let Some(receiver) = &mut world.receiver {
            receiver.abandon(Code::Interrupted, "the receiver was interrupted");
        }
        world.run();
        world.assert_whole();
    }
}

#[test]
fn a_slow_disk_keeps_the_sender_patient_and_informed() {
    use udpraw::protocol::transfer::Status;
    let stream = stream(6, 100_000);
    let mut world = World::new(&stream, 6, "delay=10ms", "delay=10ms");
    world.stores = false;
    while !world.receiver.as_ref().is_some_and(Receiver::is_complete) {
        assert!(world.step());
    }
    world.run_until(PATIENCE * 5);
    assert_eq!(world.sender.result(), None);
    assert_eq!(world.sender.status(), Status::Storing);
    world.stores = true;
    world.run();
    world.assert_whole();
}

/// The news that everything is stored is repeated: the sender asks rarely, the longer it waits for a
/// disk.
#[test]
fn the_end_is_told_soon_in_spite_of_loss() {
    let mut longest = Duration::ZERO;
    for seed in 0..100 {
        let stream = stream(seed, 5_000);
        let network = "delay=10ms,loss=30%";
        let mut world = World::new(&stream, seed, network, network);
        world.stores = false;
        let is_all = |end: &Receiver| end.is_complete() && end.is_answered();
        while !world.receiver.as_ref().is_some_and(is_all) {
            assert!(world.step());
        }
        // A slow disk, for some.
        world.run_until(world.now + Duration::from_secs(seed % 3 * 30));
        world.stores = true;
        world.receiver_speaks();
        let stored = world.now;
        while world.sender.result().is_none() {
            assert!(world.step());
        }
        longest = longest.max(world.now - stored);
        world.run();
        world.assert_whole();
    }
    // Eight of them lost in a row would be one in 15,000.
    assert!(longest < Duration::from_secs(3), "{longest:?}");
}
