//! The receiver or echo, when it runs in this process.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::config::Scenario;
use super::ledger::Count;
use crate::cpu;
use crate::error::{Error, Result};
use crate::io::{Backend, BackendChoice, Transmit, Transport, TransportConfig, Wait};
use crate::protocol::bench_handshake::{Answer, LENGTH, Question, Service};
use crate::socket::Endpoint;
use crate::socket::option::{self, TypedOption};

/// The delay after which a receiver that is not woken notices the end of a trial.
const PATIENCE: Duration = Duration::from_millis(50);

/// The receiver's state that both sides share.
#[derive(Default)]
pub(super) struct SharedCounts {
    /// The trial is over: datagrams now only wake the receiver.
    pub(super) done: AtomicBool,
    /// The counts at the last answered question.
    count: Mutex<Count>,
}

impl SharedCounts {
    pub(super) fn count(&self) -> Count {
        match self.count.lock() {
            Ok(count) => *count,
            Err(poisoned) => *poisoned.into_inner(),
        }
    }

    fn tell(&self, count: Count) {
        match self.count.lock() {
            Ok(mut place) => *place = count,
            Err(poisoned) => *poisoned.into_inner() = count,
        }
    }
}

/// Receives until the counts mark the end. It answers each question with its count so far; since
/// loopback does not reorder, that covers all datagrams sent before the question.
pub(super) fn serve(
    endpoint: Endpoint,
    backend: Backend,
    settings: TransportConfig,
    scenario: Scenario,
    counts: &SharedCounts,
) -> Result<()> {
    let mut transport = Transport::open(endpoint, BackendChoice::Only(backend), settings)?;
    let service = match scenario {
        Scenario::Sink => Service::Sink,
        Scenario::Echo => Service::Echo,
    };
    let buffer = buffer_of(transport.endpoint(), option::SO_RCVBUF)?;
    let mut count = Count::default();
    let mut asked = None;
    loop {
        let received = transport.receive(Wait::For(PATIENCE), |message, send_queue| {
            if message.length() == LENGTH
                && let Some(question) = Question::decode(message.bytes())
            {
                count.questions += 1;
                asked = Some((question, message.source()));
                return;
            }
            count.received += message.count() as u64;
            if service == Service::Echo {
                send_queue.echo(message);
            }
        });
        if counts.done.load(Ordering::Relaxed) {
            return Ok(());
        }
        received.or_else(forgive)?;
        if let Some((question, client)) = asked.take() {
            count.drops = u64::from(transport.endpoint().kernel_drops()?);
            count.syscalls = transport.counters().syscalls;
            count.cpu_ns = cpu::used_by_thread().as_nanos() as u64;
            counts.tell(count);
            let answer = Answer {
                nonce: question.nonce,
                service,
                buffer,
                received: count.received,
                dropped: count.drops,
            };
            let answer = answer.encode();
            transport
                .send_queue()
                .queue(&Transmit::new(&answer).to(client));
        }
        transport.flush();
    }
}

/// A network error about an earlier datagram does not end the loop.
fn forgive(error: Error) -> Result<usize> {
    if error.is_about_the_network() {
        Ok(0)
    } else {
        Err(error)
    }
}

/// The granted size of a socket's buffer, as the kernel reports it: twice the requested size.
pub(super) fn buffer_of(endpoint: &Endpoint, option: TypedOption<usize>) -> Result<u32> {
    Ok(endpoint.get(option)?.try_into().unwrap_or_default())
}
