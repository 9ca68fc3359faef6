//! The plain server: one thread in a blocking loop.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use super::handler::Handler;
use super::{Behaviour, Event, Request, Summary};
use crate::error::{Error, Result};
use crate::socket::{Datagram, Endpoint, PollSet, ReceiveBuffer, Waker};

/// A server on one or several endpoints, which it serves by itself, a datagram at a time.
#[derive(Debug)]
pub struct Server {
    endpoints: Vec<Endpoint>,
    handler: Handler,
    waker: Option<Waker>,
}

impl Server {
    /// A server on `endpoints`, which are bound already.
    ///
    /// # Errors
    /// Of getsockname(2), which is asked for each endpoint's address; and if there is no endpoint.
    pub fn new(endpoints: Vec<Endpoint>, behaviour: Behaviour) -> Result<Self> {
        if endpoints.is_empty() {
            return Err(Error::invalid("make", "a server", "it has no endpoint"));
        }
        let addresses = endpoints
            .iter()
            .map(Endpoint::local_address)
            .collect::<Result<_>>()?;
        Ok(Self {
            endpoints,
            handler: Handler::new(addresses, behaviour),
            waker: None,
        })
    }

    /// What ends a wait of [`Self::run`] from another thread. Without one, each datagram costs one
    /// receive and one send; with one, a poll too.
    ///
    /// # Errors
    /// Of eventfd(2).
    pub fn waker(&mut self) -> Result<Waker> {
        let waker = Waker::new()?;
        self.waker = Some(waker.clone());
        Ok(waker)
    }

    /// The sockets.
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// The address of each endpoint, as the kernel told it after bind.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.handler.addresses
    }

    /// What happened so far, with what the kernel dropped until now.
    pub fn summary(&self) -> Summary {
        Summary {
            kernel_drops: Summary::drops_of(&self.endpoints),
            exchange: self.handler.exchanges(),
            ..self.handler.summary
        }
    }

    /// Serves until `stop` is raised (by a signal handler, or with [`Self::waker`]), or [`Behaviour::count`] datagrams came in.
    ///
    /// `observe` is told of each event; an error of its own ends the run.
    ///
    /// # Errors
    /// That of `observe`, or of recvfrom(2) where going on makes no sense. A reply that cannot be
    /// sent is an [`Event::Failed`].
    pub fn run<E: From<Error>>(
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
                let received = endpoint.receive_until(&mut buffer, stop);
                serve(handler, endpoints, 0, received, &mut on_event)?;
            }
            return Ok(());
        }
        let mut set = PollSet::new(endpoints.iter()).with_waker(waker.as_ref());
        while !handler.is_done() && !stop.load(Ordering::Relaxed) {
            for (index, _) in set.wait(None)? {
                let Some(endpoint) = endpoints.get(index) else {
                    waker.iter().for_each(Waker::reset);
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

/// Serves what a receive on the endpoint of that index brought.
fn serve<E: From<Error>>(
    handler: &mut Handler,
    endpoints: &[Endpoint],
    index: usize,
    received: Result<Option<Datagram<'_>>>,
    on_event: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let datagram = match received {
        Ok(Some(datagram)) => datagram,
        Ok(None) => return Ok(()),
        // SO_RCVTIMEO ran out: the option is the user's, and no error.
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
            if let (true, Some((request, reply))) = (per_datagram_events, answer.replied) {
                on_event(&Event::Replied(request, reply))?;
            }
            handler.replied(1, length);
            Ok(())
        }
        Err(error) => handler.failed(1, error, on_event),
    }
}
