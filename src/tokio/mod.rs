//! Sockets for [tokio](https://docs.rs/tokio), on the backends of [`crate::io`]: batches, offload, and
//! ECN, source and destination per datagram.
//!
//! A [`UdpSocket`] is a non-blocking [`Transport`](crate::io::Transport) that is registered with the
//! runtime. The contract at the head of [`crate::io`] holds here too.
//!
//! **Cancel safety.** Every future of this module can be dropped at any time, as `tokio::select!` does.
//! A datagram was either received and visited, or is still in the socket. A datagram given to
//! [`UdpSocket::send`] was sent whole or not at all. What was queued is sent by the next flush.
//!
//! `examples/tokio_echo.rs` is a whole server. For another runtime, the glue is two small types:
//! `examples/async_io_echo.rs` shows them.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_io().build()?.block_on(async {
//! use udpraw::io::Transmit;
//! use udpraw::tokio::UdpSocket;
//!
//! let mut server = UdpSocket::bind("127.0.0.1:0".parse()?)?;
//! let address = server.endpoint().local_address()?;
//! let mut client = UdpSocket::bind("127.0.0.1:0".parse()?)?;
//!
//! client.send(&Transmit::new(b"hello").to(address)).await?;
//! server.recv(|message, queue| queue.echo(message)).await?;
//! server.flush().await.into_result()?;
//!
//! let mut answer = Vec::new();
//! client.recv(|message, _| answer.extend_from_slice(message.bytes())).await?;
//! assert_eq!(answer, b"hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod socket;

pub use socket::{RecvHalf, SendHalf, UdpSocket, Writable};
