//! Floor 4: the documents' server. One thread, blocking, one `recvfrom` and one `sendto` a datagram.
//!
//! ```
//! use std::sync::atomic::AtomicBool;
//! use udpraw::error::Error;
//! use udpraw::server::{Behaviour, Event, Server, listen};
//! use udpraw::socket::{Endpoint, Family, ReceiveBuffer};
//!
//! let behaviour = Behaviour { count: Some(1), ..Behaviour::default() };
//! let mut server = Server::new(vec![listen("127.0.0.1:0".parse()?, [])?], behaviour)?;
//! let client = Endpoint::builder().unbound(Family::V4)?;
//! client.send_to(b"hello", server.addresses()[0])?;
//!
//! server.run(&AtomicBool::new(false), |_: &Event<'_>| Ok::<(), Error>(()))?;
//! let mut buffer = ReceiveBuffer::new();
//! assert_eq!(client.receive(&mut buffer)?.bytes(), b"Your data was 5 bytes long");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod reply;
mod summary;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Result};
use crate::socket::options::Setting;
use crate::socket::{Datagram, Endpoint, ReceiveBuffer, WaitSet};

pub use reply::{Reply, Template};
pub use summary::Summary;

/// What a server does with a datagram.
#[derive(Clone, Debug)]
pub struct Behaviour {
    /// What it answers.
    pub reply: Reply,
    /// Which datagrams it pretends never to have received.
    pub drop: Option<Drop>,
    /// After how many datagrams it ends; `None` for never.
    pub count: Option<u64>,
}

impl Default for Behaviour {
    /// The documents' server: it tells the length, drops nothing, and does not end.
    fn default() -> Self {
        Self {
            reply: Reply::length(),
            drop: None,
            count: None,
        }
    }
}

/// Loss on purpose: each datagram is dropped with a probability, by a seeded sequence.
#[derive(Clone, Copy, Debug)]
pub struct Drop {
    /// From 0 to 1.
    pub probability: f64,
    /// The same seed drops the same datagrams of a sequence.
    pub seed: u64,
}

/// What happened, in the order in which it did.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A datagram came in at the endpoint of that index, and will be served.
    Received(usize, Datagram<'a>),
    /// A datagram came in, and is treated as lost.
    Dropped(Datagram<'a>),
    /// A datagram came in, and is not answered, since its sender would answer the answer.
    Loop(Datagram<'a>),
    /// The sender of the datagram was sent these bytes.
    Replied(Datagram<'a>, &'a [u8]),
    /// Something failed; the server goes on.
    Failed(Error),
}

/// Makes a server's socket: the options are set, then it is bound to `address`.
///
/// On a wildcard address, packet info is asked for too, so that a reply leaves from the address that
/// was asked: left alone, the route would choose it, and the client take the reply for a stranger's.
///
/// # Errors
/// Of socket(2), setsockopt(2) and bind(2).
pub fn listen(
    address: SocketAddr,
    settings: impl IntoIterator<Item = Setting>,
) -> Result<Endpoint> {
    Endpoint::builder()
        .options(settings)
        .packet_info(address.ip().is_unspecified())
        .bind(address)
}

/// A server on one or several endpoints.
#[derive(Debug)]
pub struct Server {
    endpoints: Vec<Endpoint>,
    desk: Desk,
}

/// What serves a datagram, whichever endpoint it came in at.
#[derive(Debug)]
struct Desk {
    addresses: Vec<SocketAddr>,
    behaviour: Behaviour,
    dice: fastrand::Rng,
    summary: Summary,
    scratch: Vec<u8>,
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
        let dice = fastrand::Rng::with_seed(behaviour.drop.map_or(0, |drop| drop.seed));
        let (summary, scratch) = (Summary::default(), Vec::new());
        Ok(Self {
            endpoints,
            desk: Desk {
                addresses,
                behaviour,
                dice,
                summary,
                scratch,
            },
        })
    }

    /// The sockets.
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// The address of each endpoint, as the kernel told it after bind.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.desk.addresses
    }

    /// What happened so far, with what the kernel dropped until now.
    pub fn summary(&self) -> Summary {
        let drops = |endpoint: &Endpoint| endpoint.kernel_drops().ok().map(u64::from);
        // One counter that is missing makes the sum unknown.
        let kernel_drops = self.endpoints.iter().map(drops).sum();
        Summary {
            kernel_drops,
            ..self.desk.summary
        }
    }

    /// Serves until `stop` is raised, or [`Behaviour::count`] datagrams came in.
    ///
    /// `observe` is told of each event; an error of its own ends the run.
    ///
    /// # Errors
    /// That of `observe`, or of recvfrom(2) where going on makes no sense. A reply that cannot be
    /// sent is an [`Event::Failed`].
    pub fn run<E: From<Error>>(
        &mut self,
        stop: &AtomicBool,
        mut observe: impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Self { endpoints, desk } = self;
        let mut buffer = ReceiveBuffer::new();
        if let [endpoint] = endpoints.as_slice() {
            while !desk.is_done() && !stop.load(Ordering::Relaxed) {
                let received = endpoint.receive_until(&mut buffer, stop);
                desk.serve(0, endpoint, received, &mut observe)?;
            }
            return Ok(());
        }
        let mut set = WaitSet::new(endpoints.iter());
        while !desk.is_done() && !stop.load(Ordering::Relaxed) {
            for (index, _) in set.wait(None)? {
                if !desk.is_done() {
                    let received = endpoints[index].try_receive(&mut buffer);
                    desk.serve(index, &endpoints[index], received, &mut observe)?;
                }
            }
        }
        Ok(())
    }
}

impl Desk {
    fn is_done(&self) -> bool {
        self.behaviour
            .count
            .is_some_and(|count| self.summary.datagrams >= count)
    }

    /// Serves what a receive on `endpoint` brought.
    fn serve<E: From<Error>>(
        &mut self,
        index: usize,
        endpoint: &Endpoint,
        received: Result<Option<Datagram<'_>>>,
        observe: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let datagram = match received {
            Ok(Some(datagram)) => datagram,
            Ok(None) => return Ok(()),
            // SO_RCVTIMEO ran out: the option is the user's, and no error.
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) if error.is_about_the_network() => return self.fail(error, observe),
            Err(error) => return Err(error.into()),
        };
        self.summary.count(&datagram);
        if let Some(drop) = self.behaviour.drop
            && self.dice.f64() < drop.probability
        {
            self.summary.dropped += 1;
            return observe(&Event::Dropped(datagram));
        }
        observe(&Event::Received(index, datagram))?;
        let (request, length) = (datagram.bytes(), datagram.length());
        let Some(reply) = self
            .behaviour
            .reply
            .render(request, length, &mut self.scratch)
        else {
            return Ok(());
        };
        if answers_answers(datagram.source(), &self.addresses) {
            self.summary.loops += 1;
            return observe(&Event::Loop(datagram));
        }
        match endpoint.reply(&datagram, reply) {
            Ok(()) => {
                self.summary.replies += 1;
                self.summary.reply_bytes += reply.len() as u64;
                observe(&Event::Replied(datagram, reply))
            }
            Err(error) => self.fail(error, observe),
        }
    }

    fn fail<E>(
        &mut self,
        error: Error,
        observe: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.summary.failed += 1;
        observe(&Event::Failed(error))
    }
}

/// Whether a reply to `source` would be answered for ever (UDP-responders' loop, CERT CA-1996-01):
/// it is this server itself, or a port whose service answers whatever comes, as inetd judges too.
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
