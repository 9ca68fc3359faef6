//! What a load measured of each of its flows.

use std::cmp::Ordering;

use crate::protocol::load::Counts;

/// The figures of a flow. Its datagrams take one path where a load is spread by the ports, so that the
/// flows of a bad path or a full queue stand out.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct FlowFigures {
    /// The flow's number, from 0.
    pub flow: usize,
    /// Its port on this machine; 0 if that is unknown.
    pub port: u16,
    /// Datagrams that were to be sent; 0 if the peer alone sends.
    pub sent: u64,
    /// What arrived.
    pub counts: Counts,
    /// Datagrams that did not arrive: of a round trip all, else those that a later one overtook.
    pub lost: u64,
    /// The latencies; `None` unless there were round trips.
    pub latency: Option<FlowTimes>,
}

/// Latencies of a flow, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FlowTimes {
    /// How many there are.
    pub count: u64,
    /// Their sum.
    pub sum: u64,
    /// The least.
    pub min: u64,
    /// The greatest.
    pub max: u64,
}

impl FlowTimes {
    pub(super) fn add(&mut self, nanos: u64) {
        self.min = if self.count == 0 {
            nanos
        } else {
            self.min.min(nanos)
        };
        self.max = self.max.max(nanos);
        self.sum = self.sum.saturating_add(nanos);
        self.count += 1;
    }

    /// The mean.
    pub fn mean(&self) -> f64 {
        self.sum as f64 / self.count.max(1) as f64
    }
}

impl FlowFigures {
    /// The datagrams lost, as a part of all, from 0 to 1.
    pub fn loss(&self) -> f64 {
        self.lost as f64 / (self.lost + self.counts.unique).max(1) as f64
    }

    /// The worse one first: by loss, then by mean latency, then by jitter.
    pub(super) fn by_badness(&self, other: &Self) -> Ordering {
        let mean = |one: &Self| one.latency.map_or(0.0, |times| times.mean());
        let key = |one: &Self| [one.loss(), mean(one), one.counts.jitter as f64];
        let pairs = key(other).into_iter().zip(key(self));
        pairs
            .map(|(a, b)| a.total_cmp(&b))
            .find(|order| order.is_ne())
            .unwrap_or_else(|| self.flow.cmp(&other.flow))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_flow_is_first() {
        let flow = |flow: usize, lost: u64, latency: u64| {
            let mut times = FlowTimes::default();
            times.add(latency);
            times.add(3 * latency);
            let mut one = FlowFigures {
                flow,
                lost,
                latency: Some(times),
                ..FlowFigures::default()
            };
            one.counts.unique = 100 - lost;
            one
        };
        let mut all = [flow(0, 0, 5), flow(1, 2, 1), flow(2, 0, 9), flow(3, 0, 5)];
        all.sort_by(FlowFigures::by_badness);
        assert_eq!(all.map(|one| one.flow), [1, 2, 0, 3]);
        let times = all[1].latency.unwrap();
        assert_eq!((times.min, times.mean(), times.max), (9, 18.0, 27));
    }
}
