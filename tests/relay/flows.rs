//! Clients that come and go, too many of them, and targets that are not there.

use std::net::UdpSocket;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use udpraw::io::{BackendChoice, Transmit, Transport, TransportConfig, Wait};
use udpraw::socket::Endpoint;

use super::common::{ask, client_of, socket};
use super::{Relay, take};

fn open_files(relay: &Relay) -> usize {
    let folder = format!("/proc/{}/fd", relay.running.id());
    std::fs::read_dir(folder).unwrap().count()
}

#[test]
fn each_client_has_an_upstream_port_of_its_own() {
    let target = socket();
    let mut relay = Relay::start(target.local_addr().unwrap(), &[]);
    let clients: Vec<_> = (0..20).map(|_| client_of(relay.address)).collect();
    let mut upstream = Vec::new();
    for (number, client) in clients.iter().enumerate() {
        client.send(format!("{number}").as_bytes()).unwrap();
        let (bytes, from) = take(&target);
        assert_eq!(bytes, format!("{number}").as_bytes());
        let opened = relay.event("opened");
        assert_eq!(opened["upstream"]["port"], from.port());
        assert_eq!(
            opened["client"]["port"],
            client.local_addr().unwrap().port()
        );
        assert_eq!(opened["flow"], number);
        assert!(!upstream.contains(&from));
        upstream.push(from);
    }
    // Backwards, so that no order helps.
    for (client, from) in clients.iter().zip(&upstream).rev() {
        target.send_to(from.to_string().as_bytes(), from).unwrap();
        assert_eq!(take(client).0, from.to_string().as_bytes());
    }
}

#[test]
fn a_flood_of_clients_is_turned_away_at_the_cap() {
    let target = socket();
    let mut relay = Relay::start(target.local_addr().unwrap(), &["--max-flows", "8"]);
    let before = open_files(&relay);
    let clients: Vec<_> = (0..200).map(|_| client_of(relay.address)).collect();
    for client in &clients {
        client.send(b"me").unwrap();
    }
    let refused = relay.event("no_flow");
    assert_eq!(refused["message"], serde_json::Value::Null);
    // Those that have a flow are served as ever.
    for client in &clients[..8] {
        client.send(b"still here").unwrap();
    }
    let mut came = 0;
    while came < 8 {
        came += usize::from(take(&target).0 == b"still here");
    }
    assert_eq!(open_files(&relay), before + 8);
    let (ledger, _) = relay.interrupt();
    assert_eq!(ledger["flows_opened"], 8);
    assert_eq!(ledger["up"]["lost"]["no_flow"], 192);
    assert_eq!(ledger["up"]["sent"], 16);
}

#[test]
fn the_limit_of_open_files_is_raised_or_its_remedy_told() {
    let limited = |flows: &str, limits: &str| {
        let binary = env!("CARGO_BIN_EXE_udpraw");
        let script = format!(
            "{limits}; exec {binary} relay --listen :0 --to :9 --for 1ms --max-flows {flows}"
        );
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", &script]);
        super::common::run(shell)
    };
    let raised = limited("500", "ulimit -Sn 64");
    assert_eq!(raised.code, Some(0), "{}", raised.stderr);
    let refused = limited("500", "ulimit -n 64");
    assert_eq!(refused.code, Some(2));
    let remedy = "raise the limit as root, with ulimit -Hn 532, or use --max-flows 32";
    assert!(refused.stderr.contains(remedy), "{}", refused.stderr);
    assert_eq!(limited("32", "ulimit -n 64").code, Some(0));
}

#[test]
fn an_idle_flow_is_forgotten_and_a_busy_one_is_not() {
    let target = socket();
    let mut relay = Relay::start(target.local_addr().unwrap(), &["--idle", "300ms"]);
    let (busy, idle) = (client_of(relay.address), client_of(relay.address));
    busy.send(b"busy").unwrap();
    let (_, upstream) = take(&target);
    idle.send(b"idle").unwrap();
    take(&target);
    let files = open_files(&relay);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // What comes from the target keeps a flow, too.
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                target.send_to(b"more", upstream).unwrap();
                take(&busy);
            }
        });
        let closed = relay.event("closed");
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(
            (&closed["flow"], &closed["reason"]),
            (&1.into(), &"idle".into())
        );
    });
    assert_eq!(open_files(&relay), files - 1);
    // It may come again, and is a new one.
    idle.send(b"back").unwrap();
    assert_eq!(relay.event("opened")["flow"], 2);
}

#[test]
fn a_dead_target_is_told_of_and_the_relay_goes_on() {
    let reserved = socket();
    let to = reserved.local_addr().unwrap();
    drop(reserved);
    let mut relay = Relay::start(to, &[]);
    let client = client_of(relay.address);
    client.send(b"anyone?").unwrap();
    let error = relay.event("error");
    assert_eq!(error["errno"], "ECONNREFUSED");
    assert_eq!(error["client"]["port"], client.local_addr().unwrap().port());
    // Somebody moves in, and the same flow works.
    let target = UdpSocket::bind(to).expect("nobody took the port meanwhile");
    target
        .set_read_timeout(Some(super::common::PATIENCE))
        .unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (bytes, from) = take(&target);
            target.send_to(&bytes, from).unwrap();
        });
        assert_eq!(ask(&client, b"now?"), b"now?");
    });
    let (ledger, end) = relay.interrupt();
    assert_eq!((&ledger["icmp_errors"], end.code), (&1.into(), Some(0)));
    assert_eq!(
        (&ledger["up"]["sent"], &ledger["flows_opened"]),
        (&2.into(), &1.into())
    );
}

/// Whole runs, both ways, with and without a source to keep and a network that delays.
#[test]
fn runs_arrive_as_the_datagrams_that_they_are() {
    for (listen, arguments) in [
        ("127.0.0.1:0", &[][..]),
        ("0.0.0.0:0", &[]),
        ("127.0.0.1:0", &["--delay", "1ms"]),
        ("127.0.0.1:0", &["--io", "batch"]),
        ("127.0.0.1:0", &["--io", "single"]),
    ] {
        let open = |endpoint| {
            Transport::open(endpoint, BackendChoice::Auto, TransportConfig::bulk()).unwrap()
        };
        let bind = || {
            Endpoint::builder()
                .bind("127.0.0.1:0".parse().unwrap())
                .unwrap()
        };
        let mut target = open(bind());
        let relay = Relay::on(
            listen,
            target.endpoint().local_address().unwrap(),
            arguments,
        );
        let mut address = relay.address;
        address.set_ip("127.0.0.1".parse().unwrap());
        let mut client = open(bind());
        let bytes: Vec<u8> = (0..50_000_u32).map(|at| (at / 7) as u8).collect();
        for round in 0..20 {
            // The last of a run is shorter.
            let size = [1400, 700, 999][round % 3];
            client
                .send_queue()
                .send(&Transmit::new(&bytes).to(address).in_segments_of(size));
            client.flush().into_result().unwrap();
            let mut got: Vec<Vec<u8>> = Vec::new();
            let mut from = None;
            while got.concat().len() < bytes.len() {
                let wait = Wait::For(Duration::from_secs(20));
                let came = target.receive(wait, |message, _| {
                    got.extend(message.datagrams().map(<[u8]>::to_vec));
                    from = Some(message.source());
                });
                assert_ne!(came.unwrap(), 0, "{listen} {arguments:?}: lost");
            }
            assert!(
                got.iter().map(Vec::as_slice).eq(bytes.chunks(size)),
                "{listen} {arguments:?}"
            );
            target
                .send_queue()
                .send(&Transmit::new(&bytes).to(from).in_segments_of(size));
            target.flush().into_result().unwrap();
            got.clear();
            while got.concat().len() < bytes.len() {
                let wait = Wait::For(Duration::from_secs(20));
                let came = client.receive(wait, |message, _| {
                    assert_eq!(message.source(), address);
                    got.extend(message.datagrams().map(<[u8]>::to_vec));
                });
                assert_ne!(came.unwrap(), 0, "{listen} {arguments:?}: lost");
            }
            assert!(
                got.iter().map(Vec::as_slice).eq(bytes.chunks(size)),
                "{listen} {arguments:?}"
            );
        }
    }
}
