//! Names of interfaces by index, cached for a while instead of looked up for each datagram.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use udpraw::socket::options::Interface;

/// A name is looked up again after this time: an interface can be renamed.
const FRESH: Duration = Duration::from_secs(1);
/// The largest number of names kept; beyond it the cache starts again.
const MAX: usize = 64;

thread_local! {
    static NAMES: RefCell<Names> = RefCell::default();
}

/// The name of the interface with that index, escaped; `None` if there is none.
pub(crate) fn name(index: u32) -> Option<String> {
    NAMES.with_borrow_mut(|names| names.get(index, Instant::now(), lookup))
}

/// The name of the interface that an IPv6 address with a scope belongs to; `None` for any other.
pub(crate) fn scope(address: SocketAddr) -> Option<String> {
    match address {
        SocketAddr::V6(address) if address.scope_id() != 0 => name(address.scope_id()),
        _ => None,
    }
}

/// if_indextoname(3): four system calls.
fn lookup(index: u32) -> Option<String> {
    let name = Interface::Index(index).to_string();
    // An interface that is gone has a number only.
    (name != index.to_string()).then_some(name)
}

/// The names by index, each with the time when it was looked up.
#[derive(Default)]
struct Names(HashMap<u32, (Instant, Option<String>)>);

impl Names {
    fn get(
        &mut self,
        index: u32,
        now: Instant,
        lookup: impl FnOnce(u32) -> Option<String>,
    ) -> Option<String> {
        if let Some((at, name)) = self.0.get(&index)
            && now.saturating_duration_since(*at) < FRESH
        {
            return name.clone();
        }
        if self.0.len() >= MAX {
            self.0.clear();
        }
        let name = lookup(index);
        self.0.insert(index, (now, name.clone()));
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_looked_up_once_a_second() {
        let (start, mut names, mut lookups) = (Instant::now(), Names::default(), 0);
        for millis in 0..2500 {
            let found = names.get(1, start + Duration::from_millis(millis), |_| {
                lookups += 1;
                Some(format!("name{lookups}"))
            });
            assert_eq!(found, Some(format!("name{}", millis / 1000 + 1)));
        }
        assert_eq!(lookups, 3);
    }

    #[test]
    fn memory_is_bounded() {
        let (now, mut names) = (Instant::now(), Names::default());
        for index in 0..10_000 {
            assert_eq!(names.get(index, now, |_| None), None);
            assert!(names.0.len() <= MAX);
        }
    }

    #[test]
    fn only_interfaces_that_exist_have_a_name() {
        assert_eq!(name(1).as_deref(), Some("lo"));
        assert_eq!(name(u32::MAX), None);
        assert_eq!(
            scope("[fe80::1%1]:9".parse().unwrap()).as_deref(),
            Some("lo")
        );
        assert_eq!(scope("[::1]:9".parse().unwrap()), None);
    }
}
