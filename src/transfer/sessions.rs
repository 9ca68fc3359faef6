//! Handles the datagrams of a socket that receives streams.

use std::time::Duration;

use super::event::{ReceiveEvent, Tally};
use super::job::Job;
use super::target::Destination;
use crate::io::{Received, SendQueue, Transmit};
use crate::protocol::transfer::{Access, Code, Incoming, Listener, Opening, ReceiverConfig};

/// Bytes of a stream that are kept when they arrive early, and the largest window.
const MAX_WINDOW: usize = 16 << 20;

/// The transfers of one socket, and its listener.
pub(super) struct Sessions {
    pub(super) jobs: Vec<Job>,
    pub(super) tally: Tally,
    /// How many transfers to receive.
    pub(super) count: Option<u64>,
    /// The most transfers at the same time.
    pub(super) max_transfers: usize,
    pub(super) timeout: Duration,
    listener: Listener,
    destination: Destination,
    /// Bytes of payload that certainly fit the socket's buffer.
    room: u64,
    /// The next response; kept for its memory.
    answer: Vec<u8>,
}

impl Sessions {
    pub(super) fn new(key: [u8; 16], destination: Destination, room: u64) -> Self {
        Self {
            jobs: Vec::new(),
            tally: Tally::default(),
            count: None,
            max_transfers: 1,
            timeout: super::TIMEOUT,
            listener: Listener::new(key, Access::Open),
            destination,
            room,
            answer: Vec::with_capacity(1_200),
        }
    }

    /// Handles the datagrams of a message.
    pub(super) fn handle_message(
        &mut self,
        now: Duration,
        message: &Received<'_>,
        send_queue: &mut SendQueue<'_>,
        on_event: &mut dyn FnMut(&ReceiveEvent<'_>),
    ) {
        let peer = message.source();
        for datagram in message.datagrams() {
            let incoming = self.listener.handle_datagram(
                now,
                peer,
                datagram,
                &mut || super::random_bytes().ok(),
                &mut self.answer,
            );
            match incoming {
                Incoming::Response | Incoming::Unauthorized(_) => {
                    send_queue.reply(message, &self.answer);
                }
                Incoming::Rejected(_) => self.tally.foreign += 1,
                Incoming::Packet(connection) => {
                    let mut jobs = self.jobs.iter_mut();
                    match jobs.find(|job| job.receiver.connection() == connection) {
                        Some(job) => job.handle_datagram(now, message, datagram),
                        None => {
                            self.tally.foreign += 1;
                            let (length, answer) = (datagram.len(), &mut self.answer);
                            let listener = &mut self.listener;
                            if listener.reply_to_unknown(now, connection, length, answer) {
                                send_queue.reply(message, answer);
                            }
                        }
                    }
                }
                Incoming::Again(id) => {
                    for job in &mut self.jobs {
                        if job.receiver.id() == id {
                            job.receiver.accept_again();
                        }
                    }
                }
                Incoming::Open(opening) => {
                    let is_busy = self.is_busy();
                    let mut refusal = Vec::new();
                    if let Err(reason) = self.begin(now, *opening, message, &mut refusal, on_event)
                    {
                        let reason = reason.as_str();
                        on_event(&ReceiveEvent::Refused {
                            peer,
                            reason,
                            is_busy,
                        });
                        send_queue.reply(message, &refusal);
                    }
                }
            }
        }
    }

    /// Whether it accepts no other transfer.
    fn is_busy(&self) -> bool {
        let taken = self.tally.whole + self.tally.failed + self.jobs.len() as u64;
        self.jobs.len() >= self.max_transfers || self.count.is_some_and(|count| taken >= count)
    }

    /// Begins a transfer; the error is the reason for a refusal, which is written as a datagram.
    fn begin(
        &mut self,
        now: Duration,
        opening: Opening,
        message: &Received<'_>,
        refusal: &mut Vec<u8>,
        on_event: &mut dyn FnMut(&ReceiveEvent<'_>),
    ) -> Result<(), String> {
        let refuse = |reason: &str, refusal: &mut Vec<u8>| {
            opening.refuse(Code::Refused, reason, refusal);
            Err(reason.to_owned())
        };
        if self.is_busy() {
            return refuse("busy with other transfers", refusal);
        }
        let stored = match self.destination.store(opening.id()) {
            Ok(stored) => stored,
            Err(reason) => return refuse(&reason, refusal),
        };
        let mut config = ReceiverConfig::default();
        config.window = self.room / (self.jobs.len() as u64 + 1);
        config.max_window = MAX_WINDOW;
        config.max_datagram = 65_507;
        config.timeout = self.timeout;
        let id = opening.id();
        let Some(receiver) = opening.accept(now, config) else {
            return Err("the handshake failed".to_owned());
        };
        let job = Job::new(receiver, message, None, stored);
        on_event(&ReceiveEvent::Opened {
            peer: job.peer,
            id,
            name: &job.name,
            size: job.size,
            kept: job.kept,
        });
        self.jobs.push(job);
        Ok(())
    }

    /// Writes the received data, and handles timeouts.
    pub(super) fn advance(&mut self, now: Duration, is_stopped: bool) {
        for job in &mut self.jobs {
            job.advance(now);
            job.receiver.handle_timeout(now);
            if is_stopped {
                let reason = "the receiver was interrupted";
                job.receiver.abandon(Code::Interrupted, reason);
            }
        }
    }

    /// Sends the receivers' datagrams.
    pub(super) fn transmit(&mut self, now: Duration, send_queue: &mut SendQueue<'_>) {
        for job in &mut self.jobs {
            while let Some(datagram) = job.receiver.poll_transmit(now) {
                let transmit = Transmit::new(datagram.bytes);
                send_queue.queue(&transmit.to(datagram.to).from(job.from));
            }
        }
        // An acknowledgement that cannot be sent is lost like any other.
        let _ = send_queue.flush();
    }

    /// Reports the progress of the transfers, and forgets those that are over.
    pub(super) fn report(&mut self, is_time: bool, on_event: &mut dyn FnMut(&ReceiveEvent<'_>)) {
        let tally = &mut self.tally;
        self.jobs.retain_mut(|job| {
            if let Some(arrived) = job.outcome() {
                match arrived.outcome {
                    Ok(()) => tally.whole += 1,
                    Err(_) => tally.failed += 1,
                }
                on_event(&ReceiveEvent::Ended(arrived));
            } else if is_time && !job.receiver.is_stored() {
                let (id, progress) = (job.receiver.id(), job.progress());
                on_event(&ReceiveEvent::Progress { id, progress });
            }
            !job.is_over()
        });
    }

    /// The socket's buffer dropped some datagrams.
    pub(super) fn on_buffer_overflow(&mut self) {
        for job in &mut self.jobs {
            job.receiver.on_buffer_overflow();
        }
    }

    /// Whether enough transfers have ended.
    pub(super) fn has_enough(&self) -> bool {
        let ended = self.tally.whole + self.tally.failed;
        self.count.is_some_and(|count| ended >= count)
    }

    /// Whether a transfer waits only for its own disk or output.
    pub(super) fn is_storing(&self) -> bool {
        self.jobs.iter().any(Job::is_storing)
    }

    /// When the transfers need attention.
    pub(super) fn deadlines(&self) -> impl Iterator<Item = Duration> {
        self.jobs
            .iter()
            .filter_map(|job| job.receiver.poll_timeout())
    }
}
