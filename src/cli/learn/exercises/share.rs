//! Two programs on one port: SO_REUSEPORT.

use std::net::{SocketAddr, UdpSocket};

use socket2::{Domain, Socket, Type};
use udpraw::error::Result;
use udpraw::trace::Returned;

use super::peer::{LOOK, PATIENCE, Peer, failed};
use super::starter::Skeleton;
use super::trial::Trial;
use super::{Exercise, Judgement, hint};

pub(super) const EXERCISE: Exercise = Exercise {
    name: "share",
    task: |text| text.share_task(),
    skeleton: Skeleton::Server,
    judge,
};

/// How many flows are sent: by chance about half of them belong to each of the two sockets.
const FLOWS: usize = 64;

fn judge(trial: &mut Trial<'_>) -> Result<Judgement> {
    let ours = ours().map_err(failed)?;
    let address = ours.local_addr().map_err(failed)?;
    trial.start(&[address.port().to_string()])?;
    // A bind that failed may be followed by another one.
    trial.wait(PATIENCE, |trial| !trial.bound().is_empty());
    let Some(bound) = trial.bound().first().copied() else {
        return Ok(not_bound(trial, address.port()));
    };
    let port = address.port();
    if bound.port() != port {
        return Ok(hint(move |it| it.other_port(bound, port)));
    }
    let mut clients = Vec::new();
    for _ in 0..FLOWS {
        let client = Peer::new()?;
        client.send(b"hello", address);
        clients.push(client);
    }
    let is_answered = |_: &Trial<'_>| clients.iter().any(|client| client.take().is_some());
    if trial.wait(LOOK * 300, is_answered) {
        return Ok(Ok(()));
    }
    Ok(hint(|it| it.share_silent(FLOWS)))
}

/// Our socket at the port, which allows others.
fn ours() -> std::io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
    socket.set_reuse_port(true)?;
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    Ok(socket.into())
}

fn not_bound(trial: &Trial<'_>, port: u16) -> Judgement {
    let calls = trial.calls().iter();
    let is_taken = |name, returned| name == "bind" && returned == Returned::Error(libc::EADDRINUSE);
    let mut calls = calls.skip_while(|call| !is_taken(call.name, call.returned));
    if calls.next().is_none() {
        return hint(move |it| it.never_bound(port));
    }
    let has_set = |name: &str| {
        let options = trial
            .calls()
            .iter()
            .filter_map(|call| call.facts.option.as_ref());
        options.into_iter().any(|(option, _)| option.name == name)
    };
    if has_set("SO_REUSEPORT") {
        return hint(|it| it.share_too_late());
    }
    if has_set("SO_REUSEADDR") {
        return hint(|it| it.share_reuseaddr(libc::EADDRINUSE));
    }
    hint(|it| it.share_no_option(libc::EADDRINUSE))
}
