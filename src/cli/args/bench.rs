//! `udpraw bench`.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use udpraw::bench::{Config, Scenario, available};
use udpraw::error::{Error, Result};
use udpraw::io::{Backend, BackendChoice};
use udpraw::socket::{Family, resolve, usable};
use udpraw::units;

use super::address::Address;

const EXAMPLES: &str = "\
Examples:
  udpraw bench                                     all backends, in about 80 seconds
  udpraw bench --only sink --size 1400             one way only, with 1,400 bytes
  udpraw bench --send batch,offload --receive single,offload
                                                   each sender with each receiver
  udpraw bench --only echo --outstanding 1 --spin  the gain of polling
  udpraw bench --only echo --flows 32 --outstanding 1
                                                   32 independent clients
  udpraw bench 192.0.2.7 1060 --only echo          there, run: udpraw server --allow-bench --reply echo
  udpraw bench --json | jq -s '[.[] | select(.winner)]'

A sink has flow control: the sender regularly asks how much has arrived, so that the receive buffer
never overflows. --flood turns it off.

A backend that fails during a measurement is reported and skipped. At least five trials are needed to name a
winner.

Exit status: 0 success (every datagram of every trial is accounted for), 1 negative result (one is not, no trial
was made, or a backend named on the command line was skipped), 2 error.";

/// What to measure.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct BenchArguments {
    /// The same as --server
    #[arg(value_name = "HOST", conflicts_with_all = ["server", "ipv6", "receive"])]
    host: Option<String>,

    /// Port of the server, if HOST has none [default: 1060]
    #[arg(value_name = "PORT", conflicts_with = "port")]
    port_word: Option<String>,

    /// Measure only one scenario: sink (one way) or echo (round trip)
    #[arg(long, value_name = "SCENARIO")]
    only: Option<Scenario>,

    /// Backends for both sides: single, batch, offload, uring, auto [default: all that work here]
    #[arg(long = "io", value_name = "BACKEND", value_delimiter = ',', conflicts_with_all = ["send", "receive"])]
    backend: Vec<BackendChoice>,

    /// Backends of the sending side, each combined with each of --receive
    #[arg(long, value_name = "BACKEND", value_delimiter = ',')]
    send: Vec<BackendChoice>,

    /// Backends of the receiving side, each combined with each of --send
    #[arg(
        long,
        value_name = "BACKEND",
        value_delimiter = ',',
        conflicts_with = "server"
    )]
    receive: Vec<BackendChoice>,

    /// Payload sizes in bytes
    #[arg(long, value_name = "SIZE", value_delimiter = ',', default_value = "64,1400", value_parser = units::bytes,
        aliases = ["length", "len"])]
    size: Vec<u64>,

    /// Outstanding requests per flow of an echo
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "1,64")]
    outstanding: Vec<usize>,

    /// Flows of an echo, each from its own address
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        short_alias = 'P',
        alias = "parallel"
    )]
    flows: usize,

    /// Length of a trial, after a warm-up of a tenth of it; a bare number counts seconds
    #[arg(long, value_name = "TIME", default_value = "500ms", value_parser = units::duration,
        short_alias = 't', aliases = ["for", "duration"])]
    time: Duration,

    /// Trials of each variant; a winner needs five, a full 95 % interval six
    #[arg(long, value_name = "N", default_value_t = 5)]
    trials: usize,

    /// CPUs of the sender and of the receiver [default: two of different cores]
    #[arg(long, value_name = "A,B", value_parser = two_cpus)]
    cpus: Option<(usize, usize)>,

    /// Use IPv6 loopback
    #[arg(short = '6', long, conflicts_with = "server")]
    ipv6: bool,

    /// Poll instead of sleeping, on both sides (MSG_DONTWAIT)
    #[arg(long)]
    spin: bool,

    /// Do not use flow control in a sink; datagrams may be lost
    #[arg(long)]
    flood: bool,

    /// Receive buffer of both sides, as in 8MiB [default: 4MiB]
    #[arg(long, value_name = "SIZE", value_parser = buffer)]
    rcvbuf: Option<usize>,

    /// Send buffer of both sides [default: 4MiB]
    #[arg(long, value_name = "SIZE", value_parser = buffer)]
    sndbuf: Option<usize>,

    /// Measure against a server, which must run with --allow-bench and --reply echo (for --only sink,
    /// --reply none)
    #[arg(long, value_name = "HOST[:PORT]", short_alias = 'c', alias = "client")]
    server: Option<String>,

    /// Port of the server
    #[arg(short, long, hide = true)]
    port: Option<String>,

    /// Print the table as Markdown
    #[arg(long, conflicts_with = "json")]
    pub(crate) markdown: bool,

    /// Write a page with the results to a new file; it needs no network and no script
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,

    /// Write each picture of the results to a new file in a folder
    #[arg(long, value_name = "DIR")]
    pub(crate) svg: Option<PathBuf>,
}

impl BenchArguments {
    /// Whether the backends of a side were asked for by name.
    pub(crate) fn is_named(&self) -> bool {
        !(self.backend.is_empty() && self.send.is_empty() && self.receive.is_empty())
    }

    /// The server elsewhere.
    fn peer(&self) -> Option<&str> {
        self.host.as_deref().or(self.server.as_deref())
    }

    /// What the library is to measure, and of the backends that were not asked for by name, why those
    /// that are left out do not work here.
    ///
    /// # Errors
    /// If a backend that was asked for is not there, or a server's name means nothing.
    pub(crate) fn config(&self) -> Result<(Config, Vec<Error>)> {
        let mut missing = Vec::new();
        let named = |choices: &[BackendChoice]| -> Result<Vec<Backend>> {
            choices.iter().map(|choice| available(*choice)).collect()
        };
        let all = |missing: &mut Vec<Error>| -> Result<Vec<Backend>> {
            let mut backends = Vec::new();
            for backend in Backend::ALL {
                match available(BackendChoice::Only(backend)) {
                    Ok(backend) => backends.push(backend),
                    Err(error) if error.kind() == ErrorKind::Unsupported => missing.push(error),
                    Err(error) => return Err(error),
                }
            }
            match (backends.as_slice(), missing.pop()) {
                ([], Some(error)) => return Err(error),
                (_, last) => missing.extend(last),
            }
            Ok(backends)
        };
        let backends = match (&self.backend[..], &self.send[..], &self.receive[..]) {
            ([], [], []) => pairs(&all(&mut missing)?),
            (backends, [], []) => pairs(&named(backends)?),
            (_, send, []) if self.peer().is_some() => pairs(&named(send)?),
            (_, [], receive) => cross(&all(&mut missing)?, &named(receive)?),
            (_, send, []) => cross(&named(send)?, &all(&mut missing)?),
            (_, send, receive) => cross(&named(send)?, &named(receive)?),
        };
        let mut config = Config::default();
        if let Some(only) = self.only {
            config.scenarios = vec![only];
        }
        config.backends = backends;
        config.sizes = self.size.iter().map(|size| clamped(*size)).collect();
        config.outstanding = self.outstanding.clone();
        config.flows = self.flows;
        config.time = self.time;
        config.trials = self.trials;
        config.cpus = self.cpus.or(config.cpus);
        config.family = if self.ipv6 { Family::V6 } else { Family::V4 };
        config.spin = self.spin;
        config.flood = self.flood;
        config.buffers = (self.rcvbuf, self.sndbuf);
        let port = self.port_word.as_deref().or(self.port.as_deref());
        config.server = self.peer().map(|text| server(text, port)).transpose()?;
        config.check()?;
        Ok((config, missing))
    }
}

/// Each backend with itself.
fn pairs(backends: &[Backend]) -> Vec<(Backend, Backend)> {
    backends
        .iter()
        .map(|backend| (*backend, *backend))
        .collect()
}

/// Each with each.
fn cross(send: &[Backend], receive: &[Backend]) -> Vec<(Backend, Backend)> {
    let with = |send| receive.iter().map(move |receive| (send, *receive));
    send.iter().copied().flat_map(with).collect()
}

/// A size beyond all datagrams stays beyond them.
fn clamped(size: u64) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX)
}

fn buffer(text: &str) -> Result<usize> {
    units::bytes(text).map(clamped)
}

fn two_cpus(text: &str) -> Result<(usize, usize)> {
    let both = text.split_once(',').and_then(|(first, second)| {
        Some((first.trim().parse().ok()?, second.trim().parse().ok()?))
    });
    both.ok_or_else(|| {
        let subject = format!("CPUs '{}'", text.escape_debug());
        Error::invalid("read", subject, "not two numbers").with_remedy("write two, as in 0,1")
    })
}

fn server(text: &str, port: Option<&str>) -> Result<SocketAddr> {
    let address = Address::with_port(Some(text), port)?;
    let host = address.host.unwrap_or("127.0.0.1");
    let addresses = usable(resolve(host, address.destination_port("1060")?)?);
    let first = addresses.into_iter().next();
    first.ok_or_else(|| Error::invalid("resolve", host.escape_debug(), "it has no address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_cpus_are_two_numbers() {
        assert_eq!(two_cpus("0,1").unwrap(), (0, 1));
        assert_eq!(two_cpus("3, 2").unwrap(), (3, 2));
        for text in ["", "1", "0,", "0,1,2", "a,b", "-1,0", "\x1b[2J"] {
            let error = two_cpus(text).unwrap_err().to_string();
            assert!(
                error.contains("as in 0,1") && !error.contains('\x1b'),
                "{error}"
            );
        }
    }

    #[test]
    fn a_server_is_a_host_and_a_port() {
        for (text, port, expected) in [
            ("127.0.0.1:9", None, "127.0.0.1:9"),
            ("[::1]:9", None, "[::1]:9"),
            ("127.0.0.1", Some("9"), "127.0.0.1:9"),
            (":9", None, "127.0.0.1:9"),
            ("127.0.0.1", None, "127.0.0.1:1060"),
        ] {
            assert_eq!(server(text, port).unwrap().to_string(), expected);
        }
        server("127.0.0.1:99999", None).unwrap_err();
    }

    #[test]
    fn backends_pair_or_cross() {
        use Backend::{Batch, Single};
        assert_eq!(pairs(&[Single, Batch]), [(Single, Single), (Batch, Batch)]);
        assert_eq!(
            cross(&[Single, Batch], &[Batch]),
            [(Single, Batch), (Batch, Batch)]
        );
    }
}
