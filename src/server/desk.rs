//! What becomes of one datagram, whatever moved it here.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::answer::Answer;
use super::exchange::Exchanges;
use super::{Behaviour, Event, Reply, Request, Summary, consent};
use crate::error::Error;
use crate::protocol::consent::LENGTH;
use crate::protocol::exchange::Served;
use crate::socket::Endpoint;

/// Serves datagrams one by one: judges, counts, tells, and words the reply.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) summary: Summary,
    pub(super) behaviour: Behaviour,
    dice: fastrand::Rng,
    scratch: Vec<u8>,
    exchanges: Option<Exchanges>,
    /// How many datagrams all desks of a server have taken, where that is limited.
    taken: Arc<AtomicU64>,
}

impl Desk {
    pub(super) fn new(addresses: Vec<SocketAddr>, behaviour: Behaviour) -> Self {
        let dice = fastrand::Rng::with_seed(behaviour.drop.map_or(0, |drop| drop.seed));
        let (summary, scratch, taken) = Default::default();
        let exchanges = behaviour.exchange.map(Exchanges::new);
        Self {
            addresses,
            summary,
            behaviour,
            dice,
            scratch,
            exchanges,
            taken,
        }
    }

    /// A desk beside this one, with dice of its own and the same limit.
    pub(super) fn beside(&self, number: u64) -> Self {
        let mut behaviour = self.behaviour.clone();
        if let Some(drop) = &mut behaviour.drop {
            drop.seed = drop.seed.wrapping_add(number);
        }
        // Not made anew, to be thrown away: they take memory.
        behaviour.exchange = None;
        let mut desk = Self::new(self.addresses.clone(), behaviour);
        desk.behaviour.exchange = self.behaviour.exchange;
        Self {
            taken: self.taken.clone(),
            exchanges: self.exchanges.as_ref().map(Exchanges::beside),
            ..desk
        }
    }

    /// Whether as many datagrams as were asked for have been taken.
    pub(super) fn is_done(&self) -> bool {
        let taken = || self.taken.load(Ordering::Relaxed);
        self.behaviour.count.is_some_and(|count| taken() >= count)
    }

    /// Whether whole runs can be served at once: nobody wants to be told of a datagram by itself.
    pub(super) fn serves_runs(&self) -> bool {
        let Behaviour {
            reply,
            drop,
            count,
            tell_each,
            allow_bench: _,
            exchange,
        } = &self.behaviour;
        !tell_each
            && exchange.is_none()
            && drop.is_none()
            && count.is_none()
            && !matches!(reply, Reply::Text(_))
    }

    /// The answer to a bench's question, if this is one and a bench is allowed. It does not count.
    pub(super) fn consent(
        &self,
        request: &Request<'_>,
        endpoints: &[Endpoint],
        received: u64,
    ) -> Option<[u8; LENGTH]> {
        let Behaviour {
            allow_bench, reply, ..
        } = &self.behaviour;
        if !allow_bench || self.would_loop(request.client) {
            return None;
        }
        consent::answer(request.bytes, reply, endpoints, received)
    }

    /// Takes one datagram; the reply to send, if there shall be one.
    pub(super) fn answer<'a, E>(
        &'a mut self,
        request: &Request<'a>,
        observe: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<Option<Answer<'a>>, E> {
        if let Some(count) = self.behaviour.count
            && self.taken.fetch_add(1, Ordering::Relaxed) >= count
        {
            return Ok(None);
        }
        self.summary.datagrams += 1;
        self.summary.bytes += request.length as u64;
        self.summary.truncated += u64::from(request.is_truncated);
        if let Some(drop) = self.behaviour.drop
            && self.dice.f64() < drop.probability
        {
            self.summary.dropped += 1;
            return self.tell(&Event::Dropped(*request), observe).map(|()| None);
        }
        if self.exchanges.is_some() {
            return self.exchange(request, observe);
        }
        self.tell(&Event::Received(*request), observe)?;
        if self.behaviour.reply == Reply::Nothing {
            return Ok(None);
        }
        if self.would_loop(request.client) {
            self.summary.loops += 1;
            return self.tell(&Event::Loop(*request), observe).map(|()| None);
        }
        let reply = &self.behaviour.reply;
        let reply = reply.render(request.bytes, request.length, &mut self.scratch);
        Ok(reply.map(|bytes| Answer {
            bytes,
            replied: Some((*request, bytes)),
        }))
    }

    /// Takes one datagram as an exchange.
    fn exchange<'a, E>(
        &'a mut self,
        request: &Request<'a>,
        observe: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<Option<Answer<'a>>, E> {
        if self.would_loop(request.client) {
            self.summary.loops += 1;
            return self.tell(&Event::Loop(*request), observe).map(|()| None);
        }
        let Some(exchanges) = &mut self.exchanges else {
            return Ok(None);
        };
        let (reply, tell_each) = (&self.behaviour.reply, self.behaviour.tell_each);
        exchanges.answer(request, reply, &mut |event| {
            if tell_each { observe(event) } else { Ok(()) }
        })
    }

    /// What this desk and those beside it did.
    pub(super) fn exchanges(&self) -> Option<Served> {
        self.exchanges.as_ref().map(Exchanges::served)
    }

    /// The reply of `length` bytes went out.
    pub(super) fn replied(&mut self, replies: usize, length: usize) {
        self.summary.replies += replies as u64;
        self.summary.reply_bytes += length as u64;
    }

    /// Something failed `times` times, and the server goes on.
    pub(super) fn failed<E>(
        &mut self,
        times: usize,
        error: Error,
        observe: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.summary.failed += times as u64;
        observe(&Event::Failed(error))
    }

    fn tell<E>(
        &self,
        event: &Event<'_>,
        observe: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.behaviour.tell_each {
            observe(event)
        } else {
            Ok(())
        }
    }

    /// Whether a reply to `source` would be answered for ever (CERT CA-1996-01): it is this server
    /// itself, or a port whose service answers whatever comes, as inetd judges too.
    pub(super) fn would_loop(&self, source: SocketAddr) -> bool {
        answers_answers(source, &self.addresses)
    }
}

fn answers_answers(source: SocketAddr, own: &[SocketAddr]) -> bool {
    /// echo, daytime, qotd, chargen, time.
    const RESPONDERS: [u16; 5] = [7, 13, 17, 19, 37];
    RESPONDERS.contains(&source.port())
        || own.iter().any(|own| {
            own.port() == source.port()
                && (own.ip() == source.ip()
                    || own.ip().is_unspecified() && source.ip().to_canonical().is_loopback())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_who_would_answer_an_answer() {
        let own = [
            "127.0.0.1:1060".parse().unwrap(),
            "[::]:1061".parse().unwrap(),
        ];
        for (source, want) in [
            ("127.0.0.1:1060", true),
            ("127.0.0.2:1060", false),
            ("127.0.0.1:1061", true),
            ("[::ffff:127.0.0.1]:1061", true),
            ("192.0.2.1:1061", false),
            ("192.0.2.1:7", true),
            ("192.0.2.1:19", true),
            ("127.0.0.1:53322", false),
        ] {
            assert_eq!(
                answers_answers(source.parse().unwrap(), &own),
                want,
                "{source}"
            );
        }
    }
}
