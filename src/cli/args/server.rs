//! `udpraw server`.

use std::time::Duration;

use clap::{Args, ValueEnum};
use udpraw::error::Error;
use udpraw::io::{Backend, BackendChoice, TransportConfig};
use udpraw::protocol::exchange::Limits;
use udpraw::server::{Behaviour, Config, LoadLimits, Reply, SimulatedLoss, Template};
use udpraw::units;

use super::address::{Address, ports};
use super::endpoint::{FamilyArguments, environment};
use super::socket::SocketArguments;

const EXAMPLES: &str = "\
Examples:
  udpraw server                                    the textbook's server, at 127.0.0.1:1060
  udpraw server :1080 --reply-text 'Your data was {bytes} bytes long.'
                                                   the reply of the textbook's older edition
  udpraw server 0.0.0.0 domain,ntp                 two ports on every interface
  udpraw server --drop 50% --seed 1                lose half of the datagrams, repeatably
  udpraw server --reuseaddr --rcvbuf 4MiB -v       set socket options and show their effect
  udpraw server --exchange                         execute each request only once, for clients
                                                   with --exchange
  udpraw server -q --reply echo --io auto          echo as fast as this kernel can
  udpraw server -q --reply none --io offload --workers 2 --stats 1s
                                                   count datagrams with two threads

Exit status: 0 success (stopped, or --count reached), 2 error.";

/// What the server does.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ServerArguments {
    /// Address to bind, optionally with ports: HOST, HOST:PORT, [ADDR]:PORT or :PORT; the same as --host
    /// and --port
    #[arg(value_name = "HOST", conflicts_with_all = ["host", "listen"])]
    address: Option<String>,

    /// The same as --port
    #[arg(value_name = "PORT", conflicts_with = "port")]
    port_word: Option<String>,

    /// Address and port, as nc -l takes them
    #[arg(short, long, value_name = "ADDR", hide = true, num_args = 0..=2, conflicts_with = "host")]
    listen: Option<Vec<String>>,

    /// Address to bind: an IPv4 or IPv6 address, or a name [default: 127.0.0.1] [env: UDPRAW_HOST]
    #[arg(long, value_name = "HOST", aliases = ["bind", "address", "addr"])]
    host: Option<String>,

    #[command(flatten)]
    pub(crate) family: FamilyArguments,

    /// Port: a number, a service name, or 0 for one that the OS picks; or several, as in 53,ntp or
    /// 5000-5003 [default: 1060] [env: UDPRAW_PORT]
    #[arg(short, long)]
    port: Vec<String>,

    /// Reply to send
    #[arg(long, value_enum, default_value_t = ReplyKind::Length)]
    reply: ReplyKind,

    /// Text to answer; {bytes} stands for the length of the datagram
    #[arg(long, value_name = "TEXT", conflicts_with = "reply")]
    reply_text: Option<Template>,

    /// Also send replies that are more than three times as long as the request, counted with IP and UDP
    /// headers. Dangerous: with a forged source address, this server can be made to flood a third party
    #[arg(long)]
    allow_amplification: bool,

    /// Serve only `udpraw client --exchange`: each request is executed once, and a retransmission of one
    /// of the last 4,096 gets the same reply again. With --reply none, replies are empty
    #[arg(long, conflicts_with_all = ["no_copy", "allow_bench", "allow_load"])]
    exchange: bool,

    /// Drop each received datagram with this probability, as in 50%
    #[arg(long, value_name = "PROBABILITY", value_parser = units::probability, alias = "loss")]
    drop: Option<f64>,

    /// Seed for --drop; the same seed drops the same datagrams of a sequence
    #[arg(long, requires = "drop")]
    seed: Option<u64>,

    /// Stop after N datagrams
    #[arg(short, long, value_name = "N")]
    count: Option<u64>,

    /// Do not print a line per datagram
    #[arg(short, long)]
    pub(crate) quiet: bool,

    /// Show the file descriptor, requested and effective socket options, and the control messages of each
    /// datagram, as for IP_RECVTOS
    #[arg(short, long, conflicts_with = "quiet")]
    pub(crate) verbose: bool,

    /// Serve counters in the OpenMetrics text format at http://ADDR/metrics: HOST:PORT, or :PORT for
    /// 127.0.0.1; port 0 for one that the OS picks
    #[arg(long, value_name = "ADDR")]
    pub(crate) openmetrics: Option<String>,

    #[command(flatten)]
    pub(crate) backend: BackendArguments,

    #[command(flatten)]
    pub(crate) socket: SocketArguments,
}

/// How datagrams are moved.
#[derive(Debug, Args)]
#[command(next_help_heading = "Backends")]
pub(crate) struct BackendArguments {
    /// Backend: single (recvfrom, sendto), batch (recvmmsg, sendmmsg), offload (UDP_GRO, UDP_SEGMENT),
    /// uring (io_uring), or auto for the best that works here
    #[arg(long, value_name = "BACKEND", default_value = "single")]
    io: BackendChoice,

    /// Threads per port; they share it by SO_REUSEPORT, and each is pinned to a CPU
    #[arg(long, value_name = "N", default_value_t = 1, aliases = ["threads", "parallel"],
        value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) workers: u16,

    /// Poll instead of sleeping: lower latency, but a whole CPU is busy
    #[arg(long)]
    spin: bool,

    /// Count datagrams without copying their payload from the kernel
    #[arg(long, requires = "quiet")]
    no_copy: bool,

    /// Accept `udpraw bench --server`, which sends at full speed
    #[arg(long, conflicts_with = "no_copy")]
    allow_bench: bool,

    /// Serve sessions of `udpraw load --session`: each client gets its own figures of each direction, and may
    /// have load sent back to its own address
    #[arg(long, conflicts_with = "no_copy")]
    allow_load: bool,

    /// The most datagrams per second of a load session, each way [default: 100kpps]
    #[arg(long, value_name = "RATE", requires = "allow_load", value_parser = super::load::limit)]
    max_load_rate: Option<u64>,

    /// The longest load session; 0 for no limit, as `udpraw load --for 0` needs it [default: 10m]
    #[arg(long, value_name = "TIME", requires = "allow_load", value_parser = units::duration)]
    max_load_time: Option<Duration>,

    /// Print statistics at this interval, as in 1s; a bare number counts seconds
    #[arg(long, value_name = "INTERVAL", value_parser = interval)]
    stats: Option<Duration>,
}

/// A stretch of time that a line can be printed after.
fn interval(text: &str) -> Result<Duration, Error> {
    let time = units::duration(text)?;
    if time < Duration::from_millis(1) {
        let subject = format!("interval '{}'", text.escape_debug());
        return Err(Error::invalid("use", subject, "the shortest is 1ms"));
    }
    Ok(time)
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ReplyKind {
    /// The length, as in "Your data was 38 bytes long"
    Length,
    /// The datagram itself. One forged datagram can make two echo services answer each other forever. This
    /// server never answers its own ports, the ports of RFC 862 to 868, or replies of another udpraw
    /// (they have TTL 200), but it cannot detect a loop through other programs
    Echo,
    /// No reply
    None,
}

impl ServerArguments {
    /// The host, and the ports by number: from the words, the flags or the environment, in this order.
    pub(crate) fn place(&self) -> Result<(Option<String>, Option<Vec<u16>>), Error> {
        let mut listen = self.listen.iter().flatten();
        let text = listen
            .next()
            .or(self.address.as_ref())
            .or(self.host.as_ref());
        let flag = (!self.port.is_empty()).then(|| self.port.join(","));
        let port = listen.next().or(self.port_word.as_ref()).or(flag.as_ref());
        let given = Address::with_port(text.map(String::as_str), port.map(String::as_str))?;
        let host = match given.host {
            Some(host) => Some(host.to_owned()),
            None => environment("UDPRAW_HOST")?,
        };
        let port = match given.port {
            Some(port) => Some(port.to_owned()),
            None => environment("UDPRAW_PORT")?,
        };
        let ports = port.map(|port| ports(&port)).transpose()?;
        Ok((host, ports))
    }

    /// How the server is to run; as the plain loop where nothing else is asked for.
    pub(crate) fn config(&mut self) -> Result<Config, Error> {
        let mut config = Config::from(self.behaviour()?);
        let BackendArguments {
            io,
            workers,
            spin,
            no_copy,
            stats,
            allow_bench: _,
            allow_load: _,
            max_load_rate: _,
            max_load_time: _,
        } = self.backend;
        (config.backend, config.interval, config.transport.spin) = (io, stats, spin);
        if no_copy {
            config.transport.capacity = 0;
        }
        let is_plain = io == BackendChoice::Only(Backend::Single) && workers == 1;
        let is_plain = is_plain && !spin && !no_copy && stats.is_none();
        if !is_plain && self.socket.rcvbuf.is_none() && self.socket.sndbuf.is_none() {
            config.transport.socket_buffers = TransportConfig::bulk().socket_buffers;
        }
        Ok(config)
    }

    /// Whether the backend is to be chosen, and the choice told.
    pub(crate) fn is_auto(&self) -> bool {
        self.backend.io == BackendChoice::Auto
    }

    /// What the server does with a datagram.
    fn behaviour(&mut self) -> Result<Behaviour, Error> {
        let reply = match (self.reply_text.take(), self.reply) {
            (Some(template), _) => Reply::Text(template),
            (None, ReplyKind::Length) => Reply::length(),
            (None, ReplyKind::Echo) => Reply::Echo,
            (None, ReplyKind::None) => Reply::Nothing,
        };
        let seed = self.seed.unwrap_or_else(|| fastrand::u64(..));
        let drop = self
            .drop
            .map(|probability| SimulatedLoss { probability, seed });
        if self.backend.no_copy && reply != Reply::Nothing {
            return Err(
                Error::invalid("use", "--no-copy", "a reply is made from the payload")
                    .with_remedy("add --reply none"),
            );
        }
        let mut behaviour = Behaviour::default();
        behaviour.reply = reply;
        behaviour.drop = drop;
        behaviour.count = self.count;
        behaviour.allow_bench = self.backend.allow_bench;
        behaviour.allow_load = self.backend.allow_load.then(|| {
            let mut limits = LoadLimits::default();
            limits.rate = self.backend.max_load_rate.unwrap_or(limits.rate);
            limits.time = match self.backend.max_load_time {
                Some(Duration::ZERO) => Duration::MAX,
                time => time.unwrap_or(limits.time),
            };
            limits
        });
        behaviour.allow_amplification = self.allow_amplification;
        behaviour.exchange = self.exchange.then(Limits::default);
        behaviour.per_datagram_events = !self.quiet;
        Ok(behaviour)
    }
}
