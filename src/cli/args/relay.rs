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

use super::endpoint::{whole_address, whole_addresses};

const EXAMPLES: &str = "\
Examples:
  udpraw relay --listen 127.0.0.1:5300 --to 127.0.0.1:53 --loss 20%
                                              every fifth datagram is lost, each way
  udpraw relay --listen :5300 --to :53 --loss ge:1%,25% --seed 1
                                              bursts of four on average, the same at each run
  udpraw relay --listen :5300 --to :53 --delay 20ms --jitter 5ms --down 'rate=10Mbit,queue=50'
                                              a slow line to the clients, and late both ways
  udpraw relay --listen :5300 --to :53 --up 'loss=100%'
                                              the target hears nothing
  udpraw relay --listen :5300 --to :53 --blackhole 2s..5s --for 10s
                                              three seconds of silence
  udpraw relay --listen :5300 --to :53 --loss 20% --log outcomes.ndjson
  udpraw relay --listen :5300 --to :53 --replay outcomes.ndjson
                                              the same outcomes once more

Impairments, in the order in which a datagram meets them: blackhole, mtu, loss, truncate, corrupt,
rate and queue, delay and jitter, reorder, duplicate. Each option holds both ways; --up and --down
set it for one way, as NAME=VALUE,NAME=VALUE, in its place.

Exit status: 0 success (every datagram is accounted for), 1 negative result (one is not, or the traffic was not that of the
record), 2 error.";

/// How the two ends are named.
const EXAMPLE_ENDS: &str = "name where clients send to and where their datagrams go, as in: udpraw relay \
                            --listen 127.0.0.1:5300 --to 127.0.0.1:53 --delay 50ms";

/// What to relay, and through how bad a network.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RelayArguments {
    /// Where clients send to: ADDR:PORT, or :PORT for 127.0.0.1; port 0 for one that the OS picks. A
    /// socket that a service manager passes takes its place
    #[arg(short = 'l', long, value_name = "ADDR", num_args = 1..=2, aliases = ["bind", "from", "local"])]
    listen: Vec<String>,

    /// Where their datagrams go: ADDR:PORT, or :PORT for 127.0.0.1. Of a name, the next address is
    /// tried when nobody listens at one. All that the target sends is passed on: in front of a service
    /// with long replies, listen where strangers cannot send from
    #[arg(long, value_name = "ADDR", num_args = 1..=2,
        aliases = ["target", "upstream", "forward", "dest", "destination", "remote"])]
    to: Vec<String>,

    /// What decides all that is left to chance: the same seed, the same outcomes [default: any, and told]
    #[arg(long)]
    seed: Option<u64>,

    /// Write the outcome of each datagram to this file, one JSON object a line
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,

    /// Impose the outcomes that --log wrote, instead of any other; what comes beyond them passes
    #[arg(long, value_name = "FILE", conflicts_with = "seed")]
    pub(crate) replay: Option<PathBuf>,

    /// Serve up to N clients at once; datagrams of further ones are lost, and counted [default: 1024,
    /// or as many as the limit of open files has room for]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    max_flows: Option<u32>,

    /// Forget a client after this time without a datagram; a bare number counts seconds
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = some_time)]
    idle: Duration,

    /// Backend that moves the datagrams: single, batch, offload, or auto for the best that works here
    #[arg(long, value_name = "BACKEND", default_value = "auto")]
    io: BackendChoice,

    /// End after this time; a bare number counts seconds
    #[arg(long = "for", value_name = "TIME", value_parser = units::duration, aliases = ["duration", "time"])]
    duration: Option<Duration>,

    /// End after so many datagrams, both ways together, once those that are held have left
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,

    /// Print what was done at the end of each interval, as 1s; a bare number counts seconds
    #[arg(long, value_name = "INTERVAL", value_parser = some_time)]
    pub(crate) stats: Option<Duration>,

    /// Show each flow as it comes and goes, and the backend
    #[arg(short, long)]
    pub(crate) verbose: bool,

    #[command(flatten)]
    impairments: ImpairmentArguments,
}

/// How bad the network is.
#[derive(Debug, Args)]
#[command(next_help_heading = "A bad network")]
struct ImpairmentArguments {
    /// Lose datagrams: 20%, or in bursts ge:P,R (Gilbert-Elliott: P from good to bad, R back), and
    /// maybe the loss in the bad and the good state, as ge:1%,25%,90%,0.1%
    #[arg(long, value_name = "LOSS", aliases = ["drop", "packet-loss"])]
    loss: Option<String>,

    /// Let datagrams leave twice, with this probability, as 1%
    #[arg(long, value_name = "PROBABILITY", alias = "dup")]
    duplicate: Option<String>,

    /// Let datagrams leave out of order: ahead of the delay, or without one behind the next
    #[arg(long, value_name = "PROBABILITY")]
    reorder: Option<String>,

    /// Hold each datagram for this time, as 20ms; it needs its unit
    #[arg(long, value_name = "TIME", aliases = ["latency", "lag"])]
    delay: Option<String>,

    /// Vary the delay by so much, as 5ms, which may reorder
    #[arg(long, value_name = "TIME")]
    jitter: Option<String>,

    /// How the delay varies: uniform (delay - jitter to delay + jitter) or normal (standard deviation)
    #[arg(long, value_name = "NAME")]
    distribution: Option<String>,

    /// Flip a bit of a datagram, with this probability, as 1%
    #[arg(long, value_name = "PROBABILITY")]
    corrupt: Option<String>,

    /// Cut a datagram to any smaller length, with this probability, as 1%
    #[arg(long, value_name = "PROBABILITY")]
    truncate: Option<String>,

    /// Carry no more than this rate, as 10Mbit (bits) or 10MB (bytes), IP and UDP headers included
    #[arg(long, value_name = "RATE", aliases = ["bandwidth", "bw"])]
    rate: Option<String>,

    /// Let so many datagrams wait for the rate, and lose those behind (tail drop) [default: 100]
    #[arg(long, value_name = "N", alias = "limit")]
    queue: Option<String>,

    /// Lose datagrams that are longer with their IP and UDP headers, without a word
    #[arg(long, value_name = "BYTES")]
    mtu: Option<String>,

    /// Lose everything within this time since the start, as 2s..5s; several with commas
    #[arg(long, value_name = "FROM..TO")]
    blackhole: Option<String>,

    /// Only from the clients to the target, as loss=20%,delay=5ms; 5ms alone is a delay, 20% a loss
    #[arg(long, value_name = "NAME=VALUE,...")]
    up: Option<String>,

    /// Only from the target to the clients
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
    /// What to do; `replay` is what [`Self::replay`] names, and `is_watched` says whether to tell
    /// what is done each second.
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
        if let Some(address) = passed {
            return Ok(address);
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
