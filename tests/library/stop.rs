//! What the library needs of its process to stop: a flag, and perhaps a waker. Signals and timers stay
//! the program's.

use std::fs;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use udpraw::bench::{self, Bench, Scenario};
use udpraw::client::{Client, Config as ClientConfig};
use udpraw::error::Error;
use udpraw::io::{Backend, BackendChoice, TransportConfig};
use udpraw::mtu;
use udpraw::relay::{Config as RelayConfig, Relay};
use udpraw::server::{Behaviour, Config as ServerConfig, Event, Server, listen};
use udpraw::socket::{Endpoint, Waker};
use udpraw::transfer::{ReceiveConfig, Receiving, Target};

/// What the process does on each signal, and the timer that SIGALRM would come from.
fn dispositions() -> Vec<String> {
    let status = fs::read_to_string("/proc/thread-self/status").expect("procfs");
    let lines = status.lines().filter(|line| line.starts_with("Sig"));
    // What is pending, and how many of it, is no disposition.
    let mut found: Vec<_> = lines
        .filter(|line| !line.starts_with("SigQ") && !line.starts_with("SigPnd"))
        .map(str::to_owned)
        .collect();
    // Fields 22 of stat is the start; the 21st, itrealvalue, has been 0 since Linux 2.6.17.
    let timers = fs::read_to_string("/proc/self/timers").unwrap_or_default();
    found.push(timers);
    let timer = nix::unistd::alarm::cancel();
    found.push(format!("{timer:?}"));
    found
}

fn loopback() -> SocketAddr {
    "127.0.0.1:0".parse().expect("an address")
}

/// Runs `run` in a thread until it waits, raises the flag and wakes it; it must end then.
fn ends_when_woken(waker: Waker, run: impl FnOnce(&AtomicBool) + Send) {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let running = scope.spawn(|| run(&stop));
        // Woken without a reason, it waits on.
        waker.wake();
        thread::sleep(Duration::from_millis(50));
        assert!(!running.is_finished());
        stop.store(true, Ordering::Relaxed);
        waker.wake();
        running.join().expect("no panic");
    });
}

fn ok(_: &Event<'_>) -> Result<(), Error> {
    Ok(())
}

#[test]
fn a_waker_ends_what_waits_for_ever() {
    let endpoint = || listen(loopback(), []).unwrap();
    let mut server = Server::new(vec![endpoint()], Behaviour::default()).unwrap();
    let waker = server.waker().unwrap();
    ends_when_woken(waker, |stop| server.run(stop, ok).unwrap());
    for backend in [
        Backend::Single,
        Backend::Batch,
        Backend::Offload,
        Backend::Uring,
    ] {
        let mut config = ServerConfig::default();
        config.backend = BackendChoice::Only(backend);
        // Not the plain loop, on `single` either.
        config.transport = TransportConfig::default();
        let mut server = match Server::new(vec![endpoint()], config) {
            Ok(server) => server,
            // A kernel may lack the backend.
            Err(error) if error.kind() == std::io::ErrorKind::Unsupported => continue,
            Err(error) => panic!("{error}"),
        };
        let waker = server.waker().unwrap();
        ends_when_woken(waker, |stop| server.run(stop, ok).unwrap());
    }
    let mut relay = Relay::new(RelayConfig::new(
        loopback(),
        endpoint().local_address().unwrap(),
    ))
    .unwrap();
    let waker = relay.waker().unwrap();
    ends_when_woken(waker, |stop| {
        relay.run(stop, |_| Ok::<(), Error>(())).unwrap();
    });
    let folder = tempfile::tempdir().unwrap();
    let target = Target::Folder(folder.path().to_owned());
    let mut receiving = Receiving::new(ReceiveConfig::new(loopback(), target, None)).unwrap();
    let waker = receiving.waker().unwrap();
    ends_when_woken(waker, |stop| {
        receiving.run(stop, |_| Ok::<(), Error>(())).unwrap();
    });
}

#[test]
fn a_server_with_a_waker_serves_as_before() {
    let mut behaviour = Behaviour::default();
    behaviour.count = Some(2);
    let mut server = Server::new(vec![listen(loopback(), []).unwrap()], behaviour).unwrap();
    let _waker = server.waker().unwrap();
    let client = Endpoint::builder().bind(loopback()).unwrap();
    for text in [&b"one"[..], b""] {
        client.send_to(text, server.addresses()[0]).unwrap();
    }
    server.run(&AtomicBool::new(false), ok).unwrap();
    assert_eq!(server.summary().replies, 2);
}

#[test]
fn signals_and_timers_stay_the_programs() {
    let before = dispositions();
    let during = |what: &str| assert_eq!(dispositions(), before, "{what}");
    let stop = AtomicBool::new(false);
    let mut behaviour = Behaviour::default();
    behaviour.count = Some(2);
    let mut server = Server::new(vec![listen(loopback(), []).unwrap()], behaviour).unwrap();
    let address = server.addresses()[0];
    thread::scope(|scope| {
        let serving = scope.spawn(|| {
            server.run(&stop, |event| {
                during("server");
                ok(event)
            })
        });
        let mut client = Client::new(ClientConfig::new(address)).unwrap();
        let asked = client.ask(b"hello", &stop, |_| {
            during("client");
            Ok::<(), Error>(())
        });
        asked.unwrap();
        let found = mtu::PathMtu::new(mtu::Config::new(address)).run(&stop, |_| {
            during("mtu");
            Ok::<(), Error>(())
        });
        found.unwrap();
        // The size of what mtu sends decides how many the server saw.
        let more = Endpoint::builder().bind(loopback()).unwrap();
        while !serving.is_finished() {
            more.send_to(b"more", address).unwrap();
            thread::sleep(Duration::from_millis(5));
        }
        serving.join().unwrap().unwrap();
    });
    let mut config = RelayConfig::new(loopback(), address);
    config.duration = Some(Duration::from_millis(20));
    let mut relay = Relay::new(config).unwrap();
    relay.run(&stop, |_| Ok::<(), Error>(())).unwrap();
    during("relay");
    let mut config = bench::Config::default();
    config.scenarios = vec![Scenario::Sink];
    config.backends = vec![(Backend::Single, Backend::Single)];
    config.sizes = vec![64];
    config.time = Duration::from_millis(2);
    config.trials = 1;
    let mut bench = Bench::new(config).unwrap();
    let measured = bench.run(&stop, |_| {
        during("bench");
        Ok::<(), Error>(())
    });
    measured.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let target = Target::Folder(folder.path().to_owned());
    let mut config = ReceiveConfig::new(loopback(), target, None);
    config.patience = Some(Duration::from_millis(10));
    let mut receiving = Receiving::new(config).unwrap();
    let received = receiving.run(&stop, |_| Ok::<(), Error>(()));
    assert_eq!(received.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
    during("receive");
}
