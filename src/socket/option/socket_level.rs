//! `SOL_SOCKET`: options of every socket (socket(7)).

use std::net::SocketAddr;
use std::time::Duration;

use super::{BufferLock, Interface, MemoryInfo, ReadOnly, ReadWrite, WriteOnly, typed};
use crate::socket::Family;
use crate::socket::options::SOCKET_LEVEL;

typed! { SOCKET_LEVEL;
    /// Lets sockets that all have it bind the same address and port (socket(7)).
    SO_REUSEADDR: bool, ReadWrite;
    /// Lets sockets of one user share a port: each flow goes to one of them, by its hash
    /// (socket(7)).
    SO_REUSEPORT: bool, ReadWrite;
    /// Allows sending to broadcast addresses (socket(7)).
    SO_BROADCAST: bool, ReadWrite;
    /// How much kernel memory datagrams may fill while they wait to be received, in bytes. The
    /// kernel stores and returns twice the value, at most twice net.core.rmem_max (socket(7)).
    SO_RCVBUF: usize, ReadWrite;
    /// How much kernel memory datagrams may fill while they wait to be sent, in bytes. The kernel
    /// stores and returns twice the value, at most twice net.core.wmem_max (socket(7)).
    SO_SNDBUF: usize, ReadWrite;
    /// Sets `SO_RCVBUF` beyond net.core.rmem_max, in bytes (socket(7)). Needs `CAP_NET_ADMIN`.
    SO_RCVBUFFORCE: usize, WriteOnly;
    /// Sets `SO_SNDBUF` beyond net.core.wmem_max, in bytes (socket(7)). Needs `CAP_NET_ADMIN`.
    SO_SNDBUFFORCE: usize, WriteOnly;
    /// Keeps the kernel from changing the sizes of buffers that were set by hand
    /// (`linux/socket.h`).
    SO_BUF_LOCK: BufferLock, ReadWrite;
    /// Sets memory of the socket's cgroup aside for it, in bytes (`net/core/sock.c`).
    SO_RESERVE_MEM: usize, ReadWrite;
    /// The memory that the socket uses now, and how many datagrams it has dropped (sock_diag(7)).
    SO_MEMINFO: MemoryInfo, ReadOnly;
    /// Reports with each datagram how many were dropped before it, since the socket was made
    /// (socket(7)).
    SO_RXQ_OVFL: bool, ReadWrite;
    /// How long a receive waits before it fails with EAGAIN, in whole microseconds; 0 waits for
    /// ever (socket(7)).
    SO_RCVTIMEO: Duration, ReadWrite;
    /// How long a send waits for room in the send buffer, in whole microseconds; 0 waits for ever
    /// (socket(7)).
    SO_SNDTIMEO: Duration, ReadWrite;
    /// How many bytes a stream waits for (socket(7)).
    SO_RCVLOWAT: u32, ReadWrite;
    /// How much room a send waits for: always 1 on Linux (socket(7)).
    SO_SNDLOWAT: i32, ReadOnly;
    /// The name of the only interface to send and receive through; empty for any (socket(7)). Needs
    /// `CAP_NET_RAW` to change it.
    SO_BINDTODEVICE: String, ReadWrite;
    /// The only interface to send and receive through (`asm-generic/socket.h`). Needs `CAP_NET_RAW`
    /// to change it.
    SO_BINDTOIFINDEX: Interface, ReadWrite;
    /// Sends only to hosts on the same link, not through a gateway (socket(7)).
    SO_DONTROUTE: bool, ReadWrite;
    /// Which queue of the interface datagrams wait in (socket(7)). Needs `CAP_NET_ADMIN` above 6.
    SO_PRIORITY: u32, ReadWrite;
    /// Reports with each datagram the priority that it had in this machine
    /// (`asm-generic/socket.h`).
    SO_RCVPRIORITY: bool, ReadWrite;
    /// The mark of outgoing datagrams, which firewall rules and policy routing see (socket(7)).
    /// Needs `CAP_NET_RAW` or `CAP_NET_ADMIN`.
    SO_MARK: u32, ReadWrite;
    /// Reports with each datagram the mark that firewall rules gave it (`asm-generic/socket.h`).
    /// Needs `CAP_NET_RAW` before Linux 6.5.
    SO_RCVMARK: bool, ReadWrite;
    /// How fast the fq queue of the interface lets the socket send, in bytes per second; `u64::MAX`
    /// is unlimited (tc-fq(8)).
    SO_MAX_PACING_RATE: u64, ReadWrite;
    /// Allows `MSG_ZEROCOPY`: the kernel sends from the program's memory (UDP since Linux 5.0)
    /// (docs.kernel.org/networking/msg_zerocopy).
    SO_ZEROCOPY: bool, ReadWrite;
    /// Whether a stream chooses another path when it stalls (`linux/socket.h`).
    SO_TXREHASH: i32, ReadWrite;
    /// How long a receive without data spins on the interface's queue before it sleeps, in whole
    /// microseconds (socket(7)). Needs `CAP_NET_ADMIN` on older kernels.
    SO_BUSY_POLL: Duration, ReadWrite;
    /// Puts off interrupts as long as the program polls often enough
    /// (docs.kernel.org/networking/napi). Needs `CAP_NET_ADMIN` to switch it on.
    SO_PREFER_BUSY_POLL: bool, ReadWrite;
    /// How many packets one round of busy polling takes at most (docs.kernel.org/networking/napi).
    /// Needs `CAP_NET_ADMIN` to raise it.
    SO_BUSY_POLL_BUDGET: u16, WriteOnly;
    /// Which receive queue the last datagram came from; 0 if none is known (socket(7)).
    SO_INCOMING_NAPI_ID: u32, ReadOnly;
    /// Which CPU the last datagram was received on, -1 for none; when set, which flows of a
    /// `SO_REUSEPORT` group the socket is preferred for (socket(7)).
    SO_INCOMING_CPU: i32, ReadWrite;
    /// Where in the datagram `MSG_PEEK` starts, moving on by what it read; below 0 is off
    /// (socket(7)).
    SO_PEEK_OFF: i32, ReadWrite;
    /// Reports an entry of the error queue as `POLLPRI` too (socket(7)).
    SO_SELECT_ERR_QUEUE: bool, ReadWrite;
    /// The errno that waits on the socket, such as ECONNREFUSED, or 0; reading clears it
    /// (socket(7)).
    SO_ERROR: i32, ReadOnly;
    /// The type that the socket was made with, such as `libc::SOCK_DGRAM` (socket(7)).
    SO_TYPE: i32, ReadOnly;
    /// The family that the socket was made with (socket(7)).
    SO_DOMAIN: Family, ReadOnly;
    /// The protocol that the socket was made with, such as `libc::IPPROTO_UDP` (socket(7)).
    SO_PROTOCOL: i32, ReadOnly;
    /// Whether the socket listens for connections: a UDP socket never does (socket(7)).
    SO_ACCEPTCONN: bool, ReadOnly;
    /// A number that no other socket of this machine has or had (`asm-generic/socket.h`).
    SO_COOKIE: u64, ReadOnly;
    /// The number of the socket's network namespace (`asm-generic/socket.h`).
    SO_NETNS_COOKIE: u64, ReadOnly;
    /// The address that the socket is connected to (getpeername(2)).
    SO_PEERNAME: SocketAddr, ReadOnly;
    /// Removes the filter of `SO_ATTACH_FILTER` or `SO_ATTACH_BPF`; the value does not matter
    /// (socket(7)).
    SO_DETACH_FILTER: bool, WriteOnly;
    /// Forbids changing or removing the filter (socket(7)).
    SO_LOCK_FILTER: bool, ReadWrite;
    /// Removes the program of a `SO_REUSEPORT` group; the value does not matter
    /// (`asm-generic/socket.h`).
    SO_DETACH_REUSEPORT_BPF: bool, WriteOnly;
    /// Which extensions of classic BPF the kernel knows: the offset of the last
    /// (docs.kernel.org/networking/filter).
    SO_BPF_EXTENSIONS: i32, ReadOnly;
    /// Sends without the UDP checksum, over IPv4 (`asm-generic/socket.h`).
    SO_NO_CHECK: bool, ReadWrite;
    /// Leaves the frame checksum to the program (Documentation/networking/netdevices).
    SO_NOFCS: bool, ReadWrite;
    /// Reports in the error queue whether a wireless datagram was acknowledged
    /// (`asm-generic/socket.h`).
    SO_WIFI_STATUS: bool, ReadWrite;
    /// Advises the kernel that the path of a connected socket fails, and to choose another
    /// (`linux/socket.h`).
    SO_CNX_ADVICE: bool, WriteOnly;
    /// Marks the socket for debugging (socket(7)). Needs `CAP_NET_ADMIN` to switch it on.
    SO_DEBUG: bool, ReadWrite;
    /// How long close waits for unsent data, in seconds; `None` is off (socket(7)).
    SO_LINGER: Option<u32>, ReadWrite;
    /// Sends messages that keep a connection alive (socket(7)).
    SO_KEEPALIVE: bool, ReadWrite;
    /// Receives urgent data among the rest (socket(7)).
    SO_OOBINLINE: bool, ReadWrite;
    /// Has no effect any more: it once hid ICMP errors from UDP sockets (socket(7)).
    SO_BSDCOMPAT: bool, ReadWrite;
    /// Reports with each message who sent it, on a unix(7) socket (socket(7)).
    SO_PASSCRED: bool, ReadWrite;
    /// Reports with each message its security context, on a unix(7) socket (socket(7)).
    SO_PASSSEC: bool, ReadWrite;
    /// Reports with each message the sender's process, on a unix(7) socket (unix(7)).
    SO_PASSPIDFD: bool, ReadWrite;
    /// Allows descriptors to be received, on a unix(7) socket (unix(7)).
    SO_PASSRIGHTS: bool, ReadWrite;
    /// The process, user and group at the other end of a unix(7) socket (socket(7)).
    SO_PEERCRED: Vec<u8>, ReadOnly;
    /// The security context of the other end (socket(7)).
    SO_PEERSEC: Vec<u8>, ReadOnly;
    /// How many instructions the classic BPF program of `SO_ATTACH_FILTER` has; 0 for none
    /// (socket(7)).
    SO_GET_FILTER: u32, ReadOnly;
}
