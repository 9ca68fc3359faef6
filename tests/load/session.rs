//! Sessions with a consenting server.

use std::net::UdpSocket;

use nix::sys::signal::Signal;
use serde_json::Value;
use udpraw::protocol::load::{CONTROL, Header};

use super::common::{Running, Server, finish, json_lines, received, socket, udpraw};
use super::{Echo, balances, load};

fn server(arguments: &[&str]) -> Server {
    Server::start(&[&["-q", "--allow-load"], arguments].concat())
}

fn target(server: &Server) -> String {
    server.addresses[0].to_string()
}

#[test]
fn each_direction_has_its_books() {
    for io in ["single", "auto"] {
        let server = server(&["--io", io]);
        let target = target(&server);
        for (arguments, streams) in [
            (
                &["--session"] as &[&str],
                &["round_trip", "up", "down"] as &[&str],
            ),
            (&["--one-way"], &["up"]),
            (&["--reverse"], &["down"]),
            (&["--both"], &["up", "down"]),
            (
                &["--session", "--flows", "20", "--workers", "2"],
                &["round_trip", "up", "down"],
            ),
            (
                &[
                    "--reverse",
                    "--flows",
                    "7",
                    "--arrivals",
                    "poisson",
                    "--seed",
                    "1",
                ],
                &["down"],
            ),
            (&["--both", "--flows", "3"], &["up", "down"]),
            (&["--one-way", "--flows", "20"], &["up"]),
            (
                &["--session", "--closed", "4"],
                &["round_trip", "up", "down"],
            ),
        ] {
            let all = [arguments, &["--for", "200ms"]].concat();
            let rate: &[&str] = if arguments.contains(&"--closed") {
                &[]
            } else {
                &["--rate", "1kpps"]
            };
            let (result, end) = load(&target, &[&all, rate].concat());
            assert_eq!(end.code, Some(0), "{io} {arguments:?}: {}", end.stderr);
            for name in ["round_trip", "up", "down"] {
                let stream = &result[name];
                assert_eq!(
                    stream.is_object(),
                    streams.contains(&name),
                    "{arguments:?}: {name}"
                );
                if stream.is_object() {
                    balances(stream);
                    assert_eq!(stream["lost"], 0, "{io} {arguments:?} {name}: {stream}");
                    assert!(
                        stream["sent"].as_u64().unwrap() > 100,
                        "{arguments:?} {name}: {stream}"
                    );
                }
            }
            assert_eq!(result["clock"]["state"], "same");
        }
    }
}

/// Eight at once, each with many flows: every client's books balance.
#[test]
fn many_clients_have_their_own_figures() {
    let server = server(&["--io", "auto"]);
    let target = target(&server);
    let start = |number: usize| {
        let (flows, rate) = (
            (number * 5 + 1).to_string(),
            format!("{}pps", 500 + number * 100),
        );
        let words = [
            "load",
            &target,
            "--json",
            "--session",
            "--flows",
            &flows,
            "--rate",
            &rate,
            "--for",
            "500ms",
        ];
        Running::start(udpraw(words))
    };
    let running: Vec<_> = (0..8).map(start).collect();
    for (number, client) in running.into_iter().enumerate() {
        let end = client.finish();
        assert_eq!(end.code, Some(0), "{}", end.stderr);
        let lines = json_lines(&end.stdout);
        let result = lines.last().unwrap();
        for name in ["round_trip", "up", "down"] {
            balances(&result[name]);
            let sent = (500 + number as u64 * 100) / 2;
            assert_eq!(result[name]["sent"], sent, "client {number}, {name}");
            assert_eq!(result[name]["lost"], 0, "client {number}, {name}");
        }
    }
}

#[test]
fn a_server_that_does_not_consent_is_left_alone() {
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = stranger.local_addr().unwrap().to_string();
    let end = finish(&["load", &address, "--session"]);
    assert_eq!((end.code, end.stdout.as_str()), (Some(2), ""));
    assert!(
        end.stderr.contains("does not consent") && end.stderr.contains("--allow-load"),
        "{}",
        end.stderr
    );
    stranger.set_nonblocking(true).unwrap();
    let (mut buffer, mut asked) = ([0; 2048], 0);
    while let Ok(length) = received(|| stranger.recv(&mut buffer)) {
        assert!(length == CONTROL && Header::read(&buffer[..length]).is_some());
        asked += 1;
    }
    assert!((1..10).contains(&asked), "{asked}");
    // An echo does not consent by what it returns.
    let echo = Echo::start();
    let end = finish(&["load", &echo.address.to_string(), "--session"]);
    assert!(end.stderr.contains("does not consent"), "{}", end.stderr);
    // A server that allows no load treats a hello like any other datagram.
    let plain = Server::start(&["-q", "--reply", "echo"]);
    let end = finish(&["load", &plain.addresses[0].to_string(), "--session"]);
    assert!(end.stderr.contains("does not consent"), "{}", end.stderr);
}

#[test]
fn limits_of_the_server_are_told() {
    let server = server(&["--max-load-rate", "500pps", "--max-load-time", "2s"]);
    let target = target(&server);
    for (arguments, want) in [
        (
            &["--session", "--rate", "501pps", "--for", "1"] as &[&str],
            "at most 500 datagrams per second",
        ),
        (
            &["--reverse", "--rate", "501pps", "--for", "1"],
            "at most 500 datagrams per second",
        ),
        (
            &["--session", "--rate", "100pps", "--for", "3"],
            "at most 2s",
        ),
        (
            &["--session", "--rate", "100pps", "--for", "0"],
            "at most 2s (--max-load-time there, and 0 there for a load without an end)",
        ),
    ] {
        let end = finish(&[&["load", &target], arguments].concat());
        assert_eq!(end.code, Some(2), "{arguments:?}");
        assert!(end.stderr.contains(want), "{arguments:?}: {}", end.stderr);
    }
    // A closed loop names no rate: what is too fast is not answered, and accounted for.
    let (result, _) = load(
        &target,
        &[
            "--session",
            "--closed",
            "64",
            "--for",
            "300ms",
            "--linger",
            "100ms",
        ],
    );
    for name in ["round_trip", "up", "down"] {
        balances(&result[name]);
    }
    assert!(result["over_limit"].as_u64().unwrap() > 0, "{result}");
}

/// A probe that runs until it is stopped, if the server has no limit of time.
#[test]
fn a_session_may_have_no_end() {
    for direction in ["--session", "--one-way", "--reverse", "--both"] {
        let server = server(&["--max-load-time", "0"]);
        let mut probe = Running::start(udpraw([
            "load",
            &target(&server),
            direction,
            "--rate",
            "100pps",
            "--for",
            "0",
            "--interval",
            "100ms",
            "--json",
        ]));
        (0..4).for_each(|_| _ = probe.line());
        probe.signal(Signal::SIGINT);
        let end = probe.finish();
        assert_eq!(end.code, Some(0), "{direction}: {}", end.stderr);
        let result = json_lines(&end.stdout).pop().unwrap();
        assert_eq!(result["event"], "result");
        let streams = ["up", "down"].map(|name| result[name]["arrived"].as_u64());
        let arrived: u64 = streams.into_iter().flatten().sum();
        assert!(arrived >= 20, "{direction}: {result}");
    }
}

/// Beside its sessions the server is what it was.
#[test]
fn other_datagrams_are_served_as_ever() {
    let server = server(&["--reply", "echo"]);
    let client = server.client();
    assert_eq!(super::common::ask(&client, b"hello"), b"hello");
    assert_eq!(
        super::common::ask(&client, b"uLd is a text"),
        b"uLd is a text"
    );
    let (result, end) = load(&target(&server), &["--rate", "1kpps", "--for", "100ms"]);
    assert_eq!(
        (end.code, &result["round_trip"]["arrived"]),
        (Some(0), &Value::from(100))
    );
}

/// Each client's figures at the server are those that the client has itself, and of nobody else.
#[test]
fn a_server_tells_of_each_client() {
    for workers in ["1", "2"] {
        let mut server = Running::start(udpraw([
            "server",
            "--port",
            "0",
            "-q",
            "--json",
            "--allow-load",
            "--workers",
            workers,
        ]));
        let first: Value = serde_json::from_str(&server.line()).unwrap();
        let target = format!("127.0.0.1:{}", first["local"]["port"]);
        let clients: Vec<_> = (1..=8)
            .map(|number| {
                let (flows, rate) = (number.to_string(), format!("{}pps", 100 * number));
                let direction = ["--session", "--one-way", "--both"][number % 3];
                Running::start(udpraw([
                    "load", &target, direction, "--rate", &rate, "--flows", &flows, "--for",
                    "500ms", "--json",
                ]))
            })
            .collect();
        let results: Vec<Value> = clients
            .into_iter()
            .map(|client| {
                let end = client.finish();
                assert_eq!(end.code, Some(0), "{}", end.stderr);
                json_lines(&end.stdout).pop().unwrap()
            })
            .collect();
        // One that goes on.
        let arguments = [
            "load",
            &target,
            "--session",
            "--for",
            "5m",
            "--interval",
            "100ms",
            "--json",
        ];
        let mut open = Running::start(udpraw(arguments));
        (0..2).for_each(|_| _ = open.line());
        server.signal(Signal::SIGINT);
        let end = server.finish();
        let told: Vec<Value> = json_lines(&end.stdout)
            .into_iter()
            .filter(|record| record["event"] == "load_session")
            .collect();
        assert_eq!(told.len(), 9, "{}", end.stdout);
        for result in &results {
            let flows = &result["flows"];
            let one = told
                .iter()
                .find(|one| one["flows"] == *flows && one["ended"] == true);
            let one = one.unwrap_or_else(|| panic!("no session of {flows} flows: {told:?}"));
            assert_eq!(one["arrived"], result["up"]["arrived"], "{one}\n{result}");
            // What is missing at the end is unknown to a server.
            let missing = one["missing"].as_u64();
            assert!(missing <= result["up"]["lost"].as_u64(), "{one}");
            assert_eq!(one["over_limit"], 0, "{one}");
            let has_answers = one["answers"] == one["arrived"];
            assert_eq!(has_answers, result["round_trip"].is_object(), "{one}");
            let sent = result["down"]["sent"].as_u64().filter(|_| !has_answers);
            assert_eq!(one["sent"].as_u64(), sent.or(Some(0)), "{one}");
        }
        assert_eq!(told.iter().filter(|one| one["ended"] == false).count(), 1);
    }
}

#[test]
fn a_server_tells_people_of_each_client() {
    let mut server = Server::start(&["--allow-load"]);
    let target = target(&server);
    let (result, _) = load(
        &target,
        &[
            "--session",
            "--rate",
            "1kpps",
            "--for",
            "100ms",
            "--flows",
            "2",
        ],
    );
    let line = server.line();
    let arrived = &result["up"]["arrived"];
    assert!(line.starts_with("load of ('127.0.0.1', "), "{line}");
    for part in [
        ", 2 flows, 0.",
        &format!(": {arrived} arrived, 0 missing, 0 copies"),
        &format!("{arrived} answered"),
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
}

/// The flow that loses stands out, in the record and in the table.
#[test]
fn the_worst_and_the_best_flow_are_named() {
    let server = socket();
    let target = server.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let (mut buffer, mut worst) = ([0; 2048], None);
        // Until nothing has come for a while.
        while let Ok((length, client)) = received(|| server.recv_from(&mut buffer)) {
            let request = &buffer[..length];
            let number = Header::read(request).map_or(0, |header| header.number);
            if client != *worst.get_or_insert(client) || number.is_multiple_of(2) {
                let _ = server.send_to(request, client);
            }
        }
    });
    let arguments = [
        "--flows", "4", "--rate", "400pps", "--for", "500ms", "--linger", "200ms",
    ];
    let (result, _) = load(&target, &arguments);
    balances(&result["round_trip"]);
    let flows = result["flow_figures"].as_array().unwrap();
    let lost: Vec<_> = flows
        .iter()
        .map(|flow| flow["lost"].as_u64().unwrap())
        .collect();
    assert_eq!(lost, [25, 0, 0, 0], "{result}");
    assert_eq!(result["best_flow"], flows[3]);
    for name in ["sent", "arrived", "lost"] {
        let sum: u64 = flows.iter().map(|flow| flow[name].as_u64().unwrap()).sum();
        assert_eq!(result["round_trip"][name], sum, "{name}");
    }
    assert!(
        flows
            .iter()
            .all(|flow| flow["port"] != 0 && flow["latency_mean_ns"].as_f64() > Some(0.0))
    );
    let words = [&["load", &target], &arguments[..]].concat();
    let text = finish(&words).stdout;
    let has_lines = text.contains("worst flow port ") && text.contains("best flow  port ");
    assert!(has_lines, "{text}");
    // One flow is neither.
    let (result, _) = load(&target, &["--for", "100ms"]);
    assert_eq!(result["flow_figures"], Value::Null);
}
