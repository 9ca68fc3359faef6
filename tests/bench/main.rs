//! `udpraw bench` as a process: the books balance, bad input is named, an interruption keeps what
//! there is. No figure is judged here.

#[path = "../common/mod.rs"]
mod common;
mod remote;
mod text;

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use common::{Finished, Running, finish, has, json_lines, run, udpraw};
use nix::sys::signal::Signal;
use serde_json::Value;

const SHORT: [&str; 4] = ["--time", "20ms", "--trials", "2"];

fn bench(arguments: &[&str]) -> Finished {
    let words = [&["bench"], &SHORT[..], arguments].concat();
    finish(&words)
}

/// The trials and the summary rows of a run.
fn records(finished: &Finished) -> (Vec<Value>, Vec<Value>) {
    json_lines(&finished.stdout)
        .into_iter()
        .partition(|record| record["event"] == "trial")
}

fn number(record: &Value, field: &str) -> f64 {
    let value = &record[field];
    value
        .as_f64()
        .unwrap_or_else(|| panic!("{field}: {record}"))
}

/// What must hold of every trial, whatever this machine is worth.
fn check(trial: &Value, trials: u64) {
    let count = |field| number(trial, field) as i64;
    assert_eq!(
        count("sent"),
        count("received") + count("kernel_drops") + count("unaccounted"),
        "{trial}"
    );
    assert_eq!(count("unaccounted"), 0, "{trial}");
    assert_eq!(trial["balanced"], true, "{trial}");
    assert!(
        count("received") > 0 && count("send_errors") == 0,
        "{trial}"
    );
    assert!(
        (1..=trials).contains(&trial["trial"].as_u64().unwrap()),
        "{trial}"
    );
    for field in ["elapsed_ns", "cpu_ns_per_datagram", "syscalls_per_datagram"] {
        assert!(
            number(trial, field).is_finite() && number(trial, field) >= 0.0,
            "{trial}"
        );
    }
    assert!(number(trial, "elapsed_ns") > 0.0, "{trial}");
}

fn every_pair(arguments: &[&str]) -> Vec<Value> {
    let all = "single,batch,offload,uring";
    let pairs = ["--json", "--send", all, "--receive", all];
    let finished = bench(&[&pairs[..], arguments].concat());
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let (trials, rows) = records(&finished);
    assert_eq!(trials.len(), 2 * rows.len());
    let mut pairs: BTreeMap<String, usize> = BTreeMap::new();
    for trial in &trials {
        check(trial, 2);
        let pair = format!("{} {}", trial["send"], trial["receive"]);
        *pairs.entry(pair).or_default() += 1;
    }
    assert_eq!(pairs.len(), 16, "{pairs:?}");
    for row in &rows {
        assert_eq!(row["event"], "result");
        assert_eq!(
            (&row["complete"], &row["winner"]),
            (&true.into(), &false.into())
        );
        let [low, median, high] = [
            "datagrams_per_second_low",
            "datagrams_per_second",
            "datagrams_per_second_high",
        ]
        .map(|field| number(row, field));
        assert!(low <= median && median <= high && low > 0.0, "{row}");
    }
    trials
}

#[test]
fn the_books_of_a_sink_balance_between_every_pair_of_backends() {
    for trial in every_pair(&["--only", "sink", "--size", "0,1,64,1400,9000"]) {
        assert_eq!(
            trial["kernel_drops"], 0,
            "flow control loses nothing: {trial}"
        );
    }
}

#[test]
fn the_books_of_an_echo_balance_between_every_pair_of_backends() {
    for trial in every_pair(&[
        "--only",
        "echo",
        "--size",
        "40,1400",
        "--outstanding",
        "1,64",
    ]) {
        assert_eq!(trial["kernel_drops"], 0, "{trial}");
    }
}

#[test]
fn what_a_flood_loses_is_found_in_the_socket_s_own_counter() {
    // A buffer of a few datagrams: it overflows at once.
    let trials = every_pair(&[
        "--only", "sink", "--flood", "--rcvbuf", "64KiB", "--size", "64,1400",
    ]);
    let lost: f64 = trials
        .iter()
        .map(|trial| number(trial, "kernel_drops"))
        .sum();
    assert!(lost > 0.0);
}

#[test]
fn the_largest_datagrams_go_over_either_family() {
    for (family, size) in [(&[][..], "65507"), (&["--ipv6"], "65527")] {
        let arguments = [&["--json", "--size", size, "--outstanding", "2"], family].concat();
        let finished = bench(&arguments);
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        records(&finished)
            .0
            .iter()
            .for_each(|trial| check(trial, 2));
    }
}

#[test]
fn flows_have_addresses_of_their_own() {
    let flows = [
        "--json",
        "--only",
        "echo",
        "--flows",
        "32",
        "--outstanding",
        "1,3",
    ];
    let finished = bench(&flows);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let (trials, rows) = records(&finished);
    assert_eq!((trials.len(), rows.len()), (32, 16));
    for trial in &trials {
        check(trial, 2);
        assert_eq!(trial["flows"], 32);
        // Each has its turn, however slow the machine is.
        assert!(number(trial, "received") >= 32.0, "{trial}");
    }
}

#[test]
fn spinning_needs_no_sleep() {
    let finished = bench(&["--json", "--spin", "--io", "single,offload", "--size", "64"]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    records(&finished)
        .0
        .iter()
        .for_each(|trial| check(trial, 2));
}

#[test]
fn the_fields_are_those_that_were_promised() {
    let finished = bench(&["--json", "--only", "echo", "--io", "single", "--size", "64"]);
    let (trials, rows) = records(&finished);
    let first = finished.stdout.lines().next().unwrap();
    let promised = [
        "schema",
        "scenario",
        "send",
        "receive",
        "payload_bytes",
        "outstanding",
        "trial",
        "elapsed_ns",
        "sent",
        "received",
        "kernel_drops",
        "unaccounted",
        "cpu_ns_per_datagram",
        "syscalls_per_datagram",
    ];
    let mut last = 0;
    for field in promised {
        let at = first
            .find(&format!("\"{field}\":"))
            .unwrap_or_else(|| panic!("{field}"));
        assert!(at >= last, "{field} is out of its order");
        last = at;
    }
    assert_eq!(
        (trials[0]["scenario"].as_str(), trials[0]["send"].as_str()),
        (Some("echo"), Some("single"))
    );
    assert_eq!(
        rows[0]["kernel_release"]
            .as_str()
            .unwrap()
            .split('.')
            .count()
            .min(2),
        2
    );
    // What is asked for is granted twice, as far as the limit goes.
    assert!(rows[0]["receive_buffer_bytes"].as_u64().unwrap() > 2304);
}

#[test]
fn an_interruption_keeps_what_there_is() {
    let words = [
        "bench", "--json", "--only", "sink", "--io", "single", "--size", "64",
    ];
    let long = ["--time", "50ms", "--trials", "1000"];
    let mut running = Running::start(udpraw(words.iter().chain(&long)));
    let first: Value = serde_json::from_str(&running.line()).unwrap();
    assert_eq!(
        (&first["schema"], &first["trial"]),
        (&"udpraw.bench/1".into(), &1.into())
    );
    running.signal(Signal::SIGINT);
    let finished = running.finish();
    assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""));
    let (trials, rows) = records(&finished);
    assert!(trials.len() < 999);
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (&rows[0]["complete"], rows[0]["trials"].as_u64()),
        (&false.into(), Some(trials.len() as u64 + 1))
    );
}

#[test]
fn bad_input_is_one_line_and_exit_2() {
    for (arguments, part) in [
        (&["--io", "offlaod"][..], "did you mean offload?"),
        (&["--send", "single,\x1b[2J"], "unknown name"),
        (&["--only", "flood"], "write sink or echo"),
        (&["--size", "65508"], "over IPv4 a payload is at most 65507"),
        (
            &["--ipv6", "--size", "64,65528"],
            "over IPv6 a payload is at most 65527",
        ),
        (&["--size", "18446744073709551615"], "too large"),
        (&["--trials", "0"], "0 trials: must be 1 to 1000"),
        (&["--trials", "1001"], "1001 trials"),
        (&["--time", "0"], "a trial must take 1ms to 1h"),
        (&["--cpus", "0,4095"], "cannot use CPU 4095"),
        (&["--cpus", "0,9999999"], "cannot use CPU 9999999"),
        (&["--cpus", "one"], "not two numbers"),
        (&["--outstanding", "0"], "0 outstanding"),
        (&["--outstanding", "5000"], "5000 outstanding"),
        (&["--flows", "0"], "0 flows: must be 1 to 250"),
        (&["--flows", "251"], "251 flows"),
        (&["--flows", "2", "--ipv6"], "only IPv4 loopback has"),
        (&["--server", "127.0.0.1:5-9"], "one port is needed here"),
        (
            &["--io", "single", "--send", "batch"],
            "cannot be used with",
        ),
    ] {
        let words = [&["bench"], arguments].concat();
        let finished = finish(&words);
        assert_eq!(finished.code, Some(2), "{arguments:?}");
        assert_eq!(finished.stdout, "", "{arguments:?}");
        assert!(
            finished.stderr.contains(part),
            "{arguments:?}: {}",
            finished.stderr
        );
        assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
        assert!(!finished.stderr.contains('\x1b'), "{}", finished.stderr);
    }
}

/// Runs the bench where a filter forbids io_uring_setup(2), as many containers do.
#[test]
fn a_forbidden_backend_is_named_with_its_errno() {
    const FORBID: &str = r#"
import ctypes, os, struct, sys
code = [(0x20, 0, 0, 0), (0x15, 0, 1, 425), (0x06, 0, 0, 0x50001), (0x06, 0, 0, 0x7fff0000)]
program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in code))
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]
libc = ctypes.CDLL(None, use_errno=True)
filter = Program(len(code), ctypes.addressof(program))
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(filter), 0, 0) == 0
os.execv(sys.argv[1], sys.argv[1:])
"#;
    if !has("python3") {
        return;
    }
    let forbidden = |arguments: &[&str]| {
        let mut command = Command::new("python3");
        command.args(["-c", FORBID, env!("CARGO_BIN_EXE_udpraw"), "bench"]);
        command.args(SHORT).args(arguments).stdin(Stdio::null());
        run(command)
    };
    let named = forbidden(&["--io", "uring"]);
    assert_eq!((named.code, named.stdout.as_str()), (Some(2), ""));
    for part in ["cannot use backend uring", "(EPERM)", "Linux 6.0"] {
        assert!(named.stderr.contains(part), "{}", named.stderr);
    }
    // Left out where it was not asked for, and said so.
    let all = forbidden(&["--json", "--only", "sink", "--size", "64"]);
    assert_eq!(all.code, Some(0), "{}", all.stderr);
    assert!(
        all.stderr
            .starts_with("note: left out: cannot use backend uring"),
        "{}",
        all.stderr
    );
    assert_eq!(records(&all).1.len(), 3);
}
