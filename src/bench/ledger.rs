//! Accounts for every datagram.

/// The account of a trial: sent = received + lost in the buffer + remainder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ledger {
    /// The datagrams that the kernel accepted from the sender.
    pub sent: u64,
    /// The datagrams that it refused, which were not sent.
    pub refused: u64,
    /// The datagrams that arrived: at the receiver of a sink, back at the sender of an echo.
    pub received: u64,
    /// The datagrams that did not fit in a receive buffer, by the socket's own counter.
    pub lost_buffer: u64,
}

impl Ledger {
    /// The datagrams that are unaccounted for. On loopback it must be 0: nothing else can lose a
    /// datagram there, and nothing duplicates one.
    pub fn remainder(&self) -> i64 {
        let accounted = self.received.saturating_add(self.lost_buffer);
        self.sent.wrapping_sub(accounted).cast_signed()
    }

    /// The fraction of sent datagrams that did not arrive, from 0 to 1.
    pub fn loss(&self) -> f64 {
        match self.sent {
            0 => 0.0,
            sent => self.sent.saturating_sub(self.received) as f64 / sent as f64,
        }
    }
}

/// One side's counters at one time; the difference of two covers the time between.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Count {
    /// Datagrams, without questions.
    pub(super) sent: u64,
    pub(super) received: u64,
    pub(super) refused: u64,
    pub(super) runs: u64,
    /// Questions: sent by one side, received by the other.
    pub(super) questions: u64,
    /// Drops of the socket's receive buffer: a run counts once.
    pub(super) drops: u64,
    pub(super) syscalls: u64,
    pub(super) cpu_ns: u64,
}

impl Count {
    pub(super) fn since(&self, before: &Self) -> Self {
        Self {
            sent: self.sent - before.sent,
            received: self.received - before.received,
            refused: self.refused - before.refused,
            runs: self.runs - before.runs,
            questions: self.questions - before.questions,
            drops: self.drops.saturating_sub(before.drops),
            syscalls: self.syscalls - before.syscalls,
            cpu_ns: self.cpu_ns.saturating_sub(before.cpu_ns),
        }
    }
}

/// The account of a sink. A receiver that takes runs drops, and counts, a run without room as one; all
/// runs of a sink are equal, so the number of datagrams in each is known.
pub(super) fn sink(near: &Count, far: &Count, takes_runs: bool) -> Ledger {
    let run = if takes_runs {
        near.sent.checked_div(near.runs).unwrap_or(1)
    } else {
        1
    };
    // The dropped datagram may be a question.
    let questions = near.questions.saturating_sub(far.questions);
    Ledger {
        sent: near.sent,
        refused: near.refused,
        received: far.received,
        lost_buffer: far.drops.saturating_sub(questions) * run,
    }
}

/// The account of an echo, which loses nothing unless more datagrams are in flight than a buffer holds.
pub(super) fn echo(near: &Count, far: &Count) -> Ledger {
    let questions = near.questions.saturating_sub(far.questions);
    Ledger {
        sent: near.sent,
        refused: near.refused,
        received: near.received,
        lost_buffer: (far.drops + near.drops).saturating_sub(questions),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// A simulated network: the fate of each run is random, and the account must match it.
        #[test]
        fn the_books_of_a_sink_balance(fates in prop::collection::vec(0..3_u8, 0..200), run in 1..129_u64, takes_runs: bool) {
            let (mut near, mut far) = (Count::default(), Count::default());
            for fate in fates {
                near.sent += run;
                near.runs += u64::from(run > 1);
                match fate {
                    0 => far.received += run,
                    1 => far.drops += if takes_runs { 1 } else { run },
                    _ => {
                        far.received += run;
                        near.questions += 2;
                        far.questions += 1;
                        far.drops += 1;
                    }
                }
            }
            let ledger = sink(&near, &far, takes_runs);
            prop_assert_eq!(ledger.remainder(), 0);
            prop_assert_eq!(ledger.sent, ledger.received + ledger.lost_buffer);
        }
    }

    #[test]
    fn what_nobody_accounts_for_remains() {
        let ledger = |sent, received, lost_buffer| Ledger {
            sent,
            received,
            lost_buffer,
            refused: 9,
        };
        assert_eq!(ledger(10, 7, 2).remainder(), 1);
        assert_eq!(ledger(10, 12, 0).remainder(), -2, "doubled");
        assert_eq!(ledger(10, 7, 2).loss(), 0.3);
        assert_eq!(ledger(0, 0, 0).loss(), 0.0);
        assert_eq!(ledger(10, 12, 0).loss(), 0.0);
    }
}
