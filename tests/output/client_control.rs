//! `client -v` and `client --json` show what the options bring with a reply.

use serde_json::json;

use crate::common::{finish, json_lines};
use crate::fixtures::{HOSTS, answering};

#[test]
fn a_reply_is_shown_with_what_its_options_bring() {
    for host in HOSTS {
        let (receive, send) = match host {
            "::1" => (
                [
                    "IPV6_RECVTCLASS=on",
                    "IPV6_RECVHOPLIMIT=on",
                    "IPV6_RECVPKTINFO=on",
                ],
                ["IPV6_TCLASS=0x2e", "IPV6_UNICAST_HOPS=41"],
            ),
            _ => (
                ["IP_RECVTOS=on", "IP_RECVTTL=on", "IP_PKTINFO=on"],
                ["IP_TOS=0x2e", "IP_TTL=41"],
            ),
        };
        for mode in ["-v", "--json"] {
            let (server, answered) = answering(host, &send);
            let port = server.port().to_string();
            let mut arguments = vec!["client", host, "-p", &port, mode, "-O", "SO_TIMESTAMPNS=on"];
            arguments.extend(receive.iter().flat_map(|option| ["-O", option]));
            let end = finish(&arguments);
            assert_eq!(end.code, Some(0), "{}", end.stderr);
            answered.join().expect("it answered");
            if mode == "--json" {
                let records = json_lines(&end.stdout);
                let reply = records
                    .iter()
                    .find(|record| record["event"] == "reply")
                    .expect("a reply");
                assert_eq!(reply["control"]["tos"]["ecn"], json!("ECT(0)"));
                assert_eq!(reply["control"]["ttl"], json!(41));
                assert_eq!(reply["control"]["interface"], json!("lo"));
                assert!(reply["kernel_time"].as_str() <= reply["time"].as_str());
                continue;
            }
            let line = end
                .stderr
                .lines()
                .find(|line| line.starts_with("from "))
                .unwrap_or_default();
            for text in [
                " 0x2e (DSCP 11, ECT(0))",
                " 41",
                &format!("sent to {host} on lo (interface 1)"),
                "received by the kernel at 2",
            ] {
                assert!(line.contains(text), "no {text:?} in {line:?}");
            }
        }
    }
}
