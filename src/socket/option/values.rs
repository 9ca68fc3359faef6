//! The types of values that are neither numbers nor flags.

use std::net::IpAddr;

use crate::socket::options::Scoped;

/// Whether outgoing datagrams may be fragmented, and what limits them (`IP_MTU_DISCOVER`, ip(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(i32)]
pub enum PathMtuDiscovery {
    /// Fragments whatever does not fit; "don't fragment" is never set.
    Dont = libc::IP_PMTUDISC_DONT,
    /// Fragments what is above the known path MTU, and forbids routers to (the default).
    Want = libc::IP_PMTUDISC_WANT,
    /// Never fragments: EMSGSIZE for what is above the known path MTU.
    Do = libc::IP_PMTUDISC_DO,
    /// Never fragments, and ignores the known path MTU: only the interface's MTU limits a datagram.
    /// For probes (RFC 8899).
    Probe = libc::IP_PMTUDISC_PROBE,
    /// Never fragments, and takes the interface's MTU for that of the path, whatever ICMP says.
    Interface = libc::IP_PMTUDISC_INTERFACE,
    /// As [`Self::Interface`], but fragments what is above the interface's MTU.
    Omit = libc::IP_PMTUDISC_OMIT,
}

/// What is encapsulated in UDP, for the kernel to unpack (`UDP_ENCAP`, udp(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(i32)]
pub enum Encapsulation {
    /// Nothing: the program receives the datagrams.
    None = 0,
    /// IPsec ESP (RFC 3948).
    EspInUdp = 2,
    /// L2TP (RFC 2661).
    L2tpInUdp = 3,
}

/// A clock that transmit times are given by (`SO_TXTIME`, clock_gettime(2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(i32)]
pub enum Clock {
    /// `CLOCK_REALTIME`.
    Realtime = libc::CLOCK_REALTIME,
    /// `CLOCK_MONOTONIC`, the one that the fq queueing discipline uses.
    Monotonic = libc::CLOCK_MONOTONIC,
    /// `CLOCK_TAI`, the one that the etf queueing discipline uses.
    Tai = libc::CLOCK_TAI,
}

/// How transmit times are given (`struct sock_txtime`, `linux/net_tstamp.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TransmitTime {
    /// The clock.
    pub clock: Clock,
    /// Whether the time is the latest to send at, and not the earliest (`SOF_TXTIME_DEADLINE_MODE`).
    pub deadline: bool,
    /// Whether datagrams that missed their time are reported in the error queue
    /// (`SOF_TXTIME_REPORT_ERRORS`).
    pub report_errors: bool,
}

/// One source of a multicast group, and the interface (RFC 3678).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceMembership {
    /// Who sends to the group.
    pub source: IpAddr,
    /// The group, and the interface to join it on.
    pub group: Scoped,
}

/// The ports that a bind to port 0 chooses from (`IP_LOCAL_PORT_RANGE`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PortRange {
    /// The first port; 0 for the system's.
    pub low: u16,
    /// The last port; 0 for the system's.
    pub high: u16,
}

/// The memory of a socket, in bytes, and the datagrams that it dropped (`SO_MEMINFO`,
/// `linux/sock_diag.h`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct MemoryInfo {
    /// Memory of datagrams that wait to be received.
    pub rmem_alloc: u32,
    /// The size of the receive buffer, as `SO_RCVBUF` returns it.
    pub rcvbuf: u32,
    /// Memory of datagrams that wait to be sent.
    pub wmem_alloc: u32,
    /// The size of the send buffer, as `SO_SNDBUF` returns it.
    pub sndbuf: u32,
    /// Memory that is set aside and not used yet.
    pub fwd_alloc: u32,
    /// Memory of queued data of a stream.
    pub wmem_queued: u32,
    /// Memory of options and other extras.
    pub optmem: u32,
    /// Memory of what waits while the socket is locked.
    pub backlog: u32,
    /// How many datagrams the kernel dropped on the socket since it was made.
    pub drops: u32,
}

impl MemoryInfo {
    /// Of the counters in the kernel's order.
    pub(super) fn from_counters(counters: [u32; 9]) -> Self {
        let [
            rmem_alloc,
            rcvbuf,
            wmem_alloc,
            sndbuf,
            fwd_alloc,
            wmem_queued,
            optmem,
            backlog,
            drops,
        ] = counters;
        Self {
            rmem_alloc,
            rcvbuf,
            wmem_alloc,
            sndbuf,
            fwd_alloc,
            wmem_queued,
            optmem,
            backlog,
            drops,
        }
    }
}

bitflags::bitflags! {
    /// What is timestamped, by which clock, and how it is reported (`SOF_TIMESTAMPING_*`,
    /// docs.kernel.org/networking/timestamping). To receive timestamps, one bit to take them and one to
    /// report them are needed, such as `RX_SOFTWARE | SOFTWARE`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Timestamping: i32 {
        /// Takes the time of sending by the interface's clock.
        const TX_HARDWARE = 1 << 0;
        /// Takes the time of sending by the kernel's clock, when the driver gets the datagram.
        const TX_SOFTWARE = 1 << 1;
        /// Takes the time of receiving by the interface's clock.
        const RX_HARDWARE = 1 << 2;
        /// Takes the time of receiving by the kernel's clock.
        const RX_SOFTWARE = 1 << 3;
        /// Reports the kernel's times.
        const SOFTWARE = 1 << 4;
        /// Ignored by the kernel: it once converted the interface's times.
        const SYS_HARDWARE = 1 << 5;
        /// Reports the interface's times.
        const RAW_HARDWARE = 1 << 6;
        /// Numbers datagrams, and reports the number with the time of sending.
        const OPT_ID = 1 << 7;
        /// Takes the time when the datagram enters the packet scheduler.
        const TX_SCHED = 1 << 8;
        /// Takes the time when all data of a stream was acknowledged.
        const TX_ACK = 1 << 9;
        /// Brings control messages such as `IP_PKTINFO` with the time of sending.
        const OPT_CMSG = 1 << 10;
        /// Reports the time of sending without the datagram.
        const OPT_TSONLY = 1 << 11;
        /// Reports statistics of a stream with the time of sending.
        const OPT_STATS = 1 << 12;
        /// Reports the interface and length of datagrams with the interface's times.
        const OPT_PKTINFO = 1 << 13;
        /// Reports both the kernel's and the interface's time of sending.
        const OPT_TX_SWHW = 1 << 14;
        /// Binds the socket to a PTP clock; setting it takes a structure, and fails here.
        const BIND_PHC = 1 << 15;
        /// Counts `OPT_ID` from the call that set it, on a stream.
        const OPT_ID_TCP = 1 << 16;
        /// Leaves out times of receiving that another socket asked for.
        const OPT_RX_FILTER = 1 << 17;
        /// Takes the time when the interface reports the datagram as sent.
        const TX_COMPLETION = 1 << 18;
    }
}

bitflags::bitflags! {
    /// Buffers whose size the kernel leaves alone (`SO_BUF_LOCK`, `linux/socket.h`).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct BufferLock: i32 {
        /// The send buffer.
        const SEND = 1;
        /// The receive buffer.
        const RECEIVE = 2;
    }
}

bitflags::bitflags! {
    /// Which of the machine's addresses are preferred as source (`IPV6_ADDR_PREFERENCES`, RFC 5014).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct AddressPreferences: i32 {
        /// Temporary addresses.
        const TMP = 0x0001;
        /// Public addresses.
        const PUBLIC = 0x0002;
        /// Care-of addresses of a mobile host.
        const COA = 0x0004;
        /// Cryptographically generated addresses.
        const CGA = 0x0008;
        /// Public or temporary addresses, as the system is configured.
        const PUBTMP_DEFAULT = 0x0100;
        /// Home addresses of a mobile host.
        const HOME = 0x0400;
        /// Addresses that are not cryptographically generated.
        const NONCGA = 0x0800;
    }
}
