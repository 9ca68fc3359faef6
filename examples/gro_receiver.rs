//! Receives runs of datagrams that crossed the kernel as one (`UDP_GRO`, generic receive offload), each
//! with its ECN codepoint, its destination and the interface that it arrived on.
//!
//! ```sh
//! cargo run --no-default-features --example gro_receiver -- [ADDRESS [COUNT]]
//! ```
//!
//! It listens at ADDRESS (default 127.0.0.1:1060) and ends after COUNT datagrams, or at Ctrl-C. Send to
//! it with the example `gso_sender`.
//!
//! What to look at:
//! - The receiver's lines: what `gso_sender` sent as a run arrives as a run. Over loopback the kernel
//!   hands it through whole; a network card's driver puts runs together from single datagrams.
//! - `udpraw trace target/debug/examples/gro_receiver`: `recvmmsg` with the control messages `IP_TOS`,
//!   `IP_PKTINFO` and, for a run, `UDP_GRO`.
//!
//! Man pages: udp(7), ip(7), ipv6(7), recvmmsg(2), cmsg(3); ECN: RFC 3168.

use std::env;
use std::error::Error;

use udpraw::io::{Backend, BackendChoice, Transport, TransportConfig, Wait};
use udpraw::socket::Endpoint;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let address = arguments.next().unwrap_or("127.0.0.1:1060".into());
    let count: usize = arguments.next().map_or(Ok(usize::MAX), |it| it.parse())?;

    // The kernel reports only what is asked for, and the transport makes room for just that. On an
    // IPv4 socket these are IP_RECVTOS and IP_PKTINFO, on an IPv6 socket their counterparts.
    let socket = Endpoint::builder()
        .receive_tos()
        .packet_info(true)
        .bind(address.parse()?)?;
    let local = socket.local_address()?;
    // The backend sets UDP_GRO. Runs that arrived before are received as single datagrams.
    let choice = BackendChoice::Only(Backend::Offload);
    let mut transport = Transport::open(socket, choice, TransportConfig::bulk())?;
    println!("listening at {local}");

    let mut left = count;
    while left > 0 {
        let received = transport.receive(Wait::Forever, |message, _| {
            print!("{} datagrams", message.count());
            print!(" of {} bytes", message.segment_size());
            print!(" from {}", message.source());
            if let Some(info) = message.packet_info() {
                print!(" to {} on interface {}", info.destination, info.interface);
            }
            if let Some(ecn) = message.ecn() {
                print!(", {ecn}");
            }
            println!();
            // `message.datagrams()` yields the bytes of each datagram, valid until the visit ends.
        })?;
        left = left.saturating_sub(received);
    }
    let counters = transport.counters();
    println!(
        "{} datagrams, {} runs, {} system calls",
        counters.received, counters.runs, counters.syscalls
    );
    Ok(())
}
