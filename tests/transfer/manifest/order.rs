//! What a peer does wrong is refused, and the list keeps within its window.

use udpraw::protocol::transfer::manifest::{
    Answer, Entry, Kind, MAX_SECTIONS, Modified, ReceiverState, SECTION_ENTRIES, SenderState,
    Violation,
};

use super::Receiver;

fn file(size: u64) -> Entry {
    Entry {
        kind: Kind::File { size },
        path: b"a".to_vec(),
        mode: 0o644,
        modified: Modified::default(),
    }
}

/// A receiver that wants the first of two files of 10 bytes, or keeps a part of it.
fn two(answer: Answer) -> (ReceiverState, SenderState) {
    let (mut sender, mut bytes) = (SenderState::new(), Vec::new());
    sender.list(&file(10), &mut bytes).unwrap();
    sender.list(&file(10), &mut bytes).unwrap();
    sender.end_section(&mut bytes);
    let mut receiver = ReceiverState::new();
    let mut input = &bytes[..];
    while receiver.decode(&mut input).unwrap().is_some() {}
    assert_eq!(receiver.answer(answer), Some(0));
    (receiver, sender)
}

fn data(entry: u64, offset: u64, length: u32) -> Vec<u8> {
    let mut bytes = vec![5];
    bytes.extend_from_slice(&entry.to_be_bytes());
    bytes.extend_from_slice(&offset.to_be_bytes());
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.resize(bytes.len() + length.min(1 << 20) as usize, 1);
    bytes
}

fn end(entry: u64, length: u64, status: u8) -> Vec<u8> {
    let mut bytes = vec![6];
    bytes.extend_from_slice(&entry.to_be_bytes());
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(&[status, 0]);
    bytes
}

fn resumed(entry: u64, from: u64) -> Vec<u8> {
    [&[4][..], &entry.to_be_bytes(), &from.to_be_bytes()].concat()
}

#[test]
fn records_out_of_order_are_refused() {
    let kept = Answer::Resume {
        length: 4,
        digest: 0,
    };
    let wrong = |entry, expected| Violation::WrongEntry { entry, expected };
    let (at, bad) = (
        Violation::BadOffset {
            entry: 0,
            offset: 0,
        },
        Violation::BadEnd { entry: 0 },
    );
    let resume = Violation::BadResume { entry: 0 };
    let past = Violation::BadOffset {
        entry: 0,
        offset: 8,
    };
    for (answer, records, want) in [
        (Answer::Send, vec![data(1, 0, 1)], wrong(1, Some(0))),
        (Answer::Equal, vec![data(0, 0, 1)], wrong(0, None)),
        (Answer::Equal, vec![data(1, 0, 1)], wrong(1, None)),
        (Answer::Send, vec![data(0, 0, 2), data(0, 0, 1)], at),
        (Answer::Send, vec![data(0, 8, 3)], past),
        (Answer::Send, vec![data(0, 0, 0)], Violation::BadLength),
        (
            Answer::Send,
            vec![data(0, 0, (1 << 20) + 1)],
            Violation::BadLength,
        ),
        (Answer::Send, vec![data(0, 0, 10), end(0, 9, 0)], bad),
        (Answer::Send, vec![data(0, 0, 10), end(0, 9, 1)], bad),
        (Answer::Send, vec![end(0, 11, 1)], bad),
        (
            Answer::Send,
            vec![end(0, 10, 0), end(0, 10, 0)],
            wrong(0, None),
        ),
        (
            Answer::Send,
            vec![end(0, 10, 9)],
            Violation::BadField("status"),
        ),
        (Answer::Send, vec![resumed(0, 0)], resume),
        (kept, vec![data(0, 4, 1)], resume),
        (kept, vec![end(0, 10, 0)], resume),
        (kept, vec![resumed(0, 3)], resume),
        (kept, vec![resumed(0, 4), resumed(0, 4)], resume),
        (kept, vec![resumed(0, 4), data(0, 0, 1)], at),
        (
            Answer::Send,
            vec![[&[7][..], &[0; 32]].concat()],
            Violation::Unfinished,
        ),
        (Answer::Send, vec![vec![2]], Violation::BadSection),
        (Answer::Send, vec![vec![8]], Violation::UnknownRecord(8)),
    ] {
        let (mut receiver, _) = two(answer);
        let bytes = records.concat();
        let mut input = &bytes[..];
        let violation = loop {
            match receiver.decode(&mut input) {
                Ok(Some(_)) => {}
                Ok(None) => panic!("accepted: {records:?}"),
                Err(violation) => break violation,
            }
        };
        assert_eq!(violation, want);
        assert!(!violation.to_string().is_empty());
    }
    // And what is right is accepted.
    for records in [
        vec![resumed(0, 4), data(0, 5, 5), end(0, 10, 0)],
        vec![resumed(0, 0), data(0, 0, 10), end(0, 10, 0)],
        vec![end(0, 0, 3)],
    ] {
        let (mut receiver, _) = two(kept);
        let bytes = records.concat();
        let mut input = &bytes[..];
        while receiver.decode(&mut input).expect("valid").is_some() {}
        assert_eq!(receiver.next_unanswered().map(|(index, _)| index), Some(1));
    }
}

#[test]
fn answers_out_of_order_are_refused() {
    let run = |first: u64, count: u32, answer: u8, reason: u8| {
        let head = [&[1][..], &first.to_be_bytes(), &count.to_be_bytes()].concat();
        [&head[..], &[answer, reason]].concat()
    };
    let resume = |entry: u64, length: u64| {
        let head = [&[2][..], &entry.to_be_bytes(), &length.to_be_bytes()].concat();
        [&head[..], &[0; 16]].concat()
    };
    let failed = |entry: u64| [&[3][..], &entry.to_be_bytes(), &[0]].concat();
    let bad = |first| Violation::BadAnswer { first };
    for (answers, want) in [
        (run(1, 1, 0, 0), bad(1)),
        (run(0, 0, 0, 0), bad(0)),
        (run(0, 3, 0, 0), bad(0)),
        ([run(0, 1, 0, 0), run(0, 1, 0, 0)].concat(), bad(0)),
        (run(0, 1, 3, 0), Violation::BadField("answer")),
        (run(0, 1, 0, 1), Violation::BadField("answer")),
        (run(0, 1, 2, 99), Violation::BadField("reason")),
        (resume(0, 0), Violation::NoContents { entry: 0 }),
        (resume(0, 11), Violation::NoContents { entry: 0 }),
        (failed(0), bad(0)),
        ([run(0, 1, 0, 0), failed(0), failed(0)].concat(), bad(0)),
        (vec![4], Violation::UnknownRecord(4)),
    ] {
        let (_, mut sender) = two(Answer::Equal);
        assert_eq!(sender.handle_answers(&answers), Err(want), "{answers:?}");
    }
}

#[test]
fn the_list_stops_at_eight_sections_and_a_million_entries_take_no_more_memory() {
    let mut sender = SenderState::new();
    let mut receiver = Receiver {
        choices: vec![],
        ..Receiver::default()
    };
    let mut total = 0;
    let mut bytes = Vec::new();
    while total < 1_000_000 {
        while sender.may_list() {
            sender.list(&file(1), &mut bytes).expect("room");
            total += 1;
        }
        let too_many = sender.list(&file(1), &mut bytes);
        assert_eq!(too_many, Err(Violation::TooManySections));
        assert!(sender.open_entries() <= MAX_SECTIONS * SECTION_ENTRIES);
        receiver.feed(&bytes).expect("valid");
        receiver.seen.clear();
        bytes.clear();
        let mut answers = Vec::new();
        receiver.state.poll_answers(&mut answers);
        assert_eq!(answers.len(), 15, "one run");
        sender.handle_answers(&answers).expect("answers");
        while sender.poll_answer().is_some() {}
    }
}
