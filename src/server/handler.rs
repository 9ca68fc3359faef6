//! Handles one datagram, with any backend.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::answer::Answer;
use super::exchange::Exchanges;
use super::load::{self, Answered, LoadSessions};
use super::{Behaviour, Event, Reply, Request, Summary, Template, bench_handshake};
use crate::clock::Moment;
use crate::error::{Error, Result as Done};
use crate::protocol::bench_handshake::{LENGTH, is_answer};
use crate::protocol::exchange::{Frame, Kind, Served};
use crate::protocol::load::{Header, Served as Load};
use crate::protocol::{Unanswerable, amplifies, is_marked_reply, unanswerable};
use crate::socket::Endpoint;

/// Why a datagram is not answered.
#[derive(Clone, Copy, Debug)]
pub(super) enum Refusal {
    /// The answer would be answered.
    Loop,
    /// No host can have sent it.
    Impossible,
}

/// Serves datagrams one by one: checks, counts, reports, and writes the reply.
#[derive(Debug)]
pub(super) struct Handler {
    pub(super) summary: Summary,
    pub(super) behaviour: Behaviour,
    /// Whether the bytes of datagrams are received at all: otherwise the end is not truncated.
    pub(super) takes_payload: bool,
    /// The server's own ports.
    ports: Vec<u16>,
    dice: fastrand::Rng,
    scratch: Vec<u8>,
    exchanges: Option<Exchanges>,
    load: Option<Arc<LoadSessions>>,
    load_scratch: Vec<u8>,
    /// How many datagrams all workers of a server have received, if that is limited.
    taken: Arc<AtomicU64>,
}

impl Handler {
    pub(super) fn new(addresses: &[SocketAddr], behaviour: Behaviour) -> Self {
        let dice = fastrand::Rng::with_seed(behaviour.drop.map_or(0, |drop| drop.seed));
        let (summary, scratch, taken) = Default::default();
        let exchanges = behaviour.exchange.map(Exchanges::new);
        let mut ports: Vec<_> = addresses.iter().map(SocketAddr::port).collect();
        ports.sort_unstable();
        ports.dedup();
        Self {
            takes_payload: true,
            ports,
            summary,
            behaviour,
            dice,
            scratch,
            exchanges,
            load: None,
            load_scratch: Vec::new(),
            taken,
        }
    }

    /// The same with the load sessions that the behaviour allows.
    pub(super) fn with_load(mut self) -> Done<Self> {
        self.load = load::sessions(self.behaviour.allow_load)?;
        Ok(self)
    }

    /// Another handler with the same limit and its own random sequence.
    pub(super) fn for_worker(&self, number: u64) -> Self {
        let mut behaviour = self.behaviour.clone();
        if let Some(drop) = &mut behaviour.drop {
            drop.seed = drop.seed.wrapping_add(number);
        }
        // Not allocated only to be dropped: they take memory.
        behaviour.exchange = None;
        let mut handler = Self::new(&[], behaviour);
        handler.behaviour.exchange = self.behaviour.exchange;
        Self {
            takes_payload: self.takes_payload,
            ports: self.ports.clone(),
            taken: self.taken.clone(),
            exchanges: self.exchanges.as_ref().map(Exchanges::for_worker),
            load: self.load.clone(),
            ..handler
        }
    }

    /// Why a client is not answered, if it is not. Its port is searched for: there may be thousands.
    fn unanswerable(&self, client: SocketAddr) -> Option<Unanswerable> {
        let own = match self.ports.binary_search(&client.port()) {
            Ok(at) => self.ports.get(at..=at).unwrap_or_default(),
            Err(_) => &[],
        };
        unanswerable(client, own)
    }

    /// Whether as many datagrams as were asked for have been taken.
    pub(super) fn is_done(&self) -> bool {
        let taken = || self.taken.load(Ordering::Relaxed);
        self.behaviour.count.is_some_and(|count| taken() >= count)
    }

    /// Whether whole runs can be served at once: no event per datagram is requested.
    pub(super) fn serves_runs(&self) -> bool {
        let Behaviour {
            reply,
            drop,
            count,
            per_datagram_events,
            allow_bench: _,
            allow_load: _,
            allow_amplification: _,
            exchange,
        } = &self.behaviour;
        !per_datagram_events
            && exchange.is_none()
            && drop.is_none()
            && count.is_none()
            && !matches!(reply, Reply::Text(_))
    }

    /// The answer to a bench's question, if this is one and a bench is allowed. It does not count.
    pub(super) fn bench_answer(
        &self,
        request: &Request<'_>,
        endpoints: &[Endpoint],
        received: u64,
    ) -> Option<[u8; LENGTH]> {
        let Behaviour {
            allow_bench, reply, ..
        } = &self.behaviour;
        if !allow_bench || self.unanswerable(request.client).is_some() {
            return None;
        }
        bench_handshake::answer(request.bytes, reply, endpoints, received)
    }

    /// Whether a datagram, or a run, may be of a load session.
    pub(super) fn may_load(&self, bytes: &[u8]) -> bool {
        self.load.is_some() && LoadSessions::may_be(bytes)
    }

    /// Handles a datagram of a load session; `None` if it is of none. Otherwise the length of
    /// [`Self::load_reply`], which is 0 if nothing is to be sent back. `now` is read once.
    pub(super) fn load_answer(
        &mut self,
        request: &Request<'_>,
        endpoint: &Endpoint,
        endpoints: &[Endpoint],
        now: &mut Option<Moment>,
    ) -> Option<usize> {
        let sessions = self.load.as_ref()?;
        if !LoadSessions::may_be(request.bytes) || self.unanswerable(request.client).is_some() {
            return None;
        }
        let now = *now.get_or_insert_with(Moment::now);
        let scratch = &mut self.load_scratch;
        let length = match sessions.handle(now, request, endpoint, endpoints, scratch) {
            Answered::Foreign => return None,
            Answered::Nothing => 0,
            Answered::Bytes => scratch.len(),
        };
        self.summary.datagrams += 1;
        self.summary.bytes += request.length as u64;
        Some(length)
    }

    /// Reports the load sessions that are over.
    pub(super) fn report_ended<E>(
        &self,
        on_event: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let ended = self.load.as_ref().map(|load| load.take_ended());
        let mut ended = ended.into_iter().flatten();
        ended.try_for_each(|session| on_event(&Event::LoadEnded(session)))
    }

    /// The load sessions that are not over.
    pub(super) fn open_loads(&self) -> Vec<Load> {
        self.load
            .as_ref()
            .map(|load| load.open())
            .unwrap_or_default()
    }

    /// What [`Self::load_answer`] wrote.
    pub(super) fn load_reply(&self) -> &[u8] {
        &self.load_scratch
    }

    /// Handles one datagram; returns the reply to send, if any.
    pub(super) fn answer<'a, E>(
        &'a mut self,
        request: &Request<'a>,
        on_event: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<Option<Answer<'a>>, E> {
        if let Some(count) = self.behaviour.count
            && self.taken.fetch_add(1, Ordering::Relaxed) >= count
        {
            return Ok(None);
        }
        self.summary.datagrams += 1;
        self.summary.bytes += request.length as u64;
        self.summary.truncated += u64::from(self.takes_payload && request.is_truncated);
        if let Some(drop) = self.behaviour.drop
            && self.dice.f64() < drop.probability
        {
            self.summary.dropped += 1;
            return self
                .tell(&Event::Dropped(*request), on_event)
                .map(|()| None);
        }
        if self.exchanges.is_some() {
            return self.exchange(request, on_event);
        }
        self.tell(&Event::Received(*request), on_event)?;
        if self.behaviour.reply == Reply::Nothing {
            return Ok(None);
        }
        if let Some(why) = self.refusal(request) {
            return self.refuse(request, why, on_event).map(|()| None);
        }
        let Self {
            behaviour, scratch, ..
        } = self;
        let reply = &behaviour.reply;
        let Some(bytes) = reply.render(request.bytes, request.length, scratch) else {
            return Ok(None);
        };
        if !behaviour.allow_amplification && amplifies(request.client, request.length, bytes.len())
        {
            self.summary.amplifying += 1;
            if behaviour.per_datagram_events {
                on_event(&Event::Amplifies(*request, bytes.len()))?;
            }
            return Ok(None);
        }
        Ok(Some(Answer {
            bytes,
            replied: Some((*request, bytes)),
        }))
    }

    /// Why a datagram must not be answered, if there is a reason.
    pub(super) fn refusal(&self, request: &Request<'_>) -> Option<Refusal> {
        match self.unanswerable(request.client) {
            Some(Unanswerable::Impossible) => return Some(Refusal::Impossible),
            Some(Unanswerable::OwnPort | Unanswerable::Responder) => return Some(Refusal::Loop),
            None => {}
        }
        // A reply is never answered: from a program like this, with the same text or the usual one.
        let bytes = request.bytes;
        let is_own = match &self.behaviour.reply {
            Reply::Text(template) => template.may_have_rendered(bytes),
            Reply::Echo | Reply::Nothing => false,
        };
        let of_exchange = Frame::parse(bytes).is_ok_and(|frame| frame.kind != Kind::Request);
        let is_reply = is_own
            || of_exchange
            || is_answer(bytes)
            || Header::read(bytes).is_some_and(|header| header.kind.is_of_a_server())
            || Template::is_textbook_reply(bytes)
            || request.hop_limit.is_some_and(is_marked_reply);
        is_reply.then_some(Refusal::Loop)
    }

    fn refuse<E>(
        &mut self,
        request: &Request<'_>,
        why: Refusal,
        on_event: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.summary.refused(why, 1);
        self.tell(
            &match why {
                Refusal::Loop => Event::Loop(*request),
                Refusal::Impossible => Event::Impossible(*request),
            },
            on_event,
        )
    }

    /// Handles one datagram as an exchange.
    fn exchange<'a, E>(
        &'a mut self,
        request: &Request<'a>,
        on_event: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<Option<Answer<'a>>, E> {
        let refusal = match self.unanswerable(request.client) {
            Some(Unanswerable::Impossible) => Some(Refusal::Impossible),
            // An exchange never answers an answer; the remaining case is its own requests.
            Some(Unanswerable::OwnPort | Unanswerable::Responder) => Some(Refusal::Loop),
            None => None,
        };
        if let Some(why) = refusal {
            return self.refuse(request, why, on_event).map(|()| None);
        }
        let Some(exchanges) = &mut self.exchanges else {
            return Ok(None);
        };
        let (reply, per_datagram_events) =
            (&self.behaviour.reply, self.behaviour.per_datagram_events);
        exchanges.answer(request, reply, &mut |event| {
            if per_datagram_events {
                on_event(event)
            } else {
                Ok(())
            }
        })
    }

    /// The summary of this handler and of those that share its limit.
    pub(super) fn exchanges(&self) -> Option<Served> {
        self.exchanges.as_ref().map(Exchanges::served)
    }

    /// As [`Self::exchanges`], for other threads.
    pub(super) fn observed_exchanges(&self) -> Option<super::exchange::Served> {
        self.exchanges.as_ref().map(Exchanges::observed)
    }

    /// Counts this many replies with this many bytes in all.
    pub(super) fn replied(&mut self, replies: u64, bytes: u64) {
        self.summary.replies += replies;
        self.summary.reply_bytes += bytes;
    }

    /// Reports an error that occurred `times` times; the server continues.
    pub(super) fn failed<E>(
        &mut self,
        times: usize,
        error: Error,
        on_event: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.summary.failed += times as u64;
        on_event(&Event::Failed(error))
    }

    fn tell<E>(
        &self,
        event: &Event<'_>,
        on_event: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.behaviour.per_datagram_events {
            on_event(event)
        } else {
            Ok(())
        }
    }
}
