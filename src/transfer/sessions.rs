//! Handles the datagrams of a socket that receives streams.

use std::net::SocketAddr;
use std::time::Duration;

use super::event::{ReceiveEvent, Tally};
use super::job::Job;
use super::target::Destination;
use crate::io::{Received, SendQueue, Transmit};
use crate::protocol::transfer::{
    Close, Code, Frame, Incoming, Listener, Open, Receiver, ReceiverConfig,
};
use crate::socket::Waker;

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
    waker: Waker,
}

impl Sessions {
    pub(super) fn new(key: [u8; 16], destination: Destination, room: u64, waker: Waker) -> Self {
        Self {
            jobs: Vec::new(),
            tally: Tally::default(),
            count: None,
            max_transfers: 1,
            timeout: super::TIMEOUT,
            listener: Listener::new(key),
            destination,
            room,
            answer: Vec::with_capacity(1_200),
            waker,
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
            match self
                .listener
                .handle_datagram(now, peer, datagram, &mut self.answer)
            {
                Incoming::Response => send_queue.reply(message, &self.answer),
                Incoming::Rejected(_) => self.tally.foreign += 1,
                Incoming::Frame(decoded) => match find(&mut self.jobs, peer, decoded.id) {
                    Some(job) => job.handle_frame(now, &decoded.frame),
                    None => {
                        self.tally.foreign += 1;
                        if self.listener.reply_to_unknown(&decoded, &mut self.answer) {
                            send_queue.reply(message, &self.answer);
                        }
                    }
                },
                Incoming::Open(id, open) => match find(&mut self.jobs, peer, id) {
                    Some(job) => job.handle_frame(now, &Frame::Open(open)),
                    None => {
                        let is_busy = self.is_busy();
                        if let Err(reason) = self.begin(now, id, &open, message, on_event) {
                            let (code, reason) = (Code::Refused, reason.as_str());
                            on_event(&ReceiveEvent::Refused {
                                peer,
                                reason,
                                is_busy,
                            });
                            let reason = reason.as_bytes();
                            Frame::Close(Close { code, reason }).encode(id, &mut self.answer);
                            send_queue.reply(message, &self.answer);
                        }
                    }
                },
            }
        }
    }

    /// Whether it accepts no other transfer.
    fn is_busy(&self) -> bool {
        let taken = self.tally.whole + self.tally.failed + self.jobs.len() as u64;
        self.jobs.len() >= self.max_transfers || self.count.is_some_and(|count| taken >= count)
    }

    /// Begins a transfer; the error is the reason for a refusal.
    fn begin(
        &mut self,
        now: Duration,
        id: u64,
        open: &Open<'_>,
        message: &Received<'_>,
        on_event: &mut dyn FnMut(&ReceiveEvent<'_>),
    ) -> Result<(), String> {
        if self.is_busy() {
            return Err("busy with other transfers".to_owned());
        }
        let stored = self.destination.store(open, id)?;
        let config = ReceiverConfig {
            window: self.room / (self.jobs.len() as u64 + 1),
            max_window: MAX_WINDOW,
            max_datagram: 65_507,
            timeout: self.timeout,
            kept: stored.kept.clone(),
        };
        let receiver = Receiver::new(now, id, config);
        let job = Job::new(receiver, message, open.size, stored, self.waker.clone())
            .map_err(|error| error.to_string())?;
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
                job.interrupt();
            }
        }
    }

    /// Sends the receivers' datagrams.
    pub(super) fn transmit(&mut self, now: Duration, send_queue: &mut SendQueue<'_>) {
        for job in &mut self.jobs {
            while let Some(datagram) = job.receiver.poll_transmit(now) {
                send_queue.queue(&Transmit::new(datagram).to(job.peer).from(job.from));
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

    /// When the transfers need attention.
    pub(super) fn deadlines(&self) -> impl Iterator<Item = Duration> {
        self.jobs
            .iter()
            .filter_map(Job::poll_timeout)
    }
}

fn find(jobs: &mut [Job], peer: SocketAddr, id: u64) -> Option<&mut Job> {
    jobs.iter_mut()
        .find(|job| job.receiver.id() == id && job.peer == peer)
}
