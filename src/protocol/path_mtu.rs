//! The largest datagram that a path carries: DPLPMTUD (RFC 8899), sans-IO.
//!
//! Sizes are bytes of UDP payload: the MTU of the IP layer, less the IP header (20 bytes for IPv4,
//! 40 for IPv6) and the 8 of UDP. Probes are datagrams that may get lost: they carry padding, or
//! data that is retransmitted, and their loss is not a sign of congestion (RFC 8899 section 3, item
//! 7). They must be sent with fragmentation off (`IP_PMTUDISC_PROBE`, ip(7)), or they show nothing.
//!
//! ```
//! use std::time::Duration;
//! use udpraw::protocol::{PathMtu, PathMtuState};
//!
//! let now = Duration::ZERO;
//! let mut mtu = PathMtu::new(PathMtu::BASE_PLPMTU, 1472, now);
//! assert_eq!(mtu.current(), 1200);
//! assert_eq!(mtu.poll_transmit(now), Some(1472)); // the largest size is tried first
//! assert_eq!(mtu.poll_transmit(now), None); // one probe at a time
//! mtu.on_probe_acknowledged(now, 1472);
//! assert_eq!((mtu.current(), mtu.state()), (1472, PathMtuState::SearchComplete));
//! ```

use std::time::Duration;

/// The state of the search (RFC 8899 section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PathMtuState {
    /// The base size must be confirmed again, after a black hole.
    Base,
    /// Larger sizes are tried.
    Searching,
    /// The size is known to within [`PathMtu::MIN_STEP`]; larger ones are tried again after
    /// [`PathMtu::RAISE_TIMER`].
    SearchComplete,
    /// Not even the base size arrives; [`PathMtu::MIN_PLPMTU`] is used meanwhile.
    Error,
}

/// The search for the largest datagram of a path.
///
/// It begins in [`PathMtuState::Searching`]: the handshake before it used datagrams of the base
/// size, or practically confirmed it (RFC 8899 section 5.2, RFC 9000 section 14.3). It tries the
/// maximum first, then common sizes in descending order, then the sizes between by bisection. A
/// size is ruled out when [`PathMtu::MAX_PROBES`] probes of it were lost.
#[derive(Clone, Copy, Debug)]
pub struct PathMtu {
    state: PathMtuState,
    base: u16,
    max: u16,
    current: u16,
    /// The largest size that is not ruled out.
    ceiling: u16,
    /// A size to try before all others.
    guess: Option<u16>,
    /// The outstanding probe: its size, and when it was sent.
    outstanding: Option<(u16, Duration)>,
    /// Lost probes of the size that is tried.
    lost: u32,
    /// No probe before this time; `None` once [`PathMtu::handle_timeout`] saw it pass.
    due: Option<Duration>,
    /// Times at which datagrams above the base size were lost, since one was acknowledged.
    black_hole_losses: u32,
    last_black_hole_loss: Option<Duration>,
}

impl PathMtu {
    /// `BASE_PLPMTU`: 1,200 bytes, which nearly any path carries (RFC 8899 section 5.1.2).
    pub const BASE_PLPMTU: u16 = 1200;
    /// `MIN_PLPMTU`: 548 bytes, the 576 that any IPv4 host accepts less the headers (RFC 1122
    /// section 3.3.2). Over IPv6 any path carries the base size.
    pub const MIN_PLPMTU: u16 = 548;
    /// The largest payload of UDP: 65,507 bytes over IPv4.
    pub const MAX_PLPMTU: u16 = 65_507;
    /// `MAX_PROBES`: 3 probes of a size are lost before it is ruled out (section 5.1.2).
    pub const MAX_PROBES: u32 = 3;
    /// The search ends when the possible gain is smaller than this, in bytes.
    pub const MIN_STEP: u16 = 20;
    /// `PROBE_TIMER`: after 15 s a probe is lost, unless the caller reported its loss before
    /// (section 5.1.1).
    pub const PROBE_TIMER: Duration = Duration::from_secs(15);
    /// `PMTU_RAISE_TIMER`: after 600 s larger sizes are tried again (section 5.1.1).
    pub const RAISE_TIMER: Duration = Duration::from_secs(600);
    /// The shortest time between probes of the base size in [`PathMtuState::Error`].
    pub const RETRY_INTERVAL: Duration = Duration::from_secs(1);
    /// This many losses of datagrams above the base size, at different times and without an
    /// acknowledgement of one between, are a black hole (section 4.3).
    pub const BLACK_HOLE_LOSSES: u32 = 3;

    /// Payloads for common MTUs, one of which mostly limits a path: 9,000 and 1,500 over IPv4,
    /// 1,500 over IPv6, then those of tunnels, and 1,280 at least with either header.
    const COMMON: [u16; 6] = [8972, 1472, 1452, 1400, 1280, 1232];

    /// A search from `base`, which the path is assumed to carry, up to `max`: the minimum of what
    /// the interface carries (`IP_MTU` less the headers), what the peer accepts, and
    /// [`Self::MAX_PLPMTU`].
    pub fn new(base: u16, max: u16, now: Duration) -> Self {
        let max = max.clamp(1, Self::MAX_PLPMTU);
        let base = base.clamp(1, max);
        let mut mtu = Self {
            state: PathMtuState::Searching,
            base,
            max,
            current: base,
            ceiling: max,
            guess: Some(max),
            outstanding: None,
            lost: 0,
            due: None,
            black_hole_losses: 0,
            last_black_hole_loss: None,
        };
        mtu.search(now);
        mtu
    }

    /// The size that datagrams may have now.
    pub fn current(&self) -> u16 {
        self.current
    }

    /// The state of the search.
    pub fn state(&self) -> PathMtuState {
        self.state
    }

    /// The payload size of a probe to send now, if one is due. It counts as sent at `now`; the next
    /// one follows when it is acknowledged or lost. Report one that cannot be sent by
    /// [`on_packet_too_big`](Self::on_packet_too_big), or as lost.
    pub fn poll_transmit(&mut self, now: Duration) -> Option<u16> {
        if self.outstanding.is_some() || self.due.is_some() {
            return None;
        }
        let size = match self.state {
            PathMtuState::Base | PathMtuState::Error => self.base,
            PathMtuState::Searching => self.candidate()?,
            PathMtuState::SearchComplete => return None,
        };
        self.outstanding = Some((size, now));
        Some(size)
    }

    /// When to call [`Self::handle_timeout`]. `None` also while a probe may be sent at once: a
    /// caller that polls at each opportunity to send has it already, and one that cannot send now
    /// need not wake up for it.
    pub fn poll_timeout(&self) -> Option<Duration> {
        match self.outstanding {
            Some((_, sent)) => Some(sent.saturating_add(Self::PROBE_TIMER)),
            // No size is above the largest.
            None if self.state == PathMtuState::SearchComplete && self.current >= self.max => None,
            None => self.due,
        }
    }

    /// Gives up the outstanding probe, or starts a new search, if its timer has expired.
    pub fn handle_timeout(&mut self, now: Duration) {
        if let Some((size, sent)) = self.outstanding
            && now >= sent.saturating_add(Self::PROBE_TIMER)
        {
            self.on_probe_lost(now, size);
        }
        if self.due.is_none_or(|due| now < due) {
            return;
        }
        self.due = None;
        if self.state == PathMtuState::SearchComplete {
            // The path may have improved.
            self.ceiling = self.max;
            self.guess = Some(self.max);
            self.search(now);
        }
    }

    /// The peer has received a probe of that size.
    pub fn on_probe_acknowledged(&mut self, now: Duration, size: u16) {
        let is_awaited = self.outstanding.is_some_and(|(sent, _)| sent == size);
        // A late acknowledgement counts, but not from before a black hole.
        let is_confirming = matches!(self.state, PathMtuState::Base | PathMtuState::Error);
        if size > self.max || is_confirming && !is_awaited {
            return;
        }
        if is_awaited {
            self.outstanding = None;
            self.lost = 0;
        }
        if size >= self.base && (is_confirming || size > self.current) {
            self.current = size;
            self.ceiling = self.ceiling.max(size);
            self.clear_black_hole_losses();
            self.search(now);
        } else if self.state == PathMtuState::Searching {
            self.search(now);
        }
    }

    /// The probe of that size is considered lost.
    pub fn on_probe_lost(&mut self, now: Duration, size: u16) {
        if self.outstanding.is_none_or(|(sent, _)| sent != size) {
            return;
        }
        self.outstanding = None;
        self.lost += 1;
        if self.state == PathMtuState::Error {
            self.due = Some(now.saturating_add(Self::RETRY_INTERVAL));
        }
        let is_over = self.lost >= Self::MAX_PROBES;
        let is_confirming = matches!(self.state, PathMtuState::Base | PathMtuState::Error);
        // A late acknowledgement may have made the probe unnecessary: then the next size starts
        // without losses.
        if is_over || !is_confirming && size <= self.current {
            self.lost = 0;
        }
        match self.state {
            PathMtuState::Base | PathMtuState::Error if is_over => self.fail(now),
            PathMtuState::Base | PathMtuState::Error => {}
            PathMtuState::Searching | PathMtuState::SearchComplete => {
                if is_over {
                    self.ceiling = self.ceiling.min(size.saturating_sub(1)).max(self.current);
                }
                self.search(now);
            }
        }
    }

    /// The kernel reported that a datagram of this many bytes is too large: `EMSGSIZE`, from a send
    /// or from the error queue. The size may be that of any datagram, a probe or not.
    pub fn on_packet_too_big(&mut self, now: Duration, size: u16) {
        if size <= self.base {
            match self.state {
                PathMtuState::Base | PathMtuState::Error => self.fail(now),
                // The report could be forged: the base is given up only if its probes are lost.
                PathMtuState::Searching | PathMtuState::SearchComplete => self.on_black_hole(now),
            }
            return;
        }
        self.ceiling = self.ceiling.min(size - 1);
        if self.outstanding.is_some_and(|(sent, _)| sent >= size) {
            self.outstanding = None;
            self.lost = 0;
        }
        if self.current >= size {
            self.confirm_base();
        } else if self.state == PathMtuState::Searching {
            self.search(now);
        }
    }

    /// The kernel or a router reported how much the path carries: `IP_MTU`, or the size in an ICMP
    /// message, less the headers. It is accepted as a limit, and tried at once.
    pub fn on_mtu_reported(&mut self, now: Duration, limit: u16) {
        if limit >= self.ceiling {
            return;
        }
        self.guess = Some(limit);
        self.on_packet_too_big(now, limit.saturating_add(1));
    }

    /// A datagram that was not a probe was acknowledged.
    pub fn on_datagram_acknowledged(&mut self, _now: Duration, size: u16) {
        if size > self.base {
            self.clear_black_hole_losses();
        }
    }

    /// Datagrams that were not probes were lost; `size` is the size of the largest. Losses
    /// detected at one time count once: a queue that overflows drops many at once. The last of
    /// [`Self::BLACK_HOLE_LOSSES`] is a black hole, and the return value is `true`.
    pub fn on_datagram_lost(&mut self, now: Duration, size: u16) -> bool {
        // Datagrams of a size that is already ruled out say nothing new.
        if size <= self.base || size > self.current || self.last_black_hole_loss == Some(now) {
            return false;
        }
        self.last_black_hole_loss = Some(now);
        self.black_hole_losses += 1;
        let is_black_hole = self.black_hole_losses >= Self::BLACK_HOLE_LOSSES;
        if is_black_hole {
            self.on_black_hole(now);
        }
        is_black_hole
    }

    /// Datagrams of the current size no longer arrive: return to the base size, which is confirmed
    /// before the search starts again. (Like the other events it takes the time, though it does not
    /// need it.)
    pub fn on_black_hole(&mut self, _now: Duration) {
        if self.state == PathMtuState::Error {
            return; // smaller already
        }
        self.ceiling = self.max;
        self.guess = Some(self.max);
        self.confirm_base();
    }

    fn confirm_base(&mut self) {
        self.state = PathMtuState::Base;
        self.current = self.base;
        self.outstanding = None;
        self.lost = 0;
        self.due = None;
        self.clear_black_hole_losses();
    }

    /// Not even the base size arrives.
    fn fail(&mut self, now: Duration) {
        self.state = PathMtuState::Error;
        self.current = self.base.min(Self::MIN_PLPMTU);
        self.outstanding = None;
        self.lost = 0;
        self.due = Some(now.saturating_add(Self::RETRY_INTERVAL));
    }

    fn clear_black_hole_losses(&mut self) {
        (self.black_hole_losses, self.last_black_hole_loss) = (0, None);
    }

    /// Continues the search, or ends it.
    fn search(&mut self, now: Duration) {
        self.state = PathMtuState::Searching;
        self.due = None;
        if self.outstanding.is_none() && self.candidate().is_none() {
            self.state = PathMtuState::SearchComplete;
            self.due = Some(now.saturating_add(Self::RAISE_TIMER));
        }
    }

    /// The size to try next.
    fn candidate(&self) -> Option<u16> {
        let is_open = |size: &u16| (self.current + 1..=self.ceiling).contains(size);
        if let Some(guess) = self.guess.filter(is_open) {
            return Some(guess);
        }
        let gap = self.ceiling.saturating_sub(self.current);
        if gap < Self::MIN_STEP {
            return None;
        }
        if let Some(common) = Self::COMMON.into_iter().find(is_open) {
            return Some(common);
        }
        // A limit that is a common one is found exactly.
        let is_common = Self::COMMON.contains(&self.current);
        Some(
            self.current
                + if is_common {
                    Self::MIN_STEP
                } else {
                    gap.div_ceil(2)
                },
        )
    }
}

#[cfg(test)]
#[path = "path_mtu_tests.rs"]
mod tests;
