//! `server -v` and `server --json` show what each option brings, over real sockets.

use std::time::{SystemTime, UNIX_EPOCH};

use nix::sys::signal::Signal;
use serde_json::json;

use crate::common::{Running, client_of, json_lines, namespaces, skip, udpraw};
use crate::fixtures::{HOSTS, listening_at, show, show_with};

/// The option of either family.
fn of(host: &str, v4: &'static str, v6: &'static str) -> &'static str {
    if host.contains(':') { v6 } else { v4 }
}

#[test]
fn tos_is_split_into_dscp_and_ecn() {
    for host in HOSTS {
        let receive = of(host, "IP_RECVTOS=on", "IPV6_RECVTCLASS=on");
        for (byte, dscp, name, ecn) in [
            (0x2e_u8, 11, None, "ECT(0)"),
            (0xb8, 46, Some("ef"), "Not-ECT"),
            (0x01, 0, Some("cs0"), "ECT(1)"),
            (0x2b, 10, Some("af11"), "CE"),
        ] {
            let send = of(host, "IP_TOS", "IPV6_TCLASS");
            let shown = show(host, &[receive], &[&format!("{send}={byte}")], 3);
            let record = json!({"byte": byte, "dscp": dscp, "dscp_name": name, "ecn": ecn});
            assert_eq!(*shown.control("tos"), record, "{host}");
            let field = of(host, "TOS", "traffic class");
            let name = name.map_or(String::new(), |name| format!("{name} "));
            shown.has(&format!("{field} {byte:#04x} (DSCP {name}{dscp}, {ecn})"));
        }
    }
}

#[test]
fn ttl_and_hop_limit() {
    for host in HOSTS {
        let receive = of(host, "IP_RECVTTL=on", "IPV6_RECVHOPLIMIT=on");
        let send = of(host, "IP_TTL=37", "IPV6_UNICAST_HOPS=37");
        let shown = show(host, &[receive], &[send], 3);
        assert_eq!(*shown.control("ttl"), json!(37));
        shown.has(of(host, "TTL 37", "hop limit 37"));
    }
    let old = show(
        "::1",
        &["IPV6_2292HOPLIMIT=on"],
        &["IPV6_UNICAST_HOPS=9"],
        3,
    );
    assert_eq!(*old.control("ttl"), json!(9));
}

#[test]
fn destination_and_interface() {
    let options = [
        "IP_PKTINFO=on",
        "IPV6_RECVPKTINFO=on",
        "IPV6_2292PKTINFO=on",
    ];
    for option in options {
        let host = if option.starts_with("IPV6") {
            "::1"
        } else {
            "127.0.0.1"
        };
        let shown = show(host, &[option], &[], 3);
        assert_eq!(*shown.control("destination"), json!(host));
        assert_eq!(
            (shown.control("interface_index"), shown.control("interface")),
            (&json!(1), &json!("lo"))
        );
        shown.has(&format!("sent to {host} on lo (interface 1)"));
    }
}

#[test]
fn original_destination() {
    for host in HOSTS {
        let option = of(host, "IP_RECVORIGDSTADDR=on", "IPV6_RECVORIGDSTADDR=on");
        let shown = show(host, &[option], &[], 3);
        let to = shown.control("original_destination");
        assert_eq!(*to, json!({"address": host, "port": shown.server.port()}));
        shown.has(&format!(
            "originally to {}",
            of(host, "127.0.0.1:", "[::1]:")
        ));
    }
}

/// An RFC 3339 time in nanoseconds since 1970.
fn nanos(value: &serde_json::Value) -> i128 {
    let text = value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no time"));
    text.parse::<jiff::Timestamp>()
        .expect("RFC 3339")
        .as_nanosecond()
}

fn now() -> i128 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    i128::try_from(since.as_nanos()).expect("within the centuries")
}

#[test]
fn the_kernels_time_lies_between_sending_and_the_record() {
    for host in HOSTS {
        for (option, digits) in [("SO_TIMESTAMP=on", 1000), ("SO_TIMESTAMPNS=on", 1)] {
            let before = now();
            let shown = show(host, &[option], &[], 3);
            let (kernel, record) = (
                nanos(&shown.json["kernel_time"]),
                nanos(&shown.json["time"]),
            );
            assert!(
                before <= kernel && kernel <= record,
                "{before} {kernel} {record}"
            );
            assert_eq!(kernel % digits, 0, "{option}");
            assert!(shown.json["control"].is_null(), "{}", shown.json);
            shown.has("received by the kernel at 2");
        }
    }
}

#[test]
fn software_timestamps() {
    for host in HOSTS {
        let before = now();
        let mut tries = 0..20;
        // The kernel begins to take times a moment after the option is set.
        let shown = std::iter::from_fn(|| {
            tries
                .next()
                .map(|_| show(host, &["SO_TIMESTAMPING=rx-software,software"], &[], 3))
        })
        .find(|shown| {
            shown.text.contains("kernel timestamp 2") && shown.control("software_time").is_string()
        })
        .expect("a timestamp");
        let kernel = nanos(shown.control("software_time"));
        assert!(before <= kernel && kernel <= nanos(&shown.json["time"]));
        assert_eq!(shown.json["kernel_time"], *shown.control("software_time"));
        assert!(shown.control("hardware_time").is_null(), "lo has no clock");
    }
}

#[test]
fn segments_of_a_run() {
    for host in HOSTS {
        let shown = show(host, &["UDP_GRO=on"], &["UDP_SEGMENT=100"], 250);
        assert_eq!(
            (shown.control("segment_bytes"), &shown.json["bytes"]),
            (&json!(100), &json!(250))
        );
        shown.has("segments of 100 bytes");
    }
}

#[test]
fn the_largest_fragment() {
    if !namespaces::alone() {
        return;
    }
    namespaces::sh("ip link set lo mtu 1280");
    for host in HOSTS {
        let option = of(host, "IP_RECVFRAGSIZE=on", "IPV6_RECVFRAGSIZE=on");
        let shown = show(host, &[option], &[], 3000);
        // A fragment carries a multiple of 8 bytes behind its headers, of 20 or of 40 and 8.
        let size = if host == "::1" { 1280 } else { 20 + 1256 };
        assert_eq!(*shown.control("fragment_bytes"), json!(size), "{host}");
        shown.has(&format!("largest fragment {size} bytes"));
    }
}

#[test]
fn ip_options() {
    // Three times "no operation", and the end (RFC 791).
    let sent = ["IP_OPTIONS=01010100"];
    let shown = show("127.0.0.1", &["IP_RECVOPTS=on", "IP_RETOPTS=on"], &sent, 3);
    assert_eq!(*shown.control("ip_options"), json!("01010100"));
    shown.has("IP options 01010100");
    assert!(
        shown.control("return_options").is_string(),
        "{}",
        shown.json
    );
    shown.has("IP options of a reply ");
}

#[test]
fn flow_information() {
    for sent in [0x2e_u8, 0x03] {
        let shown = show(
            "::1",
            &["IPV6_FLOWINFO=on"],
            &[&format!("IPV6_TCLASS={sent}")],
            3,
        );
        assert_eq!(shown.control("tos")["byte"], json!(sent));
        let label = shown.control("flow_label").as_u64().expect("a label");
        assert!(label < 1 << 20, "{label}");
        shown.has("flow label 0x");
    }
}

#[test]
fn extension_headers() {
    if !nix::unistd::geteuid().is_root() {
        return skip("extension headers are for root to set");
    }
    // PadN of four bytes in a header of eight (RFC 8200).
    let header = "0000010400000000";
    for (receive, send, field, text) in [
        (
            "IPV6_RECVHOPOPTS",
            "IPV6_HOPOPTS",
            "hop_by_hop_options",
            "hop-by-hop options ",
        ),
        (
            "IPV6_RECVDSTOPTS",
            "IPV6_DSTOPTS",
            "destination_options",
            "destination options ",
        ),
        (
            "IPV6_2292DSTOPTS",
            "IPV6_DSTOPTS",
            "destination_options",
            "destination options ",
        ),
    ] {
        let shown = show(
            "::1",
            &[&format!("{receive}=on")],
            &[&format!("{send}={header}")],
            3,
        );
        // The first byte says what follows: UDP.
        let shown_header = shown.control(field);
        let shown_header = shown_header.get(0).unwrap_or(shown_header);
        assert_eq!(
            *shown_header,
            json!(format!("11{}", &header[2..])),
            "{receive}"
        );
        shown.has(&format!("{text}11{}", &header[2..]));
    }
}

#[test]
fn mark_and_priority() {
    if !nix::unistd::geteuid().is_root() {
        return skip("SO_MARK is for root to set");
    }
    for host in HOSTS {
        let shown = show(host, &["SO_RCVMARK=on"], &["SO_MARK=0x17"], 3);
        assert_eq!(*shown.control("mark"), json!(0x17));
        shown.has("mark 0x17");
        let on = udpraw::socket::Endpoint::builder()
            .options(["SO_RCVPRIORITY=on".parse().expect("an option")])
            .bind("127.0.0.1:0".parse().expect("an address"));
        if on.is_err() {
            skip("SO_RCVPRIORITY is there since Linux 6.14");
            continue;
        }
        let shown = show(host, &["SO_RCVPRIORITY=on"], &["SO_PRIORITY=5"], 3);
        assert_eq!(*shown.control("priority"), json!(5));
        shown.has("priority 5");
    }
}

#[test]
fn drops_are_those_of_the_summary() {
    let arguments = [
        "server",
        "--json",
        "-p",
        "0",
        "-O",
        "SO_RXQ_OVFL=on",
        "-O",
        "SO_RCVBUF=4096",
    ];
    let mut server = Running::start(udpraw(arguments));
    let client = client_of(listening_at(&server.line()));
    server.signal(Signal::SIGSTOP);
    for _ in 0..200 {
        client.send(&[b'x'; 500]).expect("sent");
    }
    server.signal(Signal::SIGCONT);
    // The next one to be queued is the first that can know of the drops.
    let mut shown = None;
    for _ in 0..200 {
        client.send(b"next").expect("sent");
        let record = json_lines(&server.line()).remove(0);
        let drops = record["control"]["kernel_drops"].as_u64();
        if let Some(drops) = drops.filter(|drops| *drops > 0) {
            shown = Some(drops);
            break;
        }
    }
    let shown = shown.expect("drops");
    server.signal(Signal::SIGINT);
    let records = json_lines(&server.finish().stdout);
    let summary = records.last().expect("a summary");
    let dropped = summary["kernel_drops"].as_u64().expect("a number");
    assert!(shown <= dropped && shown > 100, "{shown} of {dropped}");
}

#[test]
fn every_backend_shows_them() {
    for host in HOSTS {
        for backend in ["single", "batch", "offload", "uring"] {
            let options = of(host, "IP_RECVTOS=on", "IPV6_RECVTCLASS=on");
            let send = of(host, "IP_TOS=46", "IPV6_TCLASS=46");
            let more = ["--io", backend];
            let shown = show_with(host, &[options, "SO_TIMESTAMPNS=on"], &[send], 3, &more);
            assert_eq!(
                shown.control("tos")["byte"],
                json!(46),
                "{backend}: {}",
                shown.json
            );
            assert!(shown.json["kernel_time"].is_string(), "{backend}");
            shown.has("0x2e");
        }
    }
}

#[test]
fn nothing_is_shown_where_no_option_asks() {
    for host in HOSTS {
        let shown = show(host, &[], &[], 3);
        assert_eq!(shown.text, "");
        assert!(shown.json["control"].is_null() && shown.json["kernel_time"].is_null());
    }
}
