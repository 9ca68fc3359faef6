//! The cryptography of a transfer: no panic, nothing that was not sealed is opened, no bytes are a
//! message of a handshake, and a code that is read is written as it is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use udpraw::protocol::transfer::crypto::{
    Cipher, Ciphers, Initiator, Opening, Protection, Responder, Role, SharedCode,
};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        if let Ok(code) = text.parse::<SharedCode>() {
            let again = code.reveal();
            assert_eq!(again.parse::<SharedCode>().expect("its own text").reveal(), again);
        }
    }
    let key = SharedCode::new([1; 16]).pre_shared_key();
    let opening = Opening { version: 2, id: 7, token: [9; 16], ciphers: Ciphers::ALL };
    let mut initiator = Initiator::new(&key, &opening, [1; 32]).expect("begun");
    assert!(initiator.read(bytes).is_err());
    assert!(Responder::read(&key, &opening, [2; 32], bytes).is_err());
    let responder = Responder::read(&key, &opening, [2; 32], initiator.message()).expect("ours");
    let mut message = Vec::new();
    let _ = responder.write(bytes.get(..99).unwrap_or(bytes), &mut message).expect("short");
    let (_, secrets) = initiator.read(&message).expect("ours");
    for cipher in [Cipher::Aes256Gcm, Cipher::ChaCha20Poly1305] {
        let mut protection = Protection::keyed(&secrets, Role::Initiator, cipher);
        assert!(protection.open(&mut bytes.to_vec()).is_err());
        let _ = protection.seal(&mut bytes.to_vec());
    }
    let mut protection = Protection::unkeyed();
    let mut packet = bytes.to_vec();
    if protection.seal(&mut packet).is_ok() {
        let whole = packet.clone();
        let opened = protection.open(&mut packet).expect("sealed");
        assert_eq!(opened.payload, &whole[16..whole.len() - 4]);
    }
    let _ = protection.open(&mut bytes.to_vec());
});
