//! What happens to a load in mid-run: a peer that stands still, that restarts, a user who has seen enough.

use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::Value;

use udpraw::protocol::load::{Clocks, Incoming, Limits, Responder, Visit, answer};

use super::balances;
use super::common::{Running, Server, finish, json_lines, namespaces, received, udpraw};

/// Starts a load with an interval of 100 ms, and waits for its first one.
fn start(target: &str, arguments: &[&str]) -> (Running, Value) {
    let words = [
        &["load", target, "--json", "--interval", "100ms"],
        arguments,
    ]
    .concat();
    let mut running = Running::start(udpraw(words));
    let begun: Value = serde_json::from_str(&running.line()).unwrap();
    assert_eq!(begun["event"], "start");
    let line = running.line();
    let first = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line:?}"));
    (running, first)
}

fn result(running: Running) -> (Value, Option<i32>) {
    let end = running.finish();
    let lines = json_lines(&end.stdout);
    let last = lines
        .last()
        .unwrap_or_else(|| panic!("nothing: {}", end.stderr))
        .clone();
    assert_eq!(last["event"], "result", "{}", end.stderr);
    (last, end.code)
}

/// A server that stands still shows in all datagrams that were due meanwhile, and in a closed loop in
/// those that were in flight alone.
#[test]
fn a_server_that_stands_still_is_not_omitted() {
    let run = |arguments: &[&str]| {
        let server = Server::start(&["-q", "--reply", "echo"]);
        let target = server.addresses[0].to_string();
        let (mut load, _) = start(&target, &[arguments, &["--for", "1500ms"]].concat());
        server.running.signal(Signal::SIGSTOP);
        // As long as five ends of intervals are apart.
        (0..5).for_each(|_| _ = load.line());
        server.running.signal(Signal::SIGCONT);
        result(load).0
    };
    let open = run(&["--rate", "1kpps"]);
    balances(&open["round_trip"]);
    let at = |result: &Value, name: &str| result["latency"][name].as_u64().unwrap();
    assert!(at(&open, "p90_ns") >= 100_000_000, "{open}");
    let closed = run(&["--closed", "1"]);
    assert!(at(&closed, "p99_ns") < 100_000_000, "{closed}");
    assert!(at(&closed, "max_ns") >= 300_000_000, "{closed}");
    assert_eq!(closed["open_loop"], false);
}

#[test]
fn a_peer_that_restarts_is_found_again() {
    let server = Server::start(&["-q", "--reply", "echo"]);
    let (target, port) = (server.addresses[0].to_string(), server.port().to_string());
    let (mut load, _) = start(&target, &["--rate", "1kpps", "--for", "1500ms"]);
    server.interrupt();
    // Nobody is there for an interval at least.
    (0..2).for_each(|_| _ = load.line());
    let again = Server::on(&["--port", &port], &["-q", "--reply", "echo"], 1);
    let (result, code) = result(load);
    drop(again);
    balances(&result["round_trip"]);
    let trip = &result["round_trip"];
    assert!(trip["lost"].as_u64().unwrap() > 50, "{trip}");
    assert!(trip["arrived"].as_u64().unwrap() > 500, "{trip}");
    assert!(
        result["first_error"]
            .as_str()
            .unwrap()
            .contains("ECONNREFUSED")
    );
    assert_eq!((code, &result["complete"]), (Some(0), &true.into()));
}

/// A session's server that is gone: what was measured until then is kept.
#[test]
fn a_session_without_its_server_ends() {
    let server = Server::start(&["-q", "--allow-load"]);
    let target = server.addresses[0].to_string();
    let (load, _) = start(
        &target,
        &[
            "--session",
            "--rate",
            "1kpps",
            "--for",
            "800ms",
            "--linger",
            "100ms",
        ],
    );
    server.interrupt();
    let (result, _) = result(load);
    for name in ["round_trip", "up", "down"] {
        balances(&result[name]);
    }
    assert!(
        result["round_trip"]["lost"].as_u64().unwrap() > 100,
        "{result}"
    );
    assert_eq!(result["peer_silent"], true);
}

/// Who stops a load whose server is gone does not wait for it, and has what was measured before the
/// signal ends the program.
#[test]
fn a_session_without_its_server_is_stopped() {
    let server = Server::start(&["-q", "--allow-load"]);
    let target = server.addresses[0].to_string();
    let (load, _) = start(&target, &["--session", "--rate", "1kpps", "--for", "5m"]);
    server.running.signal(Signal::SIGKILL);
    server.running.finish();
    load.signal(Signal::SIGINT);
    let (result, code) = result(load);
    assert_eq!((&result["peer_silent"], code), (&true.into(), Some(0)));
    assert!(result["round_trip"]["arrived"].as_u64().unwrap() > 50);
}

#[test]
fn a_user_who_has_seen_enough_keeps_it() {
    let server = Server::start(&["-q", "--reply", "echo"]);
    let target = server.addresses[0].to_string();
    let (load, first) = start(&target, &["--rate", "1kpps", "--for", "0"]);
    assert_eq!(first["event"], "interval");
    load.signal(Signal::SIGINT);
    let (result, code) = result(load);
    balances(&result["round_trip"]);
    assert_eq!((code, &result["complete"]), (Some(0), &false.into()));
    assert!(result["round_trip"]["arrived"].as_u64().unwrap() > 50);
}

/// A rate that no machine reaches is told at once, and accounted for.
#[test]
fn a_rate_out_of_reach_is_told() {
    let server = Server::start(&["-q", "--reply", "none"]);
    let target = server.addresses[0].to_string();
    let words = [
        "load",
        &target,
        "--rate",
        "20Mpps",
        "--for",
        "400ms",
        "--interval",
        "250ms",
        "--io",
        "single",
    ];
    let end = Running::start(udpraw(words.iter().chain(&["--linger", "50ms"]))).finish();
    assert!(
        end.stderr.contains("reached of 20.000 Mpps asked for"),
        "{}",
        end.stderr
    );
    assert!(end.stdout.contains("not sent in time"), "{}", end.stdout);
    assert_eq!(end.code, Some(1), "nothing came back");
}

/// While our own process stands still, answers wait for it: by the kernel's timestamps that is not the
/// server's fault.
#[test]
fn our_own_delay_is_not_in_the_times_of_the_kernel() {
    let run = |who: &str| {
        let server = Server::start(&["-q", "--reply", "echo"]);
        let target = server.addresses[0].to_string();
        let words = ["--closed", "64", "--for", "1", "--timestamps", who];
        let (load, _) = start(&target, &words);
        load.signal(Signal::SIGSTOP);
        std::thread::sleep(Duration::from_millis(400));
        load.signal(Signal::SIGCONT);
        let result = result(load).0;
        assert_eq!(result["timestamps"], who);
        result["rtt"]["max_ns"].as_u64().unwrap()
    };
    let user = run("user");
    assert!(user >= 300_000_000, "{user}");
    let kernel = run("kernel");
    assert!(kernel < 300_000_000, "{kernel}");
}

/// While a session's server stands still, datagrams wait at it: that is neither on the way up nor down.
#[test]
fn a_wait_at_the_server_is_on_no_way() {
    let server = Server::start(&["-q", "--allow-load"]);
    let target = server.addresses[0].to_string();
    let (mut load, _) = start(&target, &["--session", "--rate", "1kpps", "--for", "1"]);
    server.running.signal(Signal::SIGSTOP);
    // As long as five ends of intervals are apart.
    (0..5).for_each(|_| _ = load.line());
    server.running.signal(Signal::SIGCONT);
    let result = result(load).0;
    let at = |name: &str, quantile: &str| result[name][quantile].as_u64().unwrap();
    assert!(at("latency", "max_ns") >= 300_000_000, "{result}");
    assert!(at("up_delay", "max_ns") < 300_000_000, "{result}");
    // The signal may come between an answer's time and its sending: that batch alone is late.
    assert!(at("down_delay", "p90_ns") < 300_000_000, "{result}");
}

/// Serves load sessions with a clock of its own until `over`: ahead by `ahead` of the time since its start.
/// After that many answers it forgets its sessions, as if it were restarted.
fn serve(
    socket: &UdpSocket,
    over: &AtomicBool,
    ahead: impl Fn(Duration) -> u64,
    forgets_after: Option<u32>,
) {
    let limits = Limits {
        rate: 100_000,
        time: u64::MAX,
        flows: 100,
    };
    let fresh = || Responder::new([7; 16], limits, 8);
    let (mut responder, mut answers) = (fresh(), 0);
    let begun = Instant::now();
    let mut buffer = [0; 2048];
    while !over.load(Ordering::Relaxed) {
        let Ok((length, client)) = received(|| socket.recv_from(&mut buffer)) else {
            continue;
        };
        let since = begun.elapsed();
        let now = since.as_nanos() as u64 + ahead(since);
        let clocks = Clocks {
            now,
            wall: 0,
            kernel: 0,
        };
        let datagram = &mut buffer[..length];
        match responder.handle_datagram(&clocks, client, datagram, || 0) {
            Incoming::Answer { number } => {
                let (arrived, left) = (now, now);
                assert!(answer(
                    datagram,
                    &Visit {
                        arrived,
                        left,
                        number
                    }
                ));
                socket.send_to(datagram, client).unwrap();
                answers += 1;
                if Some(answers) == forgets_after {
                    responder = fresh();
                }
            }
            Incoming::Reply(control, header) => {
                socket.send_to(&control.encode(&header), client).unwrap();
            }
            _ => {}
        }
    }
}

/// A peer's clock that is set in mid-run: one-way times are withheld, and the rest stays.
#[test]
fn a_clock_that_steps_is_seen() {
    let step = |since: Duration| match since.as_millis() {
        ..500 => 5_000_000_000,
        _ => 6_000_000_000,
    };
    let drift = |since: Duration| 5_000_000_000 + since.as_nanos() as u64 / 100_000;
    let run = |ahead: &(dyn Fn(Duration) -> u64 + Sync)| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let patience = Some(Duration::from_millis(20));
        socket.set_read_timeout(patience).unwrap();
        let target = socket.local_addr().unwrap().to_string();
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| serve(&socket, &over, ahead, None));
            let (load, _) = start(&target, &["--session", "--rate", "1kpps", "--for", "1"]);
            let end = load.finish();
            over.store(true, Ordering::Relaxed);
            (json_lines(&end.stdout).pop().unwrap(), end.stderr)
        })
    };
    let (result, notes) = run(&step);
    assert_eq!(result["clock"]["state"], "withheld", "{result}");
    assert!(result["up_delay"].is_null() && result["down_delay"].is_null());
    assert!(notes.contains("one-way times are withheld"), "{notes}");
    assert_eq!(result["latency"]["count"], result["round_trip"]["arrived"]);
    balances(&result["round_trip"]);
    let (result, notes) = run(&drift);
    assert_eq!(result["clock"]["state"], "estimated", "{result} {notes}");
    let known = &result["up_delay"]["count"];
    assert_eq!(known, &result["round_trip"]["arrived"], "{result}");
}

/// A session's server that restarts says that it does not know the session: the load ends there, and what
/// was measured until then is kept.
#[test]
fn a_session_does_not_survive_its_server() {
    let server = Server::start(&["-q", "--allow-load"]);
    let (target, port) = (server.addresses[0].to_string(), server.port().to_string());
    let words = [
        "--session",
        "--rate",
        "1kpps",
        "--for",
        "5m",
        "--flows",
        "4",
        "--workers",
        "2",
    ];
    let (load, _) = start(&target, &words);
    server.interrupt();
    let again = Server::on(&["--port", &port], &["-q", "--allow-load"], 1);
    let (result, code) = result(load);
    drop(again);
    for name in ["round_trip", "up", "down"] {
        balances(&result[name]);
    }
    let trip = &result["round_trip"];
    assert!(trip["arrived"].as_u64().unwrap() > 10, "{trip}");
    assert!(trip["lost"].as_u64().unwrap() > 0, "{trip}");
    assert_eq!(code, Some(1));
    let states = ["peer_silent", "session_lost", "complete"].map(|name| result[name].as_bool());
    assert_eq!(states, [Some(true), Some(true), Some(false)]);
}

/// A search whose server forgets the session has proved nothing about the rate of that trial.
#[test]
fn a_search_does_not_judge_a_trial_that_was_cut_off() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let patience = Some(Duration::from_millis(20));
    socket.set_read_timeout(patience).unwrap();
    let target = socket.local_addr().unwrap().to_string();
    let over = AtomicBool::new(false);
    let end = std::thread::scope(|scope| {
        scope.spawn(|| serve(&socket, &over, |_| 0, Some(50)));
        let words = ["load", &target, "--session", "--saturate", "--json"];
        let more = ["--rate", "500pps", "--for", "20", "--searches", "1"];
        let end = finish(&[&words[..], &more].concat());
        over.store(true, Ordering::Relaxed);
        end
    });
    assert_eq!(end.code, Some(2), "{}", end.stderr);
    assert!(
        end.stderr.contains("does not know the session"),
        "{}",
        end.stderr
    );
    assert_eq!(end.stdout, "");
}

/// What the interface's queue has no room for is refused (ENOBUFS), if IP_RECVERR asks to be told of it.
#[test]
fn what_the_kernel_refuses_is_counted() {
    if !(super::common::has("tc") && namespaces::alone()) {
        return;
    }
    // Room for a datagram of 64 bytes with its headers, and not for one of 900.
    namespaces::sh("tc qdisc add dev lo root bfifo limit 600");
    let folder = tempfile::tempdir().unwrap();
    let replay = folder.path().join("replay");
    let lines = (0..200).map(|number| {
        let size = if number % 4 == 0 { 900 } else { 64 };
        format!("{} {size}\n", f64::from(number) / 1000.0)
    });
    std::fs::write(&replay, lines.collect::<String>()).unwrap();
    let server = Server::start(&["-q", "--reply", "echo"]);
    let target = server.addresses[0].to_string();
    let path = replay.to_str().unwrap();
    for io in ["single", "batch", "offload"] {
        let words = [
            "--replay",
            path,
            "--io",
            io,
            "-O",
            "ip-recverr=on",
            "--linger",
            "200ms",
        ];
        let (load, _) = start(&target, &words);
        let (result, _) = result(load);
        let trip = &result["round_trip"];
        balances(trip);
        if io == "offload" {
            // A run that is too long as a whole is refused as a whole.
            assert!(trip["send_errors"].as_u64() >= Some(50), "{trip}");
            continue;
        }
        assert_eq!(
            (&trip["send_errors"], &trip["sent"]),
            (&50.into(), &150.into()),
            "{io}: {trip}"
        );
        assert_eq!(trip["sent_bytes"], 150 * 64, "{io}: {trip}");
        let told = result["first_error"].as_str().unwrap();
        assert!(told.contains("ENOBUFS"), "{io}: {told}");
    }
}
