//! The listening socket's state machine: it handles datagrams before a transfer exists.

use std::net::SocketAddr;
use std::time::Duration;

use super::cookie::Cookies;
use super::frame::{self, Close, Code, Decoded, Frame, Open, Reject, VERSION};

/// Answers senders whose address is not proven yet, and stores nothing about them.
///
/// No answer is longer than its question, so that it cannot be used as an amplifier.
#[derive(Debug)]
pub struct Listener {
    cookies: Cookies,
}

/// The meaning of a datagram for the receiving end.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Incoming<'a> {
    /// The response has been written; send it.
    Response,
    /// A sender with a proven address requests a transfer, perhaps again.
    Open(u64, Open<'a>),
    /// A frame of a transfer.
    Frame(Decoded<'a>),
    /// It is not answered.
    Rejected(Reject),
}

impl Listener {
    /// A listener with its own key, which must be random.
    pub fn new(key: [u8; 16]) -> Self {
        Self {
            cookies: Cookies::new(key),
        }
    }

    /// Processes a datagram; writes a response into `response` if one is due.
    pub fn handle_datagram<'a>(
        &self,
        now: Duration,
        source: SocketAddr,
        bytes: &'a [u8],
        response: &mut Vec<u8>,
    ) -> Incoming<'a> {
        match frame::decode(bytes) {
            Ok(Decoded {
                id,
                frame: Frame::Open(open),
            }) => {
                if self.cookies.is_good(open.token, now, source, id) {
                    return Incoming::Open(id, open);
                }
                let token = self.cookies.token(now, source, id);
                Frame::Challenge { token }.encode(id, response);
                Incoming::Response
            }
            Ok(decoded) => Incoming::Frame(decoded),
            Err(Reject::Version { id, version }) => {
                Frame::Versions(&[VERSION]).encode(id, response);
                if response.len() <= bytes.len() {
                    Incoming::Response
                } else {
                    Incoming::Rejected(Reject::Version { id, version })
                }
            }
            Err(reject) => Incoming::Rejected(reject),
        }
    }

    /// The answer to a frame of an unknown transfer; `false` for none: only a frame that expects an
    /// answer gets one, and none is longer than the frame.
    pub fn reply_to_unknown(&self, decoded: &Decoded<'_>, response: &mut Vec<u8>) -> bool {
        let code = Code::Unknown;
        let close = Close { code, reason: b"" };
        Frame::Close(close).encode(decoded.id, response);
        matches!(
            decoded.frame,
            Frame::Data(_) | Frame::End(_) | Frame::Probe { .. }
        )
    }
}
