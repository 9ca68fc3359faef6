//! The chapter "The socket" in English.

use std::net::SocketAddr;

use udpraw::language::Language;

use super::English;
use crate::cli::learn::text::{Socket, Words};

#[rustfmt::skip]
impl Socket for English {
    fn socket(&self) -> Words {
        Words {
            title: "A socket is an endpoint, and a number",
            claim: "A socket is an endpoint of communication. The operating system identifies it by an integer; family and type make it IPv4 and UDP.",
            question: "A program opens a socket and gets descriptor 3. It opens a second one, closes the first and opens a third. Which number does the third one get?",
            choices: ["3", "4", "5"],
            attempt: "see the descriptors of all UDP sockets",
        }
    }
    fn socket_number(&self, descriptor: usize) -> String { format!("The kernel answered socket(2) with the integer {descriptor}. All later calls name the socket by it.") }
    fn socket_again(&self, closed: usize, next: usize) -> String { format!("After close({closed}) the next socket got {next}: the lowest free number.") }
    fn socket_kind(&self, family: &str, kind: &str, protocol: &str) -> String { format!("socket({family}, {kind}) made a {protocol} socket.") }
    fn socket_endpoint(&self, address: SocketAddr) -> String { format!("Once bound it is the endpoint {address}: others can send to it.") }

    fn bind(&self) -> Words {
        Words {
            title: "bind takes host and port",
            claim: "bind() gives a socket its local address, an IP address and a port. If the port is in use, it fails.",
            question: "A socket is bound to 127.0.0.1 and some port. Another program binds the same port. What happens?",
            choices: ["both get every datagram", "the second bind fails", "the first socket loses the port"],
            attempt: "find out who holds a port",
        }
    }
    fn bind_done(&self, address: SocketAddr) -> String { format!("bind gave the first socket the local address {address}.") }
    fn bind_taken(&self, address: SocketAddr, errno: i32) -> String { format!("A second program asked for {address}: {}. In Python this is an OSError.", Language::English.errno(errno)) }
    fn bind_holder(&self, port: u16, pid: u32, descriptor: u32) -> String { format!("Port {port} is held by process {pid}, by its descriptor {descriptor}.") }
    fn bind_other_host(&self, address: SocketAddr) -> String { format!("The same port at another IP address was free: {address}. host and port together are what bind takes.") }

    fn waiting(&self) -> Words {
        Words {
            title: "recvfrom waits",
            claim: "Without a request, recvfrom() waits.",
            question: "A server waits in recvfrom for an hour. How much CPU time does that take?",
            choices: ["an hour", "none", "a little for each second"],
            attempt: "watch a server wait",
        }
    }
    fn waiting_asleep(&self, state: char) -> String { format!("While nothing had arrived, /proc showed the process in state {state}: it slept inside the call and used no CPU time.") }
    fn waiting_woken(&self, millis: u64) -> String { format!("The datagram woke it. The call had lasted {millis} ms.") }

    fn sendto(&self) -> Words {
        Words {
            title: "sendto takes data and address, recvfrom returns them",
            claim: "sendto() takes the data and the destination. recvfrom() returns two values: the data and the sender's address.",
            question: "A client's socket was never connected. How does the server know where to send its answer?",
            choices: ["recvfrom returned the sender's address", "the client writes it into the data", "it asks the kernel for the client's name"],
            attempt: "see the same calls of a real server and client",
        }
    }
    fn sendto_both(&self, bytes: usize, to: SocketAddr) -> String { format!("sendto took {bytes} bytes and the destination {to}.") }
    fn recvfrom_both(&self, bytes: usize, from: SocketAddr) -> String { format!("recvfrom returned those {bytes} bytes and the sender {from}.") }
    fn sendto_nowhere(&self, errno: i32) -> String { format!("A send without a destination failed: {}.", Language::English.errno(errno)) }

    fn own_port(&self) -> Words {
        Words {
            title: "The OS picks the client's port",
            claim: "A client that names no port gets one from the operating system.",
            question: "A client has sent its first datagram and asks for its own address. What is the IP address?",
            choices: ["127.0.0.1", "0.0.0.0", "the server's"],
            attempt: "see which port each client gets",
        }
    }
    fn own_port_before(&self) -> String { "Before the first sendto the socket had no port: getsockname returned 0.".into() }
    fn own_port_picked(&self, port: u16, low: u16, high: u16) -> String { format!("With the first sendto the kernel picked port {port}, from ip_local_port_range, {low} to {high}.") }
    fn own_port_unspecified(&self, address: SocketAddr) -> String { format!("getsockname returned {address}. 0.0.0.0 means: not decided. A route chooses the source address anew for each datagram.") }
    fn own_port_routed(&self, address: SocketAddr) -> String { format!("Once connected to one peer the route was known, and so was the address: {address}.") }

    fn text(&self) -> Words {
        Words {
            title: "A socket carries bytes, not text",
            claim: "Text is encoded into bytes to be sent, and decoded from bytes when received.",
            question: "The textbook's server decodes each request as ASCII. A client sends one byte above 127. What happens?",
            choices: ["the byte becomes a question mark", "the datagram is not delivered", "the server ends"],
            attempt: "send such a byte to a server that survives it",
        }
    }
    fn text_ascii(&self, characters: usize, bytes: usize) -> String { format!("ASCII text of {characters} characters was {bytes} bytes, and the server decoded it.") }
    fn text_utf8(&self, text: &str, characters: usize, bytes: usize) -> String { format!("\"{text}\" has {characters} characters, and {bytes} bytes in UTF-8.") }
    fn text_crashed(&self, byte: u8, position: usize) -> String { format!("The byte {byte} at position {position} is not ASCII. Decoding failed, nobody caught that, and the server ended.") }
    fn text_refused(&self, errno: i32) -> String { format!("The next client was told: {}. One datagram had switched the service off.", Language::English.errno(errno)) }

    fn size(&self) -> Words {
        Words {
            title: "65,535 bytes asked, 65,507 possible",
            claim: "The textbook reads with MAX_BYTES = 65535. No datagram over IPv4 carries that many.",
            question: "How many bytes can one UDP datagram over IPv4 carry?",
            choices: ["65,535", "65,507", "1,500"],
            attempt: "find the largest datagram that reaches a host",
        }
    }
    fn size_refused(&self, bytes: usize, errno: i32) -> String { format!("A send of {bytes} bytes failed: {}.", Language::English.errno(errno)) }
    fn size_largest(&self, bytes: usize, asked: usize) -> String { format!("A send of {bytes} bytes arrived whole; the receiver had asked for up to {asked}.") }
    fn size_headers(&self) -> String { "The length field of IP counts up to 65,535 bytes: 20 for the IP header, 8 for the UDP header, 65,507 for the data.".into() }
    fn size_truncated(&self, bytes: usize, sent: usize) -> String { format!("A receiver that asked for only {bytes} bytes got {bytes} of {sent}; the rest was lost for good.") }
}
