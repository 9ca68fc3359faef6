//! Both ends of a transfer in one place, one datagram at a time.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use udpraw::protocol::congestion::Cubic;
use udpraw::protocol::transfer::{
    Access, Code, Failure, Incoming, Listener, Receiver, ReceiverConfig, Sender, SenderCounts,
    Source,
};
use udpraw::socket::Ecn;

use crate::{key, sender_config};

pub(crate) const ID: u64 = 0x1234_5678_9abc_def0;
pub(crate) const LENGTH: usize = 150_000;
pub(crate) const MILLISECOND: Duration = Duration::from_millis(1);

pub(crate) fn at(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// A stream that may have more bytes later.
pub(crate) struct Pipe {
    pub(crate) bytes: Vec<u8>,
    pub(crate) is_complete: bool,
}

impl Source for Pipe {
    fn available(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn is_complete(&self) -> bool {
        self.is_complete
    }

    fn bytes(&self, offset: u64, max_length: usize) -> &[u8] {
        let start = offset as usize;
        &self.bytes[start..self.bytes.len().min(start.saturating_add(max_length))]
    }
}

/// Both ends, and what is between them.
pub(crate) struct Ends {
    pub(crate) now: Duration,
    pub(crate) stream: Pipe,
    pub(crate) sender: Sender,
    pub(crate) listener: Listener,
    pub(crate) receiver: Option<Receiver>,
    pub(crate) got: Vec<u8>,
    pub(crate) up: VecDeque<Vec<u8>>,
    pub(crate) down: VecDeque<Vec<u8>>,
    /// What has arrived, in either direction.
    pub(crate) seen: Vec<Vec<u8>>,
    pub(crate) dice: fastrand::Rng,
}

/// What a stranger must not change.
#[derive(Debug, PartialEq)]
pub(crate) struct State {
    pub(crate) is_open: bool,
    pub(crate) sender: Option<Result<(), Failure>>,
    pub(crate) sent: (u64, u64, usize, SenderCounts),
    pub(crate) receiver: Option<(u64, SocketAddr, bool, u64, Option<u64>)>,
    pub(crate) got: usize,
}

/// What an end does when a datagram of a stranger arrives.
#[derive(Debug, PartialEq)]
pub(crate) enum Response {
    None,
    Challenge,
    WrongCode,
    Versions,
    Unknown,
    /// An accepted opening that came again, before anything else.
    Accept,
}

impl Ends {
    pub(crate) fn new(seed: u64, is_keyed: bool) -> Self {
        let mut dice = fastrand::Rng::with_seed(seed);
        let (config, mut bytes) = (sender_config(seed, is_keyed), vec![0; LENGTH]);
        dice.fill(&mut bytes);
        let stream = Pipe {
            bytes,
            is_complete: true,
        };
        let access = if is_keyed {
            Access::Code(key())
        } else {
            Access::Open
        };
        Self {
            now: Duration::from_secs(1_000),
            stream,
            sender: Sender::new(
                Duration::from_secs(1_000),
                ID,
                config,
                Box::new(Cubic::new(1_200)),
            ),
            listener: Listener::new([9; 16], access),
            receiver: None,
            got: Vec::new(),
            up: VecDeque::new(),
            down: VecDeque::new(),
            seen: Vec::new(),
            dice,
        }
    }

    /// A datagram at the receiver's port: what it is answered.
    pub(crate) fn arrives(&mut self, source: SocketAddr, datagram: &[u8]) -> (Response, Vec<u8>) {
        let (mut answer, mut dice) = (Vec::new(), self.dice.fork());
        let mut random = || {
            let mut bytes = [0; 32];
            dice.fill(&mut bytes);
            Some(bytes)
        };
        let incoming =
            (self.listener).handle_datagram(self.now, source, datagram, &mut random, &mut answer);
        let response = match incoming {
            Incoming::Response if answer[7] == 2 => Response::Challenge,
            Incoming::Response => Response::Versions,
            Incoming::Unauthorized(Code::WrongCode) => Response::WrongCode,
            Incoming::Open(opening) => {
                assert!(self.receiver.is_none(), "it opened another transfer");
                self.receiver = opening.accept(self.now, ReceiverConfig::default());
                Response::None
            }
            Incoming::Again(_) => {
                self.receiver.as_mut().expect("a receiver").accept_again();
                Response::Accept
            }
            Incoming::Packet(connection) => match &mut self.receiver {
                Some(receiver) if receiver.connection() == connection => {
                    let (now, ecn, got) = (self.now, Ecn::NotEct, &mut self.got);
                    let _ = receiver.handle_datagram(now, source, ecn, datagram, got);
                    Response::None
                }
                _ => {
                    let length = datagram.len();
                    let is_answered =
                        self.listener
                            .reply_to_unknown(self.now, connection, length, &mut answer);
                    if is_answered {
                        Response::Unknown
                    } else {
                        answer.clear();
                        Response::None
                    }
                }
            },
            Incoming::Rejected(_) => Response::None,
            other => panic!("{other:?}"),
        };
        assert!(
            answer.len() <= datagram.len(),
            "{response:?}: longer than its question"
        );
        (response, answer)
    }

    /// Both ends send what they have to; returns how many datagrams that is.
    pub(crate) fn speak(&mut self) -> usize {
        let before = self.up.len() + self.down.len();
        let (mut datagrams, stream) = (Vec::new(), &self.stream);
        while let Some(run) = self.sender.poll_transmit(self.now, stream) {
            run.copy(stream, &mut datagrams);
            self.up
                .extend(datagrams.chunks(run.segment_size()).map(<[u8]>::to_vec));
        }
        while let Some(receiver) = &mut self.receiver {
            if receiver.is_complete() {
                receiver.on_stored(self.now);
            }
            let Some(outgoing) = receiver.poll_transmit(self.now) else {
                break;
            };
            self.down.push_back(outgoing.bytes.to_vec());
        }
        self.up.len() + self.down.len() - before
    }

    /// The next datagram arrives; or, if there is none, the next deadline.
    pub(crate) fn advance(&mut self) {
        self.speak();
        if let Some(datagram) = self.up.pop_front() {
            let (response, answer) = self.arrives(at(4_000), &datagram);
            if response != Response::None && response != Response::Accept {
                self.down.push_back(answer);
            }
            self.seen.push(datagram);
        } else if let Some(datagram) = self.down.pop_front() {
            let taken = self.sender.handle_datagram(self.now, &datagram);
            assert_eq!(taken, Ok(()));
            self.seen.push(datagram);
        } else {
            let receiver = self.receiver.as_ref().and_then(Receiver::poll_timeout);
            let next = [self.sender.poll_timeout(), receiver]
                .into_iter()
                .flatten()
                .min();
            self.now = next.unwrap_or(self.now).max(self.now + MILLISECOND);
            self.sender.handle_timeout(self.now);
            if let Some(receiver) = &mut self.receiver {
                receiver.handle_timeout(self.now);
            }
        }
        self.speak();
    }

    pub(crate) fn is_over(&self) -> bool {
        let receiver = self.receiver.as_ref();
        self.sender.result().is_some() && receiver.is_none_or(|end| end.result().is_some())
    }

    pub(crate) fn assert_whole(&self) {
        assert_eq!(self.sender.result(), Some(Ok(())));
        assert_eq!(
            self.receiver.as_ref().expect("a receiver").result(),
            Some(Ok(()))
        );
        assert!(
            self.got == self.stream.bytes,
            "what arrived is not what was sent"
        );
    }

    pub(crate) fn state(&self) -> State {
        let mut counts = self.sender.counts();
        (counts.rejected, counts.received_bytes) = (0, 0);
        let sender = &self.sender;
        State {
            is_open: sender.is_open(),
            sender: sender.result().map(|result| result.map_err(Clone::clone)),
            sent: (sender.sent(), sender.released(), sender.tracked(), counts),
            receiver: self.receiver.as_ref().map(|end| {
                let (connection, peer) = (end.connection(), end.peer());
                (
                    connection,
                    peer,
                    end.is_stored(),
                    end.delivered(),
                    end.total(),
                )
            }),
            got: self.got.len(),
        }
    }
}
