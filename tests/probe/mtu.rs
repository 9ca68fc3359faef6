//! `udpraw mtu`: three namespaces with a narrow link behind the middle one, with ICMP and without.

mod whoever;

use serde_json::Value;

use crate::common::namespaces::Namespaces;
use crate::common::{Finished, Running, assert_refused, finish, has, json_lines};

const V4: &str = "10.9.2.1";
const V6: &str = "fd09:2::1";
const ECHO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/probe/services.py");

/// Makes the link between B and C narrow.
fn narrow(row: &Namespaces, mtu: u32) {
    row.sh(1, &format!("ip link set right mtu {mtu}"));
    row.sh(2, &format!("ip link set left mtu {mtu}"));
}

/// Has B keep to itself that a datagram was too big.
fn no_icmp(row: &Namespaces) {
    row.sh(
        1,
        "nft add table inet t; nft add chain inet t o '{ type filter hook output priority 0; }'
         nft add rule inet t o icmp type destination-unreachable drop
         nft add rule inet t o icmpv6 type packet-too-big drop",
    );
}

/// Forgets what ICMP told the kernel of A.
fn forget(row: &Namespaces) {
    row.sh(0, "ip route flush cache; ip -6 route flush cache");
}

/// The answer of a run with `--json`; each trial is checked on the way.
fn answer(end: &Finished) -> Value {
    let mut lines = json_lines(&end.stdout);
    let found = lines.pop().unwrap_or_else(|| panic!("{end:?}"));
    assert_eq!(
        (&found["schema"], &found["event"]),
        (&"udpraw.mtu/1".into(), &"result".into())
    );
    for trial in &lines {
        assert_eq!(trial["event"], "probe");
        let (size, most) = (
            trial["payload_bytes"].as_u64(),
            found["payload_bytes"].as_u64(),
        );
        if trial["outcome"] == "answered" && trial["may_fragment"] == false {
            assert!(size <= most, "{trial}");
        }
    }
    found
}

fn ask(row: &Namespaces, arguments: &[&str]) -> (Value, Option<i32>) {
    let end = row.udpraw(0, &[&["mtu", "--json"], arguments].concat());
    (answer(&end), end.code)
}

/// A process of C that has said that it is ready.
fn serve(row: &Namespaces, program: &str, arguments: &[&str]) -> Running {
    let mut running = Running::start(row.command(2, program, arguments));
    assert!(!running.line().is_empty());
    running
}

fn echo(row: &Namespaces, host: &str) -> Running {
    serve(row, "python3", &["-u", ECHO, "echo", "7", host])
}

fn header(host: &str) -> u64 {
    if host == V4 { 28 } else { 48 }
}

fn assert_found(found: &Value, limit: &str, mtu: u64, host: &str) {
    assert_eq!(found["limit"], limit, "{found}");
    assert_eq!(found["path_mtu"], mtu, "{found}");
    assert_eq!(found["payload_bytes"], mtu - header(host), "{found}");
    assert_eq!(found["payload_ipv4_bytes"], mtu - 28);
    assert_eq!(found["payload_ipv6_bytes"], mtu - 48);
}

#[test]
fn a_limit_that_is_told() {
    let Some(row) = Namespaces::row() else { return };
    if !has("python3") {
        return;
    }
    for (host, by) in [(V4, "10.9.1.2"), (V6, "fd09:1::2")] {
        narrow(&row, 1500);
        let _echo = echo(&row, host);
        let (found, code) = ask(&row, &[host]);
        assert_eq!(code, Some(0));
        assert_found(&found, "first-hop", 1500, host);
        assert_eq!(
            (&found["reply_kind"], &found["first_hop_mtu"]),
            (&"echo".into(), &1500.into())
        );
        for mtu in [1400, 1281, 1280, 1499] {
            narrow(&row, mtu as u32);
            forget(&row);
            let (found, code) = ask(&row, &[host]);
            assert_eq!(code, Some(0));
            assert_found(&found, "icmp", mtu, host);
            assert_eq!(
                (&found["offender"], &found["first_hop_mtu"]),
                (&by.into(), &1500.into())
            );
            // The kernel learnt it as well.
            assert_eq!(found["kernel_mtu"], mtu, "{found}");
            // What it knows now does not hide the first hop from a second run.
            let (again, _) = ask(&row, &[host]);
            assert_found(&again, "icmp", mtu, host);
            assert_eq!(
                (&again["kernel_mtu_before"], &again["first_hop_mtu"]),
                (&mtu.into(), &1500.into())
            );
        }
    }
    narrow(&row, 1400);
    forget(&row);
    let end = row.udpraw(0, &["mtu", V4]);
    assert_eq!(end.code, Some(0));
    for want in [
        "10.9.2.1:7 over IPv4, from 10.9.1.1\n",
        "\n  first hop  1500 bytes: payloads up to 1472\n",
        "\n  kernel     1400 bytes (IP_MTU after ICMP; 1500 before)\n",
        "\n  path       1400 bytes: payloads up to 1372 arrive; limit reported by ICMP from 10.9.1.2\n",
        "\n  payload    1372 bytes over IPv4, 1352 over IPv6 for links of that MTU\n",
        "\n  tried      EMSGSIZE 65507; answered 1200 1372; too big (10.9.1.2 says 1400) 1472\n",
    ] {
        assert!(end.stdout.contains(want), "no {want:?} in {}", end.stdout);
    }
}

#[test]
fn a_black_hole() {
    let Some(row) = Namespaces::row() else { return };
    if !has("python3") {
        return;
    }
    no_icmp(&row);
    for host in [V4, V6] {
        let _echo = echo(&row, host);
        for mtu in [1400, 1280, 1499, 1333] {
            narrow(&row, mtu as u32);
            let (found, code) = ask(&row, &[host]);
            assert_eq!(code, Some(0));
            assert_found(&found, "black-hole", mtu, host);
            assert!(found["offender"].is_null());
            // No ICMP, so the kernel goes on to believe the first hop.
            assert_eq!(
                (&found["first_hop_mtu"], &found["kernel_mtu"]),
                (&1500.into(), &1500.into())
            );
            assert_eq!(found["fragments_arrive"], true, "{found}");
        }
    }
    let end = row.udpraw(0, &["mtu", V6]);
    assert!(
        end.stdout.contains("larger ones vanish without ICMP"),
        "{}",
        end.stdout
    );
    assert!(end.stdout.contains("fragments arrive"), "{}", end.stdout);
}

/// It takes longer, and gives the same answer.
#[test]
fn a_host_that_sends_few_icmp_messages() {
    let Some(row) = Namespaces::row() else { return };
    narrow(&row, 1400);
    no_icmp(&row);
    row.sh(2, "echo 1000 > /proc/sys/net/ipv4/icmp_ratelimit");
    forget(&row);
    let (found, _) = ask(&row, &[V4, "--port", "9"]);
    assert_found(&found, "black-hole", 1400, V4);
}

#[test]
fn links_of_other_sizes() {
    let Some(row) = Namespaces::row() else { return };
    if !has("python3") {
        return;
    }
    let _echo = echo(&row, V4);
    let ends = |mtu: u32| {
        row.sh(0, &format!("ip link set right mtu {mtu}"));
        row.sh(1, &format!("ip link set left mtu {mtu}"));
    };
    for (first, second, limit) in [
        (9000, 9000, "first-hop"),
        (9000, 1500, "icmp"),
        (576, 1500, "first-hop"),
        (1500, 600, "icmp"),
    ] {
        ends(first);
        narrow(&row, second);
        forget(&row);
        let (found, _) = ask(&row, &[V4]);
        assert_found(&found, limit, first.min(second).into(), V4);
        assert_eq!(found["first_hop_mtu"], first);
    }
    no_icmp(&row);
    for (first, second) in [(9000, 1500), (9000, 4352), (1500, 600)] {
        ends(first);
        narrow(&row, second);
        forget(&row);
        let (found, _) = ask(&row, &[V4]);
        assert_found(&found, "black-hole", second.into(), V4);
    }
}

#[test]
fn loss_is_no_limit() {
    let Some(row) = Namespaces::row() else { return };
    if !has("python3") {
        return;
    }
    let _echo = echo(&row, V4);
    // Every fourth datagram is lost, whatever its size.
    row.sh(
        1,
        "nft add table inet l; nft add chain inet l f '{ type filter hook forward priority 0; }'
         nft add rule inet l f udp dport 7 numgen inc mod 4 == 3 drop",
    );
    narrow(&row, 1400);
    no_icmp(&row);
    let (found, code) = ask(&row, &[V4]);
    assert_eq!(code, Some(0));
    assert_found(&found, "black-hole", 1400, V4);
}

#[test]
fn a_service_with_a_limit_of_its_own() {
    let Some(row) = Namespaces::row() else { return };
    let _echo = serve(
        &row,
        env!("CARGO_BIN_EXE_udpraw"),
        &[
            "server", "--quiet", "--host", "::", "--port", "7", "--reply", "echo",
        ],
    );
    // As an application would that takes no more than 1,300 bytes: fragments do not help.
    row.sh(
        2,
        "nft add table inet t; nft add chain inet t i '{ type filter hook input priority 0; }'
         nft add rule inet t i udp length gt 1308 drop",
    );
    let (found, _) = ask(&row, &[V4]);
    assert_eq!(
        (&found["limit"], &found["payload_bytes"]),
        (&"black-hole".into(), &1300.into())
    );
    assert_eq!(found["fragments_arrive"], false);
}

#[test]
fn nobody_answers_or_no_way_leads_there() {
    let Some(row) = Namespaces::row() else { return };
    row.sh(
        1,
        "ip route add unreachable 10.9.3.0/24; ip route add prohibit 10.9.4.0/24",
    );
    let (found, code) = ask(&row, &["10.9.3.1"]);
    assert_eq!(
        (&found["limit"], &found["offender"], code),
        (&"unreachable".into(), &"10.9.1.2".into(), Some(1))
    );
    assert_eq!(found["errno"], "EHOSTUNREACH");
    let end = row.udpraw(0, &["mtu", "10.9.4.1"]);
    assert!(
        end.stdout.contains("  path       filtered: ")
            && end.stdout.contains(", reported by 10.9.1.2\n"),
        "{}",
        end.stdout
    );
    row.sh(
        0,
        "ip route del default; ip route add 10.9.2.0/24 via 10.9.1.2",
    );
    let (found, code) = ask(&row, &["10.200.0.1"]);
    assert_eq!(
        (&found["limit"], &found["errno"], code),
        (&"unreachable".into(), &"ENETUNREACH".into(), Some(1))
    );
    // C is silent.
    row.sh(
        2,
        "nft add table inet t; nft add chain inet t i '{ type filter hook input priority 0; }'
         nft add rule inet t i meta l4proto udp drop",
    );
    let end = row.udpraw(0, &["mtu", V4]);
    assert_eq!(end.code, Some(1));
    assert!(
        end.stdout.contains("  first hop  1500 bytes"),
        "{}",
        end.stdout
    );
    assert!(
        end.stdout
            .contains("unknown: no reply to any size (inconclusive)"),
        "{}",
        end.stdout
    );
    // Silent, but a router tells of its limit all the same.
    narrow(&row, 1000);
    let (found, code) = ask(&row, &[V4]);
    assert_eq!((&found["limit"], code), (&"unknown".into(), Some(1)));
    // A firewall says no: that is no sign that datagrams arrive.
    row.sh(
        1,
        "nft add table inet t; nft add chain inet t f '{ type filter hook forward priority 0; }'
         nft add rule inet t f meta l4proto udp reject with icmp type port-unreachable",
    );
    let (found, code) = ask(&row, &[V4]);
    assert_eq!(
        (&found["limit"], &found["offender"], code),
        (&"unreachable".into(), &"10.9.1.2".into(), Some(1))
    );
}

#[test]
fn loopback_and_every_address() {
    if !crate::common::namespaces::alone() {
        return;
    }
    let end = finish(&["mtu", "localhost"]);
    assert_eq!(end.code, Some(0), "{}", end.stderr);
    assert!(
        end.stdout
            .contains("127.0.0.1:7 over IPv4, from 127.0.0.1\n"),
        "{}",
        end.stdout
    );
    let found = answer(&finish(&["mtu", "--json", "::ffff:127.0.0.1"]));
    assert_eq!(
        (&found["target"]["address"], &found["payload_bytes"]),
        (&"127.0.0.1".into(), &65_507.into())
    );
    let found = answer(&finish(&["mtu", "--json", "[::1]:9"]));
    assert_eq!(
        (&found["limit"], &found["path_mtu"]),
        (&"first-hop".into(), &65_536.into())
    );
}

#[test]
fn arguments_that_make_no_sense() {
    assert_refused(
        &["mtu"],
        &[
            (&[], &["required"]),
            (
                &["127.0.0.1", "--port", "0"],
                &["port 0: it is not a valid destination"],
            ),
            (
                &["127.0.0.1:7", "--port", "8"],
                &[
                    "it names port 7, and --port names 8",
                    "leave one of them out",
                ],
            ),
            (&["127.0.0.1", "--port", "ehco"], &["the nearest is echo"]),
            (
                &["127.0.0.1", "--backoff", "x"],
                &["neither book nor rfc8085"],
            ),
            (
                &["127.0.0.1", "--backoff", "rfc9002"],
                &["name the attempt", "take book or rfc8085"],
            ),
            (&["::1", "--ipv4"], &["no IPv4 address"]),
            (&["239.1.2.3"], &["many hosts"]),
            (&["255.255.255.255"], &["many hosts"]),
            (&[""], &["address ''", "it has no host"]),
        ],
    );
}
