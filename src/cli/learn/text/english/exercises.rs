//! The exercises in English.

use std::net::SocketAddr;
use std::time::Duration;

use udpraw::language::Language;

use super::English;
use crate::cli::learn::text::{Exercises, Task};

fn errno(errno: i32) -> String {
    Language::English.errno(errno)
}

/// What a program that ended said last, as a sentence behind another one.
fn said(last_line: &str) -> String {
    match last_line {
        "" => String::new(),
        line => format!(" Its last line was: {line}"),
    }
}

#[rustfmt::skip]
impl Exercises for English {
    fn exercises_title(&self) -> &'static str { "Exercises" }
    fn exported(&self, pages: usize, folder: &str) -> String { format!("{pages} pages were written to {folder}: begin with index.html.") }
    fn passed(&self, exercise: &str) -> String { format!("Passed: {exercise}.") }
    fn not_yet(&self, exercise: &str) -> String { format!("Not yet: {exercise}.") }
    fn hint(&self) -> &'static str { "Hint" }
    fn its_calls(&self, left_out: usize) -> String {
        match left_out {
            0 => "What your program did".into(),
            more => format!("What your program did ({more} earlier calls are not shown)"),
        }
    }
    fn written(&self, file: &str) -> String { format!("{file} was written. Read its head, and change it until the exercise is passed.") }
    fn how_to_check(&self, command: &str) -> String { format!("Check it with: {command}") }
    fn exercises_progress(&self, done: usize, all: usize) -> String { format!("{done} of {all} exercises passed. Begin one with: udpraw learn start NAME") }
    fn cannot_run(&self, program: &str, reason: &str) -> String { format!("{program} cannot be run and watched: {reason}") }

    fn too_many_processes(&self, most: usize) -> String { format!("Your program had more than {most} processes and threads at once, and was ended with all of them. Does it start itself, or fork in a loop?") }
    fn too_many_calls(&self, most: usize) -> String { format!("Your program made more than {most} socket calls, and was ended. Does it send or receive in a loop that never waits?") }
    fn uring(&self) -> String { "Your program uses io_uring. Its operations are not system calls, so they cannot be watched: use sendto and recvfrom.".into() }
    fn speaks_tcp(&self) -> String { "Your program made a TCP socket (SOCK_STREAM). This exercise is about UDP: use SOCK_DGRAM.".into() }
    fn no_socket(&self, seconds: u64) -> String { format!("Your program made no UDP socket within {seconds} s. Does it wait for something else, such as input?") }
    fn no_socket_ended(&self, last_line: &str) -> String { format!("Your program ended without making a UDP socket.{}", said(last_line)) }
    fn never_sent(&self, seconds: u64) -> String { format!("Your program sent no datagram to the port that it was given (its last argument) within {seconds} s.") }
    fn never_bound(&self, port: u16) -> String { format!("Your program bound no UDP socket. A server calls bind(('127.0.0.1', {port})); the port is its last argument.") }
    fn other_port(&self, bound: SocketAddr, port: u16) -> String { format!("Your program was bound to {bound}, but it was told to use port {port}: take the port from the last argument.") }
    fn port_taken(&self, number: i32) -> String { format!("bind failed: {}. Use the port of the last argument, not a fixed one.", errno(number)) }
    fn ended_early(&self, datagrams: usize, last_line: &str) -> String { format!("Your program ended too early, after it had received {datagrams} datagrams.{}", said(last_line)) }
    fn never_received(&self) -> String { "A datagram was sent to your program, but it did not call recvfrom to take it.".into() }
    fn no_reply(&self, received: usize) -> String { format!("Your program received {received} datagrams and did not answer the last one: call sendto with the address that recvfrom returned.") }
    fn reply_elsewhere(&self, to: SocketAddr, client: SocketAddr) -> String { format!("The request came from {client}, but your answer went to {to}. Answer the address that recvfrom returned with this very request.") }
    fn reply_from_elsewhere(&self, from: SocketAddr, server: SocketAddr) -> String { format!("The client asked {server}, but your answer came from {from}. Answer from the socket that received the request, or the client will ignore you.") }
    fn never_ends(&self, seconds: u64) -> String { format!("Your program did its work, and still ran {seconds} s later: give every recvfrom a timeout, and end.") }
    fn ends_with_success(&self) -> String { "Your program gave up, and ended with exit status 0, which means success. End with another one, such as sys.exit(1).".into() }

    fn server_task(&self) -> Task { Task { title: "A server that answers", task: "Write a server. Bind 127.0.0.1 and the port that is the last argument.\nAnswer each datagram, with any text, to whoever sent it." } }

    fn unicode_task(&self) -> Task { Task { title: "A server that survives any byte", task: "This is the textbook's server. It decodes each request as ASCII.\nMake it survive a byte above 127, and answer the requests after it." } }
    fn unicode_crashed(&self, byte: u8, last_line: &str) -> String { format!("One datagram with the byte {byte} ended your server: anyone can switch it off. Catch the error, or decode with errors=\"replace\".{}", said(last_line)) }

    fn forged_task(&self) -> Task { Task { title: "A client that ignores a forged reply", task: "This is the textbook's client (\"Danger!\"). A forger answers before the server does.\nMake it ignore what does not come from the server, and wait on for the right reply." } }
    fn forged_believed(&self, forger: SocketAddr, server: SocketAddr) -> String { format!("You asked {server}, and took the datagram of {forger} for the reply. Compare the address that recvfrom returns with the server's, or connect() the socket.") }
    fn forged_same_host(&self, forger: SocketAddr, server: SocketAddr) -> String { format!("You took the datagram of {forger} for the reply of {server}. The host is the same, the port is not: compare both, since any program of that host can send.") }
    fn forged_gave_up(&self, forger: SocketAddr) -> String { format!("Your client noticed that {forger} is not the server, and gave up. So a stranger can stop it: ignore the datagram, and receive again.") }
    fn forged_printed(&self, text: &str) -> String { format!("Your client received the right reply, but it also printed the forged one (\"{text}\"). Check the sender before you use the data.") }

    fn retry_task(&self) -> Task { Task { title: "A client that retries, and gives up", task: "Nobody answers this client, and it waits for ever.\nMake it send its request again, with a wait that doubles each time (begin with about 0.1 s),\nat least 3 times and at most 10 times in all. Then end with an exit status other than 0." } }
    fn retry_never(&self, seconds: u64) -> String { format!("Your client sent its request once, and {seconds} s later still waited. The request may be lost: set a timeout (settimeout), and send again.") }
    fn retry_too_few(&self, sends: usize) -> String { format!("Your client sent its request {sends} times and gave up. With a loss of 20 % one of 25 requests is lost twice: try at least 3 times.") }
    fn retry_not_doubled(&self, attempt: usize, before: Duration, after: Duration) -> String { format!("Your attempt {attempt} went out {:.1} s after the one before it, and attempt {} again after {:.1} s: double the wait each time.", before.as_secs_f64(), attempt + 1, after.as_secs_f64()) }
    fn retry_never_gives_up(&self, sends: usize) -> String { format!("Your client has sent its request {sends} times: give up at some point (at most 10 times).") }

    fn refused_task(&self) -> Task { Task { title: "A client that hears that nobody listens", task: "Nobody listens at the port. The kernel learns that by ICMP at once.\nMake the client hear it (ECONNREFUSED), and end at once with an exit status other than 0." } }
    fn refused_not_connected(&self) -> String { "Nobody listens at that port, and the kernel knew it at once by ICMP. It tells only a connected socket: call connect() first, then send() and recv().".into() }
    fn refused_not_listened(&self) -> String { "Your socket is connected, but your program made no further call in which the kernel could report the error. Call recv() after send().".into() }
    fn refused_went_on(&self, sends: usize) -> String { format!("A call failed with ECONNREFUSED, but your program went on ({sends} sends). Nobody listens: say so, and end.") }

    fn ids_task(&self) -> Task { Task { title: "A server that executes a request once", task: "The server has a counter that begins at 0. A request is \"ID add\", such as \"7 add\".\nAdd 1 to the counter and answer \"ID COUNTER\", such as \"7 1\".\nThe network duplicates: if the same client sends the same ID again, do not add again,\nand send the same answer. Another client with the same ID makes another request." } }
    fn ids_wrong_form(&self, request: &str, reply: &str) -> String { format!("The answer to \"{request}\" was \"{reply}\". It must be the ID of this request, a space, and the counter.") }
    fn ids_executed_twice(&self, request: &str, reply: &str) -> String { format!("\"{request}\" arrived twice from one client, as a network that duplicates delivers it, and the second answer was \"{reply}\": the request was executed twice. Remember the answer for each client and ID.") }
    fn ids_duplicate_unanswered(&self, request: &str) -> String { format!("\"{request}\" arrived twice, and the second one got no answer. The first answer may have been lost: send it again.") }
    fn ids_without_client(&self, request: &str, reply: &str) -> String { format!("Another client sent \"{request}\" and got the answer of the first client (\"{reply}\"). Clients choose their IDs by themselves: remember the address with the ID.") }

    fn large_task(&self) -> Task { Task { title: "A message above the MTU", task: "Send a message of 10,000 bytes, of which byte number i is i modulo 251.\nSend it in datagrams of at most 1,472 bytes, so that each fits into a packet of 1,500.\nEach begins with the offset of its data: 4 bytes, big-endian. Then end." } }
    fn large_too_long(&self, bytes: usize, most: usize) -> String { format!("A datagram of {bytes} bytes left. On Ethernet it would be cut into fragments, and one lost fragment loses all: send at most {most} bytes each.") }
    fn large_no_offset(&self, offset: u32, length: usize) -> String { format!("A datagram of {length} bytes begins with the offset {offset}, which is not inside the message. Begin each with the offset of its data in 4 bytes, big-endian (struct.pack(\"!I\", offset)).") }
    fn large_little_endian(&self, offset: u32) -> String { format!("The offset {offset} was sent in the byte order of this machine. In networks the most significant byte comes first: struct.pack(\"!I\", offset).") }
    fn large_wrong_data(&self, offset: u32) -> String { format!("The data behind offset {offset} are not those of the message at that place. Is the offset in bytes, not in pieces?") }
    fn large_missing(&self, missing: usize, length: usize) -> String { format!("{missing} of {length} bytes of the message never arrived. Is the last piece, which is shorter, missing?") }

    fn share_task(&self) -> Task { Task { title: "Two programs on one port", task: "Another program holds the port already, and allows others (SO_REUSEPORT).\nMake this server share the port with it, and answer the datagrams that it gets." } }
    fn share_no_option(&self, number: i32) -> String { format!("bind failed: {}. Both programs must set SO_REUSEPORT, each before its bind.", errno(number)) }
    fn share_reuseaddr(&self, number: i32) -> String { format!("bind failed although your program set SO_REUSEADDR: {}. That option is another one; the port's holder has set SO_REUSEPORT.", errno(number)) }
    fn share_too_late(&self) -> String { "Your program set SO_REUSEPORT after bind had failed. Options that concern bind must be set before it.".into() }
    fn share_silent(&self, flows: usize) -> String { format!("{flows} clients sent to the port, about half of them to your program, and it answered none.") }

    fn broadcast_task(&self) -> Task { Task { title: "One question to everybody", task: "Send one datagram to the broadcast address 127.255.255.255 and the port that is the last argument.\nTwo programs will answer. Receive both answers, then end (also if one is lost)." } }
    fn broadcast_no_permission(&self, number: i32) -> String { format!("sendto failed: {}. Broadcast must be allowed before the send: setsockopt(SOL_SOCKET, SO_BROADCAST, 1).", errno(number)) }
    fn broadcast_unicast(&self, to: SocketAddr) -> String { format!("Your question went to {to}, which is one host. The broadcast address of this network is 127.255.255.255.") }
    fn broadcast_too_few(&self, received: usize, replies: usize) -> String { format!("{replies} programs answered, and yours received {received} of them: call recvfrom until a timeout says that no more come.") }

    fn copy_task(&self) -> Task { Task { title: "Copy a file over a lossy network", task: "Send a file by stop-and-wait. The arguments are the file and the port. The network loses 20 %.\nEach datagram is a number (4 bytes, big-endian, from 0) and up to 1,024 bytes of data.\nThe receiver acknowledges each with its number (4 bytes). Send the next one only then;\nwithout an acknowledgement within about 0.1 s send the same one again.\nAt the end send a number without data, also until it is acknowledged (20 attempts are enough)." } }
    fn copy_wrong_form(&self, number: u32, expected: u32) -> String {
        match number {
            u32::MAX => "A datagram was shorter than its number, which takes 4 bytes.".into(),
            _ => format!("Datagram {number} arrived where {expected} was due, or had more than 1,024 bytes of data. Numbers begin at 0, in 4 bytes, big-endian."),
        }
    }
    fn copy_did_not_wait(&self, number: u32) -> String { format!("Datagram {number} left before the acknowledgement of {} had arrived: compare the number in it, and wait.", number - 1) }
    fn copy_no_retransmission(&self, number: u32, seconds: u64) -> String { format!("Datagram {number}, or its acknowledgement, was lost; {seconds} s later it had not been sent again. Set a timeout, and send the same datagram again.") }
    fn copy_incomplete(&self, bytes: usize, of: usize) -> String { format!("Your program ended when {bytes} of {of} bytes had arrived.") }
    fn copy_wrong_data(&self, number: u32) -> String { format!("The data of datagram {number} are not those of the file. Open it in binary mode, and read on where the last piece ended.") }
    fn copy_no_end(&self) -> String { "All data arrived, but no end: send one more number without data, so that the receiver knows that the file is whole.".into() }
}
