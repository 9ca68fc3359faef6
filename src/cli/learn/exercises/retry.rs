//! A client retries with backoff, and gives up.

use std::time::{Duration, Instant};

use udpraw::error::Result;
use udpraw::socket::options::Value;
use udpraw::trace::{Direction, Returned};

use super::peer::{PATIENCE, Peer, nothing_arrived};
use super::starter::Skeleton;
use super::trial::Trial;
use super::{Exercise, Judgement, hint};

pub(super) const EXERCISE: Exercise = Exercise {
    name: "retry",
    task: |text| text.retry_task(),
    skeleton: Skeleton::Client,
    judge,
};

/// After a silence of this length, and of three times the last wait, no further attempt is expected.
const SILENCE: Duration = Duration::from_secs(3);
const LONGEST: Duration = Duration::from_secs(20);

/// How many attempts are enough.
const FEWEST: usize = 3;
const MOST: usize = 10;

/// Each wait is at least this many times the one before: twice, and some room for a slow machine.
const GROWTH: f64 = 1.4;

fn judge(trial: &mut Trial<'_>) -> Result<Judgement> {
    // It never answers.
    let silent = Peer::new()?;
    trial.start(&[silent.port()])?;
    if !trial.wait(PATIENCE, |trial| !trial.sent().is_empty()) {
        return Ok(nothing_arrived(trial));
    }
    let began = Instant::now();
    let mut last = (1, began);
    while trial.is_running() && began.elapsed() < LONGEST {
        trial.look(Duration::from_millis(20));
        let waits = waits(trial);
        if let Some(hint) = not_doubled(&waits) {
            return Ok(hint);
        }
        let count = trial.sent().len();
        if count > MOST {
            return Ok(hint(move |it| it.retry_never_gives_up(count)));
        }
        if count > last.0 {
            last = (count, Instant::now());
        }
        let gap = waits.last().copied().unwrap_or_default();
        let silence = last.1.elapsed();
        if silence > SILENCE && silence > 3 * gap {
            break;
        }
    }
    let (count, seconds) = (trial.sent().len(), last.1.elapsed().as_secs());
    if trial.end().is_none() {
        return Ok(match count {
            1 => hint(move |it| it.retry_never(seconds)),
            _ => hint(move |it| it.never_ends(seconds)),
        });
    }
    if let Some(hint) = not_doubled(&waits(trial)) {
        return Ok(hint);
    }
    if count < FEWEST {
        return Ok(hint(move |it| it.retry_too_few(count)));
    }
    if trial.is_success() {
        return Ok(hint(|it| it.ends_with_success()));
    }
    Ok(Ok(()))
}

/// The waits between the sends: what the program asked for, which a busy machine does not change, or
/// where that is not seen (it slept), the time that passed.
fn waits(trial: &Trial<'_>) -> Vec<Duration> {
    let (mut asked, mut passed) = (Vec::new(), Vec::new());
    let (mut limit, mut timeout) = (None, None);
    let mut last = None;
    for call in trial.calls() {
        let facts = &call.facts;
        if let Some((option, Some(Value::Time(value)))) = &facts.option
            && option.name == "SO_RCVTIMEO"
        {
            timeout = Some(*value);
        } else if let Some(wait) = &facts.wait {
            limit = limit.max(wait.limit);
        } else if facts.direction == Some(Direction::In)
            && call.returned == Returned::Error(libc::EAGAIN)
        {
            limit = limit.max(timeout);
        } else if facts.direction == Some(Direction::Out) && call.value().is_some() {
            if let Some(last) = last {
                asked.push(limit.take());
                passed.push(call.began.saturating_sub(last));
            }
            last = Some(call.began);
        }
    }
    let asked: Option<Vec<Duration>> = asked.into_iter().collect();
    asked.unwrap_or(passed)
}

/// The hint for the first wait that did not grow.
fn not_doubled(waits: &[Duration]) -> Option<Judgement> {
    let pairs = waits.windows(2).enumerate();
    let mut short = pairs.filter(|(_, pair)| pair[1] < pair[0].mul_f64(GROWTH));
    let (at, pair) = short.next()?;
    let (before, after) = (pair[0], pair[1]);
    Some(hint(move |it| it.retry_not_doubled(at + 2, before, after)))
}
