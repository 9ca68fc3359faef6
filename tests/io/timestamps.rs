//! When datagrams were sent and received, by the kernel's clock.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use crate::{SOON, at, backends, open};
use udpraw::io::{Transmit, Transport, TransportConfig};
use udpraw::socket::option::{self, Timestamping};
use udpraw::socket::{Endpoint, Family, Readiness, ReceiveBuffer};

/// The kernel starts to stamp what it receives some time after the first socket asked for it
/// (net_enable_timestamp() in net/core/dev.c).
fn until_stamped(receiver: &mut Transport, to: SocketAddr) {
    let other = Endpoint::builder().unbound(Family::of(to)).unwrap();
    for _ in 0..10_000 {
        other.send_to(b"stamped?", to).unwrap();
        let mut time = None;
        receiver
            .receive(SOON, |message, _| time = message.timestamp())
            .unwrap();
        if time.is_some() {
            return;
        }
    }
    panic!("never stamped");
}

/// Each message's timestamps come back under its number, whatever was sent in which call.
#[test]
fn each_message_has_its_timestamps() {
    for backend in backends() {
        for address in ["127.0.0.1", "::1"] {
            let wanted = Timestamping::TX_SOFTWARE
                | Timestamping::TX_SCHED
                | Timestamping::RX_SOFTWARE
                | Timestamping::SOFTWARE
                | Timestamping::OPT_ID
                | Timestamping::OPT_TSONLY;
            let builder = Endpoint::builder().option(option::SO_TIMESTAMPING, wanted);
            let config = TransportConfig::bulk();
            let mut sender = open(backend, builder.clone(), address, config.clone()).unwrap();
            let mut receiver = open(backend, builder, address, config).unwrap();
            let to = at(&receiver);
            until_stamped(&mut receiver, to);
            let before = SystemTime::now();
            for round in 0..4_usize {
                let mut queue = sender.send_queue();
                let bytes = [round as u8; 100];
                queue.queue(&Transmit::new(&bytes[..60]).to(to));
                queue.send(&Transmit::new(&bytes).to(to).in_segments_of(25));
                queue.queue(&Transmit::new(&bytes[..10]).to(to));
                assert_eq!(queue.flush().into_result().unwrap(), 6);
            }
            let messages = sender.counters().sent_messages;
            let mut seen = BTreeMap::new();
            let mut buffer = ReceiveBuffer::new();
            while seen.len() < 2 * messages as usize {
                let waited = sender
                    .endpoint()
                    .wait(Some(Duration::from_secs(5)))
                    .unwrap();
                assert_eq!(waited, Some(Readiness::Error), "{backend}: {seen:?}");
                while let Some(entry) = sender.endpoint().queued_error(&mut buffer).unwrap() {
                    assert_eq!(entry.errno, libc::ENOMSG);
                    let times = entry.sent.or(entry.scheduled).expect("no error happened");
                    let time = times.software.expect("it was asked for");
                    let key = (entry.message, entry.sent.is_some());
                    assert!(
                        seen.insert(key, time).is_none(),
                        "{backend}: {entry:?} twice"
                    );
                }
            }
            let after = SystemTime::now();
            for id in 0..messages as u32 {
                let (scheduled, sent) = (seen[&(id, false)], seen[&(id, true)]);
                assert!(before <= scheduled && scheduled <= sent && sent <= after);
            }
            let mut received = 0;
            while received < 24 {
                received += receiver
                    .receive(SOON, |message, _| {
                        let time = message.timestamp().expect("RX_SOFTWARE");
                        assert!(before <= time && time <= SystemTime::now(), "{backend}");
                    })
                    .unwrap();
            }
        }
    }
}
