//! A transport that is registered with the runtime.

use std::fmt;
use std::future::poll_fn;
use std::io::{ErrorKind, IoSliceMut};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use ::tokio::io::unix::AsyncFd;
use ::tokio::io::{Interest, Ready};

use crate::error::{Error, Result};
use crate::io::{
    Backend, BackendChoice, Counters, Received, Receiver, SendQueue, Sender, Sent, Transmit,
    Transport, TransportConfig,
};
use crate::socket::Endpoint;
use crate::sys::reactor::{self, Registered};

/// A UDP socket whose calls are futures. What they have in common is at the head of
/// [`crate::tokio`].
#[derive(Debug)]
pub struct UdpSocket {
    recv: RecvHalf,
    send: SendHalf,
    backend: Backend,
}

/// The receiving half of a [`UdpSocket`], for a task of its own.
pub struct RecvHalf {
    receiver: Receiver,
    fd: Arc<AsyncFd<Registered<Endpoint>>>,
}

/// Tells when a [`SendHalf`] may have room again. Each task that waits can have one of its own.
#[derive(Clone)]
pub struct Writable {
    fd: Arc<AsyncFd<Registered<Endpoint>>>,
}

/// The sending half of a [`UdpSocket`], for a task of its own.
pub struct SendHalf {
    sender: Sender,
    fd: Arc<AsyncFd<Registered<Endpoint>>>,
}

impl UdpSocket {
    /// A socket bound to `address`, on the best backend and with the buffers of
    /// [`TransportConfig::bulk`].
    ///
    /// # Errors
    /// As of [`Builder::bind`](crate::socket::Builder::bind) and [`Self::open`].
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O enabled, as tokio's own types do.
    pub fn bind(address: SocketAddr) -> Result<Self> {
        let endpoint = Endpoint::builder().bind(address)?;
        Self::open(endpoint, BackendChoice::Auto, TransportConfig::bulk())
    }

    /// Makes an endpoint non-blocking, puts it on a backend as [`Transport::open`] does, and registers it
    /// with the runtime.
    ///
    /// # Errors
    /// As of [`Transport::open`]. Of kind `Unsupported` for the backend `uring`, whose datagrams do
    /// not make the socket readable; of kind `InvalidInput` if it is to spin; and of epoll_ctl(2).
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O enabled, as tokio's own types do.
    pub fn open(
        endpoint: Endpoint,
        choice: BackendChoice,
        settings: TransportConfig,
    ) -> Result<Self> {
        if choice == BackendChoice::Only(Backend::Uring) {
            let source = std::io::Error::from(ErrorKind::Unsupported);
            return Err(
                Error::unsupported("use", "backend uring under tokio", source)
                    .with_remedy("its datagrams do not make the socket readable: choose another"),
            );
        }
        if settings.spin {
            let reason = "a task must not spin";
            return Err(Error::invalid("use", "TransportConfig::spin", reason));
        }
        endpoint.set_nonblocking(true)?;
        let transport = Transport::open(endpoint, choice, settings)?;
        let backend = transport.backend();
        let (receiver, sender) = transport.into_split();
        let fd = reactor::register(receiver.shared_endpoint())
            .map_err(|source| Error::os("register", "a socket with the runtime", source))?;
        let fd = Arc::new(fd);
        Ok(Self {
            recv: RecvHalf {
                receiver,
                fd: fd.clone(),
            },
            send: SendHalf { sender, fd },
            backend,
        })
    }

    /// Waits for at least one message, and calls `visit` with each one that was received. Returns the
    /// number of datagrams, never 0. What `visit` queues is sent by the next [`Self::flush`].
    ///
    /// # Errors
    /// As of [`Transport::receive`].
    pub async fn recv(
        &mut self,
        mut visit: impl FnMut(&Received<'_>, &mut SendQueue<'_>),
    ) -> Result<usize> {
        let mut queue = self.send.sender.send_queue();
        self.recv.recv(|message| visit(message, &mut queue)).await
    }

    /// As [`RecvHalf::poll_recv`].
    ///
    /// # Errors
    /// As there.
    pub fn poll_recv(
        &mut self,
        context: &mut Context<'_>,
        mut visit: impl FnMut(&Received<'_>, &mut SendQueue<'_>),
    ) -> Poll<Result<usize>> {
        let mut queue = self.send.sender.send_queue();
        self.recv
            .poll_recv(context, |message| visit(message, &mut queue))
    }

    /// As [`SendHalf::send`].
    ///
    /// # Errors
    /// As there.
    pub async fn send(&mut self, transmit: &Transmit<'_>) -> Result<()> {
        self.send.send(transmit).await
    }

    /// As [`SendHalf::poll_send`].
    ///
    /// # Errors
    /// As there.
    pub fn poll_send(
        &mut self,
        context: &mut Context<'_>,
        transmit: &Transmit<'_>,
    ) -> Poll<Result<()>> {
        self.send.poll_send(context, transmit)
    }

    /// As [`SendHalf::send_queue`].
    pub fn send_queue(&mut self) -> SendQueue<'_> {
        self.send.send_queue()
    }

    /// As [`SendHalf::flush`].
    pub async fn flush(&mut self) -> Sent {
        self.send.flush().await
    }

    /// As [`SendHalf::poll_flush`].
    pub fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<Sent> {
        self.send.poll_flush(context)
    }

    /// Two halves, for two tasks.
    pub fn into_split(self) -> (RecvHalf, SendHalf) {
        (self.recv, self.send)
    }

    /// The backend that it is on.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// The socket.
    pub fn endpoint(&self) -> &Endpoint {
        self.recv.receiver.endpoint()
    }

    /// The counters of both directions.
    pub fn counters(&self) -> Counters {
        let sent = self.send.sender.counters();
        self.recv.receiver.counters().plus(sent)
    }
}

impl RecvHalf {
    /// As [`UdpSocket::recv`].
    ///
    /// # Errors
    /// As there.
    pub async fn recv(&mut self, mut visit: impl FnMut(&Received<'_>)) -> Result<usize> {
        loop {
            // An ICMP error makes a socket neither readable nor closed (EPOLLERR).
            let interest = Interest::READABLE | Interest::ERROR;
            let mut guard = self.fd.ready(interest).await.map_err(gone)?;
            match self.receiver.receive_ready(&mut visit) {
                Ok(Some(datagrams)) => {
                    // Saves the call that would find the socket empty. What arrived since has made
                    // it ready anew, which this does not undo.
                    if self.receiver.has_drained() {
                        guard.clear_ready_matching(Ready::READABLE);
                    }
                    return Ok(datagrams);
                }
                Ok(None) => guard.clear_ready(),
                Err(error) => return Err(error),
            }
        }
    }

    /// As [`Self::recv`], but an ICMP error by itself does not wake the task: it is returned once a
    /// datagram arrives, or by the next call.
    ///
    /// # Errors
    /// As there.
    pub fn poll_recv(
        &mut self,
        context: &mut Context<'_>,
        mut visit: impl FnMut(&Received<'_>),
    ) -> Poll<Result<usize>> {
        loop {
            let mut guard = ready!(self.fd.poll_read_ready(context)).map_err(gone)?;
            match self.receiver.receive_ready(&mut visit) {
                Ok(Some(datagrams)) => {
                    if self.receiver.has_drained() {
                        guard.clear_ready();
                    }
                    return Poll::Ready(Ok(datagrams));
                }
                Ok(None) => guard.clear_ready(),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// As [`Self::poll_recv`], into buffers of the caller: each message that is visited is in the
    /// buffer of its number, cut to the buffer's length. Returns how many messages these were.
    ///
    /// It is for protocols that own their buffers, such as those of QUIC, and saves them a copy. Under
    /// `offload` a run takes up to 65,535 bytes of a buffer.
    ///
    /// # Errors
    /// As there, and of kind `InvalidInput` if there is no buffer.
    pub fn poll_recv_into(
        &mut self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        mut visit: impl FnMut(&Received<'_>),
    ) -> Poll<Result<usize>> {
        if buffers.is_empty() {
            let none = Error::invalid("receive", "a datagram", "there is no buffer for it");
            return Poll::Ready(Err(none));
        }
        loop {
            let mut guard = ready!(self.fd.poll_read_ready(context)).map_err(gone)?;
            match self.receiver.receive_ready_into(buffers, &mut visit) {
                Ok(Some(messages)) => {
                    if self.receiver.has_drained() {
                        guard.clear_ready();
                    }
                    return Poll::Ready(Ok(messages));
                }
                Ok(None) => guard.clear_ready(),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// The socket.
    pub fn endpoint(&self) -> &Endpoint {
        self.receiver.endpoint()
    }
}

impl SendHalf {
    /// Sends a datagram or run, after what is queued, as soon as the socket has room.
    ///
    /// # Errors
    /// As of [`SendQueue::try_send`], but never of kind `WouldBlock`.
    pub async fn send(&mut self, transmit: &Transmit<'_>) -> Result<()> {
        poll_fn(|context| self.poll_send(context, transmit)).await
    }

    /// As [`Self::send`]; while it is pending, nothing of the datagram was sent.
    ///
    /// # Errors
    /// As there.
    pub fn poll_send(
        &mut self,
        context: &mut Context<'_>,
        transmit: &Transmit<'_>,
    ) -> Poll<Result<()>> {
        loop {
            let mut guard = ready!(self.fd.poll_write_ready(context)).map_err(gone)?;
            match self.sender.send_queue().try_send(transmit) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => guard.clear_ready(),
                result => return Poll::Ready(result),
            }
        }
    }

    /// Sends a datagram or run at once, after what is queued, or not at all.
    ///
    /// # Errors
    /// As of [`SendQueue::try_send`]. After one of kind `WouldBlock`, [`Writable::wait`] says when to
    /// try again.
    pub fn try_send(&mut self, transmit: &Transmit<'_>) -> Result<()> {
        let mut outcome = None;
        let queue = &mut self.sender.send_queue();
        // Clears the readiness that it saw before the call, and none that came meanwhile.
        let tried = self.fd.try_io(Interest::WRITABLE, |_| {
            let full = |error: &Error| error.kind() == ErrorKind::WouldBlock;
            let sent = outcome.insert(queue.try_send(transmit));
            if sent.as_ref().is_err_and(full) {
                return Err(ErrorKind::WouldBlock.into());
            }
            Ok(())
        });
        match (outcome, tried) {
            (Some(outcome), _) => outcome,
            (None, Ok(())) => Ok(()),
            (None, Err(error)) => {
                let (length, to) = (transmit.contents.len(), transmit.destination);
                Err(self.sender.endpoint().send_failure(length, to, error))
            }
        }
    }

    /// What waits for room without the half, in any number of tasks.
    pub fn writable(&self) -> Writable {
        Writable {
            fd: self.fd.clone(),
        }
    }

    /// The queue for the next flush. It never waits: what the socket has no room for stays queued.
    pub fn send_queue(&mut self) -> SendQueue<'_> {
        self.sender.send_queue()
    }

    /// Sends all that is queued, as soon as the socket has room, and reports what became of everything
    /// since the last flush.
    pub async fn flush(&mut self) -> Sent {
        poll_fn(|context| self.poll_flush(context)).await
    }

    /// As [`Self::flush`].
    pub fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<Sent> {
        let mut queue = self.sender.send_queue();
        while !queue.try_flush() {
            match ready!(self.fd.poll_write_ready(context)) {
                Ok(mut guard) => {
                    if queue.try_flush() {
                        break;
                    }
                    guard.clear_ready();
                }
                Err(error) => {
                    let mut sent = queue.flush();
                    sent.error = Some(gone(error));
                    return Poll::Ready(sent);
                }
            }
        }
        Poll::Ready(queue.flush())
    }

    /// The socket.
    pub fn endpoint(&self) -> &Endpoint {
        self.sender.endpoint()
    }
}

impl Writable {
    /// Waits until the socket may have room, after a [`SendHalf::try_send`] that found none.
    ///
    /// # Errors
    /// If the runtime has been shut down.
    pub async fn wait(&self) -> Result<()> {
        let guard = self.fd.ready(Interest::WRITABLE).await;
        guard.map(drop).map_err(gone)
    }
}

/// The runtime has been shut down.
#[cold]
fn gone(source: std::io::Error) -> Error {
    Error::os("wait for", "a socket's readiness", source)
}

impl AsFd for UdpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.endpoint().as_fd()
    }
}

impl fmt::Debug for Writable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writable").finish_non_exhaustive()
    }
}

impl fmt::Debug for RecvHalf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.receiver.fmt(f)
    }
}

impl fmt::Debug for SendHalf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sender.fmt(f)
    }
}
