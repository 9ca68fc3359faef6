use proptest::prelude::*;

use super::super::control::*;
use super::*;

fn limits() -> impl Strategy<Value = Limits> {
    any::<[u64; 3]>().prop_map(|[rate, time, flows]| Limits { rate, time, flows })
}

fn clocks() -> impl Strategy<Value = Clocks> {
    any::<[u64; 3]>().prop_map(|[now, wall, kernel]| Clocks { now, wall, kernel })
}

fn start() -> impl Strategy<Value = Control> {
    let reverse = prop::option::of(("[0-9a-z./,]{1,160}", any::<u16>(), any::<Option<u64>>()));
    (any::<[u8; 16]>(), any::<[u64; 3]>(), reverse).prop_map(|(token, numbers, reverse)| {
        let [rate, time, flows] = numbers;
        let reverse = reverse.map(|(plan, size, seed)| Reverse { plan, size, seed });
        Control::Start(Start {
            token,
            rate,
            time,
            flows,
            reverse,
        })
    })
}

fn results() -> impl Strategy<Value = Control> {
    (any::<[u64; RESULTS]>(), clocks()).prop_map(|(mut numbers, clocks)| {
        numbers[RESULTS - 1] &= 1;
        Control::Results(Box::new(Results::from_numbers(numbers, clocks)))
    })
}

fn control() -> impl Strategy<Value = Control> {
    let refusals = vec![
        Refusal::Token,
        Refusal::Rate,
        Refusal::Sessions,
        Refusal::Reverse,
        Refusal::Session,
    ];
    prop_oneof![
        Just(Control::Hello),
        Just(Control::Poll),
        start(),
        results(),
        clocks().prop_map(Control::Started),
        (any::<[u8; 16]>(), limits(), clocks())
            .prop_map(|(token, limits, clocks)| Control::Challenge(token, limits, clocks)),
        (prop::sample::select(refusals), limits())
            .prop_map(|(refusal, limits)| Control::Refused(refusal, limits)),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read(control in control(), is_last: bool, numbers: [u64; 4]) {
        let [session, number, due, sent] = numbers;
        let header = Header { kind: control.kind(), is_last, session, number, due, sent };
        let datagram = control.encode(&header);
        prop_assert_eq!(Control::decode(&datagram), Some((header, control)));
        prop_assert_eq!(Control::decode(&datagram[..CONTROL - 1]), None);
    }

    #[test]
    fn junk_is_survived(mut junk in prop::collection::vec(any::<u8>(), CONTROL), length in 0..=CONTROL, kind in 0..14_u8) {
        junk[..8].copy_from_slice(&[b'u', b'L', b'd', 1, kind, 0, 0, 0]);
        let _ = Control::decode(&junk);
        let _ = Header::read(&junk[..length]);
        let _ = answer(&mut junk[..length], &Visit { arrived: 7, left: 9, number: 8 });
        let _ = answered(&junk[..length]);
    }

    #[test]
    fn an_answer_repeats_its_question(numbers: [u64; 4], arrived in 0..u64::MAX >> 1, wait: u32, own: u64, more in 0..100_usize) {
        let [session, number, due, sent] = numbers;
        let header = Header { kind: Kind::Load, is_last: false, session, number, due, sent };
        let mut datagram = vec![7; SHORTEST + more];
        let visit = Visit { arrived, left: arrived + u64::from(wait), number: own };
        prop_assert!(header.write(&mut datagram) && answer(&mut datagram, &visit));
        prop_assert_eq!(Header::read(&datagram), Some(Header { kind: Kind::Answer, ..header }));
        prop_assert_eq!(answered(&datagram), Some(visit));
    }
}
