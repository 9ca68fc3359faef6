//! The largest datagram that a path carries: DPLPMTUD (RFC 8899), sans-IO.
//!
//! Sizes are bytes of UDP payload: what the IP layer calls the MTU, less the IP header (20 bytes by
//! IPv4, 40 by IPv6) and the 8 of UDP. Probes are datagrams that may get lost: they carry padding, or
//! data that is sent again, and their loss is no sign of congestion (RFC 8899 section 3, item 7).
//! They are sent with fragmentation off (`IP_PMTUDISC_PROBE`, ip(7)), or they show nothing.
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

/// Where the search is (RFC 8899 section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PathMtuState {
    /// The base size is to be confirmed again, after a black hole.
    Base,
    /// Larger sizes are tried.
    Searching,
    /// The size is known to within [`PathMtu::MIN_STEP`]; larger ones are tried again after
    /// [`PathMtu::RAISE_TIMER`].
    SearchComplete,
    /// Not even the base size comes through; [`PathMtu::MIN_PLPMTU`] is used meanwhile.
    Error,
}

/// The search for the largest datagram of a path.
///
/// It begins in [`PathMtuState::Searching`]: the handshake that made the caller ask for more has been in
/// datagrams of the base size, or is as good as confirmed by it (RFC 8899 section 5.2, RFC 9000
/// section 14.3). The most is tried first, then common sizes from large to small, then what lies
/// between by bisection. A size is given up when [`PathMtu::MAX_PROBES`] probes of it were lost.
#[derive(Clone, Copy, Debug)]
pub struct PathMtu {
    state: PathMtuState,
    base: u16,
    max: u16,
    current: u16,
    /// The largest size that is not ruled out.
    ceiling: u16,
    /// A size to be tried before all others.
    guess: Option<u16>,
    /// The probe that is under way: its size, and when it was sent.
    outstanding: Option<(u16, Duration)>,
    /// Probes that were lost of the size that is tried.
    lost: u32,
    /// No probe before this; `None` once [`PathMtu::handle_timeout`] saw it pass.
    due: Option<Duration>,
    /// Times at which datagrams above the base size were lost, since one was acknowledged.
    black_hole_losses: u32,
    last_black_hole_loss: Option<Duration>,
}

impl PathMtu {
    /// `BASE_PLPMTU`: 1,200 bytes, which nearly any path carries (RFC 8899 section 5.1.2).
    pub const BASE_PLPMTU: u16 = 1200;
    /// `MIN_PLPMTU`: 548 bytes, the 576 that any IPv4 host takes less the headers (RFC 1122 section
    /// 3.3.2). By IPv6 any path carries the base size.
    pub const MIN_PLPMTU: u16 = 548;
    /// The most that UDP carries: 65,507 bytes by IPv4.
    pub const MAX_PLPMTU: u16 = 65_507;
    /// `MAX_PROBES`: 3 probes of a size are lost before it is ruled out (section 5.1.2).
    pub const MAX_PROBES: u32 = 3;
    /// The search ends when fewer bytes than these are left to be won.
    pub const MIN_STEP: u16 = 20;
    /// `PROBE_TIMER`: after 15 s a probe is lost, if nobody said so before (section 5.1.1).
    pub const PROBE_TIMER: Duration = Duration::from_secs(15);
    /// `PMTU_RAISE_TIMER`: after 600 s larger sizes are tried again (section 5.1.1).
    pub const RAISE_TIMER: Duration = Duration::from_secs(600);
    /// The least time between probes of the base size in [`PathMtuState::Error`].
    pub const RETRY_INTERVAL: Duration = Duration::from_secs(1);
    /// After losses of datagrams above the base size at so many times, and no acknowledgement of one
    /// between, it is a black hole (section 4.3).
    pub const BLACK_HOLE_LOSSES: u32 = 3;

    /// Payloads by common MTUs, of which a path's limit mostly is one: 9,000 and 1,500 by IPv4, 1,500
    /// by IPv6, then those of tunnels, and 1,280 at the least by either header.
    const COMMON: [u16; 6] = [8972, 1472, 1452, 1400, 1280, 1232];

    /// A search from `base`, which the path is taken to carry, up to `max`: the least of what the
    /// interface carries (`IP_MTU` less the headers), what the peer takes, and [`Self::MAX_PLPMTU`].
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

    /// Where the search is.
    pub fn state(&self) -> PathMtuState {
        self.state
    }

    /// The payload size of a probe to send now, if one is due. It counts as sent at `now`; there is no
    /// other until it is acknowledged or lost. One that cannot be sent is reported by
    /// [`on_packet_too_big`](Self::on_packet_too_big), or is lost.
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

    /// When to call [`Self::handle_timeout`]. `None` also while a probe may be sent at once: a caller
    /// that polls at each opportunity to send has it already, and one that cannot send now need not be
    /// woken for it.
    pub fn poll_timeout(&self) -> Option<Duration> {
        match self.outstanding {
            Some((_, sent)) => Some(sent.saturating_add(Self::PROBE_TIMER)),
            // Nothing is above the largest size.
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
            // The path may have become a better one.
            self.ceiling = self.max;
            self.guess = Some(self.max);
            self.search(now);
        }
    }

    /// The peer has received a probe of that size.
    pub fn on_probe_acknowledged(&mut self, now: Duration, size: u16) {
        let is_awaited = self.outstanding.is_some_and(|(sent, _)| sent == size);
        // Late news is news, but not from before a black hole.
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

    /// The probe of that size is taken to be lost.
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
        // Late news may have made the probe needless: then the next size starts with none lost.
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

    /// The kernel said that a datagram of so many bytes is too big: `EMSGSIZE`, at a send or from the
    /// error queue. The size may be that of any datagram, a probe or not.
    pub fn on_packet_too_big(&mut self, now: Duration, size: u16) {
        if size <= self.base {
            match self.state {
                PathMtuState::Base | PathMtuState::Error => self.fail(now),
                // What is told could be forged: the base is given up only if its probes are lost.
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

    /// The kernel or a router said how much the path carries: `IP_MTU`, or the size in an ICMP
    /// message, less the headers. It is believed to be a limit, and tried at once.
    pub fn on_mtu_reported(&mut self, now: Duration, limit: u16) {
        if limit >= self.ceiling {
            return;
        }
        self.guess = Some(limit);
        self.on_packet_too_big(now, limit.saturating_add(1));
    }

    /// A datagram that was no probe was acknowledged.
    pub fn on_datagram_acknowledged(&mut self, _now: Duration, size: u16) {
        if size > self.base {
            self.clear_black_hole_losses();
        }
    }

    /// Datagrams that were no probes were lost, the largest of so many bytes. Those that are found
    /// lost at one time count once: a queue that overflows takes many at once. At the last of
    /// [`Self::BLACK_HOLE_LOSSES`] it is a black hole, and the answer is `true`.
    pub fn on_datagram_lost(&mut self, now: Duration, size: u16) -> bool {
        // What was sent with a size that is given up already says nothing new.
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

    /// Datagrams of the current size do not arrive any more: back to the base, which is confirmed
    /// before the search begins anew. (Like the other events it takes the time, though it needs none.)
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

    /// Not even the base comes through.
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

    /// Goes on searching, or ends it.
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
        // A limit that is a common one is exactly there.
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
