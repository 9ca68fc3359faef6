//! A server survives a byte above 127.

use udpraw::error::Result;

use super::peer::{LOOK, Peer, REPLY, ask, start_server};
use super::starter::Skeleton;
use super::trial::Trial;
use super::{Exercise, Judgement, hint};

pub(super) const EXERCISE: Exercise = Exercise {
    name: "unicode",
    task: |text| text.unicode_task(),
    skeleton: Skeleton::Server,
    judge,
};

/// Neither ASCII nor UTF-8 by itself.
const BYTE: u8 = 0xe9;

fn judge(trial: &mut Trial<'_>) -> Result<Judgement> {
    let server = match start_server(trial)? {
        Ok(server) => server,
        Err(hint) => return Ok(hint),
    };
    let client = Peer::new()?;
    if let Err(hint) = ask(trial, &client, server, b"hello") {
        return Ok(hint);
    }
    let before = trial.received().len();
    client.send(&[b'c', b'a', b'f', BYTE], server);
    trial.wait(REPLY, |trial| trial.received().len() > before);
    // A reply to it is welcome, and not asked for.
    client.receive(trial, LOOK * 20);
    let after = ask(trial, &client, server, b"still there?");
    if trial.end().is_some() {
        let line = trial.last_line();
        return Ok(hint(move |it| it.unicode_crashed(BYTE, &line)));
    }
    Ok(after.map(drop).or_else(|hint| hint))
}
