use proptest::prelude::*;

use super::super::shared_code::SharedCode;
use super::*;

fn opening(id: u64) -> Opening {
    Opening {
        version: 2,
        id,
        token: [9; 16],
        ciphers: Ciphers::ALL,
    }
}

fn key(code: u8) -> PreSharedKey {
    SharedCode::new([code; 16]).pre_shared_key()
}

fn started() -> (Initiator, Responder) {
    let initiator = Initiator::new(&key(1), &opening(7), [1; 32]).expect("begun");
    let responder = Responder::read(&key(1), &opening(7), [2; 32], initiator.message());
    (initiator, responder.expect("the same code"))
}

#[test]
fn both_ends_have_the_same_secrets() {
    let (mut initiator, responder) = started();
    let mut message = b"before".to_vec();
    let theirs = responder.write(b"payload", &mut message).expect("written");
    assert_eq!(message.len(), 6 + MESSAGE_2_OVERHEAD + 7);
    assert!(!message.windows(7).any(|window| window == b"payload"));
    let (payload, ours) = initiator.read(&message[6..]).expect("read");
    assert_eq!(payload, b"payload");
    assert_eq!(*ours.initiators, *theirs.initiators);
    assert_eq!(*ours.responders, *theirs.responders);
    assert_ne!(*ours.initiators, *ours.responders);
    assert_eq!(format!("{ours:?} {initiator:?}"), "Secrets Initiator");
    assert_eq!(
        initiator.read(&message[6..]).err(),
        Some(HandshakeError::OutOfTurn)
    );
}

#[test]
fn whoever_has_another_code_or_opening_is_refused() {
    let initiator = Initiator::new(&key(1), &opening(7), [1; 32]).expect("begun");
    let read = |key: PreSharedKey, opening| {
        Responder::read(&key, &opening, [2; 32], initiator.message()).err()
    };
    let unauthentic = Some(HandshakeError::Unauthentic);
    assert_eq!(read(key(1), opening(7)), None);
    assert_eq!(read(key(2), opening(7)), unauthentic);
    assert_eq!(read(key(1), opening(8)), unauthentic);
    assert_eq!(
        read(
            key(1),
            Opening {
                version: 3,
                ..opening(7)
            }
        ),
        unauthentic
    );
    assert_eq!(
        read(
            key(1),
            Opening {
                token: [8; 16],
                ..opening(7)
            }
        ),
        unauthentic
    );
    assert_eq!(
        read(
            key(1),
            Opening {
                ciphers: Ciphers::from_bits(1),
                ..opening(7)
            }
        ),
        unauthentic
    );
}

#[test]
fn every_changed_bit_is_refused_and_ends_nothing() {
    let (mut initiator, responder) = started();
    let first = *initiator.message();
    for bit in 0..first.len() * 8 {
        let mut changed = first;
        changed[bit / 8] ^= 1 << (bit % 8);
        let read = Responder::read(&key(1), &opening(7), [2; 32], &changed);
        assert_eq!(read.err(), Some(HandshakeError::Unauthentic), "bit {bit}");
    }
    let mut message = Vec::new();
    let _ = responder.write(b"payload", &mut message).expect("written");
    for bit in 0..message.len() * 8 {
        let mut changed = message.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        // X25519 ignores the highest bit of a key, the hash of the handshake does not.
        assert_eq!(
            initiator.read(&changed).err(),
            Some(HandshakeError::Unauthentic),
            "bit {bit}"
        );
    }
    // A point of small order.
    let mut forged = message.clone();
    forged[..32].fill(0);
    assert_eq!(
        initiator.read(&forged).err(),
        Some(HandshakeError::Unauthentic)
    );
    assert_eq!(initiator.read(&message).expect("read").0, b"payload");
}

#[test]
fn lengths_are_checked() {
    let (mut initiator, responder) = started();
    assert_eq!(initiator.read(&[0; 47]).err(), Some(HandshakeError::Length));
    let long = vec![0; MESSAGE_2_OVERHEAD + MAX_PAYLOAD + 1];
    assert_eq!(initiator.read(&long).err(), Some(HandshakeError::Length));
    let mut message = vec![1];
    let written = responder.write(&long[..=MAX_PAYLOAD], &mut message);
    assert_eq!(
        (written.err(), message),
        (Some(HandshakeError::Length), vec![1])
    );
    let (mut initiator, responder) = started();
    let mut message = Vec::new();
    let _ = responder
        .write(&long[..MAX_PAYLOAD], &mut message)
        .expect("written");
    assert_eq!(initiator.read(&message).expect("read").0.len(), MAX_PAYLOAD);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..1_200)) {
        let (mut initiator, _) = started();
        prop_assert!(initiator.read(&bytes).is_err());
        prop_assert!(Responder::read(&key(1), &opening(7), [2; 32], &bytes).is_err());
    }
}
