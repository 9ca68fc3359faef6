//! `udpraw client`.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use udpraw::client::Config;
use udpraw::error::{Error, Result};
use udpraw::protocol::Backoff;
use udpraw::socket::Family;
use udpraw::units;

use super::address::Address;
use super::endpoint::{FamilyArguments, environment, local_address};
use super::socket::SocketArguments;

const EXAMPLES: &str = "\
Examples:
  udpraw client                               the textbook's client
  udpraw client 127.0.0.1 1080 -m 'hello'     another port and another text
  udpraw client --connect localhost           call connect(2) first
  udpraw client --exchange -v                 match the reply by a random id
  printf 'one\\ntwo\\n' | udpraw client --stdin
                                              send one datagram per line
  udpraw client --hex -m 'c3 a9 00'           send any bytes
  udpraw client --count 10 --interval 0.2     send ten requests and show their round trips
  udpraw client 127.255.255.255 --broadcast   ask every server of the network

Exit status: 0 success (every request was answered), 1 negative result (a request was not answered), 2 error.";

/// The server and the request.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ClientArguments {
    /// Server: an address or a name, optionally with a port: HOST, HOST:PORT, [ADDR]:PORT or :PORT
    /// [default: 127.0.0.1] [env: UDPRAW_HOST]
    host: Option<String>,

    /// The same as --port
    #[arg(value_name = "PORT", conflicts_with = "port")]
    port_word: Option<String>,

    /// The same as HOST, for who knows `udpraw server --host`
    #[arg(long = "host", value_name = "HOST", hide = true, aliases = ["server", "address", "addr"], conflicts_with = "host")]
    host_flag: Option<String>,

    #[command(flatten)]
    family: FamilyArguments,

    /// Port: a number or a service name, unless HOST has one [default: 1060] [env: UDPRAW_PORT]
    #[arg(short, long)]
    port: Option<String>,

    /// Text to send instead of the time
    #[arg(short, long, value_name = "TEXT", conflicts_with = "stdin",
        aliases = ["text", "data", "payload", "msg"])]
    pub(crate) message: Option<String>,

    /// Send each line of standard input as a datagram
    #[arg(long)]
    pub(crate) stdin: bool,

    /// Read --message or each line of --stdin as hexadecimal digits
    #[arg(long)]
    pub(crate) hex: bool,

    /// Send N requests
    #[arg(
        short,
        long,
        value_name = "N",
        default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..),
        conflicts_with = "stdin"
    )]
    pub(crate) count: u64,

    /// Time between requests; a bare number counts seconds
    /// [default: 1s, none with --stdin]
    #[arg(short, long, value_name = "TIME", value_parser = units::duration)]
    interval: Option<Duration>,

    /// Local address to bind: ADDR, ADDR:PORT or :PORT
    #[arg(long, value_name = "ADDR", aliases = ["source", "bind"])]
    local: Option<String>,

    /// Call connect(2), so that the kernel drops datagrams from anyone else
    #[arg(long)]
    pub(crate) connect: bool,

    /// Accept a reply from anyone, as the textbook's program does. Dangerous. Even without this option, a
    /// late reply to an earlier request can be taken for the reply to this one; --exchange prevents that
    #[arg(long)]
    promiscuous: bool,

    /// Accept only a reply with the random id of its request, so that late and forged datagrams are
    /// ignored; the server needs --exchange as well
    #[arg(long, conflicts_with = "promiscuous")]
    exchange: bool,

    /// Timeouts: book (0.1 s, doubled up to 2.0 s), rfc8085 (1 s, then RFC 6298) or rfc9002 (1 s, then the
    /// probe timeout of the path; only with --exchange)
    /// [default: book on loopback, rfc8085 elsewhere, rfc9002 with --exchange]
    #[arg(long, value_name = "RULE")]
    backoff: Option<Backoff>,

    /// Give up a request after this time; a bare number counts seconds [default: 60s with rfc9002]
    #[arg(long, value_name = "TIME", value_parser = limit, short_aliases = ['w', 'W'], aliases = ["wait", "deadline"])]
    timeout: Option<Duration>,

    /// Give up a request after sending it N times [default: 5 with book, 4 with rfc8085, no limit with
    /// rfc9002]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..),
        aliases = ["retries", "attempts"])]
    tries: Option<u32>,

    /// Print only the replies
    #[arg(short, long)]
    pub(crate) quiet: bool,

    /// Show the file descriptor, requested and effective socket options, the control messages of each
    /// reply, as for IP_RECVTOS, and the round trips
    #[arg(short, long, conflicts_with = "quiet")]
    pub(crate) verbose: bool,

    #[command(flatten)]
    pub(crate) socket: SocketArguments,
}

/// The time that a request may take: no reply can come in no time.
fn limit(text: &str) -> Result<Duration> {
    let time = units::duration(text)?;
    if time.is_zero() {
        return Err(
            Error::invalid("use", "a timeout of 0", "no reply can come in no time")
                .with_remedy("leave it out for the default, or take 1ms to hardly wait"),
        );
    }
    Ok(time)
}

impl ClientArguments {
    /// The server's addresses, in the order in which they are to be tried.
    pub(crate) fn servers(&self) -> Result<Vec<SocketAddr>> {
        let text = self.host.as_deref().or(self.host_flag.as_deref());
        let port = self.port_word.as_deref().or(self.port.as_deref());
        let given = Address::with_port(text, port)?;
        // What the command line says counts more than the environment.
        let (text, port) = match (given.host, given.port) {
            (None, _) => (environment("UDPRAW_HOST")?, environment("UDPRAW_PORT")?),
            (_, None) => (None, environment("UDPRAW_PORT")?),
            _ => (None, None),
        };
        let around = match (text.as_deref(), given.port) {
            (Some(text), None) => Address::with_port(Some(text), port.as_deref())?,
            (Some(text), _) => Address::parse(text)?,
            (None, _) => Address {
                host: None,
                port: port.as_deref(),
            },
        };
        let address = Address {
            host: given.host.or(around.host),
            port: given.port.or(around.port),
        };
        let port = address.destination_port("1060")?;
        self.family
            .resolve(address.host.unwrap_or("127.0.0.1"), port)
    }

    /// How to ask the server at that address.
    pub(crate) fn config(&self, server: SocketAddr) -> Result<Config> {
        let family = Family::of(server);
        let local = self
            .local
            .as_ref()
            .map(|local| local_address(local, family))
            .transpose()?;
        let mut config = Config::new(server);
        config.local = local;
        config.settings = self.socket.settings(family)?;
        config.connect = self.connect;
        config.promiscuous = self.promiscuous;
        config.group |= self.socket.broadcast;
        config.exchange = self.exchange;
        config.backoff = self.backoff.unwrap_or(if self.exchange {
            Backoff::Rfc9002
        } else {
            config.backoff
        });
        config.tries = self.tries;
        config.timeout = self.timeout;
        Ok(config)
    }

    /// The pause between two requests.
    pub(crate) fn interval(&self) -> Duration {
        let default = if self.stdin {
            Duration::ZERO
        } else {
            Duration::from_secs(1)
        };
        self.interval.unwrap_or(default)
    }
}
