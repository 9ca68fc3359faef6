//! The listening socket's state machine: it handles datagrams before a transfer exists.

use std::collections::{HashSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use super::crypto::{Cipher, Ciphers, PreSharedKey, Responder};
use super::receiver::{Receiver, ReceiverConfig};
use super::wire::{self, Close, Code, Handshake, Open, Reject, VERSION, connection_of};
use crate::protocol::cookie::{Cookies, LIFETIME};

/// Openings that are remembered, so that a copy of one starts nothing.
const MAX_REMEMBERED: usize = 4_096;
/// Answers to packets of unknown connections per second: a sender needs one, and whoever forges
/// packets should get next to none.
const MAX_UNKNOWN: u32 = 10;

/// Who may send.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Access {
    /// Anybody, without encryption.
    Open,
    /// Whoever has the code.
    Code(PreSharedKey),
}

/// Answers senders whose address is not proven yet, and stores nothing about them.
///
/// No answer is longer than its question, so that it cannot be used as an amplifier. With a code,
/// whoever lacks it gets one short answer, and takes no memory.
#[derive(Debug)]
pub struct Listener {
    cookies: Cookies,
    access: Access,
    ciphers: Ciphers,
    /// The ids of openings, and the second in which their tokens were made.
    remembered: VecDeque<(u64, u64)>,
    ids: HashSet<u64>,
    /// Tokens made up to this second are no longer good: their openings were forgotten.
    forgotten: Option<u64>,
    /// The current second, and answers to unknown connections in it.
    unknown: (u64, u32),
}

/// The meaning of a datagram for the receiving end.
#[derive(Debug)]
#[non_exhaustive]
pub enum Incoming {
    /// The response has been written; send it.
    Response,
    /// A sender cannot be served: another code, or one where none is wanted, or none where one is.
    /// The response has been written; send it.
    Unauthorized(Code),
    /// A sender with a proven address, and the right code, requests a transfer.
    Open(Box<Opening>),
    /// An opening that was returned before, by its id. If its transfer has not been refused, call
    /// [`Receiver::accept_again`]: the answer may have been lost.
    Again(u64),
    /// A packet of the connection with this id.
    Packet(u64),
    /// It is not answered.
    Rejected(Reject),
}

/// A request for a transfer.
#[derive(Debug)]
pub struct Opening {
    id: u64,
    source: SocketAddr,
    security: Option<(Responder, Cipher)>,
    random: [u8; 32],
}

impl Listener {
    /// A listener with its own key, which must be random.
    pub fn new(key: [u8; 16], access: Access) -> Self {
        Self {
            cookies: Cookies::new(key),
            access,
            ciphers: Ciphers::of_this_cpu(),
            remembered: VecDeque::new(),
            ids: HashSet::new(),
            forgotten: None,
            unknown: (0, 0),
        }
    }

    /// Processes a datagram; writes a response into `response` if one is due.
    ///
    /// `random` returns 32 random bytes, or nothing if there are none: then the opening is rejected.
    pub fn handle_datagram(
        &mut self,
        now: Duration,
        source: SocketAddr,
        bytes: &[u8],
        random: &mut dyn FnMut() -> Option<[u8; 32]>,
        response: &mut Vec<u8>,
    ) -> Incoming {
        match wire::decode(bytes) {
            Ok((id, Handshake::Open(open))) => {
                self.handle_open(now, source, id, &open, random, response)
            }
            Ok(_) => Incoming::Rejected(Reject::Malformed),
            Err(Reject::Version(version)) => {
                Handshake::Versions(&[VERSION]).encode(version.id, response);
                if response.len() <= bytes.len() {
                    Incoming::Response
                } else {
                    Incoming::Rejected(Reject::Version(version))
                }
            }
            Err(reject) => match connection_of(bytes) {
                Some(connection) => Incoming::Packet(connection),
                None => Incoming::Rejected(reject),
            },
        }
    }

    fn handle_open(
        &mut self,
        now: Duration,
        source: SocketAddr,
        id: u64,
        open: &Open<'_>,
        random: &mut dyn FnMut() -> Option<[u8; 32]>,
        response: &mut Vec<u8>,
    ) -> Incoming {
        let made = self.cookies.verify(open.token, now, source, id);
        let Some(made) = made.filter(|&made| self.forgotten.is_none_or(|until| made > until))
        else {
            let token = self.cookies.token(now, source, id);
            Handshake::Challenge { token }.encode(id, response);
            return Incoming::Response;
        };
        self.forget(now);
        if self.ids.contains(&id) {
            return Incoming::Again(id);
        }
        let security = match (&self.access, open.message) {
            (Access::Open, None) if open.ciphers == Ciphers::NONE => Ok(None),
            (Access::Open, _) => Err(Code::NoCode),
            (Access::Code(_), None) => Err(Code::CodeRequired),
            (Access::Code(key), Some(message)) => {
                let opening = super::crypto::Opening {
                    version: VERSION,
                    id,
                    token: open.token,
                    ciphers: open.ciphers,
                };
                let Some(ephemeral) = random() else {
                    return Incoming::Rejected(Reject::Malformed);
                };
                let read = Responder::read(key, &opening, ephemeral, message);
                match (read, open.ciphers.choose(self.ciphers)) {
                    (Ok(responder), Some(cipher)) => Ok(Some((responder, cipher))),
                    _ => Err(Code::WrongCode),
                }
            }
        };
        match (security, random()) {
            (Ok(security), Some(random)) => {
                self.remember(made, id);
                Incoming::Open(Box::new(Opening {
                    id,
                    source,
                    security,
                    random,
                }))
            }
            (Ok(_), None) => Incoming::Rejected(Reject::Malformed),
            (Err(code), _) => {
                Handshake::Close(Close { code, reason: b"" }).encode(id, response);
                Incoming::Unauthorized(code)
            }
        }
    }

    fn remember(&mut self, made: u64, id: u64) {
        if self.remembered.len() >= MAX_REMEMBERED
            && let Some((oldest, since)) = self.remembered.pop_front()
        {
            self.ids.remove(&oldest);
            // Without a code, whoever copies an opening could as well make one.
            if matches!(self.access, Access::Code(_)) {
                self.forgotten = self.forgotten.max(Some(since));
            }
        }
        self.remembered.push_back((id, made));
        self.ids.insert(id);
    }

    /// Forgets openings whose tokens are no longer good.
    fn forget(&mut self, now: Duration) {
        while let Some(&(id, since)) = self.remembered.front()
            && now.as_secs().saturating_sub(since) > LIFETIME.as_secs()
        {
            self.remembered.pop_front();
            self.ids.remove(&id);
        }
    }

    /// The answer to a packet of an unknown connection, of `length` bytes; `false` for none. There
    /// are few a second, and none is longer than the packet.
    pub fn reply_to_unknown(
        &mut self,
        now: Duration,
        connection: u64,
        length: usize,
        response: &mut Vec<u8>,
    ) -> bool {
        if self.unknown.0 != now.as_secs() {
            self.unknown = (now.as_secs(), 0);
        }
        let close = Close {
            code: Code::Unknown,
            reason: b"",
        };
        Handshake::Close(close).encode(connection, response);
        // Whoever sends less than an answer takes none from others.
        if response.len() > length || self.unknown.1 >= MAX_UNKNOWN {
            return false;
        }
        self.unknown.1 += 1;
        true
    }
}

impl Opening {
    /// The id of the opening: the sender chose it.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The sender's address, which is proven.
    pub fn source(&self) -> SocketAddr {
        self.source
    }

    /// Whether the sender has proven that it has the code, and the transfer is encrypted.
    pub fn is_keyed(&self) -> bool {
        self.security.is_some()
    }

    /// Writes the frame that refuses the transfer into `response`.
    pub fn refuse(&self, code: Code, reason: &str, response: &mut Vec<u8>) {
        let reason = reason.as_bytes();
        Handshake::Close(Close { code, reason }).encode(self.id, response);
    }

    /// Agrees to the transfer; `None` if the handshake fails, which no sender can cause.
    pub fn accept(self, now: Duration, config: ReceiverConfig) -> Option<Receiver> {
        Receiver::new(
            now,
            self.id,
            self.source,
            self.security,
            self.random,
            config,
        )
    }
}
