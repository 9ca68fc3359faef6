//! A server answers each datagram, to whoever sent it.

use udpraw::error::Result;

use super::peer::{Peer, ask, start_server};
use super::starter::Skeleton;
use super::trial::Trial;
use super::{Exercise, Judgement};

pub(super) const EXERCISE: Exercise = Exercise {
    name: "server",
    task: |text| text.server_task(),
    skeleton: Skeleton::Receiver,
    judge,
};

fn judge(trial: &mut Trial<'_>) -> Result<Judgement> {
    let server = match start_server(trial)? {
        Ok(server) => server,
        Err(hint) => return Ok(hint),
    };
    let clients = [Peer::new()?, Peer::new()?];
    for round in 0..2 {
        for client in &clients {
            let request = format!("hello {round}");
            if let Err(hint) = ask(trial, client, server, request.as_bytes()) {
                return Ok(hint);
            }
        }
    }
    Ok(Ok(()))
}
