//! Runs a learner's program under the tracer, and keeps what it does.

use std::ffi::OsString;
use std::io::{self, PipeReader, Read};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use udpraw::error::{Error, Result};
use udpraw::trace::{Call, Config, Direction, End, Event, Note, Program, Returned, Tracer};

use crate::signal;

/// The longest that a program may run, whatever the exercise.
const LIMIT: Duration = Duration::from_secs(30);

/// How often the tracer looks whether the trial is over.
const SLICE: Duration = Duration::from_millis(5);

/// How many processes and threads a program may have, and how many calls it may make.
const MAX_PROCESSES: usize = 32;
const MAX_CALLS: usize = 20_000;

/// How many bytes of each datagram are kept.
const KEPT: usize = 2048;

/// How much of its output is kept.
const MAX_OUTPUT: usize = 64 << 10;

/// Why a program cannot be judged at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    TooManyProcesses(usize),
    TooManyCalls(usize),
    /// It uses io_uring(7), which cannot be observed.
    Uring,
}

enum Happened {
    Started(Result<i32>),
    Call(Box<Call>),
    Problem(Problem),
    Ended(End),
}

/// A datagram that the program sent or received.
#[derive(Clone, Debug)]
pub(crate) struct Moved {
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) start: Vec<u8>,
}

/// A learner's program, and what it did so far.
pub(crate) struct Trial<'a> {
    program: &'a [OsString],
    events: Option<Receiver<Happened>>,
    thread: Option<JoinHandle<()>>,
    is_over: Arc<AtomicBool>,
    output: Arc<Mutex<Vec<u8>>>,
    calls: Vec<Call>,
    end: Option<End>,
    problem: Option<Problem>,
    began: Instant,
}

impl<'a> Trial<'a> {
    pub(crate) fn new(program: &'a [OsString]) -> Self {
        Self {
            program,
            events: None,
            thread: None,
            is_over: Arc::default(),
            output: Arc::default(),
            calls: Vec::new(),
            end: None,
            problem: None,
            began: Instant::now(),
        }
    }

    /// Starts the program with further arguments.
    ///
    /// # Errors
    /// If it cannot be run or traced.
    pub(crate) fn start(&mut self, arguments: &[String]) -> Result<()> {
        let (reader, writer) = io::pipe().map_err(failed)?;
        let copy = writer.try_clone().map_err(failed)?;
        let mut words = self.program.iter().cloned();
        let name = words.next().unwrap_or_default();
        let words = words.chain(arguments.iter().map(OsString::from));
        let program = Program::new(name, words)
            .stdin(io::pipe().map_err(failed)?.0.into())
            .stdout(writer.into())
            .stderr(copy.into());
        let (tell, events) = mpsc::channel();
        let is_over = Arc::clone(&self.is_over);
        let tracer = std::thread::Builder::new().name("tracer".into());
        let tracer = tracer.spawn(move || trace(program, &tell, &is_over));
        self.thread = Some(tracer.map_err(failed)?);
        let kept = Arc::clone(&self.output);
        let drain = std::thread::Builder::new().name("output".into());
        // It ends with the last process that has the pipe: the tracer ends them all.
        drain.spawn(move || keep(reader, &kept)).map_err(failed)?;
        self.began = Instant::now();
        let started = events.recv();
        self.events = Some(events);
        match started {
            Ok(Happened::Started(Err(error))) => Err(error),
            _ => Ok(()),
        }
    }

    /// Takes what happened meanwhile; waits at most that long for something to happen.
    pub(crate) fn look(&mut self, wait: Duration) {
        let Some(events) = &self.events else {
            return;
        };
        let mut next = events.recv_timeout(wait);
        loop {
            match next {
                Ok(Happened::Call(call)) => self.calls.push(*call),
                Ok(Happened::Problem(problem)) => {
                    self.problem.get_or_insert(problem);
                }
                Ok(Happened::Ended(end)) => self.end = Some(end),
                Ok(Happened::Started(_)) => {}
                Err(RecvTimeoutError::Timeout) => return,
                Err(RecvTimeoutError::Disconnected) => {
                    self.events = None;
                    return;
                }
            }
            next = events.recv_timeout(Duration::ZERO);
        }
    }

    /// Waits until `is_so`, the end of the program, or the end of that time; returns whether it is so.
    pub(crate) fn wait(&mut self, limit: Duration, is_so: impl Fn(&Self) -> bool) -> bool {
        let until = Instant::now() + limit;
        loop {
            self.look(SLICE);
            if is_so(self) {
                return true;
            }
            if !self.is_running() || Instant::now() >= until {
                // What it did last is on its way.
                self.look(Duration::ZERO);
                return is_so(self);
            }
        }
    }

    /// Whether the program runs, and may do so.
    pub(crate) fn is_running(&self) -> bool {
        self.end.is_none()
            && self.events.is_some()
            && self.problem.is_none()
            && self.began.elapsed() < LIMIT
            && signal::count() == 0
    }

    /// How it ended; `None` if it runs.
    pub(crate) fn end(&self) -> Option<End> {
        self.end
    }

    /// Whether it ended with success.
    pub(crate) fn is_success(&self) -> bool {
        self.end == Some(End::Exited(0))
    }

    /// Why it cannot be judged.
    pub(crate) fn problem(&self) -> Option<Problem> {
        self.problem
    }

    /// Its socket calls so far.
    pub(crate) fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// The last line that it printed.
    pub(crate) fn last_line(&self) -> String {
        let output = self.output();
        let line = output.lines().rfind(|line| !line.trim().is_empty());
        line.unwrap_or_default().escape_debug().to_string()
    }

    /// What it printed.
    pub(crate) fn output(&self) -> String {
        let output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&output).into_owned()
    }

    /// The datagrams that it sent.
    pub(crate) fn sent(&self) -> Vec<Moved> {
        self.moved(Direction::Out)
    }

    /// The datagrams that it received.
    pub(crate) fn received(&self) -> Vec<Moved> {
        self.moved(Direction::In)
    }

    fn moved(&self, direction: Direction) -> Vec<Moved> {
        let calls = self.calls.iter().filter(|call| {
            let is_udp = call.facts.kind.is_some_and(|kind| kind.is_udp());
            is_udp && call.value().is_some() && call.facts.direction == Some(direction)
        });
        let moved = calls.flat_map(|call| {
            call.facts.moved.iter().map(|moved| Moved {
                peer: moved.peer.or(call.facts.connected),
                start: moved.start.clone(),
            })
        });
        moved.collect()
    }

    /// The addresses that it bound UDP sockets to.
    pub(crate) fn bound(&self) -> Vec<SocketAddr> {
        let binds = self
            .calls_named("bind")
            .filter(|call| call.value().is_some());
        binds
            .filter_map(|call| call.facts.local.or(call.facts.address))
            .collect()
    }

    /// Its calls of that name on UDP sockets.
    pub(crate) fn calls_named(&self, name: &str) -> impl Iterator<Item = &Call> {
        self.calls.iter().filter(move |call| {
            call.name == name && call.facts.kind.is_some_and(|kind| kind.is_udp())
        })
    }

    /// Whether a call on a UDP socket failed with that errno.
    pub(crate) fn has_failed_with(&self, errno: i32) -> bool {
        self.calls.iter().any(|call| {
            call.returned == Returned::Error(errno)
                && call.facts.kind.is_some_and(|kind| kind.is_udp())
        })
    }

    /// Whether it made a socket of that kind: `udp`, `tcp`.
    pub(crate) fn has_socket(&self, kind: &str) -> bool {
        let mut kinds = self.calls.iter().filter_map(|call| call.facts.kind);
        kinds.any(|found| found.word() == kind)
    }

    /// Ends the program and all that it started.
    pub(crate) fn stop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        self.look(Duration::ZERO);
    }
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The tracer's thread: whatever was started ends with it.
fn trace(program: Program, tell: &Sender<Happened>, is_over: &AtomicBool) {
    let mut config = Config::default();
    config.bytes = KEPT;
    config.only_udp = false;
    config.max_tracees = Some(MAX_PROCESSES);
    let mut tracer = Tracer::new(config);
    let started = tracer.start(&program);
    drop(program);
    let root = started.as_ref().copied().unwrap_or_default();
    let is_started = started.is_ok();
    let _ = tell.send(Happened::Started(started));
    let mut calls = 0;
    while is_started && !is_over.load(Ordering::Relaxed) {
        let is_tracing = tracer.threads() > 0;
        let happened = match tracer.next_event_until(Instant::now() + SLICE) {
            Ok(Some(Event::Call(_))) if calls >= MAX_CALLS => {
                Happened::Problem(Problem::TooManyCalls(MAX_CALLS))
            }
            Ok(Some(Event::Call(call))) => {
                calls += 1;
                Happened::Call(Box::new(call.clone()))
            }
            Ok(Some(Event::Note {
                note: Note::Uring, ..
            })) => Happened::Problem(Problem::Uring),
            Ok(Some(Event::Ended { thread, end, .. })) if thread == root => Happened::Ended(end),
            Ok(Some(_)) => continue,
            Ok(None) if is_tracing => continue,
            Ok(None) => break,
            // More than the limit: all have been ended.
            Err(_) => Happened::Problem(Problem::TooManyProcesses(MAX_PROCESSES)),
        };
        let is_last = matches!(happened, Happened::Problem(_));
        if tell.send(happened).is_err() || is_last {
            break;
        }
    }
    tracer.end();
}

/// Keeps the first part of the output, and lets the program write the rest.
fn keep(mut reader: PipeReader, kept: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = reader.read(&mut buffer) {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let room = MAX_OUTPUT.saturating_sub(kept.len()).min(length);
        kept.extend_from_slice(&buffer[..room]);
    }
}

fn failed(source: io::Error) -> Error {
    Error::os("start", "the program", source)
}
