//! The same traffic meets the same outcome.

use std::net::UdpSocket;

use serde_json::Value;

use super::common::{client_of, finish, json_lines, received, run, socket, udpraw};
use super::{Relay, take};

const BAD: &[&str] = &[
    "--loss",
    "ge:10%,40%",
    "--duplicate",
    "10%",
    "--reorder",
    "10%",
    "--corrupt",
    "10%",
    "--truncate",
    "10%",
];

/// Sends 200 datagrams to a target by way of a relay that ends after them: what came of it, and the
/// relay's log, without their times.
fn traffic(arguments: &[&str], slowly: bool) -> (Vec<Value>, Value, Option<i32>) {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let target = socket();
    let mut words = vec!["--log", log.to_str().unwrap(), "--count", "200"];
    words.extend(arguments);
    let mut relay = Relay::start(target.local_addr().unwrap(), &words);
    let client = client_of(relay.address);
    send(&client, &target, slowly);
    let opened = relay.event("opened");
    assert_eq!(opened["flow"], 0);
    let (mut ledger, end) = relay.finish();
    ledger.as_object_mut().unwrap().remove("time").unwrap();
    let mut lines = json_lines(&std::fs::read_to_string(log).unwrap());
    assert_eq!(lines.len(), 200);
    for line in &mut lines {
        line.as_object_mut().unwrap().remove("elapsed_ns").unwrap();
    }
    (lines, ledger, end.code)
}

fn send(client: &UdpSocket, target: &UdpSocket, slowly: bool) {
    target.set_nonblocking(slowly).unwrap();
    let mut buffer = [0; 2048];
    for number in 0..200_usize {
        client.send(&vec![number as u8; number * 3]).unwrap();
        if slowly {
            // Some get through one by one, some together.
            let _ = received(|| target.recv(&mut buffer));
        }
    }
}

#[test]
fn a_seed_repeats_itself_at_any_pace() {
    let seed = |seed, slowly| traffic(&[BAD, &["--seed", seed]].concat(), slowly);
    let (first, ledger, _) = seed("1", false);
    let (again, same, _) = seed("1", true);
    assert_eq!(first, again);
    assert_eq!(ledger, same);
    let (other, ..) = seed("2", false);
    assert_ne!(first, other);
    let lost = ledger["up"]["lost"]["loss"].as_u64().unwrap();
    assert!((15..70).contains(&lost), "{lost}");
    for what in ["duplicated", "corrupted", "truncated", "reordered"] {
        let number = ledger["up"][what].as_u64().unwrap();
        assert!((3..40).contains(&number), "{what}: {number}");
    }
}

/// Runs with a log, and then once more with that log as the record.
#[test]
fn a_replay_is_the_run_once_more() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("first");
    let file = file.to_str().unwrap();
    let slow = [
        "--seed", "3", "--rate", "10Mbit", "--queue", "5", "--delay", "5ms", "--jitter", "4ms",
    ];
    let (first, ledger, _) = traffic(&[BAD, &slow].concat(), false);
    assert!(ledger["up"]["lost"]["queue"].as_u64().unwrap() > 0);
    let text: String = first
        .iter()
        .map(|line| {
            let mut line = line.clone();
            line["elapsed_ns"] = 0.into();
            format!("{line}\n")
        })
        .collect();
    std::fs::write(file, &text).unwrap();
    let (again, same, code) = traffic(&["--replay", file], true);
    assert_eq!((first, ledger), (again, same));
    assert_eq!(code, Some(0));

    // A record that ends earlier: what comes behind passes.
    let half: Vec<&str> = text.lines().take(100).collect();
    std::fs::write(file, half.join("\n")).unwrap();
    let (_, ledger, code) = traffic(&["--replay", file], false);
    assert_eq!((&ledger["replay_exhausted"], code), (&100.into(), Some(0)));

    // Other traffic.
    let target = socket();
    let mut relay = Relay::start(
        target.local_addr().unwrap(),
        &["--replay", file, "--count", "1"],
    );
    client_of(relay.address).send(b"other").unwrap();
    let told = relay.event("replay_mismatch");
    assert_eq!(
        (&told["bytes"], &told["recorded_bytes"]),
        (&5.into(), &0.into())
    );
    assert_eq!(take(&target).0, b"other");
    let (ledger, end) = relay.finish();
    assert_eq!(
        (&ledger["replay_mismatches"], end.code),
        (&1.into(), Some(1))
    );
}

#[test]
fn a_record_that_is_none_is_refused_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log");
    let line = r#"{"schema":"udpraw.relay-log/1","elapsed_ns":1,"direction":"up","flow":0,"number":0,"bytes":3,"outcome":"passes"}"#;
    for (second, want) in [
        ("hello", "expected value"),
        (line, "the next number there is 1"),
        (&line.replace("log/1", "log/2"), "its schema is not"),
        (&line.replace("passes", "rests"), "rests"),
        (
            &line.replace(r#""passes""#, r#""lost","reason":"whim""#),
            "its reason is none of blackhole, mtu, loss, queue, overflow",
        ),
        (&line.replace("up", "sideways"), "sideways"),
    ] {
        std::fs::write(&file, format!("{line}\n{second}\n")).unwrap();
        let file = file.to_str().unwrap();
        let end = finish(&["relay", "--listen", ":0", "--to", ":9", "--replay", file]);
        assert_eq!(end.code, Some(2), "{second}");
        assert!(
            end.stderr.contains("line 2") && end.stderr.contains(want),
            "{}",
            end.stderr
        );
    }
    std::fs::write(&file, line).unwrap();
    let file = file.to_str().unwrap();
    let both = [
        "relay", "--listen", ":0", "--to", ":9", "--replay", file, "--loss", "1%",
    ];
    let end = run(udpraw(both));
    assert_eq!(end.code, Some(2));
    assert!(end.stderr.contains("the record decides"), "{}", end.stderr);
}
