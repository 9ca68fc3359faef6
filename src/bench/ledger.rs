//! Where every datagram went.

/// The books of a trial: sent = received + lost in the buffer + remainder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ledger {
    /// How many datagrams the kernel took from the sender.
    pub sent: u64,
    /// How many it refused, which never left.
    pub refused: u64,
    /// How many arrived: at the receiver of a sink, back at the sender of an echo.
    pub received: u64,
    /// How many a receive buffer had no room for, by the socket's own counter.
    pub lost_buffer: u64,
}

impl Ledger {
    /// What nobody accounts for. On loopback it must be 0: nothing else can lose a datagram there,
    /// and nothing doubles one.
    pub fn remainder(&self) -> i64 {
        let accounted = self.received.saturating_add(self.lost_buffer);
        self.sent.wrapping_sub(accounted).cast_signed()
    }

    /// The part of what was sent that did not arrive, from 0 to 1.
    pub fn loss(&self) -> f64 {
        match self.sent {
            0 => 0.0,
            sent => self.sent.saturating_sub(self.received) as f64 / sent as f64,
        }
    }
}

/// What one side has counted by some moment; the difference of two is what happened in between.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Count {
    /// Datagrams, questions left out.
    pub(super) sent: u64,
    pub(super) received: u64,
    pub(super) refused: u64,
    pub(super) runs: u64,
    /// Questions: sent by the one side, heard by the other.
    pub(super) questions: u64,
    /// What the socket's receive buffer had no room for: a run counts once.
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

/// The books of a sink. A run that finds no room is dropped, and counted, as one by a receiver that
/// takes runs; all of a sink's runs are alike, so that it is known how many datagrams each was.
pub(super) fn sink(near: &Count, far: &Count, takes_runs: bool) -> Ledger {
    let run = if takes_runs {
        near.sent.checked_div(near.runs).unwrap_or(1)
    } else {
        1
    };
    // A question may be what found no room.
    let questions = near.questions.saturating_sub(far.questions);
    Ledger {
        sent: near.sent,
        refused: near.refused,
        received: far.received,
        lost_buffer: far.drops.saturating_sub(questions) * run,
    }
}

/// The books of an echo, which loses nothing unless more is on its way than a buffer holds.
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
        /// A network of our own: what becomes of each run is drawn, and the books must find out.
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
