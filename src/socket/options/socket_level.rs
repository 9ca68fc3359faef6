//! `SOL_SOCKET`: options of every socket, as far as a UDP socket knows them (socket(7)).

use super::kind::{Kind, Names};
use super::level::Level;
use super::option::SocketOption;

const fn option(
    name: &'static str,
    number: i32,
    kind: Kind,
    since: &'static str,
    meaning: &'static str,
) -> SocketOption {
    SocketOption::new(Level::Socket, name, number, kind, since, meaning)
}

/// Numbers that libc does not have yet (`asm-generic/socket.h`).
const SO_RCVPRIORITY: i32 = 82;
const SO_PASSRIGHTS: i32 = 83;

const NETDEVICE: &str = "Documentation/networking/netdevices";
const NAPI: &str = "docs.kernel.org/networking/napi";
const ADMIN_TO_RAISE: &str = "CAP_NET_ADMIN to raise it";
const RAW_OR_ADMIN: &str = "CAP_NET_RAW or CAP_NET_ADMIN";
const UNIX_ONLY: &str = "since Linux 6.16 only unix(7) sockets take it; before, UDP stored it \
                         to no effect";
const TCP_ONLY: &str = "only TCP sockets know it";
const NO_EFFECT: &str = "it is stored, to no effect on UDP";

const FAMILIES: Names = &[("AF_INET", libc::AF_INET), ("AF_INET6", libc::AF_INET6)];
const TYPES: Names = &[
    ("SOCK_STREAM", libc::SOCK_STREAM),
    ("SOCK_DGRAM", libc::SOCK_DGRAM),
    ("SOCK_RAW", libc::SOCK_RAW),
];
const PROTOCOLS: Names = &[
    ("IPPROTO_TCP", libc::IPPROTO_TCP),
    ("IPPROTO_UDP", libc::IPPROTO_UDP),
    ("IPPROTO_UDPLITE", libc::IPPROTO_UDPLITE),
];
const BUFFER_LOCKS: Names = &[("send", 1), ("receive", 2)];

#[rustfmt::skip]
pub(in crate::socket) static OPTIONS: &[SocketOption] = &[
    option("SO_REUSEADDR", libc::SO_REUSEADDR, Kind::Flag, "1.0",
        "lets sockets that all have it bind the same address and port")
        .traps(&[
            "on UDP the last socket bound takes every unicast datagram from the others, unnoticed",
            "a multicast datagram goes to all of them",
            "it counts when bind is called: set it before",
        ]),
    option("SO_REUSEPORT", libc::SO_REUSEPORT, Kind::Flag, "3.9",
        "lets sockets of one user share a port: each flow goes to one of them, by its hash")
        .traps(&[
            "every socket needs it, the first too, and before bind",
            "when a socket joins or leaves the group, flows move to other sockets",
        ]),
    option("SO_BROADCAST", libc::SO_BROADCAST, Kind::Flag, "1.0",
        "allows sending to broadcast addresses")
        .traps(&["without it such a send fails with EACCES, even for root"]),
    option("SO_RCVBUF", libc::SO_RCVBUF, Kind::Bytes, "1.2",
        "how much kernel memory datagrams may fill while they wait to be received")
        .traps(&[
            "the kernel stores twice the value, to count its own bookkeeping",
            "what is asked for is cut to /proc/sys/net/core/rmem_max without a word; \
             SO_RCVBUFFORCE is not",
            "at least 2304 is stored",
            "it counts whole buffers, not payload: 212992 hold 256 datagrams of 1 byte, 92 of 1472",
            "what does not fit is dropped: SO_RXQ_OVFL and SO_MEMINFO count it",
        ]),
    option("SO_SNDBUF", libc::SO_SNDBUF, Kind::Bytes, "1.2",
        "how much kernel memory datagrams may fill while they wait to be sent")
        .traps(&[
            "the kernel stores twice the value, to count its own bookkeeping",
            "what is asked for is cut to /proc/sys/net/core/wmem_max without a word; \
             SO_SNDBUFFORCE is not",
            "at least 4608 is stored",
            "a datagram larger than the buffer cannot be sent",
        ]),
    option("SO_RCVBUFFORCE", libc::SO_RCVBUFFORCE, Kind::Bytes, "2.6.14",
        "sets SO_RCVBUF beyond rmem_max").write_only().privilege("CAP_NET_ADMIN")
        .traps(&["read the effect from SO_RCVBUF; it is doubled here too"]),
    option("SO_SNDBUFFORCE", libc::SO_SNDBUFFORCE, Kind::Bytes, "2.6.14",
        "sets SO_SNDBUF beyond wmem_max").write_only().privilege("CAP_NET_ADMIN")
        .traps(&["read the effect from SO_SNDBUF; it is doubled here too"]),
    option("SO_BUF_LOCK", libc::SO_BUF_LOCK, Kind::Bits(BUFFER_LOCKS), "5.15",
        "keeps the kernel from changing the sizes of buffers that were set by hand")
        .man("include/uapi/linux/socket.h")
        .traps(&["setting SO_RCVBUF or SO_SNDBUF sets the bit of that buffer"]),
    option("SO_RESERVE_MEM", libc::SO_RESERVE_MEM, Kind::Bytes, "5.16",
        "sets memory of the socket's cgroup aside for it")
        .man("net/core/sock.c")
        .traps(&["the process must be in a memory cgroup that accounts for sockets"]),
    option("SO_MEMINFO", libc::SO_MEMINFO, Kind::MemoryInfo, "4.12",
        "the memory that the socket uses now, and how many datagrams it has dropped").read_only()
        .man("sock_diag(7)"),
    option("SO_RXQ_OVFL", libc::SO_RXQ_OVFL, Kind::Flag, "2.6.33",
        "tells with each datagram how many were dropped before it, since the socket was made")
        .control(&[4])
        .traps(&[
            "it is told with the next datagram that gets through: after the last one, nobody tells",
            "while nothing was dropped, there is no message",
        ]),
    option("SO_RCVTIMEO", libc::SO_RCVTIMEO, Kind::Time, "2.4",
        "how long a receive waits before it fails with EAGAIN; 0 waits for ever")
        .aliases(&["SO_RCVTIMEO_OLD"])
        .traps(&["poll, select and epoll do not look at it",
            "it is rounded up to the kernel's tick"]),
    option("SO_SNDTIMEO", libc::SO_SNDTIMEO, Kind::Time, "2.4",
        "how long a send waits for room in the send buffer; 0 waits for ever")
        .aliases(&["SO_SNDTIMEO_OLD"])
        .traps(&["it is rounded up to the kernel's tick"]),
    option("SO_RCVLOWAT", libc::SO_RCVLOWAT, Kind::Int { low: 0, high: i32::MAX }, "2.4",
        "how many bytes a stream waits for")
        .traps(&[NO_EFFECT, "0 is stored as 1"]),
    option("SO_SNDLOWAT", libc::SO_SNDLOWAT, Kind::ANY_INT, "1.0",
        "how much room a send waits for: always 1 on Linux").read_only(),
    option("SO_BINDTODEVICE", libc::SO_BINDTODEVICE, Kind::Device, "2.0.30",
        "sends and receives through one interface alone, by name")
        .privilege("CAP_NET_RAW to change it")
        .traps(&["loopback traffic belongs to lo: a socket bound to eth0 misses it",
            "before Linux 5.7 to set it for the first time needed CAP_NET_RAW too"]),
    option("SO_BINDTOIFINDEX", libc::SO_BINDTOIFINDEX, Kind::Interface, "5.1",
        "sends and receives through one interface alone, by index")
        .privilege("CAP_NET_RAW to change it")
        .man("include/uapi/asm-generic/socket.h"),
    option("SO_DONTROUTE", libc::SO_DONTROUTE, Kind::Flag, "1.0",
        "sends to hosts on the same link alone, past no gateway"),
    option("SO_PRIORITY", libc::SO_PRIORITY, Kind::Int { low: 0, high: i32::MAX }, "1.0",
        "which queue of the interface datagrams wait in")
        .privilege("CAP_NET_ADMIN above 6")
        .traps(&["setting IP_TOS afterwards changes it",
            "CAP_NET_RAW does as well since Linux 5.17"]),
    option("SO_RCVPRIORITY", SO_RCVPRIORITY, Kind::Flag, "6.14",
        "tells with each datagram the priority that it had in this machine")
        .man("include/uapi/asm-generic/socket.h").control(&[4]),
    option("SO_MARK", libc::SO_MARK, Kind::Word, "2.6.25",
        "the mark that firewall rules and policy routing see on what is sent")
        .privilege(RAW_OR_ADMIN).traps(&["before Linux 5.17 only CAP_NET_ADMIN did"]),
    option("SO_RCVMARK", libc::SO_RCVMARK, Kind::Flag, "5.19",
        "tells with each datagram the mark that firewall rules gave it")
        .privilege("CAP_NET_RAW before Linux 6.5").man("include/uapi/asm-generic/socket.h")
        .control(&[4]),
    option("SO_MAX_PACING_RATE", libc::SO_MAX_PACING_RATE, Kind::Rate, "3.13",
        "how fast the fq queue of the interface lets the socket send")
        .man("tc-fq(8)")
        .traps(&["only the fq queueing discipline obeys it on UDP"]),
    option("SO_ZEROCOPY", libc::SO_ZEROCOPY, Kind::Flag, "4.14",
        "allows MSG_ZEROCOPY: the kernel sends from the program's memory (UDP since Linux 5.0)")
        .man("docs.kernel.org/networking/msg_zerocopy")
        .traps(&["the memory must stay as it is until the error queue says so",
            "on loopback the bytes are copied after all"]),
    option("SO_TXREHASH", libc::SO_TXREHASH, Kind::ANY_INT, "5.18",
        "whether a stream chooses another path when it stalls")
        .man("include/uapi/linux/socket.h").traps(&[TCP_ONLY]),
    option("SO_BUSY_POLL", libc::SO_BUSY_POLL, Kind::Microseconds, "3.11",
        "how long a receive without data spins on the interface's queue before it sleeps")
        .privilege("CAP_NET_ADMIN on older kernels")
        .traps(&["loopback has no queue to poll: there it does nothing",
            "socket(7) wants CAP_NET_ADMIN to raise it; Linux 6.18 asks nobody for it"]),
    option("SO_PREFER_BUSY_POLL", libc::SO_PREFER_BUSY_POLL, Kind::Flag, "5.11",
        "puts off interrupts as long as the program polls often enough")
        .privilege("CAP_NET_ADMIN to switch it on").man(NAPI),
    option("SO_BUSY_POLL_BUDGET", libc::SO_BUSY_POLL_BUDGET, Kind::Int { low: 0, high: 65_535 },
        "5.11", "how many packets one round of busy polling takes at most").write_only()
        .privilege(ADMIN_TO_RAISE).man(NAPI),
    option("SO_INCOMING_NAPI_ID", libc::SO_INCOMING_NAPI_ID, Kind::Word, "4.12",
        "which receive queue the last datagram came from; 0 if none is known").read_only(),
    option("SO_INCOMING_CPU", libc::SO_INCOMING_CPU, Kind::ANY_INT, "3.19",
        "which CPU the last datagram came in on; when set, which flows of a SO_REUSEPORT group \
         the socket is preferred for")
        .traps(&["settable since Linux 4.4; at first -1, none", "no CPU need have that number"]),
    option("SO_PEEK_OFF", libc::SO_PEEK_OFF, Kind::ANY_INT, "3.4",
        "where in the datagram MSG_PEEK starts, moving on by what it read; below 0 is off")
        .traps(&["on UDP since Linux 4.7", "past the datagram's end it moves on to the next one"]),
    option("SO_SELECT_ERR_QUEUE", libc::SO_SELECT_ERR_QUEUE, Kind::Flag, "3.10",
        "reports an entry of the error queue as POLLPRI too")
        .traps(&["since Linux 4.16 POLLERR alone wakes the program"]),
    option("SO_ERROR", libc::SO_ERROR, Kind::Errno, "1.0",
        "the error that waits on the socket, such as ECONNREFUSED").read_only()
        .traps(&["reading it clears it"]),
    option("SO_TYPE", libc::SO_TYPE, Kind::Enumeration(TYPES), "1.0",
        "the type that the socket was made with").read_only(),
    option("SO_DOMAIN", libc::SO_DOMAIN, Kind::Enumeration(FAMILIES), "2.6.32",
        "the family that the socket was made with").read_only(),
    option("SO_PROTOCOL", libc::SO_PROTOCOL, Kind::Enumeration(PROTOCOLS), "2.6.32",
        "the protocol that the socket was made with").read_only(),
    option("SO_ACCEPTCONN", libc::SO_ACCEPTCONN, Kind::Flag, "2.2",
        "whether the socket listens for connections: a UDP socket never does").read_only(),
    option("SO_COOKIE", libc::SO_COOKIE, Kind::Cookie, "4.12",
        "a number that no other socket of this machine has or had").read_only()
        .man("include/uapi/asm-generic/socket.h")
        .traps(&["it is given out when first asked for"]),
    option("SO_NETNS_COOKIE", libc::SO_NETNS_COOKIE, Kind::Cookie, "5.14",
        "the number of the socket's network namespace").read_only()
        .man("include/uapi/asm-generic/socket.h")
        .traps(&["EINVAL from a kernel that was built without network namespaces"]),
    option("SO_PEERNAME", libc::SO_PEERNAME, Kind::SocketAddress, "2.4",
        "the address that the socket is connected to, as getpeername(2) tells").read_only()
        .man("getpeername(2)"),
    option("SO_ATTACH_FILTER", libc::SO_ATTACH_FILTER, Kind::Filter, "2.2",
        "a classic BPF program that sees each datagram and drops or cuts it")
        .aliases(&["SO_GET_FILTER"])
        .traps(&["it is read as a number of instructions, and set by pointer: not from text",
            "it sees the UDP header in front of the payload"]),
    option("SO_ATTACH_BPF", libc::SO_ATTACH_BPF, Kind::Structure, "3.19",
        "an eBPF program that sees each datagram and drops or cuts it, by descriptor").write_only(),
    option("SO_DETACH_FILTER", libc::SO_DETACH_FILTER, Kind::Flag, "2.2",
        "removes the filter of SO_ATTACH_FILTER or SO_ATTACH_BPF; the value does not matter")
        .aliases(&["SO_DETACH_BPF"]).write_only(),
    option("SO_LOCK_FILTER", libc::SO_LOCK_FILTER, Kind::Flag, "3.9",
        "forbids changing or removing the filter")
        .traps(&["once on it stays on: EPERM for whoever tries"]),
    option("SO_ATTACH_REUSEPORT_CBPF", libc::SO_ATTACH_REUSEPORT_CBPF, Kind::Structure, "4.5",
        "a classic BPF program that chooses which socket of a SO_REUSEPORT group gets a datagram")
        .write_only(),
    option("SO_ATTACH_REUSEPORT_EBPF", libc::SO_ATTACH_REUSEPORT_EBPF, Kind::Structure, "4.5",
        "an eBPF program that chooses which socket of a SO_REUSEPORT group gets a datagram")
        .write_only(),
    option("SO_DETACH_REUSEPORT_BPF", libc::SO_DETACH_REUSEPORT_BPF, Kind::Flag, "5.3",
        "removes the program of a SO_REUSEPORT group; the value does not matter").write_only()
        .man("include/uapi/asm-generic/socket.h")
        .traps(&["EINVAL if the socket is in no group"]),
    option("SO_BPF_EXTENSIONS", libc::SO_BPF_EXTENSIONS, Kind::ANY_INT, "3.14",
        "which extensions of classic BPF the kernel knows: the offset of the last").read_only()
        .man("docs.kernel.org/networking/filter"),
    option("SO_NO_CHECK", libc::SO_NO_CHECK, Kind::Flag, "1.0",
        "sends without the UDP checksum, over IPv4")
        .man("include/uapi/asm-generic/socket.h")
        .traps(&["damage on the way then goes unseen", "over IPv6 UDP_NO_CHECK6_TX is wanted"]),
    option("SO_NOFCS", libc::SO_NOFCS, Kind::Flag, "3.4",
        "leaves the frame checksum to the program").man(NETDEVICE)
        .traps(&["packet(7) sockets use it; it is stored, to no effect on UDP"]),
    option("SO_WIFI_STATUS", libc::SO_WIFI_STATUS, Kind::Flag, "3.3",
        "tells in the error queue whether a wireless datagram was acknowledged")
        .man("include/uapi/asm-generic/socket.h")
        .traps(&["only wireless interfaces tell"]),
    option("SO_CNX_ADVICE", libc::SO_CNX_ADVICE, Kind::Flag, "4.6",
        "advises the kernel that the path of a connected socket fails, and to choose another")
        .write_only().man("include/uapi/linux/socket.h"),
    option("SO_DEBUG", libc::SO_DEBUG, Kind::Flag, "1.0", "marks the socket for debugging")
        .privilege("CAP_NET_ADMIN to switch it on").traps(&[NO_EFFECT]),
    option("SO_LINGER", libc::SO_LINGER, Kind::Linger, "1.0",
        "how long close waits for unsent data").traps(&[NO_EFFECT]),
    option("SO_KEEPALIVE", libc::SO_KEEPALIVE, Kind::Flag, "1.0",
        "sends messages that keep a connection alive").traps(&[NO_EFFECT]),
    option("SO_OOBINLINE", libc::SO_OOBINLINE, Kind::Flag, "1.0",
        "receives urgent data among the rest").traps(&[NO_EFFECT]),
    option("SO_BSDCOMPAT", libc::SO_BSDCOMPAT, Kind::Flag, "2.0",
        "has no effect any more: it once hid ICMP errors from UDP sockets")
        .traps(&["since Linux 2.4 it is taken and ignored"]),
    option("SO_PASSCRED", libc::SO_PASSCRED, Kind::Flag, "2.2",
        "tells with each message who sent it, on a unix(7) socket").traps(&[UNIX_ONLY]),
    option("SO_PASSSEC", libc::SO_PASSSEC, Kind::Flag, "2.6.18",
        "tells with each message its security context, on a unix(7) socket").traps(&[UNIX_ONLY]),
    option("SO_PASSPIDFD", libc::SO_PASSPIDFD, Kind::Flag, "6.5",
        "tells with each message the sender's process, on a unix(7) socket")
        .man("unix(7)").traps(&[UNIX_ONLY]),
    option("SO_PASSRIGHTS", SO_PASSRIGHTS, Kind::Flag, "6.16",
        "allows descriptors to be received, on a unix(7) socket")
        .man("unix(7)").traps(&["only unix(7) sockets take it"]),
    option("SO_PEERCRED", libc::SO_PEERCRED, Kind::Hex { at_most: 12 }, "2.2",
        "the process, user and group at the other end of a unix(7) socket").read_only()
        .traps(&["a UDP socket has no such end: 0, -1, -1"]),
    option("SO_PEERSEC", libc::SO_PEERSEC, Kind::Hex { at_most: 255 }, "2.6.2",
        "the security context of the other end").read_only()
        .traps(&["a UDP socket has none; IP_PASSSEC tells that of each datagram"]),
];
