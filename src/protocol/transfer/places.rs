//! Who gets a place in a receiver that has a limited number of them.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

/// How long whoever holds a place may send nothing before another may have it.
const MAX_AGE: Duration = Duration::from_secs(5);

/// The places of a receiver. A holder is half-open until its first packet arrives.
///
/// When all are taken, a half-open holder makes room for a newcomer if it is older than five
/// seconds, or if its source holds more of the half-open places than the newcomer's would. So
/// openings of one source that nothing follows keep nobody else out. A source is an IPv4 address, or
/// the first 64 bits of an IPv6 address, since one host has all others.
#[derive(Debug)]
pub struct Places {
    max: usize,
    held: Vec<Place>,
}

#[derive(Debug)]
struct Place {
    key: u64,
    source: IpAddr,
    since: Duration,
    is_half_open: bool,
}

/// Whether there is a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It has a place.
    Admitted,
    /// It has the place of this half-open holder, which must be ended.
    Replaces(u64),
    /// There is none.
    Full,
}

impl Places {
    /// As many places as `max`, at least one.
    pub fn new(max: usize) -> Self {
        Self {
            max: max.max(1),
            held: Vec::new(),
        }
    }

    /// How many are taken.
    pub fn taken(&self) -> usize {
        self.held.len()
    }

    /// Asks for a place for `key`, the connection of a sender at `source`.
    pub fn request(&mut self, now: Duration, key: u64, source: IpAddr) -> Admission {
        let source = network(source);
        let mut admission = Admission::Admitted;
        if self.held.len() >= self.max {
            let Some(index) = self.reclaimable(now, source) else {
                return Admission::Full;
            };
            admission = Admission::Replaces(self.held.swap_remove(index).key);
        }
        self.held.push(Place {
            key,
            source,
            since: now,
            is_half_open: true,
        });
        admission
    }

    /// The half-open holder that has to go: of the source with the most, the oldest.
    fn reclaimable(&self, now: Duration, newcomer: IpAddr) -> Option<usize> {
        let half_open = || {
            let places = self.held.iter().enumerate();
            places.filter(|(_, place)| place.is_half_open)
        };
        let count = |source| {
            half_open()
                .filter(|(_, place)| place.source == source)
                .count()
        };
        let (index, place) = half_open()
            .max_by_key(|(_, place)| (count(place.source), now.saturating_sub(place.since)))?;
        if count(place.source) > count(newcomer) + 1 {
            return Some(index);
        }
        let oldest = half_open().min_by_key(|(_, place)| place.since)?;
        (now.saturating_sub(oldest.1.since) > MAX_AGE).then_some(oldest.0)
    }

    /// A packet of the holder `key` has arrived.
    pub fn confirm(&mut self, key: u64) {
        for place in &mut self.held {
            place.is_half_open &= place.key != key;
        }
    }

    /// The holder `key` is over.
    pub fn release(&mut self, key: u64) {
        self.held.retain(|place| place.key != key);
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
    fn one_source_cannot_take_all() {
        let now = Duration::ZERO;
        let mut places = Places::new(16);
        for key in 0..16 {
            assert_eq!(places.request(now, key, host(1)), Admission::Admitted);
        }
        assert_eq!(places.request(now, 16, host(1)), Admission::Full);
        let admission = places.request(now, 17, host(2));
        assert!(
            matches!(admission, Admission::Replaces(0..16)),
            "{admission:?}"
        );
        assert_eq!(places.taken(), 16);
    }

    #[test]
    fn whoever_sends_keeps_its_place() {
        let mut places = Places::new(2);
        places.request(Duration::ZERO, 0, host(1));
        places.request(Duration::ZERO, 1, host(2));
        places.confirm(0);
        let soon = Duration::from_secs(4);
        assert_eq!(places.request(soon, 2, host(3)), Admission::Full);
        let later = Duration::from_secs(6);
        assert_eq!(places.request(later, 2, host(3)), Admission::Replaces(1));
        places.confirm(2);
        let much_later = Duration::from_secs(600);
        assert_eq!(places.request(much_later, 3, host(4)), Admission::Full);
        places.release(0);
        assert_eq!(places.request(much_later, 3, host(4)), Admission::Admitted);
    }

    #[test]
    fn one_host_has_all_of_a_64() {
        let now = Duration::ZERO;
        let mut places = Places::new(3);
        for key in 0..3_u64 {
            let address = Ipv6Addr::from_bits(0x2001_0db8 << 96 | u128::from(key + 1));
            places.request(now, key, address.into());
        }
        let other = Ipv6Addr::from_bits(0x2001_0db9 << 96);
        assert!(matches!(
            places.request(now, 9, other.into()),
            Admission::Replaces(_)
        ));
    }
}
