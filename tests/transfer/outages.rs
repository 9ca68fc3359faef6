//! A path that is gone for two seconds in the middle of a transfer, in network namespaces: the sender, a
//! router and the receiver.

use std::fs;
use std::thread;
use std::time::Duration;

use crate::common::namespaces::Namespaces;
use crate::{Recv, Send, folder_with, stream, text};

const SENDER: usize = 0;
const ROUTER: usize = 1;
const RECEIVER: usize = 2;

const LENGTH: usize = 3_000_000;
const OUTAGE: Duration = Duration::from_secs(2);

/// Something that is gone for a while, by shell in one of the namespaces.
struct Outage {
    what: &'static str,
    space: usize,
    cut: &'static str,
    mend: &'static str,
    is_ipv6: bool,
    /// Further options of the sender.
    options: &'static [&'static str],
}

const fn v4(what: &'static str, space: usize, cut: &'static str, mend: &'static str) -> Outage {
    let options = &[];
    Outage {
        what,
        space,
        cut,
        mend,
        is_ipv6: false,
        options,
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
        let (folder, source) = folder_with("source", &bytes);
        let target = folder.path().join("target");
        let to = if self.is_ipv6 { "fd09:2::1" } else { "10.9.2.1" };
        let words = ["recv", "--bind", to, "--port", "0", "--wait", "60s"];
        let words = [&words[..], &["--json", "-o", text(&target)]].concat();
        let mut recv = Recv::run(self.udpraw(&spaces, RECEIVER, &words));

        let port = recv.address.port().to_string();
        let words = ["send", to, "--port", &port, text(&source), "--json"];
        let slow = ["--rate", "20Mbit"];
        let words = [&words[..], &slow, self.options].concat();
        let send = Send::run(self.udpraw(&spaces, SENDER, &words));
        recv.process.await_bytes(500_000);

        spaces.sh(self.space, self.cut);
        thread::sleep(OUTAGE);
        spaces.sh(self.space, self.mend);
        let (sent, received) = (send.finish(), recv.finish());
        let (what, last) = (self.what, sent.last());
        assert_eq!(sent.code, Some(0), "{what}: {last}");
        assert_eq!(received.code, Some(0), "{what}: {}", received.last());
        assert!(fs::read(&target).expect("it") == bytes, "{what}");
        eprintln!("{what}: {last}");
        assert!(
            last["elapsed_ns"].as_u64() > Some(OUTAGE.as_nanos() as u64),
            "{what} was no outage: {last}"
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
fn a_link_an_address_or_a_route_that_is_gone_for_two_seconds() {
    are_survived(&[
        v4(
            "the sender's link is down",
            SENDER,
            "ip link set right down",
            "ip link set right up; ip route add default via 10.9.1.2",
        ),
        v4(
            "the receiver's link is down",
            RECEIVER,
            "ip link set left down",
            "ip link set left up; ip route add default via 10.9.2.2",
        ),
        v4(
            "the router's link is down",
            ROUTER,
            "ip link set right down",
            "ip link set right up",
        ),
        v4(
            "the sender's address is gone",
            SENDER,
            "ip address del 10.9.1.1/24 dev right",
            "ip address add 10.9.1.1/24 dev right; ip route add default via 10.9.1.2",
        ),
        v4(
            "the sender's address becomes another",
            SENDER,
            "ip address del 10.9.1.1/24 dev right",
            "ip address add 10.9.1.7/24 dev right; ip route add default via 10.9.1.2",
        ),
        v4(
            "the receiver's address is gone",
            RECEIVER,
            "ip address del 10.9.2.1/24 dev left",
            "ip address add 10.9.2.1/24 dev left; ip route add default via 10.9.2.2",
        ),
        v4(
            "the sender's route is gone",
            SENDER,
            "ip route del default",
            "ip route add default via 10.9.1.2",
        ),
    ]);
}

#[test]
fn a_firewall_that_forbids_for_two_seconds() {
    const MEND: &str = "nft delete table ip fw";
    are_survived(&[
        v4(
            "the sender's firewall drops",
            SENDER,
            "nft 'add table ip fw; add chain ip fw o { type filter hook output priority 0; };
             add rule ip fw o meta l4proto udp drop'",
            MEND,
        ),
        v4(
            "the sender's firewall rejects",
            SENDER,
            "nft 'add table ip fw; add chain ip fw o { type filter hook output priority 0; };
             add rule ip fw o meta l4proto udp reject'",
            MEND,
        ),
        v4(
            "the router's firewall rejects",
            ROUTER,
            "nft 'add table ip fw; add chain ip fw f { type filter hook forward priority 0; };
             add rule ip fw f meta l4proto udp reject'",
            MEND,
        ),
        v4(
            "the router's firewall prohibits",
            ROUTER,
            "nft 'add table ip fw; add chain ip fw f { type filter hook forward priority 0; };
             add rule ip fw f meta l4proto udp reject with icmp type admin-prohibited'",
            MEND,
        ),
        v4(
            "the receiver's firewall drops what leaves",
            RECEIVER,
            "nft 'add table ip fw; add chain ip fw o { type filter hook output priority 0; };
             add rule ip fw o meta l4proto udp drop'",
            MEND,
        ),
        v4(
            "the receiver's firewall rejects what arrives",
            RECEIVER,
            "nft 'add table ip fw; add chain ip fw o { type filter hook input priority 0; };
             add rule ip fw o meta l4proto udp reject'",
            MEND,
        ),
    ]);
}
