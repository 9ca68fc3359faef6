//! The chapter "What UDP leaves to you" in English.

use std::net::SocketAddr;

use super::English;
use crate::cli::learn::text::{Unreliable, Words};

#[rustfmt::skip]
impl Unreliable for English {
    fn loss(&self) -> Words {
        Words {
            title: "Datagrams are lost",
            claim: "UDP leaves lost packets to the program.",
            question: "Ten datagrams leave through a network that loses half of them. What does sendto return for a lost one?",
            choices: ["an error", "success", "success, and an error with the next call"],
            attempt: "put such a network between two programs",
        }
    }
    fn loss_sent(&self, sent: usize) -> String { format!("All {sent} calls of sendto succeeded: the kernel had taken the datagrams.") }
    fn loss_arrived(&self, arrived: usize, sent: usize, lost: u64) -> String { format!("{arrived} of {sent} arrived; the network lost {lost}. Nobody told the sender.") }

    fn duplicates(&self) -> Words {
        Words {
            title: "Datagrams are duplicated",
            claim: "UDP leaves repeated packets to the program.",
            question: "A client sends \"add 10\" once, over a network that duplicates. The server adds what it receives. How much is in the account?",
            choices: ["10", "20", "0: the kernel drops both copies"],
            attempt: "duplicate every datagram between two programs",
        }
    }
    fn duplicates_arrived(&self, sent: usize, arrived: usize) -> String { format!("{sent} datagram was sent, {arrived} arrived, equal in every byte and from the same sender.") }
    fn duplicates_executed(&self, account: i64, expected: i64) -> String { format!("A server that executes each request now has {account} in the account instead of {expected}. Only an id in the request could tell the copy from a second request.") }

    fn disorder(&self) -> Words {
        Words {
            title: "Datagrams change their order",
            claim: "UDP leaves packets that arrive out of order to the program.",
            question: "A program sends 1, 2, 3, 4, 5, 6. The network delays some of them. In which order does recvfrom return them?",
            choices: ["as they were sent", "as they arrived", "sorted by their contents"],
            attempt: "reorder the datagrams between two programs",
        }
    }
    fn disorder_orders(&self, sent: &str, arrived: &str) -> String { format!("Sent: {sent}. Received: {arrived}. UDP has no sequence numbers; a program that needs the order must number its datagrams.") }

    fn corruption(&self) -> Words {
        Words {
            title: "Data is corrupted",
            claim: "Errors on the way must be repaired. UDP only has a checksum of 16 bits, and drops what does not match.",
            question: "A device on the way changes a bit and computes the UDP checksum anew. What does the receiver see?",
            choices: ["nothing: the datagram is dropped", "an error", "wrong data, as if it were right"],
            attempt: "add a checksum of your own to request and reply",
        }
    }
    fn corruption_arrived(&self, sent: &str, arrived: &str) -> String { format!("\"{sent}\" was sent and \"{arrived}\" received. The relay on the way sent a datagram of its own with a right checksum.") }
    fn corruption_same_sum(&self, first: &str, second: &str, sum: u16) -> String { format!("The checksum is weak as well: \"{first}\" and \"{second}\" both have the sum {sum:#06x}, since it does not see swapped words.") }
    fn corruption_crc(&self, first: u32, second: u32) -> String { format!("A CRC tells them apart: {first:#010x} and {second:#010x}.") }

    fn danger(&self) -> Words {
        Words {
            title: "Danger! The reply may come from anyone",
            claim: "The textbook's client takes the first datagram that arrives for the reply, whoever sent it: \"Danger! See Chapter 2\".",
            question: "A client asks a server. Before the server answers, a stranger sends a datagram to the client's port. What does recvfrom return first?",
            choices: ["the stranger's datagram", "the server's reply", "an error"],
            attempt: "see what a careful client does with strangers",
        }
    }
    fn danger_believed(&self, text: &str, forger: SocketAddr, server: SocketAddr) -> String { format!("The client asked {server}, and recvfrom returned \"{text}\" from {forger}. The client that does not compare the sender believes it.") }
    fn danger_connected(&self, server: SocketAddr) -> String { format!("A second client first called connect({server}). The forger sent to it again, before the server.") }
    fn danger_cured(&self, text: &str) -> String { format!("This time recvfrom returned \"{text}\": the kernel dropped what did not come from the connected peer.") }

    fn ids(&self) -> Words {
        Words {
            title: "Request ids: a better cure",
            claim: "A random id in each request tells which request a reply answers. Even a right sender may send an old reply.",
            question: "A client gave up on request 1 and sends request 2. Now the late reply to 1 arrives from the right server. Without ids, what does the client do?",
            choices: ["it drops the reply", "it waits for the reply to 2", "it takes the old reply for the new one"],
            attempt: "use random ids and checksums on both sides",
        }
    }
    fn ids_late(&self, text: &str) -> String { format!("After request 2, recvfrom first returned \"{text}\": the right server, the wrong reply.") }
    fn ids_matched(&self, id: u32, ignored: usize) -> String { format!("By comparing ids the client ignored {ignored} old reply and took the one with id {id}. A forger must guess the id, which is random in practice.") }

    fn backoff(&self) -> Words {
        Words {
            title: "Retry, but wait longer each time",
            claim: "A client cannot know whether its request or the reply was lost. It asks again, doubles the wait, and gives up at some point.",
            question: "No reply comes. Why does each further attempt wait twice as long?",
            choices: ["to save battery", "so that many clients do not flood a network that is already overloaded", "because the kernel forbids fast repeats"],
            attempt: "see a client retry and give up",
        }
    }
    fn backoff_attempt(&self, attempt: u32, waited_ms: u64) -> String { format!("Attempt {attempt}: no reply within {waited_ms} ms.") }
    fn backoff_gave_up(&self, attempts: u32, total_ms: u64) -> String { format!("After {attempts} attempts and {total_ms} ms the client gave up: a client that waits for ever is no better than none.") }

    fn tcp(&self) -> Words {
        Words {
            title: "TCP does both jobs",
            claim: "TCP multiplexes by ports as well, and it also keeps the stream complete and in order; the receiver reassembles it.",
            question: "A program writes \"one \" and then \"two\" to a TCP socket. The other side reads once, later. What does it get?",
            choices: ["\"one \", and \"two\" with the next read", "\"one two\"", "\"two\""],
            attempt: "compare with UDP: two sends are two datagrams",
        }
    }
    fn tcp_one_read(&self, writes: usize, text: &str) -> String { format!("TCP: {writes} writes, one read: \"{text}\". The borders between the writes are gone; the bytes are complete and in order.") }
    fn tcp_udp_beside(&self, sends: usize, receives: usize) -> String { format!("UDP beside it: {sends} sends needed {receives} receives. Each datagram keeps its borders.") }
}
