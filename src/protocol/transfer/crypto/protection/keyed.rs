//! AEAD with a key per epoch.

use ring::aead::{Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::super::derive::{expand, key};
use super::{Cipher, OpenError, Opened, PACKET_HEADER, Role, SealError, Secrets, header, rise};

pub(super) const TAG: usize = 16;
/// An epoch is 2^20 packets: of at most 65,535 bytes they are 2^32 blocks, for which NIST SP
/// 800-38D and RFC 9001 appendix B leave a wide margin.
const EPOCH_BITS: u32 = 20;

/// Both directions of a connection.
pub(super) struct Keyed {
    cipher: Cipher,
    sealing: Chain,
    sealing_key: Option<Key>,
    /// The lowest number that was not used yet; `None` after the last of all.
    next: Option<u64>,
    opening: Chain,
    /// Of the epochs before, at and after the one of the newest packet that was authentic.
    previous: Option<Key>,
    current: Option<Key>,
    following: Option<Key>,
    /// Packets whose tag was wrong.
    pub(super) forged: u64,
}

/// Derives the key of one epoch after the other.
struct Chain {
    secret: Zeroizing<[u8; 32]>,
    /// The epoch that the secret is of.
    epoch: u64,
}

/// The key of an epoch.
struct Key {
    epoch: u64,
    key: LessSafeKey,
    iv: [u8; 12],
}

impl Chain {
    fn new(secret: &Zeroizing<[u8; 32]>) -> Self {
        Self {
            secret: secret.clone(),
            epoch: 0,
        }
    }

    /// The next key. The secret that it came from is erased: who reads the memory later learns
    /// nothing of the past.
    #[cold]
    fn next(&mut self, cipher: Cipher) -> Option<Key> {
        let secret = key(&self.secret);
        let material = expand::<44>(&secret, &[b"packet", &[cipher.number()]]);
        let (bytes, iv) = material.split_first_chunk::<32>()?;
        let bytes = UnboundKey::new(cipher.algorithm(), bytes).ok()?;
        let made = Key {
            epoch: self.epoch,
            key: LessSafeKey::new(bytes),
            iv: *iv.first_chunk()?,
        };
        self.secret = expand(&secret, &[b"epoch"]);
        self.epoch += 1;
        Some(made)
    }
}

impl Key {
    fn nonce(&self, number: u64) -> Nonce {
        let mut nonce = self.iv;
        for (byte, of_number) in nonce[4..].iter_mut().zip(number.to_be_bytes()) {
            *byte ^= of_number;
        }
        Nonce::assume_unique_for_key(nonce)
    }
}

impl Keyed {
    pub(super) fn new(secrets: &Secrets, role: Role, cipher: Cipher) -> Self {
        let (ours, theirs) = match role {
            Role::Initiator => (&secrets.initiators, &secrets.responders),
            Role::Responder => (&secrets.responders, &secrets.initiators),
        };
        let (mut sealing, mut opening) = (Chain::new(ours), Chain::new(theirs));
        let (sealing_key, current) = (sealing.next(cipher), opening.next(cipher));
        Self {
            cipher,
            sealing,
            sealing_key,
            next: Some(0),
            opening,
            previous: None,
            current,
            following: None,
            forged: 0,
        }
    }

    pub(super) fn cipher(&self) -> Cipher {
        self.cipher
    }

    /// How many keys of the other direction were derived.
    #[cfg(test)]
    pub(super) fn derived(&self) -> u64 {
        self.opening.epoch
    }

    pub(super) fn seal(&mut self, packet: &mut [u8]) -> Result<(), SealError> {
        let length = packet.len().checked_sub(TAG).ok_or(SealError::Length)?;
        let (body, room) = packet.split_at_mut(length);
        let (_, number) = header(body).ok_or(SealError::Length)?;
        let (header, payload) = body.split_at_mut(PACKET_HEADER);
        let epoch = number >> EPOCH_BITS;
        // The chain is one epoch ahead of the key.
        if epoch > self.sealing.epoch {
            return Err(SealError::NumberSkips);
        }
        rise(&mut self.next, number)?;
        if epoch == self.sealing.epoch {
            self.sealing_key = self.sealing.next(self.cipher);
        }
        let key = self.sealing_key.as_ref().ok_or(SealError::Length)?;
        let (nonce, header) = (key.nonce(number), Aad::from(&*header));
        let tag = (key.key.seal_in_place_separate_tag(nonce, header, payload))
            .map_err(|_| SealError::Length)?;
        room.copy_from_slice(tag.as_ref());
        Ok(())
    }

    pub(super) fn open<'a>(&mut self, packet: &'a mut [u8]) -> Result<Opened<'a>, OpenError> {
        if packet.len() < PACKET_HEADER + TAG {
            return Err(OpenError::Length);
        }
        if self.forged >= self.cipher.integrity_limit() {
            // Nothing is believed any more: the connection ends as if nothing arrived.
            return Err(OpenError::Tag);
        }
        let (connection, number) = header(packet).ok_or(OpenError::Length)?;
        let (header, body) = packet.split_at_mut(PACKET_HEADER);
        let epoch = number >> EPOCH_BITS;
        let is_following = self
            .current
            .as_ref()
            .is_some_and(|key| key.epoch + 1 == epoch);
        if is_following && self.following.is_none() {
            // Kept even if the packet is forged: a million of them cost one derivation.
            self.following = self.opening.next(self.cipher);
        }
        let key = [&self.current, &self.previous, &self.following]
            .into_iter()
            .flatten()
            .find(|key| key.epoch == epoch)
            .ok_or(OpenError::Epoch)?;
        let (nonce, header) = (key.nonce(number), Aad::from(&*header));
        let payload = key
            .key
            .open_in_place(nonce, header, body)
            .inspect_err(|_| self.forged += 1)
            .map_err(|_| OpenError::Tag)?;
        if is_following {
            self.previous = self.current.take();
            self.current = self.following.take();
        }
        Ok(Opened {
            connection,
            number,
            payload,
        })
    }
}
