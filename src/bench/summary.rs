//! Summarizes trials as rows, and finds the fastest.

use super::config::Variant;
use super::statistics::Median;
use super::trial::Trial;

/// The summary of all trials of a variant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// The variant.
    pub variant: Variant,
    /// The number of trials.
    pub trials: usize,
    /// Datagrams received per second; for an echo, round trips per second.
    pub rate: Median,
    /// The fraction of all sent datagrams that did not arrive, from 0 to 1.
    pub loss: f64,
    /// CPU time of both sides for each datagram, in nanoseconds: the median.
    pub cpu_ns: f64,
    /// System calls of both sides for each datagram: the median.
    pub syscalls: f64,
    /// The number of trials with unaccounted datagrams.
    pub unsound: usize,
    /// Its rank among the variants that differ only in the backends.
    pub standing: Standing,
}

impl Row {
    /// Bits of payload per second, one way.
    pub fn bits_per_second(&self) -> f64 {
        self.rate.median * self.variant.size as f64 * 8.0
    }
}

/// The rank of a variant among those that differ only in the backends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Standing {
    /// Its interval is above that of every other.
    Winner,
    /// It is the fastest, or not significantly slower than the fastest.
    Noise,
    /// The fastest is significantly faster.
    Behind,
    /// There were too few trials, of it or of another, to decide.
    TooFew,
    /// It is the only one.
    Alone,
}

/// Makes a row for each variant that was tried, with its rank.
pub(super) fn rows(variants: &[Variant], trials: &[Trial]) -> Vec<Row> {
    let mut rows: Vec<Row> = variants
        .iter()
        .filter_map(|variant| row(*variant, trials))
        .collect();
    let standings: Vec<Standing> = rows.iter().map(|row| standing(row, &rows)).collect();
    for (row, standing) in rows.iter_mut().zip(standings) {
        row.standing = standing;
    }
    rows
}

fn row(variant: Variant, trials: &[Trial]) -> Option<Row> {
    let own = || trials.iter().filter(|trial| trial.variant == variant);
    let column = |value: fn(&Trial) -> f64| Median::of(&own().map(value).collect::<Vec<_>>());
    let sent: u64 = own().map(|trial| trial.ledger.sent).sum();
    let received: u64 = own().map(|trial| trial.ledger.received).sum();
    Some(Row {
        variant,
        trials: own().count(),
        rate: column(Trial::rate)?,
        loss: sent.saturating_sub(received) as f64 / sent.max(1) as f64,
        cpu_ns: column(Trial::cpu_ns)?.median,
        syscalls: column(|trial| trial.syscalls)?.median,
        unsound: own().filter(|trial| !trial.is_sound()).count(),
        standing: Standing::Alone,
    })
}

fn standing(row: &Row, rows: &[Row]) -> Standing {
    let others = || {
        rows.iter().filter(|other| {
            other.variant != row.variant && other.variant.is_comparable(&row.variant)
        })
    };
    if others().next().is_none() {
        return Standing::Alone;
    }
    if !(row.rate.is_enough() && others().all(|other| other.rate.is_enough())) {
        return Standing::TooFew;
    }
    if others().all(|other| row.rate.is_above(&other.rate)) {
        return Standing::Winner;
    }
    if others().any(|other| other.rate.is_above(&row.rate)) {
        return Standing::Behind;
    }
    Standing::Noise
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::bench::{Ledger, Scenario};
    use crate::io::Backend;

    fn trials(backend: Backend, size: usize, rates: &[u64]) -> Vec<Trial> {
        let variant = Variant {
            scenario: Scenario::Sink,
            send: backend,
            receive: backend,
            size,
            outstanding: 0,
        };
        let trial = |(index, received): (usize, &u64)| Trial {
            variant,
            number: index + 1,
            time: Duration::from_secs(1),
            ledger: Ledger {
                sent: received + 1,
                received: *received,
                lost_buffer: 1,
                refused: 0,
            },
            must_balance: true,
            cpu_ns_send: 100.0,
            cpu_ns_receive: Some(50.0),
            syscalls: 2.0,
        };
        rates.iter().enumerate().map(trial).collect()
    }

    fn standings(all: &[Vec<Trial>]) -> Vec<Standing> {
        let variants: Vec<Variant> = all.iter().map(|trials| trials[0].variant).collect();
        let rows = rows(&variants, &all.concat());
        rows.iter().map(|row| row.standing).collect()
    }

    #[test]
    fn a_winner_is_apart_from_all_others() {
        use Standing::{Alone, Behind, Noise, TooFew, Winner};
        let slow = trials(Backend::Single, 64, &[1, 2, 3, 4, 5]);
        let fast = trials(Backend::Offload, 64, &[11, 12, 13, 14, 15]);
        let near = trials(Backend::Uring, 64, &[10, 11, 12, 13, 14]);
        let other = trials(Backend::Batch, 1400, &[1, 2, 3, 4, 5]);
        assert_eq!(standings(&[slow.clone(), fast.clone()]), [Behind, Winner]);
        assert_eq!(
            standings(&[slow.clone(), fast.clone(), near, other]),
            [Behind, Noise, Noise, Alone]
        );
        let short = [slow[..4].to_vec(), fast[..4].to_vec()];
        assert_eq!(
            standings(&short),
            [TooFew, TooFew],
            "four trials are too few to say"
        );
    }

    #[test]
    fn a_row_sums_its_own_trials() {
        let mut both = trials(Backend::Single, 64, &[10, 30, 20]);
        both.extend(trials(Backend::Batch, 64, &[1000]));
        both[1].ledger.lost_buffer = 0;
        let variants = [both[0].variant, both[3].variant];
        let rows = rows(&variants, &both);
        assert_eq!(
            (rows[0].rate.median, rows[0].trials, rows[0].unsound),
            (20.0, 3, 1)
        );
        assert_eq!(rows[0].loss, 3.0 / 63.0);
        assert_eq!((rows[0].cpu_ns, rows[0].syscalls), (150.0, 2.0));
        assert_eq!(rows[0].bits_per_second(), 20.0 * 64.0 * 8.0);
        assert_eq!(
            super::rows(&variants, &both[3..]).len(),
            1,
            "a variant without trials has no row"
        );
    }
}
