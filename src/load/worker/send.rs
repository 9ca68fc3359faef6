//! What a worker sends when.

use super::super::answers::Answered;
use super::super::config::{Timestamps, nanos};
use super::super::figures::record;
use super::Worker;
use crate::error::Result;
use crate::io::Sent;
use crate::protocol::load::{Departure, Scheduled};

/// How often the kernel is asked when it passed a datagram on, in nanoseconds.
const SAMPLE: u64 = 20_000_000;

/// The most datagrams that are given up at once: then it looks whether it was stopped.
const MOST_SKIPPED: usize = 10_000;

/// The most datagrams of a batch: then it looks what came.
const BATCH: usize = 64;

impl Worker<'_> {
    /// The next datagram of the schedule that is of this worker.
    pub(super) fn advance(&mut self) {
        let (flows, workers) = (self.shared.config.flows, self.shared.config.workers);
        let number = self.number;
        let is_own = |due: &Scheduled| (due.index % flows as u64) as usize % workers == number;
        self.next = self.schedule.by_ref().find(is_own);
    }

    /// Sends what is due; returns when the next one is.
    pub(super) fn send_due(&mut self, now: u64) -> Result<u64> {
        let (mut batch, mut skipped) = (0, 0);
        while let Some(due) = self.next {
            if batch == BATCH
                || skipped == MOST_SKIPPED
                || (self.queued > 0 && batch == 0 && !self.flush()?)
            {
                break;
            }
            let at = self.start.saturating_add(due.at);
            match self.pace.handle_next(at, now) {
                Departure::Later(soonest) => {
                    let is_sent = self.flush_at(now)?;
                    return Ok(if is_sent { soonest } else { now });
                }
                Departure::Now => {
                    let flow = (due.index % self.shared.config.flows as u64) as usize;
                    let size = due
                        .size
                        .map_or(self.shared.config.payload_bytes(), usize::from);
                    self.queue(flow / self.shared.config.workers, at, now, size)?;
                    batch += 1;
                }
                Departure::TooLate => {
                    self.sending.unsent += 1;
                    skipped += 1;
                }
            }
            self.sending.scheduled += 1;
            self.advance();
        }
        self.flush_at(now)?;
        Ok(if self.next.is_some() { now } else { u64::MAX })
    }

    /// Sends as many as there may be in flight; returns when to look again.
    pub(super) fn send_closed(&mut self, now: u64) -> Result<u64> {
        let (config, workers) = (self.shared.config, self.shared.config.workers);
        let most = config.closed.unwrap_or(1);
        let most = (most / workers + usize::from(self.number < most % workers)) as u64;
        let open = |worker: &Self| {
            (worker.sending.sent + worker.queued).saturating_sub(worker.unique + worker.abandoned)
        };
        let linger = nanos(config.linger);
        if open(self) >= most && now.saturating_sub(self.active) > linger {
            self.abandoned += open(self);
            self.active = now;
        }
        let mut batch = 0;
        while open(self) < most && batch < BATCH {
            self.sending.scheduled += 1;
            let flow = (self.sending.scheduled % self.sockets.len() as u64) as usize;
            self.queue(flow, now, now, config.payload_bytes())?;
            batch += 1;
        }
        if batch > 0 {
            self.active = now;
        }
        self.flush_at(now)?;
        Ok(self.active.saturating_add(linger))
    }

    fn queue(&mut self, flow: usize, due: u64, now: u64, size: usize) -> Result<()> {
        let next = &mut self.flows[flow].next;
        let question = Answered {
            number: *next,
            due,
            sent: now,
            peer: None,
        };
        *next += 1;
        if self.buffer.len() < size {
            self.buffer.resize(size, 0);
        }
        let datagram = &mut self.buffer[..size];
        self.matcher.write(flow, question, datagram);
        if self.shared.config.closed.is_none() {
            record(&mut self.times.slip, now - due);
        }
        self.sockets.queue(flow, datagram)?;
        self.queued += 1;
        Ok(())
    }

    /// As [`Self::flush`]; now and then the kernel is asked when it passed a datagram on.
    fn flush_at(&mut self, now: u64) -> Result<bool> {
        let is_stamped = self.shared.config.timestamps == Timestamps::Kernel;
        if !is_stamped || self.queued == 0 || now < self.next_sample {
            return self.flush();
        }
        self.next_sample = now + SAMPLE;
        let (sent, is_empty, took) = self.sockets.flush_stamped();
        if let Some(took) = took {
            record(&mut self.times.kernel_send, took);
        }
        self.count(sent);
        Ok(is_empty)
    }

    /// Sends what is queued; returns whether all of it went.
    pub(super) fn flush(&mut self) -> Result<bool> {
        let (sent, is_empty) = self.sockets.flush();
        self.count(sent);
        Ok(is_empty)
    }

    fn count(&mut self, sent: Sent) {
        self.sending.sent += sent.datagrams as u64;
        self.sending.refused += sent.refused as u64;
        self.sending.bytes = self.sockets.sent_bytes().saturating_sub(self.foreign_bytes);
        let done = (sent.datagrams + sent.refused) as u64;
        // A session's questions are not among them.
        self.queued = self.queued.saturating_sub(done);
        if let Some(error) = sent.error {
            self.errors += 1;
            self.first_error.get_or_insert(error);
        }
    }
}
