//! What is done with what comes to a socket that streams come to.

use std::net::SocketAddr;
use std::time::Duration;

use super::event::{Event, Tally};
use super::job::Job;
use super::target::Place;
use crate::io::{Arrival, Outbox};
use crate::protocol::transfer::{
    Close, Code, Frame, Heard, Listener, Open, Receiver, ReceiverConfig,
};

/// Bytes of a stream that are kept when they come too early, and the largest window.
const MOST: usize = 16 << 20;

/// The transfers of one socket, and its door.
pub(super) struct Desk {
    pub(super) jobs: Vec<Job>,
    pub(super) tally: Tally,
    /// End after so many.
    pub(super) count: Option<u64>,
    /// At most so many at a time.
    pub(super) most: usize,
    pub(super) timeout: Duration,
    listener: Listener,
    place: Place,
    /// Bytes of payload that the socket's buffer surely holds.
    room: u64,
    /// What is said next; kept for its memory.
    answer: Vec<u8>,
}

impl Desk {
    pub(super) fn new(key: [u8; 16], place: Place, room: u64) -> Self {
        Self {
            jobs: Vec::new(),
            tally: Tally::default(),
            count: None,
            most: 1,
            timeout: super::TIMEOUT,
            listener: Listener::new(key),
            place,
            room,
            answer: Vec::with_capacity(1_200),
        }
    }

    /// Takes what came.
    pub(super) fn take(
        &mut self,
        now: Duration,
        arrival: &Arrival<'_>,
        outbox: &mut Outbox<'_>,
        observe: &mut dyn FnMut(Event<'_>),
    ) {
        let peer = arrival.source();
        for datagram in arrival.datagrams() {
            match self.listener.hear(now, peer, datagram, &mut self.answer) {
                Heard::Answer => outbox.reply(arrival, &self.answer),
                Heard::Nothing(_) => self.tally.foreign += 1,
                Heard::Frame(decoded) => match find(&mut self.jobs, peer, decoded.id) {
                    Some(job) => job.frame(now, &decoded.frame),
                    None => {
                        self.tally.foreign += 1;
                        if self.listener.unknown(&decoded, &mut self.answer) {
                            outbox.reply(arrival, &self.answer);
                        }
                    }
                },
                Heard::Open(id, open) => match find(&mut self.jobs, peer, id) {
                    Some(job) => job.frame(now, &Frame::Open(open)),
                    None => {
                        let is_busy = self.is_busy();
                        if let Err(reason) = self.begin(now, id, &open, arrival, observe) {
                            let (code, reason) = (Code::Refused, reason.as_str());
                            observe(Event::Refused {
                                peer,
                                reason,
                                is_busy,
                            });
                            let reason = reason.as_bytes();
                            Frame::Close(Close { code, reason }).encode(id, &mut self.answer);
                            outbox.reply(arrival, &self.answer);
                        }
                    }
                },
            }
        }
    }

    /// Whether it takes no other transfer.
    fn is_busy(&self) -> bool {
        let taken = self.tally.whole + self.tally.failed + self.jobs.len() as u64;
        self.jobs.len() >= self.most || self.count.is_some_and(|count| taken >= count)
    }

    /// Begins a transfer; in words, why not.
    fn begin(
        &mut self,
        now: Duration,
        id: u64,
        open: &Open<'_>,
        arrival: &Arrival<'_>,
        observe: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), String> {
        if self.is_busy() {
            return Err("it is busy with other transfers".to_owned());
        }
        let stored = self.place.store(open, id)?;
        let config = ReceiverConfig {
            window: self.room / (self.jobs.len() as u64 + 1),
            most: MOST,
            longest: 65_507,
            timeout: self.timeout,
            kept: stored.kept.clone(),
        };
        let receiver = Receiver::new(now, id, config);
        let job = Job::new(receiver, arrival, open.size, stored);
        observe(Event::Opened {
            peer: job.peer,
            id,
            name: &job.name,
            size: job.size,
            kept: job.kept,
        });
        self.jobs.push(job);
        Ok(())
    }

    /// Writes what came, and lets the time pass.
    pub(super) fn settle(&mut self, now: Duration, is_stopped: bool) {
        for job in &mut self.jobs {
            job.settle(now);
            job.receiver.expire(now);
            if is_stopped {
                let reason = "the receiver was interrupted";
                job.receiver.abandon(Code::Interrupted, reason);
            }
        }
    }

    /// Sends what the receivers have to say.
    pub(super) fn speak(&mut self, now: Duration, outbox: &mut Outbox<'_>) {
        for job in &mut self.jobs {
            while job.receiver.transmit(now, &mut self.answer) {
                outbox.queue(Some(job.peer), job.from, &self.answer);
            }
        }
        // An acknowledgement that cannot be sent is one that is lost.
        let _ = outbox.flush();
    }

    /// Tells how the transfers are, and forgets those that are over.
    pub(super) fn tell(&mut self, is_time: bool, observe: &mut dyn FnMut(Event<'_>)) {
        let tally = &mut self.tally;
        self.jobs.retain_mut(|job| {
            if let Some(arrived) = job.outcome() {
                match arrived.outcome {
                    Ok(()) => tally.whole += 1,
                    Err(_) => tally.failed += 1,
                }
                observe(Event::Ended(arrived));
            } else if is_time && !job.receiver.is_stored() {
                let (id, progress) = (job.receiver.id(), job.progress());
                observe(Event::Progress { id, progress });
            }
            !job.is_over()
        });
    }

    /// The socket's buffer had no room for some datagrams.
    pub(super) fn overflowed(&mut self) {
        for job in &mut self.jobs {
            job.receiver.overflowed();
        }
    }

    /// Whether as many transfers ended as were to.
    pub(super) fn has_enough(&self) -> bool {
        let ended = self.tally.whole + self.tally.failed;
        self.count.is_some_and(|count| ended >= count)
    }

    /// Whether a transfer waits for nothing but its own disk or output.
    pub(super) fn is_storing(&self) -> bool {
        self.jobs.iter().any(Job::is_storing)
    }

    /// When the transfers have to be looked at.
    pub(super) fn deadlines(&self) -> impl Iterator<Item = Duration> {
        self.jobs.iter().filter_map(|job| job.receiver.deadline())
    }
}

fn find(jobs: &mut [Job], peer: SocketAddr, id: u64) -> Option<&mut Job> {
    jobs.iter_mut()
        .find(|job| job.receiver.id() == id && job.peer == peer)
}
