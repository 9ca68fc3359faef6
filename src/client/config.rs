//! Configuration of a client.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::protocol::Backoff;
use crate::socket::loopback_if_unspecified;
use crate::socket::options::OptionValue;

/// Configuration of a client.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The address of the server.
    pub server: SocketAddr,
    /// The address to bind before sending; `None` leaves it to the kernel.
    pub local: Option<SocketAddr>,
    /// Options to set before anything is sent.
    pub settings: Vec<OptionValue>,
    /// Whether to fix the server by connect(2).
    pub connect: bool,
    /// Whether to accept a reply from anyone, as the textbook's program does ("Danger!").
    pub promiscuous: bool,
    /// Whether the server address is a multicast or broadcast address. Each member answers from its
    /// own address, so only the port is compared. All replies within the first wait are accepted;
    /// nothing is retransmitted.
    pub group: bool,
    /// Whether to use exchanges ([`crate::protocol::exchange`]): each request has a random id,
    /// which the reply must carry, so that no late or forged datagram is taken for it. Not with
    /// `promiscuous` or `group`: an exchange has one server.
    pub exchange: bool,
    /// How the waits grow. [`Backoff::Rfc9002`] needs `exchange`.
    pub backoff: Backoff,
    /// How many times a request is sent, at least once; `None` for [`Backoff::default_tries`].
    pub tries: Option<u32>,
    /// The time limit of a request; `None` for [`Backoff::default_limit`]. With zero it is sent
    /// once, and only a reply that is already queued is accepted.
    pub timeout: Option<Duration>,
}

impl Config {
    /// A client of `server` with the defaults: [`Backoff::Book`] on loopback, [`Backoff::Rfc8085`]
    /// elsewhere, and a group if the address is one.
    ///
    /// The wildcard address stands for this host, as for the kernel (ip(7)): the replies come from
    /// the loopback address, so that is the server's address.
    pub fn new(server: SocketAddr) -> Self {
        let server = loopback_if_unspecified(server);
        let address = server.ip().to_canonical();
        Self {
            server,
            local: None,
            settings: Vec::new(),
            connect: false,
            promiscuous: false,
            group: match address {
                IpAddr::V4(address) => address.is_multicast() || address.is_broadcast(),
                IpAddr::V6(address) => address.is_multicast(),
            },
            exchange: false,
            backoff: if address.is_loopback() {
                Backoff::Book
            } else {
                Backoff::Rfc8085
            },
            tries: None,
            timeout: None,
        }
    }
}
