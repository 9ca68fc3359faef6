//! What a load refuses, and where it meets a limit.

use std::time::Duration;

use serde_json::Value;

use super::common::{Server, assert_refused, closed_port, finish, json_lines, namespaces};
use super::{Echo, balances, load};

#[test]
fn what_makes_no_sense_is_refused() {
    assert_refused(
        &["load"],
        &[
            (&["127.0.0.1:9", "--rate", "500"], &["500pps or 500bit"]),
            (
                &["127.0.0.1:9", "--rate", "1kpps..2kpps"],
                &["a ramp needs a time"],
            ),
            (&["127.0.0.1:9", "--size", "8"], &["40 to 65507"]),
            (
                &["127.0.0.1:9", "--session", "--size", "40"],
                &["60 to 65507"],
            ),
            (&["127.0.0.1:9", "--flows", "0"], &["1 to 60000"]),
            (&["127.0.0.1:9", "--workers", "2"], &["number of flows"]),
            (
                &["127.0.0.1:9", "--fail-if", "p99>2parsec"],
                &["column 5", "unknown unit"],
            ),
            (
                &["127.0.0.1:9", "--fail-if", "los>1%"],
                &["column 1", "did you mean loss?"],
            ),
            (&["127.0.0.1:9", "--payload", "gopher"], &["dns:NAME"]),
            (
                &["127.0.0.1:9", "--payload", "hex:0"],
                &["whole number of bytes"],
            ),
            (&["127.0.0.1:9", "--replay", "/no/such/file"], &["ENOENT"]),
            (&["127.0.0.1:9", "--source", "::1"], &["another family"]),
            (
                &["127.0.0.1:9", "--source", "192.0.2.77", "--for", "1"],
                &["EADDRNOTAVAIL"],
            ),
            (
                &["127.0.0.1:9", "--interval", "0"],
                &["the shortest is 1ms"],
            ),
            (
                &["127.0.0.1:9", "--hdr", "/no/such/folder/x", "--for", "1"],
                &["ENOENT"],
            ),
            (
                &["127.0.0.1:9", "--flows", "4", "--io", "uring"],
                &["one flow per worker"],
            ),
        ],
    );
}

#[test]
fn a_closed_port_is_told() {
    let (result, end) = load(
        &format!("127.0.0.1:{}", closed_port()),
        &["--rate", "1kpps", "--for", "100ms", "--linger", "50ms"],
    );
    assert_eq!(end.code, Some(1));
    balances(&result["round_trip"]);
    assert_eq!(result["round_trip"]["arrived"], 0);
    assert!(
        result["first_error"]
            .as_str()
            .unwrap()
            .contains("ECONNREFUSED")
    );
}

#[test]
fn the_highest_rate_is_searched_for() {
    let echo = Echo::start();
    let target = echo.address.to_string();
    // No round trip is as short.
    let line = [
        "load",
        &target,
        "--json",
        "--saturate",
        "--for",
        "50ms",
        "--searches",
        "1",
    ];
    let end = finish(
        &[
            &line[..],
            &["--rate", "4pps", "--max-latency", "1ns", "--linger", "50ms"],
        ]
        .concat(),
    );
    assert_eq!(end.code, Some(1), "{}", end.stderr);
    let trials = json_lines(&end.stdout);
    let is_limited = |trial: &Value| trial["event"] == "trial" && trial["limit"].is_string();
    assert!(
        !trials.is_empty() && trials.iter().all(is_limited),
        "{trials:?}"
    );
    // A service that answers hundred datagrams, and no more.
    let mut left = 100;
    let tired = Echo::answering(move |request| {
        left -= 1;
        (left >= 0).then(|| request.to_vec())
    });
    let target = tired.address.to_string();
    let line = [
        "load",
        &target,
        "--json",
        "--saturate",
        "--for",
        "50ms",
        "--searches",
        "1",
    ];
    let end = finish(&[&line[..], &["--rate", "100pps", "--linger", "50ms"]].concat());
    assert_eq!(end.code, Some(0), "{}", end.stderr);
    let lines = json_lines(&end.stdout);
    let (last, trials) = lines.split_last().unwrap();
    assert_eq!(
        (&last["event"], &last["limit"]),
        (&"saturated".into(), &"loss".into())
    );
    let borne = trials.iter().filter(|trial| trial["limit"].is_null());
    let best = borne
        .filter_map(|trial| trial["asked_per_second"].as_f64())
        .fold(0.0, f64::max);
    assert!(
        (last["rate"].as_f64().unwrap() - best).abs() < best * 0.02 + 1.0,
        "{last} {best}"
    );
}

/// Several processes begin together.
#[test]
fn a_start_can_have_its_time() {
    let echo = Echo::start();
    let target = echo.address.to_string();
    let at = rfc3339(std::time::SystemTime::now() + Duration::from_secs(2));
    let (result, end) = load(
        &target,
        &["--rate", "1kpps", "--for", "100ms", "--start-at", &at],
    );
    assert_eq!(end.code, Some(0), "{}", end.stderr);
    let started = result["started"].as_str().unwrap();
    let begins = started.starts_with(&at[..19]) || started.get(20..24) == Some("9999");
    assert!(begins, "{started} {at}");
}

/// A time of whole seconds in RFC 3339, by date(1).
pub(crate) fn rfc3339(time: std::time::SystemTime) -> String {
    let seconds = time
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let at = format!("@{seconds}");
    let mut date = std::process::Command::new("date");
    let text = date.args(["-u", "-d", &at, "+%Y-%m-%dT%H:%M:%SZ"]).output();
    String::from_utf8(text.unwrap().stdout)
        .unwrap()
        .trim()
        .to_owned()
}

/// One address has no 60,000 free ports: that is told before anything is sent.
#[test]
fn too_many_flows_for_the_ports_are_refused() {
    let echo = Echo::start();
    let target = echo.address.to_string();
    let end = finish(&["load", &target, "--flows", "60000", "--for", "1"]);
    assert_eq!(end.code, Some(2), "{}", end.stderr);
    let remedies = ["--source", "ulimit -Hn"];
    let has_remedy = remedies.iter().any(|remedy| end.stderr.contains(remedy));
    assert!(has_remedy, "{}", end.stderr);
}

/// More flows than ports: how many there were room for, and two ways out, of which one is taken.
#[test]
fn ports_run_out() {
    if !namespaces::alone() {
        return;
    }
    namespaces::sh("echo 40000 40049 > /proc/sys/net/ipv4/ip_local_port_range");
    let server = Server::on(&["127.0.0.1", "1060"], &["-q", "--reply", "echo"], 1);
    let words = [
        "load",
        "127.0.0.1:1060",
        "--rate",
        "1kpps",
        "--for",
        "200ms",
        "--flows",
        "80",
    ];
    let end = finish(&words);
    assert_eq!((end.code, end.stdout.as_str()), (Some(2), ""));
    for part in ["after 50 flows", "--source", "ip_local_port_range"] {
        assert!(end.stderr.contains(part), "{}", end.stderr);
    }
    let sources = ["--source", "127.0.0.1,127.0.0.2", "--json"];
    let end = finish(&[&words[..], &sources].concat());
    assert_eq!(end.code, Some(0), "{}", end.stderr);
    let result = json_lines(&end.stdout).pop().unwrap();
    assert_eq!(
        (&result["flows"], &result["round_trip"]["lost"]),
        (&80.into(), &0.into())
    );
    server.interrupt();
}
