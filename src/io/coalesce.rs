//! Which outgoing datagrams travel as one: sans-IO.
//!
//! A run is of one flow: one destination, one source. Its datagrams are of one size, the last may be
//! shorter and ends it. Nothing overtakes anything: a datagram only ever joins the newest run.

use std::net::SocketAddr;

use crate::socket::PacketInfo;

/// The most bytes of payload in a run: what fits an IPv4 datagram. IPv6 would take 20 more.
pub(super) const RUN_BYTES: usize = 65_507;

/// What runs the kernel takes, as far as it has told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// Datagrams in a run; 1 for none.
    pub(super) segments: usize,
    /// Bytes of each of them.
    pub(super) segment_size: usize,
}

impl Limits {
    /// Nothing is offloaded.
    pub(super) const NONE: Self = Self {
        segments: 1,
        segment_size: 0,
    };

    /// What the newest kernels take (`UDP_MAX_SEGMENTS` is 128, and was 64 before Linux 6.9).
    pub(super) const MOST: Self = Self {
        segments: 128,
        segment_size: RUN_BYTES,
    };

    /// How many datagrams of `size` bytes fit one run; 1 if they are to go alone.
    pub(super) fn segments_of(self, size: usize) -> usize {
        if size == 0 || size > self.segment_size {
            return 1;
        }
        self.segments.min(RUN_BYTES / size).max(1)
    }
}

/// A datagram or a run, ready to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Message<'a> {
    /// The connected peer if there is none.
    pub(super) destination: Option<SocketAddr>,
    /// What a reply leaves by.
    pub(super) from: Option<PacketInfo>,
    pub(super) bytes: &'a [u8],
    /// The size of each datagram; the last may be shorter.
    pub(super) segment: usize,
}

impl<'a> Message<'a> {
    /// How many datagrams it is.
    pub(super) fn count(&self) -> usize {
        self.bytes.len().div_ceil(self.segment.max(1)).max(1)
    }

    pub(super) fn is_run(&self) -> bool {
        self.bytes.len() > self.segment
    }

    /// The same datagrams, in messages of at most `segments` each.
    pub(super) fn part(&self, index: usize, segments: usize) -> Message<'a> {
        let size = self.segment.saturating_mul(segments);
        let start = index.saturating_mul(size).min(self.bytes.len());
        let end = start.saturating_add(size).min(self.bytes.len());
        Message {
            bytes: self.bytes.get(start..end).unwrap_or_default(),
            segment: self.segment.min(end - start),
            ..*self
        }
    }

    /// How many messages [`Self::part`] makes of it.
    pub(super) fn parts(&self, segments: usize) -> usize {
        self.count().div_ceil(segments.max(1))
    }
}

#[derive(Debug)]
struct Run {
    destination: Option<SocketAddr>,
    from: Option<PacketInfo>,
    start: usize,
    length: usize,
    segment: usize,
    /// How many more datagrams it may take.
    room: usize,
}

/// Copies of datagrams that wait to be sent.
#[derive(Debug)]
pub(super) struct Queue {
    data: Vec<u8>,
    runs: Vec<Run>,
}

impl Queue {
    /// Room for nothing: what stands in for a queue while it is sent.
    pub(super) const EMPTY: Self = Self {
        data: Vec::new(),
        runs: Vec::new(),
    };

    /// Room for `bytes` of payload in up to `runs` messages; nothing is allocated later.
    pub(super) fn new(runs: usize, bytes: usize) -> Self {
        Self {
            data: Vec::with_capacity(bytes),
            runs: Vec::with_capacity(runs),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.runs.len()
    }

    /// Whether so many bytes could ever wait here.
    pub(super) fn can_hold(&self, bytes: usize) -> bool {
        bytes <= self.data.capacity()
    }

    pub(super) fn clear(&mut self) {
        self.data.clear();
        self.runs.clear();
    }

    /// Queues a message, which is one datagram or a run within `limits`; says whether there was room
    /// for it.
    #[must_use]
    pub(super) fn push(&mut self, message: &Message<'_>, limits: Limits) -> bool {
        if message.bytes.len() > self.data.capacity() - self.data.len() {
            return false;
        }
        if !self.join(message) {
            if self.runs.len() == self.runs.capacity() {
                return false;
            }
            let most = limits.segments_of(message.segment);
            let is_full = !message.bytes.len().is_multiple_of(message.segment.max(1));
            self.runs.push(Run {
                destination: message.destination,
                from: message.from,
                start: self.data.len(),
                length: message.bytes.len(),
                segment: message.segment,
                room: if is_full {
                    0
                } else {
                    most.saturating_sub(message.count())
                },
            });
        }
        self.data.extend_from_slice(message.bytes);
        true
    }

    /// Lets a datagram join the newest run, if it may.
    fn join(&mut self, message: &Message<'_>) -> bool {
        let length = message.bytes.len();
        let Some(run) = self.runs.last_mut() else {
            return false;
        };
        if run.room == 0
            || length == 0
            || message.is_run()
            || length > run.segment
            || run.destination != message.destination
            || run.from != message.from
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

    /// A message by its place in the queue; `None` past the end.
    pub(super) fn message(&self, index: usize) -> Option<Message<'_>> {
        let run = self.runs.get(index)?;
        Some(Message {
            destination: run.destination,
            from: run.from,
            bytes: self.data.get(run.start..run.start + run.length)?,
            segment: run.segment,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Datagram = (u16, Vec<u8>);

    fn push(queue: &mut Queue, (port, bytes): &Datagram, limits: Limits) -> bool {
        queue.push(
            &Message {
                destination: Some(SocketAddr::from(([127, 0, 0, 1], *port))),
                from: None,
                bytes,
                segment: bytes.len(),
            },
            limits,
        )
    }

    /// The rules as they are written, one datagram after the other: does it join what came before?
    fn joins(run: &[Datagram], next: &Datagram, limits: Limits) -> bool {
        let first = &run[0];
        let length: usize = run.iter().map(|(_, bytes)| bytes.len()).sum();
        first.0 == next.0
            && !next.1.is_empty()
            && run.iter().all(|(_, bytes)| bytes.len() == first.1.len())
            && next.1.len() <= first.1.len()
            && first.1.len() <= limits.segment_size
            && run.len() < limits.segments
            // A run has room for one more of its full size, or takes no more at all.
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
                let got: Vec<Datagram> = (0..message.parts(1))
                    .map(|part| (port, message.part(part, 1).bytes.to_vec()))
                    .collect();
                prop_assert_eq!(&got, run);
                prop_assert!(message.bytes.len() <= RUN_BYTES && run.len() <= segments);
            }
            prop_assert!(queue.message(want.len()).is_none());
        }

        #[test]
        fn parts_are_the_whole(size in 1..50_usize, length in 0..400_usize, segments in 1..9_usize) {
            let bytes: Vec<u8> = (0..length).map(|byte| byte as u8).collect();
            let whole = Message { destination: None, from: None, bytes: &bytes, segment: size.min(length) };
            let parts: Vec<_> = (0..whole.parts(segments)).map(|part| whole.part(part, segments)).collect();
            let together: Vec<u8> = parts.iter().flat_map(|part| part.bytes.to_vec()).collect();
            prop_assert_eq!(together, &bytes[..]);
            prop_assert_eq!(parts.iter().map(Message::count).sum::<usize>(), whole.count());
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
        queue.clear();
        assert!(queue.is_empty() && queue.can_hold(10) && !queue.can_hold(11));
    }
}
