//! The sending end: tries the receiver's addresses, and goes on with one that was started again.

use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;

use super::event::Observer;
use super::session::{Ended, Session};
use super::{SendConfig, SendEvent, Sent};
use crate::error::{Error, Result};
use crate::protocol::transfer::Failure;

/// How often a receiver may be started again without anything having arrived in between.
const MAX_RESTARTS: u32 = 10;

/// Files, folders and streams that are ready to be sent.
#[derive(Debug)]
pub struct Sending {
    config: SendConfig,
}

impl Sending {
    /// Prepares to send what `config` names. [`Self::run`] makes the sockets, one for each address
    /// that it tries.
    ///
    /// # Errors
    /// `InvalidInput` if there is no address to send to, or nothing to send.
    pub fn new(config: SendConfig) -> Result<Self> {
        if config.destinations.is_empty() {
            let reason = "the list of addresses is empty";
            return Err(Error::invalid("send to", "the receiver", reason));
        }
        if config.tree.roots().is_empty() {
            return Err(Error::invalid("send", "nothing", "name a file or a folder"));
        }
        Ok(Self { config })
    }

    /// The configuration.
    pub fn config(&self) -> &SendConfig {
        &self.config
    }

    /// Sends everything, and waits until the receiver has stored it.
    ///
    /// `on_event` is called ten times a second. When a signal handler raises `stop`, or `on_event`
    /// returns an error, the receiver is notified and the transfer ends.
    ///
    /// # Errors
    /// The error of `on_event`; the errors of this end: of the socket, and of what ends the reading
    /// as a whole. Errors of the network or the other end are in [`Sent::outcome`]; a file that
    /// cannot be read is an event, and in [`Sent::failed`].
    pub fn run<E: From<Error>>(
        &mut self,
        stop: &AtomicBool,
        on_event: impl FnMut(&SendEvent<'_>) -> Result<(), E>,
    ) -> Result<Sent, E> {
        let mut observer = Observer::new(on_event);
        let sent = send(&self.config, stop, &mut |event| {
            observer.report_with(|on_event| on_event(event))
        });
        observer.finish(sent)
    }
}

/// `on_event` returns whether to continue.
fn send(
    config: &SendConfig,
    stop: &AtomicBool,
    on_event: &mut dyn FnMut(&SendEvent<'_>) -> bool,
) -> Result<Sent> {
    let mut refused = None;
    for (index, &destination) in config.destinations.iter().enumerate() {
        let mut session = match Session::open(config, destination, false) {
            Ok(session) => session,
            Err(error) if error.is_about_the_network() => {
                refused = Some(error);
                continue;
            }
            // Without IPv6 in the kernel: the result of another address says more.
            Err(error)
                if matches!(
                    error.errno(),
                    Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL)
                ) =>
            {
                refused.get_or_insert(error);
                continue;
            }
            Err(error) => return Err(error),
        };
        let is_last = index + 1 == config.destinations.len();
        match session.run(stop, on_event)? {
            // No answer at all: another address may answer.
            Ended::Over if session.is_unanswered() && !is_last => {}
            Ended::Over => return go_on(config, destination, session, stop, on_event),
            Ended::NobodyThere(error) => {
                refused = Some(error.with_remedy("is udpraw recv running there?"));
            }
        }
    }
    Err(refused.unwrap_or_else(|| {
        Error::invalid("send to", "the receiver", "the list of addresses is empty")
    }))
}

/// The end of a session; with `resume`, another one follows if the receiver was started again.
fn go_on(
    config: &SendConfig,
    destination: SocketAddr,
    session: Session<'_>,
    stop: &AtomicBool,
    on_event: &mut dyn FnMut(&SendEvent<'_>) -> bool,
) -> Result<Sent> {
    let mut session = session;
    let mut restarts = 0;
    loop {
        let arrived = session.arrived();
        let sent = session.end()?;
        let is_restarted = matches!(sent.outcome, Err(Failure::Restarted));
        restarts = if arrived > 0 { 0 } else { restarts + 1 };
        if !config.resume || !is_restarted || restarts > MAX_RESTARTS {
            return Ok(sent);
        }
        on_event(&SendEvent::Restarted);
        session = Session::open(config, destination, true)?;
        session.run(stop, on_event)?;
    }
}
