//! The chapter "Finding the way" in English.

use std::net::SocketAddr;

use udpraw::language::Language;

use super::English;
use crate::cli::learn::text::{Finding, Words};

#[rustfmt::skip]
impl Finding for English {
    fn machine(&self) -> Words {
        Words {
            title: "IP finds the machine",
            claim: "IP only promises to try to bring a packet to the right machine.",
            question: "Two sockets have the same port number, at two IP addresses. A datagram goes to the first address. Who gets it?",
            choices: ["both", "only the socket at that address", "the one that was bound last"],
            attempt: "list who listens at which address",
        }
    }

    fn machine_arrived(&self, to: SocketAddr, text: &str) -> String {
        format!("\"{text}\", sent to {to}, arrived at the socket of {} and nowhere else.", to.ip())
    }

    fn machine_same_port(&self, port: u16) -> String {
        format!("Both sockets have port {port}: the IP address alone decided. (All of 127.0.0.0/8 is this machine, so two of its addresses stand for two machines.)")
    }

    fn ports(&self) -> Words {
        Words {
            title: "A port number says which conversation",
            claim: "UDP adds multiplexing: port numbers tell apart the conversations of one machine.",
            question: "Three programs run at one IP address. A datagram goes to port B. Who gets it?",
            choices: ["all three", "whichever program asks first", "the program that holds port B"],
            attempt: "see every port that is in use on this machine",
        }
    }

    fn ports_arrived(&self, port: u16, text: &str) -> String {
        format!("Port {port} received \"{text}\", which was sent to it, and nothing else.")
    }

    fn ports_only_number_differed(&self, sockets: usize) -> String {
        format!("{sockets} sockets, one IP address: only the port number told them apart. That is multiplexing.")
    }

    fn flow(&self) -> Words {
        Words {
            title: "A pair of endpoints names a flow",
            claim: "Source IP and port, destination IP and port: together they name one conversation.",
            question: "Three clients send to one server socket. How many sockets does the server need to answer each of them?",
            choices: ["one", "three", "four: one to listen and one for each client"],
            attempt: "start a server, then several clients in other terminals",
        }
    }

    fn flow_seen(&self, client: SocketAddr, server: SocketAddr, text: &str) -> String {
        format!("{client} -> {server}: \"{text}\" arrived with its sender's address, and the answer went back to exactly that endpoint.")
    }

    fn flow_one_socket(&self, descriptor: usize, flows: usize) -> String {
        format!("The server used one socket (descriptor {descriptor}) for {flows} flows. TCP would need a socket for each.")
    }

    fn sixteen_bits(&self) -> Words {
        Words {
            title: "A port is a 16-bit number",
            claim: "A port is an unsigned 16-bit number: 0 to 65535. (Many notes say 65536. That is one too many.)",
            question: "A program in C sends to port 65536. Where does the datagram go?",
            choices: ["to port 65536", "nowhere: the number becomes port 0", "to port 65535"],
            attempt: "ask for a port that does not exist",
        }
    }

    fn sixteen_bits_highest(&self, port: u16) -> String {
        format!("A socket was bound to port {port}: the highest numbers are ordinary ports.")
    }

    fn sixteen_bits_cut(&self, asked: u32, became: u16) -> String {
        format!("{asked} does not fit the 16 bits of sin_port: only the lower 16 bits were kept, and they are {became}.")
    }

    fn sixteen_bits_refused(&self, port: u16, errno: i32) -> String {
        format!("Port {port} is not a valid destination: sendto failed, {}.", Language::English.errno(errno))
    }
}
