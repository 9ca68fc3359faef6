//! A router with network address translation, as a thread: it forwards what a sender sends from a port
//! of its own, and can change that port, copy and record.

#![allow(unreachable_pub)]

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::common;

/// How often a thread looks whether it should end.
const TICK: Duration = Duration::from_millis(50);

pub struct Nat {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    to: SocketAddr,
}

struct Shared {
    /// The side of the sender.
    front: UdpSocket,
    client: Mutex<Option<SocketAddr>>,
    /// The side of the receiver.
    back: Mutex<Arc<UdpSocket>>,
    /// A socket that sends a copy of each datagram before the datagram itself.
    copier: Mutex<Option<Arc<UdpSocket>>>,
    recorded: Mutex<Vec<Vec<u8>>>,
    /// How often the receiver has agreed to a transfer.
    agreed: AtomicUsize,
    is_over: AtomicBool,
}

impl Shared {
    /// Hands datagrams on until it is over.
    fn serve(&self, socket: &UdpSocket, mut on_datagram: impl FnMut(SocketAddr, &[u8])) {
        let mut buffer = vec![0; 65_535];
        while !self.is_over.load(Ordering::Relaxed) {
            match common::received(|| socket.recv_from(&mut buffer)) {
                Ok((length, source)) => on_datagram(source, &buffer[..length]),
                // A receiver that has ended is none of its business.
                Err(error) => assert!(
                    matches!(
                        error.kind(),
                        ErrorKind::WouldBlock | ErrorKind::ConnectionRefused
                    ),
                    "{error}"
                ),
            }
        }
    }

    fn to_client(&self, bytes: &[u8]) {
        if let Some(client) = *self.client.lock().expect("it") {
            let _ = self.front.send_to(bytes, client);
        }
    }
}

fn socket(to: Option<SocketAddr>) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.set_read_timeout(Some(TICK)).expect("a timeout");
    if let Some(to) = to {
        socket.connect(to).expect("loopback");
    }
    socket
}

impl Nat {
    /// One in front of `to`.
    pub fn start(to: SocketAddr) -> Self {
        let shared = Arc::new(Shared {
            front: socket(None),
            client: Mutex::new(None),
            back: Mutex::new(Arc::new(socket(Some(to)))),
            copier: Mutex::new(None),
            recorded: Mutex::new(Vec::new()),
            agreed: AtomicUsize::new(0),
            is_over: AtomicBool::new(false),
        });
        let up = shared.clone();
        let mut nat = Self {
            shared,
            threads: Vec::new(),
            to,
        };
        nat.threads.push(thread::spawn(move || {
            up.serve(&up.front, |source, bytes| {
                *up.client.lock().expect("it") = Some(source);
                if let Some(copier) = &*up.copier.lock().expect("it") {
                    let _ = copier.send(bytes);
                }
                let _ = up.back.lock().expect("it").send(bytes);
                up.recorded.lock().expect("it").push(bytes.to_vec());
            });
        }));
        nat.listen();
        nat
    }

    /// Returns what arrives at the current port, for as long as it is that.
    fn listen(&mut self) {
        let down = self.shared.clone();
        let own = down.back.lock().expect("it").clone();
        self.threads.push(thread::spawn(move || {
            down.serve(&own, |_, bytes| {
                let is_accept = bytes.get(4..8) == Some(b"uT\x02\x03");
                down.agreed.fetch_add(is_accept.into(), Ordering::Relaxed);
                if Arc::ptr_eq(&own, &down.back.lock().expect("it")) {
                    down.to_client(bytes);
                }
            });
        }));
    }

    /// Where a sender sends to.
    pub fn address(&self) -> SocketAddr {
        self.shared.front.local_addr().expect("bound")
    }

    /// What the receiver sees as the sender.
    pub fn outside(&self) -> SocketAddr {
        let back = self.shared.back.lock().expect("it");
        back.local_addr().expect("bound")
    }

    /// From now on another port is used, and nothing for the old one is returned.
    pub fn change_port(&mut self) {
        *self.shared.back.lock().expect("it") = Arc::new(socket(Some(self.to)));
        self.listen();
    }

    /// Each datagram arrives twice: first from another address. With `returns`, what arrives there is
    /// passed to the sender.
    pub fn copy(&mut self, returns: bool) {
        let copier = Arc::new(socket(Some(self.to)));
        *self.shared.copier.lock().expect("it") = Some(copier.clone());
        let shared = self.shared.clone();
        self.threads.push(thread::spawn(move || {
            shared.serve(&copier, |_, bytes| {
                if returns {
                    shared.to_client(bytes);
                }
            });
        }));
    }

    /// What the sender has sent.
    pub fn recorded(&self) -> Vec<Vec<u8>> {
        self.shared.recorded.lock().expect("it").clone()
    }

    /// How often the receiver has agreed to a transfer.
    pub fn agreed(&self) -> usize {
        self.shared.agreed.load(Ordering::Relaxed)
    }

    /// Sends to the receiver from the port that was used last.
    pub fn replay(&self, bytes: &[u8]) {
        let _ = self.shared.back.lock().expect("it").send(bytes);
    }
}

impl Drop for Nat {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let ended = thread.join();
            assert!(ended.is_ok() || thread::panicking());
        }
    }
}
