//! `udpraw probe`: verdicts and their evidence, against real services, firewalls, and silence.

#[path = "../common/mod.rs"]
mod common;

mod firewalls;
mod input;
mod loopback;
mod mtu;
mod servers;
mod targets;

use serde_json::Value;

use common::{Finished, finish, json_lines};

/// The findings of a run with `--json`, and its exit code; the summary is checked on the way.
fn findings(arguments: &[&str]) -> (Vec<Value>, Option<i32>) {
    told(finish(&[&["probe", "--json"], arguments].concat()))
}

fn told(end: Finished) -> (Vec<Value>, Option<i32>) {
    let mut lines = json_lines(&end.stdout);
    let summary = lines.pop().unwrap_or_else(|| panic!("{end:?}"));
    assert_eq!(summary["schema"], "udpraw.probe/1");
    assert_eq!(summary["event"], "summary");
    assert_eq!(summary["reported"], lines.len());
    for name in [
        "open",
        "closed",
        "unreachable",
        "filtered",
        "wrong-source",
        "silent",
    ] {
        let counted = lines.iter().filter(|line| line["verdict"] == name).count();
        assert_eq!(summary["verdicts"][name], counted, "{name}");
    }
    (lines, end.code)
}

/// The only finding.
fn finding(arguments: &[&str]) -> (Value, Option<i32>) {
    let (mut lines, code) = findings(arguments);
    assert_eq!(lines.len(), 1, "{lines:?}");
    (lines.remove(0), code)
}
