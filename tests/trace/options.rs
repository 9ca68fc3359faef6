//! Options of the command that change what is written.

use crate::common::{run, udpraw};
use crate::{may_trace, ours, python};

/// A Python program that makes a socket, and nothing else of the kind.
const SOCKET: &str = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM)";

#[test]
fn relative_times_begin_at_zero_and_do_not_go_back() {
    let (true, Some(python)) = (may_trace(), python()) else {
        return;
    };
    let (_, plain) = ours(&[], &[&python, "-c", SOCKET]);
    let (_, timed) = ours(&["--relative"], &[&python, "-c", SOCKET]);
    assert_eq!(plain.lines().count(), timed.lines().count());
    let times = timed.lines().filter(|line| line.contains("socket("));
    let times: Vec<f64> = times
        .map(|line| line.split_whitespace().nth(1).unwrap().parse().expect(line))
        .collect();
    assert!(!times.is_empty() && times.is_sorted(), "{timed}");
    let first = timed.lines().next().unwrap();
    assert_eq!(first.split_whitespace().nth(1), Some("0.000000"), "{timed}");
}

/// Of two options that say the opposite, the last one holds.
#[test]
fn the_last_of_two_opposites_holds() {
    let (true, Some(python)) = (may_trace(), python()) else {
        return;
    };
    let program = [&python, "-c", SOCKET];
    for (options, told) in [
        (["--no-explain", "--explain"], true),
        (["--explain", "--no-explain"], false),
    ] {
        let (_, trace) = ours(&options, &program);
        assert_eq!(
            trace.contains("The kernel creates a UDP socket"),
            told,
            "{trace}"
        );
    }
    let nested = format!("{python} -c '{SOCKET}'; true");
    for (options, seen) in [
        (["--no-follow", "--follow"], true),
        (["--follow", "--no-follow"], false),
    ] {
        let (_, trace) = ours(&options, &["sh", "-c", &nested]);
        assert_eq!(trace.contains("SOCK_DGRAM"), seen, "{trace}");
    }
}

#[test]
fn the_long_name_of_the_output_is_one_too() {
    if !may_trace() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace");
    let end = run(udpraw([
        "trace",
        "--output",
        path.to_str().unwrap(),
        "--",
        env!("CARGO_BIN_EXE_udpraw"),
        "server",
        "--port",
        "0",
        "--count",
        "0",
    ]));
    assert_eq!(end.code, Some(0), "{}", end.stderr);
    assert!(end.stdout.starts_with("Listening at"), "{}", end.stdout);
    assert!(std::fs::read_to_string(path).unwrap().contains("bind("));
}
