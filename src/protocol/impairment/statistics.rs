//! Each impairment over a million datagrams, compared with its theory.

use std::time::Duration;

use super::*;

const MILLION: u64 = 1_000_000;

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn link(text: &str, seed: u64) -> Link {
    Link::new(text.parse().unwrap(), seed, Direction::Up)
}

/// The outcomes of a number of datagrams of one flow, a microsecond apart.
fn outcomes(text: &str, number: u64, bytes: &[u8]) -> Vec<Outcome> {
    let (mut link, mut flow) = (link(text, 7), Flow::new(3));
    (0..number)
        .map(|index| {
            let now = Duration::from_micros(index);
            while link.poll_transmit(now).is_some() {}
            link.handle_datagram(now, &mut flow, bytes).outcome
        })
        .collect()
}

fn deliveries(outcomes: &[Outcome]) -> impl Iterator<Item = &Delivery> {
    outcomes.iter().filter_map(|outcome| match outcome {
        Outcome::Passes(delivery) => Some(delivery),
        Outcome::Lost(_) => None,
    })
}

/// Whether the share of `hits` in `trials` fits this probability: within five standard deviations,
/// which a correct generator exceeds once in 1.7 million tests.
#[track_caller]
fn assert_binomial(hits: usize, trials: usize, probability: f64) {
    let (trials, hits) = (trials as f64, hits as f64);
    let deviation = (trials * probability * (1.0 - probability)).sqrt();
    let off = (hits - trials * probability) / deviation;
    assert!(off.abs() < 5.0, "{hits} of {trials}: {off} deviations off");
}

fn mean_and_deviation(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let count = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / count;
    let variance = values.map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    (mean, variance.sqrt())
}

#[test]
fn loss_is_as_frequent_as_it_should_be_and_has_no_memory() {
    for probability in [0.001, 0.2, 0.97] {
        let outcomes = outcomes(&format!("loss={}%", probability * 100.0), MILLION, b"x");
        let lost: Vec<bool> = outcomes
            .iter()
            .map(|outcome| matches!(outcome, Outcome::Lost(Cause::Loss)))
            .collect();
        let count = lost.iter().filter(|lost| **lost).count();
        assert_binomial(count, lost.len(), probability);
        let behind_a_loss = lost.windows(2).filter(|pair| pair[0]);
        let twice = behind_a_loss.clone().filter(|pair| pair[1]).count();
        assert_binomial(twice, behind_a_loss.count(), probability);
    }
}

#[test]
fn bursts_are_those_of_gilbert_and_elliott() {
    let outcomes = outcomes("loss=ge:1%,25%", MILLION, b"x");
    let lost: Vec<bool> = outcomes
        .iter()
        .map(|outcome| matches!(outcome, Outcome::Lost(_)))
        .collect();
    let count = lost.iter().filter(|lost| **lost).count() as f64;
    let bursts: Vec<_> = lost.chunk_by(|a, b| a == b).filter(|run| run[0]).collect();
    let (worsen, recover) = (0.01_f64, 0.25_f64);
    let share = worsen / (worsen + recover);
    assert_eq!("ge:1%,25%".parse::<Loss>().unwrap().share(), share);
    // The losses of a chain are correlated: their variance is larger by (1 + r) / (1 - r), where r
    // is 1 - P - R.
    let stretch = (2.0 - worsen - recover) / (worsen + recover);
    let deviation = (MILLION as f64 * share * (1.0 - share) * stretch).sqrt();
    assert!(
        (count - MILLION as f64 * share).abs() < 5.0 * deviation,
        "{count}"
    );
    // Geometric with mean 1/R.
    let mean = count / bursts.len() as f64;
    let of_mean = ((1.0 - recover).sqrt() / recover) / (bursts.len() as f64).sqrt();
    assert!((mean - 1.0 / recover).abs() < 5.0 * of_mean, "{mean}");
    let of_one = bursts.iter().filter(|run| run.len() == 1).count();
    assert_binomial(of_one, bursts.len(), recover);
}

#[test]
fn the_full_model_and_short_flows_lose_their_share() {
    // One datagram per flow: the chain's first state has the long-run probability.
    for text in ["ge:5%,20%", "ge:5%,20%,80%,1%"] {
        let loss: Loss = text.parse().unwrap();
        let mut link = link(&format!("loss={text}"), 7);
        for id in 0..200_000 {
            link.handle_datagram(Duration::ZERO, &mut Flow::new(id), b"x");
        }
        assert_binomial(
            link.tally().lost_to(Cause::Loss) as usize,
            200_000,
            loss.share(),
        );
    }
}

#[test]
fn changes_are_as_frequent_as_they_should_be() {
    let bytes = [0x55; 100];
    let outcomes = outcomes(
        "truncate=2%,corrupt=3%,duplicate=5%,reorder=10%,delay=1us",
        MILLION,
        &bytes,
    );
    let all: Vec<_> = deliveries(&outcomes).collect();
    assert_eq!(all.len(), MILLION as usize);
    let count =
        |picks: fn(&Delivery) -> bool| all.iter().filter(|delivery| picks(delivery)).count();
    assert_binomial(
        count(|delivery| delivery.truncated.is_some()),
        all.len(),
        0.02,
    );
    assert_binomial(count(|delivery| delivery.copy.is_some()), all.len(), 0.05);
    assert_binomial(
        count(|delivery| delivery.order == Order::Ahead),
        all.len(),
        0.10,
    );
    // One in a hundred cuts leaves nothing to corrupt.
    let corrupted = count(|delivery| delivery.corrupted.is_some());
    assert_binomial(corrupted, all.len(), 0.03 * (1.0 - 0.02 / 100.0));
    // And they are independent of each other.
    let both = count(|delivery| delivery.copy.is_some() && delivery.order == Order::Ahead);
    assert_binomial(both, all.len(), 0.05 * 0.10);
    let cuts: Vec<_> = all
        .iter()
        .filter_map(|delivery| delivery.truncated)
        .collect();
    for length in 0..100 {
        let hits = cuts.iter().filter(|cut| **cut == length).count();
        assert_binomial(hits, cuts.len(), 0.01);
    }
    let whole = all.iter().filter(|delivery| delivery.truncated.is_none());
    let bits: Vec<_> = whole.filter_map(|delivery| delivery.corrupted).collect();
    for byte in 0..100 {
        let hits = bits.iter().filter(|bit| **bit / 8 == byte).count();
        assert_binomial(hits, bits.len(), 0.01);
    }
}

#[test]
fn exactly_one_bit_is_flipped() {
    let (mut link, mut flow) = (link("corrupt=100%", 1), Flow::new(0));
    for length in 1..200 {
        let bytes = vec![0; length];
        assert!(
            !link
                .handle_datagram(Duration::ZERO, &mut flow, &bytes)
                .is_through
        );
        let released = link.poll_transmit(Duration::ZERO).unwrap();
        let ones: u32 = released.bytes.iter().map(|byte| byte.count_ones()).sum();
        assert_eq!((released.bytes.len(), ones), (length, 1));
    }
    let empty = link.handle_datagram(Duration::ZERO, &mut flow, b"");
    assert!(empty.is_through, "nothing can be flipped");
}

#[test]
fn jitter_has_the_mean_and_the_deviation_of_its_distribution() {
    let third = 3_f64.sqrt();
    for (name, deviation) in [("uniform", 5.0 / third), ("normal", 5.0)] {
        let text = format!("delay=50ms,jitter=5ms,distribution={name},duplicate=100%");
        let mut link = link(&text, 7);
        let mut flow = Flow::new(3);
        let mut both = Vec::new();
        for _ in 0..MILLION {
            // Without a copy in the delay queue: only the time matters.
            let Outcome::Passes(delivery) =
                link.handle_datagram(Duration::ZERO, &mut flow, b"").outcome
            else {
                panic!("lost");
            };
            while link.poll_transmit(Duration::MAX).is_some() {}
            both.push((delivery.delay, delivery.copy.unwrap()));
        }
        let of = |time: Duration| time.as_secs_f64() * 1e3;
        let first = both.iter().map(|(delay, _)| of(*delay));
        let second = both.iter().map(|(_, copy)| of(*copy));
        for values in [first.collect::<Vec<_>>(), second.collect()] {
            let (mean, found) = mean_and_deviation(values.iter().copied());
            assert!(
                (mean - 50.0).abs() < 5.0 * deviation / 1e3,
                "{name}: mean {mean}"
            );
            assert!(
                (found / deviation - 1.0).abs() < 0.005,
                "{name}: deviation {found}"
            );
            let within = values
                .iter()
                .filter(|value| (**value - 50.0).abs() < deviation)
                .count();
            let share = if name == "uniform" {
                1.0 / third
            } else {
                0.682_689_492
            };
            assert_binomial(within, values.len(), share);
        }
        assert!(both.iter().filter(|(delay, copy)| delay == copy).count() < 10);
    }
}

#[test]
fn the_wire_carries_its_rate_and_the_queue_drops_its_tail() {
    // 1,222 bytes and 28 of headers are 10,000 bits: a millisecond at 10 Mbit/s.
    let bytes = [0; 1222];
    let (mut link, mut flow) = (link("rate=10Mbit,queue=5", 1), Flow::new(0));
    let outcomes: Vec<_> = (0..8)
        .map(|_| link.handle_datagram(millis(10), &mut flow, &bytes).outcome)
        .collect();
    for (index, outcome) in outcomes.iter().enumerate() {
        let late = Delivery {
            delay: millis(index as u64 + 1),
            ..Delivery::default()
        };
        let want = if index < 5 {
            Outcome::Passes(late)
        } else {
            Outcome::Lost(Cause::Queue)
        };
        assert_eq!(*outcome, want);
    }
    // Twice as much as it carries: half is lost, and the wire is never idle.
    let (mut link, mut departed) = (self::link("rate=10Mbit", 1), 0_u64);
    let mut now = Duration::ZERO;
    for _ in 0..MILLION {
        now += Duration::from_micros(500);
        link.handle_datagram(now, &mut flow, &bytes);
        while link.poll_transmit(now).is_some() {
            departed += 1;
        }
    }
    let carried = now.as_millis() as u64;
    assert!(
        (carried - 2..=carried).contains(&departed),
        "{departed} of {carried}"
    );
    assert_eq!(link.held(), 100);
}

#[test]
fn windows_and_length_decide_by_themselves() {
    let mut link = link("blackhole=2s..5s,7s..8s,mtu=1400", 1);
    let mut flow = Flow::new(0);
    for (at, length, want) in [
        (1999, 0, None),
        (2000, 0, Some(Cause::Blackhole)),
        (4999, 0, Some(Cause::Blackhole)),
        (5000, 1372, None),
        (7500, 0, Some(Cause::Blackhole)),
        (8000, 1373, Some(Cause::Mtu)),
    ] {
        let offered = link.handle_datagram(millis(at), &mut flow, &vec![0; length]);
        let plain = Outcome::Passes(Delivery::default());
        assert_eq!(
            offered.outcome,
            want.map_or(plain, Outcome::Lost),
            "{at} {length}"
        );
    }
}

#[test]
fn what_is_held_back_leaves_behind_the_next_or_when_its_time_is_over() {
    let (mut link, mut flow) = (link("reorder=40%", 5), Flow::new(0));
    let mut order: Vec<u32> = Vec::new();
    let mut picked = Vec::new();
    for number in 0..1000_u32 {
        let bytes = number.to_be_bytes();
        let offered = link.handle_datagram(Duration::ZERO, &mut flow, &bytes);
        if offered.is_through {
            order.push(number);
        } else {
            picked.push(number);
        }
        while let Some(released) = link.poll_transmit(Duration::ZERO) {
            order.push(u32::from_be_bytes(released.bytes.try_into().unwrap()));
        }
    }
    // The naive model: each that was not selected, then those that were selected before it.
    let (mut want, mut waiting) = (Vec::new(), Vec::new());
    for number in 0..1000 {
        if picked.contains(&number) {
            waiting.push(number);
        } else {
            want.push(number);
            want.append(&mut waiting);
        }
    }
    assert_eq!(order, want);
    assert!((300..500).contains(&picked.len()));
    let mut single = self::link("reorder=100%", 1);
    single.handle_datagram(millis(1), &mut Flow::new(0), b"last");
    assert_eq!(single.poll_timeout(), Some(millis(1) + MAX_HOLD));
    assert!(single.poll_transmit(millis(1) + MAX_HOLD).is_some());
}

#[test]
fn what_is_too_much_to_hold_is_lost_and_counted() {
    let (mut link, mut flow) = (link("delay=1h,duplicate=100%", 1), Flow::new(0));
    let room = MAX_HELD as u64 / 2;
    for number in 0..room + 10 {
        let offered = link.handle_datagram(Duration::ZERO, &mut flow, b"x");
        assert_eq!(matches!(offered.outcome, Outcome::Passes(_)), number < room);
    }
    let tally = *link.tally();
    assert_eq!((tally.offered, tally.copies), (room + 10, room));
    assert_eq!(tally.lost_to(Cause::Overflow), 10);
    assert_eq!(link.held(), MAX_HELD);
    assert!(link.poll_transmit(Duration::from_secs(3600)).is_some());
    // Room for the first, and not for its copy.
    link.handle_datagram(Duration::ZERO, &mut flow, b"x");
    assert_eq!(
        (link.tally().copies, link.tally().lost_to(Cause::Overflow)),
        (room + 1, 11)
    );
}
