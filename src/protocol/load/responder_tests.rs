use proptest::prelude::*;

use super::super::wire::CONTROL;
use super::*;

const LIMITS: Limits = Limits {
    rate: 1000,
    time: 60 * SECOND,
    flows: 4,
};

fn responder() -> Responder {
    Responder::new([7; 16], LIMITS, 3)
}

fn at(now: u64) -> Clocks {
    let (wall, kernel) = (0, 9);
    Clocks { now, wall, kernel }
}

fn source(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn header(session: u64, number: u64) -> Header {
    let (kind, is_last, due, sent) = (Kind::Load, false, 0, 0);
    Header {
        kind,
        is_last,
        session,
        number,
        due,
        sent,
    }
}

fn start(token: [u8; 16], flows: u64) -> Start {
    let (rate, time, reverse) = (1000, SECOND, None);
    Start {
        token,
        rate,
        time,
        flows,
        reverse,
    }
}

fn control(
    responder: &mut Responder,
    now: u64,
    port: u16,
    session: u64,
    control: &Control,
) -> Option<Control> {
    let datagram = control.encode(&header(session, 0));
    match responder.handle_datagram(&at(now), source(port), &datagram, || 5) {
        Incoming::Reply(control, header) | Incoming::Reverse(control, header, _) => {
            assert!(control.encode(&header).len() <= datagram.len());
            Some(*control)
        }
        _ => None,
    }
}

fn token(responder: &mut Responder, now: u64, port: u16, session: u64) -> [u8; 16] {
    match control(responder, now, port, session, &Control::Hello) {
        Some(Control::Challenge(token, LIMITS, _)) => token,
        other => panic!("{other:?}"),
    }
}

fn begin(responder: &mut Responder, now: u64, port: u16, session: u64) -> Option<Control> {
    let token = token(responder, now, port, session);
    control(
        responder,
        now,
        port,
        session,
        &Control::Start(start(token, 2)),
    )
}

fn load(responder: &mut Responder, now: u64, port: u16, header: Header) -> Incoming {
    let mut datagram = [0; 64];
    header.write(&mut datagram);
    responder.handle_datagram(&at(now), source(port), &datagram, || 0)
}

fn results(responder: &mut Responder, port: u16, session: u64) -> Results {
    match control(responder, SECOND, port, session, &Control::Poll) {
        Some(Control::Results(results)) => *results,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_forged_start_starts_nothing() {
    let mut responder = responder();
    let good = token(&mut responder, 0, 1, 7);
    assert_eq!(responder.sessions(), 0, "a hello leaves nothing behind");
    for (token, port, session, now) in [
        ([0; 16], 1, 7, 0),
        (good, 2, 7, 0),
        (good, 1, 8, 0),
        (good, 1, 7, 121 * SECOND),
    ] {
        let answer = control(
            &mut responder,
            now,
            port,
            session,
            &Control::Start(start(token, 1)),
        );
        assert_eq!(answer, Some(Control::Refused(Refusal::Token, LIMITS)));
    }
    assert!(matches!(
        load(&mut responder, 0, 1, header(7, 0)),
        Incoming::Foreign
    ));
    assert_eq!(responder.sessions(), 0);
}

#[test]
fn limits_are_kept() {
    let mut responder = responder();
    for (change, want) in [
        (
            (|start: &mut Start| start.rate = 1001) as fn(&mut Start),
            Refusal::Rate,
        ),
        (|start| start.time = 61 * SECOND, Refusal::Time),
        (|start| start.flows = 5, Refusal::Flows),
        (|start| start.flows = 0, Refusal::Flows),
        (
            |start| {
                start.reverse = Some(Reverse {
                    plan: "1kpps..2kpps/1s".into(),
                    size: 64,
                    seed: None,
                })
            },
            Refusal::Rate,
        ),
        (
            |start| {
                start.reverse = Some(Reverse {
                    plan: "fast".into(),
                    size: 64,
                    seed: None,
                })
            },
            Refusal::Reverse,
        ),
    ] {
        let mut asked = start(token(&mut responder, 0, 1, 7), 1);
        change(&mut asked);
        let answer = control(&mut responder, 0, 1, 7, &Control::Start(asked));
        assert_eq!(answer, Some(Control::Refused(want, LIMITS)));
    }
    for session in 1..=3 {
        assert!(matches!(
            begin(&mut responder, 0, 1, session),
            Some(Control::Started(_))
        ));
    }
    let full = Some(Control::Refused(Refusal::Sessions, LIMITS));
    assert_eq!(begin(&mut responder, SECOND, 1, 4), full);
    assert!(matches!(
        begin(&mut responder, 31 * SECOND, 1, 4),
        Some(Control::Started(_))
    ));
}

/// After a restart, or from another address.
#[test]
fn a_session_that_it_does_not_know_is_refused() {
    let mut responder = responder();
    let refused = Some(Control::Refused(Refusal::Session, LIMITS));
    assert_eq!(control(&mut responder, 0, 1, 7, &Control::Poll), refused);
    begin(&mut responder, 0, 1, 7);
    for (port, session, is_known) in [(1, 7, true), (2, 7, false), (1, 8, false)] {
        let answer = control(&mut responder, 0, port, session, &Control::Poll);
        assert_eq!(matches!(answer, Some(Control::Results(_))), is_known);
        assert!(is_known || answer == refused);
    }
}

#[test]
fn each_session_has_its_own_figures() {
    let mut responder = responder();
    for (session, port) in [(7, 1), (7, 2), (8, 3)] {
        assert!(matches!(
            begin(&mut responder, 0, port, session),
            Some(Control::Started(_))
        ));
        // Again, as if the answer was lost.
        assert!(matches!(
            begin(&mut responder, 0, port, session),
            Some(Control::Started(_))
        ));
    }
    let third = begin(&mut responder, 0, 9, 7);
    assert_eq!(third, Some(Control::Refused(Refusal::Flows, LIMITS)));
    for number in [0, 1, 3, 2, 2] {
        assert!(matches!(
            load(&mut responder, 1, 1, header(7, number)),
            Incoming::Answer { .. }
        ));
        assert!(matches!(
            load(&mut responder, 1, 2, header(7, number)),
            Incoming::Answer { .. }
        ));
    }
    let one_way = Header {
        kind: Kind::OneWay,
        ..header(8, 5)
    };
    assert!(matches!(
        load(&mut responder, 1, 3, one_way),
        Incoming::Nothing
    ));
    assert!(
        matches!(load(&mut responder, 1, 4, header(7, 9)), Incoming::Nothing),
        "no flow"
    );
    let both = results(&mut responder, 1, 7);
    assert_eq!(
        (
            both.counts.unique,
            both.counts.duplicates,
            both.counts.reordered
        ),
        (8, 2, 2)
    );
    assert_eq!((both.answers, both.kernel_drops), (10, 5));
    assert_eq!(results(&mut responder, 2, 7), both, "repeatable");
    let other = results(&mut responder, 3, 8);
    assert_eq!(
        (other.counts.unique, other.counts.missing(), other.answers),
        (1, 5, 0)
    );
}

#[test]
fn too_fast_a_client_is_not_answered() {
    let mut responder = responder();
    begin(&mut responder, SECOND, 1, 7);
    let mut answered = 0;
    for number in 0..3000 {
        let answer = load(&mut responder, SECOND, 1, header(7, number));
        answered += u64::from(matches!(answer, Incoming::Answer { .. }));
    }
    assert_eq!(answered, 1100);
    let results = results(&mut responder, 1, 7);
    assert_eq!((results.answers, results.over_limit), (1100, 1900));
    let late = load(&mut responder, 72 * SECOND, 1, header(7, 1));
    assert!(
        matches!(late, Incoming::Nothing),
        "beyond the limit of time"
    );
}

#[test]
fn what_it_sends_ends_with_the_client() {
    let mut responder = responder();
    let mut asked = start(token(&mut responder, 0, 1, 7), 1);
    asked.reverse = Some(Reverse {
        plan: "500pps".into(),
        size: 64,
        seed: Some(3),
    });
    let started = control(&mut responder, 0, 1, 7, &Control::Start(asked));
    assert!(matches!(started, Some(Control::Started(_))));
    let datagram = Control::Poll.encode(&header(7, 0));
    let Incoming::Reverse(_, _, load) =
        responder.handle_datagram(&at(0), source(1), &datagram, || 0)
    else {
        panic!("it starts with the first poll");
    };
    assert_eq!(
        (load.flows, load.size, load.nanos),
        (vec![source(1)], 64, SECOND)
    );
    assert!(!load.progress.must_stop(5 * SECOND) && load.progress.must_stop(5 * SECOND + 1));
    load.progress.sent.store(12, Ordering::Relaxed);
    assert_eq!(results(&mut responder, 1, 7).sent, 12);
    assert!(!load.progress.must_stop(6 * SECOND), "it was heard at 1 s");
    let last = Header {
        is_last: true,
        ..header(7, 0)
    };
    responder.handle_datagram(&at(0), source(1), &Control::Poll.encode(&last), || 0);
    assert!(load.progress.must_stop(0));
}

/// A session is reported once: when its client ends it, or when it makes room.
#[test]
fn each_session_is_told_of() {
    let mut responder = responder();
    for number in 1..=3 {
        let client = number as u16;
        let asked = start(token(&mut responder, 0, client, number), 1);
        control(&mut responder, 0, client, number, &Control::Start(asked));
        for datagram in [0, 2, 1, 1, 4] {
            load(&mut responder, SECOND, client, header(number, datagram));
        }
    }
    assert!(!responder.has_ended() && responder.open().len() == 3);
    let last = Header {
        is_last: true,
        ..header(2, 0)
    };
    for _ in 0..2 {
        responder.handle_datagram(
            &at(2 * SECOND),
            source(2),
            &Control::Poll.encode(&last),
            || 0,
        );
    }
    let ended = responder.take_ended();
    assert_eq!(ended.len(), 1);
    let one = ended[0];
    assert_eq!(
        (one.session, one.client, one.flows, one.is_ended),
        (2, source(2), 1, true)
    );
    assert_eq!(
        (
            one.counts.unique,
            one.counts.missing(),
            one.counts.duplicates
        ),
        (4, 1, 1)
    );
    assert_eq!((one.answers, one.time.as_secs()), (5, 2));
    assert!(!responder.has_ended() && responder.take_ended().is_empty());
    assert!(
        responder
            .open()
            .iter()
            .all(|one| !one.is_ended && one.session != 2)
    );
}

proptest! {
    #[test]
    fn junk_is_survived(mut junk in prop::collection::vec(any::<u8>(), CONTROL), length in 0..=CONTROL, kind in 0..14_u8) {
        let mut responder = responder();
        junk[..8].copy_from_slice(&[b'u', b'L', b'd', 1, kind, 0, 0, 0]);
        for length in [length, CONTROL] {
            match responder.handle_datagram(&at(3), source(1), &junk[..length], || 0) {
                Incoming::Reply(control, header) => prop_assert!(control.encode(&header).len() <= length),
                Incoming::Answer { .. } | Incoming::Reverse(..) => prop_assert!(false),
                _ => {}
            }
        }
        prop_assert_eq!(responder.sessions(), 0);
    }
}
