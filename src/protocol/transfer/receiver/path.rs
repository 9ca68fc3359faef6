//! The sender's address, and how it may change (RFC 9000 section 9).

use std::net::SocketAddr;
use std::time::Duration;

use siphasher::sip::SipHasher24;

/// How long to wait for the response to a challenge before the next.
const WAIT: Duration = Duration::from_millis(500);
/// How long no address is challenged after one that proved to be false.
const HOLD: Duration = Duration::from_secs(1);

/// The address that packets are sent to, and one that is being proven.
#[derive(Debug)]
pub(super) struct Path {
    pub(super) peer: SocketAddr,
    key: [u8; 16],
    /// How many addresses were challenged.
    count: u64,
    challenged: Option<Challenge>,
    /// Until then no address is challenged.
    held: Duration,
}

#[derive(Debug)]
struct Challenge {
    address: SocketAddr,
    /// The number of the first packet from there.
    since: u64,
    /// Must be sent at once.
    is_due: bool,
    /// When the first was sent, and when the next may be.
    sent: Option<Duration>,
    next: Duration,
}

impl Path {
    pub(super) fn new(peer: SocketAddr, key: [u8; 16]) -> Self {
        Self {
            peer,
            key,
            count: 0,
            challenged: None,
            held: Duration::ZERO,
        }
    }

    /// An authentic packet arrived from `source`: the newest, an earlier one, or a copy.
    ///
    /// Somebody who copies packets, and is faster than they are, looks like a sender whose address has
    /// changed, and can even pass the challenge on and copy the response (RFC 9000 section 9.3.3). But
    /// then the packets still arrive from the old address as well, before the response can.
    pub(super) fn on_packet(
        &mut self,
        now: Duration,
        source: SocketAddr,
        number: u64,
        is_newest: bool,
    ) {
        if source == self.peer {
            let is_here = |challenge: &mut Challenge| number >= challenge.since;
            if self.challenged.take_if(is_here).is_some() {
                self.held = now.saturating_add(HOLD);
            }
            return;
        }
        match &mut self.challenged {
            _ if !is_newest => {}
            Some(challenge) if challenge.address == source => {
                challenge.is_due |= challenge.next <= now;
            }
            _ if now < self.held => {}
            _ => {
                self.count += 1;
                self.challenged = Some(Challenge {
                    address: source,
                    since: number,
                    is_due: true,
                    sent: None,
                    next: now,
                });
            }
        }
    }

    /// The bytes of the current challenge: unpredictable, and others for each address.
    fn bytes(&self) -> [u8; 8] {
        let hasher = SipHasher24::new_with_key(&self.key);
        hasher.hash(&self.count.to_be_bytes()).to_be_bytes()
    }

    /// The challenge to send, and where to.
    pub(super) fn poll_transmit(&mut self, now: Duration) -> Option<([u8; 8], SocketAddr)> {
        let bytes = self.bytes();
        let challenge = self.challenged.as_mut()?;
        if !std::mem::take(&mut challenge.is_due) {
            return None;
        }
        challenge.sent.get_or_insert(now);
        challenge.next = now.saturating_add(WAIT);
        Some((bytes, challenge.address))
    }

    /// The sender responds to a challenge. If it has another address now, returns how long ago the
    /// first challenge was sent there: a round trip or more.
    pub(super) fn on_response(
        &mut self,
        now: Duration,
        source: SocketAddr,
        response: [u8; 8],
    ) -> Option<Duration> {
        let is_right = response == self.bytes();
        match &self.challenged {
            Some(challenge) if is_right && challenge.address == source => {
                let sent = challenge.sent.unwrap_or(now);
                self.peer = source;
                self.challenged = None;
                Some(now.saturating_sub(sent))
            }
            _ => None,
        }
    }
}
