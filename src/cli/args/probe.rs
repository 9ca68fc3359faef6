//! `udpraw probe`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use udpraw::error::{Error, Result};
use udpraw::probe::payload::{Payload, Query};
use udpraw::probe::{self, Config, Resolvers, Target};
use udpraw::protocol::Backoff;
use udpraw::units;

use super::address::Address;
use super::endpoint::{FamilyArguments, backoff};

const EXAMPLES: &str = "\
Examples:
  udpraw probe 127.0.0.1 1060              is a server there?
  udpraw probe domain                      does this machine's resolver answer?
  udpraw probe 192.0.2.1 domain --query example.org
                                           ask a name server for a name
  udpraw probe ntp.example ntp --count 5   round trips, and the clock's offset
  udpraw probe 127.0.0.1 1-1000            many ports, at a moderate rate
  udpraw probe 127.0.0.1 5000 --as stun    send a request of another protocol
  udpraw probe 127.0.0.1 5000 --payload 'c3 a9' --hex
                                           send any bytes

Verdicts: open (a reply), closed (ICMP port unreachable), unreachable (no route), filtered (ICMP
administratively prohibited, or a firewall rule of this machine), wrong-source (a reply from another
address), silent (no reply: inconclusive).

Exit status: 0 success (every port is open at one or more addresses), 1 negative result (one is not), 2 error.";

/// The host to probe, and how.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, override_usage = "udpraw probe [OPTIONS] [HOST] PORT|SERVICE")]
pub(crate) struct ProbeArguments {
    /// Host, then ports: numbers, service names or ranges, separated by commas. HOST:PORT and :PORT (at
    /// 127.0.0.1) are also accepted. Without a host, `domain` asks the resolvers of resolv.conf
    #[arg(value_name = "[HOST] PORT", required = true, num_args = 1..=2)]
    words: Vec<String>,

    /// The ports, as nmap takes them
    #[arg(
        short,
        long = "port",
        value_name = "PORT",
        hide = true,
        alias = "ports"
    )]
    port: Option<String>,

    /// Addresses are never looked up by name
    #[arg(short, long, hide = true)]
    numeric: bool,

    #[command(flatten)]
    family: FamilyArguments,

    /// Send a request of this protocol: dns, mdns, ntp, stun, quic, tftp, snmp, snmpv1, snmpv2c, snmpv3,
    /// ssdp, sip, echo, daytime, time, syslog, udpraw or empty [default: by port]
    #[arg(long = "as", value_name = "PROTOCOL", conflicts_with = "payload")]
    protocol: Option<Payload>,

    /// Send this text
    #[arg(long, value_name = "TEXT", aliases = ["message", "data", "text"])]
    pub(crate) payload: Option<String>,

    /// Read --payload as hexadecimal digits
    #[arg(long, requires = "payload")]
    pub(crate) hex: bool,

    /// Ask DNS for the IPv4 address of this name [default: the name servers of the root]
    #[arg(long, value_name = "NAME", conflicts_with_all = ["payload", "protocol"])]
    query: Option<String>,

    /// Ask N times, to measure the round trip
    #[arg(short, long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,

    /// Time between the requests of --count; a bare number counts seconds
    #[arg(short, long, value_name = "TIME", default_value = "1s", value_parser = units::duration)]
    interval: Duration,

    /// Timeouts: book (0.1 s, doubled) or rfc8085 (1 s, doubled)
    /// [default: book on loopback, rfc8085 elsewhere]
    #[arg(long, value_name = "RULE", value_parser = backoff)]
    backoff: Option<Backoff>,

    /// Send a request up to N times before the port counts as silent [default: 3; 2 for more than 10 ports]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), aliases = ["retries", "attempts"])]
    tries: Option<u32>,

    /// Give up a request after this time; a bare number counts seconds
    #[arg(long, value_name = "TIME", value_parser = units::duration, short_aliases = ['w', 'W'], alias = "wait")]
    timeout: Option<Duration>,

    /// Send at most N datagrams per second, over all ports
    #[arg(long, value_name = "N", default_value_t = Config::RATE, value_parser = rate, alias = "max-rate")]
    rate: f64,

    /// List every port, even if there are many that do not answer
    #[arg(long)]
    pub(crate) all: bool,

    /// File that names the resolvers
    #[arg(long, value_name = "FILE", default_value = probe::DEFAULT_PATH)]
    pub(crate) resolv_conf: PathBuf,

    #[command(flatten)]
    pub(crate) language: super::language::LanguageArguments,
}

/// Datagrams a second: from one in a quarter of an hour to a million.
fn rate(text: &str) -> std::result::Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (0.001..=1e6).contains(&rate) => Ok(rate),
        _ => Err("write a number from 0.001 to 1000000".into()),
    }
}

impl ProbeArguments {
    /// The host, if one was named, and the ports.
    fn words(&self) -> Result<(Option<&str>, &str)> {
        let mut words = self.words.iter().map(String::as_str);
        let (first, second) = (words.next().unwrap_or_default(), words.next());
        let second = second.or(self.port.as_deref());
        let address = Address::with_port(Some(first), second)?;
        match (address.host, address.port) {
            (Some(host), Some(ports)) => Ok((Some(host), ports)),
            (None, Some(ports)) if first.starts_with(':') => Ok((Some("127.0.0.1"), ports)),
            (None, Some(ports)) => Ok((None, ports)),
            // A word alone is a service, unless it can only be a host.
            (Some(host), None) if address.is_only_a_host() => {
                let host = host.escape_debug();
                Err(Error::invalid("probe", format_args!("'{host}'"), "no port is named")
                    .with_remedy(format!(
                        "name one, several or a range, as in: udpraw probe {host} domain,ntp,1000-1100"
                    )))
            }
            _ => Ok((None, first)),
        }
    }

    /// The host, or the file that stands for it.
    pub(crate) fn host(&self) -> String {
        match self.words() {
            Ok((Some(host), _)) => host.to_owned(),
            _ => self.resolv_conf.display().to_string(),
        }
    }

    /// The resolvers, where no host is named.
    pub(crate) fn resolvers(&self) -> Result<Option<Resolvers>> {
        let (None, text) = self.words()? else {
            return Ok(None);
        };
        if probe::ports(text)? != [53] {
            let subject = format!("'{}' without a host", text.escape_debug());
            let reason = "of domain alone this machine knows whom to ask, by resolv.conf";
            return Err(Error::invalid("probe", subject, reason)
                .with_remedy("name the host first, as in: udpraw probe 127.0.0.1 ntp"));
        }
        Resolvers::load(&self.resolv_conf).map(Some)
    }

    /// What to probe; `bytes` are those of `--payload`.
    pub(crate) fn config(
        &self,
        resolvers: Option<&Resolvers>,
        bytes: Option<Vec<u8>>,
    ) -> Result<Config> {
        let (host, text) = self.words()?;
        let chosen = match (bytes, &self.query) {
            (Some(bytes), _) => Some(Payload::Bytes(bytes.into())),
            (None, Some(name)) => Some(Payload::Dns(Query::address_of(name)?)),
            (None, None) => self.protocol.clone(),
        };
        let ports = probe::ports(text)?;
        let addresses = match (host, resolvers) {
            (None, Some(resolvers)) => resolvers.servers.clone(),
            (host, _) => self.family.resolve(host.unwrap_or_default(), 0)?,
        };
        let mut targets = Vec::with_capacity(ports.len() * addresses.len());
        for port in ports {
            for address in &addresses {
                let mut address = *address;
                address.set_port(port);
                let payload = chosen.clone().unwrap_or_else(|| Payload::for_port(port));
                targets.push(Target::new(address, payload));
            }
        }
        let mut config = Config::new(targets);
        config.rounds = self.count;
        config.interval = self.interval;
        config.backoff = self.backoff;
        config.tries = self.tries;
        config.timeout = self.timeout;
        config.rate = self.rate;
        Ok(config)
    }
}
