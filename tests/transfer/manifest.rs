//! The manifest: what one end encodes the other decodes, however it is cut, and nothing else.

mod order;

use proptest::collection::vec;
use proptest::prelude::*;
use udpraw::protocol::transfer::manifest::{
    Answer, End, Entry, Finished, Kind, MAX_SECTIONS, Modified, Reason, ReceiverState, Record,
    SECTION_ENTRIES, SenderState, Status, Totals, Violation,
};

fn path() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        9 => vec(1..=255_u8, 1..20),
        1 => vec(1..=255_u8, 4_000..=4_095),
    ]
}

fn entry() -> impl Strategy<Value = Entry> {
    let kind = prop_oneof![
        4 => (0..5_000_u64).prop_map(|size| Kind::File { size }),
        1 => Just(Kind::Folder),
        1 => path().prop_map(|target| Kind::Link { target }),
        1 => Just(Kind::Stream),
    ];
    (
        kind,
        path(),
        0..=0o7777_u16,
        any::<i64>(),
        0..1_000_000_000_u32,
    )
        .prop_map(|(kind, path, mode, seconds, nanoseconds)| Entry {
            kind,
            path,
            mode,
            modified: Modified {
                seconds,
                nanoseconds,
            },
        })
}

/// What the receiver answers, from a number.
fn answer(kind: &Kind, choice: u8) -> Answer {
    let reasons = [Reason::Exists, Reason::Space, Reason::Parent];
    match (kind, choice % 4) {
        (_, 0) => Answer::Equal,
        (_, 1) => Answer::Refused(reasons[usize::from(choice / 4) % 3]),
        (Kind::File { size }, 2) if *size > 0 => Answer::Resume {
            length: 1 + u64::from(choice) % size,
            digest: u128::from(choice) << 100,
        },
        (Kind::Stream, 2) => Answer::Resume {
            length: 1 + u64::from(choice),
            digest: 7,
        },
        (Kind::File { .. } | Kind::Stream, _) => Answer::Send,
        _ => Answer::Equal,
    }
}

/// An owned record, with DATA in one piece however it arrived.
#[derive(Clone, Debug, PartialEq)]
enum Seen {
    Entry(u64, Entry),
    Listed,
    Totals(Totals),
    Resumed(u64, u64),
    Data(u64, u64, Vec<u8>),
    End(End),
    Finished(Finished),
}

fn see(seen: &mut Vec<Seen>, record: Record<'_>) {
    let next = match record {
        Record::Entry { index, entry } => Seen::Entry(index, entry),
        Record::Listed => Seen::Listed,
        Record::Totals(totals) => Seen::Totals(totals),
        Record::Resumed { entry, from } => Seen::Resumed(entry, from),
        Record::End(end) => Seen::End(end),
        Record::Finished(finished) => Seen::Finished(finished),
        Record::Data {
            entry,
            offset,
            bytes,
        } => {
            if let Some(Seen::Data(last, start, held)) = seen.last_mut()
                && *last == entry
                && *start + held.len() as u64 == offset
            {
                held.extend_from_slice(bytes);
                return;
            }
            Seen::Data(entry, offset, bytes.to_vec())
        }
        _ => unreachable!("a new kind of record"),
    };
    seen.push(next);
}

/// The receiver, which answers each entry at once by the choices.
#[derive(Default)]
struct Receiver {
    state: ReceiverState,
    choices: Vec<u8>,
    seen: Vec<Seen>,
}

impl Receiver {
    fn feed(&mut self, mut bytes: &[u8]) -> Result<(), Violation> {
        while let Some(record) = self.state.decode(&mut bytes)? {
            see(&mut self.seen, record);
            while let Some((index, entry)) = self.state.next_unanswered() {
                let choice = self.choices.get(index as usize).copied().unwrap_or(0);
                let answer = answer(&entry.kind, choice);
                assert_eq!(self.state.answer(answer), Some(index));
            }
        }
        assert!(bytes.is_empty());
        assert!(self.state.open_entries() <= MAX_SECTIONS * SECTION_ENTRIES);
        Ok(())
    }
}

/// A whole transfer: the forward stream, what it says, and the answer stream.
fn transfer(entries: &[Entry], choices: &[u8]) -> (Vec<u8>, Vec<Seen>, Vec<u8>) {
    let mut sender = SenderState::new();
    let mut receiver = Receiver {
        choices: choices.to_vec(),
        ..Receiver::default()
    };
    let (mut forward, mut said, mut answers) = (Vec::new(), Vec::new(), Vec::new());
    let mut listed = entries.iter().enumerate().peekable();
    let mut fed = 0;
    loop {
        while sender.may_list()
            && let Some((index, entry)) = listed.peek().copied()
        {
            match sender.list(entry, &mut forward) {
                // It did not fit the last section.
                Err(Violation::TooManySections) => break,
                result => assert_eq!(result, Ok(index as u64)),
            }
            listed.next();
            said.push(Seen::Entry(index as u64, entry.clone()));
        }
        if listed.peek().is_none() {
            sender.end_section(&mut forward);
        }
        receiver.feed(&forward[fed..]).expect("a valid stream");
        fed = forward.len();
        let before = answers.len();
        receiver.state.poll_answers(&mut answers);
        sender.handle_answers(&answers[before..]).expect("answers");
        let mut is_idle = true;
        while let Some((index, polled)) = sender.poll_answer() {
            is_idle = false;
            let entry = &entries[index as usize];
            assert_eq!(polled, answer(&entry.kind, choices[index as usize]));
            contents(&mut sender, index, entry, polled, &mut forward, &mut said);
        }
        if is_idle && listed.peek().is_none() {
            break;
        }
    }
    assert!(sender.is_idle());
    let finished = sender.finish(3, &mut forward);
    said.push(Seen::Finished(finished));
    receiver.feed(&forward[fed..]).expect("the end");
    assert!(receiver.state.is_finished());
    receiver.seen.retain(|seen| *seen != Seen::Listed);
    // Entries are listed before contents of earlier ones are sent: compare them apart.
    assert_eq!(split(&receiver.seen), split(&said));
    (forward, said, answers)
}

fn split(seen: &[Seen]) -> (Vec<Seen>, Vec<Seen>) {
    seen.iter()
        .cloned()
        .partition(|seen| matches!(seen, Seen::Entry(..)))
}

fn contents(
    sender: &mut SenderState,
    index: u64,
    entry: &Entry,
    answer: Answer,
    out: &mut Vec<u8>,
    said: &mut Vec<Seen>,
) {
    let mut offset = match answer {
        Answer::Send => 0,
        Answer::Resume { length, .. } => {
            let from = if index.is_multiple_of(2) { length } else { 0 };
            sender.resumed(from, out);
            said.push(Seen::Resumed(index, from));
            from
        }
        _ => return,
    };
    let size = match entry.kind {
        Kind::File { size } => size,
        _ => offset + 1_000,
    };
    // A hole of a byte before every third piece.
    let mut pieces = 0;
    while offset < size {
        let length = (size - offset).min(700);
        pieces += 1;
        if u32::is_multiple_of(pieces, 3) && entry.kind != Kind::Stream && length > 1 {
            offset += 1;
            continue;
        }
        let bytes: Vec<u8> = (0..length).map(|at| (at + index) as u8).collect();
        out.extend_from_slice(&sender.data_head(offset, bytes.len()));
        out.extend_from_slice(&bytes);
        see(
            said,
            Record::Data {
                entry: index,
                offset,
                bytes: &bytes,
            },
        );
        offset += length;
    }
    let digest = index.is_multiple_of(3).then_some(5);
    let status = if index % 5 == 4 {
        Status::Changed
    } else {
        Status::Whole
    };
    sender.end(size, status, digest, out);
    said.push(Seen::End(End {
        entry: index,
        length: size,
        status,
        digest,
    }));
}

/// Feeds pieces of the given lengths, over and over.
fn feed_cut(receiver: &mut Receiver, bytes: &[u8], cuts: &[usize]) -> Result<(), Violation> {
    let (mut at, mut cut) = (0, cuts.iter().cycle());
    while at < bytes.len() {
        let length = (*cut.next().unwrap_or(&1)).min(bytes.len() - at);
        receiver.feed(&bytes[at..at + length])?;
        at += length;
    }
    Ok(())
}

/// A decoder of a complete stream as the module's tables describe it, written by the tables alone.
fn naive(mut bytes: &[u8]) -> Vec<Seen> {
    fn number(bytes: &mut &[u8], length: usize) -> u128 {
        let (field, rest) = bytes.split_at(length);
        *bytes = rest;
        field
            .iter()
            .fold(0, |value, byte| value << 8 | u128::from(*byte))
    }
    let mut seen = Vec::new();
    let mut index = 0;
    let statuses = [
        Status::Whole,
        Status::Changed,
        Status::Vanished,
        Status::Forbidden,
        Status::Unreadable,
        Status::Different,
        Status::Abandoned,
    ];
    while !bytes.is_empty() {
        let b = &mut bytes;
        match number(b, 1) {
            1 => {
                let kind = number(b, 1);
                let mode = number(b, 2) as u16;
                let seconds = number(b, 8) as i64;
                let nanoseconds = number(b, 4) as u32;
                let size = number(b, 8) as u64;
                let (path, target) = (number(b, 2) as usize, number(b, 2) as usize);
                let (path, rest) = b.split_at(path);
                let (target, rest) = rest.split_at(target);
                *b = rest;
                let kind = match kind {
                    0 => Kind::File { size },
                    1 => Kind::Folder,
                    2 => Kind::Link {
                        target: target.to_vec(),
                    },
                    _ => Kind::Stream,
                };
                let modified = Modified {
                    seconds,
                    nanoseconds,
                };
                let path = path.to_vec();
                let entry = Entry {
                    kind,
                    path,
                    mode,
                    modified,
                };
                seen.push(Seen::Entry(index, entry));
                index += 1;
            }
            2 => seen.push(Seen::Listed),
            3 => {
                let (entries, bytes) = (number(b, 8) as u64, number(b, 8) as u64);
                seen.push(Seen::Totals(Totals { entries, bytes }));
            }
            4 => seen.push(Seen::Resumed(number(b, 8) as u64, number(b, 8) as u64)),
            5 => {
                let (entry, offset) = (number(b, 8) as u64, number(b, 8) as u64);
                let length = number(b, 4) as usize;
                let (bytes, rest) = b.split_at(length);
                *b = rest;
                let data = Record::Data {
                    entry,
                    offset,
                    bytes,
                };
                see(&mut seen, data);
            }
            6 => {
                let (entry, length) = (number(b, 8) as u64, number(b, 8) as u64);
                let status = statuses[number(b, 1) as usize];
                let digest = (number(b, 1) == 1).then(|| number(b, 16));
                let end = End {
                    entry,
                    length,
                    status,
                    digest,
                };
                seen.push(Seen::End(end));
            }
            7 => {
                let [entries, bytes, failed, unlisted] = [(); 4].map(|()| number(b, 8) as u64);
                seen.push(Seen::Finished(Finished {
                    entries,
                    bytes,
                    failed,
                    unlisted,
                }));
            }
            kind => panic!("record {kind}"),
        }
    }
    seen
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_is_encoded_is_decoded_however_it_is_cut(
        list in vec((entry(), any::<u8>()), 0..60),
        cuts in vec(1..3_000_usize, 1..20),
    ) {
        let (entries, choices): (Vec<_>, Vec<_>) = list.into_iter().unzip();
        let (forward, _, answers) = transfer(&entries, &choices);
        let expected = naive(&forward);
        for cuts in [&cuts[..], &[1], &[usize::MAX]] {
            let mut receiver = Receiver { choices: choices.clone(), ..Receiver::default() };
            feed_cut(&mut receiver, &forward, cuts).expect("valid");
            prop_assert_eq!(&receiver.seen, &expected);
            let mut again = Vec::new();
            receiver.state.poll_answers(&mut again);
            // Runs may be joined more when they are polled once.
            prop_assert!(again.len() <= answers.len());
        }
    }

    #[test]
    fn a_changed_byte_is_the_same_wherever_it_is_cut(
        list in vec((entry(), any::<u8>()), 1..20),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cuts in vec(1..200_usize, 1..20),
    ) {
        let (entries, choices): (Vec<_>, Vec<_>) = list.into_iter().unzip();
        let (mut forward, _, mut answers) = transfer(&entries, &choices);
        for (at, byte) in &changes {
            let at = at.index(forward.len());
            forward[at] = *byte;
            if !answers.is_empty() {
                let at = at % answers.len();
                answers[at] = *byte;
            }
        }
        let feed = |cuts: &[usize]| {
            let mut receiver = Receiver { choices: choices.clone(), ..Receiver::default() };
            let result = feed_cut(&mut receiver, &forward, cuts);
            (result, receiver.seen)
        };
        // What a decoder that has all knows of a broken DATA record it says before its bytes.
        prop_assert_eq!(feed(&cuts), feed(&[1]));

        let mut sender = SenderState::new();
        for entry in &entries {
            if sender.may_list() {
                let _ = sender.list(entry, &mut Vec::new());
            }
        }
        let mut bytewise = sender.clone();
        let whole = sender.handle_answers(&answers);
        let single = answers.iter().try_for_each(|byte| bytewise.handle_answers(&[*byte]));
        prop_assert_eq!(whole, single);
    }

    #[test]
    fn random_bytes_do_no_harm(bytes in vec(0..9_u8, 0..2_000)) {
        let _ = feed_cut(&mut Receiver::default(), &bytes, &[7]);
        let _ = SenderState::new().handle_answers(&bytes);
    }
}
