//! An endpoint and the backend that moves its datagrams, whole or as two halves.

use std::fmt;
use std::io::{ErrorKind, IoSliceMut};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use super::backend::{Backend, BackendChoice, TransportConfig};
use super::coalesce::{Limits, Queue};
use super::counters::Counters;
use super::inbox::Inbox;
use super::open::{self, Engines, QUEUE};
use super::send::{SendState, Sent};
use super::send_queue::{Outbox, SendQueue};
use super::wait::Wait;
use crate::error::{Error, Result};
use crate::socket::{Endpoint, Received, Waker, option};

/// An endpoint and the backend that moves its datagrams. The contract is at the head of [`crate::io`].
pub struct Transport {
    // Before the endpoint, whose descriptor a ring still uses while it is dropped.
    inbox: Inbox,
    outbox: Outbox,
    endpoint: Endpoint,
    backend: Backend,
    passed_over: Vec<Error>,
}

impl Transport {
    /// Puts an endpoint on a backend. Options that bring control messages must be set before.
    ///
    /// # Errors
    /// Of kind `Unsupported`, with the errno, if this kernel lacks the backend or forbids it; of
    /// setsockopt(2); of kind `InvalidInput` for settings out of range.
    pub fn open(
        mut endpoint: Endpoint,
        choice: BackendChoice,
        settings: TransportConfig,
    ) -> Result<Self> {
        open::check(&settings)?;
        if let Some(bytes) = settings.socket_buffers {
            for option in [option::SO_RCVBUF, option::SO_SNDBUF] {
                open::raise(&endpoint, option, bytes)?;
            }
        }
        let mut passed_over = Vec::new();
        let (backend, Engines { engine, calls }) = match choice {
            BackendChoice::Only(backend) => {
                let engines = open::engines(backend, &mut endpoint, &settings)?;
                (backend, engines)
            }
            BackendChoice::Auto => open::best(&mut endpoint, &settings, &mut passed_over)?,
        };
        let limits = match backend {
            Backend::Offload => Limits::MOST,
            _ => Limits::NONE,
        };
        Ok(Self {
            inbox: Inbox::new(engine, &endpoint, &settings),
            outbox: Outbox {
                queue: Queue::new(settings.batch, QUEUE),
                state: SendState::new(calls, limits),
                is_nonblocking: endpoint.is_nonblocking(),
            },
            endpoint,
            backend,
            passed_over,
        })
    }

    /// Lets `waker` end a receive that waits. Each receive that waits then costs one more call, `ppoll`;
    /// the backend `uring` checks the waker ten times a second instead.
    pub fn wake_by(&mut self, waker: Waker) {
        self.inbox.waker = Some(waker);
    }

    /// The backend that it is on.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// Why [`BackendChoice::Auto`] did not take a better backend: the error of each that it tried first.
    pub fn passed_over(&self) -> &[Error] {
        &self.passed_over
    }

    /// The socket.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The counters of both directions.
    pub fn counters(&self) -> Counters {
        self.inbox.counters.plus(self.outbox.state.counters)
    }

    /// Waits for at least one message, and calls `visit` with each one that was received. Returns the
    /// number of datagrams; 0 if the wait ended without one: the time is over, a signal was handled, the
    /// waker was used, or it has been spinning for 0.1 s.
    ///
    /// What `visit` queues is sent by the next flush.
    ///
    /// # Errors
    /// Of recvmsg(2). ECONNREFUSED and the like are about datagrams sent earlier
    /// ([`Error::is_about_the_network`]): call again.
    pub fn receive(
        &mut self,
        wait: Wait,
        mut visit: impl FnMut(&Received<'_>, &mut SendQueue<'_>),
    ) -> Result<usize> {
        let (endpoint, outbox) = (&self.endpoint, &mut self.outbox);
        self.inbox.receive(endpoint, wait, |received| {
            visit(received, &mut SendQueue { endpoint, outbox });
        })
    }

    /// As [`Self::receive`], into buffers of the caller, whose memory can be kept: each message is in
    /// the buffer of its number. Returns the number of messages.
    ///
    /// With the backend `offload` a buffer holds 65,535 bytes, or a run may be cut.
    ///
    /// # Errors
    /// As of [`Self::receive`], and of kind `Unsupported` on the backend `uring`, whose buffers are its
    /// own.
    pub fn receive_into(
        &mut self,
        wait: Wait,
        buffers: &mut [IoSliceMut<'_>],
        visit: impl FnMut(&Received<'_>),
    ) -> Result<usize> {
        self.inbox
            .receive_into(&self.endpoint, wait, buffers, visit)
    }

    /// As [`Self::receive`], without waiting.
    ///
    /// # Errors
    /// Of kind `WouldBlock` if nothing has arrived; otherwise as of [`Self::receive`].
    pub fn try_receive(
        &mut self,
        mut visit: impl FnMut(&Received<'_>, &mut SendQueue<'_>),
    ) -> Result<usize> {
        let (endpoint, outbox) = (&self.endpoint, &mut self.outbox);
        let received = self.inbox.try_receive(endpoint, |received| {
            visit(received, &mut SendQueue { endpoint, outbox });
        })?;
        received.ok_or_else(|| nothing_yet(endpoint))
    }

    /// The queue of the sending side.
    pub fn send_queue(&mut self) -> SendQueue<'_> {
        SendQueue {
            endpoint: &self.endpoint,
            outbox: &mut self.outbox,
        }
    }

    /// As [`SendQueue::flush`].
    pub fn flush(&mut self) -> Sent {
        self.send_queue().flush()
    }

    /// Two halves, for two threads or tasks. Each half keeps the counters of its direction.
    pub fn into_split(self) -> (Receiver, Sender) {
        let endpoint = Arc::new(self.endpoint);
        let receiver = Receiver {
            inbox: self.inbox,
            endpoint: endpoint.clone(),
        };
        let sender = Sender {
            outbox: self.outbox,
            endpoint,
        };
        (receiver, sender)
    }

    /// Gives the socket back. What is still queued is not sent.
    pub fn into_endpoint(self) -> Endpoint {
        // The backend goes first: a ring still uses the descriptor until it is dropped.
        drop((self.inbox, self.outbox));
        self.endpoint
    }

    /// Swaps the socket for another one, after sending what is queued: one transport can serve many
    /// sockets with one set of buffers.
    ///
    /// The other must bring the same control messages and have the same blocking mode, and
    /// `UDP_GRO` where the backend is `offload`. Receive with [`Wait::Never`] or [`Wait::Until`]: a
    /// timeout stays with the socket that it was set on.
    ///
    /// # Errors
    /// Of kind `Unsupported` on the backend `uring`, whose ring belongs to its socket; of kind
    /// `InvalidInput` if the other socket needs a control buffer of another size.
    pub fn swap_socket(&mut self, endpoint: &mut Endpoint) -> Result<()> {
        if self.inbox.is_tied() {
            let tied = std::io::Error::new(ErrorKind::Unsupported, "it belongs to one socket");
            return Err(Error::unsupported(
                "exchange the socket of",
                self.backend,
                tied,
            ));
        }
        if endpoint.control_space() != self.endpoint.control_space() {
            let reason = "its options bring other control messages";
            return Err(Error::invalid("exchange", "a socket", reason));
        }
        self.outbox.send_queued(&self.endpoint, Wait::Forever);
        std::mem::swap(&mut self.endpoint, endpoint);
        Ok(())
    }
}

#[cold]
fn nothing_yet(endpoint: &Endpoint) -> Error {
    endpoint.receive_failure(std::io::Error::from_raw_os_error(libc::EAGAIN))
}

impl AsFd for Transport {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.endpoint.as_fd()
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("backend", &self.backend)
            .field("endpoint", &self.endpoint)
            .field("counters", &self.counters())
            .finish_non_exhaustive()
    }
}

/// The receiving half of a [`Transport`].
pub struct Receiver {
    // Before the endpoint, as in a transport.
    inbox: Inbox,
    endpoint: Arc<Endpoint>,
}

impl Receiver {
    /// As [`Transport::receive`].
    ///
    /// # Errors
    /// As there.
    pub fn receive(&mut self, wait: Wait, visit: impl FnMut(&Received<'_>)) -> Result<usize> {
        self.inbox.receive(&self.endpoint, wait, visit)
    }

    /// As [`Transport::try_receive`].
    ///
    /// # Errors
    /// As there.
    pub fn try_receive(&mut self, visit: impl FnMut(&Received<'_>)) -> Result<usize> {
        let received = self.inbox.try_receive(&self.endpoint, visit)?;
        received.ok_or_else(|| nothing_yet(&self.endpoint))
    }

    /// As [`Self::try_receive`], but `None` if nothing has arrived: that is what ends each batch, and
    /// an error would have to be made for it.
    ///
    /// # Errors
    /// As there, but never of kind `WouldBlock`.
    #[cfg(feature = "tokio")]
    pub(crate) fn receive_ready(
        &mut self,
        visit: impl FnMut(&Received<'_>),
    ) -> Result<Option<usize>> {
        self.inbox.try_receive(&self.endpoint, visit)
    }

    /// As [`Self::receive_ready`], into buffers of the caller: each message is in the buffer of its
    /// number. Returns how many messages these are.
    ///
    /// # Errors
    /// As there, and of kind `Unsupported` on the backend `uring`.
    #[cfg(feature = "tokio")]
    pub(crate) fn receive_ready_into(
        &mut self,
        buffers: &mut [IoSliceMut<'_>],
        visit: impl FnMut(&Received<'_>),
    ) -> Result<Option<usize>> {
        self.inbox.try_receive_into(&self.endpoint, buffers, visit)
    }

    /// As [`Transport::wake_by`].
    pub fn wake_by(&mut self, waker: Waker) {
        self.inbox.waker = Some(waker);
    }

    #[cfg(feature = "tokio")]
    pub(crate) fn shared_endpoint(&self) -> Arc<Endpoint> {
        self.endpoint.clone()
    }

    /// Whether the last receive left nothing in the socket.
    #[cfg(feature = "tokio")]
    pub(crate) fn has_drained(&self) -> bool {
        self.inbox.has_drained()
    }

    /// The socket, shared with the sender.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The counters of this half.
    pub fn counters(&self) -> Counters {
        self.inbox.counters
    }
}

impl AsFd for Receiver {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.endpoint.as_fd()
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

/// The sending half of a [`Transport`].
pub struct Sender {
    outbox: Outbox,
    endpoint: Arc<Endpoint>,
}

impl Sender {
    /// The queue, which also sends.
    pub fn send_queue(&mut self) -> SendQueue<'_> {
        SendQueue {
            endpoint: &self.endpoint,
            outbox: &mut self.outbox,
        }
    }

    /// The socket, shared with the receiver.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The counters of this half.
    pub fn counters(&self) -> Counters {
        self.outbox.state.counters
    }
}

impl AsFd for Sender {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.endpoint.as_fd()
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}
