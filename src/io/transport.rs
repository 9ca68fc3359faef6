//! An endpoint and the backend that moves its datagrams, whole or as two halves.

use std::fmt;
use std::io::ErrorKind;
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

/// An endpoint and the backend that moves its datagrams. The contract is in the docs of
/// [`crate::io`].
pub struct Transport {
    // Before the endpoint, whose descriptor a ring still uses while it is dropped.
    inbox: Inbox,
    outbox: Outbox,
    endpoint: Endpoint,
    backend: Backend,
    passed_over: Vec<Error>,
}

impl Transport {
    /// Opens an endpoint on a backend. The options that request control messages must be set
    /// before.
    ///
    /// An error of the kind `Unsupported`, with the errno, if this kernel lacks the backend or
    /// forbids it; the errors of setsockopt(2); and `InvalidInput` for settings out of range.
    /// setsockopt(2); and for settings out of range.
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

    /// Makes `waker` end a waiting receive. Each waiting receive then needs an additional poll; the
    /// backend `uring` checks the waker ten times a second instead.
    pub fn wake_by(&mut self, waker: Waker) {
        self.inbox.waker = Some(waker);
    }

    /// The backend in use.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// Why `auto` chose no better backend: an error for each that it tried before.
    pub fn passed_over(&self) -> &[Error] {
        &self.passed_over
    }

    /// The socket.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The counters of both directions so far.
    pub fn counters(&self) -> Counters {
        self.inbox.counters.plus(self.outbox.state.counters)
    }

    /// Waits for at least one message, and visits each received one. Returns the number of
    /// datagrams; 0 if the wait ended without one: after the timeout, a handled signal, the waker,
    /// or a tenth of a second of spinning.
    ///
    /// What the visitor queues is sent by the next flush.
    ///
    /// # Errors
    /// The errors of recvmsg(2): ECONNREFUSED and similar errors are about datagrams sent earlier
    /// ([`Error::is_about_the_network`]), and the next receive continues.
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

    /// As [`Self::receive`], for datagrams that have already arrived.
    ///
    /// # Errors
    /// An error of the kind `WouldBlock` if there are none; otherwise the errors of
    /// [`Self::receive`].
    pub fn try_receive(
        &mut self,
        mut visit: impl FnMut(&Received<'_>, &mut SendQueue<'_>),
    ) -> Result<usize> {
        let (endpoint, outbox) = (&self.endpoint, &mut self.outbox);
        self.inbox.try_receive(endpoint, |received| {
            visit(received, &mut SendQueue { endpoint, outbox });
        })
    }

    /// The sending side.
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

    /// Two halves, for two threads or tasks. The counters so far stay with their half.
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

    /// The socket again. Queued datagrams are not sent.
    pub fn into_endpoint(self) -> Endpoint {
        // The backend goes first: a ring still uses the descriptor until it is dropped.
        drop((self.inbox, self.outbox));
        self.endpoint
    }

    /// Exchanges the socket for another one, after the queue has been sent over the first: so one
    /// transport serves many sockets, with one set of buffers.
    ///
    /// The other must request the same control messages and have the same blocking mode, and
    /// `UDP_GRO` if the backend is `offload`. Receive with [`Wait::Never`] or [`Wait::Until`]: a
    /// timeout stays with the socket that it was set on.
    ///
    /// # Errors
    /// An error of the kind `Unsupported` on the backend `uring`, whose ring belongs to its socket;
    /// and an error if the other socket needs another size of control messages.
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
            let reason = "its options request other control messages";
            return Err(Error::invalid("exchange", "a socket", reason));
        }
        self.outbox.send_queued(&self.endpoint, Wait::Forever);
        std::mem::swap(&mut self.endpoint, endpoint);
        Ok(())
    }
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
    /// The errors of [`Transport::receive`].
    pub fn receive(&mut self, wait: Wait, visit: impl FnMut(&Received<'_>)) -> Result<usize> {
        self.inbox.receive(&self.endpoint, wait, visit)
    }

    /// As [`Transport::try_receive`].
    ///
    /// # Errors
    /// The errors of [`Transport::try_receive`].
    pub fn try_receive(&mut self, visit: impl FnMut(&Received<'_>)) -> Result<usize> {
        self.inbox.try_receive(&self.endpoint, visit)
    }

    /// As [`Transport::wake_by`].
    pub fn wake_by(&mut self, waker: Waker) {
        self.inbox.waker = Some(waker);
    }

    #[cfg(feature = "tokio")]
    pub(crate) fn shared_endpoint(&self) -> Arc<Endpoint> {
        self.endpoint.clone()
    }

    /// Whether the last [`Self::try_receive`] left nothing in the socket.
    #[cfg(feature = "tokio")]
    pub(crate) fn has_drained(&self) -> bool {
        self.inbox.has_drained()
    }

    /// The socket, which is the sender's too.
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
    /// The queue that sends.
    pub fn send_queue(&mut self) -> SendQueue<'_> {
        SendQueue {
            endpoint: &self.endpoint,
            outbox: &mut self.outbox,
        }
    }

    /// The socket, which is the receiver's too.
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
