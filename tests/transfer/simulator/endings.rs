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
