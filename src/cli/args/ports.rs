//! `udpraw ports`.

use clap::Args;
use udpraw::error::{Error, Result};
use udpraw::services::resolve_port;

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
  udpraw ports --watch            what comes, goes and drops
  udpraw ports --json | jq 'select(.drops > 0)'

Exit status: 0 if there are sockets or no port was named, 1 if nothing holds the ports, 2 on an error.";

/// Which ports, and how long.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct PortsArguments {
    /// Only these ports: numbers or service names
    #[arg(value_name = "PORT|SERVICE")]
    ports: Vec<String>,

    /// Look again each second, and show what changed, until Ctrl-C
    #[arg(short, long)]
    pub(crate) watch: bool,

    /// Look so many times
    #[arg(short, long, value_name = "N", requires = "watch", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
}

impl PortsArguments {
    /// The ports asked for, none twice; none at all for every port.
    pub(crate) fn ports(&self) -> Result<Vec<u16>> {
        let mut ports = Vec::new();
        for text in &self.ports {
            match resolve_port(text)? {
                0 => {
                    return Err(
                        Error::invalid("look for", "port 0", "no socket is bound to it")
                            .with_remedy("leave it out to see every port"),
                    );
                }
                port if ports.contains(&port) => {}
                port => ports.push(port),
            }
        }
        Ok(ports)
    }
}
