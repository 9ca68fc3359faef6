//! The handshake between a bench and a server before a flood and during it: sans-IO.
//!
//! A question is [`LENGTH`] bytes, and its answer is no longer, so that a forged source cannot use
//! a server as an amplifier. An answer repeats the question's nonce, 64 random bits, so that only
//! the receiver of the question can give it. A server that does not allow a bench treats a question
//! like any other datagram; one that echoes it does not consent by that, since an answer is marked
//! as such.
//!
//! | bytes | content |
//! | --- | --- |
//! | 0 to 6 | `udpraw?` |
//! | 7 | version: 1 |
//! | 8 | 1 a question, 2 its answer |
//! | 9 | in an answer, what the server does with other datagrams: [`Service`] |
//! | 10 and 11 | zero |
//! | 12 to 15 | in an answer, bytes of receive buffer, as `SO_RCVBUF` shows them |
//! | 16 to 23 | nonce |
//! | 24 to 31 | in an answer, datagrams received so far, without questions |
//! | 32 to 39 | in an answer, datagrams dropped so far because the receive buffer was full |
//!
//! Numbers are big-endian.
//!
//! ```
//! use udpraw::protocol::bench_handshake::{Answer, Question, Service};
//!
//! let question = Question { nonce: 0x1234_5678_9abc_def0 };
//! // The server:
//! let received = Question::decode(&question.encode()).unwrap();
//! let nonce = received.nonce;
//! let answer = Answer { nonce, service: Service::Echo, buffer: 212_992, received: 0, dropped: 0 };
//! // The bench:
//! assert_eq!(question.answer(&answer.encode()), Some(answer));
//! assert_eq!(question.answer(&question.encode()), None);
//! ```

/// The length in bytes of a question, and of an answer.
pub const LENGTH: usize = 40;

const MAGIC: [u8; 7] = *b"udpraw?";
const VERSION: u8 = 1;
const QUESTION: u8 = 1;
const ANSWER: u8 = 2;

/// Asks for consent to a flood, and how many datagrams have arrived so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// Random, and repeated by the answer.
    pub nonce: u64,
}

/// What the server does with a datagram that is not a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Service {
    /// It receives and counts it.
    Sink,
    /// It sends it back unchanged.
    Echo,
    /// It answers with something else.
    Other,
}

/// Consent, with the counts so far. There is no refusal: a server that does not consent stays
/// silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The nonce of the question.
    pub nonce: u64,
    /// What the server does with other datagrams.
    pub service: Service,
    /// Bytes of the receive buffer of each of its sockets, as `SO_RCVBUF` shows them; 0 if unknown.
    pub buffer: u32,
    /// How many datagrams the server has received since it started, without questions.
    pub received: u64,
    /// How many datagrams its receive buffers dropped since it started
    /// ([`Endpoint::kernel_drops`](crate::socket::Endpoint::kernel_drops)).
    pub dropped: u64,
}

impl Question {
    /// Encodes it as a datagram.
    pub fn encode(&self) -> [u8; LENGTH] {
        encode(QUESTION, self.nonce, &Rest::default())
    }

    /// Decodes a question; `None` for any other datagram, and for another version.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (nonce, rest) = decode(QUESTION, bytes)?;
        (rest == Rest::default()).then_some(Self { nonce })
    }

    /// Decodes the answer to this question; `None` for any other datagram.
    pub fn answer(&self, bytes: &[u8]) -> Option<Answer> {
        Answer::decode(bytes).filter(|answer| answer.nonce == self.nonce)
    }
}

impl Answer {
    /// Encodes it as a datagram.
    pub fn encode(&self) -> [u8; LENGTH] {
        let service = match self.service {
            Service::Sink => 1,
            Service::Echo => 2,
            Service::Other => 3,
        };
        let rest = Rest {
            service,
            buffer: self.buffer,
            counts: [self.received, self.dropped],
        };
        encode(ANSWER, self.nonce, &rest)
    }

    /// Decodes an answer to any question; `None` for any other datagram.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (nonce, rest) = decode(ANSWER, bytes)?;
        let service = match rest.service {
            1 => Service::Sink,
            2 => Service::Echo,
            3 => Service::Other,
            _ => return None,
        };
        let [received, dropped] = rest.counts;
        Some(Self {
            nonce,
            service,
            buffer: rest.buffer,
            received,
            dropped,
        })
    }
}

/// The fields of a datagram besides its kind and its nonce.
#[derive(Default, PartialEq, Eq)]
struct Rest {
    service: u8,
    buffer: u32,
    counts: [u64; 2],
}

fn encode(kind: u8, nonce: u64, rest: &Rest) -> [u8; LENGTH] {
    let [received, dropped] = rest.counts;
    let mut bytes = [0; LENGTH];
    bytes[..7].copy_from_slice(&MAGIC);
    bytes[7..10].copy_from_slice(&[VERSION, kind, rest.service]);
    bytes[12..16].copy_from_slice(&rest.buffer.to_be_bytes());
    bytes[16..24].copy_from_slice(&nonce.to_be_bytes());
    bytes[24..32].copy_from_slice(&received.to_be_bytes());
    bytes[32..].copy_from_slice(&dropped.to_be_bytes());
    bytes
}

fn decode(kind: u8, bytes: &[u8]) -> Option<(u64, Rest)> {
    let bytes: &[u8; LENGTH] = bytes.try_into().ok()?;
    let (head, numbers) = bytes.split_first_chunk::<16>()?;
    let [magic @ .., version, is, service, 0, 0, a, b, c, d] = head else {
        return None;
    };
    if *magic != MAGIC || (*version, *is) != (VERSION, kind) {
        return None;
    }
    let (nonce, numbers) = numbers.split_first_chunk()?;
    let (received, dropped) = numbers.split_first_chunk()?;
    let rest = Rest {
        service: *service,
        buffer: u32::from_be_bytes([*a, *b, *c, *d]),
        counts: [
            u64::from_be_bytes(*received),
            u64::from_be_bytes(*dropped.first_chunk()?),
        ],
    };
    Some((u64::from_be_bytes(*nonce), rest))
}

/// Whether a datagram is an answer, of any version: it must not be answered.
pub fn is_answer(bytes: &[u8]) -> bool {
    bytes.len() == LENGTH && bytes.starts_with(&MAGIC) && bytes[8] == ANSWER
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn service() -> impl Strategy<Value = Service> {
        prop::sample::select(vec![Service::Sink, Service::Echo, Service::Other])
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(nonce: u64, service in service(), buffer: u32, received: u64, dropped: u64) {
            let question = Question { nonce };
            prop_assert_eq!(Question::decode(&question.encode()), Some(question));
            prop_assert_eq!(Answer::decode(&question.encode()), None);
            let answer = Answer { nonce, service, buffer, received, dropped };
            prop_assert_eq!(Answer::decode(&answer.encode()), Some(answer));
            prop_assert_eq!(Question::decode(&answer.encode()), None);
            prop_assert_eq!(question.answer(&answer.encode()), Some(answer));
            let other = Question { nonce: nonce ^ 1 };
            prop_assert_eq!(other.answer(&answer.encode()), None);
        }

        /// Everything decoded is encoded again byte for byte: nothing is skipped.
        #[test]
        fn a_changed_byte_is_no_question(nonce: u64, at in 0..LENGTH, change in 1..=255_u8) {
            let mut bytes = Question { nonce }.encode();
            bytes[at] ^= change;
            if let Some(question) = Question::decode(&bytes) {
                prop_assert_eq!(question.encode(), bytes);
            }
            if let Some(answer) = Answer::decode(&bytes) {
                prop_assert_eq!(answer.encode(), bytes);
            }
        }

        #[test]
        fn any_other_datagram_is_none(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            prop_assert_eq!(Question::decode(&bytes), None);
            prop_assert_eq!(Answer::decode(&bytes), None);
        }
    }

    #[test]
    fn an_answer_is_no_longer_than_its_question() {
        let question = Question { nonce: 7 };
        let answer = Answer {
            nonce: 7,
            service: Service::Sink,
            buffer: u32::MAX,
            received: u64::MAX,
            dropped: u64::MAX,
        };
        assert!(answer.encode().len() <= question.encode().len());
        let mut longer = question.encode().to_vec();
        longer.push(0);
        assert_eq!(Question::decode(&longer), None);
        assert_eq!(Question::decode(&longer[..LENGTH - 1]), None);
    }
}
