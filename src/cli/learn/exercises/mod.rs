//! The exercises: a learner's program is judged by what it does at the system call, and by what a peer
//! of ours receives from it.

mod broadcast;
mod copy;
mod forged;
mod ids;
mod large;
mod peer;
mod refused;
mod retry;
mod server;
mod share;
pub(crate) mod starter;
pub(crate) mod trial;
mod unicode;

use std::ffi::OsString;

use udpraw::error::{Error, Result};

use self::starter::Skeleton;
use self::trial::{Problem, Trial};
use super::Sentence;
use super::text::{Task, Text};

/// Every exercise, in order.
pub(crate) const EXERCISES: &[Exercise] = &[
    server::EXERCISE,
    unicode::EXERCISE,
    forged::EXERCISE,
    retry::EXERCISE,
    refused::EXERCISE,
    ids::EXERCISE,
    large::EXERCISE,
    share::EXERCISE,
    broadcast::EXERCISE,
    copy::EXERCISE,
];

/// An exercise.
#[derive(Debug)]
pub(crate) struct Exercise {
    /// Its name on the command line.
    pub(crate) name: &'static str,
    pub(crate) task: fn(&dyn Text) -> Task,
    pub(crate) skeleton: Skeleton,
    judge: fn(&mut Trial<'_>) -> Result<Judgement>,
}

/// The result of a trial: passed, or a hint.
pub(crate) type Judgement = std::result::Result<(), Sentence>;

/// A hint.
fn hint(sentence: impl Fn(&dyn Text) -> String + 'static) -> Judgement {
    Err(Box::new(sentence))
}

impl Exercise {
    /// The exercise of that name.
    pub(crate) fn find(name: &str) -> Result<&'static Self> {
        let found = EXERCISES.iter().find(|exercise| exercise.name == name);
        found.ok_or_else(|| {
            let names: Vec<_> = EXERCISES.iter().map(|exercise| exercise.name).collect();
            Error::invalid("find", "exercise", format!("no '{}'", name.escape_debug()))
                .with_remedy(format!("the exercises are: {}", names.join(", ")))
        })
    }

    /// Runs a program and judges it; nothing of it runs afterwards.
    ///
    /// # Errors
    /// If it cannot be run or traced.
    pub(crate) fn check<'a>(&self, program: &'a [OsString]) -> Result<(Trial<'a>, Judgement)> {
        let mut trial = Trial::new(program);
        let judged = (self.judge)(&mut trial);
        trial.stop();
        let judged = judged?;
        let judged = match (judged, unjudged(&trial)) {
            (_, Some(problem)) => Err(problem),
            (judged, None) => judged,
        };
        Ok((trial, judged))
    }
}

/// Why a program cannot be judged by what it did, whatever the exercise.
fn unjudged(trial: &Trial<'_>) -> Option<Sentence> {
    match trial.problem() {
        Some(Problem::TooManyProcesses(most)) => {
            return Some(Box::new(move |it| it.too_many_processes(most)));
        }
        Some(Problem::TooManyCalls(most)) => {
            return Some(Box::new(move |it| it.too_many_calls(most)));
        }
        Some(Problem::Uring) => return Some(Box::new(|it| it.uring())),
        None => {}
    }
    if trial.has_socket("udp") {
        return None;
    }
    if trial.has_socket("tcp") {
        return Some(Box::new(|it| it.speaks_tcp()));
    }
    if trial.end().is_some() {
        let line = trial.last_line();
        return Some(Box::new(move |it| it.no_socket_ended(&line)));
    }
    Some(Box::new(|it| it.no_socket(peer::PATIENCE.as_secs())))
}
