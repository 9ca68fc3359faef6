//! `udpraw load`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::{Args, ValueEnum};
use udpraw::error::{Error, Result};
use udpraw::io::{BackendChoice, TransportConfig};
use udpraw::load::{
    Config, Direction, IdField, Objective, Payload, Saturation, Template, Timestamps,
};
use udpraw::probe::payload::{self, Query};
use udpraw::protocol::load::{Arrivals, Plan};
use udpraw::socket::Family;
use udpraw::units::{self, PacketRate};

use super::address::Address;
use super::endpoint::FamilyArguments;
use super::socket::SocketArguments;

const EXAMPLES: &str = "\
Examples:
  udpraw load 192.0.2.7:7 --rate 10kpps            an echo there, for ten seconds
  udpraw load 192.0.2.7 --session --rate 50kpps    a server that consents: each direction by itself
  udpraw load 192.0.2.7 --reverse --rate 1Gbit --size 1400
                                                   the same server sends
  udpraw load 192.0.2.1:53 --payload dns:example.org --rate 1kpps --arrivals poisson
                                                   a name server
  udpraw load :7 --rate 10kpps..1Mpps/10s          a rate that rises for ten seconds
  udpraw load :7 --rate 5kpps --fail-if 'p99>2ms' --fail-if 'loss>0.1%'
                                                   for CI: exit status 1 if it is worse
  udpraw load :7 --saturate --max-latency 1ms      the highest rate that the server bears
  udpraw load :7 --rate 1pps --for 0               a probe that runs until it is stopped

Latency counts from when a datagram was due, whatever came back before: a server that stands still shows in
every datagram of that time.

Exit status: 0 success, 1 negative result (nothing came back, the books do not balance, or an objective of
--fail-if is broken), 2 error.";

/// What is sent to whom, and what is measured.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct LoadArguments {
    /// Host of the echo or server, or HOST:PORT
    #[arg(value_name = "HOST")]
    host: String,

    /// Port, if HOST has none [default: 1060]
    #[arg(value_name = "PORT", conflicts_with = "port")]
    port_word: Option<String>,

    /// Port
    #[arg(short, long, hide = true)]
    port: Option<String>,

    #[command(flatten)]
    family: FamilyArguments,

    /// Rate over all flows, in datagrams (50kpps) or bits of payload (1Gbit): RATE, a ramp
    /// RATE..RATE/TIME, steps RATE..RATE/TIME/N, or several such as 1kpps/5s,10kpps/5s
    #[arg(short, long, value_name = "RATE", default_value = "1kpps", short_alias = 'b', aliases = ["bandwidth", "bitrate"])]
    rate: Plan,

    /// Spread of the datagrams over time
    #[arg(long, value_enum, value_name = "ARRIVALS", default_value_t = Spread::Constant)]
    arrivals: Spread,

    /// Send at the times in a file, on each line a time in seconds and a size in bytes
    #[arg(long, value_name = "FILE", conflicts_with_all = ["rate", "arrivals", "closed", "saturate"])]
    pub(crate) replay: Option<PathBuf>,

    /// Seed of poisson arrivals [default: random, printed]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Closed loop: keep N datagrams in flight, and send the next one when an answer arrives. It hides how long
    /// a server stands still
    #[arg(long, value_name = "N", conflicts_with_all = ["rate", "arrivals"])]
    closed: Option<usize>,

    /// Duration; 0 is until it is stopped; a bare number counts seconds [default: 10s, or that of --rate]
    #[arg(short = 't', long = "for", value_name = "TIME", value_parser = units::duration, aliases = ["time", "duration"])]
    time: Option<Duration>,

    /// Payload of each datagram in bytes
    #[arg(short, long, value_name = "SIZE", default_value = "64", value_parser = units::bytes, short_alias = 'l', aliases = ["length", "len"])]
    size: u64,

    /// What to send: own, dns:NAME, ntp, hex:DIGITS or file:PATH; an answer is known by the protocol's id,
    /// and without one by its order
    #[arg(
        long,
        value_name = "PAYLOAD",
        default_value = "own",
        conflicts_with = "size"
    )]
    pub(crate) payload: String,

    /// Number of flows, each with its own port
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        short_alias = 'P',
        alias = "parallel"
    )]
    flows: usize,

    /// Addresses to send from, which the flows use in turn
    #[arg(long, value_name = "ADDR", value_delimiter = ',')]
    source: Vec<IpAddr>,

    /// Threads, which share the flows
    #[arg(long, value_name = "N", default_value_t = 1, alias = "threads")]
    workers: usize,

    /// Backend: single, batch, offload, uring or auto
    #[arg(long, value_name = "BACKEND", default_value = "auto")]
    io: BackendChoice,

    /// Who says when a datagram arrived: the kernel when it receives it, or udpraw when it reads it
    #[arg(long, value_enum, value_name = "WHO", default_value_t = Stamps::Kernel)]
    timestamps: Stamps,

    /// Interval of the figures; a bare number counts seconds
    #[arg(short, long, value_name = "TIME", default_value = "1s", value_parser = units::duration)]
    interval: Duration,

    /// How long to wait for answers after the last datagram
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = units::duration)]
    linger: Duration,

    /// Start at this time, as in 2026-12-01T09:00:00Z, so that several machines begin together
    #[arg(long, value_name = "TIME")]
    start_at: Option<jiff::Timestamp>,

    /// Print neither the screen nor a line per interval
    #[arg(short, long)]
    pub(crate) quiet: bool,

    /// On a terminal, print a line per interval instead of the screen
    #[arg(long)]
    pub(crate) no_screen: bool,

    /// Write the histograms of each interval to a file, as an HdrHistogram interval log
    #[arg(long, value_name = "FILE")]
    pub(crate) hdr: Option<PathBuf>,

    /// Name of the run in its records, for example that of a job on many machines [default: random]
    #[arg(long, value_name = "NAME")]
    pub(crate) run_id: Option<String>,

    /// Write a page about the run to a new file; it needs no network and no script
    #[arg(long, value_name = "FILE", conflicts_with = "saturate")]
    pub(crate) report: Option<PathBuf>,

    /// Write each picture of the run to a new file in a folder
    #[arg(long, value_name = "DIR", conflicts_with = "saturate")]
    pub(crate) svg: Option<PathBuf>,

    /// Serve counters and histograms in the OpenMetrics text format at http://ADDR/metrics: HOST:PORT, or :PORT
    /// for 127.0.0.1; port 0 for one that the OS picks
    #[arg(long, value_name = "ADDR", conflicts_with = "saturate")]
    pub(crate) openmetrics: Option<String>,

    /// Exit with status 1 if a figure is so; may be repeated. Figures are p50, p99.9 and the like, max, mean,
    /// jitter, loss, duplicates, reordered, unsent, refused and rate, with rtt., slip., up. or down. before them
    #[arg(long, value_name = "FIGURE>VALUE")]
    pub(crate) fail_if: Vec<Objective>,

    #[command(flatten)]
    session: SessionArguments,

    #[command(flatten)]
    saturate: SaturateArguments,

    #[command(flatten)]
    socket: SocketArguments,
}

/// What a consenting server does.
#[derive(Debug, Args)]
#[command(next_help_heading = "Sessions")]
struct SessionArguments {
    /// Have a session with the server, which tells the losses of the two directions apart
    #[arg(long)]
    session: bool,

    /// The server only counts
    #[arg(long, conflicts_with_all = ["reverse", "both", "closed", "saturate"])]
    one_way: bool,

    /// The server sends
    #[arg(long, short_alias = 'R', conflicts_with_all = ["both", "closed", "saturate", "replay"])]
    reverse: bool,

    /// Both send, each by itself
    #[arg(long, alias = "bidir", conflicts_with_all = ["closed", "saturate", "replay"])]
    both: bool,
}

/// The search of the highest rate.
#[derive(Debug, Args)]
#[command(next_help_heading = "Saturation")]
struct SaturateArguments {
    /// Search the highest rate: trials as long as --for (1s unless given) from --rate on
    #[arg(long, conflicts_with = "closed")]
    saturate: bool,

    /// The most loss of a rate that is borne
    #[arg(long, value_name = "PART", default_value = "0.1%", value_parser = units::probability)]
    max_loss: f64,

    /// The highest 99th percentile of latency of a rate that is borne
    #[arg(long, value_name = "TIME", value_parser = units::network_time)]
    max_latency: Option<Duration>,

    /// Number of searches
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100))]
    searches: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Stamps {
    /// The kernel: udpraw's own delay is not in the times
    Kernel,
    /// udpraw, once for all that it reads at once
    User,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Spread {
    /// Equal gaps
    Constant,
    /// Exponentially distributed gaps, as of many independent senders
    Poisson,
}

impl LoadArguments {
    /// The load; `file` reads a file.
    pub(crate) fn config(&self, file: impl Fn(&str) -> Result<Vec<u8>>) -> Result<Config> {
        let port = self.port_word.as_deref().or(self.port.as_deref());
        let address = Address::with_port(Some(&self.host), port)?;
        let port = address.destination_port("1060")?;
        let host = address.host.unwrap_or("127.0.0.1");
        // It has one at least.
        let target = self.family.resolve(host, port)?.swap_remove(0);
        let mut config = Config::new(target, self.rate.clone());
        config.payload = self.payload(target, file)?;
        let SessionArguments {
            session,
            one_way,
            reverse,
            both,
        } = self.session;
        config.session = session || one_way || reverse || both;
        config.direction = match (one_way, reverse, both) {
            (true, ..) => Direction::Up,
            (_, true, _) => Direction::Down,
            (.., true) => Direction::Both,
            _ => Direction::RoundTrip,
        };
        if self.arrivals == Spread::Poisson {
            let seed = self.seed.unwrap_or_else(|| fastrand::u64(..));
            config.arrivals = Arrivals::Poisson { seed };
        }
        config.closed = self.closed;
        config.timestamps = match self.timestamps {
            Stamps::Kernel => Timestamps::Kernel,
            Stamps::User => Timestamps::User,
        };
        let has_own_time = self.replay.is_some() || self.rate.nanos().is_some();
        config.time = match self.time {
            Some(Duration::ZERO) => None,
            None if has_own_time && self.closed.is_none() => None,
            None => config.time,
            time => time,
        };
        config.size = usize::try_from(self.size).unwrap_or(usize::MAX);
        config.flows = self.flows;
        config.sources = self.source.clone();
        config.workers = self.workers;
        config.backend = self.io;
        config.settings = self.socket.settings(Family::of(target))?;
        if self.socket.rcvbuf.is_some() || self.socket.sndbuf.is_some() {
            config.transport = TransportConfig::default();
        }
        config.interval = self.interval;
        config.linger = self.linger;
        config.start_at = self.start_at.map(SystemTime::from);
        config.check()?;
        Ok(config)
    }

    /// The search, if one was asked for.
    pub(crate) fn saturation(&self, config: &Config) -> Option<Saturation> {
        let SaturateArguments {
            saturate,
            max_loss,
            max_latency,
            searches,
        } = self.saturate;
        let mut saturation = Saturation::default();
        saturation.max_loss = max_loss;
        saturation.max_latency = max_latency;
        saturation.start = config.plan.curve(config.payload_bytes()).rate(0);
        saturation.trial = self
            .time
            .filter(|time| !time.is_zero())
            .unwrap_or(saturation.trial);
        saturation.searches = searches.into();
        saturate.then_some(saturation)
    }

    fn payload(
        &self,
        target: std::net::SocketAddr,
        file: impl Fn(&str) -> Result<Vec<u8>>,
    ) -> Result<Payload> {
        let question = |payload: payload::Payload| payload.question(target, 0, &[0; 16]);
        let (kind, rest) = self.payload.split_once(':').unwrap_or((&self.payload, ""));
        let (bytes, id) = match (kind, rest) {
            ("own", "") => return Ok(Payload::Own),
            ("dns", "") => (
                question(payload::Payload::Dns(Query::root())),
                Some(IdField::DNS),
            ),
            ("dns", name) => {
                let query = payload::Payload::Dns(Query::address_of(name)?);
                (question(query), Some(IdField::DNS))
            }
            ("ntp", "") => (question(payload::Payload::Ntp), Some(IdField::NTP)),
            ("hex", digits) => (super::hex::unhex(digits.as_bytes())?, None),
            ("file", path) => (file(path)?, None),
            _ => {
                let subject = format!("'{}'", self.payload.escape_debug());
                return Err(
                    Error::invalid("read payload", subject, "there is no such payload")
                        .with_remedy("write own, dns:NAME, ntp, hex:DIGITS or file:PATH"),
                );
            }
        };
        Ok(Payload::Template(Template { bytes, id }))
    }
}

/// A rate in datagrams per second, as a server limits it.
pub(crate) fn limit(text: &str) -> Result<u64> {
    match units::packet_rate(text)? {
        PacketRate::Packets(rate) if rate >= 1.0 => Ok(rate as u64),
        _ => {
            let subject = format!("'{}'", text.escape_debug());
            Err(
                Error::invalid("read limit", subject, "it is no rate of datagrams")
                    .with_remedy("write pps, kpps or Mpps, as in 50kpps"),
            )
        }
    }
}
