//! Services that are what people run: dnsmasq, chrony, coturn, snmpd; and those of services.py.

use std::process::{Command, Stdio};

use serde_json::Value;

use super::finding;
use crate::common::namespaces;
use crate::common::{Running, has};

/// A server in this thread's namespace, once its port is bound.
fn serve(program: &str, arguments: &[&str], port: u16) -> Running {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let running = Running::start(command);
    namespaces::await_port(port);
    running
}

/// What an open port's reply says; it must answer the question that was asked, if `fit` is so.
fn open(arguments: &[&str], fit: &str) -> (String, Value) {
    let (it, code) = finding(arguments);
    assert_eq!(
        (it["verdict"].as_str(), code),
        (Some("open"), Some(0)),
        "{it}"
    );
    assert_eq!(it["evidence"]["match"], fit, "{it}");
    (it["evidence"]["decoded"].as_str().unwrap().to_owned(), it)
}

#[test]
fn dnsmasq_serves_dns_and_tftp() {
    if !(has("dnsmasq") && namespaces::alone()) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let root = format!("--tftp-root={}", folder.path().display());
    let _dnsmasq = serve(
        "dnsmasq",
        &[
            "--keep-in-foreground",
            "--conf-file=/dev/null",
            "--no-resolv",
            "--no-hosts",
            "--address=/box.test/192.0.2.7",
            "--enable-tftp",
            &root,
            "--user=root",
            "--pid-file=",
        ],
        53,
    );
    namespaces::await_port(69);
    let (text, it) = open(&["127.0.0.1", "domain"], "id");
    assert!(text.starts_with("DNS "), "{text}");
    assert_eq!(it["service"], "domain");
    let (text, _) = open(&["127.0.0.1", "53", "--query", "box.test"], "id");
    assert_eq!(text, "DNS NOERROR, box.test A 192.0.2.7");
    let (text, _) = open(&["::1", "53", "--query", "a.box.test."], "id");
    assert_eq!(text, "DNS NOERROR, a.box.test A 192.0.2.7");
    let (text, it) = open(&["127.0.0.1", "tftp"], "protocol");
    assert!(text.starts_with("TFTP error 1 'file "), "{text}");
    // Each transfer has a port of its own (RFC 1350 section 4).
    assert_ne!(it["evidence"]["source"]["port"], 69);
}

#[test]
fn chrony_tells_stratum_and_offset() {
    if !(has("chronyd") && namespaces::alone()) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let pid = format!("pidfile {}/pid", folder.path().display());
    // -x: the clock is left alone.
    let _chrony = serve(
        "chronyd",
        &[
            "-x",
            "-d",
            "-u",
            "root",
            "local stratum 3",
            "allow",
            "cmdport 0",
            "bindcmdaddress /",
            &pid,
        ],
        123,
    );
    let (text, it) = open(
        &["127.0.0.1", "ntp", "--count", "3", "--interval", "1ms"],
        "id",
    );
    let offset = text.strip_prefix("NTP stratum 3, offset ").expect(&text);
    // One clock on both sides: what is left is the way, far below a second.
    assert!(
        offset.ends_with("ms") || offset.ends_with("µs") || offset.ends_with("ns"),
        "{text}"
    );
    assert_eq!(it["answered"], 3);
    assert!(it["rtt_median_ns"].as_f64().unwrap() > 0.0);
}

#[test]
fn coturn_says_how_it_sees_us() {
    if !(has("turnserver") && namespaces::alone()) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let pid = format!("{}/pid", folder.path().display());
    let _coturn = serve(
        "turnserver",
        &[
            "-n",
            "--listening-ip=127.0.0.1",
            "--no-tls",
            "--no-dtls",
            "--no-cli",
            "--no-auth",
            "--allow-loopback-peers",
            "--log-file=stdout",
            "--pidfile",
            &pid,
            "--db=/dev/null",
        ],
        3478,
    );
    let (text, _) = open(&["127.0.0.1", "3478"], "id");
    assert!(
        text.starts_with("STUN sees this client as 127.0.0.1:"),
        "{text}"
    );
}

#[test]
fn snmpd_tells_its_engine_and_what_it_is() {
    if !(has("snmpd") && namespaces::alone()) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let conf = folder.path().join("snmpd.conf");
    std::fs::write(&conf, "rocommunity public\nsysdescr a small box\n").unwrap();
    let (conf, pid) = (conf.to_str().unwrap(), format!("{}.pid", conf.display()));
    let _snmpd = serve(
        "snmpd",
        &[
            "-f",
            "-C",
            "-c",
            conf,
            "-Ln",
            "-p",
            &pid,
            "udp:127.0.0.1:161",
        ],
        161,
    );
    let (text, _) = open(&["127.0.0.1", "snmp"], "id");
    assert!(
        text.starts_with("SNMP v3 engine 80001f88") && text.contains(", boots "),
        "{text}"
    );
    for (version, name) in [("snmpv1", "v1"), ("snmpv2c", "v2c")] {
        let (text, _) = open(&["127.0.0.1", "161", "--as", version], "id");
        assert_eq!(text, format!("SNMP {name} 'a small box'"));
    }
}

#[test]
fn services_by_their_rfcs() {
    if !(has("python3") && namespaces::alone()) {
        return;
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/probe/services.py");
    for (name, port, fit, start) in [
        ("echo", 7, "id", "echo of the same bytes"),
        ("daytime", 13, "protocol", "daytime '"),
        ("time", 37, "protocol", "time, offset "),
        (
            "snmp",
            161,
            "id",
            "SNMP v3 engine 80001f8804757564, boots 7, up 1234 s",
        ),
        ("snmp-only-v1", 161, "id", r"SNMP v1 'a box \x1b[1m'"),
        ("quic", 443, "id", "QUIC, version 1, version 2"),
        (
            "ssdp",
            1900,
            "protocol",
            "SSDP 'HTTP/1.1 200 OK', SERVER 'Linux UPnP/1.1 lamp/1', ST 'upnp:rootdevice'",
        ),
        ("sip", 5060, "id", "SIP '200 OK' by 'switch/1'"),
        (
            "mdns",
            5353,
            "id",
            r"DNS NOERROR, _services._dns-sd._udp.local PTR '_ipp",
        ),
    ] {
        for host in ["127.0.0.1", "::1"] {
            let port_text = port.to_string();
            let server = serve("python3", &[script, name, &port_text, host], port);
            let (text, it) = open(&[host, &port_text], fit);
            assert!(text.starts_with(start), "{name}: {text}");
            assert_eq!(it["attempts"], if name == "snmp-only-v1" { 3 } else { 1 });
            drop(server);
        }
    }
    let _syslog = serve("python3", &[script, "syslog", "514"], 514);
    let (it, code) = finding(&["127.0.0.1", "syslog", "--timeout", "10ms"]);
    assert_eq!((it["verdict"].as_str(), code), (Some("silent"), Some(1)));
}
