//! One transfer in reception.

use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::disk::Place;
use super::disk_thread::{DiskThread, Ending};
use super::event::Arrived;
use super::message::Message;
use super::store_report::{KeptPart, StoreEvent, StoreReport};
use super::storing::Storing;
use super::{Activity, Progress};
use crate::error::{Error, Result};
use crate::protocol::transfer::{Code, Failure, Receiver, Sink, Status};
use crate::socket::{SourceAddress, Waker};

/// How long a transfer that ends waits for the disk, to keep what there is.
const CLOSING: Duration = Duration::from_millis(250);
/// How long nothing new must come until its user sees a note about that.
const QUIET: Duration = Duration::from_secs(1);
/// How long the sender is not told that everything is stored, since it does not have all answers.
const ANSWERING: Duration = Duration::from_secs(1);

pub(super) struct Job {
    pub(super) receiver: Receiver,
    /// The address that the sender sends to.
    pub(super) from: Option<SourceAddress>,
    /// What is stored: started by the first valid packet.
    disk: Option<DiskThread<StoreReport>>,
    /// The bytes of that packet.
    first: Vec<u8>,
    /// Answers for which the receiver had no room.
    answers: Vec<u8>,
    /// What the disk's thread has reported.
    report: StoreReport,
    /// The folder that its paths are below.
    base: Option<PathBuf>,
    stage: Stage,
    start: Instant,
    /// The time until everything was stored.
    took: Option<Duration>,
    is_told: bool,
    error: Option<Error>,
    has_ended: bool,
    /// Since when it is to end.
    stopped: Option<Instant>,
    /// Since when something waits for the disk.
    busy: Option<Instant>,
    /// What was delivered when anything new came last.
    heard: (u64, Instant),
}

/// What the disk's thread is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Receiving,
    /// Everything has arrived.
    Finishing,
    /// The transfer failed, and what is there is kept; the thread is abandoned if that takes long.
    Closing(Instant),
    Ended,
}

impl Job {
    pub(super) fn new(receiver: Receiver, message: &Message, base: Option<PathBuf>) -> Self {
        Self {
            receiver,
            from: message.reply_source,
            disk: None,
            first: Vec::new(),
            answers: Vec::new(),
            report: StoreReport::default(),
            base,
            stage: Stage::Receiving,
            start: Instant::now(),
            took: None,
            is_told: false,
            error: None,
            has_ended: false,
            stopped: None,
            busy: None,
            heard: (0, Instant::now()),
        }
    }

    /// Handles a packet, in that part of the buffer, which may be exchanged; returns whether it was the
    /// first valid one: then [`Self::begin`] or [`Self::refuse`] follows.
    pub(super) fn handle_datagram(
        &mut self,
        now: Duration,
        message: &Message,
        buffer: &mut Vec<u8>,
        range: Range<usize>,
    ) -> bool {
        let &Message { source, ecn, .. } = message;
        // What is not valid is counted there.
        if let Some(disk) = &mut self.disk {
            let is_alone = message.count() == 1;
            if is_alone {
                disk.offer(buffer);
            }
            let bytes = buffer.get_mut(range).unwrap_or_default();
            let _ = self.receiver.handle_in_place(now, source, ecn, bytes, disk);
            if is_alone {
                disk.take(buffer);
            }
            return false;
        }
        let was_confirmed = self.receiver.is_confirmed();
        let first = &mut self.first;
        let bytes = buffer.get_mut(range).unwrap_or_default();
        let _ = (self.receiver).handle_in_place(now, source, ecn, bytes, first);
        !was_confirmed && self.receiver.is_confirmed()
    }

    /// Starts the disk's thread.
    pub(super) fn begin(&mut self, place: &Place, waker: &Waker) {
        self.start = Instant::now();
        let store = place.store();
        match DiskThread::start(waker.clone(), move |port| Storing::new(store, port).run()) {
            Ok(mut disk) => {
                disk.write(&std::mem::take(&mut self.first));
                self.disk = Some(disk);
            }
            Err(error) => {
                let reason = "the receiver cannot start a thread";
                self.receiver.abandon(Code::Refused, reason);
                self.error = Some(error);
                self.stage = Stage::Ended;
            }
        }
    }

    /// Passes the data of a batch to the disk's thread, and looks what has become of the rest.
    pub(super) fn advance(&mut self, now: Duration) {
        let Some(disk) = &mut self.disk else {
            return;
        };
        disk.flush();
        let report = &mut self.report;
        disk.poll(&mut self.answers, |new| report.update(new));
        let taken = self.receiver.write_answer(&self.answers);
        self.answers.drain(..taken);
        if self.stage == Stage::Receiving && self.receiver.is_complete() {
            disk.end(Ending::Complete);
            self.stage = Stage::Finishing;
        }
        let backlog = disk.backlog();
        if let Some(result) = disk.result() {
            disk.poll(&mut self.answers, |new| report.update(new));
            self.stage = Stage::Ended;
            self.on_result(result);
        }
        self.tell_stored(now);
        self.receiver.set_backlog(backlog);
        self.set_status(backlog);
    }

    fn on_result(&mut self, result: Result<()>) {
        if self.report.is_stored {
            self.took = Some(self.start.elapsed());
        } else if let Err(error) = result {
            let unknown = || (Code::Storage, "the receiver could not store it".to_owned());
            let (code, reason) = self.report.fatal.take().unwrap_or_else(unknown);
            self.receiver.abandon(code, &reason);
            self.error = Some(error);
        }
    }

    /// Tells the sender that everything is stored, once it has the answers.
    fn tell_stored(&mut self, now: Duration) {
        let Some(took) = self.took else {
            return;
        };
        let is_answered = self.answers.is_empty() && self.receiver.is_answered();
        let waited = self.start.elapsed().saturating_sub(took);
        if !self.is_told && (is_answered || waited >= ANSWERING || self.stopped.is_some()) {
            self.is_told = true;
            self.receiver.on_stored(now);
        }
    }

    fn set_status(&mut self, backlog: u64) {
        let is_idle = backlog == 0 && self.stage != Stage::Finishing;
        let since = if is_idle {
            self.busy = None;
            Duration::ZERO
        } else {
            self.busy.get_or_insert_with(Instant::now).elapsed()
        };
        let is_slow = since >= super::PROGRESS;
        let delivered = self.receiver.delivered();
        if delivered != self.heard.0 || !is_idle {
            self.heard = (delivered, Instant::now());
        }
        let is_quiet = self.took.is_none() && self.heard.1.elapsed() >= QUIET;
        let status = match self.report.activity {
            Activity::Checking { done, total } => Status::Checking { done, total },
            _ if is_slow => Status::Storing,
            _ => Status::Receiving,
        };
        if matches!(
            self.report.activity,
            Activity::Transferring | Activity::Storing | Activity::Waiting
        ) {
            self.report.activity = match (is_slow, is_quiet) {
                (true, _) => Activity::Storing,
                (_, true) => Activity::Waiting,
                _ => Activity::Transferring,
            };
        }
        self.receiver.set_status(status);
    }

    /// Ends it, unless it is stored, or just being stored.
    pub(super) fn interrupt(&mut self) {
        let since = *self.stopped.get_or_insert_with(Instant::now);
        if self.stage == Stage::Finishing && since.elapsed() < CLOSING || self.took.is_some() {
            return;
        }
        self.receiver
            .abandon(Code::Interrupted, "the receiver was interrupted");
    }

    /// Ends it before it has begun.
    pub(super) fn refuse(&mut self, reason: &str) {
        self.receiver.abandon(Code::Refused, reason);
        self.has_ended = true;
    }

    /// Whether a valid packet has arrived.
    pub(super) fn is_confirmed(&self) -> bool {
        self.receiver.is_confirmed()
    }

    /// Whether its result is known; only the sender may not know it yet.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Whether it can be forgotten.
    pub(super) fn is_over(&self) -> bool {
        let is_stopped = self.stopped.is_some() && self.took.is_some();
        self.has_ended && (is_stopped || self.receiver.result().is_some())
    }

    /// Whether the thread was left enough time to keep what there is.
    fn has_closed(&mut self) -> bool {
        let is_late = |since: Instant| since.elapsed() >= CLOSING;
        match (self.stage, &mut self.disk) {
            (Stage::Ended, _) | (_, None) => true,
            (Stage::Closing(since), _) => is_late(since),
            (Stage::Finishing, _) => self.stopped.is_some_and(is_late),
            (Stage::Receiving, Some(disk)) => {
                disk.end(Ending::Interrupted);
                self.stage = Stage::Closing(Instant::now());
                false
            }
        }
    }

    /// When it must be looked at, though nothing arrives; zero for soon.
    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        let is_closing = matches!(self.stage, Stage::Closing(_)) && !self.has_ended;
        let is_finishing = self.stage == Stage::Finishing && self.stopped.is_some();
        let is_telling = self.took.is_some() && !self.is_told;
        if is_closing || is_finishing || is_telling {
            return Some(Duration::ZERO);
        }
        self.receiver.poll_timeout()
    }

    pub(super) fn peer(&self) -> SocketAddr {
        self.receiver.peer()
    }

    pub(super) fn take_events(&mut self) -> Vec<StoreEvent> {
        let mut events = std::mem::take(&mut self.report.events);
        for event in &mut events {
            if let StoreEvent::Failed { part, .. } = event {
                *part = part.take().and_then(|part| self.kept(part));
            }
        }
        events
    }

    pub(super) fn progress(&self) -> Progress {
        let counts = self.report.counts;
        // A stream has no size, and is alone.
        let total = counts.total.filter(|total| *total != (1, 0));
        Progress {
            bytes: counts.bytes,
            resumed: counts.resumed,
            holes: counts.holes,
            total: total.map(|(_, bytes)| bytes),
            entries: counts.stored + counts.equal + counts.failed,
            total_entries: counts.total.map(|(entries, _)| entries),
            file: self.report.file.clone(),
            activity: self.report.activity,
            elapsed: self.took.unwrap_or_else(|| self.start.elapsed()),
        }
    }

    /// The result, returned once: when everything is stored, or it has failed.
    pub(super) fn outcome(&mut self) -> Option<Arrived> {
        if self.has_ended {
            return None;
        }
        let outcome = match self.receiver.result() {
            _ if self.took.is_some() => Ok(()),
            Some(Err(failure)) => Err(failure.clone()),
            _ => return None,
        };
        if outcome.is_err() && !self.has_closed() {
            return None;
        }
        self.has_ended = true;
        // Somebody who never sent anything was never reported.
        self.is_confirmed().then(|| self.arrived(outcome))
    }

    /// Where a path below the target folder is.
    fn place(&self, path: &Path) -> Option<PathBuf> {
        let base = self.base.as_ref()?;
        (!path.as_os_str().is_empty()).then(|| base.join(path))
    }

    fn kept(&self, part: KeptPart) -> Option<KeptPart> {
        let path = self.place(&part.path)?;
        Some(KeptPart::new(path, part.length))
    }

    fn arrived(&mut self, outcome: std::result::Result<(), Failure>) -> Arrived {
        let placed = self.report.placed.take();
        let part = self.report.part.take();
        let file = self.report.file.as_ref();
        Arrived {
            peer: self.peer(),
            id: self.receiver.id(),
            name: file.map(|file| file.path.clone()).unwrap_or_default(),
            path: placed.and_then(|path| self.place(&path)),
            part: part
                .filter(|_| outcome.is_err())
                .and_then(|part| self.kept(part)),
            progress: self.progress(),
            counts: self.receiver.counts(),
            files: self.report.counts,
            is_keyed: self.receiver.is_keyed(),
            error: self.error.take(),
            outcome,
        }
    }
}
