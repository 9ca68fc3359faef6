//! An echo server on tokio that receives and sends in batches, and ends at Ctrl-C.
//!
//! ```sh
//! cargo run --no-default-features --features tokio --example tokio_echo -- [ADDRESS [COUNT]]
//! ```
//!
//! It listens at ADDRESS (default 127.0.0.1:1060) and ends after COUNT datagrams, or at Ctrl-C. Talk to
//! it with `nc -u 127.0.0.1 1060`, or load it with the example `gso_sender`.
//!
//! What to look at:
//! - The last line: under load, many datagrams per system call.
//! - `strace -f -e trace=network,epoll_wait target/debug/examples/tokio_echo`: a receive that empties
//!   the socket is not followed by one that finds it empty.
//! - `tokio::select!` drops the receive that lost. That loses no datagram: see "Cancel safety" at the
//!   head of `udpraw::tokio`.
//!
//! Man pages: udp(7), epoll(7), recvmmsg(2), sendmmsg(2).

use std::env;
use std::error::Error;

use tokio::signal;
use udpraw::tokio::UdpSocket;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let address = arguments.next().unwrap_or("127.0.0.1:1060".into());
    let count: usize = arguments.next().map_or(Ok(usize::MAX), |it| it.parse())?;

    // The best backend that this kernel has, with large socket buffers.
    let mut socket = UdpSocket::bind(address.parse()?)?;
    let local = socket.endpoint().local_address()?;
    println!("listening at {local}, backend {}", socket.backend());

    let interrupt = signal::ctrl_c();
    tokio::pin!(interrupt);
    let mut left = count;
    while left > 0 {
        // All that has arrived is queued for its senders by the time the future is ready.
        let received = tokio::select! {
            received = socket.recv(|message, queue| queue.echo(message)) => received,
            _ = &mut interrupt => break,
        };
        match received {
            Ok(datagrams) => left = left.saturating_sub(datagrams),
            // What ICMP says about an earlier datagram concerns one client only.
            Err(error) if error.is_about_the_network() => eprintln!("{error}"),
            Err(error) => return Err(error.into()),
        }
        let sent = socket.flush().await;
        if let Some(error) = sent.error {
            eprintln!("{} datagrams refused: {error}", sent.refused);
        }
    }
    let counters = socket.counters();
    let (received, sent, calls) = (counters.received, counters.sent, counters.syscalls);
    println!("{received} received, {sent} sent, {calls} system calls");
    Ok(())
}
