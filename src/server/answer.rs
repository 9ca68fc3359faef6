//! The result of a handler.

use super::Request;

/// The answer to the sender of a datagram.
pub(super) struct Answer<'a> {
    pub(super) bytes: &'a [u8],
    /// The request and the text of the reply, if an event reports them once it is sent.
    pub(super) replied: Option<(Request<'a>, &'a [u8])>,
}

impl<'a> Answer<'a> {
    /// An answer whose sending is not an event.
    pub(super) fn untold(bytes: &'a [u8]) -> Self {
        let replied = None;
        Self { bytes, replied }
    }
}
