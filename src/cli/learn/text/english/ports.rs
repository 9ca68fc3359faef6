//! The chapter "Ports" in English.

use std::net::SocketAddr;

use udpraw::language::Language;

use super::English;
use crate::cli::learn::text::{Ports, Words};

#[rustfmt::skip]
impl Ports for English {
    fn convention(&self) -> Words {
        Words {
            title: "By convention: /etc/services",
            claim: "IANA gives well-known ports to services; Linux lists them in /etc/services.",
            question: "A name server is reached at port 53. Who decided that?",
            choices: ["the name server's host", "a convention that every host knows", "the client"],
            attempt: "look up a service",
        }
    }

    fn convention_entry(&self, name: &str, port: u16, file: &str) -> String {
        format!("{name} has port {port}/udp in {file}.")
    }

    fn convention_ranges(&self, well_known: u16, registered: u16) -> String {
        format!("Ports up to {well_known} are well-known, those up to {registered} are registered, and the rest is for everybody.")
    }

    fn convention_privilege(&self, first_free: u16) -> String {
        format!("On this machine a program without privileges may bind port {first_free} and above.")
    }

    fn automatic(&self) -> Words {
        Words {
            title: "By automatic configuration",
            claim: "DHCP tells a machine the IP address of its name server; the well-known port completes the endpoint.",
            question: "DHCP gave the machine the IP address of a name server, and no port. How does a program know the port?",
            choices: ["it asks DHCP once more", "it tries one port after the other", "it knows the well-known port 53"],
            attempt: "ask the machine's own name servers",
        }
    }

    fn automatic_resolver(&self, server: SocketAddr, file: &str) -> String {
        format!("{file} names the resolver {}: automatic configuration usually wrote it there.", server.ip())
    }

    fn automatic_no_resolver(&self, server: SocketAddr, file: &str) -> String {
        format!("{file} names no resolver. Then the C library asks {} (resolv.conf(5)).", server.ip())
    }

    fn automatic_endpoint(&self, server: SocketAddr) -> String {
        format!("Its IP address and the well-known port make the endpoint {server}. The socket was connected to it, which sends nothing.")
    }

    fn automatic_no_route(&self, server: SocketAddr, errno: i32) -> String {
        format!("The endpoint is {server}. This machine has no route there now: {}.", Language::English.errno(errno))
    }

    fn by_hand(&self) -> Words {
        Words {
            title: "By hand, and by name",
            claim: "An administrator can choose a port by hand, and names stand for numbers.",
            question: "A client sends to localhost. What does the kernel see in sendto?",
            choices: ["the name localhost", "only numbers: an IP address and a port", "both"],
            attempt: "choose a port by hand",
        }
    }

    fn by_hand_agreed(&self, port: u16) -> String {
        format!("Server and client were both told port {port}: nobody else has to know it.")
    }

    fn by_hand_arrived(&self, port: u16, text: &str) -> String {
        format!("\"{text}\" arrived at port {port}.")
    }

    fn by_hand_name(&self, name: &str, port: u16) -> String {
        format!("The name {name} was resolved to an address before the call; the kernel saw only 127.0.0.1 and {port}.")
    }
}
