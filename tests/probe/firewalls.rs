//! Firewalls and routes between three namespaces: who says no, and how.

use serde_json::Value;

use super::told;
use crate::common::namespaces::Namespaces;

/// A probe from A of a port of C, or of another host.
fn ask(row: &Namespaces, arguments: &[&str]) -> Value {
    let words = [&["probe", "--json"], arguments].concat();
    let (mut lines, code) = told(row.udpraw(0, &words));
    assert_eq!(lines.len(), 1);
    let it = lines.remove(0);
    assert_eq!(code, Some(i32::from(it["verdict"] != "open")));
    it
}

fn assert_said(it: &Value, verdict: &str, by: &str, message: &str) {
    let evidence = &it["evidence"];
    assert_eq!(it["verdict"], verdict, "{it}");
    assert_eq!(
        (&evidence["offender"], &evidence["message"]),
        (&by.into(), &message.into()),
        "{it}"
    );
}

const V4: &str = "10.9.2.1";
const V6: &str = "fd09:2::1";

#[test]
fn who_says_no() {
    let Some(row) = Namespaces::row() else { return };
    assert_said(&ask(&row, &[V4, "9"]), "closed", V4, "port unreachable");
    assert_said(&ask(&row, &[V6, "9"]), "closed", V6, "port unreachable");
    let end = row.udpraw(0, &["probe", V4, "9"]);
    assert!(
        end.stdout
            .starts_with("10.9.2.1:9 (discard) is closed: ICMP port unreachable after ")
    );
    assert!(end.stdout.ends_with(", from 10.9.2.1\n"), "{}", end.stdout);

    row.sh(
        1,
        "nft add table inet t; nft add chain inet t f '{ type filter hook forward priority 0; }'",
    );
    let rule = |rule: &str| {
        row.sh(
            1,
            &format!("nft flush chain inet t f; nft add rule inet t f {rule}"),
        )
    };
    rule("udp dport 9 reject with icmpx type admin-prohibited");
    assert_said(
        &ask(&row, &[V4, "9"]),
        "filtered",
        "10.9.1.2",
        "administratively prohibited",
    );
    assert_said(
        &ask(&row, &[V6, "9"]),
        "filtered",
        "fd09:1::2",
        "administratively prohibited",
    );
    let end = row.udpraw(0, &["probe", V4, "9"]);
    assert!(
        end.stdout
            .ends_with(", from 10.9.1.2 (not the probed host)\n"),
        "{}",
        end.stdout
    );

    // Every command judges the message, and not its errno, which a missing route has too.
    for arguments in [
        &["client", V4, "-p", "9", "--message", "x"][..],
        &["client", V6, "-p", "9", "--message", "x"],
        &["mtu", V4, "--port", "9"],
    ] {
        let end = row.udpraw(0, arguments);
        let text = format!("{}{}", end.stdout, end.stderr);
        assert_eq!(end.code, Some(1), "{arguments:?}: {text}");
        assert!(
            text.contains("filtered: ") && text.contains(", reported by "),
            "{arguments:?}: {text}"
        );
        assert!(!text.contains("no route to 10."), "{arguments:?}: {text}");
    }

    // A firewall may say that a port of somebody else's is closed: who said so is told.
    rule("udp dport 9 reject with icmpx type port-unreachable");
    assert_said(
        &ask(&row, &[V4, "9"]),
        "closed",
        "10.9.1.2",
        "port unreachable",
    );
    rule("ip protocol udp reject with icmp type net-prohibited");
    assert_said(
        &ask(&row, &[V4, "9"]),
        "filtered",
        "10.9.1.2",
        "network administratively prohibited",
    );
    rule("ip protocol udp reject with icmp type host-prohibited");
    assert_said(
        &ask(&row, &[V4, "9"]),
        "filtered",
        "10.9.1.2",
        "host administratively prohibited",
    );
    rule("udp dport 9 reject with icmpx type host-unreachable");
    assert_said(
        &ask(&row, &[V4, "9"]),
        "unreachable",
        "10.9.1.2",
        "host unreachable",
    );
    assert_said(
        &ask(&row, &[V6, "9"]),
        "unreachable",
        "fd09:1::2",
        "address unreachable",
    );

    rule("udp dport 9 drop");
    for host in [V4, V6] {
        let it = ask(&row, &[host, "9", "--backoff", "book", "--tries", "2"]);
        assert_eq!(
            (&it["verdict"], &it["attempts"]),
            (&"silent".into(), &2.into())
        );
    }
    // The way back is dropped: a reply that nobody sees is silence too.
    rule("icmp type destination-unreachable drop");
    let it = ask(&row, &[V4, "9", "--timeout", "100ms"]);
    assert_eq!(it["verdict"], "silent");
}

#[test]
fn routes_that_lead_nowhere() {
    let Some(row) = Namespaces::row() else { return };
    row.sh(
        1,
        "ip route add unreachable 10.9.3.0/24; ip route add prohibit 10.9.4.0/24
               ip -6 route add unreachable fd09:3::/64; ip -6 route add prohibit fd09:4::/64",
    );
    assert_said(
        &ask(&row, &["10.9.3.1", "9"]),
        "unreachable",
        "10.9.1.2",
        "host unreachable",
    );
    assert_said(
        &ask(&row, &["10.9.4.1", "9"]),
        "filtered",
        "10.9.1.2",
        "administratively prohibited",
    );
    assert_said(
        &ask(&row, &["fd09:3::1", "9"]),
        "unreachable",
        "fd09:1::2",
        "no route to destination",
    );
    assert_said(
        &ask(&row, &["fd09:4::1", "9"]),
        "filtered",
        "fd09:1::2",
        "administratively prohibited",
    );
    // B has no route, and says so.
    assert_said(
        &ask(&row, &["10.200.0.1", "9"]),
        "unreachable",
        "10.9.1.2",
        "network unreachable",
    );

    // This machine's own: nothing leaves.
    row.sh(
        0,
        "ip route add unreachable 10.9.5.0/24; ip route add prohibit 10.9.6.0/24
               ip route add blackhole 10.9.7.0/24; ip -6 route add unreachable fd09:5::/64
               ip route del default; ip -6 route del default",
    );
    for (host, verdict, errno) in [
        ("10.200.0.1", "unreachable", "ENETUNREACH"),
        ("10.9.5.1", "unreachable", "EHOSTUNREACH"),
        ("10.9.6.1", "filtered", "EACCES"),
        ("10.9.7.1", "unreachable", "EINVAL"),
        ("fd09:5::1", "unreachable", "EHOSTUNREACH"),
        ("fd0a::1", "unreachable", "ENETUNREACH"),
    ] {
        let it = ask(&row, &[host, "9"]);
        assert_eq!(
            (&it["verdict"], &it["evidence"]["errno"]),
            (&verdict.into(), &errno.into()),
            "{it}"
        );
        let end = row.udpraw(0, &["probe", host, "9"]);
        assert!(
            end.stdout.contains(": this machine cannot send there: "),
            "{}",
            end.stdout
        );
    }
    // A neighbour that does not answer is missed by this machine itself.
    row.sh(
        0,
        "echo 20 > /proc/sys/net/ipv4/neigh/right/retrans_time_ms",
    );
    let it = ask(&row, &["10.9.1.77", "9"]);
    assert_said(&it, "unreachable", "10.9.1.1", "host unreachable");
    assert_eq!(it["evidence"]["offender_is_local"], true);
    // A firewall of this machine.
    row.sh(
        0,
        "nft add table inet t; nft add chain inet t o '{ type filter hook output priority 0; }'
               nft add rule inet t o udp dport 9 drop",
    );
    let it = ask(&row, &["10.9.1.2", "9"]);
    assert_eq!(
        (&it["verdict"], &it["evidence"]["errno"]),
        (&"filtered".into(), &"EPERM".into())
    );
}

#[test]
fn many_ports_behind_a_firewall() {
    let Some(row) = Namespaces::row() else { return };
    row.sh(
        2,
        "nft add table inet t; nft add chain inet t i '{ type filter hook input priority 0; }'
               nft add rule inet t i udp dport 1-300 drop",
    );
    let end = row.udpraw(0, &["probe", V4, "1-600", "--timeout", "500ms"]);
    assert!(
        end.stderr
            .contains("600 targets: 300 closed, 300 silent in "),
        "{}",
        end.stderr
    );
    assert_eq!((end.code, end.stdout.as_str()), (Some(1), ""));
}
