//! The destination of the flows' datagrams: the addresses of the target, one after the other.

use std::net::{IpAddr, SocketAddr};

use super::config::Config;
use crate::error::{Error, Result};
use crate::socket::options::OptionValue;
use crate::socket::{Endpoint, Family, loopback_if_unspecified};

/// The target's addresses, one of which is in use.
#[derive(Debug)]
pub(super) struct Targets {
    /// The one in use.
    pub(super) to: SocketAddr,
    /// The local address of the route to it, if it was known at the start.
    pub(super) source: IpAddr,
    /// Whether it has answered.
    pub(super) is_answered: bool,
    /// The next ones, the last first.
    others: Vec<SocketAddr>,
}

impl Targets {
    pub(super) fn new(config: &Config) -> Result<Self> {
        for to in config.targets() {
            check(to)?;
        }
        let mut others: Vec<_> = config
            .alternatives
            .iter()
            .copied()
            .map(loopback_if_unspecified)
            .collect();
        others.reverse();
        let to = loopback_if_unspecified(config.to);
        Ok(Self {
            to,
            source: source(to),
            is_answered: false,
            others,
        })
    }

    /// Whether a datagram comes from the target. Scopes are ignored: an address that needs one
    /// cannot be sent to without it.
    pub(super) fn is_from(&self, source: SocketAddr) -> bool {
        (source.ip(), source.port()) == (self.to.ip(), self.to.port())
    }

    /// A socket for a flow. It is bound to a port, but not connected, and receives ICMP errors.
    pub(super) fn open(&self, settings: &[OptionValue]) -> Result<Endpoint> {
        let family = Family::of(self.to);
        Endpoint::builder()
            .options(settings.iter().cloned())
            .receive_errors()
            .bind(family.unspecified())
    }

    /// Switches to the next address, unless this one has answered; returns this one and the next.
    pub(super) fn advance(&mut self) -> Option<(SocketAddr, SocketAddr)> {
        if self.is_answered {
            return None;
        }
        let next = self.others.pop()?;
        let refused = std::mem::replace(&mut self.to, next);
        self.source = source(next);
        Some((refused, next))
    }
}

/// The source address of datagrams to `to`; the wildcard address if there is no route now.
fn source(to: SocketAddr) -> IpAddr {
    let route = || {
        let endpoint = Endpoint::builder().unbound(Family::of(to))?;
        endpoint.connect(to)?;
        endpoint.local_address()
    };
    route().unwrap_or(Family::of(to).unspecified()).ip()
}

/// Refuses an address that is not of one host: its members would answer from their own addresses.
fn check(to: SocketAddr) -> Result<()> {
    let what = match to.ip().to_canonical() {
        address if address.is_multicast() => "a multicast group",
        IpAddr::V4(address) if address.is_broadcast() => "the broadcast address",
        _ => return broadcast(to),
    };
    Err(refused(to, what))
}

/// Refuses the broadcast address of a network, for which connect(2) returns EACCES.
fn broadcast(to: SocketAddr) -> Result<()> {
    let endpoint = match Endpoint::builder().unbound(Family::of(to)) {
        Ok(endpoint) => endpoint,
        // Without this address family another address is used, or the first client gets an error.
        Err(_) => return Ok(()),
    };
    match endpoint.connect(to) {
        Err(error) if error.errno() == Some(libc::EACCES) => {
            Err(refused(to, "the broadcast address of a network"))
        }
        _ => Ok(()),
    }
}

fn refused(to: SocketAddr, what: &str) -> Error {
    let reason = format!("it is {what}, and a relay serves one host");
    Error::invalid("relay to", to, reason).with_remedy("name the host that answers")
}
