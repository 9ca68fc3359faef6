//! The server on the ladder: on any rung, with any number of workers.

use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::desk::Desk;
use super::watch::{Progress, TICK, Watch};
use super::{Behaviour, Event, Reply, Request, Summary, consent};
use crate::cpu;
use crate::error::{Error, Result, no_thread};
use crate::io::{Arrival, Choice, Outbox, Rung, Settings, Transport, Wait};
use crate::socket::{Endpoint, Waker};

/// How a crew works.
#[derive(Clone, Debug, Default)]
pub struct Manner {
    /// The rung that moves the datagrams.
    pub choice: Choice,
    /// How the rung runs.
    pub settings: Settings,
    /// How often to tell what was done, as an [`Event::Interval`].
    pub interval: Option<Duration>,
}

/// A server of several workers, each a thread with a socket of its own.
#[derive(Debug)]
pub struct Crew {
    workers: Vec<Worker>,
    /// The workers' sockets once more, to ask them what the kernel dropped while they are at work.
    endpoints: Arc<[Endpoint]>,
    addresses: Vec<SocketAddr>,
    interval: Option<Duration>,
    unpinned: Option<Error>,
}

#[derive(Debug)]
struct Worker {
    transport: Transport,
    desk: Desk,
    progress: Arc<Progress>,
    crew: Whole,
    cpu: Option<usize>,
    takes_payload: bool,
}

/// What a worker must know of the whole crew, to answer for it.
#[derive(Clone, Debug)]
struct Whole {
    endpoints: Arc<[Endpoint]>,
    progress: Arc<[Arc<Progress>]>,
}

impl Crew {
    /// A crew with a worker for each endpoint of each group; a group's endpoints share a port
    /// ([`Builder::bind_group`](crate::socket::Builder::bind_group)), and its workers are pinned to
    /// CPUs, so that a flow stays on one.
    ///
    /// # Errors
    /// As of [`Transport::open`], and if there is no endpoint.
    pub fn new(groups: Vec<Vec<Endpoint>>, behaviour: Behaviour, manner: &Manner) -> Result<Self> {
        let mut addresses = Vec::new();
        for group in &groups {
            if let Some(endpoint) = group.first() {
                addresses.push(endpoint.local_address()?);
            }
        }
        if addresses.is_empty() {
            return Err(Error::invalid("make", "a server", "it has no endpoint"));
        }
        let mut again = Vec::new();
        for endpoint in groups.iter().flatten() {
            let fd = endpoint.as_fd().try_clone_to_owned();
            let fd = fd.map_err(|source| {
                Error::os("copy", "a socket's fd", source).with_remedy(
                    "raise the limit of open files with ulimit -n, or take fewer workers",
                )
            })?;
            again.push(Endpoint::from(fd));
        }
        let progress = again.iter().map(|_| Arc::default()).collect();
        let crew = Whole {
            endpoints: again.into(),
            progress,
        };
        let is_shared = groups.iter().any(|group| group.len() > 1);
        let unpinned = is_shared.then(cpu::may_pin).and_then(Result::err);
        let (cpus, first) = (cpu::cpus(), Desk::new(addresses.clone(), behaviour));
        let mut workers = Vec::new();
        for group in groups {
            let is_shared = group.len() > 1;
            for (index, endpoint) in group.into_iter().enumerate() {
                workers.push(Worker {
                    transport: Transport::open(endpoint, manner.choice, manner.settings.clone())?,
                    desk: first.beside(workers.len() as u64),
                    progress: crew.progress[workers.len()].clone(),
                    crew: crew.clone(),
                    cpu: cpus
                        .get(index % cpus.len().max(1))
                        .copied()
                        .filter(|_| is_shared && unpinned.is_none()),
                    takes_payload: manner.settings.capacity > 0,
                });
            }
        }
        Ok(Self {
            workers,
            endpoints: crew.endpoints,
            addresses,
            interval: manner.interval,
            unpinned,
        })
    }

    /// Why the workers are not pinned to CPUs, where they should be: the scheduler places them.
    pub fn unpinned(&self) -> Option<&Error> {
        self.unpinned.as_ref()
    }

    /// The address of each group.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The sockets, group by group.
    pub fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        self.workers
            .iter()
            .map(|worker| worker.transport.endpoint())
    }

    /// The rung that the crew is on, and why `auto` took no better one.
    pub fn rung(&self) -> (Rung, &[Error]) {
        // `new` refuses a crew of none.
        let transport = &self.workers[0].transport;
        (transport.rung(), transport.passed_over())
    }

    /// What happened so far, all workers together, with what the kernel dropped until now.
    pub fn summary(&self) -> Summary {
        let mut sum = Summary::default();
        for worker in &self.workers {
            sum += worker.desk.summary;
        }
        Summary {
            kernel_drops: Summary::drops_of(&self.endpoints),
            // All workers' at once: they share them.
            exchange: self
                .workers
                .first()
                .and_then(|worker| worker.desk.exchanges()),
            ..sum
        }
    }

    /// What ends a wait of [`Self::run`] from another thread.
    ///
    /// # Errors
    /// Of eventfd(2).
    pub fn waker(&mut self) -> Result<Waker> {
        let waker = Waker::new()?;
        // Several workers look at the flag ten times a second anyway.
        if let ([worker], None) = (self.workers.as_mut_slice(), self.interval) {
            worker.transport.wake_by(waker.clone());
        }
        Ok(waker)
    }

    /// How many runs the device or the path refused to take whole, so that they went as datagrams.
    pub fn offload_fallbacks(&self) -> u64 {
        self.workers
            .iter()
            .map(|worker| worker.transport.counters().offload_fallbacks)
            .sum()
    }

    /// Serves until `stop` is raised, or [`Behaviour::count`] datagrams came in.
    ///
    /// `observe` is told of each event, by one worker at a time; an error of its own ends the run.
    /// One worker without an interval serves in the caller's thread.
    ///
    /// # Errors
    /// That of `observe`, or of a receive where going on makes no sense.
    pub fn run<E: From<Error> + Send>(
        &mut self,
        stop: &AtomicBool,
        mut observe: impl FnMut(&Event<'_>) -> Result<(), E> + Send,
    ) -> Result<(), E> {
        let Self {
            workers,
            endpoints,
            interval,
            ..
        } = self;
        if let ([worker], None) = (workers.as_mut_slice(), *interval) {
            return worker.run(stop, Wait::Forever, &mut observe);
        }
        let progress = workers
            .iter()
            .map(|worker| worker.progress.clone())
            .collect();
        // Before anybody works, so that nothing is left out of the first interval.
        let watch = Watch::new(progress, endpoints, *interval);
        let (observe, end) = (Mutex::new(observe), AtomicBool::new(false));
        let tell = |event: &Event<'_>| {
            // A worker that panicked is not a reason for silence.
            (observe.lock().unwrap_or_else(PoisonError::into_inner))(event)
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
                // A panic goes on in the caller.
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
        observe: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if let Some(cpu) = self.cpu {
            // It was allowed at the start; a CPU that is gone since leaves it to the scheduler.
            let _ = cpu::pin(cpu);
        }
        let Self {
            transport,
            desk,
            progress,
            crew,
            takes_payload,
            ..
        } = self;
        let takes_payload = *takes_payload;
        let (serves_runs, may_be_asked) = (desk.serves_runs(), desk.behaviour.allow_bench);
        while !desk.is_done() && !stop.load(Ordering::Relaxed) {
            let mut told = Ok(());
            let received = transport.receive(wait, stop, |arrival, outbox| {
                let is_asked = may_be_asked && consent::may_ask(arrival);
                if serves_runs && !is_asked {
                    serve_run(desk, arrival, outbox, takes_payload);
                } else if told.is_ok() {
                    let asked = is_asked.then_some((&*crew, &**progress));
                    told = serve_each(desk, arrival, outbox, asked, observe);
                }
            });
            told?;
            match received {
                Ok(0) => continue,
                Ok(_) => {}
                Err(error) if error.is_about_the_network() => desk.failed(1, error, observe)?,
                Err(error) => return Err(error.into()),
            }
            let sent = transport.flush();
            desk.summary.replies += sent.datagrams as u64;
            desk.summary.reply_bytes = transport.counters().sent_bytes;
            if let Some(error) = sent.error {
                desk.failed(sent.refused, error, observe)?;
            }
            progress.count(desk.summary);
            progress.count_syscalls(transport.counters().syscalls);
        }
        Ok(())
    }
}

/// Serves a whole run at once: counted, and echoed without a copy.
fn serve_run(desk: &mut Desk, arrival: &Arrival<'_>, outbox: &mut Outbox<'_>, takes_payload: bool) {
    let count = arrival.count() as u64;
    desk.summary.datagrams += count;
    desk.summary.bytes += arrival.length() as u64;
    desk.summary.truncated += u64::from(takes_payload && arrival.is_truncated());
    if desk.behaviour.reply == Reply::Nothing {
        return;
    }
    // Of a run that was one burst, the first datagram stands for all.
    let refusal = Request::each_of(arrival)
        .next()
        .and_then(|first| desk.refusal(&first));
    match refusal {
        Some(why) => desk.summary.refused(why, count),
        None => outbox.echo(arrival),
    }
}

fn serve_each<E>(
    desk: &mut Desk,
    arrival: &Arrival<'_>,
    outbox: &mut Outbox<'_>,
    asked: Option<(&Whole, &Progress)>,
    observe: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let tell_each = desk.behaviour.tell_each;
    for request in Request::each_of(arrival) {
        if let Some((crew, own)) = asked {
            own.count(desk.summary);
            let received = crew.progress.iter().map(|worker| worker.datagrams()).sum();
            if let Some(answer) = desk.consent(&request, &crew.endpoints, received) {
                outbox.reply(arrival, &answer);
                continue;
            }
        }
        if let Some(answer) = desk.answer(&request, observe)? {
            outbox.reply(arrival, answer.bytes);
            if let (true, Some((request, reply))) = (tell_each, answer.replied) {
                observe(&Event::Replied(request, reply))?;
            }
        }
    }
    Ok(())
}
