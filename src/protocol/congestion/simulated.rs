//! A bottleneck in virtual time. Datagrams are simulated in batches, so that a path of 100 Gbit/s
//! costs no more than one of 1 Mbit/s.

use std::collections::VecDeque;
use std::time::Duration;

use super::*;

/// All datagrams share one queue, leave at a rate, and are acknowledged after a delay.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path {
    /// Bytes per second.
    pub(super) rate: f64,
    pub(super) delay: Duration,
    /// Of the queue, in bytes.
    pub(super) buffer: f64,
    /// The share that is lost at random, before the queue.
    pub(super) loss: f64,
}

#[derive(Debug)]
struct Batch {
    at: Duration,
    bytes: u64,
    /// Of these, those that arrive.
    arriving: u64,
    /// When they are acknowledged.
    back: Duration,
    sending: SendState,
}

#[derive(Debug)]
pub(super) struct Flow {
    pub(super) congestion: Box<dyn Congestion>,
    pacer: Pacer,
    rate: DeliveryRate,
    segment: u64,
    /// Its round trip is longer than the path's by this.
    pub(super) farther: Duration,
    starts: Duration,
    sent: VecDeque<Batch>,
    in_flight: u64,
    smoothed: Option<Duration>,
    min: Duration,
    wakes: Option<Duration>,
    /// In the second half of the time: bytes that arrived, and the seconds that each waited.
    pub(super) delivered: f64,
    pub(super) waited: f64,
    pub(super) sent_bytes: f64,
}

impl Flow {
    pub(super) fn new(controller: Controller, segment: u64, seed: u64, starts: Duration) -> Self {
        Self {
            congestion: controller.build(segment, seed),
            pacer: Pacer::new(segment),
            rate: DeliveryRate::default(),
            segment,
            farther: Duration::ZERO,
            starts,
            sent: VecDeque::new(),
            in_flight: 0,
            smoothed: None,
            min: Duration::MAX,
            wakes: None,
            delivered: 0.0,
            waited: 0.0,
            sent_bytes: 0.0,
        }
    }

    /// When the next acknowledgement arrives; a tail that is lost as a whole is noticed late.
    fn next_event(&self) -> Option<Duration> {
        let arriving = self.sent.iter().find(|batch| batch.arriving > 0);
        let timeout = self.smoothed.unwrap_or(Duration::from_millis(300)) * 3;
        let back = match (arriving, self.sent.back()) {
            (Some(batch), _) => Some(batch.back),
            (None, Some(last)) => Some(last.at + timeout),
            (None, None) => None,
        };
        [back, self.wakes].into_iter().flatten().min()
    }

    fn receive(&mut self, now: Duration, counts: bool) {
        while let Some(event) = self.next_event() {
            if event > now || self.sent.is_empty() {
                return;
            }
            let in_flight = self.in_flight;
            let position = self.sent.iter().position(|batch| batch.arriving > 0);
            let Some(at) = position else {
                if self.wakes == Some(event) {
                    return;
                }
                self.lose(self.sent.len(), now);
                return;
            };
            if self.sent[at].back > now {
                return;
            }
            self.lose(at, now);
            let batch = self.sent.pop_front().expect("found");
            self.in_flight -= batch.bytes;
            let latest = now - batch.at;
            self.min = self.min.min(latest);
            let smoothed = self.smoothed.map_or(latest, |old| (old * 7 + latest) / 8);
            self.smoothed = Some(smoothed);
            self.rate
                .on_delivered(now, batch.at, batch.arriving, &batch.sending);
            let lost = batch.bytes - batch.arriving;
            if lost > 0 {
                self.rate.on_lost(batch.at, lost, &batch.sending);
                self.congestion.on_congestion(now, batch.at);
            }
            if counts {
                self.delivered += batch.arriving as f64;
            }
            self.congestion.on_acknowledged(
                now,
                Acknowledged {
                    bytes: batch.arriving,
                    sent_at: batch.at,
                    in_flight,
                    is_window_limited: true,
                    round_trip: RttSample {
                        latest,
                        smoothed,
                        min: self.min,
                    },
                    rate: self.rate.sample(self.min),
                },
            );
        }
    }

    fn lose(&mut self, count: usize, now: Duration) {
        for batch in self.sent.drain(..count) {
            self.in_flight -= batch.bytes;
            self.rate.on_lost(batch.at, batch.bytes, &batch.sending);
            self.congestion.on_congestion(now, batch.at);
        }
    }

    /// How much may leave now: whole segments of at most one batch.
    fn allowed(&mut self, now: Duration) -> u64 {
        let window = self.congestion.window();
        let room = window.saturating_sub(self.in_flight);
        let pace = self.smoothed.and_then(|s| self.congestion.pacing_rate(s));
        let budget = self.pacer.budget(now, pace);
        let batch = (window / 32).max(self.segment);
        self.wakes = None;
        if room < self.segment {
            return 0;
        }
        if budget < self.segment {
            self.wakes = self.pacer.next_send_time(now, batch);
            return 0;
        }
        room.min(budget).min(batch) / self.segment * self.segment
    }
}

/// How many of `count` are hit, each with this probability.
fn hits(random: &mut fastrand::Rng, count: u64, probability: f64) -> u64 {
    if probability == 0.0 {
        return 0;
    }
    if count <= 32 {
        return (0..count).filter(|_| random.f64() < probability).count() as u64;
    }
    let (mean, n) = (count as f64 * probability, count as f64);
    let normal = (0..12).map(|_| random.f64()).sum::<f64>() - 6.0;
    let drawn = mean + normal * (mean * (1.0 - probability)).sqrt();
    drawn.round().clamp(0.0, n) as u64
}

/// Runs the flows for a time. Returns the share of the path that was used in the second half.
pub(super) fn run(path: &Path, flows: &mut [Flow], lasts: Duration, seed: u64) -> f64 {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut free = 0.0_f64; // when the bottleneck is free, in seconds
    let mut now = Duration::ZERO;
    while now < lasts {
        let counts = now >= lasts / 2;
        for flow in flows.iter_mut().filter(|flow| flow.starts <= now) {
            flow.receive(now, counts);
        }
        // In turns, so that none has the queue for itself.
        let mut going = true;
        while going {
            going = false;
            for flow in flows.iter_mut().filter(|flow| flow.starts <= now) {
                let bytes = flow.allowed(now);
                if bytes == 0 {
                    continue;
                }
                going = true;
                flow.pacer.on_sent(bytes);
                flow.sent_bytes += if counts { bytes as f64 } else { 0.0 };
                let segment = flow.segment;
                let lost = hits(&mut random, bytes / segment, path.loss) * segment;
                let seconds = now.as_secs_f64();
                let start = free.max(seconds);
                let room = (path.buffer - (start - seconds) * path.rate).max(0.0) as u64;
                // The one being transmitted needs no room; the queue drains while a batch enters.
                let room = (room / segment + 1) * segment;
                let arriving = (bytes - lost).min(room);
                if arriving > 0 {
                    free = start + arriving as f64 / path.rate;
                }
                if counts {
                    flow.waited += (start - seconds) * arriving as f64;
                }
                let sending = flow.rate.on_sent(now, bytes, flow.in_flight);
                flow.in_flight += bytes;
                flow.sent.push_back(Batch {
                    at: now,
                    bytes,
                    arriving,
                    back: Duration::from_secs_f64(free) + path.delay + flow.farther,
                    sending,
                });
            }
        }
        let events = flows.iter().map(|flow| {
            if flow.starts > now {
                Some(flow.starts)
            } else {
                flow.next_event()
            }
        });
        let next = events.flatten().min().expect("something is in flight");
        now = next.max(now + Duration::from_nanos(100));
    }
    let delivered: f64 = flows.iter().map(|flow| flow.delivered).sum();
    delivered / (path.rate * (lasts - lasts / 2).as_secs_f64())
}
