//! The chapter "Beyond the book" in English.

use std::net::SocketAddr;

use udpraw::language::Language;

use super::English;
use crate::cli::learn::text::{Beyond, Words};

#[rustfmt::skip]
impl Beyond for English {
    fn overflow(&self) -> Words {
        Words {
            title: "Buffers overflow, and the kernel counts it",
            claim: "Datagrams that wait to be received fill a buffer. When it is full, the kernel drops new ones and counts them.",
            question: "A server is too slow, and its receive buffer is full. Where can you see the loss?",
            choices: ["nowhere", "at the sender: sendto fails", "in a counter of the server's socket"],
            attempt: "watch the drops of every socket",
        }
    }
    fn overflow_buffer(&self, asked: usize, got: &str) -> String { format!("The receiver asked for a buffer of {asked} byte; the kernel's minimum is {got} bytes.") }
    fn overflow_counted(&self, sent: usize, arrived: usize, drops: usize) -> String { format!("{sent} datagrams were sent, {arrived} fitted into the buffer, and the counter of the socket shows {drops} drops: every one is accounted for.") }

    fn mtu(&self) -> Words {
        Words {
            title: "MTU and fragments",
            claim: "A link carries packets up to its MTU. A longer datagram is split into fragments, or refused.",
            question: "The MTU is 1500 bytes. How many bytes of data fit into one unfragmented datagram over IPv4?",
            choices: ["1500", "1480", "1472"],
            attempt: "find the path MTU to a host",
        }
    }
    fn mtu_interface(&self, mtu: usize) -> String { format!("In a network namespace of its own the loopback interface has an MTU of {mtu} bytes, as Ethernet has.") }
    fn mtu_refused(&self, bytes: usize, errno: i32) -> String { format!("With \"don't fragment\" a send of {bytes} bytes failed: {}.", Language::English.errno(errno)) }
    fn mtu_fits(&self, bytes: usize, mtu: usize) -> String { format!("{bytes} bytes of data passed: with 20 bytes of IP header and 8 of UDP header they are exactly {mtu}.") }
    fn mtu_fragments(&self, bytes: usize, fragments: usize) -> String { format!("Without it, {bytes} bytes left as {fragments} fragments and arrived as one datagram. If one fragment is lost, all is lost.") }
    fn mtu_lacks_namespace(&self, errno: i32) -> String { format!("This machine allows no user namespace ({}), so the lesson cannot make a network with a small MTU. Below is what its loopback interface allows.", Language::English.errno(errno)) }

    fn broadcast(&self) -> Words {
        Words {
            title: "Broadcast and multicast",
            claim: "One datagram can go to every host of a link, or to all members of a group. Broadcast needs permission from the program itself.",
            question: "A program sends to a broadcast address, and has set no option. What happens?",
            choices: ["sendto fails with EACCES", "every host receives it", "only root's programs receive it"],
            attempt: "read what the option does",
        }
    }
    fn broadcast_refused(&self, to: SocketAddr, errno: i32) -> String { format!("Without SO_BROADCAST a send to {to} failed: {}.", Language::English.errno(errno)) }
    fn broadcast_arrived(&self, to: SocketAddr, receivers: usize) -> String { format!("With SO_BROADCAST one datagram to {to} reached {receivers} sockets: each got a copy.") }
    fn multicast_arrived(&self, to: SocketAddr, members: usize, others: usize) -> String { format!("One datagram to the group {to} reached the {members} sockets that had joined it, and {others} that had not.") }
    fn multicast_lacks(&self, errno: i32) -> String { format!("The loopback interface takes no multicast here: {}.", Language::English.errno(errno)) }

    fn batches(&self) -> Words {
        Words {
            title: "Many datagrams in one call",
            claim: "A system call per datagram is not a law: with UDP_SEGMENT one call sends many, which the kernel splits.",
            question: "A program wants to send a hundred datagrams of 100 bytes. How many calls of sendto does it need at least?",
            choices: ["100", "10", "1"],
            attempt: "measure what that gains on this machine",
        }
    }
    fn batches_sent(&self, datagrams: usize, bytes: usize) -> String { format!("One sendto took {bytes} bytes: {datagrams} datagrams.") }
    fn batches_arrived(&self, datagrams: usize, bytes: usize) -> String { format!("{datagrams} datagrams of {bytes} bytes arrived, each by itself.") }
}
