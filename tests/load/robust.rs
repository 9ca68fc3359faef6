//! What happens to a load in mid-run: a peer that stands still, that restarts, a user who has seen enough.

use nix::sys::signal::Signal;
use serde_json::Value;

use super::balances;
use super::common::{Running, Server, json_lines, udpraw};

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
