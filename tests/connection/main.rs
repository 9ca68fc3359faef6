//! The two ends of a transfer without the program: what a stranger, a slow disk and a long path make
//! of them.

#[path = "../common/allocations.rs"]
mod allocations;
mod ends;
mod growth;
mod patience;
mod strangers;

use udpraw::protocol::transfer::crypto::{PreSharedKey, SharedCode};
use udpraw::protocol::transfer::{Security, SenderConfig};

const CODE: [u8; 16] = [7; 16];

fn key() -> PreSharedKey {
    SharedCode::new(CODE).pre_shared_key()
}

/// With the code if it is `keyed`.
fn sender_config(seed: u64, is_keyed: bool) -> SenderConfig {
    let mut ephemerals = [[0; 32]; 2];
    fastrand::Rng::with_seed(seed).fill(ephemerals.as_flattened_mut());
    let mut config = SenderConfig::default();
    config.security = is_keyed.then(|| Security::new(key(), ephemerals));
    config
}
