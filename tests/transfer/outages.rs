//! A path that is gone for two seconds in the middle of a transfer, in network namespaces: the sender, a
//! router and the receiver.

use std::fs;
use std::io::Write;
use std::thread;
use std::time::Duration;

use crate::common::namespaces::Namespaces;
use crate::{Recv, Send, stream, text};

const SENDER: usize = 0;
const ROUTER: usize = 1;
const RECEIVER: usize = 2;

/// The address of the sender in one test, afterwards.
const OTHER: &str = "10.9.1.7";
const LENGTH: usize = 1_500_000;
const OUTAGE: Duration = Duration::from_secs(2);

/// Something that is gone for a while, by shell in one of the namespaces.
struct Outage {
    what: &'static str,
    space: usize,
    cut: &'static str,
    mend: &'static str,
    is_ipv6: bool,
    /// Whether the receiver listens at all its addresses.
    is_anywhere: bool,
    /// Further options of the sender.
    options: &'static [&'static str],
    /// Whether the sender says what is wrong: it need not know.
    is_noted: bool,
    /// The address that the sender has at the end.
    from: &'static str,
}

const fn v4(what: &'static str, space: usize, cut: &'static str, mend: &'static str) -> Outage {
    Outage {
        what,
        space,
        cut,
        mend,
        is_ipv6: false,
        is_anywhere: false,
        options: &[],
        is_noted: true,
        from: "10.9.1.1",
    }
}

impl Outage {
    fn udpraw(&self, spaces: &Namespaces, space: usize, words: &[&str]) -> std::process::Command {
        spaces.command(space, env!("CARGO_BIN_EXE_udpraw"), words)
    }

    /// A transfer in whose middle it happens.
    fn is_survived(&self) {
        let Some(spaces) = Namespaces::row() else {
            return;
        };
        let bytes = stream(LENGTH, 40);
        let folder = tempfile::tempdir().expect("a folder");
        let target = folder.path().join("target");
        let to = if self.is_ipv6 {
            "fd09:2::1"
        } else {
            "10.9.2.1"
        };
        let bind = if self.is_anywhere { "0.0.0.0" } else { to };
        let words = ["recv", "--bind", bind, "--port", "0", "--wait", "60s"];
        let words = [&words[..], &["--json", "-o", text(&target)]].concat();
        let mut recv = Recv::run(self.udpraw(&spaces, RECEIVER, &words));

        let port = recv.address.port().to_string();
        let words = ["send", to, "--port", &port, "--json"];
        let slow = ["--rate", "20Mbit"];
        let words = [&words[..], &slow, self.options].concat();
        let mut send = Send::run(self.udpraw(&spaces, SENDER, &words));
        let (first, rest) = bytes.split_at(LENGTH / 4);
        send.write(first);
        recv.process.await_bytes(first.len() as u64);

        spaces.sh(self.space, self.cut);
        let mut stdin = send.stdin.take().expect("it is open");
        thread::scope(|scope| {
            scope.spawn(move || stdin.write_all(rest).expect("it reads"));
            thread::sleep(OUTAGE);
            spaces.sh(self.space, self.mend);
        });
        let (sent, received) = (send.finish(), recv.finish());
        let (what, last) = (self.what, sent.last());
        assert_eq!(sent.code, Some(0), "{what}: {last}");
        assert_eq!(received.code, Some(0), "{what}: {}", received.last());
        assert!(fs::read(&target).expect("it") == bytes, "{what}");
        assert!(
            last["elapsed_ns"].as_u64() > Some(OUTAGE.as_nanos() as u64),
            "{what} was no outage: {last}"
        );
        // Meanwhile it probes, and no more.
        assert!(
            last["retransmitted_bytes"].as_u64() < Some(LENGTH as u64 / 4),
            "{what}: {last}"
        );
        let is_noted = sent.json().iter().any(|event| event["event"] == "note");
        assert_eq!(is_noted, self.is_noted, "{what}: {sent:?}");
        let local = last["local"]["address"].as_str();
        assert_eq!(local, Some(self.from), "{what}");
        let migrations = u64::from(self.from == OTHER);
        assert_eq!(
            last["migrations"].as_u64(),
            Some(migrations),
            "{what}: {last}"
        );
    }
}

fn are_survived(outages: &[Outage]) {
    thread::scope(|scope| {
        for outage in outages {
            scope.spawn(|| outage.is_survived());
        }
    });
}

#[test]
fn a_link_that_is_gone_for_two_seconds() {
    are_survived(&[
        v4(
            "the sender's link is down",
            SENDER,
            "ip link set right down",
            "ip link set right up; ip route add default via 10.9.1.2",
        ),
        Outage {
            is_ipv6: true,
            from: "fd09:1::1",
            ..v4(
                "the sender's link is down, with IPv6",
                SENDER,
                "ip link set right down",
                "ip link set right up; ip -6 address add fd09:1::1/64 dev right nodad
                 ip -6 route add default via fd09:1::2",
            )
        },
        Outage {
            is_noted: false,
            ..v4(
                "the receiver's link is down",
                RECEIVER,
                "ip link set left down",
                "ip link set left up; ip route add default via 10.9.2.2",
            )
        },
        Outage {
            is_noted: false,
            ..v4(
                "the router's link is down",
                ROUTER,
                "ip link set right down",
                "ip link set right up",
            )
        },
        Outage {
            options: &["--bind-device", "right"],
            ..v4(
                "the sender's interface is another",
                SENDER,
                "ip link set right down; ip link set right name gone",
                "ip link set gone name right; ip link set right up
                 ip route add default via 10.9.1.2",
            )
        },
    ]);
}

#[test]
fn an_address_or_a_route_that_is_gone_for_two_seconds() {
    const ANOTHER: Outage = Outage {
        from: OTHER,
        ..v4(
            "the sender's address becomes another",
            SENDER,
            "ip address del 10.9.1.1/24 dev right",
            "ip address add 10.9.1.7/24 dev right; ip route add default via 10.9.1.2",
        )
    };
    are_survived(&[
        v4(
            "the sender's address is gone",
            SENDER,
            "ip address del 10.9.1.1/24 dev right",
            "ip address add 10.9.1.1/24 dev right; ip route add default via 10.9.1.2",
        ),
        ANOTHER,
        Outage {
            what: "the sender's address becomes another, with io_uring",
            options: &["--io", "uring"],
            ..ANOTHER
        },
        Outage {
            is_noted: false,
            ..v4(
                "the receiver's address is gone",
                RECEIVER,
                "ip address del 10.9.2.1/24 dev left",
                "ip address add 10.9.2.1/24 dev left; ip route add default via 10.9.2.2",
            )
        },
        Outage {
            is_noted: false,
            is_anywhere: true,
            ..v4(
                "the address of a receiver that has several is gone",
                RECEIVER,
                "ip address del 10.9.2.1/24 dev left",
                "ip address add 10.9.2.1/24 dev left; ip route add default via 10.9.2.2",
            )
        },
        v4(
            "the sender's route is gone",
            SENDER,
            "ip route del default",
            "ip route add default via 10.9.1.2",
        ),
    ]);
}

/// Rules of nft(8), for as long as the outage is.
macro_rules! firewall {
    ($what:literal, $space:ident, $hook:literal, $rule:literal) => {
        v4(
            $what,
            $space,
            concat!(
                "nft 'add table ip fw; add chain ip fw c { type filter hook ",
                $hook,
                " priority 0; }; add rule ip fw c meta l4proto udp ",
                $rule,
                "'"
            ),
            "nft delete table ip fw",
        )
    };
}

#[test]
fn a_firewall_that_forbids_for_two_seconds() {
    are_survived(&[
        firewall!("the sender's firewall drops", SENDER, "output", "drop"),
        firewall!("the sender's firewall rejects", SENDER, "output", "reject"),
        // As if nobody listened at the receiver's port.
        firewall!("the router's firewall rejects", ROUTER, "forward", "reject"),
        firewall!(
            "the router's firewall prohibits",
            ROUTER,
            "forward",
            "reject with icmp type admin-prohibited"
        ),
        firewall!(
            "the receiver's firewall rejects what arrives",
            RECEIVER,
            "input",
            "reject"
        ),
        Outage {
            is_noted: false,
            ..firewall!(
                "the receiver's firewall drops what leaves",
                RECEIVER,
                "output",
                "drop"
            )
        },
        // With IP_RECVERR the kernel says so: ENOBUFS.
        Outage {
            options: &["-O", "IP_RECVERR=1"],
            ..v4(
                "the interface's queue is full",
                SENDER,
                "tc qdisc replace dev right root pfifo limit 0",
                "tc qdisc del dev right root",
            )
        },
    ]);
}

/// The firewall forbids before the transfer is opened.
#[test]
fn a_firewall_that_forbids_the_opening_for_a_while() {
    let Some(spaces) = Namespaces::row() else {
        return;
    };
    let outage = firewall!("", SENDER, "output", "drop");
    let recv = |words| Recv::run(outage.udpraw(&spaces, RECEIVER, words));
    let recv = recv(&[
        "recv",
        "--port",
        "7000",
        "--bind",
        "10.9.2.1",
        "-o",
        "/dev/null",
    ]);
    spaces.sh(SENDER, outage.cut);
    let words = ["send", "10.9.2.1:7000", "/etc/hostname", "--json"];
    let mut send = Send::run(outage.udpraw(&spaces, SENDER, &words));
    // It says what is wrong.
    while send.process.event()["event"] != "note" {}
    spaces.sh(SENDER, outage.mend);
    let sent = send.finish();
    assert_eq!(sent.code, Some(0), "{}", sent.stderr);
    recv.finish().is(0, "received hostname");
}
