//! The plain server: one thread in a blocking loop.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use super::handler::Handler;
use super::{Behaviour, Event, Request, Summary};
use crate::error::{Error, Result};
use crate::socket::{Endpoint, PollSet, ReceiveBuffer, Received, Waker};

/// One or several endpoints, each a port, which one thread serves one datagram at a time.
#[derive(Debug)]
pub(super) struct Plain {
    endpoints: Vec<Endpoint>,
    handler: Handler,
    waker: Option<Waker>,
}

impl Plain {
    pub(super) fn new(
        endpoints: Vec<Endpoint>,
        addresses: &[SocketAddr],
        behaviour: Behaviour,
    ) -> Self {
        Self {
            endpoints,
            handler: Handler::new(addresses, behaviour),
            waker: None,
        }
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
        } = self;
        let mut buffer = ReceiveBuffer::new();
        if let ([endpoint], None) = (endpoints.as_slice(), &waker) {
            while !handler.is_done() && !stop.load(Ordering::Relaxed) {
                let received = endpoint.receive_interruptible(&mut buffer);
                serve(handler, endpoints, 0, received, &mut on_event)?;
            }
            return Ok(());
        }
        let mut set = PollSet::new(endpoints.iter()).with_waker(waker.as_ref());
        while !handler.is_done() && !stop.load(Ordering::Relaxed) {
            for (index, _) in set.wait(None)? {
                let Some(endpoint) = endpoints.get(index) else {
                    waker.iter().for_each(|waker| _ = waker.take());
                    continue;
                };
                if !handler.is_done() {
                    let received = endpoint.try_receive(&mut buffer);
                    serve(handler, endpoints, index, received, &mut on_event)?;
                }
            }
        }
        Ok(())
    }
}

/// Serves the result of a receive on the endpoint with that index.
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
