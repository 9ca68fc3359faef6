//! One trial: two sides, two phases (warm-up and measurement), and the account of the second.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::config::{Config, Scenario, Variant};
use super::ledger::{self, Count, Ledger};
use super::receiver::{self, SharedCounts};
use super::sender::Sender;
use crate::cpu;
use crate::error::{Error, Result, no_thread};
use crate::io::{Backend, BackendChoice, Transport, TransportConfig};
use crate::protocol::bench_handshake::Service;
use crate::socket::{Builder, Endpoint, Family, option};

/// The result of one trial.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Trial {
    /// The variant.
    pub variant: Variant,
    /// The number of this trial of the variant, from 1 on.
    pub number: usize,
    /// The time from the first send to the arrival of the last datagram.
    pub time: Duration,
    /// The account of the datagrams.
    pub ledger: Ledger,
    /// Whether every datagram must be accounted for: on loopback only a full buffer loses one.
    pub must_balance: bool,
    /// CPU time of the sender per datagram received, or round trip, in nanoseconds.
    pub cpu_ns_send: f64,
    /// CPU time of the receiver or echo; `None` if that is another process.
    pub cpu_ns_receive: Option<f64>,
    /// System calls of both sides per datagram received, or round trip; only of the sender if the
    /// receiver is another process.
    pub syscalls: f64,
}

impl Trial {
    /// Datagrams received per second; for an echo, round trips per second.
    pub fn rate(&self) -> f64 {
        self.ledger.received as f64 / self.time.as_secs_f64().max(1e-9)
    }

    /// CPU time of both sides, or of the known one, per datagram, in nanoseconds.
    pub fn cpu_ns(&self) -> f64 {
        self.cpu_ns_send + self.cpu_ns_receive.unwrap_or_default()
    }

    /// Whether every datagram is accounted for, if that is required.
    pub fn is_sound(&self) -> bool {
        !self.must_balance || self.ledger.remainder() == 0
    }
}

/// Runs one trial; `None` if it was stopped.
pub(super) fn run(
    config: &Config,
    variant: Variant,
    number: usize,
    stop: &AtomicBool,
) -> Result<Option<Trial>> {
    if let Some(server) = config.server {
        return on(config.cpus.map(|(cpu, _)| cpu), || {
            measure(config, variant, number, server, None, stop)
        });
    }
    let endpoint = builder(config).bind(SocketAddr::new(config.family.loopback(), 0))?;
    let address = endpoint.local_address()?;
    let counts = SharedCounts::default();
    let (sender_cpu, receiver_cpu) = config.cpus.unzip();
    thread::scope(|scope| {
        let counts = &counts;
        let receiver = thread::Builder::new().spawn_scoped(scope, move || {
            on(receiver_cpu, || {
                let settings = config.settings();
                receiver::serve(
                    endpoint,
                    variant.receive,
                    settings,
                    variant.scenario,
                    counts,
                )
            })
        });
        let receiver = receiver.map_err(|source| no_thread("that receives", source))?;
        let sender = thread::Builder::new().spawn_scoped(scope, move || {
            on(sender_cpu, || {
                measure(config, variant, number, address, Some(counts), stop)
            })
        });
        let trial = match sender {
            Ok(sender) => joined(sender.join()),
            Err(source) => Err(no_thread("that sends", source)),
        };
        counts.done.store(true, Ordering::Relaxed);
        // An empty datagram ends its wait; without it, it would notice the end a little later.
        if let Ok(waker) = Endpoint::builder().unbound(config.family) {
            let _ = waker.send_to(&[], address);
        }
        // If the receiver failed, that is why the sender received nothing from it.
        joined(receiver.join())?;
        trial
    })
}

fn joined<T>(result: thread::Result<Result<T>>) -> Result<T> {
    result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn on<T>(cpu: Option<usize>, work: impl FnOnce() -> Result<T>) -> Result<T> {
    if let Some(cpu) = cpu {
        // The CPU was available when the run began; if it is gone now, the scheduler decides.
        let _ = cpu::pin(cpu);
    }
    work()
}

/// A socket with the requested buffers; if none were requested, the transport requests its own.
pub(super) fn builder(config: &Config) -> Builder {
    let (receive, send) = config.buffers;
    let mut builder = Endpoint::builder();
    if receive.or(send).is_some() {
        let usual = TransportConfig::bulk().socket_buffers;
        for (option, bytes) in [(option::SO_RCVBUF, receive), (option::SO_SNDBUF, send)] {
            if let Some(bytes) = bytes.or(usual) {
                builder = builder.option(option, bytes);
            }
        }
    }
    builder
}

/// The sender's side of a trial.
fn measure(
    config: &Config,
    variant: Variant,
    number: usize,
    address: SocketAddr,
    counts: Option<&SharedCounts>,
    stop: &AtomicBool,
) -> Result<Option<Trial>> {
    let (endpoint, peer) = match config.flows {
        1 => {
            let endpoint = builder(config).unbound(Family::of(address))?;
            endpoint.connect(address)?;
            (endpoint, None)
        }
        _ => {
            let any = Family::of(address).unspecified();
            let endpoint = builder(config).packet_info(true).bind(any)?;
            (endpoint, Some(address))
        }
    };
    let transport = Transport::open(
        endpoint,
        BackendChoice::Only(variant.send),
        config.settings(),
    )?;
    let mut sender = Sender::new(transport, peer, variant, config, stop);
    let question = sender.ask();
    let Some(answer) = sender
        .answer(question)
        .map_err(|error| no_consent(address, counts, error))?
    else {
        return Ok(None);
    };
    serves(answer.service, variant.scenario, address)?;
    // It is unknown for a remote server.
    let takes_runs = variant.receive == Backend::Offload && counts.is_some();
    if !config.flood && variant.scenario == Scenario::Sink {
        sender.take_credit(answer.buffer, takes_runs);
    }
    let Some((before, _)) = phase(&mut sender, variant, config.warm_up(), counts)? else {
        return Ok(None);
    };
    let Some((after, time)) = phase(&mut sender, variant, config.time, counts)? else {
        return Ok(None);
    };
    let (near, far) = (after.0.since(&before.0), after.1.since(&before.1));
    let ledger = match variant.scenario {
        Scenario::Sink => ledger::sink(&near, &far, takes_runs),
        Scenario::Echo => ledger::echo(&near, &far),
    };
    let each = |total: u64| total as f64 / ledger.received.max(1) as f64;
    Ok(Some(Trial {
        variant,
        number,
        time,
        ledger,
        must_balance: address.ip().is_loopback(),
        cpu_ns_send: each(near.cpu_ns),
        cpu_ns_receive: counts.map(|_| each(far.cpu_ns)),
        syscalls: each(near.syscalls + far.syscalls),
    }))
}

/// Runs one phase, and returns both sides' counts at its end, and its duration.
fn phase(
    sender: &mut Sender<'_>,
    variant: Variant,
    time: Duration,
    counts: Option<&SharedCounts>,
) -> Result<Option<((Count, Count), Duration)>> {
    let ended = match variant.scenario {
        Scenario::Sink => sender.sink(time)?,
        Scenario::Echo => sender.echo(time)?,
    };
    let Some((answer, took)) = ended else {
        return Ok(None);
    };
    let near = sender.count()?;
    let far = match counts {
        Some(counts) => counts.count(),
        None => Count {
            received: answer.received,
            drops: answer.dropped,
            questions: near.questions,
            ..Count::default()
        },
    };
    Ok(Some(((near, far), took)))
}

/// A server that does not answer a question does not consent.
fn no_consent(address: SocketAddr, counts: Option<&SharedCounts>, error: Error) -> Error {
    if counts.is_some() {
        return error;
    }
    let reason = match error.errno() {
        Some(errno) => crate::error::describe_errno(errno),
        None => "it does not consent".into(),
    };
    let refusal = std::io::Error::new(ErrorKind::PermissionDenied, reason);
    Error::os("measure", format_args!("the server at {address}"), refusal)
        .with_remedy("start it there with: udpraw server --allow-bench --reply echo")
}

/// Whether a server does what a scenario needs.
fn serves(service: Service, scenario: Scenario, address: SocketAddr) -> Result<()> {
    let (serves, reply) = match scenario {
        Scenario::Sink => (service == Service::Sink, "none"),
        Scenario::Echo => (service == Service::Echo, "echo"),
    };
    if serves {
        return Ok(());
    }
    let subject = format!("{scenario} at {address}");
    let error = Error::invalid("measure", subject, "the server replies in another way");
    Err(error.with_remedy(format!("start it there with --reply {reply}")))
}
