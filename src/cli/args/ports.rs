//! `udpraw ports`.

use std::net::{IpAddr, SocketAddr};

use clap::Args;
use udpraw::error::Result;
use udpraw::socket::resolve;

use super::address::{Address, bound_ports};

const EXAMPLES: &str = "\
Examples:
  udpraw ports                    every UDP socket
  udpraw ports 1060 domain        the sockets at two ports
  udpraw ports 5000-5100          the sockets in a range of ports
  udpraw ports 127.0.0.1:53       which socket gets datagrams for this address
  udpraw ports --watch            new, closed and dropping sockets
  udpraw ports --json | jq 'select(.drops > 0)'

Prints one line per socket: endpoints, service, owner, receive-queue usage and limit, drops, notes. If \
several sockets have a port, it says which of them gets a datagram. It sees only this network namespace. \
Only root sees the owners of other users' sockets.

With --watch, + is a new socket, - a closed one, * a changed one. A terminal shows all sockets, refreshed \
each second; other outputs get only the changes.

Exit status: 0 success (sockets were found, or no port was named), 1 negative result (nothing holds the ports), 2 error.";

/// Which ports, and how long.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct PortsArguments {
    /// Ports: numbers, service names or ranges, separated by commas; or HOST or HOST:PORT for the sockets
    /// that get datagrams for that address
    #[arg(value_name = "PORT|SERVICE|HOST:PORT")]
    words: Vec<String>,

    /// Accepted and ignored: options of ss, netstat and lsof for what is always shown here
    #[arg(short = 'l', long = "listening", hide = true, short_aliases = ['p', 'n', 'a', 'i', 'e', 'm', 'o'],
        aliases = ["port", "processes", "all", "numeric"])]
    usual: bool,

    /// Look again each second and show changes, until Ctrl-C
    #[arg(short, long)]
    pub(crate) watch: bool,

    /// Look N times
    #[arg(short, long, value_name = "N", requires = "watch", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,

    /// Serve counters in the OpenMetrics text format at http://ADDR/metrics: HOST:PORT, or :PORT for
    /// 127.0.0.1; port 0 for one that the OS picks
    #[arg(long, value_name = "ADDR", requires = "watch")]
    pub(crate) openmetrics: Option<String>,

    #[command(flatten)]
    pub(crate) language: super::language::LanguageArguments,
}

/// Which sockets to show.
#[derive(Debug, Default)]
pub(crate) struct Selection {
    /// The ports; none at all for every port.
    pub(crate) ports: Vec<u16>,
    /// As they were asked for: a port, or a range of them.
    pub(crate) asked: Vec<Vec<u16>>,
    /// Addresses that a datagram may be for; none at all for every address.
    pub(crate) hosts: Vec<IpAddr>,
}

impl Selection {
    /// Whether a socket bound to that address could get a datagram that was asked for.
    pub(crate) fn includes(&self, local: IpAddr) -> bool {
        self.hosts.is_empty() || local.is_unspecified() || self.hosts.contains(&local)
    }

    fn add_ports(&mut self, text: &str) -> Result<()> {
        for item in text.split(',') {
            let ports = bound_ports(item)?;
            if !self.asked.contains(&ports) {
                self.ports.extend(&ports);
                self.asked.push(ports);
            }
        }
        Ok(())
    }
}

impl PortsArguments {
    /// What was asked for.
    pub(crate) fn selection(&self) -> Result<Selection> {
        let mut selection = Selection::default();
        for text in &self.words {
            let address = Address::parse(text)?;
            match (address.host, address.port) {
                (Some(service), None) if !address.is_only_a_host() => {
                    selection.add_ports(service)?;
                }
                (host, port) => {
                    if let Some(host) = host {
                        let found = resolve(host, 0)?;
                        selection.hosts.extend(found.iter().map(SocketAddr::ip));
                    }
                    if let Some(port) = port {
                        selection.add_ports(port)?;
                    }
                }
            }
        }
        Ok(selection)
    }
}
