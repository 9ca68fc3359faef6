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

fn started(id: u64) -> (Requester, Instant) {
    let (mut requester, now) = (Requester::new(Backoff::Rfc9002), Instant::now());
    let step = requester.start(id, b"x", None, None, now).unwrap();
    assert_eq!(step, Step::Send(RttEstimator::MIN_TIMEOUT));
    (requester, now)
}

#[test]
fn forged_replies_are_never_accepted() {
    let (mut requester, now) = started(7);
    let good = frame(Kind::Reply, 7, b"true");
    for id in (0..10_000).filter(|id| *id != 7) {
        let forged = frame(Kind::Reply, id, b"false");
        assert_eq!(
            requester.handle_datagram(true, &forged, now),
            Outcome::Forged
        );
    }
    assert_eq!(
        requester.handle_datagram(false, &good, now),
        Outcome::Forged
    );
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        let outcome = requester.handle_datagram(true, &bad, now);
        assert!(
            matches!(outcome, Outcome::Corrupt(_) | Outcome::Other(_)),
            "{outcome:?}"
        );
    }
    // Its own request, sent back by an echo, and the plain text.
    let own = requester.frame().to_vec();
    for other in [&own[..], b"true", b""] {
        let outcome = requester.handle_datagram(true, other, now);
        assert_eq!(outcome, Outcome::Other(Defect::Foreign));
    }
    let ignored = requester.ignored();
    assert_eq!(
        (ignored.forged, ignored.stale, ignored.total()),
        (10_000, 0, 10_031)
    );
    let outcome = requester.handle_datagram(true, &good, now);
    assert!(matches!(
        outcome,
        Outcome::Reply {
            payload: b"true",
            tries: 1,
            ..
        }
    ));
    assert_eq!(requester.handle_datagram(true, &good, now), Outcome::Stale);
    assert_eq!(requester.poll_timeout(), None);
}

#[test]
fn an_id_is_remembered_for_64_requests() {
    let (mut requester, now) = started(0);
    for id in 1..=65 {
        requester.start(id, b"", None, None, now).unwrap();
    }
    for (id, want) in [
        (1, Outcome::Stale),
        (64, Outcome::Stale),
        (0, Outcome::Forged),
    ] {
        let late = frame(Kind::Reply, id, b"");
        assert_eq!(requester.handle_datagram(true, &late, now), want, "{id}");
    }
}

#[test]
fn every_reply_is_a_sample_and_ends_the_backoff() {
    let (mut requester, start) = started(1);
    let mut now = start;
    assert_eq!(requester.handle_timeout(now), Step::Wait);
    for (attempt, wait) in [(2, 2), (3, 3), (4, 3)] {
        now = requester.poll_timeout().unwrap();
        let step = requester.handle_timeout(now);
        assert_eq!(step, Step::Send(Duration::from_secs(wait)));
        let sent = Frame::parse(requester.frame()).unwrap();
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
            requester.handle_datagram(true, &forged, now),
            Outcome::Forged
        );
    }
    // The answer to the third, of 3 s ago, comes after the fourth was sent.
    now += Duration::from_millis(50);
    let bytes = answer(Kind::Reply, 1, 3, b"r");
    let outcome = requester.handle_datagram(true, &bytes, now);
    let want = Outcome::Reply {
        payload: b"r",
        elapsed: Duration::from_millis(6050),
        tries: 4,
        attempt: 3,
        round_trip: Some(Duration::from_millis(3050)),
    };
    assert_eq!(outcome, want);
    let smoothed = requester.estimate().smoothed();
    assert_eq!(smoothed, Some(Duration::from_millis(3050)));
    assert_eq!(requester.timeout(), Duration::from_millis(9150));
    // Given up after a minute, and not after a number of tries.
    let begun = now;
    requester.start(2, b"", None, None, now).unwrap();
    let mut sent = 1;
    while let Some(deadline) = requester.poll_timeout() {
        now = deadline;
        sent += u32::from(matches!(requester.handle_timeout(now), Step::Send(_)));
    }
    assert_eq!((now - begun, sent), (Duration::from_secs(60), 10));
    let late = frame(Kind::Reply, 2, b"");
    assert_eq!(requester.handle_datagram(true, &late, now), Outcome::Stale);
}

#[test]
fn an_answer_to_a_forgotten_attempt_is_no_sample() {
    let (mut requester, mut now) = started(1);
    requester
        .start(2, b"", None, Some(Duration::from_secs(3600)), now)
        .unwrap();
    for _ in 1..40 {
        now = requester.poll_timeout().unwrap();
        requester.handle_timeout(now);
    }
    for (attempt, is_known) in [(8, false), (9, true), (40, true)] {
        let round_trip = requester
            .waiting
            .as_ref()
            .and_then(|it| it.round_trip(attempt, now));
        assert_eq!(round_trip.is_some(), is_known, "{attempt}");
    }
    let bytes = answer(Kind::Reply, 2, 8, b"");
    let outcome = requester.handle_datagram(true, &bytes, now);
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
    let (mut requester, now) = (Requester::new(Backoff::Rfc8085), Instant::now());
    let step = requester.start(1, b"", Some(1), Some(Duration::MAX), now);
    assert_eq!(step.unwrap(), Step::Send(RttEstimator::MIN_TIMEOUT));
    assert!(after(now, Duration::MAX) > now);
}

#[test]
fn what_the_server_cannot_do_ends_it() {
    let (mut requester, now) = started(1);
    let bad = frame(Kind::TooLong, 1, b"no");
    assert!(matches!(
        requester.handle_datagram(true, &bad, now),
        Outcome::Corrupt(_)
    ));
    let good = frame(Kind::TooLong, 1, &[0, 0, 1, 2]);
    let round_trip = Duration::from_millis(7);
    let outcome = requester.handle_datagram(true, &good, now + round_trip);
    let want = Outcome::TooLong {
        length: 258,
        round_trip: Some(round_trip),
    };
    assert_eq!((outcome, requester.poll_timeout()), (want, None));
    assert_eq!(requester.estimate().smoothed(), Some(round_trip));
    let (mut requester, now) = started(1);
    let versions = frame(Kind::Unsupported, 1, &[2, 3]);
    assert_eq!(
        requester.handle_datagram(false, &versions, now),
        Outcome::Forged
    );
    let outcome = requester.handle_datagram(true, &versions, now);
    assert_eq!(
        (outcome, requester.poll_timeout()),
        (Outcome::Unsupported(&[2, 3]), None)
    );
    requester
        .start(2, &[0; MAX_PAYLOAD + 1], None, None, now)
        .unwrap_err();
    // It is sent once at least: else nothing could be said of the server.
    let none = Some(Duration::ZERO);
    let step = requester.start(2, b"", Some(0), none, now).unwrap();
    assert_eq!(step, Step::Send(Duration::ZERO));
    assert_eq!(requester.handle_timeout(now), Step::GiveUp);
}
