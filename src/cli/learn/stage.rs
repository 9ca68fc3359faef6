//! Runs the programs of a lesson: real processes, which make one step after the other, under the tracer
//! where ptrace(2) is allowed.

use std::ffi::OsString;
use std::fmt::Display;
use std::io::{self, BufRead, BufReader, Lines, PipeReader, PipeWriter, Write};
use std::net::SocketAddr;
use std::process::{Child, Command};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use udpraw::error::{Error, Result, describe_errno};
use udpraw::trace::{Call, Config, Event, Program, Tracer};

use super::actor::unhex;
use crate::cli::interrupt::Interruptible;
use crate::cli::tour::this_program;

/// The longest a lesson may take.
const LIMIT: Duration = Duration::from_secs(25);

/// How often the tracer looks whether the lesson is over.
const SLICE: Duration = Duration::from_millis(10);

/// How many bytes of a datagram a call shows.
const SHOWN: usize = 48;

/// The arguments with which this program is an actor.
const ACTOR: [&str; 2] = ["learn", "act"];

/// The result of a step.
pub(crate) type Answer = std::result::Result<Values, i32>;

/// The values that a step returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Values(String);

impl Values {
    fn word(&self, at: usize) -> &str {
        self.0.split(' ').nth(at).unwrap_or_default()
    }

    fn parse<T: FromStr>(&self, at: usize) -> Result<T> {
        let found = self.word(at).parse();
        found.map_err(|_| unexpected("the answer of a step", &self.0))
    }

    /// The number: a descriptor, or how many bytes were sent.
    pub(crate) fn number(&self) -> Result<usize> {
        self.parse(0)
    }

    /// The address that getsockname(2) returned.
    pub(crate) fn address(&self) -> Result<SocketAddr> {
        self.parse(0)
    }

    /// The text, such as an option's value.
    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    /// The datagram that was received.
    pub(crate) fn datagram(&self) -> Result<Datagram> {
        Ok(Datagram {
            length: self.parse(0)?,
            from: self.parse(1).ok(),
            start: unhex(self.word(2)).unwrap_or_default(),
        })
    }
}

/// A datagram that an actor received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Datagram {
    pub(crate) length: usize,
    pub(crate) from: Option<SocketAddr>,
    /// The first bytes.
    pub(crate) start: Vec<u8>,
}

impl Datagram {
    /// Its first bytes as text, escaped.
    pub(crate) fn text(&self) -> String {
        self.start.escape_ascii().to_string()
    }
}

/// A call of one of the programs.
#[derive(Clone, Debug)]
pub(crate) struct Traced {
    /// The program's name.
    pub(crate) who: &'static str,
    pub(crate) call: Call,
}

/// What the programs of a lesson did.
#[derive(Debug, Default)]
pub(crate) struct Scene {
    /// Their system calls, in the order in which they returned.
    pub(crate) calls: Vec<Traced>,
    /// Why there are none.
    pub(crate) untraced: Option<String>,
}

/// A running actor.
struct Actor {
    name: &'static str,
    input: Option<PipeWriter>,
    lines: Lines<BufReader<Interruptible<PipeReader>>>,
}

/// The processes of a lesson.
pub(crate) struct Stage {
    actors: Vec<Actor>,
    /// Where nothing can be traced.
    children: Vec<Child>,
    tracer: Option<JoinHandle<Vec<Traced>>>,
    is_over: Arc<AtomicBool>,
    untraced: Option<String>,
}

impl Stage {
    /// Starts one process for each name.
    pub(crate) fn open(names: &[&'static str]) -> Result<Self> {
        let mut stage = Self {
            actors: Vec::new(),
            children: Vec::new(),
            tracer: None,
            is_over: Arc::default(),
            untraced: None,
        };
        let mut ends = Vec::new();
        for name in names {
            let (actor, input, output) = Actor::new(name).map_err(start_failed)?;
            stage.actors.push(actor);
            ends.push((*name, input, output));
        }
        let (tell, started) = mpsc::channel();
        let is_over = Arc::clone(&stage.is_over);
        let (programs, plain) = programs(ends)?;
        let tracer = std::thread::Builder::new().name("tracer".into());
        let tracer = tracer.spawn(move || trace(programs, &tell, &is_over));
        stage.tracer = Some(tracer.map_err(start_failed)?);
        if let Some(refused) = wait_for_start(&started) {
            stage.untraced = Some(refused.to_string());
            stage.tracer.take().map(JoinHandle::join);
            for (input, output) in plain {
                stage.children.push(start_plainly(input, output)?);
            }
        }
        Ok(stage)
    }

    /// Has an actor make a step, and waits for its answer.
    pub(crate) fn act(&mut self, actor: usize, step: impl Display) -> Result<Answer> {
        self.begin(actor, step)?;
        self.answer(actor)
    }

    /// As [`Self::act`], for a step that must succeed.
    pub(crate) fn must(&mut self, actor: usize, step: impl Display) -> Result<Values> {
        let step = step.to_string();
        self.act(actor, &step)?
            .map_err(|errno| Error::os("make the step", &step, io::Error::from_raw_os_error(errno)))
    }

    /// Has an actor make a step that may wait.
    pub(crate) fn begin(&mut self, actor: usize, step: impl Display) -> Result<()> {
        let actor = &mut self.actors[actor];
        let input = actor.input.as_mut();
        let written = input.map(|input| input.write_all(format!("{step}\n").as_bytes()));
        match written {
            Some(Ok(())) => Ok(()),
            _ => Err(unexpected("a program of the lesson", "it has ended")),
        }
    }

    /// Waits for the answer to a step.
    pub(crate) fn answer(&mut self, actor: usize) -> Result<Answer> {
        let line = self.line(actor);
        let line = line.ok_or_else(|| unexpected("a program of the lesson", "it has ended"))?;
        match line.split_once(' ') {
            Some(("ok", values)) => Ok(Ok(Values(values.to_owned()))),
            Some(("err", errno)) => Ok(Err(errno.parse().unwrap_or(libc::EIO))),
            _ => Err(unexpected("the answer of a step", &line)),
        }
    }

    /// As [`Self::answer`], for a step that must succeed.
    pub(crate) fn done(&mut self, actor: usize) -> Result<Values> {
        let failed = |errno| Error::os("make", "a step", io::Error::from_raw_os_error(errno));
        self.answer(actor)?.map_err(failed)
    }

    /// Waits until an actor that made its last step has ended.
    pub(crate) fn ended(&mut self, actor: usize) -> bool {
        self.line(actor).is_none()
    }

    fn line(&mut self, actor: usize) -> Option<String> {
        self.actors[actor].lines.next()?.ok()
    }

    /// Ends the programs; returns what they did.
    pub(crate) fn close(mut self) -> Scene {
        // At the end of its input an actor ends.
        for actor in &mut self.actors {
            actor.input = None;
        }
        let mut scene = Scene {
            calls: Vec::new(),
            untraced: self.untraced.take(),
        };
        if let Some(tracer) = self.tracer.take() {
            scene.calls = tracer.join().unwrap_or_default();
        }
        scene
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        for actor in &mut self.actors {
            actor.input = None;
        }
        if let Some(tracer) = self.tracer.take() {
            let _ = tracer.join();
        }
        for child in &mut self.children {
            // Ended already, most of the time.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Actor {
    /// An actor to be started with these two ends of its pipes.
    fn new(name: &'static str) -> io::Result<(Self, PipeReader, PipeWriter)> {
        let (input, to_actor) = io::pipe()?;
        let (from_actor, output) = io::pipe()?;
        let actor = Self {
            name,
            input: Some(to_actor),
            lines: BufReader::new(Interruptible::new(from_actor)).lines(),
        };
        Ok((actor, input, output))
    }
}

impl std::fmt::Debug for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

type Ends = Vec<(PipeReader, PipeWriter)>;

/// The programs to trace, and their pipes once more for a start without a tracer.
fn programs(
    ends: Vec<(&'static str, PipeReader, PipeWriter)>,
) -> Result<(Vec<(&'static str, Program)>, Ends)> {
    let file = this_program().map_err(start_failed)?;
    let (mut programs, mut plain) = (Vec::new(), Vec::new());
    for (name, input, output) in ends {
        let copies = (input.try_clone(), output.try_clone());
        let (Ok(in_copy), Ok(out_copy)) = copies else {
            return Err(start_failed(io::Error::from_raw_os_error(libc::EMFILE)));
        };
        let program = Program::new(&file, ACTOR.map(OsString::from))
            .stdin(input.into())
            .stdout(output.into());
        programs.push((name, program));
        plain.push((in_copy, out_copy));
    }
    Ok((programs, plain))
}

/// Waits until all programs run; returns why they cannot be traced.
fn wait_for_start(started: &Receiver<Result<()>>) -> Option<Error> {
    match started.recv() {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error),
        Err(_) => Some(unexpected("the tracer", "it has ended")),
    }
}

fn start_plainly(input: PipeReader, output: PipeWriter) -> Result<Child> {
    let file = this_program().map_err(start_failed)?;
    let mut command = Command::new(file);
    command.args(ACTOR).stdin(input).stdout(output);
    command.spawn().map_err(start_failed)
}

/// The tracer's thread: the kernel ends the programs with it.
fn trace(
    programs: Vec<(&'static str, Program)>,
    tell: &Sender<Result<()>>,
    is_over: &AtomicBool,
) -> Vec<Traced> {
    let mut config = Config::default();
    config.bytes = SHOWN;
    config.only_udp = false;
    let mut tracer = Tracer::new(config);
    let mut names: Vec<(i32, &'static str)> = Vec::new();
    for (name, program) in &programs {
        match tracer.start(program) {
            Ok(pid) => names.push((pid, name)),
            Err(error) => {
                tracer.end();
                let _ = tell.send(Err(error));
                return Vec::new();
            }
        }
    }
    // Only the programs hold their ends of the pipes from now on.
    drop(programs);
    let _ = tell.send(Ok(()));
    let mut calls = Vec::new();
    let limit = Instant::now() + LIMIT;
    while !is_over.load(Ordering::Relaxed) && Instant::now() < limit {
        let is_tracing = tracer.threads() > 0;
        match tracer.next_event_until(Instant::now() + SLICE) {
            Ok(Some(Event::Call(call))) if is_of_the_lesson(call) => {
                let who = names.iter().find(|(pid, _)| *pid == call.process);
                if let Some((_, who)) = who {
                    let call = call.clone();
                    calls.push(Traced { who, call });
                }
            }
            Ok(Some(_)) => {}
            Ok(None) if is_tracing => {}
            _ => return calls,
        }
    }
    tracer.end();
    calls
}

/// What the runtime does at the end, not the lesson.
fn is_of_the_lesson(call: &Call) -> bool {
    let kind = call.facts.kind;
    !matches!(call.name, "fcntl" | "dup") && kind.is_none_or(|it| it.domain != libc::AF_NETLINK)
}

fn start_failed(source: io::Error) -> Error {
    Error::os("start", "a program of the lesson", source)
}

/// The run did not show what the lesson is about.
pub(crate) fn unexpected(what: &str, found: impl Display) -> Error {
    Error::invalid("show", what, format!("found {found}"))
}

/// Fails unless the run shows what the lesson claims: `what` says what that is.
pub(crate) fn expect(is_so: bool, what: &str, found: impl Display) -> Result<()> {
    if is_so {
        Ok(())
    } else {
        Err(unexpected(what, found))
    }
}

/// Takes the errno of a step that must fail with it.
pub(crate) fn expect_errno(answer: &Answer, errno: i32, what: &str) -> Result<()> {
    match answer {
        Err(found) if *found == errno => Ok(()),
        Err(found) => Err(unexpected(what, describe_errno(*found))),
        Ok(_) => Err(unexpected(what, "a success")),
    }
}
