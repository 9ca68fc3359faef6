//! How the sender handles datagrams and time.

use std::time::Duration;

use super::{
    BASE, CLOSE_REPEATS, INITIAL_TIMEOUT, KEEPALIVE, MIN_DATAGRAM, Phase, Sender, SenderCounts,
};
use crate::protocol::PathMtu;
use crate::protocol::congestion::Acknowledged;
use crate::protocol::transfer::failure::Failure;
use crate::protocol::transfer::frame::{self, Acknowledge, Code, Frame, Reject};
use crate::protocol::transfer::in_flight::{Carried, Resolved};
use crate::protocol::transfer::stream::Stream;

impl Sender {
    /// When to call [`handle_timeout`](Self::handle_timeout) if no datagram arrives before; `None` once
    /// the transfer is over.
    pub fn poll_timeout(&self) -> Option<Duration> {
        let silence = self.last_received.saturating_add(self.config.timeout);
        match &self.phase {
            Phase::Over(_) => None,
            Phase::Opening { next, .. } => Some(silence.min(*next)),
            // More of it can be read at once, or its writer wakes the sender.
            Phase::Verifying(_) => Some(silence),
            Phase::Sending => {
                let times = [
                    self.in_flight.poll_timeout(),
                    self.paced_until,
                    self.keepalive_deadline(),
                    self.path_mtu_deadline(),
                ];
                times.into_iter().flatten().chain([silence]).min()
            }
        }
    }

    /// When to probe the path again; not for a stream that is almost complete.
    fn path_mtu_deadline(&self) -> Option<Duration> {
        self.mtu.poll_timeout().filter(|_| !self.stream.end_sent)
    }

    /// When to ping the receiver: nothing is in flight that it would acknowledge.
    fn keepalive_deadline(&self) -> Option<Duration> {
        if !self.in_flight.is_empty() {
            return None;
        }
        let waits = self.stream.end_sent || self.stream.next >= self.stream.credit;
        let wait = if waits {
            self.in_flight
                .probe_timeout()
                .saturating_mul(1 << self.unanswered_probes.min(10))
        } else {
            KEEPALIVE
        };
        // A peer that is never asked stays silent: a few pings are sent before either end counts as
        // gone.
        let most = KEEPALIVE.min(self.peer_timeout / 4);
        Some(
            self.last_sent
                .max(self.last_received)
                .saturating_add(wait.min(most)),
        )
    }

    /// Handles what is due at `now`.
    pub fn handle_timeout(&mut self, now: Duration) {
        if matches!(self.phase, Phase::Over(_)) {
            return;
        }
        if now >= self.last_received.saturating_add(self.config.timeout) {
            self.phase = Phase::Over(Err(Failure::Silent(self.config.timeout)));
            return;
        }
        if self.paced_until.is_some_and(|paced| paced <= now) {
            self.paced_until = None;
        }
        if !matches!(self.phase, Phase::Sending) {
            return;
        }
        self.mtu.handle_timeout(now);
        if self.keepalive_deadline().is_some_and(|time| time <= now) {
            self.unanswered_probes = self.unanswered_probes.saturating_add(1);
            self.probes = 1;
        }
        if self
            .in_flight
            .poll_timeout()
            .is_some_and(|time| time <= now)
        {
            let Self {
                in_flight,
                stream,
                mtu,
                counts,
                ..
            } = self;
            let resolved = in_flight.handle_timeout(now, |carried, arrived| {
                on_resolved(carried, arrived, now, stream, mtu, counts)
            });
            match resolved {
                Some(resolved) => self.update_congestion(now, resolved, false),
                None => {
                    self.counts.timeouts += 1;
                    self.probes = 2;
                    if self.in_flight.timeouts() >= 3 {
                        self.mtu.on_black_hole(now);
                    }
                }
            }
        }
        self.apply_path_mtu();
    }

    /// Processes a datagram of the receiver.
    ///
    /// # Errors
    /// It is not a valid frame, or not valid in this state; it is counted and has no effect.
    pub fn handle_datagram(&mut self, now: Duration, bytes: &[u8]) -> Result<(), Reject> {
        let taken = frame::decode(bytes).and_then(|decoded| {
            if decoded.id != self.id {
                return Err(Reject::Foreign);
            }
            self.handle_frame(now, decoded.frame)
                .ok_or(Reject::Malformed)
        });
        match taken {
            Ok(()) => self.last_received = self.last_received.max(now),
            Err(_) => self.counts.rejected += 1,
        }
        taken
    }

    fn handle_frame(&mut self, now: Duration, frame: Frame<'_>) -> Option<()> {
        match (frame, &mut self.phase) {
            (_, Phase::Over(_)) => {}
            (
                Frame::Challenge { token: new },
                Phase::Opening {
                    token,
                    next,
                    wait,
                    open_sent,
                },
            ) => {
                self.in_flight.rtt.sample_first(now, *open_sent);
                if *token != new {
                    (*token, *next, *wait, *open_sent) = (new, now, INITIAL_TIMEOUT, (now, 0));
                }
            }
            (Frame::Accept(accept), Phase::Opening { open_sent, .. }) => {
                self.in_flight.rtt.sample_first(now, *open_sent);
                self.in_flight.delay = Duration::from_millis(accept.delay.min(1000).into());
                self.stream.credit = accept.credit;
                let theirs = Duration::from_secs(accept.peer_timeout.into());
                self.peer_timeout = self.config.timeout.min(theirs);
                let max_datagram = accept
                    .max_datagram
                    .min(self.config.max_datagram)
                    .max(MIN_DATAGRAM);
                self.mtu = PathMtu::new(BASE.min(max_datagram), max_datagram, now);
                self.phase = Phase::Verifying(accept);
                self.apply_path_mtu();
            }
            (Frame::Acknowledge(ack), Phase::Sending) => self.handle_acknowledge(now, ack)?,
            // Sent again, since an answer of this end was lost.
            (Frame::Challenge { .. } | Frame::Accept(_) | Frame::Acknowledge(_), _) => {}
            (Frame::Done, Phase::Sending) if self.stream.end_sent => {
                self.phase = Phase::Over(Ok(()));
                self.close_frame = Some((Code::Finished, String::new(), CLOSE_REPEATS));
            }
            (Frame::Close(close), _) => {
                let reason = close.reason.to_vec();
                let code = close.code;
                self.phase = Phase::Over(Err(Failure::Closed { code, reason }));
            }
            (Frame::Versions(versions), Phase::Opening { .. }) => {
                self.phase = Phase::Over(Err(Failure::Version(versions.to_vec())));
            }
            _ => return None,
        }
        Some(())
    }

    fn handle_acknowledge(&mut self, now: Duration, ack: Acknowledge<'_>) -> Option<()> {
        if ack.delivered > self.stream.next {
            return None;
        }
        let Self {
            in_flight,
            stream,
            mtu,
            counts,
            ..
        } = self;
        let delay = Duration::from_micros(ack.delay.into());
        let resolved = in_flight.acknowledge(now, ack.ranges, delay, |carried, arrived| {
            on_resolved(carried, arrived, now, stream, mtu, counts);
        })?;
        if ack.credit > self.stream.credit || resolved.bytes > 0 {
            self.unanswered_probes = 0;
        }
        self.stream.acknowledge(0..ack.delivered);
        self.stream.credit = self.stream.credit.max(ack.credit);
        self.is_storing = ack.is_storing;
        self.update_congestion(now, resolved, true);
        self.apply_path_mtu();
        Some(())
    }

    /// Reports arrivals and losses to the window: the loss first (RFC 9002, appendix A.7).
    fn update_congestion(&mut self, now: Duration, resolved: Resolved, is_acknowledgement: bool) {
        self.counts.spurious_losses += resolved.spurious_losses;
        if resolved.is_spurious {
            self.congestion.on_spurious_loss();
        }
        if let Some(sent_at) = resolved.lost {
            self.congestion.on_congestion(now, sent_at);
            if resolved.persistent {
                self.congestion.on_persistent_congestion(now);
            }
        }
        if let (true, Some(sent_at)) = (is_acknowledgement && resolved.bytes > 0, resolved.newest) {
            let round_trip = self.in_flight.rtt.all();
            let acknowledged = Acknowledged {
                bytes: resolved.bytes,
                sent_at,
                in_flight: resolved.in_flight,
                is_window_limited: self.is_window_limit,
                round_trip,
                rate: self.in_flight.rate.sample(round_trip.min),
            };
            self.congestion.on_acknowledged(now, acknowledged);
        }
    }

    /// The socket refused a datagram of this many bytes as too long for the path (EMSGSIZE).
    pub fn on_packet_too_big(&mut self, now: Duration, size: usize) {
        let size = u16::try_from(size).unwrap_or(u16::MAX);
        self.in_flight.remove_unsent(Carried::Size(size));
        self.mtu.on_packet_too_big(now, size);
        self.apply_path_mtu();
    }

    /// Follows the path's MTU.
    fn apply_path_mtu(&mut self) {
        let segment = self.mtu.current();
        if segment != self.segment {
            self.segment = segment;
            self.congestion.set_segment_size(segment.into());
            self.pacer.set_segment_size(segment.into());
        }
    }
}
/// Records the fate of a datagram.
fn on_resolved(
    carried: Carried,
    arrived: bool,
    now: Duration,
    stream: &mut Stream,
    mtu: &mut PathMtu,
    counts: &mut SenderCounts,
) {
    counts.lost += u64::from(!arrived);
    match (carried, arrived) {
        (Carried::Data(..), true) => {
            stream.acknowledge(carried.range());
            mtu.on_datagram_acknowledged(now, carried.size() as u16);
        }
        (Carried::Data(..), false) => {
            stream.on_lost(carried.range());
            mtu.on_datagram_lost(now, carried.size() as u16);
        }
        (Carried::End, false) => stream.end_due = true,
        (Carried::Size(size), true) => mtu.on_probe_acknowledged(now, size),
        (Carried::Size(size), false) => mtu.on_probe_lost(now, size),
        (Carried::End | Carried::Ping, _) => {}
    }
}
