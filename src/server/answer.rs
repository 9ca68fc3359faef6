//! What leaves a handler.

use super::Request;

/// What is to be sent to who sent a datagram.
pub(super) struct Answer<'a> {
    pub(super) bytes: &'a [u8],
    /// What the request was and what the reply says, where this is to be told once it is sent.
    pub(super) replied: Option<(Request<'a>, &'a [u8])>,
}

impl<'a> Answer<'a> {
    /// One whose sending is no event of its own.
    pub(super) fn untold(bytes: &'a [u8]) -> Self {
        let replied = None;
        Self { bytes, replied }
    }
}
