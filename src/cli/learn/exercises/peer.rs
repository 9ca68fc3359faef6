//! The other end of an exercise: plain sockets, and what all servers and clients are asked.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use udpraw::error::{Error, Result};

use super::trial::Trial;
use super::{Judgement, hint};

/// How long a program may take to start and to make its first step.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// How long it may take for a reply, or to end.
pub(super) const REPLY: Duration = Duration::from_millis(1500);

/// How long one look at the socket and the program takes.
pub(super) const LOOK: Duration = Duration::from_millis(5);

/// A datagram that the program sent to us.
pub(super) struct Received {
    pub(super) from: SocketAddr,
    pub(super) bytes: Vec<u8>,
}

/// A socket of ours.
pub(super) struct Peer {
    socket: UdpSocket,
    pub(super) address: SocketAddr,
}

impl Peer {
    /// Binds a socket to an IP address of loopback and any port.
    pub(super) fn at(ip: [u8; 4]) -> Result<Self> {
        let socket = UdpSocket::bind(SocketAddr::from((ip, 0))).map_err(failed)?;
        Self::of(socket)
    }

    /// Takes a socket that is bound.
    pub(super) fn of(socket: UdpSocket) -> Result<Self> {
        socket.set_nonblocking(true).map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        Ok(Self { socket, address })
    }

    pub(super) fn new() -> Result<Self> {
        Self::at([127, 0, 0, 1])
    }

    /// The argument that tells the program our port.
    pub(super) fn port(&self) -> String {
        self.address.port().to_string()
    }

    pub(super) fn send(&self, bytes: &[u8], to: SocketAddr) {
        // That nobody listens there is for the judgement.
        let _ = self.socket.send_to(bytes, to);
    }

    /// What has arrived, if anything.
    pub(super) fn take(&self) -> Option<Received> {
        let mut buffer = vec![0; 65_535];
        loop {
            match self.socket.recv_from(&mut buffer) {
                Ok((length, from)) => {
                    buffer.truncate(length);
                    let bytes = buffer;
                    return Some(Received { from, bytes });
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
                // An ICMP error about what we sent, or a signal.
                Err(_) => {}
            }
        }
    }

    /// Waits for a datagram while the program runs.
    pub(super) fn receive(&self, trial: &mut Trial<'_>, limit: Duration) -> Option<Received> {
        let until = Instant::now() + limit;
        loop {
            if let Some(received) = self.take() {
                return Some(received);
            }
            if !trial.is_running() || Instant::now() >= until {
                return self.take();
            }
            trial.look(LOOK);
        }
    }
}

/// A port of 127.0.0.1 that is free.
pub(super) fn free_port() -> Result<u16> {
    Ok(Peer::new()?.address.port())
}

/// Starts a server at a free port, and waits until it is bound: its address.
pub(super) fn start_server(
    trial: &mut Trial<'_>,
) -> Result<std::result::Result<SocketAddr, Judgement>> {
    let port = free_port()?;
    trial.start(&[port.to_string()])?;
    trial.wait(PATIENCE, |trial| !trial.bound().is_empty());
    let Some(mut bound) = trial.bound().first().copied() else {
        if trial.has_failed_with(libc::EADDRINUSE) {
            return Ok(Err(hint(|it| it.port_taken(libc::EADDRINUSE))));
        }
        return Ok(Err(hint(move |it| it.never_bound(port))));
    };
    if bound.port() != port {
        return Ok(Err(hint(move |it| it.other_port(bound, port))));
    }
    if bound.ip().is_unspecified() {
        bound.set_ip([127, 0, 0, 1].into());
    }
    Ok(Ok(bound))
}

/// Sends a request and waits for the reply.
pub(super) fn ask(
    trial: &mut Trial<'_>,
    peer: &Peer,
    server: SocketAddr,
    request: &[u8],
) -> std::result::Result<Vec<u8>, Judgement> {
    let before = trial.received().len();
    peer.send(request, server);
    if let Some(reply) = peer.receive(trial, REPLY) {
        let from = reply.from;
        if from != server {
            return Err(hint(move |it| it.reply_from_elsewhere(from, server)));
        }
        return Ok(reply.bytes);
    }
    trial.look(LOOK);
    let received = trial.received().len();
    let client = peer.address;
    let sent = trial.sent();
    let elsewhere = sent.last().and_then(|sent| sent.peer);
    if let Some(to) = elsewhere.filter(|to| *to != client)
        && received > before
        && sent.len() >= received
    {
        return Err(hint(move |it| it.reply_elsewhere(to, client)));
    }
    if trial.end().is_some() {
        let line = trial.last_line();
        return Err(hint(move |it| it.ended_early(received, &line)));
    }
    if received == 0 {
        return Err(hint(|it| it.never_received()));
    }
    Err(hint(move |it| it.no_reply(received)))
}

/// The hint for a client from which nothing arrived.
pub(super) fn nothing_arrived(trial: &Trial<'_>) -> Judgement {
    if trial.end().is_some() {
        let line = trial.last_line();
        return hint(move |it| it.ended_early(0, &line));
    }
    hint(|it| it.never_sent(PATIENCE.as_secs()))
}

/// Waits for the end of a client; the hint if it does not come.
pub(super) fn end(trial: &mut Trial<'_>, limit: Duration) -> Judgement {
    if trial.wait(limit, |trial| trial.end().is_some()) {
        return Ok(());
    }
    let seconds = limit.as_secs();
    hint(move |it| it.never_ends(seconds))
}

pub(super) fn failed(source: io::Error) -> Error {
    Error::os("make", "the other end of the exercise", source)
}
