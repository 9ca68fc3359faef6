//! Receives and counts datagrams by io_uring: one multishot `recvmsg` stays armed, and the kernel fills
//! the buffers of a ring with what arrives.
//!
//! ```sh
//! cargo run --no-default-features --features uring --example uring_sink -- [ADDRESS [COUNT]]
//! ```
//!
//! It listens at ADDRESS (default 127.0.0.1:1060), prints the rate once a second while datagrams
//! arrive, and ends after COUNT datagrams, or at Ctrl-C. Send to it with the example `gso_sender`.
//!
//! What to look at:
//! - `strace target/debug/examples/uring_sink`: `io_uring_enter` and no receiving call at all. Under load
//!   one call waits for many datagrams.
//! - "rearmed" in the summary: how often all buffers were full before the program looked.
//! - Where io_uring is forbidden (`sysctl kernel.io_uring_disabled`, a seccomp filter) the backend fails
//!   with an error of kind `Unsupported`: nothing else is used silently.
//!
//! Man pages: io_uring(7), io_uring_enter(2), io_uring_prep_recvmsg_multishot(3).

use std::env;
use std::error::Error;
use std::time::{Duration, Instant};

use udpraw::io::{Backend, BackendChoice, Transport, TransportConfig, Wait};
use udpraw::socket::Endpoint;

const SECOND: Duration = Duration::from_secs(1);

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let address = arguments.next().unwrap_or("127.0.0.1:1060".into());
    let count: usize = arguments.next().map_or(Ok(usize::MAX), |it| it.parse())?;

    let socket = Endpoint::builder().bind(address.parse()?)?;
    let local = socket.local_address()?;
    let choice = BackendChoice::Only(Backend::Uring);
    let mut transport = Transport::open(socket, choice, TransportConfig::bulk())?;
    println!("listening at {local}");

    let (mut left, mut since) = (count, Instant::now());
    let mut before = transport.counters();
    while left > 0 {
        // Returns 0 if the second is over, or a signal was handled.
        let received = transport.receive(Wait::Until(since + SECOND), |_, _| ())?;
        left = left.saturating_sub(received);

        let elapsed = since.elapsed();
        if elapsed >= SECOND {
            let counters = transport.counters();
            let datagrams = counters.received - before.received;
            let bits = 8 * (counters.received_bytes - before.received_bytes);
            if datagrams > 0 {
                println!(
                    "{:.0} datagrams/s, {:.1} Mbit/s",
                    datagrams as f64 / elapsed.as_secs_f64(),
                    bits as f64 / elapsed.as_secs_f64() / 1e6
                );
            }
            (since, before) = (Instant::now(), counters);
        }
    }
    let counters = transport.counters();
    println!(
        "{} datagrams, {} bytes, {} system calls, rearmed {} times",
        counters.received, counters.received_bytes, counters.syscalls, counters.rearmed
    );
    println!(
        "dropped by the kernel: {}",
        transport.endpoint().kernel_drops()?
    );
    Ok(())
}
