//! The search on paths with any limit.

use proptest::prelude::*;

use super::*;

const ROUND_TRIP: Duration = Duration::from_millis(20);

/// A path that loses datagrams larger than its limit, and some of the rest.
struct Path {
    limit: u16,
    loss: f64,
    random: fastrand::Rng,
    now: Duration,
    probes: u32,
}

impl Path {
    fn new(limit: u16, loss: f64, seed: u64) -> Self {
        Self {
            limit,
            loss,
            random: fastrand::Rng::with_seed(seed),
            now: Duration::ZERO,
            probes: 0,
        }
    }

    /// Sends probes until none is due.
    fn search(&mut self, mtu: &mut PathMtu) {
        for _ in 0..1000 {
            mtu.handle_timeout(self.now);
            let Some(size) = mtu.poll_transmit(self.now) else {
                return;
            };
            assert!(size <= mtu.max && (size > mtu.current() || size == mtu.base));
            self.probes += 1;
            assert_eq!(mtu.poll_transmit(self.now), None, "one at a time");
            self.now += ROUND_TRIP;
            if size <= self.limit && self.random.f64() >= self.loss {
                mtu.on_probe_acknowledged(self.now, size);
            } else {
                mtu.on_probe_lost(self.now, size);
            }
        }
        panic!("the search does not end: {mtu:?}");
    }

    /// Lets the time pass up to the deadline.
    fn wait(&mut self, mtu: &PathMtu) {
        self.now = self.now.max(mtu.poll_timeout().expect("a deadline"));
    }
}

proptest! {
    #[test]
    fn any_limit_is_found(limit in 1200_u16..=65_507, max in 1200_u16..=65_507, seed: u64) {
        let mut path = Path::new(limit, 0.0, seed);
        let mut mtu = PathMtu::new(PathMtu::BASE_PLPMTU, max, path.now);
        path.search(&mut mtu);
        let most = limit.min(max);
        prop_assert!(mtu.current() <= most, "{} > {most}", mtu.current());
        prop_assert!(mtu.current() + PathMtu::MIN_STEP > most, "{} is far below {most}", mtu.current());
        prop_assert_eq!(mtu.state(), PathMtuState::SearchComplete);
        // Seven sizes and a bisection of 56,536 bytes down to 20, three probes each at the worst.
        prop_assert!(path.probes <= 3 * (7 + 12), "{} probes", path.probes);
    }

    #[test]
    fn chance_loss_ends_within_the_bounds(
        limit in 1200_u16..=65_507, max in 1200_u16..=65_507, loss in 0.0..0.3, seed: u64,
    ) {
        let mut path = Path::new(limit, loss, seed);
        let mut mtu = PathMtu::new(PathMtu::BASE_PLPMTU, max, path.now);
        for _ in 0..3 {
            path.search(&mut mtu);
            prop_assert!((PathMtu::BASE_PLPMTU..=limit.min(max)).contains(&mtu.current()));
            prop_assert_eq!(mtu.state(), PathMtuState::SearchComplete);
            if mtu.poll_timeout().is_none() {
                break;
            }
            path.wait(&mtu);
        }
    }

    #[test]
    fn a_black_hole_and_back(before in 1300_u16..=9000, after in 1200_u16..=9000, seed: u64) {
        let mut path = Path::new(before, 0.0, seed);
        let mut mtu = PathMtu::new(PathMtu::BASE_PLPMTU, 9000, path.now);
        path.search(&mut mtu);
        path.limit = after;
        let size = mtu.current();
        let mut is_black_hole = false;
        if size > after {
            for _ in 0..PathMtu::BLACK_HOLE_LOSSES {
                prop_assert!(!is_black_hole);
                path.now += ROUND_TRIP;
                is_black_hole = mtu.on_datagram_lost(path.now, size);
                prop_assert!(is_black_hole || !mtu.on_datagram_lost(path.now, size), "once a time");
            }
            prop_assert!(is_black_hole);
            prop_assert_eq!((mtu.current(), mtu.state()), (PathMtu::BASE_PLPMTU, PathMtuState::Base));
        } else {
            path.wait(&mtu); // for a better path, after 600 s
        }
        path.search(&mut mtu);
        let most = after.min(9000);
        prop_assert!(mtu.current() <= most && mtu.current() + PathMtu::MIN_STEP > most);
    }

    #[test]
    fn any_events_at_all(
        base: u16, max: u16,
        events in prop::collection::vec((0_u8..10, any::<u16>(), any::<u64>()), 1..300),
    ) {
        let mut mtu = PathMtu::new(base, max, Duration::ZERO);
        let (base, max) = (mtu.base, mtu.max);
        let mut asked = None;
        for (kind, size, now) in events {
            let now = Duration::from_nanos(now);
            let probe = asked.unwrap_or(size);
            match kind {
                0 | 1 => asked = mtu.poll_transmit(now).or(asked),
                2 => mtu.handle_timeout(now),
                3 => mtu.on_probe_acknowledged(now, probe),
                4 | 5 => mtu.on_probe_lost(now, probe),
                6 => mtu.on_packet_too_big(now, size),
                7 => mtu.on_mtu_reported(now, size),
                8 => { mtu.on_datagram_lost(now, size); }
                _ => mtu.on_datagram_acknowledged(now, size),
            }
            // A caller that waits for a deadline and then polls does not wait for the same one
            // again; and without a deadline, there is a probe at once or nothing to find.
            let mut later = mtu;
            let deadline = mtu.poll_timeout().unwrap_or(now);
            later.handle_timeout(deadline);
            let offered = later.poll_transmit(deadline);
            match mtu.poll_timeout() {
                Some(deadline) => prop_assert!(later.poll_timeout().is_none_or(|next| next > deadline)),
                None => prop_assert!(offered.is_some() || mtu.current() == max),
            }
            prop_assert!(mtu.current() >= base.min(PathMtu::MIN_PLPMTU) && mtu.current() <= max);
            prop_assert!(mtu.state() == PathMtuState::Error || mtu.current() >= base);
            prop_assert!(mtu.ceiling >= base && mtu.ceiling <= max);
        }
    }
}

/// How many probes typical paths need, lost ones included.
#[test]
fn usual_paths_need_few_probes() {
    for (limit, max, found, probes) in [
        (65_507, 65_507, 65_507, 1), // loopback
        (1472, 1472, 1472, 1),       // Ethernet at both ends
        (8972, 8972, 8972, 1),
        (1472, 8972, 1472, 3 + 1 + 3), // jumbo frames here, but not there
        (1452, 1472, 1452, 3 + 1 + 3),
        (1400, 1472, 1400, 3 + 3 + 1 + 3),
        (1200, 1472, 1200, 3 * 6),
        (1200, 1200, 1200, 0),
        (1205, 1205, 1205, 1), // the maximum is tried, however near
    ] {
        let mut path = Path::new(limit, 0.0, 0);
        let mut mtu = PathMtu::new(PathMtu::BASE_PLPMTU, max, path.now);
        path.search(&mut mtu);
        let have = (mtu.current(), path.probes);
        assert!(
            have.0 == found && have.1 <= probes,
            "{limit} of {max}: {have:?}"
        );
    }
}

#[test]
fn the_kernels_word_saves_probes() {
    let mut path = Path::new(1380, 0.0, 0);
    let mut mtu = PathMtu::new(PathMtu::BASE_PLPMTU, 65_507, path.now);
    let size = mtu.poll_transmit(path.now).unwrap();
    mtu.on_packet_too_big(path.now, size); // the send itself failed
    mtu.on_mtu_reported(path.now, 1380);
    path.search(&mut mtu);
    assert_eq!((mtu.current(), path.probes), (1380, 1));

    // The path shrinks, and a router reports it.
    path.limit = 1340;
    path.probes = 0;
    mtu.on_mtu_reported(path.now, 1340);
    assert_eq!((mtu.current(), mtu.state()), (1200, PathMtuState::Base));
    path.search(&mut mtu);
    assert_eq!((mtu.current(), path.probes), (1340, 2)); // the base, and 1,340
}

#[test]
fn below_the_base_is_an_error_that_passes() {
    let mut path = Path::new(900, 0.0, 0);
    let mut mtu = PathMtu::new(PathMtu::BASE_PLPMTU, 1472, path.now);
    mtu.on_black_hole(path.now);
    path.search(&mut mtu);
    assert_eq!(
        (mtu.current(), mtu.state()),
        (PathMtu::MIN_PLPMTU, PathMtuState::Error)
    );
    assert_eq!(path.probes, PathMtu::MAX_PROBES);
    path.wait(&mtu);
    path.search(&mut mtu);
    assert_eq!(mtu.state(), PathMtuState::Error);
    path.limit = 1472;
    path.wait(&mtu);
    path.search(&mut mtu);
    assert_eq!(
        (mtu.current(), mtu.state()),
        (1472, PathMtuState::SearchComplete)
    );
}

#[test]
fn a_probe_that_nobody_speaks_of_is_lost_in_the_end() {
    let mut mtu = PathMtu::new(PathMtu::BASE_PLPMTU, 1472, Duration::ZERO);
    let mut now = Duration::ZERO;
    for _ in 0..PathMtu::MAX_PROBES {
        assert_eq!(mtu.poll_transmit(now), Some(1472));
        now += PathMtu::PROBE_TIMER;
        assert_eq!(mtu.poll_timeout(), Some(now));
        mtu.handle_timeout(now);
    }
    assert_eq!(mtu.poll_transmit(now), Some(1452));
}

#[test]
fn late_news_counts_but_not_from_before_a_black_hole() {
    let now = Duration::ZERO;
    let mut mtu = PathMtu::new(PathMtu::BASE_PLPMTU, 1472, now);
    for _ in 0..PathMtu::MAX_PROBES {
        assert_eq!(mtu.poll_transmit(now), Some(1472));
        mtu.on_probe_lost(now, 1472);
    }
    assert_eq!(mtu.poll_transmit(now), Some(1452));
    mtu.on_probe_acknowledged(now, 1472);
    assert_eq!(mtu.current(), 1472);
    mtu.on_black_hole(now);
    mtu.on_probe_acknowledged(now, 1472);
    assert_eq!((mtu.current(), mtu.state()), (1200, PathMtuState::Base));
}

#[test]
fn losses_between_acknowledgements_are_no_black_hole() {
    let mut mtu = PathMtu::new(PathMtu::BASE_PLPMTU, 1472, Duration::ZERO);
    assert_eq!(mtu.poll_transmit(Duration::ZERO), Some(1472));
    mtu.on_probe_acknowledged(Duration::ZERO, 1472);
    for at in 0..100 {
        assert!(!mtu.on_datagram_lost(Duration::from_millis(at), 1472));
        assert!(!mtu.on_datagram_lost(Duration::from_millis(at), 1200));
        let size = if at % 2 == 0 { 1472 } else { 1000 };
        mtu.on_datagram_acknowledged(Duration::from_millis(at), size);
    }
    assert_eq!(mtu.current(), 1472);
}
