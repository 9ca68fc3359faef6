//! Which sizes to try next, sans-IO.
//!
//! [`PathMtu`](crate::protocol) of a connection goes for a good size at little cost, one probe at a
//! time for as long as it lives. Here the exact limit is asked for at once: several sizes probe_burst
//! together, fewer than an initial window has (RFC 6928), and each burst leaves a seventh of the
//! range.

/// The range in which the largest payload lies that comes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Search {
    /// This size comes through.
    passes: usize,
    /// This one does not, nor does any above.
    fails: usize,
}

impl Search {
    /// So many sizes probe_burst together.
    pub(super) const FLIGHT: usize = 6;

    /// `passes` is known to come through, and nothing above `top` can be sent.
    pub(super) fn new(passes: usize, top: usize) -> Self {
        Self {
            passes,
            fails: top.max(passes) + 1,
        }
    }

    /// The largest size that is known to come through.
    pub(super) fn passes(&self) -> usize {
        self.passes
    }

    /// Whether that is the largest that does.
    pub(super) fn is_over(&self) -> bool {
        self.passes + 1 >= self.fails
    }

    /// The largest size that may come through.
    pub(super) fn most(&self) -> usize {
        self.fails - 1
    }

    /// A size came through.
    pub(super) fn pass(&mut self, size: usize) {
        if size > self.passes {
            self.passes = size;
            // What was lost below was lost by chance.
            self.fails = self.fails.max(size + 1);
        }
    }

    /// A size did not. What came through already counts for more.
    pub(super) fn fail(&mut self, size: usize) {
        if size > self.passes {
            self.fails = self.fails.min(size);
        }
    }

    /// Up to `number` sizes that part the range evenly, in rising order; none once it is over.
    pub(super) fn sizes(&self, number: usize) -> Vec<usize> {
        let between = self.fails - self.passes - 1;
        let number = number.clamp(1, Self::FLIGHT).min(between);
        (1..=number)
            .map(|at| self.passes + (between + 1) * at / (number + 1))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn finds_every_limit_soon(base in 1_usize..1300, range in 0_usize..65_000, limit in any::<prop::sample::Index>(), number in 1_usize..7) {
            let top = base + range;
            let limit = base + limit.index(range + 1);
            let mut search = Search::new(base, top);
            let mut bursts = 0;
            while !search.is_over() {
                let sizes = search.sizes(number);
                prop_assert!(!sizes.is_empty() && sizes.is_sorted_by(|a, b| a < b));
                prop_assert!(sizes.iter().all(|size| (search.passes() + 1..=search.most()).contains(size)));
                for size in sizes {
                    if size <= limit { search.pass(size) } else { search.fail(size) }
                }
                bursts += 1;
            }
            prop_assert_eq!(search.passes(), limit);
            let most = ((range + 2) as f64).ln() / ((number + 1) as f64).ln() + 2.0;
            prop_assert!(f64::from(bursts) <= most, "{bursts} bursts of {number} for {range}");
        }
    }

    #[test]
    fn a_late_answer_is_believed_over_a_loss() {
        let mut search = Search::new(100, 200);
        search.fail(150);
        search.pass(180);
        assert_eq!((search.passes(), search.most()), (180, 180));
    }
}
