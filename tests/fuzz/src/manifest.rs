//! Both streams of the manifest: what a peer sends, in pieces of any length.
#![no_main]

use libfuzzer_sys::fuzz_target;
use udpraw::protocol::transfer::manifest::{
    Answer, Entry, Kind, MAX_SECTIONS, Modified, ReceiverState, SECTION_ENTRIES, SenderState,
    Status,
};

fuzz_target!(|input: &[u8]| {
    let Some((&cut, bytes)) = input.split_first() else {
        return;
    };
    let pieces = || bytes.chunks(usize::from(cut) + 1);
    receive(pieces(), cut);
    send(pieces());
});

/// As a receiver that wants what it can.
fn receive<'a>(pieces: impl Iterator<Item = &'a [u8]>, choice: u8) {
    let mut receiver = ReceiverState::new();
    let mut answers = Vec::new();
    for mut piece in pieces {
        loop {
            match receiver.decode(&mut piece) {
                Err(_) => return,
                Ok(None) => break,
                Ok(Some(_)) => {}
            }
            while let Some((index, _)) = receiver.next_unanswered() {
                let kept = Answer::Resume {
                    length: u64::from(choice),
                    digest: 0,
                };
                let wanted = if index % 2 == 0 { kept } else { Answer::Send };
                if receiver.answer(wanted).is_none() && receiver.answer(Answer::Send).is_none() {
                    assert!(receiver.answer(Answer::Equal).is_some());
                }
            }
            assert!(receiver.open_entries() <= (MAX_SECTIONS + 1) * SECTION_ENTRIES);
        }
        assert!(piece.is_empty());
        answers.clear();
        receiver.poll_answers(&mut answers);
    }
}

/// As a sender of files and folders.
fn send<'a>(pieces: impl Iterator<Item = &'a [u8]>) {
    let mut sender = SenderState::new();
    let mut out = Vec::new();
    let mut listed = 0;
    for piece in pieces {
        if sender.may_list() {
            let kind = match listed % 3 {
                0 => Kind::File { size: 300 },
                1 => Kind::Folder,
                _ => Kind::Stream,
            };
            let entry = Entry {
                kind,
                path: b"a".to_vec(),
                mode: 0,
                modified: Modified::default(),
            };
            assert_eq!(sender.list(&entry, &mut out), Ok(listed));
            listed += 1;
        }
        if sender.handle_answers(piece).is_err() {
            return;
        }
        while let Some((index, answer)) = sender.poll_answer() {
            assert!(index < listed);
            if matches!(answer, Answer::Send | Answer::Resume { .. }) {
                assert!(index % 3 != 1, "the contents of a folder");
                sender.end(0, Status::Abandoned, None, &mut out);
            }
        }
        while let Some((index, _)) = sender.poll_failure() {
            assert!(index < listed);
        }
        out.clear();
    }
}
