//! The client's side of an exchange, one datagram and one deadline at a time.

use super::*;

fn answer(kind: Kind, id: u64, attempt: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    Frame {
        kind,
        id,
        attempt,
        payload,
    }
    .encode(&mut bytes);
    bytes
}

fn frame(kind: Kind, id: u64, payload: &[u8]) -> Vec<u8> {
    answer(kind, id, 1, payload)
}

/// Transmits the attempt that is due: its number and timeout.
fn transmit(requester: &mut Requester, now: Duration) -> Option<(u32, Duration)> {
    let transmit = requester.poll_transmit(now)?;
    Some((transmit.attempt, transmit.timeout))
}

/// Starts a request with the payload `x`; returns its frame and the time.
fn started(id: u64) -> (Requester, Vec<u8>, Duration) {
    let (mut requester, now) = (Requester::new(Backoff::Rfc9002), Duration::from_secs(9));
    requester.start(now, id, b"x", None, None).unwrap();
    assert_eq!(requester.poll_timeout(), Some(now));
    let transmit = requester.poll_transmit(now).unwrap();
    assert_eq!(transmit.timeout, RttEstimator::MIN_TIMEOUT);
    let frame = transmit.bytes.to_vec();
    assert_eq!(requester.poll_transmit(now), None);
    (requester, frame, now)
}

#[test]
fn forged_replies_are_never_accepted() {
    let (mut requester, own, now) = started(7);
    let good = frame(Kind::Reply, 7, b"true");
    for id in (0..10_000).filter(|id| *id != 7) {
        let forged = frame(Kind::Reply, id, b"false");
        assert_eq!(
            requester.handle_datagram(now, true, &forged),
            Outcome::Forged
        );
    }
    assert_eq!(
        requester.handle_datagram(now, false, &good),
        Outcome::Forged
    );
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        let outcome = requester.handle_datagram(now, true, &bad);
        assert!(
            matches!(outcome, Outcome::Corrupt(_) | Outcome::Other(_)),
            "{outcome:?}"
        );
    }
    // Its own request, sent back by an echo, and the plain text.
    for other in [&own[..], b"true", b""] {
        let outcome = requester.handle_datagram(now, true, other);
        assert_eq!(outcome, Outcome::Other(Defect::Foreign));
    }
    let ignored = requester.ignored();
    assert_eq!(
        (ignored.forged, ignored.stale, ignored.total()),
        (10_000, 0, 10_031)
    );
    let outcome = requester.handle_datagram(now, true, &good);
    assert!(matches!(
        outcome,
        Outcome::Reply {
            payload: b"true",
            attempts: 1,
            ..
        }
    ));
    assert_eq!(requester.handle_datagram(now, true, &good), Outcome::Stale);
    assert_eq!(requester.poll_timeout(), None);
}

#[test]
fn an_id_is_remembered_for_64_requests() {
    let (mut requester, _, now) = started(0);
    for id in 1..=65 {
        requester.start(now, id, b"", None, None).unwrap();
    }
    for (id, want) in [
        (1, Outcome::Stale),
        (64, Outcome::Stale),
        (0, Outcome::Forged),
    ] {
        let late = frame(Kind::Reply, id, b"");
        assert_eq!(requester.handle_datagram(now, true, &late), want, "{id}");
    }
}

#[test]
fn every_reply_is_a_sample_and_ends_the_backoff() {
    let (mut requester, _, start) = started(1);
    let mut now = start;
    requester.handle_timeout(now);
    assert_eq!(requester.poll_transmit(now), None, "too early");
    for (attempt, wait) in [(2, 2), (3, 3), (4, 3)] {
        now = requester.poll_timeout().unwrap();
        requester.handle_timeout(now);
        let transmit = requester.poll_transmit(now).unwrap();
        assert_eq!(transmit.timeout, Duration::from_secs(wait));
        let sent = Frame::parse(transmit.bytes).unwrap();
        assert_eq!(
            (sent.id, sent.attempt, sent.payload),
            (1, attempt, &b"x"[..])
        );
    }
    assert_eq!(now - start, Duration::from_secs(6));
    // Attempts that were not made.
    for attempt in [0, 5, u32::MAX] {
        let forged = answer(Kind::Reply, 1, attempt, b"");
        assert_eq!(
            requester.handle_datagram(now, true, &forged),
            Outcome::Forged
        );
    }
    // The answer to the third, of 3 s ago, arrives after the fourth was sent.
    now += Duration::from_millis(50);
    let bytes = answer(Kind::Reply, 1, 3, b"r");
    let outcome = requester.handle_datagram(now, true, &bytes);
    let want = Outcome::Reply {
        payload: b"r",
        elapsed: Duration::from_millis(6050),
        attempts: 4,
        attempt: 3,
        round_trip: Some(Duration::from_millis(3050)),
    };
    assert_eq!(outcome, want);
    let smoothed = requester.estimate().smoothed();
    assert_eq!(smoothed, Some(Duration::from_millis(3050)));
    assert_eq!(requester.timeout(), Duration::from_millis(9150));
    // Abandoned after a minute, and not after a number of tries.
    let begun = now;
    requester.start(now, 2, b"", None, None).unwrap();
    let mut sent = 0;
    while let Some(deadline) = requester.poll_timeout() {
        assert_eq!(requester.poll_event(), None);
        now = deadline;
        requester.handle_timeout(now);
        sent += u32::from(transmit(&mut requester, now).is_some());
    }
    let timed_out = Some(Event::TimedOut { attempts: 10 });
    assert_eq!(requester.poll_event(), timed_out);
    assert_eq!(requester.poll_event(), None);
    assert_eq!((now - begun, sent), (Duration::from_secs(60), 10));
    let late = frame(Kind::Reply, 2, b"");
    assert_eq!(requester.handle_datagram(now, true, &late), Outcome::Stale);
}

#[test]
fn an_answer_to_a_forgotten_attempt_is_no_sample() {
    let (mut requester, _, mut now) = started(1);
    let limit = Some(Duration::from_secs(3600));
    requester.start(now, 2, b"", None, limit).unwrap();
    for attempt in 1..=40 {
        now = requester.poll_timeout().unwrap();
        requester.handle_timeout(now);
        assert_eq!(transmit(&mut requester, now).unwrap().0, attempt);
    }
    for (attempt, is_known) in [(8, false), (9, true), (40, true)] {
        let round_trip = requester
            .pending
            .as_ref()
            .and_then(|it| it.round_trip(attempt, now));
        assert_eq!(round_trip.is_some(), is_known, "{attempt}");
    }
    let bytes = answer(Kind::Reply, 2, 8, b"");
    let outcome = requester.handle_datagram(now, true, &bytes);
    assert!(matches!(
        outcome,
        Outcome::Reply {
            round_trip: None,
            ..
        }
    ));
    assert_eq!(requester.timeout(), RttEstimator::MIN_TIMEOUT);
}

#[test]
fn no_limit_is_too_long_for_the_clock() {
    let mut requester = Requester::new(Backoff::Rfc8085);
    for now in [Duration::ZERO, Duration::MAX] {
        let limit = Some(Duration::MAX);
        requester.start(now, 1, b"", Some(1), limit).unwrap();
        assert_eq!(
            transmit(&mut requester, now),
            Some((1, RttEstimator::MIN_TIMEOUT))
        );
        let deadline = now.saturating_add(RttEstimator::MIN_TIMEOUT);
        assert_eq!(requester.poll_timeout(), Some(deadline));
    }
}

#[test]
fn what_the_server_cannot_do_ends_it() {
    let (mut requester, _, now) = started(1);
    let bad = frame(Kind::TooLong, 1, b"no");
    assert!(matches!(
        requester.handle_datagram(now, true, &bad),
        Outcome::Corrupt(_)
    ));
    let good = frame(Kind::TooLong, 1, &[0, 0, 1, 2]);
    let round_trip = Duration::from_millis(7);
    let outcome = requester.handle_datagram(now + round_trip, true, &good);
    let want = Outcome::TooLong {
        length: 258,
        round_trip: Some(round_trip),
    };
    assert_eq!((outcome, requester.poll_timeout()), (want, None));
    assert_eq!(requester.estimate().smoothed(), Some(round_trip));
    let (mut requester, _, now) = started(1);
    let versions = frame(Kind::Unsupported, 1, &[2, 3]);
    assert_eq!(
        requester.handle_datagram(now, false, &versions),
        Outcome::Forged
    );
    let outcome = requester.handle_datagram(now, true, &versions);
    assert_eq!(
        (outcome, requester.poll_timeout()),
        (Outcome::Unsupported(&[2, 3]), None)
    );
    requester
        .start(now, 2, &[0; MAX_PAYLOAD + 1], None, None)
        .unwrap_err();
    // It is sent at least once: otherwise nothing is known about the server.
    let none = Some(Duration::ZERO);
    requester.start(now, 2, b"", Some(0), none).unwrap();
    assert_eq!(transmit(&mut requester, now), Some((1, Duration::ZERO)));
    requester.handle_timeout(now);
    assert_eq!(
        requester.poll_event(),
        Some(Event::TimedOut { attempts: 1 })
    );
}
