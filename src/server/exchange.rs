//! Datagrams as exchanges: each request done once by all desks of a server together.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::answer::Answer;
use super::{Event, Reply, Request, Unserved};
use crate::protocol::exchange::{Answered, Answerer, Heard, Limits, Served};

/// What one desk needs to serve exchanges.
///
/// The answers are shared by all desks: a flow whose client moves to another CPU reaches another
/// worker, which must know what the first one did.
#[derive(Debug)]
pub(super) struct Exchanges {
    answerer: Arc<Mutex<Answerer>>,
    /// The answer as it is sent.
    frame: Vec<u8>,
    scratch: Vec<u8>,
}

impl Exchanges {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            answerer: Arc::new(Mutex::new(Answerer::new(limits))),
            frame: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// The same exchanges at another desk.
    pub(super) fn beside(&self) -> Self {
        Self {
            answerer: self.answerer.clone(),
            frame: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// What all desks heard so far.
    pub(super) fn served(&self) -> Served {
        lock(&self.answerer).served()
    }

    /// Takes one datagram; the answer to send, if there shall be one.
    ///
    /// The answers stay locked until the reply is made, so that a repeat which reaches another desk
    /// meanwhile finds it.
    pub(super) fn answer<'a, E>(
        &'a mut self,
        datagram: &Request<'a>,
        reply: &Reply,
        observe: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<Option<Answer<'a>>, E> {
        let Self {
            answerer,
            frame,
            scratch,
        } = self;
        let mut answerer = lock(answerer);
        let why = match answerer.on_datagram(datagram.client, datagram.bytes, frame) {
            Heard::Request(pending, payload) => {
                let request = inner(datagram, pending.id(), payload);
                observe(&Event::Received(request))?;
                let text = reply.render(payload, payload.len(), scratch);
                let text = text.unwrap_or_default();
                return match answerer.answer(pending, text, frame) {
                    Answered::Whole => Ok(Some(Answer {
                        bytes: frame,
                        replied: Some((request, text)),
                    })),
                    Answered::TooLong => {
                        observe(&Event::TooLong(request, text.len()))?;
                        Ok(Some(Answer::untold(frame)))
                    }
                };
            }
            Heard::Repeat { id, payload, .. } => {
                observe(&Event::Repeated(inner(datagram, id, payload)))?;
                return Ok(Some(Answer::untold(frame)));
            }
            Heard::Unsupported(defect) => Unserved::Version(defect),
            Heard::Reused { .. } => Unserved::ReusedId,
            Heard::Answer(kind) => Unserved::Answer(kind),
            Heard::Rejected(defect) => Unserved::Defect(defect),
        };
        observe(&Event::Ignored(*datagram, why))?;
        Ok(Some(Answer::untold(frame)).filter(|answer| !answer.bytes.is_empty()))
    }
}

/// A worker that panicked while it held the answers has left them whole.
fn lock(answerer: &Mutex<Answerer>) -> MutexGuard<'_, Answerer> {
    answerer.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a frame carries, as if it had come by itself.
fn inner<'a>(datagram: &Request<'a>, id: u64, payload: &'a [u8]) -> Request<'a> {
    Request {
        exchange: Some(id),
        bytes: payload,
        length: payload.len(),
        ..*datagram
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::protocol::exchange::{Frame, Kind};

    #[test]
    fn a_desk_knows_what_another_did() {
        let mut first = Exchanges::new(Limits::default());
        let mut second = first.beside();
        let (mut bytes, kind) = (Vec::new(), Kind::Request);
        let payload = b"x";
        Frame {
            kind,
            id: 7,
            attempt: 1,
            payload,
        }
        .encode(&mut bytes);
        let datagram = Request {
            client: ([127, 0, 0, 1], 9).into(),
            exchange: None,
            bytes: &bytes,
            length: bytes.len(),
            is_truncated: false,
            hop_limit: None,
        };
        let mut told = Vec::new();
        let mut tell = |event: &Event<'_>| {
            told.push(format!("{event:?}"));
            Ok::<(), Error>(())
        };
        let answer = first.answer(&datagram, &Reply::length(), &mut tell);
        let one = answer.unwrap().unwrap().bytes.to_vec();
        let answer = second.answer(&datagram, &Reply::length(), &mut tell);
        assert_eq!(answer.unwrap().unwrap().bytes, one);
        assert_eq!(told.len(), 2);
        assert!(told[0].starts_with("Received") && told[1].starts_with("Repeated"));
        assert_eq!(first.served(), second.served());
    }
}
