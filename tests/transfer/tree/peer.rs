//! A receiver in memory, in place of the network: answers each entry as it is listed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use udpraw::protocol::transfer::Digest;
use udpraw::protocol::transfer::manifest::{
    Answer, End, Entry, Kind, Reason, ReceiverState, Record, Totals,
};
use udpraw::transfer::tree::{Outlet, TreeEvent};

/// Pieces with their offsets.
type Contents = Vec<(u64, Vec<u8>)>;

/// The answer to an entry, if it is not the usual one.
type Choose = Box<dyn Fn(&Entry) -> Option<Answer> + Send>;
type OnRecord = Box<dyn FnMut(&str) + Send>;

/// An entry and what came of it.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) entry: Entry,
    pub(super) data: Contents,
    pub(super) resumed: Option<u64>,
    pub(super) end: Option<End>,
}

impl Seen {
    pub(super) fn path(&self) -> &str {
        std::str::from_utf8(&self.entry.path).expect("UTF-8")
    }

    /// The contents, holes as zeros.
    pub(super) fn contents(&self) -> Vec<u8> {
        let end = self.end.expect("an end");
        let mut bytes = vec![0; end.length as usize];
        for (at, piece) in &self.data {
            bytes[*at as usize..][..piece.len()].copy_from_slice(piece);
        }
        bytes
    }
}

#[derive(Default)]
pub(super) struct Peer {
    pub(super) state: ReceiverState,
    pub(super) seen: Vec<Seen>,
    pub(super) events: Vec<String>,
    pub(super) totals: Option<Totals>,
    pub(super) is_complete: bool,
    pub(super) is_over: Arc<AtomicBool>,
    pub(super) most_open: usize,
    /// What is kept of every file: the bytes, and the length that is claimed.
    pub(super) kept: Option<(Vec<u8>, u64)>,
    pub(super) choose: Option<Choose>,
    /// The path of a file that fails when its first bytes arrive.
    pub(super) fail_at_data: Option<Vec<u8>>,
    /// Called with "Entry PATH", "Data PATH" once each.
    pub(super) on_record: Option<OnRecord>,
}

impl Peer {
    pub(super) fn named(&self, path: &str) -> &Seen {
        let named = |seen: &&Seen| seen.entry.path == path.as_bytes();
        self.seen.iter().find(named).expect("that path")
    }

    pub(super) fn has_event(&self, name: &str) -> bool {
        self.events.iter().any(|event| event.starts_with(name))
    }

    fn answer(&self, entry: &Entry) -> Answer {
        if let Some(answer) = self.choose.as_ref().and_then(|choose| choose(entry)) {
            return answer;
        }
        match (&entry.kind, &self.kept) {
            (Kind::Folder | Kind::Link { .. }, _) => Answer::Equal,
            (_, Some((bytes, length))) => {
                let mut digest = Digest::default();
                digest.update(bytes);
                let digest = digest.value();
                Answer::Resume {
                    length: *length,
                    digest,
                }
            }
            _ => Answer::Send,
        }
    }

    fn tell(&mut self, name: &str, index: u64) {
        if let Some(on_record) = &mut self.on_record {
            let path = String::from_utf8_lossy(&self.seen[index as usize].entry.path);
            on_record(&format!("{name} {path}"));
        }
    }
}

impl Outlet for Peer {
    fn buffer(&mut self) -> Option<Vec<u8>> {
        (!self.is_over()).then(|| Vec::with_capacity(256 << 10))
    }

    fn push(&mut self, chunk: Vec<u8>) {
        let mut input = &chunk[..];
        while let Some(record) = self.state.decode(&mut input).expect("a valid stream") {
            match record {
                Record::Entry { index, entry } => {
                    let answer = self.answer(&entry);
                    assert_eq!(self.state.answer(answer), Some(index));
                    self.seen.push(Seen {
                        entry,
                        data: Vec::new(),
                        resumed: None,
                        end: None,
                    });
                    self.tell("Entry", index);
                }
                Record::Data {
                    entry,
                    offset,
                    bytes,
                } => {
                    let seen = &mut self.seen[entry as usize];
                    let is_first = seen.data.is_empty();
                    seen.data.push((offset, bytes.to_vec()));
                    if is_first && self.fail_at_data.as_ref() == Some(&seen.entry.path) {
                        self.state.fail(entry, Reason::Space);
                    }
                    if is_first {
                        self.tell("Data", entry);
                    }
                }
                Record::Resumed { entry, from } => self.seen[entry as usize].resumed = Some(from),
                Record::End(end) => self.seen[end.entry as usize].end = Some(end),
                Record::Totals(totals) => self.totals = Some(totals),
                _ => {}
            }
            self.most_open = self.most_open.max(self.state.open_entries());
        }
    }

    fn complete(&mut self) {
        assert!(self.state.is_finished());
        self.is_complete = true;
    }

    fn answers(&mut self, wait: bool, into: &mut Vec<u8>) -> bool {
        let before = into.len();
        self.state.poll_answers(into);
        let has_some = into.len() > before;
        assert!(has_some || !wait || self.is_complete, "both ends wait");
        !self.is_over() && (has_some || !wait)
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    fn on_event(&mut self, event: TreeEvent) {
        self.events.push(format!("{event:?}"));
    }
}
