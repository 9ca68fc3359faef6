//! A client hears that nobody listens (ECONNREFUSED), and ends.

use std::time::Duration;

use udpraw::error::Result;

use super::peer::{PATIENCE, free_port, nothing_arrived};
use super::starter::Skeleton;
use super::trial::Trial;
use super::{Exercise, Judgement, hint};

pub(super) const EXERCISE: Exercise = Exercise {
    name: "refused",
    task: |text| text.refused_task(),
    skeleton: Skeleton::Client,
    judge,
};

/// How long it may take to end.
const LIMIT: Duration = Duration::from_secs(3);

fn judge(trial: &mut Trial<'_>) -> Result<Judgement> {
    let closed = free_port()?;
    trial.start(&[closed.to_string()])?;
    let has_sent = |trial: &Trial<'_>| {
        trial.calls_named("connect").next().is_some() || !trial.sent().is_empty()
    };
    if !trial.wait(PATIENCE, has_sent) {
        return Ok(nothing_arrived(trial));
    }
    trial.wait(LIMIT, |trial| trial.end().is_some());
    let sends = trial.sent().len();
    if !trial.has_failed_with(libc::ECONNREFUSED) {
        let is_connected = trial
            .calls_named("connect")
            .any(|call| call.value().is_some());
        return Ok(match (is_connected, sends) {
            (_, 0) => nothing_arrived(trial),
            (false, _) => hint(|it| it.refused_not_connected()),
            (true, _) => hint(|it| it.refused_not_listened()),
        });
    }
    if trial.end().is_none() {
        return Ok(hint(move |it| it.refused_went_on(sends)));
    }
    if trial.is_success() {
        return Ok(hint(|it| it.ends_with_success()));
    }
    Ok(Ok(()))
}
