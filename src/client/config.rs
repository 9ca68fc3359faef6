//! Whom a client asks, and how.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::protocol::Backoff;
use crate::socket::loopback_if_unspecified;
use crate::socket::options::OptionValue;

/// Whom a client asks, and how.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Where the requests go.
    pub server: SocketAddr,
    /// The address to bind before sending; `None` leaves it to the kernel.
    pub local: Option<SocketAddr>,
    /// Options to set before anything is sent.
    pub settings: Vec<OptionValue>,
    /// Whether to fix the server by connect(2).
    pub connect: bool,
    /// Whether to take a reply from anyone, as the documents' program does ("Danger!").
    pub promiscuous: bool,
    /// Whether the server is many: a multicast or broadcast address. Each member answers from an
    /// address of its own, so the port alone is compared, and all replies are taken that come
    /// within the first wait; nothing is sent twice.
    pub group: bool,
    /// Whether to ask by exchanges ([`crate::protocol::exchange`]): each request has a random id,
    /// which the reply must carry, so that no late or forged datagram is taken for it. Not with
    /// `promiscuous` or `group`: an exchange has one server.
    pub exchange: bool,
    /// How the waits grow. [`Backoff::Rfc9002`] needs `exchange`.
    pub backoff: Backoff,
    /// How many times a request is sent, once at least; `None` for [`Backoff::default_tries`].
    pub tries: Option<u32>,
    /// How long a request may take in all; `None` for [`Backoff::default_limit`]. With zero it is sent
    /// once, and only what is there at once is taken.
    pub timeout: Option<Duration>,
}

impl Config {
    /// A client of `server` that does everything as the design has it: by the book on loopback, by
    /// RFC 8085 elsewhere, and as a group where the address is one.
    ///
    /// The wildcard address stands for this host, as it does for the kernel (ip(7)): the replies will
    /// come from loopback, so that is who is asked.
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
