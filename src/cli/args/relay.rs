//! `udpraw relay`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use udpraw::error::{Error, Result};
use udpraw::io::BackendChoice;
use udpraw::protocol::impairment::Profile;
use udpraw::relay::{Config, Replay};
use udpraw::units;

use super::address::Address;
use super::endpoint::{FamilyArguments, whole_address, whole_addresses};

const EXAMPLES: &str = "\
Examples:
  udpraw relay --listen 127.0.0.1:5300 --to 127.0.0.1:53 --loss 20%
          lose a fifth of the datagrams in each direction
  udpraw relay --listen :5300 --to :53 --loss ge:1%,25% --seed 1
          lose bursts of four on average, the same in each run
  udpraw relay --listen :5300 --to :53 --delay 20ms --down rate=10Mbit,queue=50
          a slow link to the clients, and a delay both ways
  udpraw relay --listen :5300 --to :53 --up 'loss=100%'
          the target receives nothing
  udpraw relay --listen :5300 --to :53 --blackhole 2s..5s --for 10s
          three seconds of silence
  udpraw relay --listen :5300 --to :53 --loss 20% --log outcomes.ndjson
          record the outcome of each datagram
  udpraw relay --listen :5300 --to :53 --replay outcomes.ndjson
          repeat the recorded outcomes

Order of the impairments: blackhole, mtu, loss, truncate, corrupt, rate and queue, delay and jitter,
reorder, duplicate. Each option applies to both directions; --up and --down override it for one
direction.

Exit status: 0 success (every datagram is accounted for), 1 negative result (one is not, or
the traffic does not match the record), 2 error.";

/// How the two ends are named.
const EXAMPLE_ENDS: &str = "name where clients send to and where their datagrams go, as in: udpraw relay \
                            --listen 127.0.0.1:5300 --to 127.0.0.1:53 --delay 50ms";

/// What to relay, and how bad the network is.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RelayArguments {
    /// Address for the clients: HOST:PORT, or :PORT for 127.0.0.1; port 0 for one that the OS picks. Not
    /// needed if a service manager passes a socket
    #[arg(short = 'l', long, value_name = "ADDR", num_args = 1..=2, aliases = ["bind", "from", "local"])]
    listen: Vec<String>,

    /// Target: HOST:PORT, or :PORT for 127.0.0.1. If nobody listens at an address of a name, the next one
    /// is tried. Everything that the target sends is forwarded: in front of a service with long replies,
    /// do not listen where strangers can send
    #[arg(long, value_name = "ADDR", num_args = 1..=2,
        aliases = ["target", "upstream", "forward", "dest", "destination", "remote"])]
    to: Vec<String>,

    /// Seed for all random decisions; the same seed gives the same outcomes [default: random, printed]
    #[arg(long)]
    seed: Option<u64>,

    /// Write the outcome of each datagram to this file, one JSON object per line
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,

    /// Repeat the outcomes that --log wrote; datagrams beyond the record pass
    #[arg(long, value_name = "FILE", conflicts_with = "seed")]
    pub(crate) replay: Option<PathBuf>,

    /// Serve up to N clients at once; datagrams of others are counted and dropped [default: 1024, or
    /// fewer if the limit of open files is lower]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    max_flows: Option<u32>,

    /// Forget a client after this time without a datagram; a bare number counts seconds
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = some_time)]
    idle: Duration,

    /// Backend: single, batch, offload, or auto for the best that works here
    #[arg(long, value_name = "BACKEND", default_value = "auto")]
    io: BackendChoice,

    /// Stop after this time; a bare number counts seconds
    #[arg(long = "for", value_name = "TIME", value_parser = units::duration, aliases = ["duration", "time"])]
    duration: Option<Duration>,

    /// Stop after N datagrams, both directions together, once the delayed ones have left
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,

    /// Print statistics at this interval, as in 1s; a bare number counts seconds
    #[arg(long, value_name = "INTERVAL", value_parser = some_time)]
    pub(crate) stats: Option<Duration>,

    /// Serve counters in the OpenMetrics text format at http://ADDR/metrics: HOST:PORT, or :PORT for
    /// 127.0.0.1; port 0 for one that the OS picks
    #[arg(long, value_name = "ADDR")]
    pub(crate) openmetrics: Option<String>,

    /// Show each flow when it starts and ends, and the backend
    #[arg(short, long)]
    pub(crate) verbose: bool,

    #[command(flatten)]
    impairments: ImpairmentArguments,
}

/// How bad the network is.
#[derive(Debug, Args)]
#[command(next_help_heading = "A bad network")]
struct ImpairmentArguments {
    /// Lose datagrams: 20%, or in bursts as in ge:1%,25% (Gilbert-Elliott: probability from good to bad
    /// and back), optionally with the loss in the bad and in the good state, as in ge:1%,25%,90%,0.1%
    #[arg(long, value_name = "LOSS", aliases = ["drop", "packet-loss"])]
    loss: Option<String>,

    /// Duplicate a datagram with this probability, as in 1%
    #[arg(long, value_name = "PROBABILITY", alias = "dup")]
    duplicate: Option<String>,

    /// Reorder a datagram with this probability: it skips the delay; without a delay, it leaves after the
    /// next one
    #[arg(long, value_name = "PROBABILITY")]
    reorder: Option<String>,

    /// Delay each datagram by this time, as in 20ms; the unit is required
    #[arg(long, value_name = "TIME", aliases = ["latency", "lag"])]
    delay: Option<String>,

    /// Vary the delay by this time, as in 5ms; this may reorder datagrams
    #[arg(long, value_name = "TIME")]
    jitter: Option<String>,

    /// Distribution of the jitter: uniform (delay ± jitter) or normal (jitter is the standard deviation)
    #[arg(long, value_name = "NAME")]
    distribution: Option<String>,

    /// Flip a bit of a datagram with this probability, as in 1%
    #[arg(long, value_name = "PROBABILITY")]
    corrupt: Option<String>,

    /// Cut a datagram to a random smaller length with this probability, as in 1%
    #[arg(long, value_name = "PROBABILITY")]
    truncate: Option<String>,

    /// Limit the rate, as in 10Mbit (bits) or 10MB (bytes) per second; IP and UDP headers count
    #[arg(long, value_name = "RATE", aliases = ["bandwidth", "bw"])]
    rate: Option<String>,

    /// Queue up to N datagrams for the rate; drop the rest (tail drop) [default: 100]
    #[arg(long, value_name = "N", alias = "limit")]
    queue: Option<String>,

    /// Drop datagrams that are longer than this with IP and UDP headers, without an ICMP error
    #[arg(long, value_name = "BYTES")]
    mtu: Option<String>,

    /// Drop everything in this period since the start, as in 2s..5s; separate several by commas
    #[arg(long, value_name = "FROM..TO")]
    blackhole: Option<String>,

    /// Only from the clients to the target, as in loss=20%,delay=5ms; a bare 5ms is a delay, a bare 20% a
    /// loss
    #[arg(long, value_name = "NAME=VALUE,...")]
    up: Option<String>,

    /// Only from the target to the clients, as with --up
    #[arg(long, value_name = "NAME=VALUE,...")]
    down: Option<String>,
}

impl ImpairmentArguments {
    /// Those of both ways, by name.
    fn both(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            ("loss", &self.loss),
            ("duplicate", &self.duplicate),
            ("reorder", &self.reorder),
            ("delay", &self.delay),
            ("jitter", &self.jitter),
            ("distribution", &self.distribution),
            ("corrupt", &self.corrupt),
            ("truncate", &self.truncate),
            ("rate", &self.rate),
            ("queue", &self.queue),
            ("mtu", &self.mtu),
            ("blackhole", &self.blackhole),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.as_deref()?)))
    }

    /// Up and down.
    fn profiles(&self) -> Result<(Profile, Profile)> {
        let mut both = Profile::default();
        for (name, value) in self.both() {
            both.set(name, value)?;
        }
        let mut up = both.clone();
        one_way(&mut up, self.up.as_deref())?;
        let mut down = both;
        one_way(&mut down, self.down.as_deref())?;
        Ok((up, down))
    }
}

/// What `--up` or `--down` says of its way; a time alone is a delay, a share a loss.
fn one_way(profile: &mut Profile, text: Option<&str>) -> Result<()> {
    match text {
        None => Ok(()),
        Some(text) if units::network_time(text).is_ok() => profile.set("delay", text),
        Some(text) if !text.contains('=') && text.ends_with('%') => profile.set("loss", text),
        Some(text) => profile.set_all(text),
    }
}

/// A time that is one.
fn some_time(text: &str) -> Result<Duration> {
    let time = units::duration(text)?;
    if time < Duration::from_millis(1) {
        let subject = format!("'{}'", text.escape_debug());
        return Err(Error::invalid("use", subject, "the shortest is 1ms"));
    }
    Ok(time)
}

impl RelayArguments {
    /// What to do; `replay` is what [`Self::replay`] names, and `is_watched` says whether to
    /// report once per second.
    ///
    /// `passed` is where a socket that was passed is bound.
    pub(crate) fn config(
        &self,
        replay: Option<Replay>,
        is_watched: bool,
        passed: Option<SocketAddr>,
    ) -> Result<Config> {
        let (up, down) = self.impairments.profiles()?;
        if replay.is_some() && !(up.is_perfect() && down.is_perfect()) {
            let reason = "the record decides what becomes of each datagram";
            return Err(Error::invalid("use", "--replay with an impairment", reason)
                .with_remedy("leave one of them out"));
        }
        let (to, alternatives) = targets(&self.to)?;
        let second = is_watched.then_some(Duration::from_secs(1));
        let mut config = Config::new(self.listen(passed)?, to);
        config.alternatives = alternatives;
        config.up = up;
        config.down = down;
        config.seed = self.seed.unwrap_or_else(|| fastrand::u64(..1_000_000));
        config.replay = replay;
        config.max_flows = self.max_flows;
        config.idle = self.idle;
        config.choice = self.io;
        config.duration = self.duration;
        config.count = self.count;
        config.interval = self.stats.or(second);
        config.per_datagram_events = self.log.is_some();
        Ok(config)
    }
}

impl RelayArguments {
    /// Where to listen.
    fn listen(&self, passed: Option<SocketAddr>) -> Result<SocketAddr> {
        if let Some(passed) = passed {
            let mut words = self.listen.iter().map(String::as_str);
            let named = Address::with_port(words.next(), words.next())?;
            let port = named.port.map(|_| named.single_port("")).transpose()?;
            FamilyArguments::default().check(passed, named.host, port)?;
            return Ok(passed);
        }
        if !self.listen.is_empty() {
            return whole_address(&self.listen);
        }
        let reason = "no socket was passed either (sd_listen_fds(3))";
        Err(Error::invalid("relay", "without --listen", reason).with_remedy(EXAMPLE_ENDS))
    }
}

/// The first address, and the further ones.
fn targets(words: &[String]) -> Result<(SocketAddr, Vec<SocketAddr>)> {
    if words.is_empty() {
        return Err(
            Error::invalid("relay", "without --to", "the target is not named")
                .with_remedy(EXAMPLE_ENDS),
        );
    }
    let mut all = whole_addresses(words)?;
    // There is one at least.
    let to = all.remove(0);
    if to.port() == 0 {
        return Err(Error::invalid(
            "relay to",
            format_args!("{to}"),
            "port 0 is not a valid destination",
        )
        .with_remedy("name the port that the target listens at"));
    }
    Ok((to, all))
}
