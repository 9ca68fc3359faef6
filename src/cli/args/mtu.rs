//! `udpraw mtu`.

use clap::Args;
use udpraw::error::{Error, Result};
use udpraw::mtu::Config;
use udpraw::protocol::Backoff;

use super::address::Address;
use super::endpoint::{FamilyArguments, backoff};

const EXAMPLES: &str = "\
Examples:
  udpraw mtu 192.0.2.1                 ask the host's echo port, open or closed
  udpraw mtu 192.0.2.1 1060            ask `udpraw server` there, with any --reply
  udpraw mtu -6 host.example           over IPv6

The limit is the first hop, a later link whose router reports it by ICMP, or a black hole: larger
datagrams vanish without ICMP. An echo is as long as its request, so the way back counts too. With only
ICMP as replies the search takes longer: most hosts send about one per second.

Exit status: 0 success (the path MTU of at least one address is known), 1 negative result (nobody answered, or the host is
unreachable), 2 error.";

/// The host where only a port is named.
const HERE: &str = "127.0.0.1";

/// The host to ask.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct MtuArguments {
    /// Host: an address or a name (all its addresses are tried), optionally with a port: HOST, HOST:PORT
    /// or [ADDR]:PORT
    host: String,

    /// The same as --port
    #[arg(value_name = "PORT", conflicts_with = "port")]
    port_word: Option<String>,

    /// Addresses are never looked up by name
    #[arg(short, long, hide = true)]
    numeric: bool,

    #[command(flatten)]
    family: FamilyArguments,

    /// Port: one where a service replies, or a closed one [default: 7]
    #[arg(short, long)]
    port: Option<String>,

    /// First timeouts: book (0.1 s, doubled) or rfc8085 (1 s, doubled)
    /// [default: book on loopback, rfc8085 elsewhere]
    #[arg(long, value_name = "RULE", value_parser = backoff)]
    backoff: Option<Backoff>,
}

impl MtuArguments {
    /// The host as it was named, without a port.
    pub(crate) fn host(&self) -> &str {
        let address = Address::parse(&self.host).unwrap_or_default();
        address.host.unwrap_or(HERE)
    }

    /// What to ask at each address of the host.
    pub(crate) fn configs(&self) -> Result<Vec<Config>> {
        let port = self.port_word.as_deref().or(self.port.as_deref());
        let address = Address::with_port(Some(&self.host), port)?;
        let port = address.destination_port("7")?;
        let addresses = self.family.resolve(address.host.unwrap_or(HERE), port)?;
        let mut configs: Vec<Config> = addresses.into_iter().map(Config::new).collect();
        for config in &mut configs {
            config.backoff = self.backoff.unwrap_or(config.backoff);
            let ip = config.address.ip();
            if ip.is_multicast() || ip == std::net::Ipv4Addr::BROADCAST {
                let reason = "it is many hosts, and each has a path of its own";
                return Err(
                    Error::invalid("probe the path to", ip, reason).with_remedy("name one host")
                );
            }
        }
        Ok(configs)
    }
}
