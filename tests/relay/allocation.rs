//! The path of a datagram through a relay allocates nothing, once the buffers have grown.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use udpraw::error::Error;
use udpraw::io::{BackendChoice, Transmit, Transport, TransportConfig, Wait};
use udpraw::relay::{Config, Event, Relay};
use udpraw::socket::Endpoint;

const BURST: usize = 32;

/// Sends bursts to an echo by way of a relay, the next when all of the last has come back; says how
/// often the relay's thread allocated while the later half of 2,000 datagrams passed.
fn allocations_of(impairments: &str) -> usize {
    let bind = || Endpoint::builder().bind("127.0.0.1:0".parse().unwrap());
    let open = |endpoint| Transport::open(endpoint, BackendChoice::Auto, TransportConfig::bulk());
    let target = open(bind().unwrap()).unwrap();
    let mut config = Config::new(
        "127.0.0.1:0".parse().unwrap(),
        target.endpoint().local_address().unwrap(),
    );
    config.up = impairments.parse().unwrap();
    config.down = impairments.parse().unwrap();
    config.interval = Some(Duration::from_millis(1));
    let mut relay = Relay::new(config).unwrap();
    let (address, stop) = (relay.address(), AtomicBool::new(false));
    let (mut passed, mut half, mut now) = (0, None, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut target = target;
            while !stop.load(Ordering::Relaxed) {
                let wait = Wait::For(Duration::from_millis(50));
                let echo = target.receive(wait, |message, send_queue| send_queue.echo(message));
                echo.unwrap();
                target.flush().into_result().unwrap();
            }
        });
        scope.spawn(|| {
            let mut client = open(bind().unwrap()).unwrap();
            while !stop.load(Ordering::Relaxed) {
                for _ in 0..BURST {
                    client
                        .send_queue()
                        .queue(&Transmit::new(&[7; 1000]).to(address));
                }
                client.flush().into_result().unwrap();
                let mut came = 0;
                while came < BURST && !stop.load(Ordering::Relaxed) {
                    let wait = Wait::For(Duration::from_millis(50));
                    came += client.receive(wait, |_, _| {}).unwrap();
                }
            }
        });
        relay
            .run(&stop, |event| {
                if let Event::Interval(interval) = event {
                    passed += interval.received[1];
                    now = crate::allocations::count();
                    if passed >= 1000 {
                        half.get_or_insert(now);
                    }
                    stop.store(passed >= 2000, Ordering::Relaxed);
                }
                Ok::<(), Error>(())
            })
            .unwrap();
    });
    assert_eq!(relay.ledger().remainder(), 0);
    now - half.unwrap()
}

/// A buffer more is allocated only when more is held than ever before: in all fewer than what both
/// links can hold of two bursts, and far from one for each datagram.
#[test]
fn a_relay_allocates_nothing_once_its_buffers_have_grown() {
    assert_eq!(allocations_of(""), 0);
    for bad in [
        "delay=5ms",
        "delay=1ms,jitter=1ms,corrupt=10%",
        "reorder=20%,rate=1Gbit,queue=1000",
    ] {
        let allocations = allocations_of(bad);
        assert!(
            allocations < 4 * BURST,
            "{allocations} in 1000 datagrams each way with {bad}"
        );
    }
}
