//! Networks as bad as is promised, with both congestion controls.

use std::panic::{AssertUnwindSafe, catch_unwind};

use udpraw::protocol::congestion::{Bbr, Congestion};

use super::*;

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

/// A stream over the network of a seed. Each second seed has no key, each third sender has another
/// address from time to time, and each fourth has outages of two seconds.
fn survives(seed: u64, is_bbr: bool) {
    let mut dice = fastrand::Rng::with_seed(seed);
    let (up, down) = (bad(&mut dice), bad(&mut dice));
    let stream = stream(seed, 1 << 20);
    let is_keyed = seed.is_multiple_of(2);
    let congestion: Box<dyn Congestion> = if is_bbr {
        Box::new(Bbr::new(1_200, seed))
    } else {
        Box::new(Cubic::new(1_200))
    };
    let mut world = World::new(&stream, seed, &up, &down);
    world.sender = Sender::new(Duration::ZERO, seed, sender(seed, is_keyed), congestion);
    world.marked = if seed.is_multiple_of(5) { 0.02 } else { 0.0 };
    let (moves, outages) = (seed.is_multiple_of(3), seed.is_multiple_of(4));
    for change in 0..if moves || outages { 1 + seed % 4 } else { 0 } {
        let length = world.got.len() + dice.usize(..200_000);
        while world.got.len() < length && world.sender.result().is_none() && world.step() {}
        if moves {
            world.source.set_port(4001 + change as u16);
        }
        if outages {
            world.outage = world.now + Duration::from_secs(2);
        }
    }
    world.run();
    if std::env::var_os("UDPRAW_SHOW").is_some() {
        let counts = world.sender.counts();
        eprintln!("{seed}: {:?} {counts:?}\n  {up}\n  {down}", world.now);
    }
    world.assert_whole();
    assert!(
        world.tracked < 4 * MOST as usize / 1_200 + 10_000,
        "{} tracked",
        world.tracked
    );
}

/// `UDPRAW_SEEDS` says how many, from `UDPRAW_SEED` on; 2,000 are what is promised, and what
/// scripts/test-deep tries.
fn all_survive(is_bbr: bool) {
    let number = |name, default| {
        std::env::var(name).map_or(default, |text: String| text.parse().expect("a number"))
    };
    let first: u64 = number("UDPRAW_SEED", 0);
    let seeds = first..first + number("UDPRAW_SEEDS", 200);
    let survives = |seed: &u64| catch_unwind(AssertUnwindSafe(|| survives(*seed, is_bbr))).is_ok();
    let failed: Vec<u64> = seeds.filter(|seed| !survives(seed)).collect();
    assert!(failed.is_empty(), "seeds {failed:?}");
}

#[test]
fn a_stream_survives_any_network_with_cubic() {
    all_survive(false);
}

#[test]
fn a_stream_survives_any_network_with_bbr() {
    all_survive(true);
}
