//! How many messages the next batch should request.
//!
//! A `recvmmsg` for several messages reads the socket once more after each that it receives, and on
//! a quiet flow this second read finds nothing: a fifth of a microsecond per datagram. So after a
//! few single messages the next calls request one, and one call in [`LOOK`] requests a full batch.

/// This many single messages in a row make a flow quiet.
const QUIET: u32 = 4;

/// On a quiet flow, one call in this many requests a full batch.
const LOOK: u32 = 8;

/// Counts the messages that arrived singly.
#[derive(Debug, Default)]
pub(super) struct AdaptiveBatch {
    singles: u32,
}

impl AdaptiveBatch {
    /// How many messages to request next, after a batch that returned `received`; at most `most`.
    pub(super) fn next(&mut self, received: usize, most: usize) -> usize {
        self.singles = if received > 1 {
            0
        } else {
            self.singles.wrapping_add(1)
        };
        if self.singles < QUIET || self.singles.is_multiple_of(LOOK) {
            most
        } else {
            1
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quiet_flow_is_asked_for_one_and_a_busy_one_for_all() {
        let mut adaptive_batch = AdaptiveBatch::default();
        let asked: Vec<_> = (0..18).map(|_| adaptive_batch.next(1, 64)).collect();
        assert_eq!(
            asked,
            [64, 64, 64, 1, 1, 1, 1, 64, 1, 1, 1, 1, 1, 1, 1, 64, 1, 1]
        );
        assert_eq!(
            adaptive_batch.next(2, 64),
            64,
            "two at once: it is busy again"
        );
        assert_eq!(adaptive_batch.next(1, 16), 16);
    }
}
