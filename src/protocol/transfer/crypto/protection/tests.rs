use proptest::prelude::*;
use ring::aead::{Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::*;

const EPOCH: u64 = 1 << 20;

fn secrets(seed: u8) -> Secrets {
    let secret = |byte| Zeroizing::new([byte; 32]);
    Secrets {
        initiators: secret(seed),
        responders: secret(seed ^ 0xff),
    }
}

fn pair(cipher: Option<Cipher>) -> (Protection, Protection) {
    match cipher {
        None => (Protection::unkeyed(), Protection::unkeyed()),
        Some(cipher) => (
            Protection::keyed(&secrets(1), Role::Initiator, cipher),
            Protection::keyed(&secrets(1), Role::Responder, cipher),
        ),
    }
}

fn plain(connection: u64, number: u64, payload: &[u8], tag: usize) -> Vec<u8> {
    let mut packet = connection.to_be_bytes().to_vec();
    packet.extend(number.to_be_bytes());
    packet.extend(payload);
    packet.resize(packet.len() + tag, 0);
    packet
}

fn sealed(by: &mut Protection, connection: u64, number: u64, payload: &[u8]) -> Vec<u8> {
    let mut packet = plain(connection, number, payload, by.tag_length());
    by.seal(&mut packet).expect("sealed");
    packet
}

/// The error or the number.
fn opened(by: &mut Protection, packet: &[u8]) -> Result<u64, OpenError> {
    by.open(&mut packet.to_vec()).map(|opened| opened.number)
}

fn any_cipher() -> impl Strategy<Value = Option<Cipher>> {
    prop_oneof![
        Just(None),
        Just(Some(Cipher::Aes256Gcm)),
        Just(Some(Cipher::ChaCha20Poly1305))
    ]
}

#[test]
fn the_ciphers_are_the_standards() {
    let tag = |cipher: Cipher, key: [u8; 32], nonce: [u8; 12], data: &[u8], text: &[u8]| {
        let key = LessSafeKey::new(UnboundKey::new(cipher.algorithm(), &key).expect("a key"));
        let (nonce, mut text) = (Nonce::assume_unique_for_key(nonce), text.to_vec());
        let tag = key.seal_in_place_separate_tag(nonce, Aad::from(data), &mut text);
        u128::from_be_bytes(tag.expect("sealed").as_ref().try_into().expect("16 bytes"))
    };
    // Test cases 13 and 14 of "The Galois/Counter Mode of Operation" (McGrew and Viega).
    let zeros = |text: &[u8]| tag(Cipher::Aes256Gcm, [0; 32], [0; 12], &[], text);
    assert_eq!(zeros(&[]), 0x530f_8afb_c745_36b9_a963_b4f1_c4cb_738b);
    assert_eq!(zeros(&[0; 16]), 0xd0d1_c8a7_9999_6bf0_265b_98b5_d48a_b919);
    // RFC 8439 section 2.8.2.
    let text =
        b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the \
                 future, sunscreen would be it.";
    let key = std::array::from_fn(|at| 0x80 + at as u8);
    let nonce = [7, 0, 0, 0, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47];
    let data = [
        0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7,
    ];
    let found = tag(Cipher::ChaCha20Poly1305, key, nonce, &data, text);
    assert_eq!(found, 0x1ae1_0b59_4f09_e26a_7e90_2ecb_d060_0691);
}

proptest! {
    #[test]
    fn what_was_sealed_is_opened(
        cipher in any_cipher(),
        connection: u64,
        start in 0..EPOCH,
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..20),
        step in 1..EPOCH,
    ) {
        let (mut one, mut other) = pair(cipher);
        for (at, payload) in payloads.iter().enumerate() {
            let number = start + at as u64 * step;
            let mut packet = sealed(&mut one, connection, number, payload);
            prop_assert!(cipher.is_none() || payload.len() < 8 || packet[16..][..payload.len()] != payload[..]);
            let opened = other.open(&mut packet).expect("opened");
            prop_assert_eq!(opened, Opened { connection, number, payload: &mut payload.clone() });
        }
    }

    #[test]
    fn nothing_else_is_opened(
        cipher in any_cipher(),
        connection: u64,
        number in 0..2 * EPOCH,
        payload in prop::collection::vec(any::<u8>(), 0..60),
        cut in 1..100_usize,
    ) {
        let (mut one, mut other) = pair(cipher);
        let packet = sealed(&mut one, connection, number, &payload);
        for bit in 0..packet.len() * 8 {
            let mut changed = packet.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(opened(&mut other, &changed).is_err(), "bit {}", bit);
        }
        let short = &packet[..packet.len().saturating_sub(cut)];
        prop_assert!(opened(&mut other, short).is_err());
        let mut longer = packet.clone();
        longer.push(0);
        prop_assert!(opened(&mut other, &longer).is_err());
        prop_assert_eq!(opened(&mut other, &packet), Ok(number));
        if let Some(cipher) = cipher {
            // Back to where it came from, and with the keys of another connection.
            prop_assert_eq!(opened(&mut one, &packet), Err(OpenError::Tag));
            let mut stranger = Protection::keyed(&secrets(2), Role::Responder, cipher);
            prop_assert_eq!(opened(&mut stranger, &packet), Err(OpenError::Tag));
        }
    }

    #[test]
    fn any_bytes_are_refused(cipher in any_cipher(), mut bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let (mut one, mut other) = pair(cipher);
        prop_assert!(other.open(&mut bytes).is_err());
        let _ = one.seal(&mut bytes);
    }

    #[test]
    fn parts_have_the_tag_of_the_whole(payload in prop::collection::vec(any::<u8>(), 0..200), cut in 0..200_usize) {
        let (mut one, _) = pair(None);
        let packet = sealed(&mut one, 3, 9, &payload);
        let (body, tag) = packet.split_at(packet.len() - 4);
        let (head, rest) = body.split_at(16 + cut.min(payload.len()));
        let (mut other, _) = pair(None);
        let parts = other.seal_parts(&[head, rest]).expect("no key").expect("sealed");
        prop_assert_eq!(&parts[..], tag);
        prop_assert_eq!(other.seal_parts(&[head, rest]), Some(Err(SealError::NumberUsed)));
    }
}

#[test]
fn no_number_is_used_twice() {
    for cipher in [
        None,
        Some(Cipher::Aes256Gcm),
        Some(Cipher::ChaCha20Poly1305),
    ] {
        let (mut one, _) = pair(cipher);
        let mut seal = |number| one.seal(&mut plain(1, number, b"text", 16));
        assert_eq!(seal(5), Ok(()));
        assert_eq!(seal(5), Err(SealError::NumberUsed));
        assert_eq!(seal(4), Err(SealError::NumberUsed));
        assert_eq!(seal(6), Ok(()));
    }
    let (mut one, _) = pair(None);
    assert_eq!(one.seal(&mut plain(1, u64::MAX, &[], 4)), Ok(()));
    assert_eq!(
        one.seal(&mut plain(1, u64::MAX, &[], 4)),
        Err(SealError::NumberUsed)
    );
    assert_eq!(one.seal(&mut [0; 19]), Err(SealError::Length));
    let (mut one, _) = pair(Some(Cipher::Aes256Gcm));
    assert_eq!(one.seal(&mut [0; 31]), Err(SealError::Length));
    assert_eq!(one.seal_parts(&[&[0; 16]]), None);
    assert_eq!(
        one.seal(&mut plain(1, 2 * EPOCH, &[], 16)),
        Err(SealError::NumberSkips)
    );
}

/// Packets overtake each other where the key changes; what is forged changes nothing.
#[test]
fn keys_follow_the_packets_that_are_authentic() {
    let (mut one, mut other) = pair(Some(Cipher::Aes256Gcm));
    let mut packet = |number| sealed(&mut one, 1, number, b"text");
    let (first, last, next, late, after) = (
        packet(0),
        packet(EPOCH - 1),
        packet(EPOCH),
        packet(2 * EPOCH),
        packet(3 * EPOCH),
    );
    let mut forged = next.clone();
    forged[20] ^= 1;
    for _ in 0..1_000 {
        assert_eq!(opened(&mut other, &forged), Err(OpenError::Tag));
        assert_eq!(opened(&mut other, &late), Err(OpenError::Epoch));
    }
    assert_eq!(
        opened(&mut other, &plain(1, u64::MAX, &[], 16)),
        Err(OpenError::Epoch)
    );
    assert_eq!(opened(&mut other, &first), Ok(0));
    assert_eq!(opened(&mut other, &next), Ok(EPOCH));
    assert_eq!(opened(&mut other, &last), Ok(EPOCH - 1));
    assert_eq!(opened(&mut other, &late), Ok(2 * EPOCH));
    assert_eq!(opened(&mut other, &last), Err(OpenError::Epoch));
    assert_eq!(opened(&mut other, &next), Ok(EPOCH));
    assert_eq!(opened(&mut other, &after), Ok(3 * EPOCH));
    let Inner::Keyed(keyed) = &other.0 else {
        panic!("keyed")
    };
    assert_eq!(keyed.derived(), 4, "one derivation an epoch");
}

#[test]
fn the_better_cipher_that_both_have_is_chosen() {
    let (all, none, slow) = (Ciphers::ALL, Ciphers::NONE, Ciphers::from_bits(2));
    assert_eq!(all.choose(all), Some(Cipher::Aes256Gcm));
    assert_eq!(all.choose(slow), Some(Cipher::ChaCha20Poly1305));
    assert_eq!(slow.choose(all), Some(Cipher::ChaCha20Poly1305));
    assert_eq!(Ciphers::from_bits(1).choose(slow), Some(Cipher::Aes256Gcm));
    assert_eq!(none.choose(all), None);
    assert_eq!(Ciphers::from_bits(0xfc).choose(all), None);
    for number in 0..=255 {
        assert!(Cipher::from_number(number).is_none_or(|cipher| cipher.number() == number));
    }
}

/// Numbers that differ in one bit only have different nonces or keys.
#[test]
fn no_two_numbers_share_a_key_stream() {
    for cipher in [Cipher::Aes256Gcm, Cipher::ChaCha20Poly1305] {
        let (mut one, _) = pair(Some(cipher));
        let mut numbers: Vec<u64> = (0..21).map(|bit| 1 << bit).collect();
        numbers.extend([0, 3, EPOCH - 1, EPOCH + 1, EPOCH + 3]);
        numbers.sort_unstable();
        let mut streams: Vec<_> = numbers
            .iter()
            .map(|number| sealed(&mut one, 1, *number, &[0; 16])[16..32].to_vec())
            .collect();
        streams.sort_unstable();
        streams.dedup();
        assert_eq!(streams.len(), numbers.len());
    }
}

/// RFC 9001 section 6.6.
#[test]
fn nothing_is_opened_after_too_many_forged_packets() {
    for cipher in [Cipher::Aes256Gcm, Cipher::ChaCha20Poly1305] {
        let (mut sender, mut receiver) = pair(Some(cipher));
        let Inner::Keyed(keyed) = &mut receiver.0 else {
            panic!("it has a key");
        };
        keyed.forged = cipher.integrity_limit() - 1;
        let packet = sealed(&mut sender, 7, 0, b"authentic");
        assert_eq!(opened(&mut receiver, &packet), Ok(0));
        let mut forged = sealed(&mut sender, 7, 1, b"forged");
        forged[20] ^= 1;
        assert_eq!(opened(&mut receiver, &forged), Err(OpenError::Tag));
        assert_eq!(opened(&mut receiver, &packet), Err(OpenError::Tag));
    }
}
