//! Properties for any traffic: outcomes are reproducible, and every datagram is accounted for.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn link(text: &str, seed: u64) -> Link {
    Link::new(text.parse().unwrap(), seed, Direction::Up)
}

/// An arrival: flow, length, and the time since the previous one.
fn traffic() -> impl Strategy<Value = Vec<(u32, usize, u64)>> {
    prop::collection::vec((0..3_u32, 0..200_usize, 0..2_000_u64), 1..200)
}

/// The impairments that do not depend on time.
fn without_time(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Passes(delivery) => Outcome::Passes(Delivery {
            delay: Duration::ZERO,
            copy: delivery.copy.map(|_| Duration::ZERO),
            ..delivery
        }),
        lost => lost,
    }
}

/// Everything that left, with the time, and each outcome.
type Run = (
    Vec<(Duration, u32, Vec<u8>)>,
    Vec<(u32, Outcome)>,
    Tally,
    usize,
);

fn run(
    mut link: Link,
    traffic: &[(u32, usize, u64)],
    pace: u32,
    record: Option<&[(u32, Outcome)]>,
) -> Run {
    let mut flows = [0, 1, 2].map(Flow::new);
    let (mut out, mut outcomes, mut now) = (Vec::new(), Vec::new(), Duration::ZERO);
    for (index, (id, length, later)) in traffic.iter().enumerate() {
        let until = now + Duration::from_micros(*later) * pace;
        while let Some(due) = link.poll_timeout().filter(|due| *due <= until) {
            let released = link.poll_transmit(due).unwrap();
            out.push((due, released.flow, released.bytes.to_vec()));
        }
        now = until;
        let bytes = vec![index as u8; *length];
        let flow = &mut flows[*id as usize];
        let offered = match record {
            None => link.handle_datagram(now, flow, &bytes),
            Some(record) => link.apply(now, flow, &bytes, record[index].1),
        };
        if offered.is_through {
            out.push((now, *id, bytes));
        }
        outcomes.push((*id, offered.outcome));
    }
    let held = link.held();
    (out, outcomes, *link.tally(), held)
}

const ALL: &str = "loss=ge:10%,50%,90%,5%,truncate=10%,corrupt=10%,duplicate=20%,reorder=20%";

proptest! {
    #[test]
    fn timing_and_other_flows_change_no_outcome(traffic in traffic(), seed: u64, pace in 0..20_u32, delay: bool) {
        let text = format!("{ALL},jitter=1ms,delay={}ms", u8::from(delay));
        let (_, outcomes, ..) = run(link(&text, seed), &traffic, 1, None);
        let (_, again, ..) = run(link(&text, seed), &traffic, pace, None);
        prop_assert_eq!(&outcomes, &again);
        let single: Vec<_> = traffic.iter().filter(|(id, ..)| *id == 1).copied().collect();
        let (_, single, ..) = run(link(&text, seed), &single, pace, None);
        let of_one: Vec<_> = outcomes.into_iter().filter(|(id, _)| *id == 1).collect();
        prop_assert_eq!(of_one, single);
    }

    #[test]
    fn one_more_impairment_changes_no_other(traffic in traffic(), seed: u64) {
        let (_, outcomes, ..) = run(link(ALL, seed), &traffic, 1, None);
        let (_, more, ..) = run(link(&format!("{ALL},rate=1Gbit,queue=1000"), seed), &traffic, 1, None);
        for ((_, one), (_, other)) in outcomes.iter().zip(more) {
            prop_assert_eq!(without_time(*one), without_time(other));
        }
        let (_, fewer, ..) = run(link("loss=ge:10%,50%,90%,5%", seed), &traffic, 1, None);
        for ((_, one), (_, other)) in outcomes.iter().zip(fewer) {
            prop_assert_eq!(matches!(one, Outcome::Lost(_)), matches!(other, Outcome::Lost(_)));
        }
    }

    #[test]
    fn a_record_imposed_again_is_the_same_run(traffic in traffic(), seed: u64, delay: bool) {
        let text = format!("{ALL},rate=100kbit,queue=3,blackhole=1ms..9ms,mtu=200,delay={}ms", u8::from(delay));
        let first = run(link(&text, seed), &traffic, 1, None);
        let perfect = Link::new(Profile::default(), 0, Direction::Up);
        let again = run(perfect, &traffic, 1, Some(&first.1));
        prop_assert_eq!(first, again);
    }

    #[test]
    fn the_books_balance(traffic in traffic(), seed: u64, delay in 0..3_u8, rate: bool) {
        let rate = if rate { ",rate=100kbit,queue=3" } else { "" };
        let text = format!("{ALL}{rate},blackhole=1ms..9ms,mtu=200,delay={delay}ms,jitter={delay}ms");
        let (out, outcomes, tally, held) = run(link(&text, seed), &traffic, 1, None);
        prop_assert_eq!(tally.offered, traffic.len() as u64);
        prop_assert_eq!(tally.offered + tally.copies, tally.departed + tally.all_lost() + held as u64);
        prop_assert_eq!(tally.departed, out.len() as u64);
        let bytes: usize = out.iter().map(|(.., bytes)| bytes.len()).sum();
        prop_assert_eq!(tally.departed_bytes, bytes as u64);
        for cause in Cause::ALL {
            let lost = outcomes.iter().filter(|(_, outcome)| *outcome == Outcome::Lost(cause)).count();
            prop_assert_eq!(tally.lost_to(cause), lost as u64);
        }
    }

    #[test]
    fn any_fate_may_be_imposed_on_any_datagram(length in 0..100_usize, cut: Option<u32>, bit: Option<u32>, delay: u64, copy: Option<u64>) {
        let mut link = Link::new(Profile::default(), 0, Direction::Down);
        let delivery = Delivery {
            delay: Duration::from_secs(delay),
            order: Order::HeldBack,
            truncated: cut,
            corrupted: bit,
            copy: copy.map(Duration::from_secs),
        };
        link.apply(Duration::MAX, &mut Flow::new(0), &vec![0; length], Outcome::Passes(delivery));
        prop_assert!(link.poll_transmit(Duration::MAX).unwrap().bytes.len() <= length);
    }
}
