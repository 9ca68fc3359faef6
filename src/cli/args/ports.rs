//! `udpraw ports`.

use std::net::{IpAddr, SocketAddr};

use clap::Args;
use udpraw::error::Result;
use udpraw::socket::resolve;

use super::address::{Address, bound_ports};

const EXAMPLES: &str = "\
Prints a line a socket: endpoints, service, who holds it, memory that unread datagrams take of how \
much, drops, and what else is known of it. Of a port with several sockets it says which of them would \
get a datagram. It sees this network namespace alone. What other users' processes hold is known to \
root alone.

With --watch, + is a new socket, - one that is gone, * one that changed; on a terminal all are drawn \
anew each second, elsewhere only what changed is printed.

Examples:
  udpraw ports                    every UDP socket
  udpraw ports 1060 domain        those of two ports
  udpraw ports 5000-5100          those of a range
  udpraw ports 127.0.0.1:53       who gets datagrams for that address
  udpraw ports --watch            what comes, goes and drops
  udpraw ports --json | jq 'select(.drops > 0)'

Exit status: 0 success (there are such sockets, or nothing was selected), 1 negative result (no socket is as selected), 2 error.";

/// Which ports, and how long.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct PortsArguments {
    /// Only these ports: numbers, service names, ranges, with commas between them. HOST or HOST:PORT:
    /// only sockets that get datagrams for that address
    #[arg(value_name = "PORT|SERVICE|HOST:PORT")]
    words: Vec<String>,

    /// What ss, netstat and lsof need to be told to show what is shown here anyway
    #[arg(short = 'l', long = "listening", hide = true, short_aliases = ['p', 'n', 'a', 'i', 'e', 'm', 'o'],
        aliases = ["port", "processes", "all", "numeric"])]
    usual: bool,

    /// Look again each second, and show what changed, until Ctrl-C
    #[arg(short, long)]
    pub(crate) watch: bool,

    /// Look so many times
    #[arg(short, long, value_name = "N", requires = "watch", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
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
