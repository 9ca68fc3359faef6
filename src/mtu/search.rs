//! Chooses the sizes to try next, sans-IO.
//!
//! [`PathMtu`](crate::protocol) looks for a good size at little cost, one probe at a time during a
//! connection. Here the exact limit is needed at once: several sizes are sent together, fewer than an
//! initial window (RFC 6928), and each burst reduces the range to a seventh.

/// The range that contains the largest payload that arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Search {
    /// This size arrives.
    passes: usize,
    /// This size does not arrive, nor does any above.
    fails: usize,
}

impl Search {
    /// The number of sizes that are sent together.
    pub(super) const FLIGHT: usize = 6;

    /// Makes a search: `passes` is known to arrive, and nothing above `top` can be sent.
    pub(super) fn new(passes: usize, top: usize) -> Self {
        Self {
            passes,
            fails: top.max(passes) + 1,
        }
    }

    /// The largest size that is known to arrive.
    pub(super) fn passes(&self) -> usize {
        self.passes
    }

    /// Whether that is the largest one.
    pub(super) fn is_over(&self) -> bool {
        self.passes + 1 >= self.fails
    }

    /// The largest size that may arrive.
    pub(super) fn most(&self) -> usize {
        self.fails - 1
    }

    /// A size arrived.
    pub(super) fn pass(&mut self, size: usize) {
        if size > self.passes {
            self.passes = size;
            // Smaller ones were lost by chance.
            self.fails = self.fails.max(size + 1);
        }
    }

    /// A size did not arrive. Sizes that arrived before take precedence.
    pub(super) fn fail(&mut self, size: usize) {
        if size > self.passes {
            self.fails = self.fails.min(size);
        }
    }

    /// Up to `number` sizes that divide the range evenly, in ascending order; none once the search is
    /// complete.
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
