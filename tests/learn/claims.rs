//! The statements of the two notes on the textbook's chapter, in our words, by note and section. Each has
//! a lesson.

use crate::common::json_lines;
use crate::finish;

/// The older note: "python UDP编程".
const OLDER: &[(&str, &str, &str)] = &[
    (
        "introduction",
        "IP brings a packet to the right machine, and no more",
        "machine",
    ),
    (
        "introduction",
        "a conversation needs multiplexing: labels that tell packets apart",
        "ports",
    ),
    (
        "introduction",
        "a conversation needs reliable transport: errors on the way are repaired",
        "corruption",
    ),
    (
        "introduction",
        "UDP has only multiplexing, by port numbers on one host",
        "ports",
    ),
    ("introduction", "UDP leaves loss to the program", "loss"),
    (
        "introduction",
        "UDP leaves duplicates to the program",
        "duplicates",
    ),
    (
        "introduction",
        "UDP leaves disorder to the program",
        "disorder",
    ),
    (
        "introduction",
        "TCP has both, by ports as well, and keeps order and reliability",
        "tcp",
    ),
    (
        "port numbers",
        "IP address and port of both ends name source and destination",
        "flow",
    ),
    (
        "port numbers",
        "by convention: IANA assigns well-known ports",
        "convention",
    ),
    (
        "port numbers",
        "by automatic configuration: DHCP gives the address, the port is known",
        "automatic",
    ),
    (
        "port numbers",
        "by hand: the administrator configures addresses and names",
        "by-hand",
    ),
    (
        "port numbers",
        "/etc/services lists the well-known ports, 0 to 1023",
        "convention",
    ),
    (
        "socket",
        "a socket is an endpoint of communication",
        "socket",
    ),
    (
        "socket",
        "the operating system identifies a socket by an integer",
        "socket",
    ),
    (
        "socket",
        "AF_INET and SOCK_DGRAM choose IPv4 and UDP",
        "socket",
    ),
    ("socket", "bind takes an address of host and port", "bind"),
    ("socket", "bind fails if the port is in use", "bind"),
    (
        "socket",
        "recvfrom waits while there is no request",
        "waiting",
    ),
    (
        "socket",
        "recvfrom returns the sender's address and the data",
        "sendto",
    ),
    (
        "socket",
        "sendto takes the destination and the data",
        "sendto",
    ),
    (
        "socket",
        "the operating system chooses the client's port",
        "own-port",
    ),
    (
        "socket, the code",
        "text is encoded before it is sent, and decoded after",
        "text",
    ),
    (
        "socket, the code",
        "up to 65,535 bytes are asked for",
        "size",
    ),
];

/// The newer note: "Python socket", with the textbook's program.
const NEWER: &[(&str, &str, &str)] = &[
    ("UDP", "IP brings packets to the right machine", "machine"),
    ("UDP", "many packets need labels: multiplexing", "ports"),
    (
        "UDP",
        "errors on the way need repair: reliable transport",
        "corruption",
    ),
    (
        "UDP",
        "UDP separates conversations by port numbers",
        "ports",
    ),
    ("UDP", "loss is left to the program", "loss"),
    ("UDP", "duplicates are left to the program", "duplicates"),
    ("UDP", "disorder is left to the program", "disorder"),
    (
        "UDP",
        "TCP keeps the order, and the receiver reassembles",
        "tcp",
    ),
    ("UDP", "several conversations share one medium", "flow"),
    (
        "UDP",
        "ports are unsigned 16-bit numbers (the note has 0 to 65536)",
        "sixteen-bits",
    ),
    (
        "UDP",
        "the network layer sees source IP and destination IP only",
        "machine",
    ),
    ("UDP", "UDP sees IP and port of both ends", "flow"),
    (
        "UDP",
        "without a port in the request, the operating system picks one",
        "own-port",
    ),
    (
        "UDP",
        "system calls for the network revolve around the socket",
        "socket",
    ),
    ("the code", "bind asks for an address", "bind"),
    (
        "the code",
        "the reply goes to the address that recvfrom returned",
        "sendto",
    ),
    (
        "the code",
        "Danger! the reply may come from anyone",
        "danger",
    ),
];

#[test]
fn every_claim_of_the_notes_has_a_lesson() {
    let listed = finish(&["--json"]);
    assert_eq!(listed.code, Some(0), "{}", listed.stderr);
    let names: Vec<String> = json_lines(&listed.stdout)
        .iter()
        .map(|record| record["name"].as_str().expect("a name").to_owned())
        .collect();
    assert_eq!(names.len(), 26, "{names:?}");
    for (section, claim, lesson) in OLDER.iter().chain(NEWER) {
        let is_there = names.iter().any(|name| name == lesson);
        assert!(is_there, "{section}: {claim}: no lesson {lesson}");
    }
    // Only what answers the notes' claims, and the chapter beyond the book, has no claim in them.
    let beyond = ["ids", "backoff", "overflow", "mtu", "broadcast", "batches"];
    for name in &names {
        let is_claimed = OLDER
            .iter()
            .chain(NEWER)
            .any(|(_, _, lesson)| lesson == name);
        assert!(is_claimed || beyond.contains(&name.as_str()), "{name}");
    }
}
