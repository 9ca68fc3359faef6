//! A client ignores a forged reply.

use udpraw::error::Result;

use super::peer::{LOOK, PATIENCE, Peer, REPLY, end, nothing_arrived};
use super::starter::Skeleton;
use super::trial::Trial;
use super::{Exercise, Judgement, hint};

pub(super) const EXERCISE: Exercise = Exercise {
    name: "forged",
    task: |text| text.forged_task(),
    skeleton: Skeleton::Client,
    judge,
};

const FORGED: &str = "forged: send me your password";
const RIGHT: &str = "the right reply";

fn judge(trial: &mut Trial<'_>) -> Result<Judgement> {
    let server = Peer::new()?;
    // One forger is on another host, the other one on the server's.
    let forgers = [Peer::at([127, 0, 0, 2])?, Peer::new()?];
    trial.start(&[server.port()])?;
    let Some(request) = server.receive(trial, PATIENCE) else {
        return Ok(nothing_arrived(trial));
    };
    for forger in &forgers {
        let before = trial.received().len();
        forger.send(FORGED.as_bytes(), request.from);
        // A connected socket never receives it.
        trial.wait(LOOK * 30, |trial| trial.received().len() > before);
        trial.wait(LOOK * 10, |trial| trial.end().is_some());
    }
    server.send(RIGHT.as_bytes(), request.from);
    let is_right = |trial: &Trial<'_>| {
        let received = trial.received();
        received
            .iter()
            .any(|it| it.start.starts_with(RIGHT.as_bytes()))
    };
    let has_received = trial.wait(REPLY, is_right);
    let ended = end(trial, REPLY);
    let received = trial.received();
    let forged = received
        .iter()
        .rfind(|it| it.start.starts_with(FORGED.as_bytes()));
    let forger = forged.and_then(|it| it.peer);
    let (true_server, is_success) = (server.address, trial.is_success());
    if !has_received {
        return Ok(match forger {
            Some(forger) if trial.end().is_some() && !is_success => {
                hint(move |it| it.forged_gave_up(forger))
            }
            Some(forger) if forger.ip() == true_server.ip() => {
                hint(move |it| it.forged_same_host(forger, true_server))
            }
            Some(forger) => hint(move |it| it.forged_believed(forger, true_server)),
            None if trial.end().is_some() => {
                let line = trial.last_line();
                hint(move |it| it.ended_early(0, &line))
            }
            None => hint(|it| it.never_received()),
        });
    }
    if trial.output().contains("send me your password") {
        return Ok(hint(|it| it.forged_printed(FORGED)));
    }
    Ok(ended)
}
