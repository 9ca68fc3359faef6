//! An echo server of several threads, each with a socket of its own on one port (`SO_REUSEPORT`).
//!
//! ```sh
//! cargo run --no-default-features --example sharing_a_port -- [ADDRESS [THREADS [COUNT]]]
//! ```
//!
//! THREADS sockets (default 2) listen at ADDRESS (default 127.0.0.1:1060). The kernel gives a datagram to
//! the socket that belongs to the CPU it arrived on, so that the flows of a CPU stay there. It ends
//! after COUNT datagrams in all, or at Ctrl-C.
//!
//! What to look at:
//! - `udpraw ports 1060`: the group, and which of its sockets the kernel gives a datagram to.
//! - `strace -f -e trace=network target/debug/examples/sharing_a_port`: `SO_REUSEPORT` on each socket, and
//!   `SO_ATTACH_REUSEPORT_CBPF` on the first.
//!
//! Man pages: socket(7) (`SO_REUSEPORT`, `SO_ATTACH_REUSEPORT_CBPF`), eventfd(2), sched_setaffinity(2).

use std::env;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use udpraw::error::Result;
use udpraw::io::{BackendChoice, Transport, TransportConfig, Wait};
use udpraw::socket::{Endpoint, Waker};

/// What the threads have in common.
struct Shared {
    /// How many datagrams are still to be received.
    left: AtomicUsize,
    /// One for each thread: ends its wait, so that it looks at `left`.
    wakers: Vec<Waker>,
}

/// Echoes until the threads together have received enough; returns this one's share.
fn serve(endpoint: Endpoint, waker: Waker, shared: &Shared) -> Result<usize> {
    let mut transport = Transport::open(endpoint, BackendChoice::Auto, TransportConfig::bulk())?;
    transport.wake_by(waker);
    let mut share = 0;
    while shared.left.load(Ordering::Relaxed) > 0 {
        // Returns 0 if this thread was woken.
        let received = transport.receive(Wait::Forever, |message, queue| queue.echo(message))?;
        if let Some(error) = transport.flush().error {
            eprintln!("{error}");
        }
        share += received;
        let subtract = |left: usize| Some(left.saturating_sub(received));
        let before = shared
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, subtract);
        if before.is_ok_and(|before| before <= received) {
            shared.wakers.iter().for_each(Waker::wake);
        }
    }
    Ok(share)
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut arguments = env::args().skip(1);
    let address = arguments.next().unwrap_or("127.0.0.1:1060".into());
    let threads: usize = arguments.next().map_or(Ok(2), |it| it.parse())?;
    let count: usize = arguments.next().map_or(Ok(usize::MAX), |it| it.parse())?;

    let group = Endpoint::builder().bind_group(address.parse()?, threads)?;
    println!("listening at {}", group[0].local_address()?);
    let wakers = group.iter().map(|_| Waker::new());
    let shared = Shared {
        left: AtomicUsize::new(count),
        wakers: wakers.collect::<Result<_>>()?,
    };
    thread::scope(|scope| {
        let wakers = shared.wakers.iter().cloned();
        let workers = group.into_iter().zip(wakers).map(|(endpoint, waker)| {
            let shared = &shared;
            scope.spawn(move || serve(endpoint, waker, shared))
        });
        let workers: Vec<_> = workers.collect();
        for (number, worker) in workers.into_iter().enumerate() {
            let share = worker.join().expect("a thread that does not panic")?;
            println!("socket {number}: {share} datagrams");
        }
        Ok(())
    })
}
