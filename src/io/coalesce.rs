//! Which outgoing datagrams are combined into runs: sans-IO.
//!
//! A run belongs to one flow: one destination, one source. Its datagrams have one size; the last
//! may be shorter and ends it. Nothing is reordered: a datagram only ever joins the newest run.

use std::net::SocketAddr;

use super::transmit::Transmit;
use crate::socket::{Ecn, SourceAddress};

/// The most bytes of payload in a run: what fits an IPv4 datagram. IPv6 would allow 20 more.
pub(super) const RUN_BYTES: usize = 65_507;

/// The runs that the kernel accepts, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// Datagrams in a run; 1 for none.
    pub(super) segments: usize,
    /// Bytes of each datagram.
    pub(super) segment_size: usize,
}

impl Limits {
    /// Nothing is offloaded.
    pub(super) const NONE: Self = Self {
        segments: 1,
        segment_size: 0,
    };

    /// The limits of the newest kernels (`UDP_MAX_SEGMENTS` is 128, and was 64 before Linux 6.9).
    pub(super) const MOST: Self = Self {
        segments: 128,
        segment_size: RUN_BYTES,
    };

    /// How many datagrams of `size` bytes fit one run; 1 if they must be sent singly.
    pub(super) fn segments_of(self, size: usize) -> usize {
        if size == 0 || size > self.segment_size {
            return 1;
        }
        self.segments.min(RUN_BYTES / size).max(1)
    }
}

#[derive(Debug)]
struct Run {
    destination: Option<SocketAddr>,
    source: Option<SourceAddress>,
    ecn: Option<Ecn>,
    start: usize,
    length: usize,
    segment: usize,
    /// How many more datagrams it may hold.
    room: usize,
}

/// Copies of datagrams that wait to be sent.
#[derive(Debug)]
pub(super) struct Queue {
    data: Vec<u8>,
    runs: Vec<Run>,
    /// How many of the runs were sent.
    done: usize,
    /// The most runs and bytes it holds, unless it is [stretched](Self::stretch).
    capacity: (usize, usize),
}

impl Queue {
    /// Room for `bytes` of payload in up to `runs` messages; nothing is allocated later.
    pub(super) fn new(runs: usize, bytes: usize) -> Self {
        Self {
            data: Vec::with_capacity(bytes),
            runs: Vec::with_capacity(runs),
            done: 0,
            capacity: (runs, bytes),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// How many messages wait.
    pub(super) fn len(&self) -> usize {
        self.runs.len() - self.done
    }

    /// Whether it could hold that many bytes when it is empty.
    pub(super) fn can_hold(&self, bytes: usize) -> bool {
        bytes <= self.capacity.1
    }

    /// Removes the oldest `count` messages.
    pub(super) fn advance(&mut self, count: usize) {
        self.done = (self.done + count).min(self.runs.len());
        if self.done == self.runs.len() {
            self.data.clear();
            self.runs.clear();
            self.done = 0;
        } else if self.done > self.runs.len() / 2 {
            // At most as many bytes are copied as were sent since the last time.
            let start = self.runs[self.done].start;
            self.data.drain(..start);
            self.runs.drain(..self.done);
            self.runs.iter_mut().for_each(|run| run.start -= start);
            self.done = 0;
        }
    }

    /// Queues a message, which is one datagram or a run within `limits`; returns whether there was
    /// room for it.
    #[must_use]
    pub(super) fn push(&mut self, message: &Transmit<'_>, limits: Limits) -> bool {
        let (runs, bytes) = self.capacity;
        if self.data.len() + message.contents.len() > bytes {
            return false;
        }
        let has_joined = self.join(message);
        if !has_joined {
            if self.runs.len() >= runs {
                return false;
            }
            self.append(message, limits);
        }
        self.data.extend_from_slice(message.contents);
        true
    }

    /// As [`Self::push`], and makes room.
    pub(super) fn stretch(&mut self, message: &Transmit<'_>, limits: Limits) {
        if !self.join(message) {
            self.append(message, limits);
        }
        self.data.extend_from_slice(message.contents);
    }

    fn append(&mut self, message: &Transmit<'_>, limits: Limits) {
        let (length, segment) = (message.contents.len(), message.segment());
        let is_full = !length.is_multiple_of(segment.max(1));
        let room = limits.segments_of(segment).saturating_sub(message.count());
        self.runs.push(Run {
            destination: message.destination,
            source: message.source,
            ecn: message.ecn,
            start: self.data.len(),
            length,
            segment,
            room: if is_full { 0 } else { room },
        });
    }

    /// Adds a datagram to the newest run, if possible.
    fn join(&mut self, message: &Transmit<'_>) -> bool {
        let length = message.contents.len();
        if self.is_empty() {
            return false;
        }
        let Some(run) = self.runs.last_mut() else {
            return false;
        };
        if run.room == 0
            || length == 0
            || message.is_run()
            || length > run.segment
            || run.destination != message.destination
            || run.source != message.source
            || run.ecn != message.ecn
        {
            return false;
        }
        run.length += length;
        run.room = if length < run.segment {
            0
        } else {
            run.room - 1
        };
        true
    }

    /// A message by its place in the queue, 0 for the oldest; `None` past the end.
    pub(super) fn message(&self, index: usize) -> Option<Transmit<'_>> {
        let run = self.runs.get(self.done + index)?;
        Some(Transmit {
            destination: run.destination,
            source: run.source,
            ecn: run.ecn,
            contents: self.data.get(run.start..run.start + run.length)?,
            segment_size: Some(run.segment),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Datagram = (u16, Vec<u8>);

    fn push(queue: &mut Queue, (port, bytes): &Datagram, limits: Limits) -> bool {
        let destination = SocketAddr::from(([127, 0, 0, 1], *port));
        queue.push(&Transmit::new(bytes).to(destination), limits)
    }

    /// The rules one datagram after the other: does it join the previous one?
    fn joins(run: &[Datagram], next: &Datagram, limits: Limits) -> bool {
        let first = &run[0];
        let length: usize = run.iter().map(|(_, bytes)| bytes.len()).sum();
        first.0 == next.0
            && !next.1.is_empty()
            && run.iter().all(|(_, bytes)| bytes.len() == first.1.len())
            && next.1.len() <= first.1.len()
            && first.1.len() <= limits.segment_size
            && run.len() < limits.segments
            // A run has room for one more of its full size, or accepts no more at all.
            && length + first.1.len() <= RUN_BYTES
    }

    fn size() -> impl Strategy<Value = usize> {
        prop_oneof![
            6 => 0..4_usize,
            2 => prop::sample::select(vec![999, 1000, 1001]),
            1 => prop::sample::select(vec![20_000, 32_753, 32_754, 65_507]),
        ]
    }

    proptest! {
        #[test]
        fn runs_are_those_of_the_naive_model(
            sent in prop::collection::vec((1..3_u16, size()), 0..40),
            segments in 1..6_usize,
            segment_size in prop::sample::select(vec![0, 1000, RUN_BYTES]),
        ) {
            let limits = Limits { segments, segment_size };
            let sent: Vec<Datagram> = sent
                .into_iter()
                .enumerate()
                .map(|(index, (port, size))| (port, vec![index as u8; size]))
                .collect();
            let mut want: Vec<Vec<Datagram>> = Vec::new();
            let mut queue = Queue::new(64, 4 << 20);
            for datagram in &sent {
                prop_assert!(push(&mut queue, datagram, limits));
                match want.last_mut() {
                    Some(run) if joins(run, datagram, limits) => run.push(datagram.clone()),
                    _ => want.push(vec![datagram.clone()]),
                }
            }
            prop_assert_eq!(queue.len(), want.len());
            for (index, run) in want.iter().enumerate() {
                let message = queue.message(index).unwrap();
                let port = message.destination.unwrap().port();
                let segments = limits.segments.max(1);
                prop_assert_eq!(message.count(), run.len());
                let actual: Vec<Datagram> = (0..message.parts(1))
                    .map(|part| (port, message.part(part, 1).contents.to_vec()))
                    .collect();
                prop_assert_eq!(&actual, run);
                prop_assert!(message.contents.len() <= RUN_BYTES && run.len() <= segments);
            }
            prop_assert!(queue.message(want.len()).is_none());
        }

        #[test]
        fn parts_are_the_whole(size in 1..50_usize, length in 0..400_usize, segments in 1..9_usize) {
            let bytes: Vec<u8> = (0..length).map(|byte| byte as u8).collect();
            let whole = Transmit::new(&bytes).in_segments_of(size);
            let parts: Vec<_> = (0..whole.parts(segments)).map(|part| whole.part(part, segments)).collect();
            let together: Vec<u8> = parts.iter().flat_map(|part| part.contents.to_vec()).collect();
            prop_assert_eq!(together, &bytes[..]);
            prop_assert_eq!(parts.iter().map(Transmit::count).sum::<usize>(), whole.count());
            prop_assert!(parts.iter().all(|part| part.count() <= segments));
        }
    }

    #[test]
    fn a_full_queue_takes_no_more() {
        let mut queue = Queue::new(2, 10);
        let limits = Limits::MOST;
        assert!(push(&mut queue, &(1, vec![0; 4]), limits));
        assert!(push(&mut queue, &(2, vec![0; 4]), limits));
        assert!(!push(&mut queue, &(2, vec![0; 3]), limits), "no bytes left");
        assert!(!push(&mut queue, &(1, vec![0; 1]), limits), "no runs left");
        assert!(push(&mut queue, &(2, vec![0; 2]), limits));
        queue.advance(2);
        assert!(queue.is_empty() && queue.can_hold(10) && !queue.can_hold(11));
    }
}
