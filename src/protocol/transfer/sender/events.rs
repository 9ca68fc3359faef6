//! What the sender hears, and what the time tells it.

use std::time::Duration;

use super::{BASE, CLOSE_REPEATS, FIRST_WAIT, KEEPALIVE, LEAST, Phase, Sender, SenderCounts};
use crate::protocol::PathMtu;
use crate::protocol::congestion::Acknowledged;
use crate::protocol::transfer::failure::Failure;
use crate::protocol::transfer::frame::{self, Acknowledge, Code, Frame, Reject};
use crate::protocol::transfer::in_flight::{Carried, Settled};
use crate::protocol::transfer::stream::Stream;

impl Sender {
    /// When [`expire`](Self::handle_timeout) has to be called if no datagram comes before; `None` once it is
    /// over.
    pub fn poll_timeout(&self) -> Option<Duration> {
        let silence = self.heard.saturating_add(self.config.timeout);
        match &self.phase {
            Phase::Over(_) => None,
            Phase::Opening { next, .. } => Some(silence.min(*next)),
            // More of it can be read at once, or comes from outside.
            Phase::Verifying(_) => Some(silence),
            Phase::Sending => {
                let times = [
                    self.in_flight.poll_timeout(),
                    self.paced,
                    self.question(),
                    self.mtu_deadline(),
                ];
                times.into_iter().flatten().chain([silence]).min()
            }
        }
    }

    /// When the path is to be probed again; not for a stream that is all but over.
    fn mtu_deadline(&self) -> Option<Duration> {
        self.mtu.poll_timeout().filter(|_| !self.stream.end_told)
    }

    /// When to ask for a sign of life: nothing is in flight that would bring one.
    fn question(&self) -> Option<Duration> {
        if !self.in_flight.is_empty() {
            return None;
        }
        let waits = self.stream.end_told || self.stream.next >= self.stream.credit;
        let wait = match waits {
            true => self
                .in_flight
                .backed_off()
                .saturating_mul(1 << self.asked.min(10)),
            false => KEEPALIVE,
        };
        // Who is never asked is silent: there are a few questions before either counts as gone.
        let most = KEEPALIVE.min(self.peer_timeout / 4);
        Some(self.spoke.max(self.heard).saturating_add(wait.min(most)))
    }

    /// Says that a deadline may have come.
    pub fn handle_timeout(&mut self, now: Duration) {
        if matches!(self.phase, Phase::Over(_)) {
            return;
        }
        if now >= self.heard.saturating_add(self.config.timeout) {
            self.phase = Phase::Over(Err(Failure::Silent(self.config.timeout)));
            return;
        }
        if self.paced.is_some_and(|paced| paced <= now) {
            self.paced = None;
        }
        if !matches!(self.phase, Phase::Sending) {
            return;
        }
        if self.question().is_some_and(|time| time <= now) {
            self.asked = self.asked.saturating_add(1);
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
            let settled = in_flight.handle_timeout(now, |carried, came| {
                on_resolved(carried, came, now, stream, mtu, counts)
            });
            match settled {
                Some(settled) => self.react(now, settled, false),
                None => {
                    self.counts.timeouts += 1;
                    self.probes = 2;
                    if self.in_flight.timeouts() >= 3 {
                        self.mtu.on_black_hole(now);
                    }
                }
            }
        }
        self.resize();
    }

    /// Takes a datagram of the receiver.
    ///
    /// # Errors
    /// It is no frame, or none that makes sense here; it is counted and has no effect.
    pub fn handle_datagram(&mut self, now: Duration, bytes: &[u8]) -> Result<(), Reject> {
        let taken = frame::decode(bytes).and_then(|decoded| {
            if decoded.id != self.id {
                return Err(Reject::Foreign);
            }
            self.take(now, decoded.frame).ok_or(Reject::Malformed)
        });
        match taken {
            Ok(()) => self.heard = self.heard.max(now),
            Err(_) => self.counts.rejected += 1,
        }
        taken
    }

    fn take(&mut self, now: Duration, frame: Frame<'_>) -> Option<()> {
        match (frame, &mut self.phase) {
            (_, Phase::Over(_)) => {}
            (
                Frame::Challenge { token: new },
                Phase::Opening {
                    token,
                    next,
                    wait,
                    asked,
                },
            ) => {
                self.in_flight.rtt.sample_first(now, *asked);
                if *token != new {
                    (*token, *next, *wait, *asked) = (new, now, FIRST_WAIT, (now, 0));
                }
            }
            (Frame::Accept(accept), Phase::Opening { asked, .. }) => {
                self.in_flight.rtt.sample_first(now, *asked);
                self.in_flight.delay = Duration::from_millis(accept.delay.min(1000).into());
                self.stream.credit = accept.credit;
                let theirs = Duration::from_secs(accept.peer_timeout.into());
                self.peer_timeout = self.config.timeout.min(theirs);
                let max_datagram = accept.max_datagram.min(self.config.max_datagram).max(LEAST);
                self.mtu = PathMtu::new(BASE.min(max_datagram), max_datagram, now);
                self.phase = Phase::Verifying(accept);
                self.resize();
            }
            (Frame::Acknowledge(ack), Phase::Sending) => self.acknowledged(now, ack)?,
            // Said again, since an answer of ours was lost.
            (Frame::Challenge { .. } | Frame::Accept(_) | Frame::Acknowledge(_), _) => {}
            (Frame::Done, Phase::Sending) if self.stream.end_told => {
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

    fn acknowledged(&mut self, now: Duration, ack: Acknowledge<'_>) -> Option<()> {
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
        let settled = in_flight.acknowledge(now, ack.ranges, delay, |carried, came| {
            on_resolved(carried, came, now, stream, mtu, counts);
        })?;
        if ack.credit > self.stream.credit || settled.bytes > 0 {
            self.asked = 0;
        }
        self.stream.came(0..ack.delivered);
        self.stream.credit = self.stream.credit.max(ack.credit);
        self.is_storing = ack.is_storing;
        self.react(now, settled, true);
        self.resize();
        Some(())
    }

    /// Tells the window what came and what is lost: the loss first (RFC 9002, appendix A.7).
    fn react(&mut self, now: Duration, settled: Settled, is_acknowledgement: bool) {
        self.counts.late += settled.late;
        if settled.is_spurious {
            self.congestion.on_spurious();
        }
        if let Some(sent_at) = settled.lost {
            self.congestion.on_congestion(now, sent_at);
            if settled.persistent {
                self.congestion.on_persistent_congestion(now);
            }
        }
        if let (true, Some(sent_at)) = (is_acknowledgement && settled.bytes > 0, settled.newest) {
            let acknowledged = Acknowledged {
                bytes: settled.bytes,
                sent_at,
                in_flight: settled.in_flight,
                limited: self.is_window_limit,
                round_trip: self.in_flight.rtt.all(),
            };
            self.congestion.on_acknowledged(now, acknowledged);
        }
    }

    /// The socket refused a datagram of so many bytes as too long for the path (EMSGSIZE).
    pub fn too_long(&mut self, now: Duration, size: usize) {
        let size = u16::try_from(size).unwrap_or(u16::MAX);
        self.in_flight.refuse(Carried::Size(size));
        self.mtu.on_too_big(size, now);
        self.resize();
    }

    /// Follows the path's MTU.
    fn resize(&mut self) {
        let segment = self.mtu.current();
        if segment != self.segment {
            self.segment = segment;
            self.congestion.set_segment(segment.into());
            self.pacer.set_segment(segment.into());
        }
    }
}
/// Books what became of a datagram.
fn on_resolved(
    carried: Carried,
    came: bool,
    now: Duration,
    stream: &mut Stream,
    mtu: &mut PathMtu,
    counts: &mut SenderCounts,
) {
    counts.lost += u64::from(!came);
    match (carried, came) {
        (Carried::Data(..), true) => {
            stream.came(carried.range());
            mtu.on_acknowledged(carried.size() as u16);
        }
        (Carried::Data(..), false) => {
            stream.lost(carried.range());
            mtu.on_lost(carried.size() as u16, now);
        }
        (Carried::End, false) => stream.end_due = true,
        (Carried::Size(size), true) => mtu.on_probe_acknowledged(size, now),
        (Carried::Size(size), false) => mtu.on_probe_lost(size, now),
        (Carried::End | Carried::Question, _) => {}
    }
}
