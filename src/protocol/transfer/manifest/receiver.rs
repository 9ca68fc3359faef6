//! The receiver's side: records in, answers out.

use std::collections::VecDeque;

use super::decode::{Decoded, Decoder};
use super::record::{Answer, Answered, Reason, Record, Status};
use super::{Entry, Kind, MAX_SECTIONS, SECTION_BYTES, SECTION_ENTRIES, Violation, encode};

/// What a receiver knows of a transfer: the entries that are not done, and whose turn it is.
///
/// Bytes of the forward stream go in ([`Self::decode`]), records come out, checked for form and
/// order. The caller answers each entry in the order of the list ([`Self::answer`]), at once or
/// later; the answer stream is taken from [`Self::poll_answers`]. Memory is bounded by
/// [`MAX_SECTIONS`] sections.
#[derive(Clone, Debug, Default)]
pub struct ReceiverState {
    decoder: Decoder,
    /// The entries from the oldest that is not done.
    entries: VecDeque<Pending>,
    /// The index of the first of them.
    first: u64,
    /// The index of the first without an answer.
    unanswered: u64,
    /// The contents that are arriving, if any have.
    contents: Option<Contents>,
    /// The index after the last entry of each open section that has ended.
    sections: VecDeque<u64>,
    /// Entries and bytes in the section that has not ended.
    section: (usize, usize),
    /// The end of the newest run of answers, not yet encoded.
    run: Option<(u64, u32, Answer)>,
    answers: Vec<u8>,
    is_finished: bool,
}

#[derive(Clone, Debug)]
struct Pending {
    entry: Entry,
    /// Answered, and either not wanted or ended.
    is_done: bool,
    /// The contents are wanted: the length of the part that is kept.
    wanted: Option<u64>,
}

/// Where the contents of the entry whose turn it is have got to.
#[derive(Clone, Copy, Debug)]
struct Contents {
    /// The end of the bytes so far.
    offset: u64,
}

impl ReceiverState {
    /// Nothing has arrived.
    pub fn new() -> Self {
        Self::default()
    }

    /// The next record, if it has arrived completely; takes its bytes from `input`, and returns
    /// none once that is empty. The bytes of DATA are not copied.
    ///
    /// # Errors
    /// What the sender did wrong. The transfer must end then.
    pub fn decode<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Record<'a>>, Violation> {
        if self.is_finished && !input.is_empty() {
            return Err(Violation::AfterEnd);
        }
        match self.decoder.decode(input)? {
            None => Ok(None),
            Some(Decoded::Entry(entry)) => self.on_entry(entry).map(Some),
            Some(Decoded::Other(record)) => {
                self.check(&record)?;
                Ok(Some(record))
            }
        }
    }

    /// Whether the sender has sent everything.
    pub fn is_finished(&self) -> bool {
        self.is_finished
    }

    /// The first entry without an answer, with its index.
    pub fn next_unanswered(&self) -> Option<(u64, &Entry)> {
        let entry = self.entry(self.unanswered)?;
        Some((self.unanswered, entry))
    }

    /// An entry that is not done: not answered, or wanted and not ended.
    pub fn entry(&self, index: u64) -> Option<&Entry> {
        let at = usize::try_from(index.checked_sub(self.first)?).ok()?;
        self.entries.get(at).map(|pending| &pending.entry)
    }

    /// The index of the entry whose contents come next, if it is known: entries before it are done.
    pub fn next_wanted(&self) -> Option<u64> {
        (self.first < self.unanswered).then_some(self.first)
    }

    /// Answers the first entry without an answer, and returns its index; none if there is no such
    /// entry, or if the answer does not suit it (the contents of a folder or link, a kept part of
    /// no byte or longer than the file), in which case nothing changes.
    pub fn answer(&mut self, answer: Answer) -> Option<u64> {
        let index = self.unanswered;
        let at = usize::try_from(index.checked_sub(self.first)?).ok()?;
        let pending = self.entries.get_mut(at)?;
        match answer {
            Answer::Equal | Answer::Refused(_) => pending.is_done = true,
            Answer::Send if can_be_sent(&pending.entry.kind) => pending.wanted = Some(0),
            Answer::Resume { length, .. } if can_resume(&pending.entry.kind, length) => {
                pending.wanted = Some(length);
            }
            _ => return None,
        }
        self.unanswered += 1;
        match &mut self.run {
            Some((_, count, run)) if *run == answer && *count < u32::MAX && is_run(answer) => {
                *count += 1;
            }
            _ => {
                self.end_run();
                self.run = Some((index, 1, answer));
            }
        }
        self.forget();
        Some(index)
    }

    /// Reports that a wanted entry cannot be stored. Its contents still arrive until the sender has
    /// read this; they can be ignored. Also after the entry's end; in the order of the list, and
    /// once an entry.
    pub fn fail(&mut self, entry: u64, reason: Reason) {
        self.end_run();
        encode::answered(Answered::Failed { entry, reason }, &mut self.answers);
    }

    /// Appends the answer stream's new bytes to `out`. Call it when there is nothing more to answer
    /// at the moment: until then equal answers are joined.
    pub fn poll_answers(&mut self, out: &mut Vec<u8>) {
        self.end_run();
        out.append(&mut self.answers);
    }

    /// The entries that are not done.
    pub fn open_entries(&self) -> usize {
        self.entries.len()
    }

    fn end_run(&mut self) {
        if let Some((first, count, answer)) = self.run.take() {
            let run = Answered::Run {
                first,
                count,
                answer,
            };
            encode::answered(run, &mut self.answers);
        }
    }

    fn listed(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    fn on_entry<'a>(&mut self, entry: Entry) -> Result<Record<'a>, Violation> {
        let (count, bytes) = &mut self.section;
        *count += 1;
        *bytes += encode::entry_length(&entry);
        if *count > SECTION_ENTRIES || *bytes > SECTION_BYTES {
            return Err(Violation::BadSection);
        }
        if *count == 1 && self.sections.len() >= MAX_SECTIONS {
            return Err(Violation::TooManySections);
        }
        let index = self.listed();
        self.entries.push_back(Pending {
            entry: entry.clone(),
            is_done: false,
            wanted: None,
        });
        Ok(Record::Entry { index, entry })
    }

    fn check(&mut self, record: &Record<'_>) -> Result<(), Violation> {
        match *record {
            Record::Listed => {
                if self.section.0 == 0 {
                    return Err(Violation::BadSection);
                }
                self.section = (0, 0);
                self.sections.push_back(self.listed());
                self.forget();
            }
            Record::Resumed { entry, from } => {
                let pending = self.turn(entry)?;
                let kept = pending.wanted.unwrap_or(0);
                if self.contents.is_some() || kept == 0 || (from != kept && from != 0) {
                    return Err(Violation::BadResume { entry });
                }
                self.contents = Some(Contents { offset: from });
            }
            Record::Data {
                entry,
                offset,
                bytes,
            } => {
                let (at, left) = (self.contents(entry)?, self.decoder.left());
                let pending = self.turn(entry)?;
                let end = offset.saturating_add(bytes.len() as u64);
                let fits = match &pending.entry.kind {
                    // The whole record must fit, of which these are the first bytes that arrived.
                    Kind::File { size } => offset >= at && end.saturating_add(left) <= *size,
                    _ => offset == at,
                };
                if !fits {
                    return Err(Violation::BadOffset { entry, offset });
                }
                self.contents = Some(Contents { offset: end });
            }
            Record::End(end) => {
                let entry = end.entry;
                // Whoever cannot read the kept part ends without having gone on.
                let at = match end.status {
                    Status::Whole => self.contents(entry)?,
                    _ => self.contents.map_or(0, |contents| contents.offset),
                };
                let pending = self.turn(entry)?;
                let fits = match (&pending.entry.kind, end.status) {
                    (Kind::File { size }, Status::Whole) => end.length == *size,
                    (Kind::File { size }, _) => (at..=*size).contains(&end.length),
                    _ => end.length == at,
                };
                if !fits {
                    return Err(Violation::BadEnd { entry });
                }
                if let Some(pending) = self.entries.front_mut() {
                    pending.is_done = true;
                }
                self.contents = None;
                self.forget();
            }
            Record::Finished(finished) => {
                if !self.entries.is_empty() || self.section.0 != 0 {
                    return Err(Violation::Unfinished);
                }
                if finished.entries != self.first {
                    return Err(Violation::BadField("number of entries"));
                }
                self.is_finished = true;
            }
            Record::Totals(_) | Record::Entry { .. } => {}
        }
        Ok(())
    }

    /// The entry whose turn it is, which must be this one.
    fn turn(&self, entry: u64) -> Result<&Pending, Violation> {
        let expected = self.next_wanted();
        match self.entries.front() {
            Some(pending) if expected == Some(entry) => Ok(pending),
            _ => Err(Violation::WrongEntry { entry, expected }),
        }
    }

    /// Where the contents of the entry go on. A kept part must have been compared before.
    fn contents(&self, entry: u64) -> Result<u64, Violation> {
        let pending = self.turn(entry)?;
        match self.contents {
            Some(contents) => Ok(contents.offset),
            None if pending.wanted.unwrap_or(0) == 0 => Ok(0),
            None => Err(Violation::BadResume { entry }),
        }
    }

    /// Forgets what is done.
    fn forget(&mut self) {
        while self.entries.front().is_some_and(|pending| pending.is_done) {
            self.entries.pop_front();
            self.first += 1;
        }
        while self.sections.front().is_some_and(|end| *end <= self.first) {
            self.sections.pop_front();
        }
    }
}

/// Whether an answer can be to several entries.
fn is_run(answer: Answer) -> bool {
    !matches!(answer, Answer::Resume { .. })
}

/// Whether there are contents to send.
fn can_be_sent(kind: &Kind) -> bool {
    matches!(kind, Kind::File { .. } | Kind::Stream)
}

/// Whether a part of this length may be kept.
fn can_resume(kind: &Kind, length: u64) -> bool {
    match kind {
        Kind::File { size } => (1..=*size).contains(&length),
        Kind::Stream => length >= 1,
        _ => false,
    }
}
