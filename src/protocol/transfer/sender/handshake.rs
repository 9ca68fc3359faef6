//! How the sender opens a transfer.

use std::time::Duration;

use super::{
    BASE, INITIAL_TIMEOUT, MAX_CHALLENGES, MAX_TIMEOUT, MIN_DATAGRAM, OpeningPhase, Phase, Sender,
};
use crate::protocol::PathMtu;
use crate::protocol::transfer::crypto::{Ciphers, Initiator, Opening, Protection, Role};
use crate::protocol::transfer::failure::Failure;
use crate::protocol::transfer::wire::{Accept, Close, Code, Handshake, Open, Reject, VERSION};

/// How often a token is sent before another challenge replaces it.
const MIN_TRIES: u32 = 3;

impl Sender {
    /// Encodes the next open frame, if one is due.
    pub(super) fn compose_open(
        id: u64,
        ciphers: Ciphers,
        phase: &mut OpeningPhase,
        now: Duration,
        out: &mut Vec<u8>,
    ) -> bool {
        if now < phase.next {
            return false;
        }
        phase.open_sent = (now, phase.open_sent.1 + 1);
        phase.next = now.saturating_add(phase.wait);
        phase.wait = (phase.wait * 2).min(MAX_TIMEOUT);
        let open = Open {
            token: phase.token,
            ciphers,
            message: phase.initiator.as_ref().map(Initiator::message),
        };
        Handshake::Open(open).encode(id, out);
        true
    }

    /// The ciphers to offer.
    pub(super) fn ciphers(&self) -> Ciphers {
        let security = self.config.security.as_ref();
        security.map_or(Ciphers::NONE, |security| security.ciphers)
    }

    pub(super) fn handle_handshake(
        &mut self,
        now: Duration,
        id: u64,
        frame: Handshake<'_>,
    ) -> Result<(), Reject> {
        if let (Handshake::Close(close), Phase::Sending) = (&frame, &self.phase)
            && close.code == Code::Unknown
            && id == self.connection
        {
            // Anybody on the path can write this: it is believed if nothing authentic arrives, not even
            // the answer to a ping.
            if self.suspect.is_none() {
                self.suspect = Some(now);
                self.probes = self.probes.max(1);
            }
            return Ok(());
        }
        if id != self.id {
            return Err(Reject::Foreign);
        }
        let Phase::Opening(_) = &self.phase else {
            // Sent again, since it arrived too late.
            return Ok(());
        };
        match frame {
            Handshake::Challenge { token } => self.handle_challenge(now, token),
            Handshake::Accept(message) => self.handle_accept(now, message)?,
            Handshake::Close(Close { code, reason }) => {
                let reason = reason.to_vec();
                self.phase = Phase::Over(Err(Failure::Closed { code, reason }));
            }
            Handshake::Versions(versions) if !versions.contains(&VERSION) => {
                self.phase = Phase::Over(Err(Failure::Version(versions.to_vec())));
            }
            _ => return Err(Reject::Malformed),
        }
        self.last_received = self.last_received.max(now);
        Ok(())
    }

    fn handle_challenge(&mut self, now: Duration, token: [u8; 16]) {
        let ciphers = self.ciphers();
        let Phase::Opening(phase) = &mut self.phase else {
            return;
        };
        self.in_flight.rtt.sample_first(now, phase.open_sent);
        if phase.token == token {
            return;
        }
        // The answer to an opening that was sent before this token arrived, unless it has been tried
        // for some time.
        if phase.challenges > 0 && phase.open_sent.1 < MIN_TRIES {
            return;
        }
        let round = phase.challenges as usize;
        phase.challenges += 1;
        if phase.challenges > MAX_CHALLENGES {
            self.phase = Phase::Over(Err(Failure::Challenges));
            return;
        }
        let opening = Opening {
            version: VERSION,
            id: self.id,
            token,
            ciphers,
        };
        phase.initiator = self.config.security.as_ref().and_then(|security| {
            let ephemeral = *security.ephemerals.get(round)?;
            Initiator::new(&security.key, &opening, ephemeral).ok()
        });
        phase.token = token;
        (phase.next, phase.wait, phase.open_sent) = (now, INITIAL_TIMEOUT, (now, 0));
    }

    fn handle_accept(&mut self, now: Duration, message: &[u8]) -> Result<(), Reject> {
        let Phase::Opening(phase) = &mut self.phase else {
            return Ok(());
        };
        let open_sent = phase.open_sent;
        let (accept, protection) = match (&self.config.security, &mut phase.initiator) {
            (None, _) => {
                let accept = Accept::decode(message).ok_or(Reject::Malformed)?;
                (accept, Protection::unkeyed())
            }
            (Some(_), Some(initiator)) => {
                let read = initiator.read(message).map_err(|_| Reject::Corrupt)?;
                let accept = Accept::decode(&read.0).ok_or(Reject::Malformed)?;
                let cipher = accept.cipher.ok_or(Reject::Malformed)?;
                (accept, Protection::keyed(&read.1, Role::Initiator, cipher))
            }
            (Some(_), None) => return Err(Reject::Malformed),
        };
        if accept.cipher.is_some() != self.config.security.is_some() {
            return Err(Reject::Malformed);
        }
        self.in_flight.rtt.sample_first(now, open_sent);
        self.protection = protection;
        self.connection = accept.connection;
        self.in_flight.overhead = self.overhead() as u16;
        self.in_flight.delay = Duration::from_millis(accept.delay.min(1000).into());
        self.stream.credit = accept.credit.min(self.config.max_window);
        self.stream.is_digested = !self.is_keyed();
        let theirs = Duration::from_secs(accept.peer_timeout.into());
        self.peer_timeout = self.config.timeout.min(theirs);
        self.config.max_datagram = accept
            .max_datagram
            .min(self.config.max_datagram)
            .max(MIN_DATAGRAM);
        let max_datagram = self.config.max_datagram;
        self.mtu = PathMtu::new(BASE.min(max_datagram), max_datagram, now);
        self.phase = Phase::Sending;
        self.apply_path_mtu();
        Ok(())
    }
}
