//! `udpraw options` as people and programs run it.

use std::process::{Command, Output};

use udpraw::socket::Family;
use udpraw::socket::options::SocketOption;

fn options(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_udpraw"))
        .arg("options")
        .args(arguments)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn lists_every_option_of_the_family_in_one_line_each() {
    for (kind, family) in [("udp4", Family::V4), ("udp6", Family::V6)] {
        let output = options(&["--type", kind]);
        assert_eq!(output.status.code(), Some(0));
        assert!(output.stderr.is_empty());
        let listed: Vec<_> = text(&output.stdout)
            .lines()
            .filter(|line| line.contains("  "))
            .skip(1)
            .collect();
        let expected: Vec<_> = SocketOption::all()
            .filter(|option| option.is_for(family))
            .collect();
        assert_eq!(listed.len(), expected.len());
        for (line, option) in listed.iter().zip(expected) {
            assert_eq!(line.split_whitespace().next(), Some(option.name));
            assert!(line.ends_with(option.meaning), "{line}");
        }
    }
}

#[test]
fn tells_all_of_one_and_exits_1_for_an_unknown_name() {
    let output = options(&["rcvbuf"]);
    assert_eq!(output.status.code(), Some(0));
    let told = text(&output.stdout);
    for part in [
        "SOL_SOCKET (1)",
        "constant  8",
        "rmem_max",
        "twice",
        "2304",
        "socket(7)",
    ] {
        assert!(told.contains(part), "{part} in {told}");
    }
    let output = options(&["SO_RCVBUFF", "SO_SNDBUF"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("SO_SNDBUF:"));
    let error = text(&output.stderr);
    assert!(error.contains("did you mean SO_RCVBUF"), "{error}");
    assert_eq!(error.lines().count(), 1);
}

#[test]
fn shows_requested_beside_effective_with_the_trap() {
    let output = options(&["--set", "SO_RCVBUF=64KiB", "--set", "IP_TTL=9"]);
    assert_eq!(output.status.code(), Some(0));
    let shown = text(&output.stdout);
    assert!(shown.contains("65536"), "{shown}");
    assert!(shown.contains("131072"), "{shown}");
    assert!(shown.contains("twice"), "{shown}");
    let ttl = shown
        .lines()
        .find(|line| line.starts_with("IP_TTL"))
        .unwrap();
    assert!(
        ttl.split_whitespace().eq(["IP_TTL", "64", "9", "9"]),
        "{ttl}"
    );
    assert!(!shown.contains("multicast has its own"), "{shown}");
}

#[test]
fn refusals_are_one_line_and_exit_2() {
    for (setting, part) in [
        ("SO_RCVBUF=4x", "unknown unit 'x'"),
        ("IP_MTU_DISCOVER=never", "dont, want, do"),
        ("SO_NONSENSE=1", "unknown name"),
        ("SO_TXREHASH=1", "(EOPNOTSUPP)"),
        ("SO_BINDTODEVICE=nope0", "(ENODEV)"),
        ("IPV6_V6ONLY=on", "(ENOPROTOOPT); IPv6 sockets"),
    ] {
        let output = options(&["--set", "IP_TTL=9", "--set", setting]);
        assert_eq!(output.status.code(), Some(2), "{setting}");
        let error = text(&output.stderr);
        assert_eq!(error.lines().count(), 1, "{error}");
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn what_was_set_before_a_refusal_is_still_shown() {
    let output = options(&["--set", "IP_TTL=9", "--set", "SO_TXREHASH=1"]);
    assert!(text(&output.stdout).contains("IP_TTL"));
}

#[test]
fn json_has_a_schema_and_typed_values() {
    let output = options(&["--json", "--type", "udp6"]);
    let lines: Vec<serde_json::Value> = text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), SocketOption::all().count());
    for line in &lines {
        assert_eq!(line["schema"], "udpraw.options/1");
        assert!(line["name"].is_string() && line["meaning"].is_string());
    }
    let named = |name: &str| lines.iter().find(|line| line["name"] == name).unwrap();
    assert_eq!(named("SO_REUSEADDR")["value"], false);
    assert!(named("SO_RCVBUF")["value"].is_number());
    assert_eq!(named("SO_MEMINFO")["value"]["drops"], 0);
    assert_eq!(named("SO_TXREHASH")["errno"], "EOPNOTSUPP");
    assert_eq!(named("MCAST_JOIN_GROUP")["level_number"], 41);

    let output = options(&["--json", "--set", "SO_RCVBUF=64KiB"]);
    let line: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(line["schema"], "udpraw.options/1");
    assert_eq!(line["requested"], 65_536);
    assert_eq!(line["effective"], 131_072);
    assert_eq!(line["as_requested"], false);
}
