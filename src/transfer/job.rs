//! One stream in reception.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::Progress;
use super::event::Arrived;
use super::disk_thread::{DiskThread, Ending, Next, Port};
use super::store::Store;
use super::target::Stored;
use crate::error::{Error, Result};
use crate::io::Received;
use crate::protocol::transfer::{Code, Failure, Frame, Receiver};
use crate::socket::{SourceAddress, Waker};

/// How long a failed transfer waits for the disk, to keep what there is.
const CLOSING: Duration = Duration::from_millis(250);

pub(super) struct Job {
    pub(super) receiver: Receiver,
    pub(super) peer: SocketAddr,
    /// The address that the sender sends to.
    pub(super) from: Option<SourceAddress>,
    pub(super) name: String,
    pub(super) path: Option<PathBuf>,
    pub(super) size: Option<u64>,
    pub(super) kept: u64,
    pub(super) start: Instant,
    disk: DiskThread<bool>,
    /// The file that is kept if it fails.
    part: Option<PathBuf>,
    stage: Stage,
    /// The time until everything was stored.
    took: Option<Duration>,
    /// This end's own error.
    error: Option<Error>,
    has_ended: bool,
    /// Since when it is to end.
    stopped: Option<Instant>,
    is_stopped: bool,
    /// Since when something waits for the disk.
    busy: Option<Instant>,
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
    pub(super) fn new(
        receiver: Receiver,
        message: &Received<'_>,
        size: Option<u64>,
        stored: Stored,
        waker: Waker,
    ) -> Result<Self> {
        let part = stored.store.part().map(PathBuf::from);
        let mut store = stored.store;
        let disk = DiskThread::start(waker, move |port| store_all(&mut store, port))?;
        Ok(Self {
            kept: receiver.delivered(),
            receiver,
            peer: message.source(),
            from: message.reply_source(),
            name: stored.name,
            path: stored.path,
            size,
            disk,
            part,
            stage: Stage::Receiving,
            start: Instant::now(),
            took: None,
            error: None,
            has_ended: false,
            stopped: None,
            is_stopped: false,
            busy: None,
        })
    }

    pub(super) fn handle_frame(&mut self, now: Duration, frame: &Frame<'_>) {
        self.receiver.handle_frame(now, frame, &mut self.disk);
    }

    /// Passes the data of a batch to the disk's thread, and looks what has become of the rest.
    pub(super) fn advance(&mut self, now: Duration) {
        self.disk.flush();
        if self.stage == Stage::Receiving && self.receiver.is_complete() {
            self.disk.end(Ending::Complete);
            self.stage = Stage::Finishing;
        }
        match self.disk.result() {
            None => {}
            Some(Ok(())) => {
                if self.disk.poll(&mut Vec::new()) == Some(true) {
                    self.receiver.on_stored(now);
                    self.took = Some(self.start.elapsed());
                }
                self.stage = Stage::Ended;
            }
            Some(Err(error)) => {
                self.receiver.abandon(Code::Storage, &error.to_string());
                self.error = Some(error);
                self.stage = Stage::Ended;
            }
        }
        let backlog = self.disk.backlog();
        self.receiver.set_backlog(backlog);
        if backlog == 0 && self.stage != Stage::Finishing {
            self.busy = None;
        } else {
            let since = *self.busy.get_or_insert_with(Instant::now);
            self.receiver
                .set_storing(since.elapsed() >= super::PROGRESS);
        }
    }

    /// Ends it, unless it is stored, or just being stored.
    pub(super) fn interrupt(&mut self) {
        if self.stage == Stage::Finishing {
            let since = *self.stopped.get_or_insert_with(Instant::now);
            if since.elapsed() < CLOSING {
                return;
            }
        }
        if self.receiver.is_stored() {
            // The sender has been told once, or is told by the next datagram.
            self.is_stopped = true;
            return;
        }
        self.receiver
            .abandon(Code::Interrupted, "the receiver was interrupted");
    }

    /// Whether the thread was left enough time to keep what there is.
    fn has_closed(&mut self) -> bool {
        match self.stage {
            Stage::Ended => true,
            Stage::Closing(since) => since.elapsed() >= CLOSING,
            Stage::Receiving | Stage::Finishing => {
                self.disk.end(Ending::Interrupted);
                self.stage = Stage::Closing(Instant::now());
                false
            }
        }
    }

    /// When it must be looked at, though nothing arrives.
    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        match self.stage {
            Stage::Closing(_) if !self.has_ended => Some(Duration::ZERO),
            Stage::Finishing if self.stopped.is_some() => Some(Duration::ZERO),
            _ => self.receiver.poll_timeout(),
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.has_ended && (self.is_stopped || self.receiver.result().is_some())
    }

    pub(super) fn progress(&self) -> Progress {
        Progress {
            bytes: self.receiver.delivered(),
            resumed: self.kept,
            total: self.receiver.total().or(self.size),
            elapsed: self.took.unwrap_or_else(|| self.start.elapsed()),
        }
    }

    /// The result, returned once: when the stream is stored, or has failed.
    pub(super) fn outcome(&mut self) -> Option<Arrived> {
        if self.has_ended {
            return None;
        }
        let outcome = match self.receiver.result() {
            _ if self.receiver.is_stored() => Ok(()),
            Some(Err(failure)) => Err(failure.clone()),
            _ => return None,
        };
        if outcome.is_err() && !self.has_closed() {
            return None;
        }
        self.has_ended = true;
        let mut part = self.part.clone();
        // An empty part, or one of another stream, is not worth resuming.
        let is_worthless = matches!(
            outcome,
            Err(Failure::Abandoned {
                code: Code::Digest,
                ..
            })
        ) || self.receiver.delivered() == 0;
        if outcome.is_err() && is_worthless {
            // A file that cannot be removed remains as a part.
            let _ = part.take().map(std::fs::remove_file);
        }
        Some(Arrived {
            peer: self.peer,
            id: self.receiver.id(),
            name: self.name.clone(),
            path: self.path.clone(),
            part: part.filter(|_| outcome.is_err()),
            progress: self.progress(),
            counts: self.receiver.counts(),
            digest: self.receiver.digest(),
            error: self.error.take(),
            outcome,
        })
    }
}

/// Writes what arrives, in a thread of its own.
fn store_all(store: &mut Store, port: &Port<bool>) -> Result<()> {
    loop {
        match port.next() {
            Next::Bytes(chunk) => {
                store.write(&chunk)?;
                port.done(chunk);
            }
            Next::End(Ending::Complete) => {
                store.finish()?;
                port.report(|is_stored| *is_stored = true);
                return Ok(());
            }
            Next::End(Ending::Interrupted) => return Ok(()),
        }
    }
}
