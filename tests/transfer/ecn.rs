//! Congestion marks (RFC 3168): a router marks instead of dropping, or does not stand marks at all.

use std::fs;

use serde_json::Value;

use crate::common::namespaces::Namespaces;
use crate::{Recv, Send, folder_with, stream, text};

const LENGTH: usize = 4_000_000;

/// What both ends report of a transfer over a router with these rules of nft(8) for what goes to the
/// receiver; and what the rules have counted: packets of each rule with `counter`.
struct Carried {
    sent: Value,
    received: Value,
    counted: Vec<u64>,
}

fn carried(to: &str, rules: &[&str]) -> Option<Carried> {
    let spaces = Namespaces::row()?;
    let hook = "type filter hook forward priority 0;";
    let rules: String = rules
        .iter()
        .map(|rule| format!("; add rule inet marks f oif right {rule}"))
        .collect();
    spaces.sh(
        1,
        &format!("nft 'add table inet marks; add chain inet marks f {{ {hook} }}{rules}'"),
    );
    let bytes = stream(LENGTH, 70);
    let (folder, source) = folder_with("source", &bytes);
    let target = folder.path().join("target");
    let udpraw = |space, words: &[&str]| {
        let words = [words, &["--json"]].concat();
        spaces.command(space, env!("CARGO_BIN_EXE_udpraw"), &words)
    };
    let words = ["recv", "--bind", to, "--port", "0", "--wait", "60s"];
    let recv = Recv::run(udpraw(2, &[&words[..], &["-o", text(&target)]].concat()));
    let port = recv.address.port().to_string();
    let words = ["send", to, "--port", &port, text(&source)];
    // Packets cross the router one by one.
    let single = ["--io", "single", "--congestion", "cubic"];
    let sent = Send::run(udpraw(0, &[&words[..], &single].concat())).finish();
    let received = recv.finish();
    assert_eq!(sent.code, Some(0), "{}", sent.last());
    assert_eq!(received.code, Some(0), "{}", received.last());
    assert!(fs::read(&target).expect("it") == bytes);
    let listed =
        crate::common::run(spaces.command(1, "nft", &["-j", "list", "table", "inet", "marks"]));
    let listed: Value = serde_json::from_str(&listed.stdout).expect("JSON of nft");
    let counted = listed["nftables"].as_array().expect("a list").iter();
    let counted = counted.flat_map(|item| item["rule"]["expr"].as_array().into_iter().flatten());
    Some(Carried {
        sent: sent.last(),
        received: received.last(),
        counted: counted
            .filter_map(|part| part["counter"]["packets"].as_u64())
            .collect(),
    })
}

#[test]
fn marks_are_counted_and_slow_a_sender_down() {
    for (to, ip) in [("10.9.2.1", "ip"), ("fd09:2::1", "ip6")] {
        let not_ect0 = format!("{ip} daddr {to} {ip} ecn != ect0 counter");
        let Some(free) = carried(to, &[&not_ect0]) else {
            return;
        };
        // All are, but the openings.
        assert!(matches!(free.counted[..], [2..5]), "{:?}", free.counted);
        assert_eq!(free.sent["ecn_marked"], 0);

        let mark =
            format!("{ip} daddr {to} {ip} ecn ect0 numgen inc mod 4 0 counter {ip} ecn set ce");
        let Some(marked) = carried(to, &[&not_ect0, &mark]) else {
            return;
        };
        let (at_sender, at_receiver) = (&marked.sent["ecn_marked"], &marked.received["ecn_marked"]);
        assert!(at_receiver.as_u64() > Some(500), "{}", marked.received);
        // The last acknowledgement may be on its way when the transfer is over.
        let known = at_sender.as_u64().expect("a number");
        assert!(
            at_receiver.as_u64() >= Some(known) && known > 500,
            "{}",
            marked.sent
        );
        assert!(at_receiver.as_u64() <= Some(marked.counted[1]));
        assert_eq!(marked.sent["lost"], 0, "{}", marked.sent);
        // A small window is acknowledged every few packets.
        let acknowledgements = |carried: &Carried| carried.received["acknowledgements"].as_u64();
        assert!(
            acknowledgements(&marked) > acknowledgements(&free).map(|few| few * 8),
            "{}\n{}",
            free.received,
            marked.received
        );
    }
}

#[test]
fn a_path_that_clears_marks_or_drops_what_has_them_carries_a_transfer() {
    for rules in [
        &["ip ecn ect0 ip ecn set not-ect", "ip ecn not-ect counter"][..],
        &["ip ecn ect0 drop", "ip ecn not-ect counter"],
    ] {
        let Some(carried) = carried("10.9.2.1", rules) else {
            return;
        };
        // Packets and not only the opening.
        assert!(carried.counted[0] > 100, "{:?}", carried.counted);
        assert_eq!(carried.sent["ecn_marked"], 0);
    }
}
