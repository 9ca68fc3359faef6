//! An echo server on another runtime than tokio, here async-io: the glue is two small types.
//!
//! ```sh
//! cargo run --no-default-features --example async_io_echo -- [ADDRESS [COUNT]]
//! ```
//!
//! It listens at ADDRESS (default 127.0.0.1:1060) and ends after COUNT datagrams, or at Ctrl-C. Talk to
//! it with `nc -u 127.0.0.1 1060`, or load it with the example `gso_sender`.
//!
//! Any runtime will do that can wait until a file descriptor is readable or writable. The rule is: try
//! first (`try_receive`, `try_send`, `try_flush`), and wait only after `WouldBlock`. The halves may live
//! in two tasks or threads. Backend `uring` cannot be used so: its datagrams do not make the socket
//! readable.
//!
//! What to look at: `strace -f -e trace=network,epoll_wait target/debug/examples/async_io_echo`.
//!
//! Man pages: udp(7), epoll(7), fcntl(2) (`O_NONBLOCK`).

use std::env;
use std::error::Error;
use std::io::{ErrorKind, Result};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use async_io::Async;
use udpraw::io::{
    BackendChoice, Received, Receiver, SendQueue, Sender, Sent, Transport, TransportConfig,
};
use udpraw::socket::Endpoint;

/// A receiver, and what waits until its socket is readable.
struct AsyncReceiver(Receiver, Arc<Async<OwnedFd>>);

impl AsyncReceiver {
    async fn recv(&mut self, mut visit: impl FnMut(&Received<'_>)) -> Result<usize> {
        loop {
            match self.0.try_receive(&mut visit) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.1.readable().await?,
                result => return Ok(result?),
            }
        }
    }
}

/// A sender, and what waits until its socket is writable.
struct AsyncSender(Sender, Arc<Async<OwnedFd>>);

impl AsyncSender {
    /// The queue, which never waits: what the socket has no room for stays in it.
    fn queue(&mut self) -> SendQueue<'_> {
        self.0.send_queue()
    }

    /// Sends all that is queued. (A `send` of one datagram looks like `recv`, around `try_send`.)
    async fn flush(&mut self) -> Result<Sent> {
        while !self.queue().try_flush() {
            self.1.writable().await?;
        }
        Ok(self.queue().flush())
    }
}

/// Makes a socket non-blocking, registers it, and splits it.
fn open(endpoint: Endpoint) -> Result<(AsyncReceiver, AsyncSender)> {
    endpoint.set_nonblocking(true)?;
    // The runtime owns a descriptor of its own for the same socket.
    let registered = Async::new_nonblocking(endpoint.as_fd().try_clone_to_owned()?)?;
    let registered = Arc::new(registered);
    let transport = Transport::open(endpoint, BackendChoice::Auto, TransportConfig::bulk())?;
    let (receiver, sender) = transport.into_split();
    let receiver = AsyncReceiver(receiver, registered.clone());
    Ok((receiver, AsyncSender(sender, registered)))
}

async fn echo(endpoint: Endpoint, count: usize) -> Result<()> {
    let (mut receiver, mut sender) = open(endpoint)?;
    let mut left = count;
    while left > 0 {
        let mut queue = sender.queue();
        let received = receiver.recv(|message| queue.echo(message)).await?;
        // A client that cannot be reached must not end the service of the others.
        if let Some(error) = sender.flush().await?.error {
            eprintln!("{error}");
        }
        left = left.saturating_sub(received);
    }
    Ok(())
}

fn main() -> std::result::Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let address = arguments.next().unwrap_or("127.0.0.1:1060".into());
    let count: usize = arguments.next().map_or(Ok(usize::MAX), |it| it.parse())?;
    let endpoint = Endpoint::builder().bind(address.parse()?)?;
    println!("listening at {}", endpoint.local_address()?);
    async_io::block_on(echo(endpoint, count))?;
    println!("done");
    Ok(())
}
