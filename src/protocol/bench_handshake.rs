//! What a bench asks of a server before it floods it, and while it does: sans-IO.
//!
//! A question is [`LENGTH`] bytes, and its answer is no longer, so that a server cannot be made to
//! amplify what a forged sender asks. An answer repeats the question's nonce, 64 random bits, so that
//! only who received the question can give it. A server that was not told to allow a bench takes a
//! question for a datagram like any other; one that echoes it gives no consent by that, since an
//! answer is marked as such.
//!
//! | bytes | what |
//! | --- | --- |
//! | 0 to 6 | `udpraw?` |
//! | 7 | version: 1 |
//! | 8 | 1 a question, 2 its answer |
//! | 9 | in an answer, what becomes of other datagrams: [`Service`] |
//! | 10 and 11 | zero |
//! | 12 to 15 | in an answer, bytes of receive buffer, as `SO_RCVBUF` shows them |
//! | 16 to 23 | nonce |
//! | 24 to 31 | in an answer, datagrams received so far, questions left out |
//! | 32 to 39 | in an answer, datagrams that the receive buffer had no room for so far |
//!
//! Numbers are big-endian.
//!
//! ```
//! use udpraw::protocol::bench_handshake::{Answer, Question, Service};
//!
//! let question = Question { nonce: 0x1234_5678_9abc_def0 };
//! // The server:
//! let heard = Question::decode(&question.encode()).unwrap();
//! let nonce = heard.nonce;
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

/// "May I send you more than a trickle, and how much did you receive so far?"
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// Random, and repeated by the answer.
    pub nonce: u64,
}

/// What the server does with a datagram that is no question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Service {
    /// It receives and counts it.
    Sink,
    /// It sends it back as it came.
    Echo,
    /// It answers something else.
    Other,
}

/// "You may, and so much it was." There is no answer that says no: silence does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The question's.
    pub nonce: u64,
    /// What becomes of datagrams.
    pub service: Service,
    /// Bytes of each of its sockets' receive buffer, as `SO_RCVBUF` shows them; 0 if it cannot tell.
    pub buffer: u32,
    /// How many datagrams the server has received since it started, questions left out.
    pub received: u64,
    /// How many its receive buffers had no room for since it started
    /// ([`Endpoint::kernel_drops`](crate::socket::Endpoint::kernel_drops)).
    pub dropped: u64,
}

impl Question {
    /// As it is sent.
    pub fn encode(&self) -> [u8; LENGTH] {
        encode(QUESTION, self.nonce, &Rest::default())
    }

    /// The question that a datagram is; `None` for any other datagram, and for another version.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (nonce, rest) = decode(QUESTION, bytes)?;
        (rest == Rest::default()).then_some(Self { nonce })
    }

    /// The answer to this question that a datagram is; `None` for any other.
    pub fn answer(&self, bytes: &[u8]) -> Option<Answer> {
        Answer::decode(bytes).filter(|answer| answer.nonce == self.nonce)
    }
}

impl Answer {
    /// As it is sent.
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

    /// The answer that a datagram is, to whatever question; `None` for any other datagram.
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

/// What stands in a datagram besides its kind and its nonce.
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

/// Whether a datagram is an answer, of whatever version: it must not be answered.
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

        /// Whatever is read is written again byte for byte: nothing is passed over.
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
