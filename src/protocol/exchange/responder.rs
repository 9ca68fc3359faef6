//! The server's side of an exchange.

use std::net::SocketAddr;

use super::cache::{Cache, Fingerprint, Key, Limits};
use super::frame::{Defect, Frame, HEADER, Kind, MAX_PAYLOAD, SPOKEN};

/// How many times the received bytes may be sent to an unvalidated address (RFC 9000 section 8).
const AMPLIFICATION_LIMIT: usize = 3;
/// Headers of IPv4 and UDP, which count too. Those of IPv6 are longer: there the factor is smaller.
const HEADERS: usize = 28;

/// Executes each request once, as far as its bounded memory reaches, and answers only requests.
///
/// See the [module](super) for the guarantees. All its memory is allocated when it is made.
///
/// ```
/// use udpraw::protocol::exchange::{Defect, Incoming, Limits, Responder};
///
/// let mut responder = Responder::new(Limits::default());
/// let mut response = Vec::new();
/// let source = "127.0.0.1:53322".parse()?;
/// let incoming = responder.handle_datagram(source, b"no frame", &mut response);
/// assert_eq!(incoming, Incoming::Rejected(Defect::Foreign));
/// assert!(response.is_empty());
/// assert_eq!(responder.served().foreign, 1);
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Debug)]
pub struct Responder {
    cache: Cache,
    served: Served,
}

/// What a responder has received and done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Served {
    /// Requests that arrived for the first time.
    pub requests: u64,
    /// Retransmissions, answered from the cache.
    pub repeats: u64,
    /// Requests whose reply was too long for them, without retransmissions.
    pub too_long: u64,
    /// Requests of another version, each answered with the list of supported ones.
    pub unsupported: u64,
    /// Answers, which are never answered.
    pub answers: u64,
    /// Other requests with the id of an earlier one of the same sender: ignored.
    pub reused: u64,
    /// Truncated frames, or with a wrong checksum: ignored.
    pub damaged: u64,
    /// Datagrams that are not frames, or of an unknown kind: ignored.
    pub foreign: u64,
    /// Answers evicted for newer ones: a retransmission of such a request would be executed again.
    pub evicted: u64,
}

/// The meaning of a datagram for a responder.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Incoming<'a> {
    /// A request and its payload: execute it, and pass its reply to [`Responder::reply`].
    Request(Pending, &'a [u8]),
    /// A request that was executed before: send the cached answer again, with this attempt's
    /// number.
    Repeat {
        /// Its id.
        id: u64,
        /// The number of the attempt, from 1 on.
        attempt: u32,
        /// The payload.
        payload: &'a [u8],
    },
    /// A request of an unsupported version: the answer that says so must be sent.
    Unsupported(Defect),
    /// A request with the id of another one of the same sender: nothing is sent.
    Reused {
        /// Its id.
        id: u64,
    },
    /// An answer: nothing is sent, ever.
    Answer(Kind),
    /// Not a frame: nothing is sent.
    Rejected(Defect),
}

/// A request in execution: proof that it was received, and to be answered once.
#[derive(Debug, PartialEq, Eq)]
pub struct Pending {
    key: Key,
    fingerprint: Fingerprint,
    attempt: u32,
}

impl Pending {
    /// The address of the client.
    pub fn source(&self) -> SocketAddr {
        self.key.0
    }

    /// Its id.
    pub fn id(&self) -> u64 {
        self.key.1
    }

    /// The number of the attempt, from 1 on: the first that arrived.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The longest reply that is allowed, in bytes.
    pub fn max_reply(&self) -> usize {
        max_response(self.fingerprint.length).min(MAX_PAYLOAD + HEADER) - HEADER
    }
}

/// What happened to a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Replied {
    /// The response carries it.
    InFull,
    /// It is too long for its request; the response says so.
    TooLong,
}

/// The longest response to a datagram of `length` bytes.
fn max_response(length: usize) -> usize {
    AMPLIFICATION_LIMIT * (HEADERS + length) - HEADERS
}

impl Responder {
    /// A responder with these cache limits.
    pub fn new(limits: Limits) -> Self {
        Self {
            cache: Cache::new(limits),
            served: Served::default(),
        }
    }

    /// Processes a datagram. What must be sent at once is written to `response`, which is cleared
    /// otherwise. There is no `now`: nothing here depends on the time.
    pub fn handle_datagram<'a>(
        &mut self,
        source: SocketAddr,
        bytes: &'a [u8],
        response: &mut Vec<u8>,
    ) -> Incoming<'a> {
        response.clear();
        let frame = match Frame::parse(bytes) {
            Ok(frame) => frame,
            // The kind of a request is the same in every version.
            Err(defect @ Defect::Unknown { version, kind, id })
                if kind == Kind::Request as u8 && !SPOKEN.contains(&version) =>
            {
                self.served.unsupported += 1;
                Frame {
                    kind: Kind::Unsupported,
                    id,
                    attempt: 0,
                    payload: &SPOKEN,
                }
                .encode(response);
                return Incoming::Unsupported(defect);
            }
            Err(defect @ (Defect::Truncated | Defect::Corrupt)) => {
                self.served.damaged += 1;
                return Incoming::Rejected(defect);
            }
            Err(defect) => {
                self.served.foreign += 1;
                return Incoming::Rejected(defect);
            }
        };
        if frame.kind != Kind::Request {
            self.served.answers += 1;
            return Incoming::Answer(frame.kind);
        }
        let Frame { id, attempt, .. } = frame;
        let key = (source, id);
        let fingerprint = Fingerprint {
            length: bytes.len(),
            checksum: frame.fingerprint(),
        };
        match self.cache.get(&key) {
            // Of the same length, so that the answer is not too long for this one either.
            Some((earlier, earlier_response)) if earlier == fingerprint => {
                self.served.repeats += 1;
                response.extend_from_slice(earlier_response);
                Frame::renumber(response, attempt);
                Incoming::Repeat {
                    id,
                    attempt,
                    payload: frame.payload,
                }
            }
            Some(_) => {
                self.served.reused += 1;
                Incoming::Reused { id }
            }
            None => {
                self.served.requests += 1;
                let pending = Pending {
                    key,
                    fingerprint,
                    attempt,
                };
                Incoming::Request(pending, frame.payload)
            }
        }
    }

    /// Takes the reply to an executed request, remembers it, and writes what must be sent to
    /// `response`.
    pub fn reply(&mut self, request: Pending, reply: &[u8], response: &mut Vec<u8>) -> Replied {
        let replied = if reply.len() <= request.max_reply() {
            Replied::InFull
        } else {
            Replied::TooLong
        };
        let length = u32::try_from(reply.len()).unwrap_or(u32::MAX).to_be_bytes();
        let (kind, payload) = match replied {
            Replied::InFull => (Kind::Reply, reply),
            Replied::TooLong => (Kind::TooLong, &length[..]),
        };
        self.served.too_long += u64::from(replied == Replied::TooLong);
        Frame {
            kind,
            id: request.id(),
            attempt: request.attempt,
            payload,
        }
        .encode(response);
        // The caller may have received a retransmission before this answer, and taken it for a new
        // request.
        if self.cache.get(&request.key).is_none() {
            self.served.evicted += self.cache.put(request.key, request.fingerprint, response);
        }
        replied
    }

    /// What it has received and done so far.
    pub fn served(&self) -> Served {
        self.served
    }

    /// How many answers it remembers, and how many bytes of memory it allocated for them when it
    /// was made; it allocates no more.
    pub fn size(&self) -> (usize, usize) {
        self.cache.size()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn attempt(attempt: u32, id: u64, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        Frame {
            kind: Kind::Request,
            id,
            attempt,
            payload,
        }
        .encode(&mut bytes);
        bytes
    }

    fn request(id: u64, payload: &[u8]) -> Vec<u8> {
        attempt(1, id, payload)
    }

    fn source(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    /// Serves a datagram; the answer, and whether the request was executed for it.
    fn serve(responder: &mut Responder, from: u16, bytes: &[u8], reply: &[u8]) -> (Vec<u8>, bool) {
        let mut answer = vec![1; 9];
        match responder.handle_datagram(source(from), bytes, &mut answer) {
            Incoming::Request(pending, _) => {
                responder.reply(pending, reply, &mut answer);
                (answer, true)
            }
            _ => (answer, false),
        }
    }

    proptest! {
        /// RFC 9000 section 8, headers included; and the textbook's reply fits any request.
        #[test]
        fn never_more_than_three_times_what_came(payload in prop::collection::vec(any::<u8>(), 0..400), reply in prop::collection::vec(any::<u8>(), 0..2_000), noise in prop::collection::vec(any::<u8>(), 0..80), version: u8) {
            let mut responder = Responder::new(Limits::default());
            let mut whole = request(7, &payload);
            for _ in 0..2 {
                let (answer, _) = serve(&mut responder, 1, &whole, &reply);
                prop_assert!(28 + answer.len() <= 3 * (28 + whole.len()));
                let kind = Frame::parse(&answer).unwrap().kind;
                let fits = 52 + reply.len() <= 3 * (52 + payload.len());
                // 3 x 52 - 52 bytes at least, well above the textbook's 31 or fewer.
                prop_assert_eq!(kind == Kind::Reply, fits);
            }
            whole[4] = version;
            for bytes in [&whole, &noise] {
                let (answer, _) = serve(&mut responder, 2, bytes, &reply);
                prop_assert!(answer.is_empty() || 28 + answer.len() <= 3 * (28 + bytes.len()));
            }
        }
    }

    #[test]
    fn a_repeat_gets_the_same_answer_and_is_not_done() {
        let mut responder = Responder::new(Limits::default());
        let bytes = request(7, b"x");
        let (first, done) = serve(&mut responder, 1, &bytes, b"one");
        assert!(done);
        assert_eq!(
            serve(&mut responder, 1, &bytes, b"two"),
            (first.clone(), false)
        );
        // The same id from another client, and another request with the same id.
        assert!(serve(&mut responder, 2, &bytes, b"two").1);
        assert_eq!(
            serve(&mut responder, 1, &request(7, b"y"), b"3"),
            (vec![], false)
        );
        let served = responder.served();
        assert_eq!((served.requests, served.repeats, served.reused), (2, 1, 1));
        // Two were taken before either was answered: the first answer is the one that counts.
        let (mut a, mut b) = (Vec::new(), Vec::new());
        let bytes = request(8, b"");
        let incoming = [(); 2].map(|()| responder.handle_datagram(source(1), &bytes, &mut a));
        let [Incoming::Request(first, _), Incoming::Request(second, _)] = incoming else {
            panic!("{incoming:?}")
        };
        responder.reply(first, b"one", &mut a);
        responder.reply(second, b"two", &mut b);
        assert_eq!(serve(&mut responder, 1, &bytes, b""), (a, false));
    }

    #[test]
    fn an_answer_names_the_attempt_that_it_answers() {
        let mut responder = Responder::new(Limits::default());
        // The third arrives first, and the first last. What was too long stays so.
        for (id, reply, kind) in [(7, &b"r"[..], Kind::Reply), (8, &[0; 999], Kind::TooLong)] {
            let payload = |bytes: &[u8]| Frame::parse(bytes).unwrap().payload.to_vec();
            let mut first = None;
            for number in [3, 1, 2, 2, u32::MAX, 0] {
                let bytes = attempt(number, id, b"x");
                let (answer, done) = serve(&mut responder, 1, &bytes, reply);
                assert_eq!(done, first.is_none());
                let frame = Frame::parse(&answer).unwrap();
                assert_eq!((frame.kind, frame.id, frame.attempt), (kind, id, number));
                assert_eq!(first.get_or_insert_with(|| payload(&answer)), frame.payload);
            }
        }
        let served = responder.served();
        assert_eq!((served.requests, served.repeats, served.reused), (2, 10, 0));
    }

    #[test]
    fn what_was_given_up_is_told() {
        let mut responder = Responder::new(Limits {
            entries: 2,
            bytes: 0,
        });
        for id in 1..=3 {
            serve(&mut responder, 1, &request(id, b""), b"");
        }
        assert_eq!((responder.served().evicted, responder.size().0), (1, 2));
        assert!(!serve(&mut responder, 1, &request(3, b""), b"").1);
        assert!(serve(&mut responder, 1, &request(1, b""), b"").1);
    }

    #[test]
    fn two_responders_that_receive_each_others_replies_fall_silent() {
        let mut ends = [(); 2].map(|()| Responder::new(Limits::default()));
        let other = |version, kind| {
            let mut bytes = request(9, b"ping");
            bytes[4..6].copy_from_slice(&[version, kind]);
            let sum = crc32c::crc32c_append(crc32c::crc32c(&bytes[..16]), &bytes[20..]);
            bytes[16..20].copy_from_slice(&sum.to_be_bytes());
            bytes
        };
        // One that is answered, one whose reply is too long, one of another version; and a frame
        // that is not a request in another version, or unknown in this one.
        for (start, reply, turns) in [
            (request(1, b"ping"), &b"pong"[..], 1),
            (request(2, b""), &[0; 999], 1),
            (other(200, 1), b"", 1),
            (other(200, 2), b"", 0),
            (other(200, 4), b"", 0),
            (other(1, 1), b"", 1),
            (other(2, 9), b"", 0),
        ] {
            let mut at = start;
            let mut sent = 0;
            for turn in 0..9 {
                // Each takes the other for its client, as after a request with a forged source.
                at = serve(&mut ends[turn % 2], 7, &at, reply).0;
                if at.is_empty() {
                    break;
                }
                sent += 1;
            }
            assert_eq!(sent, turns, "one answer, and no answer to the answer");
        }
        assert_eq!(ends[1].served().answers, 4);
        assert_eq!(ends[0].served().unsupported, 2);
    }
}
