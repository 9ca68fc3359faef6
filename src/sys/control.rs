//! Control messages (`cmsg(3)`): the ancillary data of a datagram, read and written without a pointer.
//!
//! A control buffer is a sequence of messages: a `size_t` length that includes the header, an `int`
//! level, an `int` type, the payload, and padding to the size of a `size_t`.
//!
//! The kernel counts the padding (`CMSG_SPACE`) but does not write it (`CMSG_LEN`): a buffer must be
//! initialized before it is passed to the kernel, or the counted bytes are not a valid `&[u8]`.

use std::mem::size_of;

const WORD: usize = size_of::<usize>();
const HEADER: usize = align(WORD + 2 * size_of::<i32>());

const fn align(length: usize) -> usize {
    (length + WORD - 1) & !(WORD - 1)
}

/// The space of one message with a payload of `length` bytes (`CMSG_SPACE`).
pub(crate) const fn space(length: usize) -> usize {
    HEADER + align(length)
}

/// One control message: its level, its type and its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    pub(crate) level: i32,
    pub(crate) kind: i32,
    pub(crate) payload: &'a [u8],
}

impl Message<'_> {
    /// The payload's first four bytes as an `int`, or its single byte as one (IP_RECVTOS sends a byte).
    pub(crate) fn int(&self) -> Option<i32> {
        match self.payload {
            [byte] => Some(i32::from(*byte)),
            longer => longer.first_chunk().map(|bytes| i32::from_ne_bytes(*bytes)),
        }
    }
}

/// The messages in a control buffer. A message with an invalid length ends the iteration.
pub(crate) fn messages(mut buffer: &[u8]) -> impl Iterator<Item = Message<'_>> {
    std::iter::from_fn(move || {
        let length = usize::from_ne_bytes(*buffer.first_chunk()?);
        let payload = buffer.get(HEADER..length)?;
        let field = |at| Some(i32::from_ne_bytes(*buffer.get(at..)?.first_chunk()?));
        let message = Message {
            level: field(WORD)?,
            kind: field(WORD + 4)?,
            payload,
        };
        buffer = buffer.get(align(length)..).unwrap_or_default();
        Some(message)
    })
}

/// Control messages to send with a datagram: a buffer on the stack, so that a send does not allocate.
#[repr(C)]
pub(crate) struct Outgoing {
    bytes: [u8; Self::CAPACITY],
    length: usize,
}

impl Outgoing {
    /// Room for an `in6_pktinfo` and three `int`s, more than any send here needs.
    const CAPACITY: usize = space(20) + 3 * space(4);

    pub(crate) fn new() -> Self {
        Self {
            bytes: [0; Self::CAPACITY],
            length: 0,
        }
    }

    /// Appends one message; returns whether there was room for it.
    #[must_use]
    pub(crate) fn push(&mut self, level: i32, kind: i32, payload: &[u8]) -> bool {
        let Some(room) = self.bytes[self.length..].get_mut(..space(payload.len())) else {
            return false;
        };
        room[..WORD].copy_from_slice(&(HEADER + payload.len()).to_ne_bytes());
        room[WORD..WORD + 4].copy_from_slice(&level.to_ne_bytes());
        room[WORD + 4..WORD + 8].copy_from_slice(&kind.to_ne_bytes());
        room[HEADER..HEADER + payload.len()].copy_from_slice(payload);
        self.length += room.len();
        true
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// Removes all messages.
    pub(crate) fn clear(&mut self) {
        self.length = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn space_is_the_macros_space() {
        for length in 0..200_u32 {
            // SAFETY: CMSG_SPACE computes only with its argument.
            let macros = unsafe { libc::CMSG_SPACE(length) };
            assert_eq!(space(length as usize), macros as usize);
        }
    }

    proptest! {
        #[test]
        fn what_is_pushed_is_read(parts in prop::collection::vec((any::<i32>(), any::<i32>(), prop::collection::vec(any::<u8>(), 0..40)), 0..6)) {
            let mut buffer = Outgoing::new();
            let pushed: Vec<_> = parts
                .into_iter()
                .filter(|(level, kind, payload)| buffer.push(*level, *kind, payload))
                .collect();
            let read: Vec<_> = messages(buffer.bytes())
                .map(|message| (message.level, message.kind, message.payload.to_vec()))
                .collect();
            prop_assert_eq!(read, pushed);
        }

        #[test]
        fn random_bytes_end_and_stay_inside(buffer in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(messages(&buffer).count() <= buffer.len() / HEADER);
        }

        #[test]
        fn any_length_field_is_survived(length in any::<usize>(), rest in prop::collection::vec(any::<u8>(), 0..100)) {
            let mut buffer = length.to_ne_bytes().to_vec();
            buffer.extend(rest);
            for message in messages(&buffer) {
                prop_assert!(message.payload.len() <= buffer.len());
            }
        }
    }
}
