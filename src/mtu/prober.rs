//! The socket of the probes: it sends a burst of sizes, and collects the outcome of each.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::{Answers, ProbeOutcome, Trial};
use crate::error::Result;
use crate::protocol::RttEstimator;
use crate::socket::option::PathMtuDiscovery;
use crate::socket::options::OptionValue;
use crate::socket::{Endpoint, Family, Origin, QueuedError, Readiness, ReceiveBuffer, Refusal};
use crate::units;

/// An error that ends the search: an errno, and the host that reported it.
pub(super) type End = (i32, Option<IpAddr>, Refusal);

/// The maximum number of late answers that are read before a burst: a bound for a host that floods.
const MOST_LATE: u32 = 1000;

/// A datagram in flight.
#[derive(Clone, Copy, Debug)]
struct Probe {
    payload: usize,
    sent: Instant,
    outcome: Option<(ProbeOutcome, Duration)>,
}

/// The socket, and its findings so far.
pub(super) struct Prober {
    endpoint: Endpoint,
    target: SocketAddr,
    buffer: ReceiveBuffer,
    filler: Vec<u8>,
    under_way: Vec<Probe>,
    may_fragment: bool,
    /// The last kind of answer.
    pub(super) answers: Option<Answers>,
    /// The round-trip estimate, for the waiting time.
    pub(super) estimate: RttEstimator,
    /// The largest size whose answer arrived after its burst had ended; 0 for none.
    pub(super) late: usize,
    largest_sent: usize,
    /// The error that ended the search: no route.
    pub(super) end: Option<End>,
    pub(super) tries: u32,
}

impl Prober {
    /// Opens a connected socket that sends with the given `discovery` mode.
    pub(super) fn open(
        target: SocketAddr,
        discovery: PathMtuDiscovery,
        more: Option<OptionValue>,
    ) -> Result<Self> {
        let family = Family::of(target);
        let endpoint = Endpoint::builder()
            .receive_errors()
            .path_mtu_discovery(discovery)
            .options(more)
            .unbound(family)?;
        endpoint.connect(target)?;
        // An echo is recognized by its content: bytes that no other program sends.
        let mut dice = fastrand::Rng::new();
        let filler = (0..family.largest_payload()).map(|_| dice.u8(..)).collect();
        Ok(Self {
            endpoint,
            target,
            buffer: ReceiveBuffer::new(),
            filler,
            under_way: Vec::new(),
            may_fragment: discovery == PathMtuDiscovery::Dont,
            answers: None,
            estimate: RttEstimator::default(),
            late: 0,
            largest_sent: 0,
            end: None,
            tries: 0,
        })
    }

    pub(super) fn local(&self) -> Result<SocketAddr> {
        self.endpoint.local_address()
    }

    /// The kernel's path MTU.
    pub(super) fn kernel_mtu(&self) -> Result<u32> {
        self.endpoint.path_mtu()
    }

    /// Sends datagrams of these sizes and waits until the outcome of each is known, or the time has
    /// expired. Returns the outcomes in the order of the sizes.
    pub(super) fn burst(
        &mut self,
        sizes: &[usize],
        wait: Duration,
        stop: &AtomicBool,
    ) -> Result<Vec<Trial>> {
        self.under_way.clear();
        self.drain()?;
        for &payload in sizes {
            self.send(payload)?;
        }
        let deadline = units::after(Instant::now(), wait);
        while self.end.is_none() && self.under_way.iter().any(|probe| probe.outcome.is_none()) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || stop.load(Ordering::Relaxed) {
                break;
            }
            match self.endpoint.wait(Some(left))? {
                Some(Readiness::Datagram) => self.hear_reply()?,
                Some(Readiness::Error) => self.hear_icmp()?,
                None => {}
            }
        }
        let may_fragment = self.may_fragment;
        let trial = |probe: &Probe| {
            let lost = (ProbeOutcome::Lost, probe.sent.elapsed());
            let (outcome, after) = probe.outcome.unwrap_or(lost);
            Trial {
                payload: probe.payload,
                may_fragment,
                outcome,
                after,
            }
        };
        Ok(self.under_way.iter().map(trial).collect())
    }

    /// Reads what arrived since the last burst ended: it answers none of the next.
    fn drain(&mut self) -> Result<()> {
        for _ in 0..MOST_LATE {
            match self.endpoint.wait(Some(Duration::ZERO))? {
                Some(Readiness::Datagram) => self.hear_reply()?,
                Some(Readiness::Error) => self.hear_icmp()?,
                None => break,
            }
        }
        Ok(())
    }

    fn send(&mut self, payload: usize) -> Result<()> {
        // A send may return the ICMP error of an earlier datagram; then it is repeated.
        for is_last in [false, true] {
            let bytes = self.filler.get(..payload).unwrap_or(&self.filler);
            let sent = Instant::now();
            let result = self.endpoint.send(bytes);
            let mut probe = Probe {
                payload,
                sent,
                outcome: None,
            };
            match result.map_err(|error| (error.errno(), error)) {
                Ok(()) => {
                    self.tries += 1;
                    self.largest_sent = self.largest_sent.max(payload);
                    self.under_way.push(probe);
                    return Ok(());
                }
                Err((Some(libc::EMSGSIZE), _)) => {
                    // The error queue has the limit, in an entry from this machine, unless the error
                    // was ICMP's about an earlier datagram.
                    if let Some(mtu) = self.refusal()? {
                        probe.outcome = Some((ProbeOutcome::Refused { mtu }, Duration::ZERO));
                        self.under_way.push(probe);
                        return Ok(());
                    }
                }
                Err((Some(libc::ENOBUFS | libc::EAGAIN), _)) => {
                    self.under_way.push(probe); // lost on the way out
                    return Ok(());
                }
                Err((Some(errno), error)) => {
                    self.hear_icmp()?;
                    let is_route =
                        error.is_about_the_network() || matches!(errno, libc::EPERM | libc::EINVAL);
                    if is_last && is_route {
                        let refusal = Refusal::of_send(errno).unwrap_or(Refusal::Unreachable);
                        self.end = self.end.or(Some((errno, None, refusal)));
                    } else if !is_route {
                        return Err(error);
                    }
                }
                Err((None, error)) => return Err(error),
            }
        }
        // Two errors in a row: nothing is known of this one.
        self.under_way.push(Probe {
            payload,
            sent: Instant::now(),
            outcome: None,
        });
        Ok(())
    }

    /// The first hop's MTU, which the kernel put into the error queue with EMSGSIZE.
    fn refusal(&mut self) -> Result<Option<u32>> {
        let mut found = None;
        while let Some(error) = self.endpoint.queued_error(&mut self.buffer)? {
            match (error.origin, error.errno) {
                (Origin::Local, libc::EMSGSIZE) => found = Some(error.info),
                _ => self.note(&error),
            }
        }
        Ok(found)
    }

    fn hear_reply(&mut self) -> Result<()> {
        let datagram = match self.endpoint.try_receive(&mut self.buffer) {
            Ok(Some(datagram)) => datagram,
            Ok(None) => return Ok(()),
            Err(error) if error.is_about_the_network() => return Ok(()),
            Err(error) => return Err(error),
        };
        let bytes = datagram.bytes();
        let is_under_way = |size: usize| self.under_way.iter().any(|probe| probe.payload == size);
        let is_echo = !bytes.is_empty() && self.filler.get(..bytes.len()) == Some(bytes);
        let (answers, size) = match stated_length(bytes) {
            _ if is_echo => (Answers::Echo, Some(bytes.len())),
            Some(size) => (Answers::Length, Some(size)),
            None => (Answers::Reply, None),
        };
        match size.filter(|&size| !is_under_way(size)) {
            // A late answer to an earlier burst; a datagram that was not sent is not answered.
            Some(size) if size <= self.largest_sent => {
                self.late = self.late.max(size);
                self.answers = Some(answers);
            }
            Some(_) => {}
            None => self.answered(answers, size),
        }
        Ok(())
    }

    fn hear_icmp(&mut self) -> Result<()> {
        let mut is_empty = true;
        while let Some(error) = self.endpoint.queued_error(&mut self.buffer)? {
            is_empty = false;
            self.note(&error);
        }
        if is_empty
            && let Some(error) = self.endpoint.take_error()?
            && !error.is_about_the_network()
        {
            return Err(error);
        }
        Ok(())
    }

    fn note(&mut self, error: &QueuedError) {
        let by = error.offender.map(|offender| offender.ip());
        let refusal = error.refusal();
        let is_port = refusal == Some(Refusal::Closed);
        match (error.errno, error.origin) {
            (_, Origin::Local) => {}
            (libc::EMSGSIZE, _) => self.too_big(error.info, by),
            // The host itself: the datagram arrived.
            _ if is_port && by == Some(self.target.ip()) => self.answered(Answers::Icmp, None),
            (errno, _) => self.end = self.end.or(refusal.map(|refusal| (errno, by, refusal))),
        }
    }

    /// Every datagram larger than the link's MTU counts as reported by its router.
    fn too_big(&mut self, mtu: u32, by: Option<IpAddr>) {
        let most = (mtu as usize).saturating_sub(Family::of(self.target).headers());
        // A router that reports no MTU (RFC 1191 section 3), or an impossible one, refers to the
        // largest.
        let largest = self.under_way.iter().map(|probe| probe.payload).max();
        let most = most.min(largest.unwrap_or(1).saturating_sub(1));
        for probe in &mut self.under_way {
            if probe.payload > most && probe.outcome.is_none() {
                probe.outcome = Some((ProbeOutcome::TooBig { mtu, by }, probe.sent.elapsed()));
            }
        }
    }

    /// Records an answer to the probe of this size; without a size, to the smallest.
    fn answered(&mut self, answers: Answers, size: Option<usize>) {
        let waiting = self
            .under_way
            .iter_mut()
            .filter(|probe| probe.outcome.is_none());
        let probe = match size {
            Some(size) => waiting.into_iter().find(|probe| probe.payload == size),
            None => waiting.min_by_key(|probe| probe.payload),
        };
        if let Some(probe) = probe {
            let after = probe.sent.elapsed();
            probe.outcome = Some((ProbeOutcome::Answered, after));
            self.estimate.sample(after);
            self.answers = Some(answers);
        }
    }
}

/// The number in `Your data was 1472 bytes long`.
fn stated_length(bytes: &[u8]) -> Option<usize> {
    let rest = bytes.strip_prefix(b"Your data was ")?;
    let end = memchr::memmem::find(rest, b" bytes long")?;
    std::str::from_utf8(&rest[..end]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read() {
        assert_eq!(stated_length(b"Your data was 1472 bytes long."), Some(1472));
        for bad in [
            &b"Your data was"[..],
            b"Your data was -1 bytes long",
            b"Your data was 99999999999999999999 bytes long",
            b"\xff",
        ] {
            assert_eq!(stated_length(bad), None);
        }
    }
}
