//! From a family and a list of options to a bound socket, one system call after the other.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};

use socket2::{Protocol, SockAddr, Socket, Type};

use super::address::{Family, Shown};
use super::endpoint::Endpoint;
use super::options::OptionValue;
use crate::error::{Error, Result};

/// Makes an [`Endpoint`]: `socket`, one `setsockopt` an option in the order given, `bind`.
///
/// Not one call more is made, so that a trace of the program shows just what was asked for.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    settings: Vec<OptionValue>,
    packet_info: bool,
}

impl Endpoint {
    /// Starts to build an endpoint.
    pub fn builder() -> Builder {
        Builder::default()
    }
}

impl Builder {
    /// Sets a socket option before `bind`.
    #[must_use]
    pub fn option(mut self, setting: OptionValue) -> Self {
        self.settings.push(setting);
        self
    }

    /// Sets several socket options before `bind`, in order.
    #[must_use]
    pub fn options(mut self, settings: impl IntoIterator<Item = OptionValue>) -> Self {
        self.settings.extend(settings);
        self
    }

    /// Asks where each datagram was sent to, so that [`Endpoint::reply`] answers from there
    /// (`IP_PKTINFO` or `IPV6_RECVPKTINFO`): what a socket on the wildcard address needs.
    #[must_use]
    pub fn packet_info(mut self, on: bool) -> Self {
        self.packet_info = on;
        self
    }

    /// Makes the socket and binds it to `address`; port 0 lets the kernel choose one.
    ///
    /// # Errors
    /// Of socket(2), setsockopt(2) and bind(2): EADDRINUSE if another socket holds the port, EACCES
    /// for a port below 1024 without the right, EADDRNOTAVAIL for an address of another machine.
    pub fn bind(self, address: SocketAddr) -> Result<Endpoint> {
        let endpoint = self.unbound(Family::of(address))?;
        endpoint
            .socket()
            .bind(&SockAddr::from(address))
            .map_err(|source| bind_error(address, source))?;
        Ok(endpoint)
    }

    /// Takes over a socket that is bound already, as a service manager passes one (sd_listen_fds(3)):
    /// the options are set, and nothing is made or bound.
    ///
    /// # Errors
    /// Of getsockname(2) and setsockopt(2).
    pub fn adopt(mut self, fd: OwnedFd) -> Result<Endpoint> {
        let mut endpoint = Endpoint::from(fd);
        let family = Family::of(endpoint.local_address()?);
        self.ask_for_packet_info(family)?;
        for setting in &self.settings {
            endpoint.set(setting)?;
        }
        Ok(endpoint)
    }

    /// Adds the option behind the others.
    fn ask_for_packet_info(&mut self, family: Family) -> Result<()> {
        if self.packet_info {
            let name = match family {
                Family::V4 => "IP_PKTINFO=1",
                Family::V6 => "IPV6_RECVPKTINFO=1",
            };
            self.settings.push(name.parse()?);
        }
        Ok(())
    }

    /// Makes the socket and leaves it unbound: the kernel binds it to a port at the first send.
    ///
    /// # Errors
    /// Of socket(2) and setsockopt(2).
    pub fn unbound(mut self, family: Family) -> Result<Endpoint> {
        let socket = Socket::new(family.domain(), Type::DGRAM, Some(Protocol::UDP))
            .map_err(|source| socket_error(family, source))?;
        self.ask_for_packet_info(family)?;
        let mut control = 0;
        for setting in &self.settings {
            setting.apply(socket.as_fd())?;
            control += setting.control_space();
        }
        Ok(Endpoint::new(socket, family, control))
    }
}

fn socket_error(family: Family, source: io::Error) -> Error {
    let remedy = match source.raw_os_error() {
        Some(libc::EAFNOSUPPORT) => Some("this kernel runs without that protocol family"),
        Some(libc::EMFILE) => Some("raise the limit with: ulimit -n 65536"),
        Some(libc::EPERM | libc::EACCES) => {
            Some("a sandbox or security policy forbids sockets here")
        }
        _ => None,
    };
    let error = Error::os("make", format_args!("an {family} UDP socket"), source);
    match remedy {
        Some(remedy) => error.with_remedy(remedy),
        None => error,
    }
}

fn bind_error(address: SocketAddr, source: io::Error) -> Error {
    let port = address.port();
    let remedy = match source.raw_os_error() {
        Some(libc::EADDRINUSE) => format!(
            "udpraw ports {port} tells who holds it; stop that program, choose another port, or 0 \
             for one that the OS picks"
        ),
        Some(libc::EACCES) if port < 1024 => format!(
            "ports below 1024 need CAP_NET_BIND_SERVICE; run as root, or use a port above 1023 \
             such as {}",
            1000 + port.max(24)
        ),
        Some(libc::EADDRNOTAVAIL) => {
            "no interface of this machine has that address (ip address shows them); \
             use 0.0.0.0 or :: for all"
                .into()
        }
        Some(libc::EINVAL) if address.is_ipv6() => {
            "a link-local address needs its interface, as in fe80::1%eth0".into()
        }
        _ => return Error::os("bind", Shown(address), source),
    };
    Error::os("bind", Shown(address), source).with_remedy(remedy)
}
