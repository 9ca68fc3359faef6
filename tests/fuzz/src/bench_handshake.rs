//! What a bench and a server say to each other: no panic, and what is read is written again as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use udpraw::protocol::bench_handshake::{Answer, Question};

fuzz_target!(|bytes: &[u8]| {
    if let Some(question) = Question::decode(bytes) {
        assert_eq!(question.encode(), bytes);
        assert_eq!(question.answer(bytes), None);
    }
    if let Some(answer) = Answer::decode(bytes) {
        assert_eq!(answer.encode(), bytes);
        assert_eq!(Question { nonce: answer.nonce }.answer(bytes), Some(answer));
    }
});
