//! How the sender handles datagrams and time.

use std::time::Duration;

use super::{BASE, CLOSE_REPEATS, KEEPALIVE, Phase, Sender, SenderCounts};
use crate::protocol::PathMtu;
use crate::protocol::congestion::{Acknowledged, Pacer};
use crate::protocol::transfer::failure::Failure;
use crate::protocol::transfer::in_flight::{Carried, Resolved};
use crate::protocol::transfer::rtt::PathRtt;
use crate::protocol::transfer::stream::Stream;
use crate::protocol::transfer::wire::{
    self, Acknowledge, Code, Frame, Frames, Reject, Status, connection_of,
};

/// The longest wait after the socket refused datagrams.
const MAX_REFUSED_WAIT: Duration = Duration::from_millis(100);
/// The most packets that one acknowledgement is for, and how long the first of them may wait.
const MAX_SHARE: u64 = 256;
const MIN_ACK_DELAY: Duration = Duration::from_millis(2);
const MAX_ACK_DELAY: Duration = Duration::from_millis(20);
/// How long a receiver is silent until a hint that it knows the transfer no longer is believed.
const SUSPICION: Duration = Duration::from_millis(500);

impl Sender {
    /// When to call [`handle_timeout`](Self::handle_timeout) if no datagram arrives before; `None` once
    /// the transfer is over.
    pub fn poll_timeout(&self) -> Option<Duration> {
        let silence = self.last_received.saturating_add(self.config.timeout);
        match &self.phase {
            Phase::Over(_) => self.close_at.filter(|_| self.close_frame.is_some()),
            Phase::Opening(phase) => Some(silence.min(phase.next)),
            Phase::Sending => {
                let times = [
                    self.in_flight.poll_timeout(),
                    self.paced_until,
                    self.refused.1,
                    self.keepalive_deadline(),
                    self.path_mtu_deadline(),
                    self.suspicion_deadline(),
                ];
                times.into_iter().flatten().chain([silence]).min()
            }
        }
    }

    /// When to probe the path again; not for a stream that is almost complete.
    fn path_mtu_deadline(&self) -> Option<Duration> {
        self.mtu.poll_timeout().filter(|_| !self.stream.end_sent)
    }

    /// When a receiver that is said to have been started again counts as such.
    fn suspicion_deadline(&self) -> Option<Duration> {
        let wait = self
            .in_flight
            .rtt
            .probe_timeout(Duration::ZERO)
            .max(SUSPICION);
        Some(self.suspect?.saturating_add(wait))
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
        if self.suspicion_deadline().is_some_and(|time| time <= now) {
            self.phase = Phase::Over(Err(Failure::Restarted));
            return;
        }
        for time in [&mut self.paced_until, &mut self.refused.1] {
            *time = time.filter(|time| *time > now);
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
            let overhead = in_flight.overhead;
            let resolved = in_flight.handle_timeout(now, |carried, arrived| {
                on_resolved(carried, arrived, overhead, now, stream, mtu, counts)
            });
            match resolved {
                Some(resolved) => self.update_congestion(now, resolved, false),
                None => {
                    self.counts.timeouts += 1;
                    self.probes = 2;
                    if self.in_flight.timeouts() >= 3 {
                        self.mtu.on_black_hole(now);
                        if self.replays.end == 0 {
                            // Nothing has ever arrived: perhaps the path loses what is marked.
                            self.ecn.disable();
                        }
                    }
                }
            }
        }
        self.apply_path_mtu();
    }

    /// Processes a datagram of the receiver.
    ///
    /// # Errors
    /// It is forged or damaged, of another transfer, a duplicate, or not valid in this state; it is
    /// counted and has no effect.
    pub fn handle_datagram(&mut self, now: Duration, bytes: &[u8]) -> Result<(), Reject> {
        let taken = match wire::decode(bytes) {
            Ok((id, frame)) => self.handle_handshake(now, id, frame),
            Err(Reject::Version(version)) => Err(Reject::Version(version)),
            Err(_) => self.handle_packet(now, bytes),
        };
        match taken {
            Ok(()) => self.counts.received_bytes += bytes.len() as u64,
            Err(_) => self.counts.rejected += 1,
        }
        taken
    }

    fn handle_packet(&mut self, now: Duration, bytes: &[u8]) -> Result<(), Reject> {
        if !self.is_open() || connection_of(bytes) != Some(self.connection) {
            return Err(Reject::Foreign);
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        scratch.extend_from_slice(bytes);
        let opened = wire::open(&mut self.protection, &mut scratch);
        let taken = opened.and_then(|(number, payload)| {
            // Without a key, a packet of this end that is reflected has a good checksum as well. Its
            // number is not one of the receiver's.
            if let Some(Ok(frame)) = Frames::new(payload).next()
                && frame.is_of_sender()
            {
                return Err(Reject::Malformed);
            }
            let (is_new, is_newest) = self.replays.record(number);
            if !is_new {
                return Err(Reject::Duplicate);
            }
            self.last_received = self.last_received.max(now);
            self.suspect = None;
            self.refused = (Duration::ZERO, None);
            for frame in Frames::new(payload) {
                self.handle_frame(now, is_newest, frame?)?;
            }
            Ok(())
        });
        self.scratch = scratch;
        taken
    }

    fn handle_frame(
        &mut self,
        now: Duration,
        is_newest: bool,
        frame: Frame<'_>,
    ) -> Result<(), Reject> {
        if let Phase::Over(result) = &self.phase {
            // The receiver had stored it when this end gave up.
            if matches!(frame, Frame::Done) && result.is_err() && self.stream.end_sent {
                self.finish();
            }
            return Ok(());
        }
        match frame {
            Frame::Acknowledge(ack) => {
                let acknowledged = self.handle_acknowledge(now, ack);
                acknowledged.ok_or(Reject::Malformed)?;
                if is_newest {
                    // Unless a status follows.
                    self.status = Status::Receiving;
                }
            }
            Frame::Credit { delivered, limit } => {
                if delivered > self.stream.next {
                    return Err(Reject::Malformed);
                }
                let limit = limit.min(delivered.saturating_add(self.config.max_window));
                if limit > self.stream.credit {
                    self.unanswered_probes = 0;
                }
                self.stream.acknowledge(0..delivered);
                self.stream.credit = self.stream.credit.max(limit);
                self.update_share();
            }
            Frame::Status(status) => {
                if is_newest {
                    self.status = status;
                }
            }
            Frame::Answer { offset, bytes } => self.answers.receive(offset, bytes),
            Frame::PathChallenge(bytes) => self.handle_path_challenge(now, bytes),
            Frame::Done if self.stream.end_sent => self.finish(),
            Frame::Close(close) => {
                let (code, reason) = (close.code, close.reason.to_vec());
                self.phase = Phase::Over(Err(Failure::Closed { code, reason }));
            }
            _ => return Err(Reject::Malformed),
        }
        Ok(())
    }

    /// The receiver has stored everything.
    fn finish(&mut self) {
        self.phase = Phase::Over(Ok(()));
        self.close_frame = Some((Code::Finished, String::new(), CLOSE_REPEATS));
        self.close_at = None;
    }

    /// The receiver sees another address of this end: the path is another (RFC 9000 section 9.4).
    fn handle_path_challenge(&mut self, now: Duration, bytes: [u8; 8]) {
        self.pending.response = Some(bytes);
        if self.challenge.replace(bytes) == Some(bytes) {
            return;
        }
        self.counts.migrations += 1;
        self.in_flight.rtt = PathRtt::default();
        self.in_flight.rate.on_path_changed(now);
        self.congestion.on_path_changed(now);
        let max_datagram = self.config.max_datagram;
        self.mtu = PathMtu::new(BASE.min(max_datagram), max_datagram, now);
        self.pacer = Pacer::new(self.mtu.current().into());
        self.pacer.set_limit(self.config.max_rate);
        self.apply_path_mtu();
    }

    fn handle_acknowledge(&mut self, now: Duration, ack: Acknowledge<'_>) -> Option<()> {
        let Self {
            in_flight,
            stream,
            mtu,
            counts,
            ..
        } = self;
        let delay = Duration::from_micros(ack.delay.into());
        let overhead = in_flight.overhead;
        let resolved = in_flight.acknowledge(now, ack.ranges, delay, |carried, arrived| {
            on_resolved(carried, arrived, overhead, now, stream, mtu, counts);
        })?;
        if resolved.bytes > 0 {
            self.unanswered_probes = 0;
        }
        let is_marked = resolved.is_newer && self.ecn.on_counts(resolved.packets, ack.ect0, ack.ce);
        self.counts.marked = self.ecn.marks();
        if let (true, Some(sent_at)) = (is_marked, resolved.newest) {
            self.congestion.on_marked(now, sent_at);
        }
        // Ranges below the newest that no longer matter make acknowledgements long.
        let settled = self.in_flight.settled();
        let trip = self.in_flight.rtt.all().smoothed / 2;
        if now >= self.settled_at.saturating_add(trip)
            && ack.ranges.iter().skip(1).any(|(_, last)| last < settled)
        {
            self.pending.settled = true;
        }
        self.update_congestion(now, resolved, true);
        self.update_share();
        self.apply_path_mtu();
        Some(())
    }

    /// How many packets the receiver should acknowledge at once: a share of what can be on its way.
    fn update_share(&mut self) {
        let credit = self.stream.credit.saturating_sub(self.stream.released());
        let window = self.congestion.window().min(credit);
        let packets = window / u64::from(self.segment.max(1)) / 4;
        let packets = packets.clamp(2, MAX_SHARE) as u32;
        let (before, _) = self.share;
        // Not too often: a share that is a little too small or too large does no harm.
        if packets > before.saturating_mul(3) / 2 || packets < before / 3 * 2 {
            let delay = self.in_flight.rtt.all().smoothed / 4;
            let delay = delay.clamp(MIN_ACK_DELAY, MAX_ACK_DELAY);
            self.share = (packets, delay);
            self.in_flight.delay = delay;
            self.pending.share = true;
        }
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

    /// The socket refused the last run for another reason: no route for now, a firewall, or no
    /// memory (ENETUNREACH, EPERM, ENOBUFS). It counts as lost like any other. The next leaves after
    /// a wait, which doubles up to a tenth of a second until a packet arrives, since some of these
    /// errors are about earlier datagrams. It does not wait for the probe timeout: nothing left.
    pub fn on_send_failed(&mut self, now: Duration) {
        let wait = self.refused.0 * 2;
        self.refused.0 = wait.clamp(Duration::from_millis(1), MAX_REFUSED_WAIT);
        self.refused.1 = Some(now.saturating_add(self.refused.0));
        self.probes = self.probes.max(1);
    }

    /// The socket took the last run.
    pub fn on_send_succeeded(&mut self) {
        self.refused.1 = None;
    }

    /// Follows the path's MTU.
    pub(super) fn apply_path_mtu(&mut self) {
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
    overhead: u16,
    now: Duration,
    stream: &mut Stream,
    mtu: &mut PathMtu,
    counts: &mut SenderCounts,
) {
    counts.lost += u64::from(!arrived);
    let size = carried.size(overhead) as u16;
    match (carried, arrived) {
        (Carried::Data(..), true) => {
            stream.acknowledge(carried.range());
            mtu.on_datagram_acknowledged(now, size);
        }
        (Carried::Data(..), false) => {
            stream.on_lost(carried.range());
            mtu.on_datagram_lost(now, size);
        }
        (Carried::End, false) => stream.end_due = true,
        (Carried::Size(size), true) => mtu.on_probe_acknowledged(now, size),
        (Carried::Size(size), false) => mtu.on_probe_lost(now, size),
        (Carried::End | Carried::Ping | Carried::Control, _) => {}
    }
}
