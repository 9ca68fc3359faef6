//! quinn on udpraw's sockets: an [`AsyncUdpSocket`] of the halves of [`udpraw::tokio::UdpSocket`].

use std::fmt::{self, Debug};
use std::future::Future;
use std::io::{self, ErrorKind, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use quinn::udp::{EcnCodepoint, RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, UdpPoller};
use udpraw::io::{BackendChoice, Received, TransportConfig};
use udpraw::socket::option::{IP_RECVTOS, IPV6_RECVTCLASS, PathMtuDiscovery};
use udpraw::socket::{Ecn, Endpoint, Family, SourceAddress};
use udpraw::tokio::{RecvHalf, SendHalf, UdpSocket, Writable};

/// As many datagrams as quinn lets travel as one (`UDP_MAX_SEGMENTS` of Linux before 6.9); of a run it
/// sends ten at most.
const SEGMENTS: usize = 64;

/// How a socket receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receive {
    /// Into the buffers of quinn.
    Lent,
    /// Into buffers of its own, copied to those of quinn: what an adapter costs without lending.
    Copied,
}

/// A socket of udpraw in the place of one of quinn-udp. quinn calls it by a shared reference: a lock
/// for each half, which nobody else holds.
#[derive(Debug)]
pub struct Socket {
    receiver: Mutex<RecvHalf>,
    sender: Mutex<SendHalf>,
    writable: Writable,
    address: SocketAddr,
    how: Receive,
}

impl Socket {
    /// Gives the endpoint the options that quinn-udp sets, and registers it with the runtime.
    pub fn open(mut endpoint: Endpoint, how: Receive) -> udpraw::error::Result<Self> {
        if endpoint.family() == Family::V6 {
            endpoint.set(IPV6_RECVTCLASS, true)?;
        }
        endpoint.set(IP_RECVTOS, true)?;
        let config = TransportConfig {
            batch: quinn::udp::BATCH_SIZE,
            ..TransportConfig::default()
        };
        let address = endpoint.local_address()?;
        let socket = UdpSocket::open(endpoint, BackendChoice::Auto, config)?;
        let (receiver, sender) = socket.into_split();
        Ok(Self {
            writable: sender.writable(),
            receiver: Mutex::new(receiver),
            sender: Mutex::new(sender),
            address,
            how,
        })
    }

    /// A bound endpoint, before it is given to either socket: it reports where a datagram was sent to,
    /// and never fragments.
    pub fn bind(address: SocketAddr) -> udpraw::error::Result<Endpoint> {
        Endpoint::builder()
            .packet_info(true)
            .path_mtu_discovery(PathMtuDiscovery::Probe)
            .bind(address)
    }
}

impl AsyncUdpSocket for Socket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(Poller {
            writable: self.writable.clone(),
            waiting: None,
        })
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        let ecn = transmit.ecn.map(|ecn| Ecn::from_tos(ecn as u8));
        let ours = udpraw::io::Transmit::new(transmit.contents)
            .to(transmit.destination)
            .from(transmit.src_ip.map(SourceAddress::from))
            .with_ecn(ecn)
            .in_segments_of(transmit.segment_size.unwrap_or(0));
        match lock(&self.sender).try_send(&ours) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Err(error.into()),
            // As quinn-udp has it: a datagram that was refused is one that was lost.
            _ => Ok(()),
        }
    }

    fn poll_recv(
        &self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        metas: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let mut receiver = lock(&self.receiver);
        let most = buffers.len().min(metas.len());
        let buffers = &mut buffers[..most];
        let mut count = 0;
        let received = match self.how {
            Receive::Lent => receiver.poll_recv_into(context, buffers, |message| {
                metas[count] = meta_of(message);
                count += 1;
            }),
            // No more messages come than there are buffers: both are quinn's BATCH_SIZE.
            Receive::Copied => receiver.poll_recv(context, |message| {
                let bytes = message.bytes();
                buffers[count][..bytes.len()].copy_from_slice(bytes);
                metas[count] = meta_of(message);
                count += 1;
            }),
        };
        ready!(received)?;
        Poll::Ready(Ok(count))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }

    fn max_transmit_segments(&self) -> usize {
        SEGMENTS
    }

    fn max_receive_segments(&self) -> usize {
        SEGMENTS
    }

    fn may_fragment(&self) -> bool {
        false
    }
}

fn meta_of(message: &Received<'_>) -> RecvMeta {
    RecvMeta {
        addr: message.source(),
        len: message.bytes().len(),
        stride: message.segment_size(),
        ecn: message
            .ecn()
            .and_then(|ecn| EcnCodepoint::from_bits(ecn.bits())),
        dst_ip: message.reply_source().map(|source| source.ip),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

type Waiting = Pin<Box<dyn Future<Output = io::Result<()>> + Send + Sync>>;

/// Waits for room on behalf of one task.
struct Poller {
    writable: Writable,
    waiting: Option<Waiting>,
}

impl UdpPoller for Poller {
    fn poll_writable(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let waiting = this.waiting.get_or_insert_with(|| {
            let writable = this.writable.clone();
            Box::pin(async move { writable.wait().await.map_err(io::Error::from) })
        });
        let result = ready!(waiting.as_mut().poll(context));
        this.waiting = None;
        Poll::Ready(result)
    }
}

impl Debug for Poller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poller").finish_non_exhaustive()
    }
}
