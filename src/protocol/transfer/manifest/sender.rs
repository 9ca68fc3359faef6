//! The sender's side: the list and the contents out, answers in.

use std::collections::VecDeque;

use super::decode::AnswerDecoder;
use super::record::{Answer, Answered, End, Finished, Reason, Status, Totals};
use super::{
    DATA_HEAD, Entry, Kind, MAX_DATA, MAX_SECTIONS, SECTION_BYTES, SECTION_ENTRIES, Violation,
    encode,
};

/// What a sender knows of a transfer: which entries are listed, which are answered, and how far
/// ahead it may list.
///
/// Entries go in ([`Self::list`]) as long as [`Self::may_list`]; answers go in
/// ([`Self::handle_answers`]), and come out entry by entry in the order of the list
/// ([`Self::poll_answer`]). The contents of a wanted entry are sent before the answer to the next
/// is polled, and ended with [`Self::end`]. All that is sent is appended to a `Vec`. Memory is
/// bounded by [`MAX_SECTIONS`] sections, whatever the number of entries.
#[derive(Clone, Debug, Default)]
pub struct SenderState {
    decoder: AnswerDecoder,
    /// The entries from the oldest that is not done: what is needed to check answers.
    entries: VecDeque<Listed>,
    /// The index of the first of them.
    first: u64,
    /// The answer to the first has been polled, and its contents are being sent.
    is_sending: bool,
    /// The answers that have come and have not been polled, as runs.
    answers: VecDeque<(u32, Answer)>,
    /// The index of the first without an answer.
    unanswered: u64,
    /// The index after the last entry of each open section that has ended.
    sections: VecDeque<u64>,
    /// Entries and bytes in the section that has not ended.
    section: (usize, usize),
    /// The index after the newest entry that failed at the receiver.
    failed_below: u64,
    failures: VecDeque<(u64, Reason)>,
    counts: Finished,
}

/// What is needed of an entry to check its answer.
#[derive(Clone, Copy, Debug)]
enum Listed {
    File(u64),
    Stream,
    NoContents,
}

impl Listed {
    fn accepts(self, answer: Answer) -> bool {
        match (answer, self) {
            (Answer::Equal | Answer::Refused(_), _) => true,
            (Answer::Send, listed) => !matches!(listed, Self::NoContents),
            (Answer::Resume { length, .. }, Self::File(size)) => (1..=size).contains(&length),
            (Answer::Resume { length, .. }, Self::Stream) => length >= 1,
            (Answer::Resume { .. }, Self::NoContents) => false,
        }
    }
}

impl SenderState {
    /// Nothing is listed.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether another entry may be listed before earlier ones are done.
    pub fn may_list(&self) -> bool {
        self.sections.len() < MAX_SECTIONS
    }

    /// Lists an entry, and returns its index. Ends the section where it is full.
    ///
    /// # Errors
    /// [`Violation::TooManySections`] unless [`Self::may_list`], or if the entry did not fit the
    /// section and that was the last one: then the section's end has been appended, and the entry is
    /// to be listed later. [`Violation::BadPath`] and [`Violation::BadField`] for an entry that the
    /// format cannot carry; nothing is appended then.
    pub fn list(&mut self, entry: &Entry, out: &mut Vec<u8>) -> Result<u64, Violation> {
        encode::check_entry(entry)?;
        let length = encode::entry_length(entry);
        if self.section.1 + length > SECTION_BYTES {
            self.end_section(out);
        }
        if !self.may_list() {
            return Err(Violation::TooManySections);
        }
        let index = self.counts.entries;
        encode::entry(entry, out);
        self.entries.push_back(match entry.kind {
            Kind::File { size } => Listed::File(size),
            Kind::Stream => Listed::Stream,
            Kind::Folder | Kind::Link { .. } => Listed::NoContents,
        });
        self.counts.entries += 1;
        self.section.0 += 1;
        self.section.1 += length;
        if self.section.0 == SECTION_ENTRIES {
            self.end_section(out);
        }
        Ok(index)
    }

    /// Ends the section, if it has an entry: at the end of the list, or where the list pauses.
    pub fn end_section(&mut self, out: &mut Vec<u8>) {
        if self.section.0 > 0 {
            self.section = (0, 0);
            encode::listed(out);
            self.sections.push_back(self.counts.entries);
            self.forget();
        }
    }

    /// Reports how much there is.
    pub fn totals(&mut self, totals: Totals, out: &mut Vec<u8>) {
        encode::totals(totals, out);
    }

    /// Takes bytes of the answer stream.
    ///
    /// # Errors
    /// What the receiver did wrong. The transfer must end then.
    pub fn handle_answers(&mut self, mut bytes: &[u8]) -> Result<(), Violation> {
        while let Some(answered) = self.decoder.decode(&mut bytes)? {
            match answered {
                Answered::Run {
                    first,
                    count,
                    answer,
                } => self.on_run(first, count, answer)?,
                Answered::Failed { entry, reason } => {
                    if entry < self.failed_below || entry >= self.unanswered {
                        return Err(Violation::BadAnswer { first: entry });
                    }
                    self.failed_below = entry + 1;
                    self.failures.push_back((entry, reason));
                }
            }
        }
        Ok(())
    }

    fn on_run(&mut self, first: u64, count: u32, answer: Answer) -> Result<(), Violation> {
        let is_next = first == self.unanswered && count > 0;
        if !is_next || self.counts.entries - first < u64::from(count) {
            return Err(Violation::BadAnswer { first });
        }
        // Unanswered entries are not done: they are in the queue.
        let from = usize::try_from(first - self.first).unwrap_or(usize::MAX);
        let run = self.entries.iter().skip(from).take(count as usize);
        if let Some(at) = run.clone().position(|listed| !listed.accepts(answer)) {
            let entry = first + at as u64;
            return Err(Violation::NoContents { entry });
        }
        self.unanswered += u64::from(count);
        self.answers.push_back((count, answer));
        Ok(())
    }

    /// The next entry in the order of the list whose answer has come, with that answer. After
    /// [`Answer::Send`] and [`Answer::Resume`] there is none until [`Self::end`].
    pub fn poll_answer(&mut self) -> Option<(u64, Answer)> {
        if self.is_sending {
            return None;
        }
        let (count, answer) = self.answers.front_mut()?;
        let polled = (self.first, *answer);
        *count -= 1;
        if *count == 0 {
            self.answers.pop_front();
        }
        match polled.1 {
            Answer::Send | Answer::Resume { .. } => self.is_sending = true,
            Answer::Equal | Answer::Refused(_) => self.advance(),
        }
        Some(polled)
    }

    /// An entry that the receiver wanted and could not store. The one that is being sent should be
    /// ended as [`Status::Abandoned`]; others have ended or will be answered by this.
    pub fn poll_failure(&mut self) -> Option<(u64, Reason)> {
        self.failures.pop_front()
    }

    /// Goes on where the kept part ends, or at 0 if that part differs: before the first DATA of an
    /// entry that was answered with [`Answer::Resume`].
    pub fn resumed(&mut self, from: u64, out: &mut Vec<u8>) {
        encode::resumed(self.first, from, out);
    }

    /// The head of a DATA record of the entry that is being sent. `length` bytes, at least one and
    /// at most [`MAX_DATA`], are to follow it.
    pub fn data_head(&mut self, offset: u64, length: usize) -> [u8; DATA_HEAD] {
        debug_assert!((1..=MAX_DATA).contains(&length), "{length} bytes of DATA");
        self.counts.bytes += length as u64;
        encode::data_head(self.first, offset, length as u32)
    }

    /// Ends the entry that is being sent.
    pub fn end(&mut self, length: u64, status: Status, digest: Option<u128>, out: &mut Vec<u8>) {
        debug_assert!(
            self.is_sending,
            "the end of an entry that is not being sent"
        );
        if !self.is_sending {
            return;
        }
        let entry = self.first;
        let end = End {
            entry,
            length,
            status,
            digest,
        };
        encode::end(end, out);
        if status != Status::Whole {
            self.counts.failed += 1;
        }
        self.is_sending = false;
        self.advance();
    }

    /// Whether each listed entry is done.
    pub fn is_idle(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entries that are not done.
    pub fn open_entries(&self) -> usize {
        self.entries.len()
    }

    /// Ends the stream; `unlisted` is the number of things that could not be listed. Call it when
    /// everything is listed, and done ([`Self::is_idle`]).
    pub fn finish(&mut self, unlisted: u64, out: &mut Vec<u8>) -> Finished {
        self.end_section(out);
        self.counts.unlisted = unlisted;
        encode::finished(self.counts, out);
        self.counts
    }

    /// The first entry is done.
    fn advance(&mut self) {
        self.entries.pop_front();
        self.first += 1;
        self.forget();
    }

    fn forget(&mut self) {
        while self.sections.front().is_some_and(|end| *end <= self.first) {
            self.sections.pop_front();
        }
    }
}
