//! Makes a bound socket from a family and a list of options, one system call after the other.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};

use socket2::{Protocol, SockAddr, Socket, Type};

use super::address::{Family, Shown};
use super::endpoint::Endpoint;
use super::option::{self, OptionType, PathMtuDiscovery, Settable, TypedOption};
use super::options::OptionValue;
use super::path;
use crate::error::{Error, Result};

/// Makes an [`Endpoint`]: `socket`, one `setsockopt` per option in the order given, `bind`.
///
/// It makes no other calls, so a trace of the program shows exactly what was requested.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    steps: Vec<Step>,
    packet_info: bool,
}

/// An option to set, or a pair with one option per family.
#[derive(Clone, Debug)]
enum Step {
    Set(OptionValue),
    ReceiveErrors,
    ReceiveTos,
    PathMtuDiscovery(PathMtuDiscovery),
}

impl Step {
    fn values(self, family: Family) -> Vec<OptionValue> {
        match self {
            Self::Set(value) => vec![value],
            Self::ReceiveErrors => path::receive_errors(family),
            Self::ReceiveTos => path::receive_tos(family),
            Self::PathMtuDiscovery(mode) => path::discovery(family, mode),
        }
    }
}

impl Endpoint {
    /// Starts building an endpoint.
    pub fn builder() -> Builder {
        Builder::default()
    }
}

impl Builder {
    /// Sets a socket option before `bind`.
    ///
    /// ```
    /// use udpraw::socket::{Endpoint, option};
    /// let builder = Endpoint::builder().option(option::SO_REUSEPORT, true);
    /// let first = builder.clone().bind("127.0.0.1:0".parse()?)?;
    /// let second = builder.bind(first.local_address()?)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn option<T: OptionType, A: Settable>(self, option: TypedOption<T, A>, value: T) -> Self {
        self.options([option.with_value(value)])
    }

    /// Sets several socket options before `bind`, in order; each has its value, from
    /// [`TypedOption::with_value`] or from text.
    #[must_use]
    pub fn options(mut self, settings: impl IntoIterator<Item = OptionValue>) -> Self {
        self.steps.extend(settings.into_iter().map(Step::Set));
        self
    }

    /// Reports ICMP errors, with the datagram that caused each, on an unconnected socket too
    /// (`IP_RECVERR`, ip(7)): a send or receive fails with ECONNREFUSED, for example, and
    /// [`Endpoint::queued_error`] returns the reason.
    ///
    /// On an IPv6 socket this is `IPV6_RECVERR`, and `IP_RECVERR` for IPv4-mapped addresses.
    #[must_use]
    pub fn receive_errors(mut self) -> Self {
        self.steps.push(Step::ReceiveErrors);
        self
    }

    /// Asks for the TOS byte of each datagram, which holds DSCP and ECN (`IP_RECVTOS`, ip(7)):
    /// [`Received::tos`](super::Received::tos) and [`Received::ecn`](super::Received::ecn) return it.
    ///
    /// On an IPv6 socket that is `IPV6_RECVTCLASS`, and `IP_RECVTOS` for IPv4-mapped addresses.
    #[must_use]
    pub fn receive_tos(mut self) -> Self {
        self.steps.push(Step::ReceiveTos);
        self
    }

    /// Chooses whether datagrams may be fragmented, and what limits them (`IP_MTU_DISCOVER`, ip(7)).
    ///
    /// On an IPv6 socket this is `IPV6_MTU_DISCOVER`, and `IP_MTU_DISCOVER` for IPv4-mapped
    /// addresses.
    #[must_use]
    pub fn path_mtu_discovery(mut self, mode: PathMtuDiscovery) -> Self {
        self.steps.push(Step::PathMtuDiscovery(mode));
        self
    }

    /// Requests the destination of each datagram, so that [`Endpoint::reply`] answers from that
    /// address (`IP_PKTINFO` or `IPV6_RECVPKTINFO`): a socket on the wildcard address needs it.
    #[must_use]
    pub fn packet_info(mut self, on: bool) -> Self {
        self.packet_info = on;
        self
    }

    /// Makes the socket and binds it to `address`; port 0 lets the kernel choose one.
    ///
    /// # Errors
    /// The errors of socket(2), setsockopt(2) and bind(2): EADDRINUSE if another socket holds the
    /// port, EACCES for a port below 1024 without the privilege, EADDRNOTAVAIL for an address of
    /// another machine.
    pub fn bind(self, address: SocketAddr) -> Result<Endpoint> {
        let endpoint = self.unbound(Family::of(address))?;
        endpoint
            .socket()
            .bind(&SockAddr::from(address))
            .map_err(|source| bind_error(address, source))?;
        Ok(endpoint)
    }

    /// Takes over a socket that is bound already, for example from a service manager
    /// (sd_listen_fds(3)): sets the options; makes and binds nothing.
    ///
    /// # Errors
    /// The errors of getsockname(2) and setsockopt(2).
    pub fn adopt(self, fd: OwnedFd) -> Result<Endpoint> {
        let mut endpoint = Endpoint::from(fd);
        let family = Family::of(endpoint.local_address()?);
        for setting in self.settings(family) {
            endpoint.apply(&setting)?;
        }
        Ok(endpoint)
    }

    /// The values of all options for a socket of `family`, in order.
    fn settings(self, family: Family) -> Vec<OptionValue> {
        let steps = self.steps.into_iter();
        let mut settings: Vec<_> = steps.flat_map(|step| step.values(family)).collect();
        if self.packet_info {
            settings.push(match family {
                Family::V4 => option::IP_PKTINFO.with_value(true),
                Family::V6 => option::IPV6_RECVPKTINFO.with_value(true),
            });
        }
        settings
    }

    /// Makes the socket without binding it: the kernel binds it to a port at the first send.
    ///
    /// # Errors
    /// The errors of socket(2) and setsockopt(2).
    pub fn unbound(self, family: Family) -> Result<Endpoint> {
        let socket = Socket::new(family.domain(), Type::DGRAM, Some(Protocol::UDP))
            .map_err(|source| socket_error(family, source))?;
        let mut control = 0;
        for setting in self.settings(family) {
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
            "udpraw ports {port} shows who holds it; stop that program, choose another port, or 0 \
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
