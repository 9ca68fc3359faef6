//! The socket of a session.

use std::net::SocketAddr;

use super::Session;
use crate::error::Result;
use crate::io::{Transport, TransportConfig};
use crate::socket::option::{self, PathMtuDiscovery};
use crate::socket::{Ecn, Endpoint, Family, Waker};
use crate::transfer::SendConfig;

impl Session<'_> {
    /// Makes another socket: the address of this one may no longer exist.
    pub(super) fn rebind(&mut self) {
        let Ok(other) = endpoint(self.config, self.destination) else {
            return;
        };
        let local = |endpoint: &Endpoint| endpoint.local_address().map(|address| address.ip());
        let is_other = match (local(&other), local(self.transport.endpoint())) {
            (Ok(new), Ok(old)) => new != old,
            _ => false,
        };
        // Without another, this one goes on as it is.
        if is_other && let Ok(transport) = transport(self.config, other, &self.waker) {
            self.syscalls_before += self.transport.counters().syscalls;
            self.transport = transport;
            self.is_marking = false;
        }
    }

    /// Marks datagrams with ECT(0), or no longer.
    pub(super) fn mark(&mut self) -> Result<()> {
        let is_marking = self.sender.ecn() == Ecn::Ect0;
        if is_marking == self.is_marking {
            return Ok(());
        }
        self.is_marking = is_marking;
        if !set_ecn(&mut self.transport, self.destination, is_marking) {
            self.sender.disable_ecn();
            self.is_marking = false;
        }
        Ok(())
    }
}

/// A socket that is connected to the receiver.
pub(super) fn endpoint(config: &SendConfig, destination: SocketAddr) -> Result<Endpoint> {
    let endpoint = Endpoint::builder()
        .path_mtu_discovery(PathMtuDiscovery::Probe)
        .options(config.options.iter().cloned())
        .unbound(Family::of(destination))?;
    endpoint.connect(destination)?;
    Ok(endpoint)
}

/// What sends and receives on the socket.
pub(super) fn transport(
    config: &SendConfig,
    endpoint: Endpoint,
    waker: &Waker,
) -> Result<Transport> {
    // Acknowledgements are few and short.
    let settings = TransportConfig {
        batch: 8,
        ..TransportConfig::bulk()
    };
    let mut transport = Transport::open(endpoint, config.choice, settings)?;
    transport.wake_by(waker.clone());
    Ok(transport)
}

/// Sets the two bits of ECN in the TOS byte of what is sent; returns whether that is possible.
fn set_ecn(transport: &mut Transport, destination: SocketAddr, is_marking: bool) -> bool {
    let bits = if is_marking { 0b10 } else { 0 };
    let endpoint = transport.endpoint();
    let is_v4 = destination.ip().to_canonical().is_ipv4();
    if is_v4 {
        let set = option::IP_TOS.get(endpoint);
        set.is_ok_and(|tos| option::IP_TOS.set(endpoint, tos & !3 | bits).is_ok())
    } else {
        let set = option::IPV6_TCLASS.get(endpoint);
        let bits = i32::from(bits);
        set.is_ok_and(|tos| option::IPV6_TCLASS.set(endpoint, tos & !3 | bits).is_ok())
    }
}

/// The longest datagram that the first hop carries, in bytes of UDP payload.
pub(super) fn first_hop(endpoint: &Endpoint, destination: SocketAddr) -> Result<u16> {
    let mtu = endpoint.path_mtu()? as usize;
    let max_datagram = mtu.saturating_sub(Family::on_the_wire(destination).headers());
    // Runs are limited by the size of an IPv4 datagram.
    Ok(u16::try_from(max_datagram.min(65_507)).unwrap_or(u16::MAX))
}
