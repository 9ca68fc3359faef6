//! One question to everybody, and all the replies.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use udpraw::error::Result;

use super::peer::{LOOK, PATIENCE, Peer, REPLY, end, failed, nothing_arrived};
use super::starter::Skeleton;
use super::trial::Trial;
use super::{Exercise, Judgement, hint};

pub(super) const EXERCISE: Exercise = Exercise {
    name: "broadcast",
    task: |text| text.broadcast_task(),
    skeleton: Skeleton::Client,
    judge,
};

/// The broadcast address of the loopback interface.
const EVERYBODY: [u8; 4] = [127, 255, 255, 255];
/// How long the program may wait for further replies.
const LIMIT: Duration = Duration::from_secs(8);

fn judge(trial: &mut Trial<'_>) -> Result<Judgement> {
    let first = responder(0).map_err(failed)?;
    let port = first.local_addr().map_err(failed)?;
    let second = responder(port.as_socket().map_or(0, |it| it.port())).map_err(failed)?;
    let responders = [Peer::of(first.into())?, Peer::of(second.into())?];
    trial.start(&[responders[0].port()])?;
    let is_sent =
        |trial: &Trial<'_>| !trial.sent().is_empty() || trial.has_failed_with(libc::EACCES);
    trial.wait(PATIENCE, is_sent);
    let to = trial.sent().first().and_then(|sent| sent.peer);
    match to {
        None if trial.has_failed_with(libc::EACCES) => {
            return Ok(hint(|it| it.broadcast_no_permission(libc::EACCES)));
        }
        None => return Ok(nothing_arrived(trial)),
        Some(to) if to.ip() != IpAddr::from(EVERYBODY) => {
            return Ok(hint(move |it| it.broadcast_unicast(to)));
        }
        Some(_) => {}
    }
    for (number, responder) in (1..).zip(&responders) {
        let Some(question) = responder.receive(trial, REPLY) else {
            return Ok(hint(|it| it.never_received()));
        };
        let own = Peer::new()?;
        own.send(format!("responder {number}").as_bytes(), question.from);
        trial.wait(LOOK * 10, |trial| trial.received().len() >= number);
    }
    let all = responders.len();
    trial.wait(LIMIT, |trial| trial.received().len() >= all);
    let received = trial.received().len();
    if received < all {
        return Ok(hint(move |it| it.broadcast_too_few(received, all)));
    }
    Ok(end(trial, LIMIT))
}

/// A socket that receives broadcasts, beside another one.
fn responder(port: u16) -> std::io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&SocketAddr::from((EVERYBODY, port)).into())?;
    Ok(socket)
}
