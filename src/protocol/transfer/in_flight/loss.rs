//! Which datagrams are lost (RFC 9002 section 6, RFC 8985).

use std::time::Duration;

use super::{Carried, InFlight, PERSISTENT_CONGESTION_THRESHOLD, Resolved, Sent, State, step};

/// Newer datagrams that must have come before one counts as lost (RFC 9002 section 6.1.1).
const PACKET_THRESHOLD: u64 = 3;
/// The least time that a datagram is given to overtake another's acknowledgement.
const MIN_LOSS_DELAY: Duration = Duration::from_micros(100);
/// The number of round trips with real losses after which less reordering is expected again (RFC 8985
/// section 6.2).
const REAL_LOSSES: u32 = 16;

impl InFlight {
    /// How long after it was sent a datagram that was overtaken counts as lost.
    pub(super) fn loss_delay(&self) -> Duration {
        let rtt = self.rtt.all();
        let trip = rtt.smoothed.max(rtt.latest);
        (trip + (trip / 8).max(self.reordering)).max(MIN_LOSS_DELAY)
    }

    /// Looks from the oldest that is not resolved up to the first that still has time: whatever was sent
    /// later has more of it. So each is looked at once when it is resolved, however often this is asked.
    pub(super) fn find_losses(
        &mut self,
        now: Duration,
        resolved: &mut Resolved,
        on_resolved: &mut impl FnMut(Carried, bool),
    ) {
        self.loss_time = None;
        let Some(largest) = self.largest else { return };
        let loss_delay = self.loss_delay();
        let persistent = self.rtt.probe_timeout(self.delay) * PERSISTENT_CONGESTION_THRESHOLD;
        let mut number = self.unresolved.max(self.first);
        let mut began = None;
        let mut period = self.period;
        // Below it everything is resolved, if no one stands in between.
        self.unresolved = largest.max(number);
        'gaps: while number < largest {
            let Some(gap) = self.acknowledged.first_gap(number..largest) else {
                break;
            };
            if gap.start > number {
                began = None;
            }
            number = gap.end;
            for lost in gap {
                step();
                #[cfg(test)]
                {
                    self.steps += 1;
                }
                let has_reordered = self.has_reordered;
                let Some(sent) = self.get_mut(lost) else {
                    continue;
                };
                if sent.state != State::InFlight {
                    continue;
                }
                let expires = sent.at.saturating_add(loss_delay);
                let overtaken = !has_reordered && largest - lost >= PACKET_THRESHOLD;
                if now < expires && !overtaken {
                    self.loss_time = Some(expires);
                    self.unresolved = lost;
                    break 'gaps;
                }
                let Sent {
                    at,
                    carried,
                    sending,
                    ..
                } = *sent;
                if let Carried::Size(size) = carried {
                    sent.state = State::LostProbe;
                    self.bytes -= u64::from(size);
                    self.count -= 1;
                    on_resolved(carried, false);
                    continue;
                }
                sent.state = State::Lost(period.0);
                if at >= period.1 {
                    period = (period.0.wrapping_add(1), now, 0);
                    sent.state = State::Lost(period.0);
                }
                period.2 += 1;
                let size = carried.size(self.overhead);
                self.bytes -= size;
                self.count -= 1;
                on_resolved(carried, false);
                self.rate.on_lost(at, size, &sending);
                resolved.lost = resolved.lost.max(Some(at));
                let began = *began.get_or_insert(at);
                resolved.persistent |= at.saturating_sub(began) > persistent;
            }
        }
        self.period = period;
        resolved.persistent &= self.rtt.smoothed().is_some();
        if resolved.lost.is_some() {
            self.expect_less_reordering(now);
        }
    }

    /// Once losses have been real for many round trips, reordering is expected less.
    fn expect_less_reordering(&mut self, now: Duration) {
        if now < self.real_since {
            return;
        }
        self.real_since = now.saturating_add(self.rtt.all().smoothed);
        self.real_losses += 1;
        if self.real_losses >= REAL_LOSSES {
            self.real_losses = 0;
            self.reordering /= 2;
        }
    }
}
