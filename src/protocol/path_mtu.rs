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
//! let mut mtu = PathMtu::new(PathMtu::BASE, 1472, now);
//! assert_eq!(mtu.current(), 1200);
//! let size = mtu.poll_probe(now).unwrap();
//! assert_eq!(size, 1472); // the most comes first
//! mtu.on_probe_sent(size, now);
//! assert_eq!(mtu.poll_probe(now), None); // one at a time
//! mtu.on_probe_acknowledged(size, now);
//! assert_eq!((mtu.current(), mtu.state()), (1472, PathMtuState::SearchComplete));
//! ```

use std::time::Duration;

/// Where the search is (RFC 8899 section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PathMtuState {
    /// The base size is to be confirmed again, after a black hole.
    Base,
    /// Larger sizes are tried.
    Searching,
    /// The size is known to within [`PathMtu::STEP`]; larger ones are tried again after
    /// [`PathMtu::RAISE`].
    SearchComplete,
    /// Not even the base size comes through; [`PathMtu::LEAST`] is used meanwhile.
    Error,
}

/// The search for the largest datagram of a path.
///
/// It begins in [`PathMtuState::Searching`]: the handshake that made the caller ask for more has been in
/// datagrams of the base size, or is as good as confirmed by it (RFC 8899 section 5.2, RFC 9000
/// section 14.3). The most is tried first, then common sizes from large to small, then what lies
/// between by bisection. A size is given up when [`PathMtu::PROBES`] probes of it were lost.
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
    /// No probe before this; `None` once it has passed and [`PathMtu::probe`] was asked.
    due: Option<Duration>,
    /// Times at which datagrams above the base size were lost, since one was acknowledged.
    setbacks: u32,
    setback_at: Option<Duration>,
}

impl PathMtu {
    /// `BASE_PLPMTU`: 1,200 bytes, which nearly any path carries (RFC 8899 section 5.1.2).
    pub const BASE: u16 = 1200;
    /// `MIN_PLPMTU`: 548 bytes, the 576 that any IPv4 host takes less the headers (RFC 1122 section
    /// 3.3.2). By IPv6 any path carries the base size.
    pub const LEAST: u16 = 548;
    /// The most that UDP carries: 65,507 bytes by IPv4.
    pub const MOST: u16 = 65_507;
    /// `MAX_PROBES`: 3 probes of a size are lost before it is ruled out (section 5.1.2).
    pub const PROBES: u32 = 3;
    /// The search ends when fewer bytes than these are left to be won.
    pub const STEP: u16 = 20;
    /// `PROBE_TIMER`: after 15 s a probe is lost, if nobody said so before (section 5.1.1).
    pub const PROBE_TIMER: Duration = Duration::from_secs(15);
    /// `PMTU_RAISE_TIMER`: after 600 s larger sizes are tried again (section 5.1.1).
    pub const RAISE: Duration = Duration::from_secs(600);
    /// The least time between probes of the base size in [`PathMtuState::Error`].
    pub const RETRY: Duration = Duration::from_secs(1);
    /// After losses of datagrams above the base size at so many times, and no acknowledgement of one
    /// between, it is a black hole (section 4.3).
    pub const SETBACKS: u32 = 3;

    /// Payloads by common MTUs, of which a path's limit mostly is one: 9,000 and 1,500 by IPv4, 1,500
    /// by IPv6, then those of tunnels, and 1,280 at the least by either header.
    const COMMON: [u16; 6] = [8972, 1472, 1452, 1400, 1280, 1232];

    /// A search from `base`, which the path is taken to carry, up to `max`: the least of what the
    /// interface carries (`IP_MTU` less the headers), what the peer takes, and [`Self::MOST`].
    pub fn new(base: u16, max: u16, now: Duration) -> Self {
        let max = max.clamp(1, Self::MOST);
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
            setbacks: 0,
            setback_at: None,
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

    /// The size of a probe that may leave now. It is asked for again until
    /// [`on_probe_sent`](Self::on_probe_sent) says that it left; then there is none until it was
    /// acknowledged or lost.
    pub fn poll_probe(&mut self, now: Duration) -> Option<u16> {
        if let Some((size, sent)) = self.outstanding {
            if now < sent.saturating_add(Self::PROBE_TIMER) {
                return None;
            }
            self.on_probe_lost(size, now);
        }
        if self.due.is_some_and(|due| now < due) {
            return None;
        }
        self.due = None;
        if self.state == PathMtuState::SearchComplete {
            // The path may have become a better one.
            self.ceiling = self.max;
            self.guess = Some(self.max);
            self.search(now);
        }
        match self.state {
            PathMtuState::Base | PathMtuState::Error => Some(self.base),
            PathMtuState::Searching => self.candidate(),
            PathMtuState::SearchComplete => None,
        }
    }

    /// When [`probe`](Self::poll_probe) is to be asked next although nothing has happened. `None` also
    /// while a probe may leave at once: whoever asks at each opportunity to send has it already, and
    /// who cannot send it now is not woken for it.
    pub fn poll_timeout(&self) -> Option<Duration> {
        match self.outstanding {
            Some((_, sent)) => Some(sent.saturating_add(Self::PROBE_TIMER)),
            // Nothing is above the most.
            None if self.state == PathMtuState::SearchComplete && self.current >= self.max => None,
            None => self.due,
        }
    }

    /// The probe left.
    pub fn on_probe_sent(&mut self, size: u16, now: Duration) {
        self.outstanding = Some((size, now));
    }

    /// The peer has received a probe of that size.
    pub fn on_probe_acknowledged(&mut self, size: u16, now: Duration) {
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
            self.clear_setbacks();
            self.search(now);
        } else if self.state == PathMtuState::Searching {
            self.search(now);
        }
    }

    /// The probe of that size is taken to be lost.
    pub fn on_probe_lost(&mut self, size: u16, now: Duration) {
        if self.outstanding.is_none_or(|(sent, _)| sent != size) {
            return;
        }
        self.outstanding = None;
        self.lost += 1;
        if self.state == PathMtuState::Error {
            self.due = Some(now.saturating_add(Self::RETRY));
        }
        let is_over = self.lost >= Self::PROBES;
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
    pub fn on_too_big(&mut self, size: u16, now: Duration) {
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
    pub fn on_limit(&mut self, limit: u16, now: Duration) {
        if limit >= self.ceiling {
            return;
        }
        self.guess = Some(limit);
        self.on_too_big(limit.saturating_add(1), now);
    }

    /// A datagram that was no probe was acknowledged.
    pub fn on_acknowledged(&mut self, size: u16) {
        if size > self.base {
            self.clear_setbacks();
        }
    }

    /// Datagrams that were no probes were lost, the largest of so many bytes. Those that are found
    /// lost at one time count once: a queue that overflows takes many at once. At the last of
    /// [`Self::SETBACKS`] it is a black hole, and the answer is `true`.
    pub fn on_lost(&mut self, size: u16, now: Duration) -> bool {
        // What was sent with a size that is given up already says nothing new.
        if size <= self.base || size > self.current || self.setback_at == Some(now) {
            return false;
        }
        self.setback_at = Some(now);
        self.setbacks += 1;
        let is_black_hole = self.setbacks >= Self::SETBACKS;
        if is_black_hole {
            self.on_black_hole(now);
        }
        is_black_hole
    }

    /// Datagrams of the current size do not arrive any more: back to the base, which is confirmed
    /// before the search begins anew. (All events are told their time; this one needs none as yet.)
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
        self.clear_setbacks();
    }

    /// Not even the base comes through.
    fn fail(&mut self, now: Duration) {
        self.state = PathMtuState::Error;
        self.current = self.base.min(Self::LEAST);
        self.outstanding = None;
        self.lost = 0;
        self.due = Some(now.saturating_add(Self::RETRY));
    }

    fn clear_setbacks(&mut self) {
        (self.setbacks, self.setback_at) = (0, None);
    }

    /// Goes on searching, or ends it.
    fn search(&mut self, now: Duration) {
        self.state = PathMtuState::Searching;
        self.due = None;
        if self.outstanding.is_none() && self.candidate().is_none() {
            self.state = PathMtuState::SearchComplete;
            self.due = Some(now.saturating_add(Self::RAISE));
        }
    }

    /// The size to try next.
    fn candidate(&self) -> Option<u16> {
        let is_open = |size: &u16| (self.current + 1..=self.ceiling).contains(size);
        if let Some(guess) = self.guess.filter(is_open) {
            return Some(guess);
        }
        let gap = self.ceiling.saturating_sub(self.current);
        if gap < Self::STEP {
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
                    Self::STEP
                } else {
                    gap.div_ceil(2)
                },
        )
    }
}

#[cfg(test)]
#[path = "path_mtu_tests.rs"]
mod tests;
