//! What a traced program hands to the kernel: addresses, options, control messages, sets of events. No
//! panic, and nothing that moves a terminal.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = udpraw::trace::decode_any(bytes);
    assert!(!text.bytes().any(|byte| byte.is_ascii_control()), "{text:?}");
});
