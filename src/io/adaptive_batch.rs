//! How many messages the next batch should ask for.
//!
//! A `recvmmsg` that may take many asks the socket once more after each that it takes, and on a quiet
//! flow that second look finds nothing: a fifth of a microsecond for each datagram. So after a few
//! messages that came alone the next calls ask for one, and every so often for all that is there.

/// So many messages in a row that came alone make a flow quiet.
const QUIET: u32 = 4;

/// Of a quiet flow's calls, every so many-th looks for more.
const LOOK: u32 = 8;

/// Remembers how many messages came alone.
#[derive(Debug, Default)]
pub(super) struct AdaptiveBatch {
    alone: u32,
}

impl AdaptiveBatch {
    /// How many messages to ask for next, after a batch that brought `came`; at most `most`.
    pub(super) fn next(&mut self, came: usize, most: usize) -> usize {
        self.alone = if came > 1 {
            0
        } else {
            self.alone.wrapping_add(1)
        };
        if self.alone < QUIET || self.alone.is_multiple_of(LOOK) {
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
