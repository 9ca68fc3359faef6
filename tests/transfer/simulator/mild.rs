//! Networks that are not bad: what a transfer costs there.

use super::*;

#[test]
fn nothing_and_almost_nothing_are_streams() {
    for length in [0, 1, 1_158, 1_159, 1_170, 1_171, 1_172, 65_507] {
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
