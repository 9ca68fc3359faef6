//! Who gets a place in a receiver that has a limited number of them.

use std::net::{IpAddr, Ipv6Addr};

/// The most senders that have opened a transfer and sent nothing else.
const MAX_HALF_OPEN: usize = 64;

/// The places of a receiver, and who has asked for one.
///
/// Whoever opens a transfer has a place once its first packet arrives; until then it is half-open, and
/// keeps nobody out. There are at most 64 half-open ones. Another replaces the oldest of the source
/// that has the most of them, so that a flood of one source does not end the openings of others. A
/// source is an IPv4 address, or the first 64 bits of an IPv6 address, since one host has all others.
#[derive(Debug)]
pub struct Places {
    max: usize,
    taken: Vec<u64>,
    /// The oldest is the first.
    half_open: Vec<(u64, IpAddr)>,
}

/// Whether a transfer can be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It can.
    Admitted,
    /// It can, instead of this half-open one, which must be ended.
    Replaces(u64),
    /// All places are taken.
    Full,
}

impl Places {
    /// As many places as `max`, at least one.
    pub fn new(max: usize) -> Self {
        Self {
            max: max.max(1),
            taken: Vec::new(),
            half_open: Vec::new(),
        }
    }

    /// How many are taken.
    pub fn taken(&self) -> usize {
        self.taken.len()
    }

    /// Whether there is a place.
    pub fn has_room(&self) -> bool {
        self.taken.len() < self.max
    }

    /// A sender at `source` opens the transfer `key`.
    pub fn request(&mut self, key: u64, source: IpAddr) -> Admission {
        if !self.has_room() {
            return Admission::Full;
        }
        let mut admission = Admission::Admitted;
        if self.half_open.len() >= MAX_HALF_OPEN
            && let Some(index) = self.replaceable()
        {
            admission = Admission::Replaces(self.half_open.remove(index).0);
        }
        self.half_open.push((key, network(source)));
        admission
    }

    /// Of the source with the most half-open transfers, the oldest.
    fn replaceable(&self) -> Option<usize> {
        let sources = || self.half_open.iter().map(|(_, source)| source);
        let count = |source: &IpAddr| sources().filter(|other| *other == source).count();
        // The last of the largest, so from the end.
        let (index, _) = sources()
            .enumerate()
            .rev()
            .max_by_key(|(_, source)| count(source))?;
        Some(index)
    }

    /// The first packet of the half-open transfer `key` has arrived: returns whether it has a place.
    pub fn confirm(&mut self, key: u64) -> bool {
        self.half_open.retain(|(other, _)| *other != key);
        let has_room = self.has_room();
        if has_room {
            self.taken.push(key);
        }
        has_room
    }

    /// The transfer `key` is over.
    pub fn release(&mut self, key: u64) {
        self.taken.retain(|other| *other != key);
        self.half_open.retain(|(other, _)| *other != key);
    }
}

/// What one host has of addresses.
fn network(source: IpAddr) -> IpAddr {
    match source {
        IpAddr::V4(_) => source,
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(address) => IpAddr::V4(address),
            None => {
                let bits = address.to_bits() & !u128::from(u64::MAX);
                IpAddr::V6(Ipv6Addr::from_bits(bits))
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(number: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, number])
    }

    #[test]
    fn whoever_only_opens_keeps_nobody_out() {
        let mut places = Places::new(2);
        for key in 0..1_000 {
            assert_ne!(places.request(key, host(1)), Admission::Full);
        }
        assert_eq!(places.half_open.len(), MAX_HALF_OPEN);
        assert_ne!(places.request(1_000, host(1)), Admission::Full);
        assert!(places.confirm(1_000));
        assert!(places.confirm(999) && !places.confirm(998));
        assert_eq!(places.taken(), 2);
        assert_eq!(places.request(2_000, host(2)), Admission::Full);
        places.release(999);
        places.request(2_001, host(2));
        assert!(places.confirm(2_001));
    }

    #[test]
    fn a_flood_replaces_its_own_openings() {
        let mut places = Places::new(16);
        places.request(7, host(2));
        for key in 100..1_000 {
            let admission = places.request(key, host(1));
            let oldest = key - MAX_HALF_OPEN as u64 + 1;
            let is_right = match admission {
                Admission::Admitted => key < 100 + MAX_HALF_OPEN as u64 - 1,
                Admission::Replaces(other) => other == oldest,
                Admission::Full => false,
            };
            assert!(is_right, "{key}: {admission:?}");
        }
        assert!(places.half_open.iter().any(|(key, _)| *key == 7));
    }

    #[test]
    fn one_host_has_all_of_a_64() {
        let mut places = Places::new(3);
        places.request(0, host(1));
        for key in 1..=MAX_HALF_OPEN as u64 {
            let address = Ipv6Addr::from_bits(0x2001_0db8 << 96 | u128::from(key));
            let admission = places.request(key, address.into());
            let wanted = if key == MAX_HALF_OPEN as u64 {
                Admission::Replaces(1)
            } else {
                Admission::Admitted
            };
            assert_eq!(admission, wanted);
        }
    }
}
