//! The longest times that the library's types hold: nothing overflows, and nothing ends early.

use std::fs::File;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use udpraw::client::{self, Client};
use udpraw::error::Error;
use udpraw::probe::{self, Payload};
use udpraw::protocol::RttEstimator;
use udpraw::protocol::impairment::{Direction, Flow, Link, Profile};
use udpraw::relay::{self, Relay};
use udpraw::transfer::tree::{Exclude, Roots, Tree};
use udpraw::transfer::{ReceiveConfig, Receiving, SendConfig, Sending, Target};

const LONGEST: Duration = Duration::MAX;
static NEVER: AtomicBool = AtomicBool::new(false);

fn nowhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// A service that answers so many datagrams with themselves.
fn echo(count: usize) -> SocketAddr {
    let socket = UdpSocket::bind(nowhere()).unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 2_048];
        for _ in 0..count {
            let (length, from) = socket.recv_from(&mut buffer).unwrap();
            socket.send_to(&buffer[..length], from).unwrap();
        }
    });
    address
}

#[test]
fn a_transfer_without_a_timeout() {
    let mut config = ReceiveConfig::new(
        nowhere(),
        Target::Output(File::create("/dev/null").unwrap().into()),
        None,
    );
    (config.timeout, config.patience) = (LONGEST, Some(LONGEST));
    let mut receiving = Receiving::new(config).unwrap();
    let file = File::open(env!("CARGO_MANIFEST_DIR").to_owned() + "/Cargo.toml").unwrap();
    let mut roots = Roots::new();
    roots.add_stream(file.into(), "it").unwrap();
    let tree = Tree::new(roots, Exclude::default());
    let mut config = SendConfig::new(tree, vec![receiving.address().unwrap()], None);
    config.timeout = LONGEST;
    let received = thread::spawn(move || receiving.run(&NEVER, |_| Ok::<(), Error>(())).unwrap());
    let mut sending = Sending::new(config).unwrap();
    let sent = sending.run(&NEVER, |_| Ok::<(), Error>(())).unwrap();
    assert!(sent.outcome.is_ok(), "{sent:?}");
    received.join().unwrap();
}

#[test]
fn a_probe() {
    let target = probe::Target::new(echo(1), Payload::Udpraw);
    let mut config = probe::Config::new(vec![target]);
    (config.timeout, config.interval) = (Some(LONGEST), LONGEST);
    (config.tries, config.rate) = (Some(u32::MAX), f64::MIN_POSITIVE);
    let mut findings = 0;
    probe::Probe::new(config)
        .run(&NEVER, |finding| {
            assert_eq!(finding.verdict, probe::Verdict::Open);
            findings += 1;
            Ok::<_, Error>(())
        })
        .unwrap();
    assert_eq!(findings, 1);
}

#[test]
fn a_request() {
    for is_group in [false, true] {
        let mut config = client::Config::new(echo(1));
        (config.timeout, config.tries) = (Some(LONGEST), Some(1));
        // A group's replies are waited for to the end: here it comes from the observer.
        config.group = is_group;
        let mut client = Client::new(config).unwrap();
        let mut is_answered = false;
        let asked = client.ask(b"?", &NEVER, |event| {
            is_answered |= matches!(event, client::Event::Replied(_));
            if is_answered && is_group {
                Err(Error::invalid("wait", "on", "it is enough"))
            } else {
                Ok(())
            }
        });
        assert!(is_answered);
        assert_eq!(asked.is_err(), is_group);
    }
}

#[test]
fn a_relay() {
    let mut config = relay::Config::new(nowhere(), echo(1));
    (config.idle, config.duration, config.interval) = (LONGEST, Some(LONGEST), Some(LONGEST));
    let mut relay = Relay::new(config).unwrap();
    let (address, stop) = (relay.address(), AtomicBool::new(false));
    thread::scope(|scope| {
        let running = scope.spawn(|| relay.run(&stop, |_| Ok::<_, Error>(())));
        let client = UdpSocket::bind(nowhere()).unwrap();
        client.send_to(b"there", address).unwrap();
        assert_eq!(client.recv(&mut [0; 8]).unwrap(), 5);
        stop.store(true, Ordering::SeqCst);
        // It looks at the flag when something comes.
        client.send_to(b"and?", address).unwrap();
        running.join().unwrap().unwrap();
    });
}

#[test]
fn an_impairment() {
    for (delay, jitter) in [(LONGEST, LONGEST), (Duration::ZERO, LONGEST)] {
        let mut profile = Profile::default();
        (profile.delay, profile.jitter) = (delay, jitter);
        (profile.rate, profile.reorder, profile.duplicate) = (Some(1), 0.5, 0.5);
        let (mut link, mut flow) = (Link::new(profile, 1, Direction::Up), Flow::new(0));
        for now in [Duration::ZERO, Duration::from_secs(1), LONGEST] {
            for _ in 0..50 {
                link.handle_datagram(now, &mut flow, &[0; 100]);
            }
            while link.poll_transmit(now).is_some() {}
        }
    }
}

#[test]
fn an_estimate() {
    let mut estimate = RttEstimator::default();
    for sample in [LONGEST, Duration::ZERO, LONGEST, LONGEST] {
        estimate.sample(sample);
        assert!(estimate.timeout() <= RttEstimator::MAX_TIMEOUT);
    }
}
