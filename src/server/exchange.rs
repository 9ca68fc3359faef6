//! Exchanges on a server: each request is executed once by all workers together.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::answer::Answer;
use super::{Event, Reply, Request, Unserved};
use crate::protocol::exchange::{Incoming, Limits, Replied, Responder, Served as Counts};

/// The state of one handler for exchanges.
///
/// All workers share the answers: a flow whose client moves to another CPU reaches another worker,
/// which must know what the first one did.
#[derive(Debug)]
pub(super) struct Exchanges {
    responder: Arc<Mutex<Responder>>,
    /// The encoded answer.
    frame: Vec<u8>,
    scratch: Vec<u8>,
}

/// The counters of exchanges, for other threads.
#[derive(Clone, Debug)]
pub(super) struct Served(Arc<Mutex<Responder>>);

impl Served {
    pub(super) fn get(&self) -> Counts {
        lock(&self.0).served()
    }
}

impl Exchanges {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            responder: Arc::new(Mutex::new(Responder::new(limits))),
            frame: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// The same exchanges for another handler.
    pub(super) fn for_worker(&self) -> Self {
        Self {
            responder: self.responder.clone(),
            frame: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// The counters of all workers.
    pub(super) fn served(&self) -> Counts {
        self.observed().get()
    }

    /// The counters of all workers, for other threads.
    pub(super) fn observed(&self) -> Served {
        Served(self.responder.clone())
    }

    /// Handles one datagram; returns the answer to send, if any.
    ///
    /// The answers stay locked until the reply is made, so that a retransmission that reaches
    /// another handler meanwhile finds it.
    pub(super) fn answer<'a, E>(
        &'a mut self,
        datagram: &Request<'a>,
        reply: &Reply,
        on_event: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<Option<Answer<'a>>, E> {
        let Self {
            responder,
            frame,
            scratch,
        } = self;
        let mut responder = lock(responder);
        let why = match responder.handle_datagram(datagram.client, datagram.bytes, frame) {
            Incoming::Request(pending, payload) => {
                let request = inner(datagram, pending.id(), payload);
                on_event(&Event::Received(request))?;
                let text = reply.render(payload, payload.len(), scratch);
                let text = text.unwrap_or_default();
                return match responder.reply(pending, text, frame) {
                    Replied::InFull => Ok(Some(Answer {
                        bytes: frame,
                        replied: Some((request, text)),
                    })),
                    Replied::TooLong => {
                        on_event(&Event::TooLong(request, text.len()))?;
                        Ok(Some(Answer::untold(frame)))
                    }
                };
            }
            Incoming::Repeat { id, payload, .. } => {
                on_event(&Event::Repeated(inner(datagram, id, payload)))?;
                return Ok(Some(Answer::untold(frame)));
            }
            Incoming::Unsupported(defect) => Unserved::Version(defect),
            Incoming::Reused { .. } => Unserved::ReusedId,
            Incoming::Answer(kind) => Unserved::Answer(kind),
            Incoming::Rejected(defect) => Unserved::Defect(defect),
        };
        on_event(&Event::Ignored(*datagram, why))?;
        Ok(Some(Answer::untold(frame)).filter(|answer| !answer.bytes.is_empty()))
    }
}

/// A worker that panicked while it held the lock has left the answers complete.
fn lock(responder: &Mutex<Responder>) -> MutexGuard<'_, Responder> {
    responder.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The payload of a frame, as a request of its own.
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
    use crate::socket::ControlMessages;

    #[test]
    fn a_desk_knows_what_another_did() {
        let mut first = Exchanges::new(Limits::default());
        let mut second = first.for_worker();
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
            control: ControlMessages::new(&[]),
            is_control_truncated: false,
        };
        let mut reported = Vec::new();
        let mut tell = |event: &Event<'_>| {
            reported.push(format!("{event:?}"));
            Ok::<(), Error>(())
        };
        let answer = first.answer(&datagram, &Reply::length(), &mut tell);
        let one = answer.unwrap().unwrap().bytes.to_vec();
        let answer = second.answer(&datagram, &Reply::length(), &mut tell);
        assert_eq!(answer.unwrap().unwrap().bytes, one);
        assert_eq!(reported.len(), 2);
        assert!(reported[0].starts_with("Received") && reported[1].starts_with("Repeated"));
        assert_eq!(first.served(), second.served());
    }
}
