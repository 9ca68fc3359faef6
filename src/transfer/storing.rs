//! What the disk's thread of a receiver does: records in, files and answers out.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::disk::{Checked, Finished, Found, Kept, Placed, Problem, Store, Unfinished};
use super::disk_thread::{Ending, Next, Port};
use super::store_report::{KeptPart, StoreEvent, StoreReport};
use super::{Activity, FileProgress};
use crate::error::{Error, Result};
use crate::protocol::transfer::Code;
use crate::protocol::transfer::manifest::{
    Answer, End, Entry, Kind, Reason, ReceiverState, Record, Status, Violation,
};

/// Kept parts that are held open at a time; what else is kept is received again.
const MAX_KEPT: usize = 16;
/// How often the progress of a check is reported.
const CHECKING: Duration = Duration::from_millis(100);

/// An entry whose contents the sender was asked for.
#[derive(Debug)]
struct Wanted {
    index: u64,
    entry: Entry,
    kept: Option<Kept>,
}

/// How the work ends early.
#[derive(Debug)]
enum Stop {
    Interrupted,
    Failed(Code, String, Error),
}

type Step<T> = std::result::Result<T, Stop>;

pub(super) struct Storing<'a> {
    store: Store,
    state: ReceiverState,
    wanted: VecDeque<Wanted>,
    /// The file whose contents arrive.
    open: Option<Unfinished>,
    /// The first of the wanted has failed: its contents are ignored.
    has_failed: bool,
    answers: Vec<u8>,
    port: &'a Port<StoreReport>,
}

impl<'a> Storing<'a> {
    pub(super) fn new(store: Store, port: &'a Port<StoreReport>) -> Self {
        Self {
            store,
            state: ReceiverState::new(),
            wanted: VecDeque::new(),
            open: None,
            has_failed: false,
            answers: Vec::new(),
            port,
        }
    }

    /// Stores everything that arrives.
    ///
    /// # Errors
    /// What ended the transfer at this end.
    pub(super) fn run(mut self) -> Result<()> {
        let ended = self.work();
        let part = self.keep();
        let notes = self.store.take_notes();
        self.port.report(|report| {
            report.part = part.or(report.part.take());
            for note in notes {
                report.push(StoreEvent::Note(note.to_string()));
            }
        });
        match ended {
            Ok(()) => {
                self.port.report(|report| report.is_stored = true);
                Ok(())
            }
            Err(Stop::Interrupted) => Ok(()),
            Err(Stop::Failed(code, reason, error)) => {
                self.port
                    .report(|report| report.fatal = Some((code, reason)));
                Err(error)
            }
        }
    }

    /// Keeps what is there of the file whose contents arrive.
    fn keep(&mut self) -> Option<KeptPart> {
        let (path, length) = self.open.take()?.keep()?;
        Some(KeptPart::new(path, length))
    }

    fn work(&mut self) -> Step<()> {
        loop {
            match self.port.next() {
                Next::Bytes(chunk) => {
                    self.decode(chunk.bytes())?;
                    self.port.done(chunk);
                }
                Next::End(Ending::Interrupted) => return Err(Stop::Interrupted),
                Next::End(Ending::Complete) => return self.finish(),
            }
        }
    }

    fn decode(&mut self, mut input: &[u8]) -> Step<()> {
        while let Some(record) = self.state.decode(&mut input).map_err(violated)? {
            match record {
                Record::Entry { .. } => self.port.report(|report| report.counts.listed += 1),
                Record::Totals(totals) => self.port.report(|report| {
                    report.counts.total = Some((totals.entries, totals.bytes));
                }),
                Record::Resumed { from, .. } => self.resumed(from)?,
                Record::Data { offset, bytes, .. } => self.data(offset, bytes)?,
                Record::End(end) => self.end(end)?,
                Record::Finished(finished) => self.port.report(|report| {
                    report.counts.failed += finished.unlisted;
                }),
                _ => {}
            }
        }
        self.answer()?;
        self.state.poll_answers(&mut self.answers);
        self.port.answer(&mut self.answers);
        Ok(())
    }

    /// Answers what has been listed.
    fn answer(&mut self) -> Step<()> {
        while let Some((index, entry)) = self.state.next_unanswered() {
            let entry = entry.clone();
            let (answer, kept) = self.examine(index, &entry)?;
            let answered = match self.state.answer(answer) {
                Some(_) => Some(answer),
                // A kept part that the sender cannot have: everything is sent.
                None => self.state.answer(Answer::Send).map(|_| Answer::Send),
            };
            match answered {
                Some(Answer::Send | Answer::Resume { .. }) => {
                    self.wanted.push_back(Wanted { index, entry, kept });
                }
                Some(Answer::Equal) => {
                    let size = size(&entry).unwrap_or(0);
                    self.port.report(|report| {
                        report.counts.equal += 1;
                        report.counts.bytes += size;
                        report.counts.resumed += size;
                    });
                    self.settled(index);
                }
                Some(Answer::Refused(_)) => self.settled(index),
                None => return Err(violated(Violation::NoContents { entry: index })),
            }
        }
        Ok(())
    }

    /// What is to be done with an entry.
    fn examine(&mut self, index: u64, entry: &Entry) -> Step<(Answer, Option<Kept>)> {
        let made = match entry.kind {
            Kind::Folder => self.store.folder(index, entry),
            Kind::Link { .. } => self.store.link(entry),
            Kind::File { .. } | Kind::Stream => return self.examine_file(entry),
        };
        match made {
            Ok(placed) => {
                self.placed(&entry.path, placed);
                Ok((Answer::Equal, None))
            }
            Err(problem) => Ok((self.refuse(&entry.path, problem)?, None)),
        }
    }

    fn examine_file(&mut self, entry: &Entry) -> Step<(Answer, Option<Kept>)> {
        let port = self.port;
        let mut reported = Instant::now();
        let mut progress = |checked: Checked| {
            if reported.elapsed() >= CHECKING {
                reported = Instant::now();
                let Checked { done, total } = checked;
                port.report(|report| report.activity = Activity::Checking { done, total });
                port.wake();
            }
            if port.is_interrupted() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let found = self.store.examine(entry, &mut progress);
        port.report(|report| report.activity = Activity::Transferring);
        match found {
            Ok(Found::New) => Ok((Answer::Send, None)),
            Ok(Found::Equal) => Ok((Answer::Equal, None)),
            Ok(Found::Kept(kept)) => {
                let open = self.wanted.iter().filter(|wanted| wanted.kept.is_some());
                if open.count() >= MAX_KEPT {
                    return Ok((Answer::Send, None));
                }
                let length = kept.length();
                let digest = kept.digest().value();
                Ok((Answer::Resume { length, digest }, Some(*kept)))
            }
            Ok(Found::Stopped) => Err(Stop::Interrupted),
            Err(problem) => Ok((self.refuse(&entry.path, problem)?, None)),
        }
    }

    fn refuse(&mut self, path: &[u8], problem: Problem) -> Step<Answer> {
        let reason = problem.reason();
        self.problem(path, problem, None)?;
        Ok(Answer::Refused(reason))
    }

    /// Reports a problem; ends everything if no other entry would fare better.
    fn problem(&mut self, path: &[u8], problem: Problem, part: Option<KeptPart>) -> Step<()> {
        if problem.ends_transfer() {
            let reason = problem.reason().to_string();
            self.port.report(|report| {
                report.counts.failed += 1;
                report.part = part;
            });
            return Err(Stop::Failed(Code::Storage, reason, problem.into_error()));
        }
        let (path, error) = (path.to_vec(), problem.into_error());
        self.port.report(|report| {
            report.counts.failed += 1;
            report.push(StoreEvent::Failed { path, error, part });
        });
        Ok(())
    }

    fn placed(&mut self, path: &[u8], placed: Placed) {
        let path = placed.is_renamed.then(|| path.to_vec());
        self.port.report(|report| {
            if let Some(path) = path {
                let placed = placed.path.clone();
                report.push(StoreEvent::Renamed { path, placed });
            }
            report.placed = Some(placed.path);
        });
    }

    fn resumed(&mut self, from: u64) -> Step<()> {
        let Some(wanted) = self.wanted.front_mut() else {
            return Ok(());
        };
        let path = wanted.entry.path.clone();
        if from == 0 {
            // The old part stays until the new file is complete.
            wanted.kept = None;
        }
        self.port.report(|report| {
            report.counts.bytes += from;
            report.counts.resumed += from;
            report.push(StoreEvent::Resumed { path, from });
        });
        self.begin()
    }

    /// Makes the file whose contents come next.
    fn begin(&mut self) -> Step<()> {
        let Some(wanted) = self.wanted.front_mut() else {
            return Ok(());
        };
        if self.open.is_some() || self.has_failed {
            return Ok(());
        }
        let file = FileProgress {
            path: wanted.entry.path.clone(),
            size: size(&wanted.entry),
            bytes: wanted.kept.as_ref().map_or(0, Kept::length),
        };
        self.port.report(|report| report.file = Some(file));
        match self.store.begin(&wanted.entry, wanted.kept.take()) {
            Ok(unfinished) => {
                self.open = Some(unfinished);
                Ok(())
            }
            Err(problem) => self.failed(problem),
        }
    }

    /// The file whose contents arrive cannot be stored.
    fn failed(&mut self, problem: Problem) -> Step<()> {
        self.has_failed = true;
        let part = self.keep();
        let Some(wanted) = self.wanted.front() else {
            return Ok(());
        };
        self.state.fail(wanted.index, problem.reason());
        let path = wanted.entry.path.clone();
        self.problem(&path, problem, part)
    }

    fn data(&mut self, offset: u64, bytes: &[u8]) -> Step<()> {
        self.begin()?;
        let Some(unfinished) = &mut self.open else {
            return Ok(());
        };
        let before = unfinished.position();
        match unfinished.write_at(offset, bytes) {
            Ok(()) => {
                let written = unfinished.position().saturating_sub(before);
                self.port.report(|report| {
                    report.counts.bytes += written;
                    report.counts.holes += written.saturating_sub(bytes.len() as u64);
                    if let Some(file) = &mut report.file {
                        file.bytes += written;
                    }
                });
                Ok(())
            }
            Err(problem) => self.failed(problem),
        }
    }

    fn end(&mut self, end: End) -> Step<()> {
        if end.status == Status::Whole {
            self.begin()?;
        }
        let open = self.open.take();
        match (open, end.status) {
            (Some(unfinished), Status::Whole) => {
                let hole = end.length.saturating_sub(unfinished.position());
                match unfinished.finish(&mut self.store, end.length, end.digest) {
                    Ok(Finished::Stored(placed)) => {
                        let path = self.wanted.front().map(|wanted| wanted.entry.path.clone());
                        self.placed(&path.unwrap_or_default(), placed);
                        self.port.report(|report| {
                            report.counts.stored += 1;
                            report.counts.bytes += hole;
                            report.counts.holes += hole;
                        });
                    }
                    Ok(Finished::NameTaken(kept)) => {
                        self.name_taken(KeptPart::new(kept, end.length));
                    }
                    Err(problem) => self.failed(problem)?,
                }
            }
            (Some(unfinished), Status::Changed | Status::Different) => {
                // A mixture of two versions is of no use.
                unfinished.discard();
            }
            (open, _) => drop(open),
        }
        let Some(wanted) = self.wanted.pop_front() else {
            return Ok(());
        };
        if !matches!(end.status, Status::Whole | Status::Abandoned) {
            let (path, status) = (wanted.entry.path, end.status);
            self.port.report(|report| {
                report.counts.failed += 1;
                report.push(StoreEvent::Incomplete { path, status });
            });
        }
        self.has_failed = false;
        self.settled(wanted.index);
        Ok(())
    }

    /// A file of that name appeared meanwhile, and is not replaced.
    fn name_taken(&mut self, part: KeptPart) {
        let Some(wanted) = self.wanted.front() else {
            return;
        };
        self.state.fail(wanted.index, Reason::Exists);
        let path = wanted.entry.path.clone();
        let reason = "a file of that name appeared meanwhile; this one is complete";
        let part = Some(part);
        let error = Error::invalid("store", String::from_utf8_lossy(&path).into_owned(), reason);
        self.port.report(|report| {
            report.counts.failed += 1;
            report.push(StoreEvent::Failed { path, error, part });
        });
    }

    /// The entry is done, and with it all before it that nobody waits for.
    fn settled(&mut self, index: u64) {
        let done = self.wanted.front().map_or(index + 1, |wanted| wanted.index);
        self.store.settled(done);
    }

    /// Everything has arrived.
    fn finish(&mut self) -> Step<()> {
        if !self.state.is_finished() {
            let error = Error::invalid("store", "the transfer", "its list of files has no end");
            let reason = "the list of files has no end".to_owned();
            return Err(Stop::Failed(Code::Protocol, reason, error));
        }
        self.port
            .report(|report| report.activity = Activity::Finishing);
        match self.store.sync() {
            Ok(()) => Ok(()),
            Err(problem) => {
                let reason = problem.reason().to_string();
                Err(Stop::Failed(Code::Storage, reason, problem.into_error()))
            }
        }
    }
}

fn violated(violation: Violation) -> Stop {
    let reason = violation.to_string();
    let error = Error::invalid("go on", "with this sender", reason.clone());
    Stop::Failed(Code::Protocol, reason, error)
}

fn size(entry: &Entry) -> Option<u64> {
    match entry.kind {
        Kind::File { size } => Some(size),
        _ => None,
    }
}
