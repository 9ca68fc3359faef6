//! Every state machine, driven by one loop in virtual time over links that lose, delay and reorder.

use std::net::SocketAddr;
use std::time::Duration;

use super::congestion::Cubic;
use super::exchange::{Event, Incoming as ExchangeIncoming, Limits, Outcome, Requester, Responder};
use super::impairment::{Direction, Flow, Link};
use super::transfer::{Access, Incoming, Listener, Receiver, ReceiverConfig, Sender, SenderConfig};
use super::{Backoff, PathMtu, PathMtuState};
use crate::socket::Ecn;

/// The common interface of the state machines, as the [`super`] module describes it.
trait Machine {
    fn handle_datagram(&mut self, now: Duration, bytes: &[u8]);
    fn poll_transmit(&mut self, now: Duration) -> Option<Vec<u8>>;
    fn poll_timeout(&mut self) -> Option<Duration>;
    fn handle_timeout(&mut self, now: Duration);
    /// Whether nothing is left to do.
    fn is_over(&self) -> bool;
}

const STEPS: usize = 1_000_000;

/// One direction of the network with its only flow, as a machine: datagrams in come out later.
struct Path {
    link: Link,
    flow: Flow,
    /// Datagrams that the link let through at once.
    through: Vec<Vec<u8>>,
}

impl Path {
    fn new(profile: &str, seed: u64, direction: Direction) -> Self {
        Self {
            link: Link::new(profile.parse().unwrap(), seed, direction),
            flow: Flow::new(0),
            through: Vec::new(),
        }
    }
}

impl Machine for Path {
    fn handle_datagram(&mut self, now: Duration, bytes: &[u8]) {
        let processed = self.link.handle_datagram(now, &mut self.flow, bytes);
        if processed.is_through {
            self.through.push(bytes.to_vec());
        }
    }

    fn poll_transmit(&mut self, now: Duration) -> Option<Vec<u8>> {
        let released = self.link.poll_transmit(now);
        released
            .map(|released| released.bytes.to_vec())
            .or_else(|| self.through.pop())
    }

    fn poll_timeout(&mut self) -> Option<Duration> {
        self.link.poll_timeout()
    }

    // What is due leaves by `poll_transmit`.
    fn handle_timeout(&mut self, _now: Duration) {}

    fn is_over(&self) -> bool {
        self.link.held() == 0 && self.through.is_empty()
    }
}

/// Runs until the client is finished or no event is left; returns the time.
fn simulate(client: &mut dyn Machine, server: &mut dyn Machine, profile: &str) -> Duration {
    let mut up = Path::new(profile, 1, Direction::Up);
    let mut down = Path::new(profile, 2, Direction::Down);
    let mut now = Duration::ZERO;
    for _ in 0..STEPS {
        // Around the circle: each machine's datagrams go to the next.
        let mut circle: [&mut dyn Machine; 4] = [&mut *client, &mut up, &mut *server, &mut down];
        let mut is_quiet = false;
        while !is_quiet {
            is_quiet = true;
            for index in 0..circle.len() {
                while let Some(datagram) = circle[index].poll_transmit(now) {
                    is_quiet = false;
                    circle[(index + 1) % circle.len()].handle_datagram(now, &datagram);
                }
            }
        }
        if circle[0].is_over() {
            return now;
        }
        let deadlines = circle
            .iter_mut()
            .filter_map(|machine| machine.poll_timeout());
        let Some(deadline) = deadlines.min() else {
            return now;
        };
        now = deadline.max(now + Duration::from_nanos(1));
        for machine in circle {
            machine.handle_timeout(now);
        }
    }
    panic!("it does not end, at {now:?}");
}

/// Asks a number of requests, one after the other.
struct Asking {
    requester: Requester,
    left: u64,
    replies: u64,
    timed_out: u64,
}

impl Machine for Asking {
    fn handle_datagram(&mut self, now: Duration, bytes: &[u8]) {
        let outcome = self.requester.handle_datagram(now, true, bytes);
        self.replies += u64::from(matches!(
            outcome,
            Outcome::Reply {
                payload: b"pong",
                ..
            }
        ));
    }

    fn poll_transmit(&mut self, now: Duration) -> Option<Vec<u8>> {
        if let Some(Event::TimedOut { .. }) = self.requester.poll_event() {
            self.timed_out += 1;
        }
        if self.requester.id().is_none() && self.left > 0 {
            self.left -= 1;
            let started = self.requester.start(now, self.left, b"ping", None, None);
            started.unwrap();
        }
        let transmit = self.requester.poll_transmit(now)?;
        Some(transmit.bytes.to_vec())
    }

    fn poll_timeout(&mut self) -> Option<Duration> {
        self.requester.poll_timeout()
    }

    fn handle_timeout(&mut self, now: Duration) {
        self.requester.handle_timeout(now);
    }

    fn is_over(&self) -> bool {
        self.left == 0 && self.requester.id().is_none()
    }
}

/// Replies at once: a machine without deadlines.
struct Replying {
    responder: Responder,
    responses: Vec<Vec<u8>>,
}

fn source() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 9))
}

impl Machine for Replying {
    fn handle_datagram(&mut self, _now: Duration, bytes: &[u8]) {
        let mut response = Vec::new();
        let incoming = self
            .responder
            .handle_datagram(source(), bytes, &mut response);
        if let ExchangeIncoming::Request(request, b"ping") = incoming {
            self.responder.reply(request, b"pong", &mut response);
        }
        if !response.is_empty() {
            self.responses.push(response);
        }
    }

    fn poll_transmit(&mut self, _now: Duration) -> Option<Vec<u8>> {
        self.responses.pop()
    }

    fn poll_timeout(&mut self) -> Option<Duration> {
        None
    }

    fn handle_timeout(&mut self, _now: Duration) {}

    fn is_over(&self) -> bool {
        self.responses.is_empty()
    }
}

#[test]
fn an_exchange_speaks_the_dialect() {
    let mut client = Asking {
        requester: Requester::new(Backoff::Rfc9002),
        left: 100,
        replies: 0,
        timed_out: 0,
    };
    let mut server = Replying {
        responder: Responder::new(Limits::default()),
        responses: Vec::new(),
    };
    simulate(&mut client, &mut server, "loss=20%,delay=10ms,jitter=5ms");
    assert_eq!((client.replies, client.timed_out), (100, 0));
    assert_eq!(server.responder.served().requests, 100);
    // Without a server it ends by the event.
    client.left = 1;
    simulate(&mut client, &mut server, "loss=100%");
    assert_eq!((client.replies, client.timed_out), (100, 1));
}

/// A sender with its stream.
struct Sending<'a> {
    sender: Sender,
    stream: &'a [u8],
    /// Datagrams of a transmitted run, the last first.
    queue: Vec<Vec<u8>>,
}

impl Machine for Sending<'_> {
    fn handle_datagram(&mut self, now: Duration, bytes: &[u8]) {
        let _ = self.sender.handle_datagram(now, bytes);
    }

    fn poll_transmit(&mut self, now: Duration) -> Option<Vec<u8>> {
        if self.queue.is_empty()
            && let Some(run) = self.sender.poll_transmit(now, &self.stream)
        {
            let mut bytes = Vec::new();
            run.copy(&self.stream, &mut bytes);
            let datagrams = bytes.chunks(run.segment_size());
            self.queue.extend(datagrams.rev().map(<[u8]>::to_vec));
        }
        self.queue.pop()
    }

    fn poll_timeout(&mut self) -> Option<Duration> {
        self.sender.poll_timeout()
    }

    fn handle_timeout(&mut self, now: Duration) {
        self.sender.handle_timeout(now);
    }

    fn is_over(&self) -> bool {
        self.sender.result().is_some() && self.queue.is_empty()
    }
}

/// A listener, and the receiver that it opens.
struct Receiving {
    listener: Listener,
    receiver: Option<Receiver>,
    stream: Vec<u8>,
    responses: Vec<Vec<u8>>,
}

impl Machine for Receiving {
    fn handle_datagram(&mut self, now: Duration, bytes: &[u8]) {
        let mut response = Vec::new();
        let mut random = || Some([5; 32]);
        let listener = &mut self.listener;
        match listener.handle_datagram(now, source(), bytes, &mut random, &mut response) {
            Incoming::Response => self.responses.push(response),
            Incoming::Open(opening) => {
                let config = ReceiverConfig {
                    window: 1 << 18,
                    max_window: 1 << 20,
                    ..ReceiverConfig::default()
                };
                self.receiver = opening.accept(now, config);
            }
            Incoming::Again(_) => {
                if let Some(receiver) = &mut self.receiver {
                    receiver.accept_again();
                }
            }
            Incoming::Packet(_) => {
                if let Some(receiver) = &mut self.receiver {
                    let (ecn, stream) = (Ecn::NotEct, &mut self.stream);
                    let _ = receiver.handle_datagram(now, source(), ecn, bytes, stream);
                }
            }
            Incoming::Unauthorized(_) | Incoming::Rejected(_) => {}
        }
    }

    fn poll_transmit(&mut self, now: Duration) -> Option<Vec<u8>> {
        if let Some(receiver) = &mut self.receiver {
            if receiver.is_complete() {
                receiver.on_stored(now);
            }
            if let Some(datagram) = receiver.poll_transmit(now) {
                return Some(datagram.bytes.to_vec());
            }
        }
        self.responses.pop()
    }

    fn poll_timeout(&mut self) -> Option<Duration> {
        self.receiver.as_ref().and_then(Receiver::poll_timeout)
    }

    fn handle_timeout(&mut self, now: Duration) {
        if let Some(receiver) = &mut self.receiver {
            receiver.handle_timeout(now);
        }
    }

    fn is_over(&self) -> bool {
        let receiver = self.receiver.as_ref();
        receiver.is_some_and(|receiver| receiver.result().is_some())
    }
}

#[test]
fn a_transfer_speaks_the_dialect() {
    let stream: Vec<u8> = (0..300_000_u32).map(|at| ((at * 31) >> 3) as u8).collect();
    let config = SenderConfig::default();
    let mut client = Sending {
        sender: Sender::new(Duration::ZERO, 7, config, Box::new(Cubic::new(1_472))),
        stream: &stream,
        queue: Vec::new(),
    };
    let mut server = Receiving {
        listener: Listener::new([3; 16], Access::Open),
        receiver: None,
        stream: Vec::new(),
        responses: Vec::new(),
    };
    simulate(&mut client, &mut server, "loss=10%,delay=10ms,reorder=10%");
    assert_eq!(client.sender.result(), Some(Ok(())));
    assert!(server.stream == stream);
}

/// Probes the path; the other end sends back each probe's length.
struct Probing(PathMtu);

impl Machine for Probing {
    fn handle_datagram(&mut self, now: Duration, bytes: &[u8]) {
        let size = u16::from_be_bytes(bytes.try_into().unwrap());
        self.0.on_probe_acknowledged(now, size);
    }

    fn poll_transmit(&mut self, now: Duration) -> Option<Vec<u8>> {
        let size = self.0.poll_transmit(now)?;
        Some(vec![0; size.into()])
    }

    fn poll_timeout(&mut self) -> Option<Duration> {
        self.0.poll_timeout()
    }

    fn handle_timeout(&mut self, now: Duration) {
        self.0.handle_timeout(now);
    }

    fn is_over(&self) -> bool {
        self.0.state() == PathMtuState::SearchComplete
    }
}

struct Acknowledging(Vec<u16>);

impl Machine for Acknowledging {
    fn handle_datagram(&mut self, _now: Duration, bytes: &[u8]) {
        self.0.push(bytes.len() as u16);
    }

    fn poll_transmit(&mut self, _now: Duration) -> Option<Vec<u8>> {
        self.0.pop().map(|size| size.to_be_bytes().to_vec())
    }

    fn poll_timeout(&mut self) -> Option<Duration> {
        None
    }

    fn handle_timeout(&mut self, _now: Duration) {}

    fn is_over(&self) -> bool {
        self.0.is_empty()
    }
}

#[test]
fn a_path_mtu_search_speaks_the_dialect() {
    let mut client = Probing(PathMtu::new(PathMtu::BASE_PLPMTU, 1_472, Duration::ZERO));
    let mut server = Acknowledging(Vec::new());
    let end = simulate(&mut client, &mut server, "mtu=1428,delay=10ms");
    assert_eq!(client.0.current(), 1_400);
    // No loss is reported here: every lost probe takes its timer.
    assert_eq!(end.as_secs() % PathMtu::PROBE_TIMER.as_secs(), 0);
}
