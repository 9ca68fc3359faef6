//! Replies of any bytes to every question of the probe, and resolv.conf: no panic, and no line that
//! moves a terminal. The first byte chooses the protocol, and 16 are the nonce that was asked with.
#![no_main]

use std::time::{Duration, SystemTime};

use libfuzzer_sys::fuzz_target;
use udpraw::probe::Resolvers;
use udpraw::probe::payload::{Asked, Payload};

const PROTOCOLS: [&str; 16] = [
    "dns", "mdns", "ntp", "stun", "quic", "tftp", "snmp", "snmpv1", "snmpv3", "ssdp", "sip", "echo",
    "daytime", "time", "udpraw", "empty",
];

fuzz_target!(|bytes: &[u8]| {
    let Some((&[which, ref nonce @ ..], reply)) = bytes.split_first_chunk::<17>() else { return };
    let payload: Payload = PROTOCOLS[usize::from(which) % PROTOCOLS.len()].parse().expect("a name");
    let mut asked = [0; 16];
    asked.copy_from_slice(nonce);
    let sent = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let reading = payload.read(reply, &Asked { nonce: asked, sent, received: sent });
    assert!(reading.text.len() < 1500);
    assert!(!reading.text.contains(|c: char| c.is_control()), "a terminal would obey this");
    for (_, reason) in Resolvers::parse(reply).faults {
        assert!(!reason.contains(|c: char| c.is_control()));
    }
});
