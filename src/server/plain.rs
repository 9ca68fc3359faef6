//! The plain server: one thread in a blocking loop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::handler::Handler;
use super::progress::{Observer, Progress, duplicates};
use super::{Behaviour, Event, Request, Summary};
use crate::error::{Error, Result};
use crate::protocol::load::Served;
use crate::socket::{Endpoint, EpollSet, PollSet, ReceiveBuffer, Received, Waker};

/// Up to this many endpoints are polled: ppoll(2) needs no set-up and no descriptor, but looks at each
/// of them each time, and at 1,000 of them that takes longer than all else.
const POLLED: usize = 2;

/// One or several endpoints, each a port, which one thread serves one datagram at a time.
#[derive(Debug)]
pub(super) struct Plain {
    endpoints: Vec<Endpoint>,
    handler: Handler,
    waker: Option<Waker>,
    /// The counters for an observer, if there is one.
    progress: Option<Arc<Progress>>,
}

impl Plain {
    pub(super) fn new(
        endpoints: Vec<Endpoint>,
        addresses: &[SocketAddr],
        behaviour: Behaviour,
    ) -> Result<Self> {
        Ok(Self {
            endpoints,
            handler: Handler::new(addresses, behaviour).with_load()?,
            waker: None,
            progress: None,
        })
    }

    /// As [`Server::observer`](super::Server::observer).
    pub(super) fn observer(&mut self) -> Result<Observer> {
        let progress = self.progress.get_or_insert_default().clone();
        let (endpoints, served) = (
            duplicates(&self.endpoints)?,
            self.handler.observed_exchanges(),
        );
        Ok(Observer::new([progress].into(), endpoints, served))
    }

    /// As [`Server::open_loads`](super::Server::open_loads).
    pub(super) fn open_loads(&self) -> Vec<Served> {
        self.handler.open_loads()
    }

    pub(super) fn wake_by(&mut self, waker: Waker) {
        self.waker = Some(waker);
    }

    pub(super) fn endpoints(&self) -> std::slice::Iter<'_, Endpoint> {
        self.endpoints.iter()
    }

    pub(super) fn summary(&self) -> Summary {
        Summary {
            kernel_drops: Summary::drops_of(&self.endpoints),
            exchange: self.handler.exchanges(),
            ..self.handler.summary
        }
    }

    /// As [`Server::run`](super::Server::run).
    pub(super) fn run<E: From<Error>>(
        &mut self,
        stop: &AtomicBool,
        mut on_event: impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Self {
            endpoints,
            handler,
            waker,
            progress,
        } = self;
        let progress = progress.as_deref();
        let mut buffer = ReceiveBuffer::new();
        if let ([endpoint], None) = (endpoints.as_slice(), &waker) {
            while !handler.is_done() && !stop.load(Ordering::Relaxed) {
                let received = endpoint.receive_interruptible(&mut buffer);
                let served = serve(handler, endpoints, 0, received, &mut on_event);
                publish(progress, handler);
                served?;
            }
            return Ok(());
        }
        let mut readiness = Readiness::of(endpoints, waker.as_ref())?;
        let mut ready = Vec::new();
        while !handler.is_done() && !stop.load(Ordering::Relaxed) {
            readiness.wait(&mut ready)?;
            for &index in &ready {
                let Some(endpoint) = endpoints.get(index) else {
                    waker.iter().for_each(|waker| _ = waker.take());
                    continue;
                };
                if !handler.is_done() {
                    let received = endpoint.try_receive(&mut buffer);
                    let served = serve(handler, endpoints, index, received, &mut on_event);
                    publish(progress, handler);
                    served?;
                }
            }
        }
        Ok(())
    }
}

/// Tells which endpoints have something to be received.
enum Readiness<'a> {
    Poll(PollSet<'a>),
    Epoll(EpollSet),
}

impl<'a> Readiness<'a> {
    /// That of the endpoints, and behind them of the waker.
    fn of(endpoints: &'a [Endpoint], waker: Option<&'a Waker>) -> Result<Self> {
        if endpoints.len() <= POLLED {
            return Ok(Self::Poll(PollSet::new(endpoints).with_waker(waker)));
        }
        let set = EpollSet::new()?;
        for (key, endpoint) in (0..).zip(endpoints) {
            set.add(endpoint, key)?;
        }
        if let Some(waker) = waker {
            set.add(waker, endpoints.len() as u64)?;
        }
        Ok(Self::Epoll(set))
    }

    /// Waits for some, and writes their indices to `ready`; the waker's is the number of endpoints.
    fn wait(&mut self, ready: &mut Vec<usize>) -> Result<()> {
        ready.clear();
        match self {
            Self::Poll(set) => ready.extend(set.wait(None)?.map(|(index, _)| index)),
            Self::Epoll(set) => {
                let indices = set.wait(None)?.filter_map(|key| usize::try_from(key).ok());
                ready.extend(indices);
            }
        }
        Ok(())
    }
}

/// Publishes the counters, if somebody observes them.
fn publish(progress: Option<&Progress>, handler: &Handler) {
    if let Some(progress) = progress {
        progress.count_all(&handler.summary);
    }
}

/// Serves what a receive on the endpoint of that index brought.
fn serve<E: From<Error>>(
    handler: &mut Handler,
    endpoints: &[Endpoint],
    index: usize,
    received: Result<Option<Received<'_>>>,
    on_event: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let datagram = match received {
        Ok(Some(datagram)) => datagram,
        Ok(None) => return Ok(()),
        // SO_RCVTIMEO expired: the user set the option, so it is not an error.
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(()),
        Err(error) if error.is_about_the_network() => return handler.failed(1, error, on_event),
        Err(error) => return Err(error.into()),
    };
    let (endpoint, request) = (&endpoints[index], Request::from_datagram(&datagram));
    if let Some(answer) = handler.bench_answer(&request, endpoints, handler.summary.datagrams) {
        return match endpoint.reply(&datagram, &answer) {
            Ok(()) => Ok(()),
            Err(error) => handler.failed(1, error, on_event),
        };
    }
    if let Some(length) = handler.load_answer(&request, endpoint, endpoints, &mut None) {
        let sent = match length {
            0 => Ok(()),
            _ => endpoint.reply(&datagram, handler.load_reply()),
        };
        return match sent {
            Ok(()) => {
                handler.replied(u64::from(length > 0), length as u64);
                handler.report_ended(on_event)
            }
            Err(error) => handler.failed(1, error, on_event),
        };
    }
    let per_datagram_events = handler.behaviour.per_datagram_events;
    let Some(answer) = handler.answer(&request, on_event)? else {
        return Ok(());
    };
    let length = answer.bytes.len();
    match endpoint.reply(&datagram, answer.bytes) {
        Ok(()) => {
            let replied = answer.replied.filter(|_| per_datagram_events);
            let outcome = match replied {
                Some((request, reply)) => on_event(&Event::Replied(request, reply)),
                None => Ok(()),
            };
            handler.replied(1, length as u64);
            outcome
        }
        Err(error) => handler.failed(1, error, on_event),
    }
}
