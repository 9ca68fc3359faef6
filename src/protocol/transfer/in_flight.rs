//! Datagrams in flight: which arrived, which are lost, and when to check again.
//!
//! Losses are detected as in RFC 9002 section 6 and RFC 8985: a datagram is lost if enough newer
//! ones have arrived (three, until reordering is observed), or if a newer one has arrived and
//! enough time has passed since it was sent. Both thresholds grow with the observed reordering.

mod loss;

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use super::ranges::RangeSet;
use super::rtt::PathRtt;
use super::steps::step;
use super::wire::Ranges;
use crate::protocol::congestion::{DeliveryRate, SendState};

/// The longest probe timeout, unless four without doubling are longer: an outage that ends is noticed
/// within it.
const MAX_PROBE_TIMEOUT: Duration = Duration::from_secs(1);
/// Probe timeouts in a row, in multiples of one, that make congestion persistent (RFC 9002 section
/// 7.6).
const PERSISTENT_CONGESTION_THRESHOLD: u32 = 3;

/// An acknowledgement forgets so many datagrams, and so many more for each that it resolves: however much
/// is resolved at once, none takes long.
const FORGET: usize = 64;
const FORGET_EACH: u64 = 4;

/// How many datagrams back one that the socket refused is looked for.
const MAX_RECENT: usize = 1_024;

/// The content of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carried {
    /// These bytes of the stream.
    Data(u64, u16),
    /// The stream's end.
    End,
    /// Nothing: a ping for the receiver.
    Ping,
    /// Only its length, to learn whether the path carries it.
    Size(u16),
    /// What needs no acknowledgement.
    Control,
}

impl Carried {
    /// Bytes of UDP payload, where a packet has `overhead` bytes beside those of the stream.
    pub(super) fn size(self, overhead: u16) -> u64 {
        match self {
            Self::Data(_, length) => u64::from(overhead) + u64::from(length),
            Self::Size(size) => size.into(),
            Self::End | Self::Ping | Self::Control => 0,
        }
    }

    pub(super) fn range(self) -> Range<u64> {
        match self {
            Self::Data(offset, length) => offset..offset + u64::from(length),
            _ => 0..0,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    InFlight,
    Acknowledged,
    /// Lost, in this recovery period.
    Lost(u32),
    /// A lost probe of the path MTU, which says nothing about congestion (RFC 8899 section 3).
    LostProbe,
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    at: Duration,
    carried: Carried,
    state: State,
    /// For the delivery rate.
    sending: SendState,
}

/// The result of an acknowledgement or a timeout.
#[derive(Debug, Default)]
pub(super) struct Resolved {
    /// Bytes of datagrams that are newly known to have arrived.
    pub(super) bytes: u64,
    /// Datagrams that are newly known to have arrived.
    pub(super) packets: u64,
    /// Whether the largest acknowledged number rose.
    pub(super) is_newer: bool,
    /// When the newest of them was sent.
    pub(super) newest: Option<Duration>,
    /// Bytes that were in flight before.
    pub(super) in_flight: u64,
    /// When the newest lost datagram was sent, if any counts as a sign of congestion.
    pub(super) lost: Option<Duration>,
    /// Everything was lost for a long time (persistent congestion).
    pub(super) persistent: bool,
    /// Datagrams that had been declared lost and arrived after all.
    pub(super) spurious_losses: u64,
    /// All that was declared lost in this recovery period arrived after all.
    pub(super) is_spurious: bool,
}

/// The sent datagrams, by their numbers.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    sent: VecDeque<Sent>,
    /// The number of the first of `sent`.
    first: u64,
    /// Everything below is resolved: it arrived, or it is lost.
    unresolved: u64,
    /// Numbers at or above `first` that arrived.
    acknowledged: RangeSet,
    largest: Option<u64>,
    bytes: u64,
    /// In flight, including those without a size.
    count: u64,
    last_sent: Duration,
    timeouts: u32,
    /// When the oldest that is in flight below `largest` counts as lost.
    loss_time: Option<Duration>,
    /// The delay by reordering that is tolerated beyond an eighth of a round trip.
    reordering: Duration,
    has_reordered: bool,
    /// Round trips with losses, all of them real.
    real_losses: u32,
    /// When the next of them begins.
    real_since: Duration,
    /// The recovery period (RFC 9002 section 7.3.2): its number, when it began, and how many
    /// datagrams are lost in it.
    period: (u32, Duration, u64),
    pub(super) rtt: PathRtt,
    pub(super) rate: DeliveryRate,
    /// Datagrams examined by loss detection.
    #[cfg(test)]
    steps: u64,
    /// How long the receiver may delay an acknowledgement.
    pub(super) delay: Duration,
    /// Bytes of a packet beside those of the stream.
    pub(super) overhead: u16,
}

impl InFlight {
    /// The number of the next datagram.
    pub(super) fn next(&self) -> u64 {
        self.first + self.sent.len() as u64
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many are remembered, resolved ones included.
    pub(super) fn tracked(&self) -> usize {
        self.sent.len()
    }

    /// Bytes of the notes of what was sent.
    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        // A tree's nodes are at least half full.
        self.sent.len() * size_of::<Sent>() + self.acknowledged.len() * 32
    }

    /// The lowest number whose fate may still change.
    pub(super) fn settled(&self) -> u64 {
        self.first
    }

    /// How many probe timeouts have passed in a row.
    pub(super) fn timeouts(&self) -> u32 {
        self.timeouts
    }

    /// Records the datagram with number [`Self::next`].
    pub(super) fn push(&mut self, at: Duration, carried: Carried) {
        // Datagrams expire in the order of sending, even if the clock goes back.
        let at = at.max(self.last_sent);
        let size = carried.size(self.overhead);
        let sending = self.rate.on_sent(at, size, self.bytes);
        self.bytes += size;
        let state = if carried == Carried::Control {
            State::Acknowledged
        } else {
            self.count += 1;
            self.last_sent = at;
            State::InFlight
        };
        self.sent.push_back(Sent {
            at,
            carried,
            state,
            sending,
        });
    }

    fn get_mut(&mut self, number: u64) -> Option<&mut Sent> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.sent.get_mut(index)
    }

    /// Processes an acknowledgement. `None` if it acknowledges a datagram that was never sent.
    ///
    /// `on_resolved` receives the content of each datagram, and whether it arrived or is lost.
    pub(super) fn acknowledge(
        &mut self,
        now: Duration,
        ranges: Ranges<'_>,
        delay: Duration,
        mut on_resolved: impl FnMut(Carried, bool),
    ) -> Option<Resolved> {
        let mut resolved = Resolved {
            in_flight: self.bytes,
            ..Resolved::default()
        };
        let Some((_, largest)) = ranges.iter().next() else {
            return Some(resolved);
        };
        if largest >= self.next() {
            return None;
        }
        let sent = self.get_mut(largest).copied();
        if let Some(Sent {
            at,
            state: State::InFlight,
            ..
        }) = sent
        {
            self.rtt
                .sample(now.saturating_sub(at), delay.min(self.delay));
        }
        resolved.is_newer = self.largest < Some(largest);
        self.largest = self.largest.max(Some(largest));
        for (first, last) in ranges.iter() {
            step();
            let mut wanted = first.max(self.first)..last.saturating_add(1);
            while let Some(gap) = self.acknowledged.first_gap(wanted.clone()) {
                for number in gap.clone() {
                    self.on_arrived(now, number, &mut resolved, &mut on_resolved);
                }
                wanted.start = gap.end;
                self.acknowledged.insert(gap);
            }
        }
        if resolved.newest.is_some() {
            self.timeouts = 0;
        }
        self.find_losses(now, &mut resolved, &mut on_resolved);
        self.forget(now, FORGET + (FORGET_EACH * resolved.packets) as usize);
        Some(resolved)
    }

    fn on_arrived(
        &mut self,
        now: Duration,
        number: u64,
        resolved: &mut Resolved,
        on_resolved: &mut impl FnMut(Carried, bool),
    ) {
        step();
        let overhead = self.overhead;
        let Some(sent) = self.get_mut(number) else {
            return;
        };
        let Sent {
            at,
            carried,
            state,
            sending,
        } = *sent;
        sent.state = State::Acknowledged;
        let size = carried.size(overhead);
        if state != State::Acknowledged {
            resolved.packets += 1;
            self.rate.on_delivered(now, at, size, &sending);
        }
        resolved.newest = resolved.newest.max(Some(at));
        match state {
            State::Acknowledged => return,
            State::LostProbe => {}
            State::InFlight => {
                self.bytes -= size;
                self.count -= 1;
                resolved.bytes += size;
            }
            State::Lost(period) => {
                resolved.spurious_losses += 1;
                if period == self.period.0 {
                    self.period.2 -= 1;
                    resolved.is_spurious |= self.period.2 == 0;
                }
                self.has_reordered = true;
                self.real_losses = 0;
                // The delay beyond a round trip; at most another round trip is tolerated.
                let smoothed = self.rtt.all().smoothed;
                let beyond = now.saturating_sub(at).saturating_sub(smoothed);
                self.reordering = self.reordering.max(beyond).min(smoothed);
            }
        }
        on_resolved(carried, true);
    }

    /// When something has to be done if nothing comes.
    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        if self.loss_time.is_some() {
            return self.loss_time;
        }
        (self.count > 0).then(|| self.last_sent.saturating_add(self.probe_timeout()))
    }

    /// The probe timeout, doubled for each one that passed without an answer.
    pub(super) fn probe_timeout(&self) -> Duration {
        let timeout = self.rtt.probe_timeout(self.delay);
        timeout
            .saturating_mul(1 << self.timeouts.min(10))
            .min(MAX_PROBE_TIMEOUT.max(timeout * 4))
    }

    /// Handles the deadline. Returns what is lost by now; if nothing is, the receiver should be
    /// probed (a probe timeout).
    pub(super) fn handle_timeout(
        &mut self,
        now: Duration,
        mut on_resolved: impl FnMut(Carried, bool),
    ) -> Option<Resolved> {
        if self.loss_time.is_some() {
            let mut resolved = Resolved {
                in_flight: self.bytes,
                ..Resolved::default()
            };
            self.find_losses(now, &mut resolved, &mut on_resolved);
            return Some(resolved);
        }
        self.timeouts = self.timeouts.saturating_add(1);
        self.last_sent = now;
        None
    }

    /// The oldest bytes that are in flight.
    pub(super) fn oldest_data(&self) -> Option<Range<u64>> {
        let from = usize::try_from(self.unresolved.saturating_sub(self.first)).ok()?;
        let in_flight = self.sent.range(from.min(self.sent.len())..);
        let mut data = in_flight.filter(|sent| sent.state == State::InFlight);
        let found = data.find(|sent| matches!(sent.carried, Carried::Data(..)))?;
        Some(found.carried.range())
    }

    /// Removes a datagram that the socket refused as too long.
    pub(super) fn remove_unsent(&mut self, carried: Carried) {
        let found = self
            .sent
            .iter_mut()
            .rev()
            .take(MAX_RECENT)
            .find(|sent| sent.carried == carried);
        let size = carried.size(self.overhead);
        if let Some(sent) = found.filter(|sent| sent.state == State::InFlight) {
            // Of no period: it says nothing about congestion.
            sent.state = State::Acknowledged;
            self.bytes -= size;
            self.count -= 1;
        }
    }

    /// Forgets up to `most` that are resolved, except what may still turn out to be late only.
    fn forget(&mut self, now: Duration, most: usize) {
        let keep = self.rtt.probe_timeout(self.delay) * PERSISTENT_CONGESTION_THRESHOLD;
        for _ in 0..most {
            let Some(sent) = self.sent.front() else {
                break;
            };
            let is_old = now.saturating_sub(sent.at) > keep;
            match sent.state {
                State::Acknowledged => {}
                State::Lost(_) | State::LostProbe if is_old => {}
                _ => break,
            }
            step();
            self.sent.pop_front();
            self.first += 1;
        }
        while self
            .acknowledged
            .first()
            .is_some_and(|range| range.end <= self.first)
        {
            self.acknowledged.pop_first();
        }
    }
}

#[cfg(test)]
#[path = "in_flight_tests.rs"]
mod tests;
