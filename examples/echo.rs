//! An echo server, one datagram at a time: the plain loop on a blocking socket.
//!
//! ```sh
//! cargo run --no-default-features --example echo -- [ADDRESS [COUNT]]
//! ```
//!
//! It listens at ADDRESS (default 127.0.0.1:1060; port 0 lets the kernel choose one) and ends after
//! COUNT datagrams, or at Ctrl-C. Talk to it with `nc -u 127.0.0.1 1060` or `udpraw client`.
//!
//! What to look at:
//! - `strace target/debug/examples/echo`: after `bind`, one `recvfrom` and one `sendto` per datagram.
//! - `udpraw ports 1060`: who holds the port, how full its receive queue is, and what was dropped.
//!
//! Keep it off the Internet: a datagram with a forged source makes two echo servers answer each other
//! for ever.
//!
//! Man pages: udp(7), ip(7), socket(2), bind(2), recvfrom(2), sendto(2).

use std::env;
use std::error::Error;

use udpraw::socket::{Endpoint, ReceiveBuffer};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let address = arguments.next().unwrap_or("127.0.0.1:1060".into());
    let count: u64 = arguments.next().map_or(Ok(u64::MAX), |it| it.parse())?;

    let socket = Endpoint::builder().bind(address.parse()?)?;
    println!("listening at {}", socket.local_address()?);

    // 65,535 bytes, used again for each datagram: none is ever truncated.
    let mut buffer = ReceiveBuffer::new();
    for _ in 0..count {
        let datagram = socket.receive(&mut buffer)?;
        // A client that cannot be reached must not end the service of the others.
        match socket.send_to(datagram.bytes(), datagram.source()) {
            Ok(()) => println!("{} bytes to {}", datagram.length(), datagram.source()),
            Err(error) => eprintln!("{error}"),
        }
    }
    Ok(())
}
