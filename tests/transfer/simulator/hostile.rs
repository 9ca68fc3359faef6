//! Datagrams of somebody who lacks the code, at every stage of a transfer.

use super::*;

/// A million in scripts/test-deep.
fn many() -> usize {
    match std::env::var_os("UDPRAW_DEEP") {
        Some(_) => 1_000_000,
        None => 10_000,
    }
}

/// A datagram made of one that was seen, or of nothing.
fn forged(dice: &mut fastrand::Rng, seen: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seen
        .get(dice.usize(..=seen.len()))
        .cloned()
        .unwrap_or_default();
    match dice.u8(..5) {
        0 => {
            bytes.resize(dice.usize(..1_500), 0);
            dice.fill(&mut bytes);
        }
        1 if !bytes.is_empty() => {
            let at = dice.usize(..bytes.len());
            bytes[at] ^= dice.u8(1..);
        }
        2 => bytes.truncate(dice.usize(..=bytes.len())),
        // Another packet number: the next ones.
        3 if bytes.len() > 16 => bytes[15] = bytes[15].wrapping_add(dice.u8(1..)),
        _ => {}
    }
    bytes
}

/// Sends forged datagrams at both ends; returns how many the receiver has answered.
fn attack(world: &mut World<'_>, dice: &mut fastrand::Rng, seen: &[Vec<u8>], count: usize) {
    world.receiver_speaks();
    for _ in 0..count {
        let bytes = forged(dice, seen);
        let is_open = bytes.get(4..8) == Some(b"uT\x02\x01");
        let before = (world.got.len(), world.bytes_down);
        let is_accepted = world.arrives_up(&bytes);
        assert!(!is_accepted, "{bytes:?}");
        let answered = world.bytes_down - before.1;
        // An opening that was accepted already may be answered as it was.
        assert!(answered == 0 || is_open, "{answered} bytes to {bytes:?}");
        assert_eq!(world.got.len(), before.0);
        let open = world.sender.is_open();
        let result = world.sender.result().map(|result| result.cloned());
        let _ = world.sender.handle_datagram(world.now, &bytes);
        assert_eq!(world.sender.is_open(), open);
        assert_eq!(world.sender.result().map(|result| result.cloned()), result);
    }
}

trait Cloned {
    fn cloned(self) -> Result<(), Failure>;
}

impl Cloned for Result<(), &Failure> {
    fn cloned(self) -> Result<(), Failure> {
        self.map_err(Clone::clone)
    }
}

#[test]
fn nothing_forged_is_accepted_at_any_stage() {
    let stream = stream(20, 200_000);
    let mut dice = fastrand::Rng::with_seed(20);
    let config = sender(20, true);
    let mut world = World::with(&stream, 20, true, config, "delay=1ms", "delay=1ms");
    let (mut seen, mut datagrams) = (Vec::new(), Vec::new());
    let stages = 40;
    for _ in 0..stages {
        attack(&mut world, &mut dice, &seen, many() / stages);
        // One step, of which everything that the sender sends is seen.
        world.sender.handle_timeout(world.now);
        let mut count = 0;
        while count < 3
            && let Some(run) = world.sender.poll_transmit(world.now, &world.stream)
        {
            run.copy(&world.stream, &mut datagrams);
            let size = run.segment_size();
            for datagram in datagrams.chunks(size) {
                seen.push(datagram.to_vec());
                world.arrives_up(datagram);
            }
            count += 1;
        }
        world.step();
    }
    let keep = seen.len().min(500);
    seen.drain(..seen.len() - keep);
    world.run();
    attack(&mut world, &mut dice, &seen, many() / stages);
    world.assert_whole();
}

#[test]
fn the_wrong_code_costs_one_answer_and_takes_no_place() {
    let mut config = sender(21, true);
    let other = SharedCode::new([8; 16]).pre_shared_key();
    config.security = Some(Security::new(other, [[1; 32], [2; 32]]));
    let mut world = World::with(b"secret", 21, true, config, "delay=1ms", "delay=1ms");
    world.run();
    let reason = Vec::new();
    let code = Code::WrongCode;
    assert_eq!(
        world.sender.result(),
        Some(Err(&Failure::Closed { code, reason }))
    );
    assert!(world.receiver.is_none());
    assert!(world.now < Duration::from_millis(10), "{:?}", world.now);
}

#[test]
fn code_and_no_code_do_not_meet() {
    for (is_keyed, want) in [(true, Code::NoCode), (false, Code::CodeRequired)] {
        let config = sender(22, is_keyed);
        let mut world = World::with(b"x", 22, !is_keyed, config, "delay=1ms", "delay=1ms");
        world.run();
        let Some(Err(Failure::Closed { code, .. })) = world.sender.result() else {
            panic!("{:?}", world.sender.result());
        };
        assert_eq!((*code, world.receiver.is_none()), (want, true));
    }
}

#[test]
fn another_challenge_to_each_opening_ends_it() {
    let mut world = World::new(b"x", 23, "loss=0%", "loss=0%");
    let mut datagram = Vec::new();
    for round in 0..20 {
        let Some(run) = world.sender.poll_transmit(world.now, &world.stream) else {
            break;
        };
        run.copy(&world.stream, &mut datagram);
        world.listener = listener(round, false);
        world.arrives_up(&datagram);
        if world.sender.result().is_none() && round > 0 {
            world.now = world.sender.poll_timeout().expect("a time").max(world.now);
        }
    }
    assert_eq!(world.sender.result(), Some(Err(&Failure::Challenges)));
    assert!(world.sender.counts().datagrams < 10);
}

#[test]
fn an_opening_that_is_replayed_starts_nothing() {
    for is_keyed in [true, false] {
        let config = sender(24, is_keyed);
        let mut world = World::with(b"hello", 24, is_keyed, config, "loss=0%", "loss=0%");
        let (mut openings, mut datagrams) = (Vec::new(), Vec::new());
        while let Some(run) = world.sender.poll_transmit(world.now, &world.stream) {
            run.copy(&world.stream, &mut datagrams);
            if datagrams[7] == 1 {
                openings.push(datagrams.clone());
            }
            world.arrives_up(&datagrams);
        }
        world.run();
        world.assert_whole();
        world.receiver = None;
        for opening in &openings {
            world.arrives_up(opening);
        }
        assert_eq!((openings.len(), world.receiver.is_none()), (2, true));
    }
}
