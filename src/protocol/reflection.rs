//! Whom a responder must not answer, and how much it may answer: sans-IO.
//!
//! A datagram's source is only a claim. A forged one can make two responders answer each other for
//! ever (CERT CA-1996-01), make one flood a third party with more than the forger sent (RFC 8085
//! section 6), or name an address that nobody can have.

use std::hash::Hasher;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use siphasher::sip::SipHasher13;

/// How many times what came may be sent to an address that is not proven (RFC 9000 section 8).
const FACTOR: usize = 3;

/// Ports whose services answer whatever comes (RFC 862 to 868): echo, systat, daytime, netstat, qotd,
/// chargen, time. Discard (9) answers nothing.
const RESPONDERS: [u16; 7] = [7, 11, 13, 15, 17, 19, 37];

/// Why a datagram must not be answered, whatever it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswerable {
    /// Nobody can have sent it: port 0, or a multicast, broadcast or wildcard address.
    Impossible,
    /// Its source port is one that the responder itself listens at, here or on another host.
    OwnPort,
    /// Its source port is that of a service that answers whatever comes.
    Responder,
}

/// Why `source` must not be answered by a responder that listens at the ports `own`, as inetd judges
/// too; `None` if it may be.
///
/// ```
/// use udpraw::protocol::{Unanswerable, unanswerable};
/// let judge = |source: &str| unanswerable(source.parse().unwrap(), &[1060]);
/// assert_eq!(judge("192.0.2.1:40000"), None);
/// assert_eq!(judge("192.0.2.1:1060"), Some(Unanswerable::OwnPort));
/// assert_eq!(judge("192.0.2.1:19"), Some(Unanswerable::Responder));
/// assert_eq!(judge("255.255.255.255:9"), Some(Unanswerable::Impossible));
/// ```
pub fn unanswerable(source: SocketAddr, own: &[u16]) -> Option<Unanswerable> {
    let port = source.port();
    if port == 0 || is_impossible(source.ip()) {
        Some(Unanswerable::Impossible)
    } else if own.contains(&port) {
        Some(Unanswerable::OwnPort)
    } else if RESPONDERS.contains(&port) {
        Some(Unanswerable::Responder)
    } else {
        None
    }
}

/// Whether no host has this address.
fn is_impossible(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            address.is_multicast() || address.is_broadcast() || address.is_unspecified()
        }
        IpAddr::V6(address) => address.is_multicast() || address.is_unspecified(),
    }
}

/// Whether a reply of `reply` bytes to `source` is more than three times a request of `request`
/// bytes, IP and UDP headers counted.
///
/// ```
/// use udpraw::protocol::amplifies;
/// let source = "192.0.2.1:40000".parse().unwrap();
/// assert!(!amplifies(source, 1, 59));
/// assert!(amplifies(source, 1, 60));
/// ```
pub fn amplifies(source: SocketAddr, request: usize, reply: usize) -> bool {
    let headers = match source.ip().to_canonical() {
        IpAddr::V4(_) => 28,
        IpAddr::V6(_) => 48,
    };
    reply + headers > FACTOR * (request + headers)
}

/// The first port that Linux gives to clients that ask for none (`ip_local_port_range`).
const EPHEMERAL: u16 = 32_768;
/// Of two equal datagrams of one source, the second may be the first one's echo within this time.
const ROUND: Duration = Duration::from_millis(250);
/// In so short a silence, what circulates in a loop would have come by again.
const SILENCE: Duration = Duration::from_millis(50);
/// So many equal datagrams of a client's port are answered before it has to go on by itself,
const TRIAL: u32 = 64;
/// and so many each time after that: what it did then may have been forged.
const TERM: u32 = 4096;
/// A power of two.
const SLOTS: usize = 512;

/// Finds a datagram that circulates between a responder and another one that no port gives away, such
/// as two echo servers.
///
/// What circulates comes again and again, equal and at once. A client may do the same, but it goes on
/// by itself after a silence, and what circulates does not. So:
/// - From a port below 32,768, which is a server's as a rule, a datagram that came within the last
///   250 ms already is not answered.
/// - From any other, 64 equal ones are answered; then none is until 50 ms have passed without one.
///   Who sends again after that is no echo, and is answered 4,096 times before it is asked again.
///
/// So nothing circulates for ever: a forged datagram is worth that many replies at most. The memory is fixed, and its hash is keyed.
#[derive(Debug)]
pub struct Circulation {
    key: (u64, u64),
    slots: Vec<Slot>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    tag: u64,
    state: State,
    times: u32,
    /// When it came last; not asked for the first time from a client's port.
    last: Option<Instant>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum State {
    #[default]
    Trial,
    Muted,
    Proven,
}

impl Circulation {
    /// An empty memory; `key` is random.
    pub fn new(key: (u64, u64)) -> Self {
        Self {
            key,
            slots: vec![Slot::default(); SLOTS],
        }
    }

    /// Whether a datagram of `source` may be one that circulates, and is not to be answered. `now` is
    /// only called where it matters.
    pub fn goes_round(
        &mut self,
        source: SocketAddr,
        bytes: &[u8],
        now: impl FnOnce() -> Instant,
    ) -> bool {
        let is_client = source.port() >= EPHEMERAL;
        let tag = self.tag(source, bytes);
        // Truncation keeps the bits that choose the slot.
        let slot = &mut self.slots[tag as usize % SLOTS];
        if slot.tag != tag {
            *slot = Slot {
                tag,
                times: 1,
                last: (!is_client).then(now),
                ..Slot::default()
            };
            return false;
        }
        slot.times = slot.times.saturating_add(1);
        if slot.state == State::Proven && slot.times <= TERM {
            return false;
        }
        let now = now();
        let since = slot.last.map(|last| now.saturating_duration_since(last));
        slot.last = Some(now);
        if slot.state != State::Proven && since.is_some_and(|since| since > ROUND) {
            (slot.state, slot.times) = (State::Trial, 1);
            return false;
        }
        if !is_client {
            return true;
        }
        let is_over = match slot.state {
            State::Trial => slot.times > TRIAL,
            State::Muted => since.is_none_or(|since| since <= SILENCE),
            State::Proven => true,
        };
        slot.state = match (slot.state, is_over) {
            (_, true) => State::Muted,
            (State::Muted, false) => {
                slot.times = 0;
                State::Proven
            }
            (state, false) => state,
        };
        is_over
    }

    /// Of the source and of both ends of the payload; never 0, as an empty slot has.
    fn tag(&self, source: SocketAddr, bytes: &[u8]) -> u64 {
        const END: usize = 64;
        let mut hasher = SipHasher13::new_with_keys(self.key.0, self.key.1);
        match source.ip() {
            IpAddr::V4(address) => hasher.write_u32(address.to_bits()),
            IpAddr::V6(address) => hasher.write(&address.octets()),
        }
        hasher.write_u16(source.port());
        hasher.write_usize(bytes.len());
        match bytes.len().checked_sub(END) {
            Some(rest) if rest > END => {
                hasher.write(&bytes[..END]);
                hasher.write(&bytes[rest..]);
            }
            _ => hasher.write(bytes),
        }
        hasher.finish().max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_whom_not_to_answer() {
        use Unanswerable::*;
        for (source, want) in [
            ("127.0.0.1:1060", Some(OwnPort)),
            ("127.0.0.2:1060", Some(OwnPort)),
            ("192.0.2.1:1061", Some(OwnPort)),
            ("[::ffff:127.0.0.1]:1061", Some(OwnPort)),
            ("[2001:db8::1]:1061", Some(OwnPort)),
            ("192.0.2.1:7", Some(Responder)),
            ("192.0.2.1:19", Some(Responder)),
            ("[::1]:13", Some(Responder)),
            ("192.0.2.1:9", None),
            ("192.0.2.1:53", None),
            ("127.0.0.1:53322", None),
            ("127.0.0.1:0", Some(Impossible)),
            ("255.255.255.255:9", Some(Impossible)),
            ("0.0.0.0:9", Some(Impossible)),
            ("224.0.0.1:9", Some(Impossible)),
            ("[::]:9", Some(Impossible)),
            ("[ff02::1]:9", Some(Impossible)),
            ("[::ffff:239.1.2.3]:9", Some(Impossible)),
        ] {
            let judged = unanswerable(source.parse().unwrap(), &[1060, 1061]);
            assert_eq!(judged, want, "{source}");
        }
    }

    #[test]
    fn three_times_is_the_most() {
        let v4 = "192.0.2.1:9".parse().unwrap();
        let v6 = "[2001:db8::1]:9".parse().unwrap();
        let mapped = "[::ffff:192.0.2.1]:9".parse().unwrap();
        // The textbook's reply to nothing at all fits.
        assert!(!amplifies(v4, 0, b"Your data was 0 bytes long".len()));
        for (source, most) in [(v4, 56), (mapped, 56), (v6, 96)] {
            assert!(!amplifies(source, 0, most) && amplifies(source, 0, most + 1));
        }
    }

    #[test]
    fn what_circulates_is_not_answered_and_who_goes_on_is() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut memory = Circulation::new((1, 2));
        // A server's port: once a round.
        let server = "192.0.2.1:1061".parse().unwrap();
        for (time, want) in [
            (0, false),
            (1, true),
            (200, true),
            (449, true),
            (700, false),
        ] {
            assert_eq!(memory.goes_round(server, b"x", || at(time)), want, "{time}");
        }
        assert!(!memory.goes_round(server, b"y", || at(701)));
        // A client's port: 64 times, then not before a silence, then always.
        let client = "192.0.2.1:40000".parse().unwrap();
        let mut ask = |time| memory.goes_round(client, b"x", || at(time));
        let refused = (0..100).filter(|_| ask(0)).count();
        assert_eq!(refused, 100 - TRIAL as usize);
        assert!(ask(40) && ask(80));
        assert!(!ask(180));
        assert!((0..TERM).all(|_| !ask(181)));
        assert!(ask(181) && ask(200) && !ask(300));
    }

    #[test]
    fn a_client_at_its_own_pace_is_always_answered() {
        let start = Instant::now();
        let mut memory = Circulation::new((1, 2));
        let client = "192.0.2.1:40000".parse().unwrap();
        for turn in 0..1000 {
            let now = start + ROUND * turn + Duration::from_millis(u64::from(turn));
            assert!(!memory.goes_round(client, b"x", || now));
        }
    }
}
