//! The sender or requester: the side that controls the measurement.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::config::{Config, Variant};
use super::ledger::Count;
use crate::cpu;
use crate::error::{Error, Result};
use crate::io::{Backend, Transmit, Transport, Wait};
use crate::protocol::bench_handshake::{Answer, Question};
use crate::socket::SourceAddress;

/// How long to wait for an answer before a question is repeated; doubled each time.
const PATIENCE: Duration = Duration::from_millis(4);

/// After this time without an answer the receiver counts as gone.
const LIMIT: Duration = Duration::from_secs(3);

/// After this time without a reply the datagrams in flight count as lost.
const LOST: Duration = Duration::from_millis(100);

/// The number of datagrams that the sender of a sink sends between two readings of the clock, if it
/// does not send runs.
const BATCH: usize = 64;

/// The size of the send memory in bytes: more would exceed the cache.
const BYTES: usize = 64 * 1024;

/// The maximum number of datagrams in a run (`UDP_MAX_SEGMENTS`), limited by its bytes.
const RUN: (usize, usize) = (128, 65_507);

pub(super) struct Sender<'a> {
    transport: Transport,
    /// The destination, if the transport is not connected.
    peer: Option<SocketAddr>,
    variant: Variant,
    stop: &'a AtomicBool,
    /// A batch of datagrams, one after another.
    payload: Vec<u8>,
    /// The number of these; in a sink, limited by the receiver's credit.
    batch: usize,
    /// Datagrams between two questions of a sink; `None` for no flow control.
    credit: Option<usize>,
    /// The transports of the further flows.
    flows: Vec<SourceAddress>,
    dice: fastrand::Rng,
    questions: u64,
    /// Replies of an echo.
    received: u64,
}

impl<'a> Sender<'a> {
    /// Makes a sender on a transport that is connected to the receiver or, with several flows, not
    /// bound to one address: then it needs the receiver's address.
    pub(super) fn new(
        transport: Transport,
        peer: Option<SocketAddr>,
        variant: Variant,
        config: &Config,
        stop: &'a AtomicBool,
    ) -> Self {
        let size = variant.size;
        let run = match variant.send {
            Backend::Offload if size > 0 => RUN.0.min(RUN.1 / size).max(1),
            _ => 1,
        };
        let runs = match run {
            1 => BATCH.min(4 * BYTES / size.max(1)).max(1),
            _ => (BYTES / (run * size)).max(1),
        };
        let batch = run * runs;
        let flows = (0..config.flows).filter(|_| config.flows > 1).map(|flow| {
            SourceAddress::from(IpAddr::from(Ipv4Addr::new(127, 0, 0, flow as u8 + 1)))
        });
        Self {
            transport,
            peer,
            variant,
            stop,
            payload: vec![b'u'; size * batch],
            batch,
            credit: None,
            flows: flows.collect(),
            dice: fastrand::Rng::new(),
            questions: 0,
            received: 0,
        }
    }

    /// The counters so far.
    pub(super) fn count(&self) -> Result<Count> {
        let counters = self.transport.counters();
        Ok(Count {
            sent: counters.sent - self.questions,
            received: self.received,
            refused: counters.refused,
            runs: counters.runs,
            questions: self.questions,
            drops: u64::from(self.transport.endpoint().kernel_drops()?),
            syscalls: counters.syscalls,
            cpu_ns: cpu::used_by_thread().as_nanos() as u64,
        })
    }

    /// Fills at most five eighths of the receiver's buffer, by the maximum size of a datagram there.
    ///
    /// The kernel counts the memory that a datagram occupies, not its payload, and releases the memory
    /// of read datagrams late, by up to a quarter of the buffer. A run that the receiver does not take
    /// as one occupies as much as its datagrams.
    pub(super) fn take_credit(&mut self, buffer: u32, takes_runs: bool) {
        let size = self.variant.size;
        let (run, cost) = match self.variant.send {
            Backend::Offload if takes_runs && size > 0 => {
                let run = RUN.0.min(RUN.1 / size).max(1);
                (run, run * size * 9 / 8 + 2048)
            }
            _ => (1, 2 * size + 1024),
        };
        let window = buffer as usize / 8 * 5 / cost * run;
        // One half is in flight while the credit for the other is requested.
        let credit = (window / 2).max(run);
        self.batch = self.batch.min(credit.next_multiple_of(run));
        self.credit = Some(credit);
    }

    /// Sends one way for a time, and then waits until the receiver has received all.
    ///
    /// Returns its answer, and the duration; `None` if it was stopped.
    pub(super) fn sink(&mut self, time: Duration) -> Result<Option<(Answer, Duration)>> {
        let start = Instant::now();
        let (mut unasked, mut pending) = (0, None);
        while start.elapsed() < time && !self.stop.load(Ordering::Relaxed) {
            self.send(self.batch);
            unasked += self.batch;
            if self.credit.is_some_and(|credit| unasked >= credit) {
                if let Some(question) = pending.take()
                    && self.answer(question)?.is_none()
                {
                    break;
                }
                pending = Some(self.ask());
                unasked = 0;
            }
        }
        self.flush()?;
        let question = self.ask();
        let answer = self.answer(question)?;
        Ok(answer.map(|answer| (answer, start.elapsed())))
    }

    /// Keeps requests in flight for a time, and then waits for the last replies.
    pub(super) fn echo(&mut self, time: Duration) -> Result<Option<(Answer, Duration)>> {
        let whole = self.variant.outstanding * self.flows.len().max(1);
        let has_flows = !self.flows.is_empty();
        let size = self.variant.size;
        let start = Instant::now();
        let (mut on_their_way, mut took) = (0, Duration::ZERO);
        loop {
            let now = start.elapsed();
            let is_over = now >= time || self.stop.load(Ordering::Relaxed);
            if on_their_way == 0 {
                if is_over {
                    break;
                }
                self.request_all()?;
                on_their_way = whole;
            }
            let mut replies = 0;
            let received = self
                .transport
                .receive(Wait::For(LOST), |message, send_queue| {
                    // Other datagrams are not replies.
                    if message.segment_size() != size {
                        return;
                    }
                    replies += message.count();
                    if has_flows && !is_over {
                        send_queue.echo(message);
                    }
                })?;
            if received == 0 {
                // What has not arrived by now is lost: the account shows it.
                on_their_way = 0;
                continue;
            }
            took = start.elapsed();
            self.received += replies as u64;
            if is_over {
                on_their_way = on_their_way.saturating_sub(replies);
            } else {
                if !has_flows {
                    self.send(replies);
                }
                self.flush()?;
            }
        }
        if self.stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let question = self.ask();
        Ok(self.answer(question)?.map(|answer| (answer, took)))
    }

    /// Fills each flow.
    fn request_all(&mut self) -> Result<()> {
        if self.flows.is_empty() {
            self.send(self.variant.outstanding);
        }
        let payload = self.payload.get(..self.variant.size).unwrap_or_default();
        let mut send_queue = self.transport.send_queue();
        for _ in 0..self.variant.outstanding {
            for flow in &self.flows {
                send_queue.queue(&Transmit::new(payload).to(self.peer).from(*flow));
            }
        }
        self.flush()
    }

    /// Sends `count` datagrams.
    fn send(&mut self, count: usize) {
        let size = self.variant.size;
        let mut send_queue = self.transport.send_queue();
        if size == 0 {
            // A run of nothing would be one datagram.
            (0..count).for_each(|_| send_queue.queue(&Transmit::new(&[]).to(self.peer)));
            return;
        }
        let mut left = count;
        while left > 0 {
            let now = left.min(self.batch);
            let bytes = self.payload.get(..now * size).unwrap_or_default();
            send_queue.send(&Transmit::new(bytes).to(self.peer).in_segments_of(size));
            left -= now;
        }
    }

    /// Sends the queue, and fails if nothing can be sent.
    fn flush(&mut self) -> Result<()> {
        let sent = self.transport.flush();
        match sent.error {
            Some(error) if sent.datagrams == 0 && sent.refused > 0 => Err(error),
            _ => Ok(()),
        }
    }

    /// Asks the receiver for its counts.
    pub(super) fn ask(&mut self) -> Question {
        let nonce = self.dice.u64(..);
        let question = Question { nonce };
        self.transport.flush();
        let before = self.transport.counters().sent;
        let mut send_queue = self.transport.send_queue();
        send_queue.queue(&Transmit::new(&question.encode()).to(self.peer));
        send_queue.flush();
        self.questions += self.transport.counters().sent - before;
        question
    }

    /// Waits for the answer to a question, and repeats the question until one arrives; `None` if it was
    /// stopped.
    ///
    /// Only the newest question's answer counts: nothing is reordered, so earlier ones are answered or
    /// lost by then, and none arrives late.
    ///
    /// # Errors
    /// If the receiver does not answer.
    pub(super) fn answer(&mut self, mut question: Question) -> Result<Option<Answer>> {
        let (start, size) = (Instant::now(), self.variant.size);
        let mut patience = PATIENCE;
        while !self.stop.load(Ordering::Relaxed) {
            let (mut answer, mut replies) = (None, 0);
            let received = self.transport.receive(Wait::For(patience), |message, _| {
                for bytes in message.datagrams() {
                    match question.answer(bytes) {
                        Some(found) => answer = answer.or(Some(found)),
                        // A reply that took longer than a lost one is waited for.
                        None if Answer::decode(bytes).is_some() => {}
                        None => replies += u64::from(bytes.len() == size),
                    }
                }
            })?;
            self.received += replies;
            if answer.is_some() {
                return Ok(answer);
            }
            if start.elapsed() > LIMIT {
                let silence = std::io::Error::from(std::io::ErrorKind::TimedOut);
                return Err(Error::os("get an answer from", "the receiver", silence));
            }
            if received == 0 {
                patience = (patience * 2).min(LIMIT / 3);
                question = self.ask();
            }
        }
        Ok(None)
    }
}
