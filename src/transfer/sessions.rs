//! Handles the datagrams of a socket that receives transfers.

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use super::config::Target;
use super::disk::{Options, Place};
use super::event::{ReceiveEvent, Tally};
use super::job::Job;
use super::message::Message;
use super::network::Network;
use crate::error::Result;
use crate::io::{SendQueue, Transmit};
use crate::protocol::transfer::crypto::PreSharedKey;
use crate::protocol::transfer::{
    Access, Admission, Code, Incoming, Listener, Opening, Places, ReceiverConfig,
};
use crate::socket::Waker;

/// How long a sender must be silent, which has not confirmed that it knows of its success, before the
/// end of the program does not wait for it any more: longer than passing trouble.
const LEAVING: Duration = Duration::from_secs(5);
/// Transfers whose end their senders have not confirmed; more are forgotten, the oldest first.
const MAX_UNCONFIRMED: usize = 64;
/// What whoever comes too late is told.
const BUSY: &str = "busy with other transfers";

/// What an observer is told.
pub(super) type OnEvent<'a> = &'a mut dyn FnMut(&ReceiveEvent<'_>);

/// The transfers of one socket, and its listener.
pub(super) struct Sessions {
    pub(super) jobs: Vec<Job>,
    pub(super) tally: Tally,
    /// How many transfers to receive.
    pub(super) count: Option<u64>,
    pub(super) timeout: Duration,
    pub(super) from: Vec<Network>,
    listener: Listener,
    places: Places,
    place: Place,
    base: Option<PathBuf>,
    /// Bytes of payload that certainly fit the socket's buffer.
    pub(super) room: u64,
    /// The most memory for bytes that arrive early or wait for the disk.
    pub(super) max_window: u64,
    /// The next response; kept for its memory.
    answer: Vec<u8>,
    waker: Waker,
}

impl Sessions {
    /// Opens the target.
    pub(super) fn new(
        key: Option<PreSharedKey>,
        target: Target,
        options: Options,
        max_transfers: usize,
        waker: Waker,
    ) -> Result<Self> {
        let (max_transfers, base) = match &target {
            Target::Folder(path) => (max_transfers, Some(path.clone())),
            Target::File(path) => (
                1,
                Some(path.parent().map(PathBuf::from).unwrap_or_default()),
            ),
            Target::Output(_) => (1, None),
        };
        let place = match target {
            Target::Folder(path) => Place::folder(&path, options)?,
            Target::File(path) => Place::file(&path, options)?,
            Target::Output(fd) => Place::output(fd, "the output")?,
        };
        let max_window = super::max_window(key.is_some());
        Ok(Self {
            jobs: Vec::new(),
            tally: Tally::default(),
            count: None,
            timeout: super::TIMEOUT,
            from: Vec::new(),
            listener: Listener::new(super::random_key()?, key.map_or(Access::Open, Access::Code)),
            places: Places::new(max_transfers),
            place,
            base,
            room: 64 << 10,
            max_window,
            answer: Vec::with_capacity(1_200),
            waker,
        })
    }

    /// Handles the datagrams of a message, which is in `buffer`; that may be exchanged.
    pub(super) fn handle_message(
        &mut self,
        now: Duration,
        message: &Message,
        buffer: &mut Vec<u8>,
        send_queue: &mut SendQueue<'_>,
        on_event: OnEvent<'_>,
    ) {
        let peer = message.source;
        let is_stranger = |network: &Network| !network.contains(peer.ip());
        if !self.from.is_empty() && self.from.iter().all(is_stranger) {
            self.tally.foreign += message.count() as u64;
            return;
        }
        for range in message.ranges() {
            let datagram = buffer.get(range.clone()).unwrap_or_default();
            let incoming = self.listener.handle_datagram(
                now,
                peer,
                datagram,
                &mut || super::random_bytes().ok(),
                &mut self.answer,
            );
            match incoming {
                Incoming::Response => message.reply(send_queue, &self.answer),
                Incoming::Unauthorized(code) => {
                    message.reply(send_queue, &self.answer);
                    let reason = match code {
                        Code::WrongCode => "it has another code",
                        Code::CodeRequired => "it has no code",
                        _ => "it wants encryption, and this receiver has no code",
                    };
                    let is_busy = true;
                    on_event(&ReceiveEvent::Refused {
                        peer,
                        reason,
                        is_busy,
                    });
                }
                Incoming::Rejected(_) => self.tally.foreign += 1,
                Incoming::Packet(connection) => {
                    let packet = (message, &mut *buffer, range);
                    self.handle_packet(now, connection, packet, send_queue, on_event);
                }
                Incoming::Again(id) => {
                    for job in &mut self.jobs {
                        if job.receiver.id() == id {
                            job.receiver.accept_again();
                        }
                    }
                }
                Incoming::Open(opening) => {
                    let mut refusal = Vec::new();
                    if let Err(reason) = self.begin(now, *opening, message, &mut refusal) {
                        on_event(&ReceiveEvent::Refused {
                            peer,
                            reason,
                            is_busy: true,
                        });
                        if !refusal.is_empty() {
                            message.reply(send_queue, &refusal);
                        }
                    }
                }
            }
        }
    }

    fn handle_packet(
        &mut self,
        now: Duration,
        connection: u64,
        (message, buffer, range): (&Message, &mut Vec<u8>, Range<usize>),
        send_queue: &mut SendQueue<'_>,
        on_event: OnEvent<'_>,
    ) {
        let is_enough = self.count.is_some_and(|count| self.running() >= count);
        let mut jobs = self.jobs.iter_mut();
        let Some(job) = jobs.find(|job| job.receiver.connection() == connection) else {
            self.tally.foreign += 1;
            let (length, answer) = (range.len(), &mut self.answer);
            let listener = &mut self.listener;
            if listener.reply_to_unknown(now, connection, length, answer) {
                message.reply(send_queue, answer);
            }
            return;
        };
        if !job.handle_datagram(now, message, buffer, range) {
            return;
        }
        let (peer, id) = (job.peer(), job.receiver.id());
        // Others may have begun since it was opened.
        if is_enough || !self.places.confirm(id) {
            job.refuse(BUSY);
            let reason = BUSY;
            let is_busy = true;
            on_event(&ReceiveEvent::Refused {
                peer,
                reason,
                is_busy,
            });
            return;
        }
        job.begin(&self.place, &self.waker);
        let is_keyed = job.receiver.is_keyed();
        on_event(&ReceiveEvent::Opened { peer, id, is_keyed });
    }

    /// How many transfers have run or are running. Whoever only opened one does not count.
    fn running(&self) -> u64 {
        let is_running = |job: &&Job| job.is_confirmed() && !job.has_ended();
        let running = self.jobs.iter().filter(is_running).count() as u64;
        self.tally.whole + self.tally.failed + running
    }

    /// Begins a transfer; the error is the reason for a refusal, which is written as a datagram.
    fn begin(
        &mut self,
        now: Duration,
        opening: Opening,
        message: &Message,
        refusal: &mut Vec<u8>,
    ) -> Result<(), &'static str> {
        let id = opening.id();
        let is_enough = self.count.is_some_and(|count| self.running() >= count);
        let admission = if is_enough {
            Admission::Full
        } else {
            self.places.request(id, opening.source().ip())
        };
        match admission {
            Admission::Admitted => {}
            Admission::Replaces(other) => {
                let mut jobs = self.jobs.iter_mut();
                if let Some(job) = jobs.find(|job| job.receiver.id() == other) {
                    job.refuse(BUSY);
                }
            }
            Admission::Full => {
                opening.refuse(Code::Refused, BUSY, refusal);
                return Err(BUSY);
            }
        }
        // Of 16 at once the last gets a sixteenth, and all together 3.4 times as much as one alone.
        let taken = self.places.taken() as u64 + 1;
        let config = ReceiverConfig {
            window: self.room / taken,
            max_window: self.max_window / taken,
            max_datagram: 65_507,
            timeout: self.timeout,
        };
        let Some(receiver) = opening.accept(now, config) else {
            self.places.release(id);
            return Err("the handshake failed");
        };
        self.jobs
            .push(Job::new(receiver, message, self.base.clone()));
        Ok(())
    }

    /// Passes on the received data, and handles timeouts.
    pub(super) fn advance(&mut self, now: Duration, is_stopped: bool) {
        let has_enough = self.has_enough();
        for job in &mut self.jobs {
            job.advance(now);
            job.receiver.handle_timeout(now);
            if is_stopped {
                job.interrupt();
            } else if has_enough && !job.is_confirmed() {
                // Whoever only opened one does not put off the end.
                job.refuse(BUSY);
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
    pub(super) fn report(&mut self, is_time: bool, on_event: OnEvent<'_>) {
        let (tally, places) = (&mut self.tally, &mut self.places);
        let ended = self.jobs.iter().filter(|job| job.has_ended()).count();
        let mut surplus = ended.saturating_sub(MAX_UNCONFIRMED);
        self.jobs.retain_mut(|job| {
            let id = job.receiver.id();
            for event in job.take_events() {
                on_event(&ReceiveEvent::Entry { id, event: &event });
            }
            if let Some(arrived) = job.outcome() {
                if arrived.is_whole() {
                    tally.whole += 1
                } else {
                    tally.failed += 1
                }
                on_event(&ReceiveEvent::Ended(&arrived));
            } else if is_time && job.is_confirmed() && !job.has_ended() {
                let progress = &job.progress();
                on_event(&ReceiveEvent::Progress { id, progress });
            }
            if job.has_ended() {
                // Whoever has everything keeps nobody out.
                places.release(id);
            }
            let is_surplus = job.has_ended() && surplus > 0;
            surplus -= usize::from(is_surplus);
            !job.is_over() && !is_surplus
        });
    }

    /// The socket's buffer dropped some datagrams.
    pub(super) fn on_buffer_overflow(&mut self) {
        for job in &mut self.jobs {
            job.receiver.on_buffer_overflow();
        }
    }

    /// Whether nobody is left to wait for: those whose transfers are stored and who are silent are
    /// probably gone.
    pub(super) fn is_left(&self, now: Duration) -> bool {
        let is_silent = |job: &Job| now >= job.receiver.last_received().saturating_add(LEAVING);
        let is_left = |job: &Job| job.has_ended() && is_silent(job);
        self.jobs.iter().all(is_left)
    }

    /// Whether enough transfers have ended.
    pub(super) fn has_enough(&self) -> bool {
        let ended = self.tally.whole + self.tally.failed;
        self.count.is_some_and(|count| ended >= count)
    }

    /// Whether nobody has sent anything yet.
    pub(super) fn is_unused(&self) -> bool {
        self.running() == 0
    }

    /// When the transfers need attention; zero for soon.
    pub(super) fn deadlines(&self) -> impl Iterator<Item = Duration> {
        self.jobs.iter().filter_map(Job::poll_timeout)
    }
}
