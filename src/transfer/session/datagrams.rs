//! The datagrams of a session, and what the kernel says about them.

use std::io::IoSlice;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{BURST, Ended, Session};
use crate::error::{Error, Result};
use crate::io::Wait;
use crate::protocol::transfer::{Digesting, Failure, Run, Source};
use crate::units;

/// How long the network may report that nobody listens any more before it is believed: firewalls that
/// reject say the same, and some do while their rules are loaded.
const REFUSAL: Duration = Duration::from_secs(3);
/// The fewest such reports.
const REFUSALS: u32 = 3;
/// The most system calls to read the last frames of a receiver that is gone.
const MAX_DRAINED: u32 = 16;
/// How often another socket is tried while the network takes nothing: this end's address may have
/// changed.
const REBIND: Duration = Duration::from_millis(500);
/// How often progress is reported while nothing happens.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

/// Errors of the socket since anything was last received.
#[derive(Debug)]
pub(super) struct Trouble {
    /// The last one.
    pub(super) errno: i32,
    since: Duration,
    /// How many reported that nobody listens.
    refusals: u32,
    /// When another socket is tried.
    next: Duration,
    is_reported: bool,
}

impl Session<'_> {
    /// Sends what may leave, up to a few runs; returns how many.
    pub(super) fn transmit(&mut self) -> Result<usize> {
        for runs in 0..BURST {
            let now = self.now();
            let source: &dyn Source = match &self.feed {
                Some(feed) => feed,
                None => &NotYet,
            };
            let Some(run) = self.sender.poll_transmit(now, source) else {
                return Ok(runs);
            };
            let mut parts = [IoSlice::new(&[]); Run::MAX_PARTS];
            let count = run.gather(source, &mut parts);
            let size = run.segment_size();
            let mut send_queue = self.transport.send_queue();
            send_queue.send_parts(None, &parts[..count], size);
            match send_queue.flush().error {
                Some(error) => self.on_send_error(error, size)?,
                None => self.sender.on_send_succeeded(),
            }
        }
        Ok(BURST)
    }

    /// Handles the kernel's error about a datagram, or about an earlier one.
    fn on_send_error(&mut self, error: Error, size: usize) -> Result<()> {
        match error.errno() {
            Some(libc::EMSGSIZE) => {
                self.sender.on_packet_too_big(self.now(), size);
                Ok(())
            }
            _ => self.on_error(error),
        }
    }

    /// An error that may pass, or not.
    fn on_error(&mut self, error: Error) -> Result<()> {
        // It does not matter what a finished receiver no longer receives.
        if self.sender.result().is_some() || self.sender.is_done() {
            return Ok(());
        }
        let errno = error.errno().unwrap_or_default();
        let is_local = matches!(
            errno,
            libc::EPERM
                | libc::ENOBUFS
                | libc::ENOMEM
                | libc::EADDRNOTAVAIL
                | libc::EINVAL
                | libc::ENODEV
        );
        if !is_local && !error.is_about_the_network() {
            return Err(error);
        }
        let now = self.now();
        let trouble = self.trouble.get_or_insert(Trouble {
            errno,
            since: now,
            refusals: 0,
            next: now,
            is_reported: false,
        });
        trouble.errno = errno;
        trouble.refusals += u32::from(errno == libc::ECONNREFUSED);
        let lasts = now.saturating_sub(trouble.since);
        let is_open = self.sender.is_open() || self.is_again;
        let is_patient = match errno {
            libc::ECONNREFUSED => {
                let is_believed = trouble.refusals >= REFUSALS && lasts >= REFUSAL;
                self.is_again || is_open && (self.config.resume || !is_believed)
            }
            libc::EPERM | libc::ENOBUFS | libc::ENOMEM => true,
            _ => is_open,
        };
        if !is_patient {
            // The receiver's last frame may have arrived before it was gone, and waits behind the
            // error.
            self.drain();
            return match self.sender.result() {
                Some(_) => Ok(()),
                None => Err(error),
            };
        }
        self.sender.on_send_failed(now);
        if now >= trouble.next {
            trouble.next = now.saturating_add(REBIND);
            if lasts >= REBIND && !std::mem::replace(&mut trouble.is_reported, true) {
                self.news = Some(error);
            }
            if errno != libc::ECONNREFUSED {
                self.rebind();
            }
        }
        Ok(())
    }

    /// Nobody is there any more, or never was.
    pub(super) fn lost(&mut self, error: Error) -> Ended {
        if self.sender.is_open() {
            // What was sent until then is reported.
            let errno = error.errno().unwrap_or_default();
            self.peer_lost = Some(Failure::Unreachable(errno));
            return Ended::Over;
        }
        Ended::NobodyThere(error)
    }

    /// Handles the datagrams that have already arrived.
    fn drain(&mut self) {
        for _ in 0..MAX_DRAINED {
            let (start, sender) = (self.start, &mut self.sender);
            let received = self.transport.receive(Wait::Never, |message, _| {
                for datagram in message.datagrams() {
                    let _ = sender.handle_datagram(start.elapsed(), datagram);
                }
            });
            if let Ok(0) = received {
                return;
            }
        }
    }

    /// Waits for an answer, for more of the stream, or until something is due, and at most `most`.
    pub(super) fn receive(&mut self, most: Duration, stop: &AtomicBool) -> Result<()> {
        let now = self.now();
        let deadline = self.sender.poll_timeout().unwrap_or_default();
        // A sign of life is due even if nothing is.
        let deadline = deadline.min(now.saturating_add(most.min(SIGN_OF_LIFE)));
        // A signal that arrived since the last wait does not end this one.
        let wait = if most.is_zero() || stop.load(Ordering::Relaxed) {
            Wait::Never
        } else {
            Wait::Until(units::after(self.start, deadline))
        };
        let (start, sender) = (self.start, &mut self.sender);
        let mut is_valid = false;
        let received = self.transport.receive(wait, |message, _| {
            let now = start.elapsed();
            for datagram in message.datagrams() {
                // Datagrams that are not of this transfer are counted there.
                is_valid |= sender.handle_datagram(now, datagram).is_ok();
            }
        });
        if is_valid {
            self.trouble = None;
        }
        match received {
            Ok(_) => Ok(()),
            Err(error) if error.errno() == Some(libc::EMSGSIZE) => Ok(()),
            Err(error) => self.on_error(error),
        }
    }
}

/// What is sent before the receiver has agreed: nothing is read.
struct NotYet;

impl Source for NotYet {
    fn available(&self) -> u64 {
        0
    }

    fn is_complete(&self) -> bool {
        false
    }

    fn digest(&self) -> Digesting {
        Digesting::Pending
    }

    fn bytes(&self, _: u64, _: usize) -> &[u8] {
        &[]
    }
}
