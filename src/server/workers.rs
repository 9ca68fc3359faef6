//! Workers on any backend, each with its own socket.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::handler::Handler;
use super::progress::{Observer, Progress, duplicates};
use super::watch::{TICK, Watch};
use super::{Config, Event, Reply, Request, Summary, bench_handshake};
use crate::clock::Moment;
use crate::cpu;
use crate::error::{Error, Result, no_thread};
use crate::io::{Backend, Received, SendQueue, Sent, Transport, Wait};
use crate::protocol::bench_handshake::LENGTH;
use crate::protocol::load::Served;
use crate::socket::{Endpoint, Waker};

/// One worker or several, each a thread with its own socket.
#[derive(Debug)]
pub(super) struct Workers {
    workers: Vec<Worker>,
    /// Duplicates of the workers' sockets, to read the kernel's drops while they work.
    endpoints: Arc<[Endpoint]>,
    interval: Option<Duration>,
    unpinned: Option<Error>,
}

#[derive(Debug)]
struct Worker {
    transport: Transport,
    handler: Handler,
    progress: Arc<Progress>,
    /// Whether all counters are published.
    is_observed: bool,
    pool: PoolState,
    /// Its place in the pool.
    index: usize,
    cpu: Option<usize>,
}

/// What a worker knows of the whole pool.
#[derive(Clone, Debug)]
struct PoolState {
    endpoints: Arc<[Endpoint]>,
    progress: Arc<[Arc<Progress>]>,
}

impl Workers {
    /// A worker for each endpoint of each group; a group's endpoints share a port
    /// ([`Builder::bind_group`](crate::socket::Builder::bind_group)), and its workers are pinned to
    /// CPUs.
    pub(super) fn new(
        groups: Vec<Vec<Endpoint>>,
        addresses: &[SocketAddr],
        config: Config,
    ) -> Result<Self> {
        let endpoints = duplicates(groups.iter().flatten())?;
        let progress = endpoints.iter().map(|_| Arc::default()).collect();
        let pool = PoolState {
            endpoints,
            progress,
        };
        let is_shared = groups.iter().any(|group| group.len() > 1);
        let unpinned = is_shared.then(cpu::may_pin).and_then(Result::err);
        let first = Handler::new(addresses, config.behaviour).with_load()?;
        let (cpus, mut first) = (cpu::cpus(), first);
        first.takes_payload = config.transport.capacity > 0;
        let mut workers = Vec::new();
        for group in groups {
            let is_shared = group.len() > 1;
            for (index, endpoint) in group.into_iter().enumerate() {
                workers.push(Worker {
                    transport: Transport::open(endpoint, config.backend, config.transport.clone())?,
                    handler: first.for_worker(workers.len() as u64),
                    progress: pool.progress[workers.len()].clone(),
                    is_observed: false,
                    pool: pool.clone(),
                    index: workers.len(),
                    cpu: cpus
                        .get(index % cpus.len().max(1))
                        .copied()
                        .filter(|_| is_shared && unpinned.is_none()),
                });
            }
        }
        Ok(Self {
            workers,
            endpoints: pool.endpoints,
            interval: config.interval,
            unpinned,
        })
    }

    /// Why the workers are not pinned to CPUs, where they should be: the scheduler places them.
    pub(super) fn unpinned(&self) -> Option<&Error> {
        self.unpinned.as_ref()
    }

    /// The sockets, group by group.
    pub(super) fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        self.workers
            .iter()
            .map(|worker| worker.transport.endpoint())
    }

    /// The backend of the pool, and why `auto` chose no better one.
    pub(super) fn backend(&self) -> (Backend, &[Error]) {
        // `new` refuses an empty pool.
        let transport = &self.workers[0].transport;
        (transport.backend(), transport.passed_over())
    }

    /// The summary so far, of all workers together, with the kernel's drops until now.
    pub(super) fn summary(&self) -> Summary {
        let mut sum = Summary::default();
        for worker in &self.workers {
            sum += worker.handler.summary;
        }
        Summary {
            kernel_drops: Summary::drops_of(&self.endpoints),
            // The counters of all workers: they share them.
            exchange: self
                .workers
                .first()
                .and_then(|worker| worker.handler.exchanges()),
            ..sum
        }
    }

    /// As [`Server::observer`](super::Server::observer).
    pub(super) fn observer(&mut self) -> Observer {
        for worker in &mut self.workers {
            worker.is_observed = true;
        }
        // `new` refuses an empty pool; all workers share the exchanges.
        let Worker { pool, handler, .. } = &self.workers[0];
        let served = handler.observed_exchanges();
        Observer::new(pool.progress.clone(), pool.endpoints.clone(), served)
    }

    /// Several workers check the flag ten times a second anyway.
    pub(super) fn wake_by(&mut self, waker: &Waker) {
        if let ([worker], None) = (self.workers.as_mut_slice(), self.interval) {
            worker.transport.wake_by(waker.clone());
        }
    }

    /// As [`Server::open_loads`](super::Server::open_loads).
    pub(super) fn open_loads(&self) -> Vec<Served> {
        // All of them share the sessions.
        let first = self.workers.first();
        first.map_or_else(Vec::new, |worker| worker.handler.open_loads())
    }

    /// How many runs the device or the path refused as such, so that they were sent as datagrams.
    pub(super) fn offload_fallbacks(&self) -> u64 {
        self.workers
            .iter()
            .map(|worker| worker.transport.counters().offload_fallbacks)
            .sum()
    }

    /// As [`Server::run`](super::Server::run).
    pub(super) fn run<E: From<Error> + Send>(
        &mut self,
        stop: &AtomicBool,
        mut on_event: impl FnMut(&Event<'_>) -> Result<(), E> + Send,
    ) -> Result<(), E> {
        let Self {
            workers,
            endpoints,
            interval,
            ..
        } = self;
        if let ([worker], None) = (workers.as_mut_slice(), *interval) {
            return worker.run(stop, Wait::Forever, &mut on_event);
        }
        let progress = workers
            .iter()
            .map(|worker| worker.progress.clone())
            .collect();
        // Before the workers start, so that nothing is missing in the first interval.
        let watch = Watch::new(progress, endpoints, *interval);
        let (on_event, end) = (Mutex::new(on_event), AtomicBool::new(false));
        let tell = |event: &Event<'_>| {
            // A worker that panicked must not suppress the report.
            (on_event.lock().unwrap_or_else(PoisonError::into_inner))(event)
        };
        thread::scope(|scope| {
            let work = |worker: &mut Worker| {
                let done = worker.run(&end, Wait::For(TICK), &mut &tell);
                end.store(true, Ordering::Relaxed);
                done
            };
            let (mut running, mut started) = (Vec::new(), Ok(()));
            for worker in workers {
                // A socket of the group without its worker would answer nobody: all or none.
                match thread::Builder::new().spawn_scoped(scope, move || work(worker)) {
                    Ok(worker) => running.push(worker),
                    Err(source) => {
                        started = Err(no_thread("for each worker", source).into());
                        break;
                    }
                }
            }
            let watched = started.and_then(|()| watch.until_the_end(stop, &end, tell));
            end.store(true, Ordering::Relaxed);
            running.into_iter().fold(watched, |result, worker| {
                // A panic continues in the caller.
                let done = worker
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                result.and(done)
            })
        })
    }
}

impl Worker {
    fn run<E: From<Error>>(
        &mut self,
        stop: &AtomicBool,
        wait: Wait,
        on_event: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if let Some(cpu) = self.cpu {
            // It was allowed at the start; if the CPU is gone since, the scheduler decides.
            let _ = cpu::pin(cpu);
        }
        let Self {
            transport,
            handler,
            progress,
            is_observed,
            pool,
            index,
            ..
        } = self;
        let (serves_runs, may_be_asked) = (handler.serves_runs(), handler.behaviour.allow_bench);
        while !handler.is_done() && !stop.load(Ordering::Relaxed) {
            let before = transport.counters();
            let (mut reported, mut bench_answers, mut now) = (Ok(()), 0, None);
            let received = transport.receive(wait, |message, send_queue| {
                let is_asked = may_be_asked && bench_handshake::may_ask(message);
                if handler.may_load(message.bytes())
                    && serve_load(handler, message, send_queue, (&*pool, *index), &mut now)
                {
                    // All of it is done.
                } else if serves_runs && !is_asked {
                    serve_run(handler, message, send_queue);
                } else if reported.is_ok() {
                    let asked = is_asked.then_some((&*pool, &**progress, &mut bench_answers));
                    reported = serve_each(handler, message, send_queue, asked, on_event);
                }
            });
            let sent = transport.flush();
            let now = transport.counters();
            handler.replied(
                now.sent - before.sent - bench_answers,
                now.sent_bytes - before.sent_bytes - bench_answers * LENGTH as u64,
            );
            if *is_observed {
                progress.count_all(&handler.summary);
            } else {
                progress.count(&handler.summary);
            }
            progress.count_syscalls(now.syscalls);
            reported?;
            failed(handler, sent, on_event)?;
            handler.report_ended(on_event)?;
            match received {
                Ok(_) => {}
                Err(error) if error.is_about_the_network() => handler.failed(1, error, on_event)?,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// Counts and reports what could not be sent.
fn failed<E>(
    handler: &mut Handler,
    sent: Sent,
    on_event: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
) -> Result<(), E> {
    match sent.error {
        Some(error) => handler.failed(sent.refused, error, on_event),
        None => Ok(()),
    }
}

/// Serves a whole run at once: counted, and echoed without a copy.
fn serve_run(handler: &mut Handler, message: &Received<'_>, send_queue: &mut SendQueue<'_>) {
    let count = message.count() as u64;
    handler.summary.datagrams += count;
    handler.summary.bytes += message.length() as u64;
    handler.summary.truncated += u64::from(handler.takes_payload && message.is_truncated());
    if handler.behaviour.reply == Reply::Nothing {
        return;
    }
    // Of a run that was one burst, the first datagram stands for all.
    let refusal = Request::each_of(message)
        .next()
        .and_then(|first| handler.refusal(&first));
    match refusal {
        Some(why) => handler.summary.refused(why, count),
        None => send_queue.echo(message),
    }
}

/// Serves a message's datagrams as those of a load session, if the first one is of one: another client's
/// cannot be among them.
fn serve_load(
    handler: &mut Handler,
    message: &Received<'_>,
    send_queue: &mut SendQueue<'_>,
    (pool, index): (&PoolState, usize),
    now: &mut Option<Moment>,
) -> bool {
    let own = &pool.endpoints[index];
    for (number, request) in Request::each_of(message).enumerate() {
        match handler.load_answer(&request, own, &pool.endpoints, now) {
            None if number == 0 => return false,
            None | Some(0) => {}
            Some(_) => send_queue.reply(message, handler.load_reply()),
        }
    }
    true
}

/// Serves a message's datagrams one by one. If each is an event, its reply is sent before the
/// report.
fn serve_each<E>(
    handler: &mut Handler,
    message: &Received<'_>,
    send_queue: &mut SendQueue<'_>,
    mut asked: Option<(&PoolState, &Progress, &mut u64)>,
    on_event: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let per_datagram_events = handler.behaviour.per_datagram_events;
    for request in Request::each_of(message) {
        if let Some((pool, own, bench_answers)) = &mut asked {
            own.count(&handler.summary);
            let received = pool.progress.iter().map(|worker| worker.datagrams()).sum();
            if let Some(answer) = handler.bench_answer(&request, &pool.endpoints, received) {
                // Separate from the replies, since it does not count as one.
                let sent = send_queue.flush();
                failed(handler, sent, on_event)?;
                send_queue.reply(message, &answer);
                let sent = send_queue.flush();
                **bench_answers += sent.datagrams as u64;
                failed(handler, sent, on_event)?;
                continue;
            }
        }
        let Some(answer) = handler.answer(&request, on_event)? else {
            continue;
        };
        send_queue.reply(message, answer.bytes);
        if per_datagram_events {
            let sent = send_queue.flush();
            if let (1.., Some((request, reply))) = (sent.datagrams, answer.replied) {
                on_event(&Event::Replied(request, reply))?;
            }
            failed(handler, sent, on_event)?;
        }
    }
    Ok(())
}
