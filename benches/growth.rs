//! What a datagram costs as batches grow, for `scripts/measure-growth`.
//!
//! `growth SECONDS BATCH...` moves datagrams of 64 bytes over loopback by the backend `batch`, in one
//! thread, and prints for each BATCH one JSON line: the nanoseconds of CPU time of this thread
//! (getrusage(2)) that a datagram took to be sent and received. The batches take turns, and the least
//! of the turns counts: what else runs on the machine only ever adds.

use std::error::Error;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use udpraw::io::{Backend, BackendChoice, Transmit, Transport, TransportConfig, Wait};
use udpraw::socket::Endpoint;

const SIZE: usize = 64;

/// Turns of each batch.
const TURNS: u32 = 10;

/// Datagrams that wait in the receive buffer at a time: what fits the default of `rmem_max`.
const BURST: usize = 256;

struct Pair {
    batch: usize,
    sender: Transport,
    receiver: Transport,
    least: f64,
}

impl Pair {
    fn open(batch: usize) -> Result<Self, Box<dyn Error>> {
        let config = TransportConfig {
            batch,
            ..TransportConfig::bulk()
        };
        let open = || {
            let endpoint = Endpoint::builder().bind("127.0.0.1:0".parse()?)?;
            let choice = BackendChoice::Only(Backend::Batch);
            Ok::<_, Box<dyn Error>>(Transport::open(endpoint, choice, config.clone())?)
        };
        Ok(Self {
            batch,
            sender: open()?,
            receiver: open()?,
            least: f64::INFINITY,
        })
    }

    fn turn(&mut self, time: Duration) -> Result<(), Box<dyn Error>> {
        let to = self.receiver.endpoint().local_address()?;
        let (start, cpu, mut count) = (Instant::now(), cpu_time()?, 0);
        while start.elapsed() < time {
            for _ in 0..BURST {
                let transmit = Transmit::new(&[7; SIZE]).to(to);
                self.sender.send_queue().queue(&transmit);
            }
            let mut left = self.sender.flush().into_result()?;
            while left > 0 {
                let wait = Wait::For(Duration::from_secs(1));
                match self.receiver.receive(wait, |_, _| ())? {
                    0 => return Err("a datagram was lost".into()),
                    came => left -= came.min(left),
                }
            }
            count += BURST;
        }
        let cost = (cpu_time()? - cpu).as_nanos() as f64 / count as f64;
        self.least = self.least.min(cost);
        Ok(())
    }
}

fn cpu_time() -> nix::Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_THREAD)?;
    let micros = |time: TimeVal| (time.tv_sec() * 1_000_000 + time.tv_usec()).max(0) as u64;
    let both = micros(usage.user_time()) + micros(usage.system_time());
    Ok(Duration::from_micros(both))
}

fn main() -> Result<(), Box<dyn Error>> {
    // `cargo test --benches` and `cargo bench` pass flags of their own: then a short look is enough.
    let mut numbers = std::env::args()
        .skip(1)
        .filter_map(|word| word.parse::<f64>().ok());
    let time = numbers.next().unwrap_or(0.1);
    let turn = Duration::try_from_secs_f64(time)? / TURNS;
    let mut batches: Vec<usize> = numbers.map(|number| number as usize).collect();
    if batches.is_empty() {
        batches = vec![1, 64];
    }
    let pairs: Result<Vec<_>, _> = batches.into_iter().map(Pair::open).collect();
    let mut pairs = pairs?;
    for _ in 0..TURNS {
        for pair in &mut pairs {
            pair.turn(turn)?;
        }
    }
    for pair in pairs {
        println!(
            r#"{{"batch":{},"nanoseconds":{:.1}}}"#,
            pair.batch, pair.least
        );
    }
    Ok(())
}
