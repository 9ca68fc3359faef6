//! Which question an answer belongs to.

use std::collections::VecDeque;

use super::config::{IdField, Payload, Template};
use crate::protocol::load::{Header, Kind, Visit, answered};

/// How many questions of another protocol can wait for their answers: as many as two bytes can number.
const OPEN: usize = 1 << 16;

/// An answer, and the question that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answered {
    /// The question's number in its flow.
    pub(super) number: u64,
    /// When it was due, and when it was sent.
    pub(super) due: u64,
    pub(super) sent: u64,
    /// What the peer told of it, if it did; of what the peer sent by itself, when it did.
    pub(super) peer: Option<Visit>,
}

impl Answered {
    /// Whether it is no answer, but what the peer sent by itself.
    pub(super) fn is_of_peer(&self) -> bool {
        self.peer.is_some_and(|visit| visit.arrived == self.sent)
    }
}

/// A question that waits for its answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    id: u64,
    flow: u32,
    question: Answered,
}

/// Writes questions, and finds what an answer belongs to.
#[derive(Debug)]
pub(super) enum Matcher {
    /// An answer has it in itself.
    Own {
        session: u64,
        kind: Kind,
        answer: Kind,
    },
    /// By an id, in the last questions.
    ById {
        template: Template,
        id: IdField,
        next: u64,
        open: Vec<Option<Open>>,
    },
    /// By order, of each flow.
    ByOrder {
        template: Template,
        open: Vec<VecDeque<Answered>>,
    },
}

impl Matcher {
    /// `kind` is that of our datagrams, and `answer` that of their answers.
    pub(super) fn new(
        payload: &Payload,
        flows: usize,
        session: u64,
        kind: Kind,
        answer: Kind,
    ) -> Self {
        let template = match payload {
            Payload::Own => {
                return Self::Own {
                    session,
                    kind,
                    answer,
                };
            }
            Payload::Template(template) => template.clone(),
        };
        match template.id {
            Some(id) => Self::ById {
                template,
                id: IdField {
                    length: id.length.clamp(2, 8),
                    ..id
                },
                // Ids of another run do not match these.
                next: session << 16,
                open: vec![None; OPEN],
            },
            None => Self::ByOrder {
                template,
                open: vec![VecDeque::new(); flows],
            },
        }
    }

    /// Writes the question `question` of a flow into `buffer`, which has its length.
    pub(super) fn write(&mut self, flow: usize, question: Answered, buffer: &mut [u8]) {
        match self {
            Self::Own { session, kind, .. } => {
                let header = Header {
                    kind: *kind,
                    is_last: false,
                    session: *session,
                    number: question.number,
                    due: question.due,
                    sent: question.sent,
                };
                header.write(buffer);
            }
            Self::ById {
                template,
                id,
                next,
                open,
            } => {
                copy(buffer, &template.bytes);
                let number = *next & mask(id.length);
                *next = next.wrapping_add(1);
                if let Some(field) = buffer.get_mut(id.question..id.question + id.length) {
                    field.copy_from_slice(&number.to_be_bytes()[8 - id.length..]);
                }
                open[number as usize % OPEN] = Some(Open {
                    id: number,
                    flow: flow as u32,
                    question,
                });
            }
            Self::ByOrder { template, open } => {
                copy(buffer, &template.bytes);
                let open = &mut open[flow];
                if open.len() == OPEN {
                    open.pop_front();
                }
                open.push_back(question);
            }
        }
    }

    /// The question that a datagram answers; `None` if it answers none.
    pub(super) fn read(&mut self, flow: usize, datagram: &[u8]) -> Option<Answered> {
        match self {
            Self::Own {
                session, answer, ..
            } => {
                let header = Header::read(datagram)?;
                if header.session != *session || header.kind != *answer {
                    return None;
                }
                let peer = match header.kind {
                    Kind::Answer => answered(datagram),
                    Kind::Reverse => Some(Visit {
                        arrived: header.sent,
                        left: header.sent,
                        number: header.number,
                    }),
                    _ => None,
                };
                Some(Answered {
                    number: header.number,
                    due: header.due,
                    sent: header.sent,
                    peer,
                })
            }
            Self::ById { id, open, .. } => {
                let field = datagram.get(id.answer..id.answer + id.length)?;
                let number = field
                    .iter()
                    .fold(0, |number, byte| number << 8 | u64::from(*byte));
                // It stays, so that a second answer is seen as such.
                let found = open[number as usize % OPEN]?;
                (found.id == number && found.flow as usize == flow).then_some(found.question)
            }
            Self::ByOrder { open, .. } => open.get_mut(flow)?.pop_front(),
        }
    }
}

fn copy(buffer: &mut [u8], bytes: &[u8]) {
    let length = buffer.len().min(bytes.len());
    buffer[..length].copy_from_slice(&bytes[..length]);
}

/// Every number of the given length in bytes, 2 to 8.
fn mask(bytes: usize) -> u64 {
    u64::MAX >> (64 - 8 * bytes.clamp(1, 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(number: u64) -> Answered {
        Answered {
            number,
            due: number * 10,
            sent: number * 10 + 1,
            peer: None,
        }
    }

    fn matcher(id: Option<IdField>) -> Matcher {
        let bytes = vec![7; 48];
        let payload = Payload::Template(Template { bytes, id });
        Matcher::new(&payload, 2, 99, Kind::Load, Kind::Load)
    }

    #[test]
    fn an_id_finds_its_question_on_its_flow() {
        for id in [IdField::DNS, IdField::NTP] {
            let mut matcher = matcher(Some(id));
            let mut answers = Vec::new();
            for number in 0..70_000 {
                let mut buffer = vec![0; 48];
                matcher.write(0, question(number), &mut buffer);
                let mut answer = vec![0; 48];
                answer[id.answer..id.answer + id.length]
                    .copy_from_slice(&buffer[id.question..id.question + id.length]);
                answers.push(answer);
            }
            assert_eq!(matcher.read(0, &answers[69_999]), Some(question(69_999)));
            assert_eq!(
                matcher.read(0, &answers[69_999]),
                Some(question(69_999)),
                "a copy"
            );
            assert_eq!(matcher.read(1, &answers[69_999]), None, "another flow");
            assert_eq!(matcher.read(0, &answers[69_999][..1]), None);
            if id == IdField::NTP {
                assert_eq!(matcher.read(0, &answers[0]), None, "too old");
            }
        }
    }

    #[test]
    fn without_an_id_the_oldest_is_answered() {
        let mut matcher = matcher(None);
        for number in 0..3 {
            matcher.write(1, question(number), &mut [0; 48]);
        }
        assert_eq!(matcher.read(1, b""), Some(question(0)));
        assert_eq!(matcher.read(0, b""), None);
        assert_eq!(matcher.read(1, b"x"), Some(question(1)));
    }

    #[test]
    fn own_datagrams_are_of_the_session() {
        let mut own = Matcher::new(&Payload::Own, 1, 5, Kind::Load, Kind::Load);
        let mut buffer = [0; 64];
        own.write(0, question(3), &mut buffer);
        assert_eq!(own.read(0, &buffer), Some(question(3)));
        let mut other = Matcher::new(&Payload::Own, 1, 6, Kind::Load, Kind::Load);
        assert_eq!(other.read(0, &buffer), None);
        let mut of_server = Matcher::new(&Payload::Own, 1, 5, Kind::Load, Kind::Answer);
        assert_eq!(of_server.read(0, &buffer), None);
    }
}
